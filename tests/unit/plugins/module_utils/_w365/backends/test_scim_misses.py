# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look-up that finds nobody, on servers that compare in different ways, and what a session keeps of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim import ScimClient, quoted
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim import ScimDirectory
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AnswerError,
    InputError,
    UnreliableAnswerError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import Desired, DesiredUser
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import User
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    USER_CREATE,
    USER_DELETE_PERMANENTLY,
    USER_UPDATE,
    Action,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.lookup import find_existing

Scripted = Callable[..., Any]


class Server:
    """Users of a SCIM service; `same` is how its `eq` compares."""

    def __init__(self, *names: str, same: Callable[[str], str] = str.lower) -> None:
        self.users = {f"u{number}": name for number, name in enumerate(names)}
        self.same = same
        self.odd: Callable[[str], Any] = lambda _query: None

    def __call__(self, method: str, path: str, body: Any) -> Any:
        place, _, query = path.partition("?")
        last = unquote(place.rpartition("/")[2])
        if method == "POST":
            self.users["new"] = body["userName"]
            return 201, {"id": "new", **body}
        if method == "DELETE":
            self.users.pop(last)
            return 204, ""
        if method == "PATCH":
            self.users[last] = body["Operations"][0]["value"]
            return 204, ""
        if last != "Users":
            return (200, self.resource(last)) if last in self.users else (404, {})
        if odd := self.odd(query):
            return odd
        wanted = re.search(r' eq "(.*)"&startIndex', query)
        found = [id for id, name in self.users.items() if wanted is None or self.same(name) == self.same(wanted[1])]
        count = int(re.search(r"count=(\d+)", query)[1])  # type: ignore[index]
        shown = [self.resource(id) for id in found][:count]
        return 200, {"totalResults": len(found), "startIndex": 1, "itemsPerPage": len(shown), "Resources": shown}

    def resource(self, id: str) -> dict[str, Any]:
        return {"id": id, "userName": self.users[id]}


def exact(text: str) -> str:
    return text


