# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests session of all HTTP calls: TLS, time-outs, retries, rate limits, redaction.

No other file of the collection makes an HTTP call. MSAL uses this session too.
"""

from __future__ import annotations

import codecs
import email.utils
import json
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import CertificateError, InputError, LostAnswerError, NoAnswerError, RateLimitError, StoppedError
from .bounds import MEGABYTE, BoundedAdapter, BoundError
from .redaction import Redactor
from .stop import Stop
from .throttle import Throttle

REQUESTS_IMPORT_ERROR: ImportError | None


try:
    import requests
except ImportError as error:
    REQUESTS_IMPORT_ERROR = error
else:
    REQUESTS_IMPORT_ERROR = None

    class _Session(requests.Session):
        """Reads the environment once per host: requests does it for every request, in a quarter of the time of one."""

        def __init__(self) -> None:
            super().__init__()
            self._merged: dict[tuple[str, ...], Any] = {}

        def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
            # The result depends on nothing else: the other settings are the same for every request.
            host = (*urlsplit(url)[:2], *map(str, proxies or ()))
            if host not in self._merged:
                self._merged[host] = super().merge_environment_settings(url, proxies, stream, verify, cert)
            return dict(self._merged[host])

        def get_redirect_target(self, resp: Any) -> None:
            """None: redirects are not followed."""


CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection; the option `timeout` applies to the answer."""

RETRY_AFTER_CAP = 120.0
"""Seconds. A longer Retry-After is shortened to this."""

TRIES = 5
"""How often a repeatable request is sent before its failure is raised."""

NO_PROXY = dict.fromkeys(("http", "https", "all"))
"""What a request is given that must not go to a proxy of the environment."""

BACKOFF_START = 0.5

BACKOFF_CAP = 20.0


class HttpSettings(NamedTuple):
    """Settings of a connection. `verify` is the path of a CA bundle or a boolean.

    `timeout` is the time in seconds for each part of an answer, `answer_timeout` that for a whole one; `max_answer_size` is
    in bytes after decoding. `max_wait` is the total time in seconds that a task may wait after 429 and 503: -1 without a
    limit, 0 never. Workers that wait at the same time count once. `connections` is the number of concurrent requests.
    """

    verify: bool | str = True
    cert: tuple[str, str] | str | None = None
    timeout: float = 60.0
    max_wait: float = 300.0
    requests_per_second: float | None = None
    connections: int = 8
    answer_timeout: float = 600.0
    max_answer_size: int = 64 * MEGABYTE


