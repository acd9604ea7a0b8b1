# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of every module does something, and every key of a result is documented and returned.

The modules run in this process, from their own `main` on, against a real twin over TLS. The tables of scenarios are
complete because the argument specs are walked: an option without a scenario fails, and so does a scenario whose option
makes no difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
    connection_argument_spec,
    connection_option,
    connection_option_names,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.fields import USER_FIELDS
from connection_scenarios import CONNECTION_SCENARIOS, SERVICES
from in_process import MODULES, Wiring, module_of, walk, wiring_of
from option_scenarios import (
    NESTOR,
    OPTIONAL_ATTRIBUTES,
    RESULTS,
    SCENARIOS,
    SCIM,
    Either,
    Refused,
    Scenario,
    servers_without,
    situation,
)
from outcomes import LEFT_OUT, Outcome, Runner, Situation, first_difference, places
from w365_simulator.testing import start_twin

# What validate_certs=false makes a library say.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One twin for all of these tests, which is reset before each situation. A situation is run once."""
    folder = tmp_path_factory.mktemp("options")
    with start_twin(folder / "twin") as twin, places(twin, folder / "places") as (found, foreign_hosts):
        yield Runner(twin, folder / "files", found, foreign_hosts)


def together(module: str) -> pytest.MarkDecorator:
    """For the tests of a module: one process of pytest-xdist runs them all, so that each of their situations is run once."""
    return pytest.mark.xdist_group(f"options of {module}")


LONG = {"w365_directory", "w365_export", "w365_o365_import", "w365_o365_import_info", "w365_user"} | {
    f"w365_{kind}_app{info}" for kind in ("import", "scim", "sso") for info in ("", "_info")
}
"""Modules whose situations take longer than those of all others together."""

EACH_MODULE = [
    pytest.param(module, marks=[together(module), *([pytest.mark.slow] if module in LONG else [])])
    for module in MODULES
]


def parameters(scenarios: Iterable[Scenario]) -> Iterator[Any]:
    for scenario in scenarios:
        module = scenario.situation.module
        marks = [together(module), *([pytest.mark.slow] if scenario.slow else [])]
        yield pytest.param(scenario, id=f"{module}-{scenario.option}", marks=marks)


def none_of(problems: Iterable[str]) -> None:
    """Fail with every one of the problems, each in a line of its own."""
    found = list(problems)
    assert not found, "\n".join(["", *found])


def is_write(request: Mapping[str, Any]) -> bool:
    return bool(request["write"])


# The tables are complete


def missing_scenarios(wiring: Wiring, scenarios: Sequence[Scenario]) -> Iterator[str]:
    """What the table of a module lacks, and what it has too much, as sentences."""
    own = {path: option for path, option in walk(wiring.spec) if path.partition(".")[0] in wiring.own}
    for path, option in own.items():
        proven = [scenario for scenario in scenarios if scenario.option == path]
        if not proven:
            yield f"option {path} has no scenario: nothing shows that it does anything"
            continue
        shown = [plain(value) for scenario in proven for value in scenario.values]
        shown += [option.get("default"), *(scenario.situation.value_of(path) for scenario in proven)]
        for choice in option.get("choices") or ():
            if choice not in shown and [choice] not in shown:
                yield f"choice {choice} of option {path} has no scenario: nothing shows that it does anything"
    yield from (
        f"there is a scenario of {scenario.option}, which is no option"
        for scenario in scenarios
        if scenario.option not in own
    )


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Refused | Either) else value


@pytest.mark.parametrize("module", MODULES)
def test_every_option_has_a_scenario(module: str) -> None:
    none_of(missing_scenarios(wiring_of(module), SCENARIOS.get(module, ())))


def test_no_scenario_is_about_a_module_that_is_gone() -> None:
    assert sorted({*SCENARIOS, *RESULTS}) == MODULES


