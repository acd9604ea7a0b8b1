# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Desired state in files: YAML, JSON, and CSV in the formats of Microsoft Entra and the Microsoft 365 admin center.

The module reads them itself: thousands of users as Ansible variables take many times as long. Errors name the file and
the line, and all bad lines of a file at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..errors import InputError, MissingLibraryError
from ..model.desired import Skipped
from .argument_spec import user_spec
from .csv_files import CsvUsers
from .groups import add_remove_set_spec, group_from_options, group_spec, upn_change
from .half_characters import half_characters
from .texts import NoText, Unread, lines_of, option_name, values_without_text
from .users import user_from_options

PARTS = ("users", "groups", "administrators")
"""The keys of a YAML or JSON file, which are options of the module."""

ENCRYPTED = "$ANSIBLE_VAULT;"
"""The beginning of what Ansible Vault has encrypted."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The only way in which a file in UTF-8 or UTF-16 can hold half of a character."""


def content_spec() -> dict[str, Any]:
    """The argument spec of these options, by which files are validated too."""
    return {
        "users": {"type": "list", "elements": "dict", "options": user_spec()},
        "groups": {"type": "list", "elements": "dict", "options": group_spec()},
        "administrators": add_remove_set_spec(),
    }


@dataclass(frozen=True)
class FileContent:
    """The content of one file: `users` and `groups` as dictionaries like the module's options.

    `line_of` gives the line of an entry of a part. `skipped` are rows that were left out, of which purges keep `spared`
    (keys of users and external ids); `unused` are headings of columns that are not used.
    """

    name: str
    users: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[Mapping[str, Any]] = ()
    administrators: Mapping[str, Any] | None = None
    line_of: Callable[[str, int], int] = lambda _part, _index: 0
    skipped: Sequence[Skipped] = ()
    spared: frozenset[str] = frozenset()
    unused: Sequence[str] = ()

    def bad_lines(self) -> Iterator[tuple[int, str]]:
        """The lines of all entries that cannot be desired, with the reason."""
        for part, entries, check in (("users", self.users, _check_user), ("groups", self.groups, group_from_options)):
            for index, entry in enumerate(entries):
                try:
                    check(entry)
                except InputError as error:
                    yield self.line_of(part, index), error.message
        try:
            upn_change(self.administrators, "administrators")
        except InputError as error:
            yield self.line_of("administrators", 0), error.message


@dataclass(frozen=True)
class Content:
    """The content of all files."""

    files: tuple[FileContent, ...] = ()
    users: tuple[Mapping[str, Any], ...] = field(init=False)
    groups: tuple[Mapping[str, Any], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "users", tuple(user for file in self.files for user in file.users))
        object.__setattr__(self, "groups", tuple(group for file in self.files for group in file.groups))

    @property
    def administrators(self) -> Mapping[str, Any] | None:
        return next((file.administrators for file in self.files if file.administrators is not None), None)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return tuple(row for file in self.files for row in file.skipped)

    @property
    def spared(self) -> frozenset[str]:
        return frozenset().union(*(file.spared for file in self.files))

    @property
    def unused_columns(self) -> dict[str, list[str]]:
        """The headings of columns that are not used, by the name of the file."""
        return {file.name: list(file.unused) for file in self.files if file.unused}

    def bad_lines(self) -> list[str]:
        """A sentence for each file about all of its lines that cannot be desired."""
        found = [(file.name, list(file.bad_lines())) for file in self.files]
        return [lines_of(problems, name) for name, problems in found if problems]


Decrypt = Callable[[str], "str | None"]
"""Decrypts a text of Ansible Vault; None when no vault password fits."""


def read_files(paths: Sequence[str], decrypt: Decrypt | None = None) -> Content:
    """The content of all the files. Raises InputError for invalid or contradictory content, about all files at once.

    Without `decrypt`, whatever is encrypted is refused.
    """
    found: list[FileContent] = []
    problems: list[str] = []
    for path in paths:
        try:
            found.append(_read_file(path, decrypt))
        except InputError as error:
            problems.append(error.message)
    if problems:
        problems += Content(tuple(found)).bad_lines()
        raise InputError(" ".join(problems))
    if sum(file.administrators is not None for file in found) > 1:
        raise InputError("Option src: two of the files list administrators. Specify them in only one place.")
    return Content(tuple(found))


