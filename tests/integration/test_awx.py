# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""awx_configure with the modules of awx.awx, in real processes, against a small AWX that has the rules of AWX 24.6.1."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fake_awx import ENCRYPTED, TOKEN, FakeAwx, Refused
from playing import COLLECTION, ROOT, ansible_environment

AWX = ROOT / ".build" / "awx"
PROJECT = ROOT / "docs" / "docsite" / "files" / "awx-project"
KEY = "a-planted-provisioning-key"
HOOK = "https://hooks.contoso.com/a-planted-address"
GIVEN = {
    "awx_project_url": "https://git.contoso.com/workspace365.git",
    "awx_execution_environment_image": "registry.contoso.com/workspace365:1.1.0",
    "awx_instance_url": "https://workspace.contoso.com",
    "awx_provisioning_key": KEY,
}
DEFAULT = {
    "credential_types": ["Workspace 365 instance"],
    "credentials": ["Workspace 365 provisioning key"],
    "execution_environments": ["Workspace 365 execution environment"],
    "projects": ["Workspace 365 project"],
    "inventories": ["Workspace 365 environments"],
    "inventory_sources": ["Workspace 365 inventory source"],
    "job_templates": [
        "Workspace 365 all environments",
        "Workspace 365 apply",
        "Workspace 365 one environment",
        "Workspace 365 plan",
    ],
    "workflow_job_templates": ["Workspace 365 plan and apply"],
    "workflow_job_template_nodes": ["apply", "approve", "plan"],
    "workflow_approval_templates": ["Workspace 365 approval"],
    "schedules": ["Workspace 365 every night"],
}
OPTIONAL = "environment,entra,notification,onboard,audit,rotate,export,offboard"


class Ran(NamedTuple):
    code: int
    output: str

    @property
    def said(self) -> str:
        return " ".join(self.output.split())

    @property
    def changed(self) -> int:
        found = re.search(r"localhost +: .*\bchanged=(\d+)", self.output)
        assert found, self.output
        return int(found[1])

    @property
    def objects(self) -> list[str]:
        """The items of loops that changed."""
        return re.findall(r"(?m)^changed: \[localhost\] => \(item=(.*)\)", self.output)


Configure = Callable[..., Ran]

# awx.awx starts a Python for each object, so a whole run takes long on a machine with other work.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def awx() -> Iterator[FakeAwx]:
    fake = FakeAwx(PROJECT)
    yield fake
    fake.close()


@pytest.fixture
def configure(awx: FakeAwx, tmp_path: Path) -> Configure:
    """Runs the playbook. Variables with the value None are left out."""
    return configuring(awx, tmp_path)


def configuring(awx: FakeAwx, folder: Path) -> Configure:
    def run(*arguments: str, environ: dict[str, str] | None = None, **variables: Any) -> Ran:
        known = ansible_environment(folder)
        known["ANSIBLE_COLLECTIONS_PATH"] += os.pathsep + str(AWX)
        known |= {"CONTROLLER_HOST": awx.url, "CONTROLLER_OAUTH_TOKEN": TOKEN, **(environ or {})}
        given = {name: value for name, value in {**GIVEN, **variables}.items() if value is not None}
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", "localhost,", f"{COLLECTION}.awx_configure", *arguments, "-e", json.dumps(given)),
        ]
        done = subprocess.run(command, env=known, cwd=folder, capture_output=True, text=True, timeout=400, check=False)
        assert KEY not in done.stdout + done.stderr
        assert HOOK not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout + done.stderr)

    return run


