# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options are paths, and what no path can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..model.paths import why_no_path


def paths_of_spec(spec: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The options of an argument spec that are paths, such as ``{"src": "list", "ca_path": "path"}``.

    Aliases count as names, and V(list) stands for a list of paths. Suboptions are not looked at.
    """
    return {
        name: option["type"]
        for option_name, option in spec.items()
        if option.get("type") == "path" or option.get("elements") == "path"
        for name in (option_name, *option.get("aliases", ()))
    }


def paths_given(spec: Mapping[str, Mapping[str, Any]], arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The options that are paths in arguments and in the dictionaries below them, each with one path; blank ones are left out."""
    kinds = paths_of_spec(spec)
    for name, written in arguments.items():
        given = plain(written)
        if name in kinds:
            paths = given.split(",") if isinstance(given, str) and kinds[name] == "list" else given
            listed = paths if isinstance(paths, list) else [paths]
            yield from ((name, path) for path in map(plain, listed) if isinstance(path, str) and path.strip())
        elif isinstance(given, Mapping) and "options" in spec.get(name, ()):
            yield from ((f"{name}.{inner}", path) for inner, path in paths_given(spec[name]["options"], given))


def mistakes_in_paths(spec: Mapping[str, Mapping[str, Any]], arguments: Mapping[str, Any]) -> list[str]:
    """What no system takes as a path, such as "report_file holds a null character after '/srv/a', which no path can"."""
    return [f"{name} {reason}" for name, path in paths_given(spec, arguments) if (reason := why_no_path(path))]


def plain(value: Any) -> Any:
    """The text of an encrypted value, which is no text before ansible-core 2.19; anything else as it is."""
    return str(value) if hasattr(value, "encode") and not isinstance(value, str) else value