def _read_file(path: str, decrypt: Decrypt | None) -> FileContent:
    source = Path(path)
    try:
        raw = source.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Option src: {path!r} cannot be read ({reason}).") from None
    try:
        return content_of_text(decoded(raw, source.name), path, decrypt)
    except RecursionError:
        raise InputError(
            f"{source.name}: lists and dictionaries are nested too deeply to be users and groups."
        ) from None


def content_of_text(text: str, path: str, decrypt: Decrypt | None = None) -> FileContent:
    """The content of a file from its text. The extension of `path` is its format, and its last part the name in errors."""
    source = Path(path)
    ending = source.suffix.lower()
    if text.startswith(ENCRYPTED):
        text = _decrypted(text, source.name, decrypt)
    if ending == ".csv":
        return _of_csv(CsvUsers(text, source.name), source.name)
    if ending == ".json":
        from .json_text import JsonDocument  # start-up

        return _of_document(JsonDocument(text, source.name), text, source.name)
    if ending in (".yml", ".yaml"):
        from .yaml_text import YamlDocument  # start-up

        return _of_document(YamlDocument(_yaml(source.name), text, source.name, decrypt), text, source.name)
    raise InputError(
        f"Option src: {path!r} ends neither in .csv nor in .json, .yml or .yaml. Name it after its format."
    )


def _decrypted(text: str, name: str, decrypt: Decrypt | None) -> str:
    if decrypt is None:
        raise InputError(
            f"{name} is encrypted with Ansible Vault, and a module process, which reads it here, has no vault password. Read it "
            "into a variable (include_vars) and give that to option users, groups or administrators, or decrypt the file."
        )
    found = decrypt(text)
    if found is None:
        raise InputError(f"{name} is encrypted with Ansible Vault, and no vault password that Ansible was given fits.")
    return found


def _yaml(name: str) -> Any:
    """The library PyYAML."""
    try:
        import yaml  # start-up
    except ImportError as error:
        raise MissingLibraryError(
            f"The Python library 'PyYAML' is needed to read {name} and is not installed for the Python that runs this module "
            f'({error}). Ansible includes it: set ansible_python_interpreter to "{{{{ ansible_playbook_python }}}}", or '
            "give the file as JSON."
        ) from None
    return yaml


