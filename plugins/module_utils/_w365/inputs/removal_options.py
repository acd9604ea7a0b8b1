# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options purge, purge_scope and purge_limit as a removal policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..model.names import checked_text, checked_upn, comparison_key
from ..model.removal_policy import RemovalLimit, RemovalPolicy, RemovalScope


def removal_policy_from_options(params: Mapping[str, Any]) -> RemovalPolicy | None:
    """The policy that w365_directory describes; None when nothing is purged.

    Raises InputError for an invalid scope or limit, also without a purge.
    """
    purge = RemovalPolicy(
        kinds=frozenset(params["purge"] or ()),
        scope=_scope(params["purge_scope"]),
        limit=limit_from_option(params["purge_limit"], "purge_limit"),
    )
    return purge if purge.kinds else None


def _scope(value: Mapping[str, Any] | None) -> RemovalScope | None:
    if value is None:
        return None
    scope = RemovalScope(
        domains=frozenset(checked_domain(name, "purge_scope.domains") for name in value["domains"] or ()),
        groups=tuple(
            comparison_key(checked_text(name, "purge_scope.groups", name=True)) for name in value["groups"] or ()
        ),
        external_id_prefix=checked_text(value["external_id_prefix"] or "", "purge_scope.external_id_prefix"),
    )
    blank = [
        name for name in ("domains", "groups", "external_id_prefix") if value[name] is not None and not value[name]
    ]
    if blank or "" in scope.domains or "" in scope.groups or (value["external_id_prefix"] or "x").isspace():
        raise InputError(
            f"Option purge_scope has an empty {blank[0] if blank else 'entry'}, which would mean everybody or nobody. Fill it in, or "
            "leave it out."
        )
    if scope == RemovalScope():
        raise InputError(
            "Option purge_scope is empty. Give domains, groups or external_id_prefix: whatever matches all that are given is in scope."
        )
    return scope


def checked_domain(name: str, option: str) -> str:
    """The comparison key of a domain, with or without an at sign before it. Empty stays empty."""
    domain = comparison_key(checked_text(name, option)).removeprefix("@")
    if domain:
        # What is no part of an address is no domain.
        checked_upn(f"x@{domain}" if "." in domain else f"x@{domain}.x", option)
    return domain


def limit_from_option(text: str, option: str) -> RemovalLimit:
    """The limit in an option. Raises InputError for an invalid one."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*|\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*", text, re.ASCII)
    if found is None or float(found[2] or 0) > 100:
        raise InputError(
            f"Option {option} is {text!r}: give a count such as 25, or a percentage of those in scope such as '10%'."
        )
    return RemovalLimit(float(found[1] or found[2]), per_cent=found[1] is None)
