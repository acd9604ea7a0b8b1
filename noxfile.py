# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For those who use nox: each session is the target of the Makefile with the same name.

nox                                  # make test
nox -s unit -- PYTEST_ARGS="-k plan" # make unit PYTEST_ARGS="-k plan"
"""

from __future__ import annotations

import nox

nox.options.sessions = ["test"]

TARGETS = (
    "test",
    "test-all",
    "lint",
    "types",
    "sanity",
    "unit",
    "integration",
    "conformance",
    "molecule",
    "docs",
    "docs-check",
    "changelog",
    "bench",
    "matrix",
    "format",
)


def add_session(target: str) -> None:
    """Add the session of one target. It needs no environment of nox: make has its own."""

    @nox.session(name=target, python=False)
    def session(session: nox.Session) -> None:
        session.run("make", target, *session.posargs)


for each in TARGETS:
    add_session(each)
