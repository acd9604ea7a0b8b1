# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of AWX's /api/v2 as the modules of awx.awx use for objects of ours, with the rules that AWX 24.6.1 has for them.

It stores what it is sent and answers as AWX does: filters and pages, related lists, surveys, approvals, encrypted values,
and what a removal takes along. A field that AWX does not have is ignored, and a filter that it does not have is refused,
as there. It runs no job.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jinja2
import jinja2.sandbox
from jsonschema import Draft7Validator

TOKEN = "token-of-the-fake"
ENCRYPTED = "$encrypted$"
# Small, so that every longer list has several pages.
PAGE = 4
UNIFIED = (
    "projects",
    "inventory_sources",
    "job_templates",
    "workflow_job_templates",
    "workflow_approval_templates",
)
NOTIFIED = ("notification_templates_started", "notification_templates_success", "notification_templates_error")
NEXT = ("success_nodes", "failure_nodes", "always_nodes")

Object = dict[str, Any]


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Kind:
    """One kind of object: its fields with their defaults, references, related lists, and what makes it unique.

    A default of None means that the field may be null. `required` fields have no default.
    """

    type: str
    fields: Mapping[str, Any]
    references: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ("name",)
    unique: tuple[str, ...] = ("name", "organization")


NAMED = {"name": "", "description": ""}
PROMPTS = {
    f"ask_{name}_on_launch": False
    for name in ("diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "inventory", "credential")
}
KINDS: dict[str, Kind] = {
    "organizations": Kind("organization", NAMED, {"default_environment": "execution_environments"}, unique=("name",)),
    "credential_types": Kind(
        "credential_type",
        {**NAMED, "kind": "", "inputs": {}, "injectors": {}, "managed": False},
        unique=("name", "kind"),
    ),
    "credentials": Kind(
        "credential",
        {**NAMED, "inputs": {}},
        {"organization": "organizations", "credential_type": "credential_types"},
        required=("name", "credential_type"),
        unique=("name", "organization", "credential_type"),
    ),
    "execution_environments": Kind(
        "execution_environment",
        {**NAMED, "image": "", "pull": ""},
        {"organization": "organizations", "credential": "credentials"},
        required=("name", "image"),
        unique=("name",),
    ),
    "projects": Kind(
        "project",
        {
            **NAMED,
            "scm_type": "",
            "scm_url": "",
            "scm_branch": "",
            "scm_update_on_launch": False,
            "scm_update_cache_timeout": 0,
            "allow_override": False,
            "scm_revision": "",
        },
        {
            "organization": "organizations",
            "credential": "credentials",
            "default_environment": "execution_environments",
        },
        dict.fromkeys(NOTIFIED, "notification_templates"),
    ),
    "inventories": Kind(
        "inventory",
        {**NAMED, "kind": "", "host_filter": None, "variables": ""},
        {"organization": "organizations"},
        required=("name", "organization"),
    ),
    "inventory_sources": Kind(
        "inventory_source",
        {
            **NAMED,
            "source": "",
            "source_path": "",
            "source_vars": "",
            "enabled_var": "",
            "enabled_value": "",
            "overwrite": False,
            "overwrite_vars": False,
            "update_on_launch": False,
            "update_cache_timeout": 0,
        },
        {
            "inventory": "inventories",
            "source_project": "projects",
            "execution_environment": "execution_environments",
            # AWX keeps it as a list of at most one, and shows it as this field.
            "credential": "credentials",
        },
        dict.fromkeys(NOTIFIED, "notification_templates"),
        required=("name", "inventory"),
        unique=("name", "inventory"),
    ),
    "job_templates": Kind(
        "job_template",
        {
            **NAMED,
            **PROMPTS,
            "job_type": "run",
            "playbook": "",
            "limit": "",
            "extra_vars": "---",
            "job_slice_count": 1,
            "allow_simultaneous": False,
            "survey_enabled": False,
        },
        {
            "organization": "organizations",
            "inventory": "inventories",
            "project": "projects",
            "execution_environment": "execution_environments",
        },
        {"credentials": "credentials", **dict.fromkeys(NOTIFIED, "notification_templates")},
    ),
    "workflow_job_templates": Kind(
        "workflow_job_template",
        {
            **NAMED,
            **PROMPTS,
            "limit": None,
            "extra_vars": "---",
            "allow_simultaneous": False,
            "survey_enabled": False,
        },
        {"organization": "organizations", "inventory": "inventories"},
        dict.fromkeys((*NOTIFIED, "notification_templates_approvals"), "notification_templates"),
    ),
    "workflow_job_template_nodes": Kind(
        "workflow_job_template_node",
        {"identifier": "", "extra_data": {}, "all_parents_must_converge": False},
        {"workflow_job_template": "workflow_job_templates", "unified_job_template": "unified_job_templates"},
        {**dict.fromkeys(NEXT, "workflow_job_template_nodes"), "credentials": "credentials"},
        required=("workflow_job_template",),
        unique=("identifier", "workflow_job_template"),
    ),
    "workflow_approval_templates": Kind("workflow_approval_template", {**NAMED, "timeout": 0}, unique=()),
    "schedules": Kind(
        "schedule",
        {**NAMED, "rrule": "", "enabled": True, "extra_data": {}},
        {"unified_job_template": "unified_job_templates", "inventory": "inventories"},
        required=("name", "rrule", "unified_job_template"),
        unique=("name", "unified_job_template"),
    ),
    "notification_templates": Kind(
        "notification_template",
        {**NAMED, "notification_type": "", "notification_configuration": {}, "messages": None},
        {"organization": "organizations"},
        required=("name", "organization", "notification_type"),
    ),
}

# Fields that a request cannot set.
READ_ONLY = ("managed", "scm_revision")

# What a removal takes along, and where it only empties the field: endpoint -> (endpoint, field).
TAKES_ALONG = {
    "projects": [("inventory_sources", "source_project")],
    "inventories": [("inventory_sources", "inventory")],
    "workflow_job_templates": [("workflow_job_template_nodes", "workflow_job_template")],
    **{name: [] for name in ("organizations", "credentials")},
}

FIELD = {
    "type": "object",
    "required": ["id", "label"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["string", "boolean"]},
        "format": {"enum": ["ssh_private_key", "url"]},
        "choices": {"type": "array", "minItems": 1, "items": {"type": "string"}, "uniqueItems": True},
        "id": {"type": "string", "pattern": "^[a-zA-Z_]+[a-zA-Z0-9_]*$"},
        "label": {"type": "string"},
        "help_text": {"type": "string"},
        "multiline": {"type": "boolean"},
        "secret": {"type": "boolean"},
        "default": {},
    },
}
INPUTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "required": {"type": "array", "items": {"type": "string"}},
        "fields": {"type": "array", "items": FIELD},
    },
}
INJECTORS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "file": {
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {r"^template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?$": {"type": "string"}},
        },
        "env": {
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {"^[a-zA-Z_]+[a-zA-Z0-9_]*$": {"type": "string", "pattern": "^[\x00-\x7f]*$"}},
        },
        "extra_vars": {"type": "object"},
    },
}
WEBHOOK = {
    "url": (str, None),
    "http_method": (str, "POST"),
    "disable_ssl_verification": (bool, False),
    "username": (str, ""),
    "password": (str, ""),
    "headers": (dict, None),
}
QUESTIONS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "textarea": str,
    "password": str,
    "multiplechoice": str,
    "multiselect": (str, list),
    "integer": int,
    "float": float,
}
EVENTS = ("started", "success", "error", "workflow_approval")
MESSAGE = {"workflow_url": "u", "approval_node_name": "n", "approval_status": "s", "job_metadata": "{}", "url": "u"}


