# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks about single sign-on for one and for many tenants: rotate_sso_secrets, change_sso and audit_sso.

Real ansible-playbook runs over an inventory with three environments. Who was touched is read from the twin's log.
"""

from __future__ import annotations

import html.parser
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import in_process
from playing import COLLECTION, Play, connection, slow
from w365_simulator.testing import Twin

TENANTS = ("contoso", "fabrikam", "lab")
GROUP = "w365_environments"
QUICK = {"replication_timeout": 0, "activation_timeout": 0}
DAY = 86_400
TWINS_SECRET = "8Q~"
"""It is in every secret that the twin makes up."""

ODD = "<script>alert(1)</script> {{ 7 * 7 }}"
"""What a server says must stay what it is."""

Run = Callable[..., Play]


def prepare(twin: Twin, *names: str) -> dict[str, dict[str, Any]]:
    """Single sign-on of these environments, each with an app registration of its own; what the module returned."""
    twin.seed({"environments": [{"name": name, "users": []} for name in TENANTS if name != "contoso"]})
    made = {}
    for name in names:
        options = {**connection(twin, name), "primary_domain": "contoso.com", **QUICK}
        made[name] = in_process.run("w365_sso_app", options)
        assert not made[name].get("failed"), made[name]["msg"]
    twin.clear_requests()
    return made


def inventory(tmp_path: Path, twin: Twin, hosts: Sequence[str] = TENANTS, **of_all: Any) -> Path:
    """One host for each environment, as the head of the playbooks describes it."""
    common = {f"w365_{name}": value for name, value in connection(twin, None).items() if name != "entra_tenant"}
    variables = {
        name: {"w365_environment": name, "w365_entra_tenant": twin.tenant, **of_all.pop(name, {})} for name in hosts
    }
    definition = {"primary_domain": "contoso.com", "app": QUICK}
    content = {
        GROUP: {"vars": {"w365_sso_definition": definition, **common, **of_all}, "hosts": variables},
        "others": {"hosts": {"elsewhere": {}}},
    }
    path = tmp_path / "inventory.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path, twin: Twin, play: Callable[..., Play]) -> Run:
    def started(playbook: str, *words: str, hosts: dict[str, Any] | None = None, **variables: Any) -> Play:
        path = inventory(tmp_path, twin, **(hosts or {}))
        arguments = ["-i", str(path), *words, "-e", json.dumps(variables), f"{COLLECTION}.{playbook}"]
        return play(arguments=arguments)

    return started


def lines_of(played: Play, name: str) -> list[str]:
    """What the last task with this name has shown."""
    found: list[str] = [step for step in played if step.name == name][-1].result["msg"]
    return found


def keys(twin: Twin) -> dict[str, str]:
    """The digest of the key that each environment has."""
    return {name: (twin.environment(name)["sso"] or {}).get("key_sha256", "") for name in TENANTS}


def touched(twin: Twin, name: str, made: dict[str, Any]) -> bool:
    """Whether a request was about this environment of Workspace 365, or about its app registration in Microsoft Graph."""
    marks = (f"/{name}/", made[name]["application"]["id"], made[name]["application"]["client_id"])
    return any(mark in f"{one['path']} {json.dumps(one.get('query'))}" for one in twin.requests() for mark in marks)


# Rotating


def rotated(played: Play) -> list[str]:
    lines = lines_of(played, "Show what became of each tenant")
    assert isinstance(lines, list), lines
    return lines


@pytest.mark.slow
def test_all_are_renewed_when_due_and_nothing_on_the_next_night(twin: Twin, run: Run) -> None:
    prepare(twin, *TENANTS)
    before = keys(twin)
    night = run("rotate_sso_secrets")
    assert night.code == 0, night.output
    assert "changed=0" in night.output
    assert twin.writes() == []
    assert [line.split(",")[0] for line in rotated(night)[:3]] == [f"{name}: not due" for name in TENANTS]
    twin.move_clock(advance=340 * DAY)
    check = run("rotate_sso_secrets", "--check", "-vvvv")
    assert check.code == 0, check.output
    assert keys(twin) == before
    assert rotated(check)[0].startswith("contoso: would be rotated (the secret expires in ")
    done = run("rotate_sso_secrets", "-vvvv", "--diff", "--limit", "contoso,lab")
    assert done.code == 0, done.output
    assert [line.split(" ")[1] for line in rotated(done)[:2]] == ["rotated", "rotated"]
    after = keys(twin)
    assert after["fabrikam"] == before["fabrikam"]
    assert all(after[name] != before[name] for name in ("contoso", "lab"))
    assert TWINS_SECRET not in check.output + done.output
    twin.move_clock(offset=0)


def other_application(twin: Twin) -> dict[str, str]:
    """Values that are right, and of another app registration."""
    return {"client_id": SSO_ID, "key": SSO_KEY, "primary_domain": "contoso.com"}


def token_test(twin: Twin, made: dict[str, Any]) -> dict[str, Any]:
    client_id = made["fabrikam"]["application"]["client_id"]
    twin.change_tenant({"op": "change_principal", "client_id": client_id, "set": {"accountEnabled": False}})
    return {}


def write(twin: Twin, made: dict[str, Any]) -> dict[str, Any]:
    body = [{"MemberNames": [], "ErrorMessage": ODD}]
    twin.fault(
        action="status", status=400, body=body, surface="provisioning", method="PUT", path="/fabrikam/", times=-1
    )
    return {}


def page(twin: Twin, made: dict[str, Any]) -> dict[str, Any]:
    """No write of this run is kept, so the page of the second shows the application that it had before."""
    options = {**connection(twin, "fabrikam"), **other_application(twin)}
    assert not in_process.run("w365_sso", options).get("failed")
    twin.switches(settings_write="dropped")
    twin.clear_requests()
    return {"w365_rotate_post_check": "redirect", "w365_read_back_timeout": 0}


@pytest.mark.parametrize(
    ("breaks", "said"),
    [slow(token_test, "AADSTS7000112"), (write, "{{ 7 * 7 }}"), slow(page, "post_check=redirect")],
    ids=["token", "write", "page"],
)
def test_the_third_is_not_touched_when_the_second_fails(
    breaks: Callable[[Twin, dict[str, Any]], dict[str, Any]], said: str, twin: Twin, run: Run
) -> None:
    made = prepare(twin, *TENANTS)
    before = keys(twin)
    variables = breaks(twin, made)
    played = run("rotate_sso_secrets", w365_rotate_when="always", **variables)
    assert played.code != 0
    table = rotated(played)
    assert table[0].startswith("contoso: rotated (rotate=always asks for it), expires 20")
    assert table[1].startswith("fabrikam: failed: ")
    assert said in table[1]
    assert f"The secret that was linked before expires {made['fabrikam']['secret']['expires']}." in table[1]
    assert table[2:4] == ["lab: not reached", "To retry: --limit fabrikam,lab"]
    assert not touched(twin, "lab", made)
    assert touched(twin, "fabrikam", made)
    assert keys(twin)["lab"] == before["lab"]
    assert "1 of 3 tenants failed (fabrikam), and 1 were not reached." in played.output
    assert TWINS_SECRET not in played.output


def test_a_write_that_is_not_kept_stops_at_the_canary(twin: Twin, run: Run) -> None:
    made = prepare(twin, *TENANTS)
    assert not in_process.run("w365_sso", {**connection(twin, "contoso"), **other_application(twin)}).get("failed")
    twin.clear_requests()
    twin.switches(settings_write="dropped")
    played = run("rotate_sso_secrets", w365_rotate_when="always", w365_read_back_timeout=1)
    assert played.code != 0
    assert rotated(played)[1:3] == ["fabrikam: not reached", "lab: not reached"]
    assert "read_back_timeout" in rotated(played)[0]
    assert not touched(twin, "fabrikam", made)
    assert not touched(twin, "lab", made)


@pytest.mark.slow
def test_the_others_of_a_batch_are_told(twin: Twin, run: Run) -> None:
    """A tenant that failed takes nobody with it who is already on the way."""
    made = prepare(twin, *TENANTS)
    before = keys(twin)
    write(twin, made)
    played = run("rotate_sso_secrets", w365_rotate_when="always", w365_rotate_canary="3")
    assert played.code != 0
    assert [line.split(" ")[1] for line in rotated(played)[:3]] == ["rotated", "failed:", "rotated"]
    assert rotated(played)[3] == "To retry: --limit fabrikam"
    after = keys(twin)
    assert [after[name] != before[name] for name in TENANTS] == [True, False, True]
    # The way that the table names.
    twin.clear_faults()
    again = run("rotate_sso_secrets", "--limit", "fabrikam", w365_rotate_when="always")
    assert again.code == 0, again.output
    assert [line.split(" ")[:2] for line in rotated(again)[:-1]] == [["fabrikam:", "rotated"]]


@pytest.mark.slow
def test_a_tenant_with_the_name_of_another_is_no_renewal(twin: Twin, run: Run) -> None:
    """Its sign-in would be written into the environment of the other one. Nobody is looked at, and one alone is renewed."""
    prepare(twin, *TENANTS)
    before = keys(twin)
    odd = {"lab": {"w365_environment": "Fabrikam"}}
    for size in (1, 3):
        played = run("rotate_sso_secrets", hosts=odd, w365_rotate_when="always", w365_rotate_canary=size)
        assert played.code != 0
        (failed,) = (step for step in played if step.status == "failed")
        assert failed.message.startswith("Hosts fabrikam, lab are for the same environment, fabrikam of localhost:")
        assert twin.requests() == []
    alone = run("rotate_sso_secrets", "--limit", "contoso,fabrikam", hosts=odd, w365_rotate_when="always")
    assert alone.code == 0, alone.output
    assert [keys(twin)[name] != before[name] for name in TENANTS] == [True, True, False]


@pytest.mark.slow
def test_a_tenant_is_not_given_another_app_registration(twin: Twin, run: Run) -> None:
    """Nor is a key of its own made useless, nor a misspelled option overlooked. All three say what to do."""
    prepare(twin, "contoso")
    definitions = {
        "fabrikam": {
            "w365_sso_definition": {"primary_domain": "contoso.com", "client_id": SSO_ID, "key": "planted-key"}
        },
        "lab": {"w365_sso_definition": {"primary_domain": "contoso.com", "app": {**QUICK, "roate": "always"}}},
    }
    played = run("rotate_sso_secrets", hosts=definitions, w365_rotate_canary=3, w365_rotate_create=True)
    assert played.code != 0
    table = rotated(played)
    assert table[0].startswith("contoso: not due")
    assert "a key of its own" in table[1]
    assert "It has no option roate here." in table[2]
    assert "planted-key" not in played.output
    assert twin.writes() == []
    missing = run("rotate_sso_secrets", w365_rotate_serial="1", w365_rotate_when="always", w365_rotate_canary="1")
    assert missing.code != 0
    assert "has no app registration for this environment" in rotated(missing)[1]
    assert "w365_rotate_create=true" in rotated(missing)[1]
    created = run("rotate_sso_secrets", "--limit", "lab", w365_rotate_create="yes")
    assert created.code == 0, created.output
    assert rotated(created)[0].startswith("lab: rotated (no secret is linked to Workspace 365)")


# What both playbooks for many tenants have in common

BOTH = {"rotate_sso_secrets": "w365_rotate", "audit_sso": "w365_audit"}
BLANK: dict[str, tuple[str, ...]] = {
    "rotate_sso_secrets": ("canary", "serial", "when", "before", "overlap", "lifetime", "post_check", "create"),
    "audit_sso": ("warn_days", "critical_days", "fail_on_unknown", "html", "json", "import_client_id", "import_key_id"),
}


@pytest.mark.parametrize("playbook", ["rotate_sso_secrets", slow("audit_sso")])
def test_no_run_does_nothing_and_is_green(playbook: str, twin: Twin, run: Run, play: Callable[..., Play]) -> None:
    twin.clear_requests()
    without = play(arguments=[f"{COLLECTION}.{playbook}"])
    for said, played in (
        ("because no host matched", without),
        ("because no host matched", run(playbook, "--limit", "elsewhere")),
        ("because no host matched", run(playbook, w365_hosts="no_such_group")),
        ("Nothing was done. The tags", run(playbook, "--tags", "misspelled")),
        ("Nothing was done", run(playbook, "--start-at-task", "Make sure that the run was not empty")),
    ):
        assert played.code != 0, said
        assert said in " ".join(played.output.split())
    assert twin.requests() == []
    accepted = play(arguments=["-e", "w365_allow_empty_run=yes", f"{COLLECTION}.{playbook}"])
    assert accepted.code == 0, accepted.output


@pytest.mark.slow
@pytest.mark.parametrize("blank", ["", slow(None)], ids=["empty", "null"])
@pytest.mark.parametrize("playbook", BOTH)
def test_blank_answers_are_not_given(playbook: str, blank: Any, twin: Twin, run: Run) -> None:
    prepare(twin, *TENANTS)
    blanks = {f"{BOTH[playbook]}_{name}": blank for name in BLANK[playbook]} | {"w365_hosts": blank}
    tenants = {name: {"w365_audit_parts": "sso, import"} for name in TENANTS}
    played = run(playbook, hosts=tenants, **blanks)
    assert played.code == 0, played.output
    assert all(name in played.output for name in TENANTS)
    assert "changed=0" in played.output


@pytest.mark.parametrize("playbook", ["rotate_sso_secrets", slow("audit_sso")])
def test_one_tenant_without_an_inventory(playbook: str, twin: Twin, play: Callable[..., Play]) -> None:
    prepare(twin, "lab")
    environ = {f"W365_{name.upper()}": str(value) for name, value in connection(twin, "lab").items()}
    given = {"w365_hosts": "localhost", "w365_sso_primary_domain": "contoso.com", "w365_audit_parts": ["sso", "import"]}
    played = play(arguments=["-e", json.dumps(given), f"{COLLECTION}.{playbook}"], environ=environ)
    assert played.code == 0, played.output
    assert twin.writes() == []
    assert any(f"/{name}/" in one["path"] for one in twin.requests() for name in ["lab"])


@pytest.mark.parametrize("canary", ["0", slow("-1"), slow("many")])
def test_odd_batches_are_refused(canary: str, twin: Twin, run: Run) -> None:
    """For Ansible a batch of 0 is everybody."""
    twin.clear_requests()
    played = run("rotate_sso_secrets", w365_rotate_canary=canary)
    assert played.code != 0
    assert f"and there is {canary}. Nothing was changed." in " ".join(played.output.split())
    assert twin.requests() == []


# Auditing


def report_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


class Page(html.parser.HTMLParser):
    """The tags and the text of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


