# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where desired state comes from: the arguments of a task, or Microsoft Entra.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from .errors import InputError
from .model import (
    RESERVED_ENVIRONMENT_NAMES,
    AddRemoveSet,
    Desired,
    DesiredEnvironment,
    DesiredGroup,
    DesiredUser,
    LeftOut,
    SingleSignOn,
    checked_upn,
    folded,
    sanitised_environment_name,
)
from .plan import Abilities

if TYPE_CHECKING:
    from .files import Content
    from .graph import GraphClient

DOMAIN_PATTERN = re.compile(r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
GUID_PATTERN = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")

# The arguments of a task


def user_from_task(params: Mapping[str, Any]) -> DesiredUser:
    """The user that w365_user describes. Raises InputError for a malformed address."""
    upn = checked_upn(params["upn"])
    fields = {
        name: params[name] for name in ("first_name", "last_name", "email", "active", "external_id", "administrator")
    }
    if fields["email"]:
        fields["email"] = checked_upn(fields["email"], "email")
    for name in ("first_name", "last_name"):
        if fields[name] is not None and not fields[name].strip():
            raise InputError(
                f"Option {name} of user '{upn}' is empty: Workspace 365 needs a first and a last name. Leave it out to keep the present one."
            )
    extras = {"password": params["password"]}
    if params["create_in_office365"]:
        extras["create_in_office365"] = True
    return DesiredUser(
        upn=upn,
        identity=params["identity"] or None,
        present=params["state"] == "present",
        permanent=params["permanent"],
        fields={name: value for name, value in fields.items() if value is not None},
        extras={name: value for name, value in extras.items() if value is not None},
        update_password=params["update_password"] == "always",
    )


def group_from_task(params: Mapping[str, Any]) -> DesiredGroup:
    """The group that w365_group describes."""
    name = params["name"].strip()
    if not name:
        raise InputError("Option name is empty: a group needs a name.")
    fields = {key: params[key] for key in ("description", "external_id") if params[key] is not None}
    return DesiredGroup(
        name=name,
        identity=params["identity"] or None,
        present=params["state"] == "present",
        fields=fields,
        members=upn_change(params["members"], "members"),
    )


def directory_from_task(params: Mapping[str, Any], content: Content) -> Desired:
    """The users, groups and administrators that w365_directory names in its options and in its files.

    Raises InputError when the administrators are said in two places, or nothing is asked for at all.
    """
    from .purge import purge_from_task

    if params["administrators"] is not None and content.administrators is not None:
        raise InputError("The administrators are given in option administrators and in a file. Say it in one place.")
    administrators = params["administrators"] if content.administrators is None else content.administrators
    update = {"update_password": params["update_password"]}
    desired = Desired(
        users=tuple(user_from_task({**user, **update}) for user in (*(params["users"] or ()), *content.users)),
        groups=tuple(group_from_task(group) for group in (*(params["groups"] or ()), *content.groups)),
        administrators=upn_change(administrators, "administrators"),
        whole=True,
        purge=purge_from_task(params, _upns(params["protected_users"], "protected_users")),
    )
    if params["apply_plan"]:
        if desired.purge.kinds:
            raise InputError(
                "Option purge has a say when a plan is made, and apply_plan carries out one that is made. Leave purge out."
            )
        return desired
    if not (desired.users or desired.groups or desired.administrators):
        raise InputError(
            "Nobody is named: users, groups, administrators and the files of src are empty. Nothing was changed."
        )
    return desired


def upn_change(value: Mapping[str, Any] | None, option: str) -> AddRemoveSet | None:
    """A dictionary with add, remove and set of UPNs; None when it was not given."""
    if value is None:
        return None

    def keys(part: str) -> frozenset[str] | None:
        return None if value.get(part) is None else _upns(value[part], f"{option}.{part}")

    change = AddRemoveSet(add=keys("add") or frozenset(), remove=keys("remove") or frozenset(), set=keys("set"))
    both = sorted(change.add & change.remove)
    if both:
        raise InputError(f"Option {option} both adds and removes '{both[0]}'. Name it once.")
    return change


def _upns(values: Iterable[str] | None, option: str) -> frozenset[str]:
    """The keys of the users that an option lists."""
    return frozenset(folded(checked_upn(upn, option)) for upn in values or ())


def new_environment_name(name: str) -> str:
    """A name that may be given to a new environment. Raises InputError for one that cannot become a name."""
    likely = sanitised_environment_name(name)
    if not likely:
        raise InputError(
            f"Option environment is {name!r}, which holds no letter or digit that a name could be made of."
        )
    if likely in RESERVED_ENVIRONMENT_NAMES:
        raise InputError(
            f"Option environment is {name!r}: Workspace 365 refuses that name for a new environment. Choose another."
        )
    return name.strip()


def first_administrator(value: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The first administrator in the words of the Provisioning API; without a password one is made up by the server."""
    if value is None:
        return None
    body = {
        "EmailAddress": checked_upn(value["email"], "administrator.email"),
        "FirstName": value["first_name"],
        "LastName": value["last_name"],
    }
    if value.get("password"):
        body["Password"] = value["password"]
    return body


def environment_from_task(params: Mapping[str, Any]) -> DesiredEnvironment:
    """The environment that w365_environment describes."""
    present = params["state"] == "present"
    if params["empty"] and params["administrator"]:
        raise InputError(
            "Options empty and administrator exclude each other: an empty environment has no users. Leave one out."
        )
    return DesiredEnvironment(
        name=new_environment_name(params["environment"]) if present else params["environment"].strip(),
        present=present,
        active=params["active"],
        administrator=first_administrator(params["administrator"]),
        empty=params["empty"],
        confirmation=params["delete_confirmation"],
    )


def sso_from_task(params: Mapping[str, Any]) -> SingleSignOn:
    """The single sign-on that w365_sso describes. Raises InputError for values that cannot be right."""
    domain = params["primary_domain"]
    if domain is not None and not DOMAIN_PATTERN.match(domain.strip()):
        raise InputError(f"Option primary_domain is {domain!r}, which is not a domain such as contoso.onmicrosoft.com.")
    authority = (params["authority"] or f"https://login.windows.net/{(domain or '').strip()}").strip().rstrip("/")
    sso_tenant(authority)
    client_id = params["client_id"].strip()
    if not GUID_PATTERN.match(client_id):
        raise InputError(
            f"Option client_id is {client_id!r}, which is not an application (client) id: it has the form of a GUID."
        )
    if not params["key"].strip():
        raise InputError("Option key is empty: it is the value of the app registration's client secret.")
    return SingleSignOn(authority, client_id)


def sso_tenant(authority: str) -> str:
    """The tenant in an Authority such as https://login.windows.net/contoso.onmicrosoft.com. Raises InputError without one."""
    parts = urlsplit(authority)
    tenant = parts.path.strip("/")
    if parts.scheme != "https" or not parts.hostname or not tenant or "/" in tenant:
        raise InputError(
            f"Option authority is {authority!r}; Workspace 365 expects https://login.windows.net/<primary domain>, such as "
            "https://login.windows.net/contoso.onmicrosoft.com."
        )
    return tenant


@dataclass(frozen=True)
class RawCall:
    """One call of w365_api: `parts` are the keyword arguments of a wire client's `send`."""

    path: str
    repeatable: bool
    parts: Mapping[str, Any]


def raw_call_from_task(params: Mapping[str, Any]) -> RawCall:
    """The call that w365_api describes. Raises InputError for what could carry a key to another host."""
    path = params["path"]
    if not path.startswith("/") or path.startswith("//"):
        raise InputError(
            f"Option path is {path!r}; it starts with one '/' and is relative to the root of the service, so that a key never reaches another host."
        )
    if "?" in path or "#" in path:
        raise InputError(f"Option path is {path!r}; give what comes after '?' in option query.")
    if "{environment}" in path:
        if not params["environment"]:
            raise InputError("Option path holds {environment}, so option environment (W365_ENVIRONMENT) is needed.")
        path = path.replace("{environment}", quote(params["environment"].lower(), safe=""))
    headers = {str(name): str(value) for name, value in (params["headers"] or {}).items()}
    for name in headers:
        if name.lower() in ("authorization", "provisioningkey"):
            raise InputError(
                f"Option headers holds {name}, with which the collection authenticates itself. Use the connection options."
            )
    parts: dict[str, Any] = {"query": params["query"], "headers": headers}
    if params["body"] is not None:
        parts["body"] = params["body"]
    return RawCall(path, params["method"] in ("GET", "PUT", "DELETE"), parts)


# Microsoft Entra


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
