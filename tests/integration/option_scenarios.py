# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For every option of every module, a situation in which it makes a difference. A new option needs an entry here.

A scenario is a situation and values of one option. None of them may come to the same outcome as the situation itself,
or as another one. `test_every_option.py` runs them, and fails for an option without a scenario.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outcomes import LEFT_OUT, WORKLOAD, Situation

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """A value with which the task fails."""

    value: Any


@dataclass(frozen=True)
class Either:
    """A value with which the task may fail, and need not."""

    value: Any


@dataclass(frozen=True)
class Scenario:
    """Values of an option, each of which must make a difference.

    `takes` are seconds that the task needs at least with the value, as the option promises; it then makes no other
    difference. A `slow` one is left out of `make test`.
    """

    option: str
    situation: Situation
    values: Sequence[Any]
    takes: float = 0.0
    slow: bool = False


# What the twin holds: two environments and a small tenant

ADELE, ALEX, ALLAN = "adele.vance@contoso.com", "alex.wilber@contoso.com", "allan.deyoung@contoso.com"
BRIAN, EMILY, LEE = "brian.johnson@contoso.com", "emily.braun@emea.contoso.com", "lee.gu@contoso.com"
MEGAN, NESTOR, PATTI = "megan.bowen@contoso.com", "nestor.wilke@contoso.com", "patti.fernandez@contoso.com"
GUEST = "raul.razo_fabrikam.com#EXT#@contoso.onmicrosoft.com"

CLIENT_ID = "00000000-0000-4000-8000-0000000000a1"
CLIENT_SECRET = "entra-demo-secret-of-the-twin"
SSO_CLIENT_ID = "00000000-0000-4000-8000-0000000000b2"
SSO_KEY = "sso-demo-secret-of-the-twin"
AUTHORITY = "https://login.windows.net/contoso.com"


def object_id(number: int) -> str:
    return f"00000000-0000-4000-8001-{number:012}"


def _person(number: int, upn: str, given_name: str, surname: str | None, **more: Any) -> dict[str, Any]:
    names = {"given_name": given_name, "surname": surname, "display_name": f"{given_name} {surname or '(Desk)'}"}
    return {"id": object_id(number), "user_principal_name": upn, "mail": upn, **names, **more}


def _group(number: int, name: str, *members: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"00000000-0000-4000-8002-{number:012}", "display_name": name, "members": list(members), **more}


TENANT: dict[str, Any] = {
    "id": "00000000-0000-4000-8000-000000000001",
    "display_name": "Contoso",
    "domains": [
        {"name": "contoso.com", "default": True},
        {"name": "contoso.onmicrosoft.com", "initial": True},
        {"name": "emea.contoso.com"},
    ],
    "applications": [
        {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "certificates": ["<app_certificate>"],
            "federated_subjects": [WORKLOAD],
        },
        {"client_id": SSO_CLIENT_ID, "client_secret": SSO_KEY},
    ],
    "users": [
        _person(1, ALLAN, "Allan", "Deyoung"),
        _person(2, ADELE, "Adele", "Vance"),
        _person(3, ALEX, "Alex", "Wilber"),
        _person(4, GUEST, "Raul", "Razo", user_type="Guest"),
        _person(5, "delia@contoso.com", "Delia", None),
        _person(6, BRIAN, "Brian", "Johnson", account_enabled=False),
        _person(7, EMILY, "Emily", "Braun"),
        _person(8, LEE, "Lee", "Gu"),
    ],
    "groups": [
        _group(1, "Sales", ADELE, ALEX, GUEST, "delia@contoso.com", BRIAN, mail_enabled=True, group_types=["Unified"]),
        _group(2, "Regional Offices", LEE, {"group": "EMEA Office"}),
        _group(3, "EMEA Office", EMILY),
        _group(4, "News", ALEX, mail_enabled=True, security_enabled=False),
    ],
    "directory_roles": [
        {
            "template_id": "62e90394-69f5-4237-9190-012177145e10",
            "display_name": "Global Administrator",
            "members": [ALLAN, ADELE],
        }
    ],
}

ENVIRONMENT: dict[str, Any] = {
    "name": "contoso",
    "users": [
        {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True},
        {"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke", "external_id": "hr-1"},
        {"upn": PATTI, "first_name": "Patti", "last_name": "Fernandez", "active": False},
        {"upn": MEGAN, "first_name": "Megan", "last_name": "Bowen", "administrator": True},
    ],
    "groups": [
        {"name": "Retail", "description": "The shops", "members": [NESTOR]},
        {"name": "Board", "members": [MEGAN]},
    ],
    "sso": {"authority": AUTHORITY, "client_id": SSO_CLIENT_ID, "key": SSO_KEY},
}

OTHER_ENVIRONMENT: dict[str, Any] = {
    "name": "fabrikam",
    "users": [{"upn": "raul.razo@fabrikam.com", "first_name": "Raul", "last_name": "Razo", "administrator": True}],
}

SEED: dict[str, Any] = {"tenants": [TENANT], "environments": [ENVIRONMENT, OTHER_ENVIRONMENT]}


def seed_with(*users: Mapping[str, Any]) -> dict[str, Any]:
    """The same with more users in the environment; one that is there already has more attributes."""
    known = {user["upn"]: user for user in ENVIRONMENT["users"]}
    for user in users:
        known[user["upn"]] = {**known.get(user["upn"], {}), **user}
    return {**SEED, "environments": [{**ENVIRONMENT, "users": list(known.values())}, OTHER_ENVIRONMENT]}


def imported(number: int, upn: str, first_name: str, last_name: str, **more: Any) -> dict[str, Any]:
    """A user of the environment whom an earlier import has brought."""
    return {"upn": upn, "first_name": first_name, "last_name": last_name, "external_id": object_id(number), **more}


SALES_ID, CREW_ID = (f"00000000-0000-4000-8002-{number:012}" for number in (1, 9))


def seed_with_groups(group: Mapping[str, Any], *users: Mapping[str, Any]) -> dict[str, Any]:
    """The same with one more group, and with more users."""
    seed = seed_with(*users)
    environment, other = seed["environments"]
    return {**seed, "environments": [{**environment, "groups": [*environment["groups"], group]}, other]}


# How a task reaches the twin

PROVISIONING: Options = {
    "instance_url": "<instance_url>",
    "provisioning_key": "<provisioning_key>",
    "environment": "contoso",
    "ca_path": "<ca_path>",
}
SCIM: Options = {
    "scim_url": "<scim_url>",
    "scim_token": "<scim_token>",
    "environment": "contoso",
    "ca_path": "<ca_path>",
}
BOTH: Options = {**PROVISIONING, **SCIM}
GRAPH: Options = {
    "entra_authority": "<entra_authority>",
    "graph_url": "<graph_url>",
    "entra_tenant": "contoso.com",
    "entra_client_id": CLIENT_ID,
    "entra_client_secret": CLIENT_SECRET,
    "ca_path": "<ca_path>",
}
SIGNED_OUT: Options = {name: value for name, value in GRAPH.items() if name != "entra_client_secret"}

ON_SERVER = (
    "seed",
    "switches",
    "faults",
    "earlier",
    "cycles",
    "tenant",
    "files",
    "environ",
    "check",
    "fails",
    "settle",
)


def situation(module: str, connection: Options, **more: Any) -> Situation:
    """A task with these options; words such as switches and fails describe the server and the outcome."""
    server = {name: more.pop(name) for name in ON_SERVER if name in more}
    return Situation(module, {**connection, **more}, **{"seed": SEED, **server})


def late_answer(seconds: float, **fault: Any) -> dict[str, Any]:
    """What makes the twin answer the first such request late."""
    return {"action": "latency", "seconds": seconds, **fault}


def odd_list() -> dict[str, Any]:
    """What makes the twin answer the list of users in the Provisioning API with something else, every time."""
    odd = {"action": "status", "status": 200, "body": {}, "times": -1}
    return {"surface": "provisioning", "method": "GET", "path": "/contoso/User/$", **odd}


# Users, as w365_user and the list of w365_directory know them

NEW = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
OLD = {"upn": NESTOR}


