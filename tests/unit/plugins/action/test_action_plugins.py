# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module has an action plugin, and what that makes of a task's arguments before the module runs."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.paths import paths_of_spec
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.module_action import (
    OF_ONE_FILE,
    ModuleAction,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.paths import resolve_paths
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.texts import refuse_values_without_text

PLUGINS = Path(__file__).parents[4] / "plugins"
PACKAGE = "ansible_collections.workspace365.provisioning.plugins"
PLAYBOOKS = "/srv/contoso"

CONNECTION_PATHS = dict.fromkeys(
    ("ca_path", "client_cert", "client_key", "entra_certificate_path", "entra_federated_token_file"), "path"
)
OWN_PATHS: dict[str, dict[str, str]] = {
    "w365_import_app": {"certificate_path": "path"},
    "w365_import_app_info": {"certificate_path": "path"},
    "w365_directory": {
        "src": "list",
        "plan_file": "path",
        "apply_plan": "path",
        "progress_file": "path",
        "report_file": "list",
    },
    "w365_export": {"dest": "path"},
    "w365_o365_import": {"state_file": "path", "progress_file": "path", "report_file": "list"},
}


def names(folder: str) -> list[str]:
    return sorted(path.stem for path in (PLUGINS / folder).glob("*.py") if path.stem != "__init__")


MODULES = [name for name in names("modules") if name.startswith("w365_")]
OF_ROLES = ("offboard_steps", "tenant_audit", "tenant_steps")
"""The action plugins that belong to a role or to a playbook. Their modules are documentation only."""


def test_every_module_has_an_action_plugin_and_every_action_plugin_a_module() -> None:
    assert sorted({*MODULES, *OF_ROLES}) == names("action")
    assert names("action") == names("modules")


def action_class(module: str) -> type[ModuleAction]:
    found: type[ModuleAction] = import_module(f"{PACKAGE}.action.{module}").ActionModule
    return found


@pytest.mark.parametrize("module", MODULES)
def test_an_action_plugin(module: str) -> None:
    """It is the shared class and nothing else, and knows which options of its own module are paths."""
    found = action_class(module)
    assert found.__bases__ == (ModuleAction,)
    assert found._supports_async is True, "existing asynchronous tasks would fail"
    assert found._supports_check_mode is True
    assert found.path_options == CONNECTION_PATHS | OWN_PATHS.get(module, {})
    source = ast.parse((PLUGINS / "action" / f"{module}.py").read_text(encoding="utf-8"))
    assert module in (ast.get_docstring(source) or "")
    written = next(node for node in source.body if isinstance(node, ast.ClassDef))
    assert [type(node) for node in written.body] == [ast.Expr], "only a docstring"


def path_suboptions(options: dict[str, Any]) -> list[str]:
    found = []
    for name, option in options.items():
        below = option.get("options") or {}
        found += [f"{name}.{inner}" for inner in paths_of_spec(below)] + path_suboptions(below)
    return found


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/srv/a\0b.csv", "a null character after '/srv/a'"),
        ("\0-----BEGIN", "a null character at its beginning"),
        ("/srv/people\ud83d.csv", "half of a character after '/srv/people'"),
        ("a" * 900 + "\0", f"a null character after '{'a' * 60}'"),
    ],
)
@pytest.mark.parametrize("module", MODULES)
def test_no_option_takes_what_no_path_can_hold(module: str, path: str, reason: str) -> None:
    """Python raises ValueError for it: for the module, an unexpected error."""
    found = action_class(module)
    for option, kind in found.path_options.items():
        forms: list[Any] = [path, ["/srv/a.csv", path]] if kind == "list" else [path]
        for given in forms:
            with pytest.raises(AnsibleActionFail) as refused:
                refuse_values_without_text({option: given}, found.argument_spec)
            assert str(refused.value) == (
                f"Option {option} holds {reason}, which no path can. Give the path as it is on disk. Nothing was written."
            )


def test_paths_of_any_other_form_are_taken() -> None:
    spec = action_class("w365_directory").argument_spec
    for path in ("/srv/müller 日本 🙂.csv", "~/a.csv", "$HOME/a", "/srv/\udcff.csv", "-", "x" * 5000, "", " ", None, 5):
        refuse_values_without_text({"plan_file": path, "src": [path]}, spec)


@pytest.mark.parametrize("module", MODULES)
def test_no_suboption_is_a_path(module: str) -> None:
    """A relative one would not be resolved."""
    assert path_suboptions(import_module(f"{PACKAGE}.modules.{module}").ARGUMENT_SPEC) == []


