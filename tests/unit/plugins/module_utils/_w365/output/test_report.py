# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manager reads after a run: nobody is missing, nothing is claimed that did not happen, and no name does harm."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AuthenticationError,
    InputError,
    W365Error,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.dependencies import (
    apply_directory,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import (
    ActionResult,
    ApplyResult,
    predicted_result,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import (
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
    Skipped,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Capabilities,
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.atomic_write import (
    write_atomically,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report import (
    Outcome,
    counts_of,
    remarks_of,
    rows_of,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_csv import (
    COLUMNS,
    csv_of,
    safe_cell,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_files import (
    checked_report_paths,
    write_reports,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_html import page_of
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    DIRECTORY_ACTIONS,
    GROUP_CREATE,
    MEMBERSHIP_CHANGE,
    USER_CREATE,
    USER_DELETE,
    USER_UPDATE,
    Action,
    ActionType,
    DirectoryHandlers,
    Handler,
    ObjectKind,
    Phase,
    ReportPart,
    ReportWords,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment_actions import (
    INSTANCE_ACTIONS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan

BEGUN = datetime(2026, 3, 9, 7, 5, tzinfo=timezone.utc)
ENDED = BEGUN + timedelta(minutes=2, seconds=5)
ABILITIES = Capabilities(
    "SCIM",
    frozenset({"upn", "first_name", "last_name", "email", "active", "external_id", "administrator"}),
    frozenset({"name", "description", "external_id"}),
    frozenset({"password"}),
)
SECRET = "Winter-in-Redmond-2026"

ADELE = User("adele.vance@contoso.com", "1", "Adele", "Vance", active=True)
ALEX = User("alex.wilber@contoso.com", "2", "Alex", "Wilbur", active=True)
DIEGO = User("diego.siciliani@contoso.com", "3", "Diego", "Siciliani", active=True, administrator=True)
GRADY = User("grady.archie@contoso.com", "4", "Grady", "Archie", active=False)
NESTOR = User("nestor.wilke@contoso.com", "5", "Nestor", "Wilke", active=True)
PATTI = User("patti.fernandez@contoso.com", "6", "Patti", "Fernandez", active=True)
LEE = User("lee.gu@contoso.com", "7", "Lee", "Gu", active=True)


def a_plan() -> Plan:
    """One of everything that a directory can go through."""
    current = Snapshot(
        users=(ADELE, ALEX, DIEGO, GRADY, NESTOR, PATTI, LEE),
        groups=(
            Group("Sales", "10", members=frozenset({ADELE.key, ALEX.key})),
            Group("Old project", "11", members=frozenset({ALEX.key})),
            Group("Retail", "12", description="Shops", members=frozenset()),
        ),
        administrators=frozenset({DIEGO.key, ADELE.key}),
    )
    desired = Desired(
        users=(
            DesiredUser(ADELE.upn, fields={"first_name": "Adele", "last_name": "Vance"}),
            DesiredUser(ALEX.upn, fields={"last_name": "Wilber"}, extras={"password": SECRET}, update_password=True),
            DesiredUser(GRADY.upn),
            DesiredUser(NESTOR.upn, present=False),
            DesiredUser(PATTI.upn, fields={"active": False}),
            DesiredUser(LEE.upn, present=False, permanent=True),
            DesiredUser(
                "isaiah.langer@contoso.com",
                fields={"first_name": "Isaiah", "last_name": "Langer", "email": "isaiah@fabrikam.com"},
                extras={"password": SECRET},
            ),
            DesiredUser(
                "joni.sherman@contoso.com",
                fields={"first_name": "Joni", "last_name": "Sherman"},
                initial={"active": False},
            ),
        ),
        groups=(
            DesiredGroup("Sales", members=AddRemoveSet(set=frozenset({ADELE.key, "isaiah.langer@contoso.com"}))),
            DesiredGroup("Old project", present=False),
            DesiredGroup("Retail", fields={"description": "Shops and stands"}),
            DesiredGroup("Design", fields={"description": "Whoever draws"}),
        ),
        administrators=AddRemoveSet(frozenset({ALEX.key}), frozenset({DIEGO.key})),
        skipped=(
            Skipped("user", "reception@contoso.com", "has no last name"),
            Skipped("user", "kiosk@contoso.com", "has no last name"),
            Skipped("group", "Everybody", "is a distribution list"),
            Skipped("group", "Everybody", "is a distribution list"),
        ),
    )
    return make_plan(desired, current, ABILITIES)


def outcome_of(report: ApplyResult, **given: Any) -> Outcome:
    values: dict[str, Any] = {"environment": "contoso", "source": "users.csv", "started": BEGUN, "ended": ENDED}
    return Outcome(report, **{**values, **given})


def carried_out(plan: Plan, failing: Sequence[str] = (), error: type[W365Error] = W365Error) -> ApplyResult:
    def handler(action: Action) -> Any:
        if action.name in failing:
            raise error("The server said no.")
        return action.outcome

    class Backend:
        def __getattr__(self, _name: str) -> Handler:
            return handler

    return apply_directory(plan, cast(DirectoryHandlers, Backend()))


def told(outcome: Outcome) -> dict[tuple[str, str], tuple[str, str, str, str]]:
    return {(r.object.name, r.name): (r.what, r.details, r.outcome, r.reason) for r in rows_of(outcome)}


# ---- the page, read back


@dataclass
class Node:
    tag: str
    attributes: dict[str, str | None]
    children: list[Node | str] = field(default_factory=list)

    def all(self, tag: str) -> list[Node]:
        found = [self] if self.tag == tag else []
        for child in self.children:
            if isinstance(child, Node):
                found += child.all(tag)
        return found

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class Reader(HTMLParser):
    """Builds a tree, and refuses what a browser would have to mend."""

    VOID = ("meta", "wbr")
    INLINE = ("p", "h1", "h2", "h3", "span", "small", "summary", "caption", "dt", "dd")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        if self._open[-1].tag in self.INLINE:
            assert tag in ("span", "strong", "time", "small", "wbr"), f"{tag} in {self._open[-1].tag}"
        node = Node(tag, dict(attrs))
        self._open[-1].children.append(node)
        if tag not in self.VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    @classmethod
    def read(cls, page: str) -> Node:
        reader = cls()
        reader.feed(page)
        reader.close()
        assert [node.tag for node in reader._open] == [""], "something is never closed"
        return reader.root


def page(outcome: Outcome) -> str:
    return page_of(outcome, rows_of(outcome), remarks_of(outcome))


def read(outcome: Outcome) -> Node:
    return Reader.read(page(outcome))


def headings(root: Node) -> list[str]:
    return [node.text for node in root.all("h2")]


def body_text(root: Node) -> str:
    return re.sub(r"\s+", " ", root.all("main")[0].text)


# ---- rows


def test_everything_that_happened_is_told_once() -> None:
    rows = told(outcome_of(carried_out(a_plan())))
    assert rows == {
        ("user", NESTOR.upn): ("left", "Nestor Wilke", "done", ""),
        ("user", PATTI.upn): ("left", "Patti Fernandez", "done", ""),
        ("user", LEE.upn): ("permanently deleted", "Lee Gu", "done", ""),
        ("user", "isaiah.langer@contoso.com"): (
            "joined",
            "Isaiah Langer; e-mail address: isaiah@fabrikam.com",
            "done",
            "",
        ),
        ("user", "joni.sherman@contoso.com"): ("joined", "Joni Sherman; cannot sign in yet", "done", ""),
        ("user", GRADY.upn): ("came back", "Grady Archie", "done", ""),
        ("user", ALEX.upn): (
            "changed",
            "Alex Wilber; last name: Wilbur -> Wilber; password: written",
            "done",
            "",
        ),
        ("administrator", ALEX.upn): ("administrator role given", "Alex Wilber", "done", ""),
        ("administrator", DIEGO.upn): ("administrator role taken", "Diego Siciliani", "done", ""),
        ("user", "kiosk@contoso.com"): ("left out", "", "left out", "has no last name"),
        ("user", "reception@contoso.com"): ("left out", "", "left out", "has no last name"),
        ("group", "Everybody"): ("left out", "", "left out", "is a distribution list"),
        ("group", "Design"): ("group created", "description: Whoever draws", "done", ""),
        ("group", "Retail"): ("group changed", "description: Shops -> Shops and stands", "done", ""),
        ("group", "Old project"): ("group deleted", "had 1 member", "done", ""),
        ("membership", "Sales"): (
            "members changed",
            "new members: isaiah.langer@contoso.com; members who left: alex.wilber@contoso.com",
            "done",
            "",
        ),
    }


def test_a_failure_never_reads_as_if_it_had_happened() -> None:
    plan = a_plan()
    rows = told(outcome_of(carried_out(plan, [NESTOR.upn, "isaiah.langer@contoso.com", "Sales"])))
    what, details, outcome, reason = rows["user", "isaiah.langer@contoso.com"]
    assert (what, outcome) == ("failed", "failed")
    assert details.startswith("was to join; Isaiah Langer")
    assert reason == "Cannot create user 'isaiah.langer@contoso.com': The server said no."
    assert rows["user", NESTOR.upn][:2] == ("failed", "was to leave; Nestor Wilke")
    assert rows["membership", "Sales"][1].startswith("was to get other members; new members: isaiah")
    untried = told(outcome_of(carried_out(plan, [ALEX.upn], AuthenticationError)))
    assert untried["user", ALEX.upn][0] == "failed"
    assert untried["user", NESTOR.upn] == (
        "not tried",
        "was to leave; Nestor Wilke",
        "not tried",
        "The server said no.",
    )
    counts = counts_of(rows_of(outcome_of(carried_out(plan, [ALEX.upn], AuthenticationError))))
    assert "left" not in counts
    assert counts["failed"] == 1
    assert counts["not tried"] + counts["failed"] + counts.get("joined", 0) == len(plan.actions)


def test_a_prediction_says_would() -> None:
    rows = rows_of(outcome_of(predicted_result(a_plan()), predicted=True))
    assert {row.what for row in rows if row.outcome == "planned"} >= {
        "would join",
        "would leave",
        "would get new details",
    }
    assert {row.outcome for row in rows} == {"planned", "left out"}
    assert counts_of(rows)["joined"] == 2


def test_every_kind_of_action_has_its_words() -> None:
    for row in (*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS):
        assert row.words.past or row.words.to.startswith("be "), row
    location = ObjectKind("location", "location", "locations", "location")
    words = ReportWords(ReportPart.SETTINGS, "changed", "be changed")
    move = ActionType(location, "move", Phase.SETTINGS, "move location '{name}'", words, lambda backend: backend.move)
    strange = Action(move, "Redmond", {"floor": "1"}, {"floor": "2"})
    (told_row,) = rows_of(outcome_of(ApplyResult(Plan((strange,)), [ActionResult(strange)])))
    assert (told_row.what, told_row.details) == ("changed", "floor: 1 -> 2"), (
        "a new kind of object is no reason to write no report"
    )


def test_leavers_of_a_purge_are_told_as_such() -> None:
    action = Action(
        USER_DELETE, ADELE.upn, {"active": True}, {"active": False}, {"active": False}, ADELE, ADELE, {}, True
    )
    assert told(outcome_of(ApplyResult(Plan((action,)), [ActionResult(action)])))["user", ADELE.upn][1] == (
        "Adele Vance; is no longer on the list"
    )


def test_the_order_does_not_depend_on_the_order_of_the_run() -> None:
    report = carried_out(a_plan(), ["isaiah.langer@contoso.com"])
    turned = report._replace(done=report.done[::-1])
    assert rows_of(outcome_of(report)) == rows_of(outcome_of(turned))
    parts = [row.part for row in rows_of(outcome_of(report))]
    assert parts == sorted(parts)
    assert parts[0] == ReportPart.FAILURES


# ---- secrets


def test_no_write_only_value_and_no_masked_text_is_in_a_report(tmp_path: Path) -> None:
    plan = a_plan()
    assert SECRET in repr([dict(action.extras) for action in plan.actions])
    paths = [str(tmp_path / "report.csv"), str(tmp_path / "report.html")]
    write_reports(paths, outcome_of(carried_out(plan)))
    for path in paths:
        assert SECRET not in Path(path).read_text(encoding="utf-8")


def test_every_text_of_a_run_is_masked(tmp_path: Path) -> None:
    changed = Action(USER_UPDATE, "s3cret@contoso.com", {"s3cret": "s3cret1"}, {"s3cret": "s3cret2"})
    people = Action(MEMBERSHIP_CHANGE, "s3cret group", {}, {}, {"add": ["s3cret-a"], "remove": ["s3cret-b"]})
    joined = Action(
        USER_CREATE,
        "x@contoso.com",
        None,
        {"email": "s3cret@fabrikam.com"},
        outcome=User("x@contoso.com", first_name="s3cret"),
    )
    group = Action(GROUP_CREATE, "g", None, {"description": "s3cret"})
    plan = Plan(
        (changed, people, joined, group), skipped=(Skipped("user", "s3cret-c", "s3cret reason"),), notes=("s3cret",)
    )
    done = [ActionResult(changed, error=W365Error("s3cret")), *map(ActionResult, (people, joined, group))]
    outcome = outcome_of(ApplyResult(plan, done), environment="s3cret", source="s3cret.csv")
    paths = [str(tmp_path / "report.csv"), str(tmp_path / "report.html")]
    write_reports(paths, outcome, redact=lambda text: text.replace("s3cret", "***"))
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        assert "s3cret" not in text
        assert text.count("***") >= 10
    write_reports(paths, outcome)
    assert all("s3cret" in Path(path).read_text(encoding="utf-8") for path in paths)


# ---- CSV

NAMES = [
    "Åsa Öberg",
    "Zoë d'Arc",
    "Łukasz Żółć",
    "Γιώργος Παπαδόπουλος",
    "Иван Петров",
    "محمد العربي",
    "דוד לוי",
    "नेहा शर्मा",
    "สมชาย ใจดี",
    "李小龍",
    "やまだ はなこ",
    "김민준",
    "𠮷野家",
    "👩🏽‍💻 Team",
    'The "Quoted", Inc.',
    "two\nlines",
    "semi; colon",
    "  blanks  ",
    "o'=brien",
    "a-b+c=d@e",
]


def csv_rows(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), strict=True))


def named(*names: str) -> Outcome:
    return outcome_of(ApplyResult(Plan(skipped=tuple(Skipped("user", name, "has no last name") for name in names)), []))


def test_names_of_every_script_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_reports([str(path)], named(*NAMES))
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel takes a file without the mark for its own code page"
    header, *rows = csv_rows(raw.decode("utf-8"))
    assert tuple(header) == COLUMNS == ("kind", "name", "what", "details", "outcome", "reason")
    assert sorted(row[1] for row in rows) == sorted(NAMES)
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\r\n") == len(NAMES) + 1, "RFC 4180: records end in CR LF, and only they"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001 - on purpose
def test_no_name_becomes_a_formula(sign: str) -> None:
    evil = f"{sign}cmd|' /C calc'!A0"
    assert safe_cell(evil) == f"'{evil}"
    (_header, row) = csv_rows(csv_of(rows_of(named(evil))))
    assert row[1] == f"'{evil}"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])  # noqa: RUF001 - on purpose
@pytest.mark.parametrize(
    "before",
    [
        " ",
        "   ",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\u2003",
        "\u3000",
        "\u00ad",
        "\u200e",
        "\u202e",
        "\x00",
        "\x1b",
        "\u2028",
    ],
)
def test_no_name_becomes_a_formula_behind_what_cannot_be_seen(before: str, sign: str) -> None:
    """Spreadsheets, and people who clean a column, trim a cell before they read it."""
    (_header, row) = csv_rows(csv_of(rows_of(named(f"{before}{sign}cmd|' /C calc'!A0"))))
    assert row[1].startswith("'")
    assert row[1].endswith(f"{sign}cmd|' /C calc'!A0")
    assert safe_cell(f"a;{before}{sign}1").startswith("a;'")


@pytest.mark.parametrize("turned", ["\u202e", "\u2066", "\u2028", "\u2029", "\u200f", "\u061c"])
def test_no_name_turns_a_cell_around(turned: str) -> None:
    assert safe_cell(f"Adele{turned}ecnaV") == "Adele\N{REPLACEMENT CHARACTER}ecnaV"


def test_many_separators_are_read_in_one_pass() -> None:
    before = time.monotonic()
    assert safe_cell("\n" * 100_000)[0] == "'"
    assert safe_cell(" " * 100_000 + "=")[0] == "'"
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("separator", [";", "\t", "\n"])
def test_no_formula_after_what_a_spreadsheet_takes_for_a_separator(separator: str) -> None:
    assert safe_cell(f"x{separator}=1+1") == f"x{separator}'=1+1"


@pytest.mark.parametrize("name", NAMES)
def test_harmless_names_stay(name: str) -> None:
    assert safe_cell(name) == name


def test_every_cell_is_safe() -> None:
    action = Action(USER_UPDATE, "=name", {"last_name": "=a"}, {"last_name": "=b"}, subject=User("x", first_name="=p"))
    plan = Plan((action,), skipped=(Skipped("=kind", "@name", "-reason"),))
    text = csv_of(rows_of(outcome_of(ApplyResult(plan, [ActionResult(action, error=W365Error("+reason"))]))))
    cells = [cell for row in csv_rows(text) for cell in row]
    assert len(cells) == 18
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert {"'=name", "'@name", "'-reason", "'+reason", "'=kind"} <= set(cells)


def test_characters_that_no_file_can_hold_are_replaced() -> None:
    (row,) = rows_of(named("half \ud83d\x00 bell\x07"))
    assert row.name == "half ?\N{REPLACEMENT CHARACTER} bell\N{REPLACEMENT CHARACTER}"


def test_a_source_whose_name_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    """A file's name may hold any bytes; Python shows them as halves of characters, which no file can hold."""
    path = tmp_path / "report.html"
    write_reports([str(path)], replace(named("x"), source="/srv/caf\udce9.csv", environment=""))
    text = path.read_text(encoding="utf-8")
    assert "/srv/caf?.csv" in text
    assert "<title>Workspace 365: people and groups on 9 March 2026</title>" in text
    assert "Environment:" not in text


# ---- HTML


def test_the_page_is_sound() -> None:
    text = page(outcome_of(carried_out(a_plan(), ["isaiah.langer@contoso.com"])))
    root = Reader.read(text)
    assert text.startswith("<!DOCTYPE html>\n")
    (html,) = root.all("html")
    assert html.attributes["lang"] == "en"
    assert len(root.all("h1")) == len(root.all("main")) == len(root.all("title")) == 1
    tables = root.all("table")
    assert tables
    for table in tables:
        assert table.all("caption")[0].text
        assert all(th.attributes["scope"] == "col" for th in table.all("thead")[0].all("th"))
        width = len(table.all("thead")[0].all("th"))
        for row in table.all("tbody")[0].all("tr"):
            cells = [child for child in row.children if isinstance(child, Node)]
            assert (cells[0].tag, cells[0].attributes) == ("th", {"scope": "row"})
            assert len(cells) == width
    ids = [node.attributes["id"] for node in root.all("h2")]
    assert len(set(ids)) == len(ids)
    assert [node.attributes["aria-labelledby"] for node in root.all("section")] == ids
    for tiles in root.all("dl"):
        assert len(tiles.all("dt")) == len(tiles.all("dd")) == len(tiles.all("div"))


def test_the_order_of_the_page() -> None:
    plan = a_plan()._replace(notes=("Something to know.",))
    root = read(outcome_of(carried_out(plan, ["joni.sherman@contoso.com"])))
    assert headings(root) == [
        "Failures (1)",
        "Leavers (3)",
        "Joiners (2)",
        "Changes (3)",
        "Left out (3)",
        "Groups (4)",
        "Remarks (1)",
    ]
    text = body_text(root)
    assert (
        "2 people left, 1 person was permanently deleted, 1 person joined, 1 person came back, 1 person got new details, 1 person got "
        "the administrator role, 1 person lost the administrator role, 1 group was created, 1 group was changed, 1 group got "
        "other members and 1 group was deleted. 1 change failed. 3 were left out; the reasons are listed below."
    ) in text
    assert text.index("1 change failed") < text.index("Failures (1)")
    assert "Started: 9 March 2026, 07:05 UTC" in text
    assert "Took: 2 min 5 s" in text
    assert "Source: users.csv" in text
    tiles = {d.all("dt")[0].text: d.all("dd")[0].text for d in root.all("dl")[0].all("div")}
    assert tiles["Joined"] == "1"
    assert tiles["Failed"] == "1"
    assert tiles["Left"] == "2"
    assert tiles["Unchanged"] == "1"


def test_reasons_are_told_once_with_everybody_whom_they_concern() -> None:
    root = read(outcome_of(carried_out(a_plan(), [ALEX.upn], AuthenticationError)))
    assert [node.text for node in root.all("h3")] == [
        "Not tried: The server said no. (12)",
        "Left out: has no last name (2)",
        "Left out: is a distribution list (1)",
    ]
    table = next(table for table in root.all("table") if table.all("caption")[0].text.endswith("no last name"))
    assert [row.all("th")[0].text for row in table.all("tbody")[0].all("tr")] == [
        "kiosk@contoso.com",
        "reception@contoso.com",
    ]


def test_a_prediction_is_announced_first() -> None:
    root = read(outcome_of(predicted_result(a_plan()), predicted=True))
    text = body_text(root)
    assert root.all("title")[0].text.startswith("Prediction: ")
    assert "This is a prediction. Nothing was written" in text
    assert text.index("prediction") < text.index("2 people would leave")
    assert not re.search(
        r"\b(joined|got|was|were|came back)\b",
        re.sub("This is a prediction. Nothing was written|Nobody has joined yet", "", text),
    )
    assert "prediction" not in body_text(read(outcome_of(carried_out(a_plan())))).lower()


def test_a_run_without_changes() -> None:
    quiet = outcome_of(ApplyResult(Plan(unchanged=(("user", ADELE.upn),)), []))
    assert "Nothing had to be changed." in body_text(read(quiet))
    assert headings(read(quiet)) == []
    assert "Nothing would have to be changed." in body_text(read(replace(quiet, predicted=True)))
    blind = outcome_of(ApplyResult(Plan(compared=False, notes=("This server shows nothing.",)), []))
    assert "Not all current values could be read" in body_text(read(blind))
    assert headings(read(blind)) == ["Remarks (1)"]


EVIL = [
    "<script>alert(1)</script>",
    "</title></style></table><img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "&lt;b&gt;",
    "<!-- x",
    "מנהל\u202egnp.exe",
    "javascript:alert(1)",
]


def evil_outcome(evil: str) -> Outcome:
    """The name in every place where one can stand."""
    user = User(evil, first_name=evil)
    actions = (
        Action(USER_CREATE, evil, None, {"email": evil}, outcome=user),
        Action(USER_UPDATE, evil, {"last_name": evil}, {"last_name": f"{evil}2"}, {"last_name": evil}, user, user),
        Action(MEMBERSHIP_CHANGE, evil, {}, {}, {"add": [evil], "remove": [evil]}),
        Action(GROUP_CREATE, evil, None, {"description": evil}),
    )
    plan = Plan(actions, skipped=(Skipped("user", evil, evil),), notes=(evil,))
    done = [ActionResult(actions[0]), ActionResult(actions[1], error=W365Error(evil)), *map(ActionResult, actions[2:])]
    done.append(ActionResult(actions[1], error=W365Error(evil), tried=False))
    return outcome_of(ApplyResult(plan, done), environment=evil, source=evil)


@pytest.mark.parametrize("evil", EVIL)
def test_no_name_becomes_part_of_the_page(evil: str) -> None:
    root = read(evil_outcome(evil))
    harmless = read(evil_outcome("harmless"))

    def shape(node: Node) -> Any:
        return (
            node.tag,
            sorted(node.attributes.items()),
            [shape(child) for child in node.children if isinstance(child, Node)],
        )

    assert shape(root) == shape(harmless)
    assert root.text.count(evil) >= harmless.text.count("harmless")


def test_a_name_from_right_to_left_leaves_its_neighbours_alone() -> None:
    evil = "מנהל\u202egnp.exe"

    def bare(node: Node, within: bool) -> list[str]:
        within = within or node.attributes.get("dir") == "auto" or node.tag in ("head", "style")
        found: list[str] = []
        for child in node.children:
            if isinstance(child, Node):
                found += bare(child, within)
            elif evil in child and not within:
                found.append(child)
        return found

    assert bare(read(evil_outcome(evil)), False) == []


def test_the_page_loads_and_runs_nothing() -> None:
    text = page(outcome_of(carried_out(a_plan())))
    root = Reader.read(text)
    assert {
        node.tag for tag in ("script", "link", "img", "iframe", "object", "form", "a", "base") for node in root.all(tag)
    } == set()
    assert "url(" not in text
    assert "@import" not in text
    assert "://" not in text
    assert not re.search(r"\s(on\w+|style|src|href)=", re.sub(r"(?s)<style>.*?</style>", "", text))
    (policy,) = (
        str(node.attributes["content"])
        for node in root.all("meta")
        if node.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    style = root.all("style")[0].text
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_can_be_read() -> None:
    """WCAG 2 wants a contrast of 4.5 for text."""
    style = Reader.read(page(named("x"))).all("style")[0].text
    schemes = re.findall(r":root \{([^}]*)\}", style)
    assert len(schemes) == 2, "a light and a dark one"
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", scheme))
        pairs = [(ink, paper) for ink in ("ink", "soft", "bad") for paper in ("paper", "tint")] + [
            ("warn", "warn-tint")
        ]
        for ink, paper in pairs:
            dark, light = sorted((luminance(colours[ink]), luminance(colours[paper])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


@pytest.mark.parametrize(("number", "folded"), [(200, 0), (201, 1)])
def test_long_parts_are_folded(number: int, folded: int) -> None:
    root = read(named(*(f"person{n}@contoso.com" for n in range(number))))
    assert len(root.all("details")) == folded
    assert len(root.all("tbody")[0].all("tr")) == number
    if folded:
        assert root.all("summary")[0].text == "Show all 201"


def test_many_members_are_folded() -> None:
    action = Action(MEMBERSHIP_CHANGE, "Sales", {}, {}, {"add": [f"p{n}" for n in range(21)], "remove": ["x"]})
    (summary,) = read(outcome_of(ApplyResult(Plan((action,)), [ActionResult(action)]))).all("summary")
    assert summary.text == "New members: 21"


def test_fifty_thousand_people_are_written_quickly(tmp_path: Path) -> None:
    actions = tuple(
        Action(
            USER_CREATE,
            f"p{n}@contoso.com",
            None,
            {"upn": f"p{n}@contoso.com"},
            outcome=User(f"p{n}", first_name=f"P{n}"),
        )
        for n in range(50_000)
    )
    begun = time.process_time()
    write_reports(
        [str(tmp_path / "report.csv"), str(tmp_path / "report.html")],
        outcome_of(ApplyResult(Plan(actions), [ActionResult(action) for action in actions])),
    )
    assert time.process_time() - begun < 15, "it takes about one second; the limit is for slow machines"
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("<tr>") == 50_001
    assert len(text) < 20_000_000
    assert "50\N{NO-BREAK SPACE}000 people joined" in text


# ---- files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", ["report.csv", "report.html", "REPORT.HTML"])
def test_only_the_owner_may_read_a_report(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("of another run", encoding="utf-8")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        write_reports([str(path)], named("x"))
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert "of another run" not in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_report_stays_when_a_new_one_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("of another run", encoding="utf-8")

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        InputError, match=r"Option report_file: '.*report\.html' cannot be written \(No space left on device\)\."
    ):
        write_reports([str(path)], named("x"))
    assert path.read_text(encoding="utf-8") == "of another run"
    assert list(tmp_path.iterdir()) == [path], "nothing half written is left behind"


def test_a_file_that_breaks_off_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(str(path), "x" * 100_000 + "\ud83d", "some_option")
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match=r"Option some_option: '.*' cannot be written"):
        write_atomically(str(tmp_path / "none" / "x"), "", "some_option")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("report", ["neither in .csv nor in .html", "name the file"]),
        ("report.htm", ["neither in .csv nor in .html"]),
        (".csv", ["neither in .csv nor in .html"]),
        ("none/report.csv", ["a folder that does not exist", "create '", "none'"]),
        ("folder.csv", ["is a folder", "Give the name of a file"]),
        ("locked/report.csv", ["may not write to", "name another folder"]),
        ("a\0.csv", ["a null character"]),
        ("no\0ne/a.html", ["a null character"]),
        ("a\ud83d.csv", ["half of a character"]),
    ],
)
def test_paths_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, parts: list[str]) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "locked").mkdir()
    # Whoever is root may write everywhere, so the answer of the system is put into its mouth.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "locked")
    good = tmp_path / "good.html"
    for refused in (checked_report_paths, lambda paths: write_reports(paths, named("x"))):
        assert not good.exists(), "the check before a run writes nothing"
        with pytest.raises(InputError) as refusal:
            refused([str(tmp_path / name), str(good)])
        shown = str(tmp_path / name).partition("\0")[0].partition("\ud83d")[0][-60:]
        for part in ("Option report_file", shown, *parts):
            assert part in refusal.value.message
    assert good.exists(), "after a run, what can be written is written"


def test_good_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "Report.CSV")
    assert checked_report_paths([path, "report.html", path]) == (path, "report.html")
    assert checked_report_paths([]) == ()
    assert list(tmp_path.iterdir()) == [], "checking leaves nothing behind"


# Runs that went wrong


def test_the_second_file_is_written_when_the_first_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that can be read is better than none, and the error names those that cannot."""
    first, second, third = (tmp_path / name for name in ("a.csv", "b.html", "c.csv"))
    for path in (first, third):
        path.mkdir()
    with pytest.raises(InputError) as failed:
        write_reports([str(first), str(second), str(third)], named("x"))
    assert second.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert str(first) in failed.value.message
    assert str(third) in failed.value.message
    assert "b.html" not in failed.value.message


def test_a_run_that_ended_early_says_why(tmp_path: Path) -> None:
    page, table = tmp_path / "r.html", tmp_path / "r.csv"
    refused = "Refused: the environment would have no administrator. <b>=1+1\u202e"
    outcome = replace(outcome_of(ApplyResult(Plan(), [])), ended_early=refused, environment="contoso")
    write_reports([str(page), str(table)], outcome)
    text = page.read_text(encoding="utf-8")
    assert "The run ended early." in text
    assert "Refused: the environment would have no administrator. &lt;b&gt;=1+1" in text
    assert "Nothing had to be changed" not in text
    (_header, row) = csv_rows(table.read_text(encoding="utf-8"))
    assert row[:2] == ["run", "contoso"]
    assert row[4] == "failed"
    assert row[5].startswith("Refused: the environment would have no administrator.")


def test_a_failure_that_was_partly_made_says_so(tmp_path: Path) -> None:
    made = W365Error("The server answered half.")
    made.changed = True
    actions = [
        ActionResult(Action(USER_UPDATE, name, {"last_name": "a"}, {"last_name": "b"}, subject=User(name)), error=error)
        for name, error in (("partly", made), ("nothing", W365Error("The server refused.")))
    ]
    rows = {
        row.name: row for row in rows_of(outcome_of(ApplyResult(Plan(tuple(item.action for item in actions)), actions)))
    }
    assert rows["partly"].intended.endswith(", and was partly made")
    assert not rows["nothing"].intended.endswith("made")
    path = tmp_path / "r.html"
    write_reports([str(path)], outcome_of(ApplyResult(Plan(tuple(item.action for item in actions)), actions)))
    text = path.read_text(encoding="utf-8")
    assert "and was partly made" in text
    assert '<table class="failures">' in text
    assert ".failures td:last-child { width: 50%; }" in text
