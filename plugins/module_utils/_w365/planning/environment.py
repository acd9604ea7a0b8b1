# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans changes of environments and of their settings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import GuardError, InputError
from ..model.environment import DesiredEnvironment, Environment, sanitized_environment_name
from ..model.names import comparison_key
from ..model.settings import SettingValues
from .actions import Action
from .environment_actions import (
    ENVIRONMENT_ACTIVATE,
    ENVIRONMENT_CREATE,
    ENVIRONMENT_DEACTIVATE,
    ENVIRONMENT_DELETE,
    SETTING_WRITES,
)
from .plan import Plan


@dataclass(frozen=True)
class WhenUnreadable:
    """What to do when the server cannot show its current settings: write, skip or fail (option when_unreadable)."""

    policy: str

    def note(self, what: str) -> str:
        """The sentence that goes with the decision. Raises InputError for the policy fail."""
        reason = f"This server cannot show {what}, so it could not be compared."
        if self.policy == "fail":
            raise InputError(f"{reason} Nothing was written, as when_unreadable=fail asks.")
        if self.policy == "skip":
            return f"{reason} It was left unchanged; when_unreadable=write writes it on every run."
        return f"{reason} It was written again and counts as changed; when_unreadable=skip leaves it unchanged."


def plan_environment(wanted: DesiredEnvironment, current: Environment | None, unreadable: WhenUnreadable) -> Plan:
    """What has to be done with an environment.

    Raises InputError for a new one without a first administrator, GuardError for a deletion that is not confirmed.
    """
    if not wanted.present:
        return _plan_environment_deletion(wanted, current)
    actions: list[Action] = []
    notes: list[str] = []
    if current is None:
        if wanted.administrator is None and not wanted.empty:
            raise InputError(
                f"Environment '{wanted.name}' does not exist, and a new one needs its first administrator: give option administrator, "
                "or empty=true for an environment without users."
            )
        created = Environment(sanitized_environment_name(wanted.name), True)
        extras = {"administrator": None if wanted.empty else wanted.administrator}
        actions.append(
            Action(
                ENVIRONMENT_CREATE,
                wanted.name,
                None,
                created.as_result(),
                created.as_result(),
                outcome=created,
                extras=extras,
            )
        )
    subject = current or created
    if wanted.active is not None and subject.active is not wanted.active:
        if subject.active is None:
            notes.append(unreadable.note(f"whether environment '{subject.name}' is active"))
        if subject.active is not None or unreadable.policy == "write":
            changes = {"active": wanted.active}
            switch = ENVIRONMENT_ACTIVATE if wanted.active else ENVIRONMENT_DEACTIVATE
            outcome = replace(subject, active=wanted.active)
            actions.append(
                Action(
                    switch,
                    subject.name,
                    {"active": subject.active},
                    changes,
                    changes,
                    subject=subject,
                    outcome=outcome,
                )
            )
    unchanged = () if actions else (("environment", subject.name),)
    return Plan(tuple(actions), unchanged, notes=tuple(notes), compared=not notes)


def _plan_environment_deletion(wanted: DesiredEnvironment, current: Environment | None) -> Plan:
    if current is None:
        return Plan(unchanged=(("environment", wanted.name),))
    if comparison_key(wanted.confirmation or "") != comparison_key(current.name):
        raise GuardError(
            f"Refused to delete environment '{current.name}' with everybody in it: delete_confirmation is "
            f"{wanted.confirmation!r} and has to repeat the environment's name. Nothing was written."
        )
    return Plan(actions=(Action(ENVIRONMENT_DELETE, current.name, current.as_result(), None, subject=current),))


def plan_setting(
    desired: SettingValues,
    current: SettingValues | None,
    *,
    readable: bool,
    unreadable: WhenUnreadable,
    environment: str,
    secret: str | None = None,
    always: bool = False,
) -> Plan:
    """What has to be done with a setting of an environment.

    Its values are compared where the server shows them. A `secret` never is: it is written whenever one of them differs.
    With `always` everything is written on every run.
    """
    setting = desired.setting
    notes: list[str] = []
    # A secret is never compared, so a setting that holds one is not known to be right.
    unchanged = (
        Plan(key_not_compared=1, compared=readable)
        if setting.secret
        else Plan(unchanged=((setting.name, environment),), compared=readable)
    )
    if not readable and not always:
        notes.append(unreadable.note(f"the {setting.title} of environment '{environment}'"))
        if unreadable.policy == "skip":
            return unchanged._replace(notes=tuple(notes))
    elif current is not None and current.fits(desired) and not always:
        return unchanged
    before = dict(current.as_result()) if current else None
    after_fields = dict(desired.as_result())
    extras: dict[str, str] = {}
    if setting.secret and secret is not None:
        extras[setting.secret.name] = secret
        after_fields[setting.secret.name] = "(written)"
        if before is not None:
            before[setting.secret.name] = "(not readable)"
    action = Action(
        SETTING_WRITES[setting],
        environment,
        before,
        after_fields,
        desired.as_result(),
        subject=current,
        outcome=desired,
        extras=extras,
    )
    return Plan(actions=(action,), notes=tuple(notes), compared=readable)


def joined(plans: Sequence[Plan]) -> Plan:
    """One plan of those of several settings."""
    return Plan(
        actions=tuple(action for plan in plans for action in plan.actions),
        unchanged=tuple(item for plan in plans for item in plan.unchanged),
        notes=tuple(note for plan in plans for note in plan.notes),
        compared=all(plan.compared for plan in plans),
        key_not_compared=sum(plan.key_not_compared for plan in plans),
    )
