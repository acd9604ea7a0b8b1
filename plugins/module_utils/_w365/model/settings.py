# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of the settings of an environment: what each holds, and how it is read and written.

Reading, comparing, writing, the diff and the keys of results are derived from it. A new setting is one row, its kind of action
in planning/actions.py, and the options that describe it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .names import comparison_key


class SettingField(NamedTuple):
    """One value of a setting. `name` is its key in results, `wire` its name in the Provisioning API."""

    name: str
    wire: str


class Setting(NamedTuple):
    """A setting of an environment. `name` is its name in results, `title` in messages.

    `read` and `write` are its endpoints. The `secret` can be written and never read.
    """

    name: str
    title: str
    read: str
    write: str
    fields: tuple[SettingField, ...]
    secret: SettingField | None = None


class SettingValues(NamedTuple):
    """What a setting holds, by the names of its fields. A desired one may hold only a part of them."""

    setting: Setting
    values: Mapping[str, str]

    def as_result(self) -> dict[str, str]:
        return dict(self.values)

    def fits(self, desired: SettingValues) -> bool:
        """Whether it contains every desired value, ignoring case and a slash at the end: all are names or URLs."""
        return all(
            comparison_key(self.values.get(name, "")).rstrip("/") == comparison_key(value).rstrip("/")
            for name, value in desired.values.items()
        )

    def body(self, secret: str | None) -> dict[str, str]:
        """The body that writes them."""
        body = {field.wire: self.values[field.name] for field in self.setting.fields if field.name in self.values}
        if self.setting.secret and secret is not None:
            body[self.setting.secret.wire] = secret
        return body


# Path C, fields D; reading A (contract, section 1).
SSO = Setting(
    "sso",
    "single sign-on",
    "sso.read",
    "sso.write",
    (SettingField("authority", "Authority"), SettingField("client_id", "ClientId")),
    SettingField("key", "Key"),
)
# Path and fields C; reading A (contract, section 1).
EXCHANGE = Setting(
    "exchange",
    "Exchange settings",
    "exchange.read",
    "exchange.write",
    (SettingField("server_type", "ServerType"), SettingField("ews_url", "DefaultEwsUrl")),
)
SHAREPOINT = Setting(
    "sharepoint",
    "SharePoint settings",
    "sharepoint.read",
    "sharepoint.write",
    (SettingField("authentication_type", "AuthenticationType"), SettingField("url", "DefaultUrl")),
)


def single_sign_on(authority: str, client_id: str) -> SettingValues:
    """The OAuth2 sign-on of an environment, without its key."""
    return SettingValues(SSO, {"authority": authority, "client_id": client_id})