def needs(condition: object, name: str, said: str) -> None:
    if not condition:
        raise Refused(400, {name: [said]})


class FakeAwx:
    """An AWX on a port of this machine, with one organization, kinds of credentials of its own, and a git project.

    `project` is the folder whose files every git project has. `writes` are the requests that change something:
    (method, path, body).
    """

    def __init__(self, project: Path) -> None:
        self.project = project
        self.revision = "1"
        self.objects: dict[str, dict[int, Object]] = {name: {} for name in KINDS}
        self.lists: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[int, Object] = {}
        self.writes: list[tuple[str, str, Any]] = []
        self.tokens = 0
        self._last = 0
        self._lock = threading.RLock()
        self.add("organizations", name="Default")
        self.add("credential_types", name="Vault", kind="vault", managed=True)
        self.add("credential_types", name="Source Control", kind="scm", managed=True)
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length).decode() if length else ""
                authorized = self.headers.get("Authorization", "")
                with fake._lock:
                    try:
                        status, body = fake.handle(self.command, self.path, text, authorized)
                    except Refused as refused:
                        status, body = refused.status, refused.body
                raw = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_arguments: object) -> None:
                return

        for method in ("GET", "POST", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What a test looks at and prepares

    def add(self, endpoint: str, **values: Any) -> int:
        """An object that somebody else has made; its id."""
        kind = KINDS[endpoint]
        self._last += 1
        made = {**json.loads(json.dumps(dict(kind.fields))), **dict.fromkeys(kind.references), **values}
        self.objects[endpoint][self._last] = {"id": self._last, **made}
        return self._last

    def copy_from(self, other: FakeAwx) -> None:
        """Everything that the other one has."""
        self.objects, self.lists, self.surveys = copy.deepcopy((other.objects, other.lists, other.surveys))
        self._last = other._last

    def named(self, endpoint: str, name: str) -> Object:
        key = "identifier" if endpoint == "workflow_job_template_nodes" else "name"
        (found,) = (one for one in self.objects[endpoint].values() if one[key] == name)
        return found

    def names(self) -> dict[str, list[str]]:
        """Every object by its endpoint, without what belongs to AWX."""
        found = {
            endpoint: sorted(str(one.get("name", one.get("identifier"))) for one in objects.values())
            for endpoint, objects in self.objects.items()
        }
        found["credential_types"] = [name for name in found["credential_types"] if name.startswith("Workspace")]
        return {endpoint: names for endpoint, names in found.items() if names and endpoint != "organizations"}

    def listed(self, endpoint: str, name: str, relation: str) -> list[str]:
        """The names in a related list of an object."""
        target = self.objects[KINDS[endpoint].lists[relation]]
        ids = self.lists.get((endpoint, self.named(endpoint, name)["id"], relation), [])
        return sorted(str(target[each].get("name", target[each].get("identifier"))) for each in ids)

    # Requests

    def handle(self, method: str, target: str, text: str, authorized: str) -> tuple[int, Any]:
        split = urlsplit(target)
        path = unquote(split.path)
        match = re.fullmatch(r"/api/v2/([a-z_]+)/(?:(\d+)/)?(?:([a-z_]+)/)?", path)
        if not match:
            raise Refused(404, {"detail": "Not found."})
        endpoint, number, relation = match[1], int(match[2] or 0), match[3] or ""
        body = json.loads(text) if text else {}
        if endpoint == "tokens":
            return self._token(method)
        if authorized != f"Bearer {TOKEN}":
            raise Refused(401, {"detail": "Authentication credentials were not provided."})
        if endpoint == "ping":
            return 200, {"version": "24.6.1", "ha": False}
        if method != "GET":
            self.writes.append((method, path, body))
        if endpoint == "project_updates":
            return 200, {
                "id": number, "status": "successful", "finished": "now", "failed": False, "scm_revision": self.revision,
                "url": path, "event_processing_finished": True, "elapsed": 1, "started": "now",
            }  # fmt: skip
        if endpoint not in KINDS and endpoint != "unified_job_templates":
            raise Refused(404, {"detail": "Not found."})
        if relation:
            return self._related(method, endpoint, self._one(endpoint, number), relation, body)
        if number:
            return self._detail(method, endpoint, self._one(endpoint, number), body)
        if method == "POST":
            return 201, self.shown(endpoint, self._create(endpoint, body))
        return 200, self._page(endpoint, dict(parse_qsl(split.query)))

    def _token(self, method: str) -> tuple[int, Any]:
        self.tokens += 1 if method == "POST" else -1
        return (201, {"id": 1, "token": TOKEN}) if method == "POST" else (204, None)

    def _one(self, endpoint: str, number: int) -> Object:
        found = self.objects.get(endpoint, {}).get(number)
        if found is None:
            raise Refused(404, {"detail": "Not found."})
        return found

    def _all(self, endpoint: str) -> Iterator[tuple[str, Object]]:
        for name in UNIFIED if endpoint == "unified_job_templates" else (endpoint,):
            for one in self.objects[name].values():
                yield name, one

    def _page(self, endpoint: str, query: dict[str, str]) -> Object:
        page = int(query.pop("page", "1"))
        found = [self.shown(name, one) for name, one in self._all(endpoint) if self._fits(name, one, query)]
        rest = found[page * PAGE :]
        more = "&".join(f"{key}={value}".replace(" ", "%20") for key, value in query.items())
        return {
            "count": len(found),
            "next": f"/api/v2/{endpoint}/?{more}&page={page + 1}" if rest else None,
            "previous": None,
            "results": found[(page - 1) * PAGE : page * PAGE],
        }

    def _fits(self, endpoint: str, one: Object, query: Mapping[str, str]) -> bool:
        either = [self._matches(endpoint, one, key[4:], value) for key, value in query.items() if key[:4] == "or__"]
        every = [self._matches(endpoint, one, key, value) for key, value in query.items() if key[:4] != "or__"]
        return all(every) and (any(either) or not either)

    def _matches(self, endpoint: str, one: Object, key: str, value: str) -> bool:
        kind = KINDS[endpoint]
        name, _, how = key.partition("__")
        if name in kind.lists or (name == "credentials" and "credential" in kind.references):
            own = self.lists.get((endpoint, one["id"], name), [one.get("credential")])
            return bool(set(map(str, own)) & set(value.split(",")))
        if name == "organization" and endpoint in ("workflow_approval_templates", "inventory_sources"):
            # Every unified template has one; a source has that of its inventory.
            owner = self.objects["inventories"].get(one.get("inventory") or 0, {"organization": ""})
            return str(owner["organization"]) == value
        if name not in {"id", *kind.fields, *kind.references} or how not in ("", "in", "startswith"):
            raise Refused(400, {"detail": f"{kind.type} has no field named '{name}'"})
        text = "" if one[name] is None else str(one[name])
        if how == "in":
            return text in value.split(",")
        return text.startswith(value) if how else text == value

    def shown(self, endpoint: str, one: Object) -> Object:
        """An object as AWX shows it."""
        kind = KINDS[endpoint]
        url = f"/api/v2/{endpoint}/{one['id']}/"
        related = {name: f"{url}{name}/" for name in kind.lists}
        summary: Object = {}
        for name, other in kind.references.items():
            if one[name] is not None:
                found_in, found = next(each for each in self._all(other) if each[1]["id"] == one[name])
                related[name] = f"/api/v2/{found_in}/{one[name]}/"
                summary[name] = {"id": one[name], "name": found.get("name", "")}
        if "survey_enabled" in kind.fields:
            related["survey_spec"] = f"{url}survey_spec/"
        if endpoint == "projects":
            related["update"] = f"{url}update/"
            if one.get("current_update"):
                summary["current_update"] = {"id": one["current_update"]}
        more = {"id": one["id"], "type": kind.type, "url": url, "related": related, "summary_fields": summary}
        known = {name: one[name] for name in (*kind.fields, *kind.references)}
        if endpoint == "credentials":
            known["inputs"] = self._without_secrets(one)
        return json.loads(json.dumps({**more, **known}))  # type: ignore[no-any-return]

    def _without_secrets(self, credential: Object) -> Object:
        fields = self.objects["credential_types"][credential["credential_type"]]["inputs"].get("fields", [])
        secret = {one["id"] for one in fields if one.get("secret")}
        return {name: ENCRYPTED if name in secret and value else value for name, value in credential["inputs"].items()}

    # Changes

    def _create(self, endpoint: str, body: Object) -> Object:
        kind = KINDS[endpoint]
        for name in kind.required:
            needs(body.get(name) not in (None, ""), name, "This field is required.")
        one = {**json.loads(json.dumps(dict(kind.fields))), **dict.fromkeys(kind.references), "id": 0}
        self._take(endpoint, one, body)
        self._last += 1
        one["id"] = self._last
        self.objects[endpoint][one["id"]] = one
        if endpoint == "projects" and one["scm_type"]:
            one["scm_revision"], one["current_update"] = self.revision, 9000
        return one

    def _take(self, endpoint: str, one: Object, body: Object) -> None:
        """The fields of a request, checked; nothing is changed when something is wrong."""
        kind, changed = KINDS[endpoint], dict(one)
        for name, given in body.items():
            # AWX takes null for no text.
            value = "" if given is None and isinstance(kind.fields.get(name), str) else given
            if name in kind.references:
                known = [each["id"] for _name, each in self._all(kind.references[name])]
                needs(value is None or value in known, name, f'Invalid pk "{value}" - object does not exist.')
                changed[name] = value
            elif name in kind.fields and name not in READ_ONLY:
                default = kind.fields[name]
                needs(
                    value is None or default is None or type(value) is type(default), name, f"{value!r} is not valid."
                )
                changed[name] = value
        for name in kind.required:
            needs(changed.get(name) not in (None, ""), name, "This field may not be blank.")
        self._check_unique(endpoint, changed)
        if endpoint in CHECKS:
            CHECKS[endpoint](self, changed, one, body)
        one.update(changed)

    def _check_unique(self, endpoint: str, one: Object) -> None:
        unique = KINDS[endpoint].unique
        for other in self.objects[endpoint].values():
            if unique and other["id"] != one["id"] and all(other.get(name) == one.get(name) for name in unique):
                raise Refused(400, {"__all__": [f"{KINDS[endpoint].type} with this {unique} already exists."]})

    def _detail(self, method: str, endpoint: str, one: Object, body: Object) -> tuple[int, Any]:
        if method == "PATCH":
            self._take(endpoint, one, body)
        elif method == "DELETE":
            self.remove(endpoint, one)
            # An inventory is removed in the background.
            return (202 if endpoint == "inventories" else 204), None
        return 200, self.shown(endpoint, one)

    def remove(self, endpoint: str, one: Object) -> None:
        """With what AWX takes along."""
        number = one["id"]
        used = any(each["credential_type"] == number for each in self.objects["credentials"].values())
        if endpoint == "credential_types" and used:
            raise Refused(403, {"detail": "Credential types that are in use cannot be deleted"})
        along = list(TAKES_ALONG.get(endpoint, []))
        if endpoint in UNIFIED:
            along.append(("schedules", "unified_job_template"))
        for other, name in along:
            for each in [each for each in self.objects[other].values() if each[name] == number]:
                self.remove(other, each)
        if endpoint == "workflow_job_template_nodes":
            self.objects["workflow_approval_templates"].pop(one["unified_job_template"] or 0, None)
        del self.objects[endpoint][number]
        for other, kind in KINDS.items():
            for each in self.objects[other].values():
                for name, target in kind.references.items():
                    same = target == endpoint or (target == "unified_job_templates" and endpoint in UNIFIED)
                    if same and each[name] == number:
                        each[name] = None
        for key, ids in self.lists.items():
            if KINDS[key[0]].lists[key[2]] == endpoint and number in ids:
                ids.remove(number)
        self.lists = {key: ids for key, ids in self.lists.items() if key[:2] != (endpoint, number)}
        self.surveys.pop(number, None)

    def _related(self, method: str, endpoint: str, one: Object, relation: str, body: Object) -> tuple[int, Any]:
        if relation == "survey_spec" and "survey_enabled" in KINDS[endpoint].fields:
            if method == "POST":
                check_survey(body)
                self.surveys[one["id"]] = body
                return 200, {}
            return 200, self.surveys.get(one["id"], {})
        if relation == "update" and endpoint == "projects" and method == "POST":
            one["scm_revision"] = self.revision
            return 202, {"url": "/api/v2/project_updates/9001/", "id": 9001}
        if relation == "create_approval_template" and method == "POST":
            needs(body.get("name"), "name", "This field is required.")
            approval = self._create("workflow_approval_templates", body)
            one["unified_job_template"] = approval["id"]
            return 201, self.shown("workflow_approval_templates", approval)
        target = KINDS[endpoint].lists.get(relation)
        if target is None:
            raise Refused(404, {"detail": "Not found."})
        ids = self.lists.setdefault((endpoint, one["id"], relation), [])
        if method == "POST":
            return self._associate(endpoint, one, relation, ids, self._one(target, int(body["id"])), body)
        return 200, {
            "count": len(ids),
            "next": None,
            "results": [self.shown(target, self._one(target, n)) for n in ids],
        }

    def _associate(
        self, endpoint: str, one: Object, relation: str, ids: list[int], other: Object, body: Object
    ) -> tuple[int, Any]:
        if body.get("disassociate"):
            ids.remove(other["id"])
        elif other["id"] not in ids:
            if relation == "credentials":
                kind = self.objects["credential_types"][other["credential_type"]]
                kinds = {self.objects["credentials"][each]["credential_type"] for each in ids}
                if kind["id"] in kinds and kind["kind"] != "vault":
                    raise Refused(400, {"error": f"Cannot assign multiple {kind['name']} credentials."})
                if kind["kind"] not in ("ssh", "vault", "cloud", "net", "kubernetes"):
                    raise Refused(400, {"error": f"Cannot assign a Credential of kind `{kind['kind']}`."})
            if relation in NEXT and other["workflow_job_template"] != one["workflow_job_template"]:
                raise Refused(400, {"Error": "Cannot associate nodes of two workflows."})
            ids.append(other["id"])
        return 204, None

    def playbooks(self) -> set[str]:
        """The files that AWX offers as playbooks: those with a line that begins a play or imports one."""
        line = re.compile(r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?include|(ansible\.builtin\.)?import_playbook):")
        found = set()
        for path in self.project.rglob("*.y*ml"):
            inside = path.relative_to(self.project)
            skipped = {"roles", "tasks", "group_vars", "host_vars"} & set(inside.parts)
            if skipped or any(part.startswith(".") for part in inside.parts):
                continue
            if any(line.match(each) for each in path.read_text(encoding="utf-8").splitlines()):
                found.add(str(inside))
        return found


# The rules of single kinds: (AWX, as it would be, as it is, request)


def check_credential_type(_awx: FakeAwx, one: Object, before: Object, _body: Object) -> None:
    needs(one["kind"] in ("cloud", "net"), "kind", f"Must be 'cloud' or 'net', not {one['kind']}")
    used = any(each["credential_type"] == one["id"] for each in _awx.objects["credentials"].values())
    if used and before["inputs"] != one["inputs"]:
        raise Refused(403, {"detail": "Modifications to inputs are not allowed for credential types that are in use"})
    for name, schema in (("inputs", INPUTS), ("injectors", INJECTORS)):
        mistakes = [error.message for error in Draft7Validator(schema).iter_errors(one[name])]
        needs(not mistakes, name, "; ".join(mistakes))
    fields = one["inputs"].get("fields", [])
    ids = [each["id"] for each in fields]
    needs(len(ids) == len(set(ids)) and "tower" not in ids, "inputs", "field IDs must be unique, and not tower")
    for name in one["injectors"].get("env", {}):
        said = f"Environment variable {name} may affect Ansible configuration so its use is not allowed in credentials."
        needs(not name.startswith("ANSIBLE_"), "injectors", said)
    files = [name.partition(".")[2] for name in one["injectors"].get("file", {})]
    names = {**dict.fromkeys(ids, "EXAMPLE"), "tower": {"filename": dict.fromkeys(files, "EXAMPLE_FILENAME")}}
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for part in ("file", "env"):
        for key, template in one["injectors"].get(part, {}).items():
            try:
                environment.from_string(template).render(names)
            except jinja2.TemplateError as error:
                raise Refused(400, {"injectors": [f"{key} uses an undefined field ({error})"]}) from error


def check_credential(awx: FakeAwx, one: Object, before: Object, body: Object) -> None:
    if not one["id"] and not one["organization"]:
        raise Refused(400, {"detail": "Missing 'user', 'team', or 'organization'."})
    inputs = awx.objects["credential_types"][one["credential_type"]]["inputs"]
    for name, value in one["inputs"].items():
        known = name in [each["id"] for each in inputs.get("fields", [])]
        needs(known or not inputs, "inputs", f"Additional properties are not allowed ('{name}' was unexpected)")
        needs(isinstance(value, str), "inputs", f"{value!r} is not of type 'string'")
        if value == ENCRYPTED:
            needs(one["id"], "inputs", f"$encrypted$ is a reserved keyword, and cannot be used for {name}.")
            one["inputs"] = {**one["inputs"], name: before["inputs"].get(name, "")}


def check_project(_awx: FakeAwx, one: Object, _before: Object, _body: Object) -> None:
    needs(one["scm_type"] in ("", "git", "svn", "insights", "archive"), "scm_type", "not a valid choice")
    needs(not one["scm_type"] or one["scm_url"], "scm_url", "SCM URL is required.")


def check_inventory_source(awx: FakeAwx, one: Object, _before: Object, body: Object) -> None:
    for name in json.loads(one["source_vars"] or "{}"):
        needs(name not in ("HOME", "USER", "_", "TERM", "PATH"), "source_vars", f"`{name}` is prohibited")
    if one["source"] == "scm":
        needs(one["source_project"], "source_project", "Project required for scm type sources.")
        manual = not awx.objects["projects"][one["source_project"]]["scm_type"]
        needs(not manual, "source_project", "Cannot use manual project for SCM-based inventory.")
    if body.get("credential"):
        credential = awx.objects["credentials"][body["credential"]]
        kind = awx.objects["credential_types"][credential["credential_type"]]["kind"]
        said = "Credentials of type machine, source control, insights and vault are disallowed for custom inventory sources."
        needs(kind == "cloud", "credential", said)


def check_job_template(awx: FakeAwx, one: Object, _before: Object, _body: Object) -> None:
    needs(one["project"], "project", "Job Templates must have a project assigned.")
    prompts = one["inventory"] or one["ask_inventory_on_launch"]
    needs(prompts, "inventory", "You must either set a default value or ask to prompt on launch.")
    needs(one["playbook"], "playbook", "Must select playbook for project.")
    project = awx.objects["projects"][one["project"]]
    # Whatever was sent.
    one["organization"] = project["organization"]
    known = project["scm_type"] and one["playbook"] in awx.playbooks()
    needs(known, "playbook", "Playbook not found for project.")
    needs(one["job_slice_count"] >= 1, "job_slice_count", "Ensure this value is greater than or equal to 1.")


def check_schedule(_awx: FakeAwx, one: Object, _before: Object, _body: Object) -> None:
    rule = one["rrule"]
    starts = re.findall(r".*?(DTSTART(;[^:]+)?\:[0-9]+T[0-9]+Z?)", rule)
    needs(len(starts) == 1, "rrule", "Valid DTSTART required in rrule.")
    needs(not re.findall(r".*?(DTSTART:[0-9]+T[0-9]+) ", rule), "rrule", "DTSTART cannot be a naive datetime.")
    rules = re.findall(r".*?(RULE\:[^\s]*)", rule)
    needs(rules, "rrule", "One or more rule required in rrule.")
    for each in rules:
        needs("interval" in each.lower(), "rrule", f"INTERVAL required in rrule: {each}")
        needs("secondly" not in each.lower(), "rrule", f"SECONDLY is not supported: {each}")


def check_notification(_awx: FakeAwx, one: Object, before: Object, body: Object) -> None:
    needs(one["notification_type"] == "webhook", "notification_type", "only this one is known here")
    given = dict(one["notification_configuration"])
    for name, (kind, default) in WEBHOOK.items():
        if name not in given and default is not None:
            given[name] = default
        needs(name in given, "notification_configuration", f"Missing required fields: {name}")
        needs(type(given[name]) is kind, "notification_configuration", f"{name} incorrect type")
    if given["password"]:
        given["password"] = ENCRYPTED
    one["notification_configuration"] = given
    messages = one["messages"] or {}
    for event, said in messages.items():
        needs(event in EVENTS, "messages", f"Event '{event}' invalid")
        for words in (said or {}).values() if event == "workflow_approval" else [said]:
            for part, text in (words or {}).items():
                needs(part in ("message", "body"), "messages", f"Message type '{part}' invalid")
                environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
                try:
                    environment.from_string(text or "").render(MESSAGE)
                except jinja2.TemplateError as error:
                    raise Refused(400, {"messages": [f"Field '{error}' unavailable"]}) from error
    if one["id"] and "messages" in body and before["messages"]:
        one["messages"] = {**before["messages"], **{event: messages.get(event) for event in EVENTS}}


def check_survey(spec: Object) -> None:
    """Raises Refused with what AWX says about a survey."""

    def must(condition: object, said: str) -> None:
        if not condition:
            raise Refused(400, {"error": said})

    for name, kind in (("name", str), ("description", str), ("spec", list)):
        must(isinstance(spec.get(name), kind), f"Field '{name}' is missing from survey spec.")
    must(spec["spec"], "'spec' doesn't contain any items.")
    variables = set()
    for number, question in enumerate(spec["spec"]):
        for name in ("type", "question_name", "variable", "required"):
            must(name in question, f"'{name}' missing from survey question {number}")
            expected = bool if name == "required" else str
            must(isinstance(question[name], expected), f"'{name}' in survey question {number} has the wrong type.")
        must(question["variable"] not in variables, f"'variable' {question['variable']} duplicated")
        variables.add(question["variable"])
        must(question["type"] in QUESTIONS, f"'{question['type']}' is not an allowed question type.")
        default = question.get("default", "")
        must(default == "" or isinstance(default, QUESTIONS[question["type"]]), "Default value of the wrong type.")
        for name in ("min", "max"):
            value = question.get(name)
            must(value is None or type(value) is int, f"The {name} limit is expected to be integer.")
        if question["type"] in ("multiplechoice", "multiselect"):
            must("choices" in question, "must specify choices.")
            must(
                not default or default in question["choices"],
                "Default choice must be answered from the choices listed.",
            )


CHECKS: dict[str, Callable[[FakeAwx, Object, Object, Object], None]] = {
    "credential_types": check_credential_type,
    "credentials": check_credential,
    "projects": check_project,
    "inventory_sources": check_inventory_source,
    "job_templates": check_job_template,
    "schedules": check_schedule,
    "notification_templates": check_notification,
}
