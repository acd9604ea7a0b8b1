# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CONTRIBUTING.md agrees with the tree: its paths, packages, make targets and words, and every file of its recipes."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY_TESTS = "ansible_collections.workspace365.provisioning.tests.unit.repository"
architecture: Any = importlib.import_module(f"{REPOSITORY_TESTS}.test_architecture")
guides: Any = importlib.import_module(f"{REPOSITORY_TESTS}.test_guides")
repository: Any = importlib.import_module(f"{REPOSITORY_TESTS}.test_repository")

ROOT: Path = architecture.ROOT
CORE: Path = architecture.CORE_ROOT
ARROWS: dict[str, set[str]] = architecture.ARROWS
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

SPAN = re.compile(r"`([^`]+)`")
PATH = re.compile(r"\.?\w[\w.-]*(?:/[\w.-]+)*/?")
SUFFIXES = {".cfg", ".in", ".json", ".md", ".py", ".rst", ".toml", ".txt", ".yaml", ".yml"}
SHARED_BLOCK = re.compile(r"(?ms)^ *# BEGIN shared.*?^ *# END shared[^\n]*\n")


# ---- reading the file


def without_code_blocks(text: str) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def section(title: str, text: str = TEXT) -> str:
    """What is below a heading of any level, up to the next one of that level or above."""
    found = re.search(rf"(?m)^(#+) {re.escape(title)}$", text)
    assert found, f"CONTRIBUTING.md has no section {title!r}"
    rest = text[found.end() :]
    end = re.search(rf"(?m)^#{{1,{len(found[1])}}} ", rest)
    return rest[: end.start()] if end else rest


def spans(text: str) -> list[str]:
    return [" ".join(span.split()) for span in SPAN.findall(text)]


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its header."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def pieces(text: str) -> list[str]:
    """Paragraphs, list items and rows of tables."""
    return [piece for piece in re.split(r"\n\s*\n|\n(?=\d+\. |- |\|)", without_code_blocks(text)) if piece.strip()]


def is_path(span: str) -> bool:
    return (
        bool(PATH.fullmatch(span)) and ("/" in span or Path(span).suffix in SUFFIXES) and not span.startswith(".build")
    )


def places(span: str, folder: Path) -> list[Path]:
    """Where a path of the file may be: a name is relative to the folder named before it, the core library or the root."""
    return [path for path in dict.fromkeys((folder / span, CORE / span, ROOT / span)) if path.exists()]


def paths_of(piece: str) -> Iterator[tuple[str, list[Path]]]:
    """The paths that a piece names, in their order, with the places where they were found."""
    folder = ROOT
    for span in spans(piece):
        if is_path(span):
            found = places(span, folder)
            yield span, found
            folder = found[0] if found and found[0].is_dir() else folder


def wrong_paths(text: str) -> list[str]:
    """Paths that do not exist, and those that could mean two files."""
    return [span for piece in pieces(text) for span, found in paths_of(piece) if len(found) != 1]


# ---- paths, links, names


def test_every_path_exists() -> None:
    assert wrong_paths(TEXT) == []
    assert sum(len(list(paths_of(piece))) for piece in pieces(TEXT)) > 150


@pytest.mark.parametrize(
    "text",
    [
        "- See `plugins/modules/w365_location.py`.",
        "See `model/location.py`.",
        "In `tests/conformance`, `pattern.py`.",
        "In `tests/simulator/w365_simulator`, `scim.py`.\n\nThen `scim.py`.",
        "| `tests/units` | Unit tests |",
        "In `plugins/module_utils/_w365/backends`, `scim.py`; `backends/scims.py`.",
    ],
)
def test_a_path_that_does_not_exist_is_found(text: str) -> None:
    assert len(wrong_paths(text)) == 1


def test_links_lead_somewhere() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.+)$", TEXT)}
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert targets
    for target in targets:
        assert target[1:] in headings if target.startswith("#") else (ROOT / target).exists(), target


def test_named_modules_and_roles_exist() -> None:
    known = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    known |= {path.name for path in (ROOT / "roles").iterdir()}
    assert {span for span in spans(without_code_blocks(TEXT)) if re.fullmatch(r"w365_\w+", span)} <= known


def folders(below: Path) -> set[str]:
    """Folders that belong to the repository: those that git ignores begin with a dot or an underscore, or are `output`."""
    kept = {".ci", ".github"}
    return {
        str(path.relative_to(ROOT))
        for path in below.iterdir()
        if path.is_dir() and (path.name in kept or (path.name[0] not in "._" and path.name != "output"))
    }