def test_every_connection_option_has_a_scenario_for_every_kind_of_task() -> None:
    """For each service that a kind of task can use, of those that the option is about; a derived kind proves its base."""
    kinds = {module: wiring_of(module).kind for module in MODULES}
    assert set(kinds.values()) == set(SERVICES)
    needed = {
        (option.name, service, kind.__name__)
        for option in CONNECTION_OPTIONS
        for kind, services in SERVICES.items()
        for service in services.intersection(option.services)
    }
    proven = {
        (item.scenario.option, item.service, kind.__name__)
        for item in CONNECTION_SCENARIOS
        for kind in SERVICES
        if issubclass(kinds[item.scenario.situation.module], kind)
    }
    assert sorted(needed - proven) == []
    assert sorted({option for option, _service, _kind in proven} - set(connection_option_names())) == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_takes_every_connection_option(module: str) -> None:
    """As the table says; a module may only require one, and give it another name."""
    spec = wiring_of(module).spec
    extended = {"required", "aliases"}
    taken = {
        name: {key: value for key, value in spec.get(name, {}).items() if key not in extended}
        for name in connection_option_names()
    }
    assert taken == connection_argument_spec()


# Every option does something


def problems_of(runner: Runner, scenario: Scenario) -> Iterator[str]:
    """Why a scenario does not show what it should, as sentences."""
    base = runner.outcome(scenario.situation)
    yield from unexpected_end("without it", base, fails=scenario.situation.fails)
    seen = {base.noticed: "without it"}
    for value in scenario.values:
        shown = "left out" if plain(value) is LEFT_OUT else f"with {scenario.option}={plain(value)!r}"
        outcome = runner.outcome(scenario.situation.with_option(scenario.option, plain(value)))
        fails = None if isinstance(value, Either) else isinstance(value, Refused)
        yield from unexpected_end(shown, outcome, fails=fails)
        if scenario.takes:
            if outcome.seconds < scenario.takes:
                yield f"{shown} the task takes {outcome.seconds:.2f} seconds, and {scenario.takes} at least are promised"
        elif outcome.noticed in seen:
            yield f"option {scenario.option} does nothing: {shown} everything is as {seen[outcome.noticed]}"
        seen.setdefault(outcome.noticed, shown)


def unexpected_end(shown: str, outcome: Outcome, *, fails: bool | None) -> Iterator[str]:
    if outcome.crashed:
        yield f"{shown} a defect comes to light: {outcome.result['msg']}\n{outcome.result['exception']}"
    elif fails is not None and outcome.failed is not fails:
        yield f"{shown} the task {'fails: ' + outcome.result['msg'] if outcome.failed else 'does not fail'}"


@pytest.mark.parametrize(
    "scenario", list(parameters(scenario for scenarios in SCENARIOS.values() for scenario in scenarios))
)
def test_an_option_does_something(runner: Runner, scenario: Scenario) -> None:
    none_of(problems_of(runner, scenario))


@pytest.mark.parametrize("scenario", list(parameters(item.scenario for item in CONNECTION_SCENARIOS)))
def test_a_connection_option_does_something(runner: Runner, scenario: Scenario) -> None:
    none_of(problems_of(runner, scenario))


def with_variables() -> Iterator[tuple[str, Situation, Situation]]:
    """Every variable: every situation with a value of a connection option, and the same with the value in the option's variable."""
    for _service, scenario in CONNECTION_SCENARIOS:
        variable = connection_option(scenario.option).env
        for value in map(plain, scenario.values):
            # Of two credentials, the one that the task gives counts, so a variable is not the same there.
            competing = any(name.startswith("W365_") for name in scenario.situation.environ)
            if variable and value is not LEFT_OUT and not competing and not scenario.takes:
                given = scenario.situation.with_option(scenario.option, value)
                left_out = scenario.situation.with_option(scenario.option, LEFT_OUT)
                yield variable, given, replace(left_out, environ={**left_out.environ, variable: str(value)})


