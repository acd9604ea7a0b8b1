# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: options, the start, and the file that says how to reach the twin."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import DEFAULT_PROVISIONING_KEY, DEFAULT_SCIM_TOKEN, __version__
from .contract import PROFILES
from .faults import ACTIONS
from .switches import TABLE, Several, SwitchError, Switches, Text, convert, current_name
from .tenant import OPERATIONS

BACKGROUND = ("start", "stop", "remove", "status", "apply", "example")

_EPILOG = """\
a twin in the background, with its own help (start --help):
  start [--definition FILE]         start it, unless it runs; Microsoft Entra gets the people whom the file names
  stop, remove, status              stop it; stop it and remove its files; say what there is
  example NAME                      write a description of a customer, to begin with
  apply                             what programs use: a request as JSON on standard input

examples:
  python -m w365_simulator --seed contoso --ready-file /tmp/twin.json
  python -m w365_simulator show --ready-file /tmp/twin.json
  python -m w365_simulator --port 0 --profile documented --quirk sanitize_names=lower --quirk html_errors=true

what answers where, all on one port:
  /Provisioning/...                 the Provisioning API; header ProvisioningKey
  /{environment}/scim/v2/...        SCIM 2.0 of an environment; bearer token
  /{tenant}/oauth2/v2.0/token       Microsoft Entra's token endpoint and discovery; tenant is an id or a domain
  /metadata/identity/oauth2/token   managed identity (AZURE_POD_IDENTITY_AUTHORITY_HOST); /msi/token for App Service
  /graph/v1.0/...                   Microsoft Graph
  /{environment}/SignIn             sends the browser to the authority of single sign-on
  /_simulator/...                   state, requests, switches, faults, holds, clock, seed, tenant, scim, sign-in,
                                    run-cycle, reset; this machine only, no key

faults (POST /_simulator/faults), by action:
{faults}

changes of a running tenant (PATCH /_simulator/tenant), by op:
{operations}

switches (--quirk NAME=VALUE, PATCH /_simulator/switches):
"""


class StartError(Exception):
    """The twin cannot start; the sentence says why and what to do."""


def program() -> str:
    """Return what the person has called."""
    name = Path(sys.argv[0]).name
    return name if name.startswith("w365-twin") else "python -m w365_simulator"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    quirks = "\n".join(
        f"  {name}={row[0] if not isinstance(row[0], bool) else str(row[0]).lower()}\n"
        + textwrap.fill(row[2] + _values(row[1]), 110, initial_indent=" " * 6, subsequent_indent=" " * 6)
        for name, row in TABLE.items()
        if name != "profile"
    )
    faults = "\n".join(f"  {name:<15} {words}" for name, words in ACTIONS.items())
    operations = "\n".join(
        f"  {name:<22}" + ", ".join((*required, *(f"[{field}]" for field in optional)))
        for name, (required, optional) in OPERATIONS.items()
    )
    main = argparse.ArgumentParser(
        prog=program(),
        description=(
            "An offline twin of Workspace 365 (Provisioning API and SCIM), Microsoft Entra (tokens) and Microsoft"
            " Graph."
        ),
        epilog=_EPILOG.format(environment="{environment}", tenant="{tenant}", faults=faults, operations=operations)
        + quirks,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    main.add_argument(
        "command",
        nargs="?",
        choices=("serve", "show"),
        default="serve",
        help="serve (the default), or show what a running twin holds",
    )
    main.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    main.add_argument(
        "--port", type=port_number, default=8365, help="port to listen on; 0 takes a free one (default: %(default)s)"
    )
    main.add_argument(
        "--profile", choices=PROFILES, default="full", help=f"{TABLE['profile'][2]} (default: %(default)s)"
    )
    main.add_argument(
        "--state",
        type=Path,
        metavar="PATH",
        help="SQLite file that survives a restart; without it nothing is kept after the end",
    )
    main.add_argument(
        "--tls-directory",
        type=Path,
        metavar="DIR",
        help="where the certificate authority lives; kept when it is there already",
    )
    main.add_argument(
        "--seed",
        default="contoso",
        metavar="NAME",
        help="contoso, none, generated:N, or a YAML or JSON file; only an empty state is seeded (default: %(default)s)",
    )
    main.add_argument(
        "--quirk", action="append", default=[], metavar="NAME=VALUE", help="set a switch, see below; may be repeated"
    )
    main.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="JSON file that is written as soon as the twin answers, with URLs and credentials",
    )
    main.add_argument(
        "--provisioning-key",
        metavar="KEY",
        help="key of the Provisioning API (default: W365_SIMULATOR_PROVISIONING_KEY, or a demo value)",
    )
    main.add_argument(
        "--client-secret",
        metavar="SECRET",
        help=(
            "secret of the applications of packaged and generated seeds (default: W365_SIMULATOR_CLIENT_SECRET, or a demo"
            " value)"
        ),
    )
    main.add_argument(
        "--scim-token",
        metavar="TOKEN",
        help=(
            "SCIM token of every environment that has none of its own (default: W365_SIMULATOR_SCIM_TOKEN, or a demo"
            " value)"
        ),
    )
    main.add_argument(
        "--with-parent", action="store_true", help="end as soon as the process that started the twin has ended"
    )
    main.add_argument("--quiet", action="store_true", help="print nothing")
    main.add_argument("--version", action="version", version=__version__)
    return main


