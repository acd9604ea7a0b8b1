# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Extract from Microsoft Graph's published v1.0 metadata what the collection is compared with.

`graph_metadata.py v1.0-Prod.csdl <commit>` reads the file of that name from the repository microsoftgraph/msgraph-metadata and
writes tests/unit/plugins/module_utils/_w365/api/graph_v1_metadata.json: the properties and relations of a few types, the entity sets, and which of them
have a delta function. A unit test compares every path and property that we ask for with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from common import ROOT, Problem, run_main

TYPES = ("entity", "directoryObject", "user", "group", "directoryRole", "organization")
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
OUTPUT = ROOT / "tests" / "unit" / "plugins" / "module_utils" / "_w365" / "api" / "graph_v1_metadata.json"


def extract(csdl: str, commit: str) -> dict[str, Any]:
    """The facts of the metadata, by type; `commit` says which version they are of."""
    schema = next(
        found
        for found in ElementTree.fromstring(csdl).iter(f"{EDM}Schema")  # noqa: S314 - Microsoft's own file, run by a developer
        if found.get("Namespace") == "microsoft.graph"
    )
    types = {found.get("Name"): found for found in schema.iter(f"{EDM}EntityType")}
    container = next(schema.iter(f"{EDM}EntityContainer"))
    deltas = [
        str(next(found.iter(f"{EDM}Parameter")).get("Type"))
        for found in schema.iter(f"{EDM}Function")
        if found.get("Name") == "delta"
    ]
    return {
        "source": f"https://github.com/microsoftgraph/msgraph-metadata/blob/{commit}/schemas/v1.0-Prod.csdl",
        "types": {name: _type(types[name]) for name in TYPES},
        "entity_sets": {
            str(found.get("Name")): _bare(str(found.get("EntityType")))
            for found in container.iter(f"{EDM}EntitySet")
            if _bare(str(found.get("EntityType"))) in TYPES
        },
        "delta": sorted(name for name in TYPES if any(_bare(found) == name for found in deltas)),
    }


def _type(element: ElementTree.Element) -> dict[str, Any]:
    return {
        "base": _bare(str(element.get("BaseType") or "")),
        "properties": {str(p.get("Name")): str(p.get("Type")) for p in element.iter(f"{EDM}Property")},
        "relations": {str(p.get("Name")): _bare(str(p.get("Type"))) for p in element.iter(f"{EDM}NavigationProperty")},
    }


def _bare(name: str) -> str:
    return name.removeprefix("Collection(").removesuffix(")").rpartition(".")[2]


def main() -> int:
    if len(sys.argv) != 3:
        raise Problem("give the path of v1.0-Prod.csdl and the commit that it is of.")
    found = extract(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2])
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"Wrote {OUTPUT.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    run_main(main)
