# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Options are spread into calls; mypy cannot tell them from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Every answer of every endpoint, changed: each task ends in a result or in one of our sentences, and no guard opens.

`make fuzz EXAMPLES=100000` looks for new examples; the tests of `make test` take the same ones on every machine.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random, SystemRandom
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hostile import CHANGES, KINDS, ODD_VALUES, STATUSES, Hostile, changed_answer, could_be_true, drawn, hostile_answers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_memory import OTHER_TENANT, certificate
from truthful import ADELE, ALLAN, MEGAN, PASSWORD, Call, Scenario, Truthful, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS

FEW = 40
MANY = int(os.environ.get("FUZZ_EXAMPLES", "2000"))


def scenario(module: str, *, scim: bool = True, server: str = "", **options: Any) -> Scenario:
    return Scenario(module, json.dumps(options), scim, server)


def over_api(module: str, **options: Any) -> Scenario:
    return scenario(module, scim=False, **options)


NAMES = {"first_name": "A", "last_name": "B"}
NEW = "diego.siciliani@contoso.com"
CHANGED = {"first_name": "Changed", "last_name": "B"}
EVERYBODY = {"users": [{"upn": ADELE, **CHANGED}], "purge": ["users"], "purge_scope": {"domains": ["contoso.com"]}, "purge_limit": "100%"}  # fmt: skip
ALL_BUT_ALLAN = {**EVERYBODY, "protected_users": [ALLAN]}
MEMBERSHIPS = {"groups": [{"name": "Sales", "members": {"set": [ADELE]}}], "purge": ["memberships"], "purge_scope": {"domains": ["contoso.com"]}, "purge_limit": "100%"}  # fmt: skip
MANY_NEW = {"users": [{"upn": f"new{number}@contoso.com", **NAMES} for number in range(12)], "scim_bulk": True}
IMPORT = {"everything": True, "on_leave": "delete", "delete_limit": "100%", "administrators_from": "entra", "nested_groups": "flatten"}  # fmt: skip
FOLDER = TemporaryDirectory()
STATE = Path(FOLDER.name) / "state.json"
TENANTS = Path(FOLDER.name) / "tenants"
DELTA = {**IMPORT, "state_file": str(STATE)}
FIRST = {"email": NEW, "first_name": "A", "last_name": "B"}
SSO = {"primary_domain": "contoso.com", "client_id": "00000000-0000-4000-8000-000000000000", "key": PASSWORD, "update_key": "always", "verify": False}  # fmt: skip
OWNER = "00000000-0000-4000-8000-0000000000c2"
ELSEWHERE = "00000000-0000-4000-8000-0000000000a7"
CHECKED = {**SSO, "preflight": "always", "post_check": "redirect"}
APP = {"primary_domain": "contoso.com"}
APPS = tuple(over_api("w365_sso_app", **APP)._replace(server=server) for server in ("", "existing", "old"))
APP_ABSENT = over_api("w365_sso_app", state="absent")._replace(server="old")
POWER_BI = scenario("w365_sso_app", scim=False, power_bi=True, **APP)
CERTIFICATE = Path(FOLDER.name) / "import.crt"
CERTIFICATE.write_text(certificate(1).public, encoding="ascii")
CI = {"name": "ci", "issuer": "https://ci.contoso.com", "subject": "new"}
IMPORT_APP = {"certificate_path": str(CERTIFICATE), "federated_credentials": [CI], "replication_timeout": 20}
IMPORT_APPS = tuple(
    scenario("w365_import_app", scim=False, server=server, **{**IMPORT_APP, **more})
    for server, more in (("", {}), ("import", {"consent": "exact"}), ("", {"secret": "managed", "return_secret": True}))
)
IMPORT_ELSEWHERE = scenario(
    "w365_import_app", scim=False, server="import elsewhere", registered_in="other_tenant", client_id=ELSEWHERE, owner_tenant=OTHER_TENANT, replication_timeout=20
)  # fmt: skip
IMPORT_APP_INFO = scenario("w365_import_app_info", scim=False, server="import", **{name: IMPORT_APP[name] for name in ("certificate_path", "federated_credentials")})  # fmt: skip
SCIM_APP = {"groups": ["Sales"], "notification_email": "ops@contoso.com", "replication_timeout": 20}
SCIM_APPS = tuple(scenario("w365_scim_app", server=server, **SCIM_APP) for server in ("", "scim", "scim old"))
SCIM_PURGE = scenario("w365_scim_app", server="scim old", purge_assignments=True, purge_limit=1, **SCIM_APP)
SCIM_HELD = tuple(scenario("w365_scim_app", server="scim held", allow_deletes=count, **SCIM_APP) for count in (2, 3))
SCIM_STOPPED = scenario("w365_scim_app", server="scim stopped", restart="when_quarantined", **SCIM_APP)
SCIM_NOW = scenario("w365_scim_app", server="scim", provision_now=[{"user": ADELE}, {"group": "Sales"}], **SCIM_APP)
SCIM_ABSENT = scenario("w365_scim_app", server="scim", state="absent")
SCIM_PAUSED = scenario("w365_scim_app", server="scim", job="paused", **SCIM_APP)
SCIM_USER = scenario("w365_scim_app", users=[ADELE], notification_email="ops@contoso.com", replication_timeout=20)
SCIM_INFO = scenario("w365_scim_app_info", server="scim")
SCIM_OF_ID = scenario(
    "w365_scim_app", server="scim", service_principal_id="00000000-0000-4000-8000-000000000f03", **SCIM_APP
)
SETTINGS = {"exchange": {"ews_url": "https://x.contoso.com/EWS"}, "sharepoint": {"url": "https://x.sharepoint.com"}}

