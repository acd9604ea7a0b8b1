# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads Microsoft Entra for an import: only what is needed, or with a state file only what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ..entra.importer import TenantSelection, read_delta, read_full, user_exclusion
from ..entra.tenant import State, state_text
from ..errors import InputError
from ..model.names import comparison_key, external_id_key
from ..output.atomic_write import write_atomically
from ..output.trusted_file import read_trusted
from .bulk import BulkTask
from .directory import DirectoryTask
from .entra import EntraTask

if TYPE_CHECKING:
    from ..model.desired import Desired, DesiredGroup
    from ..model.directory import Snapshot
    from ..model.import_scope import ImportScope


class ImportTask(BulkTask, EntraTask, DirectoryTask):
    """A task that imports users and groups of Microsoft Entra into a directory, or shows what it would import."""


@dataclass(frozen=True)
class Read:
    """What was read, the state to save (None: nothing), and whether it was a `full` run, with the reason."""

    found: TenantSelection
    state: State | None
    full: bool
    reason: str


def read_entra(task: EntraTask, scope: ImportScope) -> Read:
    path = task.options["state_file"]
    if not path:
        found = read_full(task.graph, scope, concurrency=task.workers)
        return Read(found, None, True, "there is no state_file")
    if not Path(path).absolute().parent.is_dir():
        raise InputError(f"Option state_file: the folder of {path!r} does not exist. Create it first.")
    kept = read_trusted(path, "state_file", trust=task.options["trust_local_files"], warn=task.warn)
    found, state, reading = read_delta(
        task.graph,
        scope,
        kept,
        tenant=task.options["entra_tenant"] or "",
        full_every=task.options["full_every"],
        now=datetime.now(timezone.utc),
    )
    if reading.unreadable:
        task.warn(
            f"Option state_file: {path!r} could not be used, so {reading.reason}. Nobody was taken for somebody who has left, "
            "and the run writes the file anew. Check the path if this comes again."
        )
    return Read(found, state, reading.full, reading.reason)


def keep_state(task: EntraTask, read: Read) -> None:
    """Save what was read for the next run, but not in check mode."""
    if read.state is not None and not task.check_mode:
        write_atomically(task.options["state_file"], state_text(read.state), "state_file")


def with_kept_members(desired: Desired, current: Snapshot, read: Read, scope: ImportScope) -> Desired:
    """The desired state in which users who are left out, such as one with an invalid UPN, stay members of the groups that they
    are in both in Microsoft Entra and in Workspace 365. Their reason says so."""
    tenant = read.found.tenant
    accounts: dict[str, str] = {}
    for id, person in tenant.users.items():
        exclusion = user_exclusion(person, scope)
        if exclusion is not None and exclusion.keeps:
            known = current.users_by_external_id.get(external_id_key(id))
            found = [known] if known else current.users_named(comparison_key(str(person["userPrincipalName"])))
            accounts.update((id, account.key) for account in found)
    if not accounts:
        return desired
    ids = {comparison_key(str(group.get("displayName") or "")): id for id, group in tenant.groups.items()}
    groups: list[DesiredGroup] = []
    staying: set[str] = set()
    for group in desired.groups:
        id = str(group.fields.get("external_id") or ids.get(group.key, ""))
        there = current.groups_by_external_id.get(external_id_key(id)) or current.groups_by_key.get(group.key)
        change = group.members
        if there is not None and change is not None and change.set is not None:
            people = tenant.people_of(id, flatten=scope.flatten)
            stay = {member for member in people & accounts.keys() if accounts[member] in (there.members or ())}
            staying |= {str(tenant.users[member]["userPrincipalName"]) for member in stay}
            change = change._replace(set=change.set | {accounts[member] for member in stay})
        groups.append(group._replace(members=change))
    skipped = (
        item._replace(reason=f"{item.reason}; it stays in its groups") if item.name in staying else item
        for item in desired.skipped
    )
    return desired._replace(groups=tuple(groups), skipped=tuple(skipped))