NO_REDIRECT: dict[str, Any] = {"redirectUris": [], "homePageUrl": None, "logoutUrl": None, "implicitGrantSettings": {}}
FILES = {"w365_audit_html": "audit.html", "w365_audit_json": "audit.json"}


def provisioned(twin: Twin) -> None:
    """Contoso's SCIM application, after its first cycle."""
    options = {"groups": ["Invoice Approvals"], "notification_email": "ops@contoso.com", "replication_timeout": 4}
    assert not in_process.run("w365_scim_app", {**connection(twin, scim=True), **options}).get("failed")
    twin.run_cycle()
    twin.clear_requests()


def test_an_audit_of_good_bad_and_unreadable_tenants(twin: Twin, run: Run, tmp_path: Path) -> None:
    made = prepare(twin, *TENANTS)
    provisioned(twin)
    fabrikam = made["fabrikam"]["application"]["client_id"]
    twin.change_tenant(
        {"op": "add_secret", "client_id": fabrikam, "text": "of-somebody-else", "name": ODD},
        {"op": "change_principal", "client_id": fabrikam, "set": {"appRoleAssignmentRequired": True}},
        {"op": "change_application_object", "client_id": fabrikam, "set": {"web": NO_REDIRECT}},
    )
    tenants = {
        "fabrikam": {"w365_audit_parts": ["sso", "import"]},
        # Its variables cannot be read at all.
        "lab": {"w365_entra_client_secret": "{{ lookup('ansible.builtin.file', '/nonexistent/vault') }}"},
    }
    played = run("audit_sso", "-vvvv", "--check", hosts=tenants, **FILES)
    assert played.code == 2
    assert twin.writes() == []
    report = report_of(tmp_path / "audit.json")
    rows = {row["host"]: row for row in report["tenants"]}
    assert [row["host"] for row in report["tenants"]] == ["fabrikam", "lab", "contoso"], "the worst first"
    assert [row["state"] for row in report["tenants"]] == ["critical", "unknown", "ok"]
    assert rows["contoso"]["scim_status"] == "active"
    assert (rows["contoso"]["scim_token"], rows["contoso"]["scim_token_expires"][:7]) == ("accepted", "unknown")
    reason = rows["lab"]["findings"][0]["text"]
    # Before ansible-core 2.19 an error with a template in it is not shown again.
    assert "/nonexistent/vault" in reason or "failed; its error is above" in reason
    said = {(one["area"], one["state"]) for one in rows["fabrikam"]["findings"]}
    assert said >= {("application", "critical"), ("principal", "warning"), ("secret", "warning"), ("secret", "ok")}
    assert (tmp_path / "audit.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>\n")
    shown = Page((tmp_path / "audit.html").read_text(encoding="utf-8"))
    assert "script" not in shown.tags
    assert ODD in shown.text
    assert all(name in shown.text for name in TENANTS)
    table = lines_of(played, "Show the report")
    assert table[1].startswith("fabrikam  critical")
    assert any(ODD in line for line in table)
    assert table[-1] == "3 tenants: 1 critical, 1 unknown, 0 warning, 1 ok"
    assert "Of 3 tenants, 1 critical (fabrikam) and 1 unknown (lab). The table above says why." in played.output
    for text in (played.output, *((tmp_path / name).read_text() for name in FILES.values())):
        for secret in map(str, (TWINS_SECRET, twin.client_secret, twin.provisioning_key, twin.scim_token)):
            assert secret not in text
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in FILES.values()} == {0o600}


