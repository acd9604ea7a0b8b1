# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""What a person may get wrong: the task fails with a sentence that names the value, the rule and the way out.

Nothing is written. What can be seen to be wrong without a server is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from playing import Play, Task, connection, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]

ADMINISTRATOR = "allan.deyoung@contoso.com"
COLLEAGUE = "nestor.wilke@contoso.com"
# On the deleted-users list.
DELETED = "patti.fernandez@contoso.com"
NEWCOMER = "adele.vance@contoso.com"
ADELE = {"first_name": "Adele", "last_name": "Vance"}
SSO_CLIENT = "00000000-0000-4000-8000-0000000000b2"


@dataclass(frozen=True)
class Case:
    """One wrong input, and the parts that its sentence must have. `asks`: the server has to be asked to know it."""

    task: Task
    says: tuple[str, ...]
    asks: bool = False

    @property
    def name(self) -> str:
        return str(self.task["name"])


def bad(title: str, module: str, /, *says: str, asks: bool = False, check: bool = False, **arguments: Any) -> Case:
    return Case(task(module, check=check, title=title, **arguments), says, asks)


def expect_refusals(play: Player, twin: Twin, *cases: Case, **options: Any) -> None:
    """Play all cases in one process. Every one fails with its sentence and without a write."""
    done = play(*(case.task for case in cases), **options)
    assert [step.name for step in done] == [case.name for case in cases], done.output
    problems = []
    for case, step in zip(cases, done, strict=True):
        said = " ".join(step.message.split())
        if step.status != "failed":
            problems.append(f"{case.name}: it was {step.status}, not failed")
        problems += [f"{case.name}: {part!r} is not in: {said}" for part in case.says if part not in said]
        if "Unexpected error in the collection" in said or "Traceback" in str(step.result):
            problems.append(f"{case.name}: it crashed: {said}")
        if step.result.get("changed"):
            problems.append(f"{case.name}: it claims a change")
        if step.requests and not case.asks:
            problems.append(f"{case.name}: {len(step.requests)} requests were sent for it")
    assert not problems, "\n".join(problems)
    assert twin.writes() == []


def test_addresses_of_services(play: Player, twin: Twin) -> None:
    plain = twin.url.replace("https://", "http://")
    with_user = twin.url.replace("https://", "https://admin:Sommer2026@")
    scim = {"scim_token": twin.scim_token}
    expect_refusals(
        play,
        twin,
        bad("plain instance", "w365_user_info", "Option instance_url", plain, "https://", "never sent over http", instance_url=plain),
        bad("plain instance, writing", "w365_user", "Option instance_url", plain, upn=NEWCOMER, instance_url=plain, **ADELE),
        bad("plain SCIM", "w365_group_info", "Option scim_url", f"{plain}/contoso", "https://", scim_url=f"{plain}/contoso/scim/v2", **scim),
        bad("plain Graph", "w365_o365_import_info", "Option graph_url", f"{plain}/graph", "https://", everything=True, graph_url=f"{plain}/graph"),
        bad("plain Entra", "w365_o365_import_info", "authority", plain, "https://", "never sent over http", everything=True, entra_authority=plain),
        bad("no scheme", "w365_user_info", "Option instance_url", "'localhost'", "https://<host>", instance_url="localhost"),
        bad("no host", "w365_user_info", "Option instance_url", "https://<host>", instance_url="https:///Provisioning"),
        bad("user in the instance's URL", "w365_user_info", "Option instance_url", "user name or password", "options of their own", instance_url=with_user),
        bad("user in SCIM's URL", "w365_user_info", "Option scim_url", "user name or password", scim_url=f"{with_user}/contoso/scim/v2", **scim),
        bad("no instance", "w365_user_info", "Option instance_url is needed", "module_defaults", "W365_INSTANCE_URL", instance_url=""),
        defaults=connection(twin),
    )  # fmt: skip


