# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a Microsoft tenant while the twin runs, as its administrators would make them between two readings.

Properties have the names of Microsoft Graph. A user is named by UPN or id, a group by name or id. Every change ends up
in the log that delta queries read, because the database writes that log itself (see delta.py).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from .directory import key
from .entra.changes import OPERATIONS as ENTRA_OPERATIONS
from .entra.changes import ChangeError, EntraChanges
from .entra.registry import Registry
from .seeding import GLOBAL_ADMINISTRATOR, made_id
from .store import Store, now

# property of Graph -> (column, type, may be null)
_USER = {
    "userPrincipalName": ("upn", str, False), "givenName": ("given_name", str, True), "surname": ("surname", str, True),
    "displayName": ("display_name", str, True), "mail": ("mail", str, True),
    "accountEnabled": ("account_enabled", bool, False), "userType": ("user_type", str, False),
    "assignedLicenses": ("assigned_licenses", list, False), "jobTitle": ("job_title", str, True),
    "department": ("department", str, True), "mobilePhone": ("mobile_phone", str, True),
    "preferredLanguage": ("preferred_language", str, True), "businessPhones": ("business_phones", list, False),
}  # fmt: skip
_GROUP = {
    "displayName": ("display_name", str, False), "description": ("description", str, True), "mail": ("mail", str, True),
    "mailEnabled": ("mail_enabled", bool, False), "securityEnabled": ("security_enabled", bool, False),
    "groupTypes": ("group_types", list, False), "visibility": ("visibility", str, True),
}  # fmt: skip
_APPLICATION = {
    "displayName": ("display_name", str, False), "clientSecret": ("client_secret", str, True),
    "secretExpired": ("secret_expired", bool, False), "adminConsent": ("admin_consent", bool, False),
    "permissions": ("permissions", list, True),
}  # fmt: skip
# operation -> (its required fields, its other fields)
OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "add_user": (("set",), ("id",)),
    "change_user": (("user", "set"), ()),
    "delete_user": (("user",), ()),
    "restore_user": (("user",), ()),
    "purge_user": (("user",), ()),
    "add_group": (("set",), ("id", "members")),
    "change_group": (("group", "set"), ()),
    "delete_group": (("group",), ()),
    "restore_group": (("group",), ()),
    "purge_group": (("group",), ()),
    "add_members": (("group", "members"), ()),
    "remove_members": (("group", "members"), ()),
    "grant_administrator": (("user",), ()),
    "revoke_administrator": (("user",), ()),
    "change_application": (("client_id", "set"), ()),
    **ENTRA_OPERATIONS,
}


class TenantError(ChangeError):
    """A change that cannot be made; the sentence names the value, the rule and what to do."""