EXPORT, EXPORT_OVER_API = (scenario("w365_export", scim=scim, dest=str(TENANTS)) for scim in (True, False))
READ_USERS = (
    scenario("w365_user_info"),
    scenario("w365_user", upn=NEW, **NAMES),
    scenario("w365_user", upn=ADELE, **CHANGED),
    scenario("w365_user", upn=ALLAN, state="absent"),
    scenario("w365_user", upn=MEGAN, state="absent", permanent=True),
    scenario("w365_directory", **EVERYBODY),
    scenario("w365_directory", **ALL_BUT_ALLAN),
    scenario("w365_o365_import", **IMPORT),
    EXPORT,
)
READ_GROUPS = (
    scenario("w365_group_info"),
    scenario("w365_group", name="Retail", members={"set": [ADELE]}),
    scenario("w365_group", name="Sales", members={"set": [ADELE]}),
    scenario("w365_group", name="Sales", state="absent"),
    scenario("w365_directory", **MEMBERSHIPS),
    scenario("w365_o365_import", **IMPORT),
    EXPORT,
)
READ_ROLES = (
    over_api("w365_user_info"),
    over_api("w365_user", upn=NEW, **NAMES),
    over_api("w365_user", upn=ADELE, **CHANGED),
    over_api("w365_user", upn=ALLAN, state="absent"),
    over_api("w365_user", upn=ALLAN, active=False),
    scenario("w365_user", upn=ALLAN, state="absent"),
    scenario("w365_user", upn=ALLAN, administrator=False),
    scenario("w365_admin_info"),
    over_api("w365_admin", administrators={"set": [ADELE]}),
    over_api("w365_admin", administrators={"remove": [ALLAN]}),
    over_api("w365_directory", **EVERYBODY),
    scenario("w365_directory", **EVERYBODY),
    scenario("w365_directory", **ALL_BUT_ALLAN),
    scenario("w365_directory", administrators={"set": [ADELE]}, purge=["administrators"], purge_limit="100%"),
    EXPORT,
    EXPORT_OVER_API,
)
READ_API_GROUPS = (
    over_api("w365_group_info"),
    over_api("w365_group", name="Retail", members={"set": [ADELE]}),
    over_api("w365_group", name="Sales", members={"add": [ALLAN]}),
    over_api("w365_group", name="Sales", state="absent"),
    over_api("w365_directory", **MEMBERSHIPS),
    EXPORT_OVER_API,
)
IMPORTS = (
    scenario("w365_o365_import", **IMPORT),
    scenario("w365_o365_import", **{**IMPORT, "everything": False, "groups": ["Sales"]}),
    scenario("w365_o365_import", **{**IMPORT, "everything": False, "domains": ["contoso.com"]}),
    scenario("w365_o365_import_info", everything=True),
    over_api("w365_o365_import", everything=True, administrators_from="entra"),
)
ENVIRONMENTS = (
    over_api("w365_environment_info"),
    over_api("w365_environment", environment="northwind", administrator=FIRST),
    over_api("w365_environment", environment="northwind", administrator={**FIRST, "password": PASSWORD}, active=False),
    over_api("w365_environment", environment="northwind", empty=True),
    over_api("w365_environment", environment="fabrikam", active=True),
    over_api("w365_environment", environment="contoso", active=False),
    over_api("w365_environment", environment="contoso", state="absent", delete_confirmation="contoso"),
    EXPORT_OVER_API,
)

