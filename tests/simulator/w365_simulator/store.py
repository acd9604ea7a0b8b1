# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the twin: one SQLite database, in a file or in memory, with an index for every kind of lookup.

Requests are handled one after another in one thread, so there is one connection and no locking. Ids of the
Provisioning API are whole numbers, ids of SCIM and Graph are GUIDs.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMAT = "1"

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS environments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, display TEXT NOT NULL, active INTEGER NOT NULL,
    scim_enabled INTEGER NOT NULL, scim_token TEXT, primary_user INTEGER,
    sso_authority TEXT, sso_client_id TEXT, sso_key TEXT, exchange TEXT, sharepoint TEXT,
    licenses INTEGER NOT NULL, origin TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, environment INTEGER NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
    scim_id TEXT NOT NULL, upn TEXT NOT NULL, upn_key TEXT NOT NULL, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
    display_name TEXT, email TEXT, emails TEXT NOT NULL, active INTEGER NOT NULL, administrator INTEGER NOT NULL,
    external_id TEXT, origin TEXT NOT NULL, password_sha256 TEXT, created TEXT NOT NULL, modified TEXT NOT NULL,
    title TEXT, preferred_language TEXT, department TEXT, phone_numbers TEXT NOT NULL DEFAULT '[]'
);
-- An index ends with the id by itself, so these give whole lists in order.
CREATE INDEX IF NOT EXISTS users_environment ON users (environment);
-- That a name is unique is checked where it is written: a switch lets two objects have one.
DROP INDEX IF EXISTS users_upn;
CREATE INDEX IF NOT EXISTS users_upn_key ON users (environment, upn_key);
CREATE UNIQUE INDEX IF NOT EXISTS users_scim_id ON users (environment, scim_id);
CREATE INDEX IF NOT EXISTS users_external_id ON users (environment, external_id);
CREATE INDEX IF NOT EXISTS users_active ON users (environment, active);
CREATE INDEX IF NOT EXISTS users_administrator ON users (environment, administrator) WHERE administrator = 1;

CREATE TABLE IF NOT EXISTS emails (
    user INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, environment INTEGER NOT NULL,
    type TEXT, value TEXT, is_primary INTEGER
);
CREATE INDEX IF NOT EXISTS emails_value ON emails (environment, value);
CREATE INDEX IF NOT EXISTS emails_user ON emails (user);

CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT, environment INTEGER NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
    scim_id TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, description TEXT NOT NULL, external_id TEXT,
    origin TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS groups_environment ON groups (environment);
DROP INDEX IF EXISTS groups_name;
CREATE INDEX IF NOT EXISTS groups_name_key ON groups (environment, name_key);
CREATE UNIQUE INDEX IF NOT EXISTS groups_scim_id ON groups (environment, scim_id);
CREATE INDEX IF NOT EXISTS groups_external_id ON groups (environment, external_id);

