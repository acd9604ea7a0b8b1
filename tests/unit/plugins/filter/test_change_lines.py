# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run over many environments says before it begins and at its end, and when it does not begin."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable
from hypothesis import given
from hypothesis import strategies as st

filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.change_lines")


def entry(kind: str, action: str, name: str, outcome: str = "planned", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "action": action, "name": name, "outcome": outcome, "changes": changes}


def host(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The variables of a host whose task has found these changes."""
    step = {"changed": bool(entries), "results": list(entries)}
    return {"__w365_tenant_run": {"steps": {"directory": step}, "scim_url": "", **more}}


GONE = entry("user", "delete", "nestor@contoso.com")
OFF = entry("user", "update", "lee@contoso.com", active=False)
NEW = entry("user", "create", "adele@contoso.com")
LESS = entry("membership", "change", "Sales", remove=["lee@contoso.com"])
PROBLEM = {"fleet_problem": {"msg": "The SCIM service refused the key.\nCheck it."}}


def test_what_would_change_is_said_for_each_environment() -> None:
    hostvars = {"a": host(GONE, NEW), "b": host(), "c": PROBLEM, "d": {}, "e": host(LESS, scim_url="https://e")}
    lines = filters.change_lines(filters.fleet_outcomes(hostvars, hostvars))
    assert lines == [
        "This run would change 3 people in 2 of 5 environments.",
        "a: 2 changes; SCIM address: none",
        "a: user delete 1: nestor@contoso.com",
        "a: user create 1: adele@contoso.com",
        "c: not known: The SCIM service refused the key. Check it.",
        "d: not known: the task failed",
        "e: 1 change; SCIM address: https://e",
        "e: membership change, takes access 1: Sales",
        "1 environment is unchanged.",
    ]


def test_who_gains_and_loses_permissions() -> None:
    change = {"user": "lee@contoso.com", "change": "loses", "permission": "Manage news", "groups": ["Sales"]}
    hostvars = {"a": host(LESS), "b": host(NEW)}
    hostvars["a"]["__w365_tenant_run"]["steps"]["directory"]["permission_changes"] = [change]
    lines = filters.change_lines(filters.fleet_outcomes(hostvars, hostvars))
    assert lines[3] == "a: 1 person loses Manage news: lee@contoso.com"


@pytest.mark.parametrize(
    ("losing", "others", "unknown", "limit", "stops"),
    [
        (1, 0, 0, "0", True),
        (1, 0, 0, "0%", False),
        (3, 0, 0, "10%", False),
        (4, 6, 0, "50%", False),
        (6, 5, 0, "50%", False),
        (7, 5, 0, "50%", True),
        (4, 0, 0, "100%", False),
        (4, 4, 92, "40%", False),
        (5, 4, 91, "50%", False),
        (6, 4, 90, "50%", True),
        (2, 98, 0, "1", True),
        (2, 98, 0, 2, False),
    ],
)
def test_how_many_environments_may_lose_people(losing: int, others: int, unknown: int, limit: Any, stops: bool) -> None:
    """What is not known makes no part smaller."""
    hostvars: dict[str, Any] = {f"l{number}": host(GONE if number % 2 else OFF) for number in range(losing)}
    hostvars |= {f"o{number}": host(NEW, LESS) for number in range(others)}
    hostvars |= {f"u{number}": PROBLEM for number in range(unknown)}
    said = filters.fleet_losses(filters.fleet_outcomes(hostvars, hostvars), limit)
    assert bool(said) is stops
    if stops:
        assert f"{losing} of {losing + others} environment" in said
        assert said.endswith(f"and no more than {limit} may.")


@pytest.mark.parametrize("limit", ["many", "-1", "101%", "", "1.5", None])
def test_an_odd_limit_is_refused(limit: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="w365_fleet_limit is"):
        filters.fleet_losses({}, limit)


class Unreadable(dict[str, Any]):
    """The variables of a host where one is a template that cannot be read."""

    def get(self, *_key: Any) -> Any:
        raise AnsibleUndefinedVariable("'elsewhere' is undefined")


NAMED = {
    "a": {"w365_environment": "contoso", "w365_instance_url": "https://one.contoso.com"},
    "b": {"w365_environment": " Con-toso", "w365_instance_url": "https://ONE.contoso.com/"},
    "c": {"w365_environment": "contoso", "w365_instance_url": "https://two.contoso.com"},
    "d": {"w365_environment": "fabrikam"},
    "e": {"w365_environment": "fabrikam", "w365_instance_url": None},
    "f": {},
    "g": {"w365_environment": ""},
    "h": Unreadable(),
    "i": {"w365_environment": 4711},
}


def test_which_hosts_are_for_the_same_environment() -> None:
    """By what their variables name. Where a name is not known, nothing is said: the task of the host says it."""
    said = filters.fleet_shared(list(NAMED), NAMED)
    assert said == (
        "Hosts a, b are for the same environment, contoso of one.contoso.com. "
        "Hosts d, e are for the same environment, fabrikam."
    )
    # A host without a server may be for any environment of its name.
    known = {**NAMED, "j": {"w365_environment": "contoso"}}
    assert "Hosts a, b, c, j are for the same environment, contoso" in filters.fleet_shared(list(known), known)
    assert filters.fleet_shared(["a", "c", "d", "f", "g", "h", "i"], NAMED) == ""
    wrong: list[Any] = ["contoso", {"a": {}}, 5]
    for odd in wrong:
        with pytest.raises(AnsibleFilterError, match="names of hosts"):
            filters.fleet_shared(odd, NAMED)


def test_an_environment_variable_names_the_server_of_a_host_that_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W365_INSTANCE_URL", "https://one.contoso.com:443/")
    hosts = {"a": NAMED["a"], "c": NAMED["c"], "k": {"w365_environment": "contoso", "w365_instance_url": " "}}
    assert filters.fleet_shared(list(hosts), hosts) == (
        "Hosts a, k are for the same environment, contoso of one.contoso.com."
    )


SAME = "https://w365.contoso.com/contoso/scim/v2"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"entra_tenant": "t1"}, {"entra_tenant": "t2"}, True),
        ({"entra_tenant": "T1"}, {"entra_tenant": "t1 "}, False),
        ({"environment": "contoso", "entra_tenant": "t1"}, {"environment": "Contoso", "entra_tenant": "t2"}, False),
        ({"environment": "contoso", "entra_tenant": "t1"}, {"environment": "fabrikam", "entra_tenant": "t1"}, True),
        ({"environment": "contoso", "entra_tenant": "t1"}, {"entra_tenant": "t2"}, True),
        ({"environment": "contoso", "entra_tenant": "t1"}, {"environment": "", "entra_tenant": "t2"}, True),
        ({"environment": None, "entra_tenant": "t1"}, {"environment": None, "entra_tenant": "t2"}, True),
        ({"environment": " ", "entra_tenant": "t1"}, {"environment": " ", "entra_tenant": "t2"}, True),
        ({"environment": "contoso", "entra_tenant": "t1"}, {"entra_tenant": "t1"}, False),
        ({"environment": "contoso"}, {"entra_tenant": "t1"}, True),
    ],
)
@pytest.mark.parametrize(
    "address", [SAME, f"{SAME}/", f" {SAME}?x=1", SAME.replace("w365.", "W365.").replace("com/", "com:443/")]
)
def test_an_address_belongs_to_one_customer(one: Any, other: Any, shared: bool, address: str) -> None:
    """Which one is said by the environments where both name one, and otherwise by the tenants."""
    given = [{"name": "one", "scim_url": SAME, **one}, {"name": "other", "scim_url": address, **other}]
    given += [{"name": "third", "scim_url": f"{SAME}x"}, {"name": "fourth", "scim_url": None}, {"name": "fifth"}]
    assert filters.sync_shared(given) == ("Configurations one, other have the same scim_url." if shared else "")


def test_configurations_are_dictionaries() -> None:
    odd: list[Any] = ["contoso", {}, 5, ["contoso"]]
    for value in odd:
        with pytest.raises(AnsibleFilterError, match="list of dictionaries"):
            filters.sync_shared(value)


def test_which_hosts_were_seen_to_be_for_the_same_environment() -> None:
    """By what a look at each has found. One that could not be looked at is not changed either."""
    hostvars = {"a": host(environment="x of s"), "b": host(environment="y of s"), "c": PROBLEM, "d": {}, "e": host()}
    assert filters.fleet_shared(filters.fleet_outcomes(hostvars, hostvars)) == ""
    hostvars |= {"f": host(NEW, environment="x of s"), "g": host(environment="")}
    said = filters.fleet_shared(filters.fleet_outcomes(hostvars, hostvars))
    assert said == "Hosts a, f are for the same environment, x of s."
    with pytest.raises(AnsibleFilterError, match="fleet_shared"):
        filters.fleet_shared(["a"])


def test_what_became_of_each_environment() -> None:
    hostvars = {
        "a": host(entry("user", "create", "x", "done"), entry("user", "update", "y", "unchanged"))
        | {"fleet_worked": True},
        "b": host(),
        "c": PROBLEM,
        "d": PROBLEM,
        "e": host(NEW),
        "f": {},
        "g": host(entry("environment", "create", "g", "done"), waits_for_scim=True) | {"fleet_worked": True},
    }
    found = filters.fleet_outcomes(hostvars, hostvars, ["a", "d", "e", "g"])
    assert {name: outcome["outcome"] for name, outcome in found.items()} == {
        "a": "done",
        "b": "unchanged",
        "c": "not looked at",
        "d": "failed",
        "e": "not reached",
        "f": "not looked at",
        "g": "done",
    }
    assert filters.outcome_lines(found, False) == [
        "a: user create 1; SCIM address: none",
        "c: not changed, because it could not be looked at: The SCIM service refused the key. Check it.",
        "d: failed: The SCIM service refused the key. Check it.",
        "e: not reached",
        "f: not changed, because it could not be looked at",
        "g: environment create 1; SCIM address: none",
        "g: has no SCIM yet, so people and groups wait for it. Switch it on, give the host w365_scim_url and w365_scim_token, "
        "and run it again.",
        "1 unchanged.",
        "To retry: --limit c,d,e,f",
        "Run it again at any time.",
    ]
    assert filters.outcome_lines({}, True) == ["0 unchanged.", "Check mode: nothing was written."]


def with_sso(**sso: Any) -> dict[str, Any]:
    found = host()
    found["__w365_tenant_run"]["steps"]["sso"] = {"changed": False, "results": [], **sso}
    return found


def test_what_is_unknown_is_not_simply_unchanged() -> None:
    """A key cannot be read, and a server may show nothing at all. The run is a success, and says so."""
    key = with_sso(compared=True, key_status="not compared")
    hostvars = {"a": key, "b": host(), "c": with_sso(compared=False), "d": with_sso(compared=True)}
    unknown = ["a: unchanged; unknown: the key of sso", "c: unchanged; unknown: sso, which could not be compared"]
    found = filters.fleet_outcomes(hostvars, hostvars)
    assert filters.change_lines(found)[1:] == [
        *unknown,
        "4 environments are unchanged, of which 2 not completely compared.",
    ]
    assert filters.outcome_lines(found)[:3] == [*unknown, "4 unchanged, of which 2 not completely compared."]


def test_what_is_unknown_beside_a_change() -> None:
    hostvars = {"a": with_sso(compared=True, key_status="not compared") | {"fleet_worked": True}}
    hostvars["a"]["__w365_tenant_run"]["steps"]["directory"]["results"] = [entry("user", "create", "x", "done")]
    found = filters.fleet_outcomes(hostvars, hostvars, ["a"])
    assert "a: unknown: the key of sso" in filters.change_lines(found)
    assert filters.outcome_lines(found)[0] == "a: user create 1; unknown: the key of sso; SCIM address: none"


def test_a_large_fleet_with_unknown_keys_is_said_in_few_lines() -> None:
    hostvars = {f"h{number:03}": with_sso(compared=True, key_status="not compared") for number in range(300)}
    found = filters.fleet_outcomes(hostvars, hostvars)
    for lines in (filters.change_lines(found), filters.outcome_lines(found)):
        assert sum(line.endswith("unknown: the key of sso") for line in lines) == 20
        assert "280 more unchanged, with something unknown" in lines
        assert any("300" in line and line.endswith("of which 300 not completely compared.") for line in lines)


@given(st.lists(st.sampled_from(["nothing", "failed", "unknown", "none", "new", "worked"]), max_size=8))
def test_every_environment_has_exactly_one_outcome(states: list[str]) -> None:
    kinds: dict[str, Any] = {
        "nothing": {},
        "failed": PROBLEM,
        "unknown": {"__w365_tenant_run": {"failed": True, "msg": "no"}},
        "none": host(),
        "new": host(NEW),
        "worked": host(NEW) | {"fleet_worked": True},
    }
    hostvars = {f"h{number}": kinds[state] for number, state in enumerate(states)}
    needed = [name for name, state in zip(hostvars, states, strict=True) if state in ("new", "worked")]
    found = filters.fleet_outcomes(hostvars, hostvars, needed)
    assert [found[name]["outcome"] == "unchanged" for name in hostvars] == [state == "none" for state in states]
    retry = [name for name, state in zip(hostvars, states, strict=True) if state not in ("none", "worked")]
    lines = filters.outcome_lines(found)
    assert (f"To retry: --limit {','.join(retry)}" in lines) is bool(retry)


@pytest.mark.parametrize("value", [None, "contoso", ["contoso"], {"contoso": "done"}])
def test_something_else_than_results_is_refused(value: Any) -> None:
    for name in ("change_lines", "outcome_lines"):
        with pytest.raises(AnsibleFilterError, match="needs a dictionary with a result for each host"):
            getattr(filters, name)(value)


@pytest.mark.parametrize(
    ("pattern", "unknown"),
    [
        ("contoso", []),
        ("contoso,fabrikm", ["fabrikm"]),
        (["gold", "no", "no"], ["no"]),
        ("gold:fabrikm : other", ["fabrikm", "other"]),
        ("all,!x,&x,~x.*,x*,x?,x[0],x[1:2],@x", []),
        ("all:!x:&x", []),
        ("localhost,127.0.0.1,ungrouped", []),
        ("Contoso", ["Contoso"]),
        ("", []),
        ([], []),
    ],
)
def test_names_that_the_inventory_does_not_have(pattern: Any, unknown: list[str]) -> None:
    groups = {"all": ["contoso", "fabrikam"], "gold": ["contoso"], "empty": []}
    assert filters.unknown_hosts(pattern, groups) == unknown
