# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks of `make test`: several at a time, each one's output in one block, a summary at the end.

`make test` leaves out the slow tests and the checks of what is released, and says so; `make test-all` runs them after
everything else. Every check is a target of the Makefile, so what fails here can be repeated alone. A check takes as many of the slots
as it can keep busy; there are as many slots as cores, but at least two. The exit code is 0 only when all passed.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common import BUILD, ROOT, Problem, paint, run_main, stop_group, table


@dataclass(frozen=True)
class Check:
    """One target of the Makefile.

    `slots`: cores it uses; `limit`: seconds after which it is ended and has failed; `marks`: which of its tests run.
    """

    target: str
    slots: int = 1
    limit: int = 1200
    marks: str = ""

    @property
    def name(self) -> str:
        """What it is called in CHECKS, in the summary and in .build/reports."""
        return f"{self.target}-slow" if self.marks == "slow" else self.target

    @property
    def words(self) -> list[str]:
        """What to give to make."""
        return [self.target, *([f"MARKS={self.marks}"] if self.marks else [])]


# The long ones first: a long check that starts last leaves a core idle. Many integration tests wait for something, so
# one other check runs beside them.
CHECKS = (
    Check("integration", limit=2400, marks="not slow"),
    Check("unit", marks="not slow"),
    Check("sanity"),
    Check("conformance", marks="not slow"),
    Check("ansible-lint"),
    Check("docs-check"),
    Check("demo"),
    Check("types"),
    Check("changelog"),
    Check("yamllint"),
    Check("ruff"),
)
# What "make test-all" adds. One that runs slow tests belongs to a check above that leaves them out.
SLOW_CHECKS = (
    Check("integration", slots=2, limit=3900, marks="slow"),
    Check("unit", limit=3600, marks="slow"),
    Check("molecule"),
    Check("importer"),
    Check("site"),
    Check("conformance", marks="slow"),
)

# Made before the checks start. "make -o" makes the checks use them as they are: two of them building the same
# artifact at the same time would damage it, and all must use the same one.
PREPARED = (
    ".build/venv/.stamp",
    ".build/src/.stamp",
    ".build/collections/.stamp",
    ".build/wrong-ca/client.pem",
    ".build/servers/.stamp",
    ".build/awx/.stamp",
)


@dataclass(frozen=True)
class Outcome:
    """How a check ended. `seconds`: from its start to its end; `left`: how many slow tests it has left out."""

    check: Check
    passed: bool
    seconds: float
    note: str = ""
    left: int = 0


class Slots:
    """Counts the free cores and admits checks in their order: a wide check is not overtaken by later narrow ones."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.free = count
        self.condition = threading.Condition()
        self.turn = 0

    def enter(self, turn: int, wanted: int) -> None:
        """Wait until it is this one's turn and enough slots are free."""
        with self.condition:
            self.condition.wait_for(lambda: self.turn == turn and self.free >= min(wanted, self.count))
            self.free -= min(wanted, self.count)
            self.turn += 1
            self.condition.notify_all()

    def leave(self, wanted: int) -> None:
        """Release the slots."""
        with self.condition:
            self.free += min(wanted, self.count)
            self.condition.notify_all()


class Runner:
    """Runs checks and prints their blocks. `running` holds the processes, so that Ctrl-C can end them."""

    def __init__(self, slots: int) -> None:
        self.slots = Slots(slots)
        self.printing = threading.Lock()
        self.running: set[subprocess.Popen[str]] = set()
        self.stopped = threading.Event()

    def print_block(self, text: str) -> None:
        """Print without interrupting another block."""
        with self.printing:
            print(text, flush=True)

    def run(self, turn: int, check: Check) -> Outcome:
        """Wait for slots, run one check, print its block."""
        self.slots.enter(turn, check.slots)
        try:
            if self.stopped.is_set():
                return Outcome(check, False, 0, "not started")
            return self._run(check)
        finally:
            self.slots.leave(check.slots)

    def _run(self, check: Check) -> Outcome:
        log = BUILD / "reports" / f"{check.name}.log"
        self.print_block(paint(f"... {check.name} has started", "dim"))
        environment = {
            name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
        }
        command = [os.environ.get("MAKE", "make"), "--no-print-directory"]
        made = [*(BUILD / "artifacts").glob("*.tar.gz"), *(BUILD / "wheels").glob("*.whl")]
        for path in (*PREPARED, *(str(path.relative_to(ROOT)) for path in made)):
            command += ["-o", path]
        begin = time.monotonic()
        note = ""
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                [*command, *check.words],
                cwd=ROOT,
                env=environment,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.running.add(process)
            try:
                process.wait(check.limit)
            except subprocess.TimeoutExpired:
                stop_group(process)
                note = f"ended after {check.limit} seconds"
            finally:
                self.running.discard(process)
        seconds = time.monotonic() - begin
        passed = process.returncode == 0 and not note
        word = paint("passed", "green") if passed else paint("FAILED", "red")
        text = log.read_text(encoding="utf-8", errors="replace").rstrip()
        # Tests that a machine cannot run are skipped. The summary must show that.
        if not note and (skipped := re.search(r"\b(\d+) skipped\b[^\n]*$", text)):
            note = f"{skipped[1]} skipped"
        left = re.search(r"^Slow tests left out: (\d+)$", text, re.MULTILINE)
        ending = f" in {seconds:.0f} s{', ' if note else ''}{note} ====="
        self.print_block("\n" + paint(f"===== {check.name}: ", "bold") + word + paint(ending, "bold") + f"\n{text}\n")
        return Outcome(check, passed, seconds, note, int(left[1]) if left else 0)

    def stop(self) -> None:
        """End everything that runs; start nothing more."""
        self.stopped.set()
        for process in tuple(self.running):
            stop_group(process)


