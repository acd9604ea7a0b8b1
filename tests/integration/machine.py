# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine of its own with a living systemd: this system's files, of which it writes only copies, in namespaces.

systemd-nspawn boots it in less than a second. It shares the network, so it reaches a twin on the loopback. Ansible and
the collection stand where an administrator puts them: outside of home folders, in /opt/ansible and in
/usr/share/ansible/collections.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest

from playing import ROOT

# Seconds. A start takes one.
START_LIMIT = 60.0

# Whoever ends the tests, however rudely, ends the machine too: each program becomes the next one, up to systemd-nspawn.
_TIED = ("setpriv", "--pdeathsig", "TERM")
# The upper layer is in memory, and all of it is seen by nobody else and gone with the process.
_UNSHARED = ("unshare", "--mount", "--propagation=slave", "sh", "-euc")
_LAYERS = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
"""
_BOOT = """
mkdir -p "$1/root/opt/python" "$1/root/opt/site-packages" "$1/root$2"
: > "$1/root/etc/machine-id"
root="$1/root"
shift 2
exec systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --console=pipe "$@"
"""
_COLLECTION = "/usr/share/ansible/collections/ansible_collections/workspace365/provisioning"


def why_not() -> str:
    """Say what is missing for such a machine here; nothing when it is possible."""
    if os.geteuid() != 0:
        return "only root can start a systemd of its own"
    missing = [name for name in ("systemd-nspawn", "unshare", "nsenter", "setpriv") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not there (on Debian the packages systemd-container and util-linux)"
    with TemporaryDirectory() as folder:
        tried = subprocess.run([*_UNSHARED, _LAYERS, "try", folder], capture_output=True, text=True, check=False)
    return f"this system does not allow namespaces: {tried.stderr.strip()}" if tried.returncode else ""


class Machine:
    """A running machine. `leader` is the process id of its systemd, as seen from outside."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def run(
        self, *command: str, limit: float = 150, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root, for at most `limit` seconds."""
        variables = {
            "PATH": "/opt/ansible/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "SYSTEMD_COLORS": "0",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_PIPELINING": "true",
            **(environ or {}),
        }
        words = [f"{name}={value}" for name, value in variables.items()]
        return subprocess.run(
            [
                "nsenter",
                "--target",
                str(self.leader),
                "--all",
                "env",
                "--chdir=/root",
                "--ignore-environment",
                *words,
                *command,
            ],
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def tell(self, *command: str) -> str:
        """Run a command that has to succeed, and return what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str, mode: str = "600") -> str:
        """Write a file in it, and return its path."""
        self.tell(
            "sh", "-c", 'mkdir -p "${1%/*}" && printf %s "$2" > "$1" && chmod "$3" "$1"', "write", path, text, mode
        )
        return path

    def property(self, unit: str, name: str) -> str:
        """What systemd says of a unit."""
        return self.tell("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, *words: str) -> str:
        """What the journal holds, as `journalctl` prints it."""
        return self.tell("journalctl", "--no-pager", "--output=cat", *words)

    def start(self, unit: str) -> None:
        """Start a unit, wait until it has done its work, and say what the journal holds when it fails."""
        done = self.run("systemctl", "start", unit)
        assert done.returncode == 0, f"{unit}: {done.stderr}{self.journal('--lines=80')}"

    def wait_for(self, unit: str, state: str, *, limit: float = 120) -> None:
        """Wait until a unit is in this `ActiveState`."""
        end = time.monotonic() + limit
        while (found := self.property(unit, "ActiveState")) != state:
            assert time.monotonic() < end, f"{unit} is {found} and not {state}\n{self.journal('--lines=50')}"
            time.sleep(0.1)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for the machines of other tests to end, and keep them from starting.

    Machines share a control group. Where systemd sees the processes of another one it does not end all that a stopped
    service has left.
    """
    with (Path(gettempdir()) / "w365-machine.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def start_machine(folder: Path) -> Iterator[Machine]:
    """Start one, and end it with all that runs in it. The test is left out where none is possible."""
    if reason := why_not():
        pytest.skip(reason)
    log = folder / "console"
    binds = {
        sys.base_prefix: "/opt/python",
        sysconfig.get_path("purelib"): "/opt/site-packages",
        str(ROOT): _COLLECTION,
    }
    words = [f"--bind-ro={outside}:{inside}" for outside, inside in binds.items()]
    # As far as timers and the journal: what else this system starts is of no use here.
    words += ["--boot", "systemd.unit=basic.target"]
    place = folder / "machine"
    place.mkdir()
    with _alone(), log.open("wb") as output:
        process = subprocess.Popen(
            [*_TIED, *_UNSHARED, _LAYERS + _BOOT, "boot", str(place), _COLLECTION, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            machine = Machine(_leader(process, log))
            _install_ansible(machine)
            yield machine
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _leader(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the machine's systemd, and return its process id."""
    end = time.monotonic() + START_LIMIT
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < end and process.poll() is None:
        for pid in children.read_text(encoding="ascii").split():
            found = Machine(int(pid)).run("systemctl", "is-system-running", "--wait", limit=START_LIMIT)
            if found.stdout.strip() in {"running", "degraded"}:
                return int(pid)
        time.sleep(0.05)
    raise AssertionError(f"the machine did not start: {log.read_text(encoding='utf-8', errors='replace')}")


def _install_ansible(machine: Machine) -> None:
    """Make the virtual environment that an administrator would make, from the packages of this one."""
    # An interpreter that was built for a home folder looks for its library there, where no service can see it.
    machine.write("/etc/ld.so.conf.d/000-python.conf", "/opt/python/lib\n", "644")
    machine.tell("ldconfig")
    machine.tell("/opt/python/bin/python3", "-m", "venv", "--without-pip", "/opt/ansible")
    where = machine.tell("/opt/ansible/bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    machine.write(f"{where.strip()}/packages.pth", "/opt/site-packages\n", "644")
    for name, module in {"ansible": "adhoc", "ansible-playbook": "playbook"}.items():
        lines = (
            "#!/opt/ansible/bin/python",
            "import sys",
            f"from ansible.cli.{module} import main",
            "sys.exit(main())",
        )
        machine.write(f"/opt/ansible/bin/{name}", "\n".join(lines), "755")
