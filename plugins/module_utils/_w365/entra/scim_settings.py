# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a provisioning job: what differs, and all of them as they are to be written (contract, P8 and P13)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import GuardError, InputError
from ..model.scim_application import DesiredScimApplication

BASE = "BaseAddress"
TOKEN = "SecretToken"
EVERYBODY = "SyncAll"
NOTIFICATIONS = "SyncNotificationSettings"
SKIP = "SkipOutOfScopeDeletions"

HIDDEN = "*"
"""How Graph shows a secret value. It is never sent."""

FLAG = "aadOptscim062020"
"""In the query of the address it selects PATCH requests that conform to the standard (contract, P16)."""

LEAST_THRESHOLD = 10


def address_of(url: str, *, standard: bool) -> str:
    """The address of the SCIM service with the flag exactly once, or without it."""
    plain, _mark, query = url.strip().partition("?")
    others = [part for part in query.split("&") if part and part.partition("=")[0].lower() != FLAG.lower()]
    parts = [*others, *([FLAG] if standard else [])]
    return plain.rstrip("/") + ("?" + "&".join(parts) if parts else "")


def is_standard(address: str) -> bool:
    """Whether an address has the flag."""
    return any(part.partition("=")[0].lower() == FLAG.lower() for part in urlsplit(address).query.split("&"))


def is_true(text: str | None) -> bool:
    """A boolean of the settings, in any case."""
    return (text or "").strip().lower() == "true"


class SettingsPlan(NamedTuple):
    """All readable settings as they are to be (`values`), and what differs of them: before and after by name."""

    values: Mapping[str, str]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def differences(self) -> tuple[str, ...]:
        return tuple(self.after)


def shown_settings(settings: Mapping[str, str]) -> dict[str, Any]:
    """The settings in the words of the options."""
    notifications = notifications_of(settings.get(NOTIFICATIONS, ""))
    address = settings.get(BASE, "")
    return {
        "scim_url": address or None,
        "patch_dialect": ("standard" if is_standard(address) else "entra_default") if address else None,
        "scope": "all" if is_true(settings.get(EVERYBODY)) else "assigned",
        "skip_out_of_scope_deletions": is_true(settings.get(SKIP)),
        "notification_email": notifications.get("Recipients") or None,
        "delete_guard": is_guarded(notifications),
        "delete_threshold": threshold_in(notifications),
        "token_is_saved": TOKEN in settings,
    }


def notifications_of(text: str) -> dict[str, Any]:
    """The JSON in the setting. Raises GuardError where it is something else: it would be lost."""
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GuardError(
            f"The setting {NOTIFICATIONS} of the provisioning job is not the JSON object that Microsoft documents, so it cannot be "
            "completed. Nothing was written. Save the notification mail once in the portal (Provisioning > Settings), and rerun the task."
        )
    return found


def threshold_in(notifications: Mapping[str, Any]) -> int | None:
    value = notifications.get("DeleteThresholdValue")
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 16:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def is_guarded(notifications: Mapping[str, Any]) -> bool:
    """Whether removals are limited; the guard needs somebody to notify (contract, P13)."""
    enabled = str(notifications.get("DeleteThresholdEnabled")).lower() == "true"
    return enabled and bool(notifications.get("Recipients")) and threshold_in(notifications) is not None


def usual_threshold(counts: Mapping[str, int]) -> int:
    """Ten, or a tenth of what the job has in sync where that is more."""
    return max(LEAST_THRESHOLD, sum(counts.values()) // 10)


def plan_settings(
    current: Mapping[str, str], desired: DesiredScimApplication, counts: Mapping[str, int]
) -> SettingsPlan:
    """Compare. Raises InputError where the guard has nobody to notify."""
    before = shown_settings(current)
    notifications = notifications_of(current.get(NOTIFICATIONS, ""))
    wanted = {**notifications, **_guard(notifications, desired, counts)}
    kept = {key: value for key, value in current.items() if key != TOKEN}
    same = address_of(before["scim_url"] or "", standard=is_standard(before["scim_url"] or ""))
    values = {
        **kept,
        BASE: current[BASE] if same == desired.address else desired.address,
        EVERYBODY: _boolean(current, EVERYBODY, desired.everybody),
        SKIP: _boolean(current, SKIP, desired.skip_out_of_scope),
        NOTIFICATIONS: json.dumps(wanted) if wanted != notifications else current.get(NOTIFICATIONS, ""),
    }
    after = shown_settings(values)
    changed = [name for name, value in after.items() if name != "token_is_saved" and value != before[name]]
    if wanted != notifications and not {"notification_email", "delete_guard", "delete_threshold"} & {*changed}:
        # Such as Enabled, which says whether anybody is notified at all.
        changed.append("notification_email")
    if values[BASE] != current.get(BASE) and "scim_url" not in changed:
        changed.append("scim_url")
    return SettingsPlan(
        {key: value for key, value in values.items() if value},
        {name: before[name] for name in changed if name in before},
        {name: after[name] for name in changed},
    )


def _boolean(current: Mapping[str, str], key: str, wanted: bool | None) -> str:
    now = current.get(key)
    if now is not None and (wanted is None or is_true(now) is wanted):
        return now
    return str(bool(wanted)).lower()


def _guard(
    notifications: Mapping[str, Any], desired: DesiredScimApplication, counts: Mapping[str, int]
) -> dict[str, Any]:
    guard = desired.guard
    email = guard.email or str(notifications.get("Recipients") or "")
    if not guard.on:
        off = str(notifications.get("DeleteThresholdEnabled")).lower() == "true"
        changes: dict[str, Any] = {"DeleteThresholdEnabled": False} if off else {}
        if guard.email and (guard.email != notifications.get("Recipients") or notifications.get("Enabled") is not True):
            changes |= {"Enabled": True, "Recipients": guard.email}
        return changes
    if not email:
        raise InputError(
            "Option notification_email is needed: Microsoft Entra only limits removals (delete_guard) where it can notify somebody. "
            "Nothing was written. Give an address, or delete_guard=false for a job that may remove everybody at once."
        )
    known = threshold_in(notifications) if is_guarded(notifications) else None
    threshold = guard.threshold if guard.threshold is not None else known
    if threshold is None:
        threshold = usual_threshold(counts)
    changes = {"Enabled": True, "Recipients": email, "DeleteThresholdEnabled": True}
    if threshold_in(notifications) != threshold:
        changes["DeleteThresholdValue"] = threshold
    return {
        name: value
        for name, value in changes.items()
        if name == "DeleteThresholdValue" or str(notifications.get(name)) != str(value)
    }


def refuse_hidden(settings: Mapping[str, str]) -> None:
    """Raises GuardError for another secret than the token: it would be overwritten with the asterisk that Graph shows."""
    hidden = sorted(key for key, value in settings.items() if key != TOKEN and value.strip() == HIDDEN)
    if hidden:
        raise GuardError(
            f"The settings of the provisioning job hold {hidden[0]}, a secret that Microsoft Graph does not show and that would be lost by "
            "writing the others. Nothing was written. Change the settings in the portal (Provisioning > Admin credentials), or remove this "
            "one there first."
        )
