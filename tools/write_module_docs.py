# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the documentation that modules and roles share into plugins and roles, from docs/shared/*.yml.

`write_module_docs.py` writes; `write_module_docs.py --check` writes nothing and fails when a file is stale. Ansible has
doc fragments for options at the top level. Options below suboptions and return values have no such mechanism, so
their texts are written into the modules. A module marks where:

    # BEGIN shared: report.one_object
    #   summary.sample: {group_create: 1, unchanged: 0, left_out: 0}
    #   without: [results.contains.changes]
    # END shared: report.one_object

`report` is the file, `one_object` a key in it, called a piece. The lines below BEGIN are what differs here, as YAML:
a path into the piece and its value there, `without` with a list of paths, or `only` with a list of keys or paths to
which the piece is reduced; what stood at a path is then called by the path's last word.
A piece may be made from another piece in the same way (`from: report.one_object`).

A file with `attributes` has one entry for each attribute of an object, from which these pieces are made:

- `options`: the options, for the attributes with the key `option`;
- `returned`, `returned_list`: `contains` and `sample` of a return value that is one object, or a list of them, for
  those with `returned`;
- `imported_list`: the same for those with `imported`;
- `role_options`: the options with what is in the key `role` of their entries, for the roles that take such objects.

`option`, `returned` and `imported` are a description, or a dictionary of what differs from the rest of the entry. In one
of the latter two, `returned` says when there is a value; always, when it says nothing. Of any other key, `[[user.csv]]`
in a text is the list of attributes that have it: the name, and the key's value in parentheses unless it is true.

O(name) of an option of the same piece becomes O(users.name) where the piece is in the suboptions of O(users).

