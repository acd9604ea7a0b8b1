# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definition of an execution environment: ansible-builder makes its context, and the collection is in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from playing import ROOT, ansible_environment

FILES = ROOT / "docs" / "docsite" / "files"
DEFINITION = FILES / "execution-environment.yml"
COLLECTIONS = ROOT / ".build" / "collections"

pytest.importorskip("ansible_builder", reason="ansible-builder belongs to our tools, not to every matrix cell")


def program(folder: Path, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name(name)), *arguments],
        # No collection of ours, which would be found as installed.
        env=ansible_environment(folder) | {"ANSIBLE_COLLECTIONS_PATH": str(folder)}, cwd=folder, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def artifact() -> Path:
    (found,) = (ROOT / ".build" / "artifacts").glob("*.tar.gz")
    return found


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What ansible-builder would build the image of."""
    shutil.copy(DEFINITION, tmp_path)
    shutil.copy(artifact(), tmp_path)
    program(tmp_path, "ansible-builder", "create", "--file", DEFINITION.name, "--context", "context")
    return tmp_path / "context"


def test_the_collection_is_in_the_context_and_can_be_installed(context: Path, tmp_path: Path) -> None:
    """In the folder in which the image runs ansible-galaxy, with the command that it runs."""
    copied = context / "_build" / artifact().name
    assert copied.read_bytes() == artifact().read_bytes()
    (instructions,) = (path for path in context.iterdir() if path.name in ("Containerfile", "Dockerfile"))
    text = instructions.read_text(encoding="utf-8")
    assert "COPY _build /build\nWORKDIR /build\n" in text
    assert "ansible-galaxy collection install $ANSIBLE_GALAXY_CLI_COLLECTION_OPTS -r requirements.yml" in text
    installed = tmp_path / "installed"
    arguments = ["collection", "install", "-r", "requirements.yml", "--collections-path", str(installed), "--offline"]
    program(context / "_build", "ansible-galaxy", *arguments)
    collection = installed / "ansible_collections" / "workspace365" / "provisioning"
    assert (collection / "meta" / "execution-environment.yml").is_file()
    assert sorted(path.relative_to(FILES) for path in FILES.rglob("*")) == sorted(
        path.relative_to(collection / "docs" / "docsite" / "files")
        for path in (collection / "docs" / "docsite" / "files").rglob("*")
    )


def test_without_the_additional_file_it_would_not_be_there(tmp_path: Path) -> None:
    """What the definition has the entry for. When this fails, ansible-builder copies the file by itself."""
    definition = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))
    del definition["additional_build_files"]
    (tmp_path / DEFINITION.name).write_text(yaml.safe_dump(definition), encoding="utf-8")
    shutil.copy(artifact(), tmp_path)
    program(tmp_path, "ansible-builder", "create", "--file", DEFINITION.name, "--context", "context")
    assert list((tmp_path / "context").rglob("*.tar.gz")) == []


def test_ansible_builder_finds_our_libraries(tmp_path: Path) -> None:
    found = yaml.safe_load(program(tmp_path, "ansible-builder", "introspect", str(COLLECTIONS)))
    ours = [line.partition(" ")[0] for line in found["python"] if "workspace365.provisioning" in line]
    wanted = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    assert ours == [line for line in wanted if line and not line.startswith("#")]
    system = (ROOT / "meta" / "ee-bindep.txt").read_text(encoding="utf-8").splitlines()
    assert found["system"] == [line for line in system if line and not line.startswith("#")]
