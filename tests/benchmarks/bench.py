# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast: measure w365_directory and w365_user against the twin, and hold the figures against their limits.

Every figure that counts is a ratio of things measured in turn in one run, a count of requests out of the twin's own log,
or what the kernel says about the module's process. It prints a table, writes .build/bench/bench.json, and ends with
exit code 1 when a limit is not held. It is no test: on a busy machine it tells you about the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

from common import BUILD, FULL_NAME, Problem, paint, run_main, table
from figures import LIMITS, Figures, growth, machine, pages, paired_ratio, per_user_ratio, rows, verdicts
from fleet import fleet
from inside_ansible import hosts, memory, others
from stage import ADMINISTRATOR, CONCURRENCY, HERE, Costs, People, Stage, say, task
from w365_simulator import seeding
from w365_simulator.testing import start_twin

OUTPUT = BUILD / "bench"
USERS = 10_000
SIZES = (1_000, 3_000, 10_000, 30_000)
LOOP = 30
ITEMS = 200
BULK = 1_000
ROUNDS = 15
DISTANT = 5_000
LATENCY = 50
TENANTS = 40
DEBUGS = 10
MEGABYTE = 1_000_000


def reconcile(stage: Stage, repeats: int, users: int = USERS) -> Figures:
    """Users and groups of 50 that are all as wanted: requests, and the costs of the module's process (medians)."""
    people = People.made_up(users)
    stage.reset(people)
    source = people.file(stage.directory / "unchanged.json", groups=True)
    costs, extra = [], []
    for _repeat in range(repeats):
        stage.twin.clear_requests()
        done = stage.play([task("w365_directory", src=[str(source)], concurrency=CONCURRENCY)], measured=True)
        if done[0].result["summary"] != {"unchanged": users + len(people.groups), "left_out": 0}:
            raise Problem(f"everything was to be unchanged, but: {done[0].result['summary']}.")
        sent = len(stage.twin.requests())
        extra.append(sent - pages(len(people.users) + 1, len(people.groups)))
        costs += stage.costs()
        say(f"  {users:,} unchanged: {_shown(costs[-1])}, {sent} requests")
    return {
        "users": users,
        "groups": len(people.groups),
        **_medians(costs),
        "requests": sent,
        "extra_requests": max(extra),
    }


def create_ours(stage: Stage, people: People) -> tuple[Costs, list[dict[str, Any]]]:
    """Create everybody with one task; the costs of its process, and the requests as the twin saw them."""
    stage.reset()
    source = people.file(stage.directory / "new.json", groups=False)
    stage.play([task("w365_directory", src=[str(source)], concurrency=CONCURRENCY)], measured=True)
    return stage.costs()[0], _sent(stage, len(people.users))


def create(stage: Stage, repeats: int) -> Figures:
    """Create 10,000 users, and let the bare loop send the very same requests to the same twin, freshly emptied.

    Both times are those of whole processes, with the start of Python and the reading of a file. They take turns, in
    changing order.
    """
    people = People.made_up(USERS)
    ours: list[Costs] = []
    bare: list[Costs] = []
    recorded: list[dict[str, Any]] = []
    file = stage.directory / "requests.jsonl"

    def run_ours() -> None:
        nonlocal recorded
        cost, recorded = create_ours(stage, people)
        ours.append(cost)
        say(f"  {USERS:,} created by w365_directory: {_shown(cost)}")

    def run_bare() -> None:
        # The listing comes first for both, or the pool would send it somewhere among the others.
        file.write_text("".join(json.dumps(_wire(request)) + "\n" for request in recorded), encoding="utf-8")
        stage.reset()
        bare.append(stage.bare(file))
        if _comparable(_sent(stage, USERS)) != _comparable(recorded):
            raise Problem("the bare loop has not sent the same requests.")
        say(f"  {USERS:,} created by the bare loop:  {_shown(bare[-1])}")

    for repeat in range(repeats):
        for run in (run_ours, run_bare) if repeat % 2 == 0 else (run_bare, run_ours):
            run()
    return {
        "users": USERS,
        "ours": _medians(ours),
        "bare": _medians(bare),
        "requests": len(recorded),
        "ratio": paired_ratio([cost.seconds for cost in ours], [cost.seconds for cost in bare]),
        "cpu_ratio": paired_ratio([cost.cpu for cost in ours], [cost.cpu for cost in bare]),
    }


