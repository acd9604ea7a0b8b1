# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repeat sanity, unit and integration on every ansible-core that the collection supports.

A cell is one ansible-core with one Python that it supports. Interpreters are searched on PATH and under pyenv; a core
for which none is found is left out and reported. Each cell has its own environment in .build/matrix, which is kept for
the next run. The user's environment is not changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from common import BUILD, COLLECTIONS, ROOT, Problem, clean_environment, paint, run_main, stop_group, table
from interpreters import find_interpreter

REQUIREMENTS = ROOT / "tests" / "requirements"
SUITES = ("sanity", "unit", "integration")
# Seconds after which a suite is ended and has failed.
LIMIT = 3600


@dataclass(frozen=True)
class Core:
    """An ansible-core series, the Pythons that it supports and our tests can use, best first, and the locked libraries.

    The order is chosen so that every Python is used once where all are installed. The modules run on Python 3.10 too,
    but the tests need 3.11; on 3.10 the modules are compiled and imported by the sanity tests. Where `execution` is "both",
    tasks run inside Ansible, and the patterns in module processes too, with the same results; otherwise only in these.
    """

    series: str
    pythons: tuple[str, ...]
    lock: str = "matrix.txt"
    execution: str = "both"


# The oldest core goes with the oldest requests and msal that meta/ee-requirements.txt promises.
CORES = (
    Core("2.16", ("3.11", "3.12"), "lowest.txt"),
    Core("2.18", ("3.13", "3.12", "3.11"), execution="process"),
    Core("2.19", ("3.11", "3.13", "3.12")),
    Core("2.20", ("3.12", "3.14", "3.13"), execution="process"),
    Core("2.21", ("3.14", "3.13", "3.12")),
)


@dataclass(frozen=True)
class Result:
    """The result of one suite in one cell."""

    core: str
    python: str
    suite: str
    result: str
    seconds: float = 0
    note: str = ""

    def row(self) -> list[str]:
        """The line of the summary."""
        return [
            self.core,
            self.python,
            self.suite,
            self.result,
            f"{self.seconds:.0f}" if self.seconds else "",
            self.note,
        ]


def prepare(core: Core, interpreter: Path, python: str) -> Path:
    """Create the cell's environment, or reuse the existing one if it is up to date; returns its Python."""
    cell = BUILD / "matrix" / f"{core.series}-py{python}"
    lock = REQUIREMENTS / core.lock
    stamp, wanted = cell / ".stamp", hashlib.sha256(lock.read_bytes()).hexdigest()
    own = cell / "bin" / "python"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and own.exists():
        return own
    print(f"Making the environment of ansible-core {core.series} on Python {python} ...", flush=True)
    shutil.rmtree(cell, ignore_errors=True)
    cell.parent.mkdir(parents=True, exist_ok=True)
    log = cell.parent / f"{cell.name}-install.log"
    pip = [str(own), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # The newest ansible-core of a series has no hash, since the newest is what is tried; all that is locked has one.
    commands = [
        [str(interpreter), "-m", "venv", str(cell)],
        [*pip, "--require-hashes", "--no-deps", "-r", str(lock)],
        [*pip, f"ansible-core~={core.series}.0"],
    ]
    with log.open("w", encoding="utf-8") as output:
        for command in commands:
            if subprocess.run(command, check=False, stdout=output, stderr=subprocess.STDOUT).returncode:
                output.flush()
                log_text = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise Problem(f"the environment cannot be made: {' '.join(command)}\n{log_text}")
    stamp.write_text(wanted, encoding="utf-8")
    return own


def command_of(
    suite: str, python: Path, artifact: Path, cell: str, marks: str, execution: str
) -> tuple[list[str], dict[str, str]]:
    """How a suite is run with the cell's Python: the command and its environment."""
    environment = clean_environment(ansible_home=BUILD / "matrix" / f"{cell}-home")
    environment["PATH"] = str(python.parent) + os.pathsep + environment["PATH"]
    if suite == "sanity":
        # Every Python that is found, not only the cell's: compile and import cover the modules' whole range here.
        work = BUILD / "matrix" / f"{cell}-sanity"
        return [str(python), "tools/sanity.py", "--python", "all", "--work", str(work), str(artifact)], environment
    command = [str(python), "-m", "pytest", f"tests/{suite}", "--quiet", *(["-m", marks] if marks else [])]
    # As many at once as the Makefile's WORKERS for integration.
    command += ["-n", "4" if suite == "integration" else "2", "--dist", "loadgroup"]
    if suite == "integration":
        environment["TEST_EXECUTION"] = execution
        environment["REQUESTS_CA_BUNDLE"] = str(BUILD / "wrong-ca" / "client.pem")
    return command, environment


def run_suite(core: Core, version: str, suite: str, python: Path, artifact: Path, marks: str) -> Result:
    """Run one suite in one cell; its output goes to the terminal."""
    cell = f"{core.series}-py{version}"
    print(paint(f"\n===== ansible-core {core.series}, Python {version}: {suite} =====", "bold"), flush=True)
    command, environment = command_of(suite, python, artifact, cell, marks, core.execution)
    begin = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.DEVNULL, start_new_session=True
    )
    note = ""
    try:
        process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        note = f"ended after {LIMIT} seconds"
    finally:
        if process.poll() is None:
            stop_group(process)
    passed = process.returncode == 0 and not note
    return Result(core.series, version, suite, "passed" if passed else "FAILED", time.monotonic() - begin, note)


