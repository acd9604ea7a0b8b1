# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes an environment as files: reads every part by itself, so that what cannot be read is unknown and not empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..backends.common import active_administrators, roles_problem
from ..backends.scim import ScimDirectory
from ..errors import (
    AnswerError,
    ApplyError,
    AuthenticationError,
    EndpointMissingError,
    EnvironmentNotFoundError,
    GuardError,
    InputError,
    MissingLibraryError,
    NoAnswerError,
    RateLimitError,
    RolesUnreadableError,
    StoppedError,
    UnreliableAnswerError,
    W365Error,
)
from ..inputs.argument_spec import user_spec
from ..inputs.groups import group_from_options, group_spec
from ..inputs.half_characters import half_characters
from ..inputs.users import user_from_options
from ..model.desired import Skipped
from ..model.directory import UNRESOLVED, Group, User, by_key, value_of
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import checked_upn, is_object_id
from ..model.settings import SSO as SSO_SETTING
from ..output.export_folder import ExportFolder, FileChange, diffs
from ..output.export_text import (
    ADMINISTRATORS,
    ENVIRONMENT,
    GROUPS,
    PARTS,
    REPORT,
    SSO,
    USERS,
    Found,
    Unreadable,
    folder_name,
    has_users,
    lacks,
    secret_variable,
    servers_of,
    sort_key,
    sso_definition,
    texts_of,
)
from .bulk import BulkDirectoryTask
from .instance import InstanceTask

PROVISIONING_API = "the Provisioning API"

ENDS_TASK = (EnvironmentNotFoundError, GuardError, MissingLibraryError, StoppedError)
"""Errors that are about the task or the whole environment, and not about one part of it."""

ENDS_SERVICE = (AuthenticationError, NoAnswerError, RateLimitError)
"""After one of these, the other parts of the same service are not asked for: they would end in the same way."""


class ExportTask(BulkDirectoryTask, InstanceTask):
    """A task that writes an environment as files."""


def export(task: ExportTask) -> dict[str, Any]:
    """The whole task of w365_export."""
    instance, environment = _instance(task), task.environment
    servers = servers_of(task.options["instance_url"] or "", task.options["scim_url"] or "")
    folder = ExportFolder(task.options["dest"], folder_name(instance, environment), instance, environment, servers)
    _check_connection(task)
    reader = _Reader(task, folder)
    folder.refuse_other_service(reader.service)
    found = reader.read()
    texts = texts_of(found, instance, environment, next(iter(servers), ""))
    texts[REPORT] = task.redactor.text(texts[REPORT] or "")
    changes = folder.changes(texts, replace_edited=task.options["replace_edited"])
    if not task.check_mode:
        if any(change.changed for change in changes):
            folder.write(changes)
        folder.protect(changes)
        folder.keep_time()
    result = _result(task, found, folder, changes)
    refused = [item for item in found.unreadable if item.part not in task.options["allow_unreadable"]]
    if refused:
        raise _failure(task, refused, result)
    for item in found.unreadable:
        task.warn(task.redactor.text(f"{_about(item)} {item.message}"))
    if task.host.diff_mode:
        # Every line is safe by itself, and the lines of a difference stay lines.
        task.unmasked["diff"] = diffs(changes, folder.path, task.redactor.text)
    return result


def _check_connection(task: ExportTask) -> None:
    """Raises InputError for options that are wrong, and GuardError for those of two customers: neither is a part that cannot be
    read."""
    if task.options["scim_url"]:
        _scim = task.scim
    if task.has_provisioning or not task.options["scim_url"]:
        _provisioning = task.provisioning
    task.check_customer()


def _result(task: ExportTask, found: Found, folder: ExportFolder, changes: Sequence[FileChange]) -> dict[str, Any]:
    made = [change for change in changes if change.changed]
    summary = Counter(f"file_{change.action}" for change in made)
    summary["unchanged"] = sum(change.action == "unchanged" for change in changes)
    outcome = "planned" if task.check_mode else "done"
    return {
        "changed": bool(made),
        "path": folder.path,
        "summary": dict(summary),
        "results": [
            {"kind": "file", "name": change.name, "action": change.action, "outcome": outcome} for change in made
        ],
        "counts": {
            part: _count(content) for part, content in found.parts.items() if part in (USERS, GROUPS, ADMINISTRATORS)
        },
        "unreadable": [item.as_result() for item in found.unreadable],
        "left_out": [item.as_result() for item in found.left_out],
        "imported": None if found.imported is None else {kind: list(names) for kind, names in found.imported.items()},
        "secrets": [secret_variable(_instance(task), task.environment)] if found.parts.get(SSO) else [],
        **task.about_connection(),
    }