OPTIONAL_ATTRIBUTES = (
    ("display_name", "Adele V.", "Ms. Vance"),
    ("job_title", "Product Marketing Manager", "Assistant"),
    ("department", "Marketing", "Sales"),
    ("phone", "+1 425 555 0109", "+1 425 555 0110"),
    ("preferred_language", "en-US", "nl-NL"),
)
ASSISTANT = {"upn": ALEX, "first_name": "Alex", "last_name": "Wilber"}
HELD = {
    **ASSISTANT,
    "display_name": "Alex W.",
    "title": "Marketing Assistant",
    "department": "Finance",
    "phone_numbers": [{"type": "work", "value": "+1 858 555 0110"}],
    "preferred_language": "de-DE",
}
"""A user of the environment who has a value of every optional attribute."""

SCIM_NAMES = {
    "display_name": "displayName",
    "job_title": "title",
    "department": "department",
    "phone": "phoneNumbers",
    "preferred_language": "preferredLanguage",
}


def servers_without(option: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Switches of SCIM services that do not keep an attribute: /Schemas says so; there is no /Schemas, and it is dropped;
    there is no /Schemas, and it is refused."""
    kept = ",".join(name for field, name in SCIM_NAMES.items() if field != option)
    dropping = {"scim_attributes": kept, "scim_schemas": "missing"}
    return {"scim_attributes": kept}, dropping, {**dropping, "scim_unknown_attributes": "invalidValue"}


def user_scenarios(one: Callable[..., Situation], prefix: str) -> Iterator[Scenario]:
    """`one` makes a situation of a connection, a user and options of the task; `prefix` stands before an option."""

    def scenario(option: str, connection: Options, user: Options, *values: Any, **more: Any) -> Scenario:
        return Scenario(f"{prefix}{option}", one(connection, user, **more), values)

    yield scenario("upn", SCIM, NEW, ALEX)
    yield scenario("identity", SCIM, {**NEW, "upn": "n.wilke@contoso.com"}, NESTOR)
    yield scenario("state", SCIM, OLD, "absent")
    yield scenario("permanent", SCIM, {**OLD, "state": "absent"}, True)
    yield scenario("first_name", SCIM, OLD, "Nestor Jr.")
    yield scenario("last_name", SCIM, OLD, "Wilkes")
    yield scenario("email", SCIM, OLD, "office@contoso.com")
    yield scenario("active", SCIM, OLD, False)
    yield scenario("external_id", SCIM, OLD, "hr-2", "")
    yield scenario("administrator", PROVISIONING, OLD, True)
    yield scenario("administrator", PROVISIONING, {"upn": MEGAN}, False)
    yield scenario("password", PROVISIONING, NEW, "password-one", "password-two")
    yield scenario("create_in_office365", PROVISIONING, NEW, True)
    # Only through one of the two services.
    yield scenario("email", PROVISIONING, OLD, Refused("office@contoso.com"))
    yield scenario("permanent", PROVISIONING, {**OLD, "state": "absent"}, Refused(True))
    yield scenario("administrator", SCIM, OLD, Refused(True))
    yield scenario("password", SCIM, NEW, Refused("password-one"))
    yield scenario("create_in_office365", SCIM, NEW, Refused(True))
    yield Scenario("update_password", one(PROVISIONING, {**OLD, "password": "password-one"}), ["always"])
    for option, *values in OPTIONAL_ATTRIBUTES:
        yield scenario(option, SCIM, NEW, *values)
        yield scenario(option, SCIM, ASSISTANT, *values, "", seed=seed_with(HELD))
        without, silent, refusing = servers_without(option)
        yield scenario(option, SCIM, OLD, Refused(values[0]), switches=without)
        yield scenario(option, SCIM, OLD, values[0], switches=silent)
        yield scenario(option, SCIM, OLD, Refused(values[0]), switches=refusing)
        yield scenario(option, PROVISIONING, OLD, Refused(values[0]))
    changed = {**OLD, "last_name": "Wilkes", "department": "Marketing"}
    without, _silent, _refusing = servers_without("department")
    for connection, switches in ((SCIM, without), (PROVISIONING, {})):
        yield Scenario("when_unsupported", one(connection, changed, switches=switches, fails=True), ["ignore"])


# Groups, as w365_group and the list of w365_directory know them


def group_scenarios(one: Callable[..., Situation], prefix: str) -> Iterator[Scenario]:
    retail = {"name": "Retail"}

    def scenario(option: str, connection: Options, group: Options, *values: Any) -> Scenario:
        return Scenario(f"{prefix}{option}", one(connection, group), values)

    yield scenario("name", SCIM, {"name": "Sales"}, "Marketing")
    yield scenario("identity", SCIM, {"name": "Shops"}, "Retail")
    yield scenario("state", SCIM, retail, "absent")
    yield scenario("description", PROVISIONING, retail, "All shops", "")
    yield scenario("description", SCIM, retail, Refused("All shops"))
    yield scenario("external_id", SCIM, retail, "hr-9")
    yield scenario("external_id", PROVISIONING, retail, Refused("hr-9"))
    yield scenario("members", SCIM, retail, {"add": [MEGAN]}, {"set": []})
    yield scenario("members.add", SCIM, {**retail, "members": {"add": []}}, [MEGAN], Refused(["nobody@contoso.com"]))
    yield scenario("members.remove", SCIM, {**retail, "members": {"remove": []}}, [NESTOR])
    yield scenario("members.set", SCIM, {**retail, "members": {"set": [NESTOR]}}, [MEGAN], [])


# One module after the other


def admin_scenarios() -> Iterator[Scenario]:
    def one(**administrators: Any) -> Situation:
        return situation("w365_admin", PROVISIONING, administrators=administrators)

    yield Scenario("administrators", one(add=[ALLAN]), [{"add": [NESTOR]}, {"remove": [MEGAN]}])
    yield Scenario("administrators.add", one(add=[ALLAN]), [[NESTOR], Refused([PATTI])])
    yield Scenario("administrators.remove", one(remove=[NESTOR]), [[MEGAN], Refused([ALLAN, MEGAN])])
    yield Scenario("administrators.set", one(set=[ALLAN, MEGAN]), [[ALLAN], [ALLAN, MEGAN, NESTOR], Refused([])])


OF_SALES = {"name": "Sellers", "group": "Sales", "allow": ["Create apps in app store"]}
OF_RETAIL = {"profiles": [{"name": "Shops", "group": "Retail", "deny": ["Create shared tile groups"]}]}


def directory_scenarios() -> Iterator[Scenario]:
    def one(connection: Options = SCIM, **more: Any) -> Situation:
        # Workers that are not in step would make two runs of the same differ.
        return situation("w365_directory", connection, **{"concurrency": 1, **more})

    old = one(users=[OLD])
    # The lists and what stands in them
    yield Scenario("users", one(groups=[{"name": "Retail"}]), [[NEW]])
    yield Scenario("groups", old, [[{"name": "Sales"}]])
    yield Scenario("administrators", one(PROVISIONING, users=[OLD]), [{"add": [NESTOR]}, {"set": [ALLAN]}])
    yield from user_scenarios(lambda connection, user, **more: one(connection, users=[user], **more), "users.")
    yield from group_scenarios(lambda connection, group, **more: one(connection, groups=[group], **more), "groups.")
    for part, before, *values in (
        ("add", [ALLAN], [NESTOR], Refused([PATTI])),
        ("remove", [NESTOR], [MEGAN]),
        ("set", [ALLAN, MEGAN], [ALLAN], Refused([])),
    ):
        yield Scenario(f"administrators.{part}", one(PROVISIONING, administrators={part: before}), values)
    files = {
        "users.yml": json.dumps({"users": [NEW], "groups": [{"name": "Sales", "members": {"add": [ADELE]}}]}),
        "users.csv": f"upn,first_name,last_name,Cost Center\n{ALEX},Alex,Wilber,9\n",
    }
    from_files = replace(old, files=files)
    yield Scenario("src", from_files, [["<folder>/users.yml"], ["<folder>/users.csv"], Refused(["<folder>/no.yml"])])
    # Purging
    listed: dict[str, Any] = {
        "users": [{"upn": ALLAN}],
        "groups": [{"name": "Retail", "members": {"add": [ALLAN]}}],
        "administrators": {"add": [ALLAN]},
        "purge_limit": "100%",
    }
    everywhere = {"groups": ["*"]}
    scoped = one(BOTH, **listed, purge_scope=everywhere)
    yield Scenario("purge", scoped, [["users"], ["groups"], ["memberships"], ["administrators"], ["users", "groups"]])
    purging = scoped.with_option("purge", ["users"])
    yield Scenario("purge_scope", purging, [{"groups": ["Retail"]}, Refused(LEFT_OUT)])
    yield Scenario("purge_scope.domains", purging, [["emea.contoso.com"], Refused([])])
    yield Scenario("purge_scope.external_id_prefix", purging, ["hr-", Refused(" ")])
    by_domain = purging.with_option("purge_scope", {"domains": ["contoso.com"]})
    yield Scenario("purge_scope.groups", by_domain, [["Retail"]])
    yield Scenario("purge_limit", purging, [Refused("1"), Refused("25%"), Refused("many")])
    yield Scenario(
        "membership_limit", one(groups=[{"name": "Retail", "members": {"set": []}}]), [Refused("0"), Refused("many")]
    )
    joining = one(groups=[{"name": "Retail", "members": {"add": [MEGAN]}}])
    yield Scenario("permission_profiles", joining, [OF_RETAIL, Refused({}), Refused({**OF_RETAIL, "deny": []})])
    blind = one(users=[{**OLD, "state": "absent"}])
    yield Scenario("when_administrators_unknown", blind, [Refused("refuse")])
    seen = one(BOTH, users=[{**OLD, "state": "absent"}], faults=[odd_list()], fails=True)
    yield Scenario("when_administrators_unknown", seen, ["warn"])
    yield Scenario("protected_users", purging, [[NESTOR]])
    yield Scenario("protected_users", one(users=[{**OLD, "state": "absent"}]), [Refused([NESTOR])])
    misspelled = one(users=[OLD], protected_users=["nestor.wilkee@contoso.com"])
    yield Scenario("strict", misspelled, [Refused(True)])
    unknown = one(users=[{"upn": "nestor.wilkee@contoso.com", "state": "absent"}])
    yield Scenario("absent_must_exist", unknown, [Refused(True)])
    # Plans
    new = one(users=[NEW])
    yield Scenario("plan_file", new, ["<folder>/plan.json"])
    yield Scenario("return_plan", new, [True])
    yield Scenario("apply_plan_content", new, [Refused("eNo="), Refused(" ")])
    made = {**SCIM, "users": [NEW], "plan_file": "<folder>/plan.json"}
    planned = replace(old, earlier=[("w365_directory", made)])
    yield Scenario("apply_plan", planned, ["<folder>/plan.json", Refused("<folder>/no.json")])
    applying = planned.with_option("apply_plan", "<folder>/plan.json")
    yield Scenario("plan_digest", applying, [Refused(f"sha256:{'0' * 64}")])
    writable = replace(applying, modes={"plan.json": 0o666}, fails=True)
    yield Scenario("trust_local_files", writable, [True])
    # How it works
    slow_create = one(users=[NEW, {**NEW, "upn": ALEX}], faults=[late_answer(1.0, surface="scim", method="POST")])
    yield from concurrency_scenarios(slow_create)
    many = [{**NEW, "upn": f"user{number}@contoso.com"} for number in range(12)]
    yield Scenario("scim_bulk", one(users=many, switches={"scim_bulk": True}), [False])
    yield from long_task_scenarios(one(users=[OLD]), "scim")


def concurrency_scenarios(slow: Situation) -> Iterator[Scenario]:
    """In a task with one request at a time."""
    yield Scenario("concurrency", slow, [2, Refused(0), Refused(-4), Refused("many"), Refused("1.5")])
    auto = slow.with_option("concurrency", "auto").with_option("concurrency_max", 3)
    yield Scenario("concurrency", auto, [1, Refused(4), Refused("Auto")])
    yield Scenario("concurrency_max", auto, [1, 64, Refused(0), Refused(-1), Refused(65)])


def long_task_scenarios(task: Situation, surface: str) -> Iterator[Scenario]:
    """Reports and progress, of a task that reads from the surface first."""
    yield Scenario("report_file", task, [["<folder>/r.csv"], ["<folder>/r.html"], Refused(["<folder>/r.txt"])])
    waiting = replace(task, faults=[late_answer(1.1, surface=surface)])
    yield Scenario("progress_file", waiting.with_option("progress_interval", 1), ["<folder>/progress"])
    yield Scenario("progress_interval", waiting.with_option("progress_file", "<folder>/progress"), [1, Refused(-1)])


def environment_scenarios() -> Iterator[Scenario]:
    def one(environment: str = "contoso", **more: Any) -> Situation:
        return situation("w365_environment", PROVISIONING, **{"environment": environment, **more})

    administrator = {"email": LEE, "first_name": "Lee", "last_name": "Gu"}
    new = one("northwind", administrator=administrator)
    nobody = one("northwind", fails=True)
    yield Scenario("environment", one(administrator=administrator), ["northwind", Refused("demo")])
    yield Scenario("state", one(delete_confirmation="contoso"), ["absent"])
    yield Scenario("administrator", nobody, [administrator])
    yield Scenario("administrator.email", new, [MEGAN])
    yield Scenario("administrator.first_name", new, ["Leander"])
    yield Scenario("administrator.last_name", new, ["Guo"])
    yield Scenario("administrator.password", new, ["password-one"])
    yield Scenario("empty", nobody, [True])
    yield Scenario("active", one(), [False])
    yield Scenario("validate", new, [False])
    leaving = one(state="absent", delete_confirmation="contoso")
    yield Scenario("delete_confirmation", leaving, [Refused("fabrikam")])
    # A list of names only does not say who is active.
    unreadable = one(active=False, switches={"environment_list": "strings"})
    yield Scenario("when_unreadable", unreadable, ["skip", Refused("fail")])


def group_info_scenarios() -> Iterator[Scenario]:
    yield Scenario("name", situation("w365_group_info", SCIM), ["Retail", "Sales"])
    yield Scenario("include_members", situation("w365_group_info", SCIM), [False])


def import_scope_scenarios(module: str, connection: Options) -> Iterator[Scenario]:
    def one(**more: Any) -> Situation:
        return situation(module, connection, **{"concurrency": 1, **more})

    sales = one(groups=["Sales"])
    yield Scenario("groups", sales, [["Regional Offices"], ["Sales", "EMEA Office"], Refused(["Nobody"])])
    yield Scenario("domains", sales, [["emea.contoso.com"], Refused(["northwind.com"])])
    yield Scenario("everything", sales, [True])
    yield Scenario("scope_match", one(groups=["Sales"], domains=["contoso.com"]), ["all"])
    offices = one(groups=["Regional Offices"])
    yield Scenario("nested_groups", offices, ["flatten"])
    yield Scenario("include_guests", sales, [False])
    yield Scenario("include_groups", sales, [False])
    yield Scenario("group_names", one(groups=["Sales", "EMEA Office"]), [["Sal*"], ["EMEA*"]])
    yield Scenario("attribute_map", sales, [{"last_name": "displayName"}, Refused({"last_name": "shoeSize"})])
    yield Scenario("exclude_users", sales, [[ADELE]])
    yield Scenario("strict", one(groups=["Sales"], exclude_users=["adele.vence@contoso.com"]), [Refused(True)])


def import_scenarios() -> Iterator[Scenario]:
    def one(connection: Options = SCIM, **more: Any) -> Situation:
        options = {"groups": ["Sales"], "concurrency": 1, **more}
        return situation("w365_o365_import", {**GRAPH, **connection}, **options)

    yield from import_scope_scenarios("w365_o365_import", {**GRAPH, **SCIM})
    slow_create = one(faults=[late_answer(1.0, surface="scim", method="POST", path="/Users")])
    yield from concurrency_scenarios(slow_create)
    yield Scenario("default_status", one(), ["inactive"])
    yield Scenario("administrators_from", one(BOTH), ["entra"])
    # Brian's account is disabled in Microsoft Entra.
    disabled = one(seed=seed_with(imported(6, BRIAN, "Brian", "Johnson")), delete_limit="100%")
    yield Scenario("active_status_from", disabled, ["workspace365"])
    # Lee has left the group.
    left = one(BOTH, seed=seed_with(imported(8, LEE, "Lee", "Gu")), delete_limit="100%")
    yield Scenario("on_leave", left, ["delete"])
    leaving = left.with_option("on_leave", "delete")
    yield Scenario("delete_limit", leaving, [Refused("0"), Refused("many")])
    yield Scenario("protected_users", leaving, [[LEE]])
    members = {"name": "Sales", "external_id": SALES_ID, "members": [NESTOR]}
    outsider = one(seed=seed_with_groups(members))
    yield Scenario("membership_limit", outsider, [Refused("0"), Refused("many")])
    yield Scenario(
        "permission_profiles", one(), [{"profiles": [OF_SALES]}, Refused({"profiles": [OF_SALES, OF_SALES]})]
    )
    crew = {"name": "Crew", "external_id": CREW_ID, "members": [LEE]}
    empty = {"op": "add_group", "id": CREW_ID, "set": {"displayName": "Crew"}}
    emptied = replace(
        leaving.with_option("groups", ["Sales", "Crew"]),
        seed=seed_with_groups(crew, imported(8, LEE, "Lee", "Gu")),
        tenant=[empty],
        fails=True,
    )
    yield Scenario("when_group_empty", emptied, ["skip", "accept"])
    unseen = replace(leaving, faults=[odd_list()], fails=True)
    yield Scenario("when_administrators_unknown", unseen, ["warn"])
    seed = seed_with(imported(8, LEE, "Lee", "Gu"))
    blind = one(SCIM, seed=seed, delete_limit="100%", on_leave="delete", protected_users=[ALLAN])
    yield Scenario("when_administrators_unknown", blind, [Refused("refuse")])
    # The second run of two
    remembering = {**GRAPH, **SCIM, "groups": ["Sales"], "concurrency": 1, "state_file": "<folder>/state.json"}
    second = one(earlier=[("w365_o365_import", remembering)], tenant=[{"op": "remove_members", "group": "Sales", "members": [ALEX]}])  # fmt: skip
    yield Scenario("state_file", second, ["<folder>/state.json", Refused("<folder>/no/state.json")])
    writable = replace(second.with_option("state_file", "<folder>/state.json"), modes={"state.json": 0o666}, fails=True)
    yield Scenario("trust_local_files", writable, [True])
    unkept = {"scim_attributes": "none"}
    department = one(attribute_map={"department": "department"}, switches=unkept, fails=True, tenant=[{"op": "change_user", "user": ADELE, "set": {"department": "Marketing"}}])  # fmt: skip
    yield Scenario("when_unsupported", department, ["ignore"])
    again = second.with_option("state_file", "<folder>/state.json")
    yield Scenario("full_every", again, [0, Refused(-1)])
    many = {"op": "add_members", "group": "Sales", "members": [ALLAN, LEE, EMILY]}
    more = [
        {"op": "add_user", "set": {"userPrincipalName": f"user{number}@contoso.com", "givenName": "A", "surname": "B"}}
        for number in range(10)
    ]
    bulk = one(everything=True, tenant=[many, *more], switches={"scim_bulk": True})
    yield Scenario("scim_bulk", bulk, [False])
    yield from long_task_scenarios(one(), "graph")


def import_info_scenarios() -> Iterator[Scenario]:
    yield from import_scope_scenarios("w365_o365_import_info", GRAPH)
    slow_group = situation(
        "w365_o365_import_info",
        GRAPH,
        groups=["Sales", "EMEA Office"],
        concurrency=1,
        faults=[late_answer(1.0, surface="graph", path="/members/")],
    )
    yield from concurrency_scenarios(slow_group)


def sso_scenarios() -> Iterator[Scenario]:
    def one(**more: Any) -> Situation:
        base = {"client_id": SSO_CLIENT_ID, "key": SSO_KEY, "entra_authority": "<entra_authority>"}
        return situation("w365_sso", PROVISIONING, **{**base, "graph_url": "<graph_url>", **more})

    same = one(primary_domain="contoso.com")
    yield Scenario("primary_domain", same, ["emea.contoso.com", Refused("contoso")])
    yield Scenario("authority", one(authority=AUTHORITY), [f"{AUTHORITY[:-4]}.onmicrosoft.com", Refused("contoso.com")])
    unproven = one(primary_domain="contoso.com", verify=False, update_key="always")
    yield Scenario("client_id", unproven, [CLIENT_ID, Refused("contoso")])
    yield Scenario("key", unproven, ["another-secret", Refused(" ")])
    yield Scenario("update_key", same, ["always"])
    yield Scenario("verify", one(primary_domain="emea.contoso.com"), ["never"])
    yield Scenario("verify", one(primary_domain="contoso.com", key="wrong", update_key="always", fails=True), [False])
    yield Scenario("verify", same, ["always", Refused("sometimes")])
    unknown = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    fault = {"action": "status", "status": 401, "body": unknown, "surface": "entra", "method": "POST", "path": "/token"}
    fresh = replace(one(primary_domain="emea.contoso.com"), fails=True, faults=[fault])
    yield Scenario("verify_timeout", fresh, [20, Refused(-1)])
    hidden = replace(same, switches={"profile": "documented"})
    yield Scenario("when_unreadable", hidden, ["skip", Refused("fail")])
    yield from sso_check_scenarios()


def sso_check_scenarios() -> Iterator[Scenario]:
    """The checks before a write, the look after it, and what is put back."""

    def one(**more: Any) -> Situation:
        base = {"primary_domain": "emea.contoso.com", "client_id": SSO_CLIENT_ID, "key": SSO_KEY}
        return situation("w365_sso", {**GRAPH, **PROVISIONING}, **{**base, **more})

    yield Scenario("preflight", one(), [Refused("when_writing")])
    yield Scenario("preflight", one(primary_domain="contoso.com"), [Refused("always")])
    without_redirect = one(preflight="always", fails=True)
    yield Scenario("skip_checks", without_redirect, [["redirect"]])
    good = one(preflight="always", seed=seed_with_redirect())
    for name in ("tenant", "principal", "consent", "assignment", "secret_expiry", "emergency_access"):
        yield Scenario("skip_checks", good, [[name]])
    yield Scenario("scopes", good, [Refused(["Mail.Send"])])
    yield Scenario("min_secret_days", good, [Refused(-1)])
    yield Scenario("require_emergency_access", good, [Refused(True)])
    yield Scenario("post_check", one(), ["redirect"])
    dropped = one(faults=[{"action": "status", "status": 500, "surface": "provisioning", "method": "PUT"}], fails=True)
    former = {"primary_domain": "contoso.com", "client_id": SSO_CLIENT_ID, "key": SSO_KEY}
    yield Scenario("previous", dropped, [Refused(former), Refused({**former, "key": "wrong"})])
    put_back = dropped.with_option("previous", former)
    yield Scenario("previous.primary_domain", put_back, [Refused("emea.contoso.com"), Refused("contoso")])
    by_authority = dropped.with_option("previous", {"authority": AUTHORITY, "client_id": SSO_CLIENT_ID, "key": SSO_KEY})
    yield Scenario("previous.authority", by_authority, [Refused("contoso.com")])
    yield Scenario("previous.client_id", put_back, [Refused("contoso")])
    yield Scenario("previous.key", put_back, [Refused("wrong")])


SSO_APP: Options = {**GRAPH, **PROVISIONING, "replication_timeout": 0, "activation_timeout": 0}
OWNER = object_id(1)
REDIRECT = "<instance_url>/contoso/OAuth2/HandleAuthorityResponse"
OLD_APP_ID = "00000000-0000-4000-8000-0000000000d4"


DELETE_OLD: Options = {**GRAPH, "service": "graph", "method": "DELETE", "path": f"/applications(appId='{OLD_APP_ID}')"}
LIFETIME_POLICY: Options = {
    "op": "set_default_app_policy",
    "set": {
        "isEnabled": True,
        "applicationRestrictions": {
            "passwordCredentials": [
                {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"},
            ]
        },
    },
}


def seed_with_application(**more: Any) -> dict[str, Any]:
    """The same with an app registration that the vendor's script could have made: nothing but its redirect URI tells it."""
    application = {
        "client_id": OLD_APP_ID,
        "client_secret": "old-demo-secret-of-the-twin",
        "redirect_uris": [REDIRECT],
        "scopes": "User.Read Notes.Read.All",
        **more,
    }
    tenant = {**TENANT, "applications": [*TENANT["applications"], application]}
    return {**SEED, "tenants": [tenant]}


def seed_with_redirect() -> dict[str, Any]:
    """The same with the redirect URI of the app registration that people sign in with."""
    first, sso = TENANT["applications"]
    return {**SEED, "tenants": [{**TENANT, "applications": [first, {**sso, "redirect_uris": [REDIRECT]}]}]}


def app_options(old: Situation) -> Iterator[Scenario]:
    """The options that w365_sso_app and w365_sso_app_info have in common."""
    yield Scenario("client_id", old, [SSO_CLIENT_ID, Refused(CLIENT_ID.replace("a1", "a9")), Refused("contoso")])
    yield Scenario("redirect_hosts", old, [["workspace.contoso.com"], Refused(["https://workspace.contoso.com"])])
    yield Scenario("scopes", old, [["User.Read"], Refused(["User.Raed"]), Refused([])])
    yield Scenario("power_bi", old, [True])
    yield Scenario("guest_and_alias_login", old, [False])


def sso_app_scenarios() -> Iterator[Scenario]:
    def one(**more: Any) -> Situation:
        return situation("w365_sso_app", SSO_APP, **{"primary_domain": "contoso.com", **more})

    new, old = one(), one(seed=seed_with_application())
    yield from app_options(old)
    unlinked = one(secret="unmanaged")
    made = one(earlier=[("w365_sso_app", new.options)])
    yield Scenario("state", made, ["absent"])
    hidden = replace(made.with_option("state", "absent"), switches={"environment_list": "missing"}, fails=True)
    yield Scenario("check_others", hidden, [False])
    yield Scenario("display_name", new, ["Sign-on of Contoso", Refused(" ")])
    yield Scenario("owners", old, [[OWNER], Refused(["Allan"])])
    yield Scenario("lock_service_principal", old, [True])
    yield Scenario("lock_service_principal", new, [False])
    yield Scenario("consent", old, ["exact", "none"])
    marked = seed_with_application(unique_name="w365-sso:<host>:contoso")
    deleted = one(seed=marked, earlier=[("w365_api", DELETE_OLD)])
    yield Scenario("restore_deleted", deleted, [True])
    yield Scenario("secret", new, ["unmanaged"])
    again = one(earlier=[("w365_sso_app", new.options)])
    yield Scenario("rotate", again, ["always"])
    yield Scenario("secret_lifetime", new, [40, Refused(30), Refused(0)])
    short = one(earlier=[("w365_sso_app", {**new.options, "secret_lifetime": 40})])
    yield Scenario("rotate_before", short, [41, Refused(-1)])
    yield Scenario("overlap", new, [Refused(360), Refused(-1)])
    yield Scenario("link", new.with_option("return_secret", True), [False])
    yield Scenario("return_secret", new, [True])
    yield Scenario("return_secret", unlinked, [Refused(True)])
    yield Scenario("link", new, [Refused(False)])
    by_authority = situation("w365_sso_app", SSO_APP, authority=AUTHORITY)
    yield Scenario("authority", by_authority, [f"{AUTHORITY[:-4]}.onmicrosoft.com", Refused("contoso")])
    yield Scenario("primary_domain", new, ["emea.contoso.com", Refused("contoso"), Refused(LEFT_OUT)])
    yield Scenario("post_check", new, ["redirect"])
    slow = replace(new, switches={"entra_replication": "001"}, fails=True)
    yield Scenario("replication_timeout", slow, [60, Refused(-1)], slow=True)
    late = replace(new, switches={"secret_activation": "001"}, fails=True)
    yield Scenario("activation_timeout", late, [60, Refused(-1)])


def sso_app_info_scenarios() -> Iterator[Scenario]:
    done = [("w365_sso_app", {**SSO_APP, "secret": "unmanaged", "guest_and_alias_login": False})]
    old = situation("w365_sso_app_info", {**GRAPH, **PROVISIONING}, seed=seed_with_application(), earlier=done)
    yield from app_options(old)


IMPORT_APP: Options = {**GRAPH, "replication_timeout": 0, "activation_timeout": 0}
CI: Options = {"name": "ci", "issuer": "https://ci.contoso.com", "subject": "import"}
ADD_KEY: Options = {"op": "add_key", "client_id": OLD_APP_ID, "name": "theirs"}
OLD_IMPORT: Options = {"tags": ["w365:import:default"], "permissions": ["Mail.Read"]}


def import_app_options(module: str, connection: Options) -> Iterator[Scenario]:
    """The options that w365_import_app and w365_import_app_info have in common."""
    seed = seed_with_application(**OLD_IMPORT)

    def old(**more: Any) -> Situation:
        return situation(module, connection, seed=seed, **more)

    yield Scenario("name", old(), ["fleet", Refused("a b")])
    yield Scenario("client_id", old(), [SSO_CLIENT_ID, Refused(CLIENT_ID.replace("a1", "a9")), Refused("contoso")])
    elsewhere = old(client_id=OLD_APP_ID, owner_tenant=TENANT["id"])
    yield Scenario("registered_in", elsewhere, ["other_tenant"])
    other = elsewhere.with_option("registered_in", "other_tenant")
    yield Scenario("owner_tenant", other, [Refused(OLD_APP_ID), Refused("contoso"), Refused(LEFT_OUT)])
    yield Scenario("permissions", old(), [["User.Read.All"], Refused(["User.Raed.All"]), Refused([])])
    certificates = ["<public_file>", Refused("<app_file>"), Refused("<workload_file>"), Refused("<folder>/no.pem")]
    yield Scenario("certificate_path", old(), certificates)
    yield Scenario("federated_credentials", old(), [[CI], Refused([CI, CI])])
    trusting = old(
        federated_credentials=[CI], earlier=[("w365_import_app", {**IMPORT_APP, "federated_credentials": [CI]})]
    )
    path = "federated_credentials"
    yield Scenario(f"{path}.name", trusting, [Refused("other"), Refused("a/b")])
    yield Scenario(f"{path}.issuer", trusting, ["https://other.contoso.com", Refused("http://ci.contoso.com")])
    yield Scenario(f"{path}.subject", trusting, ["other", Refused(" ")])
    yield Scenario(f"{path}.audience", trusting, ["api://other", Refused("x" * 601)])
    yield Scenario(f"{path}.description", trusting, ["The nightly import", Refused("x" * 601)])


def import_app_scenarios() -> Iterator[Scenario]:
    yield from import_app_options("w365_import_app", IMPORT_APP)

    def one(**more: Any) -> Situation:
        return situation("w365_import_app", IMPORT_APP, **more)

    new, old = one(), one(seed=seed_with_application(**OLD_IMPORT))
    yield Scenario("display_name", old, ["Import of Contoso", Refused(" ")])
    yield Scenario("sign_in_audience", old, ["AzureADMultipleOrgs"])
    many = one(seed=seed_with_application(**OLD_IMPORT, audience="AzureADMultipleOrgs"))
    yield Scenario("sign_in_audience", many, ["AzureADMyOrg"])
    yield Scenario("owners", old, [[OWNER], Refused(["Allan"])])
    yield Scenario("lock_service_principal", old, [True])
    yield Scenario("lock_service_principal", new, [False])
    too_many = one(earlier=[("w365_import_app", {**IMPORT_APP, "permissions": ["Mail.Read"]})])
    yield Scenario("consent", too_many, ["exact", "none"])
    deleted = one(seed=seed_with_application(unique_name="w365-import:default"), earlier=[("w365_api", DELETE_OLD)])
    yield Scenario("restore_deleted", deleted, [True])
    signing = one(certificate_path="<public_file>")
    renewed = replace(
        signing,
        earlier=[
            ("w365_import_app", {**IMPORT_APP, "certificate_path": path}) for path in ("<next_file>", "<public_file>")
        ],
    )
    yield Scenario("overlap", renewed, [0, Refused(-1)])
    yield Scenario("expiry_warning", signing, [10, Refused(-1)])
    hidden = replace(signing, seed=old.seed, tenant=[ADD_KEY], fails=True)
    yield Scenario("unreadable_keys", hidden, ["keep"])
    secret = one(secret="managed", return_secret=True)
    yield Scenario("secret", new, [Refused("managed")])
    yield Scenario("return_secret", one(secret="managed", fails=True), [True])
    again = replace(secret, earlier=[("w365_import_app", secret.options)])
    yield Scenario("rotate", again, ["always"])
    yield Scenario("secret_lifetime", secret, [40, Refused(30), Refused(0)])
    short = replace(secret, earlier=[("w365_import_app", {**secret.options, "secret_lifetime": 40})])
    yield Scenario("rotate_before", short, [41, Refused(-1)])
    slow = replace(new, switches={"entra_replication": "001"}, fails=True)
    yield Scenario("replication_timeout", slow, [60, Refused(-1)], slow=True)
    late = replace(secret, switches={"secret_activation": "001"}, fails=True)
    yield Scenario("activation_timeout", late, [60, Refused(-1)], slow=True)


SCIM_APP: Options = {**GRAPH, **SCIM, "replication_timeout": 0, "notification_email": "it@contoso.com"}
OTHER_GROUP = "00000000-0000-4000-8002-000000000003"
INSTANTIATE = "/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate"


QUARANTINED: Mapping[str, Any] = {
    "surface": "graph",
    "method": "GET",
    "path": "synchronization/jobs$",
    "action": "status",
    "status": 200,
    "body": {
        "value": [
            {
                "id": "scim.1",
                "templateId": "scim",
                "schedule": {"state": "Active"},
                "status": {"code": "Quarantine", "quarantine": {"reason": "EncounteredBaseEscrowThreshold"}},
            }
        ]
    },
}


WRONG_CREDENTIALS: Mapping[str, Any] = {
    "surface": "graph",
    "method": "POST",
    "path": "validateCredentials$",
    "action": "status",
    "status": 400,
    "body": {"error": {"code": "InvalidCredentials", "message": "401"}},
}


def scim_app_of(name: str) -> tuple[str, Options]:
    """A task that makes another application of the template."""
    return (
        "w365_api",
        {**GRAPH, "service": "graph", "method": "POST", "path": INSTANTIATE, "body": {"displayName": name}},
    )


def find_options(module: str, connection: Options) -> Iterator[Scenario]:
    """The options that w365_scim_app and w365_scim_app_info have in common."""
    old = situation(module, connection, earlier=[scim_app_of("Old"), scim_app_of("Older")])
    unknown = "00000000-0000-4000-8000-0000000000d9"
    yield Scenario("service_principal_id", old, [Refused(unknown), Refused("contoso")])
    yield Scenario("display_name", old, ["Old", Refused(" ")])


def scim_app_scenarios() -> Iterator[Scenario]:
    def one(**more: Any) -> Situation:
        return situation("w365_scim_app", SCIM_APP, **more)

    new = one(groups=["Sales"])
    done = [("w365_scim_app", {**SCIM_APP, "groups": ["Sales", "News"], "users": [LEE]})]
    old = one(groups=["Sales"], earlier=done)
    yield from find_options("w365_scim_app", SCIM_APP)
    yield Scenario("state", old, ["absent", "paused"])
    yield Scenario("patch_dialect", new, ["entra_default"])
    wrong = replace(old, faults=[WRONG_CREDENTIALS])
    yield Scenario("update_credentials", wrong, [Refused("always"), "never"])
    yield Scenario("update_credentials", old, ["always"])
    yield Scenario("scope", one(), ["all"])
    yield Scenario("groups", new, [["EMEA Office"], [OTHER_GROUP], Refused(["Selas"]), Refused([""])])
    yield Scenario("users", new, [[LEE], [object_id(8)], Refused(["nobody@contoso.com"])])
    yield Scenario("purge_assignments", old.with_option("purge_limit", 2), [True])
    purging = one(groups=["Sales"], earlier=done, purge_assignments=True, purge_limit=2)
    yield Scenario("purge_limit", purging, [Refused(1), Refused(-1)])
    yield Scenario("skip_out_of_scope_deletions", new, [True])
    yield Scenario("delete_guard", new, [False])
    yield Scenario("delete_threshold", new, [3, Refused(-1)])
    yield Scenario("notification_email", new, ["ops@contoso.com", Refused("ops"), Refused(LEFT_OUT)])
    yield Scenario("job", new, ["paused"])
    yield Scenario("restart", old, ["always"])
    stopped = replace(old.with_option("update_credentials", "never"), faults=[QUARANTINED])
    yield Scenario("restart", stopped, [Refused("when_quarantined")])
    held = [("w365_scim_app", {**SCIM_APP, "groups": ["Sales"], "delete_threshold": 0})]
    gone = [{"op": "change_user", "user": ADELE, "set": {"accountEnabled": False}}]
    holding = one(groups=["Sales"], earlier=held, tenant=gone, cycles=True, fails=True)
    yield Scenario("allow_deletes", holding, [1, Refused(2), Refused(0)])
    yield Scenario("provision_now", old, [[{"user": ADELE}], [{"group": "News"}], Refused([{}])])
    by_user = one(groups=["Sales"], earlier=done, provision_now=[{"user": ADELE}])
    yield Scenario("provision_now.user", by_user, [ALEX, Refused("nobody@contoso.com")])
    by_group = one(groups=["Sales"], earlier=done, provision_now=[{"group": "News", "members": [ALEX]}])
    yield Scenario("provision_now.group", by_group, ["Sales", Refused("Selas")])
    by_member = one(groups=["Sales"], earlier=done, provision_now=[{"group": "News", "members": []}])
    yield Scenario("provision_now.members", by_member, [LEFT_OUT, Refused(["nobody@contoso.com"])])
    waiting = one(groups=["Sales"], wait_timeout=1)
    yield Scenario("wait", waiting, [Refused(True)])
    endless = one(groups=["Sales"], wait=True, wait_timeout=0, fails=True)
    yield Scenario("wait_timeout", endless, [Refused(1), Refused(-1)])
    slow = replace(new, switches={"entra_replication": "001"}, fails=True)
    yield Scenario("replication_timeout", slow, [20, Refused(-1)])


def scim_app_info_scenarios() -> Iterator[Scenario]:
    connection = {**GRAPH, "environment": "contoso"}
    yield from find_options("w365_scim_app_info", connection)
    done = [("w365_scim_app", {**SCIM_APP, "groups": ["Sales"]})]
    yield Scenario("check_credentials", situation("w365_scim_app_info", connection, earlier=done), [False])
    late = {"surface": "graph", "method": "GET", "path": "synchronization/jobs$", "action": "status", "status": 409}
    lagging = situation(
        "w365_scim_app_info", connection, earlier=done, replication_timeout=0, faults=[late], fails=True
    )
    yield Scenario("replication_timeout", lagging, [20])


def settings_scenarios() -> Iterator[Scenario]:
    def one(**more: Any) -> Situation:
        return situation("w365_settings", PROVISIONING, **more)

    exchange, sharepoint = {"ews_url": "https://mail.contoso.com/EWS"}, {"url": "https://contoso.sharepoint.com"}
    yield Scenario("exchange", one(sharepoint=sharepoint), [exchange])
    yield Scenario("exchange.ews_url", one(exchange=exchange), ["https://mail.fabrikam.com/EWS", Refused("http://a")])
    yield Scenario("exchange.server_type", one(exchange=exchange), ["Exchange2019"])
    yield Scenario("sharepoint", one(exchange=exchange), [sharepoint])
    yield Scenario("sharepoint.url", one(sharepoint=sharepoint), ["https://emea.sharepoint.com", Refused("emea")])
    by_domain = one(sharepoint={"initial_domain": "contoso.onmicrosoft.com"})
    yield Scenario("sharepoint.initial_domain", by_domain, ["emea.onmicrosoft.com", Refused("emea")])
    yield Scenario("sharepoint.authentication_type", one(sharepoint=sharepoint), ["OAuth1"])
    hidden = one(sharepoint=sharepoint, switches={"settings_read": "missing"})
    yield Scenario("when_unreadable", hidden, ["skip", Refused("fail")])


def user_module_scenarios() -> Iterator[Scenario]:
    yield from user_scenarios(
        lambda connection, user, **more: situation("w365_user", connection, **{**user, **more}), ""
    )
    gone = {**OLD, "state": "absent"}
    yield Scenario("when_administrators_unknown", situation("w365_user", SCIM, **gone), [Refused("refuse")])
    odd = situation("w365_user", BOTH, **gone, faults=[odd_list()], fails=True)
    yield Scenario("when_administrators_unknown", odd, ["warn"])


def user_info_scenarios() -> Iterator[Scenario]:
    yield Scenario("upn", situation("w365_user_info", SCIM), [NESTOR, ADELE])


def api_scenarios() -> Iterator[Scenario]:
    def one(path: str, **more: Any) -> Situation:
        return situation("w365_api", {**BOTH, **GRAPH}, path=path, **more)

    users = one("/Users", service="scim")
    yield Scenario("service", users, [Refused("provisioning"), "graph"])
    yield Scenario("service", one("/users", service="graph"), [Refused("provisioning"), Refused("scim")])
    license_count = one("/{environment}/UserLicenses/Count/", fails=True, body=25)
    yield Scenario("method", license_count, ["PUT", Refused("POST"), Refused("PATCH"), Refused("DELETE")])
    yield Scenario("path", users, ["/Groups", Refused("Groups")])
    yield Scenario("query", users, [{"filter": f'userName eq "{NESTOR}"'}])
    yield Scenario("body", replace(license_count, fails=False).with_option("method", "PUT"), [30, Refused("many")])
    strict = one("/Environment/", switches={"strict_requested_with": True})
    yield Scenario("headers", strict, [Refused({"X-Requested-With": "nothing"}), Refused({"Authorization": "Basic"})])
    yield Scenario("status_code", one("/Nothing/", fails=True), [[404]])
    secret = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "token", "password": "hidden"}
    yield Scenario("redact", one("/Environment/", faults=[{"action": "status", "status": 200, "body": {**secret, "Key": "a-key-of-the-server"}}]), [False])  # fmt: skip


