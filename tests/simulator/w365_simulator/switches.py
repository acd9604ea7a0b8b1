# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switches: the profile, and quirks that the contract leaves open or that real servers show."""

from __future__ import annotations

from typing import Any

from .contract import PROFILES

# name -> (default, allowed values or type, explanation)
TABLE: dict[str, tuple[Any, tuple[str, ...] | type, str]] = {
    "profile": ("full", PROFILES, "documented serves the letters D, C and S; full adds A"),
    "strict_requested_with": (False, bool, "refuse a Provisioning call without X-Requested-With: XMLHttpRequest"),
    "sanitise_names": (
        "strip",
        ("strip", "lower"),
        "what becomes of an environment's name: only a-z and 0-9 stay, or it is only lower-cased",
    ),
    "path_names": ("any", ("any", "lower"), "whether a name in a path is matched in any case or must be in lower case"),
    "server_error_for_bad_body": (False, bool, "answer 500 instead of 400 to a body that is malformed"),
    "html_errors": (False, bool, "answer errors of the Provisioning API as an HTML page"),
    "validation_result": (
        "data_annotations",
        ("data_annotations", "camel", "strings", "object"),
        "the shape of a 400 of the Provisioning API",
    ),
    "environment_list": (
        "objects",
        ("objects", "names", "strings", "wrapped", "missing"),
        "the shape of GET /Environment/; missing answers 404",
    ),
    "page_size": (0, int, "largest page of SCIM and Graph; 0 means what the real service does"),
    "scim_patch": ("both", ("both", "legacy", "compliant"), "the PATCH dialects that SCIM understands"),
    "scim_patch_body": (True, bool, "answer a PATCH with 200 and the resource; otherwise 204 without a body"),
    "deleted_users": ("listed", ("listed", "hidden"), "whether lists and filters show inactive users"),
    "graph_lag": (0, int, "how many reads by id answer 404 after an object was created"),
    "graph_null_members": (False, bool, "members come back with an id, a type and nulls"),
    "graph_delta_members": (1000, int, "most members of one group on one page of a delta query; 0 means no limit"),
    "delta_lifetime": (604_800, int, "lifetime of the links of delta queries in seconds"),
    "trailing_slash": (
        "any",
        ("any", "required"),
        "whether a Provisioning path must end in / where the contract writes one",
    ),
    "scim_bulk": (False, bool, "offer /Bulk and announce it in ServiceProviderConfig"),
    "refuse_writes": (False, bool, "answer 500 to every write and log it as a write"),
    "token_lifetime": (3599, int, "lifetime of Entra's tokens in seconds"),
    "random_seed": (365, int, "starting point of the faults' random numbers"),
}


class SwitchError(ValueError):
    """A switch that does not exist, or a value that it does not take."""


def convert(name: str, value: Any) -> Any:
    """Check a switch's value and turn text, as it comes from the command line, into the right type."""
    if name not in TABLE:
        raise SwitchError(f"there is no switch {name!r}; known are: {', '.join(TABLE)}.")
    kind = TABLE[name][1]
    if isinstance(kind, tuple):
        if value in kind:
            return value
        raise SwitchError(f"switch {name} takes one of {', '.join(kind)}; it was given {value!r}.")
    if kind is bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower()
        if text in ("true", "yes", "on", "1"):
            return True
        if text in ("false", "no", "off", "0"):
            return False
        raise SwitchError(f"switch {name} takes true or false; it was given {value!r}.")
    try:
        if isinstance(value, bool):
            raise ValueError
        number = int(value)
    except (TypeError, ValueError):
        raise SwitchError(f"switch {name} takes a whole number; it was given {value!r}.") from None
    if number < 0:
        raise SwitchError(f"switch {name} takes no negative number; it was given {value!r}.")
    return number


class Switches:
    """The current values, as attributes. ``reset`` returns to the values that the process was started with."""

    profile: str
    strict_requested_with: bool
    sanitise_names: str
    path_names: str
    server_error_for_bad_body: bool
    html_errors: bool
    validation_result: str
    environment_list: str
    page_size: int
    scim_patch: str
    scim_patch_body: bool
    deleted_users: str
    graph_lag: int
    graph_null_members: bool
    graph_delta_members: int
    delta_lifetime: int
    trailing_slash: str
    scim_bulk: bool
    refuse_writes: bool
    token_lifetime: int
    random_seed: int

    def __init__(self, start: dict[str, Any] | None = None) -> None:
        self._start = {name: row[0] for name, row in TABLE.items()}
        for name, value in (start or {}).items():
            self._start[name] = convert(name, value)
        self.reset()

    def reset(self) -> None:
        """Return every switch to its value at the start."""
        self.__dict__.update(self._start)

    def change(self, values: dict[str, Any]) -> None:
        """Set several switches, or none if one of them is wrong."""
        checked = {name: convert(name, value) for name, value in values.items()}
        self.__dict__.update(checked)

    def all(self) -> dict[str, Any]:
        """Return every switch with its current value."""
        return {name: getattr(self, name) for name in TABLE}
