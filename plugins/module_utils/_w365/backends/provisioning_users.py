# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and administrators through the Provisioning API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.provisioning_mapping import (
    PROVISIONING_EXTRAS,
    PROVISIONING_GROUP_NAMES,
    PROVISIONING_USER_NAMES,
    created_id,
    to_provisioning,
    users_from_provisioning,
)
from ..api.values import OddValueError, listed
from ..errors import (
    AlreadyExistsError,
    EndpointMissingError,
    RolesUnreadableError,
    UnreliableAnswerError,
    W365Error,
)
from ..execution.results import GONE, ActionResult, Answered
from ..model.desired import Desired, DesiredUser
from ..model.directory import (
    UNRESOLVED,
    Capabilities,
    Group,
    Snapshot,
    User,
    by_key,
    difference,
    values_of,
    with_fields,
)
from ..model.fields import OPTIONAL_USER_FIELDS, USER_FIELDS
from ..model.names import comparison_key
from ..planning.actions import USER_RESTORE, USER_UPDATE, Action
from ..planning.lookup import the_only_one
from .common import (
    absent_users,
    active_administrators,
    primary_administrator,
    roles_problem,
    uncertain_administrators,
    user_names,
)
from .create_once import Origin, adopted, create_once

if TYPE_CHECKING:
    from ..api.provisioning import ProvisioningClient


Read = TypeVar("Read")

_SCIM_ONLY = "Give scim_url and scim_token: it is managed through SCIM."

PROVISIONING_CAPABILITIES = Capabilities(
    wire="the Provisioning API",
    user_fields=frozenset(PROVISIONING_USER_NAMES) - PROVISIONING_EXTRAS.keys(),
    group_fields=frozenset(PROVISIONING_GROUP_NAMES),
    extras=frozenset(PROVISIONING_EXTRAS),
    permanent_deletion=False,
    alternatives={
        "email": "There the e-mail address is the UPN: leave email out, or give scim_url and scim_token.",
        "external_id": _SCIM_ONLY,
        **dict.fromkeys(OPTIONAL_USER_FIELDS, _SCIM_ONLY),
        "permanent": "Give scim_url and scim_token: SCIM can delete permanently. Otherwise the user is permanently deleted after 30 days.",
    },
)


