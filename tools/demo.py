# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Onboard a whole tenant against the offline twin, from the installed artifact, and verify the claims about it.

A new environment has no SCIM until its administrator switches it on. So `demo.py` plays both stages of onboarding: in
check mode (the twin's request log must hold no write) and for real without SCIM; then the administrator's click, through
the twin's control interface; then the rest in check mode and for real with SCIM; then the first cycle of the twin's
Microsoft Entra; and once more (nothing may change, and nothing may be written). `demo.py --twin` starts the twin and
prints what to export.
The exit code is 0 only when every proof holds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import yaml

import demo_picture
from common import BUILD, COLLECTIONS, FULL_NAME, ROOT, Problem, clean_environment, paint, run_main, stop_group

SIMULATOR = ROOT / "tests" / "simulator"
INSTALLED = COLLECTIONS / "ansible_collections" / "workspace365" / "provisioning"
EXAMPLE = INSTALLED / "playbooks" / "examples" / "contoso.yml"
# The first administrator, one who is listed, one who is imported, and one whom Microsoft Entra provisions.
PEOPLE = ("allan.deyoung@contoso.com", "adele.vance@contoso.com", "ben.walters@contoso.com", "debra.berger@contoso.com")
PLAYBOOK = f"{FULL_NAME}.onboard_tenant"
# Microsoft Entra needs minutes until all of its servers know a new application. The twin needs none.
TWINS_TIMES = {"sso": {"replication_timeout": 2, "activation_timeout": 2}, "scim": {"replication_timeout": 2}}
# Seconds the twin may take until it answers. It needs about one; a busy machine needs more.
START_LIMIT = 60


@dataclass(frozen=True)
class Twin:
    """A running twin: what its ready file says."""

    ready: dict[str, Any]
    ready_file: Path

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call the twin's control interface; the JSON that it answers, None for an empty answer."""
        url = f"{self.ready['url']}/_simulator/{path}"
        try:
            answer = requests.request(method, url, json=body, verify=self.ready["ca_path"], timeout=30)
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except (requests.RequestException, ValueError) as error:
            raise Problem(f"the twin does not answer {method} {url}: {error}") from error

    def switch_scim_on(self, environment: str) -> dict[str, str]:
        """What an administrator does inside the environment: the address and the key, which is shown once."""
        shown: dict[str, str] = self.ask("POST", "scim", {"environment": environment})
        return {"W365_SCIM_URL": shown["scim_url"], "W365_SCIM_TOKEN": shown["scim_token"]}

    def run_cycle(self) -> list[dict[str, Any]]:
        """One cycle of every provisioning job in the twin's Microsoft Entra: what each did."""
        done: list[dict[str, Any]] = self.ask("POST", "run-cycle", {})["cycles"]
        return done

    def sign_in(self, environment: str, user: str) -> dict[str, Any]:
        """Whether this person could sign in now, and every reason against it."""
        answer: dict[str, Any] = self.ask("GET", f"sign-in?environment={quote(environment)}&user={quote(user)}")
        return answer

    def take_requests(self) -> list[dict[str, Any]]:
        """What has arrived since the last call."""
        arrived: list[dict[str, Any]] = self.ask("GET", "requests")["requests"]
        self.ask("DELETE", "requests")
        return arrived


def twin_command(ready_file: Path, port: int) -> list[str]:
    """How to start the twin."""
    command = [sys.executable, "-m", "w365_simulator", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--profile", "full", "--seed", "contoso", "--quiet"]
    return [*command, "--ready-file", str(ready_file), "--tls-directory", str(ready_file.parent / "tls")]


@contextlib.contextmanager
def running_twin(directory: Path, port: int) -> Iterator[Twin]:
    """Start the twin in its own process and wait until it is ready; stop it at the end, whatever happens."""
    if not (SIMULATOR / "w365_simulator" / "__main__.py").is_file():
        raise Problem(f"the twin is missing: {SIMULATOR.relative_to(ROOT)}/w365_simulator. Is this a whole checkout?")
    directory.mkdir(parents=True, exist_ok=True)
    ready_file, log = directory / "ready.json", directory / "twin.log"
    ready_file.unlink(missing_ok=True)
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            twin_command(ready_file, port),
            cwd=directory,
            env=clean_environment({"PYTHONPATH": str(SIMULATOR)}),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_LIMIT
        while not ready_file.exists():
            output_so_far = log.read_text(encoding="utf-8", errors="replace").strip()
            if process.poll() is not None:
                raise Problem(
                    f"the twin did not start (exit code {process.returncode}). Its output:\n{output_so_far or 'none'}"
                )
            if time.monotonic() > deadline:
                raise Problem(
                    f"the twin was not ready after {START_LIMIT} seconds. Its output:\n{output_so_far or 'none'}"
                )
            time.sleep(0.05)
        yield Twin(json.loads(ready_file.read_text(encoding="utf-8")), ready_file)
    finally:
        stop_group(process)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises Problem when it is missing or broken."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Problem(f"{path} cannot be read: {error}") from error


def definition(twin: Twin) -> Path:
    """The example, with the times that the twin needs."""
    content = read_yaml(EXAMPLE)
    tenant = content["w365_tenant_definition"]
    tenant["sso"]["app"] |= TWINS_TIMES["sso"]
    tenant["scim"] |= TWINS_TIMES["scim"]
    path = twin.ready_file.with_name(EXAMPLE.name)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def connection(twin: Twin) -> dict[str, str]:
    """The variables under which the playbook finds the twin and its credentials. A new environment has no SCIM yet."""
    name = read_yaml(EXAMPLE)["w365_tenant_definition"]["environment"]["name"]
    ready = twin.ready
    return {
        "W365_INSTANCE_URL": ready["instance_url"],
        "W365_PROVISIONING_KEY": ready["provisioning_key"],
        "W365_ENVIRONMENT": name,
        "W365_CA_PATH": ready["ca_path"],
        "W365_ENTRA_TENANT": ready["tenant"],
        "W365_ENTRA_CLIENT_ID": ready["client_id"],
        "W365_ENTRA_CLIENT_SECRET": ready["client_secret"],
        "W365_ENTRA_AUTHORITY": ready["entra_authority"],
        "W365_GRAPH_URL": ready["graph_url"],
    }


@dataclass(frozen=True)
class Run:
    """One run of the playbook that ended well: the recap's figures by host, what arrived at the twin, seconds, output."""

    recap: dict[str, dict[str, int]]
    arrived: list[dict[str, Any]]
    seconds: float
    output: str = field(default="", repr=False)

    @property
    def changed(self) -> int:
        """Tasks that changed something, in every play and on every host."""
        return sum(figures["changed"] for figures in self.recap.values())

    @property
    def writes(self) -> list[str]:
        """The writes that arrived, readable."""
        return [f"{entry['method']} {entry['path']} ({entry['status']})" for entry in self.arrived if entry["write"]]


def read_recap(output: str) -> dict[str, dict[str, int]]:
    """The figures under PLAY RECAP, such as {"localhost": {"ok": 9, "changed": 0, "failed": 0}}; empty without one."""
    plain = re.sub(r"\033\[[0-9;]*m", "", output)
    _, found, recap = plain.rpartition("PLAY RECAP")
    return {
        line.split(":", 1)[0].strip(): {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}
        for line in recap.splitlines()
        if found and re.search(r":\s+ok=\d+\s+changed=\d+", line)
    }


def run_playbook(twin: Twin, *options: str, scim: Mapping[str, str] | None = None) -> Run:
    """Run the playbook of the installed collection; show its output while it comes. `scim` are variables too."""
    command = ["ansible-playbook", PLAYBOOK, "-e", f"@{definition(twin)}", *options]
    say("$ " + " ".join(command).replace(f"{ROOT}/", ""), "cyan")
    twin.take_requests()
    environment = clean_environment(
        {
            **connection(twin),
            **(scim or {}),
            "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else "0",
            "ANSIBLE_NOCOWS": "1",
        }
    )
    begin = time.monotonic()
    output = ""
    process = subprocess.Popen(
        command,
        cwd=twin.ready_file.parent,
        env=environment,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        for line in process.stdout or ():
            output += line
            print(line, end="", flush=True)
        code = process.wait()
    finally:
        if process.poll() is None:
            stop_group(process)
    if code:
        raise Problem(f"ansible-playbook ended with exit code {code}; see its output above. The demo ends here.")
    return Run(read_recap(output), twin.take_requests(), time.monotonic() - begin, output)


class Proofs:
    """Collects the claims that failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def expect(self, holds: bool, claim: str, otherwise: str) -> None:
        """Print the claim as proved, or `otherwise`."""
        if holds:
            say(claim, "green", mark="  proved: ")
        else:
            say(otherwise, "red", mark="  NOT SO: ")
            self.failed.append(otherwise)


def narrate(text: str) -> None:
    """Print one sentence of the narration."""
    say(text, "bold", before="\n")


spoken: list[tuple[str, str]] = []
"""What the demo has said in its own words, each line with its color. The picture in README shows a part of it."""


def say(text: str, color: str = "", *, before: str = "", mark: str = "") -> None:
    """Print a line of the demo's own, and remember it. `mark` is a beginning that has the color instead of the line."""
    spoken.append((mark + text, color))
    shown = paint(mark, color) + text if mark else paint(text, color) if color else text
    print(before + shown, flush=True)


def expect_preview(proofs: Proofs, run: Run) -> None:
    """Check mode announces changes and writes nothing."""
    proofs.expect(run.changed > 0, f"it announces changes in {run.changed} tasks", "it announces no change at all")
    proofs.expect(
        bool(run.arrived) and not run.writes,
        f"the twin's log holds {len(run.arrived)} requests of it and no write among them",
        f"the twin's log holds {len(run.arrived)} requests and these writes: {', '.join(run.writes) or 'none'}",
    )


def expect_changes(proofs: Proofs, run: Run) -> None:
    """A real run changes and writes something."""
    proofs.expect(
        run.changed > 0 and bool(run.writes),
        f"{run.changed} tasks changed something, with {len(run.writes)} writes",
        f"{run.changed} tasks changed something, and {len(run.writes)} writes arrived",
    )


def first_stage(twin: Twin, proofs: Proofs) -> None:
    """Without SCIM, which a new environment does not have: the environment, its administrator and single sign-on.

    Single sign-on is all of it: app registration, consent, secret, and the link in Workspace 365.
    """
    environments = twin.ask("GET", "state")["environments"]
    proofs.expect(not environments, "no environment exists yet", f"environments exist already: {list(environments)}")
    narrate("1. Stage one: what would be done? The playbook in check mode, with differences. It must not write.")
    expect_preview(proofs, run_playbook(twin, "--check", "--diff"))
    narrate(
        "2. Stage one for real: the environment, its first administrator, and single sign-on with its app registration."
    )
    real = run_playbook(twin)
    expect_changes(proofs, real)
    surfaces = {entry["surface"] for entry in real.arrived if entry["write"]}
    proofs.expect(
        surfaces == {"provisioning", "graph"}, "nothing was written over SCIM", f"writes over {sorted(surfaces)}"
    )
    proofs.expect(
        "SCIM is not switched on in environment" in real.output,
        "it says how the administrator switches SCIM on",
        "it does not say how to switch SCIM on",
    )


def expect_sign_in(proofs: Proofs, twin: Twin, *people: str) -> None:
    """People can sign in, as far as what Workspace 365 and Microsoft Entra hold shows."""
    environment = connection(twin)["W365_ENVIRONMENT"]
    reasons = [f"{upn}: {each['reason']}" for upn in people for each in twin.sign_in(environment, upn)["reasons"]]
    proofs.expect(not reasons, f"{', '.join(people)} can sign in", f"somebody cannot sign in: {'; '.join(reasons)}")


def first_cycle(twin: Twin, proofs: Proofs) -> None:
    """The twin's Microsoft Entra sends the people who are assigned to the application for SCIM."""
    jobs = twin.run_cycle()
    problems = [str(job.get("problem") or job.get("skipped")) for job in jobs if job.get("code") != "Active"]
    proofs.expect(
        len(jobs) == 1 and not problems,
        f"one provisioning job ran, and created {jobs[0].get('entries', {}).get('create', 0)} users and groups"
        if jobs
        else "",
        f"{len(jobs)} provisioning jobs ran: {', '.join(problems)}",
    )


def second_stage(twin: Twin, proofs: Proofs, scim: Mapping[str, str]) -> None:
    """With SCIM: the application for SCIM and its first cycle, users, groups and administrators."""
    narrate("4. Stage two: the same playbook with the SCIM address and key, in check mode first.")
    expect_preview(proofs, run_playbook(twin, "--check", "--diff", scim=scim))
    narrate("5. Stage two for real: the application for SCIM, users, groups and administrators.")
    real = run_playbook(twin, scim=scim)
    expect_changes(proofs, real)
    address = scim["W365_SCIM_URL"]
    proofs.expect(
        f"SCIM address: {address}" in real.output and scim["W365_SCIM_TOKEN"] not in real.output,
        f"its summary shows the SCIM address {address}, and its output not the key",
        "its summary does not show the SCIM address, or its output shows the key",
    )
    narrate("6. Microsoft Entra's first cycle, which provisions the people of a group.")
    first_cycle(twin, proofs)
    expect_sign_in(proofs, twin, *PEOPLE)
    narrate("7. Once more. Everything matches the definition now, so nothing may change.")
    again = run_playbook(twin, scim=scim)
    proofs.expect(
        bool(again.recap) and again.changed == 0,
        "changed=0 in every play",
        f"{again.changed} tasks changed something" if again.recap else "there is no recap to read changed=0 from",
    )
    proofs.expect(
        bool(again.arrived) and not again.writes,
        f"the twin received {len(again.arrived)} requests and no write",
        f"the twin received {len(again.arrived)} requests and these writes: {', '.join(again.writes) or 'none'}",
    )


def demo() -> int:
    """Both stages and their proofs."""
    if not EXAMPLE.is_file():
        raise Problem(f"{EXAMPLE.relative_to(ROOT)} is not there. Run 'make install', which installs the artifact.")
    begin = time.monotonic()
    proofs = Proofs()
    narrate(
        "Starting the offline twin: Workspace 365, Microsoft Entra and Microsoft Graph on a free port of this machine."
    )
    with running_twin(BUILD / "demo", 0) as twin:
        print(f"It answers at {twin.ready['url']}. Entra holds Contoso's people; Workspace 365 is empty.")
        first_stage(twin, proofs)
        expect_sign_in(proofs, twin, PEOPLE[0])
        narrate("3. The click: the administrator switches SCIM on inside the environment, and copies address and key.")
        scim = twin.switch_scim_on(connection(twin)["W365_ENVIRONMENT"])
        print(f"The environment shows the address {scim['W365_SCIM_URL']} and, once, the key.")
        second_stage(twin, proofs, scim)
        narrate("8. What Workspace 365 holds now.")
        show = [sys.executable, "-m", "w365_simulator", "show", "--ready-file", str(twin.ready_file)]
        shown = subprocess.run(show, env=clean_environment({"PYTHONPATH": str(SIMULATOR)}), check=False)
        if shown.returncode:
            proofs.expect(False, "", "the twin could not be shown")
    if proofs.failed:
        narrate("The demo failed to prove:")
        print("".join(f"  - {sentence}\n" for sentence in proofs.failed), end="")
        return 1
    narrate(f"Everything was proved, in {time.monotonic() - begin:.0f} seconds.")
    (BUILD / "demo" / "spoken.json").write_text(json.dumps(spoken), encoding="utf-8")
    demo_picture.check(spoken)
    print("To try it yourself: make twin")
    return 0


def in_background(directory: Path, *words: str) -> Any:
    """Run a command for a twin in the background; what it answers."""
    command = [sys.executable, "-m", "w365_simulator", *words, "--directory", str(directory), "--json"]
    done = subprocess.run(
        command,
        env=clean_environment({"PYTHONPATH": str(SIMULATOR)}),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise Problem(f"the twin could not be asked: {done.stdout or 'see its output above'}") from None
    if "error" in answer:
        raise Problem(str(answer["error"]))
    return answer


def description_of(customer: str, folder: Path) -> Path:
    """The file that describes a customer: the one that is named, or one for a name, which is written unless it exists."""
    if customer.endswith((".yml", ".yaml")) or "/" in customer:
        if not Path(customer).is_file():
            raise Problem(f"there is no file {customer}. Name a file with w365_tenant_definition, or only a name.")
        return Path(customer).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{customer}.yml"
    example = [sys.executable, "-m", "w365_simulator", "example", customer, "--output", str(path)]
    done = subprocess.run(
        example, env=clean_environment({"PYTHONPATH": str(SIMULATOR)}), text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise Problem(done.stderr.strip().partition(": ")[2] or "the description could not be written.")
    return path


def short(path: Path) -> str:
    """A path as a person types it in this folder."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def suggestions(answer: Mapping[str, Any], description: Path, *, of_customer: bool) -> list[str]:
    """What to try, in its order."""
    control = f"{answer['url']}/_simulator"
    play = f"ansible-playbook {PLAYBOOK} -e @{short(description)}"
    show = (
        f"PYTHONPATH={short(SIMULATOR)} python -m w365_simulator show --ready-file {short(Path(answer['ready_file']))}"
    )
    if of_customer:
        return [f"{play} --check --diff", play, show]
    return [
        f"{play} --check --diff",
        play,
        f'curl --cacert $W365_CA_PATH --json \'{{"environment": "contoso"}}\' {control}/scim',
        "export W365_SCIM_URL=... W365_SCIM_TOKEN=...",
        play,
        f"curl --cacert $W365_CA_PATH --json '{{}}' {control}/run-cycle",
        show,
    ]


def serve(port: int, customer: str, directory: Path) -> int:
    """Start the twin, say what to try, and wait until Ctrl-C. With a customer its Entra is that customer's."""
    # A user ends it with Ctrl-C, a script with SIGTERM; both must stop the twin too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    description = description_of(customer, directory.parent / "customers") if customer else EXAMPLE
    words = ["--definition", str(description)] if customer else ["--seed", "contoso"]
    in_background(directory, "remove")
    try:
        answer = in_background(directory, "start", "--port", str(port), *words)
        script = Path(answer["environment_file"])
        lines = script.read_text(encoding="utf-8")
        if not customer:
            name = read_yaml(EXAMPLE)["w365_tenant_definition"]["environment"]["name"]
            lines += f"export W365_ENVIRONMENT={shlex.quote(name)}\n"
        lines += f"export ANSIBLE_COLLECTIONS_PATH={shlex.quote(str(COLLECTIONS))}\n"
        lines += f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n'
        script.write_text(lines, encoding="utf-8")
        narrate(f"The twin answers at {answer['url']}. Ctrl-C ends it, and all its data is lost.")
        print(f"In a browser: {answer['page']} (it has a certificate of its own, which the browser does not know)")
        if customer:
            print(
                f"The customer: {short(description)}, a file that is yours. Its people are in the twin's Microsoft Entra."
            )
        print("In another terminal, in this folder:\n")
        for line in (f"source {short(script)}", *suggestions(answer, description, of_customer=bool(customer))):
            print(paint(f"  {line}", "cyan"), flush=True)
        print(flush=True)
        while in_background(directory, "status")["running"]:
            time.sleep(5)
        raise Problem(f"the twin has ended by itself. Its log is {short(directory)}/twin.log.")
    finally:
        in_background(directory, "remove")


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Onboard a tenant against the offline twin, in two stages, with proofs."
    )
    parser.add_argument("--twin", action="store_true", help="only start the twin and print what to export")
    parser.add_argument("--port", type=int, default=8365, help="where --twin listens; default 8365")
    parser.add_argument(
        "--customer", default="", help="a name, or a file that describes a tenant: whose Entra --twin has"
    )
    parser.add_argument("--directory", type=Path, default=BUILD / "twin", help="where the files of --twin are")
    options = parser.parse_args()
    return serve(options.port, options.customer.strip(), options.directory.absolute()) if options.twin else demo()


if __name__ == "__main__":
    run_main(main)
