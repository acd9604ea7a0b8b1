# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The members of groups in a SCIM listing: what a listing leaves out is read from the groups themselves.

A listing may omit the members, of all groups or of big ones, and RFC 7643 omits empty ones too. It may also shorten long
lists. Only the group itself shows its members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from ..model.directory import Group
from ..model.names import comparison_key

Listed: TypeAlias = tuple[Group, tuple[tuple[str, bool], ...]]
"""A group, and its members as (id, is it a user)."""

SAMPLES = 10
"""So many of the groups with the longest lists are read: a server that shortens lists shortens these first."""


def with_whole_members(
    listed: Sequence[Listed], concerned: frozenset[str] | None, read: Callable[[Group], Listed], concurrency: int
) -> list[tuple[Group, tuple[tuple[str, bool], ...] | None]]:
    """The listing with the members that the groups themselves show, for those that are `concerned` (None: all).

    The members of others are None where the listing shows none: it does not say that there are none.

    Every group without members in the listing is read, and as a sample the groups with the longest list. When a list is
    longer there, all are read.
    """
    wanted = [at for at, (group, _ids) in enumerate(listed) if _is_concerned(group, concerned)]
    longest = max((len(listed[at][1]) for at in wanted), default=0)
    samples = [at for at in wanted if longest and len(listed[at][1]) == longest][:SAMPLES]
    found = _read(listed, [*samples, *(at for at in wanted if not listed[at][1])], read, concurrency)
    if any(set(found[at][1]) - set(listed[at][1]) for at in samples):
        found |= _read(listed, [at for at in wanted if at not in found], read, concurrency)
    return [(group, found[at][1] if at in found else ids or None) for at, (group, ids) in enumerate(listed)]


def _is_concerned(group: Group, concerned: frozenset[str] | None) -> bool:
    names = (group.key, group.id, comparison_key(group.external_id or group.id))
    return concerned is None or not concerned.isdisjoint(names)


def _read(
    listed: Sequence[Listed], places: Iterable[int], read: Callable[[Group], Listed], concurrency: int
) -> dict[int, Listed]:
    places = list(places)
    if concurrency == 1 or len(places) < 2:
        return {at: read(listed[at][0]) for at in places}
    from concurrent.futures import ThreadPoolExecutor  # start-up

    with ThreadPoolExecutor(max_workers=min(concurrency, len(places))) as workers:
        return dict(zip(places, workers.map(lambda at: read(listed[at][0]), places), strict=True))
