# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_import_app against the twin as Microsoft Entra: from nothing to an import that reads with what it has made.

A test in memory (tests/unit/plugins/module_utils/_w365/task/test_import_app.py) ends it at every request.
"""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import in_process
from conftest import CONTOSO
from playing import Play, connection, run_in, start_playbook, task
from w365_simulator.certificates import make_certificate
from w365_simulator.testing import Twin

QUICK: dict[str, Any] = {"replication_timeout": 0, "activation_timeout": 0}
DAY = 86_400
TWINS_SECRET = "8Q~"
"""It is in every secret that the twin makes up."""

FABRIKAM = "00000000-0000-4000-8000-000000000002"
FABRIKAM_CLIENT = "00000000-0000-4000-8000-0000000000f2"
FABRIKAM_SECRET = "entra-demo-secret-of-fabrikam"


class Files(NamedTuple):
    """A certificate as the module gets it, and with its private key as the import has it."""

    public: str
    whole: str
    line: str
    """A line of the private key."""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Files]:
    folder = tmp_path_factory.mktemp("certificates")
    found = []
    for number in (1, 2):
        made = make_certificate()
        public, whole = folder / f"{number}.crt", folder / f"{number}.pem"
        public.write_text(made.public, encoding="ascii")
        whole.write_text(made.private() + made.public, encoding="ascii")
        found.append(Files(str(public), str(whole), made.private().splitlines()[5]))
    return found


def application(twin: Twin) -> dict[str, Any]:
    """The app registration of the import, as the twin has it."""
    tenant = twin.state()["entra"][CONTOSO["tenants"][0]["id"]]
    (found,) = [one for one in tenant["applications"] if one.get("uniqueName")]
    return dict(found)


def here(twin: Twin, module: str = "w365_import_app", **options: Any) -> dict[str, Any]:
    return in_process.run(module, {**connection(twin, None), **QUICK, **options})


def good(twin: Twin, **options: Any) -> dict[str, Any]:
    result = here(twin, **options)
    assert not result.get("failed"), result["msg"]
    return result


def reading(twin: Twin, client_id: str, **credential: Any) -> dict[str, Any]:
    """What the import reads when it signs in with that application."""
    signed_out = {name: value for name, value in connection(twin, None).items() if name != "entra_client_secret"}
    options = {**signed_out, "entra_client_id": client_id, "groups": ["Sales and Marketing"], **credential}
    return in_process.run("w365_o365_import_info", options)


@pytest.mark.parametrize("host", ["direct", pytest.param("process", marks=pytest.mark.slow)])
def test_from_nothing_to_an_import(
    twin: Twin, play: Callable[..., Play], pairs: list[Files], tmp_path: Path, host: str
) -> None:
    twin.clear_requests()
    automation = {
        "entra_tenant": twin.tenant,
        "entra_client_id": twin.client_id,
        "entra_client_secret": twin.client_secret,
    }
    wanted = {**automation, **QUICK, "certificate_path": pairs[0].public}
    info = {name: value for name, value in wanted.items() if name not in QUICK}
    importing = task(
        "w365_o365_import",
        scim_url=twin.scim_url("contoso"),
        scim_token=twin.scim_token,
        entra_tenant=twin.tenant,
        entra_client_id="{{ made.client_id }}",
        entra_certificate_path=pairs[0].whole,
        groups=["Sales and Marketing"],
        domains=["contoso.com"],
    )
    with run_in(host):
        played = play(
            task("w365_import_app", check=True, **wanted),
            {**task("w365_import_app", **wanted), "register": "made"},
            task("w365_import_app", **wanted),
            task("w365_import_app_info", **info),
            importing,
            defaults=connection(twin, entra=False),
            arguments=["-vvvv", "--diff"],
        )
    check, first, second, read, imported = played
    assert (check.changed, check.writes) == (True, [])
    assert first.changed
    assert check.result["summary"] == first.result["summary"]
    assert (second.changed, second.writes) == (False, [])
    assert (read.result["found"], read.result["drift"]) == (True, [])
    assert read.result["permissions"]["missing"] == []
    assert 29 < read.result["certificate"]["days_left"] <= 30
    assert imported.changed
    assert imported.status == "ok", imported.message
    assert pairs[0].line not in played.output
    assert pairs[0].line not in json.dumps(twin.requests())
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or pairs[0].line.encode() not in path.read_bytes(), path


def test_the_import_reads_what_was_granted_and_no_more(twin: Twin, pairs: list[Files]) -> None:
    made = good(twin, certificate_path=pairs[0].public, consent="none")
    credential = {"entra_certificate_path": pairs[0].whole}
    refused = reading(twin, made["client_id"], **credential)
    assert refused["failed"]
    assert "Read.All" in refused["msg"]
    assert good(twin, certificate_path=pairs[0].public)["summary"]["permission_grant"] == 3
    assert not reading(twin, made["client_id"], **credential).get("failed")
    administrators = {**connection(twin, scim=True), "administrators_from": "entra", "everything": True}
    del administrators["entra_client_secret"]
    administrators |= {"entra_client_id": made["client_id"], **credential}
    refused = in_process.run("w365_o365_import", administrators)
    assert refused["failed"]
    assert "RoleManagement.Read.Directory" in refused["msg"]
    good(twin, permissions=["RoleManagement.Read.Directory"])
    assert not in_process.run("w365_o365_import", administrators).get("failed")
    good(twin, permissions=["User.Read.All"], consent="exact")
    assert reading(twin, made["client_id"], **credential)["failed"]


def test_a_token_of_another_issuer_signs_in(twin: Twin, tmp_path: Path) -> None:
    trusted = {"name": "ci", "issuer": "https://ci.contoso.com", "subject": "repo:import"}
    made = good(twin, federated_credentials=[trusted])
    claims = {"iss": trusted["issuer"], "sub": trusted["subject"], "aud": "api://AzureADTokenExchange"}
    parts: tuple[dict[str, Any], ...] = ({"alg": "RS256"}, {**claims, "exp": int(time.time()) + 600}, {})
    token = tmp_path / "token"
    token.write_text(
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    )
    credential = {"entra_federated_token_file": str(token)}
    assert not reading(twin, made["client_id"], **credential).get("failed")
    assert good(twin, federated_credentials=[{**trusted, "subject": "repo:other"}])["changed"]
    refused = reading(twin, made["client_id"], **credential)
    assert "No federated credential of the app registration fits the token's subject" in refused["msg"]


@pytest.mark.slow
def test_a_certificate_is_renewed_without_a_gap_and_beside_those_of_others(twin: Twin, pairs: list[Files]) -> None:
    twin.switches(keys_without_content="lose")
    made = good(twin, certificate_path=pairs[0].public)
    theirs = make_certificate()
    twin.change_tenant(
        {"op": "add_key", "client_id": made["client_id"], "name": "theirs", "certificate": theirs.public}
    )
    twin.switches(entra_change_replication="0101")
    renewed = good(twin, certificate_path=pairs[1].public, replication_timeout=20)
    states = sorted(one["state"] for one in renewed["certificates"])
    assert states == ["current", "foreign", "former"]
    for pair in pairs:
        assert not reading(twin, made["client_id"], entra_certificate_path=pair.whole).get("failed")
    twin.move_clock(advance=8 * DAY)
    last = good(twin, certificate_path=pairs[1].public, replication_timeout=20)
    assert last["summary"]["certificate_remove"] == 1
    assert not good(twin, certificate_path=pairs[1].public)["changed"]
    assert [key["displayName"] for key in application(twin)["keyCredentials"]].count("theirs") == 1
    gone = reading(twin, made["client_id"], entra_certificate_path=pairs[0].whole)
    assert "The certificate is not registered with the app registration" in gone["msg"]
    assert not reading(twin, made["client_id"], entra_certificate_path=pairs[1].whole).get("failed")
    twin.move_clock(offset=0)


def test_what_entra_says_of_a_certificate_that_is_valid_for_too_long(twin: Twin, pairs: list[Files]) -> None:
    twin.switches(longest_key=7)
    refused = here(twin, certificate_path=pairs[0].public)
    assert refused["failed"]
    assert "at most one year" in refused["msg"]
    assert application(twin)["keyCredentials"] == []


@pytest.mark.parametrize("host", ["direct", pytest.param("process", marks=pytest.mark.slow)])
def test_a_secret_is_in_a_hidden_result_only(twin: Twin, play: Callable[..., Play], tmp_path: Path, host: str) -> None:
    kept = tmp_path / "kept" / "secret"
    kept.parent.mkdir(mode=0o700)
    wanted = {**QUICK, "secret": "managed", "return_secret": True}
    shown = task("w365_import_app", title="shown", **wanted)
    hidden = {**task("w365_import_app", title="hidden", **wanted), "no_log": True, "register": "made"}
    text = "{{ made.client_secret }}"
    store = {**task("ansible.builtin.copy", dest=str(kept), content=text, mode="0600"), "no_log": True}
    again = {**hidden, "name": "again"}
    with run_in(host):
        played = play(shown, hidden, store, again, defaults=connection(twin, None), arguments=["-vvvv", "--diff"])
    assert (played[0].status, played[0].writes) == ("failed", [])
    assert "no_log: true" in played[0].message
    assert played[3].writes == []
    assert TWINS_SECRET in kept.read_text()
    assert TWINS_SECRET not in played.output
    client_id = application(twin)["appId"]
    assert not reading(twin, client_id, entra_client_secret=kept.read_text()).get("failed")


def with_fabrikam() -> dict[str, Any]:
    """The seed with the tenant of another customer, and the application that sets things up there."""
    seed = copy.deepcopy(CONTOSO)
    people = [{"user_principal_name": "lee.gu@fabrikam.com", "given_name": "Lee", "surname": "Gu"}]
    seed["tenants"].append(
        {
            "id": FABRIKAM,
            "display_name": "Fabrikam",
            "domains": [{"name": "fabrikam.com", "default": True, "initial": True}],
            "applications": [{"client_id": FABRIKAM_CLIENT, "client_secret": FABRIKAM_SECRET}],
            "users": people,
            "groups": [{"display_name": "Sales", "members": ["lee.gu@fabrikam.com"]}],
        }
    )
    return seed


def test_one_application_reads_the_tenants_of_many_customers(twin: Twin, pairs: list[Files]) -> None:
    twin.reset(with_fabrikam(), "full")
    made = good(twin, name="customers", sign_in_audience="AzureADMultipleOrgs", certificate_path=pairs[0].public)
    there = {
        "entra_tenant": "fabrikam.com",
        "entra_client_id": FABRIKAM_CLIENT,
        "entra_client_secret": FABRIKAM_SECRET,
        "registered_in": "other_tenant",
        "client_id": made["client_id"],
    }
    twin.clear_requests()
    refused = here(twin, **there, owner_tenant=FABRIKAM)
    assert refused["failed"]
    assert "is registered in tenant" in refused["msg"]
    assert len(twin.writes()) == 1, "the service principal, and no permission"
    home = CONTOSO["tenants"][0]["id"]
    twin.change_tenant({"op": "delete_principal", "client_id": made["client_id"]}, tenant=FABRIKAM)
    twin.switches(entra_replication="001")
    done = good(twin, **there, owner_tenant=home, replication_timeout=20)
    assert done["summary"] == {"service_principal_create": 1, "permission_grant": 3, "unchanged": 0, "left_out": 0}
    twin.clear_requests()
    assert (good(twin, **there, owner_tenant=home)["changed"], twin.writes()) == (False, [])
    fleet = {"entra_tenant": "fabrikam.com", "groups": ["Sales"], "entra_certificate_path": pairs[0].whole}
    found = reading(twin, made["client_id"], **fleet)
    assert not found.get("failed"), found["msg"]
    assert [user["upn"] for user in found["users"]] == ["lee.gu@fabrikam.com"]
    assert twin.state()["entra"][FABRIKAM]["applications"] == [
        one for one in twin.state()["entra"][FABRIKAM]["applications"] if one["appId"] == FABRIKAM_CLIENT
    ]


def test_who_may_write_only_what_it_owns_creates_and_asks_for_consent(twin: Twin, pairs: list[Files]) -> None:
    small = ["Application.ReadWrite.OwnedBy", "Application.Read.All"]
    change = {"op": "change_application", "client_id": twin.client_id}
    twin.change_tenant({**change, "set": {"permissions": small}})
    wanted = {"certificate_path": pairs[0].public}
    refused = here(twin, **wanted)
    assert refused["failed"]
    assert "AppRoleAssignment.ReadWrite.All" in refused["msg"]
    result = good(twin, consent="none", **wanted)
    assert (result["changed"], len(result["permissions"]["missing"])) == (False, 3)
    assert result["certificate"]["state"] == "current"
    twin.change_tenant({**change, "set": {"permissions": [*small, "AppRoleAssignment.ReadWrite.All"]}})
    assert good(twin, **wanted)["permissions"]["missing"] == []


KILLED = {
    "after the application": {"action": "hold_after", "method": "PATCH", "path": "/applications"},
    "before the certificate": {"action": "hold_before", "method": "PATCH", "path": "/applications/"},
    "after a permission": {"action": "hold_after", "method": "POST", "path": "/appRoleAssignedTo"},
}


@pytest.mark.parametrize(
    "where", [name if name == "after a permission" else pytest.param(name, marks=pytest.mark.slow) for name in KILLED]
)
def test_killed_in_the_middle_one_more_run_completes_it(
    twin: Twin, tmp_path: Path, pairs: list[Files], where: str
) -> None:
    wanted = {**QUICK, "certificate_path": pairs[0].public}
    twin.fault(**KILLED[where])
    steps = [task("w365_import_app", **wanted)]
    with start_playbook(tmp_path, twin, steps, defaults=connection(twin, None)) as running:
        running.kill_at_fault()
    twin.release()
    twin.clear_faults()
    good(twin, certificate_path=pairs[0].public)
    last = good(twin, certificate_path=pairs[0].public)
    assert not last["changed"]
    assert [one["state"] for one in last["certificates"]] == ["current"]
    assert not reading(twin, application(twin)["appId"], entra_certificate_path=pairs[0].whole).get("failed")
