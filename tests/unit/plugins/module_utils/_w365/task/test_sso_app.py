# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_sso_app against a tenant in memory: killed, failing and doubled at every request, users can sign in all the time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from entra_memory import CALLER, DAY, EntraMemory
from faulty import HOW, Faulty
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truthful import Scenario, Truthful, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import Answer

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "80"))
MARKER = "w365:sso:w365.contoso.com:contoso"
OPTIONS = {"primary_domain": "contoso.com"}


class Turns:
    """Lets two runs send one request after the other, in an order that a test decides."""

    def __init__(self, order: Sequence[bool]) -> None:
        self._order = iter(order)
        self._changed = threading.Condition()
        self._running = {0, 1}
        self._turn = 0

    def _next(self) -> None:
        wanted = int(next(self._order, not self._turn))
        self._turn = wanted if wanted in self._running else next(iter(self._running), 0)
        self._changed.notify_all()

    @contextmanager
    def of(self, number: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._turn == number, timeout=30)
            try:
                yield
            finally:
                self._next()

    def ends(self, number: int) -> None:
        with self._changed:
            self._running.discard(number)
            if self._turn == number:
                self._next()


class Controller(Faulty):
    """The services for one run, after whose every request users can sign in; `turns` are those of two runs."""

    def __init__(self, entra: EntraMemory, at: int = 0, how: str = "", turns: tuple[Turns, int] | None = None) -> None:
        super().__init__(entra, at, how)
        self._turns = turns
        self.linked_once = bool(entra.sso)

    def request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
        if self._turns is None:
            return self._request(method, url, repeatable=repeatable, **parts)
        turns, number = self._turns
        with turns.of(number):
            return self._request(method, url, repeatable=repeatable, **parts)

    def check(self, method: str, url: str) -> None:
        self.linked_once = self.linked_once or self.entra.sso is not None
        if self.linked_once:
            assert self.entra.signs_in(), f"nobody can sign in after {method} {url}"


def run(controller: Truthful, **options: Any) -> dict[str, Any]:
    return play(Scenario("w365_sso_app", json.dumps({**OPTIONS, **options}), scim=False), controller)


def good(entra: EntraMemory, **options: Any) -> dict[str, Any]:
    result = run(Controller(entra), **options)
    assert not result.get("failed"), result["msg"]
    return result


def requests_of(entra: EntraMemory, **options: Any) -> int:
    controller = Controller(entra)
    assert not run(controller, **options).get("failed")
    return len(controller.calls)


def with_neighbors() -> EntraMemory:
    """A tenant with what must never be touched: an application of somebody else, and a person's own consent."""
    entra = EntraMemory()
    other = entra.new_application(displayName="HR", tags=["hr"])
    entra.new_secret(other, "hr", "secret~of-hr", 3000)
    return entra


def linked() -> EntraMemory:
    """The same after a first run, with a foreign secret, a tag, an owner and a person's consent added by somebody else."""
    entra = with_neighbors()
    good(entra)
    application = entra.applications[-1]
    entra.new_secret(application, "of somebody", "secret~of-somebody", 3000)
    application["tags"].append("of-somebody")
    entra.owners[application["id"]].append("somebody")
    principal = next(one for one in entra.principals if one["appId"] == application["appId"])
    entra.grants.append({"id": "own", "clientId": principal["id"], "consentType": "Principal", "principalId": "p", "resourceId": entra.principals[1]["id"], "scope": "Notes.Read"})  # fmt: skip
    entra.now += DAY
    return entra


def check_rest(entra: EntraMemory, *, foreign: bool) -> list[str]:
    """One more run, one after overlap, and one that has nothing to do: one secret, and everything of others untouched.

    The marks of secrets that are gone, which two runs at the same time may leave until the next rotation.
    """
    good(entra)
    assert entra.signs_in()
    entra.now += 8 * DAY
    good(entra)
    last = Controller(entra)
    result = run(last)
    assert (result["changed"], last.writes) == (False, [])
    own = [one for one in entra.applications if MARKER in one["tags"]]
    assert [one["displayName"] for one in entra.applications] == ["HR", "Workspace365 - contoso"]
    assert len(own) == 1
    assert [one["state"] for one in result["secrets"] if one["state"] != "foreign"] == ["linked"], result["secrets"]
    key = result["secret"]["key_id"]
    assert entra.sso
    assert entra.texts[key] == entra.sso["Key"], "the mark is right"
    existing = {one["keyId"] for one in own[0]["passwordCredentials"]}
    marks = [tag for tag in own[0]["tags"] if tag.rpartition(":")[2] in existing]
    assert marks == [f"w365:linked:contoso:{key}"]
    assert len(entra.applications[0]["passwordCredentials"]) == 1
    assert entra.applications[0]["tags"] == ["hr"]
    assert CALLER in entra.owners[own[0]["id"]]
    if foreign:
        assert result["foreign_secrets"] == 1
        assert "of-somebody" in own[0]["tags"]
        assert "somebody" in entra.owners[own[0]["id"]]
        assert [grant["scope"] for grant in entra.grants if grant["consentType"] == "Principal"] == ["Notes.Read"]
    return [tag for tag in own[0]["tags"] if tag.startswith(("w365:linked:", "w365:writing:")) and tag not in marks]