def failing(surface: str, path: str) -> dict[str, Any]:
    """What makes a server fail on such a read, every time."""
    return {"action": "status", "status": 400, "method": "GET", "surface": surface, "path": path, "times": -1}


EDITED = '---\nw365_export: "1"\nenvironment: contoso\n'


def exporting(connection: Options = BOTH, **more: Any) -> Situation:
    return situation("w365_export", connection, **{"dest": "<folder>/tenants", "concurrency": 1, **more})


def export_scenarios() -> Iterator[Scenario]:
    base = exporting()
    yield Scenario("dest", base, ["<folder>/others", Refused("<folder>/no/tenants")])
    yield Scenario("environment", exporting(PROVISIONING), ["fabrikam", Refused("northwind")])
    yield Scenario("instance", base, ["eu"])

    def without(*faults: Mapping[str, Any]) -> Situation:
        return replace(base, faults=faults, fails=True)

    sso = without(failing("provisioning", "/contoso/SingleSignOnSettings/"))
    yield Scenario("allow_unreadable", sso, [["sso"]])
    environments = replace(base, switches={"environment_list": "strings"}, fails=True)
    yield Scenario("allow_unreadable", environments, [["environment"]])
    yield Scenario("allow_unreadable", without(failing("scim", "/Groups")), [["groups"]])
    users = without(failing("scim", "/Users"))
    yield Scenario("allow_unreadable", users, [Refused(["users"]), ["users", "groups"]])
    roles = without(odd_list())
    yield Scenario("allow_unreadable", roles, [Refused(["administrators"]), ["administrators", "environment"]])
    seed = seed_with_groups({"name": "Sales", "external_id": SALES_ID}, imported(8, LEE, "Lee", "Gu"))
    yield Scenario("imported", exporting(seed=seed), ["write"])
    edited = {"tenants/contoso/export_report.yml": EDITED, "tenants/contoso/users.yml": "# Ours.\nusers: []\n"}
    yield Scenario("replace_edited", exporting(files=edited, fails=True), [True])
    teams = [{"name": name, "members": [ALLAN, NESTOR, MEGAN]} for name in ("Retail", "Board", "Crew")]
    many = {**SEED, "environments": [{**ENVIRONMENT, "groups": teams}, OTHER_ENVIRONMENT]}
    slow = exporting(
        seed=many, switches={"scim_members_listed": 1}, faults=[late_answer(1.0, surface="scim", path="/Groups/")]
    )
    yield from concurrency_scenarios(slow)


