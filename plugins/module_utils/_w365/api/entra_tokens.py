# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens from Microsoft Entra, through MSAL: one class per kind of credential. The only file that imports msal."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..errors import AuthenticationError, InputError, MissingLibraryError, W365Error
from ..transport.error_text import MESSAGE_LIMIT
from ..transport.http import Http
from ..transport.msal_http import ManagedIdentityHttpClient, MsalHttpClient


@dataclass(frozen=True)
class Cloud:
    """The root URLs of a Microsoft cloud (contract, Entra: Tokens; S)."""

    authority: str
    graph: str


CLOUDS = {
    "public": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "usgov": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "usgov_dod": Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": Cloud("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}

SIGN_IN_HOSTS: tuple[frozenset[str], ...] = (
    frozenset(("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")),
    frozenset(("login.microsoftonline.us", "login.usgovcloudapi.net")),
    frozenset(("login.chinacloudapi.cn", "login.partner.microsoftonline.cn")),
)
"""The hosts of each Microsoft cloud that stand for each other, as Microsoft's own libraries know them."""

RENEW_BEFORE = 300.0
"""Seconds before its expiry at which a token is no longer used; half its life where that is shorter."""


# Entra's own error codes and what to do about them (learn.microsoft.com, "Microsoft Entra authentication and
# authorization error codes"; S).
ADVICE = {
    7000215: "The client secret is wrong. Use the secret's value, not its id, and check that it belongs to this app registration. "
    "One that was made a moment ago is not known everywhere yet: wait a minute.",
    7000222: "The client secret has expired. Add a new one to the app registration and use its value.",
    700016: "The app registration was not found in this tenant. Check the client id and the tenant, and that an administrator gave consent there.",
    65001: "Nobody has consented to the application in this tenant. Let an administrator grant admin consent there.",
    90002: "The tenant was not found. Check its name or id, and that entra_cloud is the right one.",
    900023: "The tenant name is not valid. Use a verified domain or the tenant's id.",
    700027: "The certificate is not registered with the app registration. Upload its public part there. One that was uploaded "
    "a moment ago is not known everywhere yet: wait a minute.",
    700211: "No federated credential of the app registration fits the token's issuer.",
    700213: "No federated credential of the app registration fits the token's subject.",
    500011: "The resource is not known in this tenant. Check graph_url and entra_cloud.",
    7000112: "The application is disabled in this tenant.",
    53003: "A Conditional Access policy blocks this sign-in.",
}


def import_msal() -> Any:
    """MSAL, loaded only where Entra is used. Raises MissingLibraryError."""
    try:
        import msal  # start-up
    except ImportError as error:
        raise MissingLibraryError(
            "The Python library 'msal' is needed for Microsoft Entra and is not installed for the Python that runs this "
            f"module ({error}). Install it there, or set ansible_python_interpreter to "
            '"{{ ansible_playbook_python }}" so that the module runs in the Python that runs Ansible.'
        ) from None
    return msal


class Credential(Protocol):
    """One way to authenticate."""

    def application(self, client_id: str, authority: str, http: Http) -> Callable[[list[str]], dict[str, Any]]:
        """A function that requests a token for the given scopes and returns MSAL's answer."""


def _confidential(client_id: str, authority: str, http: Http, credential: Any) -> Callable[[list[str]], dict[str, Any]]:
    msal = import_msal()
    try:
        application = msal.ConfidentialClientApplication(
            client_id,
            authority=authority,
            client_credential=credential,
            # Unknown hosts (a private authority, a test server) would otherwise be looked up in Microsoft's public cloud.
            instance_discovery=None if urlsplit(authority).netloc in _microsoft_hosts() else False,
            http_client=MsalHttpClient(http),
        )
    except ValueError as error:
        # MSAL raises ValueError both for a malformed authority and for what the tenant's discovery document lacks.
        # It drops Entra's message about an unknown tenant (AADSTS90002), and names the authority instead.
        codes = [90002] if "authority configuration" in str(error) else []
        answer = {"error_description": http.redactor.text(str(error)), "error_codes": codes}
        raise _refused(authority, client_id, answer) from None
    except (AttributeError, LookupError, RecursionError) as error:
        # What MSAL raises for a discovery document of another form.
        answer = {"error": f"its discovery document cannot be used ({type(error).__name__})"}
        raise _refused(authority, client_id, answer) from None
    return lambda scopes: application.acquire_token_for_client(scopes=scopes)


def _microsoft_hosts() -> set[str]:
    return set().union(*SIGN_IN_HOSTS)


@dataclass(frozen=True)
class ClientSecret:
    secret: str

    def application(self, client_id: str, authority: str, http: Http) -> Callable[[list[str]], dict[str, Any]]:
        return _confidential(client_id, authority, http, self.secret)


@dataclass(frozen=True)
class Certificate:
    """A private key and its certificate, as one PEM file or as PFX. `password` opens an encrypted one."""

    path: str
    password: str | None = None

    def application(self, client_id: str, authority: str, http: Http) -> Callable[[list[str]], dict[str, Any]]:
        import_msal()
        from .entra_certificates import read_certificate  # start-up

        found = read_certificate(self.path, self.password)
        http.redactor.add(found.private_key)
        credential = {
            "private_key": found.private_key,
            "public_certificate": found.certificate,
            # Only the newest versions of MSAL compute it.
            "thumbprint": found.thumbprint,
        }
        return _confidential(client_id, authority, http, credential)


