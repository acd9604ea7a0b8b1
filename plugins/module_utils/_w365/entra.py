# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups as Microsoft Entra has them: who is imported, and who is left out and why.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .model import (
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
    LeftOut,
    folded,
)
from .plan import Abilities

if TYPE_CHECKING:
    from .graph import GraphClient


@dataclass(frozen=True)
class ImportScope:
    """Who is to be imported: the members of `groups` (names or ids), the users of `domains`, or everybody.

    With `match` "any" it is enough to be in one of both, with "all" one must be in both. `default_active` is what new
    users become.
    """

    groups: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    everything: bool = False
    match: str = "any"
    include_guests: bool = True
    include_groups: bool = True
    exclude_users: frozenset[str] = frozenset()
    default_active: bool = True

    @classmethod
    def from_task(cls, params: Mapping[str, Any]) -> ImportScope:
        scope = cls(
            groups=tuple(dict.fromkeys(name.strip() for name in params["groups"] or ())),
            domains=tuple(dict.fromkeys(folded(name).lstrip("@") for name in params["domains"] or ())),
            everything=bool(params["everything"]),
            match=params["scope_match"],
            include_guests=params["include_guests"],
            include_groups=params["include_groups"],
            exclude_users=frozenset(folded(name) for name in params["exclude_users"] or ()),
            default_active=params.get("default_status") != "inactive",
        )
        if not (scope.groups or scope.domains or scope.everything):
            raise InputError("Nothing is chosen to be imported: name groups or domains, or say everything=true.")
        return scope


def from_entra(graph: GraphClient, scope: ImportScope, abilities: Abilities) -> Desired:
    """Users and groups of the scope, and whoever is left out with the reason.

    Raises InputError for a group or domain that Entra does not have, and for a scope that holds nobody: an empty
    answer is never taken for an empty tenant.
    """
    _refuse_unknown_domains(graph, scope.domains)
    left_out: list[LeftOut] = []
    people: dict[str, Mapping[str, Any]] = {}
    members_of: list[tuple[Mapping[str, Any], list[str]]] = []
    in_groups: set[str] = set()
    for name in scope.groups:
        group = graph.find_group(name)
        reason = group_exclusion(group)
        if reason:
            left_out.append(LeftOut("group", str(group["displayName"]), reason))
            continue
        users = list(graph.group_users(group["id"]))
        people.update((user["id"], user) for user in users)
        in_groups.update(user["id"] for user in users)
        members_of.append((group, [user["id"] for user in users]))
        for nested in graph.nested_groups(group["id"]):
            shown = str(nested.get("displayName") or nested["id"])
            left_out.append(
                LeftOut(
                    "group", shown, f"is nested in group '{group['displayName']}'; nested groups cannot be imported"
                )
            )
    in_domains: set[str] = set()
    if scope.domains or scope.everything:
        for user in graph.users():
            if scope.everything or folded(str(user.get("userPrincipalName"))).rpartition("@")[2] in scope.domains:
                people[user["id"]] = user
                in_domains.add(user["id"])
    both = scope.match == "all" and scope.groups and scope.domains
    chosen = in_groups & in_domains if both else in_groups | in_domains
    if not chosen:
        raise InputError(
            "The chosen groups and domains hold no user at all. Nothing was changed: an empty answer from Microsoft Entra is "
            "more often a missing permission or a renamed group than a tenant without people."
            + "".join(f" Group '{item.name}' {item.reason}." for item in left_out)
        )
    users_wanted: dict[str, DesiredUser] = {}
    for object_id in chosen:
        person = people[object_id]
        reason = user_exclusion(person, scope)
        if reason:
            left_out.append(LeftOut("user", str(person["userPrincipalName"]), reason))
        else:
            users_wanted[object_id] = _user_from_entra(person, scope, abilities)
    groups_wanted = []
    for group, ids in members_of if scope.include_groups else []:
        members = [users_wanted[id].key for id in ids if id in users_wanted]
        if members:
            groups_wanted.append(_group_from_entra(group, members, abilities))
        else:
            reason = "has no member that can be imported; the group was left as it is"
            left_out.append(LeftOut("group", str(group["displayName"]), reason))
    return Desired(
        users=tuple(sorted(users_wanted.values(), key=lambda user: user.key)),
        groups=tuple(sorted(groups_wanted, key=lambda group: group.key)),
        left_out=tuple(sorted(left_out, key=lambda item: (item.kind, folded(item.name)))),
    )


def user_exclusion(user: Mapping[str, Any], scope: ImportScope) -> str | None:
    """Why Workspace 365 cannot or should not have this user (contract, section 3), or None."""
    if folded(str(user["userPrincipalName"])) in scope.exclude_users:
        return "is excluded by exclude_users"
    if user.get("userType") == "Guest" and not scope.include_guests:
        return "is a guest, and include_guests is false"
    if user.get("accountEnabled") is False:
        return "is disabled in Microsoft Entra"
    missing = [
        word for word, name in (("first", "givenName"), ("last", "surname")) if not str(user.get(name) or "").strip()
    ]
    if missing:
        return f"has no {' and no '.join(missing)} name in Microsoft Entra; Workspace 365 needs both"
    return None


def group_exclusion(group: Mapping[str, Any]) -> str | None:
    """Why Workspace 365 cannot have this group (contract, sections 3 and Graph groups), or None."""
    if not group.get("mailEnabled") or "Unified" in (group.get("groupTypes") or ()):
        return None
    if group.get("securityEnabled"):
        return "is a mail-enabled security group; only Microsoft 365 groups and security groups can be imported"
    return "is a distribution list; only Microsoft 365 groups and security groups can be imported"


def _refuse_unknown_domains(graph: GraphClient, domains: Iterable[str]) -> None:
    wanted = list(domains)
    if not wanted:
        return
    verified = graph.verified_domains()
    unknown = [name for name in wanted if name not in {folded(domain) for domain in verified}]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is not a verified domain of this Microsoft tenant. Its domains are: {', '.join(sorted(verified))}."
        )


def _user_from_entra(user: Mapping[str, Any], scope: ImportScope, abilities: Abilities) -> DesiredUser:
    fields = {
        "first_name": str(user["givenName"]).strip(),
        "last_name": str(user["surname"]).strip(),
        "email": user.get("mail") or user["userPrincipalName"],
        # The origin is recorded where the directory can hold it.
        "external_id": user["id"],
    }
    return DesiredUser(
        upn=str(user["userPrincipalName"]).strip(),
        fields={name: value for name, value in fields.items() if name in abilities.user_fields},
        initial={} if scope.default_active else {"active": False},
        # Whoever starts inactive is activated by an administrator: the next run must not undo or anticipate that.
        restore=scope.default_active,
    )


def _group_from_entra(group: Mapping[str, Any], members: Iterable[str], abilities: Abilities) -> DesiredGroup:
    fields = {"external_id": group["id"], "description": group.get("description")}
    return DesiredGroup(
        name=str(group["displayName"]).strip(),
        fields={name: value for name, value in fields.items() if name in abilities.group_fields and value is not None},
        members=AddRemoveSet(set=frozenset(members)),
    )
