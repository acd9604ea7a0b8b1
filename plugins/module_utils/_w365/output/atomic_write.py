# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files with personal data: readable by their owner only, and never incomplete."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from ..errors import InputError

IN_PLACE = frozenset({errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS})
"""A file that a container mounts alone cannot be replaced, and its folder may be closed or read-only."""


def write_atomically(path: str, text: str, option: str) -> None:
    """Write all of the text (UTF-8, line ends as they are) to a file of mode 0600, or leave the file unchanged.

    It is on the disk when this returns. A file that can be written and not replaced, such as one that a container mounts
    alone, is written in place. A symbolic link of the own user or of root stays, and its target is written. `option` is
    the option that named the path. Raises InputError where the file cannot be written.
    """
    place = _target(Path(path))
    content = text.encode("utf-8")
    try:
        try:
            _replace(place, content)
        except OSError as error:
            mounted = error.errno in (errno.EBUSY, errno.EXDEV)
            if error.errno not in IN_PLACE or not can_be_written_in_place(place, mounted=mounted):
                raise
            _overwrite(place, content)
    except OSError as error:
        raise InputError(f"Option {option}: {path!r} cannot be written ({error.strerror}).") from None


def can_be_written_in_place(place: Path, *, mounted: bool = False) -> bool:
    """Whether there is a file that this user may write to. Only a `mounted` one may belong to another user, who would
    otherwise get to read it."""
    try:
        status = os.lstat(place)
    except OSError:
        return False
    own = mounted or status.st_uid in (os.geteuid(), 0)
    return own and stat.S_ISREG(status.st_mode) and os.access(place, os.W_OK)


def _target(place: Path) -> Path:
    """A link of another user is replaced and not followed: it could lead to any file."""
    try:
        status = os.lstat(place)
    except OSError:
        return place
    follows = stat.S_ISLNK(status.st_mode) and status.st_uid in (os.geteuid(), 0)
    return Path(os.path.realpath(place)) if follows else place


def _replace(place: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        _write(handle, content)
        os.replace(temporary, place)
    except BaseException:
        os.unlink(temporary)
        raise
    try:
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        # A folder that can be written and not listed.
        return
    try:
        _flush(folder)
    finally:
        os.close(folder)


def _overwrite(place: Path, content: bytes) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if os.fstat(handle).st_uid == os.geteuid():
        os.fchmod(handle, 0o600)
    os.ftruncate(handle, 0)
    _write(handle, content)


def _write(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        _flush(handle)


def _flush(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
        # The file system has no such thing.
