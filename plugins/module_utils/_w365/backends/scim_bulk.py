# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many SCIM requests in one (RFC 7644, section 3.7), where a server supports that.

An operation that a server does not clearly confirm is repeated as a single request, which then shows the reason. So nothing
depends on the quality of a server's Bulk.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..api.client import NO_BODY
from ..api.scim import Request, ScimClient
from ..api.values import OddValueError, identifier, total_of
from ..errors import AnswerError, LostAnswerError, TooManyError, W365Error
from ..execution.results import MAYBE_DONE, NOT_BATCHED, Answered
from ..model.directory import Group, User
from ..model.names import comparison_key
from ..planning.actions import Action
from ..planning.plan import Plan
from .scim_changes import ScimChanges, seen_after

OPERATIONS = 100
"""The maximum of one request, also where a server accepts more: it must answer within the time-out."""

WORTHWHILE = 10
"""With fewer actions the request for the server's configuration is not worthwhile."""

_ENVELOPE = 200
"""Bytes of a bulk request beside its operations, at most."""


@dataclass(frozen=True)
class Limits:
    """What one bulk request may hold: a number of operations and of bytes."""

    operations: int
    payload: int


def limits_of(config: Any) -> Limits | None:
    """The limits in a ServiceProviderConfig; None when it has no Bulk, or a useless one."""
    bulk = {str(name).lower(): value for name, value in _dictionary(_dictionary(config).get("bulk")).items()}
    if bulk.get("supported") is not True:
        return None
    try:
        operations, payload = total_of(bulk.get("maxoperations")), total_of(bulk.get("maxpayloadsize"))
    except OddValueError:
        return None
    return Limits(min(operations, OPERATIONS), payload) if operations > 1 and payload > _ENVELOPE else None


def bulk_of(changes: ScimChanges, plan: Plan) -> ScimBulk | None:
    """Bulk for a plan, where the service supports it and the plan is large enough."""
    if sum(changes.request_of(action) is not None for action in plan.actions) < WORTHWHILE:
        return None
    try:
        limits = limits_of(changes.client.call("scim.config"))
    except AnswerError:
        return None
    return ScimBulk(changes.client, limits, changes.request_of, changes.object_after) if limits else None


class ScimBulk:
    """Applies slices of a phase. `request_of` returns the request of an action (None: not with Bulk), and `object_after` the
    object after a confirmed action, given its id where the server returned one."""

    def __init__(
        self,
        client: ScimClient,
        limits: Limits,
        request_of: Callable[[Action], Request | None],
        object_after: Callable[[Action, str], Any],
    ) -> None:
        self._client = client
        self._limits = limits
        self._request_of = request_of
        self._object_after = object_after
        self._refused = False

    def slices(self, actions: Sequence[Action], workers: int) -> Iterator[Sequence[Action]]:
        """The actions in their order, in slices for all workers, each of which fits into a request."""
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
        """The object after each action; NOT_BATCHED or MAYBE_DONE for those that need a single request."""
        wanted = [self._request_of(action) for action in actions]
        if self._refused or len(actions) < 2 or None in wanted:
            return [NOT_BATCHED] * len(actions)
        operations = [self._operation(request, str(at)) for at, request in enumerate(wanted) if request]
        try:
            answer = self._client.call("scim.bulk", body={"schemas": [SCHEMA], "Operations": operations})
        except LostAnswerError:
            return [MAYBE_DONE] * len(actions)
        except TooManyError:
            middle = len(actions) // 2
            return [*self.send(actions[:middle]), *self.send(actions[middle:])]
        except W365Error as error:
            # The next bulk request would be refused too; a general error occurs again in a single request.
            self._refused = True
            unclear = isinstance(error, AnswerError) and not 400 <= error.status < 500
            return [MAYBE_DONE if unclear else NOT_BATCHED] * len(actions)
        results = _matched(operations, answer)
        return [
            self._after(action, result) if result and 200 <= _status(result) < 300 else _single(result)
            for action, result in zip(actions, results, strict=True)
        ]

    def _after(self, action: Action, result: Mapping[str, Any]) -> Any:
        thing = self._object_after(action, _id_of(result))
        body = result.get("response")
        return Answered(thing, seen_after(thing, body)) if isinstance(thing, User | Group) else thing

    def _operation(self, request: Request, bulk_id: str) -> dict[str, Any]:
        method, path = self._client.method_and_path(request.endpoint_id, request.object_id)
        operation = {"method": method, "path": path, "bulkId": bulk_id}
        return operation if request.body is NO_BODY else {**operation, "data": request.body}


SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def _matched(operations: Sequence[Mapping[str, Any]], answer: Any) -> list[Mapping[str, Any] | None]:
    """For each operation its result, None where there is none.

    By bulkId; where a server returns it for POST only, by position, as long as nothing contradicts that.
    """
    operations_of_answer = _dictionary(answer).get("operations")
    items = operations_of_answer if isinstance(operations_of_answer, list) else []
    listed = [_dictionary(item) for item in items if isinstance(item, Mapping)]
    ids = [str(item["bulkid"]) for item in listed if item.get("bulkid") is not None]
    by_id = {str(item["bulkid"]): item for item in listed if ids.count(str(item.get("bulkid"))) == 1}
    in_order = listed if len(listed) == len(operations) else [{}] * len(operations)
    found: list[Mapping[str, Any] | None] = []
    for operation, candidate in zip(operations, in_order, strict=True):
        result = by_id.get(operation["bulkId"])
        if result is None and "bulkid" not in candidate and _is_about(operation, candidate):
            result = candidate
        if result and 200 <= _status(result) < 300 and _is_about_another(operation, result):
            result = None
        found.append(result)
    return found


def _single(result: Mapping[str, Any] | None) -> Any:
    """An operation that is not confirmed is repeated alone; one without a clear refusal may have been applied."""
    return NOT_BATCHED if result and 400 <= _status(result) < 500 else MAYBE_DONE


def _is_about(operation: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a result without a bulkId can belong to this operation, which changes an object."""
    location = str(result.get("location") or "")
    return (
        operation["method"] != "POST"
        and str(result.get("method", "")).upper() == operation["method"]
        and (not location or location.endswith(operation["path"]))
    )


def _is_about_another(operation: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether the object that a result shows is not the one that was created."""
    if operation["method"] != "POST":
        return False
    data, body = _dictionary(operation.get("data")), _dictionary(result.get("response"))
    return any(
        name in body and comparison_key(str(body[name])) != comparison_key(str(data[name]))
        for name in ("username", "displayname")
        if name in data
    )


def _status(result: Mapping[str, Any]) -> int:
    """A text as the standard says, a number, or an object with a code (performance-and-peers, 4.3)."""
    status = result.get("status")
    if isinstance(status, Mapping):
        status = _dictionary(status).get("code")
    try:
        return total_of(status)
    except OddValueError:
        return 0


def _id_of(result: Mapping[str, Any]) -> str:
    """The id of the object: in the body if there is one, otherwise the end of its location."""
    location = result.get("location")
    end = location.rstrip("/").rpartition("/")[2] if isinstance(location, str) else ""
    try:
        return identifier(_dictionary(result.get("response")).get("id") or end)
    except OddValueError:
        return ""


def _dictionary(value: Any) -> dict[str, Any]:
    """With names in lower case: they ignore case (RFC 7643, section 2.1)."""
    return {str(name).lower(): item for name, item in value.items()} if isinstance(value, Mapping) else {}
