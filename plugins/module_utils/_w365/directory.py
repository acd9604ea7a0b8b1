# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment's users, groups and administrators behind one interface, with an adapter for each wire.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .apply import Batch, Handler, created_once
from .errors import (
    AlreadyExistsError,
    AnswerError,
    EndpointMissingError,
    InputError,
    NotFoundError,
    RolesUnreadableError,
    ValidationError,
    W365Error,
)
from .model import (
    GROUP_FIELDS,
    PROVISIONING_GROUP_NAMES,
    PROVISIONING_USER_NAMES,
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    UNRESOLVED,
    USER_FIELDS,
    Desired,
    DesiredUser,
    Environment,
    Group,
    SingleSignOn,
    Snapshot,
    User,
    difference,
    folded,
    group_from_provisioning,
    group_from_scim,
    group_to_scim,
    sanitised_environment_name,
    to_provisioning,
    user_from_provisioning,
    user_from_scim,
    user_to_scim,
    with_fields,
)
from .plan import Abilities, Action, Plan
from .scim import MEMBERS_PER_PATCH, Request, ScimClient, patch_body

if TYPE_CHECKING:
    from .provisioning import ProvisioningClient

LOOKUPS = 25
"""Up to so many objects are looked up one by one; more than that are cheaper to list."""

Thing = TypeVar("Thing", User, Group)

SCIM_ABILITIES = Abilities(
    wire="SCIM",
    user_fields=frozenset(SCIM_USER_PATHS),
    group_fields=frozenset(SCIM_GROUP_PATHS),
    ways_out={
        "administrator": "The role is given over the Provisioning API: use w365_admin.",
        "password": "Users that come over SCIM sign in with Microsoft Entra; leave the password out.",
        "create_in_office365": "It belongs to the Provisioning API: leave out scim_url, or create the account in Microsoft Entra.",
        "description": "SCIM groups have none: leave it out, or leave out scim_url.",
    },
)

_SCIM_ONLY = "Give scim_url and scim_token: it travels over SCIM."
PROVISIONING_ABILITIES = Abilities(
    wire="the Provisioning API",
    user_fields=frozenset(PROVISIONING_USER_NAMES) - {"password", "create_in_office365"},
    group_fields=frozenset(PROVISIONING_GROUP_NAMES),
    extras=frozenset({"password", "create_in_office365"}),
    permanent_deletion=False,
    ways_out={
        "email": "There the e-mail address is the UPN: leave email out, or give scim_url and scim_token.",
        "external_id": _SCIM_ONLY,
        "permanent": "Give scim_url and scim_token: SCIM can delete for good. Otherwise the user goes for good after 30 days.",
    },
)


class Directory(Protocol):
    """What the corridor asks of an environment. Both adapters answer in the model's words."""

    abilities: Abilities

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        """As much of the environment as a plan for `desired` needs."""

    def list_users(self) -> list[User]:
        """Every user, those on the deleted-users list included where the server shows them."""

    def list_groups(self, *, members: bool = True) -> list[Group]:
        """Every group; members by UPN."""

    def find_user(self, name: str) -> User | None:
        """One user by UPN or id."""

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        """One group by name; members by UPN."""

    def handlers(self) -> Mapping[str, Handler]:
        """For every action of a plan the function that does it."""

    def batch(self, plan: Plan) -> Batch | None:
        """A way to do many actions in one request; None where the wire has none, or it is not worth it."""


def _handlers(directory: Any) -> Mapping[str, Handler]:
    """Both adapters have one method per action, called with the action."""
    return {
        "user.create": directory.create_user,
        "user.restore": directory.update_user,
        "user.update": directory.update_user,
        "user.delete": directory.delete_user,
        "user.delete_permanently": directory.delete_user_permanently,
        "group.create": directory.create_group,
        "group.update": directory.update_group,
        "group.delete": directory.delete_group,
        "membership.change": directory.change_members,
        "administrator.grant": directory.set_administrator,
        "administrator.revoke": directory.set_administrator,
    }