@pytest.mark.slow
def test_unknown_is_a_failure_unless_it_is_not_to_be_one(twin: Twin, run: Run, tmp_path: Path) -> None:
    prepare(twin, *TENANTS)
    tenants = {name: {"w365_audit_parts": ["sso", "import"]} for name in TENANTS}
    twin.fault(action="status", status=403, surface="graph", method="GET", path="/applications", times=-1)
    played = run("audit_sso", hosts=tenants, **FILES)
    assert played.code == 2
    assert {row["state"] for row in report_of(tmp_path / "audit.json")["tenants"]} == {"unknown"}
    accepted = run("audit_sso", "--limit", "lab", hosts=tenants, w365_audit_fail_on_unknown="no", **FILES)
    assert accepted.code == 0, accepted.output
    (row,) = report_of(tmp_path / "audit.json")["tenants"]
    assert (row["host"], row["state"], row["import_expires"]) == ("lab", "unknown", "unknown")


@pytest.mark.slow
@pytest.mark.parametrize(("day", "state"), [(340, "warning"), slow(355, "critical"), slow(366, "critical")])
def test_secrets_that_end(day: int, state: str, twin: Twin, run: Run, tmp_path: Path) -> None:
    """By the clock of Microsoft Graph, which is not that of the controller."""
    prepare(twin, "contoso")
    twin.move_clock(advance=day * DAY)
    hosts = {"contoso": {"w365_audit_parts": ["sso"]}}
    played = run("audit_sso", "--limit", "contoso", hosts=hosts, **FILES)
    twin.move_clock(offset=0)
    (row,) = report_of(tmp_path / "audit.json")["tenants"]
    assert row["state"] == state, row
    assert played.code == (0 if state == "warning" else 2)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"w365_audit_html": "nowhere/audit.html"}, "does not: nowhere/audit.html"),
        slow({"w365_audit_json": "."}, "in folders that exist"),
        ({"w365_audit_warn_days": 5, "w365_audit_critical_days": "14"}, "must not be less than"),
        slow({"w365_audit_warn_days": "soon"}, "w365_audit_warn_days is 'soon': give a whole number"),
    ],
)
def test_a_report_that_cannot_be_made_is_refused_before_anything_is_read(
    variables: dict[str, Any], said: str, twin: Twin, run: Run
) -> None:
    twin.clear_requests()
    played = run("audit_sso", **variables)
    assert played.code != 0
    assert said in " ".join(played.output.split())
    assert twin.requests() == []


