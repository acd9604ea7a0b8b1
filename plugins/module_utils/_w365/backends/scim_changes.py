# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes an environment through SCIM: what scim.py is for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..api.scim import MEMBERS_PER_PATCH, Request, ScimClient, checked_resource, patch_body, quoted
from ..api.scim_mapping import (
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    group_from_scim,
    group_to_scim,
    patch_operation,
    shown_user,
    user_from_scim,
    user_to_scim,
)
from ..api.values import OddValueError
from ..errors import NotFoundError, TooManyError, ValidationError, W365Error
from ..execution.results import GONE, ActionResult, Answered
from ..model.directory import UNRESOLVED, Group, Thing, User, difference, values_of, with_fields
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import external_id_key, is_path_segment
from ..planning.actions import (
    ADMINISTRATOR,
    GROUP_CREATE,
    GROUP_DELETE,
    GROUP_UPDATE,
    MEMBERSHIP_CHANGE,
    USER_CREATE,
    USER_DELETE,
    USER_DELETE_PERMANENTLY,
    USER_RESTORE,
    USER_UPDATE,
    Action,
)
from .common import absent_users

if TYPE_CHECKING:
    from .provisioning import ProvisioningDirectory


MANY = 25
"""More users are read with one listing, and not one by one."""


class Lookups(Protocol):
    """What the reading part knows and can look up. `user_ids` and `group_ids` hold ids by key."""

    client: ScimClient
    administration: ProvisioningDirectory | None
    user_ids: dict[str, str]
    group_ids: dict[str, str]
    shared_keys: set[str]

    def remember(self, user: User) -> User:
        """Keep the id of a user who was created or renamed."""

    def remember_group(self, group: Group) -> None:
        """Keep the id of a group that was created or renamed."""

    def forget(self, thing: User | Group) -> None:
        """The object was deleted permanently."""

    def forget_names(self) -> None:
        """Read the list of all names again when it is next needed."""

    def find_user(self, name: str) -> User | None:
        """One user by UPN or id."""

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        """One group by name."""

    def list_users(self) -> list[User]:
        """Every user."""

    def with_members(self, group: Group, ids: tuple[tuple[str, bool], ...] | None) -> Group:
        """The group with these members, each an id and whether it is a user; None where they are not wanted."""


