# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of Graph that show documents have in common: permissions, owners, lists, single entities."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import quote

from ..clock import Clock
from ..faults import Faults
from ..graph_error import GraphError, bad_request, forbidden, not_found
from ..graph_filter import FilterError
from ..store import Store
from ..switches import Switches
from ..tokens import Access, Tokens
from ..wire import Answer, Call, json_answer
from .documents import misshapen
from .filtering import Filter
from .objects import Document, Objects, public
from .registry import APPLICATION, PRINCIPAL, Registry

READ_APPLICATIONS = (
    "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
)  # fmt: skip
WRITE_APPLICATIONS = ("Application.ReadWrite.All",)
OWNED_BY = "Application.ReadWrite.OwnedBy"
DEFAULT_PAGE = 100
Shown = Callable[[Document], Document]


class EntraPart:
    """Base of the parts of Graph in this package; Graph itself sets the attributes."""

    store: Store
    switches: Switches
    tokens: Tokens
    faults: Faults
    clock: Clock
    registry: Registry

    @property
    def objects(self) -> Objects:
        """Return the documents."""
        return self.registry.objects

    # ---- permissions

    def _require(self, access: Access, *any_of: str) -> None:
        if not access.may(*any_of):
            raise forbidden()

    def _caller(self, access: Access) -> Document:
        """Return the caller's own service principal."""
        found = self.registry.principal(access.tenant, access.client_id)
        if found is None:
            raise forbidden("The identity of the calling application is not found.")
        return found

    def _owns(self, access: Access, document: Document) -> bool:
        caller = self._caller(access)["id"]
        return any(owner["id"] == caller for owner in document.get("_owners", []))

    def _may_write(self, access: Access, document: Document) -> None:
        """Refuse a change of an application or service principal that the caller may not change."""
        if access.may(*WRITE_APPLICATIONS) or (access.may(OWNED_BY) and self._owns(access, document)):
            return
        raise forbidden()

    def _may_read(self, access: Access, document: Document) -> None:
        if access.may(*READ_APPLICATIONS) or (access.may(OWNED_BY) and self._owns(access, document)):
            return
        raise forbidden()

    def _may_list(self, access: Access) -> None:
        if access.may(*READ_APPLICATIONS) or (access.may(OWNED_BY) and self.switches.owned_by_lists):
            return
        raise forbidden()

    # ---- documents

    def _there(self, tenant: str, kind: str, id_: str) -> Document:
        """Return a document as its replica shows it; 404 when it is not there, or not yet."""
        self.registry.settle(tenant)
        found = self.objects.find(tenant, kind, id_)
        shown = None if found is None else self.objects.seen(found)
        if shown is None:
            raise not_found(id_)
        return shown

    def _true(self, document: Document) -> Document:
        """Return a document as it is, for a change: replicas change nothing but the answers to reads."""
        found = self.objects.find(document["_tenant"], document["_kind"], document["id"])
        if found is None:
            raise not_found(document["id"])
        return found

    def _shown_list(self, tenant: str, kind: str, **wanted: Any) -> list[Document]:
        """Return the documents of a kind that the answering replica has."""
        self.registry.settle(tenant)
        seen = (self.objects.seen(found) for found in self.objects.all(tenant, kind, **wanted))
        return [found for found in seen if found is not None]

    def _soft_delete(self, application: Document) -> None:
        """Move an application, and its service principal, to the deleted objects."""
        tenant = application["_tenant"]
        row = self.registry.row(application)
        for kind, found in (
            (PRINCIPAL, self.objects.by_app_id(tenant, PRINCIPAL, application["appId"])),
            (APPLICATION, application),
        ):
            if found is not None:
                found["deletedDateTime"] = self.clock.iso()
                self.objects.move(found, f"deleted.{kind}")
        if row is not None:
            application["_row"] = dict(row)
            self.objects.save(application)
            self.store.run("DELETE FROM applications WHERE position = ?", (row["position"],))

    def _entity(self, call: Call, context: str, document: Document, status: int = 200) -> Answer:
        """Answer with one document, or with what was selected of it."""
        shown = _selected(call, document)
        select = f"({call.query['$select']})" if call.query.get("$select") else ""
        whole = {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}{select}/$entity", **shown}
        return json_answer(status, whole)

    @staticmethod
    def _plain(value: Any, status: int = 200) -> Answer:
        """Answer with a value that is no entity."""
        return json_answer(status, value)

    def _list_documents(
        self, call: Call, context: str, documents: Iterable[Document], *, known: Iterable[str] = (),
        advanced: Iterable[str] = (), case: bool = False, shown: Shown = public,
    ) -> Answer:  # fmt: skip
        """Answer with a filtered page of documents; ``known`` are the paths that can be filtered by."""
        found = [shown(document) for document in documents]
        eventual = call.headers.get("consistencylevel", "").lower() == "eventual"
        counted = call.query.get("$count", "").lower() == "true"
        if call.query.get("$filter"):
            test = _filter(call.query["$filter"], set(known), frozenset(advanced), case=case)
            if test.advanced and not (eventual and counted):
                raise bad_request(
                    "Unsupported query: this filter needs the header ConsistencyLevel: eventual and $count=true. Refer to"
                    " https://aka.ms/graph-docs/advanced-queries for more information",
                    "Request_UnsupportedQuery",
                )
            found = [document for document in found if test(document)]
        for option in ("$search", "$orderby", "$expand", "$skip"):
            if option in call.query:
                raise GraphError(501, "NotImplemented", f"The twin of Microsoft Graph offers no {option} here.")
        result: dict[str, Any] = {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}"}
        if counted and eventual:
            result["@odata.count"] = len(found)
        start, size = _start(call), self._size(call)
        if len(found) > start + size:
            result["@odata.nextLink"] = _next_link(call, start + size)
        result["value"] = [_selected(call, document) for document in found[start : start + size]]
        return json_answer(200, result)

    def _size(self, call: Call) -> int:
        top = call.query.get("$top", "")
        if top and not (top.isascii() and top.isdigit() and 1 <= int(top) <= 999):
            raise bad_request(f"Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive.")
        return min(int(top or DEFAULT_PAGE), self.switches.page_size or 999)


