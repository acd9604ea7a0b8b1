# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds: what the twin holds at the start, from a file, from the package, or generated in any size.

A seed is merged: tenants by id, environments by name, users by UPN, groups by name. An error names the place in the
seed, for example ``tenants[0].users[3].user_principal_name``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .directory import EMAIL, REFUSED_NAMES, Directory, DirectoryError, is_web_address, key, sanitize
from .store import Store

NAMESPACE = uuid.UUID("365e0000-0000-4000-8000-000000000365")
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
SEEDS = Path(__file__).parent / "seeds"
# Secrets of the applications of packaged and generated seeds. A twin that was given one of its own uses that instead.
DEMO_SECRETS = ("entra-demo-secret-of-the-twin", "client-secret-of-the-twin")
PEOPLE = (
    "Adele Vance", "Alex Wilber", "Megan Bowen", "Lee Gu", "Lynne Robbins", "Miriam Graham", "Nestor Wilke",
    "Patti Fernandez",
    "Pradeep Gupta", "Joni Sherman", "Johanna Lorenz", "Isaiah Langer", "Irvin Sayers", "Henrietta Mueller",
    "Grady Archie",
    "Diego Siciliani", "Debra Berger", "Christie Cline", "Cameron White", "Brian Johnson", "Bianca Pisani",
    "Ben Walters",
    "Allan Deyoung", "Emily Braun", "Enrico Cattaneo",
)  # fmt: skip


class SeedError(ValueError):
    """A seed that cannot be used; the sentence names the place and the rule."""


def made_id(*parts: str) -> str:
    """Return the GUID that always belongs to these words."""
    return str(uuid.uuid5(NAMESPACE, "/".join(part.lower() for part in parts)))


def load(name: str) -> dict[str, Any]:
    """Return a seed: ``none``, ``generated:N``, the name of a packaged seed, or the path of a YAML or JSON file."""
    if name == "none":
        return {}
    if name.startswith("generated:"):
        return generated(name)
    path = Path(name)
    if not path.is_file():
        packaged = SEEDS / f"{name}.yml"
        if not packaged.is_file():
            known = sorted(found.stem for found in SEEDS.glob("*.yml"))
            raise SeedError(
                f"there is no seed {name!r}: it is neither a file nor one of"
                f" {', '.join(['none', *known, 'generated:N'])}."
            )
        path = packaged
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".json":
            seed = json.loads(text)
        else:
            import yaml

            # The C loader is as safe and ten times as fast, where it is there.
            seed = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except Exception as problem:
        raise SeedError(f"the seed {path} cannot be read: {problem}") from problem
    if not isinstance(seed, dict):
        raise SeedError(f"the seed {path} is not a mapping with tenants and environments.")
    return seed


def generated(name: str) -> dict[str, Any]:
    """Generate a tenant, always the same for the same number.

    ``generated:N`` is a tenant with N users and groups of 50, and an environment with one administrator;
    ``generated:N:environment`` puts the users and groups into the environment as well.
    """
    _, _, rest = name.partition(":")
    number, _, where = rest.partition(":")
    if not number.isdigit() or not 1 <= int(number) <= 1_000_000 or where not in ("", "environment"):
        raise SeedError(
            f"the seed {name!r} is not of the form generated:N or generated:N:environment, with N from 1 to 1000000."
        )
    users, upns = [], []
    for index in range(int(number)):
        given_name, surname = PEOPLE[index % len(PEOPLE)].split(" ", 1)
        upn = f"{given_name}.{surname}.{index:06d}@contoso.com".lower()
        upns.append(upn)
        users.append(
            {
                "user_principal_name": upn,
                "given_name": given_name,
                "surname": f"{surname} {index:06d}",
                "display_name": f"{given_name} {surname} {index:06d}",
                "mail": upn,
            }
        )
    groups = [
        {
            "display_name": f"Team {start // 50:05d}",
            "description": f"Users {start} to {min(start + 50, len(upns)) - 1}",
            "mail_enabled": True,
            "security_enabled": False,
            "group_types": ["Unified"],
            "members": upns[start : start + 50],
        }
        for start in range(0, len(upns), 50)
    ]
    administrator = {
        "upn": "admin@contoso.com", "first_name": "Megan", "last_name": "Bowen", "administrator": True,
    }  # fmt: skip
    environment: dict[str, Any] = {"name": "contoso", "users": [administrator]}
    if where:
        environment["users"] += [
            {"upn": user["user_principal_name"], "first_name": user["given_name"], "last_name": user["surname"]}
            for user in users
        ]
        environment["groups"] = [{"name": group["display_name"], "members": group["members"]} for group in groups]
    return {
        "tenants": [
            {
                "id": "36500000-0000-4000-8000-000000000001",
                "display_name": "Contoso",
                "domains": [
                    {"name": "contoso.com", "default": True},
                    {"name": "contoso.onmicrosoft.com", "initial": True},
                ],
                "applications": [
                    {
                        "client_id": "36500000-0000-4000-8000-0000000000a1",
                        "display_name": "Workspace 365 provisioning",
                        "client_secret": "client-secret-of-the-twin",
                    }
                ],
                "users": users,
                "groups": groups,
                "directory_roles": [
                    {"template_id": GLOBAL_ADMINISTRATOR, "display_name": "Global Administrator", "members": upns[:1]}
                ],
            }
        ],
        "environments": [environment],
    }


