# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS with a throw-away certificate authority, which stays the same as long as its directory does."""

from __future__ import annotations

import os
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1", "::1")


class TlsError(ValueError):
    """The directory for certificates cannot be used."""


def prepare(directory: Path, host: str) -> tuple[Path, Path]:
    """Return the authority's certificate and the server's file (certificate and key), made or reused."""
    authority_file, key_file, server_file = directory / "ca.pem", directory / "ca-key.pem", directory / "server.pem"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if authority_file.is_file() and key_file.is_file():
            authority = trustme.CA.from_pem(authority_file.read_bytes(), key_file.read_bytes())
        else:
            authority = trustme.CA(organization_name="Workspace 365 simulator")
            _write(key_file, authority.private_key_pem.bytes())
            _write(authority_file, authority.cert_pem.bytes())
        names = NAMES if host in (*NAMES, "0.0.0.0", "::") else (*NAMES, host)
        certificate = authority.issue_cert(*names)
        _write(
            server_file, b"".join(part.bytes() for part in (certificate.private_key_pem, *certificate.cert_chain_pems))
        )
    except OSError as problem:
        raise TlsError(f"the TLS directory {directory} cannot be used: {problem}.") from problem
    except ValueError as problem:
        raise TlsError(
            f"the TLS directory {directory} holds a certificate authority that cannot be read: {problem}. Remove"
            f" {authority_file} and {key_file} to have a new one made."
        ) from problem
    return authority_file, server_file


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, in one step, so that it is never read half written."""
    temporary = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