def test_a_suboption_that_is_a_path_is_found() -> None:
    users = {
        "type": "list",
        "options": {"photo": {"type": "path"}, "card": {"type": "dict", "options": {"file": {"type": "path"}}}},
    }
    assert path_suboptions({"users": users}) == ["users.photo", "card.file"]


def test_path_options_count_aliases_and_know_lists() -> None:
    spec: dict[str, dict[str, Any]] = {
        "src": {"type": "list", "elements": "path", "aliases": ["source"]},
        "plan": {"type": "path", "aliases": ["plan_file"]},
        "upns": {"type": "list", "elements": "str"},
        "anything": {},
    }
    assert paths_of_spec(spec) == {"src": "list", "source": "list", "plan": "path", "plan_file": "path"}


OPTIONS = {"one": "path", "many": "list"}


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        # Relative to the playbook's folder.
        ({"one": "users.csv"}, {"one": "/srv/contoso/users.csv"}),
        ({"one": "./files/users.csv"}, {"one": "/srv/contoso/./files/users.csv"}),
        ({"one": "../users.csv"}, {"one": "/srv/contoso/../users.csv"}),
        ({"one": " users.csv"}, {"one": "/srv/contoso/ users.csv"}),
        ({"one": "files/$DAY/~users.csv"}, {"one": "/srv/contoso/files/$DAY/~users.csv"}),
        ({"one": "a,b.csv"}, {"one": "/srv/contoso/a,b.csv"}),
        ({"many": ["a.csv", "/tmp/b.csv", "~/c.csv"]}, {"many": ["/srv/contoso/a.csv", "/tmp/b.csv", "~/c.csv"]}),
        # A text for a list, which Ansible splits at its commas and does not strip.
        ({"many": "a.csv"}, {"many": ["/srv/contoso/a.csv"]}),
        ({"many": "a.csv,/tmp/b.csv, c.csv"}, {"many": ["/srv/contoso/a.csv", "/tmp/b.csv", "/srv/contoso/ c.csv"]}),
        # As it is.
        ({"one": "/tmp/users.csv"}, {"one": "/tmp/users.csv"}),
        ({"one": "~/users.csv"}, {"one": "~/users.csv"}),
        ({"one": "~root/users.csv"}, {"one": "~root/users.csv"}),
        ({"one": "$HOME/users.csv"}, {"one": "$HOME/users.csv"}),
        ({"one": "${HOME}/users.csv"}, {"one": "${HOME}/users.csv"}),
        ({"one": ""}, {"one": ""}),
        ({"one": None}, {"one": None}),
        ({"one": 7}, {"one": 7}),
        ({"one": ["users.csv"]}, {"one": ["users.csv"]}),
        ({"many": ""}, {"many": ""}),
        ({"many": []}, {"many": []}),
        ({"many": ["", None, 7]}, {"many": ["", None, 7]}),
        ({"many": {"a": "b"}}, {"many": {"a": "b"}}),
        ({"other": "users.csv"}, {"other": "users.csv"}),
        ({}, {}),
    ],
)  # fmt: skip
def test_relative_paths_are_below_the_playbook(written: dict[str, Any], resolved: dict[str, Any]) -> None:
    resolve_paths(written, OPTIONS, PLAYBOOKS)
    assert written == resolved


def test_only_inputs_are_looked_up_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here.csv").touch()
    asked: list[str] = []

    def look_up(path: str) -> str | None:
        asked.append(path)
        return f"/role/files/{path}" if path == "there.csv" else None

    arguments: dict[str, Any] = {
        "src": ["here.csv", "there.csv", "nowhere.csv", "/a.csv", "~/b.csv"],
        "plan_file": "there.csv",
    }
    resolve_paths(arguments, {"src": "list", "plan_file": "path"}, str(tmp_path), look_up)
    assert arguments == {
        "src": [f"{tmp_path}/here.csv", "/role/files/there.csv", f"{tmp_path}/nowhere.csv", "/a.csv", "~/b.csv"],
        "plan_file": f"{tmp_path}/there.csv",
    }
    assert asked == ["there.csv", "nowhere.csv"]


def test_the_folder_of_a_command_without_a_playbook_is_the_shells() -> None:
    arguments = {"one": "users.csv"}
    resolve_paths(arguments, OPTIONS, ".")
    assert arguments == {"one": os.path.join(os.getcwd(), "users.csv")}