class ProvisioningUsers:
    """Users through the instance's Provisioning API.

    Only creating and validating users is documented; the rest has letter A. Where a server does not have it, Validate
    shows whether a user exists.
    """

    capabilities = PROVISIONING_CAPABILITIES

    def __init__(self, client: ProvisioningClient, environment: str) -> None:
        from threading import Lock  # start-up

        self._client = client
        self._environment = environment
        self._users: list[User] | None = None
        self._ids: dict[str, str] = {}
        self._named: Mapping[str, list[User]] = {}
        self._reading = Lock()
        self._without_list = False

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        groups = self._groups_of(desired)
        wanted = user_names(desired) or desired.administrators is not None or desired.purge
        try:
            reader = self.list_users if desired.administrators is None else self.users_with_roles
            users = tuple(reader()) if wanted else ()
        except EndpointMissingError:
            self._without_list = True
            if any(map(_needs_reading, desired.users)) or desired.purge:
                raise
            from concurrent.futures import ThreadPoolExecutor  # start-up

            with ThreadPoolExecutor(max_workers=max(concurrency, 1)) as workers:
                found = workers.map(self._exists, desired.users)
            return Snapshot(
                tuple(User(u.upn, readable=False) for u, exists in zip(desired.users, found, strict=True) if exists),
                groups,
            )
        if not wanted:
            return Snapshot(users, groups)
        if not users and not all(user.present for user in desired.users):
            # Every environment has a first administrator (contract, section 4; D): nobody is not the same as unknown.
            raise self._client.unreliable(
                "user.list",
                "an empty list, and every environment has its first administrator, so it cannot tell who is absent. Give "
                "scim_url and scim_token, through which users are looked up",
                listing=True,
            )
        if problem := roles_problem(users):
            # Nobody is marked: that is unknown, and not nobody.
            users = tuple(user._replace(administrator=None) for user in users)
            return Snapshot(users, groups, roles_problem=problem)
        uncertain = uncertain_administrators(users)
        return Snapshot(
            users,
            groups,
            active_administrators(users),
            primary_administrator(users),
            uncertain_administrators=uncertain,
        )

    def _groups_of(self, desired: Desired) -> tuple[Group, ...]:
        """The groups that a plan needs."""
        return ()

    def _exists(self, wanted: DesiredUser) -> bool:
        """Whether Validate refuses the user as existing."""
        fields = {name: value for name, value in wanted.fields.items() if name != "active"}
        try:
            self._client.call(
                "user.validate",
                environment=self._environment,
                body=self._new_user({**fields, "upn": wanted.upn}, wanted.extras),
            )
        except AlreadyExistsError:
            return True
        return False

    def users_with_roles(self) -> list[User]:
        """Every user with the administrator role, or without.

        Raises RolesUnreadableError where the server has no such list, and UnreliableAnswerError for one that does not show them.
        """
        try:
            return self.list_users()
        except EndpointMissingError as error:
            from ..api.provisioning import ROLE_ALTERNATIVES  # start-up

            raise RolesUnreadableError(
                error.server_message,
                status=error.status,
                method=error.method,
                path=error.path,
                advice=ROLE_ALTERNATIVES,
            ) from None

    def read_administrators(self) -> frozenset[str]:
        """The keys of the active administrators, read from the server now. Raises the errors of `users_with_roles`."""
        self._users = None
        users = self.users_with_roles()
        if not users:
            raise W365Error("the list of users is empty.")
        return active_administrators(users)

    def kept_fields(self) -> frozenset[str] | None:
        return frozenset()

    def list_users(self) -> list[User]:
        users = self._users
        if users is None:
            self._users = users = self._parsed(
                "user.list", self._client.call("user.list", environment=self._environment), users_from_provisioning
            )
            self._ids.update({user.key: user.id for user in users})
            self._named = by_key(users)
        return users

    def forget_users(self) -> None:
        """Read the users again for the next id: their names have changed through another API."""
        self._users = None
        self._ids.clear()

    def _parsed(self, endpoint_id: str, answer: Any, parse: Callable[[list[Any]], list[Read]]) -> list[Read]:
        """A whole list. Raises UnreliableAnswerError when the answer is something else."""
        try:
            return parse(listed(answer, "a list"))
        except OddValueError as error:
            raise self._unreliable(endpoint_id, error, listing=True) from None

    def _created_id(self, endpoint_id: str, answer: Any) -> str:
        try:
            return created_id(answer, numbers=endpoint_id == "user.create")
        except OddValueError as error:
            raise self._unreliable(endpoint_id, error) from None

    def _unreliable(
        self, endpoint_id: str, error: OddValueError, object_id: str = "", *, listing: bool = False
    ) -> UnreliableAnswerError:
        path = self._client.path_of(endpoint_id, object_id, self._environment)
        return self._client.unreliable(endpoint_id, error, path=path, listing=listing)

    def find_user(self, name: str) -> User | None:
        return the_only_one("user", name, self.users_named(name))

    def users_named(self, name: str) -> list[User]:
        users = self.list_users()
        key = comparison_key(name)
        return [user for user in users if user.key == key] or [user for user in users if user.id == name]

    # Writing

    @property
    def handlers(self) -> Any:
        return self

    @staticmethod
    def _new_user(fields: Mapping[str, Any], extras: Mapping[str, Any]) -> dict[str, Any]:
        """The documented body of a new user; it always contains the two booleans."""
        known = {name: fields.get(name) for name in ("upn", "first_name", "last_name")}
        switches = {
            "administrator": bool(fields.get("administrator")),
            "create_in_office365": bool(extras.get("create_in_office365")),
        }
        return to_provisioning({**known, "password": extras.get("password"), **switches}, PROVISIONING_USER_NAMES)

    def create_user(self, action: Action) -> User | Answered:
        wanted: User = action.outcome
        body = self._new_user(action.changes, action.extras)

        def create() -> User:
            answer = self._client.call("user.create", environment=self._environment, body=body)
            return with_fields(wanted, {"id": self._created_id("user.create", answer), "active": True})

        user, origin = create_once(create, lambda: self._find_created(wanted))
        self._ids[user.key] = user.id
        given = {name: value for name, value in action.changes.items() if name in PROVISIONING_USER_NAMES}
        # A new user is active. If it should not be, or if another client has created it, it is updated.
        compared = user.readable and (wanted.active is False or origin is not Origin.CREATED)
        changes = difference(given, user, USER_FIELDS) if compared else {}
        if changes and not user.id:
            # The answer to the create did not say it.
            user = with_fields(user, {"id": str(self._user_id(user.key))})
            if absent := absent_users({user.key: user.id}):
                raise W365Error(absent)
        after = self._put_user(user, changes, {}) if changes else user
        if origin is not Origin.EXISTED:
            return after
        row = USER_RESTORE if changes.get("active") else USER_UPDATE
        return Answered(after, performed=adopted(action, row, user, changes, values_of(user, changes)))

    def _find_created(self, wanted: User) -> User | None:
        self._users = None
        try:
            return self.find_user(wanted.upn)
        except EndpointMissingError:
            return (
                with_fields(wanted, {"readable": False})
                if self._exists(DesiredUser(wanted.upn, fields=wanted.as_result()))
                else None
            )

    def update_user(self, action: Action) -> User:
        return self._put_user(action.subject, action.changes, action.extras)

    def _put_user(self, user: User, changes: Mapping[str, Any], extras: Mapping[str, Any]) -> User:
        body = to_provisioning({**changes, **extras}, PROVISIONING_USER_NAMES)
        self._client.call("user.update", environment=self._environment, object_id=user.id, body=body)
        changed = with_fields(user, changes)
        # Another user may get the old name, and must not get this user's id.
        if changed.key != user.key:
            self._ids.pop(user.key, None)
        self._ids[changed.key] = user.id
        return changed

    def delete_user(self, action: Action) -> User:
        self._client.call("user.delete", environment=self._environment, object_id=action.subject.id)
        user: User = action.subject
        return with_fields(user, {"active": False})

    def delete_user_permanently(self, action: Action) -> None:
        raise W365Error(f"the Provisioning API cannot do that. {self.capabilities.alternatives['permanent']}")

    def read_again(self, items: Sequence[ActionResult]) -> list[Any]:
        """The object of each result as the server has it now: GONE, or None where it cannot be read."""
        found: list[Any] = []
        listed: dict[bool, list[User] | list[Group] | None] = {}
        for item in items:
            thing = item.thing or item.done.subject
            is_user = isinstance(thing, User)
            if is_user not in listed:
                listed[is_user] = self._listed_again(is_user)
            things = listed[is_user]
            same = [t for t in things or () if (t.id == thing.id if thing.id else t.key == thing.key)]
            found.append(None if things is None else same[0] if same else GONE)
        return found

    def _listed_again(self, is_user: bool) -> list[User] | list[Group] | None:
        if self._without_list:
            return None
        self._users = None
        try:
            return self._list(is_user)
        except W365Error:
            return None

    def _list(self, users: bool) -> list[User] | list[Group]:
        return self.list_users()

    def set_administrator(self, action: Action) -> User:
        subject: User = action.subject
        id = self._user_id(subject.key)
        if absent := absent_users({subject.key: id}):
            raise W365Error(absent)
        user = with_fields(subject, {"id": str(id)})
        return self._put_user(user, action.changes, {})

    def _user_id(self, key: str) -> int | str:
        """The id as the server wrote it: a number (contract: User; D). Empty where nobody has this UPN."""
        id = key.removeprefix(UNRESOLVED) if key.startswith(UNRESOLVED) else self._ids.get(key, "")
        the_only_one("user", key, self._named.get(key, ()))
        if not id:
            # One worker reads for all workers that wait.
            with self._reading:
                id = self._ids.get(key, "") or self._read_id(key)
        return int(id) if id.isdecimal() else id

    def _read_id(self, key: str) -> str:
        """The id of a user who was created after the list was read, or whose name has changed."""
        self._users = None
        found = self.find_user(key)
        return found.id if found is not None else ""


def _needs_reading(user: DesiredUser) -> bool:
    """Whether the user must be read: it is not enough to know that it exists."""
    starts_inactive = {**user.initial, **user.fields}.get("active") is False
    rewrites_password = user.update_password and bool(user.extras.get("password"))
    return not user.present or bool(user.identity) or starts_inactive or rewrites_password
