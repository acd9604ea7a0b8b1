# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of an environment on which people begin to sign in (contract, section 1: address C, where it leads A)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

from ..transport.addresses import host_of
from ..transport.http import Http, checked_root
from .client import ServiceClient
from .endpoint import Endpoint


class SignInTarget(NamedTuple):
    """Where the page sends people: to which application of which tenant and host, and where that is to send them back."""

    client_id: str
    redirect_uri: str
    scheme: str
    host: str
    """In lower case, with its port where it has one that is not the scheme's."""
    tenant: str


class SignInPage(ServiceClient):
    """Asks for the page as a browser without any cookie does. Redirects are not followed."""

    service: ClassVar[str] = "Workspace 365"
    address: ClassVar[str] = "instance_url"
    accept: ClassVar[str] = "text/html"

    def __init__(self, http: Http, *, instance_url: str, endpoints: Mapping[str, Endpoint]) -> None:
        parts = urlsplit(checked_root(instance_url, "instance_url"))
        super().__init__(http, f"{parts.scheme}://{parts.netloc}", endpoints)

    def _own_headers(self) -> Mapping[str, str]:
        return {}

    def target(self, environment: str) -> SignInTarget | None:
        """None where the page does not lead straight to Microsoft Entra, which says nothing."""
        return self.call("page.sign_in", environment)

    def call(self, endpoint_id: str, environment: str) -> SignInTarget | None:
        endpoint = self._endpoints[endpoint_id]
        path = self.path_of(endpoint_id, environment=environment)
        answer = self.send(endpoint.method, path, repeatable=endpoint.repeatable)
        try:
            location = answer.headers.get("location", "") if 300 <= answer.status < 400 else ""
            # One without a host is below the page itself.
            parts = urlsplit(urljoin(self._url(path), location.strip()))
            query, host = parse_qs(parts.query), host_of(parts)
        except ValueError:
            return None
        way = parts.path.lower().rstrip("/")
        client_id, redirect_uri = (query.get(name, [""])[0] for name in ("client_id", "redirect_uri"))
        if "/oauth2/" not in way or not way.endswith("/authorize") or not (client_id and redirect_uri):
            return None
        return SignInTarget(
            client_id, redirect_uri, parts.scheme, host, unquote(way.partition("/oauth2/")[0].strip("/"))
        )