def _filter(text: str, known: set[str], advanced: frozenset[str], *, case: bool) -> Filter:
    try:
        return Filter(text, known, advanced=advanced, case=case)
    except FilterError as problem:
        raise bad_request(
            str(problem), "Request_UnsupportedQuery" if problem.unsupported else "BadRequest"
        ) from problem


def _selected(call: Call, document: Document) -> Document:
    select = call.query.get("$select")
    if not select:
        return document
    known = {name.lower(): name for name in document}
    wanted = [name.strip() for name in select.split(",") if name.strip()]
    missing = [name for name in wanted if name.lower() not in known]
    if missing:
        raise bad_request(
            f"Parsing OData Select and Expand failed: Could not find a property named '{missing[0]}' on the type.",
            "BadRequest",
        )
    chosen = {known[name.lower()] for name in wanted}
    return {name: value for name, value in document.items() if name in chosen or name.startswith("@odata")}


def _start(call: Call) -> int:
    token = call.query.get("$skiptoken")
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("from:"))
    except ValueError:
        raise bad_request("The specified page token value has expired.", "Directory_ExpiredPageToken") from None


def _next_link(call: Call, start: int) -> str:
    kept = [(name, value) for name, value in call.query.items() if name.lower() != "$skiptoken"]
    kept.append(("$skiptoken", base64.urlsafe_b64encode(f"from:{start}".encode()).decode()))
    link = "&".join(f"{name}={quote(value, safe='$')}" for name, value in kept)
    return f"{call.base_url}/graph{quote(call.path, safe='/$()=')}?{link}"


def body_of(call: Call) -> Document:
    """Return the JSON object of a request, without its annotations."""
    body = call.json()
    if not isinstance(body, dict):
        raise bad_request("The request body is not a JSON object.")
    return {name: value for name, value in body.items() if name not in ("@odata.type", "@odata.context")}


def check_properties(body: Document, properties: Document, read_only: Collection[str], resource: str) -> None:
    """Refuse names and types that the service refuses; ``properties`` are those of a new object."""
    for name, value in body.items():
        if name not in properties:
            raise bad_request(f"Invalid property '{name}'.")
        if name in read_only:
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")
        wrong = misshapen(properties[name], value, name)
        if wrong is not None or (value is None and isinstance(properties[name], (list, bool))):
            raise bad_request(f"Invalid value specified for property '{wrong or name}' of resource '{resource}'.")


def merged(before: Any, change: Any) -> Any:
    """Return a complex value after a PATCH: objects are merged, lists and all else are replaced."""
    if isinstance(before, dict) and isinstance(change, dict):
        return {**before, **{name: merged(before.get(name), value) for name, value in change.items()}}
    return change
