# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_import_app against a tenant in memory: killed and failing at every request, nothing of others is ever lost."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from entra_memory import CALLER, DAY
from faulty import HOW, Faulty
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_memory import OTHER_TENANT, ROLES, ImportMemory, certificate, certificate_bytes, thumbprint
from truthful import Scenario, Truthful, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import Answer
from w365_simulator.certificates import make_certificate

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
LEAST = ["GroupMember.Read.All", "Organization.Read.All", "User.Read.All"]
CI = {"name": "ci", "issuer": "https://ci.contoso.com", "subject": "import"}
FLEET = "00000000-0000-4000-8000-0000000000a7"
ELSEWHERE = {"registered_in": "other_tenant", "client_id": FLEET, "owner_tenant": OTHER_TENANT}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files with certificates, by name."""
    folder = tmp_path_factory.mktemp("certificates")
    one = certificate(1)
    found: dict[str, bytes] = {
        "first": one.public.encode(),
        "second": certificate(2).public.encode(),
        "der": certificate_bytes(1),
        "with comments": f"subject=CN\nThe PRIVATE KEY is elsewhere.\n{one.public}\nthe end".encode(),
        "with its key": (one.public + one.private()).encode(),
        "its key first": (one.private() + one.public).encode(),
        "with a locked key": (one.public + one.private("x" * 12)).encode(),
        "the key alone": one.private().encode(),
        "an older key": one.public.encode()
        + one.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
        "locked pfx": pkcs12.serialize_key_and_certificates(
            b"x", one.key, one.certificate, None, serialization.BestAvailableEncryption(b"x" * 12)
        ),
        "half a key": (one.public + one.private()[:200]).encode(),
        "der and key": certificate_bytes(1)
        + one.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "two": (one.public + certificate(2).public).encode(),
        "pfx": pkcs12.serialize_key_and_certificates(
            b"x", one.key, one.certificate, None, serialization.NoEncryption()
        ),
        "key der": one.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "expired": make_certificate(-3).public.encode(),
        "nothing": b"nothing",
        "empty": b"",
    }
    for name, content in found.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in found}


class Controller(Faulty):
    """The services for one run, after whose every request all is there that others have added."""

    def __init__(self, entra: ImportMemory, at: int = 0, how: str = "") -> None:
        super().__init__(entra, at, how)
        self._others = others(entra)

    def check(self, method: str, url: str) -> None:
        assert others(self.entra) == self._others, f"{method} {url} has changed what others have added"


def others(entra: ImportMemory) -> Any:
    """What must never change: keys, secrets, tags, owners, federated credentials and permissions of somebody else."""
    return [
        (
            application["appId"],
            [one["keyId"] for one in application.get("keyCredentials", []) if not _own(one)],
            [one["keyId"] for one in application["passwordCredentials"] if not _own(one)],
            [tag for tag in application["tags"] if not tag.startswith("w365:")],
            [one for one in entra.owners[application["id"]] if one != CALLER],
            [one for one in entra.federated.get(application["id"], []) if one["name"] != "ci"],
            [one for one in application["requiredResourceAccess"] if one["resourceAppId"] == "another-api"],
            [one for one in entra.roles if one["resourceId"] == "another-api"],
        )
        for application in entra.applications
        if application["displayName"] == "HR" or "of-somebody" in application["tags"]
    ]


def _own(credential: dict[str, Any]) -> bool:
    return str(credential["displayName"]).startswith("w365 import:default ")


def run(controller: Truthful, **options: Any) -> dict[str, Any]:
    return play(Scenario("w365_import_app", json.dumps(options), scim=False), controller)


def good(entra: ImportMemory, **options: Any) -> dict[str, Any]:
    controller = Controller(entra)
    result = run(controller, **options)
    assert not result.get("failed"), result["msg"]
    assert result["changed"] == bool(controller.writes)
    shown = [name for name in result["permissions"]["granted"] if name in ROLES]
    assert shown == entra.granted(result["client_id"])
    assert result["permissions"]["missing"] == sorted(set(options.get("permissions", LEAST)) - set(shown))
    return result


def refused(entra: ImportMemory, **options: Any) -> str:
    """The sentence of a run that was refused before any write."""
    controller = Controller(entra)
    result = run(controller, **options)
    assert result["failed"]
    assert controller.writes == []
    return str(result["msg"])


def with_neighbors() -> ImportMemory:
    entra = ImportMemory()
    other = entra.new_application(displayName="HR", tags=["hr"])
    entra.new_secret(other, "hr", "secret~of-hr", 3000)
    entra.new_key(other, "hr", "certificate of hr")
    return entra


def done(options: dict[str, Any]) -> ImportMemory:
    """The same after a first run, to whose application somebody has added things since."""
    entra = with_neighbors()
    good(entra, **options)
    application = entra.applications[-1]
    entra.new_key(application, "of somebody", "certificate of somebody")
    entra.new_secret(application, "of somebody", "secret~of-somebody", 3000)
    application["tags"].append("of-somebody")
    application["requiredResourceAccess"].append({"resourceAppId": "another-api", "resourceAccess": []})
    entra.owners[application["id"]].append("somebody")
    entra.federated.setdefault(application["id"], []).append(
        {"id": "f", "name": "theirs", "issuer": "https://x", "subject": "y", "audiences": ["z"], "description": None}
    )
    principal = next(one for one in entra.principals if one["appId"] == application["appId"])
    entra.roles.append({"id": "r", "principalId": principal["id"], "resourceId": "another-api", "appRoleId": "q"})
    entra.now += DAY
    return entra


def check_rest(entra: ImportMemory, options: dict[str, Any]) -> dict[str, Any]:
    """One more run, and one that has nothing to do: one application, one principal, each permission once."""
    good(entra, **options)
    last = Controller(entra)
    result = run(last, **options)
    assert (result["changed"], last.writes) == (False, []), result.get("msg")
    own = [one for one in entra.applications if "w365:import:default" in one["tags"]]
    assert [one["displayName"] for one in entra.applications] == ["HR", "Workspace 365 import - default"]
    assert len(own) == 1
    assert sum(one["appId"] == own[0]["appId"] for one in entra.principals) == 1
    assert entra.granted(own[0]["appId"]) == LEAST
    prints = [one["thumbprint"] for one in result["certificates"]]
    assert len(set(prints)) == len(prints), "no certificate twice"
    assert (
        result["certificate"]["thumbprint"]
        == certificate(2 if "second" in options["certificate_path"] else 1).sha1.upper()
    )
    assert [one["name"] for one in entra.federated[own[0]["id"]]].count("ci") == 1
    assert CALLER in entra.owners[own[0]["id"]]
    assert len(entra.applications[0]["keyCredentials"]) == 1
    return result


def requests_of(entra: ImportMemory, **options: Any) -> int:
    controller = Controller(entra)
    result = run(controller, **options)
    assert not result.get("failed"), result["msg"]
    return len(controller.calls)


# Once, again, and ended anywhere


def test_a_first_run_does_everything_and_the_second_nothing(files: dict[str, str]) -> None:
    entra = with_neighbors()
    options = {"certificate_path": files["first"], "federated_credentials": [CI]}
    result = good(entra, **options)
    assert result["summary"] == {
        "application_create": 1, "service_principal_create": 1, "certificate_add": 1, "federated_credential_create": 1,
        "permission_grant": 3, "unchanged": 0, "left_out": 0,
    }  # fmt: skip
    assert (result["permissions"]["granted"], result["permissions"]["missing"]) == (LEAST, [])
    assert result["client_id"] == result["application"]["client_id"]
    assert result["application"]["unique_name"] == "w365-import:default"
    assert result["certificate"]["state"] == "current"
    (key,) = entra.applications[-1]["keyCredentials"]
    assert base64.b64decode(key["key"]) == certificate_bytes(1)
    assert "PRIVATE" not in json.dumps(entra.applications)
    assert entra.applications[-1]["servicePrincipalLockConfiguration"]["isEnabled"]
    check_rest(entra, options)


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_creation_that_ended_anywhere(files: dict[str, str], how: str) -> None:
    options = {"certificate_path": files["first"], "federated_credentials": [CI]}
    for at in range(1, requests_of(with_neighbors(), **options) + 1):
        entra = with_neighbors()
        run(Controller(entra, at, how), **options)
        check_rest(entra, options)


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_renewal_that_ended_anywhere(files: dict[str, str], how: str) -> None:
    """The new certificate is added beside the former one and that of somebody else; after overlap, the former one goes."""
    first = {"certificate_path": files["first"], "federated_credentials": [CI]}
    options = {"certificate_path": files["second"], "federated_credentials": [{**CI, "subject": "other"}]}
    began: list[tuple[Callable[[], ImportMemory], list[str]]] = [
        (lambda: done(first), ["current", "foreign", "former"]),
        (lambda: after_overlap(done(first), options), ["current", "foreign"]),
    ]
    for begin, states in began:
        for at in range(1, requests_of(begin(), **options) + 1):
            entra = begin()
            run(Controller(entra, at, how), **options)
            result = check_rest(entra, options)
            assert sorted(one["state"] for one in result["certificates"]) == states


def after_overlap(entra: ImportMemory, options: dict[str, Any]) -> ImportMemory:
    good(entra, **options)
    entra.now += 8 * DAY
    return entra


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_secret_that_ended_anywhere(how: str) -> None:
    options: dict[str, Any] = {"secret": "managed", "return_secret": True}
    for at in range(1, requests_of(with_neighbors(), **options) + 1):
        entra = with_neighbors()
        run(Controller(entra, at, how), **options)
        good(entra, **options)
        entra.now += 8 * DAY
        good(entra, **options)
        last = Controller(entra)
        result = run(last, **options)
        assert (result["changed"], last.writes) == (False, [])
        assert [one["state"] for one in result["secrets"]] == ["linked"]
        assert len(entra.applications) == 2


one_run = st.tuples(st.sampled_from(["first", "second"]), st.integers(0, 24), st.sampled_from(HOW))
days = st.tuples(st.just("days"), st.integers(0, 9), st.just(""))


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(st.lists(one_run | days, max_size=6))
def test_any_order_of_runs_failures_and_renewals_loses_nothing(files: dict[str, str], steps: list[Any]) -> None:
    """What others have added is there after every request (Controller), and no valid certificate goes before its successor."""
    entra = done({"certificate_path": files["first"], "federated_credentials": [CI]})
    for kind, number, how in steps:
        if kind == "days":
            entra.now += number * DAY
            continue
        before = own_keys(entra)
        result = run(Controller(entra, number, how), certificate_path=files[kind], federated_credentials=[CI])
        assert "exception" not in result, result["exception"]
        gone = before - own_keys(entra)
        assert not gone or certificate(1 if kind == "first" else 2).sha1.upper() in own_keys(entra)
        assert own_keys(entra)
    check_rest(entra, {"certificate_path": files["second"], "federated_credentials": [CI]})


def own_keys(entra: ImportMemory) -> set[str]:
    """The thumbprints of the certificates that the module has added."""
    return {thumbprint(one["key"]) for one in entra.applications[-1]["keyCredentials"] if _own(one)}


def test_the_text_of_a_secret_is_returned_once_and_renewed_when_due() -> None:
    entra = with_neighbors()
    options: dict[str, Any] = {"secret": "managed", "return_secret": True}
    first = good(entra, **options)
    assert entra.accepts(first["client_id"], first["client_secret"])
    assert "client_secret" not in good(entra, **options)
    entra.now += 340 * DAY
    second = good(entra, **options)
    assert second["client_secret"] != first["client_secret"]
    assert "expires in" in second["rotation_reason"]
    assert entra.accepts(first["client_id"], first["client_secret"]), "the former one is valid while it overlaps"
    entra.now += 8 * DAY
    good(entra, **options)
    assert not entra.accepts(first["client_id"], first["client_secret"])
    assert entra.accepts(first["client_id"], second["client_secret"])


# Certificates


def test_a_key_that_graph_does_not_show_is_not_written_over(files: dict[str, str]) -> None:
    options = {"certificate_path": files["first"]}
    entra = done(options)
    entra.new_key(entra.applications[-1], "theirs", "a symmetric one", kind="Symmetric")
    assert not good(entra, **options)["changed"], "nothing has to be written"
    options = {"certificate_path": files["second"]}
    sentence = refused(entra, **options)
    assert "unreadable_keys=keep" in sentence
    assert "'theirs'" in sentence
    entra.loses_unread = False
    result = good(entra, unreadable_keys="keep", **options)
    assert result["foreign_certificates"] == 2
    assert not good(entra, unreadable_keys="keep", **options)["changed"]


def test_a_server_that_loses_a_key_all_the_same_is_noticed(files: dict[str, str]) -> None:
    entra = done({"certificate_path": files["first"]})
    entra.new_key(entra.applications[-1], "theirs", "a symmetric one", kind="Symmetric")
    result = run(unchecked(entra), certificate_path=files["second"], unreadable_keys="keep", replication_timeout=20)
    assert result["failed"]
    assert "'theirs'" in result["msg"]


def unchecked(entra: ImportMemory) -> Truthful:
    truth = Truthful()
    truth.__dict__["entra"] = entra
    return truth


def test_an_answer_of_an_old_replica_loses_no_certificate(files: dict[str, str]) -> None:
    """Every second answer about the keys comes from a server that has not learned of that of somebody else, for a while."""

    class Stale(Controller):
        count = 0

        def request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
            answer = super().request(method, url, repeatable=repeatable, **parts)
            call = self.calls[-1]
            if call.endpoint == "graph.application" and call.query.get("$select") == "keyCredentials":
                self.count += 1
                if self.count in (2, 3, 5, 8, 13):
                    keys = [one for one in json.loads(answer.text)["keyCredentials"] if _own(one)]
                    return answer._replace(text=json.dumps({"keyCredentials": keys}))
            return answer

    entra = done({"certificate_path": files["first"]})
    controller = Stale(entra)
    result = run(controller, certificate_path=files["second"])
    assert not result.get("failed"), result["msg"]
    assert controller.count > 13
    assert result["foreign_certificates"] == 1


def test_what_another_run_adds_between_two_tries_stays(files: dict[str, str]) -> None:
    """The answer to the write is lost, and somebody adds a certificate before it is tried again."""

    class Busy(Controller):
        added = False

        def check(self, method: str, url: str) -> None:
            if self.calls[-1].endpoint == "graph.application.update" and "keyCredentials" in self.calls[-1].body and not self.added:  # fmt: skip
                self.added = True
                application = self.entra.applications[-1]
                application["keyCredentials"] = [
                    one for one in application["keyCredentials"] if one["displayName"] != "x"
                ]
                self.entra.new_key(application, "just now", "certificate of this moment")
                self._others = others(self.entra)
            super().check(method, url)

    entra = done({"certificate_path": files["first"]})
    options = {"certificate_path": files["second"]}
    at = next(
        number + 1
        for number, call in enumerate(calls_of(done({"certificate_path": files["first"]}), options))
        if call.endpoint == "graph.application.update" and "keyCredentials" in call.body
    )
    result = run(Busy(entra, at, "lose"), **options)
    assert not result.get("failed"), result["msg"]
    assert result["foreign_certificates"] == 2
    assert [one["name"] for one in result["certificates"]].count("just now") == 1


def calls_of(entra: ImportMemory, options: dict[str, Any]) -> list[Any]:
    controller = Controller(entra)
    assert not run(controller, **options).get("failed")
    return controller.calls


def test_going_back_to_an_earlier_certificate_removes_nothing(files: dict[str, str]) -> None:
    entra = with_neighbors()
    good(entra, certificate_path=files["first"])
    entra.now += DAY
    good(entra, certificate_path=files["second"])
    entra.now += 30 * DAY
    result = good(entra, certificate_path=files["first"])
    assert sorted(one["state"] for one in result["certificates"]) == ["current", "newer"]
    assert not result["changed"]
    result = good(entra, certificate_path=files["second"])
    assert result["summary"]["certificate_remove"] == 1


def test_a_certificate_that_was_uploaded_by_hand_is_found_and_stays_foreign(files: dict[str, str]) -> None:
    entra = with_neighbors()
    good(entra)
    content = base64.b64encode(certificate_bytes(1)).decode()
    entra.new_key(entra.applications[-1], "by hand", "", key=content)
    result = good(entra, certificate_path=files["first"])
    assert (result["changed"], result["certificate"]["name"]) == (False, "by hand")
    entra.now += 30 * DAY
    result = good(entra, certificate_path=files["second"])
    entra.now += 30 * DAY
    result = good(entra, certificate_path=files["second"])
    assert sorted(one["state"] for one in result["certificates"]) == ["current", "foreign"]


def test_an_expiry_is_told_in_advance(files: dict[str, str]) -> None:
    entra = with_neighbors()
    entra.now = certificate(1).certificate.not_valid_after_utc.timestamp() - 20 * DAY
    result = good(entra, certificate_path=files["first"])
    assert any("certificate of the import expires in" in warning for warning in result["warnings"])
    result = good(entra, certificate_path=files["first"], expiry_warning=5)
    assert not any("certificate of the import" in warning for warning in result["warnings"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        *(
            (name, "holds a private key")
            for name in (
                "with its key",
                "its key first",
                "with a locked key",
                "pfx",
                "locked pfx",
                "an older key",
                "half a key",
            )
        ),
        ("der and key", "holds no certificate in PEM or DER form"),
        ("the key alone", "holds a private key"),
        ("key der", "holds no certificate in PEM or DER form"),
        ("two", "holds 2 certificates"),
        ("expired", "has expired"),
        ("nothing", "holds no certificate"),
        ("empty", "holds no certificate"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_before_any_request(
    files: dict[str, str], name: str, sentence: str
) -> None:
    controller = Controller(with_neighbors())
    result = run(controller, certificate_path=files[name])
    assert result["failed"]
    assert sentence in result["msg"]
    assert controller.calls == []
    assert "PRIVATE KEY-----" not in json.dumps(result)


def test_a_key_of_another_kind_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = ec.generate_private_key(ec.SECP256R1())
    old = certificate(1).certificate
    made = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "ec.crt"
    assert "cannot be read" in refused(with_neighbors(), certificate_path=str(path))
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    assert "without an RSA key of 2048 bits" in refused(with_neighbors(), certificate_path=str(path))


@pytest.mark.parametrize("name", ["der", "with comments"])
def test_a_certificate_in_another_form_is_the_same_one(files: dict[str, str], name: str) -> None:
    entra = with_neighbors()
    good(entra, certificate_path=files["first"])
    assert not good(entra, certificate_path=files[name])["changed"]


# Permissions


def test_permissions_are_added_and_only_exact_withdraws_them() -> None:
    entra = with_neighbors()
    good(entra)
    application = entra.applications[-1]
    principal = next(one for one in entra.principals if one["appId"] == application["appId"])
    entra.grant(principal["id"], "Mail.Read")
    entra.roles.append({"id": "r", "principalId": principal["id"], "resourceId": "another-api", "appRoleId": "q"})
    entra.roles.append(
        {"id": "s", "principalId": principal["id"], "resourceId": entra.principals[1]["id"], "appRoleId": "gone"}
    )
    result = good(entra)
    assert (result["changed"], result["excess_permissions"]) == (False, ["Mail.Read"])
    more = [*LEAST, "Member.Read.Hidden"]
    assert good(entra, permissions=more)["summary"]["permission_grant"] == 1
    assert good(entra, permissions=LEAST)["excess_permissions"] == ["Mail.Read", "Member.Read.Hidden"]
    result = good(entra, permissions=LEAST, consent="exact")
    assert result["summary"]["permission_withdraw"] == 2
    assert (result["excess_permissions"], result["permissions"]["granted"]) == ([], [*LEAST, "gone"])
    assert {one["id"] for one in entra.roles} >= {"r", "s"}, "of another API, and one that Graph no longer offers"
    (access,) = application["requiredResourceAccess"]
    assert {one["id"] for one in access["resourceAccess"]} == {entra.role_id(name) for name in LEAST}


def test_a_permission_that_an_old_replica_does_not_show_is_not_refused() -> None:
    class Stale(Controller):
        def request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
            answer = super().request(method, url, repeatable=repeatable, **parts)
            return (
                answer._replace(text='{"value": []}') if self.calls[-1].endpoint == "graph.principal.roles" else answer
            )

    entra = with_neighbors()
    good(entra)
    assert not run(Stale(entra)).get("failed")
    assert entra.granted(entra.applications[-1]["appId"]) == LEAST


def test_without_consent_nothing_is_granted_and_the_address_for_it_is_shown() -> None:
    entra = with_neighbors()
    entra.may_grant = False
    result = good(entra, consent="none")
    assert result["permissions"] == {"granted": [], "missing": LEAST}
    assert result["summary"]["unchanged"] == 0
    assert result["admin_consent_url"].endswith(f"/contoso.com/adminconsent?client_id={result['client_id']}")
    assert entra.applications[-1]["requiredResourceAccess"], "for the button in the portal"
    failed = run(Controller(entra))
    assert failed["failed"]
    for words in ("AppRoleAssignment.ReadWrite.All", "consent=none", f"adminconsent?client_id={result['client_id']} "):
        assert words in failed["msg"], failed["msg"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"permissions": ["User.Raed.All"]}, "It may be 'User.Read.All'"),
        ({"permissions": ["Old.Read.All"]}, "offers no application permission 'Old.Read.All'"),
        ({"permissions": []}, "holds no names"),
        ({"permissions": ["User Read"]}, "holds no names, or something that is not the name"),
        ({"client_id": "00000000-0000-4000-8000-00000000ffff"}, "no app registration with this client id"),
        ({"client_id": "import"}, "not an application (client) id"),
        ({"name": "a b"}, "Option name is 'a b'"),
        ({"owners": ["x"]}, "Option owners holds 'x'"),
        ({"secret": "managed"}, "belong together"),
        ({"return_secret": True}, "belong together"),
        ({"expiry_warning": -1}, "Option expiry_warning is -1"),
        ({"federated_credentials": [CI, {**CI, "name": "two"}]}, "the same issuer and subject"),
        ({"federated_credentials": [CI, {**CI, "subject": "two"}]}, "the same name"),
        ({"federated_credentials": [{**CI, "issuer": "http://ci"}]}, "begins with https://"),
        ({"federated_credentials": [{**CI, "name": "a/b"}]}, "a name has 1 to 120"),
        ({"registered_in": "other_tenant", "client_id": FLEET}, "owner_tenant with the id"),
        ({**ELSEWHERE, "display_name": "x"}, "leaves nothing to do for display_name"),
        ({**ELSEWHERE, "secret": "managed", "return_secret": True}, "nothing to do for secret"),
    ],
)
def test_what_cannot_be_right_is_refused_before_any_write(options: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(with_neighbors(), **options)


# Federated credentials


def test_federated_credentials_are_changed_by_name_and_never_removed() -> None:
    entra = with_neighbors()
    good(entra, federated_credentials=[{**CI, "description": "ours"}])
    id = entra.applications[-1]["id"]
    assert not good(entra, federated_credentials=[CI])["changed"], "the description stays"
    for more in ({"subject": "other"}, {"audience": "api://other"}, {"issuer": "https://other"}, {"description": "x"}):
        result = good(entra, federated_credentials=[{**CI, **more}])
        assert result["summary"]["federated_credential_update"] == 1, more
        assert not good(entra, federated_credentials=[{**CI, **more}])["changed"]
    result = good(entra, federated_credentials=[{**CI, "name": "second", "subject": "second"}])
    assert [one["name"] for one in entra.federated[id]] == ["ci", "second"]
    assert "in 'second' already" in refused(entra, federated_credentials=[{**CI, "name": "third", "subject": "second"}])


# Identification


@pytest.mark.parametrize(
    "known_by",
    [
        lambda application: {"client_id": application["appId"]},
        lambda application: application["tags"].append("w365:import:default"),
        lambda application: application.update(uniqueName="w365-import:default"),
    ],
)
def test_an_application_that_is_there_is_adopted_with_all_that_it_has(
    files: dict[str, str], known_by: Callable[[dict[str, Any]], Any]
) -> None:
    entra = with_neighbors()
    old = entra.new_application(displayName="Old", tags=["of-somebody"], signInAudience="AzureADMultipleOrgs")
    entra.new_key(old, "theirs", "certificate of somebody")
    old["requiredResourceAccess"] = [{"resourceAppId": "another-api", "resourceAccess": [{"id": "x", "type": "Role"}]}]
    options = known_by(old) or {}
    result = good(entra, certificate_path=files["first"], **options)
    assert result["application"]["client_id"] == old["appId"]
    assert result["application"]["sign_in_audience"] == "AzureADMultipleOrgs", "customers use it"
    assert old["displayName"] == "Old"
    assert old["servicePrincipalLockConfiguration"] is None
    assert len(old["keyCredentials"]) == 2
    assert not good(entra, certificate_path=files["first"])["changed"], "by its tag"


def test_two_candidates_are_listed_and_none_is_chosen() -> None:
    entra = with_neighbors()
    both = [entra.new_application(displayName="Old", tags=["w365:import:default"])["appId"] for _time in range(2)]
    sentence = refused(entra)
    assert all(one in sentence for one in both)
    assert "option client_id" in sentence


def test_names_tell_several_applications_of_a_tenant_apart() -> None:
    entra = with_neighbors()
    first, second = good(entra), good(entra, name="Fleet")
    assert first["client_id"] != second["client_id"]
    assert second["application"]["unique_name"] == "w365-import:fleet"
    assert not good(entra)["changed"]
    assert not good(entra, name="fleet")["changed"]


def test_a_disabled_principal_is_told() -> None:
    entra = with_neighbors()
    good(entra)
    entra.principals[-1]["accountEnabled"] = False
    assert any("The service principal is disabled" in warning for warning in good(entra)["warnings"])


def test_the_application_for_single_sign_on_is_warned_about() -> None:
    entra = with_neighbors()
    sso = entra.new_application(tags=["w365:sso:w365.contoso.com:contoso"])
    result = good(entra, client_id=sso["appId"])
    assert any("is the one for single sign-on" in warning for warning in result["warnings"])


def test_a_deleted_one_is_named_and_restored_on_request(files: dict[str, str]) -> None:
    entra = with_neighbors()
    options = {"certificate_path": files["first"]}
    first = good(entra, **options)
    entra.deleted.append(entra.applications.pop())
    restored = good(entra, restore_deleted=True, **options)
    assert restored["client_id"] == first["client_id"]
    assert not good(entra, **options)["changed"]
    entra.deleted.append(entra.applications.pop())
    again = good(entra, **options)
    assert again["client_id"] != first["client_id"]
    assert any("restore_deleted=true" in warning for warning in again["warnings"])


# One application for many tenants


def test_an_application_of_another_tenant_gets_a_principal_and_permissions_only() -> None:
    entra = with_neighbors()
    entra.foreign[FLEET] = OTHER_TENANT
    result = good(entra, **ELSEWHERE)
    assert result["summary"] == {"service_principal_create": 1, "permission_grant": 3, "unchanged": 0, "left_out": 0}
    assert result["application"] is None
    assert (result["client_id"], result["service_principal"]["owner_tenant"]) == (FLEET, OTHER_TENANT)
    assert entra.granted(FLEET) == LEAST
    assert len(entra.applications) == 1
    assert not good(entra, **ELSEWHERE)["changed"]


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_one_of_another_tenant(how: str) -> None:
    def fresh() -> ImportMemory:
        entra = with_neighbors()
        entra.foreign[FLEET] = OTHER_TENANT
        return entra

    for at in range(1, requests_of(fresh(), **ELSEWHERE) + 1):
        entra = fresh()
        run(Controller(entra, at, how), **ELSEWHERE)
        good(entra, **ELSEWHERE)
        assert entra.granted(FLEET) == LEAST
        assert sum(one["appId"] == FLEET for one in entra.principals) == 1


@pytest.mark.parametrize("owner", ["00000000-0000-4000-8000-0000000000ee", None])
def test_the_application_of_a_stranger_gets_no_permission(owner: Any) -> None:
    """Also where Graph does not say whose it is; the next run does not even write."""
    entra = with_neighbors()
    entra.foreign[FLEET] = owner
    result = run(Controller(entra), **ELSEWHERE)
    assert result["failed"]
    assert "no permission was granted" in result["msg"]
    assert entra.roles == []
    assert "is registered in" in refused(entra, **ELSEWHERE)


def test_an_unknown_application_of_another_tenant_fails_at_once() -> None:
    controller = Controller(with_neighbors())
    result = run(controller, **ELSEWHERE)
    assert result["failed"]
    assert "sign_in_audience=AzureADMultipleOrgs" in result["msg"]
    assert [call.endpoint for call in controller.calls].count("graph.principal.create") == 1


def test_a_new_principal_that_is_not_everywhere_yet_is_waited_for() -> None:
    class Late(Controller):
        count = 0

        def request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
            answer = super().request(method, url, repeatable=repeatable, **parts)
            if self.calls[-1].endpoint == "graph.assignment.create":
                self.count += 1
                if self.count <= 3:
                    self.entra.roles.clear()
                    return answer._replace(status=404, text=json.dumps({"error": {"code": "Request_ResourceNotFound"}}))
            return answer

    entra = with_neighbors()
    entra.foreign[FLEET] = OTHER_TENANT
    assert not run(Late(entra), **ELSEWHERE).get("failed")
    assert entra.granted(FLEET) == LEAST
