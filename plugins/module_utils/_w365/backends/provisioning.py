# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment through the Provisioning API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..api.provisioning_groups import group_from_provisioning, groups_from_provisioning
from ..api.provisioning_mapping import PROVISIONING_GROUP_NAMES, to_provisioning
from ..api.values import OddValueError
from ..errors import EndpointMissingError, NotFoundError, W365Error
from ..execution.results import Answered
from ..model.desired import Desired
from ..model.directory import UNRESOLVED, Group, User, difference, values_of, with_fields
from ..model.fields import GROUP_FIELDS
from ..model.names import comparison_key
from ..planning.actions import GROUP_UPDATE, Action, DirectoryHandlers
from ..planning.lookup import the_only_one
from .common import absent_users, removal_needs_groups
from .create_once import Origin, adopted, create_once
from .provisioning_users import ProvisioningUsers

if TYPE_CHECKING:
    from ..api.provisioning import ProvisioningClient


class ProvisioningDirectory(ProvisioningUsers):
    """Users and groups through the instance's Provisioning API."""

    def __init__(self, client: ProvisioningClient, environment: str) -> None:
        super().__init__(client, environment)
        self._group_ids: dict[str, str] = {}

    @property
    def handlers(self) -> DirectoryHandlers:
        return self

    # Reading

    def _groups_of(self, desired: Desired) -> tuple[Group, ...]:
        needed = desired.groups or desired.emptied or removal_needs_groups(desired)
        return tuple(self.list_groups()) if needed else ()

    def _list(self, users: bool) -> list[User] | list[Group]:
        return self.list_users() if users else self.list_groups()

    def list_groups(self, *, members: bool = True) -> list[Group]:
        answer = self._client.call("group.list", environment=self._environment)
        found = self._parsed("group.list", answer, groups_from_provisioning)
        self._group_ids.update({group.key: group.id for group, _ids in found})
        if not members or not found:
            return [group for group, _ids in found]
        # A key that two users have identifies neither.
        upns = {user.id: user.key for user in self.list_users() if len(self._named[user.key]) == 1}
        groups = []
        for group, ids in found:
            known = self._members_of(group) if ids is None else ids
            keys = None if known is None else frozenset(upns.get(id, f"{UNRESOLVED}{id}") for id in known)
            groups.append(group if keys is None else with_fields(group, {"members": keys}))
        return groups

    def _members_of(self, group: Group) -> tuple[str, ...] | None:
        """The members of a group that the list shows without them; None where the server cannot show one group."""
        try:
            data = self._client.call("group.get", environment=self._environment, object_id=group.id)
        except (EndpointMissingError, NotFoundError):
            return None
        try:
            found, members = group_from_provisioning(data)
            if found.id != group.id or members is None:
                raise OddValueError(f"group {group.name!r} without its members")
        except OddValueError as error:
            raise self._unreliable("group.get", error, group.id) from None
        return members

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        return the_only_one("group", name, self.groups_named(name, members=members))

    def groups_named(self, name: str, *, members: bool = True) -> list[Group]:
        key = comparison_key(name)
        return [group for group in self.list_groups(members=members) if group.key == key]

    # Writing

    def create_group(self, action: Action) -> Group | Answered:
        wanted: Group = action.outcome
        body = to_provisioning(
            {name: action.changes.get(name) for name in PROVISIONING_GROUP_NAMES}, PROVISIONING_GROUP_NAMES
        )

        def create() -> Group:
            answer = self._client.call("group.create", environment=self._environment, body=body)
            return with_fields(wanted, {"id": self._created_id("group.create", answer), "members": frozenset()})

        group, origin = create_once(create, lambda: self.find_group(wanted.name))
        self._group_ids[group.key] = group.id
        if origin is Origin.CREATED:
            return group
        given = {name: value for name, value in action.changes.items() if name in PROVISIONING_GROUP_NAMES}
        changes = difference(given, group, GROUP_FIELDS)
        after = self._put_group(group, changes) if changes else group
        if origin is Origin.LOST:
            return after
        return Answered(after, performed=adopted(action, GROUP_UPDATE, group, changes, values_of(group, changes)))

    def update_group(self, action: Action) -> Group:
        return self._put_group(action.subject, action.changes)

    def _put_group(self, group: Group, changes: Mapping[str, Any]) -> Group:
        body = to_provisioning(changes, PROVISIONING_GROUP_NAMES)
        self._client.call("group.update", environment=self._environment, object_id=group.id, body=body)
        return with_fields(group, changes)

    def delete_group(self, action: Action) -> None:
        self._client.call("group.delete", environment=self._environment, object_id=action.subject.id)

    def change_members(self, action: Action) -> Group:
        group: Group = action.outcome
        group_id = group.id or self._group_ids.get(group.key, "")
        if not group_id:
            raise W365Error(f"group '{group.name}' was not created, so it has no members to change.")
        ids = {key: self._user_id(key) for key in sorted(group.members or ())}
        members = [id for id in ids.values() if id]
        # Missing users must not prevent the change for the others, so the error is raised afterwards.
        self._client.call("group.update", environment=self._environment, object_id=group_id, body={"Members": members})
        if absent := absent_users(ids):
            raise W365Error(absent)
        return with_fields(group, {"id": group_id})
