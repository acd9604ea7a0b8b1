# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP client that MSAL is given."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import AuthenticationError, NoAnswerError
from .bounds import BoundError
from .error_text import server_message
from .http import NO_PROXY, TRIES, Answer, Http, backoff

with contextlib.suppress(ImportError):
    # Where it is missing, REQUESTS_IMPORT_ERROR of http ends the task before this file is used.
    import requests


class MsalHttpClient:
    """The interface that MSAL needs of its `http_client`: the same TLS settings, time-outs and proxies as everything else."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        return self._send("POST", url, **kwargs)

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        return self._send("GET", url, **kwargs)

    def close(self) -> None:
        """Nothing: MSAL closes its client, and the session belongs to Http."""

    def _send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        known = {name: kwargs[name] for name in ("params", "data", "headers") if name in kwargs}
        tries = waits = 0
        while True:
            tries += 1
            try:
                response = self._http.send(method, url, **known, **self._more)
            except BoundError as error:
                raise NoAnswerError(f"{self._who}{error} ({method} {self._http.shown_url(url)}).") from None
            except ValueError as error:
                raise self._http.unsendable(method, url, error) from None
            except requests.exceptions.RequestException as error:
                sentence = self._http.unconnected(url, error)
                if tries >= TRIES:
                    raise NoAnswerError(f"{self._who}{sentence}.{self._hint}") from None
                self._http.pause(backoff(tries), f"no token from {urlsplit(url).hostname}")
                continue
            if response.status_code in (429, 503):
                # MSAL caches a 429 and returns it without a request, so it must never get one.
                tries -= 1
                waits += 1
                self._http.wait_for_server(
                    _as_answer(response), waits, f"{self._who}{method} {self._http.shown_url(url)}"
                )
                continue
            if response.status_code >= 500:
                # MSAL has no error of its own for these.
                if tries >= TRIES:
                    raise NoAnswerError(
                        f"{self._who or 'Microsoft Entra '}answered HTTP {response.status_code} ({method} "
                        f"{self._http.shown_url(url)}, tried {tries} times)."
                    )
                self._http.pause(backoff(tries), f"HTTP {response.status_code} from {urlsplit(url).hostname}")
                continue
            if self._is_final(response, url, tries):
                return response

    _who = ""
    """Begins a sentence about the service, for one that is not named by its address."""

    _hint = ""
    """Ends a sentence about a missing connection."""

    _more: Mapping[str, Any] = {}
    """More parameters of every request."""

    def _is_final(self, response: requests.Response, url: str, tries: int) -> bool:
        """Whether MSAL gets this answer; otherwise the request is sent again, after a pause."""
        return True


IMDS_PATH = "/metadata/identity/oauth2/token"

IMDS_RETRIES = 5

IMDS_PAUSES = {404: 0.8, 410: 3.0}
"""Seconds before the first retry, doubled before each further one, as in Azure's own libraries.

The metadata service answers 404 while an identity is being set up, and 410 for up to 70 seconds while it is updated itself
(learn.microsoft.com, "How to use managed identities to acquire an access token", error handling; S).
"""

IMDS_ADVICE = {
    400: "Check that this identity is assigned to the machine: 'system', or the client id of a user-assigned one.",
    404: "The machine knows no such identity: assign one to it, and wait some minutes.",
    410: "The machine's metadata service is being updated: rerun the task in some minutes.",
}


class ManagedIdentityHttpClient(MsalHttpClient):
    """The same for the identity of an Azure machine: its address is never sent to a proxy."""

    _who = "the managed identity (option entra_managed_identity): "
    _hint = " Only machines and services in Azure, or connected to Azure Arc, have a managed identity."
    _more: Mapping[str, Any] = {"proxies": NO_PROXY}

    def _is_final(self, response: requests.Response, url: str, tries: int) -> bool:
        status = response.status_code
        # Azure Arc asks with a 401 for a second request.
        if status < 400 or status == 401:
            return True
        if status in IMDS_PAUSES and urlsplit(url).path == IMDS_PATH and tries <= IMDS_RETRIES:
            self._http.pause(IMDS_PAUSES[status] * 2.0 ** (tries - 1), f"HTTP {status} from the managed identity")
            return False
        message = server_message(_as_answer(response), self._http.redactor)
        tried = f", tried {tries} times" if tries > 1 else ""
        advice = IMDS_ADVICE.get(status, "Check the identity of this machine.")
        raise AuthenticationError(
            f"{self._who}{message} (HTTP {status}, GET {self._http.shown_url(url)}{tried}). {advice}"
        )


def _as_answer(response: requests.Response) -> Answer:
    return Answer(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.text
    )