SCENARIOS: Mapping[str, tuple[Scenario, ...]] = {
    "environment.list": ENVIRONMENTS,
    "environment.create": ENVIRONMENTS[2:3],
    "environment.create_v2": ENVIRONMENTS[1:2],
    "environment.create_empty": ENVIRONMENTS[3:4],
    "environment.validate": ENVIRONMENTS[1:3],
    "environment.activate": ENVIRONMENTS[4:5],
    "environment.deactivate": ENVIRONMENTS[5:6],
    "environment.delete": ENVIRONMENTS[6:7],
    "user.create": (
        over_api("w365_user", upn=NEW, **NAMES),
        over_api("w365_user", upn=NEW, active=False, **NAMES),
        scenario("w365_user", scim=False, server="documented", upn=NEW, **NAMES),
        over_api("w365_directory", users=[{"upn": NEW, **NAMES}], administrators={"add": [NEW]}),
    ),
    "user.validate": (
        scenario("w365_user", scim=False, server="documented", upn=NEW, **NAMES),
        scenario("w365_user", scim=False, server="documented", upn=ADELE, **NAMES),
    ),
    "user.list": READ_ROLES,
    "user.get": (over_api("w365_api", path="/{environment}/User/1/"),),
    "user.update": (over_api("w365_user", upn=ADELE, **CHANGED), over_api("w365_admin", administrators={"add": [ADELE]})),
    "user.delete": (over_api("w365_user", upn=MEGAN, state="absent"),),
    "group.list": READ_API_GROUPS,
    "group.get": tuple(found._replace(server="sparse") for found in READ_API_GROUPS),
    "group.create": READ_API_GROUPS[1:2],
    "group.update": READ_API_GROUPS[1:3],
    "group.delete": READ_API_GROUPS[3:4],
    "sso.read": (over_api("w365_sso_info"), over_api("w365_sso", **SSO), EXPORT_OVER_API),
    "sso.write": (over_api("w365_sso", **SSO),),
    "exchange.read": (over_api("w365_settings_info"), over_api("w365_settings", **SETTINGS)),
    "exchange.write": (over_api("w365_settings", **SETTINGS),),
    "sharepoint.read": (over_api("w365_settings_info"), over_api("w365_settings", **SETTINGS)),
    "sharepoint.write": (over_api("w365_settings", **SETTINGS),),
    "scim.config": (scenario("w365_directory", **MANY_NEW),),
    "scim.schemas": (scenario("w365_user", upn=ADELE, job_title="X"), scenario("w365_user", upn=ADELE, department="X")),
    "scim.user.list": READ_USERS,
    "scim.user.get": (
        scenario("w365_group_info", name="Sales"),
        scenario("w365_group", name="Sales", members={"set": [ADELE]}),
        scenario("w365_user", upn=NEW, identity="u2", **NAMES),
        scenario("w365_api", service="scim", path="/Users/u1"),
    ),
    "scim.user.create": (scenario("w365_user", upn=NEW, **NAMES), scenario("w365_user", upn=NEW, active=False, **NAMES)),
    "scim.user.patch": (scenario("w365_user", upn=ADELE, **CHANGED), scenario("w365_user", upn=MEGAN, state="absent")),
    "scim.user.delete": (scenario("w365_user", upn=MEGAN, state="absent", permanent=True),),
    "scim.group.list": READ_GROUPS,
    "scim.group.get": (
        scenario("w365_group", name="Shop", identity="g1", members={"set": [ADELE]}),
        scenario("w365_directory", server="sparse", **MEMBERSHIPS),
        scenario("w365_group", server="sparse", name="Sales", members={"set": [ADELE]}),
        scenario("w365_group_info", server="sparse", name="Sales"),
    ),
    "scim.group.create": READ_GROUPS[1:2],
    "scim.group.patch": READ_GROUPS[1:3],
    "scim.group.delete": READ_GROUPS[3:4],
    "scim.bulk": (scenario("w365_directory", **MANY_NEW),),
    "graph.users": (IMPORTS[0], *IMPORTS[2:]),
    "graph.groups": IMPORTS,
    "graph.group": (scenario("w365_o365_import", groups=["00000000-0000-4000-8000-000000000008"]),),
    "graph.group.users": IMPORTS[1:2],
    "graph.group.groups": IMPORTS[1:2],
    "graph.group.members": (*IMPORTS, scenario("w365_api", service="graph", path="/groups/x/members")),
    "graph.role.members": (*IMPORTS[:3], IMPORTS[4]),
    "graph.users.delta": (scenario("w365_o365_import", **DELTA),),
    "graph.groups.delta": (scenario("w365_o365_import", **DELTA),),
    "graph.batch": IMPORTS,
    "graph.organization": (IMPORTS[2], over_api("w365_sso", **CHECKED)),
    "graph.applications": (*APPS, APP_ABSENT, over_api("w365_sso_app_info"), over_api("w365_sso", **CHECKED)),
    "graph.application": (*APPS[:2], APP_ABSENT, *IMPORT_APPS[:2]),
    "graph.application.named": APPS[:1],
    "graph.application.upsert": APPS[:1],
    "graph.application.update": (*APPS[:2], *IMPORT_APPS[:2]),
    "graph.federated": (*IMPORT_APPS[:2], IMPORT_APP_INFO, APP_ABSENT),
    "graph.federated.write": IMPORT_APPS[:2],
    "graph.principal.roles": (IMPORT_APPS[1], IMPORT_APP_INFO),
    "graph.application.deleted": APPS[:1],
    "graph.application.restore": (scenario("w365_sso_app", scim=False, server="deleted", restore_deleted=True, **APP),),
    "graph.application.owners": (scenario("w365_sso_app", scim=False, server="existing", owners=[OWNER], **APP),),
    "graph.application.own": (scenario("w365_sso_app", scim=False, server="existing", owners=[OWNER], **APP),),
    "graph.secret.add": (*APPS[:2], IMPORT_APPS[2]),
    "graph.secret.remove": (*APPS[2:], APP_ABSENT),
    "graph.principals": (*APPS[:2], IMPORT_APPS[0], IMPORT_ELSEWHERE, over_api("w365_sso_app_info"), over_api("w365_sso", **CHECKED)),
    "graph.principal.create": (APPS[0], POWER_BI, IMPORT_ELSEWHERE),
    "graph.principal.owned": (scenario("w365_sso_app", scim=False, server="owned", **APP),),
    "graph.principal.grants": APPS[:2],
    "graph.grant.create": APPS[:1],
    "graph.grant.update": APPS[1:2],
    "graph.policy.default": APPS[:1],
    "graph.policies": APPS[1:2],
    "graph.policy.applies": APPS[1:2],
    "graph.template.use": SCIM_APPS[:1],
    "graph.application.delete": (SCIM_ABSENT,),
    "graph.principal": (SCIM_OF_ID,),
    "graph.assignments": (*SCIM_APPS, SCIM_PURGE, SCIM_ABSENT, SCIM_INFO),
    "graph.assignment.create": (IMPORT_APPS[0], *SCIM_APPS[:1], SCIM_APPS[2], SCIM_USER),
    "graph.assignment.delete": (IMPORT_APPS[1], SCIM_PURGE, SCIM_ABSENT),
    "graph.sync.jobs": (*SCIM_APPS[1:], SCIM_PURGE, *SCIM_HELD, SCIM_INFO),
    "graph.sync.job.create": SCIM_APPS[:1],
    "graph.sync.job": (SCIM_APPS[0], SCIM_STOPPED, SCIM_PAUSED),
    "graph.sync.schema": (SCIM_NOW, SCIM_INFO),
    "graph.sync.validate": (*SCIM_APPS, SCIM_INFO),
    "graph.sync.start": SCIM_APPS[:1],
    "graph.sync.pause": (SCIM_PAUSED, SCIM_ABSENT),
    "graph.sync.restart": (SCIM_STOPPED, SCIM_HELD[0], SCIM_APPS[2]),
    "graph.sync.demand": (SCIM_NOW,),
    "graph.sync.settings": (*SCIM_APPS, SCIM_PURGE, SCIM_INFO),
    "graph.sync.settings.write": (SCIM_APPS[0], SCIM_APPS[2]),
    "graph.skus": (scenario("w365_scim_app", server="scim poor", **SCIM_APP),),
    "graph.provisioning.logs": (*SCIM_HELD, scenario("w365_scim_app_info", server="scim held")),
    "page.sign_in": (over_api("w365_sso", **{**CHECKED, "preflight": "never"}), scenario("w365_sso_app", scim=False, post_check="redirect", **APP)),
}  # fmt: skip
"""Tasks that get an answer of each endpoint. A new row of the contract's table needs one here."""

