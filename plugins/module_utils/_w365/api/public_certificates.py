# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of certificate_path: a certificate without its private key, which is uploaded to an app registration."""

from __future__ import annotations

import hashlib
import re
from datetime import timezone
from typing import Any

from ..errors import InputError
from ..model.import_application import PublicCertificate
from .entra_certificates import CERTIFICATE_LABELS, content_of, pem_blocks

SMALLEST_KEY = 2048
"""Bits."""


def read_public_certificate(path: str) -> PublicCertificate:
    """The one certificate of a file in PEM or DER form. Raises InputError, also for every file that holds a private key."""
    content = content_of(path, _refused, "certificate")
    text = content.decode("utf-8", "replace")
    if re.search("BEGIN [A-Z0-9 ]*PRIVATE KEY", text) or _is_pfx(content):
        raise _refused(
            path,
            "holds a private key, which must not leave this machine. Nothing was sent. Give a file with the certificate alone, such as "
            "the output of 'openssl x509 -in FILE', or of 'openssl pkcs12 -in FILE -nokeys -clcerts' for a PFX file",
        )
    blocks = [block for label, block in pem_blocks(text) if label in CERTIFICATE_LABELS]
    if len(blocks) > 1:
        raise _refused(path, f"holds {len(blocks)} certificates. Leave the one whose private key the import has")
    return _parsed(path, blocks[0].encode() if blocks else b"", content)


def _parsed(path: str, pem: bytes, content: bytes) -> PublicCertificate:
    from cryptography import x509  # start-up
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # start-up
    from cryptography.hazmat.primitives.serialization import Encoding  # start-up

    try:
        found = x509.load_pem_x509_certificate(pem) if pem else x509.load_der_x509_certificate(content)
        key = found.public_key()
        der = found.public_bytes(Encoding.DER)
    except Exception as error:
        # The library raises many kinds of exceptions here, without the name of the file.
        raise _refused(
            path, f"holds no certificate in PEM or DER form ({type(error).__name__}). Check the file"
        ) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise _refused(
            path,
            "holds a certificate without an RSA key of 2048 bits or more, which Microsoft Entra needs of an application. Make another "
            "one",
        )
    # Entra finds the certificate by this fingerprint; it protects nothing.
    thumbprint = hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    return PublicCertificate(der, thumbprint, _time(found, "not_valid_before"), _time(found, "not_valid_after"))


def _time(certificate: Any, name: str) -> float:
    moment = getattr(certificate, f"{name}_utc", None)
    # Before cryptography 42, a time in UTC without saying so.
    return float((moment or getattr(certificate, name).replace(tzinfo=timezone.utc)).timestamp())


def _is_pfx(content: bytes) -> bool:
    """Whether it is a PFX file: a sequence that begins with the version 3 (RFC 7292). A certificate begins with a sequence."""
    if content[:1] != b"\x30" or len(content) < 8:
        return False
    first = content[1]
    start = 2 + (first & 0x7F if first & 0x80 else 0)
    return content[start : start + 3] == b"\x02\x01\x03"


def _refused(path: str, what: str) -> InputError:
    return InputError(f"Option certificate_path: {path!r} {what}.")
