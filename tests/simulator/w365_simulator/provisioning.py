# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Provisioning API of an instance: environments, users, groups and settings."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .contract import Endpoint, Router, served
from .directory import EMAIL, Directory, DirectoryError, is_web_address, key
from .store import Store
from .switches import Switches
from .wire import Answer, Call, UnreadableBody, html_answer, json_answer


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of an environment: its column, the fields of its body, and the field that is an https address."""

    column: str
    fields: tuple[str, ...]
    url: str


EXCHANGE = Setting("exchange", ("ServerType", "DefaultEwsUrl"), "DefaultEwsUrl")
SHAREPOINT = Setting("sharepoint", ("AuthenticationType", "DefaultUrl"), "DefaultUrl")
# Single sign-on has a column for each field, because its key is a secret.
SSO_COLUMNS = {"Authority": "sso_authority", "ClientId": "sso_client_id", "Key": "sso_key"}
SSO = Setting("", tuple(SSO_COLUMNS), "Authority")


class Refused(Exception):
    """A call that ends with an error: a status and a sentence; for 400 a list of (field, sentence, malformed)."""

    def __init__(
        self,
        status: int,
        sentence: str = "",
        problems: list[Problem] | None = None,
        headers: list[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.problems = problems or []
        self.headers = headers or []


class Problem:
    """One finding about a body. ``malformed`` means that some servers would fail with 500."""

    def __init__(self, field: str, sentence: str, *, malformed: bool = False) -> None:
        self.field = field
        self.sentence = sentence
        self.malformed = malformed


class Body:
    """A JSON object whose names are read without regard to case; what is wrong with it is collected."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise UnreadableBody("The body is not a JSON object.")
        self._fields = {name.lower(): item for name, item in value.items()}
        self.problems: list[Problem] = []

    def has(self, name: str) -> bool:
        """Whether the caller gave this field; null does not count."""
        return self._fields.get(name.lower()) is not None

    def text(self, name: str, *, required: bool = True) -> str:
        """Return a text; note a problem when it is missing, empty though required, or no text."""
        value = self._fields.get(name.lower())
        if value is not None and not isinstance(value, str):
            self.problems.append(Problem(name, f"The {name} field must be a string.", malformed=True))
            return ""
        if required and not (value or "").strip():
            self.problems.append(Problem(name, f"The {name} field is required."))
        return value or ""

    def email(self, name: str) -> str:
        """Return a required e-mail address; note a problem when it is malformed."""
        value = self.text(name).strip()
        if value and not EMAIL.fullmatch(value):
            sentence = f"The {name} field is not a valid e-mail address: '{value}'."
            self.problems.append(Problem(name, sentence, malformed=True))
        return value

    def boolean(self, name: str) -> bool:
        """Return a boolean; missing means false."""
        value = self._fields.get(name.lower())
        if value is not None and not isinstance(value, bool):
            self.problems.append(Problem(name, f"The {name} field must be true or false.", malformed=True))
        return bool(value)

    def numbers(self, name: str) -> list[int]:
        """Return a list of whole numbers; missing means none."""
        value = self._fields.get(name.lower())
        if value is None:
            return []
        if not isinstance(value, list) or any(isinstance(item, bool) or not isinstance(item, int) for item in value):
            self.problems.append(Problem(name, f"The {name} field must be a list of user ids.", malformed=True))
            return []
        return value

    def check(self) -> None:
        """Raise what was noted."""
        if self.problems:
            raise Refused(400, problems=self.problems)


