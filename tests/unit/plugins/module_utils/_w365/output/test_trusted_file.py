# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Tables of lambdas that only do something; mypy cannot tell that nobody wants their values.
# mypy: disable-error-code="func-returns-value"

"""Files that steer a run are read when nobody else can have written them, and are written so that they survive."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output import trusted_file
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.atomic_write import (
    write_atomically,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.trusted_file import read_trusted

STRANGER = 4711
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir(mode=0o755)
    path = tmp_path / "folder" / "state.json"
    path.write_text("mine", encoding="utf-8")
    path.chmod(0o600)
    return path


def read(path: Path | str, *, trust: bool = False) -> tuple[bytes | None, list[str]]:
    doubts: list[str] = []
    return read_trusted(str(path), "state_file", trust=trust, warn=doubts.append), doubts


def own(path: Path) -> None:
    os.lchown(path, STRANGER, STRANGER)


def linked(path: Path) -> None:
    """A link of a stranger in a folder like /tmp, to a file of ours."""
    path.parent.chmod(0o1777)
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")
    own(path)


WRONG: dict[str, Callable[[Path], Any]] = {
    "of a stranger": own,
    "for everybody": lambda path: path.chmod(0o606),
    "in a folder for everybody": lambda path: path.parent.chmod(0o777),
    "below a folder for everybody": lambda path: path.parent.parent.chmod(0o777),
    "a stranger's link in a shared folder": linked,
    "of a stranger in a shared folder": lambda path: (path.parent.chmod(0o1777), own(path)),
}


@as_root
@pytest.mark.parametrize("how", WRONG)
def test_what_others_can_have_written_is_refused(place: Path, how: str) -> None:
    WRONG[how](place)
    with pytest.raises(InputError) as refused:
        read(place)
    assert "decides what this task changes, and somebody else could have written it" in refused.value.message
    assert "trust_local_files=true (W365_TRUST_LOCAL_FILES)" in refused.value.message
    assert read(place, trust=True) == (b"mine", [])


RIGHT: dict[str, Callable[[Path], Any]] = {
    "own": lambda _path: None,
    "that everybody may read": lambda path: path.chmod(0o644),
    "in a folder like /tmp": lambda path: path.parent.chmod(0o1777),
    "of root's group (OpenShift)": lambda path: (path.chmod(0o660), path.parent.chmod(0o2770)),
    "behind an own link": lambda path: (path.rename(path.parent / "far"), path.symlink_to("far")),
    "behind a link to its folder": lambda path: (
        path.parent.rename(path.parent.parent / "volume"),
        path.parent.symlink_to("volume"),
    ),
}


@pytest.mark.parametrize("how", RIGHT)
def test_what_is_ours_is_read(place: Path, how: str) -> None:
    RIGHT[how](place)
    if os.geteuid() == 0 or "OpenShift" not in how:
        assert read(place) == (b"mine", [])


DOUBTFUL: dict[str, Callable[[Path], Any]] = {
    "a group may write it": lambda path: (os.chown(path, 0, STRANGER), path.chmod(0o660)),
    "a group may write its folder": lambda path: (os.chown(path.parent, 0, STRANGER), path.parent.chmod(0o2775)),
    "its folder is of a stranger": lambda path: own(path.parent),
}


@as_root
@pytest.mark.parametrize("how", DOUBTFUL)
def test_a_doubt_is_a_warning(place: Path, how: str) -> None:
    DOUBTFUL[how](place)
    content, doubts = read(place)
    assert content == b"mine"
    assert len(doubts) == 1
    assert str(STRANGER) in doubts[0]
    assert read(place, trust=True)[1] == []


@as_root
@pytest.mark.parametrize(
    ("members", "group", "doubted"), [([], "adele", False), (["alex"], "adele", True), ([], "staff", True)]
)
def test_the_group_of_one_user_is_that_user(
    place: Path, monkeypatch: pytest.MonkeyPatch, members: list[str], group: str, doubted: bool
) -> None:
    """With umask 002 a group of the user's own name may write everything; nobody else is in it."""
    for path in (place.parent, place):
        os.chown(path, STRANGER, STRANGER)
    place.parent.chmod(0o775)
    place.chmod(0o664)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_name="adele", pw_gid=STRANGER))
    monkeypatch.setattr(grp, "getgrgid", lambda _gid: SimpleNamespace(gr_name=group, gr_mem=members))
    content, doubts = read(place)
    assert content == b"mine"
    assert bool(doubts) == doubted


