# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP client that MSAL is given."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlsplit

from ..errors import CertificateError, NoAnswerError
from .bounds import BoundError
from .http import TRIES, Answer, Http, backoff, connection_ended

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
                response = self._http.send(method, url, **known)
            except BoundError as error:
                raise NoAnswerError(f"{error} ({method} {self._http.shown_url(url)}).") from None
            except requests.exceptions.RequestException as error:
                if isinstance(error, requests.exceptions.SSLError) and not connection_ended(error):
                    raise CertificateError(self._http.certificate_sentence(url, error)) from None
                if tries >= TRIES:
                    raise NoAnswerError(self._http.connection_sentence(url, error) + ".") from None
                self._http.pause(backoff(tries), f"no token from {urlsplit(url).hostname}")
                continue
            if response.status_code in (429, 503):
                # MSAL caches a 429 and returns it without a request, so it must never get one.
                tries -= 1
                waits += 1
                headers = {name.lower(): value for name, value in response.headers.items()}
                self._http.wait_for_server(
                    Answer(response.status_code, headers, ""), waits, f"{method} {self._http.shown_url(url)}"
                )
                continue
            if response.status_code >= 500:
                # MSAL has no error of its own for these.
                if tries >= TRIES:
                    raise NoAnswerError(
                        f"Microsoft Entra answered HTTP {response.status_code} ({method} {self._http.shown_url(url)}, tried {tries} times)."
                    )
                self._http.pause(backoff(tries), f"HTTP {response.status_code} from {urlsplit(url).hostname}")
                continue
            return response
