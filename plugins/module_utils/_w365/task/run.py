# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a task on any host and turns every exception into a result."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import W365Error
from ..model.terminal import displayed, one_line
from .base import Task

if TYPE_CHECKING:
    from .host import Host


def run_task(run: Callable[[Any], dict[str, Any]], host: Host, kind: type[Task] = Task) -> dict[str, Any]:
    """The result of one task, without secrets. A failed one has `failed` and `msg`.

    `run` is the task itself: it gets a task of this `kind` and returns the values of the result.
    """
    task = kind(host)
    try:
        _refuse_half_characters(host.options)
        result: dict[str, Any] = displayed(task.redactor.data(run(task)))
    except W365Error as error:
        return _failure(task, task.explained(error), error.details)
    except Exception as error:
        return _failure(
            task,
            f"Unexpected error in the collection; please report it: {type(error).__name__}: {error}",
            # Indented: a message of several lines must not begin one that looks like Ansible's.
            {"exception": "".join(f"  {line}\n" for line in traceback.format_exc().split("\n"))},
        )
    except BaseException as cause:
        # A time limit, or a signal. Once changes are being made, a report tells what was done instead.
        task.host.stop.end(cause)
        reason = task.host.stop.reason
        return _failure(task, f"{reason[:1].upper()}{reason[1:]}. {_what_was_sent(task)}", {})
    return result


def _what_was_sent(task: Task) -> str:
    count = task.http.sent_writes if "http" in vars(task) else 0
    if not count:
        return "Nothing was written."
    return (
        f"{count} requests that write {'was' if count == 1 else 'were'} sent: run the task again to see what is left."
    )


def _refuse_half_characters(options: Mapping[str, Any]) -> None:
    """Raises InputError for a text that was cut within a character: no server could store it."""
    try:
        json.dumps(options, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        from ..inputs.half_characters import refuse_half_characters  # start-up

        refuse_half_characters(options)


def _failure(task: Task, message: str, details: Mapping[str, Any]) -> dict[str, Any]:
    text = one_line(task.redactor.text(message))
    if task.on_early_end:
        task.on_early_end(text)
    return {"failed": True, "msg": text, **displayed(task.redactor.data(details))}
