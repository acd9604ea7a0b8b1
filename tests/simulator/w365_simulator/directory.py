# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared directory of an environment: SCIM and the Provisioning API see the same users and groups.

One flag ``active``: false is the deleted-users list, whichever surface set it; memberships survive it. Rules of
every surface are here, so that the surfaces cannot disagree.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from .store import Store, now
from .switches import Switches

# demo is the vendor's own rule; the other words are taken by the layout of the Provisioning API and of the twin.
REFUSED_NAMES = {"demo", "environment", "validate", "provisioning", "graph", "metadata", "msi"}
EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;.]+(\.[^@\s<>,;.]+)+")


class DirectoryError(ValueError):
    """A rule of the directory is broken; ``field`` is the Provisioning API's name of the field that breaks it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Duplicate(DirectoryError):
    """Another object already has this value."""


def sanitize(name: str, how: str) -> str:
    """Return the name under which an environment is kept."""
    return re.sub("[^a-z0-9]", "", name.lower()) if how == "strip" else name.strip().lower()


def key(text: str) -> str:
    """Return the form in which UPNs, addresses and names are compared."""
    return text.lower()


def password_digest(password: str | None) -> str | None:
    """Return what the twin keeps of a password."""
    return None if password is None else hashlib.sha256(password.encode()).hexdigest()


def is_web_address(text: str) -> bool:
    """Whether this is the address of a service over https: a scheme, a host, perhaps a port and a path."""
    try:
        parts = urlsplit(text)
        # Reading the port is what checks it.
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", text)
    except ValueError:
        return False


def work_email(emails: Sequence[dict[str, Any]]) -> str | None:
    """Return the address of type work, else the primary one, else the first."""
    ranked = sorted(emails, key=lambda item: (str(item.get("type")).lower() != "work", not item.get("primary")))
    return next((str(item["value"]) for item in ranked if item.get("value")), None)


class Directory:
    """Environments with their users and groups."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches

    # ---- environments

    def environment(self, name: str) -> Any:
        """Return the environment of this name as a path gives it, or None."""
        if self.switches.path_names == "any":
            name = name.lower()
        return self.store.one("SELECT * FROM environments WHERE name = ?", (name,))

    def check_environment_name(self, name: str) -> str:
        """Return the sanitized name of an environment that may be created."""
        clean = sanitize(name, self.switches.sanitize_names)
        if not clean or "/" in clean:
            raise DirectoryError("EnvironmentName", f"The environment name '{name}' is not valid.")
        if clean in REFUSED_NAMES or clean.startswith("_"):
            raise DirectoryError("EnvironmentName", f"The environment name '{clean}' is not allowed.")
        if self.store.one("SELECT 1 FROM environments WHERE name = ?", (clean,)):
            raise Duplicate("EnvironmentName", f"An environment with the name '{clean}' already exists.")
        return clean

    def add_environment(self, name: str, display: str, origin: str) -> int:
        """Create an environment under a name that was checked. SCIM is off until an administrator switches it on."""
        return self.store.run(
            "INSERT INTO environments (name, display, active, scim_enabled, licenses, origin) VALUES (?, ?, 1, ?,"
            " 0, ?)",
            (name, display, int(origin == "seed"), origin),
        )

    def switch_scim(self, name: str, enabled: bool) -> str | None:
        """Switch SCIM on or off, as the page *User provisioning* does.

        The new key is returned when it is switched on, and never again.
        """
        environment = self.environment(name)
        if environment is None:
            raise DirectoryError("EnvironmentName", f"There is no environment '{name}'.")
        if bool(environment["scim_enabled"]) == enabled:
            return None
        token = secrets.token_urlsafe(24) if enabled else None
        self.store.run(
            "UPDATE environments SET scim_enabled = ?, scim_token = ? WHERE id = ?",
            (int(enabled), token, environment["id"]),
        )
        return token

    # ---- users

    def user(self, environment: int, id_: int) -> Any:
        """Return a user by the number that the Provisioning API uses."""
        return self.store.one("SELECT * FROM users WHERE id = ? AND environment = ?", (id_, environment))

    def user_by_scim_id(self, environment: int, scim_id: str) -> Any:
        """Return a user by the id that SCIM uses."""
        return self.store.one("SELECT * FROM users WHERE environment = ? AND scim_id = ?", (environment, scim_id))

    def user_by_upn(self, environment: int, upn: str) -> Any:
        """Return a user by UPN, in any case."""
        return self.store.one("SELECT * FROM users WHERE environment = ? AND upn_key = ?", (environment, key(upn)))

    def stored(self, name: str) -> str:
        """Return a name in the normal form in which it is stored."""
        form = self.switches.name_form
        return name if form == "as_sent" else unicodedata.normalize("NFC" if form == "nfc" else "NFD", name)

    def check_upn(self, environment: int, upn: str, besides: int = 0) -> None:
        """Raise Duplicate when another user has this UPN."""
        if self.switches.duplicate_names:
            return
        found = self.user_by_upn(environment, upn)
        if found is not None and found["id"] != besides:
            where = "" if found["active"] else " on the deleted-users list"
            raise Duplicate("EmailAddress", f"A user with the e-mail address '{found['upn']}' already exists{where}.")

    def add_user(
        self, environment: int, *, upn: str, first_name: str, last_name: str, origin: str,
        emails: list[dict[str, Any]] | None = None, display_name: str | None = None, active: bool = True,
        administrator: bool = False, external_id: str | None = None, password: str | None = None,
        scim_id: str | None = None, title: str | None = None, preferred_language: str | None = None,
        department: str | None = None, phone_numbers: Sequence[dict[str, Any]] = (),
    ) -> int:  # fmt: skip
        """Create a user and return its number."""
        upn = self.stored(upn)
        self.check_upn(environment, upn)
        if administrator and not active:
            raise DirectoryError("IsAdministrator", f"The user '{upn}' is inactive and cannot be an administrator.")
        stamp = now()
        if emails is None:
            emails = [{"type": "work", "value": upn, "primary": True}]
        id_ = self.store.run(
            "INSERT INTO users (environment, scim_id, upn, upn_key, first_name, last_name, display_name, email, emails,"
            " active, administrator, external_id, origin, password_sha256, created, modified, title,"
            " preferred_language, department, phone_numbers) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                environment, scim_id or str(uuid.uuid4()), upn, key(upn), first_name, last_name, display_name,
                work_email(emails), json.dumps(emails), int(active), int(administrator), external_id, origin,
                password_digest(password), stamp, stamp, title, preferred_language, department,
                json.dumps(list(phone_numbers)),
            ),
        )  # fmt: skip
        self._write_emails(environment, id_, emails)
        if administrator:
            self.refresh_primary(environment)
        return id_

    def change_user(self, row: Any, changes: dict[str, Any]) -> None:
        """Change columns of a user.

        ``emails`` and ``phone_numbers`` are lists, ``password`` is clear text, the rest is as in the table.
        """
        changes = dict(changes)
        if "phone_numbers" in changes:
            changes["phone_numbers"] = json.dumps(changes["phone_numbers"])
        if "upn" in changes:
            changes["upn"] = self.stored(changes["upn"])
            self.check_upn(row["environment"], changes["upn"], row["id"])
            changes["upn_key"] = key(changes["upn"])
        active = bool(changes.get("active", row["active"]))
        if changes.get("administrator") and not active:
            raise DirectoryError(
                "IsAdministrator", f"The user '{row['upn']}' is inactive and cannot be an administrator."
            )
        if "emails" in changes:
            emails = changes["emails"]
            changes["email"] = work_email(emails)
            changes["emails"] = json.dumps(emails)
            if changes["emails"] != row["emails"]:
                self.store.run("DELETE FROM emails WHERE user = ?", (row["id"],))
                self._write_emails(row["environment"], row["id"], emails)
        if "password" in changes:
            changes["password_sha256"] = password_digest(changes.pop("password"))
        changed = {name: value for name, value in changes.items() if row[name] != value}
        if not changed:
            return
        changed["modified"] = now()
        columns = ", ".join(f"{name} = ?" for name in changed)
        self.store.run(f"UPDATE users SET {columns} WHERE id = ?", (*changed.values(), row["id"]))
        if "active" in changed or "administrator" in changed:
            self.refresh_primary(row["environment"])

    def remove_user(self, row: Any) -> None:
        """Permanently remove a user, with the memberships."""
        self.store.run("DELETE FROM users WHERE id = ?", (row["id"],))
        if row["administrator"]:
            self.refresh_primary(row["environment"])

    def refresh_primary(self, environment: int) -> None:
        """Make the next administrator the primary one when that one was removed, is inactive or no administrator any more."""
        self.store.run(
            "UPDATE environments SET primary_user = (SELECT id FROM users WHERE environment = ?1 AND administrator = 1"
            " AND active = 1 ORDER BY id LIMIT 1) WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM users WHERE"
            " users.id = environments.primary_user AND administrator = 1 AND active = 1)",
            (environment,),
        )

    def _write_emails(self, environment: int, user: int, emails: Sequence[dict[str, Any]]) -> None:
        self.store.many(
            "INSERT INTO emails VALUES (?, ?, ?, ?, ?)",
            [
                (user, environment, item.get("type"), key(str(item.get("value") or "")), int(bool(item.get("primary"))))
                for item in emails
            ],
        )

    # ---- groups

    def group(self, environment: int, id_: int) -> Any:
        """Return a group by the number that the Provisioning API uses."""
        return self.store.one("SELECT * FROM groups WHERE id = ? AND environment = ?", (id_, environment))

    def group_by_scim_id(self, environment: int, scim_id: str) -> Any:
        """Return a group by the id that SCIM uses."""
        return self.store.one("SELECT * FROM groups WHERE environment = ? AND scim_id = ?", (environment, scim_id))

    def group_by_name(self, environment: int, name: str) -> Any:
        """Return a group by name, in any case."""
        return self.store.one("SELECT * FROM groups WHERE environment = ? AND name_key = ?", (environment, key(name)))

    def check_group_name(self, environment: int, name: str, besides: int = 0) -> None:
        """Raise Duplicate when another group has this name."""
        if self.switches.duplicate_names:
            return
        found = self.group_by_name(environment, name)
        if found is not None and found["id"] != besides:
            raise Duplicate("Name", f"A group with the name '{found['name']}' already exists.")

    def add_group(
        self, environment: int, *, name: str, origin: str, description: str = "", external_id: str | None = None,
        scim_id: str | None = None,
    ) -> int:  # fmt: skip
        """Create a group without members and return its number."""
        name = self.stored(name)
        self.check_group_name(environment, name)
        stamp = now()
        return self.store.run(
            "INSERT INTO groups (environment, scim_id, name, name_key, description, external_id, origin, created,"
            " modified) VALUES (?,?,?,?,?,?,?,?,?)",
            (
                environment,
                scim_id or str(uuid.uuid4()),
                name,
                key(name),
                description,
                external_id,
                origin,
                stamp,
                stamp,
            ),
        )

    def change_group(self, row: Any, changes: dict[str, Any]) -> None:
        """Change the columns of a group."""
        if "name" in changes:
            name = self.stored(changes["name"])
            self.check_group_name(row["environment"], name, row["id"])
            changes = {**changes, "name": name, "name_key": key(name)}
        changed = {name: value for name, value in changes.items() if row[name] != value}
        if not changed:
            return
        changed["modified"] = now()
        columns = ", ".join(f"{name} = ?" for name in changed)
        self.store.run(f"UPDATE groups SET {columns} WHERE id = ?", (*changed.values(), row["id"]))

    def remove_group(self, row: Any) -> None:
        """Permanently remove a group."""
        self.store.run("DELETE FROM groups WHERE id = ?", (row["id"],))

    def add_members(self, group: int, users: Iterable[int]) -> None:
        """Add users by number; those who are members already stay members."""
        self.store.many("INSERT OR IGNORE INTO memberships VALUES (?, ?)", [(group, user) for user in users])
        self._touch_group(group)

    def remove_members(self, group: int, users: Iterable[int]) -> None:
        """Remove users by number; users that are not members are not changed."""
        self.store.many("DELETE FROM memberships WHERE group_id = ? AND user_id = ?", [(group, user) for user in users])
        self._touch_group(group)

    def set_members(self, group: int, users: Iterable[int]) -> None:
        """Make exactly these users the members."""
        self.store.run("DELETE FROM memberships WHERE group_id = ?", (group,))
        self.add_members(group, users)

    def _touch_group(self, group: int) -> None:
        self.store.run("UPDATE groups SET modified = ? WHERE id = ?", (now(), group))

    def member_numbers(self, group: int) -> list[int]:
        """Return the numbers of the members, in order."""
        rows = self.store.all("SELECT user_id FROM memberships WHERE group_id = ? ORDER BY user_id", (group,))
        return [row[0] for row in rows]
