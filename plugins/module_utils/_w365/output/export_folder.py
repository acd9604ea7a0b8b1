# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of one tenant's export: what an earlier export has left there, and what becomes of it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ..errors import InputError
from .atomic_write import write_atomically
from .export_text import NAMES, REPORT, is_own_line, owner_lines, server_in, service_line

OPTION = "dest"

HIDDEN = "# (a line that no export writes, which is not shown)"

ADDED = "Move what you have added to another file, or set replace_edited=true to replace it."


class FileChange(NamedTuple):
    """What becomes of a file: V(create), V(update), V(delete), V(unchanged), or V(kept), since its content is unknown.

    Of one that does not exist and is not written, there is none.
    """

    name: str
    action: str
    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        return self.action not in ("unchanged", "kept")


class ExportFolder:
    """The folder `name` in `dest`, and the texts of an earlier export in it. `known` says that there is one.

    It may be that of one of the `servers`, or of a version that wrote no server (`server` is empty then). Without `servers`
    nobody asks. `written` is the time of the last export, as the system keeps it: a time in a file would make a difference
    of every export.

    Raises InputError for anything that must not be replaced.
    """

    def __init__(self, dest: str, name: str, instance: str, environment: str, servers: Sequence[str] = ()) -> None:
        self.path = os.path.join(dest, name)
        self._dest = dest
        self._owner = owner_lines(instance, environment)
        self._servers = servers
        self._check_folders()
        self.texts: dict[str, str] = dict(self._read())
        report = self.texts.get(REPORT)
        self.known = report is not None
        self.server = server_in(report or "")
        if report is not None:
            self._check_owner(report)
        elif os.path.isdir(self.path) and os.listdir(self.path):
            raise InputError(
                f"Option {OPTION}: {self.path!r} has files and no {REPORT}, so no export has written it. Nothing was written. Name "
                "another folder, or empty this one."
            )

    def _check_folders(self) -> None:
        if not self._dest.strip():
            raise InputError(f"Option {OPTION} is empty. Give the folder of all tenants. Nothing was written.")
        for place in (self._dest, self.path):
            if os.path.lexists(place) and not os.path.isdir(place):
                raise InputError(f"Option {OPTION}: {place!r} is no folder. Give the folder of all tenants.")
        parent = os.path.dirname(os.path.abspath(self._dest))
        if not os.path.isdir(parent):
            raise InputError(
                f"Option {OPTION}: the folder {parent!r} does not exist. Create it, or name another folder: only the last one of "
                "the path is created."
            )
        # A link in a folder that others fill, such as a checkout, could lead anywhere.
        for place in (self.path, *(os.path.join(self.path, name) for name in NAMES)):
            if os.path.islink(place):
                raise InputError(
                    f"Option {OPTION}: {place!r} is a symbolic link, and would be followed to another place. Remove it. Nothing was written."
                )

    def _read(self) -> Iterator[tuple[str, str]]:
        for name in NAMES:
            place = os.path.join(self.path, name)
            try:
                if not stat.S_ISREG(os.lstat(place).st_mode):
                    raise InputError(f"Option {OPTION}: {place!r} is no file. Remove it. Nothing was written.")
                with open(place, encoding="utf-8", errors="surrogateescape", newline="") as file:
                    yield name, file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(f"Option {OPTION}: {place!r} cannot be read ({error.strerror}).") from None

    @property
    def written(self) -> float:
        return os.stat(os.path.join(self.path, REPORT)).st_mtime

    def _check_owner(self, report: str) -> None:
        lines, wanted = report.splitlines(), self._owner
        if not set(wanted) <= set(lines) or (len(wanted) < 3 and any(line.startswith("instance:") for line in lines)):
            raise InputError(
                f"Option {OPTION}: {os.path.join(self.path, REPORT)!r} is not the report of an export of this environment"
                f"{' and this instance' if len(wanted) > 2 else ''}. Nothing was written. Name another folder, or remove this one to "
                "begin anew."
            )
        server = server_in(report)
        if self._servers and server and server not in self._servers:
            raise InputError(
                f"Option {OPTION}: the export in {self.path!r} is that of the server {server}, and this task is connected to "
                f"{self._servers[0]}. Nothing was written. Give each server its own instance (w365_instance of a fleet) or another folder. Where "
                f"only the address of the server has changed, correct it in {REPORT}."
            )

    def refuse_other_service(self, service: str) -> None:
        """Raises InputError when an earlier export has read more, through SCIM: its attributes would be lost."""
        report = self.texts.get(REPORT, "").splitlines()
        if service != "SCIM" and service_line("SCIM") in report:
            raise InputError(
                f"The export in {self.path!r} was read through SCIM, and this task has no scim_url: {service} does not show "
                "all attributes, so they would be lost. Nothing was written. Give scim_url and scim_token, or remove the folder to begin "
                "anew."
            )

    def changes(self, texts: Mapping[str, str | None], *, replace_edited: bool) -> list[FileChange]:
        """What becomes of each file; files without a text are kept. Raises InputError for a file that somebody has edited."""
        found: list[FileChange] = []
        for name in NAMES:
            before = self.texts.get(name)
            after = texts.get(name, before)
            if before is None and after is None:
                continue
            if name not in texts:
                action = "kept"
            elif before == after:
                action = "unchanged"
            else:
                action = "create" if before is None else "update" if after is not None else "delete"
            found.append(FileChange(name, action, before, after))
            if found[-1].changed and not replace_edited:
                self._refuse_edited(name, before or "")
        return found

    def _refuse_edited(self, name: str, text: str) -> None:
        for number, line in enumerate(text.split("\n"), 1):
            if not is_own_line(line):
                raise InputError(
                    f"{os.path.join(self.path, name)!r} has a line that no export writes (line {number}), such as a secret, and "
                    f"would be replaced. Nothing was written. {ADDED}"
                )

    def write(self, changes: list[FileChange]) -> None:
        """Carry the changes out, each file all or nothing and readable by its owner only."""
        for place in (self._dest, self.path):
            try:
                os.mkdir(place, 0o700)
            except FileExistsError:
                continue
            except OSError as error:
                raise InputError(f"Option {OPTION}: {place!r} cannot be created ({error.strerror}).") from None
        with self._locked():
            # Another host of the same run may have begun an export with this name since the folder was read.
            self._check_owner(dict(self._read()).get(REPORT) or "\n".join(self._owner))
            self._write(changes)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other exports from writing into the folder. A file system that has no locks does not stop this one."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            # A folder that can be written and not listed.
            yield
            return
        try:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, changes: list[FileChange]) -> None:
        # A new folder is that of an export before it has people in it. Otherwise the report comes last.
        for change in changes if not self.known else [*changes[1:], changes[0]]:
            place = os.path.join(self.path, change.name)
            if change.action == "delete":
                self._remove(place)
            elif change.after is not None and change.changed:
                write_atomically(place, change.after, OPTION)

    def protect(self, changes: Sequence[FileChange]) -> None:
        """Take the files from everybody but their owner: a checkout gives new ones the modes of its user."""
        for change in changes:
            place = os.path.join(self.path, change.name)
            try:
                status = os.lstat(place)
                if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                    os.chmod(place, 0o600)
            except OSError:
                # A file of somebody else, or on a file system without modes.
                continue

    def keep_time(self) -> None:
        """Let the time of the report be that of this export, also when it is unchanged."""
        try:
            os.utime(os.path.join(self.path, REPORT), follow_symlinks=False)
        except OSError:
            # A file of somebody else: its time stays, so the export counts as older than it is.
            return

    def _remove(self, place: str) -> None:
        try:
            os.unlink(place)
        except OSError as error:
            raise InputError(f"Option {OPTION}: {place!r} cannot be removed ({error.strerror}).") from None


def diffs(changes: list[FileChange], folder: str, redact: Callable[[str], str]) -> list[dict[str, Any]]:
    """The differences of the files, without lines that may hold a secret."""
    return [
        {
            "before": _shown(change.before, redact),
            "after": _shown(change.after, redact),
            "before_header": os.path.join(folder, change.name),
            "after_header": os.path.join(folder, change.name),
        }
        for change in changes
        if change.changed
    ]


def _shown(text: str | None, redact: Callable[[str], str]) -> str:
    lines = [line if is_own_line(line) else HIDDEN for line in (text or "").split("\n")]
    return redact("\n".join(lines))
