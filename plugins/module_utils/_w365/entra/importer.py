# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Entra as a source of desired state: the users and groups to import, and the skipped ones with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..api.graph import PERMISSIONS, GraphClient, UnknownGroupError, the_one_group
from ..errors import AuthenticationError, InputError
from ..model.characters import hidden_character, not_allowed_in_upn
from ..model.desired import AddRemoveSet, Desired, DesiredGroup, DesiredUser, EmptiedGroup, Skipped
from ..model.directory import Capabilities, Snapshot
from ..model.fields import OPTIONAL_USER_FIELDS
from ..model.names import comparison_key, external_id_key, is_object_id
from ..model.removal_policy import RemovalPolicy, RemovalScope
from .tenant import SUGGESTED_FROM, Reading, State, Tenant, read_tenant, read_with_state

if TYPE_CHECKING:
    from ..model.import_scope import ImportScope


@dataclass(frozen=True)
class TenantSelection:
    """What was read for an import: the tenant, the ids of the chosen groups, those of the Global Administrators (None: not
    read), and the members of groups at the last run, as far as they are known (`former`)."""

    tenant: Tenant
    chosen: tuple[str, ...] = ()
    administrators: frozenset[str] | None = None
    former: Tenant = field(default_factory=Tenant)


def read_full(graph: GraphClient, scope: ImportScope, *, concurrency: int = 1) -> TenantSelection:
    """Read only what the scope needs, `concurrency` groups at the same time.

    Raises InputError for a group or a domain that Entra does not have.
    """
    refuse_unknown_domains(graph, scope.domains)
    tenant, chosen = read_tenant(
        graph,
        scope.properties,
        groups=scope.groups,
        everybody=scope.needs_everybody,
        flatten=scope.flatten,
        all_groups=scope.includes_groups_of_users,
        possible=lambda group: group_exclusion(group) is None,
        wanted=scope.includes_group,
        concurrency=concurrency,
    )
    return TenantSelection(tenant, tuple(dict.fromkeys(chosen)), _administrators(graph, scope))


def read_delta(
    graph: GraphClient, scope: ImportScope, kept: bytes | None, *, tenant: str, full_every: int, now: datetime
) -> tuple[TenantSelection, State, Reading]:
    """Read the changes since a state was `kept`, or everything; `full_every` is in days."""
    if full_every < 0:
        raise InputError(f"Option full_every is {full_every}: give a number of days, 0 for a full run every time.")
    refuse_unknown_domains(graph, scope.domains)
    about = {"graph": graph.root, "tenant": tenant, "scope": scope.as_dict(), "properties": list(scope.properties)}
    state, reading = read_with_state(
        graph, kept, about, scope.properties, full_every=timedelta(days=full_every), now=now
    )
    chosen = groups_by_name(state.tenant, scope.groups)
    return TenantSelection(state.tenant, chosen, _administrators(graph, scope), reading.former), state, reading


def _administrators(graph: GraphClient, scope: ImportScope) -> frozenset[str] | None:
    return graph.global_administrators() if scope.roles_from_entra else None


def groups_by_name(tenant: Tenant, names: Iterable[str]) -> tuple[str, ...]:
    """The ids of the groups with these names or ids. Raises InputError for a missing or ambiguous one."""
    ids = []
    for name in names:
        named = [
            group
            for group in tenant.groups.values()
            if comparison_key(str(group.get("displayName") or "")) == comparison_key(name)
        ]
        group = the_one_group(name, named) or tenant.groups.get(name) or tenant.groups.get(comparison_key(name))
        if group is None:
            names = [str(other.get("displayName") or "") for other in tenant.groups.values()]
            raise UnknownGroupError(name).with_near_names(names[:SUGGESTED_FROM])
        ids.append(str(group["id"]))
    return tuple(dict.fromkeys(ids))


