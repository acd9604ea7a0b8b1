# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands for a twin in the background: start, stop, remove, status, apply, example."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .background import Request, bring, default_directory, status
from .cli import StartError, port_number
from .contract import PROFILES
from .definitions import example, read_definition
from .seeding import SeedError
from .switches import SwitchError, convert, current_name

# What "apply" takes: the fields of a request, and what each is.
FIELDS: dict[str, tuple[type, ...]] = {
    "state": (str,), "directory": (str,), "host": (str,), "port": (int,), "profile": (str,), "seed": (str, dict),
    "definition": (dict,), "switches": (dict,), "scim": (list,), "fresh": (bool,), "check": (bool,),
    "with_state": (bool,),
}  # fmt: skip


def main(arguments: Sequence[str], prog: str) -> int:
    """Run one of the commands and return the exit code."""
    options = _parser(prog).parse_args(arguments)
    as_json = getattr(options, "json", False)
    try:
        run: Callable[[argparse.Namespace], Any] = options.run
        result = run(options)
    except (StartError, SeedError, SwitchError) as problem:
        if as_json:
            print(json.dumps({"error": _sentence(str(problem))}))
        else:
            print(f"{prog}: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(result) if as_json else result if isinstance(result, str) else _told(result))
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    main_parser = argparse.ArgumentParser(prog=prog, description="A twin in the background.")
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--directory",
        type=Path,
        metavar="DIR",
        help=f"where everything of this twin is (default: {default_directory()})",
    )
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_argument("--check", action="store_true", help="only say what would be done")
    start = commands.add_parser("start", parents=[common], help="start it, unless it runs, and set what is given")
    start.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    start.add_argument("--port", type=port_number, help="port to listen on; 0 takes a free one (default: 8365)")
    start.add_argument("--profile", choices=PROFILES, help="which endpoints there are (default: full)")
    start.add_argument("--seed", metavar="NAME", help="contoso, none, generated:N, or a file; for a twin without data")
    start.add_argument(
        "--definition", action="append", default=[], type=Path, metavar="FILE",
        help="a file with w365_tenant_definition: Microsoft Entra gets the people and groups that it names",
    )  # fmt: skip
    start.add_argument("--quirk", action="append", default=[], metavar="NAME=VALUE", help="set a switch")
    start.add_argument("--scim", action="append", default=[], metavar="ENVIRONMENT", help="switch SCIM on in it")
    start.add_argument("--fresh", action="store_true", help="throw all data away first")
    start.set_defaults(run=_start)
    for name, state, words in (
        ("stop", "stopped", "stop it; its data stays"),
        ("remove", "absent", "stop it and remove its files"),
    ):
        ending = commands.add_parser(name, parents=[common], help=words)
        ending.set_defaults(run=_end, state=state)
    shown = commands.add_parser("status", parents=[common], help="whether it runs, and what it holds")
    shown.add_argument("--state", action="store_true", help="with everything that it holds")
    shown.set_defaults(run=_status)
    apply = commands.add_parser("apply", help="do what a JSON document on standard input says, for programs")
    apply.set_defaults(run=_apply, json=True)
    sample = commands.add_parser("example", help="write a description of a customer, to try it with")
    sample.add_argument("name", help="the name of the environment: lower-case letters and digits")
    sample.add_argument("--output", type=Path, metavar="FILE", help="where to; a file that exists is kept")
    sample.set_defaults(run=_example)
    return main_parser


def _directory(options: argparse.Namespace) -> Path:
    return options.directory or default_directory()


def _start(options: argparse.Namespace) -> dict[str, Any]:
    switches = {}
    for quirk in options.quirk:
        name, equals, value = quirk.partition("=")
        if not equals:
            raise StartError(f"--quirk takes NAME=VALUE; it was {quirk!r}.")
        switches[current_name(name)] = convert(current_name(name), value)
    return bring(
        Request(
            directory=_directory(options), host=options.host, port=options.port, profile=options.profile,
            seed=options.seed, definitions=tuple(read_definition(path) for path in options.definition),
            switches=switches, scim=tuple(options.scim), fresh=options.fresh, check=options.check,
        )
    )  # fmt: skip


def _end(options: argparse.Namespace) -> dict[str, Any]:
    return bring(Request(state=options.state, directory=_directory(options), check=options.check))


def _status(options: argparse.Namespace) -> dict[str, Any]:
    return status(_directory(options), with_state=options.state)


def _apply(options: argparse.Namespace) -> dict[str, Any]:
    try:
        given = json.load(sys.stdin)
    except ValueError as problem:
        raise StartError(f"standard input is not JSON: {problem}.") from problem
    return bring(read_request(given))


def _example(options: argparse.Namespace) -> str:
    text = example(options.name)
    if options.output is None:
        return text.rstrip("\n")
    try:
        with options.output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return f"{options.output} is there already and was kept."
    except OSError as problem:
        raise StartError(f"{options.output} cannot be written: {problem.strerror}.") from problem
    return f"{options.output} was written."


def read_request(given: Any) -> Request:
    """Return the request that a JSON document makes. What is null or empty is not given."""
    if not isinstance(given, dict):
        raise StartError("a request is an object.")
    values = {name: value for name, value in given.items() if value is not None and value not in ("", {}, [])}
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise StartError(f"a request has no {', '.join(sorted(unknown))}; it has {', '.join(FIELDS)}.")
    for name, value in values.items():
        kinds = FIELDS[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = {str: "a text", int: "a whole number", dict: "a dictionary", list: "a list", bool: "true or false"}
            raise StartError(f"{name} is {' or '.join(words[kind] for kind in kinds)}.")
    definition = values.pop("definition", None)
    scim = values.pop("scim", [])
    if not all(isinstance(name, str) and name for name in scim):
        raise StartError("scim is a list of names of environments.")
    directory = values.pop("directory", None)
    return Request(
        directory=Path(directory) if directory else default_directory(),
        definitions=() if definition is None else (definition,),
        scim=tuple(scim),
        **values,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _told(result: dict[str, Any]) -> str:
    lines = list(result["messages"])
    if not result["running"]:
        lines += [] if lines else [f"No twin runs in {result['directory']}."]
        return "\n".join(lines)
    names = ", ".join(result["environments"]) or "none"
    lines += [
        f"The twin answers at {result['url']} (profile {result['profile']}, process {result['pid']}).",
        f"  its page          {result['page']}",
        f"  variables         source {result['environment_file']}",
        f"  environments      {names}",
        f"  Microsoft tenants {', '.join(one['domains'][0] for one in result['tenants']) or 'none'}",
    ]
    if "state" in result:
        lines.append(json.dumps(result["state"], indent=2))
    return "\n".join(lines)