def test_a_folder_that_ansible_would_expand_is_not_put_into_a_path() -> None:
    arguments = {"one": "users.csv"}
    resolve_paths(arguments, OPTIONS, "/srv/$HOME")
    assert arguments == {"one": "users.csv"}


RESULT = {"changed": True, "user": {"upn": "adele.vance@contoso.com"}, "invocation": {"module_args": {}}}


class Task:
    """A task that is about to run, and what its module got."""

    def __init__(self, module: str, arguments: dict[str, Any], **circumstances: Any) -> None:
        circumstances = {
            "transport": "local",
            "async_val": 0,
            "become": False,
            "native": {},
            "variables": {},
            "environment": {},
            **circumstances,
        }
        self.arguments = arguments
        shell = SimpleNamespace(tmpdir="/tmp/task")
        self.action = action_class(module)(
            SimpleNamespace(
                action=module,
                args=arguments,
                async_val=circumstances["async_val"],
                check_mode=False,
                diff=True,
                delegate_to=circumstances.get("delegate_to"),
                run_once=circumstances.get("run_once", False),
            ),
            SimpleNamespace(transport=circumstances["transport"], _shell=shell, **circumstances["native"]),
            SimpleNamespace(become=circumstances["become"]),
            SimpleNamespace(get_basedir=lambda: PLAYBOOKS),
            SimpleNamespace(template=lambda value: value),
            None,
        )
        self.action._looked_up = lambda path: None  # type: ignore[method-assign]
        self.action._compute_environment_string = lambda written: written.update(circumstances["environment"])
        self.task_vars = {"inventory_hostname": "localhost", "w365_execution": "process", **circumstances["variables"]}
        self.action._execute_module = self._execute
        self.action._remove_tmp_path = lambda path, force=False: self.removed.append(path)
        self.removed: list[str] = []
        self.calls: list[dict[str, Any]] = []

    def _execute(self, **options: Any) -> dict[str, Any]:
        self.calls.append({**options, "module_args": dict(options["module_args"])})
        # As ansible-core does.
        options["module_args"]["_ansible_check_mode"] = False
        return dict(RESULT)

    def run(self) -> dict[str, Any]:
        """The arguments that a module process gets."""
        assert self.action.run(task_vars=self.task_vars) == RESULT
        got: dict[str, Any] = self.calls[-1]["module_args"]
        return got


def test_the_tasks_own_arguments_stay_as_they_were() -> None:
    files = ["users.csv"]
    task = Task("w365_directory", {"src": files, "ca_path": "ca.pem"})
    for _attempt in range(2):
        got = task.run()
        assert got["src"] == ["/srv/contoso/users.csv"]
        assert got["ca_path"] == "/srv/contoso/ca.pem"
    assert task.arguments == {"src": files, "ca_path": "ca.pem"}
    assert files == ["users.csv"]
    assert task.calls[0]["task_vars"] is task.task_vars


def test_whatever_is_no_relative_path_is_handed_over_untouched() -> None:
    """The very same objects: on ansible-core 2.19 and later they carry tags, and their types are Ansible's own."""
    arguments = {
        "upn": str(b"adele.vance@contoso.com", "ascii"),
        "ca_path": "/etc/ca.pem",
        "endpoints": {"user.list": "/U/"},
    }
    got = Task("w365_user", dict(arguments)).run()
    assert got.keys() == arguments.keys()
    assert all(got[name] is value for name, value in arguments.items())


def test_paths_on_another_host_are_that_hosts() -> None:
    arguments = {"src": "users.csv", "ca_path": "ca.pem", "report_file": ["report.html"]}
    assert Task("w365_directory", dict(arguments), transport="ssh").run() == arguments


@pytest.mark.parametrize(
    ("async_val", "native", "wrapped"),
    [
        (0, {}, False),
        (60, {}, True),
        (60, {"has_native_async": False}, True),
        (60, {"has_native_async": True}, False),
    ],
)
def test_asynchronous_tasks_are_wrapped(async_val: int, native: dict[str, bool], wrapped: bool) -> None:
    """Ansible removes the temporary folder of a wrapped module itself, later."""
    task = Task("w365_user", {}, async_val=async_val, native=native)
    task.run()
    assert task.calls[0]["wrap_async"] is wrapped
    assert task.removed == ([] if wrapped else ["/tmp/task"])


