# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of Microsoft Graph, in its shape."""

from __future__ import annotations


class GraphError(Exception):
    """An error in Graph's shape: HTTP status, code and sentence."""

    def __init__(self, status: int, code: str, sentence: str, headers: list[tuple[str, str]] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = headers or []


def not_found(id_: str) -> GraphError:
    """Return the error of an object that is not there, or not yet on this replica."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{id_}' does not exist or one of its queried reference-property objects are not present.",
    )


def bad_request(sentence: str, code: str = "Request_BadRequest") -> GraphError:
    """Return the error of a request that can never succeed as it is."""
    return GraphError(400, code, sentence)


def forbidden(sentence: str = "Insufficient privileges to complete the operation.") -> GraphError:
    """Return the error of a permission that the caller lacks."""
    return GraphError(403, "Authorization_RequestDenied", sentence)
