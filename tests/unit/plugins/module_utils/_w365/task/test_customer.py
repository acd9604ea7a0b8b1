# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a SCIM address belongs to an environment: what proves it, what contradicts, and what tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.provisioning import ProvisioningClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim import ScimClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import GuardError, InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.customer import (
    UNTOLD,
    check_customer,
    refuse_scim_of_new,
)

Scripted = Callable[..., Any]
HOST = "https://w365.contoso.com"
ENVIRONMENTS = "/Provisioning/Environment/"
USERS = "/Provisioning/contoso/User/"
MISSING = (404, "")


def person(name: str, domain: str = "contoso.com", **more: Any) -> dict[str, Any]:
    return {"Id": name, "EmailAddress": f"{name}@{domain}", "IsAdministrator": False, "IsActive": True, **more}


def resource(name: str, domain: str = "contoso.com", **more: Any) -> dict[str, Any]:
    return {"id": name, "userName": f"{name}@{domain}", "active": True, **more}


ALLAN = person("allan", IsAdministrator=True)
NESTOR, PATTI = person("nestor"), person("patti")


def task(
    http: Any, scim_url: str, environment: str = "contoso", *, instance: str = HOST, confirmed: str | None = None
) -> Any:
    """What the check uses of a task. Both services answer from one script."""
    return SimpleNamespace(
        environment=environment.lower(),
        options={"scim_url": scim_url, "scim_environment": confirmed},
        has_provisioning=bool(instance),
        provisioning=ProvisioningClient(http, instance_url=instance or HOST, key="key", endpoints=ENDPOINTS),
        scim=ScimClient(http, url=scim_url, token="token", endpoints=ENDPOINTS),
    )


def server(
    names: Any = ("contoso", "fabrikam"), known: Any = (ALLAN, NESTOR, PATTI), scim: Any = ()
) -> Callable[[str, str, Any], Any]:
    """A script: the names of the environments, the users of contoso, and the first page of SCIM; a tuple is an answer."""

    def answer(method: str, path: str, _body: Any) -> Any:
        assert method == "GET", path
        where = urlsplit(path).path
        users = USERS.replace("contoso", where.split("/")[2]) if where.startswith("/Provisioning/") else ""
        if where.endswith("/Users"):
            return scim if scim == MISSING else (200, {"totalResults": len(scim), "Resources": list(scim)})
        found = {ENVIRONMENTS: names, users: known}[where]
        return found if found == MISSING else (200, list(found))

    return answer


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (f"{HOST}/contoso/scim/v2", "contoso"),
        (f"{HOST}:443/CONTOSO/scim/v2/?aadOptscim062020", "Contoso"),
        (f"{HOST}/api/scim/c%6Fntoso", "contoso"),
        (f"{HOST}/contoso/scim?customer=fabrikam", "contoso"),
        (f"{HOST}/contosobv/scim", "Contoso B.V."),
    ],
)
def test_the_own_name_in_the_address_proves_it_without_a_request(
    url: str, environment: str, scripted: Scripted
) -> None:
    http = scripted([])
    assert check_customer(task(http, url, environment))
    assert http.calls == []


@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}/fabrikam/scim/v2",
        f"{HOST}/Fabrikam/scim/v2",
        f"{HOST}/tenants/f%61brikam/scim",
        f"{HOST}/scim/v2?environment=fabrikam",
        "https://fabrikam.w365.contoso.com/scim/v2",
        f"{HOST}:8443/fabrikam/scim/v2",
    ],
)
def test_the_name_of_another_environment_in_the_address_contradicts(url: str, scripted: Scripted) -> None:
    http = scripted(server())
    with pytest.raises(GuardError, match=r"another environment, 'fabrikam'.*'contoso'.*scim_environment=contoso"):
        check_customer(task(http, url))
    assert [path for _method, path, _body in http.calls] == [ENVIRONMENTS]


@pytest.mark.parametrize("url", [f"{HOST}/fabrikam/scim?customer=contoso", f"{HOST}/fabrikam/scim#/contoso"])
def test_what_is_never_sent_proves_nothing(url: str, scripted: Scripted) -> None:
    """The requests go to /fabrikam/scim/Users, whatever stands behind the path."""
    with pytest.raises(GuardError, match="another environment, 'fabrikam'"):
        check_customer(task(scripted(server()), url))
    nobody = scripted(server(scim=()))
    assert not check_customer(task(nobody, f"{HOST}/scim?environment=contoso"))


