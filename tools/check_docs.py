# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove that every plugin and role of the installed collection documents itself, to ansible-doc and to antsibull-docs.

First the listings of ansible-doc are compared with the folders: a broken document removes a plugin from the list
without an error. Then each document is rendered as a user sees it. Then antsibull-docs checks the markup,
the references, and builds the pages of the documentation site.
"""

from __future__ import annotations

import json
import shutil
import subprocess

from common import (
    BUILD,
    COLLECTIONS,
    FULL_NAME,
    ROOT,
    Problem,
    clean_environment,
    module_names,
    role_names,
    run_main,
    run_tool,
)

# Folder below plugins/ and what ansible-doc calls the kind.
KINDS = {
    "modules": "module",
    "inventory": "inventory",
    "lookup": "lookup",
    "filter": "filter",
    "test": "test",
    "callback": "callback",
    "connection": "connection",
}


def ansible_doc(*arguments: str) -> str:
    """What ansible-doc prints. It fails here when it fails there, or when it warns."""
    command = ["ansible-doc", *arguments]
    answer = subprocess.run(command, env=clean_environment(), text=True, check=False, capture_output=True)
    if answer.returncode or "ERROR" in answer.stderr or "[WARNING]" in answer.stderr:
        raise Problem(f"{' '.join(command)} does not work:\n{answer.stdout[-2000:]}{answer.stderr}")
    return answer.stdout


def names_on_disk(folder: str) -> set[str]:
    """The full names of what lies in one folder of plugins/. Filters and tests may be documented in YAML."""
    found = {
        path.stem
        for path in (ROOT / "plugins" / folder).glob("*")
        if path.suffix in {".py", ".yml", ".yaml"} and not path.stem.startswith("_")
    }
    return {f"{FULL_NAME}.{name}" for name in found}


def compare(kind: str, listed: set[str], expected: set[str]) -> None:
    """Raise Problem for a difference between ansible-doc's list and the folder."""
    if missing := expected - listed:
        raise Problem(f"ansible-doc lists no {kind} {', '.join(sorted(missing))}, though its file exists.")
    if surplus := listed - expected:
        raise Problem(
            f"ansible-doc lists the {kind} {', '.join(sorted(surplus))}, but the working tree has no such file."
        )


def check_plugins() -> int:
    """Compare and render every kind of plugin; how many there are."""
    count = 0
    for folder, kind in KINDS.items():
        expected = names_on_disk(folder)
        if not expected and not (ROOT / "plugins" / folder).is_dir():
            continue
        listed = set(json.loads(ansible_doc("-l", "-t", kind, "--json", FULL_NAME)))
        compare(kind, listed, expected)
        if not expected:
            continue
        ansible_doc("-t", kind, *sorted(expected))
        documents = json.loads(ansible_doc("-t", kind, "--json", *sorted(expected)))
        for name in sorted(expected):
            document = documents[name]
            for part in ("doc", "examples", "return") if kind == "module" else ("doc", "examples"):
                if not document.get(part):
                    raise Problem(f"the {kind} {name} has no {'documentation' if part == 'doc' else part}.")
            print(f"{kind:10} {name:50} {document['doc']['short_description']}")
        count += len(expected)
    return count


def check_roles() -> int:
    """Compare and render every role; how many there are."""
    expected = {f"{FULL_NAME}.{name}" for name in role_names()}
    listed = json.loads(ansible_doc("-l", "-t", "role", "--json", FULL_NAME)) if expected else {}
    compare("role", set(listed), expected)
    for name in sorted(expected):
        if not listed[name]["entry_points"].get("main"):
            raise Problem(f"the role {name} has no argument specification for 'main'.")
        if not ansible_doc("-t", "role", name).strip():
            raise Problem(f"ansible-doc shows nothing for the role {name}.")
        print(f"{'role':10} {name:50} {listed[name]['entry_points']['main']}")
    return len(expected)


def check_group() -> None:
    """Every module must be in the action group: only then does one module_defaults entry serve them all."""
    runtime = (ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8")
    grouped = {line.strip()[2:] for line in runtime.splitlines() if line.strip().startswith("- w365_")}
    if grouped != module_names():
        different = ", ".join(sorted(grouped ^ module_names()))
        raise Problem(
            f"meta/runtime.yml and plugins/modules differ: {different}. The action group w365 names every module."
        )


def main() -> int:
    """All of it, in the order in which a mistake is easiest to understand."""
    check_group()
    plugins, roles = check_plugins(), check_roles()
    installed = COLLECTIONS / "ansible_collections" / "workspace365" / "provisioning"
    options = (
        "--plugin-docs",
        "--validate-collection-refs=all",
        "--disallow-unknown-collection-refs",
    )
    run_tool("antsibull-docs", "lint-collection-docs", *options, str(installed), cwd=ROOT)
    pages = BUILD / "docs"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    run_tool(
        "antsibull-docs",
        "collection",
        "--use-current",
        "--fail-on-error",
        "--squash-hierarchy",
        "--dest-dir",
        str(pages),
        FULL_NAME,
        cwd=ROOT,
    )
    written = len(list(pages.rglob("*.rst")))
    print(
        f"{plugins} plugins and {roles} roles are documented. antsibull-docs has no findings; {written} pages: .build/docs."
    )
    return 0


if __name__ == "__main__":
    run_main(main)