@as_root
def test_a_container_without_names(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenShift runs with a random user id that nothing knows, in the group of root."""
    os.chown(place.parent, STRANGER, 0)
    os.chown(place, STRANGER, 0)
    place.parent.chmod(0o2775)
    place.chmod(0o660)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert read(place) == (b"mine", [])


def test_a_file_system_without_modes_is_a_warning(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows drives in WSL show 0777 for everything."""
    place.chmod(0o777)
    monkeypatch.setattr(trusted_file, "_has_modes", lambda _status: False)
    content, doubts = read(place)
    assert content == b"mine"
    assert len(doubts) == 1
    assert "its file system has no owners and modes" in doubts[0]


def test_the_kind_of_a_file_system_comes_from_the_kernel(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.chmod(0o777)
    monkeypatch.setattr(trusted_file, "WITHOUT_MODES", frozenset())
    assert trusted_file._has_modes(place.stat())
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    device = place.stat().st_dev
    kinds = {
        line.partition(" - ")[2].split()[0]
        for line in lines
        if line.split()[2] == f"{os.major(device)}:{os.minor(device)}"
    }
    if not kinds:
        pytest.skip("the kernel does not list the device of this folder")
    monkeypatch.setattr(trusted_file, "WITHOUT_MODES", frozenset(kinds))
    assert not trusted_file._has_modes(place.stat())


def test_what_is_no_file(place: Path, tmp_path: Path) -> None:
    assert read(tmp_path / "none") == (None, [])
    assert read(tmp_path / "none" / "deeper") == (None, [])
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for path, sentence in (
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "is not a file but a device, a pipe or a socket"),
        (tmp_path / "circle", r"cannot be read \(Too many levels of symbolic links\)"),
        (place / "below", r"cannot be read \(Not a directory\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            read(path)


# What is written


def test_a_file_is_on_the_disk_before_it_has_its_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    replace, fsync = os.replace, os.fsync

    def seen(handle: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", seen)
    monkeypatch.setattr(os, "replace", lambda *given: (flushed.append("name"), replace(*given)))
    write_atomically(str(place), "new", "some_option")
    assert flushed == ["file", "name", "folder"]
    assert place.read_text(encoding="utf-8") == "new"


@pytest.fixture(params=[errno.EBUSY, errno.EACCES, errno.EROFS, errno.EPERM], ids=errno.errorcode.get)
def irreplaceable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A file that a container mounts alone, or whose folder is closed."""

    def refuse(*_given: Any, **_more: Any) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "replace", refuse)
    return request.param  # type: ignore[no-any-return]


def test_what_cannot_be_replaced_is_written_in_place(place: Path, irreplaceable: int) -> None:
    number = place.stat().st_ino
    write_atomically(str(place), "new", "some_option")
    assert (place.read_text(encoding="utf-8"), place.stat().st_ino) == ("new", number)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(place.parent.iterdir()) == [place], "nothing half written is left behind"
    place.unlink()
    with pytest.raises(InputError, match="cannot be written"):
        write_atomically(str(place), "new", "some_option")


@as_root
def test_a_strangers_file_gets_nothing_unless_it_was_mounted(place: Path, irreplaceable: int) -> None:
    own(place)
    if irreplaceable == errno.EBUSY:
        write_atomically(str(place), "new", "some_option")
        assert place.read_text(encoding="utf-8") == "new"
        return
    with pytest.raises(InputError, match="cannot be written"):
        write_atomically(str(place), "new", "some_option")
    assert place.read_text(encoding="utf-8") == "mine"


def test_an_own_link_stays_and_its_target_is_written(place: Path) -> None:
    link = place.parent / "link"
    link.symlink_to(place)
    write_atomically(str(link), "new", "some_option")
    assert link.is_symlink()
    assert place.read_text(encoding="utf-8") == "new"


@as_root
def test_a_strangers_link_is_not_followed(place: Path) -> None:
    link = place.parent / "link"
    link.symlink_to(place)
    own(link)
    write_atomically(str(link), "new", "some_option")
    assert not link.is_symlink()
    assert place.read_text(encoding="utf-8") == "mine"


@as_root
@pytest.mark.skipif(not Path("/bin/mount").exists(), reason="needs mount")
def test_a_file_that_is_mounted_alone(tmp_path: Path) -> None:
    """A real one: the kernel refuses to replace it."""
    inside, outside = tmp_path / "inside.json", tmp_path / "outside.json"
    inside.write_text("", encoding="utf-8")
    outside.write_text("before", encoding="utf-8")
    if subprocess.run(["mount", "--bind", outside, inside], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        write_atomically(str(inside), "new", "some_option")
        assert outside.read_text(encoding="utf-8") == "new"
    finally:
        subprocess.run(["umount", inside], check=True)
