# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Extract from Microsoft Graph's published v1.0 metadata what the collection is compared with.

`graph_metadata.py v1.0-Prod.csdl <commit>` reads the file of that name from the repository microsoftgraph/msgraph-metadata and
writes tests/unit/plugins/module_utils/_w365/api/graph_v1_metadata.json: the properties and relations of the types that the collection and
its twin use, and of every type of their properties; the values of enumerations; entity sets, singletons, alternate keys, actions, and which types have
a delta function. Unit tests compare every path and property that we ask for, and every one that the twin shows, with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from common import ROOT, Problem, run_main

TYPES = (
    "entity", "directoryObject", "user", "group", "directoryRole", "organization", "domain", "application",
    "servicePrincipal", "oAuth2PermissionGrant", "appRoleAssignment", "subscribedSku", "applicationTemplate",
    "applicationServicePrincipal", "synchronization", "synchronizationJob", "synchronizationTemplate",
    "synchronizationSchema", "policyRoot", "policyBase", "appManagementPolicy", "tenantAppManagementPolicy", "directory",
    "auditLogRoot", "provisioningObjectSummary", "federatedIdentityCredential", "passwordCredential",
    "stringKeyStringValuePair", "synchronizationJobRestartCriteria", "synchronizationJobApplicationParameters",
)  # fmt: skip
# The types of the properties of these are compared too; of those before them, only names of properties are.
FOLLOWED = TYPES[TYPES.index("domain") :]
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
OUTPUT = ROOT / "tests" / "unit" / "plugins" / "module_utils" / "_w365" / "api" / "graph_v1_metadata.json"


def extract(csdl: str, commit: str) -> dict[str, Any]:
    """The facts of the metadata, by type; `commit` says which version they are of."""
    schema = next(
        found
        for found in ElementTree.fromstring(csdl).iter(f"{EDM}Schema")  # noqa: S314 - Microsoft's own file, run by a developer
        if found.get("Namespace") == "microsoft.graph"
    )
    types = {
        found.get("Name"): found for kind in ("EntityType", "ComplexType") for found in schema.iter(f"{EDM}{kind}")
    }
    enums = {found.get("Name"): found for found in schema.iter(f"{EDM}EnumType")}
    names = _followed(types)
    container = next(schema.iter(f"{EDM}EntityContainer"))
    deltas = [
        str(next(found.iter(f"{EDM}Parameter")).get("Type"))
        for found in schema.iter(f"{EDM}Function")
        if found.get("Name") == "delta"
    ]
    return {
        "source": f"https://github.com/microsoftgraph/msgraph-metadata/blob/{commit}/schemas/v1.0-Prod.csdl",
        "types": {name: _type(types[name]) for name in names},
        "enums": {
            name: [str(member.get("Name")) for member in enums[name].iter(f"{EDM}Member")]
            for name in sorted(_used(types, names) & set(enums))
        },
        "singletons": {
            str(found.get("Name")): _bare(str(found.get("Type")))
            for found in container.iter(f"{EDM}Singleton")
            if _bare(str(found.get("Type"))) in TYPES
        },
        "actions": _actions(schema),
        "keys": {name: keys for name in names if (keys := _keys(types[name]))},
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


def _used(types: dict[Any, ElementTree.Element], names: list[str]) -> set[str]:
    """The types of the properties of these types, and what they are made of."""
    found = {_bare(str(types[name].get("BaseType") or "")) for name in names}
    return found | {_bare(str(p.get("Type"))) for name in names for p in types[name].iter(f"{EDM}Property")}


def _followed(types: dict[Any, ElementTree.Element]) -> list[str]:
    """The types that are named above, then those of their properties, and so on."""
    names, more = list(TYPES), set(FOLLOWED)
    while more:
        more = {name for name in _used(types, sorted(more)) if name in types} - set(names)
        names += sorted(more)
    return names


def _actions(schema: ElementTree.Element) -> dict[str, dict[str, list[str]]]:
    """The actions of each type, with the names of their parameters."""
    result: dict[str, dict[str, list[str]]] = {}
    for action in schema.iter(f"{EDM}Action"):
        parameters = list(action.iter(f"{EDM}Parameter"))
        bound = _bare(str(parameters[0].get("Type"))) if parameters else ""
        if bound in TYPES and not str(parameters[0].get("Type")).startswith("Collection("):
            names = [str(parameter.get("Name")) for parameter in parameters[1:]]
            result.setdefault(bound, {})[str(action.get("Name"))] = names
    return result


def _keys(element: ElementTree.Element) -> list[str]:
    """The properties by which objects of a type can be addressed instead of their id."""
    annotation = next(
        (a for a in element.iter(f"{EDM}Annotation") if str(a.get("Term")).endswith(".AlternateKeys")), None
    )
    if annotation is None:
        return []
    values = (value for value in annotation.iter(f"{EDM}PropertyValue") if value.get("Property") == "Name")
    return [str(value.get("PropertyPath")) for value in values]


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