# Fields whose value no error shows.
_SECRET = ("client_secret", "key", "password", "scim_token")
_KINDS: dict[str, type] = {"text": str, "boolean": bool, "list": list, "mapping": dict, "number": int}


class _Place:
    """A mapping within a seed, with its path for error messages."""

    def __init__(self, value: Any, where: str, fields: dict[str, str]) -> None:
        self.where = where
        if not isinstance(value, dict):
            raise SeedError(f"{where} is a mapping with {', '.join(fields)}; it was {value!r}.")
        unknown = [name for name in value if name not in fields]
        if unknown:
            raise SeedError(f"{where} has no field {unknown[0]!r}; known are: {', '.join(fields)}.")
        self.value = value
        for name, kind in fields.items():
            found = value.get(name)
            if found is not None:
                self._check(name, found, kind.lstrip("!"))
            if kind[0] == "!" and found in (None, ""):
                raise SeedError(f"{where}.{name} is required.")

    def _check(self, name: str, value: Any, kind: str) -> None:
        # Python counts a boolean as a number; a seed does not.
        if not isinstance(value, _KINDS[kind]) or (kind == "number" and isinstance(value, bool)):
            shown = "something else" if name in _SECRET else repr(value)
            raise SeedError(f"{self.where}.{name} is a {kind}; it was {shown}.")
        if isinstance(value, list) and name in (
            "certificates",
            "federated_subjects",
            "permissions",
            "group_types",
            "business_phones",
            "tags",
            "redirect_uris",
        ):
            wrong = [item for item in value if not isinstance(item, str)]
            if wrong:
                raise SeedError(f"{self.where}.{name} is a list of texts; it holds {wrong[0]!r}.")

    def get(self, name: str, default: Any = None) -> Any:
        value = self.value.get(name)
        return default if value is None else value

    def has(self, name: str) -> bool:
        return name in self.value

    def parts(self, name: str, fields: dict[str, str]) -> Iterator[_Place]:
        for index, item in enumerate(self.get(name, [])):
            yield _Place(item, f"{self.where}.{name}[{index}]", fields)