def choose(words: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    """The chosen names out of the known ones, in their order; all for an empty text."""
    chosen = words.replace(",", " ").split()
    if unknown := [word for word in chosen if word not in known]:
        raise Problem(f"there is no {what} {', '.join(unknown)}. There are: {', '.join(known)}.")
    return tuple(name for name in known if not chosen or name in chosen)


def run_core(core: Core, suites: tuple[str, ...], artifact: Path, marks: str) -> list[Result]:
    """Find a Python for the core, make the environment, run the suites."""
    for version in core.pythons:
        interpreter = find_interpreter(version)
        if interpreter:
            break
    else:
        wanted = " or ".join(core.pythons)
        return [Result(core.series, "-", suite, "left out", 0, f"no Python {wanted} was found") for suite in suites]
    preferred = core.pythons[0]
    note = "" if version == preferred else f"no Python {preferred} was found"
    try:
        python = prepare(core, interpreter, version)
    except Problem as problem:
        print(paint(str(problem), "red"), file=sys.stderr)
        return [Result(core.series, version, suite, "FAILED", 0, "its environment cannot be made") for suite in suites]
    results = [run_suite(core, version, suite, python, artifact, marks) for suite in suites]
    return [Result(r.core, r.python, r.suite, r.result, r.seconds, r.note or note) for r in results]


def main() -> int:
    """Run the chosen cells and print the summary."""
    parser = argparse.ArgumentParser(description="Run the tests on every supported ansible-core.")
    parser.add_argument("--artifact", type=Path, required=True, help="the artifact for the sanity tests")
    parser.add_argument("--cores", default="", help="which, such as '2.16 2.21'; default all")
    parser.add_argument("--suites", default="", help="which of sanity, unit, integration; default all")
    parser.add_argument("--marks", default="", help="which tests, as for pytest -m, such as 'not slow'; default all")
    options = parser.parse_args()
    if not COLLECTIONS.is_dir():
        raise Problem("the collection is not installed. Run 'make install' first; 'make matrix' does.")
    series = choose(options.cores, tuple(core.series for core in CORES), "ansible-core")
    suites = choose(options.suites, SUITES, "suite")
    results: list[Result] = []
    for core in CORES:
        if core.series in series:
            results += run_core(core, suites, options.artifact, options.marks)
    print(
        "\n" + table(["ansible-core", "Python", "suite", "result", "seconds", ""], [result.row() for result in results])
    )
    left_out = sorted({result.core for result in results if result.result == "left out"})
    if left_out:
        print(f"\nLeft out, because no fitting Python was found on PATH or under pyenv: {', '.join(left_out)}.")
    failed = [result for result in results if result.result == "FAILED"]
    if failed:
        names = ", ".join(f"{result.suite} on {result.core}" for result in failed)
        print(paint(f"\n{len(failed)} failed: {names}.", "red"))
        return 1
    if not any(result.result == "passed" for result in results):
        print(paint("\nNothing was run.", "red"))
        return 1
    print(paint("\nEverything that was run has passed.", "green"))
    return 0


if __name__ == "__main__":
    run_main(main)
