# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the table of endpoints says about one call."""

from __future__ import annotations

from typing import NamedTuple


class Endpoint(NamedTuple):
    """One call of one remote system.

    `letter` is the evidence for method and path, `payload` that for the bodies; `LETTERS` of the table explains them.
    `path` is relative to the root of its service and may contain `{environment}` and `{id}`, and `{inner}` for the id of
    an object inside that one.
    `repeatable` says that sending the call twice has the same effect as sending it once, so that it is sent again
    when its answer is lost. `writes` is false for calls that change nothing, whatever their method.
    """

    id: str
    service: str
    method: str
    path: str
    letter: str
    payload: str
    purpose: str
    repeatable: bool = True
    writes: bool = False

    @property
    def assumed(self) -> bool:
        return self.letter == "A"


def read(id: str, service: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, "GET", path, letter, payload, purpose)


def ask(id: str, service: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, "POST", path, letter, payload, purpose)


def create(id: str, service: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, "POST", path, letter, payload, purpose, repeatable=False, writes=True)


def write(id: str, service: str, method: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, method, path, letter, payload, purpose, writes=True)
