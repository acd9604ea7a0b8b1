# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a real twin in a test, and talk to its control interface.

from w365_simulator.testing import start_twin

with start_twin(seed="none") as twin:
    twin.switches(html_errors=True)
    twin.fault(surface="provisioning", action="status", status=429, retry_after=1)
    assert [request for request in twin.requests() if request["write"]] == []
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

# Seconds. An ordinary start takes half a second; a generated seed of 50,000 people takes longer on a busy machine.
START_LIMIT = 120.0


class TwinError(RuntimeError):
    """The twin did not start, or refused a request of a test."""


class Control:
    """The control interface of a running twin, over one connection that is kept. ``ca_path`` is that of its certificate,
    ``timeout`` the time in seconds within which a call has to be answered.
    """

    def __init__(self, url: str, ca_path: str, timeout: float = 60.0) -> None:
        self._url = urlsplit(url)
        self._ca_path = ca_path
        self._timeout = timeout
        self._connection: http.client.HTTPSConnection | None = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call /_simulator/<path>; return the JSON of the answer, or None. Raises TwinError when the twin refuses it."""
        payload = None if body is None else json.dumps(body).encode()
        for attempt in (1, 2):
            if self._connection is None:
                context = ssl.create_default_context(cafile=self._ca_path)
                self._connection = http.client.HTTPSConnection(
                    self._url.hostname or "", self._url.port, timeout=self._timeout, context=context
                )
            try:
                self._connection.request(method, f"/_simulator/{path}", payload, {"Content-Type": "application/json"})
                answer = self._connection.getresponse()
                content = answer.read()
                break
            except (OSError, http.client.HTTPException):
                # The twin may have been restarted since the last call.
                self.close()
                if attempt == 2:
                    raise
        if answer.status >= 400:
            raise TwinError(
                f"{method} /_simulator/{path} answered {answer.status}: {content.decode('utf-8', 'replace')}"
            )
        return json.loads(content) if content else None

    def close(self) -> None:
        """End the connection; the next call makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Twin:
    """A running twin. ``ready`` is the content of its ready file; the most used fields are attributes.

    ``timeout`` is the time in seconds within which the control interface has to answer.
    """

    def __init__(
        self,
        ready: Mapping[str, Any],
        process: subprocess.Popen[bytes] | None = None,
        log: Path | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.ready = dict(ready)
        self.process = process
        self.log = log
        self.url: str = ready["url"]
        self.instance_url: str = ready["instance_url"]
        self.ca_path: str = ready["ca_path"]
        self.provisioning_key: str = ready["provisioning_key"]
        self.scim_token: str = ready["scim_token"]
        self.graph_url: str = ready["graph_url"]
        self.entra_authority: str = ready["entra_authority"]
        self.tenant: str | None = ready["tenant"]
        self.tenant_id: str | None = ready["tenant_id"]
        self.client_id: str | None = ready["client_id"]
        self.client_secret: str | None = ready["client_secret"]
        self.pid: int = ready["pid"]
        self._control = Control(self.url, self.ca_path, timeout)

    @classmethod
    def from_ready_file(cls, path: str | Path) -> Twin:
        """Use a twin that another process has started."""
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def scim_url(self, environment: str) -> str:
        """Return the root of an environment's SCIM service."""
        return f"{self.url}/{environment}/scim/v2"

    # ---- the control interface

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call /_simulator/<path>; return the JSON of the answer, or None."""
        return self._control.call(method, path, body)

    def state(self) -> dict[str, Any]:
        """Return everything that the twin holds."""
        result: dict[str, Any] = self.control("GET", "state")
        return result

    def environment(self, name: str) -> dict[str, Any]:
        """Return the state of one environment."""
        result: dict[str, Any] = self.state()["environments"][name]
        return result

    def requests(
        self, since: int = 0, *, surface: str | None = None, write: bool | None = None
    ) -> list[dict[str, Any]]:
        """Return the log, if asked only of one surface, only writes or only reads."""
        found: list[dict[str, Any]] = self.control("GET", f"requests?since={since}")["requests"]
        return [
            request
            for request in found
            if (surface is None or request["surface"] == surface) and (write is None or request["write"] == write)
        ]

    def writes(self) -> list[dict[str, Any]]:
        """Return every request that changed something or tried to."""
        return self.requests(write=True)

    def digest(self, credential: str) -> str:
        """Return what the log shows in place of a credential: the same digest wherever a request carried it."""
        return str(self.control("POST", "digest", {"text": credential})["digest"])

    def requests_with(self, credential: str) -> list[dict[str, Any]]:
        """Return the requests that carried a credential: in a header, in the query or anywhere in the body."""
        digest = self.digest(credential)
        return [request for request in self.requests() if digest in {one["digest"] for one in request["credentials"]}]

    def clear_requests(self) -> None:
        """Empty the log."""
        self.control("DELETE", "requests")

    def reset(self, seed: Any = "none", profile: str | None = None) -> None:
        """Remove all data, return switches to their start, remove faults, empty the log, and seed."""
        self.control("POST", "reset", {"seed": seed, "profile": profile})

    def seed(self, seed: Any) -> None:
        """Merge a seed: a dictionary, or a name as on the command line."""
        self.control("POST", "seed", seed)

    def change_tenant(self, *operations: Mapping[str, Any], tenant: str | None = None) -> list[dict[str, Any]]:
        """Change a Microsoft tenant, all of it or nothing; return operation and id of each.

        twin.change_tenant({"op": "change_user", "user": "adele.vance@contoso.com", "set": {"surname": "Wilber"}})
        """
        body: dict[str, Any] = {"operations": operations}
        if tenant is not None:
            body["tenant"] = tenant
        result: list[dict[str, Any]] = self.control("PATCH", "tenant", body)["results"]
        return result

    def sign_in(self, environment: str, user: str) -> dict[str, Any]:
        """Return whether a person could sign in to an environment now, and the reasons against it."""
        query = urlencode({"environment": environment, "user": user})
        result: dict[str, Any] = self.control("GET", f"sign-in?{query}")
        return result

    def run_cycle(self, principal: str | None = None) -> list[dict[str, Any]]:
        """Run the next provisioning cycle of every job, or of one application; return what each did."""
        body = {} if principal is None else {"principal": principal}
        result: list[dict[str, Any]] = self.control("POST", "run-cycle", body)["cycles"]
        return result

    def move_clock(self, **change: Any) -> str:
        """Move the clock of the twin by advance or to offset (seconds) or to now (ISO 8601); return its time."""
        return str(self.control("PATCH", "clock", change)["now"])

    def release(self) -> int:
        """Release every request that a fault holds; return how many there were."""
        return int(self.control("DELETE", "holds")["released"])

    def switch_scim(self, environment: str, enabled: bool = True) -> str | None:
        """Switch SCIM on or off for an environment, as an administrator does there; return the key, shown once."""
        result: dict[str, str | None] = self.control("POST", "scim", {"environment": environment, "enabled": enabled})
        return result["scim_token"]

    def switches(self, **values: Any) -> dict[str, Any]:
        """Change switches and return all of them."""
        result: dict[str, Any] = (
            self.control("PATCH", "switches", values) if values else self.control("GET", "switches")
        )
        return result

    def reset_switches(self) -> None:
        """Return every switch to its value at the start."""
        self.control("DELETE", "switches")

    def fault(self, **rule: Any) -> dict[str, Any]:
        """Add a fault and return it."""
        result: dict[str, Any] = self.control("POST", "faults", rule)["faults"][0]
        return result

    def faults(self) -> list[dict[str, Any]]:
        """Return every fault with how often it was applied."""
        result: list[dict[str, Any]] = self.control("GET", "faults")["faults"]
        return result

    def clear_faults(self) -> None:
        """Remove every fault."""
        self.control("DELETE", "faults")

    # ---- the process

    def stop(self, *, kill: bool = False) -> None:
        """End the process that this object started; ``kill`` ends it without its cleanup."""
        self._control.close()
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def output(self) -> str:
        """Return what the process has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log else ""


def launch(
    directory: str | Path, *, seed: Any = "none", profile: str = "full", state: str | Path | None = None,
    tls_directory: str | Path | None = None, quirks: Mapping[str, Any] | None = None, port: int = 0,
    arguments: tuple[str, ...] = (), environ: Mapping[str, str] | None = None,
) -> Twin:  # fmt: skip
    """Start a twin and return it as soon as it answers; the caller stops it. Its files go to ``directory``."""
    directory = Path(directory).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    ready_file, log = directory / "ready.json", directory / "twin.log"
    ready_file.unlink(missing_ok=True)
    if not isinstance(seed, str):
        seed_file = directory / "seed.json"
        seed_file.write_text(json.dumps(seed), encoding="utf-8")
        seed = str(seed_file)
    command = [
        sys.executable, "-m", "w365_simulator", "--port", str(port), "--profile", profile, "--seed", seed,
        "--tls-directory", str(tls_directory or directory / "tls"), "--ready-file", str(ready_file), "--with-parent",
        *arguments,
    ]  # fmt: skip
    if state is not None:
        command += ["--state", str(state)]
    for name, value in (quirks or {}).items():
        command += ["--quirk", f"{name}={value}"]
    package_root = str(Path(__file__).resolve().parent.parent)
    variables = {**os.environ, **(environ or {})}
    variables["PYTHONPATH"] = os.pathsep.join(part for part in (package_root, variables.get("PYTHONPATH", "")) if part)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=variables, start_new_session=True
        )
    deadline = time.monotonic() + START_LIMIT
    while not ready_file.exists():
        if process.poll() is not None:
            raise TwinError(
                f"The twin ended with {process.returncode}: {log.read_text(encoding='utf-8', errors='replace')}"
            )
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise TwinError(
                f"The twin was not ready after {START_LIMIT:g} seconds:"
                f" {log.read_text(encoding='utf-8', errors='replace')}"
            )
        time.sleep(0.02)
    return Twin(json.loads(ready_file.read_text(encoding="utf-8")), process, log)


@contextmanager
def start_twin(directory: str | Path | None = None, **options: Any) -> Iterator[Twin]:
    """Start a twin as ``launch`` does, and stop it at the end; without a directory its files are temporary."""
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="w365-twin-") as temporary, start_twin(temporary, **options) as twin:
            yield twin
        return
    twin = launch(directory, **options)
    try:
        yield twin
    finally:
        twin.stop()
