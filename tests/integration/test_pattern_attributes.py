# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type, dict-item"

"""Optional attributes of users, and the Exchange and SharePoint settings of an environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pattern import ADELE, Stage, State, changed, new_user, walk
from playing import Play, connection, task
from w365_simulator.testing import Twin

NAMES = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
ATTRIBUTES = {
    "display_name": "Adele Vance",
    "job_title": "Product Marketing Manager",
    "department": "Marketing",
    "phone": "+1 425 555 0109",
    "preferred_language": "en-US",
}
HELD = {
    "display_name": "Adele Vance",
    "title": "Product Marketing Manager",
    "department": "Marketing",
    "phone_numbers": [{"type": "work", "value": "+1 425 555 0109", "primary": True}],
    "preferred_language": "en-US",
}


def joins(**held: Any) -> Callable[[State], None]:
    def becomes(contoso: State) -> None:
        contoso["users"][ADELE] = new_user(ADELE, "Adele", "Vance", origin="scim", **held)

    return becomes


def with_held(**held: Any) -> Callable[[State], None]:
    return lambda contoso: changed(contoso["users"], ADELE, **held)


def without(*names: str) -> Callable[[State], None]:
    def becomes(contoso: State) -> None:
        user = contoso["users"][ADELE]
        for name in names:
            user.pop(name)

    return becomes


def test_attributes_are_written_compared_and_cleared(twin: Twin, play: Callable[..., Play]) -> None:
    other = {**ATTRIBUTES, "department": "Sales", "phone": "tel:+14255550109", "preferred_language": "EN-us"}
    walk(
        play,
        twin,
        "w365_user",
        [
            Stage({**NAMES, **ATTRIBUTES}, joins(**HELD)),
            # Nobody's attributes are touched by a task that does not name them.
            Stage(NAMES),
            # A number in another form and a tag in other capitals are the same.
            Stage({**NAMES, **other}, with_held(department="Sales")),
            Stage({**NAMES, "department": "", "phone": ""}, without("department", "phone_numbers")),
            Stage({**NAMES, "phone": "+1 425 555 0100"}, with_held(phone_numbers=[{"type": "work", "value": "+1 425 555 0100"}])),
            Stage({**NAMES, "display_name": "", "job_title": "", "preferred_language": ""}, _all_cleared),
        ],
        scim=True,
    )  # fmt: skip


def _all_cleared(contoso: State) -> None:
    without("title", "preferred_language")(contoso)
    changed(contoso["users"], ADELE, display_name=None)


NOT_KEPT = (
    "Option department, job_title cannot be set: SCIM does not keep it. Nothing was written. Leave it out, or set "
    "when_unsupported=ignore to set everything else."
)


def test_a_service_that_says_it_does_not_keep_an_attribute(twin: Twin, play: Callable[..., Play]) -> None:
    asked = {**NAMES, "department": "Marketing", "job_title": "Manager"}
    walk(
        play,
        twin,
        "w365_user",
        [
            Stage(asked, refused=NOT_KEPT),
            Stage({**NAMES, "state": "absent", "department": "Marketing"}),
            Stage(
                {**asked, "when_unsupported": "ignore"},
                joins(),
                warned=("SCIM does not keep department, job_title, so it was ignored (when_unsupported=ignore).",),
            ),
            Stage(asked, refused=NOT_KEPT),
        ],
        scim=True,
        switches={"scim_attributes": "none"},
    )


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("schemas", ["missing", "html", "no_body", "empty", "no_attributes", "strings"])
def test_a_service_that_does_not_say_what_it_keeps(schemas: str, twin: Twin, play: Callable[..., Play]) -> None:
    """It is written to and read back, and what it did not keep is told in the same run."""
    twin.switches(scim_schemas=schemas, scim_attributes="title")
    asked = {**NAMES, "department": "Marketing", "job_title": "Manager"}
    defaults = {**connection(twin, scim=True), "read_back_timeout": 1}
    check, create, again, bulk = play(
        task("w365_user", check=True, **asked),
        task("w365_user", **asked),
        task("w365_user", **asked),
        task("w365_directory", users=[asked]),
        defaults=defaults,
    )
    told = f"The server accepted department and did not keep it for '{ADELE}'; see not_kept in results."
    assert told not in check.warnings
    for step in (create, again, bulk):
        # The next nights change nothing.
        assert (step.status, step.changed) == ("ok", step is create), step.message
        assert told in step.warnings
        assert step.result["results"][0]["not_kept"] == ["department"]
    for step in (create, again):
        assert (step.result["user"]["department"], step.result["user"]["job_title"]) == (None, "Manager")
    # Asked once per session, and only when such an attribute differs.
    for step in (create, again, bulk):
        assert sum(request["path"].endswith("/Schemas") for request in step.requests) == 1


def test_an_attribute_that_does_not_differ_costs_no_question(twin: Twin, play: Callable[..., Play]) -> None:
    asked = {**NAMES, "department": "Marketing"}
    create, again, others = play(
        task("w365_user", **asked),
        task("w365_user", **asked),
        task("w365_user", upn=ADELE, last_name="Wilber"),
        defaults=connection(twin, scim=True),
    )
    assert [sum(r["path"].endswith("/Schemas") for r in step.requests) for step in (create, again, others)] == [1, 0, 0]
    assert [step.changed for step in (create, again, others)] == [True, False, True]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("module", ["w365_user", "w365_directory"])
def test_the_provisioning_api_has_no_such_attribute(module: str, twin: Twin, play: Callable[..., Play]) -> None:
    asked: Mapping[str, Any] = {**NAMES, "department": "Marketing"}
    wish = asked if module == "w365_user" else {"users": [asked]}
    refused, ignored = play(
        task(module, **wish), task(module, **wish, when_unsupported="ignore"), defaults=connection(twin)
    )
    assert refused.status == "failed"
    assert "Option department of user" in refused.message
    assert "Give scim_url and scim_token" in refused.message
    assert not refused.writes
    assert (ignored.status, ignored.changed) == ("ok", True), ignored.message
    assert "does not keep department, so it was ignored (when_unsupported=ignore)." in ignored.warnings


def test_an_import_takes_an_attribute_only_from_its_map(twin: Twin, play: Callable[..., Play]) -> None:
    scope = {"groups": ["Sales and Marketing"]}
    plain, mapped, again = play(
        task("w365_o365_import", **scope),
        task("w365_o365_import", **scope, attribute_map={"department": "department", "job_title": "jobTitle"}),
        task("w365_o365_import", **scope, attribute_map={"department": "department", "job_title": "jobTitle"}),
        defaults=connection(twin, scim=True, entra=True),
    )
    users = twin.environment("contoso")["users"]
    assert [step.status for step in (plain, mapped, again)] == ["ok"] * 3, (plain.message, mapped.message)
    assert not any(
        "department" in user or "title" in user for user in plain.state["environments"]["contoso"]["users"].values()
    )
    assert any(user.get("department") and user.get("title") for user in users.values())
    assert not again.changed


# ---- Exchange and SharePoint

EWS = "https://mail.contoso.com/EWS/Exchange.asmx"
EXCHANGE = {"ServerType": "Office365", "DefaultEwsUrl": EWS}


def sharepoint(host: str) -> dict[str, str]:
    return {"AuthenticationType": "OAuth2", "DefaultUrl": f"https://{host}.sharepoint.com"}


def becomes(**settings: Any) -> Callable[[State], None]:
    return lambda contoso: contoso.update(settings)


def test_settings_are_written_compared_and_changed(twin: Twin, play: Callable[..., Play]) -> None:
    walk(
        play,
        twin,
        "w365_settings",
        [
            Stage({"sharepoint": {"initial_domain": "Contoso-EMEA.onmicrosoft.com"}}, becomes(sharepoint=sharepoint("contoso-emea"))),
            Stage({"sharepoint": {"url": "https://CONTOSO-emea.sharepoint.com/"}}),
            Stage({"exchange": {"ews_url": EWS}}, becomes(exchange=EXCHANGE)),
            Stage(
                {"exchange": {"ews_url": f"{EWS}2"}, "sharepoint": {"url": "https://contosogroup.sharepoint.com"}},
                becomes(exchange={**EXCHANGE, "DefaultEwsUrl": f"{EWS}2"}, sharepoint=sharepoint("contosogroup")),
            ),
            *(
                Stage({"sharepoint": {"initial_domain": domain}}, refused=("sharepoint.initial_domain is", repr(domain), "<name>.onmicrosoft.com"))
                for domain in ("contoso.com", "-contoso.onmicrosoft.com", "a.b.onmicrosoft.com", "contoso.onmicrosoft.com.evil.com")
            ),
            *(
                Stage({"exchange": {"ews_url": url}}, refused=("exchange.ews_url is", "https://<host>/<path>"))
                for url in ("http://mail.contoso.com/", "mail.contoso.com", "https://a b/")
            ),
            Stage(
                {"exchange": {"ews_url": "https://u:p@mail.contoso.com/"}},
                refused="Option exchange.ews_url holds a user name or password in its URL, which is not shown. Leave it out.",
            ),
        ],
    )  # fmt: skip


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("policy", ["write", "skip", "fail"])
def test_settings_that_cannot_be_read(policy: str, twin: Twin, play: Callable[..., Play]) -> None:
    wish = {"exchange": {"ews_url": EWS}, "when_unreadable": policy}
    note = "This server cannot show the Exchange settings of environment 'contoso', so it could not be compared."
    stage = {
        "write": Stage(
            wish, becomes(exchange=EXCHANGE), again="writes", compared=False, warned=(note, "written again")
        ),
        "skip": Stage(wish, compared=False, warned=(note, "left unchanged")),
        "fail": Stage(wish, refused=(note, "when_unreadable=fail")),
    }[policy]
    walk(play, twin, "w365_settings", [stage], profile="documented")


@pytest.mark.parametrize("profile", ["full", "documented"])
def test_settings_are_read(profile: str, twin: Twin, play: Callable[..., Play]) -> None:
    twin.switches(profile=profile)
    played = play(
        task("w365_settings_info"),
        task("w365_settings", exchange={"ews_url": EWS}),
        task("w365_settings_info", check=True),
        defaults=connection(twin),
    )
    readable = dict.fromkeys(("exchange", "sharepoint"), profile == "full")
    nothing, _write, found = played
    assert (nothing.result["exchange"], nothing.result["readable"]) == (None, readable)
    assert (found.status, found.changed, found.result["sharepoint"]) == ("ok", False, None)
    assert found.result["exchange"] == ({"server_type": "Office365", "ews_url": EWS} if profile == "full" else None)
