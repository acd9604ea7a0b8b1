# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The single sign-on of an environment: tested before it is written, looked at afterwards, and put back where that fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import AnswerError, AuthenticationError, GuardError, StoppedError, W365Error
from ..inputs.environment import sso_from_options, verify_from_options
from ..model.settings import SSO, SettingValues
from ..planning.environment import WhenUnreadable, plan_setting

if TYPE_CHECKING:
    from ..entra.sso_checks import Check
    from ..execution.results import ApplyResult
    from ..planning.plan import Plan
    from .entra import EntraTask


def run_sso(task: EntraTask) -> dict[str, Any]:
    """The whole task of w365_sso."""
    options = task.options
    wanted = sso_from_options(options)
    previous = _previous(options)
    current, readable = task.read_setting(SSO)
    plan = plan_setting(
        wanted,
        current,
        readable=readable,
        unreadable=WhenUnreadable(options["when_unreadable"]),
        environment=task.environment,
        secret=options["key"],
        always=options["update_key"] == "always",
    )
    checks = _preflight(task, wanted, writes=plan.changed)
    verified = task.verify_sso(wanted, writes=plan.changed)
    if previous is not None and plan.changed:
        _prove_previous(task, previous)
    report: ApplyResult | None = None
    try:
        report = task.apply(plan, task.instance, where="")
        page = _look(task, wanted) if plan.changed and not task.check_mode else ""
    except W365Error as error:
        if report is not None:
            # It is written, whatever the look after it has found.
            error.details.update(task.outcome(report))
        raise _put_back(task, plan, previous, error) from None
    # Where nothing was written, the values are those of the server, in its own spelling; null where it cannot show them.
    shown = report.done[-1].thing if report.done else current
    outcome = report.done[-1].outcome if report.done else ""
    key_status = {"done": "written", "planned": "planned"}.get(outcome, "not compared")
    return task.outcome(
        report,
        sso=shown.as_result() if shown else None,
        verified=verified,
        key_status=key_status,
        checks=[check.as_result() for check in checks],
        not_proven=_not_proven(checks, page, verified=verified, readable=readable, writes=plan.changed),
    )


def _preflight(task: EntraTask, wanted: SettingValues, *, writes: bool) -> list[Check]:
    """The checks that option preflight asks for. Raises GuardError when one refuses; warns for others."""
    asked = task.options["preflight"]
    if asked == "never" or not (writes or asked == "always"):
        return []
    from .sso_checks import read_checks  # start-up

    checks = read_checks(task, wanted)
    refused = [check for check in checks if check.outcome == "refused"]
    if refused:
        names = ", ".join(check.name for check in refused)
        reasons = " ".join(check.reason for check in refused)
        what = (
            f"Refused to write the single sign-on of environment '{task.environment}'"
            if writes
            else "The checks failed"
        )
        raise GuardError(
            f"{what}, since people could not sign in with it. {reasons} Nothing was written. skip_checks leaves out checks ({names}).",
            checks=[check.as_result() for check in checks],
        )
    for check in checks:
        if check.outcome == "warned":
            task.warn(check.reason)
    return checks


def _look(task: EntraTask, wanted: SettingValues) -> str:
    """The post-check after a write: what was not proven by it; empty when it was. Raises W365Error when it contradicts."""
    if task.options["post_check"] == "none":
        return ""
    from .sso_checks import check_page  # start-up

    return check_page(task, wanted)


# What was there before


def _previous(options: Any) -> tuple[SettingValues, str] | None:
    """The values that option previous holds, and their key."""
    given = options["previous"]
    if given is None:
        return None
    return sso_from_options({**given, "primary_domain": given.get("primary_domain")}), given["key"]


def _prove_previous(task: EntraTask, previous: tuple[SettingValues, str]) -> None:
    """Raises GuardError for values with which nobody could sign in: they would be put back for nothing."""
    if verify_from_options(task.options["verify"]) == "never":
        return
    values, key = previous
    try:
        task.sso_tokens(values.values["authority"], values.values["client_id"], key).token()
    except AuthenticationError as error:
        raise GuardError(
            f"Option previous holds values with which nobody can sign in, so they could not be put back. {error.message} Nothing was "
            "written. Correct them, or leave the option out."
        ) from None


def _put_back(task: EntraTask, plan: Plan, previous: tuple[SettingValues, str] | None, error: W365Error) -> W365Error:
    """The error after a write, with what became of the previous values. A request that was refused has changed nothing."""
    refused = isinstance(error, AuthenticationError | StoppedError) or (
        isinstance(error, AnswerError) and 400 <= error.status < 500
    )
    if previous is None or refused or task.check_mode or not plan.changed:
        return error
    values, key = previous
    try:
        task.instance.write_setting(replace(plan.actions[0], outcome=values, extras={"key": key}))
    except W365Error as other:
        error.message = f"{error.message} The previous values could not be put back: {other.message}"
        error.details["put_back"] = False
        return error
    error.message = f"{error.message} The previous values were put back."
    error.details["put_back"] = True
    return error


def _not_proven(checks: list[Check], page: str, *, verified: bool, readable: bool, writes: bool) -> list[str]:
    """What this run could not know, in sentences."""
    sentences = [check.reason for check in checks if check.outcome == "unknown"]
    if page:
        sentences.append(page)
    if not verified:
        sentences.append("No token was requested with these values.")
    if not readable:
        sentences.append(
            "This server does not show its single sign-on, so authority and client id could not be compared."
        )
    if not writes:
        sentences.append("Workspace 365 shows no key, so it is not known whether it has this one.")
    return sentences