def test_names_of_environments(play: Player, twin: Twin) -> None:
    administrator = {"email": "adele.vance", **ADELE}
    expect_refusals(
        play,
        twin,
        bad("the reserved name", "w365_environment", "'demo'", "refuses that name", "Choose another", environment="demo", empty=True),
        bad("the reserved name, in disguise", "w365_environment", "'De-mo'", "refuses that name", environment="De-mo", empty=True),
        bad("no letters", "w365_environment", "'- !'", "no letter or digit", environment="- !", empty=True),
        bad("empty and with an administrator", "w365_environment", "empty", "administrator", "exclude each other", "Leave one out",
            environment="fabrikam", empty=True, administrator={**administrator, "email": NEWCOMER}),
        bad("malformed address of the administrator", "w365_environment", "administrator.email", "'adele.vance'", "name@domain",
            environment="fabrikam", administrator=administrator),
        bad("without a first administrator", "w365_environment", "'fabrikam' does not exist", "administrator", "empty=true", asks=True, environment="fabrikam"),
        bad("deletion without confirmation", "w365_environment", "delete_confirmation", environment="contoso", state="absent"),
        bad("deletion with a wrong confirmation", "w365_environment", "Refused to delete environment 'contoso'", "'contosso'", "repeat the environment's name",
            "Nothing was written", asks=True, environment="contoso", state="absent", delete_confirmation="contosso"),
        bad("deletion with an empty confirmation", "w365_environment", "Refused to delete environment 'contoso'", asks=True,
            environment="contoso", state="absent", delete_confirmation=""),
        bad("unknown to users", "w365_user", "no environment 'nowhere'", "create it first", asks=True, environment="nowhere", upn=NEWCOMER, **ADELE),
        bad("unknown to groups", "w365_group", "no environment 'nowhere'", asks=True, environment="nowhere", name="Retail"),
        bad("unknown to administrators", "w365_admin", "no environment 'nowhere'", asks=True, environment="nowhere", administrators={"add": [NEWCOMER]}),
        bad("unknown to single sign-on", "w365_sso", "no environment 'nowhere'", asks=True, environment="nowhere",
            primary_domain="contoso.com", client_id=SSO_CLIENT, key="the key of nobody", verify=False),
        bad("unknown to the list of users", "w365_user_info", "no environment 'nowhere'", asks=True, environment="nowhere"),
        bad("no environment at all", "w365_user_info", "Option environment is needed", "W365_ENVIRONMENT", environment=""),
        defaults=connection(twin),
    )  # fmt: skip


def test_an_unknown_environment_is_told_apart_on_a_documented_server(play: Player, twin: Twin) -> None:
    twin.switches(profile="documented")
    expect_refusals(
        play,
        twin,
        bad("over the Provisioning API", "w365_user", "no environment 'nowhere'", asks=True, environment="nowhere", upn=NEWCOMER, **ADELE),
        bad("over SCIM", "w365_user", "no environment 'nowhere'", "create it first", asks=True, environment="nowhere", upn=NEWCOMER,
            scim_url=twin.scim_url("nowhere"), scim_token=twin.scim_token, **ADELE),
        defaults=connection(twin),
    )  # fmt: skip


