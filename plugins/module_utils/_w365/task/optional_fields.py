# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Optional attributes of users: checks whether the server keeps them, before they are written."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import InputError
from ..model.desired import Desired


def without_unsupported(desired: Desired, missing: Collection[str], policy: str, wire: str) -> tuple[Desired, str]:
    """The desired users without fields that are not kept, and a sentence about them.

    `policy` is option when_unsupported. Raises InputError for V(fail).
    """
    names = ", ".join(sorted(missing))
    if policy != "ignore":
        raise InputError(
            f"Option {names} cannot be set: {wire} does not keep it. Nothing was written. Leave it out, or set "
            "when_unsupported=ignore to set everything else."
        )
    users = tuple(user.without(missing) for user in desired.users)
    return desired._replace(users=users), f"{wire} does not keep {names}, so it was ignored (when_unsupported=ignore)."