@pytest.mark.slow
def test_the_objects_are_made_kept_and_removed(awx: FakeAwx, configure: Configure) -> None:
    """From an empty AWX and back to it, with an object of somebody else in between."""
    made = configure("-vvv")
    assert made.code == 0, made.said
    assert awx.names() == DEFAULT
    assert len([name for names in awx.names().values() for name in names]) == 12 + len(
        ["nodes", "and", "their", "approval"]
    )
    workflow = {node: awx.listed("workflow_job_template_nodes", node, "success_nodes") for node in ("plan", "approve")}
    assert workflow == {"plan": ["approve"], "approve": ["apply"]}
    assert awx.named("credentials", "Workspace 365 provisioning key")["inputs"] == {
        "instance_url": GIVEN["awx_instance_url"],
        "provisioning_key": KEY,
    }
    before = json.dumps([awx.objects, awx.surveys, [*awx.lists.items()]])
    awx.writes.clear()
    again = configure(awx_instance_url=None, awx_provisioning_key=None)
    assert again.code == 0, again.said
    assert again.changed == 0, again.said
    assert awx.writes == []
    assert json.dumps([awx.objects, awx.surveys, [*awx.lists.items()]]) == before
    foreign = awx.add("job_templates", name="Workspace 365 of somebody else", description="Mine", playbook="mine.yml")
    removed = configure(awx_state="absent")
    assert removed.code == 0, removed.said
    assert awx.names() == {"job_templates": ["Workspace 365 of somebody else"]}
    assert list(awx.objects["job_templates"]) == [foreign]


# What is refused before anything is written


def refused(awx: FakeAwx, ran: Ran, *said: str) -> None:
    assert ran.code != 0, ran.said
    assert [each for each in said if each not in ran.said] == [], ran.said
    assert awx.writes == []


@pytest.mark.slow
def test_objects_of_others_are_not_taken_over(awx: FakeAwx, configure: Configure) -> None:
    """A name is no proof of who has made an object."""
    awx.add(
        "projects", name="Workspace 365 project", organization=1, scm_type="git", scm_url="https://contoso.com/a.git"
    )
    awx.add("job_templates", name="Workspace 365 plan", description="Mine", organization=1)
    refused(
        awx,
        configure(),
        "AWX has objects of these names that this playbook has not made: Workspace 365 project, Workspace 365 plan.",
        "awx_adopt=true",
    )
    kept = configure(awx_state="absent")
    assert kept.code == 0, kept.said
    assert "These objects stay, because this playbook has not made them" in kept.said
    assert awx.writes == []


def test_what_is_missing_is_named(awx: FakeAwx, configure: Configure) -> None:
    blank = {
        "awx_project_url": " ",
        "awx_instance_url": None,
        "awx_provisioning_key": "",
        "awx_optional": "notification",
    }
    said = "Give awx_project_url, awx_instance_url, the address of the instance, awx_provisioning_key, its provisioning key"
    refused(awx, configure(**blank), said, "awx_notification_url, a webhook. Nothing was changed.")


def test_without_awx_or_its_collection_the_first_task_says_what_to_do(awx: FakeAwx, configure: Configure) -> None:
    install = "ansible-galaxy collection install awx.awx:24.6.1"
    here = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "src"))
    refused(awx, configure(environ={"ANSIBLE_COLLECTIONS_PATH": here}), "awx.awx.controller_api", install)
    refused(awx, configure(environ={"CONTROLLER_OAUTH_TOKEN": "another"}), "HTTP 401", "Nothing was changed.")
    gone = FakeAwx(PROJECT)
    gone.close()
    refused(awx, configure(environ={"CONTROLLER_HOST": gone.url}), "AWX cannot be asked: ", "CONTROLLER_HOST")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"awx_optional": "audits"}, "and not audits. Nothing was changed."),
        ({"awx_state": "gone"}, "give present or absent"),
        ({"awx_slices": "many"}, "give a whole number"),
        ({"awx_adopt": "perhaps"}, "give true or false"),
    ],
)
def test_odd_answers_are_refused(variables: dict[str, Any], said: str, awx: FakeAwx, configure: Configure) -> None:
    refused(awx, configure(**variables), said)


@pytest.mark.slow
def test_a_run_whose_tags_select_nothing_fails(awx: FakeAwx, configure: Configure) -> None:
    refused(awx, configure("--tags", "nothing"), "Nothing was done.")
    assert configure("--tags", "nothing", w365_allow_empty_run=True).code == 0


# What others use stays until somebody decides

OURS = "Made by workspace365.provisioning.awx_configure."


