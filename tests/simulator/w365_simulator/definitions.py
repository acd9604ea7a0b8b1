# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of tenants, as a playbook takes them: what they need in Microsoft Entra, and an example of one.

A description names people, groups and domains. ``needs_of`` makes the Microsoft tenant of them in which it works, and
leaves out what a tenant has already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .directory import EMAIL, REFUSED_NAMES
from .seeding import GLOBAL_ADMINISTRATOR, PEOPLE, SeedError, made_id

VARIABLE = "w365_tenant_definition"
# How many people without an owner a group gets, so that an import or a provisioning cycle has something to do.
MADE_UP = 3
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def read_definition(path: Path) -> dict[str, Any]:
    """Return the description in a file of variables. SeedError says why there is none."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads the files of Ansible: what is encrypted there stays unknown here."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506 - a safe loader
    except OSError as problem:
        raise SeedError(f"the description {path} cannot be read: {problem.strerror}.") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise SeedError(f"the description {path} is not YAML: {problem}") from problem
    if isinstance(content, dict) and isinstance(content.get(VARIABLE), dict):
        return dict(content[VARIABLE])
    raise SeedError(f"the description {path} does not define {VARIABLE}, as a dictionary.")


def needs_of(definition: Mapping[str, Any], client_secret: str, tenants: Mapping[str, Any]) -> dict[str, Any]:
    """Return a seed with what a description needs in Microsoft Entra and what ``tenants`` do not have.

    ``tenants`` are those of ``GET state``, by id. The seed is empty when everything is there already.
    """
    return _Needs(definition, client_secret, tenants).seed()


def tenant_of(definition: Mapping[str, Any], tenants: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id and the default domain of the Microsoft tenant that a description is about."""
    needs = _Needs(definition, "", tenants)
    return needs.id, needs.primary


def client_id_of(tenant: str) -> str:
    """Return the client id of the application that ``needs_of`` makes for provisioning."""
    return made_id(tenant, "application", "provisioning")


def environment_of(definition: Mapping[str, Any]) -> str | None:
    """Return the name of the environment, if the description says one."""
    return _text(_part(definition, "environment").get("name"))


def example(name: str) -> str:
    """Return a description of a tenant with this name, as a file of variables. SeedError if it is no name."""
    if not re.fullmatch(r"[a-z][a-z0-9]{1,30}", name) or name in REFUSED_NAMES:
        raise SeedError(
            f"{name!r} is no name for an example: it has 2 to 31 lower-case letters and digits, begins with a letter,"
            f" and is none of {', '.join(sorted(REFUSED_NAMES))}."
        )
    return _EXAMPLE.format(name=name, title=name.capitalize(), domain=f"{name}.com")