def decoded(raw: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark. Raises InputError for another encoding.

    A byte order mark at the start of a line comes from files that were joined, and is dropped.
    """
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{name}, line {line}: the file is not written in UTF-8. Save it as 'CSV UTF-8' (Excel), or convert it with iconv."
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(
            f"{name}, line {line}: the file holds U+0000, which no text has. When it is UTF-16 without a byte order mark, save it "
            "as UTF-8."
        )
    return re.sub(r"^\ufeff+", "", text, flags=re.MULTILINE) if "\ufeff" in text else text


def _of_csv(table: CsvUsers, name: str) -> FileContent:
    """The users of a table. Raises InputError with all bad rows."""
    lines = [line for line, _user in table.rows]
    found: Mapping[str, Any] = {}
    problems = list(table.problems)
    if not problems:
        try:
            found = _validated({"users": [user for _line, user in table.rows]})
        except InputError:
            # Slow, one by one, but it finds the lines.
            problems = []
    if problems or (table.rows and not found):
        for line, user in table.rows:
            problems += ((line, text) for text in _problems_of("users", user))
        raise InputError(lines_of(problems, name))
    return FileContent(
        name,
        users=found.get("users") or (),
        line_of=lambda _part, index: lines[index],
        skipped=table.skipped,
        spared=table.spared,
        unused=table.unused,
    )


def _of_document(document: Any, text: str, name: str) -> FileContent:
    """The content of a YAML or JSON document. Raises InputError with all bad lines."""
    data = document.data
    is_list = isinstance(data, list)
    if is_list:
        data = {"users": data}
    if not isinstance(data, Mapping):
        raise InputError(f"{name} holds neither a dictionary with {', '.join(PARTS)} nor a list of users.")
    unknown = [str(key) for key in data if key not in PARTS]
    if unknown:
        raise InputError(f"{name} holds {unknown[0]!r}; it may hold {', '.join(PARTS)}.")

    def line_of(part: str, index: int) -> int:
        if part == "administrators":
            return int(document.line((part,)))
        return int(document.line((index,) if is_list else (part, index)))

    if _HALF.search(text):
        _refuse_halves(data, line_of, name)
    odd = [
        (document.line(place), item, document.written(place))
        for item in values_without_text(content_spec(), data)
        for place in (item.place[1:] if is_list else item.place,)
    ]
    try:
        found = {} if odd else _validated(data)
    except InputError as error:
        whole = error.message
    else:
        whole = ""
    if odd or whole:
        without_text = {item.place[:2] for _line, item, _written in odd}
        problems = [(line, _no_text(item, written)) for line, item, written in odd]
        problems += [
            (line_of(part, index), text)
            for part in PARTS
            for index, entry in enumerate(_entries(data.get(part)))
            if without_text.isdisjoint(((part, index), *((part, key) for key in ("add", "remove", "set"))))
            for text in _problems_of(part, entry)
        ]
        sentence = lines_of(problems, name) if problems else f"{name}: {whole}"
        texts = [(item, written) for _line, item, written in odd if item.needed == "text"]
        raise InputError(sentence + (_in_quotes(*texts[0]) if texts else ""))
    return FileContent(name, found.get("users") or (), found.get("groups") or (), found.get("administrators"), line_of)


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _no_text(item: NoText, written: str) -> str:
    """What is wrong with a value, which a file has as `written`."""
    option = option_name(item.place)
    if item.secret or not item.shown or not written:
        return f"{option} is {item.kind} and no {item.needed}."
    same = str(item.value) == written or isinstance(item.value, Unread)
    return f"{option} is {written}, which is read as {item.kind}{'' if same else f' ({item.value})'} and not as a {item.needed}."


def _in_quotes(item: NoText, written: str) -> str:
    shown = written.strip('"') if written and item.shown and not item.secret else "001004"
    return f' Put it in quotes, such as {option_name(item.place).rpartition(".")[2]}: "{shown}".'


def _refuse_halves(data: Mapping[str, Any], line_of: Callable[[str, int], int], name: str) -> None:
    problems = [
        (line_of(part, index), f"{place} holds {code}, which is half of a character: the text was cut. Correct it.")
        for part in PARTS
        for index, entry in enumerate(_entries(data.get(part)))
        for place, code in half_characters(entry, part)
    ]
    if problems:
        raise InputError(lines_of(problems, name))


def _problems_of(part: str, entry: Any) -> Iterator[str]:
    """What is wrong with one entry of a file."""
    one = entry if part == "administrators" else [entry]
    try:
        found = _validated({part: one})
        if part == "users":
            _check_user(found["users"][0])
        elif part == "groups":
            group_from_options(found["groups"][0])
        else:
            upn_change(found["administrators"], "administrators")
    except InputError as error:
        yield error.message


def _check_user(user: Mapping[str, Any]) -> None:
    user_from_options({**user, "update_password": "on_create"})


def _validated(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content as the module's options. Raises InputError for what they do not take."""
    result = ArgumentSpecValidator(content_spec()).validate(dict(data))
    if result.error_messages:
        known = "Supported parameters include: "
        raise InputError(
            " ".join(
                f"{'the key ' if known in text else ''}{text.replace(f'. {known}', ' is not known. Known keys: ').rstrip('.')}."
                for text in result.error_messages
            )
        )
    validated: Mapping[str, Any] = result.validated_parameters
    return validated
