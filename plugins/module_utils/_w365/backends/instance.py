# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environments of an instance, and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import AlreadyExistsError, AnswerError, EndpointMissingError, InputError, ValidationError, W365Error
from ..execution.results import GONE, ActionResult, Answered
from ..model.environment import Environment, sanitized_environment_name
from ..model.settings import Setting, SettingValues
from ..planning.actions import Action
from ..planning.environment_actions import InstanceHandlers
from .create_once import Origin, adopted, create_once

if TYPE_CHECKING:
    from ..api.instance import InstanceClient


class Instance:
    """The environments of an instance, and their settings."""

    def __init__(self, client: InstanceClient) -> None:
        self._client = client
        self._names: dict[str, str] = {}
        self._validated = False

    @property
    def handlers(self) -> InstanceHandlers:
        return self

    def list_environments(self) -> list[Environment] | None:
        """All environments; None when the server's list cannot be read."""
        try:
            return self._client.environments()
        except (AnswerError, InputError):
            return None

    def find_environment(
        self, name: str, administrator: Mapping[str, str] | None, *, empty: bool = False
    ) -> Environment | None:
        """The environment that has this name, or the name that the server makes of it.

        Where the list cannot be read, Validate is asked whether the name is taken. Raises AnswerError when the server
        answers neither, or objects to something else; with `empty` it may miss the first administrator.
        """
        listed = self.list_environments()
        if listed is not None:
            names = (name.lower(), sanitized_environment_name(name))
            return next((found for wanted in names for found in listed if found.name.lower() == wanted), None)
        try:
            answered = self.validate_environment(name, administrator)
        except AlreadyExistsError:
            return Environment(sanitized_environment_name(name))
        except ValidationError:
            if not empty:
                raise
            return None
        if not answered:
            raise W365Error(
                f"This server shows neither a list of environments nor whether {name!r} could be created, so it is unknown "
                "whether it exists. Check instance_url, or give the endpoints' paths in option endpoints."
            )
        return None

    def validate_environment(self, name: str, administrator: Mapping[str, str] | None) -> bool:
        """Ask once whether the environment could be created. Raises with the server's reason when it could not.

        False when the server has no usable answer: what it says to this call is not documented (payload A).
        """
        if not self._validated:
            try:
                self._client.validate_environment(name, administrator)
            except (AlreadyExistsError, ValidationError) as error:
                raise _with_way_out(error, administrator).while_doing(f"create environment '{name}'") from None
            except AnswerError:
                return False
            self._validated = True
        return True

    def create_environment(self, action: Action) -> Environment | Answered:
        administrator = action.extras.get("administrator")

        def create() -> Environment:
            return Environment(self._client.create_environment(action.name, administrator), True)

        created, origin = create_once(create, lambda: self._find_created(action.name, administrator))
        self._names[action.outcome.name] = created.name
        if origin is not Origin.EXISTED:
            return created
        return Answered(created, performed=adopted(action, action.type, created, {}, {}))

    def _find_created(self, name: str, administrator: Mapping[str, str] | None) -> Environment | None:
        """None also when the server does not show it: it then refuses a second create of the same name."""
        # The answer of Validate from before the create is out of date.
        self._validated = False
        try:
            return self.find_environment(name, administrator, empty=administrator is None)
        except W365Error:
            return None

    def activate_environment(self, action: Action) -> Environment:
        return self._switch(action, "environment.activate")

    def deactivate_environment(self, action: Action) -> Environment:
        return self._switch(action, "environment.deactivate")

    def delete_environment(self, action: Action) -> None:
        self._client.call("environment.delete", environment=action.name)

    def _switch(self, action: Action, endpoint_id: str) -> Environment:
        name = self._names.get(action.name, action.name)
        self._client.call(endpoint_id, environment=name)
        return Environment(name, bool(action.changes["active"]))

    def read_again(self, items: Sequence[ActionResult]) -> list[Any]:
        """The object of each result as the server has it now: GONE, or None where it cannot be read."""
        return [self._read_again(item.done) for item in items]

    def _read_again(self, action: Action) -> Any:
        wanted = action.outcome
        try:
            if isinstance(wanted, SettingValues):
                values, readable = self.find_setting(wanted.setting, action.name)
                return (values or SettingValues(wanted.setting, {})) if readable else None
            listed = self.list_environments()
            name = self._names.get(action.name, action.name).lower()
            return None if listed is None else next((found for found in listed if found.name.lower() == name), GONE)
        except W365Error:
            return None

    def find_setting(self, setting: Setting, environment: str) -> tuple[SettingValues | None, bool]:
        """What a setting of an environment holds, and whether the server can show it."""
        try:
            return self._client.setting(setting, environment)
        except EndpointMissingError:
            return None, False

    def find_fields(self, setting: Setting, environment: str) -> Mapping[str, str | None] | None:
        """The fields of a setting that the server shows, which may be a part of them; None where it cannot show it."""
        try:
            return self._client.setting_fields(setting, environment)
        except EndpointMissingError:
            return None

    def write_setting(self, action: Action) -> SettingValues:
        values: SettingValues = action.outcome
        secret = values.setting.secret
        self._client.write_setting(action.name, values, action.extras[secret.name] if secret else None)
        return values


def _with_way_out(
    error: AlreadyExistsError | ValidationError, administrator: Mapping[str, str] | None
) -> AlreadyExistsError | ValidationError:
    """The same, with advice when Validate asks for a password, which a creation does not need (contract: Environment)."""
    words = error.server_message.casefold()
    if (administrator or {}).get("Password") or not any(word in words for word in ("password", "wachtwoord")):
        return error
    return type(error)(
        error.server_message,
        status=error.status,
        method=error.method,
        path=error.path,
        advice="The server makes a temporary password when none is given; only Validate asks for one. Give validate: false to "
        "create the environment without asking, or give administrator.password.",
    )
