# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of one answer: its time, its size, its content coding."""

from __future__ import annotations

import functools
import http.client
import io
import time
import zlib
from collections.abc import Iterable
from typing import Any

try:
    import requests
    from requests.adapters import HTTPAdapter
except ImportError:
    # REQUESTS_IMPORT_ERROR of http ends the task before this is used.
    HTTPAdapter = object  # type: ignore[assignment,misc]

MEGABYTE = 1_000_000

ERROR_SIZE = MEGABYTE
"""Bytes of an error's body at most, which is also the smallest max_answer_size."""

CODINGS = ("gzip", "x-gzip", "deflate")
"""The content codings that are decoded; gzip is asked for."""

_CHUNK = 16_384


class BoundError(Exception):
    """An answer exceeds a limit: asking again would give the same."""


class _BodyError(BoundError):
    """Only the body exceeds a limit, and an error needs none. Its text is a predicate."""


class _SizeError(_BodyError):
    """The body is too large."""


class _BoundedReader(io.RawIOBase):
    """Reads an answer from its socket, headers included, for so many seconds and so many bytes at most."""

    def __init__(self, raw: io.RawIOBase, sock: Any, seconds: float, size: int) -> None:
        self._raw = raw
        self._sock = sock
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual = self._sock.gettimeout()
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self._late()
        shorter = usual is None or left < usual
        if shorter:
            self._sock.settimeout(left)
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if shorter:
                raise self._late() from None
            raise
        finally:
            if shorter:
                self._sock.settimeout(usual)
        self._left -= count or 0
        if self._left < 0:
            raise BoundError("the answer is far larger than option max_answer_size allows")
        return count

    def close(self) -> None:
        super().close()
        self._raw.close()

    def _late(self) -> BoundError:
        return BoundError(f"no complete answer within {self._seconds:g} seconds (option answer_timeout)")


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, seconds: float, size: int, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_BoundedReader(self.fp.detach(), sock, seconds, size))


class BoundedAdapter(HTTPAdapter):
    """Answers come completely read and decoded, or raise BoundError; `size` is in bytes after decoding.

    An error whose body cannot be read keeps its status, with a sentence as its body.
    """

    def __init__(self, *, seconds: float, size: int, **kwargs: Any) -> None:
        self._size = size
        # What surrounds the body is larger than the body only in an attack.
        response = functools.partial(_BoundedResponse, seconds, 2 * size + MEGABYTE)
        self._response_class = staticmethod(response)
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            self._bound(manager)
        return manager

    def _bound(self, manager: Any) -> None:
        pools = {}
        for scheme, pool in manager.pool_classes_by_scheme.items():
            connection = type(
                pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": self._response_class}
            )
            pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": connection})
        manager.pool_classes_by_scheme = pools

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **kwargs)
        # Taken away, so that requests does not decode it.
        coding = response.raw.headers.pop("content-encoding", "").strip().lower()
        succeeded = response.status_code < 300
        try:
            content = _decoded(response.iter_content(_CHUNK), coding, self._size if succeeded else ERROR_SIZE)
        except _BodyError as error:
            response.close()
            if succeeded:
                option = " (option max_answer_size)" if isinstance(error, _SizeError) else ""
                raise BoundError(f"the answer {error}{option}") from None
            content = f"its text was not read, since it {error}".encode()
            response.headers["content-type"] = "text/plain"
        except BaseException:
            response.close()
            raise
        response._content = content
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _decoded(chunks: Iterable[bytes], coding: str, size: int) -> bytes:
    """The body, of at most `size` bytes. Raises BoundError, and ContentDecodingError for a broken one."""
    if coding not in ("", "identity", *CODINGS):
        raise _BodyError(
            f"has the content coding {coding[:50]!r}, and only gzip was asked for: a server or proxy does not "
            "follow HTTP's Accept-Encoding"
        )
    found = bytearray()
    decoder: Any = None
    members = 0
    for chunk in chunks:
        rest = chunk
        while rest:
            if coding in CODINGS:
                # 32: the header says whether it is gzip or zlib. One byte more than allowed shows that there is more.
                decoder = decoder or zlib.decompressobj(32 + zlib.MAX_WBITS)
                try:
                    found += decoder.decompress(rest, size + 1 - len(found))
                except zlib.error as error:
                    if members:
                        # Some servers fill up what follows the end.
                        return bytes(found)
                    raise requests.exceptions.ContentDecodingError(str(error)) from None
                rest = decoder.unconsumed_tail
                if decoder.eof:
                    rest, decoder, members = decoder.unused_data, None, members + 1
            else:
                found += rest
                rest = b""
            if len(found) > size:
                raise _SizeError(f"is larger than {size / MEGABYTE:g} MB")
    if decoder:
        raise requests.exceptions.ContentDecodingError("it ended early")
    return bytes(found)