CREATE TABLE IF NOT EXISTS memberships (
    group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS memberships_user ON memberships (user_id);

CREATE TABLE IF NOT EXISTS tenants (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS domains (
    name TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE, is_default INTEGER NOT NULL,
    is_initial INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS domains_tenant ON domains (tenant);
CREATE TABLE IF NOT EXISTS applications (
    position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
    client_id TEXT NOT NULL, display_name TEXT NOT NULL, client_secret TEXT, secret_expired INTEGER NOT NULL,
    certificates TEXT NOT NULL, federated_subjects TEXT NOT NULL, permissions TEXT,
    admin_consent INTEGER NOT NULL DEFAULT 1, object_id TEXT, entra TEXT, UNIQUE (tenant, client_id)
);
CREATE TABLE IF NOT EXISTS graph_users (
    position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
    id TEXT NOT NULL, upn TEXT NOT NULL, upn_key TEXT NOT NULL, given_name TEXT, surname TEXT, display_name TEXT,
    mail TEXT, mail_key TEXT, account_enabled INTEGER NOT NULL, user_type TEXT NOT NULL,
    assigned_licenses TEXT NOT NULL, lag INTEGER NOT NULL DEFAULT 0, job_title TEXT, department TEXT,
    mobile_phone TEXT, preferred_language TEXT, business_phones TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS graph_users_tenant ON graph_users (tenant);
CREATE UNIQUE INDEX IF NOT EXISTS graph_users_id ON graph_users (tenant, id);
CREATE UNIQUE INDEX IF NOT EXISTS graph_users_upn ON graph_users (tenant, upn_key);
CREATE INDEX IF NOT EXISTS graph_users_display_name ON graph_users (tenant, lower(display_name));
CREATE INDEX IF NOT EXISTS graph_users_mail ON graph_users (tenant, mail_key);
CREATE TABLE IF NOT EXISTS graph_groups (
    position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
    id TEXT NOT NULL, display_name TEXT NOT NULL, name_key TEXT NOT NULL, description TEXT, mail TEXT,
    mail_enabled INTEGER NOT NULL, security_enabled INTEGER NOT NULL, group_types TEXT NOT NULL,
    lag INTEGER NOT NULL DEFAULT 0, visibility TEXT
);
CREATE INDEX IF NOT EXISTS graph_groups_tenant ON graph_groups (tenant);
CREATE UNIQUE INDEX IF NOT EXISTS graph_groups_id ON graph_groups (tenant, id);
CREATE INDEX IF NOT EXISTS graph_groups_name ON graph_groups (tenant, name_key);
-- relation is member or owner, kind is user or group
CREATE TABLE IF NOT EXISTS graph_members (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    group_position INTEGER NOT NULL REFERENCES graph_groups(position) ON DELETE CASCADE,
    relation TEXT NOT NULL, kind TEXT NOT NULL, member_position INTEGER NOT NULL,
    UNIQUE (group_position, relation, kind, member_position)
);
CREATE INDEX IF NOT EXISTS graph_members_order ON graph_members (group_position, relation, position);
CREATE TABLE IF NOT EXISTS directory_roles (
    position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
    id TEXT NOT NULL, template_id TEXT NOT NULL, display_name TEXT NOT NULL, UNIQUE (tenant, template_id)
);
CREATE TABLE IF NOT EXISTS role_members (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    role_position INTEGER NOT NULL REFERENCES directory_roles(position) ON DELETE CASCADE,
    user_position INTEGER NOT NULL REFERENCES graph_users(position) ON DELETE CASCADE,
    UNIQUE (role_position, user_position)
);
-- Deleted users and groups that can be restored: their row, and the groups and roles that they had.
CREATE TABLE IF NOT EXISTS graph_deleted (
    tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, name_key TEXT NOT NULL, deleted TEXT NOT NULL,
    content TEXT NOT NULL, PRIMARY KEY (tenant, kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS graph_deleted_name ON graph_deleted (tenant, kind, name_key);
-- Applications, service principals, grants, policies, jobs and so on, as JSON; see entra/objects.py.
CREATE TABLE IF NOT EXISTS entra_objects (
    position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    app_id TEXT, content TEXT NOT NULL, UNIQUE (tenant, kind, id)
);
CREATE INDEX IF NOT EXISTS entra_objects_app_id ON entra_objects (tenant, kind, app_id);
-- The log of changes that delta queries read; see delta.py. A membership is a change of its group.
CREATE TABLE IF NOT EXISTS graph_changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    properties TEXT NOT NULL, member_kind TEXT, member_id TEXT
);
CREATE INDEX IF NOT EXISTS graph_changes_object ON graph_changes (tenant, kind, id, number);
CREATE INDEX IF NOT EXISTS graph_changes_member ON graph_changes (tenant, id, member_id, number)
    WHERE member_id IS NOT NULL;
"""
# Columns that a state file of an earlier version lacks.
ADDED_COLUMNS = (
    ("applications", "admin_consent", "INTEGER NOT NULL DEFAULT 1"),
    ("applications", "object_id", "TEXT"),
    ("applications", "entra", "TEXT"),
    *(("users", column, "TEXT") for column in ("title", "preferred_language", "department")),
    ("users", "phone_numbers", "TEXT NOT NULL DEFAULT '[]'"),
    *(("graph_users", column, "TEXT") for column in ("job_title", "department", "mobile_phone", "preferred_language")),
    ("graph_users", "business_phones", "TEXT NOT NULL DEFAULT '[]'"),
    ("graph_groups", "visibility", "TEXT"),
)
TABLES = (
    "entra_objects", "graph_changes", "graph_deleted", "role_members", "directory_roles", "graph_members", "graph_groups", "graph_users", "applications", "domains",
    "tenants", "memberships", "groups", "emails", "users", "environments",
)  # fmt: skip


class StateError(ValueError):
    """The state file cannot be used."""


def now() -> str:
    """Return the time as SCIM and Graph write it, to the millisecond."""
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


class Store:
    """One open database. Every method takes SQL with question marks and a sequence of values."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None and not path.parent.is_dir():
            raise StateError(f"the state file {path} cannot be created: the directory {path.parent} does not exist.")
        self._depth = 0
        try:
            self.db = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None, cached_statements=512)
            self.db.row_factory = sqlite3.Row
            self.db.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing; only a crash of the machine may.
            self.db.execute("PRAGMA synchronous = OFF")
            self.db.execute("PRAGMA foreign_keys = ON")
            self.db.execute("PRAGMA temp_store = MEMORY")
            self.db.executescript(SCHEMA)
            for table, column, kind in ADDED_COLUMNS:
                if column not in {row["name"] for row in self.db.execute(f"PRAGMA table_info({table})")}:
                    self.db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        except sqlite3.Error as problem:
            raise StateError(
                f"the state file {path} cannot be used: {problem}. Choose another one or remove it."
            ) from problem
        found = self.meta("format")
        if found not in (None, FORMAT):
            raise StateError(
                f"the state file {path} was written by another version of the twin (format {found}, this one writes"
                f" {FORMAT}). Choose another one or remove it."
            )
        self.set_meta("format", FORMAT)
        if self.meta("token_key") is None:
            self.set_meta("token_key", secrets.token_hex(32))

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row, or None."""
        return self.db.execute(sql, values).fetchone()

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return every row."""
        return self.db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.db.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a change and return the id of the last inserted row."""
        return self.db.execute(sql, values).lastrowid or 0

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a change once per row."""
        self.db.executemany(sql, rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Do everything inside or nothing; inside another one it belongs to the outer."""
        if self._depth:
            yield
            return
        self._depth = 1
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        else:
            self.db.execute("COMMIT")
        finally:
            self._depth = 0

    def meta(self, name: str) -> str | None:
        """Return a value that belongs to the file as a whole."""
        found = self.value("SELECT value FROM meta WHERE name = ?", (name,))
        return None if found is None else str(found)

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value that belongs to the file as a whole."""
        self.run(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def empty(self) -> bool:
        """Whether the database holds no environment and no tenant."""
        return not self.one("SELECT 1 FROM environments UNION ALL SELECT 1 FROM tenants LIMIT 1")

    def clear(self) -> None:
        """Remove everything, and count ids from 1 again."""
        with self.writing():
            # No delta link from before stays valid.
            for row in self.all("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'watch_%'"):
                self.db.execute(f"DROP TRIGGER {row['name']}")
            self.set_meta("delta_generation", secrets.token_hex(8))
            for table in TABLES:
                self.db.execute(f"DELETE FROM {table}")
            self.db.execute("DELETE FROM sqlite_sequence")

    def close(self) -> None:
        """Write everything into the file and close it."""
        self.db.close()
