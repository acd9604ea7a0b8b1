# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""The whole life of users and groups on SCIM servers that others wrote, people who do not know us.

What passes here rests on the standard and on what servers do, and not on a misunderstanding that the collection and the
twin might share. scim2-server follows the standard closely. SCIMMY minds case in filters, omits what is empty, and takes
Bulk. django-scim2 keeps one e-mail address without a type and minds case in the names of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playing import Play, Step, Task, task
from scim_servers import (
    DJANGO_SCIM2,
    OPTIONAL,
    SCIM2_SERVER,
    SCIMMY_AS_PUBLISHED,
    SERVERS,
    Foreign,
    ScimServer,
    serving,
)

Player = Callable[..., Play]

ADELE, ALEX, LEE = "adele.vance@contoso.com", "alex.wilber@contoso.com", "lee.gu@contoso.com"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
PEOPLE = [f"person{number:03d}@contoso.com" for number in range(64)]


# What the collection gets wrong today, by the name of the server. A cure turns the test red until its row is gone.
Findings = dict[str, str]


def servers(
    *which: ScimServer, quick: tuple[ScimServer, ...] = (), fails: Findings | None = None
) -> pytest.MarkDecorator:
    """A test on each of these servers; slow on all but the quick ones."""
    rows = []
    for server in which or SERVERS:
        marks = [] if server in quick else [pytest.mark.slow]
        if reason := (fails or {}).get(server.name):
            marks.append(pytest.mark.xfail(reason=reason, raises=AssertionError, strict=True))
        rows.append(pytest.param(server, id=server.name, marks=marks))
    return pytest.mark.parametrize("foreign", rows, indirect=True)


@pytest.fixture
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Foreign]:
    with serving(request.param, tmp_path) as running:
        yield running


def told(step: Step) -> str:
    return f"{step.name}: {step.status}, {step.result.get('msg', '')}"


def thrice(*tasks: Task) -> list[Task]:
    """Every task in check mode, for real, and again."""
    return [
        variation
        for once in tasks
        for variation in (
            {**once, "name": f"{once['name']} (check)", "check_mode": True},
            once,
            {**once, "name": f"{once['name']}, again"},
        )
    ]


def changes(done: Play, thing: str = "") -> list[Step]:
    """The real steps of what `thrice` made: each changed something, as check mode said, and was not needed again.

    `thing` names the key of the result that check mode predicts. The server may add an id, and values of its own.
    """
    assert [step.status for step in done] == ["ok"] * len(done.steps), "\n".join(map(told, done))
    assert [(step.name, step.changed) for step in done] == [
        (step.name, number % 3 != 2) for number, step in enumerate(done)
    ]
    real = done.steps[1::3]
    for predicted, step in zip(done.steps[::3], real, strict=True):
        assert predicted.result["diff"] == step.result["diff"]
        if thing:
            expected = predicted.result[thing] or {}
            shown = step.result[thing] or {}
            own = {name for name in shown if name == "id" or (name in OPTIONAL and expected[name] is None)}
            assert {**expected, **{name: shown[name] for name in own}} == shown, step.name
    return real


def unchanged(done: Play) -> list[Step]:
    assert [(step.name, step.status, step.result.get("changed")) for step in done] == [
        (step.name, "ok", False) for step in done
    ], "\n".join(map(told, done))
    return done.steps


def create_three(foreign: Foreign) -> None:
    for upn in (ADELE, ALEX, LEE):
        first, last = upn.partition("@")[0].title().split(".")
        foreign.create_user(upn, name={"givenName": first, "familyName": last})


