# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a task, and the clients of its services."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..api.endpoint import Endpoint
from ..api.workspace_endpoints import ROWS
from ..errors import MissingLibraryError
from ..inputs.argument_spec import connection_option_names
from ..inputs.connection import http_settings_from_options, required_option
from ..model.names import checked_environment_name
from ..model.terminal import one_line
from ..transport.http import REQUESTS_IMPORT_ERROR, Http, new_session, user_in
from ..transport.redaction import SHORTEST_SECRET, Redactor
from ..transport.throttle import Throttle

if TYPE_CHECKING:
    from ..api.provisioning import ProvisioningClient
    from ..api.scim import ScimClient
    from ..backends.provisioning_users import ProvisioningUsers
    from ..backends.scim_users import ScimUsers
    from .host import Host, ProgressReceiver

Client = TypeVar("Client", bound="ProvisioningClient")
Scim = TypeVar("Scim", bound="ScimUsers")

Users: TypeAlias = "ScimUsers | ProvisioningUsers"
"""The users and administrators of an environment, as objects of the model."""

ADDRESSES = ("instance_url", "scim_url", "graph_url", "entra_authority", "authority")
"""Options whose URL must not hold a user name or a password."""

WAIT_WORTH_REPORTING = 5.0
"""Seconds of waiting that are reported with a warning."""


class Connections:
    """The options of a task and the clients of its services. A connection opens when it is first used."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.options = host.options
        self.redactor = Redactor(host.secrets)
        self.progress: ProgressReceiver | None = None
        self._waiting_reported = False
        # They are refused, and the task's arguments are shown at -vvv.
        users = {user_in(value) for name in ADDRESSES if isinstance(value := self.options.get(name), str)}
        self.add_secrets({part for user in users for part in (user, user.partition(":")[2])})

    @staticmethod
    def shown(options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options as they may be shown. Ansible masks those that are secret in the argument spec."""
        return options

    def add_secrets(self, values: Iterable[str]) -> None:
        """Mask these too, also in the task's own arguments that Ansible shows at -vvv."""
        known = {value for value in values if len(value) >= SHORTEST_SECRET}
        self.host.add_secrets(known)
        for value in known:
            self.redactor.add(value)

    def required_option(self, name: str, purpose: str) -> str:
        """A connection option that is needed. Raises InputError that names its environment variable too."""
        return required_option(self.options, name, purpose)

    def warn(self, message: str) -> None:
        self.host.warn(one_line(message))

    @property
    def workers(self) -> int:
        """How many requests a task has in progress at the same time, at the most. A BulkTask has several."""
        return 1

    @property
    def throttle(self) -> type[Throttle]:
        return Throttle

    @cached_property
    def http(self) -> Http:
        """Raises MissingLibraryError without requests, and InputError for invalid options."""
        if REQUESTS_IMPORT_ERROR is not None:
            raise MissingLibraryError(
                "The Python library 'requests' is needed and is not installed for the Python that runs this module "
                f"({REQUESTS_IMPORT_ERROR}). Install it there, or set ansible_python_interpreter to "
                '"{{ ansible_playbook_python }}" so that the module runs in the Python that runs Ansible.'
            )
        settings = http_settings_from_options(self.options)._replace(connections=self.workers)
        return Http(
            settings,
            self.redactor,
            on_wait=self._on_wait,
            on_answer=self.progress.answered if self.progress else None,
            session=self.host.store.get(("session", *self._identity), lambda: new_session(settings)),
            stop=self.host.stop,
            throttle=self.throttle,
        )

    @property
    def _identity(self) -> tuple[str, ...]:
        """Everything that must be equal for two tasks to share a session: addresses, credentials, TLS settings, its size."""
        values = [str(self.workers), *(repr(self.options.get(name)) for name in connection_option_names())]
        return (hashlib.sha256("\n".join(values).encode("utf-8", "surrogatepass")).hexdigest(),)

    def _on_wait(self, seconds: float, reason: str) -> None:
        self.host.debug(f"waiting {seconds:.1f} s: {reason}")
        if self.progress:
            self.progress.waiting(seconds, reason)
        if seconds >= WAIT_WORTH_REPORTING and not self._waiting_reported:
            self._waiting_reported = True
            self.warn(
                f"Waited {seconds:.0f} seconds or more because of {reason}. Option max_requests_per_second can keep the rate below the server's limit."
            )

    @cached_property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """By their ids, with the paths that the user gave instead. A task without Microsoft Graph needs none of its endpoints."""
        if not self.options["endpoints"]:
            return {endpoint.id: endpoint for endpoint in ROWS}
        from ..api.endpoints import endpoints_with  # start-up

        return endpoints_with(self.options["endpoints"])

    @cached_property
    def provisioning(self) -> ProvisioningClient:
        from ..api.provisioning import ProvisioningClient  # start-up

        return self._provisioning(ProvisioningClient)

    def _provisioning(self, kind: type[Client]) -> Client:
        return kind(
            self.http,
            instance_url=self.required_option("instance_url", "for the Provisioning API"),
            key=self.required_option("provisioning_key", "for the Provisioning API"),
            endpoints=self.endpoints,
        )

    @property
    def has_provisioning(self) -> bool:
        return bool(self.options["instance_url"] and self.options["provisioning_key"])

    @cached_property
    def scim(self) -> ScimClient:
        from ..api.scim import ScimClient  # start-up

        return ScimClient(
            self.http,
            url=self.required_option("scim_url", "for SCIM"),
            token=self.required_option("scim_token", "with scim_url"),
            endpoints=self.endpoints,
        )

    @property
    def environment(self) -> str:
        """The environment's name as the server knows it: lower case."""
        name = self.required_option("environment", "to know which environment is meant")
        return checked_environment_name(name).lower()

    @cached_property
    def directory(self) -> Users:
        """The users: through SCIM when scim_url is given, otherwise through the Provisioning API. A GroupTask has groups."""
        if not self.options["scim_url"]:
            return self.administration
        from ..backends.scim_users import ScimUsers  # start-up

        return self._through_scim(ScimUsers)

    def _through_scim(self, kind: type[Scim]) -> Scim:
        administration = self.administration if self.has_provisioning and self.options["environment"] else None
        return kind(self.scim, administration, self.host.store.get(("names", *self._identity), dict[str, Any]))

    @cached_property
    def administration(self) -> ProvisioningUsers:
        """The environment through the Provisioning API, the only one that has administrators."""
        from ..backends.provisioning_users import ProvisioningUsers  # start-up

        return ProvisioningUsers(self.provisioning, self.environment)

    @property
    def where(self) -> str:
        """Ends the sentences of errors."""
        name = self.options["environment"]
        return f"in environment '{name.lower()}'" if name else "in this environment"
