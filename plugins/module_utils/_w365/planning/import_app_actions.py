# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of change that only the application of an import has, besides those of application_actions.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .actions import Action, ActionType, Handler, ObjectKind, Phase, ReportPart, ReportWords
from .application_actions import SECRET, RegistrationHandlers

CERTIFICATE = ObjectKind("certificate", "certificate", "certificates", "certificate")
FEDERATED = ObjectKind("federated_credential", "federated credential", "federated credentials", "federated credential")
PERMISSION = ObjectKind("permission", "application permission", "application permissions", "application permission")


class ImportAppHandlers(RegistrationHandlers, Protocol):
    """Changes the application of an import."""

    def add_certificate(self, action: Action) -> Any:
        """Add the certificate that is desired to those that the application has."""

    def remove_certificate(self, action: Action) -> Any:
        """Remove the certificate of `subject` and no other."""

    def write_federated(self, action: Action) -> Any:
        """Create or change the federated credential of `outcome`."""

    def grant_permission(self, action: Action) -> Any:
        """Grant the application permission that `subject` names."""

    def withdraw_permission(self, action: Action) -> Any:
        """Withdraw the application permission of `subject`."""


def _row(
    about: ObjectKind,
    verb: str,
    sentence: str,
    words: tuple[str, str],
    handler: Callable[[ImportAppHandlers], Handler],
) -> ActionType:
    return ActionType(about, verb, Phase.SETTINGS, sentence, ReportWords(ReportPart.SETTINGS, *words), handler)


CERTIFICATE_ADD = _row(
    CERTIFICATE,
    "add",
    "add certificate '{name}'",
    ("certificate added", "be added"),
    lambda entra: entra.add_certificate,
)
CERTIFICATE_REMOVE = _row(
    CERTIFICATE,
    "remove",
    "remove certificate '{name}'",
    ("certificate removed", "be removed"),
    lambda entra: entra.remove_certificate,
)
FEDERATED_CREATE = _row(
    FEDERATED,
    "create",
    "create federated credential '{name}'",
    ("federated credential created", "be created"),
    lambda entra: entra.write_federated,
)
FEDERATED_UPDATE = _row(
    FEDERATED,
    "update",
    "change federated credential '{name}'",
    ("federated credential changed", "be changed"),
    lambda entra: entra.write_federated,
)
PERMISSION_GRANT = _row(
    PERMISSION,
    "grant",
    "grant application permission '{name}'",
    ("application permission granted", "be granted"),
    lambda entra: entra.grant_permission,
)
PERMISSION_WITHDRAW = _row(
    PERMISSION,
    "withdraw",
    "withdraw application permission '{name}'",
    ("application permission withdrawn", "be withdrawn"),
    lambda entra: entra.withdraw_permission,
)
SECRET_LINK = _row(
    SECRET,
    "link",
    "mark client secret '{name}' as the one that the import has",
    ("client secret linked", "be linked"),
    lambda entra: entra.link_secret,
)
