# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection. Every message says what was expected, what was found, and what to do.

W365Error
    InputError                    the options or files of the task
    GuardError                    a plan that a guard refuses
    MissingLibraryError           requests, msal or PyYAML
    AuthenticationError           a refused key, token or credential        (stops the plan)
    RateLimitError                throttled longer than the task may wait   (stops the plan)
    NoAnswerError                 no connection, or no answer               (stops the plan)
        CertificateError
        LostAnswerError           a write that may have been processed      (stops only its action)
    StoppedError                  the task was told to end                  (stops the plan)
    AnswerError                   an answer with an error, or of an unexpected form
        ValidationError           HTTP 400
        NotFoundError             HTTP 404 for one object
        AlreadyExistsError        HTTP 409, or 400 with that meaning
        TooManyError              HTTP 413, or SCIM's tooMany: a smaller request may succeed
        EndpointMissingError      HTTP 404 or 405 for an undocumented endpoint
        RolesUnreadableError      no list of administrators
        StaleDeltaError           an expired delta link of Microsoft Graph
        UnreliableAnswerError     a success whose content proves nothing
    EnvironmentNotFoundError      no environment of this name
    ApplyError                    a plan of which actions failed

After an error that stops the plan, the remaining actions are not tried: they would fail in the same way.
"""

from __future__ import annotations

from typing import Any


class W365Error(Exception):
    """The base of all errors of the collection.

    `message` is a complete sentence for the user, without secrets. `details` are further values of the task's result.
    `changed` says that something was changed before the error, and `follows` that it is a consequence of another error.
    """

    changed = False
    follows = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details

    def while_doing(self, description: str) -> W365Error:
        """The same error with what was being done before it: "Cannot create user 'a@b.c' in environment 'x': ..."."""
        if self.message.startswith("Cannot "):
            return self
        error = type(self).__new__(type(self))
        error.__dict__.update(self.__dict__)
        error.message = f"Cannot {description}: {self.message}"
        error.args = (error.message,)
        return error


class InputError(W365Error):
    """The task's options are invalid or contradict each other: nothing was written."""


class GuardError(W365Error):
    """A guard refused the plan: nothing was written."""


class MissingLibraryError(W365Error):
    """A Python library that the task needs is not installed where the module runs."""


class NoAnswerError(W365Error):
    """The server could not be reached, or the connection ended before its answer."""


class CertificateError(NoAnswerError):
    """The server's certificate could not be verified."""


class RateLimitError(W365Error):
    """The server throttled requests (HTTP 429 or 503) for longer than `rate_limit_timeout` allows."""


class AuthenticationError(W365Error):
    """A key, token or credential was refused; `by_scim` says that it was the token of a SCIM service."""

    by_scim = False


class LostAnswerError(NoAnswerError):
    """A write was sent and its answer was lost: it may or may not have been processed.

    A caller that catches it looks up the object by its natural key before it repeats the write.
    """


class StoppedError(W365Error):
    """The task was told to end, or Ansible is gone: nothing more is sent."""

    def __init__(self, reason: str, consequence: str = "so this was not tried") -> None:
        super().__init__(f"{reason}, {consequence}.")


class AnswerError(W365Error):
    """The server answered with an error, or with what the contract does not allow.

    `server_message` is the server's explanation, `status` the HTTP status, `method` and `path` the request.
    """

    def __init__(
        self, server_message: str, *, status: int, method: str, path: str, advice: str = "", **details: Any
    ) -> None:
        self.server_message = server_message
        self.status = status
        self.method = method
        self.path = path
        message = f"{server_message.rstrip()} (HTTP {status}, {method} {path})."
        if advice:
            message += f" {advice}"
        super().__init__(message, http_status=status, http_method=method, http_path=path, **details)


class NotFoundError(AnswerError):
    """404 for an object that was requested by its id."""


class AlreadyExistsError(AnswerError):
    """The server says that an object with this natural key exists already."""


class ValidationError(AnswerError):
    """400 with the server's list of invalid values."""


class TooManyError(AnswerError):
    """The request was too large for the server. What it contained is sent in smaller parts."""


class EndpointMissingError(AnswerError):
    """404 or 405 from an endpoint that the vendor has not documented."""


class RolesUnreadableError(AnswerError):
    """The server has no list of administrators. SCIM has none either."""


class StaleDeltaError(AnswerError):
    """Microsoft Graph no longer accepts the delta link: everything has to be read again."""


class UnreliableAnswerError(AnswerError):
    """The server answered with success and with what the contract does not allow: it proves neither presence nor absence."""


class EnvironmentNotFoundError(W365Error):
    """The instance has no environment of this name."""


class ApplyError(W365Error):
    """Some actions of a plan failed; `details` are the results of all."""


def may_pass(error: W365Error) -> bool:
    """Whether the same request can succeed later without anybody changing something."""
    if isinstance(error, AnswerError):
        return error.status >= 500 or error.status in (408, 409, 423, 425, 429)
    return isinstance(error, NoAnswerError | RateLimitError | StoppedError)
