# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the guide about AWX, as far as they can be taken without AWX, Galaxy and a registry for images.

What AWX itself would do is done with the objects that the steps have made in the small AWX: variables from its credential,
its inventory, and the playbooks of its workflow.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from fake_awx import TOKEN, FakeAwx, Object
from playing import ROOT, ansible_environment
from w365_simulator.testing import Twin

GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_awx.rst"
AWX = ROOT / ".build" / "awx"
PEOPLE = ["adele.vance@contoso.com", "megan.bowen@contoso.com"]

# Line of the guide -> what is run in its place. {…} is filled in by the test, and ":" stands for what cannot run here.
INSTEAD = {
    "ansible-galaxy collection install workspace365-provisioning-1.1.0.tar.gz": "test -d ~/.ansible/collections",
    "export W365_INSTANCE_URL=https://workspace.contoso.com W365_PROVISIONING_KEY=...": "export {twin}",
    'git commit -m "Begin with one environment"': (
        'git -c user.name=Megan -c user.email=megan.bowen@contoso.com commit -qm "Begin with one environment"'
    ),
    "git remote add origin https://git.contoso.com/workspace365.git": "git remote add origin {repository}",
    "ansible-galaxy collection download workspace365.provisioning:1.1.0 --download-path .": "cp {artifact} .",
    "ansible-builder build --file execution-environment.yml --tag registry.contoso.com/workspace365:1.1.0": (
        "{builder} create --file execution-environment.yml"
    ),
    "podman push registry.contoso.com/workspace365:1.1.0": ":",
    "ansible-vault encrypt awx.yml": "ansible-vault encrypt awx.yml --vault-password-file {vault}",
    "ansible-galaxy collection install awx.awx:24.6.1": (
        'grep -q \'"version": "24.6.1"\' {awx}/ansible_collections/awx/awx/MANIFEST.json'
    ),
    "export CONTROLLER_HOST=https://awx.contoso.com CONTROLLER_OAUTH_TOKEN=...": "export {controller}",
    "ansible-playbook workspace365.provisioning.awx_configure -i localhost, -e @awx.yml --ask-vault-pass": (
        "ansible-playbook workspace365.provisioning.awx_configure -i localhost, -e @awx.yml --vault-password-file {vault}"
    ),
}
AS_WRITTEN = {
    "cp -r ~/.ansible/collections/ansible_collections/workspace365/provisioning/docs/docsite/files/awx-project workspace365",
    "cd workspace365",
    "cd ../workspace365",
    "mkdir ../image",
    "cd ../image",
    "ansible-inventory --graph",
    "ansible-playbook fleet_plan.yml",
    "git init",
    "git add .",
    "git push origin HEAD",
    "cp ~/.ansible/collections/ansible_collections/workspace365/provisioning/docs/docsite/files/execution-environment.yml .",
    "ansible-playbook workspace365.provisioning.awx_configure -i localhost, -e awx_state=absent",
}


def lines() -> list[str]:
    """Every line that the guide has for a terminal."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"(?m)^\.\. code-block:: console\n\n((?:(?:   .*)?\n)+)", text)
    return [line.strip() for block in found for line in block.splitlines() if line.strip()]


def described() -> dict[str, Any]:
    """The file awx.yml of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    (block,) = re.findall(r"(?m)^\.\. code-block:: yaml\n\n((?:   awx_.*\n)+)", text)
    found: dict[str, Any] = yaml.safe_load(re.sub(r"(?m)^   ", "", block))
    return found


def test_every_line_for_a_terminal_is_tried() -> None:
    assert set(lines()) == INSTEAD.keys() | AS_WRITTEN


