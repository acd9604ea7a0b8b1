# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenario that a partner copies: with nothing but the artifact and the wheel, in a folder outside of the checkout."""

from __future__ import annotations

import importlib.util
import os
import shutil
import site
import stat
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = sorted((ROOT / ".build" / "artifacts").glob("workspace365-provisioning-*.tar.gz"))
WHEELS = sorted((ROOT / ".build" / "wheels").glob("workspace365_twin-*.whl"))
PROGRAMS = {
    "ansible-playbook": "from ansible.cli.playbook import main",
    "ansible-config": "from ansible.cli.config import main",
    "ansible-galaxy": "from ansible.cli.galaxy import main",
    "ansible": "from ansible.cli.adhoc import main",
    "molecule": "from molecule.__main__ import main",
}

pytestmark = [
    pytest.mark.skipif(not (ARTIFACTS and WHEELS), reason="needs the artifact and the wheel (make build twin-wheel)"),
    pytest.mark.skipif(importlib.util.find_spec("molecule") is None, reason="this Python has no Molecule"),
]


class Machine:
    """A partner's machine: a Python with Ansible, Molecule and the wheel, the artifact, and a folder with playbooks."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "venv" / "bin"
        venv.create(home / "venv", with_pip=False)
        (library,) = (home / "venv" / "lib").glob("python*/site-packages")
        # Ansible, Molecule and the libraries come from our tools. The twin does not: only the wheel has it.
        (library / "tools.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
        for name, line in PROGRAMS.items():
            program = self.bin / name
            program.write_text(f"#!{self.bin / 'python'}\nimport sys\n{line}\nsys.exit(main())\n", encoding="utf-8")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.run([sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", "--quiet", "--no-deps",
                  "--no-index", "--disable-pip-version-check", str(WHEELS[-1])])  # fmt: skip
        self.run(["ansible-galaxy", "collection", "install", "--offline", "--no-deps", str(ARTIFACTS[-1])])

    @property
    def collection(self) -> Path:
        return self.home / "collections" / "ansible_collections" / "workspace365" / "provisioning"

    def run(self, command: list[str], folder: Path | None = None, *, code: int = 0) -> str:
        """Run a program of this machine, without anything of ours in its environment; return what it prints."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "PIP_INDEX_URL") if name in os.environ}
        environment = {
            **kept,
            "LC_ALL": kept.get("LC_ALL", "C.UTF-8"),
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "ANSIBLE_COLLECTIONS_PATH": str(self.home / "collections"),
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            command, cwd=folder or self.home, env=environment, capture_output=True, text=True, timeout=500, check=False
        )
        assert done.returncode == code, done.stdout[-6000:] + done.stderr[-3000:]
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("partner"))


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_the_scenario_that_a_partner_copies_is_green(machine: Machine, tmp_path: Path) -> None:
    shutil.copytree(machine.collection / "playbooks" / "examples" / "molecule", tmp_path / "molecule")
    output = machine.run(["molecule", "test"], tmp_path)
    assert "Idempotence" in output or "idempotence" in output
    assert "Look at the answer" in output
    # Nothing of the twin is left, and nothing was written beside the scenario.
    assert list(machine.home.rglob("twin.lock")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["molecule"]


def test_the_console_script_is_there(machine: Machine) -> None:
    assert machine.run(["w365-twin", "--version"]).strip() == "1.1.0"
    assert "w365_tenant_definition:" in machine.run(["w365-twin", "example", "fabrikam"])
    refused = machine.run(["w365-twin", "example", "Fabrikam B.V."], code=2)
    assert "lower-case letters and digits" in refused