def test_the_layout_names_every_folder() -> None:
    named = {span for row in rows(section("Repository layout").partition("###")[0]) for span in spans(row[0])}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    above = {str(parent) for name in named for parent in Path(name).parents}
    missing = folders(ROOT) - named - above
    for folder in ("plugins", "tests", "tests/unit", "docs"):
        missing |= folders(ROOT / folder) - named - above
    assert missing == set()


# ---- the packages of the core library


def packages(text: str) -> dict[str, set[str]]:
    """The table of packages with what each may import, in its order."""
    found: dict[str, set[str]] = {}
    for name, _contents, imported in rows(section("The core library", text)):
        found[name.strip("`")] = set(found) if imported == "everything above" else set(spans(imported))
    return found


def test_the_packages_are_those_of_the_table_of_imports() -> None:
    found = packages(TEXT)
    assert list(found) == list(ARROWS)
    assert found == ARROWS


def test_the_packages_are_the_folders() -> None:
    assert {name.removesuffix(".py") for name in (path.name for path in CORE.iterdir()) if name[0] != "_"} == set(
        ARROWS
    )


def test_a_wrong_import_in_the_table_is_found() -> None:
    wrong = TEXT.replace("| `errors`, `planning` |", "| `errors`, `model`, `planning` |")
    assert wrong != TEXT
    assert packages(wrong) != ARROWS


def test_the_pure_packages_are_named() -> None:
    first = section("The pipeline").partition("are pure")[0]
    assert tuple(spans(without_code_blocks(first))) == architecture.PURE


# ---- make


def make_words(text: str) -> list[str]:
    """The words after `make`, wherever the file says it: in code spans, and in lines of console blocks."""
    blocks = re.findall(r"(?ms)^```console\n(.*?)^```$", text)
    lines = [line.partition("#")[0] for block in blocks for line in block.splitlines()]
    commands = [*spans(without_code_blocks(text)), *lines]
    return [re.sub(r'"[^"]*"', "", command.strip()) for command in commands if command.startswith("make ")]


def unknown(command: str) -> list[str]:
    """The words that the Makefile does not know. It also reads variables that have no default."""
    return [
        word
        for word in repository.unknown(command.split())
        if "=" not in word or f"$({word.partition('=')[0]})" not in repository.makefile()
    ]


def test_every_target_exists() -> None:
    commands = make_words(TEXT)
    assert [command for command in commands if unknown(command)] == []
    assert len(commands) > 30


@pytest.mark.parametrize(
    ("command", "wrong"),
    [("make tests", "tests"), ("make test ONLY=unit", "ONLY=unit"), ('make unit MARK="not slow"', "MARK=")],
)
def test_an_unknown_target_is_found(command: str, wrong: str) -> None:
    assert [unknown(found) for found in make_words(f"Run `{command}`.")] == [[wrong]]


def test_every_target_is_named() -> None:
    public = set(re.findall(r"(?m)^([a-z-]+):.*## ", repository.makefile()))
    assert len(public) > 20
    assert public - {word.split()[1] for word in make_words(TEXT)} == set()
    first = {span.split()[1] for row in rows(section("Checks")) for span in spans(row[0])}
    assert {"test", "test-all", "unit", "integration", "docs", "docs-check", "matrix", "bench"} <= first


def test_every_check_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = repository.tool("run_checks", monkeypatch)
    table = set(make_words(section("Checks")))
    assert {check.target for check in (*checks.CHECKS, *checks.SLOW_CHECKS)} - {
        word.split()[1] for word in table
    } == set()


# ---- words and letters


REPLACED_BY_THE_GLOSSARY = (
    "deed",
    "ways out",
    "adapter",
    "emergency account",
    "abilities",
    "folded",
    "the collection's mind",
    "for good",
    "wish",
    "setbacks",
    "narrowed",
    "HOPELESS",
    "UNDONE",
    "travels over SCIM",
    "keep house",
    "recognition",
    "what was said",
    "told",
    "the sure road",
    "found afresh",
    "found since",
    "with others",
    "as said",
    "who goes",
    "house",
    "room",
    "corridor",
    "ask for patience",
    "as wanted",
    "already right",
    "left alone",
    "deprived of",
    "does the rest",
    "the others were made",
    "this is a defect",
    "say it in one place",
    "nobody is named",
    "lets K go",
    "takes it for empty",
)


