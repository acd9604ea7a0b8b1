# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every plan, whatever is wanted of whatever is there: searched by hypothesis.

The directory of these tests lives in memory and knows nothing of `plan`: it does what the handlers of a real one do,
with ids, memberships by id, a deleted-users list and administrators.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import event, given, settings

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AlreadyExistsError,
    GuardError,
    InputError,
    NotFoundError,
    W365Error,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.dependencies import (
    apply_directory,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import (
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
    UNRESOLVED,
    Capabilities,
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import comparison_key
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.plan_content import (
    packed,
    unpacked,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.plan_file import (
    Target,
    plan_text,
    read_plan,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    ADMINISTRATOR,
    DIRECTORY_ACTIONS,
    GROUP,
    MEMBERSHIP,
    USER,
    Action,
    ActionType,
    DirectoryHandlers,
    Handler,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment_actions import (
    INSTANCE_ACTIONS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.predict import predict
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.reviewed_plan import (
    remaining,
    with_secrets,
)

# ---- the directory in memory

ABILITIES = Capabilities(
    wire="memory",
    user_fields=frozenset({"upn", "first_name", "last_name", "email", "active", "external_id", "administrator"}),
    group_fields=frozenset({"name", "description", "external_id"}),
    extras=frozenset({"password"}),
)


@dataclass
class Memory:
    """An environment. Users and groups are dictionaries by id; a group's members are ids, some of them of no user."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    tidy: bool = True
    """Whether this server takes blanks around values away."""
    writes: int = 0
    created: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def contents(self) -> Any:
        return copy.deepcopy((self.users, self.groups))

    def copy(self) -> Memory:
        users, groups = self.contents()
        return Memory(users, groups, self.tidy)

    # Reading

    def snapshot(self) -> Snapshot:
        upns = {id: comparison_key(user["upn"]) for id, user in self.users.items()}
        return Snapshot(
            users=tuple(User(id=id, **user) for id, user in self.users.items()),
            groups=tuple(
                Group(
                    id=id,
                    name=group["name"],
                    description=group["description"],
                    external_id=group["external_id"],
                    members=frozenset(upns.get(member, f"{UNRESOLVED}{member}") for member in group["members"]),
                )
                for id, group in self.groups.items()
            ),
            administrators=frozenset(
                comparison_key(user["upn"]) for user in self.users.values() if user["administrator"] and user["active"]
            ),
        )

    def user(self, upn: str) -> dict[str, Any] | None:
        return next((user for user in self.users.values() if comparison_key(user["upn"]) == comparison_key(upn)), None)

    def group(self, name: str) -> dict[str, Any] | None:
        return next(
            (group for group in self.groups.values() if comparison_key(group["name"]) == comparison_key(name)), None
        )

    # Writing

    def handlers(self) -> SimpleNamespace:
        does: dict[str, Handler] = {
            "create_user": self._create_user,
            "update_user": self._change_user,
            "delete_user": self._change_user,
            "delete_user_permanently": self._delete_user,
            "create_group": self._create_group,
            "update_group": self._change_group,
            "delete_group": self._delete_group,
            "change_members": self._change_members,
            "set_administrator": self._change_role,
        }

        def counted(handler: Handler) -> Handler:
            def run(action: Action) -> Any:
                with self._lock:
                    self.writes += 1
                    return handler(action)

            return run

        return SimpleNamespace(**{name: counted(handler) for name, handler in does.items()})

    def _stored(self, value: Any) -> Any:
        return value.strip() if self.tidy and isinstance(value, str) else value

    def _new_id(self) -> str:
        self.created += 1
        return f"new-{self.created}"

    def _create_user(self, action: Action) -> User:
        given_fields = dict(action.changes)
        if self.user(given_fields["upn"]):
            raise _exists(given_fields["upn"])
        id = self._new_id()
        blank: dict[str, Any] = dict.fromkeys(("upn", "first_name", "last_name", "email", "external_id"))
        self.users[id] = {**blank, "active": True, "administrator": False}
        return self._write_user(id, given_fields)

    def _change_user(self, action: Action) -> User:
        if action.subject.id not in self.users:
            raise _missing(action.name)
        return self._write_user(action.subject.id, action.changes)

    def _write_user(self, id: str, values: Mapping[str, Any]) -> User:
        user = {**self.users[id], **{name: self._stored(value) for name, value in values.items()}}
        if any(
            other != id and comparison_key(known["upn"]) == comparison_key(user["upn"])
            for other, known in self.users.items()
        ):
            raise _exists(user["upn"])
        self.users[id] = user
        return User(id=id, **user)

    def _delete_user(self, action: Action) -> None:
        if self.users.pop(action.subject.id, None) is None:
            raise _missing(action.name)
        for group in self.groups.values():
            group["members"].discard(action.subject.id)

    def _create_group(self, action: Action) -> Group:
        id = self._new_id()
        if self.group(action.changes["name"]):
            raise _exists(action.changes["name"])
        blank: dict[str, Any] = dict.fromkeys(("name", "description", "external_id"))
        self.groups[id] = {**blank, "members": set(), **{n: self._stored(v) for n, v in action.changes.items()}}
        made: Group = action.outcome._replace(id=id)
        return made

    def _change_group(self, action: Action) -> Group:
        group = self.groups[action.subject.id]
        other = self.group(action.changes.get("name", group["name"]))
        if other is not None and other is not group:
            raise _exists(action.changes["name"])
        group.update({name: self._stored(value) for name, value in action.changes.items()})
        changed: Group = action.outcome._replace(id=action.subject.id)
        return changed

    def _delete_group(self, action: Action) -> None:
        if self.groups.pop(action.subject.id, None) is None:
            raise _missing(action.name)

    def _change_members(self, action: Action) -> Group:
        group = self.group(action.name)
        if group is None:
            raise _missing(action.name)
        group["members"] |= {self._member(key) for key in action.changes["add"]}
        group["members"] -= {self._member(key) for key in action.changes["remove"]}
        outcome: Group = action.outcome
        return outcome

    def _member(self, key: str) -> str:
        found = next((id for id, user in self.users.items() if comparison_key(user["upn"]) == key), None)
        if found is None and key.startswith(UNRESOLVED):
            return key.removeprefix(UNRESOLVED)
        if found is None:
            raise _missing(key)
        return found

    def _change_role(self, action: Action) -> User:
        user = self.user(action.subject.upn)
        if user is None or not user["active"]:
            raise _missing(action.name)
        user["administrator"] = action.changes["administrator"]
        return User(id="", **user)


def _exists(name: str) -> W365Error:
    return AlreadyExistsError(f"{name} exists", status=409, method="POST", path="/")


def _missing(name: str) -> W365Error:
    return NotFoundError(f"{name} is not there", status=404, method="GET", path="/")


# ---- what is searched

SCRIPTS = (
    "Adele",
    "Zoë",
    "Ångström",
    "李",
    "さくら",
    "Ольга",
    "Ἀλέξανδρος",
    "שרה",
    "ليلى",
    "Nguyễn",
    "İstanbul",
    "Straße",
    "😀👩‍💻",
    'O\'Reilly "the" \\ <b>',
    "  blanks around  ",
    "e\u0301",
    "x" * 255,
    "null",
    "id:7",
)
texts = st.one_of(
    st.sampled_from(SCRIPTS),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(lambda text: text.strip()),
)
maybe_texts = st.none() | st.just("") | texts
UPNS = (
    "adele.vance@contoso.com",
    "alex.wilber@contoso.com",
    "megan.bowen@contoso.com",
    "lee.gu@contoso.com",
    "lynne.robbins_fabrikam.com#ext#@contoso.onmicrosoft.com",
    "straße@contoso.com",
    "李@contoso.com",
    "o'irvin+sayers@contoso.com",
    f"{'x' * 243}@contoso.com",
)
NEW_UPNS = tuple(f"renamed-{number}@contoso.com" for number in range(len(UPNS)))
GROUPS = ("sales", "all employees", "ærø 😀", 'so-called "friends"', "y" * 255)
NEW_GROUPS = tuple(f"renamed group {number}" for number in range(len(GROUPS)))
FOREIGN = ("nested-group", "device-1")
SECRET = "a-password-that-nobody-may-see"


def recased(text: str) -> st.SearchStrategy[str]:
    """The text with some of its ASCII letters in the other case."""
    return st.integers(0, 2**12 - 1).map(
        lambda bits: "".join(
            letter.swapcase() if letter.isascii() and bits >> (place % 12) & 1 else letter
            for place, letter in enumerate(text)
        )
    )


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    memory = Memory(tidy=draw(st.booleans()))
    for number, upn in enumerate(UPNS):
        if not draw(st.booleans()):
            continue
        active = draw(st.sampled_from((True, True, False)))
        memory.users[f"user-{number}"] = {
            "upn": draw(recased(upn)),
            "first_name": draw(texts),
            "last_name": draw(texts),
            "email": draw(maybe_texts),
            "external_id": draw(maybe_texts),
            "active": active,
            "administrator": active and draw(st.booleans()),
        }
    for number, name in enumerate(GROUPS):
        if draw(st.booleans()):
            memory.groups[f"group-{number}"] = {
                "name": draw(recased(name)),
                "description": draw(maybe_texts),
                "external_id": draw(maybe_texts),
                "members": set(draw(st.lists(st.sampled_from((*memory.users, *FOREIGN)), max_size=6))),
            }
    return memory


@st.composite
def wanted_users(draw: st.DrawFn, memory: Memory) -> tuple[DesiredUser, ...]:
    found = []
    for number, upn in enumerate(UPNS):
        if not draw(st.booleans()):
            continue
        current = memory.user(upn)
        mode = draw(st.sampled_from(("present", "present", "present", "absent", "permanent", "rename")))
        shown = draw(recased(upn))
        if mode in ("absent", "permanent"):
            found.append(DesiredUser(shown, present=False, permanent=mode == "permanent"))
            continue
        values: dict[str, Any] = {
            "email": draw(maybe_texts),
            "external_id": draw(maybe_texts),
            "active": draw(st.sampled_from((None, None, True, False))),
        }
        if current is None or draw(st.booleans()):
            values |= {"first_name": draw(texts), "last_name": draw(texts)}
        if values["active"] is not False and draw(st.booleans()):
            values["administrator"] = draw(st.booleans())
        initial = draw(st.sampled_from(({}, {}, {"active": False})))
        if values.get("administrator") and values["active"] is None:
            initial = {}
        password = draw(st.booleans())
        identity = None
        if mode == "rename":
            identity = shown
            if current is not None and draw(st.booleans()):
                identity = next(id for id, user in memory.users.items() if user is current)
            shown = NEW_UPNS[number]
            if current is None:
                values |= {"first_name": draw(texts), "last_name": draw(texts)}
        found.append(
            DesiredUser(
                shown,
                identity=identity,
                fields=values,
                initial=initial,
                # No source wants somebody to begin inactive and to be taken back all the same.
                restore=not initial and bool(values.get("administrator") or draw(st.booleans())),
                extras={"password": SECRET} if password else {},
            )
        )
    return tuple(found)


def keys_afterwards(memory: Memory, users: Iterable[DesiredUser]) -> tuple[list[str], list[str]]:
    """The keys of users who will exist, and of those among them who will be active: worked out without `plan`."""
    exists = {comparison_key(user["upn"]): user["active"] for user in memory.users.values()}
    ids = {id: comparison_key(user["upn"]) for id, user in memory.users.items()}
    for wanted in users:
        key = ids.get(wanted.identity or "", comparison_key(wanted.identity or wanted.upn))
        was = exists.pop(key, None)
        if not wanted.present:
            if not wanted.permanent and was is not None:
                exists[key] = False
            continue
        new = wanted.fields.get("active")
        if new is None:
            new = wanted.initial.get("active", True) if was is None else was or wanted.restore
        exists[wanted.key] = bool(new)
    return sorted(exists), sorted(key for key, active in exists.items() if active)


@st.composite
def changes_of(draw: st.DrawFn, keys: list[str]) -> AddRemoveSet:
    some = st.lists(st.sampled_from(keys), max_size=6).map(frozenset) if keys else st.just(frozenset[str]())
    if draw(st.booleans()):
        return AddRemoveSet(set=draw(some))
    add = draw(some)
    return AddRemoveSet(add=add, remove=draw(some) - add)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Memory, Desired]:
    """What is there, and something that can be wanted of it. A few of them are refused by the guard."""
    memory = draw(memories())
    users = draw(wanted_users(memory))
    keys, active = keys_afterwards(memory, users)
    groups = []
    for number, name in enumerate(GROUPS):
        if not draw(st.booleans()):
            continue
        mode = draw(st.sampled_from(("present", "present", "present", "absent", "rename")))
        shown = draw(recased(name))
        groups.append(
            DesiredGroup(
                NEW_GROUPS[number] if mode == "rename" else shown,
                identity=shown if mode == "rename" else None,
                present=mode != "absent",
                fields=draw(st.fixed_dictionaries({}, optional={"description": maybe_texts, "external_id": texts})),
                members=draw(st.none() | changes_of(keys)),
            )
        )
    administrators = None
    if draw(st.booleans()):
        administrators = draw(changes_of(active))
        roles = {user.key: user.fields["administrator"] for user in users if "administrator" in user.fields}
        yes, no = ({key for key, role in roles.items() if role is wanted} for wanted in (True, False))
        if administrators.set is not None:
            administrators = AddRemoveSet(set=(administrators.set | yes) - no)
        else:
            administrators = AddRemoveSet(administrators.add - no, administrators.remove - yes)
    return memory, Desired(users, tuple(groups), administrators)


def try_to_plan(memory: Memory, desired: Desired) -> Plan | None:
    """The plan, or None where the guard refuses."""
    try:
        return make_plan(desired, memory.snapshot(), ABILITIES)
    except GuardError:
        event("refused by the guard")
        return None


def done(plan: Plan, memory: Memory, concurrency: int = 1) -> ApplyResult:
    report = apply_directory(plan, memory.handlers(), concurrency=concurrency)
    assert [item.error and item.error.message for item in report.failures] == []
    return report


def plain(value: Any) -> Any:
    return (value or "").strip() if value is None or isinstance(value, str) else value


def comparable(snapshot: Snapshot) -> Any:
    """A snapshot without the ids of what is new, and without blanks, which the server may have taken away."""
    names = ("first_name", "last_name", "email", "external_id", "active")
    return (
        {
            user.key: (user.upn.strip(), *(plain(getattr(user, n)) for n in names), bool(user.administrator))
            for user in snapshot.users
        },
        {
            group.key: (group.name.strip(), plain(group.description), plain(group.external_id), group.members)
            for group in snapshot.groups
        },
        snapshot.administrators,
    )


# ---- what holds


@given(worlds(), st.sampled_from((1, 4)))
@settings(max_examples=60)
def test_applying_a_plan_reaches_what_is_wanted(world: tuple[Memory, Desired], concurrency: int) -> None:
    memory, desired = world
    before = memory.copy()
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    done(plan, memory, concurrency)
    event("changes something" if plan.changed else "changes nothing")
    for user in desired.users:
        assert_user_is_as_wanted(user, before, memory, desired)
    for group in desired.groups:
        assert_group_is_as_wanted(group, before, memory)
    if desired.administrators is not None:
        now = memory.snapshot().administrators
        assert now is not None
        assert desired.administrators.wanted <= now
        assert not desired.administrators.remove & now
        if desired.administrators.set is not None:
            assert now == desired.administrators.set


def was_user(wanted: DesiredUser, before: Memory) -> dict[str, Any] | None:
    if wanted.identity:
        return before.users.get(wanted.identity) or before.user(wanted.identity) or before.user(wanted.upn)
    return before.user(wanted.upn)


def assert_user_is_as_wanted(wanted: DesiredUser, before: Memory, now: Memory, desired: Desired) -> None:
    was, found = was_user(wanted, before), now.user(wanted.upn)
    if not wanted.present:
        assert found is None if wanted.permanent or was is None else not found or not found["active"]
        assert wanted.permanent or (found is None) == (was is None)
        return
    assert found is not None
    roles_elsewhere = desired.administrators is not None
    for name, value in wanted.fields.items():
        if value is not None and not (name == "administrator" and roles_elsewhere):
            assert plain(found[name]) == plain(value) or (
                name == "email" and comparison_key(found[name]) == comparison_key(value)
            )
    for name, value in wanted.initial.items():
        if was is None and wanted.fields.get(name) is None:
            assert found[name] == value
    if wanted.fields.get("active") is None and was is not None:
        assert found["active"] is (was["active"] or wanted.restore)
    if was is not None and comparison_key(was["upn"]) != wanted.key:
        assert now.user(was["upn"]) is None
    for name in ("first_name", "last_name", "email", "external_id"):
        if was is not None and wanted.fields.get(name) is None:
            assert found[name] == was[name], f"{name} was not given and changed"
    if was is not None and "administrator" not in wanted.fields and not roles_elsewhere:
        assert found["administrator"] == was["administrator"]


def assert_group_is_as_wanted(wanted: DesiredGroup, before: Memory, now: Memory) -> None:
    was = before.group(wanted.identity or wanted.name) or before.group(wanted.name)
    found = now.group(wanted.name)
    if not wanted.present:
        assert found is None
        return
    assert found is not None
    for name in ("description", "external_id"):
        if wanted.fields.get(name) is not None:
            assert plain(found[name]) == plain(wanted.fields[name])
        elif was is not None:
            assert found[name] == was[name]
    foreign = {member for member in (was["members"] if was else ()) if member not in before.users}
    assert foreign <= found["members"], "members of unknown kind survive"
    kept = {id for id in (was["members"] if was else ()) if id in now.users or id in foreign}
    if wanted.members is None:
        assert found["members"] == kept
        return
    ids = {comparison_key(user["upn"]): id for id, user in now.users.items()}
    if wanted.members.set is not None:
        assert found["members"] == {ids[key] for key in wanted.members.set} | foreign
    else:
        gone = {ids[key] for key in wanted.members.remove if key in ids}
        assert found["members"] == (kept | {ids[key] for key in wanted.members.add}) - gone


@given(worlds())
@settings(max_examples=60)
def test_planning_again_gives_nothing(world: tuple[Memory, Desired]) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    done(plan, memory)
    written = memory.writes
    again = make_plan(desired, memory.snapshot(), ABILITIES)
    assert again.actions == ()
    assert not again.changed
    assert done(again, memory).done == []
    assert memory.writes == written
    assert again.diff() == {"before": {}, "after": {}}


@given(worlds())
@settings(max_examples=60)
def test_the_prediction_is_what_really_results(world: tuple[Memory, Desired]) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    predicted = predict(memory.snapshot(), plan)
    told = predicted_result(plan).results()
    report = done(plan, memory)
    assert comparable(predicted) == comparable(memory.snapshot())
    assert {entry["outcome"] for entry in told} <= {"planned"}
    assert [{**entry, "outcome": "done"} for entry in told] == report.results()


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_the_input_does_not_matter(world: tuple[Memory, Desired], random: Any) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)

    def shuffled(things: Iterable[Any]) -> tuple[Any, ...]:
        listed = list(things)
        random.shuffle(listed)
        return tuple(listed)

    current = memory.snapshot()
    mixed = current._replace(users=shuffled(current.users), groups=shuffled(current.groups))
    wanted = desired._replace(users=shuffled(desired.users), groups=shuffled(desired.groups))
    try:
        other = make_plan(wanted, mixed, ABILITIES)
    except GuardError:
        assert plan is None
    else:
        assert other == plan
        assert other is not None
        assert [action.changes for action in other.actions] == [action.changes for action in plan.actions]


@given(worlds(), st.data())
@settings(max_examples=30)
def test_case_does_not_matter(world: tuple[Memory, Desired], data: st.DataObject) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    for user in memory.users.values():
        user["upn"] = data.draw(recased(user["upn"]))
    for group in memory.groups.values():
        group["name"] = data.draw(recased(group["name"]))

    def again(thing: Any, name: str) -> Any:
        identity = thing.identity if thing.identity in memory.users else thing.identity and thing.identity.upper()
        if identity and comparison_key(identity) != comparison_key(thing.identity):
            identity = thing.identity
        return thing._replace(**{name: data.draw(recased(getattr(thing, name)))}, identity=identity)

    other_desired = desired._replace(
        users=tuple(again(user, "upn") for user in desired.users),
        groups=tuple(again(group, "name") for group in desired.groups),
    )
    other = make_plan(other_desired, memory.snapshot(), ABILITIES)
    assert [(a.kind, a.verb, comparison_key(a.name), sorted(a.changes)) for a in other.actions] == [
        (a.kind, a.verb, comparison_key(a.name), sorted(a.changes)) for a in plan.actions
    ]


@given(worlds())
@settings(max_examples=40)
def test_whoever_is_not_named_stays_as_they_are(world: tuple[Memory, Desired]) -> None:
    memory, desired = world
    before = memory.copy()
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    done(plan, memory)
    named_users = {comparison_key(name) for user in desired.users for name in (user.upn, user.identity or user.upn)}
    named_ids = {user.identity for user in desired.users}
    for id, user in before.users.items():
        if comparison_key(user["upn"]) in named_users or id in named_ids:
            continue
        role = {"administrator"} if desired.administrators is not None else set()
        assert {k: v for k, v in memory.users[id].items() if k not in role} == {
            k: v for k, v in user.items() if k not in role
        }
        change = desired.administrators
        if change is not None and change.set is None and comparison_key(user["upn"]) not in change.named:
            assert memory.users[id] == user
    named_groups = {
        comparison_key(name) for group in desired.groups for name in (group.name, group.identity or group.name)
    }
    gone = set(before.users) - set(memory.users)
    for id, group in before.groups.items():
        if comparison_key(group["name"]) not in named_groups:
            assert memory.groups[id] == {**group, "members": group["members"] - gone}


@given(worlds())
@settings(max_examples=40)
def test_diff_summary_results_and_actions_agree(world: tuple[Memory, Desired]) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    summary = plan.summary()
    assert sum(summary.values()) == len(plan.actions) + len(plan.unchanged) + len(plan.skipped)
    for action in plan.actions:
        assert summary[f"{action.kind}_{action.verb}"] == sum(
            (a.kind, a.verb) == (action.kind, action.verb) for a in plan.actions
        )
    assert summary["unchanged"] == len(plan.unchanged)
    diff = plan.diff()
    for side in ("before", "after"):
        labels = {f"{a.kind} {a.name}" for a in plan.actions if getattr(a, side) is not None}
        assert set(diff[side]) == labels
    for action in plan.actions:
        for side in ("before", "after"):
            for name, value in (getattr(action, side) or {}).items():
                assert diff[side][f"{action.kind} {action.name}"][name] == value
        if action.kind == "user" and action.verb in ("update", "restore"):
            assert {name: action.after[name] for name in action.changes} == action.changes  # type: ignore[index]
            assert all(plain(action.before[n]) != plain(v) for n, v in action.changes.items())  # type: ignore[index]
    results = predicted_result(plan).results()
    assert [(r["kind"], r["action"], r["name"]) for r in results] == [(a.kind, a.verb, a.name) for a in plan.actions]
    assert plan.changed is bool(results)
    phases = [action.phase for phase in plan.phases() for action in phase]
    assert phases == sorted(phases)
    assert tuple(itertools.chain(*plan.phases())) == plan.actions
    assert len(phases) == len(plan.actions)
    named = {(a.kind, comparison_key(a.name)) for a in plan.actions} | {
        (k, comparison_key(n)) for k, n in plan.unchanged
    }
    for user in desired.users:
        assert ("user", user.key) in named, "whoever was wanted is either changed or reported as unchanged"
    assert SECRET not in repr((diff, summary, results, plan.notes, plan))


@given(worlds(), st.data())
@settings(max_examples=40)
def test_what_is_refused_has_changed_nothing(world: tuple[Memory, Desired], data: st.DataObject) -> None:
    """Every way to ask for nonsense, put into an otherwise good wish: it is refused before the first write."""
    memory, desired = world
    before = memory.contents()
    snapshot = memory.snapshot()
    for name, spoilt, kind in spoilt_wishes(desired, memory, data):
        with pytest.raises(kind) as refusal:
            done(make_plan(spoilt, memory.snapshot(), ABILITIES), memory)
        assert refusal.value.message.endswith((".", '"')), name
        assert memory.contents() == before, name
        assert memory.writes == 0, name
    assert memory.snapshot() == snapshot


def spoilt_wishes(
    desired: Desired, memory: Memory, data: st.DataObject
) -> Iterable[tuple[str, Desired, type[W365Error]]]:
    if desired.users:
        twice = desired.users[0]
        copy_of_it = twice._replace(upn=data.draw(recased(twice.upn)))
        yield "the same user twice", desired._replace(users=(*desired.users, copy_of_it)), InputError
    if desired.groups:
        group = desired.groups[-1]
        again = group._replace(name=data.draw(recased(group.name)))
        yield "the same group twice", desired._replace(groups=(again, *desired.groups)), InputError
    stranger = "pradeep.gupta@contoso.com"
    odd = DesiredUser(stranger, fields={"first_name": "a", "last_name": "b", "shoe_size": 43})
    yield "a field that cannot travel", desired._replace(users=(*desired.users, odd)), InputError
    odd = DesiredUser(stranger, fields={"first_name": "a"})
    yield "a new user without a last name", desired._replace(users=(*desired.users, odd)), InputError
    odd_group = DesiredGroup("a new group", members=AddRemoveSet(add=frozenset({stranger})))
    yield "a member who does not exist", desired._replace(groups=(*desired.groups, odd_group)), InputError
    odd_group = DesiredGroup("a new group", fields={"colour": "red"})
    yield "a group's field that cannot travel", desired._replace(groups=(*desired.groups, odd_group)), InputError
    no_roles = tuple(
        u._replace(fields={k: v for k, v in u.fields.items() if k != "administrator"}) for u in desired.users
    )
    role = AddRemoveSet(set=frozenset({stranger}))
    yield (
        "an administrator who does not exist",
        desired._replace(users=no_roles, administrators=role),
        InputError,
    )
    if memory.snapshot().administrators:
        nobody = desired._replace(users=no_roles, administrators=AddRemoveSet(set=frozenset()))
        yield "nobody left to manage the environment", nobody, GuardError


@given(memories())
@settings(max_examples=30)
def test_taking_every_administrator_away_is_refused_in_every_way(memory: Memory) -> None:
    administrators = memory.snapshot().administrators or frozenset()
    before = memory.contents()
    for wishes in (
        tuple(DesiredUser(key, present=False) for key in administrators),
        tuple(DesiredUser(key, present=False, permanent=True) for key in administrators),
        tuple(DesiredUser(key, fields={"active": False}) for key in administrators),
        tuple(DesiredUser(key, fields={"administrator": False}) for key in administrators),
    ):
        if administrators:
            with pytest.raises(GuardError, match="without an active administrator"):
                done(make_plan(Desired(wishes), memory.snapshot(), ABILITIES), memory)
            # All but one is allowed.
            allowed = make_plan(Desired(wishes[1:]), memory.snapshot(), ABILITIES)
            assert len(allowed.actions) == len(wishes) - 1
    assert memory.contents() == before
    assert memory.writes == 0


@given(memories(), st.lists(st.sampled_from(UPNS), unique=True))
@settings(max_examples=40)
def test_set_keeps_members_of_unknown_kind(memory: Memory, upns: list[str]) -> None:
    members = frozenset(comparison_key(upn) for upn in upns if memory.user(upn))
    wishes = tuple(DesiredGroup(group["name"], members=AddRemoveSet(set=members)) for group in memory.groups.values())
    before = memory.copy()
    done(make_plan(Desired(groups=wishes), memory.snapshot(), ABILITIES), memory)
    for id, group in before.groups.items():
        foreign = group["members"] & set(FOREIGN)
        assert memory.groups[id]["members"] & set(FOREIGN) == foreign
        assert len(memory.groups[id]["members"]) == len(members) + len(foreign)


@given(worlds())
@settings(max_examples=20)
def test_check_mode_may_take_missing_people_for_created(world: tuple[Memory, Desired]) -> None:
    """With `assume_missing` a plan differs only where somebody is missing, and says so."""
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    assert make_plan(desired, memory.snapshot(), ABILITIES, assume_missing=True) == plan
    stranger = "pradeep.gupta@contoso.com"
    group = DesiredGroup("a new group", members=AddRemoveSet(add=frozenset({stranger})))
    more = desired._replace(groups=(*desired.groups, group))
    with pytest.raises(InputError, match=r"pradeep\.gupta@contoso\.com' does not exist"):
        make_plan(more, memory.snapshot(), ABILITIES)
    assumed = make_plan(more, memory.snapshot(), ABILITIES, assume_missing=True)
    assert len(assumed.actions) == len(plan.actions) + 2
    assert any(stranger in note and "an earlier task" in note for note in assumed.notes)


@given(st.lists(st.builds(Skipped, st.sampled_from(("user", "group")), texts, texts)))
def test_who_was_left_out_is_passed_on(left_out: list[Skipped]) -> None:
    plan = make_plan(Desired(skipped=tuple(left_out)), Snapshot(), ABILITIES)
    assert plan.skipped == tuple(left_out)
    assert plan.summary() == {"unchanged": 0, "left_out": len(left_out)}
    assert not plan.changed


def test_the_fake_handles_every_action_of_a_directory() -> None:
    """The fake knows every verb that a plan for a directory can hold, so that no test skips one."""
    known = {name for name in vars(DirectoryHandlers) if not name.startswith("_")}
    assert set(vars(Memory().handlers())) == known
    for row in (*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS):
        assert (row.object in (USER, GROUP, MEMBERSHIP, ADMINISTRATOR)) is _is_handled(row)


def _is_handled(row: ActionType) -> bool:
    try:
        return callable(row.handler(Memory().handlers()))
    except AttributeError:
        return False


# ---- names that pass on


@st.composite
def moves(draw: st.DrawFn, strangers: int = 0) -> tuple[Memory, Desired, bool]:
    """People whom external ids tell apart, who have taken over each other's UPNs, and whether there is a circle of them.

    Up to so many `strangers` come first, whom nobody wants here; the source may know them.
    """
    memory = Memory()
    before = draw(st.lists(st.sampled_from(UPNS), unique=True, min_size=1 + strangers))
    for number, upn in enumerate(before):
        active = draw(st.sampled_from((True, True, False)))
        memory.users[f"user-{number}"] = {
            "upn": upn,
            "first_name": "Megan",
            "last_name": "Bowen",
            "email": upn,
            "external_id": f"e{number}",
            "active": active,
            "administrator": active and draw(st.booleans()),
        }
    memory.groups["group-0"] = {
        "name": "sales",
        "description": None,
        "external_id": None,
        "members": set(draw(st.lists(st.sampled_from([*memory.users])))),
    }
    # One more than there are is somebody new.
    now = draw(st.lists(st.sampled_from(UPNS), unique=True, min_size=len(before), max_size=len(before) + 2))
    names = {"first_name": "Megan", "last_name": "Bowen"}
    wanted = [DesiredUser(upn, fields={"external_id": f"e{number}", **names}) for number, upn in enumerate(now)]
    wanted = wanted[strangers:]
    moved = {old: new for old, new in zip(before[strangers:], now[strangers:], strict=False) if old != new}
    circle = False
    for start, at in moved.items():
        reached = at
        while reached in moved and reached != start:
            reached = moved[reached]
        circle = circle or reached == start
    chosen = draw(st.sets(st.sampled_from([user.key for user in wanted]))) if wanted else set[str]()
    group = DesiredGroup("Sales", members=AddRemoveSet(add=frozenset(chosen)))
    others = frozenset(f"e{number}" for number in range(strangers))
    return memory, Desired(tuple(draw(st.permutations(wanted))), (group,), whole=True, others=others), circle


@given(moves(), st.sampled_from((1, 4)))
@settings(max_examples=150)
def test_everybody_keeps_the_account_when_names_pass_on(world: tuple[Memory, Desired, bool], concurrency: int) -> None:
    memory, desired, circle = world
    if circle:
        event("a circle")
        with pytest.raises(InputError, match="have exchanged their UPNs"):
            make_plan(desired, memory.snapshot(), ABILITIES)
        return
    before = memory.copy()
    plan = make_plan(desired, memory.snapshot(), ABILITIES)
    event(f"renames in {sum(any(action.renames for action in phase) for phase in plan.phases())} pieces")
    predicted = predict(memory.snapshot(), plan)
    done(plan, memory, concurrency)
    assert comparable(predicted) == comparable(memory.snapshot())
    ids = {user["external_id"]: id for id, user in memory.users.items()}
    for user in desired.users:
        id = ids[user.fields["external_id"]]
        assert memory.users[id]["upn"] == user.upn
        assert id not in before.users or before.users[id]["external_id"] == user.fields["external_id"]
    for id, was in before.users.items():
        assert memory.users[id]["administrator"] is was["administrator"]
    assert before.groups["group-0"]["members"] <= memory.groups["group-0"]["members"]
    assert make_plan(desired, memory.snapshot(), ABILITIES).actions == ()


@given(st.integers(0, 3).flatmap(moves), st.sampled_from((1, 4)))
@settings(max_examples=150)
def test_who_collides_may_stay_and_nobody_gets_another_s_account(
    world: tuple[Memory, Desired, bool], concurrency: int
) -> None:
    memory, desired, circle = world
    desired = desired._replace(keep_collisions=True)
    before = memory.copy()
    plan = make_plan(desired, memory.snapshot(), ABILITIES)
    left = {comparison_key(item.name) for item in plan.skipped}
    event("some are left out" if left else "all are brought")
    assert left or not circle
    assert circle or not left or desired.others
    predicted = predict(memory.snapshot(), plan)
    done(plan, memory, concurrency)
    assert comparable(predicted) == comparable(memory.snapshot())
    for id, was in before.users.items():
        assert memory.users[id]["external_id"] == was["external_id"]
        assert memory.users[id]["administrator"] is was["administrator"]
    ids = {user["external_id"]: id for id, user in memory.users.items()}
    members = desired.groups[0].members
    assert members is not None
    for user in desired.users:
        account = ids.get(user.fields["external_id"])
        if user.key not in left:
            assert account is not None
            assert memory.users[account]["upn"] == user.upn
        else:
            holder = before.user(user.upn)
            assert holder is not None
            assert holder["external_id"] != user.fields["external_id"]
            assert account is None or memory.users[account]["upn"] == before.users[account]["upn"]
        # Who has an account is in the group, under whatever UPN.
        assert account is None or user.key not in members.add or account in memory.groups["group-0"]["members"]
    assert before.groups["group-0"]["members"] <= memory.groups["group-0"]["members"]
    assert make_plan(desired, memory.snapshot(), ABILITIES).actions == ()


# ---- plans in files

PLACE = Target("contoso", {"scim": "https://w365.contoso.com/contoso/scim/v2"})


def through_a_file(plan: Plan, desired: Desired) -> Plan:
    text, digest = plan_text(plan, PLACE)
    assert SECRET not in text
    # As another machine gets it.
    found, its_digest = read_plan(unpacked(packed(text)), "the plan", PLACE, digest)
    assert its_digest == digest
    return with_secrets(found, desired.users)


def deeds(plan: Plan) -> list[Any]:
    return [(a.kind, a.verb, a.name, dict(a.changes), a.subject, a.outcome, dict(a.extras)) for a in plan.actions]


@given(worlds())
@settings(max_examples=60)
def test_a_plan_survives_its_file_and_holds_while_nothing_changes(world: tuple[Memory, Desired]) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None:
        return
    found = through_a_file(plan, desired)
    assert deeds(found) == deeds(plan)
    assert (found.diff(), found.summary()["left_out"]) == (plan.diff(), plan.summary()["left_out"])
    left = remaining(found, memory.snapshot())
    assert deeds(left) == deeds(plan)
    done(left, memory)
    # Blanks aside, which a tidy server has taken away.
    over = remaining(found, memory.snapshot())
    assert over.actions == ()
    assert len(over.unchanged) == len(plan.actions)


@given(worlds(), st.data())
@settings(max_examples=60)
def test_a_plan_that_was_carried_out_halfway_can_be_given_again(
    world: tuple[Memory, Desired], data: st.DataObject
) -> None:
    """As after a kill: whole phases, and of the last one any part."""
    memory, desired = world
    plan = try_to_plan(memory, desired)
    if plan is None or not plan.actions:
        return
    stop = data.draw(st.integers(0, len(plan.actions) - 1))
    before = [action for action in plan.actions if action.phase < plan.actions[stop].phase]
    part = [action for action in plan.actions if action.phase == plan.actions[stop].phase]
    part = [action for action in part if data.draw(st.booleans())]
    straight = memory.copy()
    done(plan, straight)
    done(plan._replace(actions=(*before, *part)), memory)
    left = remaining(through_a_file(plan, desired), memory.snapshot())
    done(left, memory)
    assert comparable(memory.snapshot()) == comparable(straight.snapshot())
    assert len(left.actions) + len(left.unchanged) == len(plan.actions)


@given(worlds(), st.data())
@settings(max_examples=80)
def test_whoever_was_changed_since_is_told_and_nobody_else(world: tuple[Memory, Desired], data: st.DataObject) -> None:
    memory, desired = world
    plan = try_to_plan(memory, desired)
    subjects = (
        [action.subject.id for action in plan.actions if action.kind == "user" and action.subject] if plan else []
    )
    if plan is None or not subjects:
        return
    touched = data.draw(st.sampled_from(subjects))
    # Nobody's first name is what this makes of it.
    memory.users[touched]["first_name"] = "Somebody Else"
    concerned = {
        action.name
        for action in plan.actions
        if action.kind == "user"
        and action.subject
        and action.subject.id == touched
        and (
            action.verb == "delete_permanently"
            or (action.verb == "delete" and action.subject.active is not False)
            or "first_name" in action.changes
        )
    }
    if concerned:
        with pytest.raises(GuardError) as refused:
            remaining(plan, memory.snapshot())
        told = refused.value.details["changed_since"]
        assert len(told) == 1
        assert told[0] == f"User '{concerned.pop()}' differs in first_name from what it was."
    else:
        assert deeds(remaining(plan, memory.snapshot())) == deeds(plan)
