# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: w365_environments
short_description: The environments of Workspace 365 instances as hosts
version_added: 1.1.0
author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
description:
  - Makes a host of every environment of one or several Workspace 365 instances, so that one play runs for all customers.
  - The name of the file ends with C(w365.yml), C(w365.yaml), C(w365_environments.yml) or C(w365_environments.yaml).
  - "Each host has the variables C(w365_environment), C(w365_instance_url), C(w365_instance) (the name of the instance),
    C(w365_state) (V(active), V(inactive), V(unknown) or V(absent)) and C(w365_active) (V(true), V(false), or V(null) when the
    server does not say). No variable is secret."
  - All hosts are in the group C(w365_environments), which gives them the connection V(local) and Ansible's own Python.
  - Everything is read and checked before the first host is added. What cannot be read is an error, and never a smaller or
    an empty inventory.
  - A host that two inventory files make of different environments is an error too. None of the hosts of the second file is
    added then, and the host itself is taken out of the inventory.
notes:
  - When Ansible finds no plugin for a file, it only warns and runs no task. Set C(any_unparsed_is_failed=true) in the section
    C([inventory]) of C(ansible.cfg), so that such a run fails.
  - Variables in C(group_vars) and C(host_vars) beside the inventory are stored by AWX as they are. Encrypt secrets with
    Ansible Vault, or look them up.
