# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Options are spread into calls; mypy cannot tell them from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Files, states, plans and options as nobody should give them: each task ends in a result or in one of our sentences.

Whatever the input says, guards hold: nobody who is protected loses anything, no limit is exceeded, and a task that refuses
its input has written nothing.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
import truthful
import yaml
from hostile import CHANGES, ODD_VALUES, Change, changed, json_values, nodes
from hypothesis import event, given
from hypothesis import strategies as st
from test_borders import FEW, MANY, SCENARIOS, scenario, searching
from truthful import ADELE, ALLAN, MEGAN, PASSWORD, MemoryHost, Scenario, Truthful, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.texts import sentence_of_task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import run_task

FOLDER = TemporaryDirectory()
HERE = Path(FOLDER.name)

# One of the two who are not protected may go.
GUARDS = {
    "purge": ["users"],
    "purge_scope": {"domains": ["contoso.com"]},
    "purge_limit": "1",
    "protected_users": [ALLAN],
}

CONTENT: dict[str, Any] = {
    "users": [
        {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "active": True, "external_id": "1004"},
        {"upn": MEGAN, "first_name": "Megan", "last_name": "Bowen", "department": "Retail", "state": "present"},
        {"upn": "lee.gu@contoso.com", "first_name": "Lee", "last_name": "Gu", "password": PASSWORD},
    ],
    "groups": [{"name": "Sales", "members": {"set": [ADELE, MEGAN]}}, {"name": "Retail", "members": {"add": [ADELE]}}],
}
TABLES = (
    "upn,first_name,last_name,active\n" + f"{ADELE},Adele,Vance,yes\n{MEGAN},Megan,Bowen,WAHR\n",
    "sep=;\r\nUPN;First Name;Last Name;Cost Center\r\n" + f'{ADELE};"Adele";Vance;1\r\n{MEGAN};Megan;Bowen;2\r\n',
    "userPrincipalName,displayName,surname,mail,givenName,objectId,accountEnabled\n"
    + f"{ADELE},Adele Vance,Vance,,Adele,00000000-0000-4000-8000-000000000002,True\n{MEGAN},Room,,,,,False\n",
    "version:v1.0\nName [displayName] Required,User name [userPrincipalName] Required,Block sign in (Yes/No) [accountEnabled] "
    + f"Required,First name [givenName],Last name [surname]\nAdele Vance,{ADELE},No,Adele,Vance\n",
)
INSERTS = (
    b"", b'"', b"'", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\x1a", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\x8b", b"\xed\xa0\xbd",
    b"\\ud83d", b"<<: *a", b"&a ", b"*a", b"!vault |", b"!!int ", b"- ", b": ", b"{", b"}", b"[", b"]", b"#", b"? ", b"|", b"---\n", b"~", b"No",
    b"0777", b"1e999", b"2024-13-45", b"NaN", b"@", b"=", b"[" * 200, b"- " * 400, b"9" * 5000, b"users:\n", b"upn,upn", b"$ANSIBLE_VAULT;1.1", b"%YAML 9\n",
)  # fmt: skip


class Cut(NamedTuple):
    """A change of bytes: what is put in place of so many of them."""

    at: int
    length: int
    put: bytes


cuts = st.lists(
    st.builds(Cut, st.integers(0, 600), st.sampled_from([0, 0, 0, 1, 3, 40]), st.sampled_from(INSERTS) | st.binary(max_size=6)),
    max_size=4,
)  # fmt: skip
changes = st.lists(
    st.builds(Change, st.sampled_from(CHANGES), st.integers(0, 60), st.sampled_from(ODD_VALUES) | json_values),
    max_size=3,
)


def cut(raw: bytes, parts: list[Cut]) -> bytes:
    for part in parts:
        at = part.at % (len(raw) + 1)
        raw = raw[:at] + part.put + raw[at + part.length :]
    return raw


def reshaped(data: Any, parts: list[Change]) -> Any:
    found = copy.deepcopy(data)
    for part in parts:
        found = changed(found, part)
    return found


def check(result: Mapping[str, Any], truth: Truthful) -> None:
    """A result or a sentence, without secrets; and nothing was written by a task that was refused."""
    assert "exception" not in result, result["exception"]
    assert PASSWORD not in json.dumps(result), "a secret"
    for call in truth.writes:
        # Half of a character has no UTF-8.
        json.dumps(call.body, ensure_ascii=False).encode()
    if result.get("failed"):
        sentence = " ".join(str(result["msg"]).split())
        assert re.search(r"[.!?]$", sentence), sentence
        assert "Unexpected error" not in sentence
        sentence.encode()
        assert truth.writes == [] or "results" in result, (sentence, truth.writes)
        event("refused")
    else:
        event("a result")