class SharedTask(Task):
    """A task of a play with several hosts, and with values of one customer in the environment of the process."""

    def __init__(self, module: str, arguments: dict[str, Any], **more: Any) -> None:
        more = {"hosts": ["contoso", "fabrikam"], **more}
        super().__init__(module, arguments, **more)
        self.task_vars["ansible_play_hosts_all"] = more["hosts"]

    def refusal(self) -> str:
        """The sentence of the refusal; empty when the module ran."""
        try:
            self.action.run(task_vars=self.task_vars)
        except AnsibleActionFail as error:
            assert self.calls == []
            return str(error)
        return ""


PAIR = {"scim_url": "https://w365.contoso.com/contoso", "scim_token": "key"}


@pytest.mark.parametrize(
    ("module", "arguments", "more", "said"),
    [
        ("w365_user", {}, {}, "W365_ENVIRONMENT, W365_SCIM_URL, W365_SCIM_TOKEN, W365_ENTRA_TENANT"),
        ("w365_user_info", {"environment": "fabrikam", "entra_tenant": "x"}, {}, "W365_SCIM_URL, W365_SCIM_TOKEN in"),
        ("w365_o365_import", {"environment": "fabrikam", **PAIR}, {}, "W365_ENTRA_TENANT in"),
        # There the name is that of a group, and in the next one that of the environment.
        ("w365_group", {"name": "Sales", "entra_tenant": "x", **PAIR}, {}, "W365_ENVIRONMENT in"),
        ("w365_environment", {"name": "fabrikam", "entra_tenant": "x", **PAIR}, {}, ""),
        # Nothing is left of the process: an empty text means none.
        ("w365_user", {"environment": "x", "scim_url": "", "scim_token": None, "entra_tenant": ""}, {}, ""),
        ("w365_user", {"environment": "x", "entra_tenant": "x"}, {"environment": {"W365_SCIM_URL": "", "W365_SCIM_TOKEN": ""}}, ""),
        ("w365_user", {}, {"hosts": ["contoso"]}, ""),
        ("w365_user", {}, {"run_once": True}, ""),
        # The variables of another machine are that machine's own.
        ("w365_user", {}, {"transport": "ssh"}, ""),
        ("w365_user", {}, {"variables": {"w365_shared_environment_variables": True}}, ""),
        ("w365_user", {}, {"variables": {"w365_shared_environment_variables": "yes"}}, ""),
        ("w365_user", {}, {"variables": {"w365_shared_environment_variables": "no"}}, "w365_shared_environment_variables"),
    ],
)  # fmt: skip
def test_values_of_one_customer_in_a_play_of_several_hosts(
    module: str, arguments: dict[str, Any], more: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ENVIRONMENT", "SCIM_URL", "SCIM_TOKEN", "ENTRA_TENANT", "INSTANCE_URL", "PROVISIONING_KEY"):
        monkeypatch.setenv(f"W365_{name}", "of-contoso")
    refusal = SharedTask(module, arguments, **more).refusal()
    assert said in refusal
    assert bool(refusal) == bool(said)
    assert "of-contoso" not in refusal


def test_empty_variables_of_the_process_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWX sets the variables of a credential's empty fields to nothing."""
    for name in ("ENVIRONMENT", "SCIM_URL", "SCIM_TOKEN", "ENTRA_TENANT"):
        monkeypatch.setenv(f"W365_{name}", " ")
    assert SharedTask("w365_user", {}).refusal() == ""


# ---- texts


TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("w365_user", {"upn": "a@contoso.com", "external_id": 516}, "Option external_id is 516, a number and no text."),
    ("w365_user", {"upn": "a@contoso.com", "last_name": False}, "Option last_name is False, a truth value and no text."),
    ("w365_user", {"user_principal_name": date(2024, 1, 1)}, "Option user_principal_name is 2024-01-01, a date and"),
    ("w365_user", {"upn": None}, "Option upn is null and no text."),
    ("w365_user", {"upn": "a@contoso.com", "first_name": {"de": "A"}}, "Option first_name is a dictionary and no text."),
    ("w365_group", {"name": 365}, "Option name is 365, a number and no text."),
    ("w365_group", {"name": "x", "members": {"set": ["a@contoso.com", 12, None]}}, "Option members.set (entry 2) is 12, a number and no text; Option members.set (entry 3) is null"),
    ("w365_group", {"name": "x", "members": {"add": 1e3}}, "Option members.add is 1000.0, a number and no text."),
    ("w365_admin", {"administrators": {"set": [True]}}, "Option administrators.set (entry 1) is True"),
    ("w365_directory", {"users": [{"upn": "a@contoso.com"}, {"upn": 1, "external_id": 2}]}, "Option users.upn (entry 2) is 1, a number and no text; Option users.external_id (entry 2) is 2"),
    ("w365_directory", {"groups": [{"name": 1, "members": {"set": [2]}}]}, "Option groups.members.set (entry 1, 1) is 2"),
    ("w365_directory", {"protected_users": [5]}, "Option protected_users (entry 1) is 5"),
    ("w365_directory", {"purge_scope": {"groups": [["Sales"]], "external_id_prefix": 10}}, "Option purge_scope.external_id_prefix is 10"),
    ("w365_o365_import", {"exclude_users": ["a@contoso.com", 7], "groups": 2024}, "Option groups is 2024, a number and no text; Option exclude_users (entry 2) is 7"),
    ("w365_environment", {"environment": 365}, "Option environment is 365"),
    ("w365_environment", {"administrator": {"email": "a@contoso.com", "last_name": True}}, "Option administrator.last_name is True"),
    ("w365_sso", {"primary_domain": 1, "client_id": 0}, "Option client_id is 0"),
    ("w365_user_info", {"upn": 1}, "Option upn is 1"),
    ("w365_api", {"path": 5}, "Option path is 5"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "arguments", "said"), TEXTS)
