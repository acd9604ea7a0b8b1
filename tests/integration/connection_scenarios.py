# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For every connection option and every kind of task, a situation in which it makes a difference.

What is about one service is proven with every module that uses the service; what is about every request, once for each
kind of task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.bulk import BulkDirectoryTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.directory import DirectoryTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra import EntraTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra_import import ImportTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.export import ExportTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.groups import GroupTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.import_app import ImportAppTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.instance import InstanceTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.raw_request import RawRequestTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.scim_app import ScimAppTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.sso_app import SsoAppTask
from option_scenarios import (
    ALLAN,
    BOTH,
    BRIAN,
    CLIENT_ID,
    CLIENT_SECRET,
    GRAPH,
    IMPORT_APP,
    LEE,
    NESTOR,
    NEW,
    PROVISIONING,
    SCIM,
    SCIM_APP,
    SIGNED_OUT,
    SSO_APP,
    SSO_CLIENT_ID,
    SSO_KEY,
    Either,
    Refused,
    Scenario,
    exporting,
    late_answer,
    seed_with,
    situation,
)
from outcomes import CERTIFICATE_PASSWORD, LEFT_OUT, Situation

SERVICES: Mapping[type[Task], frozenset[str]] = {
    Task: frozenset({"provisioning", "scim", "http"}),
    GroupTask: frozenset({"provisioning", "scim", "http"}),
    DirectoryTask: frozenset({"provisioning", "scim", "http"}),
    BulkDirectoryTask: frozenset({"provisioning", "scim", "http"}),
    InstanceTask: frozenset({"provisioning", "http"}),
    # It connects as the two kinds before it do.
    ExportTask: frozenset(),
    EntraTask: frozenset({"provisioning", "scim", "entra", "graph", "http"}),
    # It connects as an EntraTask does, and differs in what it shows only.
    RawRequestTask: frozenset(),
    ImportTask: frozenset({"provisioning", "scim", "entra", "graph", "http"}),
    ImportAppTask: frozenset({"entra", "graph", "http"}),
    ScimAppTask: frozenset({"entra", "graph", "http"}),
    SsoAppTask: frozenset({"provisioning", "entra", "graph", "http"}),
}
"""The services that a kind of task can use, in the words of the table of connection options."""


class ConnectionScenario(NamedTuple):
    """A scenario of a connection option, and the service for which it proves the option."""

    service: str
    scenario: Scenario


class Plain(NamedTuple):
    """A task that uses a service, and an endpoint that it needs there."""

    situation: Situation
    endpoint: str


SIGN_ON = {"primary_domain": "emea.contoso.com", "client_id": SSO_CLIENT_ID, "key": SSO_KEY, "verify": False}
NORTHWIND = {
    "environment": "northwind",
    "administrator": {"email": LEE, "first_name": "Lee", "last_name": "Gu"},
}

