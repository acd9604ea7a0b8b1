# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of an export: their names, texts and secrets. The same environment gives the same texts.

Nothing in them changes by itself: no id of the server, no time, no version. Lists are sorted by the names of objects.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..model.desired import Skipped
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import normal_form
from ..model.terminal import one_line
from .yaml_writer import Reference, line_pattern, yaml_text

ENVIRONMENT, SSO, USERS, GROUPS, ADMINISTRATORS = PARTS = ("environment", "sso", "users", "groups", "administrators")
"""What is exported, each into a file of its own."""

REPORT, SECRETS = "export_report.yml", "secrets.yml.example"

NAMES = (REPORT, *(f"{part}.yml" for part in PARTS), SECRETS)
"""All files of an export. The report comes first: it shows whose folder it is."""

LONGEST_NAME = 150
"""Characters of the name of a folder."""


class Unreadable(NamedTuple):
    """A part of which something is unknown: `what` is missing (empty: all of it), with the `reason` for the report, which is
    the same in every run, and the whole `message`."""

    part: str
    what: str
    reason: str
    message: str

    def as_result(self) -> dict[str, Any]:
        return {"part": self.part, "what": self.what or "everything", "reason": self.reason, "message": self.message}


class Found(NamedTuple):
    """What an export has read: the definitions of parts by name, in the form of the files, and what they lack.

    `imported` are the names of users and groups of the import from Microsoft 365, None where nobody can tell. `service` is the
    one through which users and groups were read.
    """

    parts: Mapping[str, Any]
    unreadable: Sequence[Unreadable]
    left_out: Sequence[Skipped]
    imported: Mapping[str, Sequence[str]] | None
    service: str


def sort_key(name: str) -> tuple[str, str]:
    return normal_form(name).casefold(), name


def folder_name(instance: str, environment: str) -> str:
    """The name of a tenant's folder, which is never that of another tenant or of another place."""
    name = f"{instance}_{environment}" if instance else environment
    safe = re.sub(r"[^A-Za-z0-9._-]|^\.|^-", lambda odd: "".join(f"%{byte:02x}" for byte in odd[0].encode()), name)
    if len(safe) <= LONGEST_NAME:
        return safe
    return f"{safe[:LONGEST_NAME]}%{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def secret_variable(instance: str, environment: str) -> str:
    """The variable for the key of single sign-on."""
    name = (f"{instance}_{environment}" if instance else environment).lower()
    plain = re.sub(r"[^a-z0-9]", "_", name)
    # "a-b" and "a.b" are two environments.
    mark = "" if re.fullmatch("[a-z0-9_]+", name) else f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"vault_w365_{plain}{mark}_sso_key"


def sso_definition(values: Mapping[str, str] | None, variable: str) -> dict[str, Any]:
    """Without its key, which no server shows: a variable takes its place, which fails while it is undefined."""
    return {**{name: value for name, value in values.items() if value}, "key": Reference(variable)} if values else {}


def servers_of(instance_url: str, scim_url: str) -> list[str]:
    """The hosts, with their ports, of the services of a task. An export belongs to the first of them."""
    return [*dict.fromkeys(host for host in map(_host, (instance_url, scim_url)) if host)]


def _host(url: str) -> str:
    try:
        return urlsplit(url.strip()).netloc.rpartition("@")[2].lower().removesuffix(":443")
    except ValueError:
        # No URL, which the connection says.
        return ""


def texts_of(found: Found, instance: str, environment: str, server: str) -> dict[str, str | None]:
    """The texts of the files that can be written, by name; None for one that must not exist. Files of other parts stay."""
    keys = {ENVIRONMENT: "w365_environment_definition", SSO: "w365_sso_definition"}
    texts: dict[str, str | None] = {
        f"{part}.yml": yaml_text({keys.get(part, part): content}) for part, content in found.parts.items()
    }
    texts[REPORT] = _report(found, instance, environment, server)
    if SSO in found.parts:
        texts[SECRETS] = _secrets(secret_variable(instance, environment)) if found.parts[SSO] else None
    return texts


