# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What django-scim2 leaves to an application: changing groups' names, e-mail addresses and members by a value path.

django-scim2 keeps one address for each user and shows it without a type. That is left as it is.
"""

from __future__ import annotations

import re
from typing import Any

from django_scim import exceptions
from django_scim.adapters import SCIMGroup, SCIMUser

_MEMBER = re.compile(r'members\[value eq "([^"]+)"\]', re.IGNORECASE)


class PersonAdapter(SCIMUser):
    """Users: the e-mail address by any path, and values that are added or removed."""

    def handle_replace(self, path: Any, value: Any, operation: dict[str, Any]) -> None:
        """Replace; addresses also by `emails[type eq "work"].value`."""
        if path.first_path[0] == "emails" and path.is_complex:
            path, value = self.split_path("emails"), [{"value": value}]
        super().handle_replace(path, value, operation)

    handle_add = handle_replace

    def handle_remove(self, path: Any, value: Any, operation: dict[str, Any]) -> None:
        """Remove a text or the address."""
        column = "email" if path.first_path[0] == "emails" else self.ATTR_MAP.get(path.first_path)
        if column is None:
            raise exceptions.NotImplementedError
        setattr(self.obj, column, "")
        self.save()


class TeamAdapter(SCIMGroup):
    """Groups: their name and external id, and members by a value path."""

    def handle_replace(self, path: Any, value: Any, operation: dict[str, Any]) -> None:
        """Replace the name or the external id."""
        if path.first_path not in self.ATTR_MAP:
            raise exceptions.NotImplementedError
        setattr(self.obj, self.ATTR_MAP[path.first_path], value)
        self.save()

    def handle_add(self, path: Any, value: Any, operation: dict[str, Any]) -> None:
        """Add members, or a text that was missing."""
        if path.first_path in self.ATTR_MAP:
            self.handle_replace(path, value, operation)
        else:
            super().handle_add(path, value, operation)

    def handle_remove(self, path: Any, value: Any, operation: dict[str, Any]) -> None:
        """Remove members, listed or by `members[value eq "id"]`, or a text."""
        if path.first_path in self.ATTR_MAP:
            self.handle_replace(path, "", operation)
            return
        if found := _MEMBER.fullmatch(operation["path"]):
            path, value = self.split_path("members"), [{"value": found[1]}]
        super().handle_remove(path, value, operation)