def ours(awx: FakeAwx) -> dict[str, int]:
    """A few objects of the playbook, without the time that it would take."""
    kind = awx.add("credential_types", name="Workspace 365 instance", description=OURS, kind="cloud")
    project = awx.add(
        "projects", name="Workspace 365 project", description=OURS, organization=1, scm_type="git", scm_url="u"
    )
    inventory = awx.add("inventories", name="Workspace 365 environments", description=OURS, organization=1)
    template = awx.add(
        "job_templates", name="Workspace 365 plan", description=OURS, organization=1, project=project, inventory=inventory,
        playbook="fleet_plan.yml",
    )  # fmt: skip
    return {"credential_types": kind, "projects": project, "inventories": inventory, "job_templates": template}


USERS: dict[str, Callable[[FakeAwx, dict[str, int]], Any]] = {
    "credential Mine": lambda awx, our: awx.add(
        "credentials", name="Mine", organization=1, credential_type=our["credential_types"]
    ),
    "job_template Mine": lambda awx, our: awx.add("job_templates", name="Mine", project=our["projects"]),
    "inventory_source Mine": lambda awx, our: awx.add("inventory_sources", name="Mine", inventory=our["inventories"]),
    "schedule Mine": lambda awx, our: awx.add("schedules", name="Mine", unified_job_template=our["job_templates"]),
    "workflow_job_template_node": lambda awx, our: awx.add(
        "workflow_job_template_nodes",
        identifier="mine",
        workflow_job_template=awx.add("workflow_job_templates", name="Mine", organization=1),
        unified_job_template=our["job_templates"],
    ),
}


def test_what_others_use_is_not_removed(awx: FakeAwx, configure: Configure) -> None:
    our = ours(awx)
    for make in USERS.values():
        make(awx, our)
    before = awx.names()
    refused(awx, configure(awx_state="absent"), *USERS, "awx_ignore_users=true", "Nothing was removed.")
    assert awx.names() == before


@pytest.mark.slow
@pytest.mark.parametrize("user", USERS)
def test_each_user_alone_is_noticed(user: str, awx: FakeAwx, configure: Configure) -> None:
    USERS[user](awx, ours(awx))
    refused(awx, configure(awx_state="absent"), f"Others use the objects that would be removed: {user}.")


@pytest.mark.slow
def test_a_person_can_decide_to_remove_what_others_use(awx: FakeAwx, configure: Configure) -> None:
    """AWX itself keeps a credential type that is in use."""
    our = ours(awx)
    for name in ("credential Mine", "job_template Mine"):
        USERS[name](awx, our)
    removed = configure(awx_state="absent", awx_ignore_users=True)
    assert removed.code == 0, removed.said
    assert awx.names() == {
        "credential_types": ["Workspace 365 instance"],
        "credentials": ["Mine"],
        "job_templates": ["Mine"],
    }


# Everything once more, with all that is optional


@pytest.mark.slow
def test_all_objects_are_made_kept_and_removed(awx: FakeAwx, configure: Configure) -> None:
    """By a person with a password, who answers the rest with blanks, and with a credential of Ansible Vault."""
    awx.add(
        "credentials",
        name="Contoso vault",
        organization=1,
        credential_type=awx.named("credential_types", "Vault")["id"],
    )
    given: dict[str, Any] = {
        "awx_optional": OPTIONAL,
        "awx_notification_url": HOOK,
        "awx_credentials": "Contoso vault",
        "awx_approve_some_plans": "yes",
        **dict.fromkeys(("awx_state", "awx_organization", "awx_slices", "awx_schedule", "awx_adopt"), " "),
        "environ": {"CONTROLLER_OAUTH_TOKEN": "", "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": "p"},
    }
    made = configure("-vvv", **given)
    assert made.code == 0, made.said
    assert len(awx.objects["job_templates"]) == 9
    assert awx.listed("job_templates", "Workspace 365 plan", "credentials") == [
        "Contoso vault",
        "Workspace 365 provisioning key",
    ]
    assert awx.listed("workflow_job_templates", "Workspace 365 plan and apply", "notification_templates_approvals") == [
        "Workspace 365 notification"
    ]
    assert awx.listed("workflow_job_template_nodes", "plan", "always_nodes") == ["approve"]
    assert awx.listed("workflow_job_template_nodes", "plan", "success_nodes") == []
    kind = awx.named("credential_types", "Workspace 365 instance")
    assert kind["injectors"]["env"]["W365_PROVISIONING_KEY"] == "{{ provisioning_key }}"
    assert kind["injectors"]["env"]["W365_CA_PATH"] == "{% if ca_certificate %}{{ tower.filename.ca }}{% endif %}"
    notification = awx.named("notification_templates", "Workspace 365 notification")
    assert "{{ workflow_url }}" in notification["messages"]["workflow_approval"]["running"]["body"]
    awx.writes.clear()
    again = configure(**given)
    assert again.code == 0, again.said
    assert again.changed == 0, again.said
    assert awx.writes == []
    removed = configure(awx_state="absent")
    assert removed.code == 0, removed.said
    assert awx.names() == {"credentials": ["Contoso vault"]}
    order = [path.split("/")[3] for method, path, _body in awx.writes if method == "DELETE"]
    assert list(dict.fromkeys(order)) == [
        "schedules", "workflow_job_templates", "job_templates", "inventory_sources", "inventories", "projects",
        "notification_templates", "credentials", "execution_environments", "credential_types",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeAwx]:
    """An AWX with the default objects, which no test changes."""
    fake = FakeAwx(PROJECT)
    made = configuring(fake, tmp_path_factory.mktemp("first"))()
    assert made.code == 0, made.said
    yield fake
    fake.close()