class _Needs:
    """The people, groups, domains and applications that a description names."""

    def __init__(self, definition: Mapping[str, Any], client_secret: str, tenants: Mapping[str, Any]) -> None:
        self.definition = definition
        self.client_secret = client_secret
        self.users: dict[str, dict[str, Any]] = {}
        self._listed()
        self.primary = self._primary_domain()
        owner = next(
            (id_ for id_, one in tenants.items() if self.primary in {domain["name"] for domain in one["domains"]}),
            None,
        )
        self.id = owner or made_id("tenant", self.primary)
        self.present: Mapping[str, Any] = tenants.get(self.id, {})
        self.taken = {domain["name"] for id_, one in tenants.items() if id_ != self.id for domain in one["domains"]}

    def seed(self) -> dict[str, Any]:
        """Return what is missing, as a seed."""
        groups = self._groups()
        tenant: dict[str, Any] = {
            "domains": self._domains(),
            "applications": self._applications(),
            "users": self._missing_users(),
            "groups": groups,
        }
        administrator = _address(_part(self.definition, "environment", "administrator").get("email"))
        if not self.present and administrator:
            tenant["directory_roles"] = [
                {
                    "template_id": GLOBAL_ADMINISTRATOR,
                    "display_name": "Global Administrator",
                    "members": [administrator],
                }
            ]
        if not any(tenant.values()):
            return {}
        name = self.present.get("display_name") or self.primary.partition(".")[0].capitalize()
        return {"tenants": [{"id": self.id, "display_name": name, **tenant}]}

    # ---- people

    def _listed(self) -> None:
        """Everybody with a UPN in the description."""
        first = _part(self.definition, "environment", "administrator")
        self._person(first.get("email"), first)
        for user in _dicts(self.definition.get("users")):
            self._person(user.get("upn"), user)
        self.owned = set(self.users)
        for upn in [*_members(self.definition), *_texts(_part(self.definition, "scim").get("users"))]:
            self._person(upn, {})

    def _person(self, upn: Any, given: Mapping[str, Any]) -> None:
        address = _address(upn)
        if address is None or address.lower() in self.users:
            return
        words = [word.capitalize() for word in re.split(r"[._-]+", address.partition("@")[0]) if word] or [address]
        self.users[address.lower()] = {
            "user_principal_name": address,
            "given_name": _text(given.get("first_name")) or words[0],
            "surname": _text(given.get("last_name")) or (words[-1] if len(words) > 1 else "Account"),
            "mail": _text(given.get("email")) or address,
            **({"user_type": "Guest"} if "#ext#" in address.lower() else {}),
        }

    def _made_up(self) -> list[str]:
        """People whom the description does not name."""
        found: list[str] = []
        for name in PEOPLE:
            upn = f"{name.replace(' ', '.')}@{self.primary}".lower()
            if upn not in self.users and len(found) < MADE_UP:
                given_name, surname = name.split(" ", 1)
                self._person(upn, {"first_name": given_name, "last_name": surname})
                found.append(upn)
        return found

    def _missing_users(self) -> list[dict[str, Any]]:
        there = {upn.lower() for upn in self.present.get("users", {})}
        return [user for upn, user in self.users.items() if upn not in there]

    # ---- domains, groups, applications

    def _primary_domain(self) -> str:
        stated = _text(_part(self.definition, "sso").get("primary_domain"))
        domains = [*([stated] if stated else []), *(upn.rpartition("@")[2] for upn in self.users)]
        if not domains and (name := environment_of(self.definition)):
            domains = [f"{name}.com"]
        if not domains or "." not in domains[0]:
            raise SeedError(
                "the description names no environment, no user and no primary domain, so it is unknown which Microsoft"
                " tenant it is about. Values in {{ }} are not resolved here; the role w365_twin resolves them."
            )
        return domains[0].lower()

    def _domains(self) -> list[dict[str, Any]]:
        imported = _texts(_part(self.definition, "o365_import").get("domains"))
        named = [*imported, *(upn.rpartition("@")[2] for upn in self.users)]
        there = {domain["name"] for domain in self.present.get("domains", [])}
        wanted = dict.fromkeys([self.primary, *(name.lower() for name in named if "." in name)])
        found: list[dict[str, Any]] = [
            {"name": name, "default": not there and name == self.primary}
            for name in wanted
            if name not in there and name not in self.taken
        ]
        initial = f"{re.sub('[^a-z0-9]', '', self.primary.rpartition('.')[0])}.onmicrosoft.com"
        if not there and initial not in wanted and initial not in self.taken:
            found.append({"name": initial, "initial": True})
        return found

    def _groups(self) -> list[dict[str, Any]]:
        """The groups that are imported or provisioned, each with somebody in it."""
        there = self.present.get("groups", {})
        ids = {group["id"] for group in there.values()}
        names = {name.lower() for name in there}
        # Who is a member of a group of the environment and listed nowhere can only come from an import.
        unowned = [upn for upn in self.users if upn not in self.owned]
        found: list[dict[str, Any]] = []
        for part in ("o365_import", "scim"):
            for name in _texts(_part(self.definition, part).get("groups")):
                if name.lower() in names or name.lower() in ids:
                    continue
                names.add(name.lower())
                members = unowned if part == "o365_import" else []
                unowned = [] if members else unowned
                group: dict[str, Any] = {"display_name": name, "members": members or self._made_up()}
                if _GUID.fullmatch(name):
                    group |= {"id": name.lower(), "display_name": f"Group {name[:8]}"}
                found.append(group)
        chosen = _part(self.definition, "o365_import")
        if (chosen.get("domains") or chosen.get("everything")) and not found and not self.present:
            self._made_up()
        return found

    def _applications(self) -> list[dict[str, Any]]:
        there = {application["client_id"] for application in self.present.get("applications", [])}
        found: list[dict[str, Any]] = []
        if not self.present:
            found.append(
                {
                    "client_id": client_id_of(self.id),
                    "display_name": "Workspace 365 provisioning",
                    "client_secret": self.client_secret,
                }
            )
        sso = _part(self.definition, "sso")
        client_id, key = _text(sso.get("client_id")), _text(sso.get("key"))
        if client_id and key and _GUID.fullmatch(client_id) and client_id.lower() not in there:
            name = f"Workspace 365 - {environment_of(self.definition) or self.primary}"
            found.append({"client_id": client_id, "display_name": name, "client_secret": key})
        return found


def _part(value: Any, *names: str) -> Mapping[str, Any]:
    """Return a dictionary within a description, empty when there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """Return a text that is known: no template, nothing encrypted."""
    if isinstance(value, str) and value.strip() and "{{" not in value and "{%" not in value:
        return value.strip()
    return None


def _texts(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        text = _text(item)
        if text is not None:
            yield text


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, Mapping):
            yield item


def _address(value: Any) -> str | None:
    text = _text(value)
    return text if text and EMAIL.fullmatch(text) else None


def _members(definition: Mapping[str, Any]) -> Iterator[str]:
    """Every member of a group of the environment, and every administrator."""
    lists: Iterable[Any] = [
        *(_part(group, "members") for group in _dicts(definition.get("groups"))),
        _part(definition, "administrators"),
    ]
    for one in lists:
        for verb in ("set", "add"):
            yield from _texts(one.get(verb))


_EXAMPLE = """\
---
# {title}, as input of the playbook onboard_tenant. This file is yours: change whatever you like.
#
# Where the twin is, and its keys, are in environment variables, so that this file holds no secret. The twin's Microsoft
# Entra has everybody whom this file names, and the groups of the import. When you name others, start the twin again with
# this file, which adds them.

w365_tenant_definition:
  environment:
    name: {name}
    active: true
    # The primary administrator.
    administrator:
      email: allan.deyoung@{domain}
      first_name: Allan
      last_name: Deyoung

  # Single sign-on with Microsoft Entra. Its app registration is made, with a secret.
  sso:
    primary_domain: {domain}
    app: {{}}

  # The members of this group of Microsoft Entra, and the group.
  o365_import:
    groups:
      - Sales and Marketing

  # People who are listed here.
  users:
    - upn: allan.deyoung@{domain}
      first_name: Allan
      last_name: Deyoung
    - upn: nestor.wilke@{domain}
      first_name: Nestor
      last_name: Wilke
    - upn: johanna.lorenz@{domain}
      first_name: Johanna
      last_name: Lorenz

  # "set" lists all members of a group, "add" only those who must be among them.
  groups:
    - name: IT Helpdesk
      members:
        set:
          - allan.deyoung@{domain}
          - nestor.wilke@{domain}
    - name: Engineering
      members:
        add:
          - johanna.lorenz@{domain}

  # Exactly these two. Other users are removed from the role.
  administrators:
    set:
      - allan.deyoung@{domain}
      - nestor.wilke@{domain}
"""