Pieces of options are written into roles/*/meta/argument_specs.yml in the same way, in the form that argument specs of
roles have: `options` for `suboptions`; no `aliases`; instead of a `default`, which is the module's and not the role's, a
sentence about it; C(name) for O(name) and RV(name), because these names are keys of a role's variable; and a description
of one text without a list.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from common import ROOT, Problem, run_main

SOURCES = ROOT / "docs" / "shared"
FOLDERS = (ROOT / "plugins" / "modules", ROOT / "plugins" / "doc_fragments")
ROLE_SPEC = "argument_specs.yml"
WIDTH = 120

# The keys that Ansible knows of an option or a return value, in the order in which they are written. `returned` is not
# among those of an attribute, where it is the text about the return value.
OPTION_KEYS = ("version_added", "type", "elements", "required", "aliases", "choices", "default", "suboptions")
RETURN_KEYS = ("version_added", "type", "elements", "contains", "sample")
# What the argument spec of a role can say about an option and the documentation of a module cannot.
ROLE_KEYS = ("no_log", "mutually_exclusive", "required_one_of")
KEYS = {"description", "returned", "support", "details", *OPTION_KEYS, *RETURN_KEYS, *ROLE_KEYS}

BEGIN = re.compile(r"( *)# BEGIN shared:\s*([\w.]+)")
END = re.compile(r" *# END shared\b")
LIST = re.compile(r"\[\[(\w+)\.(\w+)\]\]")
# A name without "#" belongs to the plugin that the text is about.
OWN_NAME = re.compile(r"\b(?:O|RV)\(([^()#]*)\)")
KEY = re.compile(r"( *)([A-Za-z_]\w*):(?:\s|$)")


# From the sources to pieces


class Sources:
    """The texts of docs/shared. `files` is what each file holds, by its name without the ending."""

    def __init__(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        self.files = files

    @classmethod
    def read(cls, folder: Path = SOURCES) -> Sources:
        """Every file of the folder."""
        return cls({path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(folder.glob("*.yml"))})

    def names(self) -> set[str]:
        """All pieces, as `file.piece`."""
        found: set[str] = set()
        for name, content in self.files.items():
            found |= {f"{name}.{piece}" for piece in content if piece != "attributes"}
            attributes = content.get("attributes", {}).values()
            made = {piece for piece, (key, _make) in VIEWS.items() if any(key in one for one in attributes)}
            found |= {f"{name}.{piece}" for piece in made}
        return found

    def piece(self, name: str) -> Any:
        """A piece of its own, with lists of attributes filled in. Raises Problem when there is none of this name."""
        if name not in self.names():
            raise Problem(f"docs/shared has no piece {name!r}. There are: {', '.join(sorted(self.names()))}.")
        file, key = name.split(".")
        content = self.files[file]
        if key in content:
            given = copy.deepcopy(content[key])
            if isinstance(given, dict) and "from" in given:
                given = varied(self.piece(given.pop("from")), given, f"{name} of docs/shared")
        else:
            purpose, make = VIEWS[key]
            given = make({one: row for one, row in content["attributes"].items() if purpose in row}, purpose)
        return on_texts(given, lambda text: LIST.sub(lambda found: self.listed(found[1], found[2]), text))

    def listed(self, file: str, key: str) -> str:
        """The attributes of a file that have this key, as the end of a sentence."""
        rows = self.files.get(file, {}).get("attributes", {})
        found = {name: row[key] for name, row in rows.items() if key in row}
        words = [f"C({name})" if value is True else f"C({name}) ({value})" for name, value in found.items()]
        if not words:
            raise Problem(f"[[{file}.{key}]] in docs/shared: no attribute of {file}.yml has the key {key}.")
        return f"{', '.join(words[:-1])} and {words[-1]}" if words[:-1] else words[0]


def _described(row: Mapping[str, Any], key: str, keys: Sequence[str]) -> dict[str, Any]:
    """An attribute's entry as an option or a return value, with the keys in their order."""
    own = row[key] if isinstance(row[key], dict) else {"description": row[key]}
    given = {**{name: value for name, value in row.items() if name in keys}, **own}
    return {name: given[name] for name in ("description", *keys) if name in given}


def _options(rows: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: _described(row, key, OPTION_KEYS) for name, row in rows.items()}


def _role_options(rows: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The options as they are for roles. The entry's key `role` adds to them and replaces their texts."""
    found = {}
    for name, row in rows.items():
        own = row[key] if isinstance(row[key], dict) else {"description": row[key]}
        own = {**own, **row.get("role", {})}
        found[name] = _described({**row, key: own}, key, (*OPTION_KEYS, *ROLE_KEYS))
    return found


def _returned(rows: Mapping[str, Any], key: str) -> dict[str, Any]:
    contains = {}
    for name, row in rows.items():
        value = _described(row, key, RETURN_KEYS)
        sample = value.pop("sample", None)
        when = row[key].get("returned", "always") if isinstance(row[key], dict) else "always"
        contains[name] = {**value, "returned": when, "sample": sample}
    return {"contains": contains, "sample": {name: value["sample"] for name, value in contains.items()}}


def _returned_list(rows: Mapping[str, Any], key: str) -> dict[str, Any]:
    one = _returned(rows, key)
    return {**one, "sample": [one["sample"]]}


# Piece -> the key that an attribute needs to be in it, and what makes it of these attributes.
VIEWS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], str], dict[str, Any]]]] = {
    "options": ("option", _options),
    "role_options": ("option", _role_options),
    "returned": ("returned", _returned),
    "returned_list": ("returned", _returned_list),
    "imported_list": ("imported", _returned_list),
}


def on_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every text in it changed. Samples stay as they are: they are data."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [on_texts(item, change) for item in value]
    if isinstance(value, dict):
        return {key: item if key == "sample" else on_texts(item, change) for key, item in value.items()}
    return value


# Variations


def varied(piece: Any, variations: Mapping[str, Any], where: str) -> Any:
    """The piece with what differs here. Raises Problem for a path that does not exist."""
    result = copy.deepcopy(piece)
    for path, value in variations.items():
        if path == "only":
            places = [_parent(result, name, where, present=True) for name in value]
            result = {key: parent[key] for parent, key in places}
        elif path == "without":
            for name in value:
                parent, key = _parent(result, name, where, present=True)
                del parent[key]
        else:
            parent, key = _parent(result, path, where, present=False)
            if key not in KEYS and isinstance(parent, dict) and key not in parent and not isinstance(value, dict):
                raise Problem(f"{where}: {path!r} is not in the shared text, and Ansible knows no key {key!r}.")
            parent[key] = value
    return result


def _parent(piece: Any, path: str, where: str, *, present: bool) -> tuple[Any, Any]:
    """The dictionary or list in which the end of a path stands, and its key or index there."""
    *way, last = str(path).split(".")
    here = piece
    try:
        for step in way:
            here = here[int(step) if isinstance(here, list) else step]
        key: Any = int(last) if isinstance(here, list) else last
        if present or isinstance(here, list):
            here[key]
    except (LookupError, ValueError, TypeError):
        raise Problem(f"{where}: {path!r} is not in the shared text.") from None
    return here, key


def placed(piece: Any, owner: str) -> Any:
    """The piece with O() of its own options as they are called below the option `owner`; nothing for the top level."""
    if not owner or not isinstance(piece, dict):
        return piece
    own = re.compile(rf"\bO\((?=(?:{'|'.join(map(re.escape, piece))})\b[^#]*?\))")
    return on_texts(piece, lambda text: own.sub(f"O({owner}.", text))


# Options as argument specs of roles have them


def for_role(piece: Any, where: str) -> dict[str, Any]:
    """A piece of options in the form of a role's argument spec. Raises Problem for any other piece."""
    if not isinstance(piece, dict) or not all(
        isinstance(item, dict) and "description" in item for item in piece.values()
    ):
        raise Problem(f"{where}: only options can be written into the argument spec of a role.")
    return {name: _role_option(option, where) for name, option in piece.items()}


def _role_option(option: Mapping[str, Any], where: str) -> dict[str, Any]:
    texts = option["description"] if isinstance(option["description"], list) else [option["description"]]
    texts = on_texts(texts, lambda text: OWN_NAME.sub(r"C(\1)", text))
    default = option.get("default")
    # An option without a value is one that is not given, which needs no sentence.
    if default not in (None, [], {}, ""):
        shown = str(default).lower() if isinstance(default, bool) else default
        texts = [*texts, f"The module's default is V({shown})."]
    keys = [key for key in (*OPTION_KEYS, *ROLE_KEYS) if key not in ("aliases", "default", "suboptions")]
    # Ansible templates the whole argument spec for each host, and every list costs as much as a text.
    told = texts[0] if len(texts) == 1 else texts
    result = {"description": told, **{key: option[key] for key in keys if key in option}}
    if "suboptions" in option:
        result["options"] = for_role(option["suboptions"], where)
    return result


# Writing YAML in this project's style: texts without quotes where possible, lines that fit


def yaml_lines(value: Any, indent: int = 0) -> list[str]:
    """A dictionary or list as lines of YAML, indented by so many columns. Neither may be empty."""
    lines: list[str] = []
    pad = " " * indent
    for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
        head = f"{pad}-" if key is None else f"{pad}{key}:"
        if isinstance(item, (dict, list)) and item:
            below = yaml_lines(item, indent + 2)
            if key is None:
                lines += [f"{head} {below[0].lstrip()}", *below[1:]]
            else:
                lines += [head, *below]
        else:
            lines += _scalar_lines(head, item, indent + 2)
    return lines


def _scalar_lines(head: str, value: Any, indent: int) -> list[str]:
    if not isinstance(value, str):
        return [f"{head} {json.dumps(value)}"]
    quoted = json.dumps(value, ensure_ascii=False)
    text = value if _is_plain(value) else quoted
    pad = " " * indent
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{head} ",
        subsequent_indent=pad,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # A word that is longer than the line would be put below its key.
    if lines[0] == head:
        lines = [f"{head} {lines[1].strip()}", *lines[2:]]
    return lines


def _is_plain(text: str) -> bool:
    """Whether YAML parses the text without quotes as this text."""
    try:
        understood: bool = yaml.safe_load(f"- {text}") == [text] and yaml.safe_load(f"key: {text}") == {"key": text}
    except yaml.YAMLError:
        return False
    return understood


# Writing into files


def rendered(text: str, sources: Sources, name: str, *, role: bool = False) -> str:
    """The text of a file with its shared pieces as docs/shared has them.

    `name` is for errors. `role` says that the file is the argument spec of a role.
    """
    lines = text.splitlines()
    result: list[str] = []
    number = 0
    while number < len(lines):
        begin = BEGIN.match(lines[number])
        if not begin:
            if END.match(lines[number]):
                raise Problem(f"{name}, line {number + 1}: END shared without BEGIN shared.")
            result.append(lines[number])
            number += 1
            continue
        where = f"{name}, line {number + 1}"
        end = _end(lines, number, where)
        indent, piece = begin[1], begin[2]
        comments = list(_comments(lines[number + 1 : end], indent))
        file = piece.split(".")[0]
        differs, owner = _variations(comments, where), _owner(lines, number, len(indent))
        value = varied(sources.piece(piece), differs, where)
        value = for_role(value, where) if role else placed(value, owner)
        result += [
            f'{indent}# BEGIN shared: {piece} (written by "make docs" from docs/shared/{file}.yml)',
            *comments,
            *_block(value, len(indent), f"{where}: {piece}"),
            f"{indent}# END shared: {piece}",
        ]
        number = end + 1
    return "\n".join(result) + "\n"


def _end(lines: Sequence[str], begin: int, where: str) -> int:
    for number in range(begin + 1, len(lines)):
        if END.match(lines[number]):
            return number
        if BEGIN.match(lines[number]):
            break
    raise Problem(f"{where}: BEGIN shared without END shared.")


def _comments(lines: Sequence[str], indent: str) -> Iterator[str]:
    """The comment lines at the head of a block: what differs here."""
    for line in lines:
        if not line.startswith(f"{indent}# "):
            return
        yield line


def _variations(comments: Sequence[str], where: str) -> dict[str, Any]:
    try:
        given = yaml.safe_load("\n".join(line.strip().removeprefix("#") for line in comments)) or {}
    except yaml.YAMLError as error:
        raise Problem(f"{where}: the comments below BEGIN shared are not YAML: {error}") from error
    if not isinstance(given, dict):
        raise Problem(f"{where}: the comments below BEGIN shared are no dictionary of paths and values.")
    return given


def _owner(lines: Sequence[str], number: int, indent: int) -> str:
    """Below which option a line stands, such as `groups.members`. Empty at the top level, and outside of options."""
    keys: list[str] = []
    for line in reversed(lines[:number]):
        found = KEY.match(line)
        if found and len(found[1]) < indent:
            indent = len(found[1])
            keys.insert(0, found[2])
            if indent == 0:
                break
    return ".".join(key for key in keys[1:] if key != "suboptions") if keys[:1] == ["options"] else ""


def _block(value: Any, indent: int, where: str) -> list[str]:
    """The lines of a block, after checking that they parse to the value."""
    lines = yaml_lines(value, indent)
    if yaml.safe_load(textwrap.dedent("\n".join(lines))) != value:
        raise Problem(f"{where} cannot be written in lines. Look for a line break or two blanks in a text.")
    return lines


def files() -> Iterator[Path]:
    """Every file that may hold shared texts."""
    for folder in FOLDERS:
        yield from sorted(folder.glob("*.py"))
    yield from sorted((ROOT / "roles").glob(f"*/meta/{ROLE_SPEC}"))


def used_pieces(text: str) -> set[str]:
    """The pieces that a file asks for."""
    return {found[2] for line in text.splitlines() if (found := BEGIN.match(line))}


def stale_files(sources: Sources) -> dict[Path, str]:
    """The files whose shared texts differ from docs/shared, with the text that they ought to have."""
    stale: dict[Path, str] = {}
    for path in files():
        text = path.read_text("utf-8")
        fresh = rendered(text, sources, str(path.relative_to(ROOT)), role=path.name == ROLE_SPEC)
        if fresh != text:
            stale[path] = fresh
    return stale


def check(sources: Sources) -> None:
    """Raise Problem when a file is stale."""
    if stale := stale_files(sources):
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise Problem(f"The texts between BEGIN shared and END shared are stale in {names}. Run: make docs")


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write what modules and roles share, from docs/shared.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    options = parser.parse_args()
    sources = Sources.read()
    if options.check:
        check(sources)
        print("The documentation that modules and roles share is up to date.")
        return 0
    stale = stale_files(sources)
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
        print(f"Wrote {path.relative_to(ROOT)}.")
    if not stale:
        print("The documentation that modules and roles share is up to date.")
    return 0


if __name__ == "__main__":
    run_main(main)
