# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Who is meant: names in other capitals and normal forms, two objects of one name, and names that nobody can see."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from in_process import run
from pattern import ADELE, ALLAN, NESTOR
from playing import Play, connection, task
from w365_simulator.testing import Twin

GROSS = "groß@contoso.com"
GROUP = "Vertrieb Süd"
NAMES = {"first_name": "Adele", "last_name": "Vance"}
MINDS = {"scim_eq_case": "exact"}


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


class Site:
    """The environment of a twin, and modules that run in this process."""

    def __init__(self, twin: Twin, *, scim: bool = True) -> None:
        self.twin = twin
        self.options = connection(twin, scim=scim, entra=False)
        self._scim = connection(twin, scim=True, entra=False)

    def run(self, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        return run(module, {**self.options, **options}, check=check)

    def ok(self, module: str, **options: Any) -> dict[str, Any]:
        result = self.run(module, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def refused(self, module: str, **options: Any) -> str:
        """The message of a task that must not write anything, in check mode and for real."""
        before = self.twin.state()
        dry = self.run(module, check=True, **options)
        wet = self.run(module, **options)
        assert dry.get("failed"), dry
        assert wet.get("failed"), wet
        assert dry["msg"] == wet["msg"]
        assert self.twin.state() == before
        return str(wet["msg"])

    def post(self, path: str, **body: Any) -> str:
        """Creates an object by a plain request, and returns its id."""
        call = {**self._scim, "service": "scim", "method": "POST", "path": path, "body": body}
        return str(run("w365_api", call)["json"]["id"])

    def user(self, upn: str, **more: Any) -> str:
        name = {"givenName": "Adele", "familyName": "Vance"}
        return self.post(
            "/Users", schemas=["urn:ietf:params:scim:schemas:core:2.0:User"], userName=upn, name=name, **more
        )

    def group(self, name: str, *members: str) -> str:
        values = [{"value": member} for member in members]
        schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
        return self.post("/Groups", schemas=schemas, displayName=name, members=values)

    def users(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = run("w365_user_info", self._scim)["users"]
        return found

    def by_id(self, id: str) -> dict[str, Any] | None:
        return next((user for user in self.users() if user["id"] == id), None)

    def groups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = run("w365_group_info", self._scim)["groups"]
        return found

    def reads(self, do: Callable[[], object]) -> int:
        """How many requests something takes."""
        self.twin.clear_requests()
        do()
        return len(self.twin.requests())


@pytest.fixture
def site(twin: Twin) -> Site:
    return Site(twin)


# ---- a miss is proven

SPELLINGS = pytest.mark.parametrize(
    ("switches", "stored", "asked"),
    [
        ({}, GROSS, GROSS),
        ({}, GROSS, "GROß@contoso.com"),
        (MINDS, "adele.vance@contoso.com", "Adele.Vance@CONTOSO.com"),
        (MINDS, "Adele.Vance@CONTOSO.com", "adele.vance@contoso.com"),
        (MINDS, "ADELE.vance@contoso.com", "Adele.Vance@contoso.com"),
        ({"scim_eq_case": "ascii"}, "ÉLODIE@contoso.com", "élodie@contoso.com"),
        ({}, nfd("zoë@contoso.com"), "zoë@contoso.com"),
        ({}, "Zoë@contoso.com", nfd("Zoë@contoso.com")),
        ({"name_form": "nfd"}, "zoë@contoso.com", "zoë@contoso.com"),
        ({"name_form": "nfc"}, "Zoë@contoso.com", nfd("zoë@contoso.com")),
    ],
)


@SPELLINGS
def test_a_user_is_found_in_every_spelling(site: Site, switches: dict[str, Any], stored: str, asked: str) -> None:
    site.twin.switches(**switches)
    id = site.user(stored)
    everybody = len(site.users())
    assert [user["id"] for user in site.ok("w365_user_info", upn=asked)["users"]] == [id]
    assert not site.ok("w365_user", upn=asked, **NAMES)["changed"]
    assert len(site.users()) == everybody
    written = site.by_id(id)
    assert site.ok("w365_user", upn=asked, state="absent")["changed"]
    assert site.by_id(id) == {**written, "active": False}  # type: ignore[dict-item]
    assert not site.ok("w365_user", upn=asked, state="absent")["changed"]
    assert site.ok("w365_user", upn=asked, state="absent", permanent=True)["changed"]
    assert site.by_id(id) is None


@SPELLINGS
def test_a_member_is_found_in_every_spelling(site: Site, switches: dict[str, Any], stored: str, asked: str) -> None:
    site.twin.switches(**switches)
    id = site.user(stored)
    site.group("Sales", id)
    assert not site.ok("w365_group", name="Sales", members={"add": [asked]})["changed"]
    assert not site.ok("w365_group", name="Sales", members={"set": [asked]})["changed"]
    assert site.ok("w365_group", name="Sales", members={"remove": [asked]})["changed"]
    assert site.groups()[0]["members"] == []
    assert site.ok("w365_group", name="Sales", members={"add": [asked]})["changed"]
    assert len(site.groups()[0]["members"]) == 1


@pytest.mark.parametrize(
    ("switches", "stored", "asked"),
    [
        (MINDS, "sales", "Sales"),
        (MINDS, "SALES", "Sales"),
        ({"scim_eq_case": "ascii"}, "VERTRIEB SÜD", GROUP),
        ({"name_form": "nfd"}, GROUP, GROUP),
        ({}, GROUP, nfd(GROUP)),
        ({}, "Straße", "straße"),
    ],
)
def test_a_group_is_found_in_every_spelling(site: Site, switches: dict[str, Any], stored: str, asked: str) -> None:
    site.twin.switches(**switches)
    id = site.group(stored)
    assert [group["id"] for group in site.ok("w365_group_info", name=asked)["groups"]] == [id]
    assert not site.ok("w365_group", name=asked)["changed"]
    assert site.ok("w365_group", name=asked, members={"add": [NESTOR]})["changed"]
    assert [(group["id"], group["members"]) for group in site.groups()] == [(id, [NESTOR])]
    assert site.ok("w365_group", name="Other", identity=asked)["changed"]
    assert site.ok("w365_group", name="Other", state="absent")["changed"]
    assert site.groups() == []


@pytest.mark.parametrize(("module", "name"), [("w365_user", "gross@contoso.com"), ("w365_group", "Strasse")])
def test_a_sharp_s_is_not_two_letters(site: Site, module: str, name: str) -> None:
    ours = [site.user(GROSS), site.group("Straße")]
    given = {"upn": name} if module == "w365_user" else {"name": name}
    assert not site.ok(module, **given, state="absent")["changed"]
    made = site.ok(module, **given, **(NAMES if module == "w365_user" else {}))
    assert made["changed"]
    assert (made.get("user") or made["group"])["id"] not in ours
    assert site.by_id(ours[0])["active"] is True  # type: ignore[index]


@pytest.mark.parametrize(("switches", "proof"), [({}, 2), (MINDS, 4)])
def test_the_usual_case_costs_nothing_and_a_proof_a_constant_number(
    site: Site, switches: dict[str, Any], proof: int
) -> None:
    """One user is read, and asked for in other capitals; where the server minds these, everybody is listed."""
    people = [f"user{number}@contoso.com" for number in range(20)]
    for upn in people:
        site.user(upn)
    site.group("Sales")
    site.twin.switches(**switches)
    assert site.reads(lambda: site.ok("w365_user", upn=people[7], **NAMES)) == 1
    # The group is found, read for its members, changed, and read back.
    assert site.reads(lambda: site.ok("w365_group", name="Sales", members={"add": people})) == len(people) + 4
    unknown = ["alex.wilber@contoso.com", "lee.gu@contoso.com", ADELE]
    for count in (1, 3):
        cost = site.reads(lambda: site.ok("w365_group", name="Sales", members={"remove": unknown[:count]}))  # noqa: B023
        # The group is found and read; of a listing one request is behind its end.
        assert cost - 2 - len(people) == count + proof, "a look-up of each, and one proof for all"


def test_an_offboarding_on_a_server_that_minds_case(twin: Twin, play: Callable[..., Play]) -> None:
    """The real thing, once: the account is deactivated, the second run changes nothing, and nobody is created again."""
    site = Site(twin)
    twin.switches(**MINDS)
    first, second = site.user(GROSS), site.user("Adele.Vance@contoso.com")
    played = play(
        task("w365_user", upn="GROß@contoso.com", state="absent"),
        task("w365_user", upn="GROß@contoso.com", state="absent"),
        task("w365_user", upn=ADELE, **NAMES),
        task("w365_admin", administrators={"add": ["NESTOR.Wilke@contoso.com"]}),
        task("w365_admin", administrators={"remove": ["Nestor.WILKE@contoso.com"]}),
        defaults=connection(twin, scim=True),
    )
    assert [step.changed for step in played] == [True, False, False, True, True], played.output
    assert site.by_id(first)["active"] is False  # type: ignore[index]
    assert site.by_id(second)["active"] is True  # type: ignore[index]
    assert [name for name, user in twin.environment("contoso")["users"].items() if user["administrator"]] == [ALLAN]


# ---- two of one name


@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_two_users_of_one_name(twin: Twin, scim: bool) -> None:
    site = Site(twin, scim=scim)
    twin.switches(duplicate_names=True)
    for upn in ("Adele.Vance@contoso.com", ADELE):
        site.user(upn)
    site.group("Sales")
    ids = [user["id"] for user in site.ok("w365_user_info", upn=ADELE)["users"]]
    assert len(set(ids)) == 2
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("w365_user", {"upn": ADELE, **NAMES}),
        ("w365_user", {"upn": ADELE, "state": "absent"}),
        ("w365_user", {"upn": "new@contoso.com", "identity": ADELE}),
        ("w365_group", {"name": "Sales", "members": {"add": [ADELE]}}),
        ("w365_group", {"name": "Sales", "members": {"remove": [ADELE]}}),
        ("w365_admin", {"administrators": {"add": [ADELE]}}),
        ("w365_admin", {"administrators": {"remove": [ADELE]}}),
        ("w365_directory", {"users": [{"upn": ADELE, **NAMES}]}),
        ("w365_directory", {"users": [{"upn": ADELE, "state": "absent"}]}),
        ("w365_directory", {"groups": [{"name": "Sales", "members": {"add": [ADELE]}}]}),
        ("w365_directory", {"administrators": {"add": [ADELE]}}),
    ]
    if scim:
        wishes.append(("w365_user", {"upn": ADELE, "state": "absent", "permanent": True}))
    for module, wish in wishes:
        message = site.refused(module, **wish)
        assert "2 users have the name 'adele.vance@contoso.com'" in message, (module, wish, message)
        # The role has ids of its own.
        shown = ids if module != "w365_admin" and "administrators" not in wish else ["(id "]
        assert all(id in message for id in shown), (module, wish, message)
        assert "option identity of w365_user" in message
    # Whom nobody names is no reason to stop.
    assert not site.ok("w365_directory", users=[{"upn": NESTOR, "first_name": "Nestor"}])["changed"]
    # By id it works, for the one that is meant.
    assert site.ok("w365_user", upn=ADELE, identity=ids[0], last_name="Smith")["changed"]
    assert site.ok("w365_user", upn=ADELE, identity=ids[1], state="absent")["changed"]
    found = {user["id"]: (user["last_name"], user["active"]) for user in site.ok("w365_user_info")["users"]}
    assert (found[ids[0]], found[ids[1]]) == (("Smith", True), ("Vance", False))
    assert site.ok("w365_user", upn="other@contoso.com", identity=ids[1], active=False)["changed"]
    assert not site.ok("w365_user", upn=ADELE, last_name="Smith")["changed"]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_two_groups_of_one_name(twin: Twin, play: Callable[..., Play], scim: bool) -> None:
    site = Site(twin, scim=scim)
    twin.switches(duplicate_names=True)
    for name in ("Sales", "SALES"):
        site.group(name)
    ids = [group["id"] for group in site.ok("w365_group_info", name="sales")["groups"]]
    assert len(set(ids)) == 2
    wishes: list[dict[str, Any]] = [
        {"name": "Sales"},
        {"name": "Sales", "state": "absent"},
        {"name": "Sales", "members": {"set": []}},
        {"name": "Marketing", "identity": "Sales"},
    ]
    for wish in wishes:
        for module, given in (("w365_group", wish), ("w365_directory", {"groups": [wish]})):
            message = site.refused(module, **given)
            assert "2 groups have the name" in message
            assert all(id in message for id in ids), message
    played = play(
        task("w365_group", name="Sales", state="absent"),
        task("w365_group", name="Sales", identity=ids[0], state="absent"),
        task("w365_group", name="Sales", members={"add": [NESTOR]}),
        defaults=connection(twin, scim=scim),
    )
    assert played[0].status == "failed"
    assert [step.changed for step in list(played)[1:]] == [True, True], played.output
    assert [(group["members"]) for group in site.groups()] == [[NESTOR]]


def test_the_external_id_decides_in_a_whole_directory(site: Site) -> None:
    site.twin.switches(duplicate_names=True)
    ours, other = site.user(ADELE, externalId="ours"), site.user(ADELE, externalId="theirs")
    entry = {"upn": ADELE, "external_id": "ours", "last_name": "Smith"}
    assert site.ok("w365_directory", users=[entry])["changed"]
    assert (site.by_id(ours)["last_name"], site.by_id(other)["last_name"]) == ("Smith", "Vance")  # type: ignore[index]
    assert other in site.refused("w365_directory", users=[{**entry, "external_id": "unknown"}])


def test_a_purge_takes_the_copy_that_nobody_lists(site: Site) -> None:
    """An account with an invisible character, which no list can name, goes like any other."""
    kept, copy = site.user(ADELE), site.user("\u200b" + ADELE)
    users = [{"upn": upn} for upn in (ADELE, ALLAN, NESTOR)]
    options: dict[str, Any] = {"purge": ["users"], "purge_scope": {"domains": ["contoso.com"]}, "purge_limit": "1"}
    assert site.ok("w365_directory", users=users, **options)["changed"]
    assert (site.by_id(kept)["active"], site.by_id(copy)["active"]) == (True, False)  # type: ignore[index]


# ---- names that nobody can see

TYPED: list[tuple[str, str]] = [
    ("\u200badele.vance@contoso.com", "U+200B (ZERO WIDTH SPACE)"),
    ("adele\u00ad.vance@contoso.com", "U+00AD (SOFT HYPHEN)"),
    ("adele.vance@contoso\ufeff.com", "U+FEFF"),
    ("\u202eadele@contoso.com", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
    ("o\u2019brien@contoso.com", "U+2019 (RIGHT SINGLE QUOTATION MARK)"),
    ("adele\u2013vance@contoso.com", "U+2013 (EN DASH)"),
    ("adele*@contoso.com", "U+002A (ASTERISK)"),
    ("adele/vance@contoso.com", "U+002F (SOLIDUS)"),
    ("adele\u3164@contoso.com", "U+3164 (HANGUL FILLER)"),
    ("adele\x07@contoso.com", "U+0007"),
]


@pytest.mark.parametrize(("upn", "shown"), TYPED)
def test_what_no_upn_can_hold_is_refused_wherever_one_is_typed(site: Site, upn: str, shown: str) -> None:
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("w365_user", {"upn": upn, **NAMES}),
        ("w365_user", {"upn": upn, "state": "absent"}),
        ("w365_user", {"upn": ADELE, "identity": upn, **NAMES}),
        ("w365_user_info", {"upn": upn}),
        ("w365_group", {"name": "Sales", "members": {"add": [upn]}}),
        ("w365_group", {"name": "Sales", "members": {"remove": [upn]}}),
        ("w365_admin", {"administrators": {"remove": [upn]}}),
        ("w365_directory", {"users": [{"upn": upn, **NAMES}]}),
        ("w365_directory", {"users": [{"upn": ADELE, **NAMES}], "protected_users": [upn]}),
    ]
    for module, wish in wishes:
        site.twin.clear_requests()
        assert shown in site.refused(module, **wish), (module, wish)
        assert not [request for request in site.twin.requests() if request["surface"] in ("scim", "provisioning")]


@pytest.mark.parametrize(
    "options",
    [
        {"purge_scope": {"domains": ["contoso\u200b.com"]}},
        {"purge_scope": {"groups": ["Sales\u200b*"]}},
        {"purge_scope": {"external_id_prefix": "hr-\u2060"}},
        {"users": [{"upn": ADELE, "external_id": "hr-\u200b1"}]},
        {"users": [{"upn": ADELE, "display_name": "Adele\u202e"}]},
        {"groups": [{"name": "Sales\u200b"}]},
        {"groups": [{"name": "\u2066Sales\u2069"}]},
        {"groups": [{"name": "Sal\x1bes"}]},
    ],
)
def test_hidden_characters_in_scopes_ids_and_names(site: Site, options: dict[str, Any]) -> None:
    given = {
        "users": [{"upn": ADELE, **NAMES}],
        "purge": ["users"],
        "purge_scope": {"domains": ["contoso.com"]},
        **options,
    }
    assert "(U+" in (message := site.refused("w365_directory", **given)) or "holds U+" in message


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u0d28\u0d4d\u200d",
        "Team 👩🏽\u200d💻",
        "❤\ufe0f Care",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Scotland",
        'R&D/Lab 50% "x" \\ #1?',
    ],
)
def test_joiners_between_letters_are_part_of_a_name(site: Site, name: str) -> None:
    assert site.ok("w365_group", name=name)["changed"]
    assert not site.ok("w365_group", name=name)["changed"]
    assert [group["name"] for group in site.groups()] == [name]
    assert site.ok("w365_group", name="Other", identity=name)["changed"]


