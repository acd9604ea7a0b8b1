# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a rotation: a new client secret from its creation to the mark that Workspace 365 holds it.

Every step may be the last one of a run. Until Workspace 365 was written to, a failure takes the new secret back. After
that, the marks say that both it and the former one are perhaps in use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from ..api.applications import NewPassword, code_of
from ..api.entra_tokens import FRESH_SECRET, TokenRefusedError
from ..errors import (
    AnswerError,
    AuthenticationError,
    GuardError,
    LostAnswerError,
    NotFoundError,
    StoppedError,
    W365Error,
)
from ..model.applications import Application
from .secrets import LINKED, WORKSPACE, WRITING, Holder, is_own_name, marked, with_marks
from .waiting import READ_PAUSE, STEADY_READS, Waiting, until_steady

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient

TOKENS_IN_A_ROW = 3
TOKEN_PAUSE = 5.0
ADD_TRIES = 3

UNKNOWN_APPLICATION = 700016
"""What Entra may say about an application that was created a moment ago."""

LIFETIME_REFUSED = "CredentialInvalidLifetimeAsPerAppPolicy"
ADDITION_REFUSED = "CredentialTypeNotAllowedAsPerAppPolicy"


class Rotation:
    """The way of one new secret. `prove(text)` asks Entra once for a token with it.

    `replication` and `activation` start a wait of that kind. `names()` gives a name that no other secret has.
    """

    def __init__(
        self,
        graph: ApplicationsClient,
        environment: str,
        *,
        prove: Callable[[str], None],
        names: Callable[[], str],
        replication: Callable[[], Waiting],
        activation: Callable[[], Waiting],
        holder: Holder = WORKSPACE,
    ) -> None:
        self._graph = graph
        self._environment = environment
        self._prove = prove
        self._names = names
        self._replication = replication
        self._activation = activation
        self._holder = holder
        self._known_keys: Collection[str] = ()
        self._known_marks: Collection[tuple[str, str]] = ()
        self._known_tags: Collection[str] = ()
        self._application_id = ""
        self.new: NewPassword | None = None

    def begin(self, application: Application) -> None:
        """What this run knows: whatever else there is later comes from another one."""
        if self._application_id:
            return
        self._application_id = application.id
        self._known_keys = {one.key_id for one in application.passwords}
        self._known_marks = self._marks(application)
        self._known_tags = application.tags

    def remove(self, application: Application, key: str) -> None:
        """Remove a secret, and then its mark."""
        self.begin(application)
        with suppress(NotFoundError):
            self._graph.remove_password(application.id, key)
        if not {(LINKED, key), (WRITING, key)} & set(self._known_marks):
            return
        self._drop_mark(key)

    def _drop_mark(self, key: str) -> None:
        """Remove the mark of a secret that is gone. It means nothing, so it stays while another run is on its way."""
        found = self._graph.application(self._application_id)
        if self._others(found, key) or not {(LINKED, key), (WRITING, key)} & set(self._all_marks(found)):
            return
        self._write_marks(found, [mark for mark in self._kept_marks(found) if mark[1] != key])
        self._protect_others(self._graph.application(self._application_id), key)

    def create(self, application: Application, end: float, *, fresh_application: bool, marks: bool) -> NewPassword:
        """Add a secret, see it listed, prove it, and with `marks` mark it as being written."""
        self.begin(application)
        self.new = self._added(end)
        try:
            self._see_listed(self.new)
            self._see_accepted(self.new, fresh_application=fresh_application)
            if marks:
                self._mark_writing(self.new)
        except StoppedError:
            # Nothing more is sent. Without a mark it counts as unused, and a later run removes it.
            raise
        except W365Error as error:
            self._take_back(self.new, error)
            raise
        return self.new

    def _added(self, end: float) -> NewPassword:
        waiting = self._replication()
        tries = 0
        while True:
            tries += 1
            name = self._names()
            try:
                return self._graph.add_password(self._application_id, name, end)
            except NotFoundError as error:
                waiting.again(3.0, "Microsoft Entra did not find the new app registration", error)
            except (LostAnswerError, AnswerError, AuthenticationError) as error:
                refusal = _by_policy(error, self._holder)
                if refusal:
                    raise refusal from None
                lost = isinstance(error, LostAnswerError) or (
                    isinstance(error, AnswerError) and (error.status >= 500 or error.status == 200)
                )
                if not lost:
                    raise
                # It may exist, and its text is lost for ever: only its name identifies it.
                self._remove_named(name)
                if tries >= ADD_TRIES:
                    raise

    def _remove_named(self, name: str, keep: str = "") -> None:
        for one in self._graph.application(self._application_id).passwords:
            if one.name == name and one.key_id != keep:
                self._graph.remove_password(self._application_id, one.key_id)

    def _see_listed(self, new: NewPassword) -> None:
        def listed() -> bool:
            found = self._graph.application(self._application_id).passwords
            return new.password.key_id in {one.key_id for one in found}

        until_steady(self._replication(), listed, 1, READ_PAUSE, "the new client secret is not listed")
        # A request that was repeated may have been processed twice.
        self._remove_named(new.password.name, keep=new.password.key_id)

    def _see_accepted(self, new: NewPassword, *, fresh_application: bool) -> None:
        waiting = self._activation()
        may_pass = FRESH_SECRET | ({UNKNOWN_APPLICATION} if fresh_application else set())
        known = 0
        while known < TOKENS_IN_A_ROW:
            try:
                self._prove(new.text)
                known += 1
            except TokenRefusedError as error:
                if may_pass.isdisjoint(error.codes):
                    raise
                known = 0
                waiting.again(TOKEN_PAUSE, "Microsoft Entra did not accept the new client secret", error)
                continue
            if known < TOKENS_IN_A_ROW:
                waiting.wait(TOKEN_PAUSE, "the new client secret is tried again")

    def _mark_writing(self, new: NewPassword) -> None:
        """Set the mark. What is read afterwards must be what this run knows, or another run is on its way."""
        before = self._graph.application(self._application_id)
        self._refuse_others(before, new)
        key = new.password.key_id
        self._write_marks(before, [*self._kept_marks(before), (WRITING, key)])
        self._refuse_others(self._seen_with((WRITING, key)), new)

    def link(self) -> Application:
        """The mark becomes `linked`, and the former one stays as a secret. Returns the application with it."""
        if self.new is None:
            raise W365Error("no client secret was created before.")
        key = self.new.password.key_id
        found = self._graph.application(self._application_id)
        if self._others(found, key):
            self._say_unclear(found, key)
            raise W365Error(
                f"another run wrote a client secret to {self._holder.name} at the same time, so it is not known which one it has. No secret was "
                "removed. Rerun the task when no other run is on its way: it makes a new one."
            )
        others = [mark for mark in self._kept_marks(found) if mark[0] == WRITING and mark[1] != key]
        self._write_marks(found, [*others, (LINKED, key)])
        # The next run reads it from any server, and would make another secret without the mark.
        seen = self._seen_with((LINKED, key), STEADY_READS)
        self._protect_others(seen, key)
        return seen

    def _say_unclear(self, found: Application, key: str) -> None:
        """Without a linked one, the next run makes a new secret, and all of these stay until that one is linked."""
        unclear = {other for _state, other in self._marks(found)} | set(self._fresh(found, "")) | {key}
        self._write_marks(found, [(WRITING, other) for other in sorted(unclear)])

    # What others do

    def _all_marks(self, application: Application) -> list[tuple[str, str]]:
        return [
            (state, key)
            for state in (LINKED, WRITING)
            for key in sorted(marked(application.tags, state, self._environment))
        ]

    def _marks(self, application: Application) -> list[tuple[str, str]]:
        """The marks of secrets that exist."""
        existing = {one.key_id for one in application.passwords}
        return [mark for mark in self._all_marks(application) if mark[1] in existing]

    def _kept_marks(self, application: Application) -> list[tuple[str, str]]:
        """The same, and those that this run knew: an answer may be older than they are."""
        existing = {one.key_id for one in application.passwords}
        return list(
            dict.fromkeys([*self._marks(application), *(mark for mark in self._known_marks if mark[1] in existing)])
        )

    def _fresh(self, application: Application, key: str) -> list[str]:
        """The secrets of this environment that another run has made since this one began."""
        return [
            one.key_id
            for one in application.passwords
            if one.key_id not in (*self._known_keys, key) and is_own_name(one.name, self._environment)
        ]

    def _others(self, application: Application, key: str) -> bool:
        """Whether another run is on its way: a secret or a mark that this run does not know."""
        unknown = {mark for mark in self._marks(application) if mark[1] != key} - set(self._known_marks)
        return bool(self._fresh(application, key) or unknown)

    def _refuse_others(self, application: Application, new: NewPassword) -> None:
        """Raises W365Error when another run is on its way. Its mark may have been overwritten by this run, so it is set."""
        if not self._protect_others(application, new.password.key_id, keep=False):
            return
        raise W365Error(
            "another run has created a client secret for this environment at the same time. This run took its own one back and wrote "
            f"nothing to {self._holder.name}. Rerun the task when no other run is on its way."
        )

    def _protect_others(self, application: Application, key: str, *, keep: bool = True) -> bool:
        """Whether another run is on its way: its secret is then marked as one that is perhaps in use.

        Its own mark may have been overwritten by this run, whose secret `key` keeps its mark or loses it.
        """
        if not self._others(application, key):
            return False
        marks = [mark for mark in self._kept_marks(application) if keep or mark[1] != key]
        marked_keys = {other for _state, other in marks}
        marks += [(WRITING, other) for other in self._fresh(application, key) if other not in marked_keys]
        if set(marks) != set(self._marks(application)):
            self._write_marks(application, marks)
        return True

    def _write_marks(self, application: Application, marks: Collection[tuple[str, str]]) -> None:
        known = dict.fromkeys([*application.tags, *self._known_tags])
        tags = with_marks(known, self._environment, marks)
        self._graph.update_application(self._application_id, {"tags": list(tags)})

    def _seen_with(self, mark: tuple[str, str], times: int = 1) -> Application:
        """The application as soon as it is read with this mark, so many times in a row."""
        found: list[Application] = []

        def marked_so() -> bool:
            found[:] = [self._graph.application(self._application_id)]
            return mark in self._marks(found[0]) or self._others(found[0], mark[1])

        until_steady(
            self._replication(), marked_so, times, READ_PAUSE, "the mark of the new client secret is not shown"
        )
        return found[0]

    def _take_back(self, new: NewPassword, error: W365Error) -> None:
        try:
            with suppress(NotFoundError):
                self._graph.remove_password(self._application_id, new.password.key_id)
            self._drop_mark(new.password.key_id)
        except W365Error as other:
            error.message = (
                f"{error.message} The new client secret '{new.password.name}' could not be taken back ({other.message}) A later run "
                "removes it."
            )


def _by_policy(error: W365Error, holder: Holder) -> W365Error | None:
    """What the tenant's policy refuses, with the way out; None for any other refusal."""
    if code_of(error) == LIFETIME_REFUSED:
        return GuardError(
            f"the tenant's app management policy allows client secrets only for a shorter time. {error.message} Nothing was written "
            f"to {holder.name}. Set secret_lifetime to fewer days."
        )
    if code_of(error) == ADDITION_REFUSED:
        return GuardError(
            f"the tenant's app management policy forbids client secrets, and {holder.otherwise}. {error.message} "
            f"Nothing was written to {holder.name}. Let an administrator exempt this application from the policy; that takes some minutes."
        )
    return None
