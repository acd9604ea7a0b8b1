# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the integration tests share: one twin for each process of pytest, emptied before each test."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from w365_simulator.testing import Twin, start_twin

sys.path.insert(0, str(Path(__file__).parent))

import playing
from comparison import play_in_both
from playing import Play, run_in, run_playbook

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background in this way, and the playbooks of the tests would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

SEED: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[1] / "simulator" / "w365_simulator" / "seeds" / "contoso.yml").read_text(encoding="utf-8")
)

# An environment with its first administrator and two colleagues, next to Contoso's Microsoft tenant.
CONTOSO: dict[str, Any] = {
    **SEED,
    "environments": [
        {
            "name": "contoso",
            "users": [
                {
                    "upn": "allan.deyoung@contoso.com",
                    "first_name": "Allan",
                    "last_name": "Deyoung",
                    "administrator": True,
                },
                {"upn": "nestor.wilke@contoso.com", "first_name": "Nestor", "last_name": "Wilke"},
                {
                    "upn": "patti.fernandez@contoso.com",
                    "first_name": "Patti",
                    "last_name": "Fernandez",
                    "active": False,
                },
            ],
            "groups": [],
        }
    ],
}


@pytest.fixture(scope="session")
def running_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with start_twin(tmp_path_factory.mktemp("twin"), seed=CONTOSO) as twin:
        yield twin


@pytest.fixture
def twin(running_twin: Twin) -> Twin:
    """A twin that serves everything, with the environment contoso."""
    running_twin.reset(CONTOSO, "full")
    return running_twin


@pytest.fixture
def play(tmp_path: Path, twin: Twin) -> Callable[..., Play]:
    """`run_playbook` against this test's twin."""

    def run(*tasks: dict[str, Any], **options: Any) -> Play:
        return run_playbook(tmp_path, twin, tasks, **options)

    return run


@pytest.fixture
def inside_ansible() -> Iterator[None]:
    """Tasks run in Ansible's own process, whatever TEST_EXECUTION says: only that displays progress and has vault passwords."""
    with run_in("direct"):
        yield


IN_EACH = ("test_secrets", "test_tls")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tasks run inside Ansible. In the slow tests, the patterns run in module processes too, with the same results.

    So do, without the comparison, the tests `IN_EACH`. With TEST_EXECUTION=both the patterns are always compared; with
    TEST_EXECUTION=process there are module processes only.
    """
    name = metafunc.module.__name__.rpartition(".")[2]
    chosen = os.environ.get("TEST_EXECUTION", "")
    if chosen != "process" and name.startswith("test_pattern"):
        both = pytest.param("both", marks=() if chosen == "both" else pytest.mark.slow)
        metafunc.fixturenames.append("hosts")
        metafunc.parametrize("hosts", [both] if chosen == "both" else ["direct", both])
    elif chosen != "process" and name in IN_EACH:
        metafunc.fixturenames.append("hosts")
        metafunc.parametrize("hosts", ["auto", pytest.param("process", marks=pytest.mark.slow)])


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    callspec = getattr(pyfuncitem, "callspec", None)
    hosts = callspec.params.get("hosts") if callspec else None
    if hosts is None:
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    test = partial(pyfuncitem.obj, **arguments)
    if hosts == "both":
        play_in_both(test, lambda: arguments["twin"].reset(CONTOSO, "full"))
    else:
        with playing.run_in(hosts):
            test()
    return True
