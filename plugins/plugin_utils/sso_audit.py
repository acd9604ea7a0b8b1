# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook audit_sso thinks of what it has read about one tenant: a state for each finding, the worst counts.

What could not be read is unknown, which is neither good nor bad, and never left out.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import (
    SettingValues,
    single_sign_on,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import displayed

CRITICAL = "critical"
UNKNOWN = "unknown"
WARNING = "warning"
OK = "ok"

STATES = (CRITICAL, UNKNOWN, WARNING, OK)
"""The worst first."""

ACCEPTED = "accepted"
"""The state of a finding that somebody has accepted for a time: it does not count."""

PARTS = ("sso", "scim", "import")
"""What is looked at, unless a tenant leaves a part out."""

DAY = 86_400.0
LONGEST_REASON = 400

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

ODD_FORM = "What was read about it has another form than expected."

SCIM_TOKEN_END = "unknown: no server shows when a SCIM token expires"

UNREAD: Mapping[str, Mapping[str, Any]] = {
    "sso": {"secret_expires": UNKNOWN},
    "scim": {"scim_status": UNKNOWN, "scim_token": UNKNOWN, "scim_token_expires": SCIM_TOKEN_END},
    "import": {"import_expires": UNKNOWN},
}
"""Part -> what a table shows of one that could not be read: it is not the same as one that nobody looked at."""

PAUSED = ("Paused", "Disabled", "NotRun", "NotConfigured")
"""States of a job in which it provisions nobody, and that somebody has chosen or not ended yet."""


class Limits(NamedTuple):
    """From how many days left something is a warning, and from how many it is critical."""

    warn: float
    critical: float


def limits_of(warn_days: int, critical_days: int) -> Limits:
    """Raises ValueError for limits with which nothing would be critical."""
    if critical_days < 0 or warn_days < critical_days:
        raise ValueError(
            f"w365_audit_warn_days is {warn_days} and w365_audit_critical_days is {critical_days}: give numbers of days from 0, "
            "of which the first is not less than the second."
        )
    return Limits(warn_days, critical_days)


class Finding(NamedTuple):
    """One thing about a tenant. `area` is what it is about."""

    area: str
    state: str
    text: str


class Facts(NamedTuple):
    """What a table shows of a tenant. Times are texts in UTC, days are numbers; None is nothing to show, `unknown` is a text."""

    secret_expires: str | None = None
    secret_days_left: float | None = None
    foreign_secrets: int | None = None
    scim_status: str | None = None
    scim_token: str | None = None
    scim_token_expires: str | None = None
    import_expires: str | None = None
    import_days_left: float | None = None


def judge(host: str, asked: Any, results: Mapping[str, Any], limits: Limits, now: str) -> dict[str, Any]:
    """The row of one tenant.

    `asked` is what the playbook knows of the tenant, `results` the results of its tasks by part, and `now` the time of the
    controller as 2026-11-25T23:00:00Z, which counts only where Microsoft Graph has not said the time. Nothing is raised for
    a result that is missing or of another form: that is unknown.
    """
    known = asked if isinstance(asked, Mapping) else {}
    findings: list[Finding] = []
    facts = Facts()
    if not known:
        problem = results.get("problem")
        why = reason_of(problem) if problem else "nothing was read."
        findings.append(Finding("tenant", UNKNOWN, f"Its variables could not be read: {why}"))
        facts = Facts(**{name: value for part in PARTS for name, value in UNREAD[part].items()})
    parts = [str(part) for part in known.get("parts", PARTS)] if known else []
    odd = [part for part in parts if part not in PARTS]
    if odd or (known and not parts):
        text = f"w365_audit_parts has {', '.join(odd) or 'no part'}: give some of {', '.join(PARTS)}."
        findings.append(Finding("tenant", UNKNOWN, text))
    more, facts = judged([part for part in PARTS if part in parts], known, results, limits, facts, now)
    return row_of(host, known, [*findings, *more], facts._asdict())


def judged(
    parts: Iterable[str],
    known: Mapping[str, Any],
    results: Mapping[str, Any],
    limits: Limits,
    facts: Facts,
    now: str,
) -> tuple[list[Finding], Facts]:
    """What is to be said about these parts of a tenant. Arguments as for `judge`."""
    findings: list[Finding] = []
    for part in parts:
        given = results.get(part)
        result = given if isinstance(given, Mapping) and given else results.get("problem") or {}
        try:
            more, facts = JUDGES[part](result, known, limits, facts, now)
        except (TypeError, ValueError, KeyError, AttributeError):
            more = [Finding(part, UNKNOWN, ODD_FORM)]
            facts = facts._replace(**UNREAD[part])
        findings += more
    return findings, facts


def row_of(
    host: str, known: Mapping[str, Any], findings: Iterable[Finding], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The row of a tenant, with its findings, the worst first. A finding that is accepted does not count."""
    ordered = sorted(findings, key=lambda one: (*STATES, ACCEPTED).index(one.state))
    counted = [one.state for one in ordered if one.state != ACCEPTED]
    row: dict[str, Any] = displayed(
        {
            "host": host,
            "environment": text_of(known.get("environment")),
            "tenant": text_of(known.get("tenant")),
            "state": counted[0] if counted else OK if ordered else UNKNOWN,
            "findings": [one._asdict() for one in ordered],
            **facts,
        }
    )
    return row


def report_of(rows: Sequence[Mapping[str, Any]], limits: Limits, generated: str) -> dict[str, Any]:
    """All tenants, the worst first: then those whose secret ends first, then by name."""

    def order(row: Mapping[str, Any]) -> tuple[int, float, str]:
        left = [row[name] for name in ("secret_days_left", "import_days_left") if row.get(name) is not None]
        return (STATES.index(row["state"]), min(left, default=float("inf")), row["host"].casefold())

    ordered = sorted(rows, key=order)
    return {
        "generated": generated,
        "warn_days": limits.warn,
        "critical_days": limits.critical,
        "counts": {state: sum(row["state"] == state for row in ordered) for state in STATES},
        "tenants": [dict(row) for row in ordered],
    }


def verdict(report: Mapping[str, Any], *, fail_on_unknown: bool) -> str:
    """The line with which the playbook fails; empty when it does not."""
    bad = [CRITICAL, *([UNKNOWN] if fail_on_unknown else [])]
    return sentence_of(
        report, {state: [row["host"] for row in report["tenants"] if row["state"] == state] for state in bad}
    )


def sentence_of(report: Mapping[str, Any], named: Mapping[str, Sequence[str]]) -> str:
    """The line that names tenants by what is wrong with them; empty when there are none."""
    parts = [f"{len(hosts)} {wrong} ({', '.join(hosts)})" for wrong, hosts in named.items() if hosts]
    if not parts:
        return ""
    return f"Of {len(report['tenants'])} tenants, {' and '.join(parts)}. The table above says why."


# What all parts share


def text_of(value: Any) -> str | None:
    """A text that is not blank, or None."""
    return str(value) if isinstance(value, str) and value.strip() else None


def reason_of(result: Mapping[str, Any]) -> str:
    """Why there is nothing to judge, in one line."""
    message = result.get("msg")
    said = " ".join(str(message).split()) if message else "there is no result of its task"
    # The cause stands at the end of an error of a template.
    return said if len(said) <= LONGEST_REASON else f"{said[: LONGEST_REASON // 2]} … {said[-LONGEST_REASON // 2 :]}"


def level(days: float, limits: Limits) -> str:
    if days <= limits.critical or days <= 0:
        return CRITICAL
    return WARNING if days <= limits.warn else OK


def _in_days(days: float) -> str:
    return "has expired" if days <= 0 else f"expires in {days:.1f} days"


def seconds_of(time: Any) -> float | None:
    """Seconds since 1970 of a time in UTC as Graph and the modules write it; None for anything else."""
    if not isinstance(time, str):
        return None
    whole = time.strip().rstrip("Zz").partition(".")[0]
    try:
        found = datetime.fromisoformat(whole)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or timezone.utc).timestamp()


# The app registration that people sign in with


def _judge_sso(
    result: Mapping[str, Any], asked: Mapping[str, Any], limits: Limits, facts: Facts, now: str
) -> tuple[list[Finding], Facts]:
    found = result.get("found")
    if not isinstance(found, bool):
        text = f"The app registration could not be read: {reason_of(result)}"
        return [Finding("sso", UNKNOWN, text)], facts._replace(**UNREAD["sso"])
    findings = list(_link(result, asked))
    if not found:
        deleted = result.get("deleted_application")
        more = f" One was deleted and can be restored: {deleted.get('client_id')}." if deleted else ""
        text = f"The tenant has no app registration for this environment.{more} A tenant without one leaves sso out of w365_audit_parts."
        return [Finding("sso", CRITICAL, text), *findings], facts._replace(secret_expires="missing")
    secret = result.get("secret")
    facts = facts._replace(
        secret_expires=(secret.get("expires") or UNKNOWN) if secret else UNKNOWN,
        secret_days_left=result.get("days_left"),
        foreign_secrets=result.get("foreign_secrets"),
    )
    findings += _secrets(result, limits, now)
    findings += _consent(result)
    findings += _drift(result, asked)
    findings += _principal(result)
    return findings, facts


def _link(result: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Finding]:
    """What Workspace 365 shows, against the app registration and the description of the tenant."""
    sso = result.get("sso")
    if result.get("readable") is not True:
        text = "Workspace 365 does not show its single sign-on here, so authority and client id were not compared."
        yield Finding("link", UNKNOWN, text)
        return
    if not sso:
        yield Finding("link", CRITICAL, "Workspace 365 has no single sign-on for this environment.")
        return
    if result.get("linked") is False or not result.get("found"):
        text = f"Workspace 365 sends people to application {sso.get('client_id')}, which is another one."
        yield Finding("link", CRITICAL, text)
    elif result.get("linked") is not True:
        yield Finding("link", UNKNOWN, "Whether Workspace 365 has the client id of this app registration is not known.")
    wanted = asked.get("authority")
    if not wanted:
        text = "The authority was not compared: neither primary_domain nor authority is given for this tenant."
        yield Finding("link", UNKNOWN, text)
    elif not _same_authority(sso, wanted):
        text = f"Workspace 365 has authority {sso.get('authority')}, and the tenant is described with {wanted}."
        yield Finding("link", CRITICAL, text)


def _same_authority(sso: Mapping[str, Any], wanted: str) -> bool:
    shown = single_sign_on(str(sso.get("authority")), "")
    return SettingValues.fits(shown, single_sign_on(wanted, ""))


def _secrets(result: Mapping[str, Any], limits: Limits, now: str) -> Iterator[Finding]:
    secret, days = result.get("secret"), result.get("days_left")
    clock = _clock_of(result, now)
    others = [one for one in result["secrets"] if not secret or one["key_id"] != secret["key_id"]]
    if not secret:
        ends = [seconds_of(one["expires"]) for one in others]
        if all(end is not None and clock is not None and end <= clock for end in ends):
            text = "The app registration has no secret that is valid, so nobody can sign in."
            yield Finding("secret", CRITICAL, text)
        else:
            text = (
                f"None of its {len(others)} secrets is marked as the one that Workspace 365 holds, so when that one expires is not known. "
                "The playbook rotate_sso_secrets makes and marks one."
            )
            yield Finding("secret", UNKNOWN, text)
    elif not isinstance(days, (int, float)):
        yield Finding("secret", UNKNOWN, "Microsoft Graph shows no end of the secret that Workspace 365 holds.")
    else:
        text = f"The secret that Workspace 365 holds {_in_days(days)} ({secret['expires']})."
        yield Finding("secret", level(days, limits), text)
    if any(one["state"] == "writing" for one in others):
        text = (
            "A run ended while it wrote another secret, so Workspace 365 may hold that one. The next renewal ends this."
        )
        yield Finding("secret", UNKNOWN, text)
    foreign = [one for one in others if one["state"] == "foreign"]
    valid = [one for one in foreign if not _is_over(one, clock)]
    if valid:
        names = ", ".join(f"{one['name'] or one['key_id']} until {one['expires'] or 'unknown'}" for one in valid[:5])
        text = f"{len(valid)} valid secrets were made by somebody else: {names}{' and more' if len(valid) > 5 else ''}."
        yield Finding("secret", WARNING, text)
    elif foreign:
        yield Finding("secret", OK, f"{len(foreign)} secrets of somebody else have expired.")


def _clock_of(result: Mapping[str, Any], now: str) -> float | None:
    """The time by Graph's clock, where the result tells it, else that of the controller."""
    secret, days = result.get("secret"), result.get("days_left")
    end = seconds_of(secret.get("expires")) if secret else None
    if end is not None and isinstance(days, (int, float)):
        return end - days * DAY
    return seconds_of(now)


def _is_over(secret: Mapping[str, Any], clock: float | None) -> bool:
    end = seconds_of(secret.get("expires"))
    return end is not None and clock is not None and end <= clock


def _consent(result: Mapping[str, Any]) -> Iterator[Finding]:
    asks = "requiredResourceAccess" not in result["drift"]
    for one in result["consent"]:
        missing, granted = one["missing"], one["granted"]
        if missing:
            # What the app registration asks for and nobody has consented to stops every sign-in.
            state = CRITICAL if asks or not granted else WARNING
            text = f"The organization has not consented to {', '.join(missing)} of {one['resource']}."
            yield Finding("consent", state, text)
    for one in result["excess_consent"]:
        text = (
            f"The organization has consented to more of {one['resource']} than is wanted: {', '.join(one['scopes'])}."
        )
        yield Finding("consent", WARNING, text)


DRIFT = {
    "web": "Its redirect, home page or sign-out address differs from what is described.",
    "requiredResourceAccess": "It does not ask for all permissions that are described.",
    "optionalClaims": "It lacks the claim with which guests and people with an alias sign in.",
    "tags": "It has no tag that says for which environment it is.",
}


def _drift(result: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Finding]:
    for name in result["drift"]:
        if name.startswith("consent ") or name in ("servicePrincipal", "accountEnabled"):
            continue
        if name == "web" and not _has_redirect(result["application"]["redirect_uris"], asked.get("environment")):
            text = "The address to which people are sent back is not registered, so nobody can sign in."
            yield Finding("application", CRITICAL, text)
            continue
        yield Finding("application", WARNING, DRIFT.get(name, f"{name} differs from what is described."))


def _has_redirect(addresses: Sequence[str], environment: Any) -> bool:
    end = f"/{environment}/OAuth2/HandleAuthorityResponse".lower()
    return any(one.lower().endswith(end) for one in addresses)


def _principal(result: Mapping[str, Any]) -> Iterator[Finding]:
    principal = result.get("service_principal")
    if not principal:
        text = "The app registration has no enterprise application, so nobody can sign in."
        yield Finding("principal", CRITICAL, text)
        return
    if principal["enabled"] is False:
        yield Finding("principal", CRITICAL, "The enterprise application is disabled, so nobody can sign in.")
    elif principal["enabled"] is not True:
        yield Finding("principal", UNKNOWN, "Microsoft Graph does not say whether people may sign in.")
    if principal["assignment_required"] is True:
        text = "The enterprise application requires an assignment: only assigned people can sign in."
        yield Finding("principal", WARNING, text)
    elif principal["assignment_required"] is not False:
        yield Finding("principal", UNKNOWN, "Microsoft Graph does not say whether people must be assigned.")


# The application that sends people over SCIM


def _judge_scim(
    result: Mapping[str, Any], asked: Mapping[str, Any], limits: Limits, facts: Facts, now: str
) -> tuple[list[Finding], Facts]:
    found = result.get("found")
    if not isinstance(found, bool):
        text = f"The SCIM application could not be read: {reason_of(result)}"
        return [Finding("scim", UNKNOWN, text)], facts._replace(**UNREAD["scim"])
    if not found:
        text = "The tenant has no SCIM application for this environment. A tenant without one leaves scim out of w365_audit_parts."
        return [Finding("scim", CRITICAL, text)], facts._replace(scim_status="missing")
    job = result.get("job")
    valid = result.get("credentials_valid")
    words = {True: "accepted", False: "refused"}.get(valid, UNKNOWN) if valid is not None else UNKNOWN
    facts = facts._replace(
        scim_status=job["words"] if job else "no job", scim_token=words, scim_token_expires=SCIM_TOKEN_END
    )
    return [*_job(job), *_saved_token(result), *_scim_settings(result)], facts


def _job(job: Mapping[str, Any] | None) -> Iterator[Finding]:
    if not job:
        yield Finding("scim", CRITICAL, "The SCIM application has no provisioning job.")
        return
    quarantine, status = job["quarantine"], job["status"]
    if quarantine or status == "Quarantine":
        why = f": {quarantine.get('reason')}. {quarantine.get('message') or ''}" if quarantine else "."
        yield Finding("scim", CRITICAL, f"The provisioning job is in quarantine{why}".strip())
    elif status in PAUSED or job["state"] in PAUSED:
        yield Finding("scim", WARNING, f"The provisioning job provisions nobody: {job['words']}.")
    elif status != "Active":
        yield Finding("scim", UNKNOWN, f"The provisioning job has the state {status}, which is not known here.")
    else:
        yield Finding("scim", OK, f"The provisioning job is {job['words']}.")


def _saved_token(result: Mapping[str, Any]) -> Iterator[Finding]:
    valid, settings = result.get("credentials_valid"), result.get("settings") or {}
    if valid is True:
        # Its end is a fact of its own: that it is accepted today says nothing about tomorrow.
        yield Finding("scim token", OK, f"The saved token is accepted today. Its end is {SCIM_TOKEN_END}.")
    elif valid is False:
        message = result.get("credentials_message") or "Microsoft Entra does not say why"
        yield Finding("scim token", CRITICAL, f"The SCIM service does not accept the saved token: {message}")
    elif settings.get("token_is_saved") is False:
        yield Finding("scim token", CRITICAL, "The job has no saved token.")
    else:
        yield Finding("scim token", UNKNOWN, "Whether the SCIM service accepts the saved token was not found out.")


def _scim_settings(result: Mapping[str, Any]) -> Iterator[Finding]:
    for problem in result["mapping_problems"]:
        yield Finding("scim", WARNING, str(problem))
    if (result.get("settings") or {}).get("delete_guard") is False:
        yield Finding("scim", WARNING, "The number of removals in one cycle is not limited.")


# What the import signs in with

KEPT_AS = {"secret": ("passwordCredentials",), "certificate": ("keyCredentials",)}
"""Kind of credential -> where Graph shows it."""

WITHOUT_END = {
    "federated": "It signs in with a federated credential, which has no end.",
    "managed identity": "It signs in with a managed identity, whose credential Microsoft renews.",
}


def _judge_import(
    result: Mapping[str, Any], asked: Mapping[str, Any], limits: Limits, facts: Facts, now: str
) -> tuple[list[Finding], Facts]:
    unknown = facts._replace(import_expires=UNKNOWN)
    kind, client_id = asked.get("import_kind") or "", str(asked.get("import_client_id") or "")
    if kind in WITHOUT_END:
        return [Finding("import", OK, WITHOUT_END[kind])], facts._replace(import_expires="never")
    if not GUID.fullmatch(client_id):
        text = "The client id that the import signs in with is not given, so its credential was not looked at (w365_audit_import_client_id)."
        return [Finding("import", UNKNOWN, text)], unknown
    listed = (result.get("json") or {}).get("value")
    if not isinstance(listed, list):
        text = f"The app registration that the import signs in with could not be read: {reason_of(result)}"
        return [Finding("import", UNKNOWN, text)], unknown
    own = [one for one in listed if str(one.get("appId")).lower() == client_id.lower()]
    if len(own) != 1:
        text = f"The tenant has no app registration {client_id}; it may be that of another tenant, whose credentials are not shown here."
        return [Finding("import", UNKNOWN, text)], unknown
    clock = _date_of(result) or seconds_of(now)
    return _credential(_candidates(own[0], kind, asked), clock, limits, facts)


def _date_of(result: Mapping[str, Any]) -> float | None:
    """The time by Graph's clock, from the header Date of its answer."""
    try:
        return parsedate_to_datetime(str((result.get("headers") or {}).get("date"))).timestamp()
    except (TypeError, ValueError):
        return None


def _candidates(application: Mapping[str, Any], kind: str, asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The credentials that it may be: those of the kind, and of these the one with the id or the beginning that is known."""
    names = KEPT_AS.get(kind, ("passwordCredentials", "keyCredentials"))
    found = [one for name in names for one in application.get(name) or []]
    key_id, hint = asked.get("import_key_id"), asked.get("import_hint")
    if key_id:
        return [one for one in found if str(one.get("keyId")).lower() == str(key_id).lower()]
    begins = [one for one in found if hint and one.get("hint") == hint]
    return begins or found


def _credential(
    found: Sequence[Mapping[str, Any]], clock: float | None, limits: Limits, facts: Facts
) -> tuple[list[Finding], Facts]:
    unknown = facts._replace(import_expires=UNKNOWN)
    if not found:
        text = (
            "Microsoft Graph shows no credential of the kind that the import signs in with (w365_audit_import_key_id)."
        )
        return [Finding("import", UNKNOWN, text)], unknown
    ends = [seconds_of(one.get("endDateTime")) for one in found]
    if clock is None or None in ends:
        return [Finding("import", UNKNOWN, "Microsoft Graph shows no end of a credential of the import.")], unknown
    days = sorted(round((end - clock) / DAY, 1) for end in ends if end is not None)
    valid = [left for left in days if left > 0]
    if not valid:
        text = f"Every credential that the import can sign in with has expired, the last one {-days[-1]:.1f} days ago."
        return [Finding("import", CRITICAL, text)], facts._replace(import_expires="expired", import_days_left=days[-1])
    if len({level(left, limits) for left in valid}) > 1:
        text = (
            f"Which of its {len(valid)} credentials the import signs in with is not known; they expire in {valid[0]:.1f} to "
            f"{valid[-1]:.1f} days (w365_audit_import_key_id)."
        )
        return [Finding("import", UNKNOWN, text)], unknown
    end = min(seconds for seconds in ends if seconds is not None and seconds > clock)
    shown = datetime.fromtimestamp(end, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"The credential that the import signs in with {_in_days(valid[0])} ({shown})."
    facts = facts._replace(import_expires=shown, import_days_left=valid[0])
    return [Finding("import", level(valid[0], limits), text)], facts


JUDGES = {"sso": _judge_sso, "scim": _judge_scim, "import": _judge_import}
"""Part -> its judge."""