def _values(kind: Any) -> str:
    """Return the values of a switch that has words for them."""
    if isinstance(kind, Several):
        return f" ({', '.join(kind.words)}, or some of {','.join(kind.names)})"
    if isinstance(kind, Text):
        return f" ({kind.words})"
    return f" ({', '.join(kind)})" if isinstance(kind, tuple) else ""


def port_number(text: str) -> int:
    """Return a port of the command line."""
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535; it was {text!r}")
    return port


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run the command line and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in BACKGROUND:
        from .background_cli import main as background

        return background(words, program())
    options = parser().parse_args(words)
    try:
        if options.command == "show":
            return _show(options)
        return _serve(options, environ)
    except StartError as problem:
        print(f"w365_simulator: {problem}", file=sys.stderr)
        return 2


def _show(options: argparse.Namespace) -> int:
    from .show import ShowError, fetch_state, render

    if options.ready_file is None:
        raise StartError("show needs --ready-file, the file that the running twin has written.")
    try:
        print(render(fetch_state(options.ready_file)))
    except ShowError as problem:
        raise StartError(str(problem)) from problem
    return 0


def _switches(options: argparse.Namespace) -> Switches:
    values: dict[str, Any] = {"profile": options.profile}
    for quirk in options.quirk:
        name, equals, value = quirk.partition("=")
        if not equals:
            raise StartError(f"--quirk takes NAME=VALUE; it was {quirk!r}.")
        try:
            values[current_name(name)] = convert(current_name(name), value)
        except SwitchError as problem:
            raise StartError(f"--quirk {quirk}: {problem}") from problem
    return Switches(values)