TENANTS = ("tenants", "contoso", "fabrikam")


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (f"{HOST}/tenants/fabrikam/scim", "tenants"),
        (f"{HOST}/fabrikam/contoso/scim", "contoso"),
        ("https://contoso.w365.contoso.com/fabrikam/scim", "contoso"),
    ],
)
def test_an_address_that_names_another_environment_too_is_refused(
    url: str, environment: str, scripted: Scripted
) -> None:
    http = scripted(server(names=TENANTS, scim=()))
    with pytest.raises(GuardError, match=r"another environment, 'fabrikam'.*scim_environment="):
        check_customer(task(http, url, environment))


def test_people_tell_which_of_two_names_is_a_word_of_the_path(scripted: Scripted) -> None:
    url = f"{HOST}/tenants/contoso/scim"
    assert check_customer(task(scripted(server(names=TENANTS, scim=[resource("nestor")])), url))
    with pytest.raises(GuardError, match="another environment, 'tenants'"):
        check_customer(task(scripted(server(names=TENANTS, scim=[resource("allan")])), url))


def test_other_words_of_the_path_name_nobody(scripted: Scripted) -> None:
    """The first run into an empty environment: one request for the names, and none for people."""
    http = scripted(server(scim=(), known=()))
    assert check_customer(task(http, f"{HOST}/tenants/contoso/scim"))
    assert [path for _method, path, _body in http.calls] == [ENVIRONMENTS]
    unlisted = server(names=MISSING, scim=(), known=())
    assert not check_customer(task(scripted(unlisted), f"{HOST}/tenants/contoso/scim")), "any word may be a name"


@pytest.mark.parametrize("name", ["scim", "api", "v2", "users"])
def test_words_of_addresses_are_no_names(name: str, scripted: Scripted) -> None:
    """Neither for nor against: an environment may have such a name."""
    fabrikam = server(names=(name, "fabrikam"))
    with pytest.raises(GuardError, match="'fabrikam'"):
        check_customer(task(scripted(fabrikam), f"{HOST}/fabrikam/api/scim/v2/users", name))
    right = server(names=("contoso", name), scim=(resource("nestor"),))
    assert check_customer(task(scripted(right), f"{HOST}/api/scim/v2/4711/users"))


def test_a_path_that_leaves_its_environment_proves_nothing(scripted: Scripted) -> None:
    wrong = server(scim=(resource("lee", "fabrikam.com"), resource("joni", "fabrikam.com")))
    for path in ("contoso/../fabrikam", "contoso/%2e%2e/fabrikam", "contoso/..%2ffabrikam", "contoso/..%5Cfabrikam"):
        with pytest.raises(GuardError, match="2 of the first 2"):
            check_customer(task(scripted(wrong), f"{HOST}/{path}/scim/v2"))


def test_an_environment_that_does_not_exist_has_no_scim(scripted: Scripted) -> None:
    http = scripted(server(names=("fabrikam",)))
    with pytest.raises(GuardError, match=r"no environment 'contoso'.*Leave scim_url out until then"):
        check_customer(task(http, "https://scim.example.com/4711"))
    new = SimpleNamespace(environment="contoso", options={"scim_url": "https://scim.example.com/4711"})
    with pytest.raises(GuardError, match=r"'contoso' does not exist yet, and scim_url is given"):
        refuse_scim_of_new(new)  # type: ignore[arg-type]
    new.options["scim_url"] = ""
    refuse_scim_of_new(new)  # type: ignore[arg-type]


OPAQUE = [f"{HOST}/scim/3f2a", "https://scim.example.com/contoso/v2", "https://scim.example.com/fabrikam/v2"]
"""Addresses that say nothing. On another host a name may be anything, such as that of the partner."""


