# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the kinds of change of an app registration, as actions.py for directories; they are made in the plan's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .actions import Action, ActionType, Handler, ObjectKind, Phase, ReportPart, ReportWords

APPLICATION = ObjectKind("application", "app registration", "app registrations", "app registration")
PRINCIPAL = ObjectKind("service_principal", "service principal", "service principals", "service principal")
CONSENT = ObjectKind("consent", "consent", "consents", "consent")
SECRET = ObjectKind("secret", "client secret", "client secrets", "client secret")


class RegistrationHandlers(Protocol):
    """Changes an app registration, its service principal and its client secrets."""

    def create_application(self, action: Action) -> Any:
        """Create the app registration, with what is wanted of it."""

    def restore_application(self, action: Action) -> Any:
        """Restore the deleted app registration of `subject`."""

    def update_application(self, action: Action) -> Any:
        """Write the properties that `changes` names, merged with those that it has, and add owners."""

    def create_principal(self, action: Action) -> Any:
        """Create the service principal of the application, or of the API that `subject` is."""

    def remove_secret(self, action: Action) -> Any:
        """Remove the client secret of `subject`."""

    def create_secret(self, action: Action) -> Any:
        """Create a client secret, prove that Entra accepts it, and mark it as being written."""

    def link_secret(self, action: Action) -> Any:
        """Mark the client secret as the one that is in use."""


class RemovalHandlers(Protocol):
    """Takes an app registration down."""

    def remove_secret(self, action: Action) -> Any:
        """Remove the client secret of `subject`: the object id of the app registration and the id of the secret."""

    def delete_application(self, action: Action) -> Any:
        """Delete the app registration of `subject`; it can be restored for 30 days."""


class ApplicationHandlers(RegistrationHandlers, Protocol):
    """With what only the one for single sign-on has."""

    def grant_consent(self, action: Action) -> Any:
        """Consent for the organization to the scopes of one API."""


def _row(
    about: ObjectKind,
    verb: str,
    sentence: str,
    words: tuple[str, str],
    handler: Callable[[ApplicationHandlers], Handler],
) -> ActionType:
    return ActionType(about, verb, Phase.SETTINGS, sentence, ReportWords(ReportPart.SETTINGS, *words), handler)


def _deletes(entra: RemovalHandlers) -> Handler:
    return entra.delete_application


APPLICATION_CREATE = _row(
    APPLICATION,
    "create",
    "create app registration '{name}'",
    ("app registration created", "be created"),
    lambda entra: entra.create_application,
)
APPLICATION_RESTORE = _row(
    APPLICATION,
    "restore",
    "restore app registration '{name}'",
    ("app registration restored", "be restored"),
    lambda entra: entra.restore_application,
)
APPLICATION_UPDATE = _row(
    APPLICATION,
    "update",
    "change app registration '{name}'",
    ("app registration changed", "be changed"),
    lambda entra: entra.update_application,
)
APPLICATION_DELETE = ActionType(
    APPLICATION,
    "delete",
    Phase.SETTINGS,
    "delete app registration '{name}'",
    ReportWords(ReportPart.SETTINGS, "app registration deleted", "be deleted"),
    _deletes,
)
PRINCIPAL_CREATE = _row(
    PRINCIPAL,
    "create",
    "create the service principal of '{name}'",
    ("service principal created", "be created"),
    lambda entra: entra.create_principal,
)
CONSENT_GRANT = _row(
    CONSENT,
    "grant",
    "consent to the permissions of {name} for the organization",
    ("consent given", "be given"),
    lambda entra: entra.grant_consent,
)
SECRET_REMOVE = _row(
    SECRET,
    "remove",
    "remove client secret '{name}'",
    ("client secret removed", "be removed"),
    lambda entra: entra.remove_secret,
)
SECRET_CREATE = _row(
    SECRET,
    "create",
    "create client secret '{name}'",
    ("client secret created", "be created"),
    lambda entra: entra.create_secret,
)
SECRET_LINK = _row(
    SECRET,
    "link",
    "mark client secret '{name}' as the one that Workspace 365 has",
    ("client secret linked", "be linked"),
    lambda entra: entra.link_secret,
)
