# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files in which people keep the certificate of an app registration, made by the library that people use too."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_certificates import (
    SIZE,
    read_certificate,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError

PASSWORD = "password-of-the-key"
OPEN = serialization.NoEncryption()
CLOSED = serialization.BestAvailableEncryption(PASSWORD.encode())
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL


def certificate(name: str, key: Any, issuer: str = "", issuer_key: Any = None) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    by = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer or name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    signer = issuer_key or key
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(signer, digest)
    )


def private(key: Any, encryption: Any = OPEN, form: Any = PKCS8) -> str:
    encoded: bytes = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    return encoded.decode()


def public(found: x509.Certificate) -> str:
    return found.public_bytes(serialization.Encoding.PEM).decode()


ROOT_KEY, MIDDLE_KEY, LEAF_KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _number in range(4))
ROOT = certificate("Contoso Root CA", ROOT_KEY)
MIDDLE = certificate("Contoso Issuing CA", MIDDLE_KEY, "Contoso Root CA", ROOT_KEY)
LEAF = certificate("provisioning.contoso.com", LEAF_KEY, "Contoso Issuing CA", MIDDLE_KEY)


def written(folder: Path, content: str | bytes) -> str:
    path = folder / "app.pem"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def pfx(encryption: Any, *others: x509.Certificate, key: Any = LEAF_KEY, own: x509.Certificate | None = LEAF) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"app", key, own, others or None, encryption)


# What is read


FILES: dict[str, tuple[str | bytes, str | None]] = {
    "key first": (private(LEAF_KEY) + public(LEAF), None),
    "certificate first": (public(LEAF) + private(LEAF_KEY), None),
    "CA first": (public(ROOT) + public(MIDDLE) + public(LEAF) + private(LEAF_KEY), None),
    "CA between": (private(LEAF_KEY) + public(MIDDLE) + public(LEAF) + public(ROOT), None),
    "chain in order": (private(LEAF_KEY) + public(LEAF) + public(MIDDLE) + public(ROOT), None),
    "traditional": (private(LEAF_KEY, OPEN, TRADITIONAL) + public(ROOT) + public(LEAF), None),
    "encrypted": (public(ROOT) + public(LEAF) + private(LEAF_KEY, CLOSED), PASSWORD),
    "encrypted traditional": (public(LEAF) + private(LEAF_KEY, CLOSED, TRADITIONAL), PASSWORD),
    "text between": (f"Bag Attributes\n  friendlyName: ë\n{public(LEAF)}subject=CN\r\n{private(LEAF_KEY)}", None),
    "Windows": ((public(ROOT) + public(LEAF) + private(LEAF_KEY)).replace("\n", "\r\n"), None),
    "PFX": (pfx(OPEN), None),
    "PFX with a chain": (pfx(CLOSED, ROOT, MIDDLE), PASSWORD),
    "PFX with an empty password": (pfx(OPEN, MIDDLE), ""),
}


@pytest.mark.parametrize("form", FILES)
def test_the_certificate_of_the_key_is_found(tmp_path: Path, form: str) -> None:
    content, password = FILES[form]
    found = read_certificate(written(tmp_path, content), password)
    assert found.certificate == public(LEAF)
    assert (
        found.thumbprint
        == hashlib.sha1(LEAF.public_bytes(serialization.Encoding.DER), usedforsecurity=False).hexdigest()
    )
    assert found.private_key == private(LEAF_KEY)


# What is refused, each with its own sentence

EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC = certificate("provisioning.contoso.com", EC_KEY)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
NEEDS_RSA = "takes only RSA keys"
UNNEEDED = (
    r"is not protected by a password, and entra_certificate_password \(or W365_ENTRA_CERTIFICATE_PASSWORD\) is given"
)
REFUSED: dict[str, tuple[str | bytes, str | None, str]] = {
    "EC": (private(EC_KEY) + public(EC), None, f"of the kind EC, .*{NEEDS_RSA}"),
    "EC traditional": (private(EC_KEY, OPEN, TRADITIONAL) + public(EC), None, f"of the kind EC, .*{NEEDS_RSA}"),
    "EC in PFX": (pfx(CLOSED, key=EC_KEY, own=EC), PASSWORD, f"of the kind EC, .*{NEEDS_RSA}"),
    "Ed25519": (
        private(ED_KEY) + public(certificate("contoso", ED_KEY)),
        None,
        f"of the kind Ed25519, .*{NEEDS_RSA}",
    ),
    "password for an open PEM": (private(LEAF_KEY) + public(LEAF), PASSWORD, UNNEEDED),
    "password for an open traditional PEM": (private(LEAF_KEY, OPEN, TRADITIONAL) + public(LEAF), PASSWORD, UNNEEDED),
    "password for an open PFX": (pfx(OPEN), PASSWORD, UNNEEDED),
    "no password": (private(LEAF_KEY, CLOSED) + public(LEAF), None, "is encrypted. Give its password"),
    "no password, traditional": (private(LEAF_KEY, CLOSED, TRADITIONAL) + public(LEAF), "", "is encrypted"),
    "no password for PFX": (pfx(CLOSED), None, "Check the file and entra_certificate_password"),
    "wrong password": (private(LEAF_KEY, CLOSED) + public(LEAF), "wrong", "file and entra_certificate_password"),
    "another's certificate": (private(LEAF_KEY) + public(ROOT), None, "a certificate that does not belong to its private"),
    "others' certificates": (private(OTHER_KEY) + public(ROOT) + public(LEAF), None, "2 certificates that do not belong"),
    "two keys": (private(LEAF_KEY) + private(OTHER_KEY) + public(LEAF), None, "holds 2 private keys"),
    "only the authorities": (public(ROOT) + public(MIDDLE), None, "must hold both"),
    "PFX without a key": (pkcs12.serialize_key_and_certificates(b"a", None, LEAF, None, OPEN), None, "without a private"),
    "cut": (private(LEAF_KEY) + public(LEAF)[:300], None, "must hold both"),
    "spoiled": (private(LEAF_KEY).replace("MII", "MIA", 1) + public(LEAF), None, r"could not be opened \(.*Check the file\."),
    "spoiled certificate": (private(LEAF_KEY) + public(LEAF).replace("MII", "AAA", 1), None, "could not be opened"),
    "empty": ("", None, "could not be opened"),
    "DER": (LEAF.public_bytes(serialization.Encoding.DER), None, "could not be opened"),
    "large": (b"-----BEGIN CERTIFICATE-----\n" * (SIZE // 20), None, "larger than 1 MB"),
    "many beginnings": (b"-----BEGIN CERTIFICATE-----\n" * (SIZE // 30), None, "could not be opened"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_another_file_is_refused_with_its_reason(tmp_path: Path, what: str) -> None:
    content, password, reason = REFUSED[what]
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=reason) as refusal:
        read_certificate(path, password)
    assert refusal.value.message.startswith(f"Option entra_certificate_path: {path!r} ")
    assert PASSWORD not in refusal.value.message
    assert "BEGIN" not in refusal.value.message