def export_results() -> Iterator[Situation]:
    hidden = {"upn": LEE, "first_name": "Lee", "last_name": "Gu", "external_id": "a\u200bb"}
    yield exporting(seed=seed_with(hidden))
    yield exporting(PROVISIONING, switches={"profile": "documented"}, fails=True)
    yield exporting(PROVISIONING, faults=[failing("provisioning", "/")], fails=True)


SCENARIOS: Mapping[str, Sequence[Scenario]] = {
    "w365_admin": list(admin_scenarios()),
    "w365_admin_info": [],
    "w365_api": list(api_scenarios()),
    "w365_directory": list(directory_scenarios()),
    "w365_environment": list(environment_scenarios()),
    "w365_environment_info": [],
    "w365_export": list(export_scenarios()),
    "w365_group": list(group_scenarios(lambda connection, group: situation("w365_group", connection, **group), "")),
    "w365_group_info": list(group_info_scenarios()),
    "w365_import_app": list(import_app_scenarios()),
    "w365_import_app_info": list(import_app_options("w365_import_app_info", GRAPH)),
    "w365_o365_import": list(import_scenarios()),
    "w365_o365_import_info": list(import_info_scenarios()),
    "w365_settings": list(settings_scenarios()),
    "w365_settings_info": [],
    "w365_sso": list(sso_scenarios()),
    "w365_scim_app": list(scim_app_scenarios()),
    "w365_scim_app_info": list(scim_app_info_scenarios()),
    "w365_sso_app": list(sso_app_scenarios()),
    "w365_sso_app_info": list(sso_app_info_scenarios()),
    "w365_sso_info": [],
    "w365_user": list(user_module_scenarios()),
    "w365_user_info": list(user_info_scenarios()),
}