def desired_from_entra(found: TenantSelection, scope: ImportScope, capabilities: Capabilities) -> Desired:
    """The users, groups and administrators of the scope, and the skipped ones with reasons.

    Raises InputError for a scope without users, since an empty answer is more often an error than an empty tenant, and for
    removals where imported users cannot be identified.
    """
    if scope.removes_users and "external_id" not in capabilities.user_fields:
        raise InputError(
            f"Option on_leave is delete, and {capabilities.wire} has no external ids, so the users that this import has "
            "created could not be identified. Give scim_url and scim_token, or leave out on_leave."
        )
    tenant = found.tenant
    skipped: list[Skipped] = []
    # Users who are excluded or protected are not changed, also out of scope and under an older UPN, and neither are groups
    # that are skipped.
    named = scope.exclude_users | scope.protected
    spared = {
        *named,
        *(id for id, user in tenant.users.items() if comparison_key(str(user["userPrincipalName"])) in named),
    }
    emptied: list[EmptiedGroup] = []
    in_groups, imported = _chosen_groups(found, scope, skipped, spared, emptied)
    people = _people_in_scope(tenant, scope, in_groups)
    if not people:
        raise InputError(
            "The selected groups and domains contain no users. Nothing was changed: an empty answer from Microsoft Entra is "
            "more often a missing permission or a renamed group than a tenant without users."
            + "".join(f" Group '{item.name}' {item.reason}." for item in skipped)
        )
    if all(tenant.users[id].get("accountEnabled") is None for id in people):
        raise AuthenticationError(
            "Microsoft Graph shows of no user in the scope whether the account is enabled (accountEnabled). Nothing was changed: "
            "who has left could not be told from who has not. The app registration lacks the application permission "
            f"{PERMISSIONS['graph.users']}, with admin consent in this tenant."
        )
    users, disabled = _desired_users(tenant, people, scope, capabilities, skipped, spared)
    if scope.includes_groups_of_users:
        imported = _groups_of(found, set(people), scope, skipped, spared, emptied)
    groups, same_named_groups = _desired_groups(tenant, imported, users, scope, capabilities, skipped, spared)
    return Desired(
        users=tuple(sorted((*users.values(), *disabled), key=lambda user: user.key)),
        groups=tuple(sorted(groups, key=lambda group: group.key)),
        administrators=_roles(found, users) if scope.roles_from_entra else None,
        skipped=tuple(sorted(skipped, key=lambda item: (item.kind, comparison_key(item.name)))),
        whole=True,
        keep_collisions=True,
        others=(frozenset(tenant.users) - users.keys()) | (frozenset(tenant.groups) - set(imported)),
        same_named_groups=same_named_groups,
        protected=scope.protected,
        when_administrators_unknown=scope.when_administrators_unknown,
        membership_limit=scope.membership_limit,
        emptied=tuple(emptied),
        when_group_empty=scope.when_group_empty,
        purge=_removal_policy(scope, found, users, groups, spared)
        if scope.removes_users or scope.roles_from_entra or disabled
        else None,
    )


def _chosen_groups(
    found: TenantSelection, scope: ImportScope, skipped: list[Skipped], spared: set[str], emptied: list[EmptiedGroup]
) -> tuple[set[str], list[str]]:
    """The ids of the users in the chosen groups, and of the groups that Workspace 365 supports."""
    tenant = found.tenant
    people: set[str] = set()
    imported: list[str] = []
    for group_id in found.chosen:
        group = tenant.groups[group_id]
        reason = group_exclusion(group)
        if reason:
            skipped.append(Skipped("group", _name(group), reason))
            spared.add(group_id)
            continue
        people |= tenant.people_of(group_id, flatten=scope.flatten)
        if not _hides_members(found, group_id, scope, skipped, spared, emptied):
            imported.append(group_id)
        if not scope.flatten:
            skipped += [_nested(tenant, group_id, nested) for nested in sorted(tenant.nested.get(group_id, ()))]
    return people, imported


