# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SCIM client against scripted answers: paging that can be trusted, look-ups, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim import (
    PAGE,
    ScimClient,
    checked_resource,
    patch_body,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.values import OddValueError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AlreadyExistsError,
    AnswerError,
    AuthenticationError,
    InputError,
    NotFoundError,
    UnreliableAnswerError,
    ValidationError,
)

URL = "https://w365.contoso.com/contoso/scim/v2"
TOKEN = "token-of-the-scim-service"
Scripted = Callable[..., Any]


def client(http: Any, url: str = URL) -> ScimClient:
    return ScimClient(http, url=url, token=TOKEN, endpoints=ENDPOINTS)


def resources(*ids: str) -> list[dict[str, str]]:
    return [{"id": id, "userName": f"{id}@contoso.com"} for id in ids]


def page(*ids: str, total: int, **more: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"totalResults": total, "Resources": resources(*ids), **more}


def listed(http: Any) -> list[str]:
    return [str(resource["id"]) for resource in client(http).pages("scim.user.list")]


def starts(http: Any) -> list[str]:
    return [re.search(r"startIndex=(\d+)", path).group(1) for _method, path, _body in http.calls]  # type: ignore[union-attr]


# ---- paging


def test_one_page(scripted: Scripted) -> None:
    http = scripted([page("a", "b", total=2), page(total=2)])
    assert listed(http) == ["a", "b"]
    # Whether the total counts everything or only the page shows behind its end, once per session.
    calls = [("GET", f"/contoso/scim/v2/Users?startIndex={start}&count={PAGE}", None) for start in (1, 3)]
    assert http.calls == calls


def test_short_pages_are_followed_by_what_really_came(scripted: Scripted) -> None:
    http = scripted([page("a", "b", total=4, itemsPerPage=100), page("c", total=4), page("d", total=4)])
    assert listed(http) == ["a", "b", "c", "d"]
    assert starts(http) == ["1", "3", "4"]


def test_an_empty_directory(scripted: Scripted) -> None:
    for answer in (page(total=0), (200, {"totalResults": 0}), (200, {"totalResults": 0, "Resources": None})):
        assert listed(scripted([answer])) == []


def test_names_of_a_listing_have_no_case(scripted: Scripted) -> None:
    http = scripted(
        [
            (200, {"TOTALRESULTS": "2", "resources": [{"ID": "a", "userName": "a@contoso.com"}]}),
            (200, {"totalresults": 2, "resources": [{"Id": "b", "userName": "b@contoso.com"}]}),
        ]
    )
    names = [resource["userName"] for resource in client(http).pages("scim.user.list")]
    assert names == ["a@contoso.com", "b@contoso.com"]


def test_a_listing_that_changes_is_read_again(scripted: Scripted) -> None:
    changed = [page("a", "b", total=4), page("b", "c", total=4)]
    http = scripted([*changed, page("a", "b", total=4), page("c", "d", total=4)])
    assert listed(http) == ["a", "b", "c", "d"]
    with pytest.raises(UnreliableAnswerError, match="'b' came twice after 2"):
        listed(scripted(changed * 3))


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([page("a", "b", total=3), page(total=3)] * 3, "an empty page followed 2 of 3"),
        ([page(total=3)] * 3, "an empty page followed 0 of 3"),
        # A server that takes no notice of startIndex.
        ([page("a", "b", total=3), page("a", "b", total=3)] * 3, "a page was repeated after 2"),
        ([(200, [])], "not a SCIM ListResponse"),
        ([(200, "")], "not a SCIM ListResponse"),
        ([(200, "7")], "not a SCIM ListResponse"),
    ],
)
def test_a_listing_that_cannot_be_trusted_is_no_listing(scripted: Scripted, answers: list[Any], reason: str) -> None:
    with pytest.raises(AnswerError, match=reason) as failure:
        listed(scripted(answers))
    assert "the listing is not reliable" in failure.value.message
    assert "Nothing was changed" in failure.value.message


# ---- look-ups


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("adele@contoso.com", "adele@contoso.com"),
        ("o'irvin@contoso.com", "o'irvin@contoso.com"),
        ('so-called "friends"', 'so-called \\"friends\\"'),
        ("back\\slash", "back\\\\slash"),
        ('\\" or userName pr', '\\\\\\" or userName pr'),
    ],
)
def test_a_look_up_is_a_single_eq_that_nobody_breaks_out_of(scripted: Scripted, value: str, literal: str) -> None:
    http = scripted([(200, {"totalResults": 1, "Resources": [{"id": "a", "displayName": value}]})])
    assert client(http).find("scim.group.list", "displayName", value) == [{"id": "a", "displayName": value}]
    assert len(http.calls) == 1
    assert http.calls[0][1].startswith(f'/contoso/scim/v2/Groups?filter=displayName eq "{literal}"&')