def guarded(truth: Truthful) -> None:
    """Nobody who is protected has lost anything, and no more accounts are gone than the limit says."""
    gone = {loss for loss in truth.losses if re.match(r"(scim\.)?user\.\S+ |deactivated |IsActive of ", loss)}
    assert not {
        loss for loss in truth.losses if re.search(r"(deactivated|user\.delete|IsAdministrator of) (u?1)$", loss)
    }
    assert len({loss.rpartition(" ")[2] for loss in gone}) <= 1, truth.losses


def files(examples: int, *, repeatable: bool) -> Callable[[str], None]:
    def test(ending: str) -> None:
        @searching(examples, repeatable=repeatable)
        @given(changes, cuts, st.sampled_from(TABLES))
        def border(parts: list[Change], pieces: list[Cut], table: str) -> None:
            if ending == "csv":
                raw = table.encode()
            else:
                data = reshaped(CONTENT, parts)
                text = json.dumps(data) if ending == "json" else yaml.safe_dump(data, allow_unicode=True)
                raw = text.encode("utf-8", "surrogatepass")
            path = HERE / f"content.{ending}"
            path.write_bytes(cut(raw, pieces))
            truth = Truthful()
            check(play(scenario("w365_directory", src=[str(path)], **GUARDS), truth), truth)
            # A file may say of a user who is not protected what it likes.
            if b"absent" not in path.read_bytes() and ending != "csv":
                guarded(truth)

        border()

    return test


ENDINGS = ("csv", "yml", "json")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_nobody_expects_ends_in_a_result_or_in_a_sentence(ending: str) -> None:
    files(FEW, repeatable=True)(ending)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("ending", ENDINGS)
def test_many_answers_of_files(ending: str) -> None:
    files(MANY, repeatable=MANY == 2000)(ending)


# ---- states and plans

STATE, PLAN = HERE / "state.json", HERE / "plan.json"
IMPORT = scenario(
    "w365_o365_import",
    everything=True,
    on_leave="delete",
    delete_limit="1",
    nested_groups="flatten",
    state_file=str(STATE),
    protected_users=[ALLAN],
)
WITH_PLAN = {
    "users": [{"upn": ADELE, "first_name": "Changed", "last_name": "B"}, {"upn": "lee.gu@contoso.com", "first_name": "L", "last_name": "G"}],
    "groups": [{"name": "Sales", "members": {"set": [ADELE]}}],
    **GUARDS,
}  # fmt: skip


@cache
def true_state() -> str:
    STATE.unlink(missing_ok=True)
    play(IMPORT, Truthful())
    return STATE.read_text(encoding="utf-8")


@cache
def true_plan() -> tuple[str, str]:
    """The text of a plan, and its digest."""
    PLAN.unlink(missing_ok=True)
    made = play(scenario("w365_directory", plan_file=str(PLAN), **WITH_PLAN), Truthful())
    assert not made.get("failed"), made
    return PLAN.read_text(encoding="utf-8"), made["plan_digest"]