@pytest.fixture
def configured(awx: FakeAwx, first_run: FakeAwx) -> FakeAwx:
    """An AWX with the default objects."""
    awx.copy_from(first_run)
    return awx


PREVIEWED = ["Workspace 365 all environments", "Workspace 365 plan and apply: approve"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "changed"),
    [
        ({"awx_slices": 4}, ["Workspace 365 all environments"]),
        ({"awx_execution_environment_image": "registry.contoso.com/workspace365:1.2.0"}, ["Workspace 365 execution environment"]),
        ({"awx_schedule_enabled": True}, ["Workspace 365 every night"]),
        ({"awx_enable_unknown": True}, ["Workspace 365 inventory source"]),
        ({"awx_project_branch": "main"}, ["Workspace 365 project"]),
        ({"awx_approval_timeout": 3600}, ["Workspace 365 plan and apply: approve"]),
        ({"awx_provisioning_key": f"{KEY}-renewed"}, []),
        ({"awx_provisioning_key": f"{KEY}-renewed", "awx_update_secrets": True}, ["Workspace 365 provisioning key"]),
    ],
)  # fmt: skip
def test_one_change_changes_one_object(
    variables: dict[str, Any], changed: list[str], configured: FakeAwx, configure: Configure
) -> None:
    """Check mode says the same, where it has what it needs, and writes nothing."""
    if changed and changed[0] in PREVIEWED:
        preview = configure("--check", **variables)
        assert preview.code == 0, preview.said
        assert preview.objects == changed
        assert configured.writes == []
    ran = configure(**variables)
    assert ran.code == 0, ran.said
    assert ran.objects == changed
    key = configured.named("credentials", "Workspace 365 provisioning key")["inputs"]["provisioning_key"]
    assert key == (f"{KEY}-renewed" if "awx_update_secrets" in variables else KEY)
    assert ENCRYPTED not in key


@pytest.mark.slow
def test_what_somebody_changes_in_awx_is_restored(configured: FakeAwx, configure: Configure) -> None:
    configured.named("job_templates", "Workspace 365 apply")["playbook"] = "fleet_sync.yml"
    configured.named("inventory_sources", "Workspace 365 inventory source")["overwrite"] = False
    survey = configured.surveys[configured.named("job_templates", "Workspace 365 one environment")["id"]]
    survey["spec"][0]["required"] = False
    ran = configure()
    assert ran.code == 0, ran.said
    assert ran.objects == [
        "Workspace 365 inventory source",
        "Workspace 365 apply",
        "Workspace 365 one environment",
    ]
    again = configure()
    assert again.changed == 0, again.said