def _hides_members(
    found: TenantSelection,
    group_id: str,
    scope: ImportScope,
    skipped: list[Skipped],
    spared: set[str],
    emptied: list[EmptiedGroup],
) -> bool:
    """Whether the group may have members that Graph does not show; it is then skipped. Adds one without people to `emptied`."""
    hidden = found.tenant.hides_members(group_id, flatten=scope.flatten)
    name = _name(found.tenant.groups[group_id])
    if hidden or not found.tenant.people_of(group_id, flatten=scope.flatten):
        had = frozenset(found.former.people_of(group_id, flatten=scope.flatten))
        emptied.append(EmptiedGroup(name, group_id, had, hidden))
    if hidden:
        reason = "hides its members and shows none, so the group was left unchanged; give the app registration Member.Read.Hidden"
        skipped.append(Skipped("group", name, reason))
        spared.add(group_id)
    return hidden


def _people_in_scope(tenant: Tenant, scope: ImportScope, in_groups: set[str]) -> list[str]:
    """The ids of the users in scope, in a fixed order."""
    in_domains = {
        id
        for id, user in tenant.users.items()
        if scope.everything or comparison_key(str(user.get("userPrincipalName"))).rpartition("@")[2] in scope.domains
    }
    both = scope.match == "all" and scope.groups and scope.domains
    in_scope = in_groups & in_domains if both else in_groups | in_domains if scope.needs_everybody else in_groups
    return sorted(id for id in in_scope if id in tenant.users)


def _desired_users(
    tenant: Tenant,
    people: Iterable[str],
    scope: ImportScope,
    capabilities: Capabilities,
    skipped: list[Skipped],
    spared: set[str],
) -> tuple[dict[str, DesiredUser], list[DesiredUser]]:
    """The desired users by their ids, and those to put on the deleted-users list."""
    users: dict[str, DesiredUser] = {}
    disabled: list[DesiredUser] = []
    for id in people:
        person = tenant.users[id]
        exclusion = user_exclusion(person, scope)
        if exclusion is None:
            users[id] = _user_from_entra(person, scope, capabilities)
            continue
        upn = str(person["userPrincipalName"])
        # Without external ids, imported users cannot be identified, and nobody is removed.
        identified = "external_id" in capabilities.user_fields
        removable = scope.status_from_entra and identified
        stays = "" if identified or not exclusion.removes or not scope.status_from_entra else NOT_DEACTIVATED
        skipped.append(Skipped("user", upn, f"{exclusion.reason}{stays}"))
        if exclusion.removes and removable and comparison_key(upn) not in scope.protected:
            disabled.append(_disabled_user(person))
        elif exclusion.keeps or exclusion.removes:
            spared |= {comparison_key(upn), id}
    return users, disabled


def with_known_owners(desired: Desired, current: Snapshot, graph: GraphClient) -> Desired:
    """The same with `others` completed by the owners of accounts with a desired UPN who are still in the tenant.

    Their accounts remain theirs. An account whose owner has been deleted is matched by UPN: the user was recreated in
    Microsoft Entra.
    """
    ids = {external_id_key(user.fields.get("external_id")) for user in desired.users}
    unknown: set[str] = set()
    for user in desired.users:
        for account in current.users_named(user.key):
            owner = external_id_key(account.external_id)
            if owner not in ids and owner not in desired.others and is_object_id(owner):
                unknown.add(owner)
    return desired._replace(others=desired.others | graph.existing_users(sorted(unknown))) if unknown else desired


def _removal_policy(
    scope: ImportScope,
    found: TenantSelection,
    users: Mapping[str, DesiredUser],
    groups: Sequence[DesiredGroup],
    spared: set[str],
) -> RemovalPolicy:
    """What may be removed: only what an import has created, which the external id shows."""
    kinds: set[str] = set()
    if scope.removes_users:
        kinds |= {"users", "groups"} if scope.include_groups and groups else {"users"}
    if scope.roles_from_entra and found.administrators and found.administrators & set(users):
        kinds.add("administrators")
    return RemovalPolicy(
        kinds=frozenset(kinds),
        scope=RemovalScope(from_entra=True),
        limit=scope.delete_limit,
        option="delete_limit",
        spared=frozenset(spared),
        counts_named=True,
    )