LISTINGS = tuple(id for id, endpoint in ENDPOINTS.items() if not endpoint.writes)


def endings(played: Scenario, truth: Truthful) -> list[dict[str, Any]]:
    """The results of a task; of one with a state, the second run as well, which begins with what the first has kept."""
    STATE.unlink(missing_ok=True)
    rmtree(TENANTS, ignore_errors=True)
    return [play(played, truth) for _run in range(2 if "state_file" in played.options else 1)]


@cache
def allowed(played: Scenario) -> frozenset[str]:
    """What somebody loses when every answer is true."""
    truth = Truthful()
    results = endings(played, truth)
    assert not any("Unexpected error" in result.get("msg", "") for result in results), results
    return frozenset(truth.losses)


def test_every_endpoint_has_a_border() -> None:
    assert set(SCENARIOS) == set(ENDPOINTS)


@pytest.mark.parametrize("endpoint", SCENARIOS)
def test_every_scenario_gets_an_answer_of_its_endpoint(endpoint: str) -> None:
    for played in SCENARIOS[endpoint]:
        truth = Truthful()
        endings(played, truth)
        assert endpoint in [call.endpoint for call in truth.calls], played


def refusals(results: list[dict[str, Any]]) -> list[str]:
    return [" ".join(result["msg"].split()) for result in results if result.get("failed")]


