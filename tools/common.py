# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the helpers behind the Makefile share: paths, output and errors."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
COLLECTIONS = BUILD / "collections"
FULL_NAME = "workspace365.provisioning"

# A user's own settings, and what make passes to a make that it starts.
DROPPED = ("ANSIBLE_", "W365_", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


class Problem(Exception):
    """An error message for the user. It ends the program with exit code 1 and no traceback."""


def run_main(main: Callable[[], int]) -> None:
    """Run `main`; turn a problem into a message on stderr and Ctrl-C into exit code 130."""
    try:
        code = main()
    except Problem as problem:
        # Earlier output must come before it, also where both streams go to one file.
        sys.stdout.flush()
        print(paint("Problem: ", "red", sys.stderr) + str(problem), file=sys.stderr, flush=True)
        code = 1
    except KeyboardInterrupt:
        print("\nStopped by Ctrl-C.", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        # The reader (such as "| head") has ended. Closing stderr keeps Python from reporting the same at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


_COLORS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def paint(text: str, color: str, stream: object = None) -> str:
    """The text in a color when the stream is a terminal that wants one (https://no-color.org), else as it is."""
    target = stream or sys.stdout
    if os.environ.get("NO_COLOR") or not getattr(target, "isatty", lambda: False)():
        return text
    return f"\033[{_COLORS[color]}m{text}\033[0m"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table, each column as wide as its widest cell."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def clean_environment(extra: Mapping[str, str] | None = None, *, ansible_home: Path | None = None) -> dict[str, str]:
    """The environment for programs of this Python: its own tools first, nothing of the user's own Ansible settings.

    ANSIBLE_* and W365_* variables are dropped, and ansible.cfg is switched off: a check must give the same result on
    every machine. `extra` is added last. `ansible_home` is where Ansible may write its caches; default .build/ansible-home.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    tools = str(Path(sys.executable).parent)
    environment["PATH"] = tools + os.pathsep + environment.get("PATH", os.defpath)
    # An existing, empty file. Ansible refuses /dev/null, and without the variable it looks for others.
    configuration = BUILD / "ansible.cfg"
    if not configuration.exists():
        BUILD.mkdir(exist_ok=True)
        configuration.touch()
    environment["ANSIBLE_CONFIG"] = str(configuration)
    home = ansible_home or BUILD / "ansible-home"
    environment["ANSIBLE_HOME"] = str(home)
    environment["ANSIBLE_REMOTE_TMP"] = str(home / "tmp")
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    environment["ANSIBLE_LOCALHOST_WARNING"] = "False"
    environment["ANSIBLE_INVENTORY_UNPARSED_WARNING"] = "False"
    environment["PYTHONUNBUFFERED"] = "1"
    # Ansible refuses to start in a locale that is not UTF-8; a bare "env -i" leaves such a one.
    environment["LC_ALL"] = utf8_locale(environment)
    if not sys.stdout.isatty():
        # Some tools color their output even in a file.
        environment["NO_COLOR"] = environment["ANSIBLE_NOCOLOR"] = "1"
    environment.update(extra or {})
    return environment


def utf8_locale(environment: Mapping[str, str]) -> str:
    """The user's own locale when it is a UTF-8 one, else C.UTF-8."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = environment.get(name)
        if value:
            return value if re.search(r"utf-?8", value, re.IGNORECASE) else "C.UTF-8"
    return "C.UTF-8"


def stop_group(process: subprocess.Popen[str], grace: float = 10.0) -> None:
    """End a process and its children: SIGTERM first, SIGKILL after `grace` seconds.

    It must have been started with `start_new_session=True`; otherwise this would end the caller as well.
    """
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            break
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue
        break
    process.wait()


def run_tool(*command: str, cwd: Path = ROOT) -> str:
    """Run a program in a clean environment; its output. Raises Problem with it when the program has findings."""
    answer = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(),
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if answer.returncode:
        raise Problem(f"{Path(command[0]).name} has findings:\n{answer.stdout}")
    return answer.stdout


def module_names() -> set[str]:
    """Every module of the collection, from the folder. Others are documentation of what belongs to a role."""
    return {path.stem for path in (ROOT / "plugins" / "modules").glob("w365_*.py")}


def role_names() -> set[str]:
    """Every role of the collection, from the folder."""
    return {path.parent.name for path in (ROOT / "roles").glob("*/meta")}
