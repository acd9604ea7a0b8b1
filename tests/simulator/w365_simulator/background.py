# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A twin in the background, with everything that belongs to it in one directory.

``bring`` takes a request, which says what there should be, and returns what was changed and what there is now. A second
request of the same changes nothing. The process holds a lock on a file of the directory as long as it lives, so it is
known at every moment whether a twin runs there, also after a crash.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from . import __version__
from .cli import StartError, listen
from .contract import PROFILES
from .definitions import client_id_of, environment_of, needs_of, tenant_of
from .directory import Directory
from .seeding import Seeder, SeedError, load
from .store import Store
from .switches import SwitchError, Switches
from .testing import Twin, TwinError

STATES = ("started", "stopped", "absent")
LOCAL = ("127.0.0.1", "::1", "localhost")
DEFAULT_PORT = 8365
# Seconds. A start takes less than one; a busy machine or a big seed takes longer.
START_LIMIT = 120.0
STOP_LIMIT = 15.0
ANSWER_LIMIT = 30.0
# What is imported only by the process that serves, under the name of its package.
NEEDED = {
    "cryptography": "cryptography", "httptools": "httptools", "jwt": "pyjwt", "starlette": "starlette",
    "trustme": "trustme", "uvicorn": "uvicorn", "yaml": "pyyaml",
}  # fmt: skip