_TENANT = {
    "id": "!text", "display_name": "!text", "domains": "!list", "applications": "list", "users": "list",
    "groups": "list",
    "directory_roles": "list",
}  # fmt: skip
_DOMAIN = {"name": "!text", "default": "boolean", "initial": "boolean"}
_APPLICATION = {
    "client_id": "!text", "display_name": "text", "client_secret": "text", "secret_expired": "boolean",
    "certificates": "list",
    "federated_subjects": "list", "permissions": "list", "admin_consent": "boolean", "tags": "list",
    "redirect_uris": "list", "unique_name": "text", "scopes": "text", "secret_end": "text", "created": "text", "audience": "text",
}  # fmt: skip
# What only Graph shows of an application.
_ENTRA = ("tags", "redirect_uris", "unique_name", "scopes", "secret_end", "created", "audience")
_TENANT_USER = {
    "id": "text", "user_principal_name": "!text", "given_name": "text", "surname": "text", "display_name": "text",
    "mail": "text",
    "account_enabled": "boolean", "user_type": "text", "assigned_licenses": "list", "job_title": "text",
    "department": "text", "mobile_phone": "text", "preferred_language": "text", "business_phones": "list",
}  # fmt: skip
_TENANT_GROUP = {
    "id": "text", "display_name": "!text", "description": "text", "mail": "text", "mail_enabled": "boolean",
    "security_enabled": "boolean", "group_types": "list", "visibility": "text",
    "members": "list", "owners": "list",
}  # fmt: skip
_ROLE = {"id": "text", "template_id": "!text", "display_name": "!text", "members": "list"}
_ENVIRONMENT = {
    "name": "!text", "active": "boolean", "scim_enabled": "boolean", "scim_token": "text", "users": "list",
    "groups": "list",
    "sso": "mapping", "exchange": "mapping", "sharepoint": "mapping", "licenses": "number",
}  # fmt: skip
_USER = {
    "upn": "!text", "first_name": "!text", "last_name": "!text", "email": "text", "active": "boolean",
    "administrator": "boolean",
    "external_id": "text", "password": "text", "display_name": "text", "title": "text", "preferred_language": "text",
    "department": "text", "phone_numbers": "list",
}  # fmt: skip
_PHONE_NUMBER = {"value": "!text", "type": "!text", "primary": "boolean"}
# Attributes that a user may have or not; each is a column of its own.
_ATTRIBUTES = ("display_name", "title", "preferred_language", "department")
_GROUP = {"name": "!text", "description": "text", "external_id": "text", "members": "list"}
_SSO = {"authority": "!text", "client_id": "!text", "key": "!text"}
# The settings of an environment that are kept as JSON: field of a seed -> name in the Provisioning API.
_SETTINGS = {
    "exchange": {"server_type": "ServerType", "default_ews_url": "DefaultEwsUrl"},
    "sharepoint": {"authentication_type": "AuthenticationType", "default_url": "DefaultUrl"},
}


def _guid(place: _Place, name: str) -> str:
    text = str(place.get(name))
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise SeedError(f"{place.where}.{name} is a GUID; it was {text!r}.") from None