def ascii_only(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def directory(http: Any, names: dict[str, Any] | None = None) -> ScimDirectory:
    client = ScimClient(http, url="https://w365.contoso.com/contoso/scim/v2", token="token", endpoints=ENDPOINTS)
    return ScimDirectory(client, None, names)


def found(http: Any, name: str, names: dict[str, Any] | None = None) -> str | None:
    user = directory(http, names).find_user(name)
    return user.id if user else None


@pytest.mark.parametrize(
    ("same", "stored", "asked"),
    [
        (exact, "ADELE@contoso.com", "Adele@contoso.com"),
        (exact, "adele@contoso.com", "Adele@contoso.com"),
        (ascii_only, "ÄNNE@contoso.com", "änne@contoso.com"),
        (str.lower, "Zoe\u0308@contoso.com", "zoë@contoso.com"),
        (str.casefold, "groß@contoso.com", "GROß@contoso.com"),
    ],
)
def test_every_spelling_is_found(scripted: Scripted, same: Callable[[str], str], stored: str, asked: str) -> None:
    assert found(scripted(Server("first@contoso.com", stored, same=same)), asked) == "u1"


@pytest.mark.parametrize("same", [exact, ascii_only, str.lower, str.casefold])
@pytest.mark.parametrize("name", ["gross@contoso.com", "nobody@contoso.com", "zöe@contoso.com"])
def test_and_nobody_else(scripted: Scripted, same: Callable[[str], str], name: str) -> None:
    server = Server("groß@contoso.com", "zoë@contoso.com", same=same)
    assert found(scripted(server), name) is None


def test_the_name_is_asked_for_as_it_is_written(scripted: Scripted) -> None:
    http = scripted(Server('Ade"le\\@contoso.com'))
    directory(http).snapshot(Desired(users=(DesiredUser("GROß@Contoso.com"),)))
    assert 'userName eq "GROß@Contoso.com"' in http.calls[0][1]
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    for text in ("a\nb", "a\x00b", "\ud800"):
        with pytest.raises(InputError, match="control character or half a character"):
            quoted(text)


@pytest.mark.parametrize(
    ("server", "cost"),
    [
        (Server("first@contoso.com"), 2),
        # One of them is behind the end of the list: only that shows that its total counts everything.
        (Server("first@contoso.com", same=exact), 4),
        # Nobody can be asked for in other capitals: unknown counts as minding case.
        (Server(), 2),
        (Server("1@2.3", same=exact), 3),
        (Server("ü@ü.ü", same=exact), 3),
    ],
)
def test_a_session_asks_once(scripted: Scripted, server: Server, cost: int) -> None:
    http = scripted(server)
    names: dict[str, Any] = {}
    for number in range(20):
        assert found(http, f"user{number}@contoso.com", names) is None
    assert len(http.calls) == 20 + cost


@pytest.mark.parametrize("answer", [(400, {}), (500, {}), (200, {})])
def test_a_server_that_cannot_be_asked_may_mind_case(scripted: Scripted, answer: Any) -> None:
    server = Server("ADELE@contoso.com", same=exact)
    server.odd = lambda query: answer if query.endswith("count=1") else None
    assert found(scripted(server), "adele@contoso.com") == "u0"


def test_a_listing_that_fails_proves_nothing(scripted: Scripted) -> None:
    server = Server("ADELE@contoso.com", same=exact)
    server.odd = lambda query: (501, {}) if "filter" not in query else None
    with pytest.raises(AnswerError):
        found(scripted(server), "adele@contoso.com")


def test_the_kept_names_follow_our_own_writes(scripted: Scripted) -> None:
    server = Server("first@contoso.com", "ADELE@contoso.com", same=exact)
    http = scripted(server)
    names: dict[str, Any] = {}
    assert found(http, "adele@contoso.com", names) == "u1"
    ours = directory(http, names)
    adele = User("ADELE@contoso.com", "u1")
    new, renamed = User("MEGAN@contoso.com"), User("LEE@contoso.com", "u1")
    ours.handlers.create_user(Action(USER_CREATE, "x", None, {}, {}, outcome=new))
    ours.handlers.update_user(
        Action(USER_UPDATE, "x", {}, {}, {"upn": "LEE@contoso.com"}, subject=adele, outcome=renamed)
    )
    before = len(http.calls)
    assert [found(http, f"{name}@contoso.com", names) for name in ("megan", "lee", "adele")] == ["new", "u1", None]
    listings = [
        path for _method, path, _body in http.calls[before:] if path.endswith("count=200") and "filter" not in path
    ]
    assert listings == []
    ours.handlers.delete_user_permanently(Action(USER_DELETE_PERMANENTLY, "x", {}, None, subject=renamed))
    assert found(http, "lee@contoso.com", names) is None


def test_a_kept_name_is_read_again_before_it_counts(scripted: Scripted) -> None:
    """Somebody else may have deleted or renamed the user since."""
    server = Server("first@contoso.com", "ADELE@contoso.com", "MEGAN@contoso.com", same=exact)
    http = scripted(server)
    names: dict[str, Any] = {}
    assert found(http, "adele@contoso.com", names) == "u1"
    server.users.pop("u1")
    server.users["u2"] = "other@contoso.com"
    assert found(http, "adele@contoso.com", names) is None
    assert found(http, "megan@contoso.com", names) is None


def test_two_users_of_one_name(scripted: Scripted) -> None:
    http = scripted(Server("Adele@contoso.com", "adele@contoso.com"))
    with pytest.raises(InputError, match=r"2 users .*'Adele@contoso.com' \(id u0\), 'adele@contoso.com' \(id u1\)"):
        found(http, "adele@contoso.com")
    wish = DesiredUser("adele@contoso.com", identity="u1", present=False)
    current = directory(http).snapshot(Desired(users=(wish,)))
    assert find_existing(wish, current).id == "u1"


@pytest.mark.parametrize("other", ["u0", "U1 ", None])
def test_an_answer_about_another_id_proves_nothing(scripted: Scripted, other: str | None) -> None:
    server = Server("first@contoso.com", "ADELE@contoso.com")
    http = scripted(
        lambda method, path, body: (
            (200, {"id": other, "userName": "first@contoso.com"})
            if path.endswith("/u9")
            else server(method, path, body)
        )
    )
    with pytest.raises(UnreliableAnswerError, match="u9"):
        found(http, "u9")


@pytest.mark.parametrize("id", [None, "", ".", "..", True, {}])
def test_a_user_without_an_id_proves_nothing(scripted: Scripted, id: Any) -> None:
    http = scripted([(200, {"totalResults": 1, "Resources": [{"id": id, "userName": "adele@contoso.com"}]})])
    with pytest.raises(UnreliableAnswerError, match="a user with an id that is"):
        directory(http).find_user("adele@contoso.com")
    assert len(http.calls) == 1


@pytest.mark.parametrize("id", ["a/b", "%2e%2e", "a?b", "a#b"])
def test_an_id_that_is_no_part_of_a_path_is_never_written_to(scripted: Scripted, id: Any) -> None:
    resource = {"id": id, "userName": "adele@contoso.com"}
    http = scripted([(200, {"totalResults": 1, "Resources": [resource]})])
    ours = directory(http)
    user = ours.find_user("adele@contoso.com")
    assert user is not None
    action = Action(USER_UPDATE, "x", {}, {}, {"active": False}, subject=user, outcome=user)
    assert ours.handlers.request_of(action) is None
    for handler in (ours.handlers.update_user, ours.handlers.delete_user_permanently):
        with pytest.raises(InputError, match="no request was sent"):
            handler(action)
    assert len(http.calls) == 1
    assert unicodedata.is_normalized("NFC", user.key)