class TenantEditor(EntraChanges):
    """Makes changes to tenants."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self.registry = registry
        self._tenant = ""
        self._where = ""

    def change(self, body: Any) -> list[dict[str, Any]]:
        """Make all changes of a body, or none; return what each of them was about."""
        if not isinstance(body, dict) or set(body) - {"tenant", "operations"} or "operations" not in body:
            raise TenantError(
                'a change of a tenant is a JSON object with operations, and tenant where there are several: {"operations":'
                ' [{"op": "change_user", "user": "adele.vance@contoso.com", "set": {"surname": null}}]}.'
            )
        operations = body["operations"]
        if not isinstance(operations, list):
            raise TenantError(f"operations is a list of JSON objects; it was {operations!r}.")
        with self.store.writing():
            self._tenant = self._find_tenant(body.get("tenant"))
            return [self._operate(index, operation) for index, operation in enumerate(operations)]

    def _find_tenant(self, name: Any) -> str:
        if name is None:
            rows = self.store.all("SELECT id FROM tenants ORDER BY position LIMIT 2")
            if len(rows) != 1:
                raise TenantError(
                    f"tenant is needed when the twin holds {'several tenants' if rows else 'none'}: name an id or a"
                    " domain of a tenant that was seeded."
                )
            return str(rows[0]["id"])
        found = self.store.value(
            "SELECT id FROM tenants WHERE id = ?1 OR id = (SELECT tenant FROM domains WHERE name = ?1)",
            (str(name).lower(),),
        )
        if found is None:
            raise TenantError(f"there is no tenant {name!r}; name an id or a domain of a tenant that was seeded.")
        return str(found)

    def _operate(self, index: int, operation: Any) -> dict[str, Any]:
        self._where = f"operations[{index}]"
        if not isinstance(operation, dict):
            raise TenantError(f"{self._where} is a JSON object with op; it was {operation!r}.")
        name = operation.get("op")
        if name not in OPERATIONS:
            raise TenantError(f"{self._where}.op is one of {', '.join(OPERATIONS)}; it was {name!r}.")
        required, optional = OPERATIONS[name]
        for field in required:
            if field not in operation:
                raise TenantError(f"{self._where}: {name} needs the field {field}.")
        unknown = sorted(set(operation) - {"op", *required, *optional})
        if unknown:
            known = ", ".join((*required, *optional))
            raise TenantError(f"{self._where}: {name} has no field {unknown[0]!r}; known are: {known}.")
        handler: Callable[[dict[str, Any]], str] = getattr(self, f"_{name}")
        return {"op": name, "id": handler(operation)}

    # ---- users

    def _add_user(self, operation: dict[str, Any]) -> str:
        values = self._values(operation["set"], _USER)
        upn = values.get("upn")
        if upn is None:
            raise TenantError(f"{self._where}.set.userPrincipalName is required.")
        names = [part for part in (values.get("given_name"), values.get("surname")) if part]
        values = {
            "given_name": None, "surname": None, "display_name": " ".join(names) or upn.partition("@")[0],
            "mail": None, "mail_key": None, "account_enabled": 1, "user_type": "Member", "assigned_licenses": "[]",
            "business_phones": "[]", **values,
        }  # fmt: skip
        return self._insert("user", operation.get("id"), values)

    def _change_user(self, operation: dict[str, Any]) -> str:
        return self._update("user", self._find("user", operation["user"]), self._values(operation["set"], _USER))

    def _delete_user(self, operation: dict[str, Any]) -> str:
        return self._remove("user", self._find("user", operation["user"]), keep=True)

    def _restore_user(self, operation: dict[str, Any]) -> str:
        return self._restore("user", operation["user"])

    def _purge_user(self, operation: dict[str, Any]) -> str:
        return self._purge("user", operation["user"])

    def _grant_administrator(self, operation: dict[str, Any]) -> str:
        user = self._find("user", operation["user"])
        self.store.run(
            "INSERT OR IGNORE INTO directory_roles (tenant, id, template_id, display_name) VALUES (?, ?, ?, ?)",
            (
                self._tenant, made_id(self._tenant, "role", GLOBAL_ADMINISTRATOR), GLOBAL_ADMINISTRATOR,
                "Global Administrator",
            ),
        )  # fmt: skip
        self.store.run(
            "INSERT OR IGNORE INTO role_members (role_position, user_position) SELECT position, ? FROM directory_roles"
            " WHERE tenant = ? AND template_id = ?",
            (user["position"], self._tenant, GLOBAL_ADMINISTRATOR),
        )
        return str(user["id"])

    def _revoke_administrator(self, operation: dict[str, Any]) -> str:
        user = self._find("user", operation["user"])
        self.store.run(
            "DELETE FROM role_members WHERE user_position = ? AND role_position = (SELECT position FROM directory_roles"
            " WHERE tenant = ? AND template_id = ?)",
            (user["position"], self._tenant, GLOBAL_ADMINISTRATOR),
        )
        return str(user["id"])

    # ---- groups

    def _add_group(self, operation: dict[str, Any]) -> str:
        values = self._values(operation["set"], _GROUP)
        if values.get("display_name") is None:
            raise TenantError(f"{self._where}.set.displayName is required.")
        values = {
            "description": None, "mail": None, "mail_enabled": 0, "security_enabled": 1, "group_types": "[]", **values,
        }  # fmt: skip
        id_ = self._insert("group", operation.get("id"), values)
        self._change_members(self._find("group", id_), operation.get("members", []), there=True)
        return id_

    def _change_group(self, operation: dict[str, Any]) -> str:
        return self._update("group", self._find("group", operation["group"]), self._values(operation["set"], _GROUP))

    def _delete_group(self, operation: dict[str, Any]) -> str:
        group = self._find("group", operation["group"])
        # Only Microsoft 365 groups go to the deleted items; others are permanently removed.
        return self._remove("group", group, keep="Unified" in json.loads(group["group_types"]))

    def _restore_group(self, operation: dict[str, Any]) -> str:
        return self._restore("group", operation["group"])

    def _purge_group(self, operation: dict[str, Any]) -> str:
        return self._purge("group", operation["group"])

    def _add_members(self, operation: dict[str, Any]) -> str:
        return self._change_members(self._find("group", operation["group"]), operation["members"], there=True)

    def _remove_members(self, operation: dict[str, Any]) -> str:
        return self._change_members(self._find("group", operation["group"]), operation["members"], there=False)

    def _change_members(self, group: Any, members: Any, *, there: bool) -> str:
        if not isinstance(members, list):
            raise TenantError(
                f'{self._where}.members is a list of users by UPN or id, and of {{"group": name or id}}; it was'
                f" {members!r}."
            )
        for member in members:
            if isinstance(member, dict) and list(member) == ["group"]:
                kind, row = "group", self._find("group", member["group"])
            else:
                kind, row = "user", self._find("user", member)
            if there:
                self._link(group["position"], "member", kind, row["position"])
                continue
            values = (group["position"], kind, row["position"])
            link = self.store.value(
                "SELECT position FROM graph_members WHERE group_position = ? AND relation = 'member' AND kind = ? AND"
                " member_position = ?",
                values,
            )
            if link is None:
                raise TenantError(
                    f"{self._where}: {member!r} is no member of the group {group['display_name']!r}; only members can"
                    " be removed."
                )
            self.store.run("DELETE FROM graph_members WHERE position = ?", (link,))
        return str(group["id"])

    def _link(self, group: int, relation: str, kind: str, member: int) -> None:
        self.store.run(
            "INSERT OR IGNORE INTO graph_members (group_position, relation, kind, member_position) VALUES (?, ?, ?, ?)",
            (group, relation, kind, member),
        )

    # ---- applications

    def _change_application(self, operation: dict[str, Any]) -> str:
        row = self.store.one(
            "SELECT * FROM applications WHERE tenant = ? AND client_id = ?",
            (self._tenant, str(operation["client_id"]).lower()),
        )
        if row is None:
            raise TenantError(
                f"{self._where}: the tenant has no application {operation['client_id']!r}; name the client_id of one"
                " that was seeded."
            )
        for column, value in self._values(operation["set"], _APPLICATION).items():
            self.store.run(f"UPDATE applications SET {column} = ? WHERE position = ?", (value, row["position"]))
        return str(row["client_id"])

    # ---- what users and groups have in common

    def _values(self, given: Any, fields: dict[str, tuple[str, type, bool]]) -> dict[str, Any]:
        """Check properties and return columns."""
        if not isinstance(given, dict):
            raise TenantError(f"{self._where}.set is a JSON object of properties; it was {given!r}.")
        result: dict[str, Any] = {}
        for name, value in given.items():
            where = f"{self._where}.set.{name}"
            if name not in fields:
                raise TenantError(f"{self._where}.set has no property {name!r}; known are: {', '.join(fields)}.")
            column, kind, nullable = fields[name]
            fits = isinstance(value, kind) or (value is None and nullable)
            if not fits:
                words = {str: "a text", bool: "true or false", list: "a list"}[kind]
                raise TenantError(f"{where} is {words}{' or null' if nullable else ''}; it was {value!r}.")
            if value == "" or (name == "userPrincipalName" and "@" not in value):
                rule = "of the form name@domain" if name == "userPrincipalName" else "not empty; take null for nothing"
                raise TenantError(f"{where} is {rule}; it was {value!r}.")
            if name == "userType" and value not in ("Member", "Guest"):
                raise TenantError(f"{where} is Member or Guest; it was {value!r}.")
            if isinstance(value, list):
                result[column] = json.dumps(value)
            else:
                result[column] = int(value) if kind is bool else value
            if name == "userPrincipalName":
                result["upn_key"] = key(value)
            elif name == "mail" and fields is _USER:
                result["mail_key"] = key(value) if value else None
            elif name == "displayName" and fields is _GROUP:
                result["name_key"] = key(value)
        return result

    def _find(self, kind: str, name: Any) -> Any:
        column = "upn_key" if kind == "user" else "name_key"
        rows = self.store.all(
            f"SELECT * FROM graph_{kind}s WHERE tenant = ? AND (id = ? OR {column} = ?) LIMIT 2",
            (self._tenant, str(name), key(str(name))),
        )
        if len(rows) == 1:
            return rows[0]
        if rows:
            raise TenantError(f"{self._where}: several groups are called {name!r}; name the group by its id.")
        deleted = self._find_deleted(kind, name)
        hint = f" It is deleted; restore_{kind} brings it back." if deleted else ""
        called = "UPN" if kind == "user" else "name"
        raise TenantError(f"{self._where}: the tenant has no {kind} {name!r}; name one by its {called} or id.{hint}")

    def _find_deleted(self, kind: str, name: Any) -> Any:
        # The one deleted last comes first, when several had the same name.
        return self.store.one(
            "SELECT * FROM graph_deleted WHERE tenant = ? AND kind = ? AND (id = ? OR name_key = ?) ORDER BY deleted DESC",
            (self._tenant, kind, str(name), key(str(name))),
        )

    def _insert(self, kind: str, id_: Any, values: dict[str, Any]) -> str:
        if id_ is None:
            # A user who is created again under an old UPN is another user.
            id_ = str(uuid.uuid4())
        else:
            try:
                id_ = str(uuid.UUID(str(id_)))
            except ValueError:
                raise TenantError(f"{self._where}.id is a GUID; it was {id_!r}. Leave it out for a new one.") from None
        if self.store.one(f"SELECT 1 FROM graph_{kind}s WHERE tenant = ? AND id = ?", (self._tenant, id_)) or (
            self._find_deleted(kind, id_)
        ):
            raise TenantError(f"{self._where}.id: {id_!r} is taken; leave it out for a new one.")
        self._check_upn(values, None)
        self.store.run(
            f"INSERT INTO graph_{kind}s (tenant, id, {', '.join(values)}) VALUES (?, ?, {', '.join('?' * len(values))})",
            (self._tenant, id_, *values.values()),
        )
        return str(id_)

    def _update(self, kind: str, row: Any, values: dict[str, Any]) -> str:
        self._check_upn(values, row["position"])
        if values:
            self.store.run(
                f"UPDATE graph_{kind}s SET {', '.join(f'{column} = ?' for column in values)} WHERE position = ?",
                (*values.values(), row["position"]),
            )
        return str(row["id"])

    def _check_upn(self, values: dict[str, Any], own: int | None) -> None:
        taken = self.store.value(
            "SELECT position FROM graph_users WHERE tenant = ? AND upn_key = ?", (self._tenant, values.get("upn_key"))
        )
        if taken is not None and taken != own:
            raise TenantError(
                f"{self._where}: the UPN {values['upn']!r} is taken; rename, delete or purge the other user first."
            )

    def _remove(self, kind: str, row: Any, *, keep: bool) -> str:
        """Take an object away; with ``keep`` it can be restored, with its groups and roles."""
        position = row["position"]
        # Only who deletes asks for the groups of a member, so no other twin pays for this index.
        self.store.run("CREATE INDEX IF NOT EXISTS graph_members_member ON graph_members (kind, member_position)")
        links = self.store.all(
            "SELECT group_position, relation, kind, member_position FROM graph_members WHERE (kind = ? AND"
            " member_position = ?) OR (? = 'group' AND group_position = ?)",
            (kind, position, kind, position),
        )
        roles = self.store.all(
            "SELECT role_position FROM role_members WHERE user_position = ? AND ? = 'user'", (position, kind)
        )
        # Memberships are removed first, while the log can still find the ids of their users and groups.
        self.store.run("DELETE FROM graph_members WHERE kind = ? AND member_position = ?", (kind, position))
        self.store.run(f"DELETE FROM graph_{kind}s WHERE position = ?", (position,))
        if keep:
            content = {
                "row": dict(row), "links": [list(link) for link in links], "roles": [role[0] for role in roles],
            }  # fmt: skip
            self.store.run(
                "INSERT INTO graph_deleted VALUES (?, ?, ?, ?, ?, ?)",
                (
                    self._tenant, kind, row["id"], row["upn_key" if kind == "user" else "name_key"], now(),
                    json.dumps(content),
                ),
            )  # fmt: skip
        return str(row["id"])

    def _deleted(self, kind: str, name: Any) -> Any:
        row = self._find_deleted(kind, name)
        if row is None:
            raise TenantError(
                f"{self._where}: the tenant has no deleted {kind} {name!r}; only what delete_{kind} has taken away, and"
                f" purge_{kind} has not, can be restored."
            )
        return row

    def _restore(self, kind: str, name: Any) -> str:
        found = self._deleted(kind, name)
        content = json.loads(found["content"])
        row = content["row"]
        if kind == "user":
            self._check_upn(row, None)
        self.store.run(
            "DELETE FROM graph_deleted WHERE tenant = ? AND kind = ? AND id = ?", (self._tenant, kind, found["id"])
        )
        self.store.run(
            f"INSERT INTO graph_{kind}s ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        )
        for group, relation, link_kind, member in content["links"]:
            # Groups and users that were removed meanwhile are not restored.
            if self.store.one("SELECT 1 FROM graph_groups WHERE position = ?", (group,)) and self.store.one(
                f"SELECT 1 FROM graph_{link_kind}s WHERE position = ?", (member,)
            ):
                self._link(group, relation, link_kind, member)
        for role in content["roles"]:
            self.store.run(
                "INSERT OR IGNORE INTO role_members (role_position, user_position) VALUES (?, ?)",
                (role, row["position"]),
            )
        return str(found["id"])

    def _purge(self, kind: str, name: Any) -> str:
        found = self._find_deleted(kind, name)
        column = "upn_key" if kind == "user" else "name_key"
        alive = self.store.one(
            f"SELECT 1 FROM graph_{kind}s WHERE tenant = ? AND (id = ? OR {column} = ?)",
            (self._tenant, str(name), key(str(name))),
        )
        if alive or found is None:
            return self._remove(kind, self._find(kind, name), keep=False)
        self.store.run(
            "DELETE FROM graph_deleted WHERE tenant = ? AND kind = ? AND id = ?", (self._tenant, kind, found["id"])
        )
        return str(found["id"])