def default_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of a twin for which none is named."""
    base = environ.get("XDG_STATE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "w365-twin"


@dataclass(frozen=True)
class Request:
    """What there should be. None means: as it is, or the default for a new twin.

    ``seed`` is the name or the content of what a twin without data begins with, ``definitions`` are descriptions of
    tenants, and ``scim`` names environments in which SCIM is to be on. ``fresh`` throws the data away first.
    """

    state: str = "started"
    directory: Path = field(default_factory=default_directory)
    host: str | None = None
    port: int | None = None
    profile: str | None = None
    seed: Any = None
    definitions: tuple[Mapping[str, Any], ...] = ()
    switches: Mapping[str, Any] = field(default_factory=dict)
    scim: tuple[str, ...] = ()
    fresh: bool = False
    check: bool = False
    with_state: bool = False


class Place:
    """The directory of a twin. Only its owner can read what is in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().absolute()
        self.lock = self.directory / "twin.lock"
        self.ready = self.directory / "ready.json"
        self.credentials = self.directory / "credentials.json"
        self.scim = self.directory / "scim.json"
        self.environment = self.directory / "env.sh"
        self.log = self.directory / "twin.log"
        self.seed = self.directory / "seed.json"
        self.data = [self.directory / f"twin.sqlite{end}" for end in ("", "-wal", "-shm")]
        self.tls = self.directory / "tls"

    @property
    def files(self) -> list[Path]:
        """Everything that a twin writes, but the lock and the certificates."""
        return [self.ready, self.credentials, self.scim, self.environment, self.log, self.seed, *self.data]

    def holder(self) -> int | None:
        """Return the process id of the twin that runs here, 0 while one is starting, or None when there is none."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise StartError(
                f"whether a twin runs in {self.directory} cannot be seen: {problem.strerror}. Use a directory of your own."
            ) from problem
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode("ascii", "replace").strip()
            return int(text) if text.isdigit() else 0
        finally:
            os.close(descriptor)
        return None

    def prepare(self) -> None:
        """Make the directory, or say why it cannot be that of a twin."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            foreign = not self.lock.exists() and next(self.directory.iterdir(), None)
        except OSError as problem:
            raise StartError(f"the directory {self.directory} cannot be used: {problem.strerror}.") from problem
        if foreign:
            raise StartError(
                f"the directory {self.directory} holds {foreign.name} and belongs to no twin. Choose an empty or a new one."
            )

    @contextmanager
    def locked(self) -> Iterator[int | None]:
        """Hold the lock and yield its descriptor, which a process may inherit; None when somebody else has it."""
        self.prepare()
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            os.ftruncate(descriptor, 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def keys(self) -> dict[str, str]:
        """Return the credentials of the twin, which are made once and stay."""
        if self.credentials.exists():
            found = read_json(self.credentials)
            if set(found) == {"provisioning_key", "scim_token", "client_secret"}:
                return found
            raise StartError(
                f"{self.credentials} does not hold the credentials of a twin. Remove it to have new ones made."
            )
        made = {
            "provisioning_key": str(uuid.uuid4()),
            "scim_token": secrets.token_urlsafe(32),
            "client_secret": secrets.token_urlsafe(32),
        }
        write_private(self.credentials, json.dumps(made, indent=2) + "\n")
        return made


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file of the twin's own; StartError when it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return dict(content)
    except (OSError, ValueError, TypeError) as problem:
        raise StartError(f"{path} cannot be read: {problem}.") from problem


def write_private(path: Path, text: str) -> bool:
    """Write a file that only its owner can read, in one step; return whether its content is new."""
    if path.exists() and path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == 0o600:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
    return True


def connection(ready: Mapping[str, Any], environment: str | None = None) -> dict[str, str]:
    """Return the environment variables under which a playbook finds a twin and its credentials."""
    named = {
        "W365_INSTANCE_URL": ready["instance_url"],
        "W365_PROVISIONING_KEY": ready["provisioning_key"],
        "W365_ENVIRONMENT": environment,
        "W365_CA_PATH": ready["ca_path"],
        "W365_ENTRA_TENANT": ready["tenant"],
        "W365_ENTRA_CLIENT_ID": ready["client_id"],
        "W365_ENTRA_CLIENT_SECRET": ready["client_secret"],
        "W365_ENTRA_AUTHORITY": ready["entra_authority"],
        "W365_GRAPH_URL": ready["graph_url"],
    }
    return {name: value for name, value in named.items() if value}


def exports(variables: Mapping[str, str]) -> str:
    """Return lines for a shell that export these variables."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def bring(request: Request) -> dict[str, Any]:
    """Bring the twin of a directory to what a request says; StartError says what is wrong.

    Return ``changed``, ``messages`` (a sentence for each change, also for one that check mode only announces), and what
    there is now, without credentials.
    """
    work = _Work(request)
    work.validate()
    if request.state == "started":
        work.start()
    else:
        work.stop()
        if request.state == "absent":
            work.remove()
    return work.result()


class _Work:
    """Carries a request out."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.place = Place(request.directory)
        self.messages: list[str] = []
        self.twin: Twin | None = None
        self.shown: dict[str, Any] = {}

    def say(self, done: str, planned: str) -> None:
        self.messages.append(planned if self.request.check else done)

    # ---- before anything is done

    def validate(self) -> None:
        """Refuse what would be refused later, in check mode too."""
        request = self.request
        if request.state not in STATES:
            raise StartError(f"the state of a twin is one of {', '.join(STATES)}; it was {request.state!r}.")
        if request.profile is not None and request.profile not in PROFILES:
            raise StartError(f"a profile is one of {', '.join(PROFILES)}; it was {request.profile!r}.")
        if request.port is not None and not 0 <= request.port <= 65535:
            raise StartError(f"a port is a number from 0 to 65535; it was {request.port}.")
        if request.state != "started":
            return
        missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
        if missing:
            raise StartError(
                f"the twin needs {', '.join(missing)}, which {sys.executable} does not have. Install the package with its"
                f" dependencies: {sys.executable} -m pip install tests/simulator in a checkout, or the wheel of workspace365-twin."
            )
        try:
            switches = Switches(dict(request.switches))
            store = Store(None)
            seeder = Seeder(store, Directory(store, switches))
            for content in [self._seed(), *(needs_of(one, "secret", {}) for one in request.definitions)]:
                store.clear()
                seeder.merge(content)
        except (SeedError, SwitchError) as problem:
            raise StartError(str(problem)) from problem

    def _seed(self) -> dict[str, Any]:
        seed = self.request.seed
        if seed is None:
            seed = "none" if self.request.definitions else "contoso"
        return load(seed) if isinstance(seed, str) else seed

    # ---- starting

    def start(self) -> None:
        """Start the twin unless it runs, then bring its data and its switches to what the request says."""
        began = False
        if self.place.holder() is None:
            if self.request.check:
                self._announce_start()
                return
            with self.place.locked() as lock:
                if lock is not None:
                    self._launch(lock)
                    began = True
        self.twin = self._running()
        self._compare_address()
        if self.request.fresh and not began:
            self._reset()
        self._switches()
        self._definitions()
        self._scim()
        self._environment_file()

    def _announce_start(self) -> None:
        host, port = self.request.host or LOCAL[0], DEFAULT_PORT if self.request.port is None else self.request.port
        listen(host, port).close()
        if self.place.directory.exists():
            self.place.prepare()
        self.say("", f"The twin would be started on {host}, {f'port {port}' if port else 'any free port'}.")
        for definition in self.request.definitions:
            self.say("", f"Microsoft Entra would get what the description of {_name(definition)} needs.")
        for name in self.request.scim:
            self.say("", f"SCIM would be switched on in the environment {name}.")

    def _launch(self, lock: int) -> None:
        request, place = self.request, self.place
        host, port = request.host or LOCAL[0], DEFAULT_PORT if request.port is None else request.port
        # Asked before the process starts, so that the sentence is ours.
        listen(host, port).close()
        for path in (place.ready, *((*place.data, place.scim) if request.fresh else ())):
            path.unlink(missing_ok=True)
        keys = place.keys()
        write_private(place.seed, json.dumps(self._seed()))
        command = [
            sys.executable, "-m", "w365_simulator", "--host", host, "--port", str(port), "--profile",
            request.profile or "full", "--seed", str(place.seed), "--state", str(place.data[0]), "--tls-directory",
            str(place.tls), "--ready-file", str(place.ready), "--quiet",
        ]  # fmt: skip
        root = str(Path(__file__).resolve().parent.parent)
        variables = {name: value for name, value in os.environ.items() if not name.startswith("W365_")}
        variables["PYTHONPATH"] = os.pathsep.join(part for part in (root, variables.get("PYTHONPATH", "")) if part)
        # Not on the command line, which every user of the machine can read.
        variables |= {f"W365_SIMULATOR_{name.upper()}": value for name, value in keys.items()}
        write_private(place.log, "")
        with place.log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=place.directory, env=variables, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, pass_fds=(lock,), umask=0o077,
            )  # fmt: skip
        os.pwrite(lock, f"{process.pid}\n".encode(), 0)
        self._await(process)
        self.say(f"The twin was started on {host}, port {self._port()}.", "")

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self.place.ready.exists():
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                process.kill()
                process.wait()
                lines = self.place.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                why = "it ended" if ended else f"it was not ready after {START_LIMIT:g} seconds"
                last = lines[-1].removeprefix("w365_simulator: ") if lines else "It printed nothing."
                raise StartError(f"the twin did not start: {why}. {last}")
            time.sleep(0.02)

    def _port(self) -> int:
        return int(read_json(self.place.ready)["url"].rpartition(":")[2])

    def _running(self) -> Twin:
        """Return the twin that runs here, as soon as it answers."""
        deadline = time.monotonic() + START_LIMIT
        while not self.place.ready.exists():
            holder = self.place.holder()
            if holder is None or time.monotonic() > deadline:
                raise StartError(
                    f"a twin runs in {self.place.directory} as process {holder or 'unknown'}, but its file"
                    f" {self.place.ready.name} is missing. Stop it, and start it again."
                )
            time.sleep(0.05)
        ready = read_json(self.place.ready)
        twin = Twin(ready, timeout=ANSWER_LIMIT)
        try:
            twin.switches()
        except (OSError, HTTPException, TwinError) as problem:
            raise StartError(
                f"a twin runs in {self.place.directory} as process {self.place.holder() or 'unknown'}, but it does not"
                f" answer at {ready['url']} ({problem}). Stop it, and start it again."
            ) from problem
        return twin

    def _compare_address(self) -> None:
        twin, request = self.there, self.request
        port = twin.url.rpartition(":")[2]
        host = twin.ready.get("host", LOCAL[0])
        other = []
        if request.port not in (None, 0) and str(request.port) != port:
            other.append(f"port {request.port}")
        if request.host is not None and request.host != host:
            other.append(f"address {request.host}")
        if other:
            raise StartError(
                f"the twin of {self.place.directory} already runs on {host}, port {port}, and {' and '.join(other)} was"
                " asked for. Stop it first, or choose another directory."
            )

    @property
    def there(self) -> Twin:
        """The running twin."""
        assert self.twin is not None
        return self.twin

    # ---- data and switches of a running twin

    def _reset(self) -> None:
        if not self.request.check:
            self.place.scim.unlink(missing_ok=True)
            self.there.reset(self._seed(), self.request.profile or "full")
        self.say("All data was replaced.", "All data would be replaced.")

    def _switches(self) -> None:
        values = dict(self.request.switches)
        if self.request.profile is not None:
            values.setdefault("profile", self.request.profile)
        if not values:
            return
        wanted = {name: getattr(Switches(values), name) for name in Switches(values).all() if name in values}
        current = self.there.switches()
        changed = {name: value for name, value in wanted.items() if current[name] != value}
        if not changed:
            return
        if not self.request.check:
            self.there.switches(**changed)
        names = ", ".join(sorted(changed))
        self.say(f"Switches were set: {names}.", f"Switches would be set: {names}.")

    def _definitions(self) -> None:
        keys = self.place.keys() if self.request.definitions else {}
        for definition in self.request.definitions:
            # In check mode the data that would be replaced is still there.
            tenants = {} if self.request.fresh and self.request.check else self.there.state()["tenants"]
            needs = needs_of(definition, keys["client_secret"], tenants)
            if needs:
                if not self.request.check:
                    self.there.seed(needs)
                self.say(
                    f"Microsoft Entra got {_counts(needs)} for {_name(definition)}.",
                    f"Microsoft Entra would get {_counts(needs)} for {_name(definition)}.",
                )
        if self.request.definitions and not self.request.check:
            self._own_tenant(self.request.definitions[0], keys["client_secret"])

    def _own_tenant(self, definition: Mapping[str, Any], client_secret: str) -> None:
        """Let the ready file name the Microsoft tenant of the (first) description."""
        tenants = self.there.state()["tenants"]
        id_, domain = tenant_of(definition, tenants)
        ready = dict(self.there.ready)
        if ready["tenant_id"] != id_:
            known = {application["client_id"] for application in tenants[id_]["applications"]}
            own = client_id_of(id_)
            ready |= {
                "tenant": domain,
                "tenant_id": id_,
                "client_id": own if own in known else None,
                "client_secret": client_secret if own in known else None,
            }
        ready["environment"] = environment_of(definition)
        write_private(self.place.ready, json.dumps(ready, indent=2) + "\n")
        self.twin = Twin(ready)

    def _scim(self) -> None:
        if not self.request.scim:
            return
        kept = read_json(self.place.scim) if self.place.scim.exists() else {}
        for name in self.request.scim:
            environments = self.there.state()["environments"]
            found = environments.get(name)
            if found is None and not self.request.check:
                raise StartError(
                    f"SCIM cannot be switched on in the environment {name!r}, which does not exist. There are:"
                    f" {', '.join(environments) or 'none'}."
                )
            if found is not None and found["scim_enabled"] and name in kept:
                continue
            if not self.request.check:
                # The key is shown once: where it was shown to somebody else, a new one is made.
                self.there.switch_scim(name, False)
                token = self.there.switch_scim(name) or self.there.scim_token
                kept[name] = {"scim_url": self.there.scim_url(name), "scim_token": token}
                write_private(self.place.scim, json.dumps(kept, indent=2) + "\n")
            self.say(
                f"SCIM was switched on in the environment {name}.",
                f"SCIM would be switched on in the environment {name}.",
            )

    def _environment_file(self) -> None:
        if not self.request.check:
            ready = self.there.ready
            write_private(self.place.environment, exports(connection(ready, ready.get("environment"))))

    # ---- stopping

    def stop(self) -> None:
        """End the twin, first asked and then by force."""
        holder = self.place.holder()
        if holder is None:
            return
        if not self.request.check:
            self._end()
        self.say("The twin was stopped.", "The twin would be stopped.")

    def _end(self) -> None:
        deadline = time.monotonic() + STOP_LIMIT
        sent = None
        while (holder := self.place.holder()) is not None:
            number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
            if holder and (holder, number) != sent:
                try:
                    os.kill(holder, number)
                except ProcessLookupError:
                    pass
                except PermissionError as problem:
                    raise StartError(
                        f"the twin of {self.place.directory} belongs to somebody else (process {holder})."
                    ) from problem
                sent = (holder, number)
            if time.monotonic() > deadline + STOP_LIMIT:
                raise StartError(f"the twin of {self.place.directory} (process {holder}) does not end.")
            time.sleep(0.05)
        self.place.ready.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove every file that the twin wrote, and the directory when nothing else is in it."""
        place = self.place
        if not place.lock.exists():
            return
        if not self.request.check:
            for path in place.files:
                path.unlink(missing_ok=True)
            shutil.rmtree(place.tls, ignore_errors=True)
            place.lock.unlink(missing_ok=True)
            if not any(place.directory.iterdir()):
                place.directory.rmdir()
        self.say("Its files were removed.", "Its files would be removed.")

    # ---- what there is

    def result(self) -> dict[str, Any]:
        """Return the outcome, without credentials."""
        place = self.place
        result: dict[str, Any] = {
            "changed": bool(self.messages),
            "messages": self.messages,
            "running": self.twin is not None,
            "directory": str(place.directory),
            "version": __version__,
        }
        if self.twin is None:
            return result
        state = self.twin.state()
        result |= {
            "url": self.twin.url,
            "page": f"{self.twin.url}/_simulator/",
            "pid": self.twin.pid,
            "ca_path": self.twin.ca_path,
            "ready_file": str(place.ready),
            "environment_file": str(place.environment),
            "scim_file": str(place.scim) if place.scim.exists() else None,
            "profile": state["profile"],
            "tenants": [
                {"id": id_, "display_name": one["display_name"], "domains": [entry["name"] for entry in one["domains"]],
                 "users": len(one["users"]), "groups": len(one["groups"])}
                for id_, one in state["tenants"].items()
            ],
            "environments": {
                name: {"active": one["active"], "scim_enabled": one["scim_enabled"], "users": len(one["users"]),
                       "groups": len(one["groups"])}
                for name, one in state["environments"].items()
            },
        }  # fmt: skip
        if self.request.with_state:
            result["state"] = without_digests(state)
        return result


def status(directory: Path, *, with_state: bool = False) -> dict[str, Any]:
    """Return what there is, and change nothing."""
    work = _Work(Request(directory=directory, check=True, with_state=with_state))
    if work.place.holder() is not None:
        work.twin = work._running()
    return work.result()


def without_digests(value: Any) -> Any:
    """Return a state without the digests of passwords and keys."""
    if isinstance(value, dict):
        return {name: without_digests(item) for name, item in value.items() if not str(name).endswith("sha256")}
    if isinstance(value, list):
        return [without_digests(item) for item in value]
    return value


def _name(definition: Mapping[str, Any]) -> str:
    return environment_of(definition) or "a tenant"


def _counts(needs: Mapping[str, Any]) -> str:
    """Return what a seed adds to a tenant, such as "5 users, 1 group"."""
    (tenant,) = needs["tenants"]
    parts = [
        f"{len(tenant[kind])} {kind if len(tenant[kind]) > 1 else kind.removesuffix('s')}"
        for kind in ("domains", "applications", "users", "groups")
        if tenant[kind]
    ]
    return ", ".join(parts) or "a role"