def listen(host: str, port: int) -> socket.socket:
    """Return an open socket, or say why there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Without this, small answers wait for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as problem:
        listener.close()
        if getattr(problem, "errno", None) == errno.EADDRINUSE:
            raise StartError(
                f"port {port} on {host} is in use. Stop what listens there, or choose another port with --port (0 takes"
                " a free one)."
            ) from problem
        raise StartError(f"cannot listen on {host} port {port}: {problem}.") from problem
    return listener


def _serve(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from .seeding import SeedError, load
    from .server import Twin, run
    from .store import StateError, Store
    from .tls import TlsError, prepare

    switches = _switches(options)
    provisioning_key = (
        options.provisioning_key or environ.get("W365_SIMULATOR_PROVISIONING_KEY") or DEFAULT_PROVISIONING_KEY
    )
    scim_token = options.scim_token or environ.get("W365_SIMULATOR_SCIM_TOKEN") or DEFAULT_SCIM_TOKEN
    client_secret = options.client_secret or environ.get("W365_SIMULATOR_CLIENT_SECRET") or None
    if options.ready_file is not None and not options.ready_file.absolute().parent.is_dir():
        raise StartError(f"the ready file {options.ready_file} cannot be written: its directory does not exist.")
    listener = listen(options.host, options.port)
    temporary = store = None
    # uvicorn shuts down on a signal and then raises it once more; without these handlers the cleanup below is skipped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        if options.tls_directory is None:
            temporary = tempfile.mkdtemp(prefix="w365-simulator-")
        authority, certificate = prepare((options.tls_directory or Path(str(temporary))).absolute(), options.host)
        store = Store(options.state)
        twin = Twin(
            store, switches, provisioning_key=provisioning_key, scim_token=scim_token, authority=authority,
            client_secret=client_secret,
        )  # fmt: skip
        if store.empty():
            twin.seeder.merge(load(options.seed))
        name = options.host if options.host not in ("127.0.0.1", "::1", "0.0.0.0", "::") else "localhost"
        url = f"https://{f'[{name}]' if ':' in name else name}:{listener.getsockname()[1]}"
        ready = {
            "url": url,
            "host": options.host,
            "ca_path": str(authority),
            "instance_url": url,
            "provisioning_key": provisioning_key,
            "scim_token": scim_token,
            "graph_url": f"{url}/graph",
            "entra_authority": url,
            **_first_application(store),
            "pid": os.getpid(),
        }

        def announce() -> None:
            if options.ready_file is not None:
                _write_ready(options.ready_file, ready)
            if not options.quiet:
                print(_greeting(ready, switches, options), flush=True)

        run(twin, listener, certificate=certificate, ready=announce, with_parent=options.with_parent)
    except (SeedError, StateError, TlsError) as problem:
        raise StartError(str(problem)) from problem
    finally:
        listener.close()
        if store is not None:
            store.close()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        if options.ready_file is not None:
            _remove_own(options.ready_file)
    return 0


def _end(number: int, frame: object) -> None:
    raise SystemExit(0)


def _first_application(store: Any) -> dict[str, Any]:
    """Return the tenant and the credentials that most callers need."""
    tenant = store.one("SELECT * FROM tenants ORDER BY position LIMIT 1")
    if tenant is None:
        return {"tenant": None, "tenant_id": None, "client_id": None, "client_secret": None}
    domain = store.value(
        "SELECT name FROM domains WHERE tenant = ? ORDER BY is_initial DESC, is_default DESC, name LIMIT 1",
        (tenant["id"],),
    )
    application = store.one(
        "SELECT * FROM applications WHERE tenant = ? ORDER BY client_secret IS NULL, secret_expired, position LIMIT 1",
        (tenant["id"],),
    )
    return {
        "tenant": domain,
        "tenant_id": tenant["id"],
        "client_id": application["client_id"] if application else None,
        "client_secret": application["client_secret"] if application else None,
    }


def _write_ready(path: Path, ready: dict[str, Any]) -> None:
    """Write the file with the credentials, which only its owner can read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(ready, indent=2) + "\n")
    temporary.replace(path)


def _remove_own(path: Path) -> None:
    """Remove the ready file, unless another twin has written it since."""
    try:
        if json.loads(path.read_text(encoding="utf-8")).get("pid") == os.getpid():
            path.unlink()
    except (OSError, ValueError):
        pass


def _greeting(ready: dict[str, Any], switches: Switches, options: argparse.Namespace) -> str:
    lines = [
        f"The twin of Workspace 365 answers at {ready['url']} (profile {switches.profile}).",
        f"  CA certificate    {ready['ca_path']}",
        f"  provisioning key  {ready['provisioning_key']}",
        f"  SCIM              {ready['url']}/<environment>/scim/v2, token {ready['scim_token']}",
        (
            f"  Graph             {ready['graph_url']}, authority"
            f" {ready['entra_authority']}/{ready['tenant'] or '<tenant>'}"
        ),
        f"  application       {ready['client_id'] or '(none seeded)'}, secret {ready['client_secret'] or '(none)'}",
        f"  state             {options.state or 'in memory'}",
        "Stop it with Ctrl+C.",
    ]
    return "\n".join(lines)
