# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the site that are made of other files: playbooks, articles of the vendor, the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from antsibull_docs_parser.dom import PluginIdentifier
from antsibull_docs_parser.parser import Context, parse
from antsibull_docs_parser.rst import to_rst
from markdown_it import MarkdownIt

from common import FULL_NAME, ROOT, Problem, role_names

PLAYBOOKS = ROOT / "playbooks"
SITE = ROOT / "docs" / "site"
# What antsibull-docs writes: links to the project, how to install it from Galaxy, and a table of contents, which the theme
# has beside the page.
LINKS = re.compile(r"(?ms)^\.\. Extra links\n.*?(?=^\.\. Parsing errors|\Z)")
INSTALL = re.compile(r"To install it,? use: :code:`[^`]*`\.")
GALAXY = re.compile(rf"`({re.escape(FULL_NAME)}) collection <https://galaxy[^>]+>`_")
CONTENTS = re.compile(r"(?m)^\.\. contents::.*\n(?:   :.*\n)*")

# ---- reStructuredText


def heading(text: str, line: str = "-") -> str:
    """A heading."""
    return f"{text}\n{line * len(text)}\n\n"


def indented(text: str, by: int = 3) -> str:
    """The lines, moved to the right."""
    return "\n".join(" " * by + line if line else "" for line in text.splitlines())


def code(text: str, language: str) -> str:
    """A block of code."""
    return f".. code-block:: {language}\n\n{indented(text)}\n\n"


def grid(widths: Sequence[int], rows: Sequence[Sequence[str]], name: str = "") -> str:
    """A table whose first row is its header."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}"]
    lines += [f"   :class: {name}"] if name else []
    for row in rows:
        for number, cell in enumerate(row):
            first, *rest = cell.splitlines() or [""]
            lines += ["", f"   * - {first}"] if not number else [f"     - {first}"]
            lines += [f"       {line}".rstrip() for line in rest]
    return "\n".join(lines) + "\n\n"


def plain(text: str) -> str:
    """Text whose characters mean nothing to reStructuredText."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


WORD = re.compile(
    r"-e '[^']*'|-e \S+|"  # arguments of a command
    r"(?<![\w-])--[a-z][a-z-]*|\b\w+_\*|"
    r"[\w.@/<>*%-]*[_*/<][\w.@/<>*%=-]*\w>?\*?(?:: (?:true|false))?|"  # names, files, placeholders
    r"\w+=\w+|\b[\w-]+\.(?:yml|json|csv|html)\b"
)


def prose(text: str) -> str:
    """The sentences of a comment: what looks like code becomes a literal, the name of a playbook a link."""
    names = {path.stem for path in PLAYBOOKS.glob("*.yml")}
    parts, end = [], 0
    for match in WORD.finditer(text):
        word = match[0]
        parts.append(plain(text[end : match.start()]))
        parts.append(f":doc:`{word} <{word}>`" if word in names else f"``{word}``")
        end = match.end()
    return "".join([*parts, plain(text[end:])])


# ---- a playbook


def header_of(text: str) -> list[str]:
    """The comment above the first play, without the license and without its marks."""
    before = text.partition("\n- name:")[0].split("SPDX-License-Identifier: GPL-3.0-or-later", 1)[1]
    return [line.removeprefix("#").removeprefix(" ") for line in before.strip().splitlines()]


def paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines that belong together: they are separated by empty ones, and a list begins by itself."""
    part: list[str] = []
    for line in [*lines, ""]:
        starts = line.startswith("- ") or (part and line[:1] == " " and part[0][:1] not in " -")
        if part and (not line.strip() or starts):
            yield part
            part = []
        if line.strip():
            part.append(line)


def header_page(lines: Sequence[str]) -> str:
    """The comment as reStructuredText."""
    written = []
    for part in paragraphs(lines):
        if part[0].startswith("- "):
            written.append("* " + prose(" ".join(line.strip() for line in part).removeprefix("- ")) + "\n\n")
        elif part[0].startswith(" "):
            written.append(_indented_part([line.removeprefix("  ") for line in part]))
        else:
            written.append(prose("\n".join(part)) + "\n\n")
    return "".join(written)


def _indented_part(lines: list[str]) -> str:
    """Commands, a table of variables, or a piece of a file."""
    if re.match(r"(?:ansible-|systemctl )", lines[0]):
        return code("\n".join(lines), "console")
    rows: list[list[str]] = []
    for line in lines:
        found = re.fullmatch(r"(w365_\S+) {2,}(\S.*)", line)
        if found:
            rows.append([f"``{found[1]}``", found[2]])
        elif rows and line.startswith("  "):
            rows[-1][1] += " " + line.strip()
    if rows:
        return grid((35, 65), [["Variable", "Meaning"], *([name, prose(said)] for name, said in rows)])
    return code("\n".join(lines), "yaml")


class _Loader(yaml.SafeLoader):
    """Reads what Ansible marks with a tag of its own."""


_Loader.add_multi_constructor("!", lambda loader, _suffix, node: loader.construct_scalar(node))


def what_runs(path: Path, seen: set[Path] | None = None) -> tuple[list[str], list[str]]:
    """The roles and the modules of the collection that a playbook or a file of tasks uses, in their order."""
    seen = seen if seen is not None else set()
    roles: list[str] = []
    modules: list[str] = []
    if path in seen or not path.is_file():
        return roles, modules
    seen.add(path)
    for entry in _entries(yaml.load(path.read_text(encoding="utf-8"), _Loader)):  # noqa: S506 - a loader without objects
        for key, value in entry.items():
            name = str(key).removeprefix("ansible.builtin.")
            if name in {"import_role", "include_role"}:
                roles.append(str(value["name"]).removeprefix(f"{FULL_NAME}."))
            elif name == "roles":
                given = [role["role"] if isinstance(role, dict) else role for role in value]
                roles += [str(role).removeprefix(f"{FULL_NAME}.") for role in given]
            elif name in {"import_tasks", "include_tasks", "import_playbook"}:
                file = value if isinstance(value, str) else value.get("file", "")
                # A file whose name a variable decides may be any of them.
                for included in sorted(path.parent.glob(re.sub(r"\{\{.*?\}\}", "*", file))):
                    more_roles, more_modules = what_runs(included.resolve(), seen)
                    roles += more_roles
                    modules += more_modules
            elif str(key).startswith("awx.awx."):
                modules.append("awx.awx")
            elif str(key).startswith(f"{FULL_NAME}."):
                modules.append(str(key).removeprefix(f"{FULL_NAME}."))
    return list(dict.fromkeys(roles)), list(dict.fromkeys(modules))


def _entries(found: Any) -> Iterator[dict[Any, Any]]:
    """Every play, block and task."""
    for entry in found if isinstance(found, list) else ():
        yield entry
        for key in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from _entries(entry.get(key))


def specification(role: str) -> dict[str, Any]:
    """What a role says of itself. What another entry point says is below a variable belongs to it here too."""
    path = ROOT / "roles" / role / "meta" / "argument_specs.yml"
    entries: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    below = {
        name: option["options"]
        for entry in entries.values()
        for name, option in entry.get("options", {}).items()
        if "options" in option
    }
    main: dict[str, Any] = entries["main"]
    for name, option in main.get("options", {}).items():
        option.update({"options": below[name]} if name in below else {})
    return main


def role_table(role: str) -> str:
    """The variables of a role, with the first level of what is in them."""
    context = Context(current_plugin=PluginIdentifier(fqcn=f"{FULL_NAME}.{role}", type="role"), role_entrypoint="main")

    def rows(options: Mapping[str, Any], above: str = "") -> Iterator[list[str]]:
        for name, option in options.items():
            said = option.get("description", "")
            first = said[0] if isinstance(said, list) else said
            kind = [option.get("type", "str"), "required" if option.get("required") else ""]
            if option.get("default") not in (None, ""):
                kind.append(f"default ``{option['default']}``")
            shown = f"in it: ``{name}``" if above else f":ansopt:`{FULL_NAME}.{role}#role:main:{name}`"
            yield [shown, ", ".join(filter(None, kind)), to_rst(parse(first, context))]
            if not above:
                yield from rows(option.get("options") or {}, f"{name}.")

    options = specification(role).get("options", {})
    return grid((34, 18, 48), [["Variable", "Type", "Meaning"], *rows(options)])


def playbook_page(path: Path) -> str:
    """The page of one playbook."""
    text = path.read_text(encoding="utf-8")
    title = re.search(r"(?m)^- name: (.+)$", text)
    if not title:
        raise Problem(f"{path.name} has no play with a name.")
    page = f".. _playbook_{path.stem}:\n\n" + heading(path.stem, "=")
    page += f"*{title[1]}*\n\n" + header_page(header_of(text))
    roles, modules = what_runs(path)
    page += heading("What it runs")
    for role in roles:
        page += f"* :ansplugin:`the role {role} <{FULL_NAME}.{role}#role>`: {_short(role)}\n"
    for module in modules:
        if module == "awx.awx":
            page += "* modules of the collection ``awx.awx``\n"
            continue
        page += f"* :ansplugin:`the module {module} <{FULL_NAME}.{module}#module>`\n"
    page += "\n"
    for role in roles:
        page += heading(f"Variables of the role {role}") + role_table(role)
    if "vars/connection.yml" in text:
        page += (
            heading("The connection")
            + "The variables and environment variables of :doc:`the connection <connection>`.\n"
        )
    return page


def _short(role: str) -> str:
    """The short description of a role, as a part of a sentence."""
    said = plain(str(specification(role)["short_description"]))
    return said[0].lower() + said[1:]


def connection_page() -> str:
    """The variables that the lookup w365_connection reads, which are the keys of a customer of w365_sync."""
    customer = specification("w365_sync")["options"]["w365_sync_configurations"]["options"]
    options = [name for name in customer if name not in ("name", "schedule", "import")]
    shown = [["Variable", "Environment variable", "Option of the modules"]]
    # Every module has them; those of Microsoft Entra are options of those that use it.
    for name in options:
        owner = "w365_o365_import" if name.startswith(("entra_", "graph_")) else "w365_user"
        shown.append([f"``w365_{name}``", f"``W365_{name.upper()}``", f":ansopt:`{FULL_NAME}.{owner}#module:{name}`"])
    text = heading("The connection of the playbooks", "=")
    text += "A variable has precedence over the environment variable of the same name. Blank counts as not given.\n\n"
    return text + grid((34, 34, 32), shown)


def playbook_pages() -> dict[str, str]:
    """Every page below playbooks/, by its name."""
    paths = sorted(PLAYBOOKS.glob("*.yml"))
    pages = {path.stem: playbook_page(path) for path in paths}
    rows = [["Playbook", "What it does"]]
    for path in paths:
        first = next(paragraphs(header_of(path.read_text(encoding="utf-8"))))
        sentence = re.split(r"(?<=[.:])\s", " ".join(first))[0].rstrip(":.")
        rows.append([f":doc:`{path.stem}`", prose(sentence) + "."])
    text = heading("Playbooks", "=")
    text += f"Run one by its full name: ``ansible-playbook {FULL_NAME}.<playbook>``.\n\n" + grid((30, 70), rows)
    text += ".. toctree::\n   :hidden:\n\n   connection\n" + indented("\n".join(pages)) + "\n"
    return {**pages, "connection": connection_page(), "index": text}


# ---- the vendor's articles


def articles() -> list[dict[str, Any]]:
    """The table of the vendor's articles."""
    found: list[dict[str, Any]] = yaml.safe_load((SITE / "articles.yml").read_text(encoding="utf-8"))["articles"]
    return found