class ScimDirectory:
    """Users, groups and memberships over SCIM. Administrators, which never travel over SCIM, over `administration`."""

    abilities = SCIM_ABILITIES

    def __init__(self, client: ScimClient, administration: ProvisioningDirectory | None) -> None:
        self._client = client
        self._administration = administration
        self._user_ids: dict[str, str] = {}
        self._group_ids: dict[str, str] = {}
        self._upns: dict[str, str] = {}
        self._all_users_read = False

    def handlers(self) -> Mapping[str, Handler]:
        return _handlers(self)

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        names = _user_names(desired)
        listing = desired.whole or len(names) > LOOKUPS
        users: list[User] = []
        if names or desired.purge.kinds:
            users = self.list_users() if listing else _distinct(map(self.find_user, names))
        with_members = _needs_members(desired)
        if (desired.groups and (desired.whole or len(desired.groups) > LOOKUPS)) or _purge_needs_groups(desired):
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
        return Snapshot(
            tuple(users),
            tuple(groups),
            None if people is None else _active_administrators(people),
            None if people is None else _primary_administrator(people),
        )

    def _people_with_roles(self, desired: Desired) -> list[User] | None:
        """The users as the Provisioning API shows them; None when they need not or cannot be read."""
        must = desired.administrators is not None
        if self._administration is None or not (must or desired.purge.kinds or any(map(_takes_away, desired.users))):
            return None
        try:
            return self._administration.users_with_roles()
        except RolesUnreadableError:
            if must:
                raise
            return None

    def list_users(self) -> list[User]:
        users = [self._remember(user_from_scim(resource)) for resource in self._client.pages("scim.user.list")]
        self._all_users_read = True
        return users

    def list_groups(self, *, members: bool = True, concerned: frozenset[str] | None = None) -> list[Group]:
        query = None if members else {"excludedAttributes": "members"}
        read = [group_from_scim(resource) for resource in self._client.pages("scim.group.list", query)]
        if members and not any(ids for _group, ids in read):
            # Either nobody is in any group, or this server leaves members out of listings: only the groups themselves tell.
            read = [
                self._full(group)
                if concerned is None or not concerned.isdisjoint((group.key, group.id))
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
            if (user := user_from_scim(r)).key == folded(name)
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
            if group.key == folded(name):
                return self._read_group(group, ids, resource, members=members)
        return None

    def _identified_group(self, identity: str, *, members: bool) -> Group | None:
        """The group that is to be renamed: by its present name, or by id."""
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
            # Servers leave members out of listings, and RFC 7643 leaves out empty ones: one more read tells which.
            ids = self._full(group)[1]
        if members:
            self._resolve({id for id, is_user in ids if is_user})
        return self._group(group, ids if members else None)

    def _get(self, endpoint_id: str, object_id: str) -> Mapping[str, Any] | None:
        try:
            answer = self._client.call(endpoint_id, object_id=object_id)
        except (NotFoundError, ValidationError):
            # Some servers answer 400 to an id that is not formed like theirs.
            return None
        return answer if isinstance(answer, Mapping) else None

    def _resolve(self, ids: Iterable[str]) -> None:
        """Learn the UPNs of these user ids: few by asking for each, many by one listing."""
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
        self._user_ids[user.key] = user.id
        self._upns[user.id] = user.key
        return user

    # Writing

    def batch(self, plan: Plan) -> Batch | None:
        """Bulk, where the service offers it and the plan is big enough to ask."""
        from .bulk import WORTHWHILE, ScimBulk, limits_of

        if sum(self._request_of(action) is not None for action in plan.actions) < WORTHWHILE:
            return None
        try:
            limits = limits_of(self._client.call("scim.config"))
        except AnswerError:
            return None
        return ScimBulk(self._client, limits, self._request_of, self._settle) if limits else None

    def _request_of(self, action: Action) -> Request | None:
        """The one request that does this action; None where it takes several, or another wire."""
        thing: Any = action.subject
        match f"{action.kind}.{action.verb}":
            case "user.create":
                return Request("scim.user.create", body=user_to_scim(action.outcome))
            case "user.restore" | "user.update" | "user.delete" | "group.update":
                return self._patch_of(thing, action.changes)
            case "user.delete_permanently":
                return Request("scim.user.delete", thing.id)
            case "group.create":
                return Request("scim.group.create", body=group_to_scim(action.outcome))
            case "group.delete":
                return Request("scim.group.delete", thing.id)
            case "membership.change":
                return self._members_at_once(action)
        return None

    @staticmethod
    def _patch_of(thing: User | Group, changes: Mapping[str, Any]) -> Request:
        is_user = isinstance(thing, User)
        paths = SCIM_USER_PATHS if is_user else SCIM_GROUP_PATHS
        operations = [_replace_operation(paths, name, value, thing) for name, value in changes.items()]
        return Request("scim.user.patch" if is_user else "scim.group.patch", thing.id, patch_body(operations))

    def _members_at_once(self, action: Action) -> Request | None:
        """None for a change that travels in slices, and for one whose users or group have to be looked up first."""
        keys = (*action.changes["add"], *action.changes["remove"])
        group_id = self._group_id(action.outcome)
        if not group_id or not all(key.startswith(UNRESOLVED) or key in self._user_ids for key in keys):
            return None
        patches = list(self._member_patches(action))
        return Request("scim.group.patch", group_id, patches[0]) if len(patches) == 1 else None

    def _member_patches(self, action: Action) -> Iterator[dict[str, Any]]:
        """The bodies of the PATCH requests that change the members, in slices."""
        added = [{"value": self._user_id(key)} for key in action.changes["add"]]
        for start in range(0, len(added), MEMBERS_PER_PATCH):
            yield patch_body([{"op": "add", "path": "members", "value": added[start : start + MEMBERS_PER_PATCH]}])
        removed = [self._user_id(key) for key in action.changes["remove"]]
        for start in range(0, len(removed), MEMBERS_PER_PATCH):
            yield patch_body(
                [
                    {"op": "remove", "path": f'members[value eq "{id}"]'}
                    for id in removed[start : start + MEMBERS_PER_PATCH]
                ]
            )

    def _settle(self, action: Action, object_id: str) -> Any:
        """What became of an object by a request that was confirmed."""
        thing = action.outcome
        if action.verb == "create" and object_id:
            thing = with_fields(thing, {"id": object_id})
        if isinstance(thing, User) and thing.id:
            self._remember(thing)
        elif isinstance(thing, Group) and thing.id:
            self._group_ids[thing.key] = thing.id
        return thing

    def _do(self, request: Request) -> Any:
        return self._client.call(request.endpoint_id, object_id=request.object_id, body=request.body)

    def create_user(self, action: Action) -> User:
        wanted: User = action.outcome

        def create() -> User:
            resource = self._do(Request("scim.user.create", body=user_to_scim(wanted)))
            found = user_from_scim(resource) if isinstance(resource, Mapping) else self.find_user(wanted.upn)
            return found or wanted

        user, ours = created_once(create, lambda: self.find_user(wanted.upn))
        if not ours:
            given = {name: value for name, value in action.changes.items() if name in SCIM_USER_PATHS}
            user = self._patched(user, difference(given, user, USER_FIELDS))
        return self._remember(user)

    def update_user(self, action: Action) -> User:
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
        wanted: Group = action.outcome

        def create() -> Group:
            resource = self._do(Request("scim.group.create", body=group_to_scim(wanted)))
            found = group_from_scim(resource)[0] if isinstance(resource, Mapping) else self.find_group(wanted.name)
            return found or wanted

        group, ours = created_once(create, lambda: self.find_group(wanted.name, members=False))
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
        for body in self._member_patches(action):
            self._do(Request("scim.group.patch", group_id, body))
        return with_fields(group, {"id": group_id})

    def _group_id(self, group: Group) -> str:
        return group.id or self._group_ids.get(group.key, "")

    def _user_id(self, key: str) -> str:
        if key.startswith(UNRESOLVED):
            return key.removeprefix(UNRESOLVED)
        if key not in self._user_ids and self.find_user(key) is None:
            raise W365Error(f"user '{key}' is not there: it could not be created, or was deleted meanwhile.")
        return self._user_ids[key]

    def set_administrator(self, action: Action) -> User:
        if self._administration is None:
            raise W365Error("the administrator role does not travel over SCIM: give instance_url and provisioning_key.")
        return self._administration.set_administrator(action)


def _replace_operation(paths: Mapping[str, str], name: str, value: Any, thing: User | Group) -> dict[str, Any]:
    """One PATCH operation in the standard's dialect."""
    if name == "email":
        # A value filter on a missing entry is an error on some servers, so an address that is not there yet is added whole.
        if not getattr(thing, "email", None):
            return {"op": "add", "path": "emails", "value": [{"type": "work", "primary": True, "value": value}]}
        if value == "":
            return {"op": "remove", "path": 'emails[type eq "work"]'}
    return {"op": "replace", "path": paths[name], "value": value}


class ProvisioningDirectory:
    """Users and groups over the instance's Provisioning API.

    Only creating and validating users is documented; the rest has letter A. Where a server does not have it, users
    are looked up by asking whether they could be created.
    """

    abilities = PROVISIONING_ABILITIES

    def __init__(self, client: ProvisioningClient, environment: str) -> None:
        self._client = client
        self._environment = environment
        self._users: list[User] | None = None
        self._ids: dict[str, str] = {}
        self._group_ids: dict[str, str] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return _handlers(self)

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        groups = tuple(self.list_groups()) if desired.groups or _purge_needs_groups(desired) else ()
        wanted = _user_names(desired) or desired.administrators is not None or desired.purge.kinds
        try:
            reader = self.list_users if desired.administrators is None else self.users_with_roles
            users = tuple(reader()) if wanted else ()
        except EndpointMissingError:
            if any(map(_needs_reading, desired.users)) or desired.purge.kinds:
                raise
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(max_workers=max(concurrency, 1)) as workers:
                found = workers.map(self._exists, desired.users)
            return Snapshot(
                tuple(User(u.upn, readable=False) for u, exists in zip(desired.users, found, strict=True) if exists),
                groups,
            )
        if not wanted:
            return Snapshot(users, groups)
        return Snapshot(users, groups, _active_administrators(users), _primary_administrator(users))

    def _exists(self, wanted: DesiredUser) -> bool:
        """Ask Validate whether the user could be created: what is refused as existing, exists."""
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
        """Every user with the administrator role. Raises RolesUnreadableError where the server has no such list."""
        try:
            return self.list_users()
        except EndpointMissingError as error:
            from .provisioning import ROLE_WAY_OUT

            raise RolesUnreadableError(
                error.said, status=error.status, method=error.method, path=error.path, advice=ROLE_WAY_OUT
            ) from None

    def list_users(self) -> list[User]:
        if self._users is None:
            items = _listed(self._client.call("user.list", environment=self._environment))
            self._users = [user_from_provisioning(item) for item in items]
            self._ids.update({user.key: user.id for user in self._users})
        return self._users

    def list_groups(self, *, members: bool = True) -> list[Group]:
        groups = []
        upns: dict[str, str] | None = None
        for item in _listed(self._client.call("group.list", environment=self._environment)):
            group, ids = group_from_provisioning(item)
            self._group_ids[group.key] = group.id
            if members:
                if upns is None:
                    upns = {user.id: user.key for user in self.list_users()}
                group = with_fields(group, {"members": frozenset(upns.get(id, f"{UNRESOLVED}{id}") for id in ids)})
            groups.append(group)
        return groups

    def find_user(self, name: str) -> User | None:
        return next((user for user in self.list_users() if user.key == folded(name) or user.id == name), None)

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        return next(
            (group for group in self.list_groups(members=members) if group.key == folded(name) or group.id == name),
            None,
        )

    # Writing

    def batch(self, plan: Plan) -> Batch | None:
        """The Provisioning API changes one object at a time."""
        return None

    @staticmethod
    def _new_user(fields: Mapping[str, Any], extras: Mapping[str, Any]) -> dict[str, Any]:
        """The documented body of a new user; the two switches are always part of it."""
        known = {name: fields.get(name) for name in ("upn", "first_name", "last_name")}
        switches = {
            "administrator": bool(fields.get("administrator")),
            "create_in_office365": bool(extras.get("create_in_office365")),
        }
        return to_provisioning({**known, "password": extras.get("password"), **switches}, PROVISIONING_USER_NAMES)

    def create_user(self, action: Action) -> User:
        wanted: User = action.outcome
        body = self._new_user(action.changes, action.extras)

        def create() -> User:
            answer = self._client.call("user.create", environment=self._environment, body=body)
            return with_fields(wanted, {"id": str(answer) if isinstance(answer, int | str) else "", "active": True})

        user, ours = created_once(create, lambda: self._find_created(wanted))
        self._ids[user.key] = user.id
        given = {name: value for name, value in action.changes.items() if name in PROVISIONING_USER_NAMES}
        # A new user is active; whoever should not be is changed at once. The same call mends what somebody else created.
        changes = difference(given, user, USER_FIELDS) if user.readable and (wanted.active is False or not ours) else {}
        return self._put_user(user, changes, {}) if changes else user

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
        self._ids[changed.key] = user.id
        return changed

    def delete_user(self, action: Action) -> User:
        self._client.call("user.delete", environment=self._environment, object_id=action.subject.id)
        user: User = action.subject
        return with_fields(user, {"active": False})

    def delete_user_permanently(self, action: Action) -> None:
        raise W365Error(f"the Provisioning API cannot do that. {self.abilities.ways_out['permanent']}")

    def create_group(self, action: Action) -> Group:
        wanted: Group = action.outcome
        body = to_provisioning(
            {name: action.changes.get(name) for name in PROVISIONING_GROUP_NAMES}, PROVISIONING_GROUP_NAMES
        )

        def create() -> Group:
            answer = self._client.call("group.create", environment=self._environment, body=body)
            return with_fields(
                wanted, {"id": str(answer) if isinstance(answer, int | str) else "", "members": frozenset()}
            )

        group, _ours = created_once(create, lambda: self.find_group(wanted.name))
        self._group_ids[group.key] = group.id
        return group

    def update_group(self, action: Action) -> Group:
        body = to_provisioning(action.changes, PROVISIONING_GROUP_NAMES)
        self._client.call("group.update", environment=self._environment, object_id=action.subject.id, body=body)
        group: Group = action.subject
        return with_fields(group, action.changes)

    def delete_group(self, action: Action) -> None:
        self._client.call("group.delete", environment=self._environment, object_id=action.subject.id)

    def change_members(self, action: Action) -> Group:
        group: Group = action.outcome
        group_id = group.id or self._group_ids.get(group.key, "")
        if not group_id:
            raise W365Error(f"group '{group.name}' was not created, so it has no members to change.")
        ids = [self._user_id(key) for key in sorted(group.members or ())]
        self._client.call("group.update", environment=self._environment, object_id=group_id, body={"Members": ids})
        return with_fields(group, {"id": group_id})

    def set_administrator(self, action: Action) -> User:
        subject: User = action.subject
        user = with_fields(subject, {"id": str(self._user_id(subject.key))})
        return self._put_user(user, action.changes, {})

    def _user_id(self, key: str) -> int | str:
        """The id as the server wrote it: a number (contract: User; D)."""
        id = key.removeprefix(UNRESOLVED) if key.startswith(UNRESOLVED) else self._ids.get(key, "")
        if not id:
            # Created after the list was read, by a server that answered without an id.
            self._users = None
            found = self.find_user(key)
            id = found.id if found is not None else ""
        if not id:
            raise W365Error(f"user '{key}' is not there: it could not be created, or was deleted meanwhile.")
        return int(id) if id.isdigit() else id


def _listed(data: Any) -> list[Mapping[str, Any]]:
    """The items of a list, or of a list inside an object (payload A)."""
    if isinstance(data, Mapping):
        data = next((value for value in data.values() if isinstance(value, list)), [])
    return [item for item in data or () if isinstance(item, Mapping)]


def _active_administrators(users: Iterable[User]) -> frozenset[str]:
    return frozenset(user.key for user in users if user.administrator and user.active is not False)


def _primary_administrator(users: Iterable[User]) -> str | None:
    """The active administrator who was there first (contract, section 4; D): the lowest id, as long as ids are numbers (A)."""
    active = [user for user in users if user.administrator and user.active is not False]
    if not active or not all(user.id.isdigit() for user in active):
        return None
    return min(active, key=lambda user: int(user.id)).key


def _needs_members(desired: Desired) -> bool:
    """Whether a plan for this has to know who is in the groups."""
    return _purge_needs_groups(desired) or any(
        group.members is not None or not group.present for group in desired.groups
    )


def _concerned_groups(desired: Desired) -> frozenset[str] | None:
    """Keys and ids of the groups whose members matter; None for all."""
    if _purge_needs_groups(desired):
        return None
    names = [name for group in desired.groups for name in (group.name, group.identity) if name]
    return frozenset(names) | frozenset(map(folded, names))


def _purge_needs_groups(desired: Desired) -> bool:
    scope = desired.purge.scope
    return "groups" in desired.purge.kinds or bool(desired.purge.kinds and scope is not None and scope.groups)


def _user_names(desired: Desired) -> list[str]:
    """The users that a plan for this has to know about, each once."""
    names = [name for user in desired.users for name in (user.upn, user.identity) if name]
    names += [key for group in desired.groups if group.members for key in sorted(group.members.named)]
    if desired.administrators is not None:
        names += sorted(desired.administrators.named)
    return list(dict.fromkeys(folded(name) if "@" in name else name for name in names))


def _takes_away(user: DesiredUser) -> bool:
    """True when carrying this out may cost an environment an administrator."""
    return not user.present or user.fields.get("active") is False or user.fields.get("administrator") is False


def _needs_reading(user: DesiredUser) -> bool:
    """True when it is not enough to know that the user exists: something is to be found, taken away or changed later."""
    starts_inactive = {**user.initial, **user.fields}.get("active") is False
    rewrites_password = user.update_password and bool(user.extras.get("password"))
    return not user.present or bool(user.identity) or starts_inactive or rewrites_password


def _distinct(found: Iterable[Thing | None]) -> list[Thing]:
    return list({thing.id or thing.key: thing for thing in found if thing is not None}.values())


class Instance:
    """The environments of an instance, and their settings."""

    def __init__(self, client: ProvisioningClient) -> None:
        self._client = client
        self._names: dict[str, str] = {}
        self._validated = False

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "environment.create": self.create_environment,
            "environment.activate": lambda action: self._switch(action, "environment.activate"),
            "environment.deactivate": lambda action: self._switch(action, "environment.deactivate"),
            "environment.delete": lambda action: self._client.call("environment.delete", environment=action.name),
            "sso.write": self._write_sso,
        }

    def list_environments(self) -> list[Environment] | None:
        """All environments; None when the server's list cannot be read."""
        try:
            return self._client.environments()
        except (AnswerError, InputError):
            return None

    def find_environment(
        self, name: str, administrator: Mapping[str, str] | None, *, empty: bool = False
    ) -> Environment | None:
        """The environment that goes by this name or by what the server makes of it.

        Where the list cannot be read, Validate is asked whether the name is taken. Raises AnswerError when the server
        answers neither, or objects to something else; with `empty` it may miss the first administrator.
        """
        listed = self.list_environments()
        if listed is not None:
            names = (name.lower(), sanitised_environment_name(name))
            return next((found for wanted in names for found in listed if found.name.lower() == wanted), None)
        try:
            answered = self.validate_environment(name, administrator)
        except AlreadyExistsError:
            return Environment(sanitised_environment_name(name))
        except ValidationError:
            if not empty:
                raise
            return None
        if not answered:
            raise W365Error(
                f"This server shows neither a list of environments nor whether {name!r} could be created, so nobody can tell "
                "whether it exists. Check instance_url, or give the endpoints' paths in option endpoints."
            )
        return None

    def validate_environment(self, name: str, administrator: Mapping[str, str] | None) -> bool:
        """Ask once whether the environment could be created. Raises with the server's reason when it could not.

        False when the server has no usable answer: what it says to this call is not documented (payload A).
        """
        if not self._validated:
            try:
                self._client.validate_environment(name, administrator)
            except (AlreadyExistsError, ValidationError) as error:
                raise error.while_doing(f"create environment '{name}'") from None
            except AnswerError:
                return False
            self._validated = True
        return True

    def create_environment(self, action: Action) -> Environment:
        administrator = action.extras.get("administrator")

        def create() -> Environment:
            return Environment(self._client.create_environment(action.name, administrator), True)

        created, _ours = created_once(create, lambda: self._find_created(action.name, administrator))
        self._names[action.outcome.name] = created.name
        return created

    def _find_created(self, name: str, administrator: Mapping[str, str] | None) -> Environment | None:
        """None also when the server does not tell: it then refuses a second create of the same name."""
        # What Validate said before the create is out of date.
        self._validated = False
        try:
            return self.find_environment(name, administrator, empty=administrator is None)
        except W365Error:
            return None

    def _switch(self, action: Action, endpoint_id: str) -> Environment:
        name = self._names.get(action.name, action.name)
        self._client.call(endpoint_id, environment=name)
        return Environment(name, bool(action.changes["active"]))

    def find_sso(self, environment: str) -> tuple[SingleSignOn | None, bool]:
        """The single sign-on of an environment, and whether the server can show it."""
        try:
            return self._client.sso(environment)
        except EndpointMissingError:
            return None, False

    def _write_sso(self, action: Action) -> SingleSignOn:
        sso: SingleSignOn = action.outcome
        self._client.write_sso(action.name, sso, action.extras["key"])
        return sso