OVER_PROVISIONING: Sequence[Plain] = (
    Plain(situation("w365_admin", PROVISIONING, administrators={"add": [ALLAN]}), "user.list"),
    Plain(situation("w365_admin_info", PROVISIONING), "user.list"),
    Plain(situation("w365_directory", PROVISIONING, users=[NEW], concurrency=1), "user.create"),
    Plain(situation("w365_environment_info", PROVISIONING), "environment.list"),
    Plain(exporting(PROVISIONING), "sso.read"),
    Plain(situation("w365_group", PROVISIONING, name="Sales"), "group.create"),
    Plain(situation("w365_group_info", PROVISIONING), "group.list"),
    Plain(
        situation("w365_o365_import", {**GRAPH, **PROVISIONING}, groups=["EMEA Office"], concurrency=1), "user.create"
    ),
    Plain(situation("w365_settings", PROVISIONING, sharepoint={"url": "https://a.sharepoint.com"}), "sharepoint.write"),
    Plain(situation("w365_settings_info", PROVISIONING), "exchange.read"),
    Plain(situation("w365_sso", PROVISIONING, **SIGN_ON), "sso.write"),
    Plain(situation("w365_sso_info", PROVISIONING), "sso.read"),
    Plain(situation("w365_sso_app", SSO_APP, primary_domain="contoso.com"), "sso.write"),
    Plain(situation("w365_user", PROVISIONING, **NEW), "user.create"),
    Plain(situation("w365_user_info", PROVISIONING), "user.list"),
)
EXPORT_OVER_SCIM = exporting(SCIM, allow_unreadable=["environment", "sso", "administrators"])
OVER_SCIM: Sequence[Plain] = (
    Plain(EXPORT_OVER_SCIM, "scim.user.list"),
    Plain(situation("w365_directory", SCIM, users=[NEW], concurrency=1), "scim.user.create"),
    Plain(situation("w365_group", SCIM, name="Sales"), "scim.group.create"),
    Plain(situation("w365_group_info", SCIM), "scim.group.list"),
    Plain(situation("w365_o365_import", {**GRAPH, **SCIM}, groups=["EMEA Office"], concurrency=1), "scim.user.create"),
    Plain(situation("w365_user", SCIM, **NEW), "scim.user.create"),
    Plain(situation("w365_user_info", SCIM), "scim.user.list"),
)
OVER_GRAPH: Sequence[Plain] = (
    Plain(situation("w365_o365_import", {**GRAPH, **SCIM}, groups=["EMEA Office"], concurrency=1), "graph.group.users"),
    Plain(situation("w365_o365_import_info", GRAPH, groups=["EMEA Office"], concurrency=1), "graph.group.users"),
    Plain(situation("w365_import_app", IMPORT_APP), "graph.application.upsert"),
    Plain(situation("w365_import_app_info", GRAPH), "graph.applications"),
    Plain(situation("w365_scim_app", SCIM_APP), "graph.sync.settings"),
    Plain(situation("w365_scim_app_info", {**GRAPH, "environment": "contoso"}), "graph.applications"),
    Plain(situation("w365_sso_app", SSO_APP, primary_domain="contoso.com"), "graph.application.update"),
    Plain(situation("w365_sso_app_info", {**GRAPH, **PROVISIONING}), "graph.principals"),
)
# It sends what it is told to send, so it has no table of endpoints.
RAW = {
    "provisioning": situation("w365_api", BOTH, path="/{environment}/User/"),
    "scim": situation("w365_api", BOTH, path="/Users", service="scim"),
    "graph": situation("w365_api", GRAPH, path="/organization", service="graph"),
}


def of_provisioning() -> Iterator[Scenario]:
    yield from reading_back(PROVISIONING)
    deactivated = situation("w365_environment", PROVISIONING, active=False, read_back_timeout=1, fails=True)
    yield Scenario("read_back_timeout", replace(deactivated, switches={"ignored_changes": "environments"}), [0])
    forgotten = situation("w365_sso", PROVISIONING, **SIGN_ON, read_back_timeout=1)
    yield Scenario("read_back_timeout", replace(forgotten, switches={"settings_write": "dropped"}), [0])
    application = situation("w365_sso_app", SSO_APP, primary_domain="contoso.com", read_back_timeout=1, fails=True)
    yield Scenario("read_back_timeout", replace(application, switches={"settings_write": "dropped"}), [0])
    for plain in OVER_PROVISIONING:
        yield Scenario("endpoints", plain.situation, [Either({plain.endpoint: "/Elsewhere/"})])
    for task in (*(plain.situation for plain in OVER_PROVISIONING), RAW["provisioning"]):
        yield Scenario("instance_url", task, [Refused(LEFT_OUT), Refused("http://localhost")])
        yield Scenario("provisioning_key", task, [Refused(LEFT_OUT), Refused("wrong")])
        # For w365_environment_info, an environment that is not there is no failure.
        yield Scenario("environment", task, [Either("northwind")])