def _secrets(variable: str) -> str:
    return "\n".join(["---", *(f"# {line}" for line in _ABOUT_SECRETS), f"# {variable}: the client secret", ""])


_ABOUT_SECRETS = (
    "The secrets that the files beside this one refer to, as variables. Applying them fails while one is undefined.",
    "Define them in a file of your own, such as secrets.yml, and encrypt it with Ansible Vault.",
)

_ABOUT_REPORT = (
    "What this export could read, and what it could not. A file of what could not be read is that of an earlier export.",
)

FORMAT = "1"


def owner_lines(instance: str, environment: str) -> list[str]:
    """The lines of a report that say whose it is."""
    document = {"w365_export": FORMAT, "environment": environment, **({"instance": instance} if instance else {})}
    return yaml_text(document).splitlines()[1:]


def server_in(report: str) -> str:
    """The server of which a report is; empty for one of a version that did not write it."""
    lines = [line for line in report.splitlines() if line.startswith("server: ")]
    return lines[0].partition(": ")[2].strip("\"'") if len(lines) == 1 else ""


def service_line(service: str) -> str:
    return yaml_text({"service": service}).splitlines()[1]


def _report(found: Found, instance: str, environment: str, server: str) -> str:
    states = dict.fromkeys(found.parts, "read")
    states |= {item.part: "partly read" if item.what else "not readable" for item in found.unreadable}
    document: dict[str, Any] = {
        "w365_export": FORMAT,
        "environment": environment,
        **({"instance": instance} if instance else {}),
        **({"server": server} if server else {}),
        "service": found.service,
        "parts": {part: states[part] for part in PARTS},
        "not_readable": [
            {"part": item.part, **({"what": item.what} if item.what else {}), "reason": one_line(item.reason)}
            for item in found.unreadable
        ],
        "imported": _IMPORT_UNKNOWN if found.imported is None else _plain(found.imported),
        "left_out": [
            {"kind": item.kind, "name": one_line(item.name), "reason": one_line(item.reason)} for item in found.left_out
        ],
    }
    return yaml_text(document, _ABOUT_REPORT)


_IMPORT_UNKNOWN = "not known, because this service does not show the ids of Microsoft Entra"


def _plain(names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {kind: [one_line(name) for name in found] for kind, found in names.items()}


# What an earlier export has written, and what somebody has added

_KEYS = {
    **dict.fromkeys(
        (*USER_FIELDS, *GROUP_FIELDS, "members", "set", "add", *PARTS, "service", "instance", "server", "parts"), ""
    ),
    **dict.fromkeys(("authority", "client_id", "kind", "part", "what", "reason", "left_out", "not_readable"), ""),
    **dict.fromkeys(("imported", "w365_export", "w365_environment_definition", "w365_sso_definition"), ""),
    "key": r'"\{\{ vault_w365_[a-z0-9_]+ \}\}"',
}


@cache
def _line() -> re.Pattern[str]:
    """Compiling it takes long, and few of the tasks that import this file export."""
    return line_pattern(_KEYS)


_COMMENTS = frozenset(f"# {line}" for line in (*_ABOUT_SECRETS, *_ABOUT_REPORT))

_SECRET = re.compile(r"# vault_w365_[a-z0-9_]+: the client secret")


def is_own_line(line: str) -> bool:
    """Whether an export writes such a line. Others may hold secrets that somebody has added."""
    return bool(not line or line in _COMMENTS or _line().fullmatch(line) or _SECRET.fullmatch(line))


def has_users(text: str | None) -> bool:
    """Whether a file of users names one."""
    return "\n  - upn:" in (text or "")


def lacks(text: str | None, name: str) -> bool:
    """Whether the definition of an environment says nothing about this."""
    return f"\n  {name}:" not in (text or "")