requirements:
  - requests >= 2.31
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices:
      - workspace365.provisioning.w365_environments
  instance_url:
    description:
      - Address of the instance, such as V(https://workspace.contoso.com).
      - If not given, the environment variable E(W365_INSTANCE_URL) is used.
    type: str
  provisioning_key:
    description:
      - The provisioning key of the instance. A template, such as a lookup, and a value that is encrypted with Ansible Vault
        are possible. A key in plain text is used with a warning.
      - If not given, the environment variable E(W365_PROVISIONING_KEY) is used.
    type: str
  instances:
    description:
      - Several instances. The names of their hosts begin with the name of the instance and an underscore.
      - Each has the options of this plugin for a connection, and takes those that it does not have from the options beside
        O(instances).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: A name for the instance, of letters, digits, and C(_), C(-) and C(.).
        type: str
        required: true
      instance_url:
        description: Address of the instance.
        type: str
      provisioning_key:
        description: Its provisioning key.
        type: str
  list_environments:
    description:
      - Whether the instances are asked which environments they have. V(false) takes the environments from O(tenants) alone, for
        a server that cannot list them. Their state is unknown then.
    type: bool
    default: true
  tenants:
    description:
      - Files, or folders with files, that describe tenants. A relative path begins at the folder of the inventory file.
      - "Each file is a dictionary. A key is the name of an environment, and its value a dictionary that may have C(tags), a list
        of groups, C(vars), variables of the host, and C(instance), the name of its instance."
      - A variable that holds a secret of the collection is refused, since an inventory shows its variables.
    type: list
    elements: str
    default: []
  states:
    description:
      - The environments that become hosts, by their state. V(unknown) are those of which the server does not say whether
        they are active. V(absent) are those that O(tenants) names and the instance does not have, such as before they are
        created.
    type: list
    elements: str
    choices:
      - active
      - inactive
      - unknown
      - absent
    default:
      - active
      - unknown
  include:
    description:
      - Patterns of names, in which C(*) is any text. Only environments that match one become hosts. If not given, all do.
    type: list
    elements: str
    default: []
  exclude:
    description:
      - Patterns of names. Environments that match one are left out.
    type: list
    elements: str
    default: []
  allow_empty:
    description:
      - Whether an inventory without any environment is accepted. Otherwise it is an error, because a run for no host ends
        without an error.
    type: bool
    default: false
  validate_certs:
    description:
      - Whether the certificates of the servers are verified. They are by default.
      - If not given, the environment variable E(W365_VALIDATE_CERTS) is used.
    type: bool
  ca_path:
    description:
      - A file with the certificates of the authorities to trust, in PEM form. A relative path begins at the folder of the
        inventory file.
      - If not given, the environment variable E(W365_CA_PATH) is used.
    type: str
  client_cert:
    description:
      - A client certificate in PEM form, for servers or proxies that require one.
      - If not given, the environment variable E(W365_CLIENT_CERT) is used.
    type: str
  client_key:
    description:
      - The private key of O(client_cert), when it is in a file of its own.
      - If not given, the environment variable E(W365_CLIENT_KEY) is used.
    type: str
  timeout:
    description:
      - How many seconds a server may take to answer one request. 60 by default.
      - If not given, the environment variable E(W365_TIMEOUT) is used.
    type: int
  answer_timeout:
    description:
      - How many seconds one answer may take from its first byte to its last. 600 by default.
      - If not given, the environment variable E(W365_ANSWER_TIMEOUT) is used.
    type: int
  max_answer_size:
    description:
      - How large one answer may be after decompression, in megabytes. 64 by default.
      - If not given, the environment variable E(W365_MAX_ANSWER_SIZE) is used.
    type: int
  rate_limit_timeout:
    description:
      - How many seconds in total the plugin waits when a server throttles requests. 300 by default.
      - If not given, the environment variable E(W365_RATE_LIMIT_TIMEOUT) is used.
    type: int
  max_requests_per_second:
    description:
      - How many requests per second the plugin may send. There is no limit by default.
      - If not given, the environment variable E(W365_MAX_REQUESTS_PER_SECOND) is used.
    type: float
  endpoints:
    description:
      - Other paths for single endpoints, by their ids, as in the modules. The plugin calls C(environment.list).
    type: dict
"""

EXAMPLES = r"""
---
# fleet.w365.yml: all active environments of one instance. Address and key come from W365_INSTANCE_URL and
# W365_PROVISIONING_KEY, or as here.
plugin: workspace365.provisioning.w365_environments
instance_url: https://workspace.contoso.com
provisioning_key: "{{ lookup('ansible.builtin.env', 'CONTOSO_KEY') }}"
exclude:
  - demo*

# What the files say about single customers: groups, and variables for their plays.
tenants:
  - tenants

# Groups such as state_active and instance_eu.
keyed_groups:
  - key: w365_state
    prefix: state
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
    ENV_PREFIX,
    build_argument_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.paths import why_no_path
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.direct_host import (
    Setting,
    module_of,
    run_directly,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.execution import missing_libraries
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet import (
    NAME,
    Choice,
    FileTenant,
    Fleet,
    FleetError,
    Instance,
    fleet_of,
    hosts_of_others,
    sentence_about_hosts,
    tenants_of_file,
)

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19, which marks what may be a template
    trust_as_template = None

ENDINGS = ("w365.yml", "w365.yaml", "w365_environments.yml", "w365_environments.yaml")

GROUP = "w365_environments"

UNCLEAR = "w365_unclear_hosts"
"""A variable of the group: the hosts that two files make of different environments, with a sentence for each."""

GROUP_VARIABLES = {
    "ansible_connection": "local",
    # A host would otherwise use a Python that Ansible finds, without the libraries that the modules need.
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}

PATHS = tuple(option.name for option in CONNECTION_OPTIONS if option.type == "path")

CONNECTION = tuple(
    option.name
    for option in CONNECTION_OPTIONS
    if {"http", "provisioning"} & set(option.services) and option.name not in ("environment", "read_back_timeout")
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Lists the environments with the task of w365_environment_info, and adds a host for each."""

    NAME = "workspace365.provisioning.w365_environments"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        self._refuse_unknown_keys(config)
        self._warn_of_plain_keys(config, path)
        folder = os.path.dirname(os.path.abspath(path))
        try:
            instances = [self._instance(name, given, path, cache) for name, given in self._given_instances(folder)]
            tenants = list(self._tenants(folder))
            choice = Choice(*(self.get_option(name) for name in ("states", "include", "exclude")))
            fleet = fleet_of(instances, tenants, choice)
        except FleetError as error:
            raise AnsibleParserError(str(error)) from error
        for note in fleet.notes:
            self.display.warning(note)
        if not fleet.members and not self.get_option("allow_empty"):
            raise AnsibleParserError(
                "No environment became a host, so a run would do nothing and end without an error. Check states, include, "
                "exclude and tenants, or accept it with allow_empty: true."
            )
        self._refuse_hosts_of_others(fleet)
        # A group or variable that cannot be made would leave a part of the fleet, so all of it is made elsewhere first.
        self.inventory = InventoryData()
        self._add(fleet)
        self.inventory = inventory
        self._add(fleet)

    def _refuse_unknown_keys(self, config: Mapping[str, Any]) -> None:
        """Ansible overlooks them, and with a misspelled include every environment would be a host."""
        known = {"plugin", *self.option_definitions}
        for name in config:
            if name not in known:
                near = get_close_matches(str(name), sorted(known), n=1)
                hint = f"Did you mean {near[0]}?" if near else "ansible-doc -t inventory shows all options."
                raise AnsibleParserError(
                    f"The file has the key {str(name)!r}, which is no option of this plugin. {hint} Correct it or take it out."
                )

    def _refuse_hosts_of_others(self, fleet: Fleet) -> None:
        """Ansible only warns of the error and goes on with the other sources, whose host could get the host_vars of this one.

        So the host is nobody's. It is remembered, for further sources and because Ansible may parse this one a second time.
        """
        group = self.inventory.groups.get(GROUP)
        if not group:
            return
        before = group.vars.get(UNCLEAR) or {}
        named = {member.host.lower() for member in fleet.members}
        hosts = {name: host.vars for name, host in self.inventory.hosts.items()}
        found = hosts_of_others(fleet.members, hosts)
        for host in found:
            self.inventory.remove_host(self.inventory.hosts[host])
        unclear = {host: text for host, text in before.items() if host.lower() in named} | found
        if unclear:
            kept = {**before, **found}
            self.inventory.set_variable(GROUP, UNCLEAR, {_plain(host): _plain(text) for host, text in kept.items()})
            raise AnsibleParserError(sentence_about_hosts(unclear))

    # What is read

    def _given_instances(self, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name of each instance, and the options of the module for it."""
        shared = self._connection({name: self.get_option(name) for name in CONNECTION}, folder)
        several = self.get_option("instances")
        if not several:
            yield "", shared
            return
        names: set[str] = set()
        for given in several:
            name = _name_of_instance(given)
            if name.lower() in names:
                raise FleetError(f"Two entries of instances have the name {name!r}.")
            names.add(name.lower())
            own = self._connection({key: value for key, value in given.items() if key != "name"}, folder)
            for key in ("instance_url", "provisioning_key"):
                # Those of another instance would be used otherwise, also the ones in the environment of the process.
                if key not in own:
                    raise FleetError(f"Instance {name!r} has no {key}. Each instance needs its own.")
            yield name, {**shared, **own}

    def _connection(self, given: Mapping[str, Any], folder: str) -> dict[str, Any]:
        """Options that are given, with templates applied. What is blank counts as not given."""
        options = {name: self.templar.template(value) for name, value in given.items()}
        options = {name: value for name, value in options.items() if value is not None and str(value).strip()}
        for name in PATHS:
            if name in options:
                options[name] = _place(name, options[name], folder)
        return options

    def _instance(self, name: str, given: Mapping[str, Any], path: str, cache: bool) -> Instance:
        environ = {
            variable: value
            for variable, value in os.environ.items()
            if variable.startswith(ENV_PREFIX) and variable[len(ENV_PREFIX) :].lower() in CONNECTION and value.strip()
        }
        url, key = (
            str(given.get(option) or environ.get(f"{ENV_PREFIX}{option.upper()}", "")).strip()
            for option in ("instance_url", "provisioning_key")
        )
        if not url:
            raise FleetError("instance_url is not given. Give the address of the instance, or instances for several.")
        if not self.get_option("list_environments"):
            return Instance(name, url, None)
        # A cache may be a file that others can read: it holds a digest of the key, and names.
        entry = f"{self.get_cache_key(path)}_{sha256(repr([url, key]).encode()).hexdigest()}"
        kept = bool(self.get_option("cache"))
        if kept and cache and entry in self._cache:
            return Instance(name, url, dict(self._cache[entry]))
        listed = self._list(given, environ, f"instance {name}" if name else url)
        if kept:
            self._cache[entry] = listed
        return Instance(name, url, listed)

    def _list(self, given: Mapping[str, Any], environ: Mapping[str, str], where: str) -> dict[str, bool | None]:
        missing = missing_libraries()
        if missing:
            raise FleetError(f"The environments of {where} cannot be listed: {missing}.")
        module = module_of("w365_environment_info")
        setting = Setting("w365_environments", True, False, environ, self.display.vvv, lambda text: None)
        result = run_directly(module, build_argument_spec(module.ARGUMENT_SPEC), given, setting)
        if result.get("failed"):
            raise FleetError(f"The environments of {where} could not be listed: {result['msg']}")
        if not result["readable"]:
            raise FleetError(
                f"The environments of {where} could not be listed, because the server does not have the endpoint. An inventory "
                "without them would look as if there were none. Give its path in endpoints as environment.list, or name the "
                "environments in tenants, with list_environments: false."
            )
        for warning in result.get("warnings") or ():
            self.display.warning(warning)
        return {str(each["name"]): each["active"] for each in result["environments"]}

    def _tenants(self, folder: str) -> Iterator[FileTenant]:
        for given in self.templar.template(self.get_option("tenants")):
            place = _place("tenants", given, folder)
            files = [place]
            if os.path.isdir(place):
                names = sorted(name for name in os.listdir(place) if name.endswith((".yml", ".yaml", ".json")))
                files = [os.path.join(place, name) for name in names if not name.startswith(".")]
                if not files:
                    raise FleetError(
                        f"tenants names the folder {place}, which has no file that ends with .yml, .yaml or .json."
                    )
            for file in files:
                yield from tenants_of_file(self._read(file), file)

    def _read(self, file: str) -> Any:
        more = {"trusted_as_template": True} if trust_as_template else {}
        try:
            return self.loader.load_from_file(file, cache="none", **more)
        except AnsibleError as error:
            raise FleetError(f"The file of tenants {file} cannot be read: {error}") from error

    def _warn_of_plain_keys(self, config: Mapping[str, Any], path: str) -> None:
        with open(path, "rb") as file:
            if file.read(14) == b"$ANSIBLE_VAULT":
                return
        for given in (config, *(config.get("instances") or ())):
            key = given.get("provisioning_key") if isinstance(given, Mapping) else None
            # An encrypted value is no text, in any version of ansible-core.
            if isinstance(key, str) and key.strip() and "{{" not in key:
                self.display.warning(
                    f"{path} has a provisioning_key in plain text. It gives access to every environment of the instance: encrypt it "
                    "with Ansible Vault, look it up, or use the environment variable W365_PROVISIONING_KEY."
                )
                return

    # What is added

    def _add(self, fleet: Fleet) -> None:
        self.inventory.add_group(GROUP)
        for name, value in GROUP_VARIABLES.items():
            self.inventory.set_variable(GROUP, name, _plain(value, template=True))
        for member in fleet.members:
            host = self.inventory.add_host(_plain(member.host), group=GROUP)
            for name, value in member.variables.items():
                self.inventory.set_variable(host, name, _plain(value))
            for tag in member.tags:
                self.inventory.add_host(host, group=self.inventory.add_group(self._sanitize_group_name(tag)))
            strict = self.get_option("strict")
            self._set_composite_vars(self.get_option("compose"), member.variables, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), member.variables, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), member.variables, host, strict=strict)


def _place(option: str, path: Any, folder: str) -> str:
    """A path of the inventory file, which may begin in its folder."""
    if reason := why_no_path(str(path)):
        raise FleetError(f"{option} {reason}.")
    return os.path.join(folder, os.path.expanduser(str(path)))


def _name_of_instance(given: Any) -> str:
    if not isinstance(given, Mapping):
        raise FleetError(
            "An entry of instances is no dictionary. Each has a name, an instance_url and a provisioning_key."
        )
    unknown = sorted(set(map(str, given)) - {"name", *CONNECTION})
    if unknown:
        raise FleetError(
            f"An entry of instances has the key {unknown[0]!r}. It may have name, {', '.join(CONNECTION)}."
        )
    name = str(given.get("name") or "").strip()
    if not NAME.fullmatch(name):
        raise FleetError(
            f"An entry of instances has the name {name!r}. It needs one of letters, digits, '_', '-' and '.'."
        )
    return name


def _plain(value: Any, *, template: bool = False) -> Any:
    """A text as ansible-inventory shows it and AWX stores it. One that could be a template is only one if it is our own."""
    if trust_as_template and isinstance(value, str) and (template or not {"{", "}"} & set(value)):
        return trust_as_template(value)
    return value
