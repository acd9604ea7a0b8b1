# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switches: the profile, and quirks that the contract leaves open or that real servers show."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from .contract import PROFILES
from .scim_schemas import ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Text:
    """A value that is any text of this form."""

    pattern: str
    words: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A whole number that may be negative."""


@dataclass(frozen=True, slots=True)
class Several:
    """A value that is one of ``words``, or some of ``names`` with commas between them."""

    words: tuple[str, ...]
    names: Collection[str]


# What a server may accept and not do: the columns of a user or a group, and other changes.
_CHANGES: dict[str, tuple[str, ...]] = {
    "names": ("first_name", "last_name"),
    "emails": ("emails",),
    "external_id": ("external_id",),
    "active": ("active",),
    "administrator": ("administrator",),
    "description": ("description",),
    "added_members": (),
    "removed_members": (),
    "deletions": (),
    "environments": (),
}

# name -> (default, allowed values or type, explanation)
_REPLICAS = Text("[01]{0,200}", "0s and 1s, such as 0010111")
TABLE: dict[str, tuple[Any, tuple[str, ...] | type | Several | Text | Signed, str]] = {
    "profile": ("full", PROFILES, "documented serves the letters D, C and S; full adds A"),
    "strict_requested_with": (False, bool, "refuse a Provisioning call without X-Requested-With: XMLHttpRequest"),
    "sanitize_names": (
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
    "scim_attributes": (
        "profile",
        Several(("profile", "all", "none"), ATTRIBUTES),
        "the attributes of a user that SCIM keeps besides names, addresses and active; profile means all of them in"
        " full and none in documented",
    ),
    "scim_unknown_attributes": (
        "drop",
        ("drop", "echo", "invalidPath", "invalidValue"),
        "what becomes of an attribute that SCIM does not keep: it is accepted and dropped; so, but the answer to the"
        " write still shows it; or it is refused with 400, where the value is the scimType of a PATCH (a POST and a PUT"
        " always answer invalidValue)",
    ),
    "scim_schemas": (
        "exact",
        (
            "exact",
            "all",
            "none",
            "missing",
            "error",
            "html",
            "no_body",
            "array",
            "empty",
            "no_attributes",
            "strings",
            "upper_case",
            "nested",
        ),
        "what /Schemas tells: the attributes that are kept, all of them or none of them whatever is kept; 404; 500; a"
        " page or nothing with 200; or an odd shape",
    ),
    "scim_eq_case": (
        "ignored",
        ("ignored", "exact", "ascii"),
        "whether a filter of SCIM minds the case of user names and display names: not at all, always, or only that of"
        " letters beyond ASCII",
    ),
    "name_form": (
        "as_sent",
        ("as_sent", "nfc", "nfd"),
        "the Unicode normal form in which UPNs and names of groups are stored; a filter compares with what is stored",
    ),
    "duplicate_names": (False, bool, "let two users have one UPN and two groups one name"),
    "scim_phone_numbers": (
        "as_sent",
        ("as_sent", "tel"),
        "how SCIM stores phone numbers: as they came, or as a tel: URI of RFC 3966",
    ),
    "scim_members_listed": (
        0,
        int,
        "how many members of a group a listing or a filter shows; a bigger group shows what scim_members_beyond says."
        " 0 means all; reading one group always shows all",
    ),
    "scim_members_beyond": (
        "cut",
        ("cut", "empty", "omit"),
        "what a listing shows of a group with more members than scim_members_listed: the first of them, an empty list,"
        " or no attribute",
    ),
    "scim_lag": (
        0,
        int,
        "how many reads by id show a user or a group as before, after it was changed or deleted over SCIM",
    ),
    "scim_most_changes": (0, int, "most members or operations of one PATCH or bulk request; 0 means no limit"),
    "scim_too_many": (
        "413",
        ("413", "400"),
        "the status of a request with more of them; the scimType is tooMany",
    ),
    "ignored_changes": (
        "none",
        Several(("none",), tuple(_CHANGES)),
        "changes that SCIM and the Provisioning API accept and do not make",
    ),
    "deleted_users": ("listed", ("listed", "hidden"), "whether lists and filters show inactive users"),
    "graph_lag": (0, int, "how many reads by id answer 404 after an object was created"),
    "graph_null_members": (False, bool, "members come back with an id, a type and nulls"),
    "graph_hidden_members": (
        "empty",
        ("empty", "nulls"),
        "what an application without Member.Read.Hidden gets as the members of a group whose visibility is"
        " HiddenMembership: nobody, or ids with nulls",
    ),
    "graph_delta_members": (1000, int, "most members of one group on one page of a delta query; 0 means no limit"),
    "delta_lifetime": (604_800, int, "lifetime of the links of delta queries in seconds"),
    "trailing_slash": (
        "any",
        ("any", "required"),
        "whether a Provisioning path must end in / where the contract writes one",
    ),
    "unserved_method": (
        "404",
        ("404", "405"),
        "what the Provisioning API answers to a method that it does not serve on a path that it does serve",
    ),
    "settings_read": (
        "pascal",
        ("pascal", "camel", "set_only", "null", "unset_404", "missing"),
        "the answer to GET of a setting (single sign-on, Exchange, SharePoint): names in PascalCase with null for what"
        " is not set, names in camelCase, only fields that are set, null or 404 while nothing is set, always 404",
    ),
    "settings_write": (
        "whole",
        ("whole", "given", "dropped"),
        "what PUT of a setting does: it needs every field, it changes the given fields, or it answers 200 and keeps"
        " nothing",
    ),
    "exchange_server_types": ("any", ("any", "office365"), "whether ServerType may be any text or only Office365"),
    "scim_bulk": (False, bool, "offer /Bulk and announce it in ServiceProviderConfig"),
    "latency": (0, int, "milliseconds that every answer takes"),
    "capacity": (0, int, "how many requests are worked on at the same time; 0 means no limit"),
    "over_capacity": (
        "queue",
        ("queue", "429", "503", "500", "reset"),
        "what becomes of a request beyond that: it waits for its turn, it is refused with this status, or its connection"
        " is cut",
    ),
    "over_retry_after": (0, int, "the Retry-After of a refusal with 429 or 503 in seconds; 0 means none"),
    "refuse_writes": (False, bool, "answer 500 to every write and log it as a write"),
    "clock_offset": (0, Signed(), "seconds by which the clock of the twin differs from the machine's; may be negative"),
    "entra_replication": (
        "",
        _REPLICAS,
        "what the answers tell of a new application, service principal or synchronization job, one after the other: 0"
        " for a replica that does not have it yet, 1 for one that has it; after the end all have it",
    ),
    "entra_change_replication": (
        "",
        _REPLICAS,
        "the same for a changed one: 0 is an answer that still shows what was there before",
    ),
    "secret_listing": ("", _REPLICAS, "the same for a new secret in what its application shows"),
    "secret_activation": ("", _REPLICAS, "the same for a new secret at the token endpoint"),
    "secret_delay": (0, int, "seconds until the token endpoint accepts a new secret"),
    "most_secrets": (0, int, "most secrets of one application; 0 means no limit"),
    "longest_key": (0, int, "most days that a certificate of an application may be valid; 0 means no limit"),
    "keys_without_content": (
        "keep",
        ("keep", "lose"),
        "what becomes of a key that a PATCH sends back by its id, without its content",
    ),
    "synchronization_replication": (
        "",
        _REPLICAS,
        "what the synchronization of a new enterprise application answers: 0 for 403 and 409 in turn, 1 for what is there",
    ),
    "instantiate": ("201", ("201", "404"), "what creating an enterprise application answers; 404 does it all the same"),
    "assignment_delay": (0, int, "seconds until an assignment to an application counts for its synchronization"),
    "secrets_limit": (0, int, "most bytes of the settings of a synchronization; 0 means no limit"),
    "special_characters": (
        '"\\',
        Text(r"\S{0,40}", "characters without a space"),
        "characters in the name of a user or a group that Entra cannot look up, so that it never provisions that object",
    ),
    "escrow_limit": (0, int, "how many refused objects of a cycle put its job into quarantine; 0 means none do"),
    "prune_escrows": (False, bool, "throw the errors of a first cycle away and pause its job"),
    "creator_is_owner": (True, bool, "make the application that creates another one its owner"),
    "owned_by_lists": (False, bool, "let Application.ReadWrite.OwnedBy list all applications and service principals"),
    "token_lifetime": (3599, int, "lifetime of Entra's tokens in seconds"),
    "random_seed": (365, int, "starting point of the faults' random numbers"),
}


_ALL = frozenset(ATTRIBUTES)
_NONE: frozenset[str] = frozenset()


class SwitchError(ValueError):
    """A switch that does not exist, or a value that it does not take."""


# Switches were called differently once; both names are understood.
FORMER_NAMES = {"sanitise_names": "sanitize_names"}


def current_name(name: str) -> str:
    """Return the name of a switch that may be given by its former one."""
    return FORMER_NAMES.get(name, name)


def _several(name: str, value: Any, kind: Several) -> str:
    given = value if isinstance(value, list) else str(value).split(",")
    wanted = [str(item).strip() for item in given if str(item).strip()]
    if len(wanted) == 1 and wanted[0] in kind.words:
        return wanted[0]
    if set(wanted) - set(kind.names):
        raise SwitchError(
            f"switch {name} takes {', '.join(kind.words)}, or one or more of {', '.join(kind.names)} with commas between"
            f" them; it was given {value!r}."
        )
    return ",".join(item for item in kind.names if item in wanted) or "none"


def convert(name: str, value: Any) -> Any:
    """Check a switch's value and turn text, as it comes from the command line, into the right type."""
    if name not in TABLE:
        raise SwitchError(f"there is no switch {name!r}; known are: {', '.join(TABLE)}.")
    kind = TABLE[name][1]
    if isinstance(kind, Several):
        return _several(name, value, kind)
    if isinstance(kind, tuple):
        if str(value) in kind:
            return str(value)
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
    if isinstance(kind, Text):
        if isinstance(value, str) and re.fullmatch(kind.pattern, value):
            return value
        raise SwitchError(f"switch {name} takes a text of {kind.words}; it was given {value!r}.")
    try:
        if isinstance(value, bool):
            raise ValueError
        number = int(value)
    except (TypeError, ValueError):
        raise SwitchError(f"switch {name} takes a whole number; it was given {value!r}.") from None
    if number < 0 and not isinstance(kind, Signed):
        raise SwitchError(f"switch {name} takes no negative number; it was given {value!r}.")
    return number


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    return {current_name(name): convert(current_name(name), value) for name, value in values.items()}