class Person:
    """Somebody at a terminal with a home folder of their own."""

    def __init__(self, folder: Path, values: Mapping[str, str]) -> None:
        self.home = folder
        self.values = values
        collections = Path(os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "src")))
        (folder / ".ansible").mkdir()
        (folder / ".ansible" / "collections").symlink_to(collections)
        known = ansible_environment(folder)
        del known["ANSIBLE_CONFIG"]
        self.environment = known | {
            "HOME": str(folder),
            "ANSIBLE_COLLECTIONS_PATH": f"{collections}{os.pathsep}{AWX}",
            "ANSIBLE_HOME": str(folder / ".ansible"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{known['PATH']}",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def type(self, commands: list[str]) -> str:
        """Run the lines of the guide, one after the other; what they print."""
        filled = [INSTEAD[line].format(**self.values) if line in INSTEAD else line for line in commands]
        script = "set -eu\n" + "\n".join(filled)
        done = subprocess.run(
            ["bash", "-c", script], env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=400,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


def people(twin: Twin) -> list[str]:
    users = twin.state()["environments"]["contoso"]["users"]
    return sorted(upn for upn, user in users.items() if user["active"])


def injected(awx: FakeAwx, folder: Path) -> dict[str, str]:
    """The variables that AWX makes of the credential of our templates, with its files."""
    credential = awx.named("credentials", "Workspace 365 provisioning key")
    kind: Object = awx.objects["credential_types"][credential["credential_type"]]
    names = {field["id"]: credential["inputs"].get(field["id"], "") for field in kind["inputs"]["fields"]}
    files = {}
    for name, template in kind["injectors"].get("file", {}).items():
        path = folder / name
        path.write_text(jinja2.Template(template).render(names), encoding="utf-8")
        files[name.partition(".")[2]] = str(path)
    known = {**names, "tower": {"filename": files}}
    return {name: jinja2.Template(template).render(known) for name, template in kind["injectors"]["env"].items()}


class Jobs:
    """What AWX would run, in a copy of the repository that the project names."""

    def __init__(self, awx: FakeAwx, folder: Path) -> None:
        self.awx = awx
        self.folder = folder
        self.environment = ansible_environment(folder) | injected(awx, folder) | {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
        # AWX starts its programs in the project, whose settings apply.
        del self.environment["ANSIBLE_CONFIG"]

    def run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name(name)), *arguments],
            env=self.environment, cwd=self.awx.project, capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def update_inventory(self) -> Path:
        source = self.awx.named("inventory_sources", "Workspace 365 inventory source")["source_path"]
        folder = str((self.awx.project / source).parent)
        read = self.run("ansible-inventory", "--list", "--export", "-i", source, "--playbook-dir", folder)
        stored = self.folder / "hosts"
        stored.write_text(f"#!{sys.executable}\nprint({read!r})\n", encoding="utf-8")
        stored.chmod(0o700)
        return stored

    def follow(self) -> Iterator[str]:
        """The playbooks of the workflow, in the order of its nodes; it ends where an approval would wait."""
        nodes = self.awx.objects["workflow_job_template_nodes"]
        lists = {
            number: self.awx.lists.get(("workflow_job_template_nodes", number, "success_nodes"), []) for number in nodes
        }
        targets = {number for each in lists.values() for number in each}
        (here,) = set(nodes) - targets
        while True:
            template = nodes[here]["unified_job_template"]
            job = self.awx.objects["job_templates"].get(template)
            yield job["playbook"] if job else "approval"
            if not lists[here]:
                return
            (here,) = lists[here]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_steps_lead_to_an_approved_change(twin: Twin, tmp_path: Path) -> None:
    pytest.importorskip("ansible_builder", reason="ansible-builder belongs to our tools, not to every matrix cell")
    twin.reset({"environments": [{"name": "contoso"}, {"name": "fabrikam"}]})
    repository, project = tmp_path / "repository.git", tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
    awx = FakeAwx(project)
    (tmp_path / "vault-password").write_text("a-vault-password", encoding="utf-8")
    (artifact,) = (ROOT / ".build" / "artifacts").glob("*.tar.gz")
    home = tmp_path / "home"
    home.mkdir()
    person = Person(
        home,
        {
            "twin": f"W365_INSTANCE_URL={twin.instance_url} W365_PROVISIONING_KEY={twin.provisioning_key} W365_CA_PATH={twin.ca_path}",
            "repository": str(repository),
            "artifact": str(artifact),
            "builder": str(Path(sys.executable).with_name("ansible-builder")),
            "vault": str(tmp_path / "vault-password"),
            "awx": str(AWX),
            "controller": f"CONTROLLER_HOST={awx.url} CONTROLLER_OAUTH_TOKEN={TOKEN}",
        },
    )
    given = {
        **described(),
        "awx_instance_url": twin.instance_url,
        "awx_provisioning_key": twin.provisioning_key,
        "awx_ca_certificate": Path(twin.ca_path).read_text(encoding="utf-8"),
    }
    steps = lines()
    vault, removal = steps.index("cd ../workspace365"), len(steps) - 1
    said = person.type(steps[:vault])
    assert "@w365_environments" in said
    assert "contoso: user create 2" in said
    assert people(twin) == []
    subprocess.run(["git", "clone", "--quiet", str(repository), str(project)], check=True)
    assert awx.playbooks() >= {"fleet_plan.yml", "fleet_apply.yml"}
    (home / "workspace365" / "awx.yml").write_text(yaml.safe_dump(given), encoding="utf-8")
    person.type(["cd image", *steps[vault:removal], 'test -z "$(git status --porcelain)"'])
    assert "$ANSIBLE_VAULT" in (home / "workspace365" / "awx.yml").read_text(encoding="utf-8")

    jobs = Jobs(awx, tmp_path)
    stored = jobs.update_inventory()
    plan, approval, apply = jobs.follow()
    assert (plan, approval, apply) == ("fleet_plan.yml", "approval", "fleet_apply.yml")
    planned = jobs.run("ansible-playbook", "-i", str(stored), plan, "-e", "awx_project_revision=abc")
    artifacts = planned.partition("CUSTOM STATS: ")[2].partition("RUN: ")[2]
    variables = {**json.loads(artifacts), "awx_project_revision": "abc"}
    assert people(twin) == []
    jobs.run("ansible-playbook", "-i", str(stored), apply, "-e", json.dumps(variables))
    assert people(twin) == PEOPLE

    person.type([next(line for line in steps if line.startswith("export CONTROLLER_HOST")), steps[removal]])
    assert awx.names() == {}
    awx.close()