class Answer(NamedTuple):
    """A server's answer. `repeated` says that an earlier try of the same request may have been processed, `garbled` that the
    body is not in its encoding."""

    status: int
    headers: Mapping[str, str]
    text: str
    repeated: bool = False
    garbled: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_json(self) -> bool:
        return "json" in self.headers.get("content-type", "").lower()

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, such as a form to sign in, or one that a network puts before every address."""
        return "html" in self.headers.get("content-type", "").lower() or self.text.lstrip("\ufeff \r\n\t").startswith(
            "<"
        )

    def json(self) -> Any:
        """The decoded body; None when it is empty. Raises ValueError, with a reason, when it is not JSON that can be used."""
        # Some servers begin with a byte order mark, which JSON does not allow (RFC 8259, section 8.1).
        text = self.text.removeprefix("\ufeff")
        if not text.strip():
            return None
        if self.garbled:
            raise ValueError("it is not in UTF-8")
        try:
            data = json.loads(
                text, object_pairs_hook=_object, parse_constant=_refused_number, parse_float=_finite_number
            )
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        # Fewer brackets are not nested deeper, and most answers are short.
        if text.count("[") + text.count("{") > DEPTH:
            _refuse_depth(data)
        return data


DEPTH = 100
"""How deep the lists and objects of an answer may be nested."""

TOO_DEEP = f"it is nested deeper than {DEPTH} levels"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one name with two values says neither."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                raise ValueError(f"the name {name[:50]!r} has two values in one object")
    return found


def _refused_number(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")


def _finite_number(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _refused_number(text[:20])


def _refuse_depth(data: Any) -> None:
    level = [data]
    for _depth in range(DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(TOO_DEEP)


class _Failure(NamedTuple):
    """Why a request has no answer, whether the server may have processed it nevertheless, and whether it is sent again."""

    reason: str
    may_be_done: bool
    again: bool = True


class Http:
    """A pooled session with one retry loop.

    `on_wait(seconds, reason)` is called before every wait, `on_answer` after every answer. Nothing is sent after `stop`.
    """

    def __init__(
        self,
        settings: HttpSettings,
        redactor: Redactor,
        on_wait: Callable[[float, str], None] | None = None,
        on_answer: Callable[[], None] | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        session: requests.Session | None = None,
        stop: Stop | None = None,
        throttle: type[Throttle] = Throttle,
    ) -> None:
        self.settings = settings
        self.redactor = redactor
        self._on_wait = on_wait or (lambda seconds, reason: None)
        self._on_answer = on_answer or (lambda: None)
        self._stop = stop or Stop()
        self._sleep = sleep or self._stop.sleep
        self.throttle = throttle(
            concurrency=settings.connections,
            per_second=settings.requests_per_second,
            max_wait=settings.max_wait,
            sleep=self._sleep,
            clock=clock,
        )
        self._session = session or new_session(settings)
        self.sent_writes = 0
        """The number of requests that may have changed something."""

    def close(self) -> None:
        self._session.close()

    def send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Send a request once. Raises BoundError for an answer that exceeds a limit.

        TLS settings are passed with every request: environment variables override a session's.
        """
        kwargs.setdefault("timeout", (min(CONNECT_TIMEOUT, self.settings.timeout), self.settings.timeout))
        # Credentials must not be sent to the target of a redirect.
        kwargs.setdefault("allow_redirects", False)
        kwargs["verify"] = self.settings.verify
        kwargs["cert"] = self.settings.cert
        return self.throttle.send(lambda: self._session.request(method, url, **kwargs), method, url)

    def request(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        has_body: bool = False,
    ) -> Answer:
        """Send a request, with retries, and return the answer whatever its status.

        After 429 and 503 every method waits and is sent again. Time-outs, resets, 502 and 504 are tried again only when the
        request is `repeatable`; otherwise they raise LostAnswerError, since the server may have processed it.
        Raises NoAnswerError, CertificateError, RateLimitError, StoppedError.
        """
        data = json.dumps(body).encode() if has_body else None

        def what() -> str:
            """Made where a sentence needs it, which is in few of all requests."""
            return f"{method} {self.shown_url(url)}"

        repeated = False
        tries = waits = 0
        while True:
            tries += 1
            try:
                self._stop.check()
            except StoppedError as error:
                if not repeated:
                    raise
                raise LostAnswerError(f"{error.message} An earlier try may be done ({what()}).") from None
            self.sent_writes += method != "GET"
            answer = self._attempt(method, url, headers, query, data)
            if isinstance(answer, _Failure):
                failure = answer.reason
                if answer.may_be_done and not repeatable:
                    raise LostAnswerError(f"{failure} ({what()}).")
                if not answer.again:
                    raise NoAnswerError(f"{failure} ({what()}).")
                repeated = repeated or answer.may_be_done
            elif answer.status in (429, 503):
                # Waiting because the server asks for it does not count as a try.
                tries -= 1
                waits += 1
                self.wait_for_server(answer, waits, what())
                continue
            else:
                self.throttle.record_success()
                self._on_answer()
                if answer.status in (502, 504) and not repeatable:
                    raise LostAnswerError(f"a gateway answered HTTP {answer.status} for the server ({what()}).")
                if not _should_retry(method, answer) or tries >= TRIES:
                    return answer._replace(repeated=True) if repeated else answer
                failure = f"HTTP {answer.status}"
                repeated = True
            if tries >= TRIES:
                raise NoAnswerError(f"{failure} ({what()}, tried {tries} times).")
            self.pause(backoff(tries), f"{failure} from {what()}")

    def _attempt(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        query: Mapping[str, Any] | None,
        data: bytes | None,
    ) -> Answer | _Failure:
        """Send once. Raises InputError for a request that cannot be sent, and CertificateError."""
        try:
            raw = self.send(method, url, headers=dict(headers or {}), params=query, data=data)
            text, garbled = _text(raw)
            headers = {k.lower(): v for k, v in raw.headers.items()}
            return Answer(raw.status_code, headers, text, garbled=garbled)
        except ValueError as error:
            # All of them are a ValueError: a URL, a header, half a character, a proxy.
            raise self.unsendable(method, url, error) from None
        except BoundError as error:
            return _Failure(str(error), True, again=False)
        except requests.exceptions.ConnectionError as error:
            from .failures import never_sent  # start-up

            sentence = self.unconnected(url, error)
            return _Failure(sentence, not never_sent(error))
        except requests.exceptions.Timeout:
            return _Failure(f"no answer within {self.settings.timeout:g} seconds (option timeout)", True)
        except requests.exceptions.RequestException as error:
            return _Failure(f"the answer could not be read ({type(error).__name__})", True)

    def unsendable(self, method: str, url: str, error: ValueError) -> InputError:
        """The error of a request that cannot be sent. A proxy's address is not shown: it may hold a password."""
        from .failures import unsendable  # start-up

        is_header = isinstance(error, requests.exceptions.InvalidHeader)

        def has_proxy() -> bool:
            return bool(self._session.merge_environment_settings(url, {}, None, None, None)["proxies"])

        return unsendable(method, lambda: self.shown_url(url), error, is_header=is_header, has_proxy=has_proxy)

    def unconnected(self, url: str, error: requests.exceptions.RequestException) -> str:
        """Why there is no connection. Raises CertificateError where it is because of a certificate."""
        from .failures import certificate_sentence, connection_ended, connection_sentence  # start-up

        if isinstance(error, requests.exceptions.SSLError) and not connection_ended(error):
            raise CertificateError(certificate_sentence(url, error, self.redactor)) from None
        return connection_sentence(url, error, self.redactor)

    # Waiting

    def wait_for_server(self, answer: Answer, tries: int, what: str) -> None:
        asked = retry_after(answer.headers.get("retry-after"))
        # "0 seconds", or a date in the past, would repeat the request without end and without a pause.
        seconds = min(asked, RETRY_AFTER_CAP) if asked else backoff(tries)
        # A 503 alone may concern this one request; 429 and a time concern all requests.
        all_workers = answer.status == 429 or bool(asked)
        if not self.throttle.slow_down(seconds, all_workers=all_workers):
            request = "" if asked is None else f" and asked to wait {asked:g} seconds"
            raise RateLimitError(
                f"the server answered HTTP {answer.status}{request} ({what}). This task has waited "
                f"{self.throttle.waited:.0f} of the {self.settings.max_wait:g} seconds that option rate_limit_timeout allows. "
                "Raise it, set it to -1 to wait as long as it takes, or lower max_requests_per_second."
            )
        reason = f"HTTP {answer.status} from {what}"
        if all_workers:
            # The throttle makes the next request of any worker wait.
            self._on_wait(seconds, reason)
        else:
            self.pause(seconds, reason)

    def pause(self, seconds: float, reason: str) -> None:
        self._on_wait(seconds, reason)
        self._sleep(seconds)

    # Sentences

    def shown_url(self, url: str) -> str:
        parts = urlsplit(url)
        return self.redactor.text(
            f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
        )