class Provisioning:
    """Answers everything below /Provisioning. Every handler is named after its endpoint in the table."""

    def __init__(self, store: Store, directory: Directory, switches: Switches, provisioning_key: str) -> None:
        self.store = store
        self.directory = directory
        self.switches = switches
        self.provisioning_key = provisioning_key
        self._router = Router("provisioning", ignore_case=True)

    def is_write(self, method: str, path: str) -> bool:
        """Whether this call would change something if it were accepted. ``path`` is relative to /Provisioning."""
        if method in ("GET", "HEAD", "OPTIONS"):
            return False
        endpoint, _, _ = self._router.find(method, path)
        return True if endpoint is None else endpoint.writes

    def answer(self, call: Call) -> Answer:
        """Answer one call; ``path`` is relative to /Provisioning."""
        try:
            try:
                return self._answer(call)
            except DirectoryError as problem:
                raise Refused(400, problems=[Problem(problem.field, str(problem))]) from problem
            except UnreadableBody as problem:
                raise Refused(400, problems=[Problem("", str(problem), malformed=True)]) from problem
        except Refused as refused:
            malformed = any(problem.malformed for problem in refused.problems)
            if refused.status == 400 and malformed and self.switches.server_error_for_bad_body:
                refused = Refused(500, "An error has occurred.")
            answer = self._refusal(refused)
            answer.headers += refused.headers
            return answer

    def _answer(self, call: Call) -> Answer:
        if call.headers.get("provisioningkey", "") != self.provisioning_key:
            raise Refused(403, "The provisioning key is missing or differs from the configured one.")
        if self.switches.strict_requested_with and call.headers.get("x-requested-with", "").lower() != "xmlhttprequest":
            raise Refused(403, "The header X-Requested-With: XMLHttpRequest is missing.")
        endpoint, names, _ = self._router.find(call.method, call.path)
        if endpoint is None or not served(endpoint, self.switches.profile) or self._lacks_slash(endpoint, call.path):
            if self.switches.unserved_method == "405":
                self._refuse_method(call)
            raise Refused(404, f"No HTTP resource was found that matches {call.method} {call.path}.")
        environment = None
        if "environment" in names and endpoint.id != "environment_create_empty":
            environment = self.directory.environment(names["environment"])
            if environment is None:
                raise Refused(404, f"The environment '{names['environment']}' does not exist.")
        handler: Callable[[Call, Any, dict[str, str]], Answer] = getattr(self, f"_{endpoint.id}")
        if not endpoint.writes:
            return handler(call, environment, names)
        with self.store.writing():
            return handler(call, environment, names)

    def _lacks_slash(self, endpoint: Endpoint, path: str) -> bool:
        return self.switches.trailing_slash == "required" and endpoint.documented_slash and not path.endswith("/")

    def _refuse_method(self, call: Call) -> None:
        """Answer 405 when the path has other methods than the one that was called."""
        others = [
            endpoint
            for endpoint in self._router.endpoints(call.path)
            if served(endpoint, self.switches.profile) and not self._lacks_slash(endpoint, call.path)
        ]
        if others and call.method not in [endpoint.method for endpoint in others]:
            allowed = ", ".join(endpoint.method for endpoint in others)
            raise Refused(
                405,
                f"The requested resource does not support the method {call.method}.",
                headers=[("Allow", allowed)],
            )

    def _refusal(self, refused: Refused) -> Answer:
        if self.switches.html_errors:
            sentence = refused.sentence or " ".join(problem.sentence for problem in refused.problems)
            return html_answer(refused.status, sentence)
        if refused.status != 400:
            return json_answer(refused.status, {"Message": refused.sentence})
        problems = refused.problems
        shape = self.switches.validation_result
        if shape == "strings":
            return json_answer(400, [problem.sentence for problem in problems])
        if shape == "object":
            result: dict[str, list[str]] = {}
            for problem in problems:
                result.setdefault(problem.field, []).append(problem.sentence)
            return json_answer(400, result)
        members, message = ("memberNames", "errorMessage") if shape == "camel" else ("MemberNames", "ErrorMessage")
        return json_answer(
            400,
            [{members: [problem.field] if problem.field else [], message: problem.sentence} for problem in problems],
        )

    # ---- environments

    def _environment_list(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        shape = self.switches.environment_list
        if shape == "missing":
            raise Refused(404, f"No HTTP resource was found that matches GET {call.path}.")
        rows = self.store.all("SELECT name, active FROM environments ORDER BY name")
        if shape == "strings":
            return json_answer(200, [row["name"] for row in rows])
        if shape == "names":
            return json_answer(200, [{"EnvironmentName": row["name"]} for row in rows])
        if shape == "wrapped":
            items = [{"name": row["name"], "isActive": bool(row["active"])} for row in rows]
            return json_answer(200, {"environments": items})
        return json_answer(200, [{"Name": row["name"], "IsActive": bool(row["active"])} for row in rows])

    def _read_environment(self, call: Call, *, with_password: bool) -> tuple[str, str, dict[str, str]]:
        body = Body(call.json())
        given = body.text("EnvironmentName")
        administrator = {
            "upn": body.email("EmailAddress"),
            "first_name": body.text("FirstName"),
            "last_name": body.text("LastName"),
        }
        if with_password:
            administrator["password"] = body.text("Password")
        clean = ""
        if given.strip():
            try:
                clean = self.directory.check_environment_name(given)
            except DirectoryError as problem:
                body.problems.append(Problem(problem.field, str(problem)))
        body.check()
        return clean, given, administrator

    def _environment_create(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        version = call.query.get("version", "1.0")
        if version not in ("1.0", "2.0"):
            raise Refused(400, problems=[Problem("version", f"The version '{version}' is not known.")])
        # Version 2.0 creates a temporary password, so it has no field for one.
        name, given, administrator = self._read_environment(call, with_password=version == "1.0")
        id_ = self.directory.add_environment(name, given, "provisioning")
        self.directory.add_user(
            id_,
            upn=administrator["upn"],
            first_name=administrator["first_name"],
            last_name=administrator["last_name"],
            password=administrator.get("password"),
            administrator=True,
            origin="registration",
        )
        return json_answer(200, name)

    def _environment_validate(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        # Both versions of the create may be validated, so a password is read by neither.
        self._read_environment(call, with_password=False)
        return Answer(200)

    def _environment_create_empty(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        name = self.directory.check_environment_name(names["environment"])
        self.directory.add_environment(name, names["environment"], "provisioning")
        return json_answer(200, name)

    def _environment_activate(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        if not self.switches.ignores("environments"):
            self.store.run("UPDATE environments SET active = 1 WHERE id = ?", (environment["id"],))
        return Answer(200)

    def _environment_deactivate(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        if not self.switches.ignores("environments"):
            self.store.run("UPDATE environments SET active = 0 WHERE id = ?", (environment["id"],))
        return Answer(200)

    def _environment_delete(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        if not self.switches.ignores("environments"):
            self.store.run("DELETE FROM environments WHERE id = ?", (environment["id"],))
        return Answer(200)

    # ---- users

    def _read_new_user(self, call: Call, environment: Any) -> tuple[dict[str, Any], bool]:
        body = Body(call.json())
        user: dict[str, Any] = {
            "upn": body.email("EmailAddress"),
            "first_name": body.text("FirstName"),
            "last_name": body.text("LastName"),
            "administrator": body.boolean("IsAdministrator"),
            # Whether a password may be left out is not documented; with single sign-on no user needs one.
            "password": body.text("Password", required=False) or None,
        }
        create_in_office365 = body.boolean("CreateInOffice365")
        if user["upn"] and not body.problems:
            try:
                self.directory.check_upn(environment["id"], user["upn"])
            except DirectoryError as problem:
                body.problems.append(Problem(problem.field, str(problem)))
        body.check()
        return user, create_in_office365

    def _user_create(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        user, create_in_office365 = self._read_new_user(call, environment)
        id_ = self.directory.add_user(environment["id"], **user, origin="provisioning")
        if create_in_office365:
            self._add_to_tenant(user)
        return json_answer(200, id_)

    def _add_to_tenant(self, user: dict[str, Any]) -> None:
        """Create the account in the Microsoft tenant that owns the domain, as CreateInOffice365 asks."""
        upn, upn_key = user["upn"], key(user["upn"])
        tenant = self.store.value("SELECT tenant FROM domains WHERE name = ?", (upn_key.rpartition("@")[2],))
        if tenant is None:
            return
        self.store.run(
            "INSERT OR IGNORE INTO graph_users (tenant, id, upn, upn_key, given_name, surname, display_name, mail,"
            " mail_key, account_enabled, user_type, assigned_licenses, lag)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 'Member', '[]', ?)",
            (
                tenant, str(uuid.uuid4()), upn, upn_key, user["first_name"], user["last_name"],
                f"{user['first_name']} {user['last_name']}", upn, upn_key, self.switches.graph_lag,
            ),
        )  # fmt: skip

    def _user_validate(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        self._read_new_user(call, environment)
        return Answer(200)

    def _user_list(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        hidden = " AND active = 1" if self.switches.deleted_users == "hidden" else ""
        rows = self.store.all(f"SELECT * FROM users WHERE environment = ?{hidden} ORDER BY id", (environment["id"],))
        return json_answer(200, [_shown_user(row) for row in rows])

    def _find_user(self, environment: Any, names: dict[str, str]) -> Any:
        row = self.directory.user(environment["id"], int(names["id"])) if _is_number(names["id"]) else None
        if row is None:
            raise Refused(404, f"The user {names['id']} does not exist in environment '{environment['name']}'.")
        return row

    def _user_get(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        return json_answer(200, _shown_user(self._find_user(environment, names)))

    def _user_update(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        row = self._find_user(environment, names)
        body = Body(call.json())
        changes: dict[str, Any] = {}
        if body.has("EmailAddress"):
            changes["upn"] = body.email("EmailAddress")
        if body.has("FirstName"):
            changes["first_name"] = body.text("FirstName")
        if body.has("LastName"):
            changes["last_name"] = body.text("LastName")
        if body.has("IsAdministrator"):
            changes["administrator"] = int(body.boolean("IsAdministrator"))
        if body.has("IsActive"):
            changes["active"] = int(body.boolean("IsActive"))
        if body.has("Password"):
            changes["password"] = body.text("Password")
        body.check()
        if "upn" in changes:
            # An address that is the UPN follows it.
            changes["emails"] = [
                {**item, "value": changes["upn"]} if key(str(item.get("value"))) == row["upn_key"] else item
                for item in json.loads(row["emails"])
            ]
        self.directory.change_user(row, self.switches.made(changes))
        return Answer(200)

    def _user_delete(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        row = self._find_user(environment, names)
        self.directory.change_user(row, self.switches.made({"active": 0}))
        return Answer(200)

    # ---- groups

    def _group_list(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        members: dict[int, list[int]] = {}
        for group, user in self.store.all(
            "SELECT group_id, user_id FROM memberships WHERE group_id IN (SELECT id FROM groups WHERE environment = ?)"
            " ORDER BY group_id, user_id",
            (environment["id"],),
        ):
            members.setdefault(group, []).append(user)
        rows = self.store.all("SELECT * FROM groups WHERE environment = ? ORDER BY id", (environment["id"],))
        return json_answer(200, [_shown_group(row, members.get(row["id"], [])) for row in rows])

    def _find_group(self, environment: Any, names: dict[str, str]) -> Any:
        row = self.directory.group(environment["id"], int(names["id"])) if _is_number(names["id"]) else None
        if row is None:
            raise Refused(404, f"The group {names['id']} does not exist in environment '{environment['name']}'.")
        return row

    def _read_members(self, environment: Any, body: Body) -> list[int]:
        members = body.numbers("Members")
        for number in members:
            if self.directory.user(environment["id"], number) is None:
                body.problems.append(Problem("Members", f"The user {number} does not exist in this environment."))
                break
        return members

    def _group_create(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        body = Body(call.json())
        name, description = body.text("Name").strip(), body.text("Description", required=False)
        members = self._read_members(environment, body)
        body.check()
        id_ = self.directory.add_group(environment["id"], name=name, description=description, origin="provisioning")
        self.directory.add_members(id_, members)
        return json_answer(200, id_)

    def _group_get(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        row = self._find_group(environment, names)
        return json_answer(200, _shown_group(row, self.directory.member_numbers(row["id"])))

    def _group_update(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        row = self._find_group(environment, names)
        body = Body(call.json())
        changes: dict[str, Any] = {}
        if body.has("Name"):
            changes["name"] = body.text("Name").strip()
        if body.has("Description"):
            changes["description"] = body.text("Description", required=False)
        members = self._read_members(environment, body) if body.has("Members") else None
        body.check()
        self.directory.change_group(row, self.switches.made(changes))
        if members is not None:
            before = self.directory.member_numbers(row["id"])
            if self.switches.ignores("added_members"):
                members = [number for number in members if number in before]
            if self.switches.ignores("removed_members"):
                members = [*before, *(number for number in members if number not in before)]
            self.directory.set_members(row["id"], members)
        return Answer(200)

    def _group_delete(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        row = self._find_group(environment, names)
        if not self.switches.ignores("deletions"):
            self.directory.remove_group(row)
        return Answer(200)

    # ---- settings

    def _write_setting(
        self, call: Call, setting: Setting, current: dict[str, str | None]
    ) -> dict[str, str | None] | None:
        """Read the body of a PUT; return every field of the setting, or None where this server keeps nothing."""
        body = Body(call.json())
        partial = self.switches.settings_write == "given"
        values: dict[str, str | None] = dict(current)
        for name in setting.fields:
            if not partial or body.has(name):
                values[name] = body.text(name)
        url = values[setting.url]
        if url and not is_web_address(url):
            sentence = f"The {setting.url} field is not a valid https address: '{url}'."
            body.problems.append(Problem(setting.url, sentence))
        server_type = values.get("ServerType")
        if server_type and self.switches.exchange_server_types == "office365" and server_type != "Office365":
            body.problems.append(Problem("ServerType", f"The ServerType '{server_type}' is not known."))
        body.check()
        return None if self.switches.settings_write == "dropped" else values

    def _shown_setting(self, call: Call, values: dict[str, str | None]) -> Answer:
        """Answer with a setting in the shape of the switch settings_read."""
        shape = self.switches.settings_read
        written = any(value is not None for value in values.values())
        if shape == "missing" or (shape == "unset_404" and not written):
            raise Refused(404, f"No HTTP resource was found that matches GET {call.path}.")
        if shape == "null" and not written:
            return json_answer(200, None)
        if shape == "set_only":
            values = {name: value for name, value in values.items() if value is not None}
        if shape == "camel":
            values = {name[0].lower() + name[1:]: value for name, value in values.items()}
        return json_answer(200, values)

    def _current_sso(self, environment: Any) -> dict[str, str | None]:
        return {name: environment[column] for name, column in SSO_COLUMNS.items()}

    def _sso_set(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        values = self._write_setting(call, SSO, self._current_sso(environment))
        if values is not None:
            columns = ", ".join(f"{column} = ?" for column in SSO_COLUMNS.values())
            self.store.run(
                f"UPDATE environments SET {columns} WHERE id = ?",
                (*(values[name] for name in SSO_COLUMNS), environment["id"]),
            )
        return Answer(200)

    def _sso_get(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        values = self._current_sso(environment)
        return self._shown_setting(call, {name: values[name] for name in ("Authority", "ClientId")})

    def _current(self, environment: Any, setting: Setting) -> dict[str, str | None]:
        stored = environment[setting.column]
        values: dict[str, str | None] = json.loads(stored) if stored else dict.fromkeys(setting.fields)
        return values

    def _set_settings(self, call: Call, environment: Any, setting: Setting) -> Answer:
        values = self._write_setting(call, setting, self._current(environment, setting))
        if values is not None:
            self.store.run(
                f"UPDATE environments SET {setting.column} = ? WHERE id = ?", (json.dumps(values), environment["id"])
            )
        return Answer(200)

    def _exchange_set(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        return self._set_settings(call, environment, EXCHANGE)

    def _exchange_get(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        return self._shown_setting(call, self._current(environment, EXCHANGE))

    def _sharepoint_set(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        return self._set_settings(call, environment, SHAREPOINT)

    def _sharepoint_get(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        return self._shown_setting(call, self._current(environment, SHAREPOINT))

    def _licenses_get(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        used = self.store.value("SELECT count(*) FROM users WHERE environment = ? AND active = 1", (environment["id"],))
        return json_answer(200, {"purchasedLicenses": environment["licenses"], "usedLicenses": used})

    def _licenses_set(self, call: Call, environment: Any, names: dict[str, str]) -> Answer:
        number = call.json()
        if isinstance(number, bool) or not isinstance(number, int):
            raise UnreadableBody("The body is not a whole number.")
        if number < 0:
            raise Refused(400, problems=[Problem("", "The number of licenses must not be negative.")])
        self.store.run("UPDATE environments SET licenses = ? WHERE id = ?", (number, environment["id"]))
        return Answer(200)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _shown_user(row: Any) -> dict[str, Any]:
    return {
        "Id": row["id"],
        "EmailAddress": row["upn"],
        "FirstName": row["first_name"],
        "LastName": row["last_name"],
        "IsAdministrator": bool(row["administrator"]),
        "IsActive": bool(row["active"]),
    }


def _shown_group(row: Any, members: list[int]) -> dict[str, Any]:
    return {"Id": row["id"], "Name": row["name"], "Description": row["description"], "Members": members}