def _instance(task: ExportTask) -> str:
    return (task.options["instance"] or "").strip()


def _count(content: Any) -> int:
    return len(content) if isinstance(content, list) else sum(map(len, content.values()))


def _failure(task: ExportTask, refused: Sequence[Unreadable], result: Mapping[str, Any]) -> W365Error:
    parts = ",".join(dict.fromkeys(item.part for item in refused))
    said = " ".join(f"{_about(item)} {item.message}" for item in refused)
    rest = "in check mode nothing was written" if task.check_mode else "the rest was written"
    return ApplyError(
        f"Not everything of environment '{task.environment}' could be read; {rest}. {said} Fix the cause and rerun the task, or "
        f"accept it with allow_unreadable={parts}.",
        **result,
    )


def _about(item: Unreadable) -> str:
    what = f"{item.part}.{item.what}" if item.what else item.part
    return f"{what} could not be read:"


class _Reader:
    """Reads the parts of an environment one after the other, and keeps what cannot be read."""

    def __init__(self, task: ExportTask, folder: ExportFolder) -> None:
        self._task = task
        self._folder = folder
        self.service = "SCIM" if task.options["scim_url"] else PROVISIONING_API
        self._parts: dict[str, Any] = {}
        self._unreadable: list[Unreadable] = []
        self._left_out: list[Skipped] = []
        self._imported: dict[str, list[str]] = {USERS: [], GROUPS: []}
        self._down: dict[str, W365Error] = {}
        self._errors: list[W365Error] = []
        self._known = False
        """Whether the server has said that there is such an environment."""

    def read(self) -> Found:
        """Raises the first error when nothing could be read at all."""
        people = self._part(ADMINISTRATORS, PROVISIONING_API, self._people)
        if people is not None:
            self._parts[ADMINISTRATORS] = self._administrators(people)
        self._environment(people)
        self._part(SSO, PROVISIONING_API, self._sso)
        users = self._part(USERS, self.service, self._users)
        if users is None:
            self._unknown(GROUPS, "", "the users, who are their members, could not be read")
        else:
            self._part(GROUPS, self.service, lambda: self._groups(users))
        if not (self._known or {*self._parts} - {ENVIRONMENT}) and self._errors:
            raise self._errors[0]
        return Found(
            {part: self._parts[part] for part in PARTS if part in self._parts},
            sorted(self._unreadable, key=lambda item: (PARTS.index(item.part), item.what)),
            sorted(self._left_out, key=lambda item: (item.kind, *sort_key(item.name), item.reason)),
            {kind: sorted(names, key=sort_key) for kind, names in self._imported.items()}
            if self.service == "SCIM"
            else None,
            self.service,
        )

    def _part(self, part: str, service: str, read: Callable[[], Any]) -> Any:
        """What `read` returns, and None where it cannot be read."""
        try:
            if service == PROVISIONING_API and not self._task.has_provisioning:
                raise _UnknownError("instance_url and provisioning_key are not given")
            if service in self._down:
                raise self._down[service]
            return read()
        except ENDS_TASK:
            raise
        except W365Error as error:
            if isinstance(error, ENDS_SERVICE):
                self._down[service] = error
            self._errors.append(error)
            self._unknown(part, "", _reason(error), self._task.explained(error))
            return None

    def _unknown(self, part: str, what: str, reason: str, message: str = "") -> None:
        self._unreadable.append(Unreadable(part, what, reason, message or f"{reason}."))

    def _leave_out(self, kind: str, name: str, reason: str) -> None:
        self._left_out.append(Skipped(kind, name or "(without a name)", reason))

    # Environment and single sign-on

    def _environment(self, people: Sequence[User] | None) -> None:
        name = self._task.environment
        definition: dict[str, Any] = {"name": name}
        missing: list[str] = []
        active = self._part(ENVIRONMENT, PROVISIONING_API, self._active)
        if active is None:
            # Nothing says that there is such an environment, or that it has its state.
            self._unreadable[-1] = self._unreadable[-1]._replace(what="active")
            missing.append("active")
        else:
            definition["active"] = active
        administrator = first_administrator(people or ())
        if people is None or administrator is None:
            reason = (
                "the administrators could not be read"
                if people is None
                else "no administrator has a first and a last name"
            )
            self._unknown(ENVIRONMENT, "administrator", reason)
            missing.append("administrator")
        else:
            definition["administrator"] = administrator
        earlier = self._folder.texts.get(f"{ENVIRONMENT}.yml")
        if earlier is None or all(lacks(earlier, what) for what in missing):
            self._parts[ENVIRONMENT] = definition

    def _active(self) -> bool:
        name = self._task.environment
        found = [each for each in self._task.provisioning.environments() if each.name.lower() == name]
        if not found:
            from ..api.provisioning import unknown_environment  # start-up

            raise unknown_environment(name, self._task.provisioning.root)
        self._known = True
        if found[0].active is None:
            raise _UnknownError("the server does not say whether the environment is active")
        return found[0].active

    def _sso(self) -> None:
        values, readable = self._task.provisioning.setting(SSO_SETTING, self._task.environment)
        if not readable:
            raise _UnknownError("the server answers, and does not show authority and client id")
        if values and self._task.redactor.data(values.values) != dict(values.values):
            raise _UnknownError("its values hold a secret of this task")
        variable = secret_variable(_instance(self._task), self._task.environment)
        self._parts[SSO] = sso_definition(values.values if values else None, variable)

    # People

    def _people(self) -> Sequence[User]:
        people = self._task.administration.users_with_roles()
        if not people:
            raise _UnknownError(_NOBODY)
        if roles_problem(people):
            raise _UnknownError("the list of users shows no administrator, and every environment with users has one")
        return people

    def _administrators(self, people: Sequence[User]) -> dict[str, list[str]]:
        keys = active_administrators(people)
        names = {user.key: user.upn for user in reversed(people) if user.key in keys}
        return self._whole_set(names.values(), "administrator", "")

    def _whole_set(self, upns: Collection[str], kind: str, of: str) -> dict[str, list[str]]:
        """The option for a set of users. Where one of them cannot be named, it does not remove anybody."""
        good: list[str] = []
        for upn in sorted(set(upns), key=sort_key):
            try:
                self._refuse_odd({"upn": upn})
                good.append(checked_upn(upn))
            except InputError as error:
                self._leave_out(kind, f"{of} {upn}".strip(), f"cannot be named in a file. {error.message}")
        return {"set" if len(good) == len(set(upns)) else "add": good}

    def _users(self) -> Mapping[str, User]:
        """The users by their keys, and those that can be described as a part."""
        users = self._task.directory.list_users()
        if not users and self.service == PROVISIONING_API:
            raise _UnknownError(_NOBODY)
        if not users and has_users(self._folder.texts.get(f"{USERS}.yml")):
            raise _UnknownError(
                "the server lists nobody, and the earlier export has users. If that is right, remove users.yml and run the task again"
            )
        named = by_key(users)
        entries = []
        for user in users:
            if not user.upn or len(named[user.key]) > 1:
                self._leave_out("user", user.upn, "has no name" if not user.upn else "has the name of another user")
            elif self._is_imported(USERS, user.upn, user.external_id):
                continue
            elif entry := self._user(user):
                entries.append(entry)
        self._parts[USERS] = sorted(entries, key=lambda entry: sort_key(entry["upn"]))
        return {key: found[0] for key, found in named.items()}

    def _is_imported(self, kind: str, name: str, external_id: str | None) -> bool:
        """Whether an import from Microsoft Entra has brought it, and it is not to be written."""
        if not is_object_id((external_id or "").strip()):
            return False
        self._imported[kind].append(name)
        return bool(self._task.options["imported"] == "leave_out")

    def _user(self, user: User) -> dict[str, Any] | None:
        """The user in the form of w365_directory; None when it cannot be described."""
        values = {name: value_of(user, name) for name in USER_FIELDS if name not in ("upn", "administrator")}
        if USER_FIELDS["email"].normal(values["email"]) == user.key:
            # Which a new user gets by itself.
            del values["email"]
        # "present" restores a user, so only the other state has to be said.
        values["active"] = False if user.active is False else None
        given = {name: value for name, value in values.items() if value not in (None, "")}
        for name, field in USER_FIELDS.items():
            if field.needed and name != "upn" and name not in given:
                self._leave_out(
                    "user", user.upn, f"has no {field.label}, without which it can be changed and not created"
                )
        return self._checked("user", {"upn": user.upn}, given, lambda entry: user_from_options({**_USER, **entry}))

    def _checked(
        self, kind: str, name: Mapping[str, str], values: Mapping[str, Any], check: Callable[[dict[str, Any]], Any]
    ) -> dict[str, Any] | None:
        """The entry of a file with the values that can be read back. The others are left out, each with its reason."""
        (own,) = name.values()
        try:
            return self._read_back(name, values, check)
        except InputError:
            # Which of them cannot be read back?
            entry: dict[str, Any] | None = None
        try:
            entry = self._read_back(name, {}, check)
        except InputError as error:
            self._leave_out(kind, own, f"cannot be described in a file. {error.message}")
            return None
        for field, value in values.items():
            try:
                entry |= self._read_back(name, {field: value}, check)
            except InputError as error:
                self._leave_out(kind, own, f"has a {field} that cannot be described in a file. {error.message}")
        return entry

    def _read_back(
        self, name: Mapping[str, str], values: Mapping[str, Any], check: Callable[[dict[str, Any]], Any]
    ) -> dict[str, Any]:
        """The entry in the form in which it is read back. Raises InputError when it would be refused."""
        self._refuse_odd({**name, **values})
        fields = check({**name, **values}).fields
        return {**name, **{field: fields[field] for field in values}}

    def _refuse_odd(self, values: Mapping[str, Any]) -> None:
        for _place, code in half_characters(values):
            raise InputError(f"It holds {code}, which is half of a character.")
        if self._task.redactor.data(values) != values:
            raise InputError("It holds a secret of this task.")

    # Groups

    def _groups(self, users: Mapping[str, User]) -> None:
        groups = self._all_groups()
        named = by_key(groups)
        entries = []
        for group in groups:
            if not group.name or len(named[group.key]) > 1:
                self._leave_out(
                    "group", group.name, "has no name" if not group.name else "has the name of another group"
                )
            elif self._is_imported(GROUPS, group.name, group.external_id):
                continue
            elif entry := self._group(group, users):
                entries.append(entry)
        self._parts[GROUPS] = sorted(entries, key=lambda entry: sort_key(entry["name"]))

    def _all_groups(self) -> Sequence[Group]:
        directory = self._task.directory
        if isinstance(directory, ScimDirectory):
            return directory.list_groups(concurrency=self._task.workers)
        return directory.list_groups()

    def _group(self, group: Group, users: Mapping[str, User]) -> dict[str, Any] | None:
        values = {name: value for name in GROUP_FIELDS if name != "name" and (value := value_of(group, name))}
        entry = self._checked("group", {"name": group.name}, values, lambda one: group_from_options({**_GROUP, **one}))
        if entry is None:
            return None
        if group.members is None:
            self._leave_out("membership", group.name, "has members that the server does not show")
            return entry
        unknown = sum(key.startswith(UNRESOLVED) for key in group.members)
        if unknown:
            # A set of members leaves them where they are.
            self._leave_out("membership", group.name, f"has {unknown} members that are no users, or share a name")
        known = (key for key in group.members if not key.startswith(UNRESOLVED))
        names = [users[key].upn if key in users else key for key in known]
        entry["members"] = self._whole_set(names, "membership", group.name)
        return entry