def reference(name: str) -> str:
    """A link to the page of a module, a role or a playbook."""
    if name in role_names():
        # Some modules have a role of their name; the role is what somebody looks for who wants variables.
        kind = "role" if not (ROOT / "plugins" / "modules" / f"{name}.py").exists() else "module"
        return f":ansplugin:`{name} <{FULL_NAME}.{name}#{kind}>`"
    if (PLAYBOOKS / f"{name}.yml").exists():
        return f":doc:`{name} <playbooks/{name}>`"
    return f":ansplugin:`{name} <{FULL_NAME}.{name}#module>`"


def articles_page() -> str:
    """The page of the vendor's articles, with one row for each."""
    rows = [["Article of the vendor", "What replaces it", "Command", "Test", "What stays a click"]]
    for article in articles():
        title = f"`{article['title']} <{article['link']}>`__" if article.get("link") else article["title"]
        guide = f":ref:`guide <ansible_collections.{FULL_NAME}.docsite.{article['guide']}>`"
        rows.append(
            [
                title,
                ", ".join(map(reference, article["replaces"])) + f" ({guide})",
                f"``{article['command']}``",
                "\n\n".join(f"``{test}``" for test in article["tests"]),
                article["click"],
            ]
        )
    text = heading("The vendor's articles, and what replaces them", "=")
    text += (
        f"The vendor of Workspace 365 describes provisioning in {len(articles())} articles, most of them clicks and "
        "scripts for Windows. Each command of this table is run by a test against the offline twin, and the named tests "
        "prove the behavior behind it.\n\n"
    )
    return text + grid((16, 20, 26, 22, 16), rows, "articles")


# ---- others


def published() -> dict[str, bool]:
    """What of the project is public."""
    found: dict[str, bool] = yaml.safe_load((SITE / "published.yml").read_text(encoding="utf-8"))
    return found


def collection_page(name: str, text: str, public: Mapping[str, bool]) -> str:
    """A page of antsibull-docs: the index without what the start page says, and no link to what is not public."""
    if name == "index.rst":
        mark = f".. _plugin_index_for_{FULL_NAME}:"
        _before, found, rest = text.partition(mark)
        if not found:
            raise Problem("antsibull-docs writes another index than before: it has no list of the plugins.")
        # Where the tree of contents is beside the page, the whole name of each is too long.
        rest = re.sub(r"(?m)^    (\w+)_(module|role|filter|inventory)$", r"    \1 \2 <\1_\2>", rest)
        rest = rest.replace("Plugin Index\n------------", "Modules, roles and plugins\n==========================", 1)
        return f".. _communication_for_{FULL_NAME}:\n.. _changelog_section_for_{FULL_NAME}:\n{mark}{rest}"
    text = CONTENTS.sub("", text)
    if not public["galaxy"]:
        text = INSTALL.sub("It is not published yet; see :ref:`how to install it <install_it>`.", text)
        text = GALAXY.sub("collection \\1", text)
    return text if public["repository"] else LINKS.sub("", text)


def contract_page() -> str:
    """docs/contract.md, as HTML in a page: nothing else here is Markdown."""
    text = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    _comment, _mark, body = text.partition("-->\n")
    title, _line, rest = body.strip().removeprefix("# ").partition("\n")
    html = MarkdownIt("commonmark").enable("table").render(rest)
    return heading(title, "=") + ".. raw:: html\n\n" + indented(html) + "\n"
