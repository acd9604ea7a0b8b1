# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many SCIM requests in one (RFC 7644, section 3.7), where a server says that it takes them.

Whatever a server does not clearly confirm is done again by itself, which then tells the reason. So nothing depends on how
well a server speaks Bulk.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.scim import NO_BODY, Request, ScimClient
from ..errors import LostAnswerError, W365Error
from ..execution.results import NOT_BATCHED
from ..planning.actions import Action

OPERATIONS = 100
"""No more in one request, whatever a server would take: it has to answer within the time-out."""

WORTHWHILE = 10
"""Fewer actions than this are not worth asking what a server can do."""

_ENVELOPE = 200
"""Bytes of a bulk request beside its operations, generously."""


@dataclass(frozen=True)
class Limits:
    """What one bulk request may hold: a number of operations and of bytes."""

    operations: int
    payload: int


def limits_of(config: Any) -> Limits | None:
    """The limits in a ServiceProviderConfig; None when it does not offer Bulk, or none that would be worth it."""
    bulk = {str(name).lower(): value for name, value in _dictionary(_dictionary(config).get("bulk")).items()}
    if bulk.get("supported") is not True:
        return None
    try:
        operations, payload = int(bulk.get("maxoperations") or 0), int(bulk.get("maxpayloadsize") or 0)
    except (TypeError, ValueError):
        return None
    return Limits(min(operations, OPERATIONS), payload) if operations > 1 and payload > _ENVELOPE else None


class ScimBulk:
    """Does slices of a phase. `request_of` gives the request of an action (None: it takes another way), and `settle` the
    object that has become of it, from its id where the server gave one."""

    def __init__(
        self,
        client: ScimClient,
        limits: Limits,
        request_of: Callable[[Action], Request | None],
        settle: Callable[[Action, str], Any],
    ) -> None:
        self._client = client
        self._limits = limits
        self._request_of = request_of
        self._settle = settle
        self._refused = False

    def slices(self, actions: Sequence[Action], workers: int) -> Iterator[Sequence[Action]]:
        """The actions in their order, cut so that every worker has something to do and every slice fits into a request."""
        most = min(self._limits.operations, max(math.ceil(len(actions) / workers), 2))
        start, size = 0, _ENVELOPE
        for at, action in enumerate(actions):
            request = self._request_of(action)
            weight = self._limits.payload if request is None else len(json.dumps(self._operation(request, "0000"))) + 2
            if at > start and (at - start == most or size + weight > self._limits.payload):
                yield actions[start:at]
                start, size = at, _ENVELOPE
            size += weight
        if actions:
            yield actions[start:]

    def send(self, actions: Sequence[Action]) -> list[Any]:
        """What became of each action; UNDONE for those that have to be done by themselves."""
        wanted = [self._request_of(action) for action in actions]
        if self._refused or len(actions) < 2 or None in wanted:
            return [NOT_BATCHED] * len(actions)
        operations = [self._operation(request, str(at)) for at, request in enumerate(wanted) if request]
        try:
            answer = self._client.call("scim.bulk", body={"schemas": [SCHEMA], "Operations": operations})
        except LostAnswerError:
            return [NOT_BATCHED] * len(actions)
        except W365Error:
            # Whoever refuses one of these refuses them all; an error that concerns everything comes again by itself.
            self._refused = True
            return [NOT_BATCHED] * len(actions)
        results = _matched(operations, answer)
        return [
            NOT_BATCHED if result is None else self._settle(action, _id_of(result))
            for action, result in zip(actions, results, strict=True)
        ]

    def _operation(self, request: Request, bulk_id: str) -> dict[str, Any]:
        method, path = self._client.method_and_path(request.endpoint_id, request.object_id)
        operation = {"method": method, "path": path, "bulkId": bulk_id}
        return operation if request.body is NO_BODY else {**operation, "data": request.body}


SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def _matched(operations: Sequence[Mapping[str, Any]], answer: Any) -> list[Mapping[str, Any] | None]:
    """For each operation its confirmed result, None where there is none.

    By bulkId; servers that give it back for POST only are followed in their order, as long as nothing contradicts it.
    """
    listed = [_dictionary(item) for item in _dictionary(answer).get("operations") or () if isinstance(item, Mapping)]
    by_id = {str(item["bulkid"]): item for item in listed if item.get("bulkid") is not None}
    in_order = listed if len(listed) == len(operations) else [{}] * len(operations)
    found: list[Mapping[str, Any] | None] = []
    for operation, neighbour in zip(operations, in_order, strict=True):
        result = by_id.get(operation["bulkId"])
        if result is None and "bulkid" not in neighbour and _is_about(operation, neighbour):
            result = neighbour
        found.append(result if result and 200 <= _status(result) < 300 else None)
    return found


def _is_about(operation: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a result without a bulkId is the one of an operation that changes an object."""
    location = str(result.get("location") or "")
    return (
        operation["method"] != "POST"
        and str(result.get("method", "")).upper() == operation["method"]
        and (not location or location.endswith(operation["path"]))
    )


def _status(result: Mapping[str, Any]) -> int:
    """A text as the standard says, a number, or an object with a code (performance-and-peers, 4.3)."""
    status = result.get("status")
    if isinstance(status, Mapping):
        status = _dictionary(status).get("code")
    try:
        return int(status)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0


def _id_of(result: Mapping[str, Any]) -> str:
    """The id of the object: in the body if there is one, otherwise the end of its location."""
    body = _dictionary(result.get("response"))
    return str(body.get("id") or "") or str(result.get("location") or "").rstrip("/").rpartition("/")[2]


def _dictionary(value: Any) -> dict[str, Any]:
    """Names in small letters: they are read without regard to case (RFC 7643, section 2.1)."""
    return {str(name).lower(): item for name, item in value.items()} if isinstance(value, Mapping) else {}
