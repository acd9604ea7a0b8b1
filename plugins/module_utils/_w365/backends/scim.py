# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment through SCIM.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.scim import MEMBERS_PER_PATCH, Request, ScimClient, patch_body
from ..api.scim_mapping import (
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    group_from_scim,
    group_to_scim,
    patch_operation,
    user_from_scim,
    user_to_scim,
)
from ..errors import AnswerError, AuthenticationError, NotFoundError, RolesUnreadableError, ValidationError, W365Error
from ..model.capabilities import Capabilities
from ..model.desired import Desired
from ..model.directory import UNRESOLVED, Group, Snapshot, User, difference, with_fields
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import comparison_key, external_id_key
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
from ..planning.plan import Plan
from .common import (
    absent_users,
    active_administrators,
    primary_administrator,
    removal_needs_groups,
    removes_administrator,
    user_names,
)

if TYPE_CHECKING:
    from ..execution.apply import Batch
    from .provisioning import ProvisioningDirectory


LOOKUPS = 25
"""Up to this number objects are looked up one by one; above it a listing is cheaper."""


Thing = TypeVar("Thing", User, Group)


SCIM_CAPABILITIES = Capabilities(
    wire="SCIM",
    user_fields=frozenset(SCIM_USER_PATHS),
    group_fields=frozenset(SCIM_GROUP_PATHS),
    alternatives={
        "administrator": "The role is managed through the Provisioning API: use w365_admin.",
        "password": "Users that are managed through SCIM sign in with Microsoft Entra; leave the password out.",
        "create_in_office365": "It belongs to the Provisioning API: leave out scim_url, or create the account in Microsoft Entra.",
        "description": "SCIM groups have none: leave it out, or leave out scim_url.",
    },
)


