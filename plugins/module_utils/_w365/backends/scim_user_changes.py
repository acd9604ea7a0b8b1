# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes users through SCIM: what scim_users.py is for reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..api.scim import Request, ScimClient, checked_resource, patch_body
from ..api.scim_mapping import SCIM_USER_PATHS, patch_operation, shown_user, user_from_scim, user_to_scim
from ..api.values import OddValueError
from ..errors import NotFoundError, ValidationError, W365Error
from ..execution.results import GONE, ActionResult, Answered
from ..model.directory import Group, Thing, User, difference, values_of, with_fields
from ..model.fields import USER_FIELDS
from ..model.names import external_id_key
from ..planning.actions import ADMINISTRATOR, USER_RESTORE, USER_UPDATE, Action

if TYPE_CHECKING:
    from .provisioning_users import ProvisioningUsers


class UserLookups(Protocol):
    """What the reading part knows and can look up. `user_ids` holds ids by key."""

    client: ScimClient
    administration: ProvisioningUsers | None
    user_ids: dict[str, str]
    shared_keys: set[str]

    def remember(self, user: User) -> User:
        """Keep the id of a user who was created or renamed."""

    def forget(self, user: User) -> None:
        """The user was deleted permanently."""

    def forget_names(self) -> None:
        """Read the list of all names again when it is next needed."""

    def find_user(self, name: str) -> User | None:
        """One user by UPN or id."""