def test_people_and_groups(play: Player, twin: Twin) -> None:
    twin.seed({"environments": [{"name": "contoso", "groups": [{"name": "Sales"}, {"name": "Marketing"}]}]})
    malformed = ("which is not a user principal name", "name@domain.example", "Microsoft Entra")
    expect_refusals(
        play,
        twin,
        bad("no domain", "w365_user", "Option upn", "'adele.vance'", *malformed, upn="adele.vance", **ADELE),
        bad("no name", "w365_user", "Option upn", "'@contoso.com'", *malformed, upn="@contoso.com", **ADELE),
        bad("two addresses", "w365_user", "Option upn", *malformed, upn="adele@contoso.com,alex@contoso.com", **ADELE),
        bad("a blank in the address", "w365_user", "Option upn", *malformed, upn="adele vance@contoso.com", **ADELE),
        bad("no top-level domain", "w365_user", "Option upn", "'adele@contoso'", *malformed, upn="adele@contoso", **ADELE),
        bad("malformed, in check mode", "w365_user", "Option upn", "'adele.vance'", *malformed, check=True, upn="adele.vance", **ADELE),
        bad("malformed look-up", "w365_user_info", "'adele.vance'", *malformed, upn="adele.vance"),
        bad("malformed member", "w365_group", "Option members.add", "'nestor'", *malformed, name="Sales", members={"add": ["nestor"]}),
        bad("malformed administrator", "w365_admin", "Option administrators.set", "'nestor'", *malformed, administrators={"set": ["nestor"]}),
        bad("a member to add and to remove", "w365_group", "both adds and removes", COLLEAGUE, "List it only once",
            name="Sales", members={"add": [COLLEAGUE], "remove": [COLLEAGUE.upper()]}),
        bad("an administrator to add and to remove", "w365_admin", "both adds and removes", COLLEAGUE, "List it only once",
            administrators={"add": [COLLEAGUE.title()], "remove": [COLLEAGUE]}),
        bad("to add and to set", "w365_group", "mutually exclusive", "members", name="Sales", members={"add": [COLLEAGUE], "set": []}),
        bad("no change of members", "w365_group", "add, remove, set", name="Sales", members={}),
        bad("no name of a group", "w365_group", "Option name is empty", name=" "),
        bad("no first and last name", "w365_user", NEWCOMER, "without first_name and last_name", "check the spelling", asks=True, upn=NEWCOMER),
        bad("no last name", "w365_user", NEWCOMER, "without last_name", asks=True, upn=NEWCOMER, first_name="Adele"),
        bad("an empty first name", "w365_user", "Option first_name", NEWCOMER, "Leave it out", upn=NEWCOMER, first_name=" ", last_name="Vance"),
        bad("an unknown member", "w365_group", f"'{NEWCOMER}' does not exist", "'Sales'", "Create the user first", asks=True,
            name="Sales", members={"add": [NEWCOMER]}),
        bad("an unknown administrator", "w365_admin", f"'{NEWCOMER}' does not exist", "Create the user first", asks=True, administrators={"add": [NEWCOMER]}),
        bad("an inactive administrator", "w365_admin", DELETED, "inactive", "Restore the user first", asks=True, administrators={"add": [DELETED]}),
        bad("nobody left to administrate", "w365_admin", "without an active administrator", ADMINISTRATOR, "Nothing was written", asks=True,
            administrators={"set": []}),
        bad("the last administrator deleted", "w365_user", "without an active administrator", ADMINISTRATOR, asks=True, upn=ADMINISTRATOR, state="absent"),
        bad("a rename onto somebody else", "w365_user", "Cannot rename", COLLEAGUE, DELETED.upper(), "both exist", asks=True,
            upn=DELETED.upper(), identity=COLLEAGUE),
        bad("a rename onto another group", "w365_group", "Cannot rename", "'Sales'", "'MARKETING'", "both exist", asks=True, name="MARKETING", identity="Sales"),
        defaults=connection(twin),
    )  # fmt: skip


def test_what_cannot_travel_over_the_provisioning_api(play: Player, twin: Twin) -> None:
    wire = "is not supported by the Provisioning API"
    expect_refusals(
        play,
        twin,
        bad("e-mail", "w365_user", "Option email", COLLEAGUE, wire, "scim_url", asks=True, upn=COLLEAGUE, email=NEWCOMER),
        bad("external id of a user", "w365_user", "Option external_id", COLLEAGUE, wire, "scim_url", asks=True, upn=COLLEAGUE, external_id="365"),
        bad("external id of a group", "w365_group", "Option external_id", "'Sales'", wire, "scim_url", asks=True, name="Sales", external_id="365"),
        bad("deletion for good", "w365_user", "permanently delete", COLLEAGUE, "deleted-users list", "scim_url", asks=True,
            upn=COLLEAGUE, state="absent", permanent=True),
        bad("a malformed e-mail", "w365_user", "Option email", "'nestor@'", "name@domain.example", upn=COLLEAGUE, email="nestor@"),
        defaults=connection(twin),
    )  # fmt: skip


