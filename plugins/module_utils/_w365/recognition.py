# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who of a whole directory is who: by UPN or name, and otherwise by external id.

Pure, like the plan that asks it.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .errors import InputError
from .model import Desired, DesiredGroup, DesiredUser, Snapshot


def recognised(desired: Desired, current: Snapshot) -> Desired:
    """The same wishes, in which whoever is known by another name says so. Raises InputError where nobody can tell."""
    return replace(desired, users=tuple(_users(desired.users, current)), groups=tuple(_groups(desired.groups, current)))


def _users(users: Sequence[DesiredUser], current: Snapshot) -> Iterator[DesiredUser]:
    """Whoever is not there under the wanted UPN, but under its external id, is renamed and not created a second time.

    A UPN may have passed from one to another: then who has it now is renamed first, as long as external ids tell both apart.
    Raises InputError where they do not, since one would get the account of the other, and for an exchange.
    """
    movers = {_external_id(user): user for user in users if user.present and _external_id(user) and not user.identity}
    follows: dict[str, str] = {}
    for user in users:
        known = current.users_by_external_id.get(_external_id(user))
        found = current.users_by_key.get(user.key)
        mover = movers.get((found.external_id or "").strip()) if found is not None else None
        moves_away = mover is not None and mover.key != user.key
        if user.identity or (known is found and not moves_away):
            yield user
        elif not user.present:
            # Who is to go has perhaps been renamed too; somebody else of that name is not meant.
            yield user if known is None or found is not None else replace(user, identity=known.upn)
        elif found is None:
            yield user if known is None else replace(user, identity=known.upn)
        elif moves_away and _external_id(user):
            follows[user.key] = mover.key if mover else ""
            yield replace(user, identity=known.upn if known else None, instead=True)
        elif moves_away or (known is not None and found.external_id):
            other = mover.upn if mover and moves_away else known.upn if known else ""
            raise InputError(
                f"'{user.upn}' is the UPN of one user on the server and of another in the list ('{other}'). {_PASSED_ON}"
            )
        else:
            yield user
    for start, first in follows.items():
        at = first
        while at in follows and at != start:
            at = follows[at]
        if at == start:
            raise InputError(f"'{start}' and '{first}' have exchanged their UPNs. {_PASSED_ON}")


def _external_id(user: DesiredUser) -> str:
    return str(user.fields.get("external_id") or "").strip()


def _groups(groups: Sequence[DesiredGroup], current: Snapshot) -> Iterator[DesiredGroup]:
    """The same for groups. A name that another group of the list has stays with that one: groups have no accounts to lose."""
    named = {group.key for group in groups}
    for group in groups:
        external_id = str(group.fields.get("external_id") or "").strip()
        known = current.groups_by_external_id.get(external_id) if external_id else None
        if known is None or group.identity or group.key in current.groups_by_key or known.key in named:
            yield group
        else:
            yield replace(group, identity=known.name)


_PASSED_ON = (
    "One of them would get the account of the other. Let the one who has the external id be renamed first, in a task of its "
    "own (w365_user with identity); then give the whole list."
)