def with_digest(document: Any) -> Any:
    """A plan that somebody has changed, digest and all."""
    if not isinstance(document, dict):
        return document
    rest = {name: value for name, value in document.items() if name != "digest"}
    try:
        text = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except TypeError:
        return document
    return {**rest, "digest": f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"}


def unchanged(_call: Any, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
    """A server that also answers to links of which it knows nothing."""
    return status, json.dumps(data), {}, False


def states(examples: int, *, repeatable: bool) -> None:
    @searching(examples, repeatable=repeatable)
    @given(changes, cuts)
    def border(parts: list[Change], pieces: list[Cut]) -> None:
        text = json.dumps(reshaped(json.loads(true_state()), parts))
        STATE.write_bytes(cut(text.encode(), pieces))
        truth = Truthful(unchanged)
        result = play(IMPORT, truth)
        check(result, truth)
        guarded(truth)
        # What a refused state leaves behind is a state, or what it was.
        again = Truthful(unchanged)
        check(play(IMPORT, again), again)

    border()


def plans(examples: int, *, repeatable: bool) -> None:
    text, digest = true_plan()

    @searching(examples, repeatable=repeatable)
    @given(changes, cuts, st.sampled_from(["approved", "edited", "forged"]))
    def border(parts: list[Change], pieces: list[Cut], kind: str) -> None:
        document = reshaped(json.loads(text), parts)
        if kind == "forged":
            document = with_digest(document)
        raw = cut(json.dumps(document, indent=2, ensure_ascii=True).encode(), pieces if kind != "forged" else [])
        PLAN.write_bytes(raw)
        approved = {"plan_digest": digest} if kind == "approved" else {}
        truth = Truthful()
        # The task protects whoever it names, whatever the plan says.
        result = play(scenario("w365_directory", apply_plan=str(PLAN), protected_users=[ALLAN], **approved), truth)
        check(result, truth)
        assert not {loss for loss in truth.losses if loss.endswith((" u1", " 1"))}, truth.losses
        same = _same(raw, text)
        if kind != "forged" and not same:
            assert result.get("failed"), "a plan that was changed is applied"
            assert truth.writes == []

    border()


def _same(raw: bytes, text: str) -> bool:
    try:
        return bool(json.loads(raw) == json.loads(text))
    except (ValueError, RecursionError):
        return False


KINDS = {"states": states, "plans": plans}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_steers_a_run_ends_in_a_result_or_in_a_sentence(kind: str) -> None:
    KINDS[kind](FEW, repeatable=True)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", KINDS)
def test_many_answers_of_files_that_steer_a_run(kind: str) -> None:
    KINDS[kind](MANY, repeatable=MANY == 2000)


# ---- options


@cache
def scenarios_of(module: str) -> tuple[Scenario, ...]:
    found = {played for of_endpoint in SCENARIOS.values() for played in of_endpoint if played.module == module}
    return tuple(sorted(found))


MODULES = sorted({played.module for of_endpoint in SCENARIOS.values() for played in of_endpoint})


def connected(played: Scenario) -> dict[str, Any]:
    found = {**truthful._CONNECTION, **json.loads(played.options)}
    if played.scim:
        found |= {"scim_url": truthful.SCIM, "scim_token": "token-of-the-scim-service"}
    return found


@contextmanager
def somewhere() -> Iterator[None]:
    """In a folder of our own: an option may name any file."""
    before = Path.cwd()
    os.chdir(HERE)
    try:
        yield
    finally:
        os.chdir(before)


class Anywhere(Truthful):
    """A path of w365_api may be any: what is no call of the contract is not found."""

    def _understood(self, method: str, url: str, query: Mapping[str, Any] | None, body: Any) -> truthful.Call | None:
        try:
            return super()._understood(method, url, query, body)
        except AssertionError:
            return None


def play_options(played: Scenario, options: Mapping[str, Any]) -> None:
    """What the action plugin, Ansible and the module say to these options."""
    wiring = truthful._wiring(played.module)
    spec = wiring.validator.argument_spec if hasattr(wiring.validator, "argument_spec") else wiring.validator._spec
    sentence = sentence_of_task(spec, options)
    if sentence:
        assert sentence.endswith(".")
        assert PASSWORD not in sentence
        event("refused by the action plugin")
        return
    validated = wiring.validator.validate(copy.deepcopy(dict(options)))
    if validated.error_messages or any(str(name) not in spec for name in options):
        event("refused by Ansible")
        return
    found = validated.validated_parameters
    found["concurrency"] = 1 if found.get("concurrency") in (8, 4) else found.get("concurrency")
    if "concurrency" not in spec:
        del found["concurrency"]
    found["read_back_timeout"] = 0.001 if (found.get("read_back_timeout") or 0) > 0 else found.get("read_back_timeout")
    host: Any = MemoryHost(found)
    truth = Anywhere() if played.module == "w365_api" else Truthful()
    truth.server = played.server
    host.truth = truth
    check(run_task(wiring.run, host, wiring.kind), truth)


NOT_CHANGED = frozenset(
    {
        # Where the twin in memory is, and files that a task of somebody else would write.
        "instance_url", "scim_url", "graph_url", "entra_authority", "endpoints", "read_back_timeout", "concurrency",
        "state_file", "provisioning_key", "scim_token",
    }
)  # fmt: skip


def option_values(examples: int, *, repeatable: bool) -> Callable[[str], None]:
    def test(module: str) -> None:
        @searching(examples, repeatable=repeatable)
        @given(st.sampled_from(scenarios_of(module)), changes.filter(bool))
        def border(played: Scenario, parts: list[Change]) -> None:
            given = connected(played)
            kept = {name: value for name, value in given.items() if name in NOT_CHANGED}
            own = reshaped({name: value for name, value in given.items() if name not in NOT_CHANGED}, parts)
            if not isinstance(own, dict):
                return
            with somewhere(), patch.dict(os.environ, clear=False):
                play_options(played, {**own, **kept})

        border()

    return test


@pytest.mark.parametrize("module", MODULES)
def test_options_that_nobody_expects_end_in_a_result_or_in_a_sentence(module: str) -> None:
    option_values(FEW, repeatable=True)(module)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("module", MODULES)
def test_many_answers_of_options(module: str) -> None:
    option_values(MANY, repeatable=MANY == 2000)(module)


def test_the_changes_reach_every_value() -> None:
    assert len(nodes(CONTENT)) > 20
