# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of entra_certificate_path: the private key of an app registration and its certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError

SIZE = 1_000_000
"""Bytes. Key, certificate and the authorities above it take a few thousand."""

CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")

_BEGIN, _END = "-----BEGIN ", "-----END "


class KeyAndCertificate(NamedTuple):
    """Both in PEM form, the key without a password; `thumbprint` is the SHA-1 of the certificate."""

    private_key: str
    certificate: str
    thumbprint: str


def read_certificate(path: str, password: str | None) -> KeyAndCertificate:
    """The key of a file, PEM or PFX, and the one of its certificates that belongs to the key. Raises InputError."""
    content = content_of(path, _refused, "key")
    blocks = list(pem_blocks(content.decode("utf-8", "replace")))
    key, certificates = _from_pem(path, blocks, password) if blocks else _from_pfx(path, content, password)
    return _matching(path, key, certificates)


def content_of(path: str, refused: Callable[[str, str], InputError], kind: str) -> bytes:
    """What is in the file of an option. Raises what `refused` makes of the path and the rest of a sentence."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(SIZE + 1)
    except OSError as error:
        raise refused(path, f"cannot be read ({error.strerror})") from None
    if len(content) > SIZE:
        raise refused(path, f"is larger than {SIZE // 1_000_000} MB, which no {kind} is. Check which file it is")
    return content


def pem_blocks(text: str) -> Iterator[tuple[str, str]]:
    """The blocks of a PEM file and what they hold. Reads every character once."""
    at = 0
    while (start := text.find(_BEGIN, at)) >= 0:
        label, dashes, _rest = text[start + len(_BEGIN) : start + 100].partition("-----")
        end_line = f"{_END}{label}-----"
        end = text.find(end_line, start)
        if not dashes or end < 0:
            return
        at = end + len(end_line)
        yield label, text[start:at]


def _from_pem(path: str, blocks: list[tuple[str, str]], password: str | None) -> tuple[Any, list[Any]]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # start-up
    from cryptography.x509 import load_pem_x509_certificate  # start-up

    keys = [block for label, block in blocks if label.endswith("PRIVATE KEY")]
    found = [block for label, block in blocks if label in CERTIFICATE_LABELS]
    if not keys or not found:
        raise _refused(
            path, "must hold both the certificate and its private key (two PEM blocks in one file), or be a PFX file"
        )
    if len(keys) > 1:
        raise _refused(path, f"holds {len(keys)} private keys. Leave the one of the app registration")
    encrypted = "ENCRYPTED" in keys[0]
    if encrypted and not password:
        raise _refused(path, "holds a private key that is encrypted. Give its password in entra_certificate_password")
    if password and not encrypted:
        raise _unneeded_password(path)
    try:
        key = load_pem_private_key(keys[0].encode(), password.encode() if password else None)
        certificates = [load_pem_x509_certificate(block.encode()) for block in found]
    except Exception as error:
        # The library raises many kinds of exceptions here, without the name of the file.
        raise _unreadable(path, error, encrypted) from None
    return key, certificates


def _from_pfx(path: str, content: bytes, password: str | None) -> tuple[Any, list[Any]]:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates  # start-up

    try:
        key, certificate, others = load_key_and_certificates(content, password.encode() if password else None)
    except Exception as error:
        if password and _opens_without_password(content):
            raise _unneeded_password(path) from None
        raise _unreadable(path, error, True) from None
    if key is None or certificate is None:
        raise _refused(path, "is a PFX file without a private key or its certificate. Export both together")
    return key, [certificate, *others]


def _opens_without_password(content: bytes) -> bool:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates  # start-up

    try:
        load_key_and_certificates(content, None)
    except Exception:
        return False
    return True


def _matching(path: str, key: Any, certificates: list[Any]) -> KeyAndCertificate:
    from cryptography.hazmat.primitives import serialization  # start-up
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # start-up

    if not isinstance(key, RSAPrivateKey):
        kind = type(key).__name__.replace("PrivateKey", "").replace("EllipticCurve", "EC").strip("_")
        raise _refused(
            path,
            f"holds a private key of the kind {kind}, and Microsoft Entra takes only RSA keys for an application. Make a "
            "certificate with an RSA key of 2048 bits or more, and upload it to the app registration",
        )

    def public(holder: Any) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        encoded: bytes = holder.public_key().public_bytes(serialization.Encoding.DER, form)
        return encoded

    own = next((found for found in certificates if public(found) == public(key)), None)
    if own is None:
        count = len(certificates)
        what = "a certificate that does" if count == 1 else f"{count} certificates that do"
        raise _refused(path, f"holds {what} not belong to its private key. Put the certificate of this key into it")
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    # Entra finds the certificate by this fingerprint; it protects nothing.
    fingerprint = hashlib.sha1(own.public_bytes(serialization.Encoding.DER), usedforsecurity=False).hexdigest()
    return KeyAndCertificate(private, own.public_bytes(pem).decode(), fingerprint)


def _refused(path: str, what: str) -> InputError:
    return InputError(f"Option entra_certificate_path: {path!r} {what}.")


def _unneeded_password(path: str) -> InputError:
    return _refused(
        path,
        "is not protected by a password, and entra_certificate_password (or W365_ENTRA_CERTIFICATE_PASSWORD) is given. Leave "
        "the password out, or check which file it is",
    )


def _unreadable(path: str, error: Exception, may_be_password: bool) -> InputError:
    advice = "Check the file and entra_certificate_password" if may_be_password else "Check the file"
    return _refused(path, f"could not be opened ({type(error).__name__}). {advice}")
