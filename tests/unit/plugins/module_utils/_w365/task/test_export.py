# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export can be applied again and comes out the same, says what it does not know, and replaces nothing that is not its own."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.provisioning_users import (
    PROVISIONING_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    ApplyError,
    AuthenticationError,
    EndpointMissingError,
    EnvironmentNotFoundError,
    GuardError,
    InputError,
    NoAnswerError,
    RateLimitError,
    StoppedError,
    UnreliableAnswerError,
    ValidationError,
    W365Error,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_argument_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.directory import (
    directory_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import read_files
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    UNRESOLVED,
    Capabilities,
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import Environment
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import single_sign_on
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.predict import predict
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.export import export
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import Redactor
from ansible_collections.workspace365.provisioning.plugins.modules import w365_directory

IMPORTED = "3f1c6c0e-0000-4000-8000-000000000001"
EMPTY = Snapshot(administrators=frozenset())
ALL = ("environment", "sso", "users", "groups", "administrators")

Answer = Callable[[], Any]


def answer(value: Any) -> Answer:
    """A read that returns the value, or raises it."""

    def read(*_given: Any, **_named: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return read


def server_error(kind: type[Any] = ValidationError, status: int = 500) -> Any:
    return kind("it is 12:30, and request 42 failed", status=status, method="GET", path="/contoso/User/77/")


class World:
    """An environment as a task reads it. Every value may be an error instead. Without `roles`, administrators are those of
    the users."""

    def __init__(self, folder: Path, users: Any = (), groups: Any = (), **more: Any) -> None:
        self.folder = folder
        self.users, self.groups = users, groups
        self.roles: Any = more.pop("roles", None)
        self.environments: Any = more.pop("environments", [Environment("contoso", True), Environment("fabrikam", True)])
        self.sso: Any = more.pop("sso", (single_sign_on("https://login.windows.net/contoso.com", "id"), True))
        self.scim = more.pop("scim", True)
        self.provisioning = more.pop("provisioning", True)
        self.customer: Any = more.pop("customer", None)
        self.secrets: Sequence[str] = more.pop("secrets", ())
        self.warnings: list[str] = []
        assert not more

    def task(self, check: bool = False, **options: Any) -> Any:
        roles = self.roles
        if roles is None:
            roles = [user for user in self.users if user.administrator] if not isinstance(self.users, Exception) else []
        task = SimpleNamespace(
            environment="contoso",
            options={
                "dest": str(self.folder),
                "instance": None,
                "allow_unreadable": [],
                "imported": "leave_out",
                "replace_edited": False,
                "instance_url": "https://w365.contoso.com" if self.provisioning else None,
                "scim_url": "https://scim.contoso.com" if self.scim else None,
                **options,
            },
            has_provisioning=self.provisioning,
            check_mode=check,
            host=SimpleNamespace(diff_mode=True),
            redactor=Redactor(self.secrets),
            workers=1,
            scim=None,
            directory=SimpleNamespace(list_users=answer(self.users), list_groups=answer(self.groups)),
            administration=SimpleNamespace(users_with_roles=answer(roles)),
            provisioning=SimpleNamespace(
                environments=answer(self.environments), setting=answer(self.sso), root="https://w365.contoso.com"
            ),
            check_customer=answer(self.customer),
            warn=self.warnings.append,
            about_connection=dict,
            explained=lambda error: error.message,
            unmasked={},
        )
        if not self.provisioning:
            del task.provisioning
        return task

    def export(self, **options: Any) -> dict[str, Any]:
        return export(self.task(**options))

    def files(self, name: str = "contoso") -> dict[str, str]:
        place = self.folder / name
        return (
            {path.name: path.read_text(encoding="utf-8") for path in sorted(place.iterdir())} if place.exists() else {}
        )

    def read(self, file: str) -> Any:
        return yaml.safe_load((self.folder / "contoso" / file).read_text(encoding="utf-8"))


def person(name: str, **more: Any) -> User:
    first, _dot, last = name.partition(".")
    names = {"first_name": first.title(), "last_name": last.title() or "Vance"}
    return User(f"{name}@contoso.com", **{"id": f"id of {name}", "active": True, **names, **more})


BOSS = person("megan.bowen", administrator=True)
ADELE, LEE = person("adele.vance", optional={"department": "Sales"}), person("lee.gu", active=False)
SALES = Group("Sales", "g1", members=frozenset({ADELE.key, LEE.key}))
PEOPLE, TEAMS = (BOSS, ADELE, LEE), (SALES, Group("board", "g2", external_id="hr-9", members=frozenset()))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, PEOPLE, TEAMS)


def statuses(result: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["action"] for each in result["results"]}


# What is written


def test_the_files(world: World) -> None:
    result = world.export()
    assert result["changed"]
    assert world.files() == {
        "administrators.yml": "---\nadministrators:\n  set:\n    - megan.bowen@contoso.com\n",
        "environment.yml": (
            "---\nw365_environment_definition:\n  name: contoso\n  active: true\n  administrator:\n"
            "    email: megan.bowen@contoso.com\n    first_name: Megan\n    last_name: Bowen\n"
        ),
        "export_report.yml": (
            "---\n# What this export could read, and what it could not. A file of what could not be read is that of an earlier export.\n"
            'w365_export: "1"\nenvironment: contoso\nserver: w365.contoso.com\nservice: SCIM\nparts:\n  environment: read\n  sso: read\n  users: read\n'
            "  groups: read\n  administrators: read\nnot_readable: []\nimported:\n  users: []\n  groups: []\nleft_out: []\n"
        ),
        "groups.yml": (
            "---\ngroups:\n  - name: board\n    external_id: hr-9\n    members:\n      set: []\n  - name: Sales\n    members:\n"
            "      set:\n        - adele.vance@contoso.com\n        - lee.gu@contoso.com\n"
        ),
        "secrets.yml.example": (
            "---\n# The secrets that the files beside this one refer to, as variables. Applying them fails while one is undefined.\n"
            "# Define them in a file of your own, such as secrets.yml, and encrypt it with Ansible Vault.\n"
            "# vault_w365_contoso_sso_key: the client secret\n"
        ),
        "sso.yml": (
            "---\nw365_sso_definition:\n  authority: https://login.windows.net/contoso.com\n  client_id: id\n"
            '  key: "{{ vault_w365_contoso_sso_key }}"\n'
        ),
        "users.yml": (
            "---\nusers:\n  - upn: adele.vance@contoso.com\n    first_name: Adele\n    last_name: Vance\n    department: Sales\n"
            "  - upn: lee.gu@contoso.com\n    first_name: Lee\n    last_name: Gu\n    active: false\n"
            "  - upn: megan.bowen@contoso.com\n    first_name: Megan\n    last_name: Bowen\n"
        ),
    }
    assert result["counts"] == {"users": 3, "groups": 2, "administrators": 1}
    assert result["secrets"] == ["vault_w365_contoso_sso_key"]
    for path in (world.folder / "contoso").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((world.folder / "contoso").stat().st_mode) == 0o700


def test_files_of_a_checkout_are_taken_from_others(world: World) -> None:
    world.export()
    path = world.folder / "contoso" / "users.yml"
    path.chmod(0o644)
    world.export(check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not world.export()["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_id_of_the_server_is_in_a_file(world: World) -> None:
    world.groups = (SALES._replace(members=frozenset({f"{UNRESOLVED}77", ADELE.key})),)
    world.export()
    text = "".join(world.files().values())
    assert "id of" not in text
    assert "g1" not in text
    assert "77" not in text
    assert "has 1 members that are no users" in text


def test_nothing_changes_the_second_time(world: World) -> None:
    world.export()
    report = world.folder / "contoso" / "export_report.yml"
    before = {path: path.stat().st_mtime_ns for path in (world.folder / "contoso").iterdir() if path != report}
    os.utime(report, (0, 0))
    world.export(check=True)
    assert report.stat().st_mtime == 0
    world.users, world.groups = PEOPLE[::-1], TEAMS[::-1]
    again = world.export()
    assert not again["changed"]
    assert again["results"] == []
    assert again["summary"] == {"unchanged": 7}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    # No text says when the last export was, so that none changes, and offboarding has to know.
    assert report.stat().st_mtime > 0


def test_check_mode_writes_nothing_and_says_the_same(world: World) -> None:
    preview = world.export(check=True)
    assert world.files() == {}
    done = world.export()
    assert {one["outcome"] for one in preview.pop("results")} == {"planned"}
    assert {one["outcome"] for one in done.pop("results")} == {"done"}
    assert preview == done


def test_what_disappeared_is_gone(world: World) -> None:
    world.export()
    world.users, world.groups, world.sso = (BOSS, ADELE), (TEAMS[1],), (None, True)
    result = world.export()
    assert statuses(result) == {
        "sso.yml": "update",
        "users.yml": "update",
        "groups.yml": "update",
        "secrets.yml.example": "delete",
    }
    assert result["summary"] == {"file_update": 3, "file_delete": 1, "unchanged": 3}
    assert "lee.gu" not in "".join(world.files().values())
    assert world.read("sso.yml") == {"w365_sso_definition": {}}
    assert "secrets.yml.example" not in world.files()


# Applied again


def options_of_directory() -> dict[str, Any]:
    spec = build_argument_spec(w365_directory.ARGUMENT_SPEC)
    return {name: option.get("default") for name, option in spec.items()}


def planned(folder: Path, current: Snapshot, capabilities: Capabilities, name: str = "contoso") -> Any:
    """The plan of w365_directory for the files of an export."""
    files = [str(folder / name / f"{part}.yml") for part in ("users", "groups", "administrators")]
    desired = directory_from_options(
        options_of_directory(), read_files([file for file in files if os.path.exists(file)])
    )
    return make_plan(desired, current, capabilities)


def state_of(world: World) -> Snapshot:
    admins = frozenset(user.key for user in world.users if user.administrator and user.active is not False)
    return Snapshot(tuple(world.users), tuple(world.groups), admins)


WORDS = (
    *("{{ a }}", "{% x %}", "{# y", "a: b", "#1", "@adele", "yes", "null", "1e3", "017", "2026-11-26", "Z ", " z", "~"),
    *("😀", "👩\u200d👩", "Müller", "ß", "İ", "x" * 3000, "a\nb", "- a", "!vault", "*", "a\u200bb", "a\x00b", "O'Hara"),
)
word = st.one_of(st.sampled_from(WORDS), st.text(max_size=6))
local = st.one_of(
    st.sampled_from(["yes", "1e3", "null", "o'hara", "#x", "{{a}}", "müller", "017", "a" * 300, "~", "-"]),
    st.text(st.characters(codec="utf-8", categories=["L", "Nd"]), min_size=1, max_size=4),
)


@st.composite
def environments(draw: st.DrawFn) -> tuple[list[User], list[Group]]:
    names = draw(st.lists(local, min_size=1, max_size=5, unique_by=str.lower))
    users = []
    for number, name in enumerate(names):
        email, external_id = (value and value.strip() for value in draw(st.tuples(*[st.one_of(st.none(), word)] * 2)))
        optional = {field: value for field in ("display_name", "job_title", "phone") if (value := draw(word).strip())}
        users.append(
            User(
                f"{name}@contoso.com",
                str(number),
                draw(word).strip() or "Adele",
                draw(word).strip() or "Vance",
                email,
                external_id=external_id,
                active=draw(st.sampled_from([True, False, None])),
                administrator=number == 0,
                optional=optional,
            )
        )
    users[0] = users[0]._replace(active=True, upn="first@contoso.com")
    groups = [
        Group(
            name.strip(), str(at), external_id=draw(st.sampled_from([None, "hr-1", "x y", IMPORTED])), members=members
        )
        for at, name in enumerate(
            draw(st.lists(word.filter(str.strip), max_size=3, unique_by=lambda name: name.strip().lower()))
        )
        for members in [frozenset(user.key for user in draw(st.lists(st.sampled_from(users), max_size=4)))]
    ]
    return users, groups


@given(environments(), st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_an_export_can_be_applied_and_comes_out_the_same(
    tmp_path_factory: pytest.TempPathFactory, given_environment: tuple[list[User], list[Group]], random: Any
) -> None:
    """To the source, where it changes nothing, and to an empty environment. In any order of the server."""
    users, groups = given_environment
    folder = tmp_path_factory.mktemp("export")
    source = World(folder, users, groups)
    result = source.export()
    once = source.files()
    # It changes nothing, whatever could not be described.
    assert planned(folder, state_of(source), SCIM_CAPABILITIES).actions == ()
    random.shuffle(users)
    random.shuffle(groups)
    assert not source.export()["changed"]
    for text in once.values():
        assert text.encode("utf-8").decode("utf-8") == text
    others = {item["kind"] for item in result["left_out"]} & {"membership", "administrator"}
    others |= {word for item in result["left_out"] for word in ("first_name", "last_name") if word in item["reason"]}
    imported = any(result["imported"].values())
    event(f"round trip: {not others and not imported}")
    if others or imported:
        # An empty environment would not have these people.
        return
    plan = planned(folder, EMPTY, SCIM_CAPABILITIES)
    assert not plan.skipped
    after = predict(EMPTY, plan)
    twin = World(
        tmp_path_factory.mktemp("twin"),
        [user._replace(administrator=user.key in (after.administrators or ())) for user in after.users],
        after.groups,
    )
    twin.export()
    again = twin.files()
    if result["left_out"]:
        del once["export_report.yml"], again["export_report.yml"]
    assert again == once


def test_through_the_provisioning_api(tmp_path: Path) -> None:
    """It has a description of groups, and shows nobody's external id."""
    groups = (Group("Sales", "1", description="All of {{ sales }}", members=frozenset({BOSS.key})),)
    world = World(tmp_path, (BOSS, LEE), groups, scim=False)
    result = world.export()
    assert result["imported"] is None
    assert world.read("export_report.yml")["imported"].startswith("not known, because")
    assert 'description: !unsafe "All of {{ sales }}"' in world.files()["groups.yml"]
    assert planned(tmp_path, state_of(world), PROVISIONING_CAPABILITIES).actions == ()


# The import from Microsoft 365


def test_people_of_an_import_are_marked_and_not_written(world: World) -> None:
    imported = person("irvin.sayers", external_id=IMPORTED.upper(), administrator=True)
    world.users = (*PEOPLE, imported)
    world.groups = (
        Group("Own", "1", members=frozenset({ADELE.key, imported.key})),
        Group("All Company", "2", external_id=IMPORTED, members=frozenset({imported.key})),
    )
    result = world.export()
    assert result["imported"] == {"users": [imported.upn], "groups": ["All Company"]}
    assert world.read("export_report.yml")["imported"] == result["imported"]
    assert imported.upn not in world.files()["users.yml"]
    assert [group["name"] for group in world.read("groups.yml")["groups"]] == ["Own"]
    # Where others name them, they stay: applying the file must not remove them.
    assert world.read("groups.yml")["groups"][0]["members"]["set"] == [ADELE.upn, imported.upn]
    assert world.read("administrators.yml")["administrators"]["set"] == [imported.upn, BOSS.upn]
    assert planned(world.folder, state_of(world), SCIM_CAPABILITIES).actions == ()
    written = world.export(imported="write")
    assert written["imported"] == result["imported"]
    assert imported.upn in world.files()["users.yml"]
    assert planned(world.folder, state_of(world), SCIM_CAPABILITIES).actions == ()


# What cannot be read

NOT_READABLE = {
    "the endpoint is missing": server_error(EndpointMissingError, 404),
    "a server error": server_error(),
    "a refused key": AuthenticationError("the key k-42 was refused."),
    "no answer": NoAnswerError("connection refused at 12:30."),
    "throttled": RateLimitError("for 300 s."),
    "an odd answer": server_error(UnreliableAnswerError, 200),
    "an odd id": InputError("Object id is '..', so no request was sent for it."),
    "something else": W365Error("the members of group 77 cannot be read."),
}


@pytest.mark.parametrize("error", NOT_READABLE.values(), ids=NOT_READABLE)
@pytest.mark.parametrize("part", ["users", "groups", "roles", "sso", "environments"])
def test_a_part_that_cannot_be_read_is_not_empty(world: World, part: str, error: W365Error) -> None:
    file = {"roles": "administrators", "environments": "environment"}.get(part, part)
    setattr(world, part, error)
    with pytest.raises(ApplyError) as caught:
        world.export()
    assert "could not be read" in caught.value.message
    assert error.message in caught.value.message
    assert file in [item["part"] for item in caught.value.details["unreadable"]]
    report = world.files()["export_report.yml"]
    assert f"  {file}: {'partly read' if file == 'environment' else 'not readable'}" in report
    for noise in ("12:30", "42", "77"):
        assert noise not in report
    if file != "environment":
        assert f"{file}.yml" not in world.files()
    else:
        assert "active" not in world.files()["environment.yml"]
    # A good file of an earlier export stays.
    good = World(world.folder, PEOPLE, TEAMS)
    good.export()
    kept = world.files()
    with pytest.raises(ApplyError) as caught:
        world.export()
    assert f"{file}.yml" not in statuses(caught.value.details)
    assert {name: text for name, text in world.files().items() if name != "export_report.yml"} == {
        name: text for name, text in kept.items() if name != "export_report.yml"
    }
    # The same is no change.
    with pytest.raises(ApplyError) as caught:
        world.export()
    assert caught.value.details["changed"] is False


def test_parts_that_may_be_unreadable(world: World) -> None:
    world.sso, world.roles = server_error(EndpointMissingError, 404), (BOSS,)
    result = world.export(allow_unreadable=["sso", "groups"])
    assert result["changed"]
    assert result["unreadable"][0]["part"] == "sso"
    assert "sso could not be read" in world.warnings[0]
    world.users = server_error()
    with pytest.raises(ApplyError, match=r"allow_unreadable=users\."):
        world.export(allow_unreadable=["sso", "groups"])
    with pytest.raises(ApplyError, match="allow_unreadable=users,groups"):
        world.export(allow_unreadable=["sso"])


def test_a_server_that_has_only_the_documented_endpoints(world: World) -> None:
    world.provisioning = False
    with pytest.raises(ApplyError, match="allow_unreadable=environment,sso,administrators"):
        world.export()
    assert sorted(world.files()) == ["environment.yml", "export_report.yml", "groups.yml", "users.yml"]
    assert world.read("environment.yml") == {"w365_environment_definition": {"name": "contoso"}}
    assert not world.export(allow_unreadable=["environment", "sso", "administrators"])["changed"]


def test_nothing_is_written_when_nothing_can_be_read(world: World) -> None:
    for part in ("users", "groups", "roles", "sso", "environments"):
        setattr(world, part, server_error())
    with pytest.raises(ValidationError):
        world.export(allow_unreadable=list(ALL))
    assert world.files() == {}


@pytest.mark.parametrize(
    "error", [EnvironmentNotFoundError("there is none."), StoppedError("told to end"), GuardError("two customers.")]
)
@pytest.mark.parametrize("part", ["users", "groups", "roles", "sso", "environments", "customer"])
def test_errors_about_all_of_it_end_the_task(world: World, part: str, error: W365Error) -> None:
    setattr(world, part, error)
    with pytest.raises(type(error)):
        world.export(allow_unreadable=list(ALL))
    assert world.files() == {}


def test_an_environment_that_is_not_listed(world: World) -> None:
    world.environments = [Environment("fabrikam", True)]
    with pytest.raises(EnvironmentNotFoundError, match="has no environment 'contoso'"):
        world.export(allow_unreadable=list(ALL))


def test_lists_of_nobody(world: World) -> None:
    """Through the Provisioning API it proves nothing, and after an earlier export it is no reason to forget everybody."""
    world.users = world.groups = ()
    world.roles = (BOSS,)
    assert world.export()["counts"] == {"users": 0, "groups": 0, "administrators": 1}
    assert world.files()["users.yml"] == "---\nusers: []\n"
    World(world.folder, PEOPLE, TEAMS).export()
    with pytest.raises(ApplyError, match="lists nobody, and the earlier export has users"):
        world.export()
    assert "adele" in world.files()["users.yml"]
    (world.folder / "contoso" / "users.yml").unlink()
    assert world.export()["counts"]["users"] == 0
    world.scim, world.roles = False, ()
    (world.folder / "contoso" / "export_report.yml").write_text("")
    with pytest.raises(InputError):
        world.export()
    elsewhere = World(world.folder / "other", (), (), scim=False, roles=())
    with pytest.raises(ApplyError, match="the server lists nobody, and every environment with users has its first"):
        elsewhere.export()
    assert sorted(elsewhere.files()) == ["environment.yml", "export_report.yml", "secrets.yml.example", "sso.yml"]
    elsewhere.roles = (BOSS._replace(administrator=False),)
    with pytest.raises(ApplyError, match="shows no administrator"):
        elsewhere.export()


def test_what_is_partly_known_replaces_nothing(world: World) -> None:
    world.environments = [Environment("contoso", None)]
    with pytest.raises(ApplyError, match=r"environment\.active could not be read: the server does not say"):
        world.export()
    assert "active" not in world.files()["environment.yml"]
    assert "megan" in world.files()["environment.yml"]
    world.environments, world.roles = [Environment("contoso", False)], server_error()
    with pytest.raises(ApplyError):
        world.export()
    # The administrator is not forgotten.
    assert "megan" in world.files()["environment.yml"]
    world.roles = (BOSS._replace(last_name=""),)
    with pytest.raises(ApplyError, match="no administrator has a first and a last name"):
        world.export()
    world.roles = None
    world.export()
    assert world.read("environment.yml")["w365_environment_definition"]["active"] is False
    world.sso = (None, False)
    with pytest.raises(ApplyError, match="does not show authority and client id"):
        world.export()
    assert "login.windows.net" in world.files()["sso.yml"]


# What a file cannot describe


def test_what_cannot_be_described_is_left_out_with_its_reason(world: World) -> None:
    twins = [person("adele.vance", id="7"), person("Adele.Vance", id="8")]
    odd = person("grady\u200barchie", id="9")
    nameless = person("x")._replace(upn="")
    half = person("diego.siciliani", optional={"job_title": "a\ud83d", "department": "Sales"})
    unnamed = person("pradeep.gupta", last_name="")
    world.users = (BOSS, *twins, odd, nameless, half, unnamed)
    world.roles = (BOSS, odd._replace(administrator=True))
    world.groups = (
        Group("Own", "1", members=frozenset({BOSS.key, odd.key})),
        Group("Two", "2"),
        Group("TWO", "3"),
        Group("Hid\u202eden", "4", members=frozenset()),
        Group("Unknown", "5", members=None),
    )
    result = world.export()
    reasons = {(item["kind"], item["name"]): item["reason"] for item in result["left_out"]}
    assert "half of a character" in reasons["user", half.upn]
    assert reasons["user", "Adele.Vance@contoso.com"] == "has the name of another user"
    assert reasons["user", "(without a name)"] == "has no name"
    assert "U+200B" in reasons["user", odd.upn]
    assert "U+200B" in reasons["membership", f"Own {odd.upn}"]
    assert "U+200B" in reasons["administrator", odd.upn]
    assert reasons["group", "TWO"] == "has the name of another group"
    assert "U+202E" in reasons["group", "Hid\u202eden"]
    assert reasons["membership", "Unknown"] == "has members that the server does not show"
    assert reasons["user", unnamed.upn] == "has no last name, without which it can be changed and not created"
    assert [user["upn"] for user in world.read("users.yml")["users"]] == [half.upn, BOSS.upn, unnamed.upn]
    assert world.read("users.yml")["users"][0]["department"] == "Sales"
    # Nobody is removed because a file cannot name them.
    assert world.read("groups.yml")["groups"] == [{"name": "Own", "members": {"add": [BOSS.upn]}}, {"name": "Unknown"}]
    assert world.read("administrators.yml") == {"administrators": {"add": [BOSS.upn]}}
    assert len(world.read("export_report.yml")["left_out"]) == len(result["left_out"])
    assert (
        planned(world.folder, state_of(world)._replace(users=(BOSS, odd, half, unnamed)), SCIM_CAPABILITIES).actions
        == ()
    )


def test_a_secret_is_not_written(world: World) -> None:
    world.secrets = ("planted-secret",)
    world.users = (*PEOPLE, person("grady.archie", optional={"job_title": "my planted-secret"}))
    world.sso = (single_sign_on("https://login.windows.net/planted-secret", "id"), True)
    with pytest.raises(ApplyError, match="its values hold a secret of this task"):
        world.export()
    text = "".join(world.files().values())
    assert "planted-secret" not in text
    # Masked, it would be written into the environment.
    assert "*****" not in world.files()["users.yml"]


# The folder


def test_a_folder_that_no_export_has_written(world: World) -> None:
    place = world.folder / "contoso"
    place.mkdir()
    (place / "users.yml").write_text("users: []\n")
    with pytest.raises(InputError, match=r"has files and no export_report\.yml"):
        world.export()
    assert world.files() == {"users.yml": "users: []\n"}
    (place / "users.yml").unlink()
    assert world.export()["changed"]
    (place / "README.md").write_text("Ours.")
    assert not world.export()["changed"]
    assert "README.md" in world.files()


def test_the_export_of_somebody_else(world: World) -> None:
    world.export()
    report = world.folder / "contoso" / "export_report.yml"
    other = report.read_text().replace("environment: contoso", "environment: fabrikam")
    for text in (other, "", report.read_text().replace('w365_export: "1"\n', "")):
        report.write_text(text)
        with pytest.raises(InputError, match="is not the report of an export of this environment"):
            world.export()
    # "eu_x" and "y" would have the folder of "eu" and "x_y".
    world.export(instance="eu")
    place = world.folder / "eu_contoso"
    assert "instance: eu\n" in (place / "export_report.yml").read_text()
    assert "vault_w365_eu_contoso_sso_key" in (place / "sso.yml").read_text()
    os.rename(place, world.folder / "us_contoso")
    with pytest.raises(InputError, match="and this instance"):
        world.export(instance="us")


def test_the_export_of_another_server(world: World) -> None:
    """The same name on two instances is two environments, and one must not replace the people of the other."""
    world.export()
    good = world.files()
    with pytest.raises(
        InputError, match=r"is that of the server w365\.contoso\.com, and this task is connected to us\."
    ):
        world.export(instance_url="https://us.contoso.com")
    assert world.files() == good
    assert not world.export(instance_url="HTTPS://W365.contoso.com:443/")["changed"]
    with pytest.raises(InputError, match="is that of the server w365"):
        world.export(instance_url="https://w365.contoso.com:8443")
    assert world.export(instance="us", instance_url="https://us.contoso.com")["changed"]


def test_a_report_without_a_server(world: World) -> None:
    """A version that did not write it has made the report: the next export adds it."""
    world.export()
    report = world.folder / "contoso" / "export_report.yml"
    good = report.read_text()
    report.write_text(good.replace("server: w365.contoso.com\n", ""))
    assert statuses(world.export()) == {"export_report.yml": "update"}
    assert report.read_text() == good


def test_the_server_of_a_task_with_scim_alone(tmp_path: Path) -> None:
    world = World(tmp_path, PEOPLE, TEAMS, provisioning=False)
    allowed = ["environment", "sso", "administrators"]
    world.export(allow_unreadable=allowed)
    assert world.read("export_report.yml")["server"] == "scim.contoso.com"
    # With the Provisioning API as well, it is still the same environment.
    world.provisioning = True
    world.export()
    assert world.read("export_report.yml")["server"] == "w365.contoso.com"


@pytest.mark.parametrize("earlier", ["none", "without a server"])
def test_two_servers_at_once(world: World, earlier: str) -> None:
    """Both hosts of a run have looked into the folder before one of them writes."""
    report = world.folder / "contoso" / "export_report.yml"
    if earlier == "without a server":
        world.export()
        report.write_text(report.read_text().replace("server: w365.contoso.com\n", ""))
    us = World(world.folder, (BOSS,), ())
    task = us.task(instance_url="https://us.contoso.com")
    task.directory.list_users = lambda: [world.export(), (BOSS,)][1]
    with pytest.raises(InputError, match="is that of the server w365"):
        export(task)
    assert "adele.vance" in world.files()["users.yml"]
    assert world.read("export_report.yml")["server"] == "w365.contoso.com"


def test_links_are_not_followed(world: World) -> None:
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    place = world.folder / "contoso"
    place.symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a symbolic link"):
        world.export()
    assert list(elsewhere.iterdir()) == []
    place.unlink()
    world.export()
    target = elsewhere / "target"
    target.write_text("precious")
    (place / "users.yml").unlink()
    (place / "users.yml").symlink_to(target)
    with pytest.raises(InputError, match="is a symbolic link"):
        world.export()
    assert target.read_text() == "precious"


def test_places_that_are_no_folders(world: World, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Option dest is empty"):
        world.export(dest=" ")
    (tmp_path / "file").write_text("")
    for dest, said in ((tmp_path / "file", "is no folder"), (tmp_path / "no" / "tenants", "does not exist")):
        world.folder = dest
        with pytest.raises(InputError, match=said):
            world.export()
    world.folder = tmp_path / "tenants"
    assert world.export()["changed"]
    (world.folder / "contoso" / "users.yml").unlink()
    (world.folder / "contoso" / "users.yml").mkdir()
    with pytest.raises(InputError, match="is no file"):
        world.export()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("users.yml", "    first_name: Adele\n", "    first_name: Adele\n    password: hunter2\n"),
        ("sso.yml", '"{{ vault_w365_contoso_sso_key }}"', "hunter2"),
        ("sso.yml", "---\n", "$ANSIBLE_VAULT;1.1;AES256\n"),
        ("secrets.yml.example", "contoso_sso_key: the client secret", "contoso_sso_key: hunter2"),
        ("groups.yml", "---\n", "---\n# hunter2\n"),
    ],
)
def test_files_that_somebody_has_edited(world: World, file: str, old: str, new: str) -> None:
    world.export()
    good = world.files()
    path = world.folder / "contoso" / file
    path.write_text(path.read_text().replace(old, new))
    edited = world.files()
    assert edited != good
    with pytest.raises(InputError, match="has a line that no export writes") as caught:
        world.export()
    assert "hunter2" not in caught.value.message
    assert world.files() == edited
    task = world.task(replace_edited=True)
    export(task)
    assert world.files() == good
    assert "hunter2" not in str(task.unmasked)
    assert "which is not shown" in task.unmasked["diff"][0]["before"]


def test_a_difference_is_shown_in_lines(world: World) -> None:
    world.export()
    world.users = (BOSS, ADELE._replace(first_name="Adela"), LEE)
    task = world.task()
    export(task)
    (shown,) = task.unmasked["diff"]
    assert shown["before_header"].endswith("/contoso/users.yml")
    before, after = shown["before"].splitlines(), shown["after"].splitlines()
    assert set(before) ^ set(after) == {"    first_name: Adele", "    first_name: Adela"}


def test_an_export_through_scim_is_not_replaced_by_less(world: World) -> None:
    world.export()
    world.scim = False
    with pytest.raises(InputError, match="was read through SCIM, and this task has no scim_url"):
        world.export()
    # The other way there is more.
    other = World(world.folder / "other", PEOPLE, TEAMS, scim=False)
    other.export()
    other.scim = True
    assert other.export()["changed"]