def reading_back(connection: Mapping[str, Any]) -> Iterator[Scenario]:
    """Servers that accept a change and do not make it: by default that is noticed."""
    for module, ignored, options in (
        ("w365_user", "active", {"upn": NESTOR, "state": "absent"}),
        ("w365_group", "deletions", {"name": "Retail", "state": "absent"}),
        ("w365_directory", "active", {"users": [{"upn": NESTOR, "state": "absent"}], "concurrency": 1}),
        ("w365_o365_import", "active", {"groups": ["Sales"], "concurrency": 1}),
    ):
        seed = seed_with({"upn": BRIAN, "first_name": "Brian", "last_name": "Johnson"})
        if module == "w365_o365_import" and connection is PROVISIONING:
            # There it deactivates nobody, and can create people who cannot sign in yet.
            task = situation(
                module, {**GRAPH, **connection}, **options, read_back_timeout=1, default_status="inactive", fails=True
            )
            yield Scenario("read_back_timeout", replace(task, switches={"ignored_changes": ignored}), [0])
            continue
        source = GRAPH if module == "w365_o365_import" else {}
        task = situation(module, {**source, **connection}, read_back_timeout=1, fails=True, **options)
        yield Scenario(
            "read_back_timeout", replace(task, seed=seed, switches={"ignored_changes": ignored}), [0, Refused(-1)]
        )


def of_scim() -> Iterator[Scenario]:
    yield from reading_back(SCIM)
    for plain in OVER_SCIM:
        yield Scenario("endpoints", plain.situation, [Refused({plain.endpoint: "/Elsewhere"})])
        # Only its name in sentences: the address of the service belongs to one environment.
        broken = replace(plain.situation, fails=True, faults=[{"action": "status", "status": 400, "surface": "scim", "method": "POST"}])  # fmt: skip
        if not plain.situation.module.endswith("_info") and plain.situation is not EXPORT_OVER_SCIM:
            yield Scenario("environment", broken, [Refused("fabrikam")])
    for task in (*(plain.situation for plain in OVER_SCIM), RAW["scim"]):
        yield Scenario("scim_url", task, ["<other_scim_url>", Refused(LEFT_OUT)])
        yield Scenario("scim_token", task, [Refused(LEFT_OUT), Refused("wrong")])
    writing = (plain.situation for plain in OVER_SCIM if not plain.situation.module.endswith("_info"))
    for task in (*writing, situation("w365_admin", BOTH, administrators={"add": ["nestor.wilke@contoso.com"]})):
        yield Scenario("scim_environment", task, [Refused("fabrikam")])


def of_scim_application() -> Iterator[Scenario]:
    """It gives address and token to Microsoft Entra."""
    task = situation("w365_scim_app", SCIM_APP)
    yield Scenario("scim_url", task, ["<other_scim_url>", Refused(LEFT_OUT), Refused("http://localhost")])
    yield Scenario("scim_token", task, [Refused(LEFT_OUT), Refused("wrong")])
    yield Scenario("environment", task, ["fabrikam", LEFT_OUT])
    yield Scenario("scim_environment", situation("w365_scim_app", {**SCIM_APP, **PROVISIONING}), [Refused("fabrikam")])


def of_graph() -> Iterator[Scenario]:
    for plain in OVER_GRAPH:
        yield Scenario("endpoints", plain.situation, [Refused({plain.endpoint: "/groups/{id}/elsewhere"})])
    for task in (*(plain.situation for plain in OVER_GRAPH), RAW["graph"]):
        yield Scenario("graph_url", task, [Refused(LEFT_OUT), Refused("http://localhost")])
        # Nobody answers for Microsoft here, so it fails at the right host.
        foreign = replace(task.with_option("graph_url", LEFT_OUT), fails=True)
        yield Scenario("entra_cloud", foreign, [Refused("usgov"), Refused("usgov_dod"), Refused("china")])