def loop(stage: Stage, repeats: int) -> Figures:
    """The same users one by one with w365_user in a loop, a sample of 30, against one task of w365_directory for 10,000.

    Both times are those of tasks, as ansible-playbook sees them, per user.
    """
    people = People.made_up(USERS)
    others = People.made_up(LOOP * repeats, prefix="new.")
    unchanged = people.file(stage.directory / "users.json", groups=False)
    at_once: dict[str, list[float]] = {"unchanged": [], "create": []}
    one_by_one: dict[str, list[float]] = {"unchanged": [], "create": []}
    single = {name: f"{{{{ item.{name} }}}}" for name in people.users[0]}
    for repeat in range(repeats):
        stage.reset()
        known = people.users[repeat :: USERS // LOOP][:LOOP]
        new = others.users[repeat * LOOP : (repeat + 1) * LOOP]
        bulk = task("w365_directory", src=[str(unchanged)], concurrency=CONCURRENCY)
        done = stage.play([bulk, task("w365_user", loop=new, **single), bulk, task("w365_user", loop=known, **single)])
        for number, (kind, found) in enumerate(
            (("create", at_once), ("create", one_by_one), ("unchanged", at_once), ("unchanged", one_by_one))
        ):
            if done[number].result["changed"] is not (kind == "create"):
                raise Problem(f"task {number + 1} of the loop case was to be {kind}, and was not.")
            found[kind].append(done[number].seconds)
        for kind, many in at_once.items():
            say(f"  {kind}: {many[-1]:.2f} s for {USERS:,} at once, {one_by_one[kind][-1]:.2f} s for {LOOP} in a loop")
    return {
        "users": USERS,
        "loop_users": LOOP,
        **{
            f"{kind}_{name}_seconds_per_user": median(found[kind]) / count
            for kind in at_once
            for name, found, count in (("bulk", at_once, USERS), ("loop", one_by_one, LOOP))
        },
        **{kind: per_user_ratio(median(one_by_one[kind]), LOOP, median(at_once[kind]), USERS) for kind in at_once},
    }


def startup(stage: Stage, _repeats: int) -> Figures:
    """What one task in a module process costs that has nothing to do: w365_user, a GET with ansible.builtin.uri of the same address, and ping.

    All three take turns in one playbook; the first round does not count. The times are those of tasks.
    """
    people = People.made_up(100)
    stage.reset(people)
    person = people.users[7]
    get = task("ansible.builtin.uri", **_get(stage, person["upn"]))
    turn = [task("w365_user", **person), get, task("ansible.builtin.ping")]
    done = stage.play(turn * (ROUNDS + 1))[len(turn) :]
    seconds = {each["name"]: [found.seconds for found in done if found.name == each["name"]] for each in turn}
    for name, found in seconds.items():
        say(f"  {name}: {median(found) * 1000:.0f} ms")
    return {
        **{f"{name.rpartition('.')[2]}_seconds": median(found) for name, found in seconds.items()},
        "rounds": ROUNDS,
        "ratio": paired_ratio(seconds["w365_user"], seconds["ansible.builtin.uri"]),
    }


def direct(stage: Stage, repeats: int) -> Figures:
    """Tasks inside Ansible: an item of a loop that has nothing to do, against one of `uri` with the same request and one of an
    empty `debug`; one task, against one of `uri`; and an item that creates somebody, against w365_directory per user.

    The times are those of tasks, as ansible-playbook sees them. All take turns in one playbook.
    """
    people = People.made_up(ITEMS)
    others = People.made_up(ITEMS * repeats, prefix="new.")
    bulk = People.made_up(BULK * repeats, prefix="bulk.")
    single = {name: f"{{{{ item.{name} }}}}" for name in people.users[0]}
    debug = task("ansible.builtin.debug", loop=stage.loop_of(people.users), msg="nothing")
    found: dict[str, list[float]] = {name: [] for name in ("user", "uri", "debug", "create", "bulk", "one", "one_uri")}
    stage.reset(people)
    for repeat in range(repeats):
        new = others.users[repeat * ITEMS : (repeat + 1) * ITEMS]
        many = bulk.users[repeat * BULK : (repeat + 1) * BULK]
        one = task("w365_user", **people.users[7])
        tasks = [
            task("w365_user", loop=stage.loop_of(people.users), **single),
            task("ansible.builtin.uri", loop=stage.loop_of(people.users[:LOOP]), **_get(stage, "{{ item.upn }}")),
            debug,
            task("w365_user", loop=stage.loop_of(new), **single),
            task("w365_directory", users=many, concurrency=CONCURRENCY),
            *[one, task("ansible.builtin.uri", **_get(stage, people.users[7]["upn"]))] * ROUNDS,
        ]
        # The first task loads the collection.
        done = stage.play([one, *tasks], execution="direct")[1:]
        if [each.result["changed"] for each in done[:5]] != [False, False, False, True, True]:
            raise Problem("the tasks inside Ansible did not do what they were to do.")
        counts = (ITEMS, LOOP, ITEMS, ITEMS, BULK)
        for name, each, count in zip(("user", "uri", "debug", "create", "bulk"), done, counts, strict=False):
            found[name].append(each.seconds / count)
        found["one"].append(median(each.seconds for each in done[5::2]))
        found["one_uri"].append(median(each.seconds for each in done[6::2]))
        say("  " + ", ".join(f"{name} {seconds[-1] * 1000:.1f} ms" for name, seconds in found.items()))
    return {
        **{f"{name}_seconds": median(seconds) for name, seconds in found.items()},
        "against_uri": paired_ratio(found["user"], found["uri"]),
        "against_debug": paired_ratio(found["user"], found["debug"]),
        "one_against_uri": paired_ratio(found["one"], found["one_uri"]),
        "create_against_bulk": paired_ratio(found["create"], found["bulk"]),
    }


def latency(stage: Stage, _repeats: int) -> Figures:
    """Create 5,000 users where every answer takes 50 ms: with 8 requests at a time, and with `auto` up to 64.

    The same where the server works on 8 at a time and the others wait for their turn, and where it refuses them with 429.
    Once each: it takes minutes, and the time is that of waiting.
    """
    people = People.made_up(DISTANT)
    source = people.file(stage.directory / "distant.json", groups=False)
    figures: Figures = {"users": DISTANT, "milliseconds": LATENCY}
    runs: Sequence[tuple[str, dict[str, Any], dict[str, Any]]] = (
        ("eight", {"concurrency": CONCURRENCY}, {}),
        ("auto", {"concurrency_max": 64}, {}),
        ("eight_of_eight", {"concurrency": CONCURRENCY}, {"capacity": CONCURRENCY}),
        ("auto_of_eight", {"concurrency_max": 64}, {"capacity": CONCURRENCY}),
        ("auto_refused", {"concurrency_max": 64}, {"capacity": CONCURRENCY, "over_capacity": "429"}),
    )
    for name, options, switches in runs:
        stage.reset()
        stage.twin.switches(latency=LATENCY, **switches)
        done = stage.play([task("w365_directory", src=[str(source)], **options)])
        stage.twin.switches(latency=0, capacity=0, over_capacity="queue")
        sent = _sent(stage, DISTANT)
        figures[f"{name}_seconds"] = done[0].seconds
        figures[f"{name}_throttled"] = sum(1 for request in sent if request["status"] == 429) / len(sent)
        say(f"  {name.replace('_', ' ')}: {done[0].seconds:.1f} s")
    return {
        **figures,
        "faster": figures["eight_seconds"] / figures["auto_seconds"],
        "in_a_queue": figures["auto_of_eight_seconds"] / figures["eight_of_eight_seconds"],
        "refused": figures["auto_refused_seconds"] / figures["eight_of_eight_seconds"],
    }


def tenant(stage: Stage, repeats: int) -> Figures:
    """CPU of the role w365_tenant with all of its steps and nothing to do, per tenant in a run of 40 hosts, against one empty
    `debug` for each host: of Ansible and all its processes, less a play without tasks. All take turns.
    """
    names = [f"tenant{number:02d}" for number in range(1, TENANTS + 1)]
    people = [{"upn": f"{name}@contoso.com", "first_name": "Adele", "last_name": "Vance"} for name in ("adele", "lee")]
    seed = yaml.safe_load((Path(seeding.__file__).parent / "seeds" / "contoso.yml").read_text(encoding="utf-8"))
    environments = [{"name": name, "users": [ADMINISTRATOR], "groups": []} for name in names]
    stage.twin.reset({**seed, "environments": environments}, "full")
    reader, signs_in = seed["tenants"][0]["applications"]
    sso: dict[str, Any] = {
        "primary_domain": "contoso.com",
        "client_id": signs_in["client_id"],
        "key": signs_in["client_secret"],
    }
    entra = {
        "entra_tenant": "contoso.onmicrosoft.com",
        "entra_client_id": reader["client_id"],
        "entra_client_secret": reader["client_secret"],
    }
    hosts: dict[str, dict[str, Any]] = {
        name: {
            "w365_tenant_definition": {
                "environment": {"name": name},
                "sso": {**sso, "verify": "never"},
                "o365_import": {"domains": ["emea.contoso.com"]},
                "users": people,
                "groups": [{"name": "Sales", "members": {"set": [people[0]["upn"]]}}],
                "scim_url": stage.twin.scim_url(name),
                "scim_token": stage.twin.scim_token,
            }
        }
        for name in names
    }
    role = {"name": "tenant", "ansible.builtin.include_role": {"name": f"{FULL_NAME}.w365_tenant"}}
    stage.fleet([role], hosts, entra)
    plays: dict[str, list[dict[str, Any]]] = {
        "empty": [],
        "debug": [task("ansible.builtin.debug", msg="nothing")] * DEBUGS,
        "tenant": [role],
    }
    found: dict[str, list[float]] = {name: [] for name in plays}
    for _repeat in range(repeats):
        stage.twin.clear_requests()
        for name, tasks in plays.items():
            found[name].append(stage.fleet(tasks, hosts, entra))
        if stage.twin.writes():
            raise Problem("the tenants were to be unchanged, and something was written.")
        say("  " + ", ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in found.items()))
    each = [(cpu - empty) / TENANTS for cpu, empty in zip(found["tenant"], found["empty"], strict=True)]
    debug = [(cpu - empty) / TENANTS / DEBUGS for cpu, empty in zip(found["debug"], found["empty"], strict=True)]
    return {
        "tenants": TENANTS,
        "tenant_cpu": median(each),
        "debug_cpu": median(debug),
        "against_debug": paired_ratio(each, debug),
    }


def _get(stage: Stage, upn: str) -> dict[str, Any]:
    """The arguments of `uri` for the request of a w365_user task that has nothing to do."""
    return {
        "url": f"{stage.twin.scim_url('contoso')}/Users?filter=userName%20eq%20%22{upn}%22&startIndex=1&count=200",
        "headers": {"Authorization": f"Bearer {stage.twin.scim_token}"},
        "ca_path": stage.twin.ca_path,
        "return_content": True,
    }


def curve(stage: Stage, sizes: Sequence[int]) -> Figures:
    """Costs of the module's process against the number of users, once each: all unchanged (with groups), and all new."""
    points: dict[str, list[Figures]] = {"unchanged": [], "create": []}
    for users in sizes:
        points["unchanged"].append(reconcile(stage, 1, users))
        cost, sent = create_ours(stage, People.made_up(users))
        points["create"].append({"users": users, **_medians([cost]), "requests": len(sent)})
        say(f"  {users:,} created: {_shown(cost)}, {len(sent)} requests")
    same = points["unchanged"]
    figures: Figures = {**points, "extra_requests": max(point["extra_requests"] for point in same)}
    if len(sizes) > 2:
        figures["memory_growth"] = growth(sizes, [point["peak"] for point in same])
    return figures


CASES: dict[str, Callable[[Stage, int], Figures]] = {
    "reconcile": reconcile,
    "create": create,
    "loop": loop,
    "startup": startup,
    "direct": direct,
    "hosts": hosts,
    "memory": memory,
    "others": others,
    "latency": latency,
    "tenant": tenant,
    "fleet": fleet,
}


def _sent(stage: Stage, created: int) -> list[dict[str, Any]]:
    """The twin's log. Raises Problem unless it holds so many creations that it accepted."""
    found = stage.twin.requests()
    accepted = sum(1 for request in found if request["method"] == "POST" and request["status"] == 201)
    if accepted != created:
        raise Problem(f"{created} users were to be created, and {accepted} were.")
    return found


def _wire(request: dict[str, Any]) -> dict[str, Any]:
    return {name: request[name] for name in ("method", "path", "query", "body")}


def _comparable(requests: list[dict[str, Any]]) -> list[str]:
    """Requests without their order, which eight threads leave to chance; the order inside a body counts."""
    return sorted(json.dumps(_wire(request)) for request in requests)


def _medians(costs: list[Costs]) -> Figures:
    return {
        "seconds": median(cost.seconds for cost in costs),
        "cpu": median(cost.cpu for cost in costs),
        "peak": median(cost.peak for cost in costs) / MEGABYTE,
    }


def _shown(cost: Costs) -> str:
    return f"{cost.seconds:.2f} s, CPU {cost.cpu:.2f} s, peak {cost.peak / MEGABYTE:.0f} MB"


def main() -> int:
    """Run the chosen cases, print and write what they found."""
    parser = argparse.ArgumentParser(description="Measure the collection against the twin.")
    parser.add_argument("cases", nargs="*", help=f"{', '.join([*CASES, 'curve'])}; none for all")
    parser.add_argument("--sizes", default="", help="numbers of users for the curve; default 1000 3000 10000 30000")
    parser.add_argument("--repeats", type=int, default=3, help="how often each of the others is measured; default 3")
    parser.add_argument("--drawn-by", default="", help="a Python with matplotlib; without it no picture is drawn")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in (*CASES, "curve")]
    if unknown:
        raise Problem(f"there is no case named {unknown[0]}. There are: {', '.join([*CASES, 'curve'])}.")
    try:
        sizes = sorted({int(word) for word in options.sizes.split()}) or list(SIZES)
    except ValueError:
        raise Problem(f"SIZES is {options.sizes!r}; give numbers of users, such as SIZES='1000 3000'.") from None
    OUTPUT.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Figures] = {}
    with start_twin(OUTPUT / "twin") as twin:
        stage = Stage(twin, OUTPUT)
        for name in options.cases or [*CASES, "curve"]:
            say(paint(f"{name} ...", "bold"))
            figures[name] = curve(stage, sizes) if name == "curve" else CASES[name](stage, max(1, options.repeats))
    code = report(figures)
    if "curve" in figures and options.drawn_by:
        drawing = [options.drawn_by, str(HERE / "picture.py"), str(OUTPUT / "bench.json"), str(OUTPUT / "bench.svg")]
        subprocess.check_call(drawing)
    return code


def report(figures: dict[str, Figures]) -> int:
    """Print the table and the machine, write the file, and say which limits were not held."""
    found = verdicts(figures)
    facts = machine()
    result = {"machine": facts, "limits": [verdict.as_result() for verdict in found], "cases": figures}
    (OUTPUT / "bench.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    say("\n" + table(["what", "measured", "limit", ""], rows(found)))
    say("\n" + ", ".join(f"{name.replace('_', '-')} {value}" for name, value in facts.items()))
    missed = [verdict for verdict in found if not verdict.held]
    if missed:
        say(
            paint(
                f"\n{len(missed)} of {len(found)} limits were not held: {'; '.join(v.limit.what for v in missed)}.",
                "red",
            )
        )
        return 1
    left_out = sorted({limit.case for limit in LIMITS} - set(figures))
    partly = f" Left out: {', '.join(left_out)}." if left_out else ""
    say(paint(f"\nAll {len(found)} limits were held.{partly}", "green"))
    return 0


if __name__ == "__main__":
    run_main(main)