# More situations, for keys of results that no option brings to light

EVERY_OPTIONAL_ATTRIBUTE = {
    "display_name": "displayName",
    "job_title": "jobTitle",
    "department": "department",
    "phone": "mobilePhone",
    "preferred_language": "preferredLanguage",
}
FULL_PROFILE = {
    "op": "change_user",
    "user": ADELE,
    "set": {
        "jobTitle": "Product Marketing Manager",
        "department": "Marketing",
        "mobilePhone": "+1 425 555 0109",
        "preferredLanguage": "en-US",
    },
}
SETTINGS = {
    "exchange": {"server_type": "Office365", "default_ews_url": "https://mail.contoso.com/EWS"},
    "sharepoint": {"authentication_type": "OAuth2", "default_url": "https://contoso.sharepoint.com"},
}
WITH_SETTINGS = {**SEED, "environments": [{**ENVIRONMENT, **SETTINGS}, OTHER_ENVIRONMENT]}
WITH_GROUP_IDS = {**SEED, "environments": [{**ENVIRONMENT, "groups": [{"name": "Retail", "external_id": "hr-9"}]}]}


INACTIVE_ENVIRONMENT = {**SEED, "environments": [{**ENVIRONMENT, "active": False}, OTHER_ENVIRONMENT]}


def forgetting(change: str) -> dict[str, Any]:
    """What makes a server accept such a change and not make it."""
    return {"switches": {"ignored_changes": change}, "read_back_timeout": 1}