def _roles(found: TenantSelection, users: Mapping[str, DesiredUser]) -> AddRemoveSet:
    """Global Administrators in scope get the role. The purge, with its guards, revokes it from others."""
    return AddRemoveSet(add=frozenset(user.key for id, user in users.items() if id in (found.administrators or ())))


NOT_DEACTIVATED = (
    "; it was not deactivated, because the Provisioning API alone cannot tell whose account it is: give scim_url and "
    "scim_token, or deactivate it by name"
)


@dataclass(frozen=True)
class Exclusion:
    """Why a user in scope is not imported. An account of an earlier import is removed (`removes`) or not changed (`keeps`);
    otherwise it counts as out of scope."""

    reason: str
    removes: bool = False
    keeps: bool = False


def user_exclusion(user: Mapping[str, Any], scope: ImportScope) -> Exclusion | None:
    """Why this user cannot or must not be imported (contract, section 3), or None."""
    if comparison_key(str(user["userPrincipalName"])) in scope.exclude_users:
        return Exclusion("is excluded by exclude_users", keeps=True)
    if _is_guest(user) and not scope.include_guests:
        return Exclusion("is a guest, and include_guests is false")
    enabled = user.get("accountEnabled")
    if enabled is False:
        return Exclusion("is disabled in Microsoft Entra", removes=True, keeps=not scope.status_from_entra)
    if enabled is None:
        return Exclusion(
            "has no accountEnabled in Microsoft Entra, so nobody knows whether the user may sign in", keeps=True
        )
    fault = not_allowed_in_upn(str(user["userPrincipalName"]).strip())
    if fault:
        return Exclusion(f"has {fault} in its user principal name; correct it in Microsoft Entra", keeps=True)
    missing = [
        word
        for word, name in (("first", "first_name"), ("last", "last_name"))
        if not str(user.get(scope.attributes[name]) or "").strip()
    ]
    if missing:
        reason = f"has no {' and no '.join(missing)} name in Microsoft Entra; Workspace 365 needs both"
        return Exclusion(reason, keeps=True)
    return None


def _is_guest(user: Mapping[str, Any]) -> bool:
    """An account without a userType can be a guest all the same: its UPN shows it (contract)."""
    return user.get("userType") == "Guest" or (
        not user.get("userType") and "#EXT#" in str(user["userPrincipalName"]).upper()
    )


def group_exclusion(group: Mapping[str, Any]) -> str | None:
    """Why this group cannot be imported (contract, sections 3 and Graph groups), or None."""
    fault = hidden_character(str(group.get("displayName") or "").strip(), name=True)
    if fault:
        return f"has the character {fault} in its name, which cannot be seen; correct it in Microsoft Entra"
    if not group.get("mailEnabled") or "Unified" in (group.get("groupTypes") or ()):
        return None
    if group.get("securityEnabled"):
        return "is a mail-enabled security group; only Microsoft 365 groups and security groups can be imported"
    return "is a distribution list; only Microsoft 365 groups and security groups can be imported"


def _nested(tenant: Tenant, group_id: str, nested_id: str) -> Skipped:
    outer, inner = _name(tenant.groups[group_id]), _name(tenant.groups.get(nested_id, {"id": nested_id}))
    return Skipped(
        "group",
        inner,
        f"is nested in group '{outer}'; nested groups cannot be imported (nested_groups=flatten imports the users in it)",
    )