@pytest.mark.parametrize("transport", ["local", "ssh"])
def test_a_value_that_is_no_text_is_refused(module: str, arguments: dict[str, Any], said: str, transport: str) -> None:
    """Before Ansible makes a text of it, and before anything runs."""
    task = Task(module, arguments, transport=transport)
    with pytest.raises(AnsibleActionFail) as refused:
        task.run()
    assert said in str(refused.value)
    assert "in quotes where it is written" in str(refused.value)
    assert "| string" in str(refused.value)
    assert task.calls == []


def test_a_secret_that_is_no_text_is_not_shown() -> None:
    for module, arguments in (
        ("w365_user", {"upn": "a@contoso.com", "password": 8675309}),
        ("w365_sso", {"key": 8675309}),
        ("w365_directory", {"users": [{"upn": "a@contoso.com", "password": 8675309}], "provisioning_key": 8675309}),
    ):
        with pytest.raises(AnsibleActionFail, match="is a number and no text") as refused:
            Task(module, arguments).run()
        assert "8675309" not in str(refused.value)


class Encrypted(Sequence[str]):
    """As ansible-core 2.16 to 2.18 hands over an encrypted value: no text yet, and a text for the module."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: Any) -> Any:
        return "secret"[index]


EVERYDAY: list[tuple[str, dict[str, Any]]] = [
    # Limits, truth values and numbers, in every form that Ansible takes.
    ("w365_directory", {"purge_limit": 25, "membership_limit": "10%", "concurrency": "8", "strict": "yes", "purge": "users"}),
    ("w365_o365_import", {"delete_limit": 5, "everything": True, "groups": "Sales,Retail", "full_every": 7.0, "verify": True}),
    ("w365_user", {"upn": "a@contoso.com", "active": "no", "administrator": 1, "email": None, "timeout": 30, "first_name": ""}),
    ("w365_user", {"upn": "a@contoso.com", "external_id": "001004", "password": Encrypted()}),
    ("w365_group", {"name": "Sales, EMEA", "members": {"set": []}}),
    ("w365_directory", {"users": "{{ not yet }}", "groups": None, "administrators": {"add": "a@contoso.com,b@contoso.com"}}),
    ("w365_directory", {"users": [{"upn": "a@contoso.com", "active": False, "identity": None}], "src": ["users.csv"]}),
    ("w365_sso", {"client_id": "x", "key": "y", "verify": True}),
    ("w365_api", {"path": "/x", "body": {"Number": 5}, "query": {"page": 2}, "headers": {"X-Number": 5}}),
    ("w365_settings", {"exchange": {"ews_url": "https://x", "server_type": "Office365"}, "sharepoint": None}),
]  # fmt: skip


@pytest.mark.parametrize(("module", "arguments"), EVERYDAY)
def test_everyday_arguments_reach_the_module(module: str, arguments: dict[str, Any]) -> None:
    Task(module, arguments, transport="ssh").run()


@pytest.mark.parametrize("module", MODULES)
def test_every_text_of_every_module_is_looked_at(module: str) -> None:
    """As the argument spec says it, at every depth; a new option needs no second row."""

    def arguments(spec: Mapping[str, Any], parent: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, option in spec.items():
            kind, inner = option.get("type", "str"), option.get("options")
            if inner:
                for path, value in arguments(inner, f"{parent}{name}."):
                    yield path, {name: [value] if kind == "list" else value}
            elif kind == "list" and option.get("elements") == "str" and not option.get("choices"):
                yield f"{parent}{name}", {name: ["x", 516]}
            elif kind == "str" and not option.get("choices") and option.get("default") is None:
                yield f"{parent}{name}", {name: 516}

    found = dict(arguments(action_class(module).argument_spec, ""))
    assert {"environment", "scim_url"} <= set(found)
    for path, given in found.items():
        with pytest.raises(AnsibleActionFail, match=rf"Option {re.escape(path)}( \(|[ ])"):
            Task(module, given).run()


@pytest.mark.parametrize(
    ("module", "first", "second", "more", "refused"),
    [
        ("w365_directory", "/srv/a.csv", "/srv/a.csv", {}, True),
        ("w365_o365_import", "/srv/b.csv", "/srv/c.csv,/srv/../srv/b.csv", {}, True),
        ("w365_directory", "~/d.csv", "$HOME/d.csv", {}, True),
        ("w365_directory", "/srv/e.csv", "/srv/f.csv", {}, False),
        # The files of another machine are that machine's own.
        ("w365_directory", "/srv/g.csv", "/srv/g.csv", {"transport": "ssh"}, False),
        ("w365_directory", None, None, {}, False),
        ("w365_directory", "", "", {}, False),
    ],
)
def test_two_hosts_never_share_a_report(
    module: str, first: str | None, second: str | None, more: dict[str, Any], refused: bool
) -> None:
    """The same host may write it again, in a loop or a later task."""
    for host, path, expected in (
        ("contoso", first, False),
        ("contoso", first, False),
        ("fabrikam", second, refused),
        ("contoso", first, False),
    ):
        task = SharedTask(module, {"report_file": path}, **more)
        task.task_vars["inventory_hostname"] = host
        said = task.refusal()
        assert bool(said) is expected, said
        assert not expected or "is also the report of host contoso in this run. Nothing was written." in said


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"environment": "contoso"}, {"environment": "fabrikam"}, "environment contoso"),
        ({"environment": "contoso"}, {"environment": " Con-toso"}, ""),
        # One through SCIM, which needs no environment.
        ({"environment": "contoso"}, {"scim_url": "https://scim.contoso.com"}, ""),
        ({"scim_url": "https://scim.contoso.com/a"}, {"scim_url": "https://scim.contoso.com/b"}, "SCIM service"),
        ({"scim_url": "https://scim.contoso.com/a"}, {"scim_url": "HTTPS://scim.contoso.com:443/a/"}, ""),
        (
            {"environment": "contoso", "instance_url": "https://one.contoso.com"},
            {"environment": "contoso", "instance_url": "https://two.contoso.com"},
            "server one.contoso.com",
        ),
        ({}, {}, ""),
    ],
)
@pytest.mark.parametrize("variables", [False, True], ids=["options", "environment variables"])
@pytest.mark.parametrize(
    ("module", "option"),
    [
        ("w365_directory", "report_file"),
        ("w365_directory", "plan_file"),
        ("w365_o365_import", "report_file"),
        ("w365_o365_import", "state_file"),
    ],
)
def test_customers_of_one_host_never_share_a_file(
    module: str,
    option: str,
    first: dict[str, str],
    second: dict[str, str],
    said: str,
    variables: bool,
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    """A loop over customers on localhost: the file of the last one would replace the others."""
    path = str(tmp_path / "a.html")
    paths = [path] if option == "report_file" else path
    for given, expected in ((first, ""), (first, ""), (second, said), (first, "")):
        options = {} if variables else given
        for name in ("environment", "instance_url", "scim_url"):
            monkeypatch.delenv(f"W365_{name.upper()}", raising=False)
            if variables and name in given:
                monkeypatch.setenv(f"W365_{name.upper()}", given[name])
        refusal = SharedTask(module, {option: paths, **options}, hosts=["localhost"]).refusal()
        assert bool(refusal) is bool(expected), refusal
        assert expected in refusal
        if expected:
            assert f"{path!r} is also the {option.removesuffix('_file')} of {expected}" in refusal
            assert "Give each customer its own file" in refusal


def test_every_file_about_one_customer_is_known() -> None:
    """Only the last line about the progress matters, to those who look at it now."""
    paths = {name for module in MODULES for name in OWN_PATHS.get(module, {})}
    read = {"src", "apply_plan", "certificate_path"}
    # The folder of an export is made of the name of its environment.
    assert paths - read - {"progress_file", "dest"} == set(OF_ONE_FILE)
