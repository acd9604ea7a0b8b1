# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a person is told how far a task is, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError, W365Error
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import ActionResult
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.progress import (
    Progress,
    progress_of,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.progress_file import ProgressFile
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    USER_CREATE,
    Action,
)

ACTION = Action(USER_CREATE, "adele.vance@contoso.com", None, {})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_a_line_now_and_then(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress"
    progress = Progress(ProgressFile(str(path)).write, 10, "contoso", clock)
    for _second in range(9):
        clock.now += 1
        progress.answered()
    assert lines(path) == [], "nobody is told of a short task"
    clock.now += 1
    progress.answered()
    progress.answered()
    assert lines(path) == ["contoso: reading, 10 answers so far"]
    progress.begin(1000)
    for number in range(300):
        # An eighth, so that floats are exact.
        clock.now += 0.125
        progress.answered()
        progress.done(ActionResult(ACTION, error=W365Error("no") if number % 100 == 50 else None))
    assert lines(path)[1:] == [
        "contoso: 80 of 1000 changes made, 1 failed, 8 per second, about 115 seconds left",
        "contoso: 160 of 1000 changes made, 2 failed, 8 per second, about 105 seconds left",
        "contoso: 240 of 1000 changes made, 2 failed, 8 per second, about 95 seconds left",
    ]


def test_long_waits_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    progress = Progress(ProgressFile(str(path)).write, 10, "contoso", Clock())
    progress.waiting(9, "HTTP 429")
    progress.waiting(60, "HTTP 429 from GET https://w365.contoso.com")
    assert lines(path) == ["contoso: waiting 60 seconds because of HTTP 429 from GET https://w365.contoso.com"]


def test_a_file_begins_anew_and_one_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    path.write_text("of another run\n", encoding="utf-8")
    Progress(ProgressFile(str(path)).write, 1, "contoso", Clock()).waiting(2, "a reason")
    assert lines(path) == ["contoso: waiting 2 seconds because of a reason"]
    Progress(ProgressFile(str(tmp_path / "none" / "progress")).write, 1, "contoso", Clock()).waiting(2, "a reason")


def options(**given: Any) -> dict[str, Any]:
    return {"progress_interval": 15, "environment": " Contoso ", **given}


def test_options() -> None:
    found = progress_of(options(), print)
    assert found is not None
    assert found._about == "contoso"
    assert progress_of(options(), None) is None
    assert progress_of(options(progress_interval=0), print) is None
    with pytest.raises(InputError, match="progress_interval is -1"):
        progress_of(options(progress_interval=-1), print)