def _groups_of(
    found: TenantSelection,
    people: set[str],
    scope: ImportScope,
    skipped: list[Skipped],
    spared: set[str],
    emptied: list[EmptiedGroup],
) -> list[str]:
    """The groups of the users in scope. Those that cannot be imported are skipped, and not removed."""
    tenant = found.tenant
    imported: list[str] = []
    for id, group in tenant.groups.items():
        # A nested group of which only the name was read is not imported.
        if not scope.includes_group(group) or id not in tenant.members:
            continue
        reason = group_exclusion(group)
        if not reason and _hides_members(found, id, scope, skipped, spared, emptied):
            continue
        if people.isdisjoint(tenant.people_of(id, flatten=scope.flatten)):
            continue
        if reason:
            skipped.append(Skipped("group", _name(group), reason))
            spared.add(id)
        else:
            imported.append(id)
    return imported


def _desired_groups(
    tenant: Tenant,
    ids: Iterable[str],
    users: Mapping[str, DesiredUser],
    scope: ImportScope,
    capabilities: Capabilities,
    skipped: list[Skipped],
    spared: set[str],
) -> tuple[list[DesiredGroup], tuple[DesiredGroup, ...]]:
    """The groups to import with their members, and those that have the name of one of them.

    Names must be unique; a group that is skipped is not removed.
    """
    wanted: dict[str, DesiredGroup] = {}
    same_named_groups: list[DesiredGroup] = []
    # The choice between two of one name must not depend on the order of Graph.
    for id in sorted(ids) if scope.include_groups else ():
        group = tenant.groups[id]
        if not scope.includes_group(group):
            continue
        members = [users[member].key for member in tenant.people_of(id, flatten=scope.flatten) if member in users]
        key = comparison_key(_name(group))
        if not members:
            reason = "has no member that can be imported; the group was left unchanged"
        elif key in wanted:
            reason = "has the same name as another group that is imported; Workspace 365 needs unique names"
            same_named_groups.append(_group_from_entra(group, members, capabilities))
        else:
            wanted[key] = _group_from_entra(group, members, capabilities)
            continue
        skipped.append(Skipped("group", _name(group), reason))
        spared.add(id)
    return list(wanted.values()), tuple(same_named_groups)


def _name(group: Mapping[str, Any]) -> str:
    return str(group.get("displayName") or "").strip() or str(group["id"])


def _user_from_entra(user: Mapping[str, Any], scope: ImportScope, capabilities: Capabilities) -> DesiredUser:
    upn = str(user["userPrincipalName"]).strip()
    fields = {name: str(user.get(source) or "").strip() for name, source in scope.attributes.items()}
    # The UPN is the address of a user without another one. The origin is recorded where the directory supports it.
    fields |= {"email": fields["email"] or upn, "external_id": str(user["id"])}
    return DesiredUser(
        upn=upn,
        # An optional attribute that the task maps is refused where the directory does not support it; the others are omitted.
        fields={
            name: value
            for name, value in fields.items()
            if name in capabilities.user_fields or name in OPTIONAL_USER_FIELDS
        },
        initial={} if scope.default_active else {"active": False},
        # A user who is created inactive is activated by an administrator: the next run must not undo or anticipate that.
        restore=scope.default_active and scope.status_from_entra,
    )


def _disabled_user(user: Mapping[str, Any]) -> DesiredUser:
    return DesiredUser(str(user["userPrincipalName"]).strip(), present=False, fields={"external_id": str(user["id"])})


def _group_from_entra(group: Mapping[str, Any], members: Iterable[str], capabilities: Capabilities) -> DesiredGroup:
    fields = {"external_id": group["id"], "description": group.get("description")}
    return DesiredGroup(
        name=_name(group),
        fields={
            name: value for name, value in fields.items() if name in capabilities.group_fields and value is not None
        },
        members=AddRemoveSet(set=frozenset(members)),
    )


def refuse_unknown_domains(graph: GraphClient, domains: Sequence[str]) -> None:
    """Raises InputError for a domain that the tenant does not have."""
    if not domains:
        return
    verified = graph.verified_domains()
    unknown = [name for name in domains if name not in {comparison_key(domain) for domain in verified}]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is not a verified domain of this Microsoft tenant. Its domains are: {', '.join(sorted(verified))}."
        )