def test_what_cannot_travel_over_scim(play: Player, twin: Twin) -> None:
    wire = "is not supported by SCIM"
    expect_refusals(
        play,
        twin,
        bad("description", "w365_group", "Option description", "'Sales'", wire, "leave it out", asks=True, name="Sales", description="Sells"),
        bad("password", "w365_user", "Option password", COLLEAGUE, wire, "leave the password out", asks=True, upn=COLLEAGUE, password="Herfst-2026-geheim"),
        bad("administrator", "w365_user", "Option administrator", COLLEAGUE, wire, "w365_admin", asks=True, upn=COLLEAGUE, administrator=True),
        bad("creation in Microsoft 365", "w365_user", "Option create_in_office365", NEWCOMER, wire, asks=True, upn=NEWCOMER, create_in_office365=True, **ADELE),
        bad("no last name", "w365_user", NEWCOMER, "without last_name", asks=True, upn=NEWCOMER, first_name="Adele"),
        bad("no token", "w365_user_info", "Option scim_token is needed", "W365_SCIM_TOKEN", scim_token=""),
        bad("no credentials for administrators", "w365_admin", "Option provisioning_key is needed", administrators={"add": [COLLEAGUE]}, provisioning_key=""),
        bad("an unknown member", "w365_group", f"'{NEWCOMER}' does not exist", "Create the user first", asks=True, name="Sales", members={"set": [NEWCOMER]}),
        defaults=connection(twin, scim=True),
    )  # fmt: skip


SHAPES = ("data_annotations", "camel", "strings", "object")
# That all of them are read is guarded by test_what_a_server_objects_to_is_shown_whole.
FEW_SHAPES = [*SHAPES[:2], *(pytest.param(shape, marks=pytest.mark.slow) for shape in SHAPES[2:])]


@pytest.mark.parametrize("shape", FEW_SHAPES)
def test_a_duplicate_that_only_the_server_knows(play: Player, twin: Twin, shape: str) -> None:
    """Somebody on a hidden deleted-users list: the list shows nobody, and the create is refused."""
    twin.switches(deleted_users="hidden", validation_result=shape)
    before = twin.state()
    say = ("already exists on the deleted-users list", "The server does not show it", "Restore or remove it there")
    done = play(
        task("w365_user", upn=DELETED, **ADELE),
        task("w365_user", upn=DELETED.title(), **ADELE),
        *([task("w365_user", upn=DELETED.upper(), scim_url=twin.scim_url("contoso"), scim_token=twin.scim_token, **ADELE)] if shape == "camel" else []),
        defaults=connection(twin),
    )  # fmt: skip
    for step, spelling in zip(done, (DELETED, DELETED.title(), DELETED.upper()), strict=False):
        assert step.status == "failed"
        assert f"Cannot create user '{spelling}' in environment 'contoso'" in step.message
        for part in say[1:] if step is done.steps[-1] and len(done.steps) == 3 else say:
            assert part in step.message, step.message
        assert len(step.writes) == 1
        assert not step.result["changed"]
        assert step.result["results"][0]["outcome"] == "failed"
    if shape == "camel":
        assert "(HTTP 409, POST /Users)" in done[2].message
    assert "(HTTP 400, POST /contoso/User/)" in done[0].message
    assert twin.state() == before


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("shape", FEW_SHAPES)
def test_a_user_that_a_documented_server_already_has(play: Player, twin: Twin, shape: str) -> None:
    """Nothing can be listed there: what Validate refuses as existing is unchanged, in whatever shape it says so."""
    twin.switches(profile="documented", validation_result=shape)
    done = play(
        task("w365_user", upn=COLLEAGUE, first_name="Nestor", last_name="Wilke"),
        task("w365_user", upn=COLLEAGUE.upper(), first_name="Nestor", last_name="Wilke"),
        defaults=connection(twin),
    )
    for step in done:
        assert not step.changed
        assert step.result["compared"] is False
        assert "could not be compared" in step.warnings
    assert twin.writes() == []


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_server_objects_to_is_shown_whole(play: Player, twin: Twin, shape: str) -> None:
    """The server's rules may be stricter than ours. All of its findings reach the person, and nothing is created."""
    twin.switches(validation_result=shape)
    twin.fault(
        surface="provisioning",
        method="POST",
        path="/Environment/Validate/",
        times=-1,
        action="status",
        status=400,
        body={
            "data_annotations": [
                {"MemberNames": ["FirstName"], "ErrorMessage": "Too long."},
                {"MemberNames": [], "ErrorMessage": "No licence is left."},
            ],
            "camel": [
                {"memberNames": ["FirstName"], "errorMessage": "Too long."},
                {"errorMessage": "No licence is left."},
            ],
            "strings": ["FirstName: Too long.", "No licence is left."],
            "object": {"FirstName": ["Too long."], "": ["No licence is left."]},
        }[shape],
    )
    done = play(
        task("w365_environment", environment="fabrikam", administrator={"email": NEWCOMER, **ADELE}),
        defaults=connection(twin),
    )
    assert done[0].status == "failed"
    for part in ("Cannot create environment 'fabrikam'", "FirstName: Too long.", "No licence is left.", "HTTP 400"):
        assert part in done[0].message, done[0].message
    assert twin.writes() == []


