# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error family. Every message says what was expected, what came, and what to do.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from typing import Any


class W365Error(Exception):
    """The base of everything the collection raises on purpose.

    `message` is a finished sentence for the person who runs the task, without secrets.
    `details` goes into the task's result beside the message.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details

    def while_doing(self, deed: str) -> W365Error:
        """The same error, told from what was being done: "Cannot create user 'a@b.c' in environment 'x': ..."."""
        if self.message.startswith("Cannot "):
            return self
        told = type(self).__new__(type(self))
        told.__dict__.update(self.__dict__)
        told.message = f"Cannot {deed}: {self.message}"
        told.args = (told.message,)
        return told


class InputError(W365Error):
    """The task asked for something that cannot be: nothing was sent."""


class GuardError(W365Error):
    """A guard refused the plan before its first write."""


class MissingLibraryError(W365Error):
    """A Python library that this task needs is not installed where the module runs."""


class NoAnswerError(W365Error):
    """The server could not be reached, or broke off before it answered."""


class CertificateError(NoAnswerError):
    """The server's certificate could not be verified."""


class RateLimitError(W365Error):
    """The server asked for more patience than `rate_limit_timeout` allows."""


class AuthenticationError(W365Error):
    """A key, token or credential was refused."""


class LostAnswerError(NoAnswerError):
    """A write was sent and its answer never came: it may or may not have been carried out.

    Whoever catches it looks the object up by its natural key before the write is repeated.
    """


class AnswerError(W365Error):
    """The server answered, but not with what the contract promises.

    `said` is the server's own explanation, `status` the HTTP status, `method` and `path` what was called.
    """

    def __init__(self, said: str, *, status: int, method: str, path: str, advice: str = "", **details: Any) -> None:
        self.said = said
        self.status = status
        self.method = method
        self.path = path
        explanation = said.rstrip()
        message = f"{explanation} (HTTP {status}, {method} {path})."
        if advice:
            message += f" {advice}"
        super().__init__(message, http_status=status, http_method=method, http_path=path, **details)


class NotFoundError(AnswerError):
    """404 for an object that was asked for by its id."""


class AlreadyExistsError(AnswerError):
    """The server says that an object with this natural key exists already."""


class ValidationError(AnswerError):
    """400 with the server's own list of what is wrong."""


class EndpointMissingError(AnswerError):
    """404 or 405 from an endpoint that the vendor has not documented."""


class RolesUnreadableError(AnswerError):
    """The server has no list that shows who is an administrator; SCIM has none either."""


class StaleDeltaError(AnswerError):
    """Microsoft Graph no longer knows what we last saw: everything has to be read again."""


class EnvironmentNotFoundError(W365Error):
    """The instance knows no environment of this name."""


class ApplyError(W365Error):
    """Some objects of a plan failed; the others were done. Carries the whole outcome."""