class Seeder:
    """Merges seeds into the store."""

    def __init__(self, store: Store, directory: Directory, client_secret: str | None = None) -> None:
        self.store = store
        self.directory = directory
        self.client_secret = client_secret
        self._lag = 0

    def merge(self, seed: Any, lag: int = 0) -> None:
        """Merge a seed, all of it or nothing. New Graph objects answer 404 to their first ``lag`` reads."""
        self._lag = lag
        root = _Place(seed, "seed", {"tenants": "list", "environments": "list"})
        with self.store.writing():
            for tenant in root.parts("tenants", _TENANT):
                self._tenant(tenant)
            for environment in root.parts("environments", _ENVIRONMENT):
                try:
                    self._environment(environment)
                except DirectoryError as problem:
                    raise SeedError(f"{environment.where}: {problem}") from problem

    # ---- tenants

    def _tenant(self, place: _Place) -> None:
        id_ = _guid(place, "id")
        self.store.run(
            "INSERT INTO tenants (id, display_name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET display_name ="
            " excluded.display_name",
            (id_, place.get("display_name")),
        )
        for domain in place.parts("domains", _DOMAIN):
            name = domain.get("name").lower()
            owner = self.store.value("SELECT tenant FROM domains WHERE name = ?", (name,))
            if owner not in (None, id_):
                raise SeedError(f"{domain.where}.name: the domain {name} already belongs to the tenant {owner}.")
            self.store.run(
                "INSERT OR REPLACE INTO domains VALUES (?, ?, ?, ?)",
                (name, id_, int(domain.get("default", False)), int(domain.get("initial", False))),
            )
        for application in place.parts("applications", _APPLICATION):
            self._application(application, id_)
        for user in place.parts("users", _TENANT_USER):
            self._tenant_user(user, id_)
        groups = [(group, self._tenant_group(group, id_)) for group in place.parts("groups", _TENANT_GROUP)]
        for group, position in groups:
            for relation in ("members", "owners"):
                self._tenant_members(group, relation, position, id_)
        for role in place.parts("directory_roles", _ROLE):
            self._role(role, id_)

    def _application(self, place: _Place, tenant: str) -> None:
        if place.get("certificates"):
            from cryptography import x509

            for index, text in enumerate(place.get("certificates")):
                try:
                    x509.load_pem_x509_certificate(text.encode())
                except ValueError as problem:
                    raise SeedError(
                        f"{place.where}.certificates[{index}] is no certificate in PEM form: {problem}"
                    ) from problem
        permissions = place.get("permissions")
        secret = place.get("client_secret")
        if self.client_secret and secret in DEMO_SECRETS:
            secret = self.client_secret
        self.store.run(
            "INSERT INTO applications (tenant, client_id, display_name, client_secret, secret_expired, certificates,"
            " federated_subjects, permissions, admin_consent, entra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant,"
            " client_id) DO"
            " UPDATE SET display_name = excluded.display_name, client_secret = excluded.client_secret, secret_expired ="
            " excluded.secret_expired, certificates = excluded.certificates, federated_subjects ="
            " excluded.federated_subjects, permissions = excluded.permissions, admin_consent = excluded.admin_consent, entra ="
            " excluded.entra",
            (
                tenant,
                _guid(place, "client_id"),
                place.get("display_name", ""),
                secret,
                int(place.get("secret_expired", False)),
                json.dumps(place.get("certificates", [])),
                json.dumps(place.get("federated_subjects", [])),
                None if permissions is None else json.dumps(permissions),
                int(place.get("admin_consent", True)),
                json.dumps({name: place.get(name) for name in _ENTRA if place.has(name)}),
            ),
        )

    def _tenant_user(self, place: _Place, tenant: str) -> None:
        upn = place.get("user_principal_name")
        if "@" not in upn:
            raise SeedError(f"{place.where}.user_principal_name is of the form name@domain; it was {upn!r}.")
        kind = place.get("user_type", "Member")
        if kind not in ("Member", "Guest"):
            raise SeedError(f"{place.where}.user_type is Member or Guest; it was {kind!r}.")
        names = [part for part in (place.get("given_name"), place.get("surname")) if part]
        mail = place.get("mail")
        values = {
            "upn": upn,
            "given_name": place.get("given_name"),
            "surname": place.get("surname"),
            "display_name": place.get("display_name", " ".join(names) or upn.partition("@")[0]),
            "mail": mail,
            "mail_key": key(mail) if mail else None,
            "account_enabled": int(place.get("account_enabled", True)),
            "user_type": kind,
            "assigned_licenses": json.dumps(place.get("assigned_licenses", [])),
            "job_title": place.get("job_title"),
            "department": place.get("department"),
            "mobile_phone": place.get("mobile_phone"),
            "preferred_language": place.get("preferred_language"),
            "business_phones": json.dumps(place.get("business_phones", [])),
        }
        id_ = _guid(place, "id") if place.get("id") else made_id(tenant, "user", upn)
        columns = ", ".join(values)
        updates = ", ".join(f"{name} = excluded.{name}" for name in values)
        self.store.run(
            f"INSERT INTO graph_users (tenant, id, upn_key, lag, {columns}) VALUES (?, ?, ?, ?,"
            f" {', '.join('?' * len(values))}) ON CONFLICT (tenant, upn_key) DO UPDATE SET {updates} ON CONFLICT"
            f" (tenant, id) DO UPDATE SET upn_key = excluded.upn_key, {updates}",
            (tenant, id_, key(upn), self._lag, *values.values()),
        )

    def _tenant_group(self, place: _Place, tenant: str) -> int:
        name = place.get("display_name")
        mail_enabled = bool(place.get("mail_enabled", False))
        id_ = _guid(place, "id") if place.get("id") else made_id(tenant, "group", name)
        mail = place.get("mail")
        if mail is None and mail_enabled:
            domain = self.store.value(
                "SELECT name FROM domains WHERE tenant = ? ORDER BY is_default DESC LIMIT 1", (tenant,)
            )
            mail = "".join(letter for letter in name.lower() if letter.isalnum()) + f"@{domain}"
        values = {
            "display_name": name,
            "name_key": key(name),
            "description": place.get("description"),
            "mail": mail,
            "mail_enabled": int(mail_enabled),
            "security_enabled": int(place.get("security_enabled", True)),
            "group_types": json.dumps(place.get("group_types", [])),
            "visibility": place.get("visibility"),
        }
        self.store.run(
            f"INSERT INTO graph_groups (tenant, id, lag, {', '.join(values)}) VALUES (?, ?, ?,"
            f" {', '.join('?' * len(values))}) ON CONFLICT (tenant, id) DO UPDATE SET"
            f" {', '.join(f'{name} = excluded.{name}' for name in values)}",
            (tenant, id_, self._lag, *values.values()),
        )
        return int(self.store.value("SELECT position FROM graph_groups WHERE tenant = ? AND id = ?", (tenant, id_)))

    def _user_position(self, tenant: str, upn: Any, where: str) -> int:
        if not isinstance(upn, str):
            raise SeedError(f"{where} is the UPN of a user, or {{group: name}} for a group; it was {upn!r}.")
        position = self.store.value(
            "SELECT position FROM graph_users WHERE tenant = ? AND upn_key = ?", (tenant, key(upn))
        )
        if position is None:
            raise SeedError(f"{where}: the tenant has no user {upn!r}.")
        return int(position)

    def _tenant_members(self, place: _Place, relation: str, group: int, tenant: str) -> None:
        if not place.has(relation):
            return
        singular = relation.removesuffix("s")
        rows = []
        for index, item in enumerate(place.get(relation, [])):
            where = f"{place.where}.{relation}[{index}]"
            if isinstance(item, dict) and list(item) == ["group"]:
                position = self.store.value(
                    "SELECT position FROM graph_groups WHERE tenant = ? AND name_key = ?",
                    (tenant, key(str(item["group"]))),
                )
                if position is None:
                    raise SeedError(f"{where}: the tenant has no group {item['group']!r}.")
                rows.append((group, singular, "group", position))
            else:
                rows.append((group, singular, "user", self._user_position(tenant, item, where)))
        wanted = {(kind, position) for _, _, kind, position in rows}
        # Only who has left is taken out, so that a seed merged again is no change to a delta query.
        self.store.many(
            "DELETE FROM graph_members WHERE position = ?",
            [
                (link["position"],)
                for link in self.store.all(
                    "SELECT position, kind, member_position FROM graph_members WHERE group_position = ? AND relation ="
                    " ?",
                    (group, singular),
                )
                if (link["kind"], link["member_position"]) not in wanted
            ],
        )
        self.store.many(
            "INSERT OR IGNORE INTO graph_members (group_position, relation, kind, member_position) VALUES (?, ?, ?, ?)",
            rows,
        )

    def _role(self, place: _Place, tenant: str) -> None:
        template = _guid(place, "template_id")
        id_ = _guid(place, "id") if place.get("id") else made_id(tenant, "role", template)
        self.store.run(
            "INSERT INTO directory_roles (tenant, id, template_id, display_name) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (tenant, template_id) DO UPDATE SET display_name = excluded.display_name",
            (tenant, id_, template, place.get("display_name")),
        )
        role = self.store.value(
            "SELECT position FROM directory_roles WHERE tenant = ? AND template_id = ?", (tenant, template)
        )
        self.store.run("DELETE FROM role_members WHERE role_position = ?", (role,))
        rows = [
            (role, self._user_position(tenant, upn, f"{place.where}.members[{index}]"))
            for index, upn in enumerate(place.get("members", []))
        ]
        self.store.many("INSERT OR IGNORE INTO role_members (role_position, user_position) VALUES (?, ?)", rows)

    # ---- environments

    def _environment(self, place: _Place) -> None:
        given = place.get("name")
        name = sanitize(given, self.directory.switches.sanitize_names)
        if not name or name in REFUSED_NAMES or "/" in name:
            raise SeedError(f"{place.where}.name: {given!r} is no name that an environment can have.")
        id_ = self.store.value("SELECT id FROM environments WHERE name = ?", (name,))
        if id_ is None:
            id_ = self.directory.add_environment(name, given, "seed")
        changes: dict[str, Any] = {}
        for field, column, convert in (
            ("active", "active", int), ("scim_enabled", "scim_enabled", int), ("scim_token", "scim_token", str),
            ("licenses", "licenses", int),
        ):  # fmt: skip
            if place.get(field) is not None:
                turn: Callable[[Any], Any] = convert
                changes[column] = turn(place.get(field))
        if place.get("sso") is not None:
            sso = _Place(place.get("sso"), f"{place.where}.sso", _SSO)
            changes |= {f"sso_{field}": sso.get(field) for field in _SSO}
        changes |= {name: self._settings(place, name) for name in _SETTINGS if place.get(name) is not None}
        for column, value in changes.items():
            self.store.run(f"UPDATE environments SET {column} = ? WHERE id = ?", (value, id_))
        for user in place.parts("users", _USER):
            self._user(user, id_, name)
        for group in place.parts("groups", _GROUP):
            self._group(group, id_, name)
        self.directory.refresh_primary(id_)

    def _settings(self, place: _Place, name: str) -> str:
        names = _SETTINGS[name]
        given = _Place(place.get(name), f"{place.where}.{name}", dict.fromkeys(names, "!text"))
        for field in names:
            if field.endswith("_url") and not is_web_address(given.get(field)):
                raise SeedError(f"{given.where}.{field} is an https address; it was {given.get(field)!r}.")
        return json.dumps({wire_name: given.get(field) for field, wire_name in names.items()})

    def _user(self, place: _Place, environment: int, environment_name: str) -> None:
        upn = place.get("upn")
        if not EMAIL.fullmatch(upn):
            raise SeedError(f"{place.where}.upn is of the form name@domain; it was {upn!r}.")
        emails = [{"type": "work", "value": place.get("email"), "primary": True}] if place.get("email") else None
        attributes: dict[str, Any] = {name: place.get(name) for name in _ATTRIBUTES if place.get(name) is not None}
        if place.has("phone_numbers"):
            attributes["phone_numbers"] = [number.value for number in place.parts("phone_numbers", _PHONE_NUMBER)]
        row = self.directory.user_by_upn(environment, upn)
        if row is None:
            self.directory.add_user(
                environment,
                upn=upn,
                first_name=place.get("first_name"),
                last_name=place.get("last_name"),
                emails=emails,
                active=place.get("active", True),
                administrator=place.get("administrator", False),
                external_id=place.get("external_id"),
                password=place.get("password"),
                origin="seed",
                scim_id=made_id(environment_name, "user", upn),
                **attributes,
            )
            return
        changes: dict[str, Any] = {field: place.get(field) for field in ("first_name", "last_name")}
        changes |= {
            field: int(place.get(field)) for field in ("active", "administrator") if place.get(field) is not None
        }
        changes |= {field: place.get(field) for field in ("external_id", "password") if place.get(field) is not None}
        if emails:
            changes["emails"] = emails
        self.directory.change_user(row, changes | attributes)

    def _group(self, place: _Place, environment: int, environment_name: str) -> None:
        name = place.get("name")
        row = self.directory.group_by_name(environment, name)
        if row is None:
            number = self.directory.add_group(
                environment,
                name=name,
                description=place.get("description", ""),
                external_id=place.get("external_id"),
                origin="seed",
                scim_id=made_id(environment_name, "group", name),
            )
        else:
            number = row["id"]
            self.directory.change_group(
                row,
                {field: place.get(field) for field in ("description", "external_id") if place.get(field) is not None},
            )
        if not place.has("members"):
            return
        members = []
        for index, upn in enumerate(place.get("members", [])):
            user = self.directory.user_by_upn(environment, str(upn))
            if user is None:
                raise SeedError(f"{place.where}.members[{index}]: the environment has no user {upn!r}.")
            members.append(user["id"])
        self.directory.set_members(number, members)
