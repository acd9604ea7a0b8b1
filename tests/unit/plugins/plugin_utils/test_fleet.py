# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which environments become hosts: nothing is lost without a word, and nobody is taken for somebody else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet import (
    NAME,
    STATES,
    Choice,
    FileTenant,
    FleetError,
    Instance,
    fleet_of,
    hosts_of_others,
    sentence_about_hosts,
    tenants_of_file,
)

ALL = Choice(STATES, (), ())
EU = Instance("eu", "https://eu.contoso.com", {"contoso": True, "fabrikam": False, "litware": None})
US = Instance("us", "https://us.contoso.com", {"contoso": True})


def tenant(environment: str, instance: str = "", **more: Any) -> FileTenant:
    return FileTenant(environment, instance, more.get("tags", ()), more.get("variables", {}), more.get("file", "a.yml"))


def test_the_state_of_each() -> None:
    fleet = fleet_of([EU], [tenant("northwind")], ALL)
    assert [(member.host, member.state, member.variables["w365_active"]) for member in fleet.members] == [
        ("contoso", "active", True),
        ("fabrikam", "inactive", False),
        ("litware", "unknown", None),
        ("northwind", "absent", None),
    ]


def test_files_without_a_listing_say_nothing_about_a_state() -> None:
    fleet = fleet_of([EU._replace(listed=None)], [tenant("northwind")], ALL)
    assert [member.state for member in fleet.members] == ["unknown"]


def test_an_empty_listing_is_no_missing_one() -> None:
    fleet = fleet_of([EU._replace(listed={})], [tenant("northwind")], ALL)
    assert [member.state for member in fleet.members] == ["absent"]


def test_what_is_left_out_is_named_unless_it_was_asked_for() -> None:
    fleet = fleet_of([EU], [tenant("northwind")], Choice(["active"], (), ()))
    assert [member.host for member in fleet.members] == ["contoso"]
    assert fleet.notes == [
        "Left out 'litware': the server does not say whether they are active, and states does not name unknown.",
        "Left out 'northwind': a file names them and the instance does not have them, and states does not name absent.",
    ]
    odd = fleet_of([EU._replace(listed={"con toso": True, "{{ 1 }}": True, "a:b": True})], [], ALL)
    assert odd.members == []
    assert odd.notes == [
        "Left out 'a:b', 'con toso', '{{ 1 }}': their names have characters that the name of a host cannot have."
    ]


def test_two_that_could_be_taken_for_each_other() -> None:
    with pytest.raises(FleetError, match="contoso and Contoso, whose names differ in capitals only"):
        fleet_of([EU._replace(listed={"contoso": True, "Contoso": True})], [], ALL)
    one = Instance("a", "https://a.contoso.com", {"b_c": True})
    two = Instance("a_b", "https://b.contoso.com", {"c": True})
    with pytest.raises(FleetError, match="would both be host a_b_c"):
        fleet_of([one, two], [], ALL)
    with pytest.raises(FleetError, match=r"Tenant Contoso is in a\.yml and in b\.yml"):
        fleet_of([EU], [tenant("contoso"), tenant("Contoso", file="b.yml")], ALL)


def test_a_tenant_belongs_to_one_instance() -> None:
    fleet = fleet_of([EU, US], [tenant("Contoso", "us", tags=["gold"])], ALL)
    assert [(member.host, member.tags) for member in fleet.members if member.environment == "contoso"] == [
        ("eu_contoso", ()),
        ("us_contoso", ("gold",)),
    ]
    for instance, said in (("", "no instance"), ("asia", "the instance 'asia'")):
        with pytest.raises(FleetError, match=f"has {said}. The instances are: eu, us."):
            fleet_of([EU, US], [tenant("contoso", instance)], ALL)


def test_the_own_variables_win() -> None:
    given_variables = {"w365_primary_domain": "contoso.com"}
    (member,) = fleet_of([US], [tenant("contoso", variables=given_variables)], ALL).members
    assert member.variables == {
        "w365_primary_domain": "contoso.com",
        "w365_environment": "contoso",
        "w365_instance": "us",
        "w365_instance_url": "https://us.contoso.com",
        "w365_active": True,
        "w365_state": "active",
    }


@pytest.mark.parametrize(
    "name",
    ["w365_provisioning_key", "w365_scim_token", "w365_entra_client_secret", "w365_entra_certificate_password"],
)
def test_no_secret_is_in_a_file_of_tenants(name: str) -> None:
    with pytest.raises(FleetError, match=f"has the variable {name}") as raised:
        list(tenants_of_file({"contoso": {"vars": {name: "a-planted-secret"}}}, "a.yml"))
    assert "a-planted-secret" not in str(raised.value)


names = st.text(alphabet="abAB1-_. :{", min_size=1, max_size=4)
listings = st.none() | st.dictionaries(names, st.sampled_from([True, False, None]), max_size=6)


@given(listings, st.lists(names, max_size=4), st.sets(st.sampled_from(STATES)), st.lists(names, max_size=2))
def test_every_environment_is_a_host_or_left_out_for_a_reason(
    listed: dict[str, bool | None] | None, in_files: list[str], states: set[str], exclude: list[str]
) -> None:
    choice = Choice(states, (), exclude)
    try:
        tenants = list(tenants_of_file(dict.fromkeys(in_files), "a.yml"))
        fleet = fleet_of([Instance("", "https://contoso.com", listed)], tenants, choice)
    except FleetError:
        keys = [name.lower() for name in listed or ()]
        in_file = [name.strip().lower() for name in dict.fromkeys(in_files)]
        assert len(set(keys)) < len(keys) or len(set(in_file)) < len(in_file) or "" in in_file
        return
    hosts = {member.host.lower() for member in fleet.members}
    for name in (*(listed or ()), *(each.environment for each in tenants)):
        named_in_note = any(repr(name) in note or "more" in note for note in fleet.notes)
        active = (listed or {}).get(name)
        asked_for = not choice.names(name) or (
            active is not None and ("active" if active else "inactive") not in states
        )
        other = {key.lower() for key in listed or ()} & {name.lower()} and name not in (listed or {})
        assert name.lower() in hosts or named_in_note or asked_for or other, name
    assert all(NAME.fullmatch(member.host) for member in fleet.members)


def test_a_host_of_another_file_is_compared() -> None:
    """The same name of another instance is somebody else; a copy of the file, and a host of one's own, are not."""
    hosts = {member.host: member.variables for member in fleet_of([US], [], ALL).members}
    assert hosts_of_others(fleet_of([US], [], ALL).members, hosts) == {}
    spelled = US._replace(url="https://US.contoso.com/")
    assert hosts_of_others(fleet_of([spelled], [], ALL).members, hosts) == {}
    found = hosts_of_others(fleet_of([EU], [], ALL).members, hosts)
    assert found == {
        "contoso": "Host contoso would be environment contoso of https://us.contoso.com and environment contoso of "
        "https://eu.contoso.com."
    }
    assert hosts_of_others(fleet_of([EU._replace(listed={"Contoso": True})], [], ALL).members, hosts) != {}
    own = {"contoso": {}, "fabrikam": {"w365_environment": "fabrikam"}, "litware": {"w365_scim_url": "https://x"}}
    assert hosts_of_others(fleet_of([EU], [], ALL).members, own) == {}


def test_many_hosts_of_another_file_are_one_sentence() -> None:
    said = sentence_about_hosts({f"h{number}": f"Host h{number} would be two." for number in range(9)})
    assert said.startswith("Host h0 would be two. The same is true of 8 more: 'h1', 'h2', 'h3', 'h4', 'h5' and 3 more.")
    assert "instances of one file" in said
