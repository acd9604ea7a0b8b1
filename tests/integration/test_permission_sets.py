# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sets of permissions that the guide offers are enough, and none of what they need can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from in_process import run
from playing import connection
from w365_simulator.testing import Twin

ROOT = Path(__file__).resolve().parents[2]
SETS: dict[str, dict[str, Any]] = {
    one["name"]: one for one in yaml.safe_load((ROOT / "docs" / "permissions.yml").read_text(encoding="utf-8"))["sets"]
}
QUICK: dict[str, Any] = {"replication_timeout": 0, "activation_timeout": 0}
APP: dict[str, Any] = {"primary_domain": "contoso.com", **QUICK}
SSO_ID = "00000000-0000-4000-8000-0000000000b2"
SSO_KEY = "sso-demo-secret-of-the-twin"
CHECKS: dict[str, Any] = {"preflight": "always", "skip_checks": ["redirect", "emergency_access"]}
GROUPS: dict[str, Any] = {
    "groups": ["Invoice Approvals"],
    "notification_email": "ops@contoso.com",
    "replication_timeout": 4,
}

Calls = Iterator[dict[str, Any]]


def play(twin: Twin, module: str, *, scim: bool = False, **options: Any) -> dict[str, Any]:
    return run(module, {**connection(twin, scim=scim), **options})


def everything(twin: Twin) -> None:
    """What the sets for one that exists find: both applications, made by the application itself."""
    assert not play(twin, "w365_sso_app", **APP).get("failed")
    assert not play(twin, "w365_scim_app", scim=True, **GROUPS).get("failed")


def audit(twin: Twin) -> Calls:
    yield play(twin, "w365_sso_app_info")
    yield play(twin, "w365_scim_app_info")
    yield play(twin, "w365_api", service="graph", path="/applications", query={"$filter": f"appId eq '{SSO_ID}'"})


def imported(twin: Twin) -> Calls:
    yield play(twin, "w365_o365_import_info", groups=["Sales and Marketing"], domains=["emea.contoso.com"])


def owned(twin: Twin) -> Calls:
    yield play(twin, "w365_sso_app", **APP)


def adopted(twin: Twin) -> Calls:
    yield play(twin, "w365_sso_app", **APP, client_id=SSO_ID)


def checks(twin: Twin) -> Calls:
    values: dict[str, Any] = {"primary_domain": "contoso.com", "client_id": SSO_ID, "key": SSO_KEY}
    result = play(twin, "w365_sso", **values, **CHECKS)
    unknown = [one["name"] for one in result.get("checks", ()) if one["outcome"] == "unknown"]
    yield {**result, "failed": result.get("failed") or unknown, "msg": f"{result.get('msg')} {unknown}"}


def rotation(twin: Twin) -> Calls:
    yield play(twin, "w365_sso_app_info")
    yield play(twin, "w365_sso_app", **APP, rotate="always")


def scim(twin: Twin) -> Calls:
    yield play(twin, "w365_scim_app", scim=True, **GROUPS)


def import_app(twin: Twin) -> Calls:
    federated = {"name": "nightly", "issuer": "https://token.contoso.com", "subject": "import"}
    # Consent asks for more, as the set says.
    yield play(twin, "w365_import_app", federated_credentials=[federated], consent="none", replication_timeout=0)


def offboard(twin: Twin) -> Calls:
    yield play(twin, "w365_api", service="graph", path="/organization", query={"$select": "id,verifiedDomains"})
    yield play(twin, "w365_scim_app", scim=True, state="paused")
    yield play(twin, "w365_sso_app", state="absent", check_others=True)
    yield play(twin, "w365_scim_app", scim=True, state="absent", replication_timeout=0)


CASES: dict[str, tuple[bool, Callable[[Twin], Calls]]] = {
    "audit": (True, audit),
    "import": (False, imported),
    "sso-owned": (False, owned),
    "sso-adopted": (False, adopted),
    "sso-checks": (False, checks),
    "rotation": (True, rotation),
    "scim": (False, scim),
    "import-app": (False, import_app),
    "offboard": (True, offboard),
}
"""Set -> whether the applications exist before, and what is done with it."""

WITH_GROUPS = ["AppRoleAssignment.ReadWrite.All", "GroupMember.Read.All"]
"""What more the task of the set `scim` asks for here: it assigns a group by its name."""


def limited(twin: Twin, *permissions: str) -> None:
    operation = {"op": "change_application", "client_id": twin.client_id, "set": {"permissions": list(permissions)}}
    twin.change_tenant(operation)


def failures(twin: Twin, name: str, *permissions: str) -> list[str]:
    """What fails with these permissions."""
    exists, does = CASES[name]
    if exists:
        everything(twin)
    limited(twin, *permissions)
    return [str(one["msg"]) for one in does(twin) if one.get("failed")]


def test_every_set_is_tried() -> None:
    assert set(SETS) - set(CASES) == {"alias-login"}, "its steps are requests of the guide"


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", CASES)
def test_a_set_is_enough(name: str, twin: Twin) -> None:
    more = WITH_GROUPS if name == "scim" else []
    assert failures(twin, name, *SETS[name]["needs"], *more) == []


# Directory.Read.All allows these as well. The errors name the lesser ones, with which single tasks work.
COVERED = {
    ("audit", "Application.Read.All"),
    # Application.ReadWrite.All reads as well. Microsoft names the other one for assignments.
    ("offboard", "Application.Read.All"),
    # The application owns what it takes down here; for what others own this one is needed.
    ("offboard", "Synchronization.ReadWrite.All"),
    *(("sso-checks", name) for name in ("Application.Read.All", "Organization.Read.All", "User.Read.All")),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "without"),
    [(name, needed) for name in CASES for needed in SETS[name]["needs"] if (name, needed) not in COVERED],
)
def test_nothing_of_a_set_can_be_left_out(name: str, without: str, twin: Twin) -> None:
    more = WITH_GROUPS if name == "scim" else []
    said = failures(twin, name, *(one for one in SETS[name]["needs"] if one != without), *more)
    assert said, f"{name} does not need {without}"
