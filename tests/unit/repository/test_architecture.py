# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which package of the core library may know which, what is pure, and who alone speaks HTTP or writes files."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CORE_ROOT = ROOT / "plugins" / "module_utils" / "_w365"
PACKAGE = "ansible_collections.workspace365.provisioning.plugins.module_utils._w365"
CORE = sorted(path for path in CORE_ROOT.rglob("*.py") if path.name != "__init__.py")
MODULES = sorted((ROOT / "plugins" / "modules").glob("w365_*.py"))
SOURCES = [*CORE, *MODULES]
LONGEST_MODULE = 60
LONGEST_FUNCTION = 60

# The packages from the ground up, and the packages that each may import: only those above it in this table, and itself.
# Imports within a function and those for types only count like all others.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "model": {"errors"},
    "transport": {"errors"},
    "planning": {"errors", "model"},
    "inputs": {"errors", "model", "transport"},
    "api": {"errors", "model", "transport"},
    "entra": {"errors", "model", "api"},
    "execution": {"errors", "planning"},
    "output": {"errors", "model", "planning", "execution"},
    "backends": {"errors", "model", "transport", "planning", "api", "execution"},
    "task": {"errors", "model", "transport", "planning", "inputs", "api", "entra", "execution", "output", "backends"},
    "hosts": {"transport", "inputs", "task"},
}


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT / "plugins"))


def module_of(path: Path) -> str:
    """The dotted name of a file of the core, relative to the core: planning.actions."""
    return ".".join(path.relative_to(CORE_ROOT).with_suffix("").parts)


def core_imports(path: Path) -> Iterator[str]:
    """The files of the core that a file of the core imports, anywhere in it, as dotted names."""
    here = module_of(path).split(".")[:-1] if path in CORE else []
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = here[: len(here) - (node.level - 1)]
            name = ".".join([*base, *(node.module or "").split(".")]).strip(".")
        elif node.module and f"{node.module}.".startswith(f"{PACKAGE}."):
            name = node.module.removeprefix(PACKAGE).lstrip(".")
        else:
            continue
        inside = [f"{name}.{alias.name}".strip(".") for alias in node.names]
        modules = {module_of(other) for other in CORE}
        yield from (name if name in modules else full for full in inside)


# ---- packages and arrows


def test_every_file_is_in_a_room() -> None:
    assert {module_of(path).partition(".")[0] for path in CORE} == set(ARROWS)
    assert list(ARROWS) == [
        package for package, known in ARROWS.items() if known <= set(list(ARROWS)[: list(ARROWS).index(package)])
    ]


@pytest.mark.parametrize("path", CORE, ids=named)
def test_imports_follow_the_arrows(path: Path) -> None:
    package = module_of(path).partition(".")[0]
    for name in core_imports(path):
        other = name.partition(".")[0]
        assert other == package or other in ARROWS[package], f"{package} must not know {other}: {name}"


def test_every_arrow_is_used() -> None:
    used = {(module_of(path).partition(".")[0], name.partition(".")[0]) for path in CORE for name in core_imports(path)}
    assert {(package, other) for package, known in ARROWS.items() for other in known} <= used


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Every circle of imports that a walk along the arrows meets."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in done:
            for other in sorted(graph.get(name, ())):
                walk(other, [*way, name])
            done.add(name)

    for name in graph:
        walk(name, [])
    return found


def test_no_circle_of_files() -> None:
    assert circles({module_of(path): set(core_imports(path)) for path in CORE}) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]


# ---- imports within functions

LATE = "# start-up"
"""Marks an import within a function: Ansible compiles every imported file in every task, so what few tasks need waits."""


def late_imports(path: Path) -> Iterator[ast.stmt]:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (inner for inner in ast.walk(node) if isinstance(inner, (ast.Import, ast.ImportFrom)))