# Changing

SSO_ID = "00000000-0000-4000-8000-0000000000b2"
SSO_KEY = "sso-demo-secret-of-the-twin"
VALUES = {"w365_sso_primary_domain": "contoso.com", "w365_sso_client_id": SSO_ID, "w365_sso_key": SSO_KEY}
ANSWERS = (
    *("authority", "primary_domain", "client_id", "key", "previous_authority", "previous_primary_domain"),
    *("previous_client_id", "previous_key", "update_key", "verify", "verify_timeout", "preflight", "skip_checks"),
    *("min_secret_days", "require_emergency_access", "post_check", "renew", "definition"),
)


@pytest.fixture
def change(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> Run:
    def started(*words: str, entra: bool = True, **variables: Any) -> Play:
        environ = {f"W365_{name.upper()}": str(value) for name, value in connection(twin, entra=entra).items()}
        # Ansible itself shows what is on its command line.
        (tmp_path / "given.json").write_text(json.dumps(variables), encoding="utf-8")
        return play(arguments=[*words, "-e", "@given.json", f"{COLLECTION}.change_sso"], environ=environ)

    return started


def proven(played: Play) -> str:
    return "\n".join(lines_of(played, "Show what was proven"))


@pytest.mark.slow
def test_change_with_every_test(twin: Twin, change: Run) -> None:
    """Blank answers beside the values; check mode; a refusal that names the variable; and the write."""
    twin.clear_requests()
    blanks: dict[str, Any] = {f"w365_sso_{name}": "" for name in ANSWERS}
    refused = change(**{**blanks, **VALUES})
    assert refused.code != 0
    assert "w365_sso_skip_checks leaves out checks (redirect)" in refused.output
    assert "check redirect: refused" in proven(refused)
    assert twin.writes() == []
    good = {**blanks, **VALUES, "w365_sso_skip_checks": "redirect, emergency_access", "w365_sso_post_check": "redirect"}
    check = change("--check", "-vvvv", **good)
    assert check.code == 0, check.output
    assert "Check mode: this would be written." in proven(check)
    done = change("-vvvv", "--diff", **good)
    assert done.code == 0, done.output
    told = proven(done)
    assert "It was written." in told
    assert "Microsoft Entra issued a token for exactly these values." in told
    assert "check consent: passed" in told.partition("Not proven")[0]
    assert "check redirect: skipped" in told.partition("Not proven")[2]
    assert "it does not show the key" in told.partition("Not proven")[2]
    assert SSO_KEY not in refused.output + check.output + done.output
    assert twin.environment("contoso")["sso"]["client_id"] == SSO_ID


@pytest.mark.slow
def test_change_puts_the_previous_values_back(twin: Twin, change: Run) -> None:
    assert not in_process.run("w365_sso", {**connection(twin), **other_application(twin)}).get("failed")
    twin.switches(settings_write="dropped")
    new = {"client_id": twin.client_id, "key": twin.client_secret, "primary_domain": "contoso.com"}
    previous = {f"previous_{name}": value for name, value in other_application(twin).items()}
    variables = {f"w365_sso_{name}": value for name, value in {**new, **previous}.items()}
    given = {**variables, "w365_sso_preflight": "never"}
    not_kept = change(**given, w365_read_back_timeout=1)
    assert not_kept.code != 0
    assert "accepted the new values and shows others of client_id" in " ".join(not_kept.output.split())
    assert proven(not_kept).startswith("It failed.")
    played = change("-vvvv", **given, w365_read_back_timeout=0, w365_sso_post_check="redirect")
    assert played.code != 0
    assert "It failed, and the previous values were put back." in proven(played)
    assert "No check was made" in proven(played)
    assert SSO_KEY not in played.output
    assert twin.environment("contoso")["sso"]["client_id"] == SSO_ID


@pytest.mark.slow
def test_change_with_an_app_registration_that_is_managed(twin: Twin, change: Run) -> None:
    definition = {"primary_domain": "contoso.com", "app": QUICK}
    first = change("-vvvv", w365_sso_definition=definition)
    assert first.code == 0, first.output
    assert "Microsoft Entra accepted the new secret before it was written." in proven(first)
    second = change(w365_sso_definition=definition)
    assert second.code == 0, second.output
    assert "Nothing had to be written." in proven(second)
    assert "nothing in this run" in proven(second)
    before = keys_of(twin)
    renewed = change(w365_sso_definition=definition, w365_sso_renew="yes")
    assert renewed.code == 0, renewed.output
    assert keys_of(twin) != before
    assert TWINS_SECRET not in first.output + renewed.output


def keys_of(twin: Twin) -> str:
    return str(twin.environment("contoso")["sso"]["key_sha256"])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "variables",
    [
        slow({}),
        {**VALUES, "w365_sso_authority": "https://login.windows.net/contoso.com"},
        slow({"w365_sso_primary_domain": "contoso.com", "w365_sso_key": SSO_KEY}),
        {"w365_sso_definition": {"primary_domain": "contoso.com", "app": {}, "key": SSO_KEY}},
        slow({"w365_sso_definition": "contoso.com"}),
    ],
    ids=["nothing", "two tenants", "no client id", "app and key", "a text"],
)
def test_change_asks_nothing_and_refuses_what_is_not_clear(variables: dict[str, Any], twin: Twin, change: Run) -> None:
    twin.clear_requests()
    played = change(**variables)
    assert played.code != 0
    assert "Something is missing, or given twice. Nothing was changed." in " ".join(played.output.split())
    assert SSO_KEY not in played.output
    assert twin.requests() == []


def test_change_shows_what_a_server_says_as_it_is(twin: Twin, change: Run) -> None:
    body = [{"MemberNames": [], "ErrorMessage": ODD}]
    twin.fault(action="status", status=400, body=body, surface="provisioning", method="PUT", times=-1)
    played = change(**VALUES, w365_sso_preflight="never")
    assert played.code != 0
    (failed,) = [step for step in played if step.name == "Say what to do about it here"]
    assert ODD in failed.message


@pytest.mark.slow
def test_change_without_a_sign_in_to_entra_makes_no_checks(twin: Twin, change: Run) -> None:
    played = change(entra=False, **VALUES)
    assert played.code == 0, played.output
    assert "No check was made: give w365_entra_tenant" in proven(played)