class Switches:
    """The current values, as attributes. ``reset`` returns to the values that the process was started with."""

    profile: str
    strict_requested_with: bool
    sanitize_names: str
    path_names: str
    server_error_for_bad_body: bool
    html_errors: bool
    validation_result: str
    environment_list: str
    page_size: int
    scim_patch: str
    scim_patch_body: bool
    scim_attributes: str
    scim_unknown_attributes: str
    scim_schemas: str
    scim_eq_case: str
    name_form: str
    duplicate_names: bool
    scim_phone_numbers: str
    scim_members_listed: int
    scim_members_beyond: str
    scim_lag: int
    scim_most_changes: int
    scim_too_many: str
    ignored_changes: str
    deleted_users: str
    graph_lag: int
    graph_null_members: bool
    graph_hidden_members: str
    graph_delta_members: int
    delta_lifetime: int
    trailing_slash: str
    unserved_method: str
    settings_read: str
    settings_write: str
    exchange_server_types: str
    scim_bulk: bool
    latency: int
    capacity: int
    over_capacity: str
    over_retry_after: int
    refuse_writes: bool
    clock_offset: int
    entra_replication: str
    entra_change_replication: str
    secret_listing: str
    secret_activation: str
    secret_delay: int
    most_secrets: int
    longest_key: int
    keys_without_content: str
    synchronization_replication: str
    instantiate: str
    assignment_delay: int
    secrets_limit: int
    special_characters: str
    escrow_limit: int
    prune_escrows: bool
    creator_is_owner: bool
    owned_by_lists: bool
    token_lifetime: int
    random_seed: int

    def __init__(self, start: dict[str, Any] | None = None) -> None:
        self._start = {name: row[0] for name, row in TABLE.items()}
        self._start |= _checked(start or {})
        self.reset()

    def reset(self) -> None:
        """Return every switch to its value at the start."""
        self.__dict__.update(self._start)

    def change(self, values: dict[str, Any]) -> None:
        """Set several switches, or none if one of them is wrong."""
        self.__dict__.update(_checked(values))

    @property
    def kept_attributes(self) -> frozenset[str]:
        """Return which of the optional attributes of a user SCIM keeps."""
        how = self.scim_attributes
        if how == "profile":
            how = "all" if self.profile == "full" else "none"
        named = {"all": _ALL, "none": _NONE}
        return named[how] if how in named else frozenset(how.split(","))

    def ignores(self, change: str) -> bool:
        """Whether a change of this name is accepted and not made."""
        return change in self.ignored_changes.split(",")

    def made(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return the changed columns of a user or a group without those that are not made."""
        ignored = {column for change, those in _CHANGES.items() if self.ignores(change) for column in those}
        return {name: value for name, value in columns.items() if name not in ignored}

    def all(self) -> dict[str, Any]:
        """Return every switch with its current value."""
        return {name: getattr(self, name) for name in TABLE}
