# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many users over SCIM when things go wrong: killed runs, cut connections, servers without patience, two runs at once.

And what stands in the file is what arrives, whatever the names look like. The twin refuses a second user of the same
UPN, so its state alone would not show a create that was sent twice: the log is looked at too.
"""

from __future__ import annotations

import csv
import random
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from in_process import run
from pattern import differences
from playing import COLLECTION, Play, Step, Task, connection, start_playbook, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]
Person = dict[str, str]

COLUMNS = ("upn", "first_name", "last_name", "email", "external_id")
UNDER_WAY = 8
"""Requests at a time: the default of option concurrency."""

SHOWN = 20
"""How many differences an assertion names: of thousands the first ones tell enough."""


def person(number: int, upn: str = "", **more: str) -> Person:
    upn = upn or f"person{number}@contoso.com"
    return {
        "upn": upn,
        "first_name": f"First {number}",
        "last_name": f"Last {number}",
        "email": upn,
        # Looks like a number, and is none.
        "external_id": f"{number:08d}",
        **more,
    }


def numbered(count: int) -> list[Person]:
    return [person(number) for number in range(count)]


def directory_task(folder: Path, people: Iterable[Person], **more: Any) -> Task:
    """The task that brings these people in, from a CSV file."""
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(people)
    return task("w365_directory", src=[str(path)], **more)


def few(differing: Iterable[str]) -> str:
    lines = list(differing)
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])


def users_of(twin: Twin) -> dict[str, Any]:
    users: dict[str, Any] = twin.environment("contoso")["users"]
    return users


def arrived(users: Mapping[str, Any], before: Mapping[str, Any], people: Sequence[Person], about: str) -> None:
    """The environment holds exactly these people, and those of before as they were."""
    spoilt = few(differences({upn: users.get(upn) for upn in before}, dict(before), "users"))
    assert not spoilt, f"{about}: users who have nothing to do with the task\n{spoilt}"
    found = {
        upn: {"upn": upn, **{name: user[name] for name in COLUMNS[1:]}, "active": user["active"]}
        for upn, user in users.items()
        if upn not in before
    }
    wanted = {wish["upn"]: {**wish, "active": True} for wish in people}
    wrong = few(differences(found, wanted, "users"))
    assert not wrong, f"{about}: {len(found)} of {len(wanted)} people are there\n{wrong}"


def created_once(twin: Twin, about: str) -> None:
    """Nobody was created twice in the whole log."""
    created = Counter(user_name(request) for request in creates(twin) if request["status"] == 201)
    twice = {upn: times for upn, times in created.items() if times != 1}
    assert not twice, f"{about}: created more than once: {few(map(str, twice.items()))}"


def creates(twin: Twin) -> list[dict[str, Any]]:
    """Every create of a user in the log, whether it was accepted or not."""
    written = twin.requests(surface="scim", write=True)
    return [request for request in written if request["method"] == "POST" and request["path"].endswith("/Users")]


def user_name(request: Mapping[str, Any]) -> str:
    return str(request["body"]["userName"]).lower()


def went_well(play: Play) -> list[Step]:
    """No task failed, and ansible-playbook says so."""
    for step in play:
        assert step.status == "ok", f"{step.name}: {step.message}"
    assert play.code == 0, play.output[-2000:]
    assert "failed=0" in play.output, play.output[-2000:]
    assert "ignored=0" in play.output, play.output[-2000:]
    return play.steps


def changed_nothing(step: Step) -> None:
    changed, writes = step.changed, step.writes
    assert not changed, f"{step.name}, again, changed {step.result['results'][:SHOWN]}"
    assert not writes, f"{step.name}, again, wrote {writes[:SHOWN]}"


# The others run when there is time: each one kills at another moment.
@pytest.mark.slow_after(1)
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
def test_a_run_that_was_killed_is_finished_by_the_next(twin: Twin, play: Player, tmp_path: Path, seed: int) -> None:
    people = numbered(2000)
    # Not the second half: on a busy machine hundreds arrive while the signal is on its way.
    enough = random.Random(seed).randrange(1, len(people) // 2)
    wish = directory_task(tmp_path, people)
    defaults = connection(twin, scim=True)
    before = users_of(twin)
    with start_playbook(tmp_path, twin, [wish], defaults=defaults) as running:
        last = count = 0
        while count < enough:
            requests = twin.requests(last, write=True)
            last = max([last, *(request["number"] for request in requests)])
            count += len(requests)
            assert not running.over, f"it ended after {count} writes, before it could be killed\n{running.output()}"
            # Looking more often would only slow the twin down.
            time.sleep(0.01)
        running.kill()
    there = len(users_of(twin)) - len(before)
    assert enough <= there < len(people), f"{there} people were there after the kill at {enough}"

    (done,) = went_well(play(wish, defaults=defaults))
    about = f"seed {seed}, killed when {there} people were there"
    arrived(done.environment()["users"], before, people, about)
    created_once(twin, about)
    refused = [user_name(request) for request in creates(twin) if request["status"] == 409]
    assert not refused, f"{about}: {len(refused)} who had arrived were sent again, such as {refused[:SHOWN]}"
    # The kill has hit the module itself: of its requests only those arrived later that were under way.
    rest = done.result["summary"].get("user_create", 0)
    assert 0 <= len(people) - there - rest <= UNDER_WAY, f"{about}: the next run created {rest}"


def test_a_create_whose_answer_was_lost_is_not_repeated(twin: Twin, play: Player, tmp_path: Path) -> None:
    people = numbered(50)
    before = users_of(twin)
    twin.fault(surface="scim", method="POST", path="/(Users|Groups)$", action="drop_after", times=-1)
    groups = [{"name": "Retail", "members": {"set": [wish["upn"] for wish in people]}}]
    wish = directory_task(tmp_path, people, groups=groups)
    played = play(wish, wish, defaults=connection(twin, scim=True))
    sent = Counter(path for method, path in played[0].writes if method == "POST")
    once = {"/contoso/scim/v2/Users": len(people), "/contoso/scim/v2/Groups": 1}
    assert sent == once, f"creates that were sent: {dict(sent)}, expected {once}"
    do, again = went_well(played)
    assert do.changed
    arrived(do.environment()["users"], before, people, "with every answer lost")
    created_once(twin, "with every answer lost")
    assert twin.faults()[0]["hits"] == len(people) + 1
    members = do.environment()["groups"]["Retail"]["members"]
    assert sorted(members) == sorted(wish["upn"] for wish in people)
    changed_nothing(again)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "often"), [(200, 3), pytest.param(2000, 1, marks=pytest.mark.slow)])
def test_refusals_and_cut_connections_at_random(
    twin: Twin, play: Player, tmp_path: Path, count: int, often: int
) -> None:
    """One request in twenty goes wrong, in six ways; of few requests more, so that all six are met."""
    people = numbered(count)
    before = users_of(twin)
    # Fewer of those that cost a whole second of waiting.
    for probability, fault in (
        (0.004, {"action": "status", "status": 429, "retry_after": 1}),
        (0.004, {"action": "status", "status": 503, "retry_after": 1}),
        (0.0125, {"action": "status", "status": 429}),
        (0.0125, {"action": "status", "status": 503}),
        (0.0085, {"action": "drop_before"}),
        (0.0085, {"action": "drop_after"}),
    ):
        twin.fault(surface="scim", times=-1, probability=probability * often, **fault)
    wish = directory_task(tmp_path, people)
    do, again = went_well(play(wish, wish, defaults=connection(twin, scim=True)))
    struck = {
        f"{rule['action']} {rule['status'] or ''} {rule['retry_after'] or ''}": rule["hits"] for rule in twin.faults()
    }
    assert all(struck.values()), f"faults that never struck: {struck}"
    assert do.changed
    arrived(do.environment()["users"], before, people, f"after {struck}")
    created_once(twin, f"after {struck}")
    changed_nothing(again)


@pytest.mark.slow
def test_two_runs_at_once(twin: Twin, tmp_path: Path) -> None:
    """Both find nobody, and both create everybody; whoever comes second takes what is there."""
    people = numbered(1000)
    members = [wish["upn"] for wish in people[:600]]
    before = users_of(twin)
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    # Long enough that the second begins before the first has ended.
    twin.fault(surface="scim", method="POST", action="latency", seconds=0.1, times=-1)
    started = [
        start_playbook(
            folder,
            twin,
            [directory_task(folder, people, groups=[{"name": "Retail", "members": {"set": members}}])],
            defaults=connection(twin, scim=True),
        )
        for folder in folders
    ]
    with started[0] as one, started[1] as other:
        plays = [one.wait(), other.wait()]
    for played in plays:
        went_well(played)
    arrived(users_of(twin), before, people, "after two runs at once")
    created_once(twin, "after two runs at once")
    groups = twin.environment("contoso")["groups"]
    assert list(groups) == ["Retail"], f"groups: {list(groups)}"
    assert sorted(groups["Retail"]["members"]) == sorted(members)
    refused = sum(request["status"] == 409 for request in creates(twin))
    assert refused, "the two did not meet: nobody was created by both"


# What names can look like. Every letter that Python's Unicode knows stands in somebody's first name.

FORMULAS = (
    "=1+1",
    '=HYPERLINK("https://contoso.com";"Contoso")',
    "+31 20 555 0100",
    "-2+3",
    "@SUM(A1:A9)",
    "|calc",
    "%0A=1",
)
QUOTES = (
    "O'Neil",
    '"Zoë"',
    "«Zoë»",
    "„Zoë“",
    "`id`",
    '\\"',
    "\\",
    "''",
    '""',
    '"',
    "a,b;c\td",
    "first\nsecond",
    "first\r\nsecond",
)
EMOJI = (
    "👩🏽\u200d💻",
    "🇳🇱🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "1\ufe0f\u20e3",
    "❤\ufe0f\u200d🔥",
    "🫠" * 100,
)
LONGEST = ("é" * 255, "e\u0301" * 127 + "e", "漢" * 255, "\U0001d538" * 255, "=" + "x" * 254, "'" * 255)
# What somebody on the way might take for a number, a truth, nothing, a template, a page or the end of a line.
MISTAKABLE = (
    "007", "1e5", "1_000", "NaN", "true", "no", "null", "None", "~", "0x1F", "2026-01-01", "{{ 7 * 7 }}", "{% raw %}", "!unsafe x",
    "${HOME}", "$(id)", "%s", "{0}", "&amp; <b>x</b>", "#x", "# x", "x\u00a0y", "ﬁ", "İı", "ẞß", "Å\u212b",
    "가\u1100\u1161", "\ue000", "\U0010fffd", "\u0645\u06cc\u200c\u0634\u0648\u062f",
)  # fmt: skip
# What nobody can see.
INVISIBLE = ("x\u3164y", "x\u200by", "\u200f\u05e9\u05dc\u05d5\u05dd\u200e", "x\u2028y", "x\x85y", "x\x0by", "x\ufeffy")
LAST_NAMES = (*FORMULAS, *QUOTES, *EMOJI, *LONGEST, *MISTAKABLE)
UPNS = (
    "person{0}@contoso.com",
    "person{0}_fabrikam.com#EXT#@contoso.onmicrosoft.com",
    "Person.{0}@Contoso.com",
    "p'erson-{0}@contoso.com",
    "!#^~_{0}@contoso.com",
    "+person{0}@contoso.com",
    "-person{0}@contoso.com",
    "{0:064d}@" + "x" * 36 + ".contoso.com",
)


FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters of Hangul that nobody can see: they are refused as other hidden characters are."""


