# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delta queries of the twin, and changes of a tenant while it runs: what a synchronization rests on."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from w365_simulator.testing import Twin, TwinError, launch

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
LIMITED = ("36500000-0000-4000-8000-0000000000a2", "limited-secret-of-the-twin")
TENANT = "36500000-0000-4000-8000-000000000001"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
ADELE, ALEX, MEGAN, LEE = (f"{name}@contoso.com" for name in ("adele.vance", "alex.wilber", "megan.bowen", "lee.gu"))


def follow(api: Any, link: str, *, prefer: str = "", **query: Any) -> tuple[list[Any], str, int]:
    """Follow the links to the end; return the objects, the delta link and the number of pages."""
    found: list[Any] = []
    pages = 0
    while True:
        answer = api.graph(link, prefer=prefer, **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["value"]
        pages += 1
        assert ("@odata.nextLink" in body) != ("@odata.deltaLink" in body)
        if "@odata.deltaLink" in body:
            assert "/delta?$deltatoken=" in body["@odata.deltaLink"]
            return found, body["@odata.deltaLink"], pages
        assert "/delta?$skiptoken=" in body["@odata.nextLink"]
        link, query = body["@odata.nextLink"], {}


def latest(api: Any, kind: str, **query: Any) -> str:
    """Return a delta link that starts now."""
    found, link, _ = follow(api, f"/{kind}/delta", deltatoken="latest", **query)
    assert found == []
    return link


def changes(api: Any, link: str) -> list[Any]:
    return follow(api, link)[0]


def change(twin: Twin, op: str, **fields: Any) -> str:
    """Make one change and return the id of what it was about."""
    return str(twin.change_tenant({"op": op, **fields})[0]["id"])


def members(objects: list[Any]) -> dict[str, list[tuple[str, bool]]]:
    """Merge what several pages tell of a group's members."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for group in objects:
        told = found.setdefault(group["displayName"], [])
        told += [(member["id"], "@removed" not in member) for member in group.get("members@delta", [])]
    return found


# ---- users


def test_a_first_reading_comes_in_pages_and_ends_with_a_link(api: Any) -> None:
    answer = api.graph("/users/delta", select="userPrincipalName,surname", prefer="odata.maxpagesize=4")
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=4"
    assert len(answer.json()["value"]) == 4
    # The selection is kept in the token and stands in no link.
    assert "select" not in answer.json()["@odata.nextLink"]
    rest, link, pages = follow(api, answer.json()["@odata.nextLink"], prefer="odata.maxpagesize=4")
    assert (len(rest), pages) == (2, 1)
    users = answer.json()["value"] + rest
    assert set(users[0]) == {"id", "userPrincipalName", "surname"}
    # What was never set is left out, and not null.
    assert [set(user) for user in users if user["userPrincipalName"].startswith("Allan")] == [
        {"id", "userPrincipalName"}
    ]
    assert "accountEnabled" not in api.graph("/users/delta").json()["value"][0]
    assert changes(api, link) == []
    for path in ("/users/microsoft.graph.delta", "/users/delta()"):
        assert len(follow(api, path)[0]) == 6


def test_changes_of_users(api: Any, twin: Twin) -> None:
    link = latest(api, "users", select="givenName,surname,accountEnabled")
    adele = change(twin, "change_user", user="ADELE.Vance@contoso.com", set={"surname": None})
    lee = change(twin, "change_user", user=LEE, set={"accountEnabled": True})
    # A change of what was not selected is none.
    alex = change(twin, "change_user", user=ALEX, set={"mail": "alex@contoso.com"})
    joni = change(twin, "add_user", set={"userPrincipalName": "joni.sherman@contoso.com", "givenName": "Joni"})
    found, following, _ = follow(api, link)
    assert found == [
        {"id": adele, "givenName": "Adele", "surname": None, "accountEnabled": True},
        {"id": lee, "givenName": "Lee", "surname": "Gu", "accountEnabled": True},
        {"id": joni, "givenName": "Joni", "accountEnabled": True},
    ]
    minimal = api.graph(link, prefer="return=minimal").json()["value"]
    assert minimal[:2] == [{"id": adele, "surname": None}, {"id": lee, "accountEnabled": True}]
    assert changes(api, following) == []
    # The same link tells the same again: a client may have lost the answer.
    assert changes(api, link) == found
    paged, _, pages = follow(api, link, prefer="odata.maxpagesize=1")
    assert (paged, pages) == (found, 3)
    assert api.graph(f"/users/{alex}").json()["mail"] == "alex@contoso.com"
    # Writing the same value again changes nothing.
    change(twin, "change_user", user=adele, set={"surname": None})
    assert changes(api, following) == []


def test_deleted_restored_and_gone_users(api: Any, twin: Twin) -> None:
    _, link, _ = follow(api, "/users/delta", select="userPrincipalName")
    adele = change(twin, "delete_user", user=ADELE)
    megan = change(twin, "purge_user", user=MEGAN)
    assert changes(api, link) == [
        {"id": adele, "@removed": {"reason": "changed"}},
        {"id": megan, "@removed": {"reason": "deleted"}},
    ]
    assert api.graph(f"/users/{adele}").status_code == 404
    assert [found["id"] for found in twin.state()["tenants"][TENANT]["deleted"]] == [adele]
    change(twin, "restore_user", user=ADELE)
    assert changes(api, link)[-1] == {"id": adele, "userPrincipalName": "Adele.Vance@contoso.com"}
    sales = api.graph_id("groups", displayName="Sales")
    assert adele in [member["id"] for member in api.graph(f"/groups/{sales}/members").json()["value"]]
    link = latest(api, "users")
    change(twin, "delete_user", user=adele)
    change(twin, "purge_user", user=adele)
    assert changes(api, link) == [{"id": adele, "@removed": {"reason": "deleted"}}]
    # Whoever comes under the old name is somebody else.
    again = change(twin, "add_user", set={"userPrincipalName": ADELE})
    assert again != adele
    assert {item["id"] for item in changes(api, link)} == {adele, again}


def test_a_change_between_two_pages_is_told_at_least_once(api: Any, twin: Twin) -> None:
    first = api.graph("/users/delta", select="surname", prefer="odata.maxpagesize=2").json()
    adele = first["value"][0]["id"]
    change(twin, "change_user", user=adele, set={"surname": "Wilber"})
    _, link, _ = follow(api, first["@odata.nextLink"])
    assert changes(api, link) == [{"id": adele, "surname": "Wilber"}]


def test_a_filter_by_id_follows_some_users(api: Any, twin: Twin) -> None:
    adele, alex = (api.graph_id("users", userPrincipalName=upn) for upn in (ADELE, ALEX))
    found, link, _ = follow(api, "/users/delta", filter=f"id eq '{adele}' or id eq '{alex}'", select="surname")
    assert [user["id"] for user in found] == [adele, alex]
    change(twin, "change_user", user=MEGAN, set={"surname": "Vance"})
    change(twin, "change_user", user=ALEX, set={"surname": "Vance"})
    assert changes(api, link) == [{"id": alex, "surname": "Vance"}]


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("users", {"top": "5"}),
        ("users", {"orderby": "surname"}),
        ("users", {"expand": "members"}),
        ("groups", {"expand": "owners"}),
        ("users", {"filter": "surname eq 'Vance'"}),
        ("users", {"filter": " or ".join(f"id eq '{number}'" for number in range(51))}),
    ],
)
def test_options_that_delta_queries_do_not_have(api: Any, kind: str, query: dict[str, str]) -> None:
    answer = api.graph(f"/{kind}/delta", **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


def test_an_unknown_property_is_refused(api: Any) -> None:
    assert api.graph("/users/delta", select="members").status_code == 400
    assert api.graph("/groups/delta", select="surname").status_code == 400


def test_delta_queries_need_the_permission(api: Any) -> None:
    answer = api.graph("/users/delta", client=LIMITED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")
    assert api.graph("/groups/delta", client=LIMITED).status_code == 200


# ---- groups


def test_members_come_with_their_groups(api: Any) -> None:
    ids = {
        name: api.graph_id("users", userPrincipalName=f"{name}@contoso.com") for name in ("adele.vance", "megan.bowen")
    }
    groups = {group["displayName"]: group for group in follow(api, "/groups/delta", select="displayName,members")[0]}
    assert list(groups) == ["Sales", "Everybody", "Loop"]
    assert groups["Sales"]["members@delta"][0] == {"@odata.type": "#microsoft.graph.user", "id": ids["adele.vance"]}
    assert [member["@odata.type"].rpartition(".")[2] for member in groups["Everybody"]["members@delta"]] == [
        "user", "group", "group", "user",
    ]  # fmt: skip
    assert set(groups["Sales"]) == {"id", "displayName", "members@delta"}
    for query in ({"select": "displayName", "expand": "members"}, {}):
        found = follow(api, "/groups/delta", **query)[0]
        assert members(found) == members(list(groups.values()))
    assert all("members@delta" not in group for group in follow(api, "/groups/delta", select="displayName")[0])


def test_a_group_without_members_says_nothing_of_them(api: Any, twin: Twin) -> None:
    change(twin, "add_group", set={"displayName": "Retail"})
    assert [set(group) for group in follow(api, "/groups/delta", select="displayName,members")[0]][-1] == {
        "id", "displayName",
    }  # fmt: skip


def test_changes_of_groups(api: Any, twin: Twin) -> None:
    link = latest(api, "groups", select="displayName,members")
    without_members = latest(api, "groups", select="displayName")
    users = {upn: api.graph_id("users", userPrincipalName=upn) for upn in (ADELE, LEE, MEGAN)}
    sales = change(twin, "remove_members", group="sales", members=[ADELE])
    change(twin, "add_members", group="Sales", members=[LEE, users[MEGAN]])
    everybody = change(twin, "change_group", group="Everybody", set={"displayName": "All company"})
    loop = change(twin, "delete_group", group="Loop")
    found = {item["id"]: item for item in changes(api, link)}
    assert found[sales] == {
        "id": sales,
        "displayName": "Sales",
        "members@delta": [
            {"@odata.type": "#microsoft.graph.user", "id": users[ADELE], "@removed": {"reason": "deleted"}},
            {"@odata.type": "#microsoft.graph.user", "id": users[LEE]},
            {"@odata.type": "#microsoft.graph.user", "id": users[MEGAN]},
        ],
    }
    # A deleted group leaves its parents, and a security group is gone at once.
    assert found[everybody]["displayName"] == "All company"
    assert found[everybody]["members@delta"] == [
        {"@odata.type": "#microsoft.graph.group", "id": loop, "@removed": {"reason": "deleted"}}
    ]
    assert found[loop] == {"id": loop, "@removed": {"reason": "deleted"}}
    assert {item["id"] for item in changes(api, without_members)} == {everybody, loop}
    # A change within a nested group is none of its parent.
    link = latest(api, "groups")
    change(twin, "add_members", group="Sales", members=[ADELE])
    assert [item["id"] for item in changes(api, link)] == [sales]


def test_a_group_that_is_made_again_has_another_id(api: Any, twin: Twin) -> None:
    link = latest(api, "groups", select="displayName,members")
    old = change(twin, "delete_group", group="Sales")
    # Microsoft 365 groups can be restored.
    assert {"id": old, "@removed": {"reason": "changed"}} in changes(api, link)
    new = change(twin, "add_group", set={"displayName": "Sales"}, members=[ADELE, {"group": "Loop"}])
    assert new != old
    adele, loop = api.graph_id("users", userPrincipalName=ADELE), api.graph_id("groups", displayName="Loop")
    assert next(item for item in changes(api, link) if item["id"] == new)["members@delta"] == [
        {"@odata.type": "#microsoft.graph.user", "id": adele},
        {"@odata.type": "#microsoft.graph.group", "id": loop},
    ]
    change(twin, "restore_group", group=old)
    assert len(api.graph("/groups", filter="displayName eq 'Sales'").json()["value"]) == 2
    with pytest.raises(TwinError, match="several groups are called 'Sales'; name the group by its id"):
        change(twin, "add_members", group="Sales", members=[LEE])


def test_who_is_deleted_leaves_the_groups_and_comes_back(api: Any, twin: Twin) -> None:
    link = latest(api, "groups", select="displayName,members")
    alex = change(twin, "delete_user", user=ALEX)
    found, following, _ = follow(api, link)
    assert members(found) == {"Sales": [(alex, False)], "Everybody": [(alex, False)]}
    change(twin, "restore_user", user=ALEX)
    assert members(changes(api, following)) == {"Sales": [(alex, True)], "Everybody": [(alex, True)]}


def test_large_groups_are_split_over_pages(api: Any, twin: Twin) -> None:
    whole = members(follow(api, "/groups/delta", select="displayName,members")[0])
    link = latest(api, "groups", select="displayName,members")
    twin.switches(graph_delta_members=2)
    first = api.graph("/groups/delta", select="displayName,members").json()
    # Everybody has four members: two of them end the first page.
    assert [group["displayName"] for group in first["value"]] == ["Sales", "Everybody"]
    second = api.graph(first["@odata.nextLink"]).json()
    assert [group["displayName"] for group in second["value"]] == ["Everybody", "Loop"]
    assert members(first["value"] + second["value"]) == whole
    assert "@odata.deltaLink" in second
    # The same goes for changes.
    change(twin, "add_members", group="Loop", members=[ADELE, ALEX, MEGAN, LEE, {"group": "Sales"}])
    found, following, pages = follow(api, link)
    assert pages == 3
    assert [len(group["members@delta"]) for group in found] == [2, 2, 1]
    assert changes(api, following) == []
    # A group that goes while it is being told hides nobody else's members.
    first = api.graph("/groups/delta", select="displayName,members").json()
    change(twin, "delete_group", group="Everybody")
    rest = follow(api, first["@odata.nextLink"])[0]
    assert len(members(rest)["Loop"]) == 5


# ---- links that lead nowhere


def test_links_live_for_some_time(api: Any, twin: Twin) -> None:
    twin.switches(delta_lifetime=1)
    link = latest(api, "users", select="surname")
    time.sleep(1.1)
    answer = api.graph(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "syncStateNotFound")
    # The way out is a full reading with the same selection.
    twin.switches(delta_lifetime=604_800)
    found = api.graph(answer.headers["Location"]).json()["value"]
    assert len(found) == 6
    assert set(found[0]) == {"id", "surname"}


def test_the_way_out_keeps_the_members(api: Any, twin: Twin) -> None:
    twin.switches(delta_lifetime=0)
    for query in ({"select": "id", "expand": "members"}, {"select": "members"}):
        location = api.graph(latest(api, "groups", **query)).headers["Location"]
        assert [set(group) for group in api.graph(location).json()["value"]] == [{"id", "members@delta"}] * 3


def test_unknown_tokens_and_those_of_another_state(api: Any, twin: Twin, seed: dict[str, Any]) -> None:
    links = [latest(api, "users"), f"{twin.graph_url}/v1.0/users/delta?$deltatoken=x%2By"]
    # Of another resource, and with another letter in it.
    links += [latest(api, "groups").replace("/groups/", "/users/"), links[0][:-3] + "AAA"]
    twin.reset(seed)
    for link in links:
        answer = api.graph(link)
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "syncStateNotFound"), link
        assert answer.headers["Location"] == f"{twin.graph_url}/v1.0/users/delta?$deltatoken="
    assert len(follow(api, answer.headers["Location"])[0]) == 6


def test_a_fault_expires_a_good_link(api: Any, twin: Twin) -> None:
    link = latest(api, "groups")
    twin.fault(surface="graph", path="deltatoken", action="expired_delta")
    twin.fault(surface="graph", path="deltatoken", action="expired_delta", status=400)
    answer = api.graph(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "syncStateNotFound")
    assert answer.headers["Location"] == f"{twin.graph_url}/v1.0/groups/delta?$deltatoken="
    answer = api.graph(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "syncStateNotFound")
    assert "Location" not in answer.headers
    assert changes(api, link) == []


def delta(twin: Twin, link: str) -> Any:
    """Follow a link to a twin of its own."""
    with requests.Session() as session:
        session.trust_env, session.verify = False, twin.ca_path
        form = {
            "grant_type": "client_credentials", "client_id": CLIENT, "scope": f"{twin.graph_url}/.default",
            "client_secret": "client-secret-of-the-twin",
        }  # fmt: skip
        token = session.post(f"{twin.url}/contoso.com/oauth2/v2.0/token", data=form, timeout=30).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return session.get(link, headers=headers, timeout=30).json()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kill", [False, True])
def test_links_survive_a_restart(tmp_path: Path, seed: dict[str, Any], kill: bool) -> None:
    first = launch(tmp_path, seed=seed, state=tmp_path / "state.db")
    try:
        link = delta(first, f"{first.graph_url}/v1.0/users/delta?$select=surname")["@odata.deltaLink"]
        adele = change(first, "change_user", user=ADELE, set={"surname": "Wilber"})
    finally:
        first.stop(kill=kill)
    second = launch(tmp_path, seed="none", state=tmp_path / "state.db")
    try:
        lee = change(second, "delete_user", user=LEE)
        found = delta(second, link.replace(first.url, second.url))["value"]
        assert found == [{"id": adele, "surname": "Wilber"}, {"id": lee, "@removed": {"reason": "changed"}}]
    finally:
        second.stop()


def test_a_state_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path, seed: dict[str, Any]) -> None:
    first = launch(tmp_path, seed=seed, state=tmp_path / "state.db")
    state = first.state()
    first.stop()
    with sqlite3.connect(tmp_path / "state.db") as old:
        old.executescript(
            "DROP TABLE graph_changes; DROP TABLE graph_deleted; ALTER TABLE applications DROP COLUMN admin_consent;"
        )
    old.close()
    second = launch(tmp_path, seed="none", state=tmp_path / "state.db")
    try:
        assert second.state() == state
        change(second, "delete_user", user=ADELE)
        change(second, "change_application", client_id=CLIENT, set={"adminConsent": False})
    finally:
        second.stop()


@pytest.mark.slow
def test_the_log_of_an_earlier_version_follows_the_new_properties(tmp_path: Path, seed: dict[str, Any]) -> None:
    first = launch(tmp_path, seed=seed, state=tmp_path / "state.db")
    try:
        link = delta(first, f"{first.graph_url}/v1.0/users/delta?$select=department")["@odata.deltaLink"]
    finally:
        first.stop()
    columns = ("job_title", "department", "mobile_phone", "preferred_language", "business_phones")
    with sqlite3.connect(tmp_path / "state.db") as old:
        old.execute("DROP TRIGGER watch_users_update")
        for column in columns:
            old.execute(f"ALTER TABLE graph_users DROP COLUMN {column}")
        old.execute(
            "CREATE TRIGGER watch_users_update AFTER UPDATE ON graph_users WHEN OLD.surname IS NOT NEW.surname BEGIN"
            " INSERT INTO graph_changes (tenant, kind, id, properties) VALUES (NEW.tenant, 'user', NEW.id, 'surname'); END"
        )
    old.close()
    second = launch(tmp_path, seed="none", state=tmp_path / "state.db")
    try:
        adele = change(second, "change_user", user=ADELE, set={"department": "Sales"})
        found = delta(second, link.replace(first.url, second.url))["value"]
        assert found == [{"id": adele, "department": "Sales"}]
    finally:
        second.stop()


def test_job_title_department_phones_and_language_are_followed(api: Any, twin: Twin) -> None:
    select = "jobTitle,department,mobilePhone,businessPhones,preferredLanguage"
    link = latest(api, "users", select=select)
    values = {
        "jobTitle": "Manager",
        "department": "Sales",
        "mobilePhone": "+31 6 1234 5678",
        "businessPhones": ["+31 20 123 4567"],
        "preferredLanguage": "nl-NL",
    }
    adele = change(twin, "change_user", user=ADELE, set=values)
    found, link, _ = follow(api, link)
    assert found == [{"id": adele, **values}]
    shown = api.graph(f"/users/{adele}", select=select).json()
    assert {name: shown[name] for name in values} == values
    for name, value in values.items():
        empty: Any = [] if isinstance(value, list) else None
        change(twin, "change_user", user=ADELE, set={name: empty})
        found, link, _ = follow(api, link)
        assert found[0][name] == empty
    with pytest.raises(TwinError, match="jobTitle is not empty"):
        change(twin, "change_user", user=ADELE, set={"jobTitle": ""})


# ---- faults of a synchronization


def test_a_list_that_suddenly_holds_nobody(api: Any, twin: Twin) -> None:
    twin.fault(surface="graph", path="/users", action="empty", times=3)
    answer = api.graph("/users", top="2", count="true", eventual=True).json()
    assert (answer["value"], answer["@odata.count"]) == ([], 0)
    assert "@odata.nextLink" not in answer
    found, link, pages = follow(api, "/users/delta", select="surname", prefer="odata.maxpagesize=1")
    assert (found, pages) == ([], 1)
    batch = {"requests": [{"id": "1", "method": "GET", "url": "/users"}, {"id": "2", "method": "GET", "url": "/users"}]}
    responses = api.graph("/$batch", body=batch).json()["responses"]
    assert [len(item["body"]["value"]) for item in responses] == [0, 6]
    adele = change(twin, "change_user", user=ADELE, set={"surname": "Wilber"})
    assert changes(api, link) == [{"id": adele, "surname": "Wilber"}]
    with pytest.raises(TwinError, match="a fault with action empty needs"):
        twin.fault(action="empty")


def test_single_items_of_a_batch_are_throttled(api: Any, twin: Twin) -> None:
    batch = {"requests": [{"id": str(number), "method": "GET", "url": "/users?$top=1"} for number in range(3)]}
    twin.fault(surface="graph", batch=True, action="status", status=429, retry_after=7, times=2)
    assert api.graph("/users").status_code == 200
    answer = api.graph("/$batch", body=batch)
    assert answer.status_code == 200
    assert [item["status"] for item in answer.json()["responses"]] == [429, 429, 200]
    assert answer.json()["responses"][0]["headers"]["Retry-After"] == "7"
    assert answer.json()["responses"][0]["body"]["error"]["code"] == "TooManyRequests"
    # And the other way round: only what is asked directly.
    twin.fault(surface="graph", path="/users", batch=False, action="status", status=429, times=-1)
    assert [item["status"] for item in api.graph("/$batch", body=batch).json()["responses"]] == [200, 200, 200]
    assert api.graph("/users").status_code == 429
    for rule, words in (
        ({"batch": 1}, "field batch of a fault is true, false or null"),
        ({"batch": True, "action": "drop_after"}, "the connection belongs to the whole batch"),
    ):
        with pytest.raises(TwinError, match=words):
            twin.fault(**{"action": "status", "status": 429, **rule})


def test_delta_queries_work_inside_a_batch(api: Any) -> None:
    batch = {"requests": [{"id": "1", "method": "GET", "url": "/users/delta?$select=surname"}]}
    (item,) = api.graph("/$batch", body=batch).json()["responses"]
    assert (item["status"], len(item["body"]["value"])) == (200, 6)
    assert changes(api, item["body"]["@odata.deltaLink"]) == []


# ---- the rest that a synchronization reads


def test_administrators_come_and_go(api: Any, twin: Twin) -> None:
    role = f"/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members"
    change(twin, "grant_administrator", user=ADELE)
    change(twin, "revoke_administrator", user=MEGAN)
    assert [user["displayName"] for user in api.graph(role).json()["value"]] == ["Adele Vance"]
    cast = f"{role}/microsoft.graph.user"
    assert api.graph(cast).status_code == 400
    answer = api.graph(cast, eventual=True, count="true", select="userPrincipalName,accountEnabled")
    assert [(user["userPrincipalName"], user["accountEnabled"]) for user in answer.json()["value"]] == [
        ("Adele.Vance@contoso.com", True)
    ]
    assert "@odata.type" not in answer.json()["value"][0]
    by_id = api.graph("/directoryRoles").json()["value"][0]["id"]
    for path, expected in (
        (f"/directoryRoles/{by_id}/members/microsoft.graph.user", (200, 1)),
        (f"{role}/microsoft.graph.servicePrincipal", (200, 0)),
        (f"{role}/microsoft.graph.toaster", (400, 0)),
    ):
        answer = api.graph(path, eventual=True, count="true")
        assert (answer.status_code, len(answer.json().get("value", []))) == expected
    assert api.graph(cast, client=LIMITED).status_code == 403
    twin.switches(graph_null_members=True)
    answer = api.graph(cast, eventual=True, count="true", select="userPrincipalName")
    assert answer.json()["value"][0]["userPrincipalName"] is None
    twin.reset({"tenants": [{"id": CLIENT, "display_name": "Contoso", "domains": [{"name": "contoso.com"}]}]})
    change(twin, "add_user", set={"userPrincipalName": ADELE})
    # The role appears with the first who holds it.
    change(twin, "grant_administrator", user=ADELE)
    assert twin.state()["tenants"][CLIENT]["administrators"] == [ADELE]


def test_every_group_in_few_pages(api: Any, twin: Twin) -> None:
    twin.change_tenant(*({"op": "add_group", "set": {"displayName": f"Team {number}"}} for number in range(1000)))
    first = api.graph("/groups", top="999", select="id,displayName,groupTypes").json()
    assert len(first["value"]) == 999
    assert set(first["value"][0]) == {"id", "displayName", "groupTypes"}
    assert len(api.graph(first["@odata.nextLink"]).json()["value"]) == 4


def test_consent_and_secrets_of_an_application_change(api: Any, twin: Twin) -> None:
    def code() -> int:
        answer = api.token_answer()
        return 0 if answer.status_code == 200 else int(answer.json()["error_codes"][0])

    assert code() == 0
    for values, expected in (
        ({"adminConsent": False}, 65001),
        ({"adminConsent": True, "secretExpired": True}, 7000222),
        ({"secretExpired": False, "clientSecret": "another-secret-of-the-twin"}, 7000215),
        ({"clientSecret": "client-secret-of-the-twin"}, 0),
    ):
        change(twin, "change_application", client_id=CLIENT, set=values)
        assert code() == expected
    change(twin, "change_application", client_id=CLIENT, set={"adminConsent": False})
    refusal = api.token_answer().json()
    assert refusal["error"] == "invalid_grant"
    assert refusal["error_description"].startswith("AADSTS65001: The user or administrator has not consented to use")
    # An application without any permission gets a token, and nothing to see.
    change(twin, "change_application", client_id=CLIENT, set={"adminConsent": True, "permissions": []})
    answer = api.graph("/users")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


def test_consent_can_be_seeded(api: Any, twin: Twin, seed: dict[str, Any]) -> None:
    application = {**seed["tenants"][0]["applications"][0], "admin_consent": False}
    twin.reset({"tenants": [{**seed["tenants"][0], "applications": [application]}]})
    assert api.token_answer().json()["error_codes"] == [65001]
    # A wrong secret comes first.
    assert api.token_answer(client_secret="wrong").json()["error_codes"] == [7000215]


# ---- changing a tenant


def test_a_seed_that_is_merged_again_changes_what_differs(api: Any, twin: Twin, seed: dict[str, Any]) -> None:
    users, groups = latest(api, "users"), latest(api, "groups")
    twin.seed(seed)
    assert (changes(api, users), changes(api, groups)) == ([], [])
    tenant = {**seed["tenants"][0], "groups": [{"display_name": "Loop", "members": [ADELE]}]}
    tenant["users"] = [{**tenant["users"][0], "surname": "Wilber"}]
    twin.seed({"tenants": [tenant]})
    assert [user["surname"] for user in changes(api, users)] == ["Wilber"]
    assert [there for _, there in members(changes(api, groups))["Loop"]] == [False, True]


def test_users_made_by_the_provisioning_api_are_changes(api: Any, twin: Twin) -> None:
    link = latest(api, "users", select="userPrincipalName")
    person = {"EmailAddress": "joni.sherman@contoso.com", "FirstName": "Joni", "LastName": "Sherman"}
    api.provisioning("POST", "/contoso/User/", {**person, "CreateInOffice365": True})
    assert [user["userPrincipalName"] for user in changes(api, link)] == ["joni.sherman@contoso.com"]


def test_all_changes_or_none(api: Any, twin: Twin) -> None:
    link, before = latest(api, "users"), twin.state()
    with pytest.raises(TwinError, match=r"operations\[1\]: the tenant has no user 'nobody@contoso.com'"):
        twin.change_tenant({"op": "delete_user", "user": ADELE}, {"op": "delete_user", "user": "nobody@contoso.com"})
    assert twin.state() == before
    assert changes(api, link) == []
    assert [item["op"] for item in twin.change_tenant({"op": "delete_user", "user": ADELE}, tenant="contoso.com")] == [
        "delete_user"
    ]


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"op": "rename"}, r"operations\[0\]\.op is one of add_user, .*; it was 'rename'"),
        ({"op": "delete_user"}, "delete_user needs the field user"),
        ({"op": "delete_user", "user": ADELE, "set": {}}, "delete_user has no field 'set'; known are: user"),
        (
            {"op": "change_user", "user": ADELE, "set": {"sn": "x"}},
            "set has no property 'sn'; known are: userPrincipal",
        ),
        ({"op": "change_user", "user": ADELE, "set": {"accountEnabled": None}}, "is true or false; it was None"),
        ({"op": "change_user", "user": ADELE, "set": {"mail": ""}}, "not empty; take null for nothing; it was ''"),
        ({"op": "change_user", "user": ADELE, "set": {"userPrincipalName": "x"}}, "of the form name@domain"),
        ({"op": "change_user", "user": ADELE, "set": {"userType": "Owner"}}, "is Member or Guest; it was 'Owner'"),
        ({"op": "change_user", "user": ADELE, "set": {"userPrincipalName": LEE}}, "the UPN .* is taken; rename"),
        ({"op": "add_user", "set": {}}, "set.userPrincipalName is required"),
        ({"op": "add_user", "set": {"userPrincipalName": LEE}}, "the UPN .* is taken"),
        ({"op": "add_user", "id": "x", "set": {"userPrincipalName": "x@contoso.com"}}, "id is a GUID; it was 'x'"),
        ({"op": "add_group", "set": {}}, "set.displayName is required"),
        ({"op": "restore_user", "user": ADELE}, "no deleted user .*; only what delete_user has taken away"),
        ({"op": "add_members", "group": "Sales", "members": ADELE}, "members is a list of users by UPN or id"),
        ({"op": "remove_members", "group": "Sales", "members": [LEE]}, "is no member of the group 'Sales'"),
        ({"op": "delete_group", "group": "Nothing"}, "the tenant has no group 'Nothing'; name one by its name or id"),
        ({"op": "change_application", "client_id": "x", "set": {}}, "the tenant has no application 'x'"),
    ],
)
def test_changes_that_cannot_be_made(twin: Twin, operation: dict[str, Any], words: str) -> None:
    with pytest.raises(TwinError, match=words):
        twin.change_tenant(operation)


def test_the_tenant_is_named_where_there_is_no_other_way_to_know(twin: Twin) -> None:
    with pytest.raises(TwinError, match=r"there is no tenant 'fabrikam\.com'"):
        twin.change_tenant(tenant="fabrikam.com")
    twin.change_tenant({"op": "delete_user", "user": ADELE})
    with pytest.raises(TwinError, match="It is deleted; restore_user brings it back"):
        twin.change_tenant({"op": "delete_user", "user": ADELE})
    twin.seed({"tenants": [{"id": CLIENT, "display_name": "Fabrikam", "domains": [{"name": "fabrikam.com"}]}]})
    with pytest.raises(TwinError, match="tenant is needed when the twin holds several tenants"):
        twin.change_tenant()
    wrong: list[Any] = [
        [],
        {},
        {"tenant": "contoso.com", "operations": {}},
        {"tenant": "contoso.com", "operations": ["x"]},
    ]
    for body in wrong:
        with pytest.raises(TwinError, match="JSON object"):
            twin.control("PATCH", "tenant", body)