def test_a_name_that_the_server_has_can_be_read_and_repaired(site: Site) -> None:
    user, group = site.user("adele\u2019s@contoso.com"), site.group("Sales\u200b")
    assert site.by_id(user)["upn"] == "adele\u2019s@contoso.com"  # type: ignore[index]
    assert site.ok("w365_user", upn=ADELE, identity=user)["changed"]
    assert site.ok("w365_group", name="Sales", identity=group)["changed"]
    assert (site.by_id(user)["upn"], site.groups()[0]["name"]) == (ADELE, "Sales")  # type: ignore[index]


# ---- ids and names stay inside their path

SEGMENTS = ["", ".", "..", "a/b", "%2e%2e", "?x", "#x", "a\\b", " "]


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_name_of_an_environment_is_one_part_of_a_path(twin: Twin, name: str) -> None:
    site = Site(twin, scim=False)
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("w365_user", {"upn": ADELE, **NAMES}),
        ("w365_user_info", {}),
        ("w365_group_info", {}),
        ("w365_admin_info", {}),
        ("w365_admin", {"administrators": {"add": [NESTOR]}}),
        ("w365_environment", {"empty": True}),
        ("w365_environment", {"state": "absent", "delete_confirmation": name}),
        ("w365_settings_info", {}),
        ("w365_sso_info", {}),
        ("w365_api", {"path": "/{environment}/User/"}),
    ]
    for module, wish in wishes:
        twin.clear_requests()
        result = site.run(module, **{**wish, "environment": name})
        assert result.get("failed"), (module, result)
        assert "environment" in result["msg"]
        assert twin.requests() == [], module


