# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class of every action plugin: what happens on the controller before and while a module of the collection runs.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    ENV_PREFIX,
    build_argument_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.paths import (
    paths_given,
    paths_of_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.addresses import server_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import (
    ActionBase,
    AnsibleActionFail,
    AnsibleError,
    Display,
    boolean,
    configured,
    run_directory,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import address_of, owner_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.direct_host import (
    Setting,
    module_of,
    run_directly,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.execution import (
    AUTO,
    DIRECT,
    ENVIRONMENT_VARIABLE,
    PROCESS,
    VARIABLE,
    missing_libraries,
    other_python,
    unsafe_system,
    wanted_execution,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.paths import resolve_paths
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.preloading import preload
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import refusal_of_role
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_defaults import add_defaults_of_play
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.texts import refuse_values_without_text

display = Display()

OF_ONE_CUSTOMER = ("environment", "scim_url", "scim_token", "entra_tenant")
"""The connection options that differ from customer to customer."""

OF_ONE_FILE = {"report_file": "report", "plan_file": "plan", "state_file": "state"}
"""The options that name files about one customer, and what is in them."""

ALLOW_SHARED = "w365_shared_environment_variables"


class ModuleAction(ActionBase):
    """Runs the task of the module that has the same name as the file of the action plugin, here or in a module process.

    An action plugin is a subclass without any code in a file of its own, so that Ansible loads it, and all that it
    imports, before it forks the process that runs the task.
    """

    _supports_check_mode = True
    _supports_async = True

    module: ClassVar[ModuleType]
    """The file of plugins/modules."""

    path_options: ClassVar[Mapping[str, str]]
    """The options of the module that are paths, as `inputs.paths.paths_of_spec` returns them."""

    argument_spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    """All options of the module, as Ansible wants them."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.module = module_of(cls.__module__.rpartition(".")[2])
        cls.argument_spec = build_argument_spec(cls.module.ARGUMENT_SPEC)
        cls.path_options = paths_of_spec(cls.argument_spec)
        if os.environ.get(ENVIRONMENT_VARIABLE, "").strip().lower() != PROCESS:
            preload(cls.module)

    known_defaults: dict[str, Any] | None = None
    """What the `module_defaults` of the play are, for an action that runs several modules with the same variables."""

    known_python: dict[str, str] | None = None
    """For such an action: `found`, which other Python than that of Ansible its modules would need, once it is known."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task once: for a loop Ansible calls this for each item, and for `until` for each attempt."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        refusal = refusal_of_role(self._task, variables, self._templar)
        if refusal:
            return {**result, "failed": True, "msg": refusal}
        arguments = self._prepared(self._as_written())
        environment = self.environment_variables()
        self._refuse_shared_values(arguments, environment, variables)
        self._refuse_shown_secret(arguments)
        self._refuse_shared_files(arguments, environment, variables)
        if self._runs_directly(environment, variables):
            result.update(self._run_here(arguments, environment, variables))
        else:
            result.update(self._run_module(arguments, task_vars))
        return result

    def _as_written(self) -> dict[str, Any]:
        """The task's arguments: templates and `module_defaults` are applied, and nothing is converted yet.

        A copy, because more arguments are added to them, and the same task may run again. On ansible-core 2.19 and
        later the copy keeps the tags that say where they were written.
        """
        arguments: dict[str, Any] = self._task.args.copy()
        add_defaults_of_play(arguments, self._task, self._templar, self.known_defaults)
        return arguments

    def _prepared(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the module is to get them. Anything that needs them as they were written belongs here."""
        refuse_values_without_text(arguments, self.argument_spec)
        if self._is_local():
            resolve_paths(arguments, self.path_options, self._loader.get_basedir(), self._looked_up)
        return arguments

    def environment_variables(self) -> dict[str, str]:
        """The environment variables that the task is given by `environment`, of the play, of blocks and its own."""
        written: dict[str, Any] = {}
        self._compute_environment_string(written)
        return {str(name): str(value) for name, value in written.items()}

    def _runs_directly(self, environment: Mapping[str, str], variables: Mapping[str, Any]) -> bool:
        """Whether the task runs in this process. Raises AnsibleActionFail when it has to and cannot."""
        chosen = self._templar.template(variables.get(VARIABLE))
        wanted = wanted_execution(chosen, {**os.environ, **environment} if environment else os.environ)
        obstacle = f"{VARIABLE} is {PROCESS}" if wanted == PROCESS else self._obstacle(environment, variables)
        if wanted == DIRECT and obstacle:
            raise AnsibleActionFail(
                f"{VARIABLE} is {DIRECT}, and this task needs a module process: {obstacle}. Nothing was written. "
                f"Change that, or set {VARIABLE} to {AUTO}."
            )
        obstacle = obstacle or (unsafe_system() if wanted == AUTO else "")
        how = f"in a module process: {obstacle}" if obstacle else "in the process of Ansible"
        display.vv(f"{self._task.action} runs {how}", host=variables.get("inventory_hostname"))
        return not obstacle

    def _obstacle(self, environment: Mapping[str, str], variables: Mapping[str, Any]) -> str:
        """What keeps the task from running in this process, or an empty text."""
        if not self._is_local():
            return f"the connection is {self._connection.transport}"
        if self._play_context.become:
            return "it becomes another user"
        if self._task.async_val:
            return "it is asynchronous"
        foreign = sorted(name for name in environment if not name.startswith("W365_"))
        if foreign:
            return f"it has the environment variable {foreign[0]}"
        known = {} if self.known_python is None else self.known_python
        if "found" not in known:
            host = (variables.get("ansible_delegated_vars") or {}).get(self._task.delegate_to) or variables
            known["found"] = other_python(host, self._templar.template)
        python = known["found"]
        return f"its Python is {python}" if python else missing_libraries()

    def _run_here(
        self, arguments: Mapping[str, Any], environment: Mapping[str, str], variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        setting = Setting(
            name=self._task.action,
            check_mode=bool(self._task.check_mode),
            diff_mode=bool(self._task.diff),
            environ={**os.environ, **environment} if environment else os.environ,
            show=lambda line: display.display(line, stderr=True),
            decrypt=self._decrypted,
        )
        result = run_directly(self.module, self.argument_spec, arguments, setting)
        if configured("INJECT_INVOCATION", variables) is False:
            del result["invocation"]
        return result

    def _decrypted(self, text: str) -> str | None:
        """What Ansible Vault has encrypted; None when no vault password fits. Ansible itself decrypts files only."""
        handle, path = tempfile.mkstemp(prefix="w365_vault_")
        try:
            with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
                file.write(text.strip() + "\n")
            plain = self._loader.get_real_file(path, decrypt=True)
            try:
                with open(plain, encoding="utf-8") as file:
                    return file.read()
            finally:
                self._loader.cleanup_tmp_file(plain)
        except (AnsibleError, UnicodeDecodeError):
            return None
        finally:
            os.unlink(path)

    def _looked_up(self, path: str) -> str | None:
        """Where Ansible finds a file that comes with a role or a playbook, such as in its folder `files`; None for nowhere."""
        try:
            return str(self._find_needle("files", path))
        except AnsibleError:
            return None

    def _refuse_shared_values(
        self, arguments: Mapping[str, Any], written: Mapping[str, str], task_vars: Mapping[str, Any]
    ) -> None:
        """Refuse values of one customer from the environment of the process in a task of several hosts.

        Every host without values of its own would use them, and so write into the environment of another customer.
        """
        hosts = task_vars.get("ansible_play_hosts_all") or ()
        if len(hosts) < 2 or self._task.run_once or not self._is_local():
            return
        if boolean(self._templar.template(task_vars.get(ALLOW_SHARED, False)), strict=False):
            return
        given = set(arguments)
        if "name" in given and type(self).__module__.endswith(".w365_environment"):
            # Only there it is another name of the option.
            given.add("environment")
        names = [f"W365_{name.upper()}" for name in OF_ONE_CUSTOMER if name not in given]
        shared = [name for name in names if name not in written and os.environ.get(name, "").strip()]
        if shared:
            raise AnsibleActionFail(
                f"This play has {len(hosts)} hosts, and {', '.join(shared)} in the environment of Ansible would give all of them "
                "the values of one customer. Nothing was written. Give each host its own values, in the task or in "
                f"module_defaults (an empty text for none), or set the variable {ALLOW_SHARED}=true if all hosts are for the same customer."
            )

    def _refuse_shared_files(
        self, arguments: Mapping[str, Any], written: Mapping[str, str], task_vars: Mapping[str, Any]
    ) -> None:
        """Refuse a file that this run writes for another customer too: the last one would replace those before.

        Hosts, and the items of a loop in one host. A task that does not name an environment may be for the one of before.
        """
        places = dict(self._files_of_one_customer(arguments)) if self._is_local() else {}
        if not places:
            return
        environ = {**os.environ, **written}

        def value(option: str) -> str:
            # An empty text is a value: there is none.
            given = arguments.get(option)
            return str(environ.get(f"{ENV_PREFIX}{option.upper()}", "") if given is None else given)

        owners = {
            "host": str(task_vars.get("inventory_hostname")),
            "environment": sanitized_environment_name(value("environment")),
            "server": server_of(value("instance_url")),
            "SCIM service": address_of(value("scim_url")),
        }
        for (option, path), place in places.items():
            for kind, name in owners.items():
                other = name and owner_of(run_directory(), f"{kind.replace(' ', '_')}_{option}", place, name, name)
                if other:
                    each, example = ("host", "inventory_hostname") if kind == "host" else ("customer", "item")
                    raise AnsibleActionFail(
                        f"Option {option}: {path!r} is also the {OF_ONE_FILE[option]} of {kind} {other} in this run. Nothing was written. "
                        f"Give each {each} its own file, such as one with {{{{ {example} }}}} in its name."
                    )

    def _files_of_one_customer(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
        spec = {name: option for name, option in self.argument_spec.items() if name in OF_ONE_FILE}
        for option, path in paths_given(spec, arguments):
            yield (option, path), os.path.realpath(os.path.expanduser(os.path.expandvars(path)))

    def _refuse_shown_secret(self, arguments: Mapping[str, Any]) -> None:
        """Refuse to return a secret to a task whose result Ansible prints."""
        asked = "return_secret" in self.argument_spec and boolean(arguments.get("return_secret") or False, strict=False)
        if asked and not self._task.no_log:
            raise AnsibleActionFail(
                "return_secret=true returns a client secret, which Ansible would print. Nothing was written. Give the task no_log: true, "
                "and every task that uses the result."
            )
        if asked and self._task.async_val:
            raise AnsibleActionFail(
                "return_secret=true returns a client secret, and an asynchronous task keeps its result in a file. Nothing was written. "
                "Leave out async."
            )

    def _run_module(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module in a process of its own on the task's host, and return its result.

        An asynchronous task returns as soon as that process has started, with the result that `async_status` needs.
        """
        in_background = self._runs_in_background()
        result: dict[str, Any] = self._execute_module(
            module_args=arguments, task_vars=task_vars, wrap_async=in_background
        )
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _is_local(self) -> bool:
        """Whether the module runs on the controller, and so in the folder of the playbook: ansible-core asks the same."""
        return bool(self._connection.transport == "local")

    def _runs_in_background(self) -> bool:
        """Whether the task is asynchronous and Ansible has to wrap its module, as it does for its own modules."""
        # From 2.21 on, ansible-core calls the attribute obsolete, so a connection may come without it.
        return bool(self._task.async_val) and not getattr(self._connection, "has_native_async", False)