@pytest.mark.slow
def test_check_mode_says_what_it_can(awx: FakeAwx, configure: Configure, first_run: FakeAwx) -> None:
    """With nothing in AWX, with a part, and before a removal."""
    empty = configure("--check")
    assert empty.code == 0, empty.said
    assert "These objects are missing and would be made: Workspace 365 execution environment, " in empty.said
    assert empty.changed == 1
    assert awx.writes == []
    awx.copy_from(first_run)
    gone = awx.named("schedules", "Workspace 365 every night")
    awx.remove("schedules", gone)
    awx.remove("job_templates", awx.named("job_templates", "Workspace 365 plan"))
    awx.writes.clear()
    part = configure("--check", awx_slices=3)
    assert part.code == 0, part.said
    assert "would be made: Workspace 365 plan, Workspace 365 every night." in part.said
    assert part.objects == ["Workspace 365 all environments"]
    before = awx.names()
    removal = configure("--check", awx_state="absent")
    assert removal.code == 0, removal.said
    assert len(removal.objects) == 10
    assert awx.names() == before
    assert awx.writes == []


@pytest.mark.slow
def test_an_adopted_object_becomes_ours(awx: FakeAwx, configure: Configure) -> None:
    awx.add("execution_environments", name="Workspace 365 execution environment", image="registry.contoso.com/old:1")
    awx.add("organizations", name="Contoso")
    made = configure(awx_adopt=True)
    assert made.code == 0, made.said
    assert configure().changed == 0
    refused_elsewhere = configure(awx_organization="Contoso")
    assert refused_elsewhere.code != 0
    assert "or in another organization: " in refused_elsewhere.said


@pytest.mark.slow
def test_a_project_without_its_files_is_refused_by_awx(configure: Configure, awx: FakeAwx, tmp_path: Path) -> None:
    awx.project = tmp_path / "empty"
    awx.project.mkdir()
    ran = configure()
    assert ran.code != 0
    assert "Playbook not found for project." in ran.said
    assert awx.names()["projects"] == ["Workspace 365 project"]
    awx.project = PROJECT
    assert configure(awx_update_project=True).code == 0
    assert awx.names() == DEFAULT


# The rules of AWX that the data have to follow, so that a mistake in them would be found


Post = Callable[..., tuple[int, str]]


@pytest.fixture
def post(awx: FakeAwx) -> Post:
    """Sends a request to make something; the status and the answer as a text."""

    def send(endpoint: str, **body: Any) -> tuple[int, str]:
        try:
            status, said = awx.handle("POST", f"/api/v2/{endpoint}/", json.dumps(body), f"Bearer {TOKEN}")
        except Refused as problem:
            return problem.status, json.dumps(problem.body)
        return status, json.dumps(said)

    return send


def kind(name: str = "Good", **changes: Any) -> dict[str, Any]:
    fields = [{"id": "a", "label": "a", "type": "string", "secret": True}]
    given = {"kind": "cloud", "inputs": {"fields": fields}, "injectors": {"env": {"W365_A": "{{ a }}"}}}
    return {"name": name, **given, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "vault"}, "Must be 'cloud' or 'net', not vault"),
        ({"injectors": {"env": {"ANSIBLE_CONFIG": "{{ a }}"}}}, "may affect Ansible configuration"),
        ({"injectors": {"env": {"W365_A": "{{ b }}"}}}, "uses an undefined field"),
        ({"injectors": {"env": {"W365_A": True}}}, "is not of type 'string'"),
        ({"inputs": {"fields": [{"id": "a", "label": "a", "hidden": True}]}}, "'hidden' was unexpected"),
    ],
)
def test_awx_refuses_such_a_kind_of_credentials(changes: dict[str, Any], said: str, post: Post) -> None:
    assert post("credential_types", **kind())[0] == 201
    status, answer = post("credential_types", **kind("Wrong", **changes))
    assert (status, said in answer) == (400, True), answer


def test_awx_hides_secrets_and_takes_one_credential_of_a_kind(awx: FakeAwx, post: Post) -> None:
    post("credential_types", **kind())
    known = {"organization": 1, "credential_type": awx.named("credential_types", "Good")["id"]}
    status, answer = post("credentials", name="One", inputs={"a": "planted"}, **known)
    assert (status, json.loads(answer)["inputs"]) == (201, {"a": ENCRYPTED})
    assert post("credentials", name="Two", inputs={"a": ENCRYPTED}, **known)[0] == 400
    assert post("credentials", name="Three", inputs={"b": "c"}, **known)[0] == 400
    post("credentials", name="Two", inputs={"a": "other"}, **known)
    job = awx.add("job_templates", name="T")
    ids = [awx.named("credentials", name)["id"] for name in ("One", "Two")]
    assert post(f"job_templates/{job}/credentials", id=ids[0])[0] == 204
    assert "Cannot assign multiple Good credentials." in post(f"job_templates/{job}/credentials", id=ids[1])[1]
    vault = awx.add(
        "credentials", name="V", organization=1, credential_type=awx.named("credential_types", "Vault")["id"]
    )
    assert post(f"job_templates/{job}/credentials", id=vault)[0] == 204
    source = {"name": "S", "inventory": awx.add("inventories", name="I", organization=1), "source": "scm"}
    assert (
        "vault are disallowed" in post("inventory_sources", **source, source_project=project(awx), credential=vault)[1]
    )


