# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SCIM 2.0 service of an environment (RFC 7643, RFC 7644), with the rules of Workspace 365."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import scim_filter, scim_schemas
from .contract import Endpoint, Router
from .directory import Directory, Duplicate
from .scim_patch import Kept, ScimError, boolean, get, member_ids, patch_group, patch_user, read_values
from .scim_schemas import ATTRIBUTES, ENTERPRISE
from .store import Store
from .switches import Switches
from .wire import HTML, SCIM_JSON, Answer, Call, UnreadableBody, dumps, json_answer

DEFAULT_COUNT = 100
SIGN_IN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n"

# The text attributes of a user that a server may keep, and their columns; phone numbers are a list, see _PHONE_COLUMNS.
_TEXT_COLUMNS = {
    "displayName": "display_name", "title": "title", "preferredLanguage": "preferred_language",
    "department": "department",
}  # fmt: skip
_EVERYTHING = Kept(frozenset(ATTRIBUTES), "")
# What every user has, whatever the server keeps; and what a strict server knows in a body besides.
_ALWAYS = {"schemas", "id", "meta", "externalid", "username", "name", "emails", "active"}

_EMAIL_COLUMNS = {
    "value": scim_filter.Column("emails.value", "text"),
    "type": scim_filter.Column("lower(emails.type)", "text"),
    "primary": scim_filter.Column("emails.is_primary", "boolean"),
}
_META = {
    "meta.created": scim_filter.Column("created", "time"),
    "meta.lastmodified": scim_filter.Column("modified", "time"),
}
_USER_COLUMNS = {
    "id": scim_filter.Column("scim_id", "exact"),
    "externalid": scim_filter.Column("external_id", "exact"),
    "username": scim_filter.Column("upn_key", "text"),
    "name.givenname": scim_filter.Column("lower(first_name)", "text"),
    "name.familyname": scim_filter.Column("lower(last_name)", "text"),
    "active": scim_filter.Column("active", "boolean"),
    **_META,
}
_PHONE_COLUMNS = {
    "value": scim_filter.Column("lower(json_extract(phone.value, '$.value'))", "text"),
    "type": scim_filter.Column("lower(json_extract(phone.value, '$.type'))", "text"),
    "primary": scim_filter.Column("coalesce(json_extract(phone.value, '$.primary'), 0)", "boolean"),
}
_GROUP_COLUMNS = {
    "id": scim_filter.Column("scim_id", "exact"),
    "externalid": scim_filter.Column("external_id", "exact"),
    "displayname": scim_filter.Column("name_key", "text"),
    **_META,
}
_MEMBER_COLUMNS = {"value": scim_filter.Column("users.scim_id", "exact")}


# The names by which objects are found, where a filter minds their case. SQLite's own lower() knows ASCII only.
_NAMES = {
    "exact": {"username": scim_filter.Column("upn", "exact"), "displayname": scim_filter.Column("name", "exact")},
    "ascii": {
        "username": scim_filter.Column("lower(upn)", "ascii"),
        "displayname": scim_filter.Column("lower(name)", "ascii"),
    },
}


def _fields(table: str, environment: int, kept: frozenset[str], case: str) -> scim_filter.Fields:
    """Return what can be filtered. The inner queries name the environment themselves, so that they use an index."""
    names = {
        name: column for name, column in _NAMES.get(case, {}).items() if (name == "username") is (table == "users")
    }
    if table == "users":
        emails = f"users.id IN (SELECT user FROM emails WHERE emails.environment = {environment} AND %s)"
        nested: dict[str, scim_filter.Nested] = {"emails": (_EMAIL_COLUMNS, emails)}
        if "phoneNumbers" in kept:
            phones = "EXISTS (SELECT 1 FROM json_each(users.phone_numbers) AS phone WHERE %s)"
            nested["phonenumbers"] = (_PHONE_COLUMNS, phones)
        texts = {
            ATTRIBUTES[name]: scim_filter.Column(f"lower({column})", "text")
            for name, column in _TEXT_COLUMNS.items()
            if name in kept
        }
        return scim_filter.Fields({**_USER_COLUMNS, **texts, **names}, nested)
    members = (
        "groups.id IN (SELECT group_id FROM memberships JOIN users ON users.id = user_id"
        f" WHERE users.environment = {environment} AND %s)"
    )
    return scim_filter.Fields({**_GROUP_COLUMNS, **names}, {"members": (_MEMBER_COLUMNS, members)})