class ScimUserChanges:
    """The handlers of all actions on users. It uses and completes what the directory knows."""

    def __init__(self, directory: UserLookups) -> None:
        self._directory = directory
        self.client = directory.client
        self._administration = directory.administration

    @staticmethod
    def _patch_of(thing: User | Group, changes: Mapping[str, Any], *, whole_entries: bool = False) -> Request:
        is_user = isinstance(thing, User)
        operations = [patch_operation(thing, name, value, whole_entries) for name, value in changes.items()]
        return Request("scim.user.patch" if is_user else "scim.group.patch", thing.id, patch_body(operations))

    def _do(self, request: Request) -> Any:
        return self.client.call(request.endpoint_id, object_id=request.object_id, body=request.body)

    def create_user(self, action: Action) -> Answered:
        from .create_once import Origin, adopted, create_once  # start-up

        wanted: User = action.outcome

        def create() -> User:
            resource = self._do(Request("scim.user.create", body=user_to_scim(wanted)))
            if resource is None:
                return self._directory.find_user(wanted.upn) or wanted
            return self._created("scim.user.create", resource, user_from_scim, wanted)

        def find() -> User | None:
            self._directory.forget_names()
            return self._directory.find_user(wanted.upn)

        user, origin = create_once(create, find)
        if origin is Origin.CREATED:
            return Answered(self._directory.remember(user), user if user.id else None)
        _refuse_somebody_else(wanted, user)
        given = {name: value for name, value in action.changes.items() if name in SCIM_USER_PATHS}
        changes = difference(given, user, USER_FIELDS)
        done = self._patched(user, changes)
        self._directory.remember(done.thing)
        if origin is Origin.LOST:
            return done
        row = USER_RESTORE if changes.get("active") else USER_UPDATE
        return done._replace(performed=adopted(action, row, user, changes, values_of(user, changes)))

    def _created(self, endpoint_id: str, resource: Any, parse: Callable[[Any], Thing], wanted: Thing) -> Thing:
        """The object in the answer to a create. Raises UnreliableAnswerError when it is something or somebody else."""
        try:
            checked_resource(resource, endpoint_id)
            found = parse(resource)
            if found.key != wanted.key:
                raise OddValueError(f"another one than {wanted.key!r}, which was to be created")
        except OddValueError as error:
            raise self.client.unreliable(endpoint_id, error) from None
        return found

    def _forget_roles_after_rename(self, action: Action) -> None:
        """Roles are written by ids that were read before the renames."""
        if action.is_about_user and action.renames and self._administration is not None:
            self._administration.forget_users()

    def update_user(self, action: Action) -> Answered:
        # Before it is sent: a rename whose answer is lost may have been processed.
        self._forget_roles_after_rename(action)
        done = self._patched(action.subject, action.changes)
        self._directory.remember(done.thing)
        return done

    def _patched(self, thing: Any, changes: Mapping[str, Any]) -> Answered:
        after = with_fields(thing, changes)
        if not changes:
            return Answered(after, after)
        try:
            answer = self._do(self._patch_of(thing, changes))
        except ValidationError:
            request = self._patch_of(thing, changes, whole_entries=True)
            if request == self._patch_of(thing, changes):
                raise
            answer = self._do(request)
        return Answered(after, self._seen(thing, answer))

    def _seen(self, thing: Any, answer: Any) -> Any:
        """The object in the answer to its change; None where it has none."""
        return seen_in(answer, shown_user)

    def delete_user(self, action: Action) -> Answered:
        return self._patched(action.subject, {"active": False})

    def delete_user_permanently(self, action: Action) -> None:
        self.client.call("scim.user.delete", object_id=action.subject.id)
        self._directory.forget(action.subject)

    def read_administrators(self) -> frozenset[str]:
        """The keys of the active administrators, read now."""
        if self._administration is None:
            raise W365Error("SCIM does not show administrators.")
        return self._administration.read_administrators()

    def read_again(self, items: Sequence[ActionResult]) -> list[Any]:
        """The object of each result as the server has it now: GONE, or None where it cannot be read."""
        with_role = [item for item in items if item.done.type.object is ADMINISTRATOR]
        people = dict(zip(map(id, with_role), self._roles_of(with_role), strict=True))
        try:
            read = self._reader(items)
        except W365Error:
            return [None] * len(items)
        return [people[id(item)] if id(item) in people else read(item) for item in items]

    def _reader(self, items: Sequence[ActionResult]) -> Callable[[ActionResult], Any]:
        """What reads the object of one of these results. Raises W365Error."""
        return self._read_one

    def _roles_of(self, items: Sequence[ActionResult]) -> list[Any]:
        return self._administration.read_again(items) if items and self._administration else [None] * len(items)

    def _read_one(self, item: ActionResult) -> Any:
        user: User = item.thing or item.done.subject
        return self._read_now(
            user.id,
            lambda: shown_user(self.client.read("scim.user.get", user.id)),
            lambda: self._directory.find_user(user.upn),
        )

    def _read_now(self, id: str, read: Callable[[], Any], find: Callable[[], Any]) -> Any:
        """The object as `read` by its id, or as `find` finds it by its name where an answer to a create held no id."""
        try:
            if not id:
                self._directory.forget_names()
                return find() or GONE
            return read()
        except NotFoundError:
            return GONE
        except W365Error:
            return None

    def set_administrator(self, action: Action) -> User:
        if self._administration is None:
            raise W365Error(
                "the administrator role is not managed through SCIM: give instance_url and provisioning_key."
            )
        return self._administration.set_administrator(action)


def seen_in(answer: Any, parse: Callable[[Any], Any]) -> Any:
    """The object in the answer to a write; None where it has none."""
    shows = isinstance(answer, Mapping) and any(str(name).lower() == "id" for name in answer)
    return parse(answer) if shows else None


def _refuse_somebody_else(wanted: User, found: User) -> None:
    """A user with this UPN and another external id is another person, such as one whose rename failed."""
    if (
        wanted.external_id
        and found.external_id
        and external_id_key(wanted.external_id) != external_id_key(found.external_id)
    ):
        raise W365Error(
            f"the UPN '{wanted.upn}' belongs to the account of somebody else: its external_id is '{found.external_id}', "
            f"and this user's is '{wanted.external_id}'. That account was left unchanged; rename or permanently delete it first."
        )