def check(endpoint: str, played: Scenario, hostile: Hostile) -> None:
    odd: list[bool] = []

    def change(call: Call, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
        if call.endpoint != endpoint or (hostile.once and odd):
            return status, json.dumps(data), {}, False
        text, headers, garbled = changed_answer(hostile, data)
        odd.append(200 <= hostile.status < 300 and (garbled or not could_be_true(call, text)))
        return hostile.status, text, headers, garbled

    truth = Truthful(change)
    results = endings(played, truth)
    for result in results:
        assert "exception" not in result, result["exception"]
        assert PASSWORD not in json.dumps(result), "a secret"
    for sentence in refusals(results):
        assert re.search(r"[.!?]$", sentence), sentence
        assert "Unexpected error" not in sentence
    if odd and all(odd) and endpoint in LISTINGS:
        assert truth.losses <= allowed(played), (truth.losses - allowed(played), hostile)


def searching(examples: int, *, repeatable: bool) -> settings:
    """How hypothesis searches for so many examples; `repeatable`: the same ones on every machine."""
    return settings(
        max_examples=examples,
        derandomize=repeatable,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def fuzzed(examples: int) -> Callable[[str], None]:
    """A test of one border with so many examples."""

    def test(endpoint: str) -> None:
        @searching(examples, repeatable=True)
        @given(st.sampled_from(SCENARIOS[endpoint]), hostile_answers)
        def border(played: Scenario, hostile: Hostile) -> None:
            check(endpoint, played, hostile)

        border()

    return test


def searched(examples: int) -> Callable[[str], None]:
    """The same for far more examples than hypothesis can choose in the time; a failure tells its seed."""

    def test(endpoint: str) -> None:
        scenarios = SCENARIOS[endpoint]
        first = SystemRandom().getrandbits(48)
        for seed in range(first, first + examples):
            try:
                check(endpoint, scenarios[seed % len(scenarios)], drawn(Random(seed)))
            except BaseException as error:
                error.add_note(f"seed {seed} of {endpoint}")
                raise

    return test


@pytest.mark.parametrize("endpoint", SCENARIOS)
def test_an_answer_that_nobody_expects_ends_in_a_result_or_in_a_sentence(endpoint: str) -> None:
    fuzzed(FEW)(endpoint)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("endpoint", SCENARIOS)
def test_many_answers_that_nobody_expects(endpoint: str) -> None:
    (fuzzed(MANY) if MANY <= 2000 else searched(MANY))(endpoint)


def test_the_answers_have_every_kind_of_status() -> None:
    assert {status // 100 for status in STATUSES} == {2, 3, 4, 5}


def test_the_answers_of_a_long_search_are_as_many_kinds() -> None:
    found = [drawn(Random(seed)) for seed in range(3000)]
    assert {hostile.kind for hostile in found} == set(KINDS)
    assert {hostile.status for hostile in found} == set(STATUSES)
    assert {change.what for hostile in found for change in hostile.changes} == set(CHANGES)
    values = [hostile.value for hostile in found]
    assert {type(value) for value in values} == {type(None), bool, int, float, str, list, dict}
    assert all(any(value == odd and type(value) is type(odd) for value in values) for odd in ODD_VALUES)
    assert all(json.loads(json.dumps(value)) == value for value in values)
