# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes an environment through SCIM: what scim.py is for reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..api.scim import MEMBERS_PER_PATCH, Request, patch_body, quoted
from ..api.scim_groups import group_from_scim, group_to_scim
from ..api.scim_mapping import SCIM_GROUP_PATHS, shown_user, user_to_scim
from ..errors import TooManyError, W365Error
from ..execution.results import GONE, ActionResult, Answered
from ..model.directory import UNRESOLVED, Group, User, difference, values_of, with_fields
from ..model.fields import GROUP_FIELDS
from ..model.names import is_path_segment
from ..planning.actions import (
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
from .scim_user_changes import ScimUserChanges, UserLookups, seen_in

if TYPE_CHECKING:
    from ..planning.actions import DirectoryHandlers

MANY = 25
"""More users are read with one listing, and not one by one."""


class Lookups(UserLookups, Protocol):
    """What the reading part knows and can look up. `group_ids` holds ids by key."""

    group_ids: dict[str, str]

    def remember_group(self, group: Group) -> None:
        """Keep the id of a group that was created or renamed."""

    def forget_group(self, group: Group) -> None:
        """The group was deleted."""

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        """One group by name."""

    def list_users(self) -> list[User]:
        """Every user."""

    def with_members(self, group: Group, ids: tuple[tuple[str, bool], ...] | None) -> Group:
        """The group with these members, each an id and whether it is a user; None where they are not wanted."""


class ScimChanges(ScimUserChanges):
    """The handlers of all actions on users, groups and memberships."""

    def __init__(self, directory: Lookups) -> None:
        super().__init__(directory)
        self._groups = directory

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
            self._groups.remember_group(thing)
        elif thing is None and isinstance(action.subject, User):
            self._directory.forget(action.subject)
        elif thing is None:
            self._groups.forget_group(action.subject)
        return thing

    def create_group(self, action: Action) -> Answered:
        from .create_once import Origin, adopted, create_once  # start-up

        wanted: Group = action.outcome

        def create() -> Group:
            resource = self._do(Request("scim.group.create", body=group_to_scim(wanted)))
            if resource is None:
                return self._groups.find_group(wanted.name) or wanted
            return self._created("scim.group.create", resource, lambda found: group_from_scim(found)[0], wanted)

        def find() -> Group | None:
            self._directory.forget_names()
            return self._groups.find_group(wanted.name, members=False)

        group, origin = create_once(create, find)
        done, changes = Answered(group, group if group.id else None), {}
        if origin is not Origin.CREATED:
            given = {name: value for name, value in action.changes.items() if name in SCIM_GROUP_PATHS}
            changes = difference(given, group, GROUP_FIELDS)
            done = self._patched(group, changes)
        after: Group = done.thing
        self._groups.remember_group(after)
        if after.members is None:
            done = done._replace(thing=with_fields(after, {"members": frozenset()}))
        if origin is not Origin.EXISTED:
            return done
        return done._replace(performed=adopted(action, GROUP_UPDATE, group, changes, values_of(group, changes)))

    def update_group(self, action: Action) -> Answered:
        done = self._patched(action.subject, action.changes)
        self._groups.remember_group(done.thing)
        return done

    def delete_group(self, action: Action) -> None:
        self.client.call("scim.group.delete", object_id=action.subject.id)
        self._groups.forget_group(action.subject)

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
        return group.id or self._groups.group_ids.get(group.key, "")

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

    def _seen(self, thing: Any, answer: Any) -> Any:
        return seen_after(thing, answer)

    def _reader(self, items: Sequence[ActionResult]) -> Callable[[ActionResult], Any]:
        if sum(item.done.is_about_user for item in items) <= MANY:
            return self._read_one
        listed = self._groups.list_users()
        users, named = {user.id: user for user in listed}, {user.key: user for user in listed}

        def read(item: ActionResult) -> Any:
            thing = item.thing or item.done.subject
            if isinstance(thing, User):
                return users.get(thing.id, GONE) if thing.id else named.get(thing.key, GONE)
            return self._read_one(item)

        return read

    def _read_one(self, item: ActionResult) -> Any:
        action = item.done
        thing = item.thing or action.subject
        if isinstance(thing, User):
            return super()._read_one(item)
        id = self._group_id(thing)

        def read() -> Group:
            group, ids = group_from_scim(self.client.read("scim.group.get", id))
            return self._groups.with_members(group, ids if action.type is MEMBERSHIP_CHANGE else None)

        return self._read_now(id, read, lambda: self._groups.find_group(thing.name))


if TYPE_CHECKING:

    def _with_all_handlers(changes: ScimChanges) -> DirectoryHandlers:
        """A class without the handler of an action is of another type."""
        return changes


def seen_after(thing: User | Group, answer: Any) -> User | Group | None:
    """The object in the answer to a write; None where it has none."""
    parse = shown_user if isinstance(thing, User) else lambda resource: group_from_scim(resource)[0]
    found: User | Group | None = seen_in(answer, parse)
    return found


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