def refusing(method: str, surface: str = "provisioning") -> dict[str, Any]:
    """What makes the server refuse the first such request."""
    return {"fails": True, "faults": [{"action": "status", "status": 400, "method": method, "surface": surface}]}


def returned_plan() -> Situation:
    return situation("w365_directory", SCIM, users=[NEW], return_plan=True)


def changed_since() -> Situation:
    """A plan that no longer fits: the user has got another name than the plan knows."""
    planned = {**SCIM, "users": [{**OLD, "last_name": "Wilkes"}], "plan_file": "<folder>/plan.json"}
    earlier = [("w365_directory", planned), ("w365_user", {**SCIM, **OLD, "last_name": "Wilkins"})]
    return situation("w365_directory", SCIM, apply_plan="<folder>/plan.json", fails=True, earlier=earlier)


def uncertain_permissions(module: str, connection: Options, **more: Any) -> Situation:
    """The server does not show who is in a group with a Deny, so whether somebody gains what another one allows is unknown."""
    denying = {"name": "Shops", "group": "Retail", "deny": ["Create apps in app store"]}
    groups = {"surface": "provisioning", "method": "GET", "action": "status", "times": -1}
    unseen = [
        {**groups, "path": "/contoso/Group/$", "status": 200, "body": [{"Id": "1", "Name": "Retail"}]},
        {**groups, "path": "/contoso/Group/1", "status": 404},
    ]
    profiles = {"profiles": [OF_SALES, denying]}
    return situation(module, connection, permission_profiles=profiles, faults=unseen, check=True, **more)