def test_the_glossary_is_followed_here() -> None:
    found = [word for word in REPLACED_BY_THE_GLOSSARY if re.search(rf"(?i)\b{re.escape(word)}\b", TEXT)]
    assert found == []
    assert [match[0] for match in guides.REPLACED.finditer(TEXT)] == []


def test_a_word_has_one_row_in_the_glossary_and_every_row_a_meaning() -> None:
    terms = [row[0] for row in rows(section("Glossary"))]
    assert len(terms) > 25
    assert len(terms) == len(set(terms))
    assert [row[0] for row in rows(section("Glossary")) if not row[1]] == []


def test_one_legend_comes_before_the_first_letter() -> None:
    letters = {row[0]: row[1] for row in rows(section("Evidence"))}
    endpoints: Any = importlib.import_module(f"{architecture.PACKAGE}.api.endpoints")
    assert list(letters) == list(endpoints.LETTERS)
    before = TEXT.partition("## Evidence")[0]
    assert guides.LETTER.findall(before) == []
    assert len(re.findall(r"(?m)^\| Letter \|", TEXT)) == 1


# ---- recipes


@dataclass(frozen=True)
class Recipe:
    """A recipe and its example. `mentioned`: it is meant somewhere in a file; `identified`: a file has to know about it."""

    title: str
    mentioned: re.Pattern[str]
    identified: re.Pattern[str]


ATTRIBUTE = Recipe(
    "An attribute of a user",
    re.compile(r"\bdepartment\b"),
    re.compile(r"[\"']department[\"']|\bdepartment:|:department\b|\bdepartment TEXT\b"),
)
OBJECT = Recipe(
    "An object of the directory",
    re.compile(r"(?i)group"),
    re.compile(
        r"\b(?:Desired)?Group\b|\bGROUP(?:_[A-Z]+)*\b|\bw365_group\b|\bgroup_(?:spec|fields|from_\w+|to_\w+)\b"
        r"|\b(?:find|list|add|create|change|update|delete|plan|patch)_groups?\b|\b(?:desired|current|content)\.groups\b"
        r"|[\"']group[._](?:list|get|create)[\"']|\bTABLE groups\b|^ +groups:",
        re.MULTILINE,
    ),
)
SETTING = Recipe(
    "A setting of an environment",
    re.compile(r"(?i)\bexchange|w365_settings"),
    re.compile(
        r"\bEXCHANGE(?:_[A-Z]+)*\b|\bExchangeSettings\b|\bExchange settings?\b|\bw365_settings\b|[\"']exchange[\"'.]"
        r"|\bexchange(?:_[a-z]+)+\b|\bexchange TEXT\b|^ *exchange:",
        re.MULTILINE,
    ),
)
RECIPES = [ATTRIBUTE, OBJECT, SETTING]

SEARCHED = ("plugins", "meta", "docs/shared", "tools", "tests/simulator")

# Files that know the example without being a step of its recipe, each with the recipes.
NO_STEP: dict[str, tuple[Recipe, ...]] = {
    # Exchange Online as an application and as a license, and names of permissions such as Group.Read.All.
    "tests/simulator/w365_simulator/entra/resources.py": (OBJECT, SETTING),
    "tests/simulator/w365_simulator/entra/assignments.py": (SETTING,),
    "plugins/module_utils/_w365/model/applications.py": (OBJECT,),
    "docs/shared/sso_app.yml": (OBJECT,),
    # Groups of an inventory.
    "plugins/inventory/w365_environments.py": (OBJECT,),
    "plugins/filter/unknown_hosts.yml": (OBJECT,),
    # Groups that are assigned to an application.
    "plugins/module_utils/_w365/api/synchronization.py": (OBJECT,),
    "plugins/module_utils/_w365/entra/scim_application.py": (OBJECT,),
    "plugins/module_utils/_w365/model/scim_application.py": (OBJECT,),
    "plugins/module_utils/_w365/task/scim_app.py": (OBJECT,),
    "plugins/module_utils/_w365/task/scim_app_changes.py": (OBJECT,),
    "plugins/module_utils/_w365/task/scim_app_info.py": (OBJECT,),
    "plugins/modules/w365_scim_app.py": (OBJECT,),
    "plugins/modules/w365_scim_app_info.py": (OBJECT,),
    "docs/shared/scim_app.yml": (OBJECT,),
    # The license that emergency access needs.
    "plugins/module_utils/_w365/entra/sso_checks.py": (SETTING,),
}