def letters() -> list[str]:
    """Every letter that can be seen, in six neighbours at a time."""
    all_letters = [
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(letter).startswith("L") and letter not in FILLERS
    ]
    return ["".join(all_letters[start : start + 6]) for start in range(0, len(all_letters), 6)]


def people_of_the_world(count: int) -> list[Person]:
    """Every letter for 30,000 of them. Fewer have letters of every script, and every last name with every form of UPN."""
    first_names = letters()
    first_names = first_names[:: -(-len(first_names) // count)]
    assert len(UPNS) * len(LAST_NAMES) <= count
    made = []
    for number in range(count):
        upn = UPNS[number % len(UPNS)].format(number)
        # A guest's own address is another one than its UPN.
        email = f"person{number}@fabrikam.com" if "#EXT#" in upn else upn
        first_name = first_names[number % len(first_names)]
        # Forms and names meet in every combination.
        last_name = LAST_NAMES[number // len(UPNS) % len(LAST_NAMES)]
        made.append(person(number, upn, first_name=first_name, last_name=last_name, email=email))
    return made


def test_names_that_hide_something_are_refused_at_once(twin: Twin, tmp_path: Path) -> None:
    """Each with its line and its code point, before anything is written."""
    people = [person(number, f"person{number}@contoso.com", last_name=name) for number, name in enumerate(INVISIBLE)]
    wish = directory_task(tmp_path, people)[f"{COLLECTION}.w365_directory"]
    message = run("w365_directory", {**connection(twin, scim=True), **wish})["msg"]
    assert f"{len(INVISIBLE)} things are wrong" in message
    for point in ("U+3164", "U+200B", "U+200F", "U+2028", "U+0085", "U+000B", "U+FEFF"):
        assert point in message
    assert twin.writes() == []


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize("count", [1_000, pytest.param(30_000, marks=pytest.mark.slow)])
def test_people_of_the_world(twin: Twin, play: Player, tmp_path: Path, count: int) -> None:
    people = people_of_the_world(count)
    before = users_of(twin)
    wish = directory_task(tmp_path, people)
    do, again = went_well(play(wish, wish, defaults=connection(twin, scim=True), limit=400))
    assert do.result["summary"] == {"user_create": len(people), "unchanged": 0, "left_out": 0}
    written = len(do.writes)
    assert written == len(people), f"{written} writes for {len(people)} people"
    arrived(do.environment()["users"], before, people, "from a CSV file")
    changed_nothing(again)
    moved = few(differences(again.state, do.state, "state"))
    assert not moved, f"the second run left something else behind\n{moved}"