def test_keys_and_their_characters(play: Player, twin: Twin) -> None:
    broken = ("holds a line break or another control character", "Check how it was copied")
    strange = ("holds a character that no key has", "Check how it was copied")
    sso = {"primary_domain": "contoso.com", "client_id": SSO_CLIENT}
    scim_url = twin.scim_url("contoso")
    expect_refusals(
        play,
        twin,
        bad("no key", "w365_user_info", "Option provisioning_key is needed", "module_defaults", "W365_PROVISIONING_KEY", provisioning_key=""),
        bad("a blank key", "w365_user_info", "Option provisioning_key is needed", "W365_PROVISIONING_KEY", provisioning_key=" "),
        bad("a line break in the key", "w365_user_info", "Option provisioning_key", *broken, provisioning_key="3650\r\nX-Evil: 1"),
        bad("a strange character in the key", "w365_user_info", "Option provisioning_key", *strange, provisioning_key="3650\u20ac"),
        bad("a tab in the token", "w365_user_info", "Option scim_token", *broken, scim_url=scim_url, scim_token="3650\tabc"),
        bad("a null in the token", "w365_group", "Option scim_token", *broken, scim_url=scim_url, scim_token="3650\0abc", name="Sales"),
        bad("a line break in Entra's secret", "w365_o365_import_info", "Option entra_client_secret", *broken, everything=True, entra_client_secret="ab\ncd"),
        bad("a line break in the address", "w365_user_info", "Option instance_url", *broken, instance_url=f"{twin.url}\nx"),
        bad("no key of the app registration", "w365_sso", "Option key is empty", "client secret", key=" ", **sso),
        bad("no key of the app registration at all", "w365_sso", "Option key is empty", "client secret", key="", **sso),
        bad("two credentials", "w365_o365_import_info", "are different ways to sign in", "entra_client_secret and entra_managed_identity", everything=True, entra_managed_identity="system"),
        bad("no tenant", "w365_o365_import_info", "Option entra_tenant is needed", "W365_ENTRA_TENANT", everything=True, entra_tenant=""),
        defaults=connection(twin),
    )  # fmt: skip


def test_what_a_task_says_counts_more_than_what_the_environment_lends(play: Player, twin: Twin, tmp_path: Path) -> None:
    """A controller lends its credential to every task; a task may sign in another way all the same."""
    lent = {"W365_ENTRA_MANAGED_IDENTITY": "system", "W365_ENTRA_FEDERATED_TOKEN_FILE": "~/token"}
    (step,) = play(task("w365_o365_import_info", everything=True), defaults=connection(twin), environ=lent)
    assert step.status == "ok", step.message
    without = {name: value for name, value in connection(twin).items() if name != "entra_client_secret"}
    expect_refusals(
        play,
        twin,
        bad("two lent", "w365_o365_import_info", "Options entra_federated_token_file and entra_managed_identity are different ways", everything=True),
        defaults=without,
        environ=lent,
    )  # fmt: skip
    path = tmp_path / "certificate.pem"
    lent["W365_ENTRA_CERTIFICATE_PATH"] = str(path)
    expect_refusals(
        play,
        twin,
        bad("one of the task", "w365_o365_import_info", f"Option entra_federated_token_file: '{path}'", asks=True, everything=True,
            entra_federated_token_file=str(path)),
        defaults=without,
        environ=lent,
    )  # fmt: skip


