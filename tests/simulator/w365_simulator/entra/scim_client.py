# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that Entra's provisioning service sends to a SCIM server, in both of its dialects.

Without a flag in the address operations are written ``Add``, ``Replace`` and ``Remove``, ``active`` is a text, and a
member is removed by its value in a list. With ``aadOptscim062020`` they are as RFC 7644 has them, several plain
attributes are replaced by one operation without a path, and a member is removed by a filter in the path.
"""

from __future__ import annotations

import http.client
import json
import ssl
import uuid
from typing import Any
from urllib.parse import quote, urlsplit

COMPLIANT_FLAG = "aadOptscim062020"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
# Entra names this one as well, although no standard knows it.
GROUP_OF_ENTRA = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
TIMEOUT = 30

Values = dict[str, Any]


class ScimRefused(Exception):
    """A request that the SCIM server did not accept; status 0 when there was no answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class ScimClient:
    """One connection to a SCIM server. ``compliant`` chooses the dialect; it is safe in one thread."""

    def __init__(self, base_address: str, token: str, *, compliant: bool, authority: str | None) -> None:
        parts = urlsplit(base_address)
        self._root = parts.path.rstrip("/")
        self._token = token
        self.compliant = compliant
        self.sent = 0
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if authority is not None:
                context.load_verify_locations(authority)
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request; return the JSON of the answer or None. Raises ScimRefused."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/scim+json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/scim+json; charset=utf-8"
        self.sent += 1
        try:
            self._connection.request(method, f"{self._root}{path}", payload, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            raise ScimRefused(0, f"No answer from the SCIM server: {problem}") from problem
        if answer.status >= 400:
            raise ScimRefused(answer.status, f"The SCIM server answered {answer.status}: {_detail(content)}")
        try:
            return json.loads(content) if content else None
        except ValueError as problem:
            raise ScimRefused(answer.status, "The SCIM server answered with something that is not JSON.") from problem

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # ---- questions

    def test(self) -> None:
        """Ask for a user that cannot exist, as "Test connection" does; raises ScimRefused when the answer is no list."""
        answer = self.call("GET", f"/Users?filter={_filter('userName', str(uuid.uuid4()))}")
        if not isinstance(answer, dict) or "totalResults" not in answer:
            raise ScimRefused(200, "The SCIM server answered with something that is no list of users.")

    def find_user(self, user_name: str) -> Any:
        """Return the user of this name, or None."""
        return self._first(self.call("GET", f"/Users?filter={_filter('userName', user_name)}"))

    def find_group(self, name: str) -> Any:
        """Return the group of this name without its members, or None."""
        return self._first(
            self.call("GET", f"/Groups?excludedAttributes=members&filter={_filter('displayName', name)}")
        )

    @staticmethod
    def _first(answer: Any) -> Any:
        found = answer.get("Resources") if isinstance(answer, dict) else None
        return found[0] if found else None

    def there(self, path: str) -> Any:
        """Return a resource, or None when it is not there any more."""
        try:
            return self.call("GET", path)
        except ScimRefused as problem:
            if problem.status == 404:
                return None
            raise

    # ---- changes

    def create_user(self, values: Values) -> str:
        """Create a user and return its id."""
        return self._id(self.call("POST", "/Users", user_body(values)))

    def create_group(self, values: Values) -> str:
        """Create a group without members and return its id."""
        body = {
            "schemas": [GROUP, GROUP_OF_ENTRA],
            "externalId": values["externalId"],
            "displayName": values["displayName"],
            "meta": {"resourceType": "Group"},
        }
        return self._id(self.call("POST", "/Groups", body))

    @staticmethod
    def _id(answer: Any) -> str:
        if not isinstance(answer, dict) or not answer.get("id"):
            raise ScimRefused(201, "The SCIM server answered without the id of what it created.")
        return str(answer["id"])

    def patch(self, path: str, before: Values, after: Values) -> None:
        """Send the changes of a user or group, as its dialect writes them."""
        self._patch(path, change_operations(before, after, compliant=self.compliant))

    def set_active(self, path: str, active: bool) -> None:
        """Enable or disable a user."""
        self._patch(path, change_operations({}, {"active": active}, compliant=self.compliant, replace=True))

    def add_members(self, path: str, ids: list[str]) -> None:
        """Add members to a group."""
        operation = {"op": self._word("Add"), "path": "members", "value": [{"$ref": None, "value": id_} for id_ in ids]}
        self._patch(path, [operation])

    def remove_members(self, path: str, ids: list[str]) -> None:
        """Remove members from a group."""
        if self.compliant:
            self._patch(path, [{"op": "remove", "path": f'members[value eq "{id_}"]'} for id_ in ids])
            return
        values = [{"$ref": None, "value": id_} for id_ in ids]
        self._patch(path, [{"op": "Remove", "path": "members", "value": values}])

    def _patch(self, path: str, operations: list[Any]) -> None:
        if operations:
            self.call("PATCH", path, {"schemas": [PATCH], "Operations": operations})

    def _word(self, word: str) -> str:
        return word.lower() if self.compliant else word


def user_body(values: Values) -> Values:
    """Return the body that creates a user; attributes without a value are not sent."""
    body: Values = {"schemas": [USER, ENTERPRISE], "meta": {"resourceType": "User"}, "roles": []}
    name: Values = {}
    for path, value in values.items():
        if path.startswith("name."):
            name[path.removeprefix("name.")] = value
        elif path.startswith("emails["):
            body["emails"] = [{"primary": True, "type": "work", "value": value}]
        elif path.startswith("phoneNumbers["):
            kind = path.split('"')[1]
            body.setdefault("phoneNumbers", []).append({"type": kind, "value": value})
        elif path.startswith(f"{ENTERPRISE}:"):
            body.setdefault(ENTERPRISE, {})[path.removeprefix(f"{ENTERPRISE}:")] = value
        else:
            body[path] = value
    if name:
        body["name"] = name
    return body


def change_operations(before: Values, after: Values, *, compliant: bool, replace: bool = False) -> list[Values]:
    """Return the operations that lead from one state to another. What has no value any more is not sent."""
    changed = {path: value for path, value in after.items() if path not in before or before[path] != value}
    new = [path for path in changed if path not in before and not replace]
    if not compliant:
        return [
            {"op": "Add" if path in new else "Replace", "path": path, "value": _old(value)}
            for path, value in changed.items()
        ]
    plain = {path: value for path, value in changed.items() if path not in new and "[" not in path}
    operations: list[Values] = [
        {"op": "add" if path in new else "replace", "path": path, "value": value}
        for path, value in changed.items()
        if path not in plain or len(plain) == 1
    ]
    return [*operations, {"op": "replace", "value": plain}] if len(plain) > 1 else operations


def _old(value: Any) -> Any:
    return str(value) if isinstance(value, bool) else value


def _filter(attribute: str, value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return quote(f'{attribute} eq "{text}"', safe="")


def _detail(content: bytes) -> str:
    try:
        found = json.loads(content)
        return str(found.get("detail", "")) if isinstance(found, dict) else ""
    except ValueError:
        return ""