class ScimChanges:
    """The handlers of all actions on users, groups and memberships. It uses and completes what the directory knows."""

    def __init__(self, directory: Lookups) -> None:
        self._directory = directory
        self.client = directory.client
        self._administration = directory.administration

    def request_of(self, action: Action) -> Request | None:
        """The request of this action; None where it needs several, or another API, or must not be sent."""
        subject: Any = action.subject
        if subject is not None and action.type is not MEMBERSHIP_CHANGE and not is_path_segment(subject.id):
            return None
        if action.type is USER_CREATE:
            return Request("scim.user.create", body=user_to_scim(action.outcome))
        if action.type in (USER_RESTORE, USER_UPDATE, USER_DELETE, GROUP_UPDATE):
            return self._patch_of(subject, action.changes)
        if action.type is USER_DELETE_PERMANENTLY:
            return Request("scim.user.delete", subject.id)
        if action.type is GROUP_CREATE:
            return Request("scim.group.create", body=group_to_scim(action.outcome))
        if action.type is GROUP_DELETE:
            return Request("scim.group.delete", subject.id)
        return self._members_at_once(action) if action.type is MEMBERSHIP_CHANGE else None

    @staticmethod
    def _patch_of(thing: User | Group, changes: Mapping[str, Any], *, whole_entries: bool = False) -> Request:
        is_user = isinstance(thing, User)
        operations = [patch_operation(thing, name, value, whole_entries) for name, value in changes.items()]
        return Request("scim.user.patch" if is_user else "scim.group.patch", thing.id, patch_body(operations))

    def _members_at_once(self, action: Action) -> Request | None:
        """The request of a membership change; None when it needs several, or look-ups first."""
        keys = (*action.changes["add"], *action.changes["remove"])
        group_id = self._group_id(action.outcome)
        if not is_path_segment(group_id) or not all(key.startswith(UNRESOLVED) or self._knows(key) for key in keys):
            return None
        patches = list(self._member_patches(action, {key: self._user_id(key) for key in keys}))
        return Request("scim.group.patch", group_id, patches[0]) if len(patches) == 1 else None

    @staticmethod
    def _member_patches(action: Action, ids: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The bodies of the PATCH requests that change the members, in slices and without users who have no id."""
        added = [{"value": ids[key]} for key in action.changes["add"] if ids[key]]
        for start in range(0, len(added), MEMBERS_PER_PATCH):
            yield patch_body([{"op": "add", "path": "members", "value": added[start : start + MEMBERS_PER_PATCH]}])
        removed = [ids[key] for key in action.changes["remove"] if ids[key]]
        for start in range(0, len(removed), MEMBERS_PER_PATCH):
            yield patch_body(
                [
                    {"op": "remove", "path": f"members[value eq {quoted(id)}]"}
                    for id in removed[start : start + MEMBERS_PER_PATCH]
                ]
            )

    def object_after(self, action: Action, object_id: str) -> Any:
        """The object after an action that the server has confirmed."""
        self._forget_roles_after_rename(action)
        thing = action.outcome
        if action.type in (USER_CREATE, GROUP_CREATE) and object_id:
            thing = with_fields(thing, {"id": object_id})
        if isinstance(thing, User) and thing.id:
            self._directory.remember(thing)
        elif isinstance(thing, Group) and thing.id:
            self._directory.remember_group(thing)
        elif thing is None:
            self._directory.forget(action.subject)
        return thing

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
        return Answered(after, seen_in(thing, answer))

    def delete_user(self, action: Action) -> Answered:
        return self._patched(action.subject, {"active": False})

    def delete_user_permanently(self, action: Action) -> None:
        self.client.call("scim.user.delete", object_id=action.subject.id)
        self._directory.forget(action.subject)

    def create_group(self, action: Action) -> Answered:
        from .create_once import Origin, adopted, create_once  # start-up

        wanted: Group = action.outcome

        def create() -> Group:
            resource = self._do(Request("scim.group.create", body=group_to_scim(wanted)))
            if resource is None:
                return self._directory.find_group(wanted.name) or wanted
            return self._created("scim.group.create", resource, lambda found: group_from_scim(found)[0], wanted)

        def find() -> Group | None:
            self._directory.forget_names()
            return self._directory.find_group(wanted.name, members=False)

        group, origin = create_once(create, find)
        done, changes = Answered(group, group if group.id else None), {}
        if origin is not Origin.CREATED:
            given = {name: value for name, value in action.changes.items() if name in SCIM_GROUP_PATHS}
            changes = difference(given, group, GROUP_FIELDS)
            done = self._patched(group, changes)
        after: Group = done.thing
        self._directory.remember_group(after)
        if after.members is None:
            done = done._replace(thing=with_fields(after, {"members": frozenset()}))
        if origin is not Origin.EXISTED:
            return done
        return done._replace(performed=adopted(action, GROUP_UPDATE, group, changes, values_of(group, changes)))

    def update_group(self, action: Action) -> Answered:
        done = self._patched(action.subject, action.changes)
        self._directory.remember_group(done.thing)
        return done

    def delete_group(self, action: Action) -> None:
        self.client.call("scim.group.delete", object_id=action.subject.id)
        self._directory.forget(action.subject)

    def change_members(self, action: Action) -> Group:
        group: Group = action.outcome
        group_id = self._group_id(group)
        if not group_id:
            raise W365Error(f"group '{group.name}' was not created, so it has no members to change.")
        ids = {key: self._user_id(key) for key in (*action.changes["add"], *action.changes["remove"])}
        # Missing users must not prevent the change for the others, so the error is raised afterwards.
        sent = False
        try:
            for body in self._member_patches(action, ids):
                sent = self._send_members(group_id, body["Operations"], sent) or sent
        except W365Error as error:
            error.changed = error.changed or sent
            raise
        if absent := absent_users(ids):
            missing = W365Error(absent)
            missing.changed = sent
            raise missing
        return with_fields(group, {"id": group_id})

    def _send_members(self, group_id: str, operations: list[dict[str, Any]], sent: bool) -> bool:
        """Send one slice; in halves where it is too large for the server."""
        try:
            self._do(Request("scim.group.patch", group_id, patch_body(operations)))
        except TooManyError as error:
            error.changed = sent
            for half in _halves(operations, error):
                try:
                    sent = self._send_members(group_id, half, sent) or sent
                except W365Error as failed:
                    failed.changed = failed.changed or sent
                    raise
        return True

    def _group_id(self, group: Group) -> str:
        return group.id or self._directory.group_ids.get(group.key, "")

    def _user_id(self, key: str) -> str:
        """Empty where nobody has this UPN."""
        if key.startswith(UNRESOLVED):
            return key.removeprefix(UNRESOLVED)
        if not self._knows(key):
            # Raises InputError where two users have this name.
            self._directory.find_user(key)
        return self._directory.user_ids.get(key, "")

    def _knows(self, key: str) -> bool:
        return key in self._directory.user_ids and key not in self._directory.shared_keys

    def read_administrators(self) -> frozenset[str]:
        """The keys of the active administrators, read now."""
        if self._administration is None:
            raise W365Error("SCIM does not show administrators.")
        return self._administration.read_administrators()

    def read_again(self, items: Sequence[ActionResult]) -> list[Any]:
        """The object of each result as the server has it now: GONE, or None where it cannot be read."""
        with_role = [item for item in items if item.done.type.object is ADMINISTRATOR]
        people = dict(zip(map(id, with_role), self._roles_of(with_role), strict=True))
        users = None
        if sum(item.done.is_about_user for item in items) > MANY:
            try:
                users = {user.id: user for user in self._directory.list_users()}
            except W365Error:
                return [None] * len(items)
        return [people[id(item)] if id(item) in people else self._read_one(item, users) for item in items]

    def _roles_of(self, items: Sequence[ActionResult]) -> list[Any]:
        return self._administration.read_again(items) if items and self._administration else [None] * len(items)

    def _read_one(self, item: ActionResult, users: Mapping[str, User] | None) -> Any:
        action = item.done
        thing = item.thing or action.subject
        is_user = isinstance(thing, User)
        id = thing.id if is_user else self._group_id(thing)
        if not id:
            return None
        if users is not None and is_user:
            return users.get(id, GONE)
        try:
            resource = self.client.read("scim.user.get" if is_user else "scim.group.get", id)
            if is_user:
                return shown_user(resource)
            group, ids = group_from_scim(resource)
            return self._directory.with_members(group, ids if action.type is MEMBERSHIP_CHANGE else None)
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


def seen_in(thing: User | Group, answer: Any) -> User | Group | None:
    """The object in the answer to a write; None where it has none."""
    if not isinstance(answer, Mapping) or not any(str(name).lower() == "id" for name in answer):
        return None
    return shown_user(answer) if isinstance(thing, User) else group_from_scim(answer)[0]


def _halves(operations: list[dict[str, Any]], error: TooManyError) -> Iterator[list[dict[str, Any]]]:
    """The operations of a slice of members in two halves. Raises the error where there is only one member."""
    if len(operations) > 1:
        middle = len(operations) // 2
        yield operations[:middle]
        yield operations[middle:]
        return
    (operation,) = operations
    members = operation.get("value") or ()
    if len(members) < 2:
        raise error
    middle = len(members) // 2
    yield [{**operation, "value": members[:middle]}]
    yield [{**operation, "value": members[middle:]}]


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