@pytest.mark.parametrize("id", [id for id in SEGMENTS if id.strip()])
@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_an_identity_is_one_part_of_a_path(twin: Twin, scim: bool, id: str) -> None:
    site = Site(twin, scim=scim)
    twin.clear_requests()
    assert "Option identity" in site.refused("w365_user", upn=ADELE, identity=id, state="absent")
    site.run("w365_group", name="Sales", identity=id, state="absent")
    # A group may be called so, and is asked for in a query.
    asked = [request for request in twin.requests() if request["surface"] in ("scim", "provisioning")]
    assert {request["path"].rstrip("/").rpartition("/")[2] for request in asked} <= {"Groups", "Group"}


@pytest.mark.parametrize(
    "path", ["/Users/..", "/Users/./x", "/Users//x", "/Users/%2e%2e", "/Users/ /x", "/../Groups", "/Users/\u200bx"]
)
def test_a_raw_path_does_not_leave_its_object(site: Site, path: str) -> None:
    site.twin.clear_requests()
    assert "Option path" in site.run("w365_api", service="scim", method="DELETE", path=path)["msg"]
    assert site.twin.requests() == []


def test_the_name_of_a_group_is_no_id(twin: Twin) -> None:
    site = Site(twin, scim=False)
    site.group("Sales")
    (id,) = (group["id"] for group in site.ok("w365_group_info")["groups"])
    assert not site.ok("w365_group", name=id, state="absent")["changed"]
    assert not site.ok("w365_group_info", name=id)["groups"]
    assert [group["name"] for group in site.groups()] == ["Sales"]
    assert site.ok("w365_group", name="Sales", identity=id, state="absent")["changed"]