class _UnknownError(W365Error):
    """What the server answers does not say what is asked for."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}.")
        self.reason = reason


_NOBODY = "the server lists nobody, and every environment with users has its first administrator"

_USER: Mapping[str, Any] = {
    **dict.fromkeys(user_spec()),
    "state": "present",
    "permanent": False,
    "update_password": "on_create",
}

_GROUP: Mapping[str, Any] = {**dict.fromkeys(group_spec()), "state": "present"}


def first_administrator(people: Sequence[User]) -> dict[str, str] | None:
    """Who is to be the first administrator where the environment has to be created: the first by name who can be."""
    keys = active_administrators(people)
    for user in sorted(people, key=lambda one: sort_key(one.upn)):
        names = {"first_name": user.first_name or "", "last_name": user.last_name or ""}
        if user.key in keys and all(name.strip() for name in names.values()):
            if list(half_characters(names)):
                continue
            try:
                return {"email": checked_upn(user.upn), **names}
            except InputError:
                continue
    return None


def _reason(error: W365Error) -> str:
    """Why a part cannot be read, in words that are the same in every run: those of servers hold times and numbers."""
    if isinstance(error, _UnknownError):
        return error.reason
    if isinstance(error, EndpointMissingError | RolesUnreadableError):
        return "this server does not have the endpoint, which the vendor has not documented"
    if isinstance(error, UnreliableAnswerError):
        return "the server answered with something that proves nothing"
    if isinstance(error, AnswerError):
        return f"the server answered HTTP {error.status}"
    if isinstance(error, AuthenticationError):
        return "the server refused the key or token"
    if isinstance(error, RateLimitError):
        return "the server throttled requests for too long"
    if isinstance(error, NoAnswerError):
        return "the server gave no answer"
    return "the answers of the server do not fit together"