@dataclass(frozen=True)
class FederatedTokenFile:
    """A token of another identity provider, read again for every use since its issuer rotates it."""

    path: str

    def application(self, client_id: str, authority: str, http: Http) -> Callable[[list[str]], dict[str, Any]]:
        def assertion() -> str:
            try:
                token = Path(self.path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise InputError(
                    f"Option entra_federated_token_file: {self.path!r} cannot be read ({error.strerror})."
                ) from None
            http.redactor.add(token)
            return token

        return _confidential(client_id, authority, http, {"client_assertion": assertion})


@dataclass(frozen=True)
class ManagedIdentity:
    """The identity of the Azure machine: V(system), or the client id of a user-assigned one."""

    identity: str

    def application(self, client_id: str, authority: str, http: Http) -> Callable[[list[str]], dict[str, Any]]:
        msal = import_msal()
        system = self.identity.lower() == "system"
        identity = (
            msal.SystemAssignedManagedIdentity()
            if system
            else msal.UserAssignedManagedIdentity(client_id=self.identity)
        )
        application = msal.ManagedIdentityClient(identity, http_client=ManagedIdentityHttpClient(http))
        return lambda scopes: application.acquire_token_for_client(resource=scopes[0].removesuffix("/.default"))


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    """Keep what a library logs from the output and the log file of Ansible, whose process this may be.

    Some versions of MSAL log an answer that they do not understand, and an answer can hold what was sent.
    """
    logger, nowhere = logging.getLogger(name), logging.NullHandler()
    before = logger.propagate
    logger.addHandler(nowhere)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(nowhere)


class TokenSource:
    """Tokens of one application in one tenant for one resource; cached in memory and renewed before they expire.

    `authority` is the root of the cloud or a full authority with the tenant in its path.
    """

    def __init__(self, credential: Credential, *, client_id: str, authority: str, resource: str, http: Http) -> None:
        if not authority.lower().startswith("https://"):
            raise InputError(
                f"The Entra authority {authority!r} must start with https://, since credentials are sent to it."
            )
        self._credential = credential
        self._client_id = client_id
        self._authority = authority.rstrip("/")
        self._scopes = [f"{resource.rstrip('/')}/.default"]
        self._http = http
        self._ask: Callable[[list[str]], dict[str, Any]] | None = None
        self._token = ""
        self._valid_until = 0.0
        self._lock = threading.Lock()

    def token(self) -> str:
        """A valid token. Raises AuthenticationError with Entra's reason and what to do."""
        with self._lock:
            if self._token and time.monotonic() < self._valid_until:
                return self._token
            try:
                with _without_log("msal"):
                    if self._ask is None:
                        self._ask = self._credential.application(self._client_id, self._authority, self._http)
                    answer: Any = self._ask(self._scopes)
            except W365Error:
                raise
            except Exception as error:
                # MSAL does not catch the exceptions of its libraries about the answer or the key.
                reason = f"{type(error).__name__}: {error}"
                raise self._refused({"error": self._http.redactor.text(reason)}) from None
            if not isinstance(answer, dict):
                answer = {"error": "the answer is not a JSON object"}
            token = answer.get("access_token")
            if token is not None and (not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token)):
                answer = {"error": "the answer holds a token that cannot be sent"}
                token = None
            if token is None:
                raise self._refused(self._http.redactor.data(answer))
            self._token = token
            self._http.redactor.add(self._token)
            lifetime = _seconds(answer.get("expires_in"))
            self._valid_until = time.monotonic() + lifetime - min(RENEW_BEFORE, lifetime / 2)
            return self._token

    def _refused(self, answer: dict[str, Any]) -> TokenRefusedError:
        if isinstance(self._credential, ManagedIdentity):
            return _refused_identity(self._credential.identity, answer)
        return _refused(self._authority, self._client_id, answer)

    def forget(self) -> None:
        """Drop the token: the next call requests a new one, and not from the cache of MSAL."""
        with self._lock:
            self._token = ""
            self._ask = None


def _seconds(value: Any) -> float:
    """The lifetime of a token, an hour where the answer does not say; at most a day, since Entra gives no longer ones."""
    try:
        return min(max(float(value), 0.0), 86_400.0)
    except (TypeError, ValueError, OverflowError):
        return 3600.0


class TokenRefusedError(AuthenticationError):
    """Entra issued no token. `codes` are its AADSTS error codes."""

    codes: tuple[int, ...] = ()


FRESH_SECRET = frozenset((7000215, 7000222))
"""What Entra may say about a client secret that was made a moment ago, until all of its servers know it."""


def _refused_identity(identity: str, answer: dict[str, Any]) -> TokenRefusedError:
    return TokenRefusedError(
        f"The managed identity of this machine (option entra_managed_identity: {identity!r}) gave no token: {_reason(answer)}. "
        "Check that this identity is assigned to the machine: 'system', or the client id of a user-assigned one."
    )


def _refused(authority: str, client_id: str, answer: dict[str, Any]) -> TokenRefusedError:
    description = _description(answer)
    given = answer.get("error_codes")
    codes = [code for code in given if isinstance(code, int)] if isinstance(given, list) else []
    codes = codes or [int(code) for code in re.findall(r"AADSTS(\d{1,9})", description, re.ASCII)]
    advice = next((ADVICE[code] for code in codes if code in ADVICE), "Check tenant, client id and credential.")
    error = TokenRefusedError(
        f"Microsoft Entra ({authority}) issued no token for application {client_id}: {_reason(answer)}. {advice}"
    )
    error.codes = tuple(codes)
    return error


def _description(answer: dict[str, Any]) -> str:
    return str(answer.get("error_description") or answer.get("error") or "no reason was given")[:MESSAGE_LIMIT]


def _reason(answer: dict[str, Any]) -> str:
    """The first line; trace id, correlation id and time stamp follow."""
    return re.split(r"[\r\n]|Trace ID:", _description(answer), maxsplit=1)[0].strip().rstrip(".")