def of_entra() -> Iterator[Scenario]:
    for task in (*(plain.situation for plain in OVER_GRAPH), RAW["graph"]):
        yield Scenario("entra_authority", task, [Refused(LEFT_OUT), Refused("http://localhost")])
        foreign = replace(task.with_option("entra_authority", LEFT_OUT), fails=True)
        yield Scenario("entra_cloud", foreign, [Refused("usgov"), Refused("china")])
        yield Scenario("entra_tenant", task, [Refused(LEFT_OUT), Refused("northwind.com")])
        yield Scenario("entra_client_id", task, [Refused(LEFT_OUT), Refused(SSO_CLIENT_ID)])
        yield Scenario("entra_client_secret", task, [Refused(LEFT_OUT), Refused("wrong")])
        signed_out = replace(task.with_option("entra_client_secret", LEFT_OUT), fails=True)
        yield Scenario("entra_certificate_path", signed_out, ["<app_file>", Refused("<workload_file>")])
        locked = signed_out.with_option("entra_certificate_path", "<locked_file>")
        yield Scenario("entra_certificate_password", locked, [CERTIFICATE_PASSWORD, Refused("wrong")])
        yield Scenario("entra_federated_token_file", signed_out, ["<workload_file>", Refused("<app_file>")])
        machine = {"IDENTITY_ENDPOINT": "<entra_authority>/msi/token", "IDENTITY_HEADER": "a-header"}
        in_azure = replace(signed_out, environ=machine)
        yield Scenario("entra_managed_identity", in_azure, ["system", CLIENT_ID, Refused("nobody")])
        # What the task gives counts more than an environment variable.
        by_variable = replace(signed_out, fails=False, environ={"W365_ENTRA_CLIENT_SECRET": CLIENT_SECRET})
        yield Scenario("entra_certificate_path", by_variable, ["<app_file>"])
    sign_on = situation("w365_sso", {**PROVISIONING, **SIGNED_OUT}, **{**SIGN_ON, "verify": True})
    yield Scenario("entra_authority", sign_on, [Refused(LEFT_OUT)])
    yield Scenario("graph_url", sign_on, [LEFT_OUT])
    foreign_graph = sign_on.with_option("graph_url", LEFT_OUT)
    yield Scenario("entra_cloud", foreign_graph, ["usgov", "usgov_dod", "china"])


PADDING = "x" * 1_100_000
LARGE: Mapping[str, Any] = {
    "w365_user": [
        {"Id": 1, "EmailAddress": ALLAN, "FirstName": PADDING, "LastName": "Deyoung", "IsAdministrator": True}
    ],
    "w365_group": [{"Id": 1, "Name": PADDING, "Members": []}],
    "w365_directory": [
        {"Id": 1, "EmailAddress": ALLAN, "FirstName": PADDING, "LastName": "Deyoung", "IsAdministrator": True}
    ],
    "w365_environment": ["contoso", PADDING],
    "w365_o365_import": {
        "value": [{"id": "00000000-0000-4000-8002-000000000003", "displayName": "EMEA Office", "description": PADDING}]
    },
    "w365_import_app_info": {"value": [], "padding": PADDING},
    "w365_scim_app_info": {"value": [], "padding": PADDING},
    "w365_sso_app_info": {"value": [], "padding": PADDING},
    "w365_api": {"value": [], "padding": PADDING},
}
"""First answers of more than a megabyte, with which the tasks go on."""