@pytest.mark.parametrize("path", CORE, ids=named)
def test_a_late_import_is_marked(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in late_imports(path):
        assert lines[node.lineno - 1].endswith(LATE), (
            f"line {node.lineno}: an import here is for start-up only; mark it {LATE!r}"
        )


# What is about groups and many users: Ansible would pack it into every process of a task for one user.
NOT_FOR_ONE_USER = {
    *("api.provisioning_groups", "api.scim_groups", "backends.provisioning", "backends.scim", "backends.scim_changes"),
    *("backends.scim_members", "inputs.groups", "planning.groups", "planning.guards", "planning.membership_limit"),
    *("planning.predict", "task.directory", "task.groups"),
}


def reached_from(path: Path) -> set[str]:
    """Everything that a module's process is sent: what its files import, also late and for types."""
    files = {module_of(other): other for other in CORE}
    found: set[str] = set()
    waiting = set(core_imports(path))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(core_imports(files[name])) - found
    return found


def test_a_task_for_one_user_packs_nothing_about_groups() -> None:
    modules = {path.stem: path for path in MODULES}
    assert {module_of(path) for path in CORE} >= NOT_FOR_ONE_USER
    assert not reached_from(modules["w365_user"]) & NOT_FOR_ONE_USER
    assert reached_from(modules["w365_group"]) >= NOT_FOR_ONE_USER


# What bulk tasks alone need, and only where profiles are given.
OF_PERMISSIONS = {"inputs.permissions", "model.permissions", "task.permissions"}


def test_a_task_for_one_object_packs_nothing_about_permissions() -> None:
    modules = {path.stem: path for path in MODULES}
    for name in ("w365_user", "w365_group", "w365_admin"):
        assert not reached_from(modules[name]) & OF_PERMISSIONS, name
    for name in ("w365_directory", "w365_o365_import"):
        assert reached_from(modules[name]) >= OF_PERMISSIONS, name


# ---- who may import what

# PyYAML comes with ansible-core, and is imported only when a YAML file is to be read.
THIRD_PARTY = {
    "requests": {"transport.bounds", "transport.http", "transport.msal_http"},
    "cryptography": {"api.entra_certificates", "api.public_certificates"},
    "msal": {"api.entra_tokens"},
    "yaml": {"inputs.files"},
}
ANSIBLE = {"hosts.ansible_module", "inputs.argument_spec", "inputs.files"}
SPEAKERS = {CORE_ROOT / f"transport/{name}.py" for name in ("bounds", "http", "msal_http")}
SPEAK_HTTP = {"urllib3", "http", "httpx", "aiohttp", "socket", "urllib.request", "requests"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_modules_need_little(path: Path) -> None:
    for name in imports(path):
        top = name.partition(".")[0]
        if top in THIRD_PARTY:
            assert module_of(path) in THIRD_PARTY[top], f"{name} belongs into {THIRD_PARTY[top]}"
        elif top == "ansible":
            assert module_of(path) in ANSIBLE, f"only {ANSIBLE} know Ansible"
            assert name.startswith("ansible.module_utils"), name
        elif top == "ansible_collections":
            assert name.startswith("ansible_collections.workspace365.provisioning.plugins.module_utils."), name
        else:
            assert top in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", [path for path in SOURCES if path not in SPEAKERS], ids=named)
def test_nobody_else_speaks_http(path: Path) -> None:
    for name in imports(path):
        for speaker in SPEAK_HTTP:
            assert name != speaker, name
            assert not name.startswith(f"{speaker}."), name
        assert not name.startswith("ansible.module_utils.urls"), name
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            assert node.id not in ("requests", "urlopen", "open_url", "fetch_url"), node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("exec", "eval", "__import__")


def test_only_one_function_sends() -> None:
    """Whatever leaves the module passes `Http.send`, where TLS settings and time-outs are."""
    sending = [
        ast.unparse(node.func)
        for path in SPEAKERS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("request", "get", "post", "put", "patch", "delete", "head", "options", "send")
        and ast.unparse(node.func.value) in ("requests", "self._session", "self._http", "self", "session")
    ]
    assert sorted(sending) == ["self._http.send", "self._session.request", "self.send"]


# Rooms that know neither HTTP nor Ansible nor a clock nor a file.
PURE = ("errors", "model", "planning")


@pytest.mark.parametrize("path", [path for path in CORE if module_of(path).partition(".")[0] in PURE], ids=named)
def test_rules_and_model_are_pure(path: Path) -> None:
    pure = {"__future__", "collections", "dataclasses", "enum", "functools", "math", "re", "typing", "unicodedata"}
    assert {found.partition(".")[0] for found in imports(path)} <= pure


def test_a_page_is_pure() -> None:
    """What a page says is a matter of its rows alone: it reads no clock, no file and no environment."""
    path = next(path for path in CORE if path.name == "report_html.py")
    pure = {"__future__", "base64", "collections", "datetime", "hashlib", "html", "itertools"}
    assert {found.partition(".")[0] for found in imports(path)} <= pure
    siblings = {node.module for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.level}
    assert siblings == {"report", "planning.actions"}
    for name in ("report.py", "report_html.py", "report_csv.py"):
        path = next(path for path in CORE if path.name == name)
        clocks = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        assert not clocks & {"now", "today", "utcnow", "time", "monotonic"}, name


def test_files_with_names_are_written_in_one_place() -> None:
    """Reports and plans hold people's names: only atomic_write writes them, all or nothing and for their owner only."""
    users = {path.name for path in CORE if "tempfile" in set(imports(path))}
    assert users == {"atomic_write.py"}
    for name in ("report.py", "report_html.py", "report_csv.py", "report_files.py", "plan_file.py"):
        path = next(path for path in CORE if path.name == name)
        writing = {
            getattr(node.func, "attr", getattr(node.func, "id", None))
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call)
        }
        assert not writing & {"open", "write_bytes", "write_text"}, name


def code_lines(path: Path) -> int:
    """Lines that hold code: no documentation, comments, blank lines or imports."""
    text = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for node in ast.parse(text).body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_documentation = (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
        )
        if not (is_text or is_documentation or isinstance(node, (ast.Import, ast.ImportFrom))):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    written = text.splitlines()
    return sum(bool(written[n - 1].strip()) and not written[n - 1].strip().startswith("#") for n in lines)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_and_little_code(path: Path) -> None:
    assert 5 < code_lines(path) <= LONGEST_MODULE


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_function_fits_a_screen(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} in line {node.lineno} has {length} lines"


def test_a_body_begins_in_a_line_of_its_own() -> None:
    """The style check of ansible-core 2.16 and 2.18 wants it, that of newer versions does not look."""
    found = []
    for path in (ROOT / "plugins").rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                first = node.body[0]
                if lines[first.lineno - 1].encode()[: first.col_offset].strip():
                    found.append(f"{path.relative_to(ROOT)}, line {first.lineno}: {node.name}")
    assert found == []


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) >= 13
    assert len(CORE) >= 50
    assert {module_of(path) for path in CORE} >= {"transport.http", "planning.planner", "backends.scim", "task.base"}