def choose(names: list[str], known: tuple[Check, ...]) -> list[Check]:
    """The checks by name, all for none; `lint` stands for its three."""
    wanted = {part for name in names for part in (("ruff", "yamllint", "ansible-lint") if name == "lint" else (name,))}
    if unknown := wanted - {check.name for check in known}:
        there = ", ".join(check.name for check in known)
        raise Problem(
            f"there is no check named {', '.join(sorted(unknown))}. There are: {there}, and lint for three of them."
        )
    return [check for check in known if not wanted or check.name in wanted]


def left_over(outcomes: list[Outcome]) -> Iterator[str]:
    """What all checks of `make test` leave out, and how many slow tests have been run by none, as sentences."""
    done = {outcome.check for outcome in outcomes}
    checks = [check.name for check in SLOW_CHECKS if not check.marks and check not in done]
    if checks and done >= set(CHECKS):
        yield f"Left to 'make test-all': {', '.join(checks)}."
    run = {outcome.check.target for outcome in outcomes if outcome.check in SLOW_CHECKS}
    left = [outcome for outcome in outcomes if outcome.left and outcome.check.target not in run]
    if left:
        count = sum(outcome.left for outcome in left)
        where = ", ".join(f"{outcome.left} of {outcome.check.name}" for outcome in left)
        yield f"Left to 'make test-all': {count} slow test{'s' if count > 1 else ''} ({where})."


def main() -> int:
    """Run the chosen checks and print the summary."""
    parser = argparse.ArgumentParser(description="Run checks of the Makefile in parallel.")
    parser.add_argument("checks", nargs="*", help="names of checks; none for all")
    parser.add_argument("--all", action="store_true", help="also what `make test` leaves out")
    options = parser.parse_args()
    checks = choose(options.checks, CHECKS + (SLOW_CHECKS if options.all or options.checks else ()))
    slots = max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2)
    (BUILD / "reports").mkdir(parents=True, exist_ok=True)
    print(
        f"{len(checks)} checks in {slots} slots. Each one's output also goes to .build/reports/<check>.log.\n",
        flush=True,
    )
    runner = Runner(slots)
    begin = time.monotonic()
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        futures = [pool.submit(runner.run, turn, check) for turn, check in enumerate(checks)]
        try:
            outcomes = [future.result() for future in futures]
        except KeyboardInterrupt:
            runner.stop()
            raise
    rows = [
        [outcome.check.name, "passed" if outcome.passed else "FAILED", f"{outcome.seconds:.0f}", outcome.note]
        for outcome in outcomes
    ]
    print(table(["check", "result", "seconds", ""], rows))
    print("", *left_over(outcomes), sep="\n")
    failed = [outcome.check for outcome in outcomes if not outcome.passed]
    total = f"{time.monotonic() - begin:.0f} seconds in all"
    if failed:
        names = ", ".join(check.name for check in failed)
        print(paint(f"\n{len(failed)} of {len(outcomes)} checks failed in {total}: {names}.", "red"))
        print(f"To repeat one alone: make {shlex.join(failed[0].words)}")
        return 1
    print(paint(f"\nAll {len(outcomes)} checks passed in {total}.", "green"))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run_main(main)