@servers(quick=(SCIM2_SERVER,))
def test_the_life_of_a_user(play: Player, foreign: Foreign) -> None:
    adele = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    done = play(
        *thrice(
            task("w365_user", title="create", **adele, external_id="365"),
            task(
                "w365_user",
                title="change",
                upn=ADELE.upper(),
                first_name="Adèle",
                last_name="Vance-Wilber",
                email="adele@contoso.com",
                external_id="366",
            ),
            task("w365_user", title="put on the deleted-users list", upn=ADELE, state="absent"),
            task("w365_user", title="restore", upn=ADELE),
            task("w365_user", title="rename", upn=LEE, identity=ADELE),
            task("w365_user", title="switch off", upn=LEE, active=False),
            task("w365_user", title="switch on", upn=LEE, active=True),
            task("w365_user", title="delete", upn=LEE, state="absent", permanent=True),
        ),
        defaults=foreign.defaults(),
    )
    created, changed, deleted, restored, renamed, off, on, gone = (
        step.result["user"] for step in changes(done, "user")
    )
    assert (created["email"], created["external_id"], created["active"]) == (ADELE, "365", True)
    assert (changed["upn"], changed["first_name"], changed["last_name"]) == (ADELE, "Adèle", "Vance-Wilber")
    assert (changed["email"], changed["external_id"]) == ("adele@contoso.com", "366")
    assert {user["id"] for user in (created, changed, deleted, restored, renamed, off, on)} == {created["id"]}
    assert [user["active"] for user in (deleted, restored, off, on)] == [False, True, False, True]
    # django-scim2 makes the display name of the other two.
    assert {**changed, "upn": LEE, "display_name": on["display_name"]} == on
    assert gone is None
    # One write for each change: nothing is sent twice, and nothing in check mode or when nothing changes.
    assert [(method, status // 100) for method, _path, status in foreign.writes()] == [
        ("POST", 2),
        *[("PATCH", 2)] * 6,
        ("DELETE", 2),
    ]
    foreign.calls.clear()
    done = play(
        task("w365_user_info", title="everybody"),
        task("w365_user_info", title="one", upn=LEE),
        task("w365_user", title="unknown", upn=LEE, state="absent"),
        task("w365_user", title="unknown, permanently", upn=LEE, state="absent", permanent=True),
        defaults=foreign.defaults(),
    )
    steps = unchanged(done)
    assert [step.result["users"] for step in steps[:2]] == [[], []]
    assert foreign.writes() == []


@pytest.mark.slow
@servers(quick=(SCIM2_SERVER,))
def test_the_life_of_a_group(play: Player, foreign: Foreign) -> None:
    create_three(foreign)
    done = play(
        *thrice(
            task("w365_group", title="create", name="Sales", external_id="365", members={"set": [ADELE.upper()]}),
            task("w365_group", title="add", name="Sales", members={"add": [ALEX, LEE]}),
            task("w365_group", title="remove", name="Sales", members={"remove": [ADELE]}, external_id="366"),
            task("w365_group", title="rename", name="Retail", identity="Sales"),
            task("w365_group", title="set", name="Retail", members={"set": [ADELE, LEE]}),
            task("w365_group", title="empty", name="Retail", members={"set": []}),
            task("w365_group", title="fill", name="Retail", members={"add": [ADELE, ALEX]}),
        ),
        defaults=foreign.defaults(),
    )
    groups = [step.result["group"] for step in changes(done, "group")]
    assert [group["members"] for group in groups] == [
        [ADELE],
        [ADELE, ALEX, LEE],
        [ALEX, LEE],
        None,
        [ADELE, LEE],
        [],
        [ADELE, ALEX],
    ]
    assert [group["external_id"] for group in groups] == ["365", "365", *["366"] * 5]
    assert {group["id"] for group in groups} == {groups[0]["id"]}
    assert foreign.members("Retail") == {ADELE, ALEX}
    assert [status for _method, _path, status in foreign.writes() if status >= 300] == []

    infos = play(
        task("w365_group_info", title="everything"),
        task("w365_group_info", title="one", name="Retail"),
        task("w365_group_info", title="none", name="Sales"),
        defaults=foreign.defaults(),
    )
    assert [[(group["name"], group["members"]) for group in step.result["groups"]] for step in unchanged(infos)] == [
        [("Retail", [ADELE, ALEX])],
        [("Retail", [ADELE, ALEX])],
        [],
    ]
    changes(
        play(*thrice(task("w365_group", title="delete", name="Retail", state="absent")), defaults=foreign.defaults())
    )
    assert foreign.call("GET", "/Groups").get("Resources") in (None, [])
    unchanged(play(task("w365_group", title="unknown", name="Sales", state="absent"), defaults=foreign.defaults()))


@servers()
def test_every_attribute_that_the_server_keeps(play: Player, foreign: Foreign) -> None:
    first = {
        "display_name": "Adele",
        "job_title": "Buyer",
        "department": "Retail",
        "phone": "+31 20 5550100",
        "preferred_language": "nl-NL",
    }
    second = {
        "display_name": "Adele Vance",
        "job_title": "Head",
        "department": "Sales",
        "phone": "+31 20 5550101",
        "preferred_language": "en-GB",
    }
    kept = sorted(foreign.server.keeps)
    if not kept:
        pytest.skip(f"{foreign.server.name} keeps no attribute that a server need not keep")
    adele = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    done = play(
        *thrice(
            task("w365_user", title="create", **adele, **{name: first[name] for name in kept}),
            task("w365_user", title="change", upn=ADELE, **{name: second[name] for name in kept}),
            task("w365_user", title="clear", upn=ADELE, **dict.fromkeys(kept, "")),
            task("w365_user", title="add again", upn=ADELE, **{name: first[name] for name in kept}),
        ),
        task("w365_user_info", title="look", upn=ADELE),
        defaults=foreign.defaults(),
    )
    *steps, look = done.steps
    results = [step.result["user"] for step in changes(Play(done.code, done.output, steps), "user")]
    assert [{name: user.get(name) or "" for name in kept} for user in results] == [
        first,
        second,
        dict.fromkeys(kept, ""),
        first,
    ]
    assert [{name: user[name] for name in kept} for user in look.result["users"]] == [first]


@servers(quick=(SCIM2_SERVER,))
def test_a_name_that_is_taken(play: Player, foreign: Foreign) -> None:
    """Somebody creates the same user between our look-up and our create: 409, and the user is brought to what was asked."""
    emails = [{"type": "work", "value": ADELE}]
    foreign.create_user(ADELE, name={"givenName": "Adele", "familyName": "Wilber"}, emails=emails)
    foreign.hides = "until a create"
    done = play(task("w365_user", upn=ADELE, first_name="Adele", last_name="Vance"), defaults=foreign.defaults())
    assert done[0].changed
    assert next((method, status) for method, _path, status in foreign.writes()) == ("POST", 409)
    assert [method for method, _path, _status in foreign.writes()] == ["POST", "PATCH"]
    found = foreign.user(ADELE)
    assert found is not None
    assert found["name"]["familyName"] == "Vance"

    # A server that goes on hiding the user: the person is told, and nobody is made twice.
    foreign.hides = "always"
    done = play(task("w365_user", upn=ADELE, first_name="Adele", last_name="Vance"), defaults=foreign.defaults())
    foreign.hides = "nothing"
    assert done[0].status == "failed"
    assert f"Cannot create user '{ADELE}'" in done[0].message
    assert "HTTP 409" in done[0].message
    assert "The server does not show it" in done[0].message
    assert foreign.call("GET", "/Users")["totalResults"] == 1


@servers()
def test_more_people_than_fit_on_a_page(play: Player, foreign: Foreign) -> None:
    upns = [f"person{number:03d}@contoso.com" for number in range(230)]
    for upn in upns:
        foreign.create_user(upn)
    done = play(
        *thrice(
            task("w365_group", title="one big group", name="Everybody", members={"set": upns}),
            task("w365_group", title="nearly nobody", name="Everybody", members={"set": upns[-2:]}),
        ),
        task("w365_user_info", title="everybody"),
        task("w365_group_info", title="look", name="Everybody"),
        defaults=foreign.defaults(),
    )
    *steps, everybody, look = done.steps
    big, small = changes(Play(done.code, done.output, steps), "group")
    assert sorted(user["upn"] for user in everybody.result["users"]) == upns
    assert big.result["group"]["members"] == upns
    assert small.result["group"]["members"] == look.result["groups"][0]["members"] == upns[-2:]
    assert foreign.members("Everybody") == set(upns[-2:])
    # Nobody is looked for one by one.
    assert sum(path.endswith("/Users") and method == "GET" for method, path, _status in foreign.calls) < 60


@servers()
def test_a_directory_whose_people_come_and_go(play: Player, foreign: Foreign) -> None:
    foreign.create_user(ADELE, name={"givenName": "Adele", "familyName": "Vance"})

    def people(upns: list[str], last_name: str) -> list[dict[str, str]]:
        return [
            {"upn": upn, "first_name": upn[:9].title(), "last_name": last_name, "external_id": upn[6:9]} for upn in upns
        ]

    stay = PEOPLE[4:]
    purge = {
        "purge": ["users", "memberships", "groups"],
        "purge_scope": {"domains": ["contoso.com"], "groups": ["*"]},
        "protected_users": [ADELE],
    }
    renamed = [{**row, "upn": f"new.{row['upn']}"} if row["upn"] == stay[0] else row for row in people(stay, "Wilber")]
    done = play(
        *thrice(
            task(
                "w365_directory",
                title="create",
                users=people(PEOPLE, "Vance"),
                groups=[
                    {"name": "Everybody", "members": {"set": PEOPLE}},
                    {"name": "Half", "members": {"set": PEOPLE[::2]}},
                    {"name": "Nobody", "external_id": "7", "members": {"set": []}},
                ],
            ),
            task("w365_directory", title="change all, rename one", users=renamed),
            task(
                "w365_directory",
                title="purge",
                users=renamed,
                groups=[{"name": "Everybody", "members": {"set": [row["upn"] for row in renamed]}}],
                **purge,
                purge_limit="70%",
            ),
        ),
        task("w365_user_info", title="people"),
        task("w365_group_info", title="groups"),
        defaults=foreign.defaults(),
    )
    *steps, users, groups = done.steps
    changes(Play(done.code, done.output, steps))
    now = {user["upn"]: (user["active"], user["last_name"]) for user in users.result["users"]}
    assert now == {
        ADELE: (True, "Vance"),
        **dict.fromkeys(PEOPLE[:4], (False, "Vance")),
        **dict.fromkeys((row["upn"] for row in renamed), (True, "Wilber")),
    }
    assert {group["name"]: group["members"] for group in groups.result["groups"]} == {
        "Everybody": sorted(row["upn"] for row in renamed)
    }

    # Nothing was refused and sent again in another way, and Bulk is used where there is one.
    # What was deleted is read back, and is not found.
    refused = [call for call in foreign.calls if call[2] >= 400]
    assert [call for call in refused if (call[0], call[2]) != ("GET", 404)] == []
    assert len(refused) <= sum(call[0] == "DELETE" for call in foreign.calls)
    assert any(path.endswith("/Bulk") for _method, path, _status in foreign.calls) == foreign.server.bulk

    # More than the limit: nothing is written.
    foreign.calls.clear()
    done = play(
        task("w365_directory", title="too many", users=renamed[:5], **{**purge, "purge": ["users"]}, purge_limit="50%"),
        defaults=foreign.defaults(),
    )
    assert done[0].status == "failed"
    assert "exceeds the limit" in done[0].message
    assert foreign.writes() == []


@servers()
def test_a_user_in_other_capitals(play: Player, foreign: Foreign) -> None:
    """What is written otherwise is the same person, also on a server whose filters mind case."""
    foreign.create_user("Adele.Vance@Contoso.com", name={"givenName": "Adele", "familyName": "Vance"})
    done = play(
        task("w365_user_info", title="look", upn="ADELE.vance@contoso.com"),
        task("w365_user", title="already there", upn=ADELE, first_name="Adele", last_name="Vance"),
        task("w365_group", title="member", name="Sales", members={"set": ["adele.VANCE@contoso.com"]}),
        task("w365_user", title="put on the deleted-users list", upn=ADELE, state="absent"),
        task("w365_user", title="delete", upn=ADELE, state="absent", permanent=True),
        defaults=foreign.defaults(),
    )
    assert [step.status for step in done] == ["ok"] * 5, "\n".join(map(told, done))
    assert [user["upn"] for user in done[0].result["users"]] == ["Adele.Vance@Contoso.com"]
    assert [step.changed for step in done] == [False, False, True, True, True]
    assert foreign.call("GET", "/Users").get("Resources") in (None, [])


@servers()
def test_a_group_in_other_capitals(play: Player, foreign: Foreign) -> None:
    create_three(foreign)
    foreign.call("POST", "/Groups", {"schemas": [GROUP_SCHEMA], "displayName": "Sales"})
    done = play(
        task("w365_group_info", title="look", name="SALES"),
        task("w365_group", title="add", name="sales", members={"add": [ADELE]}),
        task("w365_group", title="add again", name="SALES", members={"add": [ADELE]}),
        task("w365_group", title="rename", name="Retail", identity="sALES"),
        task("w365_group", title="delete", name="RETAIL", state="absent"),
        defaults=foreign.defaults(),
    )
    assert [step.status for step in done] == ["ok"] * 5, "\n".join(map(told, done))
    assert [group["name"] for group in done[0].result["groups"]] == ["Sales"]
    assert [step.changed for step in done] == [False, True, False, True, True]
    assert foreign.call("GET", "/Groups").get("Resources") in (None, [])


@servers()
def test_groups_whose_names_a_filter_must_escape(play: Player, foreign: Foreign) -> None:
    create_three(foreign)
    done = play(
        *thrice(
            *(
                task("w365_group", title=f"{verb} {name}", name=name, **arguments)
                for name in ('Süd "North" & Co', "R\\D", "Anna's [1] %")
                for verb, arguments in (("create", {"members": {"set": [ADELE]}}), ("delete", {"state": "absent"}))
            )
        ),
        defaults=foreign.defaults(),
    )
    changes(done)


@servers(
    DJANGO_SCIM2,
    fails={DJANGO_SCIM2.name: "the next run changes again what the server has dropped, and its 501 fails the task"},
)
def test_attributes_that_the_server_drops(play: Player, foreign: Foreign) -> None:
    """The server names them in its schemas, accepts them in a POST, and has none of them afterwards."""
    lee = {"upn": LEE, "first_name": "Lee", "last_name": "Gu", "job_title": "Buyer", "department": "Sales"}
    done = play(
        task("w365_user", title="create", **lee), task("w365_user", title="again", **lee), defaults=foreign.defaults()
    )
    assert [(step.status, step.result["changed"]) for step in done] == [("ok", True), ("ok", False)], "\n".join(
        map(told, done)
    )
    assert [sorted(step.result["not_kept"]) for step in done] == [["department", "job_title"]] * 2


@servers(SCIMMY_AS_PUBLISHED)
def test_a_server_that_repeats_its_first_page(play: Player, foreign: Foreign) -> None:
    """Nobody is taken for missing because a server cannot page."""
    for upn in PEOPLE:
        foreign.create_user(upn)
    done = play(
        task("w365_user_info", title="everybody"),
        task(
            "w365_directory",
            title="purge",
            users=[{"upn": upn} for upn in PEOPLE],
            purge=["users"],
            purge_scope={"domains": ["contoso.com"]},
            purge_limit="100%",
            protected_users=[PEOPLE[0]],
        ),
        task("w365_user_info", title="one", upn=PEOPLE[50]),
        defaults=foreign.defaults(),
    )
    assert [step.status for step in done] == ["failed", "failed", "ok"]
    assert all("the listing is not reliable" in step.message for step in done.steps[:2])
    assert [user["upn"] for user in done[2].result["users"]] == [PEOPLE[50]]
    assert foreign.writes() == []


@pytest.mark.slow_after(1)
@servers(quick=(SCIM2_SERVER,))
def test_a_wrong_token(play: Player, foreign: Foreign) -> None:
    done = play(task("w365_user_info", scim_token="not-the-token"), defaults=foreign.defaults())
    assert done[0].status == "failed"
    assert "refused the token (HTTP 401, GET /Users" in done[0].message
    assert "not-the-token" not in done.output
