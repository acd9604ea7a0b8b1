# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real twin over TLS for every test in this directory, and clients that know no more than the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from w365_simulator.certificates import AppCertificate, make_certificate
from w365_simulator.testing import Twin, launch

TENANT = "36500000-0000-4000-8000-000000000001"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
LIMITED = "36500000-0000-4000-8000-0000000000a2"
EXPIRED = "36500000-0000-4000-8000-0000000000a3"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"


def make_seed(certificate: AppCertificate) -> dict[str, Any]:
    """Return a small tenant and one environment."""

    def person(given_name: str, surname: str | None, **more: Any) -> dict[str, Any]:
        upn = f"{given_name}.{surname or 'only'}@contoso.com"
        return {"user_principal_name": upn, "given_name": given_name, "surname": surname, "mail": upn, **more}

    return {
        "tenants": [
            {
                "id": TENANT,
                "display_name": "Contoso",
                "domains": [
                    {"name": "contoso.com", "default": True},
                    {"name": "contoso.onmicrosoft.com", "initial": True},
                ],
                "applications": [
                    {
                        "client_id": CLIENT,
                        "display_name": "Workspace 365 provisioning",
                        "client_secret": "client-secret-of-the-twin",
                        "certificates": [certificate.public],
                        "federated_subjects": ["system:serviceaccount:contoso:provisioning"],
                    },
                    {
                        "client_id": LIMITED,
                        "client_secret": "limited-secret-of-the-twin",
                        "permissions": ["GroupMember.Read.All"],
                    },
                    {"client_id": EXPIRED, "client_secret": "expired-secret-of-the-twin", "secret_expired": True},
                ],
                "users": [
                    person("Adele", "Vance"),
                    person("Alex", "Wilber"),
                    person("Megan", "Bowen"),
                    person("Lee", "Gu", account_enabled=False),
                    person("Allan", None),
                    {
                        "user_principal_name": "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com",
                        "given_name": "Lynne",
                        "surname": "Robbins",
                        "display_name": "Lynne O'Robbins",
                        "mail": "lynne@fabrikam.com",
                        "user_type": "Guest",
                    },
                ],
                "groups": [
                    {
                        "display_name": "Sales",
                        "mail_enabled": True,
                        "security_enabled": False,
                        "group_types": ["Unified"],
                        "members": ["adele.vance@contoso.com", "alex.wilber@contoso.com"],
                        "owners": ["megan.bowen@contoso.com"],
                    },
                    {
                        "display_name": "Everybody",
                        "members": [
                            "megan.bowen@contoso.com",
                            {"group": "Sales"},
                            {"group": "Loop"},
                            "alex.wilber@contoso.com",
                        ],
                    },
                    {"display_name": "Loop", "members": [{"group": "Everybody"}]},
                ],
                "directory_roles": [
                    {
                        "template_id": GLOBAL_ADMINISTRATOR,
                        "display_name": "Global Administrator",
                        "members": ["megan.bowen@contoso.com"],
                    }
                ],
            }
        ],
        "environments": [
            {
                "name": "contoso",
                "users": [
                    {
                        "upn": "megan.bowen@contoso.com",
                        "first_name": "Megan",
                        "last_name": "Bowen",
                        "administrator": True,
                    },
                    {"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "Vance"},
                    {"upn": "lee.gu@contoso.com", "first_name": "Lee", "last_name": "Gu", "active": False},
                ],
                "groups": [{"name": "Sales", "description": "Sells", "members": ["adele.vance@contoso.com"]}],
            }
        ],
    }


@dataclass
class Api:
    """Speaks to the twin's surfaces as any client would. Every method returns the raw response."""

    twin: Twin
    session: requests.Session
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def provisioning(self, method: str, path: str, body: Any = None, **headers: str | None) -> requests.Response:
        """Call the Provisioning API; a header given as None is left out."""
        wanted: dict[str, str | None] = {
            "ProvisioningKey": self.twin.provisioning_key,
            "X-Requested-With": "XMLHttpRequest",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return self.session.request(
            method, f"{self.twin.instance_url}/Provisioning{path}", json=body, headers=given, timeout=30
        )

    def scim(
        self, method: str, path: str, body: Any = None, *, environment: str = "contoso", token: str = "", **query: Any
    ) -> requests.Response:
        """Call the SCIM service of an environment."""
        headers = {
            "Authorization": f"Bearer {token or self.twin.scim_token}",
            "Content-Type": "application/scim+json",
        }
        url = f"{self.twin.scim_url(environment)}{path}"
        return self.session.request(method, url, json=body, headers=headers, params=query, timeout=30)

    def scim_patch(self, path: str, *operations: dict[str, Any]) -> requests.Response:
        """Send a PATCH with these operations."""
        return self.scim("PATCH", path, {"schemas": [PATCH_SCHEMA], "Operations": list(operations)})

    def scim_user(self, upn: str) -> Any:
        """Return a user that exists."""
        answer = self.scim("GET", "/Users", filter=f'userName eq "{upn}"').json()
        assert answer["totalResults"] == 1
        return answer["Resources"][0]

    def scim_group(self, name: str) -> Any:
        """Return a group that exists."""
        answer = self.scim("GET", "/Groups", filter=f'displayName eq "{name}"').json()
        assert answer["totalResults"] == 1
        return answer["Resources"][0]

    def token_answer(self, tenant: str = "contoso.com", **form: str) -> requests.Response:
        """Ask the token endpoint; fields of the form replace good ones, and empty ones are left out."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": "client-secret-of-the-twin",
            "scope": f"{self.twin.graph_url}/.default",
            **form,
        }
        data = {name: value for name, value in fields.items() if value}
        return self.session.post(f"{self.twin.url}/{tenant}/oauth2/v2.0/token", data=data, timeout=30)

    def graph(
        self,
        path: str,
        *,
        client: tuple[str, str] = (CLIENT, "client-secret-of-the-twin"),
        eventual: bool = False,
        body: Any = None,
        prefer: str = "",
        **query: Any,
    ) -> requests.Response:
        """Call Graph: GET, or POST when there is a body. Names of query options go without their dollar sign."""
        if client not in self.tokens:
            answer = self.token_answer(client_id=client[0], client_secret=client[1])
            self.tokens[client] = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {self.tokens[client]}"}
        if eventual:
            headers["ConsistencyLevel"] = "eventual"
        if prefer:
            headers["Prefer"] = prefer
        url = path if path.startswith("https://") else f"{self.twin.graph_url}/v1.0{path}"
        params = {f"${name}": value for name, value in query.items()}
        return self.session.request(
            "GET" if body is None else "POST", url, params=params, headers=headers, json=body, timeout=30
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        client: tuple[str, str] = (CLIENT, "client-secret-of-the-twin"),
        **headers: str,
    ) -> requests.Response:
        """Call Graph with any method, and with a new token, because the permissions may have changed."""
        answer = self.token_answer(client_id=client[0], client_secret=client[1])
        given = {
            "Authorization": f"Bearer {answer.json()['access_token']}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.session.request(method, f"{self.twin.graph_url}/v1.0{path}", json=body, headers=given, timeout=30)

    def graph_id(self, kind: str, **wanted: str) -> str:
        """Return the id of a user or group."""
        name, value = next(iter(wanted.items()))
        found = self.graph(f"/{kind}", filter=f"{name} eq '{value}'").json()["value"]
        assert len(found) == 1
        return str(found[0]["id"])


def make_session(twin: Twin) -> requests.Session:
    """Return a session that trusts the twin's authority and nothing of the surroundings."""
    session = requests.Session()
    session.trust_env = False
    session.verify = twin.ca_path
    return session


@pytest.fixture(scope="session")
def certificate() -> AppCertificate:
    """Return the certificate that is registered on the application."""
    return make_certificate()


@pytest.fixture(scope="session")
def other_certificate() -> AppCertificate:
    """Return a certificate that nobody has registered."""
    return make_certificate()


@pytest.fixture(scope="session")
def seed(certificate: AppCertificate) -> dict[str, Any]:
    """Return the seed of most tests."""
    return make_seed(certificate)


@pytest.fixture(scope="session")
def running_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """Start one process for all tests."""
    twin = launch(tmp_path_factory.mktemp("twin"))
    yield twin
    twin.stop()


@pytest.fixture
def twin(running_twin: Twin, seed: dict[str, Any]) -> Twin:
    """Return the twin as new: seeded, with its switches at the start, without faults, with an empty log."""
    running_twin.reset(seed)
    return running_twin


@pytest.fixture
def api(twin: Twin) -> Iterator[Api]:
    """Return a client."""
    with make_session(twin) as session:
        yield Api(twin, session)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return Path(__file__).resolve().parents[2]