def named(recipe: Recipe) -> str:
    return recipe.title


def steps(recipe: Recipe, text: str = TEXT) -> list[str]:
    """The numbered items of a recipe."""
    found = [piece for piece in pieces(section(recipe.title, text)) if re.match(r"\d+\. ", piece)]
    assert [int(step.partition(".")[0]) for step in found] == list(range(1, len(found) + 1))
    return found


def listed(recipe: Recipe, text: str = TEXT) -> list[Path]:
    """The files that the steps of a recipe name. A folder only says where the files after it are."""
    found = [path for step in steps(recipe, text) for _span, places in paths_of(step) for path in places]
    return [path for path in dict.fromkeys(found) if path.is_file()]


@functools.cache
def identified(recipe: Recipe) -> list[Path]:
    """The files that know about the example, apart from what "make docs" writes into them."""
    files = (path for folder in SEARCHED for path in sorted((ROOT / folder).rglob("*")) if path.is_file())
    return [
        path
        for path in files
        if path.suffix in SUFFIXES
        and recipe not in NO_STEP.get(str(path.relative_to(ROOT)), ())
        and recipe.identified.search(SHARED_BLOCK.sub("", path.read_text(encoding="utf-8")))
    ]


def undocumented(recipe: Recipe, text: str = TEXT) -> list[str]:
    """The files that a recipe has to name and does not."""
    known = set(listed(recipe, text))
    return [str(path.relative_to(ROOT)) for path in identified(recipe) if path not in known]


@pytest.mark.parametrize("recipe", RECIPES, ids=named)
def test_every_file_of_a_recipe_mentions_its_example(recipe: Recipe) -> None:
    files = listed(recipe)
    assert len(files) > 15
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}
    assert [name for name, text in texts.items() if not recipe.mentioned.search(text)] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=named)
def test_a_recipe_names_every_file_that_knows_its_example(recipe: Recipe) -> None:
    assert len(identified(recipe)) > 10
    assert undocumented(recipe) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=named)
def test_a_step_that_is_missing_is_found(recipe: Recipe) -> None:
    """Without any one of its files that knows the example, a recipe is incomplete."""
    whole = section(recipe.title)
    for path in identified(recipe):
        names = (re.escape(str(path.relative_to(root))) for root in (ROOT, CORE) if path.is_relative_to(root))
        text = re.sub(rf"`(?:{'|'.join(names)}|{re.escape(path.name)}|seeds/{re.escape(path.name)})`", "it", whole)
        name = str(path.relative_to(ROOT))
        assert name in undocumented(recipe, TEXT.replace(whole, text)), name


@pytest.mark.parametrize("recipe", RECIPES, ids=named)
def test_a_recipe_goes_all_the_way(recipe: Recipe) -> None:
    """From the contract to the tests, with a fragment at the end."""
    titles = [re.findall(r"\*\*([^*]+)\.\*\*", step)[0] for step in steps(recipe)]
    assert {"Contract", "Twin", "Tests"} <= set(titles)
    assert titles[-1] == "Fragment"


def unknown_names(step: str) -> list[str]:
    """Names of the code in a step that none of its files has."""
    files = [path for _span, found in paths_of(step) for path in found if path.is_file()]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in files)
    names = [span for span in spans(step) if re.fullmatch(r"\w+", span)]
    return [name for name in names if not re.search(rf"\b{name}\b", texts)]


@pytest.mark.parametrize("recipe", RECIPES, ids=named)
def test_names_of_the_code_are_in_the_files_of_their_step(recipe: Recipe) -> None:
    assert [name for step in steps(recipe) for name in unknown_names(step)] == []


def test_a_name_that_is_elsewhere_is_found() -> None:
    step = "1. In `planning/actions.py`, add it to `ACTIONS_OF_NOBODY`, and `GROUP` to `OBJECT_KINDS`."
    assert unknown_names(step) == ["ACTIONS_OF_NOBODY"]


def test_no_exception_is_out_of_date() -> None:
    for name, recipes in NO_STEP.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        assert [recipe.title for recipe in recipes if not recipe.identified.search(text)] == [], name


def test_what_a_setting_does_not_change_does_not_know_one() -> None:
    intro = section(SETTING.title).partition("1. ")[0]
    files = [found[0] for piece in pieces(intro) for _span, found in paths_of(piece)]
    assert len(files) == 4
    assert [path.name for path in files if SETTING.identified.search(path.read_text(encoding="utf-8"))] == []