@pytest.mark.parametrize("url", OPAQUE)
@pytest.mark.parametrize(
    "scim",
    [
        [resource("nestor"), resource("patti")],
        # In other capitals.
        [{**resource("nestor"), "userName": "Nestor@Contoso.com"}],
        # One of them was created a moment ago.
        [resource("nestor"), resource("patti"), resource("megan")],
        # Somebody who left is on the list of one service only.
        [resource("nestor"), resource("grady", active=False), resource("lynne", active=False)],
    ],
    ids=["same", "capitals", "new", "inactive"],
)
def test_people_of_both_prove_it(url: str, scim: list[dict[str, Any]], scripted: Scripted) -> None:
    http = scripted(server(scim=scim))
    assert check_customer(task(http, url))
    assert [urlsplit(path).path for _method, path, _body in http.calls] == [
        ENVIRONMENTS,
        USERS,
        *[f"{urlsplit(url).path}/Users"] * 2,
    ]


@pytest.mark.parametrize("url", OPAQUE)
@pytest.mark.parametrize(
    ("known", "scim"),
    [
        ([ALLAN, NESTOR], [resource("lee", "fabrikam.com")]),
        # The partner's administrator is the same in both.
        ([ALLAN, NESTOR], [resource("allan"), resource("lee", "fabrikam.com"), resource("joni", "fabrikam.com")]),
        # A consultant works for both customers.
        ([ALLAN, NESTOR], [resource("nestor"), *(resource(f"u{n}", "fabrikam.com") for n in range(9))]),
        # A new environment has its first administrator only.
        ([ALLAN], [resource(f"u{n}", "fabrikam.com") for n in range(40)]),
        ([], [resource("lee", "fabrikam.com")]),
    ],
    ids=["nobody", "administrator", "consultant", "new", "empty"],
)
def test_people_of_another_customer_contradict(url: str, known: list[Any], scim: list[Any], scripted: Scripted) -> None:
    http = scripted(server(known=known, scim=scim))
    with pytest.raises(GuardError, match=r"does not belong to environment 'contoso'") as refusal:
        check_customer(task(http, url))
    assert "fabrikam" not in refusal.value.message.replace(url, ""), "people of another customer are nobody's business"
    # One request is behind the end of SCIM's list, which shows that its total counts everything.
    assert len(http.calls) == 4


@pytest.mark.parametrize(
    ("names", "known", "scim"),
    [
        (("contoso",), [ALLAN], ()),
        (("contoso",), [ALLAN], [resource("grady", active=False)]),
        # The partner's administrator may be the same in every environment.
        (("contoso", "fabrikam"), [ALLAN, NESTOR], [resource("allan")]),
        (("contoso", "fabrikam"), [ALLAN], [resource("allan"), resource("grady", active=False)]),
        (("contoso",), MISSING, [resource("nestor")]),
        (MISSING, MISSING, [resource("nestor")]),
        (MISSING, [ALLAN], MISSING),
    ],
    ids=[
        "before the first cycle",
        "nobody active",
        "administrator",
        "new",
        "no list of users",
        "no lists",
        "no SCIM",
    ],
)
def test_where_nothing_can_be_told(names: Any, known: Any, scim: Any, scripted: Scripted) -> None:
    """It is not refused. The task warns, always in the same words, so that Ansible shows them once."""
    assert not check_customer(task(scripted(server(names, known, scim)), OPAQUE[0]))
    assert "scim_environment=contoso" in UNTOLD.format(name="contoso")


@pytest.mark.parametrize("instance", [HOST, ""])
def test_somebody_says_to_whom_it_belongs(instance: str, scripted: Scripted) -> None:
    http = scripted([])
    for name in ("contoso", "Contoso"):
        assert check_customer(task(http, OPAQUE[0], instance=instance, confirmed=name))
    for url in (OPAQUE[0], f"{HOST}/contoso/scim/v2"):
        with pytest.raises(GuardError, match=r"belongs to environment 'fabrikam', but .* environment 'contoso'"):
            check_customer(task(http, url, instance=instance, confirmed="fabrikam"))
    assert http.calls == []


def test_an_address_that_is_none_is_refused_in_words(scripted: Scripted) -> None:
    broken = task(scripted([]), f"{HOST}/contoso/scim/v2")
    broken.options["scim_url"] = "https://w365.contoso.com:port/"
    with pytest.raises(InputError, match="scim_url"):
        check_customer(broken)
