# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environments of an instance and their settings in the Provisioning API (contract: workspace365.md, section 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import normalize

from ..model.settings import Setting, SettingValues
from .provisioning import ProvisioningClient
from .values import without_case


class InstanceClient(ProvisioningClient):
    """The Provisioning API with what concerns the instance and not the users of one environment."""

    def create_environment(self, name: str, administrator: Mapping[str, str] | None) -> str:
        """Create an environment and return its name as the server sanitized it.

        `administrator` holds EmailAddress, FirstName, LastName and perhaps Password; None creates an empty environment.
        """
        if administrator is None:
            answer = self.call("environment.create_empty", environment=name)
        else:
            version = "environment.create" if administrator.get("Password") else "environment.create_v2"
            answer = self.call(version, body={"EnvironmentName": name, **administrator})
        if not isinstance(answer, str) or not answer.strip():
            return name.lower()
        if not _made_of(name, answer.strip()):
            what = f"the name {answer.strip()[:50]!r} for environment {name!r}"
            raise self.unreliable(version if administrator is not None else "environment.create_empty", what)
        return answer.strip()

    def validate_environment(self, name: str, administrator: Mapping[str, str] | None) -> None:
        """Ask whether it could be created. Raises ValidationError or AlreadyExistsError with the server's reason."""
        self.call("environment.validate", body={"EnvironmentName": name, **(administrator or {})})

    # Settings

    def setting(self, setting: Setting, environment: str) -> tuple[SettingValues | None, bool]:
        """What a setting holds (None when there is nothing), and whether the answer shows it.

        A setting of which all is null or empty is not set. One of which a part is null or left out is not readable: what
        that part holds is unknown. Raises EndpointMissingError where it cannot be read.
        """
        shown = self.setting_fields(setting, environment)
        if shown is None:
            return None, False
        values = {name: value for name, value in shown.items() if value is not None}
        if not any(values.values()):
            return None, not shown or len(shown) == len(setting.fields)
        return (SettingValues(setting, values), True) if len(values) == len(setting.fields) else (None, False)

    def setting_fields(self, setting: Setting, environment: str) -> dict[str, str | None] | None:
        """The fields of a setting that the answer has; none where nothing is set, and None for an answer of another form.

        Raises EndpointMissingError where it cannot be read.
        """
        answer = self.call(setting.read, environment=environment)
        if answer is None or answer == {}:
            return {}
        found = without_case(answer) if isinstance(answer, Mapping) else {}
        shown = {field.name: found[field.wire.lower()] for field in setting.fields if field.wire.lower() in found}
        if not shown or not all(value is None or isinstance(value, str) for value in shown.values()):
            return None
        return shown

    def write_setting(self, environment: str, values: SettingValues, secret: str | None) -> None:
        self.call(values.setting.write, environment=environment, body=values.body(secret))


def _made_of(name: str, answer: str) -> bool:
    """Whether a server can have made this name of the other: it leaves out characters, and may number the name.

    Any other one may be a message, or another customer's environment.
    """
    wanted = iter(normalize("NFKD", name).casefold())
    plain = answer.casefold().rstrip("0123456789")
    return bool(re.fullmatch(r"[\w.-]+", answer)) and all(character in wanted for character in plain)