def project(awx: FakeAwx, **given: Any) -> int:
    return awx.add("projects", name="Git", organization=1, **{"scm_type": "git", "scm_url": "u", **given})


def test_awx_wants_a_git_project_and_its_files(awx: FakeAwx, post: Post) -> None:
    inventory = awx.add("inventories", name="I", organization=1)
    source = {"name": "S", "inventory": inventory, "source": "scm", "source_path": "i.yml"}
    assert (
        "Cannot use manual project" in post("inventory_sources", **source, source_project=project(awx, scm_type=""))[1]
    )
    assert "Project required" in post("inventory_sources", **source)[1]
    template = {"name": "T", "inventory": inventory, "project": project(awx)}
    assert "Playbook not found for project." in post("job_templates", **template, playbook="nothing.yml")[1]
    assert (
        "Playbook not found for project."
        in post("job_templates", **template, playbook="inventory/group_vars/w365_environments.yml")[1]
    )
    assert post("job_templates", **template, playbook="fleet_plan.yml")[0] == 201


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"required": "no"}, "wrong type"),
        ({"type": "choice"}, "not an allowed question type"),
        ({"type": "integer", "default": "3"}, "Default value"),
        ({"type": "multiplechoice", "choices": ["a"], "default": "b"}, "Default choice"),
        ({"min": "1"}, "expected to be integer"),
    ],
)
def test_awx_checks_the_questions(changes: dict[str, Any], said: str, awx: FakeAwx, post: Post) -> None:
    job = awx.add("job_templates", name="T")
    question = {"question_name": "Q", "variable": "v", "type": "text", "required": False, **changes}
    status, answer = post(f"job_templates/{job}/survey_spec", name="", description="", spec=[question])
    assert (status, said in answer) == (400 if said else 200, True), answer


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART:20261201T020000 RRULE:FREQ=DAILY;INTERVAL=1",
        "DTSTART;TZID=Europe/Amsterdam:20261201T020000 RRULE:FREQ=DAILY",
        "DTSTART;TZID=Europe/Amsterdam:20261201T020000",
    ],
)
def test_awx_refuses_such_a_rule(rule: str, awx: FakeAwx, post: Post) -> None:
    job = awx.add("job_templates", name="T")
    good = "DTSTART;TZID=Europe/Amsterdam:20261201T020000 RRULE:FREQ=DAILY;INTERVAL=1"
    assert post("schedules", name="Good", unified_job_template=job, rrule=good)[0] == 201
    assert post("schedules", name="Wrong", unified_job_template=job, rrule=rule)[0] == 400


def test_awx_makes_an_approval_of_a_node(awx: FakeAwx, post: Post) -> None:
    workflow = awx.add("workflow_job_templates", name="W", organization=1)
    node = {"workflow_job_template": workflow, "identifier": "a"}
    assert "object does not exist" in post("workflow_job_template_nodes", **node, unified_job_template=99999)[1]
    assert post("workflow_job_template_nodes", **node)[0] == 201
    number = awx.named("workflow_job_template_nodes", "a")["id"]
    assert post(f"workflow_job_template_nodes/{number}/create_approval_template", name="A", timeout=1)[0] == 201
    approval = awx.named("workflow_approval_templates", "A")["id"]
    # What makes a task with both an approval and its successors fail.
    assert post(f"workflow_approval_templates/{approval}/success_nodes", id=number)[0] == 404
    awx.remove("workflow_job_templates", awx.named("workflow_job_templates", "W"))
    assert awx.names() == {}