def test_a_second_run_writes_nothing() -> None:
    entra = with_neighbors()
    result = good(entra)
    assert result["changed"]
    assert any("The clock of this machine is" in warning for warning in result["warnings"])
    assert entra.signs_in()
    check_rest(entra, foreign=False)


def test_an_api_that_the_tenant_has_never_used_gets_its_principal() -> None:
    entra = with_neighbors()
    result = good(entra, power_bi=True)
    assert result["summary"]["service_principal_create"] == 2
    assert result["summary"]["consent_grant"] == 2
    assert sorted(len(grant["scope"].split()) for grant in entra.grants) == [5, 12]
    assert not good(entra, power_bi=True)["changed"]


def test_a_caller_that_may_list_only_what_it_owns() -> None:
    entra = linked()
    entra.owned_only = True
    assert good(entra, rotate="always")["rotated"]
    check_rest(entra, foreign=True)
    empty = with_neighbors()
    empty.owned_only = True
    assert good(empty)["changed"]
    assert CALLER in empty.owners[empty.applications[-1]["id"]]


def test_an_older_application_is_adopted_with_all_that_it_has() -> None:
    entra = with_neighbors()
    old = entra.new_application(displayName="Workspace365 - contoso", tags=["of-somebody"])
    old["web"]["redirectUris"] = ["https://w365.contoso.com/contoso/OAuth2/HandleAuthorityResponse/", "https://other"]
    old["requiredResourceAccess"] = [{"resourceAppId": "another-api", "resourceAccess": [{"id": "x", "type": "Role"}]}]
    old["optionalClaims"] = {"idToken": [{"name": "email"}], "accessToken": [{"name": "upn"}], "saml2Token": []}
    entra.new_secret(old, "of somebody", "secret~of-somebody", 3000)
    result = good(entra)
    assert result["application"]["client_id"] == old["appId"]
    assert old["tags"][:2] == ["of-somebody", MARKER]
    assert len(old["web"]["redirectUris"]) == 3, "with a slash at the end it is another address"
    assert old["web"]["implicitGrantSettings"] == {"enableIdTokenIssuance": True}
    assert old["requiredResourceAccess"][0]["resourceAppId"] == "another-api"
    assert [one["name"] for one in old["optionalClaims"]["idToken"]] == ["email", "upn"]
    assert old["optionalClaims"]["accessToken"] == [{"name": "upn"}]
    assert old["servicePrincipalLockConfiguration"] is None, "of an adopted one it stays as it is"
    assert result["foreign_secrets"] == 1
    check_rest(entra, foreign=False)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scopes": ["User.Raed"]}, "It may be 'User.Read'"),
        ({"client_id": "00000000-0000-4000-8000-00000000ffff"}, "no app registration with this client id"),
        ({"owners": ["x"]}, "Option owners holds 'x'"),
        ({"link": False}, "a secret that nobody gets"),
        ({"secret_lifetime": 36}, "A new secret would be renewed before"),
    ],
)
def test_what_cannot_be_right_is_refused_before_any_write(options: dict[str, Any], sentence: str) -> None:
    controller = Controller(with_neighbors())
    result = run(controller, **options)
    assert result["failed"]
    assert sentence in result["msg"]
    assert controller.writes == []


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_creation_that_ended_anywhere(how: str) -> None:
    for at in range(1, requests_of(with_neighbors()) + 1):
        entra = with_neighbors()
        run(Controller(entra, at, how))
        assert check_rest(entra, foreign=False) == []


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_rotation_that_ended_anywhere(how: str) -> None:
    for at in range(1, requests_of(linked(), rotate="always") + 1):
        entra = linked()
        run(Controller(entra, at, how), rotate="always")
        assert check_rest(entra, foreign=True) == []