# ---- calling


def test_every_request_carries_the_token_and_nothing_of_entra_s_dialect(scripted: Scripted) -> None:
    http = scripted([(204, ""), (200, {})])
    found = client(http, f"{URL}/?aadOptscim062020")
    found.call("scim.user.patch", object_id="a;b c", body=patch_body([{"op": "remove", "path": "x"}]))
    found.call("scim.config")
    assert http.calls[0][:2] == ("PATCH", "/contoso/scim/v2/Users/a%3Bb%20c")
    assert http.calls[0][2] == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "x"}],
    }
    assert http.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert http.headers[0]["Content-Type"] == "application/scim+json"
    assert "Content-Type" not in http.headers[1]
    assert all(headers["Accept"].startswith("application/scim+json") for headers in http.headers)


@pytest.mark.parametrize(
    ("answer", "decoded"), [((204, ""), None), ((200, {"id": "a"}), {"id": "a"}), ((200, ""), None)]
)
def test_a_patch_may_be_answered_either_way(scripted: Scripted, answer: Any, decoded: Any) -> None:
    assert client(scripted([answer])).call("scim.user.patch", object_id="a", body=patch_body([])) == decoded


@pytest.mark.parametrize(
    ("status", "kind", "parts"),
    [
        (400, ValidationError, ["invalidValue: is odd", "HTTP 400"]),
        (401, AuthenticationError, ["scim_token", "still enabled", "is odd"]),
        (403, AuthenticationError, ["scim_token", "still enabled"]),
        (404, NotFoundError, ["Check scim_url", "without /Users"]),
        (409, AlreadyExistsError, ["HTTP 409, GET /Users"]),
        (302, AnswerError, ["Tokens are not sent to the target of a redirect"]),
        (500, AnswerError, ["HTTP 500"]),
    ],
)
def test_refusals(scripted: Scripted, status: int, kind: type[Exception], parts: list[str]) -> None:
    http = scripted([(status, {"scimType": "invalidValue", "detail": "is odd", "status": str(status)})])
    with pytest.raises(kind) as refusal:
        client(http).call("scim.user.list")
    assert type(refusal.value) is kind
    for part in parts:
        assert part in str(refusal.value)


def test_an_object_that_is_not_there_has_nothing_to_do_with_the_address(scripted: Scripted) -> None:
    with pytest.raises(NotFoundError) as refusal:
        client(scripted([(404, "")])).call("scim.user.get", object_id="a")
    assert "scim_url" not in refusal.value.message


def test_a_web_page_is_told(scripted: Scripted) -> None:
    with pytest.raises(AnswerError, match=r"not JSON: an HTML page: Sign in.*Check scim_url"):
        client(scripted([(200, "<html>Sign in</html>")])).call("scim.user.list")


@pytest.mark.parametrize("repeated", [True, False])
def test_gone_after_our_own_second_try_is_done(scripted: Scripted, repeated: bool) -> None:
    found = client(scripted([(404, "", {}, repeated)]))
    if repeated:
        assert found.call("scim.user.delete", object_id="a") is None
    else:
        with pytest.raises(NotFoundError):
            found.call("scim.user.delete", object_id="a")


def test_a_token_is_never_sent_over_http(scripted: Scripted) -> None:
    with pytest.raises(InputError, match="scim_url"):
        client(scripted([]), "http://w365.contoso.com/contoso/scim/v2")


@pytest.mark.parametrize("members", [{}, False, "", 0])
def test_members_that_are_no_list_are_not_an_empty_group(members: Any) -> None:
    with pytest.raises(OddValueError, match="a group whose members are"):
        checked_resource({"id": "1", "displayName": "Sales", "members": members}, "scim.group.list")


@pytest.mark.parametrize("more", [{}, {"members": None}, {"members": []}, {"members": [{"value": "1"}]}])
def test_members_may_be_left_out(more: dict[str, Any]) -> None:
    assert checked_resource({"id": "1", "displayName": "Sales", **more}, "scim.group.list") == "1"