def import_results() -> Iterator[Situation]:
    options = {"groups": ["Sales"], "attribute_map": EVERY_OPTIONAL_ATTRIBUTE, "tenant": [FULL_PROFILE]}
    silent = {"scim_attributes": "none", "scim_schemas": "missing"}
    yield situation("w365_o365_import", {**GRAPH, **SCIM}, switches=silent, **options)
    yield situation("w365_o365_import", {**GRAPH, **SCIM}, groups=["EMEA Office"], **refusing("POST", "scim"))
    yield uncertain_permissions("w365_o365_import", {**GRAPH, **PROVISIONING}, groups=["Sales"])


RESULTS: Mapping[str, Sequence[Situation]] = {
    "w365_admin": [
        situation("w365_admin", PROVISIONING, administrators={"add": [NESTOR]}, **refusing("PUT")),
        situation("w365_admin", BOTH, administrators={"add": [NESTOR]}, **forgetting("administrator")),
    ],
    "w365_admin_info": [],
    "w365_api": [
        situation(
            "w365_api",
            PROVISIONING,
            path="/Environment/",
            faults=[{"action": "status", "status": 200, "body": "<p>no JSON</p>"}],
        )
    ],
    "w365_directory": [
        changed_since(),
        returned_plan(),
        uncertain_permissions("w365_directory", PROVISIONING, groups=[{"name": "Sales", "members": {"set": [NESTOR]}}]),
    ],
    "w365_environment": [
        situation("w365_environment", PROVISIONING, environment="contoso", active=False, **refusing("PUT")),
        situation("w365_environment", BOTH, active=True, seed=INACTIVE_ENVIRONMENT, **forgetting("environments")),
    ],
    "w365_environment_info": [
        situation(
            "w365_environment_info", PROVISIONING, environment="contoso", switches={"environment_list": "missing"}
        ),
        situation(
            "w365_environment_info",
            PROVISIONING,
            environment="northwind",
            switches={"environment_list": "missing"},
            **refusing("POST"),
        ),
    ],
    "w365_export": list(export_results()),
    "w365_group": [situation("w365_group", SCIM, name="Retail", external_id="hr-9", **forgetting("external_id"))],
    "w365_group_info": [situation("w365_group_info", SCIM, seed=WITH_GROUP_IDS)],
    "w365_o365_import": list(import_results()),
    "w365_o365_import_info": [
        situation(
            "w365_o365_import_info",
            GRAPH,
            groups=["Sales"],
            attribute_map=EVERY_OPTIONAL_ATTRIBUTE,
            tenant=[FULL_PROFILE],
        )
    ],
    "w365_settings": [
        situation(
            "w365_settings", PROVISIONING, sharepoint={"url": "https://emea.sharepoint.com"}, seed=WITH_SETTINGS, **more
        )
        for more in ({}, refusing("PUT"), {**BOTH, "switches": {"settings_write": "dropped"}, "read_back_timeout": 1})
    ],
    "w365_settings_info": [
        situation("w365_settings_info", PROVISIONING, seed=WITH_SETTINGS, **more) for more in ({}, refusing("GET"))
    ],
    "w365_sso": [
        situation(
            "w365_sso",
            PROVISIONING,
            authority=AUTHORITY,
            client_id=CLIENT_ID,
            key="key",
            verify=False,
            **more,
        )
        for more in (refusing("PUT"), {**BOTH, "switches": {"settings_write": "dropped"}, "read_back_timeout": 1})
    ],
    "w365_sso_info": [],
    "w365_scim_app": [
        situation("w365_scim_app", SCIM_APP, groups=["Sales"], check=True),
        situation(
            "w365_scim_app", SCIM_APP, earlier=[("w365_scim_app", {**SCIM_APP, "groups": ["Sales"]})], cycles=True
        ),
        situation(
            "w365_scim_app",
            SCIM_APP,
            groups=["Sales"],
            faults=[QUARANTINED],
            earlier=[("w365_scim_app", SCIM_APP)],
            update_credentials="never",
        ),
        situation("w365_scim_app", SCIM_APP, state="absent"),
        situation(
            "w365_scim_app",
            SCIM_APP,
            faults=[{"action": "status", "status": 400, "surface": "graph", "method": "GET"}],
            fails=True,
        ),
    ],
    "w365_scim_app_info": [
        situation("w365_scim_app_info", {**GRAPH, "environment": "contoso"}),
        situation(
            "w365_scim_app_info",
            {**GRAPH, "environment": "contoso"},
            earlier=[("w365_scim_app", SCIM_APP)],
            faults=[WRONG_CREDENTIALS],
        ),
        situation(
            "w365_scim_app_info",
            {**GRAPH, "environment": "contoso"},
            earlier=[("w365_scim_app", {**SCIM_APP, "groups": ["Sales"], "delete_threshold": 0})],
            tenant=[{"op": "change_user", "user": ADELE, "set": {"accountEnabled": False}}],
            cycles=True,
        ),
        situation(
            "w365_scim_app_info",
            {**GRAPH, "environment": "contoso"},
            faults=[{"action": "status", "status": 400, "surface": "graph", "method": "GET"}],
            fails=True,
        ),
    ],
    "w365_import_app": [
        situation("w365_import_app", IMPORT_APP, **more)
        for more in (
            {"check": True, "certificate_path": "<public_file>"},
            {"faults": [{"action": "status", "status": 400, "surface": "graph", "method": "GET"}], "fails": True},
            {
                "faults": [{"action": "status", "status": 500, "surface": "graph", "method": "POST", "times": -1}],
                "fails": True,
            },
            {"tenant": [LIFETIME_POLICY], "secret": "managed", "return_secret": True},
            {"scim_url": "<scim_url>", "scim_token": "<scim_token>"},
        )
    ],
    "w365_import_app_info": [
        situation("w365_import_app_info", GRAPH, **more)
        for more in (
            {"earlier": [("w365_import_app", {**IMPORT_APP, "secret": "managed", "return_secret": True})]},
            {
                "certificate_path": "<public_file>",
                "earlier": [
                    (
                        "w365_import_app",
                        {
                            **IMPORT_APP,
                            "certificate_path": "<public_file>",
                            "federated_credentials": [{**CI, "description": "ours"}],
                        },
                    )
                ],
            },
            {
                "seed": seed_with_application(unique_name="w365-import:default"),
                "earlier": [("w365_api", DELETE_OLD)],
            },
            {"faults": [{"action": "status", "status": 400, "surface": "graph", "method": "GET"}], "fails": True},
        )
    ],
    "w365_sso_app": [
        situation("w365_sso_app", SSO_APP, primary_domain="contoso.com", **more)
        for more in (
            {"check": True},
            {"faults": [{"action": "status", "status": 400, "surface": "graph", "method": "GET"}], "fails": True},
            {
                "faults": [{"action": "status", "status": 500, "surface": "provisioning", "method": "PUT"}],
                "fails": True,
            },
            {"tenant": [LIFETIME_POLICY]},
            {"seed": seed_with_application()},
            {"seed": seed_with_application(), "state": "absent"},
            {"scim_url": "<scim_url>", "scim_token": "<scim_token>"},
        )
    ],
    "w365_sso_app_info": [
        situation("w365_sso_app_info", {**GRAPH, **PROVISIONING}, **more)
        for more in (
            {"earlier": [("w365_sso_app", {**SSO_APP, "primary_domain": "contoso.com"})], "tenant": [LIFETIME_POLICY]},
            {
                "seed": seed_with_application(unique_name="w365-sso:<host>:contoso"),
                "earlier": [("w365_api", DELETE_OLD)],
            },
            {"faults": [{"action": "status", "status": 400, "surface": "graph", "method": "GET"}], "fails": True},
        )
    ],
    "w365_user": [],
    "w365_user_info": [
        situation("w365_user_info", SCIM, seed=seed_with(HELD)),
        situation("w365_user_info", PROVISIONING),
    ],
}
