# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make twin CUSTOMER=fabrikam`: what it prints can be typed as it is, and a person's own file works at the first try."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = str(ROOT / ".build" / "venv" / "bin" / "python")
"""As the Makefile calls it: the tools need more than the collection and the twin do."""

ESCAPES = re.compile(r"\033\[[0-9;]*m")


class Session:
    """A running `make twin`: what it has printed, and the commands in that."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.commands = re.findall(r"(?m)^  (\S.*)$", output)

    def type_in(self, *lines: str) -> str:
        """Type lines into a shell in the folder of the checkout; return what it prints."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "W365_"))}
        environment |= {
            "ANSIBLE_CONFIG": str(ROOT / ".build" / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        environment["ANSIBLE_HOME"] = str(ROOT / ".build" / "ansible-home")
        command = ["bash", "-c", "set -e\n" + "\n".join(lines)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return done.stdout


@contextmanager
def make_twin(directory: Path, customer: str) -> Iterator[Session]:
    """Do what `make twin` does, on a free port and in a folder of the test, until it has printed everything."""
    log = directory / "make.log"
    command = [PYTHON, "tools/demo.py", "--twin", "--port", "0", "--customer", customer, "--directory",
               str(directory / "twin")]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 100
        while "show --ready-file" not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield Session(ESCAPES.sub("", log.read_text(encoding="utf-8")))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.slow
def test_a_customer_of_ones_own_in_three_commands(tmp_path: Path) -> None:
    with make_twin(tmp_path, "fabrikam") as session:
        source, check, onboard, show = session.commands
        as_in_checkout = [command.replace(str(tmp_path), ".build") for command in session.commands]
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        guide = (ROOT / "docs" / "docsite" / "rst" / "guide_twin.rst").read_text(encoding="utf-8")
        assert "\n".join(["make twin CUSTOMER=fabrikam", as_in_checkout[0], as_in_checkout[2]]) in readme
        assert "\n".join(f"   {command}" for command in as_in_checkout) in guide
        preview = session.type_in(source, check)
        assert "failed=0" in preview
        assert "fabrikam" in preview
        assert "changed=0" not in preview
        assert "failed=0" in session.type_in(source, onboard)
        assert re.search(r"changed=0 .*failed=0", session.type_in(source, onboard))
        shown = session.type_in(source, show)
        assert "nestor.wilke@fabrikam.com" in shown
        assert "Sales and Marketing" in shown
        keys = re.findall(r"(?m)^export W365_(?:PROVISIONING_KEY|ENTRA_CLIENT_SECRET)=(.+)$",
                          (tmp_path / "twin" / "env.sh").read_text(encoding="utf-8"))  # fmt: skip
        assert len(keys) == 2
        assert [key for key in keys if key in session.output] == []
    assert not (tmp_path / "twin").exists(), "its files stay after the end"
    assert (tmp_path / "customers" / "fabrikam.yml").exists(), "the file of the person is gone"


def test_make_does_the_same() -> None:
    said = subprocess.run(["make", "-n", "-o", "install", "twin", "CUSTOMER=fabrikam", "PORT=9000"], cwd=ROOT,
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert said.splitlines()[-1].endswith('/python tools/demo.py --twin --port 9000 --customer "fabrikam"')


OWN = """\
w365_tenant_definition:
  environment:
    name: fabrikamlab
    administrator: {email: megan.bowen@fabrikam.com, first_name: Megan, last_name: Bowen}
  sso: {primary_domain: fabrikam.com, app: {}}
  o365_import: {groups: [All Employees], domains: [emea.fabrikam.com]}
  users:
    - {upn: lee.gu@fabrikam.com, first_name: Lee, last_name: Gu}
  groups:
    - name: Board
      members: {set: [megan.bowen@fabrikam.com, patti.fernandez@emea.fabrikam.com]}
  administrators: {set: [megan.bowen@fabrikam.com]}
"""


def test_a_file_of_ones_own_works_at_the_first_try(tmp_path: Path) -> None:
    """Its groups, its second domain, and a member of a group who is listed nowhere else."""
    own = tmp_path / "own.yml"
    own.write_text(OWN, encoding="utf-8")
    with make_twin(tmp_path, str(own)) as session:
        source, _check, onboard, show = session.commands
        assert "failed=0" in session.type_in(source, onboard)
        assert "patti.fernandez@emea.fabrikam.com" in session.type_in(source, show)
    assert own.read_text(encoding="utf-8") == OWN


@pytest.mark.parametrize(
    ("customer", "sentence"),
    [
        ("Fabrikam B.V.", "is no name for an example: it has 2 to 31 lower-case letters and digits"),
        ("missing.yml", "there is no file missing.yml"),
        ("demo", "is none of demo"),
    ],
)
def test_a_customer_that_cannot_be_is_said(customer: str, sentence: str, tmp_path: Path) -> None:
    command = [PYTHON, "tools/demo.py", "--twin", "--port", "0", "--customer", customer, "--directory",
               str(tmp_path / "twin")]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert sentence in done.stderr