def test_an_answer_of_an_old_replica_loses_no_mark() -> None:
    """The first reads of the application after the secret was made come from a server that knows none of its tags."""

    class Stale(Controller):
        count = 0

        def request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
            answer = super().request(method, url, repeatable=repeatable, **parts)
            if self.calls[-1].endpoint == "graph.application":
                self.count += 1
                if self.count <= 4:
                    return answer._replace(text=json.dumps({**json.loads(answer.text), "tags": []}))
            return answer

    entra = linked()
    for _time in range(2):
        result = run(Stale(entra), rotate="always")
        assert not result.get("failed"), result["msg"]
        entra.now += DAY
    check_rest(entra, foreign=True)
    for at in range(1, requests_of(linked(), rotate="always") + 1):
        entra = linked()
        run(Stale(entra, at, "kill after"), rotate="always")
        check_rest(entra, foreign=True)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a consent that was narrowed", lambda entra: entra.grants[0].update(scope="User.Read")),
        ("a redirect URI that is gone", lambda entra: entra.applications[-1]["web"].update(redirectUris=[])),
        ("a tag that is gone", lambda entra: entra.applications[-1]["tags"].remove(MARKER)),
        ("a claim that is gone", lambda entra: entra.applications[-1].update(optionalClaims=None)),
        ("Workspace 365 with another client id", lambda entra: entra.sso.update(ClientId="x")),
        ("Workspace 365 with nothing", lambda entra: setattr(entra, "sso", None)),
        ("a secret that was removed by hand", lambda entra: entra.applications[-1]["passwordCredentials"].pop(0)),
    ],
)
def test_what_somebody_changed_is_put_right(name: str, change: Any) -> None:
    entra = linked()
    change(entra)

    class Blind(Controller):
        def _request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
            self.linked_once = False
            return Truthful.request(self, method, url, repeatable=repeatable, **parts)

    result = run(Blind(entra))
    assert result["changed"], name
    check_rest(entra, foreign=True)


def both(
    entra: EntraMemory, order: Sequence[bool], faults: Sequence[tuple[int, str]], kind: type[Controller] = Controller
) -> list[dict[str, Any]]:
    """The results of two runs at the same time."""
    turns = Turns(order)
    results: list[dict[str, Any]] = [{}, {}]
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            results[number] = run(kind(entra, *faults[number], (turns, number)), rotate="always")
        except BaseException as error:
            errors.append(error)
        finally:
            turns.ends(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    for result in results:
        assert "exception" not in result, result["exception"]
    return results


def test_of_two_controllers_one_at_least_loses_and_no_secret_is_lost() -> None:
    entra = linked()
    results = both(entra, [bool(at % 2) for at in range(80)], [(0, ""), (0, "")])
    lost = [result["msg"] for result in results if result.get("failed")]
    assert lost
    assert all("at the same time" in message for message in lost)
    check_rest(entra, foreign=True)


def test_nobody_writes_who_could_have_seen_the_other() -> None:
    """B begins after any request of A, and makes its secret before A goes on."""
    for first in range(1, requests_of(linked(), rotate="always")):
        for second in (8, 9, 10):
            entra = linked()
            log: list[tuple[int, str]] = []

            class Logged(Controller):
                def _request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
                    answer = super()._request(method, url, repeatable=repeatable, **parts)
                    assert self._turns
                    log.append((self._turns[1], self.calls[-1].endpoint))  # noqa: B023 - used within the loop only
                    return answer

            order = [False] * first + [True] * second + [False] * 60
            both(entra, order, [(0, ""), (0, "")], Logged)
            for me in (0, 1):
                if (me, "sso.write") not in log:
                    continue
                written = log.index((me, "sso.write"))
                last_read = max(at for at in range(written) if log[at] == (me, "graph.application"))
                began = max(at for at in range(written) if log[at] == (me, "graph.applications"))
                other = [what if who != me else "" for who, what in log]
                added, removed = (
                    other.index(what) if what in other else len(log)
                    for what in ("graph.secret.add", "graph.secret.remove")
                )
                assert not began < added < last_read < removed, (first, second, log)
            check_rest(entra, foreign=True)


fault = st.tuples(st.integers(1, 24), st.sampled_from(HOW)) | st.just((0, ""))
one_run = st.tuples(st.just("run"), fault)
two_runs = st.tuples(st.just("two"), st.lists(st.booleans(), max_size=60), fault)
days = st.tuples(st.just("days"), st.integers(0, 9))


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(st.booleans(), st.lists(one_run | two_runs | days, max_size=8))
def test_any_order_of_runs_failures_and_two_controllers_keeps_the_sign_in(fresh: bool, steps: list[Any]) -> None:
    """After every request a user can sign in (Controller), whatever happened before."""
    entra = with_neighbors() if fresh else linked()
    for kind, *more in steps:
        if kind == "days":
            entra.now += more[0] * DAY
        elif kind == "run":
            result = run(Controller(entra, *more[0]), rotate="always")
            assert "exception" not in result, result["exception"]
        else:
            both(entra, more[0], [more[1], (0, "")])
    check_rest(entra, foreign=not fresh)


def test_deleted_ones_that_may_not_be_listed_are_unknown_and_not_none() -> None:
    class Blind(Controller):
        def _request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
            answer = super()._request(method, url, repeatable=repeatable, **parts)
            return answer._replace(status=403, text="{}") if "deletedItems" in url else answer

    result = run(Blind(with_neighbors()))
    assert any("deleted app registrations" in sentence for sentence in result["not_proven"])
    blind = Blind(with_neighbors())
    refused = run(blind, restore_deleted=True)
    assert refused["failed"]
    assert blind.writes == []