class Scim:
    """Answers everything below /{environment}/scim/v2. Every handler is named after its endpoint in the table."""

    def __init__(self, store: Store, directory: Directory, switches: Switches, scim_token: str) -> None:
        self.store = store
        self.directory = directory
        self.switches = switches
        self.scim_token = scim_token
        self._router = Router("scim", ignore_case=False)
        # For each id, how often it is still shown as before, and how.
        self._late: dict[str, tuple[int, Answer]] = {}

    def is_write(self, method: str, path: str) -> bool:
        """Whether this call would change something if it were accepted. ``path`` is relative to the service's root."""
        if method in ("GET", "HEAD", "OPTIONS"):
            return False
        endpoint, _, _ = self._router.find(method, path)
        return True if endpoint is None else endpoint.writes

    def answer(self, call: Call, environment_name: str, path: str) -> Answer:
        """Answer one call; ``path`` is relative to the service's root."""
        try:
            environment = self._authenticate(call, environment_name)
            base = f"{call.base_url}/{environment['name']}/scim/v2"
            endpoint, names = self._find(call.method, path)
            return self._perform(endpoint, call, environment, base, names)
        except ScimError as problem:
            return _error(problem)

    def _authenticate(self, call: Call, name: str) -> Any:
        environment = self.directory.environment(name)
        if environment is None:
            raise ScimError(404, f"The environment '{name}' does not exist.")
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token.strip() != (environment["scim_token"] or self.scim_token):
            raise ScimError(401, "The bearer token is missing or wrong.")
        if not environment["scim_enabled"]:
            raise ScimError(403, f"SCIM is switched off in the environment '{environment['name']}'.")
        if not environment["active"]:
            raise ScimError(403, f"The environment '{environment['name']}' is not active.")
        return environment

    def _find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        endpoint, names, others = self._router.find(method, path)
        if endpoint is None and others:
            raise ScimError(405, f"The method {method} is not allowed for {path}.")
        if endpoint is None:
            raise ScimError(404, f"There is no endpoint {path}.")
        if endpoint.id == "scim_bulk" and not self.switches.scim_bulk:
            raise ScimError(501, "Bulk is not offered here.")
        return endpoint, names

    def _perform(self, endpoint: Endpoint, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        handler: Callable[[Call, Any, str, dict[str, str]], Answer] = getattr(
            self, f"_{endpoint.id.removeprefix('scim_')}"
        )
        try:
            if not endpoint.writes or endpoint.id == "scim_bulk":
                return handler(call, environment, base, names)
            with self.store.writing():
                return handler(call, environment, base, names)
        except UnreadableBody as problem:
            raise ScimError(400, str(problem), "invalidSyntax") from problem
        except Duplicate as problem:
            raise ScimError(409, str(problem), "uniqueness") from problem
        except scim_filter.FilterError as problem:
            raise ScimError(400, str(problem), "invalidFilter") from problem

    # ---- what the service says about itself

    def _service_provider_config(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        most = self.switches.page_size or scim_schemas.MAX_RESULTS
        config = scim_schemas.service_provider_config(base, bulk=self.switches.scim_bulk, max_results=most)
        return json_answer(200, config, SCIM_JSON)

    def _refuse_filter(self, call: Call) -> None:
        # RFC 7644, section 4: these answer 403 to a filter.
        if "filter" in call.query:
            raise ScimError(403, "A filter is not allowed here.")

    def _kept(self) -> Kept:
        how = self.switches.scim_unknown_attributes
        return Kept(self.switches.kept_attributes, how if how.startswith("invalid") else "")

    def _echoes(self) -> bool:
        """Whether the answer to a write shows every attribute that was sent, also those that are not kept."""
        return self.switches.scim_unknown_attributes == "echo"

    def _announced(self) -> frozenset[str]:
        """Return the attributes that the service says it keeps, which by switch is not what it does."""
        named = {"all": frozenset(ATTRIBUTES), "none": frozenset[str]()}
        return named.get(self.switches.scim_schemas, self.switches.kept_attributes)

    def _unreadable_schemas(self) -> Answer | None:
        """Return the answer of a server whose schemas cannot be read, if the switch scim_schemas says so."""
        how = self.switches.scim_schemas
        if how == "missing":
            raise ScimError(404, "There is no endpoint /Schemas.")
        if how == "error":
            raise ScimError(500, "The schemas cannot be read.")
        return {"html": Answer(200, SIGN_IN_PAGE, HTML), "no_body": Answer(200)}.get(how)

    def _schemas(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        self._refuse_filter(call)
        unreadable = self._unreadable_schemas()
        if unreadable is not None:
            return unreadable
        found = scim_schemas.odd_schemas(scim_schemas.schemas(base, self._announced()), self.switches.scim_schemas)
        return json_answer(200, found, SCIM_JSON) if self.switches.scim_schemas == "array" else _list(found)

    def _schema(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        unreadable = self._unreadable_schemas()
        if unreadable is not None:
            return unreadable
        found = scim_schemas.odd_schemas(scim_schemas.schemas(base, self._announced()), self.switches.scim_schemas)
        return _pick(found, names["id"], "schema")

    def _resource_types(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        self._refuse_filter(call)
        return _list(scim_schemas.resource_types(base, self._announced()))

    def _resource_type(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        return _pick(scim_schemas.resource_types(base, self._announced()), names["id"], "resource type")

    # ---- reading

    def _condition(self, table: str, environment: Any, text: Any) -> tuple[str, list[Any]]:
        condition, values = f"{table}.environment = ?", [environment["id"]]
        if table == "users" and self.switches.deleted_users == "hidden":
            condition += " AND active = 1"
        if text:
            fields = _fields(table, environment["id"], self.switches.kept_attributes, self.switches.scim_eq_case)
            extra, extra_values = scim_filter.to_sql(scim_filter.read(str(text)), fields)
            condition += f" AND {extra}"
            values += extra_values
        return condition, values

    def _page(self, environment: Any, base: str, query: Any, *tables: str) -> Answer:
        """Answer with one page over users, groups, or both one after the other."""
        most = self.switches.page_size or scim_schemas.MAX_RESULTS
        start = max(1, _whole(query.get("startIndex"), "startIndex", 1))
        count = min(most, max(0, _whole(query.get("count"), "count", min(most, DEFAULT_COUNT))))
        view = _View(query)
        total = 0
        resources: list[dict[str, Any]] = []
        for table in tables:
            try:
                condition, values = self._condition(table, environment, query.get("filter"))
            except scim_filter.UnknownAttribute:
                if len(tables) == 1:
                    raise
                # A search over everything finds nothing where the attribute does not exist.
                continue
            found = self.store.value(f"SELECT count(*) FROM {table} WHERE {condition}", values)
            first, wanted = max(0, start - 1 - total), count - len(resources)
            if wanted and first < found:
                sql = f"SELECT {table}.* FROM {table} WHERE {condition} ORDER BY {table}.id LIMIT ? OFFSET ?"
                rows = self.store.all(sql, [*values, wanted, first])
                shown = self._shown_users if table == "users" else self._shown_groups
                resources += [self._as_listed(view.of(resource)) for resource in shown(rows, base, view)]
            total += found
        return _list(resources, total, start)

    def _as_listed(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Show only some members of a big group, as servers do that would have to look them all up."""
        most, members = self.switches.scim_members_listed, resource.get("members")
        if not most or not members or len(members) <= most:
            return resource
        if self.switches.scim_members_beyond == "omit":
            return {name: value for name, value in resource.items() if name != "members"}
        return {**resource, "members": members[:most] if self.switches.scim_members_beyond == "cut" else []}

    def _user_list(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        return self._page(environment, base, call.query, "users")

    def _group_list(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        return self._page(environment, base, call.query, "groups")

    def _user_search(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        return self._page(environment, base, _search(call), "users")

    def _group_search(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        return self._page(environment, base, _search(call), "groups")

    def _search(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        return self._page(environment, base, _search(call), "users", "groups")

    def _shown_users(self, rows: Iterable[Any], base: str, view: _View) -> list[dict[str, Any]]:
        kept = self.switches.kept_attributes
        return [_user_document(row, base, kept) for row in rows]

    def _shown_groups(self, rows: Sequence[Any], base: str, view: _View) -> list[dict[str, Any]]:
        result = []
        for row in rows:
            resource: dict[str, Any] = {"schemas": [scim_schemas.GROUP], "id": row["scim_id"]}
            if row["external_id"] is not None:
                resource["externalId"] = row["external_id"]
            resource["displayName"] = row["name"]
            if view.wants("members"):
                resource["members"] = [
                    {"value": scim_id, "$ref": f"{base}/Users/{scim_id}", "type": "User"}
                    for (scim_id,) in self.store.all(
                        "SELECT scim_id FROM memberships JOIN users ON users.id = user_id WHERE group_id = ?"
                        " ORDER BY user_id",
                        (row["id"],),
                    )
                ]
            resource["meta"] = _meta("Group", row, f"{base}/Groups/{row['scim_id']}")
            result.append(resource)
        return result

    def _find_user(self, environment: Any, names: dict[str, str]) -> Any:
        row = self.directory.user_by_scim_id(environment["id"], names["id"])
        if row is None:
            raise ScimError(404, f"The user '{names['id']}' does not exist.")
        return row

    def _find_group(self, environment: Any, names: dict[str, str]) -> Any:
        row = self.directory.group_by_scim_id(environment["id"], names["id"])
        if row is None:
            raise ScimError(404, f"The group '{names['id']}' does not exist.")
        return row

    def _user_answer(
        self, status: int, id_: int, call: Call, base: str, echoed: dict[str, Any] | None = None
    ) -> Answer:
        """Answer with a user; ``echoed`` holds columns as they were sent, which are shown instead of what is kept."""
        row = dict(self.store.one("SELECT * FROM users WHERE id = ?", (id_,)))
        kept = self.switches.kept_attributes
        if echoed is not None:
            kept = _EVERYTHING.names
            row |= {column: echoed[column] for column in _TEXT_COLUMNS.values()}
            row["phone_numbers"] = json.dumps(echoed["phone_numbers"])
        resource = _View(call.query).of(_user_document(row, base, kept))
        return json_answer(status, resource, SCIM_JSON, [("Location", f"{base}/Users/{row['scim_id']}")])

    def _group_answer(self, status: int, id_: int, call: Call, base: str) -> Answer:
        row = self.store.one("SELECT * FROM groups WHERE id = ?", (id_,))
        view = _View(call.query)
        resource = view.of(self._shown_groups([row], base, view)[0])
        return json_answer(status, resource, SCIM_JSON, [("Location", f"{base}/Groups/{row['scim_id']}")])

    def _keep_for_later(self, id_: str, answer: Answer) -> None:
        """Show an object as it is now for some more reads, as the switch scim_lag says."""
        if self.switches.scim_lag:
            self._late[id_] = (self.switches.scim_lag, answer)

    def _shown_late(self, id_: str) -> Answer | None:
        left, answer = self._late.pop(id_, (0, None))
        if left > 1 and answer is not None:
            self._late[id_] = (left - 1, answer)
        return answer

    def _user_get(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        late = self._shown_late(names["id"])
        if late is not None:
            return late
        return self._user_answer(200, self._find_user(environment, names)["id"], call, base)

    def _group_get(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        late = self._shown_late(names["id"])
        if late is not None:
            return late
        return self._group_answer(200, self._find_group(environment, names)["id"], call, base)

    # ---- users

    def _read_user(self, body: Any) -> dict[str, Any]:
        """Read a whole user as POST and PUT send it, into columns."""
        if not isinstance(body, dict):
            raise ScimError(400, "The body is not a JSON object.", "invalidSyntax")
        upn, name = get(body, "userName"), get(body, "name")
        first_name, last_name = get(name, "givenName"), get(name, "familyName")
        for label, value in (("userName", upn), ("name.givenName", first_name), ("name.familyName", last_name)):
            if not isinstance(value, str) or not value.strip():
                raise ScimError(
                    400, f"The attribute {label} is required and is text that is not empty.", "invalidValue"
                )
        if not isinstance(get(body, "externalId"), (str, type(None))):
            raise ScimError(400, "The attribute externalId is text.", "invalidValue")
        active = get(body, "active")
        emails = get(body, "emails")
        return {
            "upn": upn,
            "first_name": first_name,
            "last_name": last_name,
            "external_id": get(body, "externalId"),
            "active": True if active is None else boolean(active, "active", self.switches.scim_patch),
            "emails": read_values(emails, self.switches.scim_patch, "emails") if emails else [],
            **self._read_attributes(body, self._kept()),
        }

    def _read_attributes(self, body: dict[str, Any], kept: Kept) -> dict[str, Any]:
        """Read the attributes that a server keeps, into columns, and drop or refuse the others."""
        extension = get(body, ENTERPRISE)
        if not isinstance(extension, (dict, type(None))):
            raise ScimError(400, f"The extension {ENTERPRISE} is a JSON object.", "invalidValue")
        given = {scim_filter.canonical(name): value for name, value in body.items() if name.lower() not in _ALWAYS}
        given.pop(ENTERPRISE.lower(), None)
        given |= {
            f"{ENTERPRISE}:{name}".lower(): value
            for name, value in (extension or {}).items()
            if name.lower() != "schemas"
        }
        for path, value in given.items():
            # Null and empty values count as not given (RFC 7643, section 2.5).
            if kept.attribute(path) is None and value not in (None, "", [], {}):
                kept.drop(path, scim_type="invalidValue")
        if extension and "department" in kept.names:
            named = get(body, "schemas")
            if ENTERPRISE.lower() not in [str(item).lower() for item in (named if isinstance(named, list) else [])]:
                raise ScimError(400, f"The attribute schemas does not name the extension {ENTERPRISE}.", "invalidValue")
        columns: dict[str, Any] = {}
        for name in kept.names:
            value = given.get(ATTRIBUTES[name])
            if name == "phoneNumbers":
                columns["phone_numbers"] = self._phone_numbers(
                    read_values(value, self.switches.scim_patch, name) if value else []
                )
            elif isinstance(value, (str, type(None))):
                columns[_TEXT_COLUMNS[name]] = value or None
            else:
                raise ScimError(400, f"The attribute {name} is text; {value!r} is not.", "invalidValue")
        return columns

    def _phone_numbers(self, elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return phone numbers as this server stores them."""
        if self.switches.scim_phone_numbers == "as_sent":
            return elements
        return [{**item, "value": _telephone_uri(item["value"])} for item in elements]

    def _user_create(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        body = call.json()
        id_ = self.directory.add_user(environment["id"], **self._read_user(body), origin="scim")
        echoed = self._read_attributes(body, _EVERYTHING) if self._echoes() else None
        return self._user_answer(201, id_, call, base, echoed)

    def _user_replace(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        row = self._find_user(environment, names)
        body = call.json()
        changes = self._read_user(body)
        self.directory.change_user(row, {**changes, "active": int(changes["active"])})
        echoed = self._read_attributes(body, _EVERYTHING) if self._echoes() else None
        return self._user_answer(200, row["id"], call, base, echoed)

    def _user_patch(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        row = self._find_user(environment, names)
        self._refuse_too_many(get(call.json(), "Operations"))
        changes = self._patched(row, call.json(), self._kept())
        self._keep_for_later(names["id"], self._user_answer(200, row["id"], call, base))
        self.directory.change_user(row, self.switches.made(changes))
        if not self.switches.scim_patch_body:
            return Answer(204)
        echoed = self._patched(row, call.json(), _EVERYTHING) if self._echoes() else None
        return self._user_answer(200, row["id"], call, base, echoed)

    def _refuse_too_many(self, listed: Any) -> None:
        """Refuse more operations, or members in them, than the switch scim_most_changes allows."""
        most = self.switches.scim_most_changes
        items = listed if isinstance(listed, list) else []
        number = sum(len(value) if isinstance(value := get(item, "value"), list) else 1 for item in items)
        if most and number > most:
            raise ScimError(int(self.switches.scim_too_many), f"A request makes at most {most} changes.", "tooMany")

    def _patched(self, row: Any, body: Any, kept: Kept) -> dict[str, Any]:
        """Return the columns of a user as a PATCH makes them."""
        document: dict[str, Any] = {
            "userName": row["upn"],
            "name": {"givenName": row["first_name"], "familyName": row["last_name"]},
            "externalId": row["external_id"],
            "emails": json.loads(row["emails"]),
            "active": bool(row["active"]),
            "phoneNumbers": json.loads(row["phone_numbers"]),
            **{name: row[column] for name, column in _TEXT_COLUMNS.items()},
        }
        patch_user(document, body, self.switches.scim_patch, kept)
        return {
            "upn": document["userName"],
            "first_name": document["name"]["givenName"],
            "last_name": document["name"]["familyName"],
            "external_id": document["externalId"],
            "emails": document["emails"],
            "active": int(document["active"]),
            "phone_numbers": self._phone_numbers(document["phoneNumbers"]),
            **{column: document[name] for name, column in _TEXT_COLUMNS.items()},
        }

    def _user_delete(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        row = self._find_user(environment, names)
        self._keep_for_later(names["id"], self._user_answer(200, row["id"], call, base))
        if not self.switches.ignores("deletions"):
            self.directory.remove_user(row)
        return Answer(204)

    # ---- groups

    def _user_numbers(self, environment: Any, ids: Iterable[str]) -> list[int]:
        numbers = []
        for id_ in ids:
            number = self.store.value(
                "SELECT id FROM users WHERE environment = ? AND scim_id = ?", (environment["id"], id_)
            )
            if number is None:
                raise ScimError(400, f"The member '{id_}' is no user of this environment.", "invalidValue")
            numbers.append(number)
        return numbers

    def _read_group(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise ScimError(400, "The body is not a JSON object.", "invalidSyntax")
        name, external_id = get(body, "displayName"), get(body, "externalId")
        if not isinstance(name, str) or not name.strip():
            raise ScimError(400, "The attribute displayName is required and is text that is not empty.", "invalidValue")
        if not isinstance(external_id, (str, type(None))):
            raise ScimError(400, "The attribute externalId is text.", "invalidValue")
        return {"name": name, "external_id": external_id}

    def _group_create(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        body = call.json()
        group = self._read_group(body)
        members = self._user_numbers(environment, member_ids(get(body, "members") or []))
        id_ = self.directory.add_group(environment["id"], **group, origin="scim")
        if members:
            self.directory.add_members(id_, members)
        return self._group_answer(201, id_, call, base)

    def _group_replace(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        row = self._find_group(environment, names)
        body = call.json()
        group = self._read_group(body)
        members = self._user_numbers(environment, member_ids(get(body, "members") or []))
        self.directory.change_group(row, group)
        self.directory.set_members(row["id"], members)
        return self._group_answer(200, row["id"], call, base)

    def _group_patch(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        row = self._find_group(environment, names)
        document = {"displayName": row["name"], "externalId": row["external_id"]}
        self._refuse_too_many(get(call.json(), "Operations"))
        steps = patch_group(document, call.json(), self.switches.scim_patch)
        self._keep_for_later(names["id"], self._group_answer(200, row["id"], call, base))
        columns = {"name": document["displayName"], "external_id": document["externalId"]}
        self.directory.change_group(row, self.switches.made(columns))
        for action, ids in steps:
            if self.switches.ignores("added_members" if action == "add" else "removed_members"):
                continue
            if action == "remove":
                # A user that was permanently removed needs no removal.
                found = [self.directory.user_by_scim_id(environment["id"], id_) for id_ in ids]
                self.directory.remove_members(row["id"], [user["id"] for user in found if user is not None])
            elif action == "add":
                self.directory.add_members(row["id"], self._user_numbers(environment, ids))
            else:
                self.directory.set_members(row["id"], self._user_numbers(environment, ids))
        return self._group_answer(200, row["id"], call, base) if self.switches.scim_patch_body else Answer(204)

    def _group_delete(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        row = self._find_group(environment, names)
        self._keep_for_later(names["id"], self._group_answer(200, row["id"], call, base))
        if not self.switches.ignores("deletions"):
            self.directory.remove_group(row)
        return Answer(204)

    # ---- bulk (RFC 7644, section 3.7)

    def _bulk(self, call: Call, environment: Any, base: str, names: dict[str, str]) -> Answer:
        body = call.json()
        listed = get(body, "Operations")
        if not isinstance(listed, list):
            raise ScimError(400, "The body of a bulk request has a list Operations.", "invalidSyntax")
        if self.switches.scim_most_changes:
            self._refuse_too_many([{}] * len(listed))
        if len(listed) > scim_schemas.MAX_BULK:
            raise ScimError(413, f"A bulk request holds at most {scim_schemas.MAX_BULK} operations.", "tooMany")
        allowed = get(body, "failOnErrors") or 0
        made: dict[str, str] = {}
        results: list[dict[str, Any]] = []
        errors = 0
        for item in listed:
            if allowed and errors >= allowed:
                break
            result = self._bulk_operation(item, call, environment, base, made)
            errors += int(result["status"]) >= 400
            results.append(result)
        return json_answer(200, {"schemas": [scim_schemas.BULK_ANSWER], "Operations": results}, SCIM_JSON)

    def _bulk_operation(
        self, item: Any, call: Call, environment: Any, base: str, made: dict[str, str]
    ) -> dict[str, Any]:
        method, path = str(get(item, "method") or "").upper(), str(get(item, "path") or "")
        bulk_id = get(item, "bulkId")
        result: dict[str, Any] = {"method": method}
        if bulk_id:
            result["bulkId"] = bulk_id
        try:
            if method not in ("POST", "PUT", "PATCH", "DELETE"):
                raise ScimError(400, f"The method {method!r} is not allowed in a bulk request.", "invalidValue")
            endpoint, names = self._find(method, _resolve(path, made))
            if endpoint.id == "scim_bulk" or not endpoint.writes:
                raise ScimError(400, f"The path {path!r} is not allowed in a bulk request.", "invalidPath")
            inner = Call(method, path, {}, call.headers, dumps(_resolve(get(item, "data"), made)), call.base_url)
            answer = self._perform(endpoint, inner, environment, base, names)
        except ScimError as problem:
            answer = _error(problem)
        result["status"] = str(answer.status)
        location = dict(answer.headers).get("Location")
        if location:
            result["location"] = location
            if bulk_id:
                made[str(bulk_id)] = location.rpartition("/")[2]
        elif method != "POST":
            result["location"] = base + _resolve(path, made)
        if answer.status >= 400:
            result["response"] = json.loads(answer.body)
        return result


class _View:
    """The parameters attributes and excludedAttributes: what a client wants to see of a resource."""

    def __init__(self, query: Any) -> None:
        self._wanted = _names(query.get("attributes"))
        self._unwanted = _names(query.get("excludedAttributes"))
        for name in ("id", "schemas"):
            self._unwanted.pop(name, None)

    def wants(self, name: str) -> bool:
        """Whether an attribute, or a part of it, is wanted."""
        return name in self._wanted if self._wanted else "" not in self._unwanted.get(name, ())

    def of(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return the resource with what is wanted; id and schemas always stay."""
        if not self._wanted and not self._unwanted:
            return resource
        result: dict[str, Any] = {}
        for name, value in resource.items():
            lower = name.lower()
            if lower in ("id", "schemas"):
                result[name] = value
            elif self.wants(lower):
                parts = self._wanted.get(lower, set()) if self._wanted else self._unwanted.get(lower, set())
                shown = value if "" in parts or not parts else _parts(value, parts, keep=bool(self._wanted))
                if shown != {}:
                    result[name] = shown
        if ENTERPRISE not in result:
            # The attribute schemas names what the resource holds (RFC 7643, section 3).
            result["schemas"] = [schema for schema in result["schemas"] if schema != ENTERPRISE]
        return result


def _parts(value: Any, names: set[str], *, keep: bool) -> Any:
    """Keep, or leave out, parts of a complex attribute."""
    if isinstance(value, list):
        return [_parts(item, names, keep=keep) for item in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if (name.lower() in names) == keep}
    return value


def _names(value: Any) -> dict[str, set[str]]:
    """Read attributes or excludedAttributes: the name of each attribute, and its parts; "" means all of it."""
    items = (value if isinstance(value, list) else str(value).split(",")) if value else []
    result: dict[str, set[str]] = {}
    extension = ENTERPRISE.lower()
    for item in items:
        path = scim_filter.canonical(str(item).strip())
        if path.startswith(extension):
            name, part = extension, path[len(extension) + 1 :].partition(".")[0]
        else:
            name, _, part = path.partition(".")
        if name:
            result.setdefault(name, set()).add(part)
    return result


def _search(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise ScimError(400, "The body is not a JSON object.", "invalidSyntax")
    return {name: get(body, name) for name in ("filter", "startIndex", "count", "attributes", "excludedAttributes")}


def _whole(value: Any, name: str, default: int) -> int:
    if value is None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ScimError(400, f"The parameter {name} is a whole number; {value!r} is not.", "invalidValue") from None


def _resolve(value: Any, made: dict[str, str]) -> Any:
    """Replace bulkId:x by the id that x was given."""
    if isinstance(value, str) and "bulkId:" in value:
        for bulk_id, id_ in made.items():
            value = value.replace(f"bulkId:{bulk_id}", id_)
        return value
    if isinstance(value, dict):
        return {name: _resolve(item, made) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, made) for item in value]
    return value


def _meta(kind: str, row: Any, location: str) -> dict[str, Any]:
    return {"resourceType": kind, "created": row["created"], "lastModified": row["modified"], "location": location}


def _telephone_uri(number: str) -> str:
    """Return a phone number in the form of RFC 3966, such as tel:+31-20-123-4567."""
    if number.lower().startswith("tel:"):
        return number
    return "tel:" + re.sub(r"[\s().-]+", "-", number.strip()).strip("-")


def _user_document(row: Any, base: str, kept: frozenset[str]) -> dict[str, Any]:
    resource: dict[str, Any] = {"schemas": [scim_schemas.USER], "id": row["scim_id"]}
    if row["external_id"] is not None:
        resource["externalId"] = row["external_id"]
    first_name, last_name = row["first_name"], row["last_name"]
    resource["userName"] = row["upn"]
    resource["name"] = {"familyName": last_name, "givenName": first_name}
    for name in ("displayName", "title", "preferredLanguage"):
        value = row[_TEXT_COLUMNS[name]]
        if value is not None and name in kept:
            resource[name] = value
    emails = json.loads(row["emails"])
    if emails:
        resource["emails"] = emails
    if row["phone_numbers"] != "[]" and "phoneNumbers" in kept:
        resource["phoneNumbers"] = json.loads(row["phone_numbers"])
    resource["active"] = bool(row["active"])
    if row["department"] is not None and "department" in kept:
        resource["schemas"].append(ENTERPRISE)
        resource[ENTERPRISE] = {"department": row["department"]}
    resource["meta"] = _meta("User", row, f"{base}/Users/{row['scim_id']}")
    return resource


def _list(resources: list[dict[str, Any]], total: int | None = None, start: int = 1) -> Answer:
    return json_answer(
        200,
        {
            "schemas": [scim_schemas.LIST],
            "totalResults": len(resources) if total is None else total,
            "startIndex": start,
            "itemsPerPage": len(resources),
            "Resources": resources,
        },
        SCIM_JSON,
    )


def _pick(resources: list[dict[str, Any]], id_: str, kind: str) -> Answer:
    for resource in resources:
        if resource["id"].lower() == id_.lower():
            return json_answer(200, resource, SCIM_JSON)
    raise ScimError(404, f"There is no {kind} '{id_}'.")


def _error(problem: ScimError) -> Answer:
    body: dict[str, Any] = {"schemas": [scim_schemas.ERROR], "status": str(problem.status), "detail": problem.sentence}
    if problem.scim_type:
        body["scimType"] = problem.scim_type
    headers = [("WWW-Authenticate", "Bearer")] if problem.status == 401 else []
    return json_answer(problem.status, body, SCIM_JSON, headers)