def test_single_sign_on(play: Player, twin: Twin) -> None:
    right = {"client_id": SSO_CLIENT, "key": "sso-demo-secret-of-the-twin"}
    authority = ("Option authority", "https://login.windows.net/<primary domain>")
    expect_refusals(
        play,
        twin,
        bad("a client id that is none", "w365_sso", "Option client_id", "'contoso-portal'", "GUID", primary_domain="contoso.com", client_id="contoso-portal", key="k-12345"),
        bad("an authority without a tenant", "w365_sso", *authority, "'https://login.windows.net'", authority="https://login.windows.net/", **right),
        bad("an authority over http", "w365_sso", *authority, "'http://login.windows.net/contoso.com'", authority="http://login.windows.net/contoso.com", **right),
        bad("an authority with a longer path", "w365_sso", *authority, authority="https://login.windows.net/contoso.com/oauth2", **right),
        bad("a domain that is none", "w365_sso", "Option primary_domain", "'contoso com'", "contoso.onmicrosoft.com", primary_domain="contoso com", **right),
        bad("a domain that is an address", "w365_sso", "Option primary_domain", "'https://contoso.com'", primary_domain="https://contoso.com", **right),
        bad("a domain without a dot", "w365_sso", "Option primary_domain", "'contoso'", primary_domain="contoso", **right),
        bad("authority and domain", "w365_sso", "mutually exclusive", "authority", authority="https://login.windows.net/contoso.com", primary_domain="contoso.com", **right),
        bad("neither", "w365_sso", "authority, primary_domain", **right),
        defaults=connection(twin),
    )  # fmt: skip


def test_limits_files_and_endpoints(play: Player, twin: Twin, tmp_path: Path) -> None:
    no_certificates = tmp_path / "empty.pem"
    no_certificates.write_text("nothing to see here\n", encoding="utf-8")
    missing = str(tmp_path / "missing.pem")
    entra = {"entra_tenant": twin.tenant, "entra_client_id": twin.client_id}
    expect_refusals(
        play,
        twin,
        bad("patience below -1", "w365_user_info", "Option rate_limit_timeout is -2", "-1 (wait as long as it takes)", "0 (never wait)", rate_limit_timeout=-2),
        bad("no time", "w365_user_info", "Option timeout is 0", "above 0", timeout=0),
        bad("negative time", "w365_user", "Option timeout is -5", "above 0", timeout=-5, upn=NEWCOMER, **ADELE),
        bad("no requests", "w365_user_info", "Option max_requests_per_second is 0", "above 0", "leave it out", max_requests_per_second=0),
        bad("a missing bundle", "w365_user_info", "Option ca_path", missing, "cannot be read", "No such file", ca_path=missing),
        bad("a bundle that is a folder", "w365_user_info", "Option ca_path", "cannot be read", ca_path=str(tmp_path)),
        bad("a bundle without certificates", "w365_user_info", "ca_path", "certificate", ca_path=str(no_certificates)),
        bad("a missing client certificate", "w365_user_info", "Option client_cert", missing, "cannot be read", client_cert=missing),
        bad("a client key alone", "w365_user_info", "client_cert", "client_key", client_key=str(no_certificates)),
        bad("a missing Entra certificate", "w365_o365_import_info", "Option entra_certificate_path", missing, "cannot be read",
            everything=True, entra_certificate_path=missing, **entra),
        bad("an Entra certificate that is none", "w365_o365_import_info", "Option entra_certificate_path", "empty.pem", asks=True,
            everything=True, entra_certificate_path=str(no_certificates), **entra),
        bad("a missing federated token", "w365_o365_import_info", "Option entra_federated_token_file", missing, "cannot be read", asks=True,
            everything=True, entra_federated_token_file=missing, **entra),
        bad("no credential", "w365_o365_import_info", "A credential for Microsoft Entra is needed", "entra_certificate_path", everything=True, **entra),
        bad("an unknown endpoint", "w365_user_info", "'user.lst'", "not an endpoint", "user.list", "user.create", endpoints={"user.lst": "/{environment}/Users/"}),
        bad("an endpoint without a slash", "w365_user_info", "'Users'", "user.list", "starts with '/'", "'/{environment}/User/'", endpoints={"user.list": "Users"}),
        bad("an endpoint that is no text", "w365_user_info", "user.list", "starts with '/'", endpoints={"user.list": 365}),
        bad("an endpoint with an unknown placeholder", "w365_user_info", "'/{tenant}/Users/'", "user.list", "{environment}",
            endpoints={"user.list": "/{tenant}/Users/"}),
        bad("an endpoint of SCIM with an environment", "w365_group", "'/{environment}/Users'", "scim.user.list", "{id}", "nothing else",
            scim_url=twin.scim_url("contoso"), scim_token=twin.scim_token, name="Sales", endpoints={"scim.user.list": "/{environment}/Users"}),
        bad("an endpoint with an open brace", "w365_user_info", "'/{environment/Users/'", "user.list", endpoints={"user.list": "/{environment/Users/"}),
        bad("an endpoint that lost its id", "w365_user", "'/{environment}/Users/'", "user.update", "{id}", upn=COLLEAGUE, first_name="Nes",
            endpoints={"user.update": "/{environment}/Users/"}),
        bad("no workers", "w365_o365_import", "Option concurrency is 0", "1 or more", everything=True, concurrency=0, **entra),
        defaults=connection(twin, entra=False),
    )  # fmt: skip