@pytest.mark.slow
def test_the_variable_of_a_connection_option_does_the_same(runner: Runner) -> None:
    proven = set()
    for variable, given, by_variable in with_variables():
        # Once for each variable and kind of task; a slow one once.
        key = (variable, None if given.faults else wiring_of(given.module).kind)
        if key not in proven:
            proven.add(key)
            difference = first_difference(runner.outcome(by_variable).noticed, runner.outcome(given).noticed)
            assert difference == "", f"{variable} is not the same as the option of {given.module}: {difference}"
    assert {variable for variable, _kind in proven} >= {
        option.env for option in CONNECTION_OPTIONS if option.env and option.name != "max_requests_per_second"
    }


def alias_cases() -> Iterator[Any]:
    for module in MODULES:
        wiring = wiring_of(module)
        for path, option in walk(wiring.spec):
            for alias in option.get("aliases", ()):
                yield pytest.param(module, path, alias, id=f"{module}-{alias}", marks=together(module))


@pytest.mark.parametrize(("module", "path", "alias"), list(alias_cases()))
def test_an_alias_does_the_same(runner: Runner, module: str, path: str, alias: str) -> None:
    scenario = next(scenario for scenario in SCENARIOS[module] if scenario.option == path)
    value = plain(scenario.values[0])
    by_alias = scenario.situation.with_option(path, LEFT_OUT)
    parent = path.rpartition(".")[0]
    by_alias = by_alias.with_option(f"{parent}.{alias}" if parent else alias, value)
    expected, found = (runner.outcome(one).noticed for one in (scenario.situation.with_option(path, value), by_alias))
    assert first_difference(found, expected) == ""


# What becomes of an optional attribute, on every kind of server


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("module", ["w365_user", "w365_directory"])
@pytest.mark.parametrize(("option", "value"), [(option, values[0]) for option, *values in OPTIONAL_ATTRIBUTES])
def test_an_optional_attribute_is_kept_or_somebody_is_told(
    runner: Runner, module: str, option: str, value: str
) -> None:
    user = {"upn": NESTOR, "last_name": "Wilkes", option: value}
    without, silent, refusing = servers_without(option)

    def outcome(switches: Mapping[str, Any], **more: Any) -> Outcome:
        options = {"users": [user]} if module == "w365_directory" else user
        return runner.outcome(situation(module, SCIM, switches=switches, **options, **more))

    def writes(outcome: Outcome) -> str:
        return " ".join(json.dumps(request["body"]) for request in outcome.requests if is_write(request))

    kept = outcome({})
    assert kept.result["results"][0]["changes"] == {"last_name": "Wilkes", option: value}
    assert "not_kept" not in kept.result["results"][0]
    assert "warnings" not in kept.result

    refused = outcome(without)
    assert refused.failed
    assert option in refused.result["msg"]
    assert writes(refused) == ""

    ignored = outcome(without, when_unsupported="ignore")
    assert not ignored.failed
    assert ignored.result["results"][0]["changes"] == {"last_name": "Wilkes"}
    assert option in " ".join(ignored.result["warnings"])
    assert "Wilkes" in writes(ignored)
    assert value not in writes(ignored)

    dropped = outcome(silent)
    assert not dropped.failed
    assert dropped.result["results"][0]["not_kept"] == [option]
    assert option in " ".join(dropped.result["warnings"])
    if module == "w365_user":
        assert dropped.result["user"][option] is None

    answered = outcome(refusing)
    assert answered.failed
    assert answered.result["http_status"] == 400
    assert answered.result["results"][0]["outcome"] == "failed"


def situations() -> dict[str, list[Situation]]:
    """Every situation of the tables, also with each value of its option and in check mode, by module."""
    found: dict[str, dict[str, Situation]] = {module: {} for module in MODULES}
    scenarios = [scenario for scenarios in SCENARIOS.values() for scenario in scenarios]
    for scenario in (*scenarios, *(item.scenario for item in CONNECTION_SCENARIOS if not item.scenario.slow)):
        varied = (scenario.situation.with_option(scenario.option, plain(value)) for value in scenario.values)
        in_check_mode = [] if scenario.situation.faults else [replace(scenario.situation, check=True)]
        for one in (scenario.situation, *varied, *in_check_mode):
            found[one.module].setdefault(one.key, one)
    for module, more in RESULTS.items():
        for one in more:
            found[module].setdefault(one.key, one)
    return {module: list(known.values()) for module, known in found.items()}