def new_session(settings: HttpSettings) -> requests.Session:
    """A pooled session that does not change the headers. TLS settings are passed with every request."""
    session = _Session()
    adapter = BoundedAdapter(
        seconds=settings.answer_timeout,
        size=settings.max_answer_size,
        pool_connections=4,
        pool_maxsize=max(settings.connections, 1),
        max_retries=0,
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # Without an authentication handler a session would replace the keys by an entry of ~/.netrc.
    session.auth = _keep_headers
    session.headers["Accept-Encoding"] = "gzip"
    session.headers["User-Agent"] = "workspace365.provisioning (Ansible collection)"
    return session


def checked_root(url: str, option: str) -> str:
    """A service's root without a slash at its end. Raises InputError unless it is https: keys are sent to it."""
    root = url.strip().rstrip("/")
    if user_in(root):
        raise InputError(
            f"Option {option} holds a user name or password in its URL, which is not shown. Keys have options of their own."
        )
    try:
        parts = urlsplit(root)
        _checked = parts.port
    except ValueError as error:
        raise InputError(
            f"Option {option} is {url!r}, which is not a URL of the form https://<host>: {error}."
        ) from None
    if parts.scheme == "http":
        raise InputError(
            f"Option {option} is {root!r}: the key would be sent unencrypted. Use https:// (TLS 1.2 or newer); keys are never sent over http."
        )
    if parts.scheme != "https" or not parts.hostname:
        raise InputError(f"Option {option} is {url!r}, which is not a URL of the form https://<host>.")
    return root


def user_in(url: str) -> str:
    """The user name and password in a URL, also in one that is written wrong; empty where there is none."""
    rest = url.partition("//")[2] or url
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" not in rest or ("@" not in host and _is_host(host)):
        return ""
    return (host if "@" in host else rest).rpartition("@")[0] or "@"


def _is_host(text: str) -> bool:
    """Whether it is a host with or without a port, and not a user name and the first part of a password."""
    try:
        return bool(urlsplit(f"//{text}").hostname) and urlsplit(f"//{text}").port != 0
    except ValueError:
        return False


def _text(raw: requests.Response) -> tuple[str, bool]:
    """The body of an answer, and whether it is not in its encoding: UTF-8 unless the server says otherwise, where requests
    would assume Latin-1."""
    if "charset" not in raw.headers.get("content-type", "").lower() or not _is_charset(raw.encoding):
        raw.encoding = "utf-8"
    text = raw.text
    # requests replaces what it cannot decode; a server may send that character itself.
    return text, "\ufffd" in text and "\ufffd".encode() not in raw.content


def _is_charset(name: str | None) -> bool:
    """Whether texts may be in it. Python knows codecs of other purposes, one of which takes time without end."""
    try:
        return codecs.lookup(name or "").name not in (
            "idna",
            "punycode",
            "raw-unicode-escape",
            "unicode-escape",
            "utf-7",
        )
    except LookupError:
        return False


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authentication that leaves the headers as they are."""
    return request


def _should_retry(method: str, answer: Answer) -> bool:
    """Whether to send again. 500 can mean a wrong object (contract, section 1), so only reads are repeated after it."""
    if answer.status in (502, 504):
        return True
    if method != "GET":
        return False
    if answer.status >= 500:
        return True
    if answer.ok and answer.is_json:
        try:
            answer.json()
        except ValueError:
            return True
    return False


def retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None when there is no valid one."""
    if not value or len(value) > 100:
        return None
    if re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", value, re.ASCII):
        return float(value)
    when = http_date(value)
    return None if when is None else max(when - time.time(), 0.0)


def http_date(value: str) -> float | None:
    """Seconds since 1970 from a date in a header; None when it is no date, or one that no clock can show."""
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() if value and len(value) <= 100 else None
    except (TypeError, ValueError, OverflowError):
        return None


def backoff(tries: int) -> float:
    # With unlimited waiting the power would exceed the range of a float.
    ceiling = min(BACKOFF_START * 2.0 ** min(tries - 1, 10), BACKOFF_CAP)
    return ceiling * (0.5 + random.random() / 2)