def test_raw_calls(play: Player, twin: Twin) -> None:
    elsewhere = ("starts with one '/'", "never sent to another host")
    expect_refusals(
        play,
        twin,
        bad("another host", "w365_api", "'https://fabrikam.com/Environment/'", *elsewhere, path="https://fabrikam.com/Environment/"),
        bad("another host, in short", "w365_api", "'//fabrikam.com/'", *elsewhere, path="//fabrikam.com/"),
        bad("no slash", "w365_api", "'Environment/'", *elsewhere, path="Environment/"),
        bad("another host for Graph", "w365_api", *elsewhere, service="graph", path="https://fabrikam.com/users"),
        bad("another host for SCIM", "w365_api", *elsewhere, service="scim", path="//fabrikam.com/Users", method="DELETE"),
        bad("a query", "w365_api", "'/Environment/?version=2.0'", "option query", path="/Environment/?version=2.0", method="POST", body={}),
        bad("a fragment", "w365_api", "'/Environment/#top'", path="/Environment/#top"),
        bad("another token", "w365_api", "headers", "authorization", "connection options", path="/Users", headers={"authorization": "Bearer abc"}),
        bad("another key", "w365_api", "headers", "ProvisioningKey", "connection options", path="/Environment/", headers={"ProvisioningKey": "abc"}),
        bad("another key, in check mode", "w365_api", "headers", "ProvisioningKey", check=True, method="POST", path="/Environment/", headers={"ProvisioningKey": "abc"}),
        bad("a header with a line break", "w365_api", "HTTP does not allow", path="/Environment/", headers={"X-Note": "a\r\nb"}),
        bad("no environment for the placeholder", "w365_api", "{environment}", "W365_ENVIRONMENT", path="/{environment}/User/", environment=""),
        bad("no SCIM", "w365_api", "Option scim_url is needed", "W365_SCIM_URL", service="scim", path="/Users"),
        bad("an answer that was not expected", "w365_api", "HTTP 404", "/Nowhere/", "status_code", asks=True, path="/Nowhere/"),
        defaults=connection(twin),
    )  # fmt: skip


def test_scopes_of_an_import(play: Player, twin: Twin) -> None:
    expect_refusals(
        play,
        twin,
        bad("nothing chosen", "w365_o365_import", "everything", "groups", "domains"),
        bad("nothing chosen, to look at", "w365_o365_import_info", "everything", "groups", "domains"),
        bad("empty lists", "w365_o365_import", "Nothing is selected", "everything=true", groups=[], domains=[]),
        bad("an unknown group", "w365_o365_import", "no group 'Sale'", "neither by name nor by id", "Check the spelling", asks=True, groups=["Sale"]),
        bad("an unknown domain", "w365_o365_import", "'contoso.nl' is not a verified domain", "contoso.com", asks=True, domains=["contoso.nl"]),
        bad("a distribution list alone", "w365_o365_import", "contain no users", "Marketing News", "distribution list", "Nothing was changed", asks=True, groups=["Marketing News"]),
        bad("a scope that nobody is in", "w365_o365_import", "contain no users", asks=True, groups=["Regional Offices"], domains=["emea.contoso.com"], scope_match="all"),
        defaults=connection(twin),
    )  # fmt: skip