@pytest.mark.parametrize("module", EACH_MODULE)
def test_an_outcome_is_the_same_when_it_is_repeated(runner: Runner, module: str) -> None:
    """Otherwise a difference would prove nothing. Those with a slow answer are left out: they are the slow ones."""
    scenarios = [*SCENARIOS[module], *(item.scenario for item in CONNECTION_SCENARIOS)]
    tried: set[str] = set()
    for scenario in scenarios:
        one = scenario.situation
        if one.module == module and one.key not in tried and not one.faults:
            tried.add(one.key)
            difference = first_difference(runner.run(one).noticed, runner.outcome(one).noticed)
            assert difference == "", f"the situation of {scenario.option}: {difference}"
    assert tried


# Every key of a result is documented, and every documented key is returned

ANSIBLE = frozenset({"changed", "failed", "msg", "warnings", "diff"})
"""Keys that Ansible itself gives a meaning, and that no module documents."""

TYPES: Mapping[str, Any] = {
    "str": str,
    "int": int,
    "float": int | float,
    "bool": bool,
    "dict": Mapping,
    "list": list,
    "raw": object,
}


def result_problems(
    documented: Mapping[str, Any], results: Sequence[Mapping[str, Any]], never_given: frozenset[str] = frozenset()
) -> list[str]:
    """Where results and their documentation say different things, as sentences. `never_given` are keys that are always null."""
    problems: dict[str, None] = {}
    seen: set[str] = set()
    for result in results:
        failed = bool(result.get("failed"))
        own = {name: value for name, value in result.items() if name not in ANSIBLE}
        problems |= dict.fromkeys(_entry_problems(documented, own, "", seen))
        for name, entry in documented.items():
            if not failed and entry["returned"].startswith("success") and name not in result:
                problems[f"{name} is documented as returned on success, and is not there"] = None
            if failed and entry["returned"] == "success" and name in result:
                problems[f"{name} is documented as returned on success only, and is there on failure"] = None
    for path, entry in _documented_paths(documented):
        lines = [entry["description"]] if isinstance(entry["description"], str) else entry["description"]
        problems |= dict.fromkeys(f"{path}: {line!r} is no sentence" for line in lines if not line.endswith((".", ")")))
        if path in seen and path in never_given:
            problems[f"{path} is returned with a value, so it is not always null"] = None
        if path not in seen | never_given:
            problems[f"{path} is documented (returned: {entry['returned']}), and never returned with a value"] = None
    return list(problems)


def _entry_problems(
    documented: Mapping[str, Any], entry: Mapping[str, Any], parent: str, seen: set[str]
) -> Iterator[str]:
    """`seen` collects the paths of the keys that have a value."""
    for name in documented:
        if parent and documented[name]["returned"] == "always" and name not in entry:
            yield f"{parent}{name} is documented as always returned, and is not there"
    for name, value in entry.items():
        path = f"{parent}{name}"
        if name not in documented:
            yield f"{path} is returned, and is not documented"
            continue
        known = documented[name]
        if value is None:
            if "V(null)" not in json.dumps(known["description"]):
                yield f"{path} is null, of which its description says nothing"
            continue
        seen.add(path)
        if not isinstance(value, TYPES[known["type"]]) or (known["type"] == "int" and isinstance(value, bool)):
            yield f"{path} is documented as {known['type']}, and is {value!r}"
        elif known.get("contains"):
            for item in value if isinstance(value, list) else [value]:
                yield from _entry_problems(known["contains"], item, f"{path}.", seen)