class ScimDirectory:
    """Users, groups and memberships through SCIM; administrators, which SCIM does not have, through `administration`."""

    capabilities = SCIM_CAPABILITIES

    def __init__(self, client: ScimClient, administration: ProvisioningDirectory | None) -> None:
        self._client = client
        self._administration = administration
        self._user_ids: dict[str, str] = {}
        self._group_ids: dict[str, str] = {}
        self._upns: dict[str, str] = {}
        self._all_users_read = False

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        names = user_names(desired)
        listing = desired.whole or len(names) > LOOKUPS
        users: list[User] = []
        if names or desired.purge:
            users = self.list_users() if listing else _distinct(map(self.find_user, names))
        with_members = _needs_members(desired)
        if (desired.groups and (desired.whole or len(desired.groups) > LOOKUPS)) or removal_needs_groups(desired):
            groups = self.list_groups(members=with_members, concerned=_concerned_groups(desired))
        else:
            groups = _distinct(
                found
                for group in desired.groups
                for found in (
                    self.find_group(group.name, members=with_members),
                    self._identified_group(group.identity, members=with_members) if group.identity else None,
                )
            )
        people = self._people_with_roles(desired)
        if people is None:
            return Snapshot(tuple(users), tuple(groups))
        administrators = active_administrators(people)
        # SCIM has no roles, and a plan must know which users are administrators.
        users = [user._replace(administrator=True) if user.key in administrators else user for user in users]
        return Snapshot(tuple(users), tuple(groups), administrators, primary_administrator(people))

    def _people_with_roles(self, desired: Desired) -> list[User] | None:
        """The users as the Provisioning API shows them; None when they need not or cannot be read."""
        must = desired.administrators is not None
        if self._administration is None or not (
            must or desired.purge or any(map(removes_administrator, desired.users))
        ):
            return None
        try:
            return self._administration.users_with_roles()
        except RolesUnreadableError:
            if must:
                raise
            return None

    def kept_fields(self) -> frozenset[str] | None:
        from ..api.scim_schemas import kept_fields  # start-up

        try:
            return kept_fields(self._client.call("scim.schemas"))
        except (AnswerError, AuthenticationError):
            # A service may have no readable schemas, which does not show what it keeps.
            return None

    def read_again(self, user: User) -> User | None:
        resource = self._get("scim.user.get", user.id) if user.id else None
        return user_from_scim(resource) if resource else None

    def list_users(self) -> list[User]:
        users = [self._remember(user_from_scim(resource)) for resource in self._client.pages("scim.user.list")]
        self._all_users_read = True
        return users

    def list_groups(self, *, members: bool = True, concerned: frozenset[str] | None = None) -> list[Group]:
        query = None if members else {"excludedAttributes": "members"}
        read = [group_from_scim(resource) for resource in self._client.pages("scim.group.list", query)]
        if members and not any(ids for _group, ids in read):
            # Either all groups are empty, or this server omits members in listings: read the groups one by one.
            read = [
                self._full(group)
                if concerned is None
                or not concerned.isdisjoint((group.key, group.id, comparison_key(group.external_id or group.id)))
                else (group, ids)
                for group, ids in read
            ]
        self._resolve({id for _group, ids in read for id, is_user in ids if is_user})
        return [self._group(group, ids if members else None) for group, ids in read]

    def _full(self, group: Group) -> tuple[Group, tuple[tuple[str, bool], ...]]:
        resource = self._get("scim.group.get", group.id)
        return group_from_scim(resource) if resource else (group, ())

    def find_user(self, name: str) -> User | None:
        found = [
            user
            for r in self._client.find("scim.user.list", "userName", name)
            if (user := user_from_scim(r)).key == comparison_key(name)
        ]
        if found:
            return self._remember(found[0])
        if "@" in name:
            return None
        resource = self._get("scim.user.get", name)
        return self._remember(user_from_scim(resource)) if resource else None

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        for resource in self._client.find("scim.group.list", "displayName", name):
            group, ids = group_from_scim(resource)
            if group.key == comparison_key(name):
                return self._read_group(group, ids, resource, members=members)
        return None

    def _identified_group(self, identity: str, *, members: bool) -> Group | None:
        """The group to rename: by its current name, or by id."""
        found = self.find_group(identity, members=members)
        resource = None if found else self._get("scim.group.get", identity)
        if resource is None:
            return found
        group, ids = group_from_scim(resource)
        return self._read_group(group, ids, resource, members=members)

    def _read_group(
        self, group: Group, ids: tuple[tuple[str, bool], ...], resource: Mapping[str, Any], *, members: bool
    ) -> Group:
        if members and "members" not in {str(name).lower() for name in resource}:
            # Servers omit members in listings, and RFC 7643 omits empty ones: read the group itself.
            ids = self._full(group)[1]
        if members:
            self._resolve({id for id, is_user in ids if is_user})
        return self._group(group, ids if members else None)

    def _get(self, endpoint_id: str, object_id: str) -> Mapping[str, Any] | None:
        try:
            answer = self._client.call(endpoint_id, object_id=object_id)
        except (NotFoundError, ValidationError):
            # Some servers answer 400 to an id of another form than theirs.
            return None
        return answer if isinstance(answer, Mapping) else None

    def _resolve(self, ids: Iterable[str]) -> None:
        """Read the UPNs of these user ids: few one by one, many by one listing."""
        unknown = [id for id in ids if id not in self._upns]
        if not unknown or self._all_users_read:
            return
        if len(unknown) > LOOKUPS:
            self.list_users()
            return
        for id in unknown:
            resource = self._get("scim.user.get", id)
            if resource:
                self._remember(user_from_scim(resource))

    def _group(self, group: Group, ids: tuple[tuple[str, bool], ...] | None) -> Group:
        self._group_ids[group.key] = group.id
        if ids is None:
            return group
        keys = frozenset(self._upns[id] if is_user and id in self._upns else f"{UNRESOLVED}{id}" for id, is_user in ids)
        return with_fields(group, {"members": keys})

    def _remember(self, user: User) -> User:
        # Another user may get the old name, and must not get this user's id.
        before = self._upns.get(user.id)
        if before is not None and before != user.key and self._user_ids.get(before) == user.id:
            del self._user_ids[before]
        self._user_ids[user.key] = user.id
        self._upns[user.id] = user.key
        return user

    # Writing

    def batch(self, plan: Plan) -> Batch | None:
        """Bulk, where the service supports it and the plan is large enough."""
        from .scim_bulk import WORTHWHILE, ScimBulk, limits_of  # start-up

        if sum(self._request_of(action) is not None for action in plan.actions) < WORTHWHILE:
            return None
        try:
            limits = limits_of(self._client.call("scim.config"))
        except AnswerError:
            return None
        return ScimBulk(self._client, limits, self._request_of, self._object_after) if limits else None

    def _request_of(self, action: Action) -> Request | None:
        """The request of this action; None where it needs several, or another API."""
        subject: Any = action.subject
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
    def _patch_of(thing: User | Group, changes: Mapping[str, Any]) -> Request:
        is_user = isinstance(thing, User)
        operations = [patch_operation(thing, name, value) for name, value in changes.items()]
        return Request("scim.user.patch" if is_user else "scim.group.patch", thing.id, patch_body(operations))

    def _members_at_once(self, action: Action) -> Request | None:
        """The request of a membership change; None when it needs several, or look-ups first."""
        keys = (*action.changes["add"], *action.changes["remove"])
        group_id = self._group_id(action.outcome)
        if not group_id or not all(key.startswith(UNRESOLVED) or key in self._user_ids for key in keys):
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
                    {"op": "remove", "path": f'members[value eq "{id}"]'}
                    for id in removed[start : start + MEMBERS_PER_PATCH]
                ]
            )

    def _object_after(self, action: Action, object_id: str) -> Any:
        """The object after an action that the server has confirmed."""
        self._forget_roles_after_rename(action)
        thing = action.outcome
        if action.type in (USER_CREATE, GROUP_CREATE) and object_id:
            thing = with_fields(thing, {"id": object_id})
        if isinstance(thing, User) and thing.id:
            self._remember(thing)
        elif isinstance(thing, Group) and thing.id:
            self._group_ids[thing.key] = thing.id
        return thing

    def _do(self, request: Request) -> Any:
        return self._client.call(request.endpoint_id, object_id=request.object_id, body=request.body)

    def create_user(self, action: Action) -> User:
        from .create_once import create_once  # start-up

        wanted: User = action.outcome

        def create() -> User:
            resource = self._do(Request("scim.user.create", body=user_to_scim(wanted)))
            found = user_from_scim(resource) if isinstance(resource, Mapping) else self.find_user(wanted.upn)
            return found or wanted

        user, ours = create_once(create, lambda: self.find_user(wanted.upn))
        if not ours:
            _refuse_somebody_else(wanted, user)
            given = {name: value for name, value in action.changes.items() if name in SCIM_USER_PATHS}
            user = self._patched(user, difference(given, user, USER_FIELDS))
        return self._remember(user)

    def _forget_roles_after_rename(self, action: Action) -> None:
        """Roles are written by ids that were read before the renames."""
        if action.is_about_user and action.renames and self._administration is not None:
            self._administration.forget_users()

    def update_user(self, action: Action) -> User:
        # Before it is sent: a rename whose answer is lost may have been processed.
        self._forget_roles_after_rename(action)
        return self._remember(self._patched(action.subject, action.changes))

    def _patched(self, thing: Thing, changes: Mapping[str, Any]) -> Thing:
        if changes:
            self._do(self._patch_of(thing, changes))
        return with_fields(thing, changes)

    def delete_user(self, action: Action) -> User:
        user: User = action.subject
        return self._patched(user, {"active": False})

    def delete_user_permanently(self, action: Action) -> None:
        self._client.call("scim.user.delete", object_id=action.subject.id)

    def create_group(self, action: Action) -> Group:
        from .create_once import create_once  # start-up

        wanted: Group = action.outcome

        def create() -> Group:
            resource = self._do(Request("scim.group.create", body=group_to_scim(wanted)))
            found = group_from_scim(resource)[0] if isinstance(resource, Mapping) else self.find_group(wanted.name)
            return found or wanted

        group, ours = create_once(create, lambda: self.find_group(wanted.name, members=False))
        if not ours:
            given = {name: value for name, value in action.changes.items() if name in SCIM_GROUP_PATHS}
            group = self._patched(group, difference(given, group, GROUP_FIELDS))
        self._group_ids[group.key] = group.id
        return with_fields(group, {"members": frozenset()}) if group.members is None else group

    def update_group(self, action: Action) -> Group:
        group: Group = self._patched(action.subject, action.changes)
        self._group_ids[group.key] = group.id
        return group

    def delete_group(self, action: Action) -> None:
        self._client.call("scim.group.delete", object_id=action.subject.id)

    def change_members(self, action: Action) -> Group:
        group: Group = action.outcome
        group_id = self._group_id(group)
        if not group_id:
            raise W365Error(f"group '{group.name}' was not created, so it has no members to change.")
        ids = {key: self._user_id(key) for key in (*action.changes["add"], *action.changes["remove"])}
        # Missing users must not prevent the change for the others, so the error is raised afterwards.
        for body in self._member_patches(action, ids):
            self._do(Request("scim.group.patch", group_id, body))
        if absent := absent_users(ids):
            raise W365Error(absent)
        return with_fields(group, {"id": group_id})

    def _group_id(self, group: Group) -> str:
        return group.id or self._group_ids.get(group.key, "")

    def _user_id(self, key: str) -> str:
        """Empty where nobody has this UPN."""
        if key.startswith(UNRESOLVED):
            return key.removeprefix(UNRESOLVED)
        if key not in self._user_ids:
            self.find_user(key)
        return self._user_ids.get(key, "")

    def set_administrator(self, action: Action) -> User:
        if self._administration is None:
            raise W365Error(
                "the administrator role is not managed through SCIM: give instance_url and provisioning_key."
            )
        return self._administration.set_administrator(action)


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


def _needs_members(desired: Desired) -> bool:
    """Whether a plan for this needs the members of groups."""
    return removal_needs_groups(desired) or any(
        group.members is not None or not group.present for group in desired.groups
    )


def _concerned_groups(desired: Desired) -> frozenset[str] | None:
    """Keys, ids and external ids of the groups whose members are needed; None for all. A renamed one has another name."""
    if removal_needs_groups(desired):
        return None
    names = [
        str(name)
        for group in desired.groups
        for name in (group.name, group.identity, group.fields.get("external_id"))
        if name
    ]
    return frozenset(names) | frozenset(map(comparison_key, names))


def _distinct(found: Iterable[Thing | None]) -> list[Thing]:
    return list({thing.id or thing.key: thing for thing in found if thing is not None}.values())