def of_every_request() -> Iterator[Scenario]:
    for task in (*(plain.situation for plain in (*OVER_PROVISIONING, *OVER_SCIM, *OVER_GRAPH)), *RAW.values()):
        distrusted = replace(task.with_option("ca_path", LEFT_OUT), fails=True)
        yield Scenario("ca_path", distrusted, ["<ca_path>", Refused("<folder>/no.pem")])
        yield Scenario("ca_path", task, [Refused("<guarded_ca_file>")])
        yield Scenario("validate_certs", distrusted, [False])
    # One task of each kind
    guarded: Mapping[str, Any] = {**PROVISIONING, "instance_url": "<guarded_url>", "ca_path": "<guarded_ca_file>"}
    # The server there answers what reads, nothing else.
    for task in (
        situation("w365_user_info", guarded, fails=True),
        replace(situation("w365_group", guarded, name="Sales", fails=True), check=True),
        replace(situation("w365_directory", guarded, users=[NEW], fails=True), check=True),
        situation("w365_environment_info", guarded, fails=True),
        situation("w365_api", guarded, path="/Environment/", fails=True),
        # The sources of these two have a certificate of another authority.
        situation("w365_sso_app_info", {**GRAPH, **guarded, "validate_certs": False}, fails=True).with_option(
            "ca_path", LEFT_OUT
        ),
        replace(
            situation("w365_o365_import", {**GRAPH, **guarded, "validate_certs": False}, groups=["EMEA Office"]),
            check=True,
            fails=True,
        ).with_option("ca_path", LEFT_OUT),
    ):
        yield Scenario("client_cert", task, ["<client_file>", Refused("<app_file>"), Refused("<folder>/no.pem")])
        without_key = task.with_option("client_cert", "<client_cert_file>")
        yield Scenario("client_key", without_key, ["<client_key_file>", Refused("<app_file>")])
    # It uses nothing but Microsoft Entra, as which that server does not answer.
    guarded = {**GRAPH, "ca_path": "<guarded_ca_file>", "entra_authority": "<guarded_url>", "environment": "contoso"}
    for module in ("w365_scim_app_info", "w365_import_app_info"):
        task = situation(module, guarded, fails=True)
        yield Scenario("client_cert", task, [Refused("<client_file>"), Refused("<app_file>")])
        without_key = task.with_option("client_cert", "<client_cert_file>")
        yield Scenario("client_key", without_key, [Refused("<client_key_file>"), Refused("<app_file>")])
    for task, surface in (
        (situation("w365_user", PROVISIONING, **NEW), "provisioning"),
        (situation("w365_group", PROVISIONING, name="Sales"), "provisioning"),
        (situation("w365_directory", PROVISIONING, users=[NEW], concurrency=1), "provisioning"),
        (situation("w365_environment", PROVISIONING, **NORTHWIND), "provisioning"),
        (situation("w365_o365_import", {**GRAPH, **PROVISIONING}, groups=["EMEA Office"], concurrency=1), "graph"),
        (situation("w365_sso_app_info", {**GRAPH, **PROVISIONING}), "graph"),
        (situation("w365_scim_app_info", {**GRAPH, **PROVISIONING}), "graph"),
        (situation("w365_import_app_info", GRAPH), "graph"),
        (RAW["graph"], "graph"),
    ):
        # The first answer comes too late, and the request is sent again.
        late = replace(task, faults=[late_answer(1.2, surface=surface, method="GET")], settle=0.2)
        yield Scenario("timeout", late, [1, Refused(0)], slow=task.module != "w365_user")
        # The same as a whole answer that comes in pieces.
        slowly = replace(task, faults=[{"action": "slow_body", "seconds": 2.5, "surface": surface, "method": "GET"}])
        yield Scenario("answer_timeout", slowly, [Refused(1), Refused(0)], slow=task.module != "w365_user")
        throttled = replace(task, faults=[{"action": "status", "status": 429, "surface": surface, "method": "GET"}])
        yield Scenario("rate_limit_timeout", throttled, [Refused(0), Refused(-2)])
        large = {"action": "status", "status": 200, "body": LARGE[task.module], "surface": surface, "method": "GET"}
        yield Scenario("max_answer_size", replace(task, faults=[large]), [Refused(1), Refused(0)])
        # It makes two requests at least.
        yield Scenario("max_requests_per_second", task, [2.0], takes=0.5)
        yield Scenario("max_requests_per_second", task, [Refused(0)])


CONNECTION_SCENARIOS: Sequence[ConnectionScenario] = [
    ConnectionScenario(service, scenario)
    for service, scenarios in (
        ("provisioning", of_provisioning()),
        ("scim", of_scim()),
        ("scim", of_scim_application()),
        ("graph", of_graph()),
        ("entra", of_entra()),
        ("http", of_every_request()),
    )
    for scenario in scenarios
]