def _documented_paths(documented: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in documented.items():
        yield f"{parent}{name}", entry
        yield from _documented_paths(entry.get("contains") or {}, f"{parent}{name}.")


NEVER_GIVEN: Mapping[str, frozenset[str]] = {
    # It reads over the Provisioning API, which does not have these attributes.
    "w365_admin_info": frozenset(
        f"administrators.{name}" for name, field in USER_FIELDS.items() if not field.provisioning
    ),
}
"""Keys that are always null, as their descriptions say: the same object is returned by modules that know more."""


@pytest.mark.parametrize("module", EACH_MODULE)
def test_results_are_what_their_documentation_says(runner: Runner, module: str) -> None:
    documented = yaml.safe_load(module_of(module).RETURN)
    outcomes = [(one, runner.outcome(one)) for one in situations()[module]]
    results = [outcome.result for _one, outcome in outcomes]
    assert [one.options for one, outcome in outcomes if one.check and any(map(is_write, outcome.requests))] == []
    none_of(result_problems(documented, results, NEVER_GIVEN.get(module, frozenset())))


@pytest.mark.parametrize("module", [each for each in EACH_MODULE if RESULTS[str(each.values[0])]])
def test_a_situation_ends_as_it_should(runner: Runner, module: str) -> None:
    for one in RESULTS[module]:
        none_of(unexpected_end("in this situation", runner.outcome(one), fails=one.fails))


# These tests can fail


def test_an_option_that_nobody_reads_is_found(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new option is written into the argument spec, with a choice, and nobody reads it."""
    module = module_of("w365_user_info")
    spec = {**module.ARGUMENT_SPEC, "sort": {"type": "str", "choices": ["upn", "name"], "default": "upn"}}
    monkeypatch.setattr(module, "ARGUMENT_SPEC", spec)
    scenarios = SCENARIOS["w365_user_info"]
    assert list(missing_scenarios(wiring_of("w365_user_info"), scenarios)) == [
        "option sort has no scenario: nothing shows that it does anything"
    ]
    unread = Scenario("sort", scenarios[0].situation, ["upn"])
    assert list(missing_scenarios(wiring_of("w365_user_info"), [*scenarios, unread])) == [
        "choice name of option sort has no scenario: nothing shows that it does anything"
    ]
    unread = Scenario("sort", scenarios[0].situation, ["name", Refused("upn")])
    assert list(missing_scenarios(wiring_of("w365_user_info"), [*scenarios, unread])) == []
    assert list(problems_of(runner, unread)) == [
        "option sort does nothing: with sort='name' everything is as without it",
        "with sort='upn' the task does not fail",
        "option sort does nothing: with sort='upn' everything is as without it",
    ]


def test_a_scenario_of_an_option_that_is_gone_is_found() -> None:
    gone = Scenario("colour", SCENARIOS["w365_user_info"][0].situation, ["red"])
    assert list(missing_scenarios(wiring_of("w365_user_info"), [*SCENARIOS["w365_user_info"], gone])) == [
        "there is a scenario of colour, which is no option"
    ]


def test_results_that_are_not_as_documented_are_found() -> None:
    inner = {
        "name": {"description": "A.", "type": "str", "returned": "always"},
        "never": {"description": ["In a list", "B."], "type": "str", "returned": "on failure"},
    }
    documented = {
        "users": {"description": "C.", "type": "list", "returned": "success", "contains": inner},
        "count": {"description": ["D."], "type": "int", "returned": "success, and on failure"},
        "note": {"description": ["E, or V(null)."], "type": "str", "returned": "success"},
    }
    results = [
        {"changed": False, "users": [{"name": "a", "extra": 1}, {}], "count": True, "note": None},
        {"failed": True, "msg": "No.", "users": [], "count": None},
    ]
    assert result_problems(documented, results) == [
        "users.extra is returned, and is not documented",
        "users.name is documented as always returned, and is not there",
        "count is documented as int, and is True",
        "count is null, of which its description says nothing",
        "users is documented as returned on success only, and is there on failure",
        "users.never: 'In a list' is no sentence",
        "users.never is documented (returned: on failure), and never returned with a value",
        "note is documented (returned: success), and never returned with a value",
    ]
    assert "count is documented as returned on success, and is not there" in result_problems(
        documented, [{"users": [], "note": ""}]
    )
