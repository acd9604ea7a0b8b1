# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads files that steer a run, such as a plan or the state of an import: only what nobody else could have written.

The owner and the mode of a file are the only evidence of who wrote it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from ..errors import InputError

LINKS = 40
"""So many symbolic links in one path are a circle, as Linux counts."""

WITHOUT_MODES = frozenset(
    {
        "9p",
        "cifs",
        "drvfs",
        "exfat",
        "fuseblk",
        "msdos",
        "ntfs",
        "ntfs3",
        "prl_fs",
        "smb3",
        "v9fs",
        "vboxsf",
        "vfat",
        "vmhgfs",
    }
)
"""File systems that show the same mode for every file: Windows drives in WSL, shared folders of virtual machines."""

WAY_OUT = "If you know who writes it, set trust_local_files=true (W365_TRUST_LOCAL_FILES)."


def read_trusted(path: str, option: str, *, trust: bool, warn: Callable[[str], None]) -> bytes | None:
    """The content of a file that another user cannot have written; None without a file.

    `warn` gets a sentence where a group, or the owner of its folder, could have replaced it. Raises InputError for a file
    of another user than the own and root, for one that everybody may write, also because of a folder above it, and for
    one that cannot be read. With `trust` only the last is refused. Source: StrictModes of sshd, and protected_symlinks of
    Linux.
    """
    try:
        found = _Checked(path, option, refuses=not trust)
        if found.place is None:
            return None
        content = found.read()
    except OSError as error:
        raise InputError(f"Option {option}: {path!r} cannot be read ({error.strerror}).") from None
    if not trust:
        for sentence in found.doubts():
            warn(f"Option {option}: {sentence} {WAY_OUT}")
    return content


class _Checked:
    """A path whose every part was looked at. `place` is the file without symbolic links, None where it does not exist."""

    def __init__(self, path: str, option: str, *, refuses: bool) -> None:
        self._path, self._option, self._refuses = path, option, refuses
        # The owner of the root folder can replace every file. In a user namespace this is not user 0.
        self._trusted = {os.geteuid(), 0, os.stat("/").st_uid}
        self.place: str | None = None
        self._file: os.stat_result | None = None
        self._folder = os.stat("/")
        for place, status in _parts(path):
            if status is None:
                return
            self._look_at(place, status)
            if stat.S_ISDIR(status.st_mode):
                self._folder = status
            elif not stat.S_ISLNK(status.st_mode):
                self.place, self._file = place, status
        if self._file is None:
            raise InputError(f"Option {option}: {path!r} is a folder. Give the name of a file in it.")

    def _look_at(self, place: str, status: os.stat_result) -> None:
        if not self._refuses or not _has_modes(status):
            return
        mode, is_folder = status.st_mode, stat.S_ISDIR(status.st_mode)
        in_shared = bool(self._folder.st_mode & stat.S_IWOTH)
        if not is_folder and status.st_uid not in self._trusted and (in_shared or not stat.S_ISLNK(mode)):
            self._refuse(place, f"belongs to the user with id {status.st_uid}, and this task runs as {os.geteuid()}")
        if is_folder and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            self._refuse(
                place, f"is a folder that everybody may write to (mode {stat.S_IMODE(mode):04o}), and has no sticky bit"
            )
        if stat.S_ISREG(mode) and mode & stat.S_IWOTH:
            self._refuse(place, f"can be written by everybody (mode {stat.S_IMODE(mode):04o})")

    def _refuse(self, place: str, reason: str) -> None:
        raise InputError(
            f"Option {self._option}: {self._path!r} decides what this task changes, and somebody else could have written it: "
            f"{place!r} {reason}. Nothing was changed. Keep it in a folder of the user who runs the task. {WAY_OUT}"
        )

    def read(self) -> bytes:
        """Raises OSError. What is read is the very file that was looked at."""
        handle = os.open(str(self.place), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(
                    f"Option {self._option}: {self._path!r} is not a file but a device, a pipe or a socket."
                )
            if self._refuses and self._file and not os.path.samestat(status, self._file):
                self._refuse(str(self.place), "was replaced while it was read")
            return file.read()

    def doubts(self) -> Iterator[str]:
        """Sentences about who else could have written it."""
        for what, status in ((f"{self._path!r}", self._file), (f"the folder of {self._path!r}", self._folder)):
            if status is None:
                continue
            if not _has_modes(status):
                if status.st_mode & stat.S_IWOTH:
                    yield f"nobody can tell who may write {self._path!r}: its file system has no owners and modes."
                    return
            elif status.st_uid not in self._trusted:
                yield f"{what} belongs to the user with id {status.st_uid}, who could have replaced what decides what this task changes."
            elif status.st_mode & stat.S_IWGRP and not status.st_mode & stat.S_ISVTX and not _own_group(status.st_gid):
                yield f"{what} can be written by the group with id {status.st_gid}, and decides what this task changes."


def _parts(path: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """Every folder, symbolic link and file on the way to a path, from the root on; None for the first that is missing."""
    waiting = [part for part in os.path.join(os.getcwd(), path).split("/") if part][::-1]
    place, links = "/", 0
    while waiting:
        part = waiting.pop()
        if part in (".", ".."):
            place = os.path.dirname(place) if part == ".." else place
            continue
        here = os.path.join(place, part)
        try:
            status = os.lstat(here)
        except FileNotFoundError:
            yield here, None
            return
        yield here, status
        if not stat.S_ISLNK(status.st_mode):
            place = here
            continue
        links += 1
        if links > LINKS:
            raise OSError(40, "Too many levels of symbolic links")
        target = os.readlink(here)
        place = "/" if target.startswith("/") else place
        waiting += [step for step in target.split("/") if step][::-1]


def _own_group(gid: int) -> bool:
    """Whether a group is that of one user, as with umask 002, or root's, as of every file in an OpenShift container."""
    if gid == 0:
        return True
    import grp  # start-up
    import pwd  # start-up

    try:
        group, owner = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        # A container without names.
        return gid == os.getegid()
    return gid == owner.pw_gid and set(group.gr_mem) <= {owner.pw_name} and group.gr_name == owner.pw_name


def _has_modes(status: os.stat_result) -> bool:
    """Whether the file system keeps owners and modes. Asked only about what everybody may write or a stranger owns."""
    if not status.st_mode & stat.S_IWOTH and status.st_uid in (os.geteuid(), 0):
        return True
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return True
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    kinds = {fields[fields.index("-") + 1] for fields in lines if "-" in fields and fields[2] == device}
    return not kinds & WITHOUT_MODES
