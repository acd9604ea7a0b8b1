# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the twin: it shows what there is, holds no secret, loads nothing, and no name can become markup."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest
import requests

from w365_simulator.testing import Twin, start_twin

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
MARKUP = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
QUOTES = "\"'><b id=bold>&amp;"
SECRETS = ("token-of-contoso", "a-secret-key", "secret-of-provisioning", "a-password")
SEED: dict[str, Any] = {
    "tenants": [
        {
            "id": "36500000-0000-4000-8000-000000000001",
            "display_name": f"Contoso {MARKUP}",
            "domains": [{"name": "contoso.com", "default": True}],
            "applications": [
                {
                    "client_id": "36500000-0000-4000-8000-0000000000a1",
                    "display_name": MARKUP,
                    "client_secret": "secret-of-provisioning",
                }
            ],
            "users": [{"user_principal_name": "adele.vance@contoso.com", "display_name": QUOTES}],
            "groups": [{"display_name": MARKUP, "description": QUOTES, "members": ["adele.vance@contoso.com"]}],
        }
    ],
    "environments": [
        {
            "name": "contoso",
            "scim_token": "token-of-contoso",
            "sso": {"authority": "https://login.windows.net/contoso.com", "client_id": "an-id", "key": "a-secret-key"},
            "users": [
                {
                    "upn": "adele.vance@contoso.com",
                    "first_name": MARKUP,
                    "last_name": "Vance\u202e\x1b[31m",
                    "department": QUOTES,
                    "password": "a-password",
                }
            ],
            "groups": [{"name": MARKUP, "description": QUOTES, "members": ["adele.vance@contoso.com"]}],
        }
    ],
}
PAGES = (
    "",
    "?environment=contoso",
    "?tenant=36500000-0000-4000-8000-000000000001",
    "?log=",
    "?log=writes",
    "?environment=contoso&start=400",
    f"?environment={quote(MARKUP)}",
)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """A twin whose names are markup, and which has been asked for things that are markup too."""
    with start_twin(tmp_path_factory.mktemp("page"), seed=SEED) as twin:
        headers = {"Authorization": "Bearer token-of-contoso"}
        for path in (f"Users?filter={quote(MARKUP)}", quote(MARKUP)):
            requests.get(f"{twin.scim_url('contoso')}/{path}", headers=headers, verify=twin.ca_path, timeout=30)
        body = {"schemas": [], "userName": MARKUP, "password": "a-password"}
        requests.post(f"{twin.scim_url('contoso')}/Users", json=body, headers=headers, verify=twin.ca_path, timeout=30)
        yield twin


@dataclass
class Seen(HTMLParser):
    """What a browser would make of a page: its elements, and everything that refers to elsewhere."""

    tags: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src", "action"):
                self.links.append(value or "")
            if name.startswith("on") or name == "style":
                self.events.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(twin: Twin, page: str) -> tuple[requests.Response, Seen]:
    answer = requests.get(f"{twin.url}/_simulator/{page}", verify=twin.ca_path, timeout=30)
    seen = Seen()
    seen.feed(answer.text)
    return answer, seen


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_script_no_secret_and_nothing_from_elsewhere(there: Twin, page: str) -> None:
    answer, seen = read(there, page)
    assert answer.status_code == (404 if "%3C" in page else 200)
    assert seen.tags & {"script", "img", "b", "iframe", "form", "link", "object"} == set()
    assert seen.events == []
    assert {urljoin(there.url, link).partition("?")[0] for link in seen.links if "://" in link} == set()
    assert [link for link in seen.links if not link.startswith(("?", "./"))] == []
    assert [secret for secret in (*SECRETS, there.provisioning_key, there.scim_token) if secret in answer.text] == []
    assert re.findall(r"[0-9a-f]{40,}", answer.text) == [], "a digest of a password or a key"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "url(" not in answer.text
    assert "\x1b" not in answer.text
    assert "\u202e" not in answer.text


def test_the_pages_show_what_there_is(there: Twin) -> None:
    shown = {page: read(there, page)[1].text for page in PAGES}
    assert MARKUP in shown["?environment=contoso"]
    assert QUOTES in shown["?environment=contoso"]
    assert "adele.vance@contoso.com" in shown["?environment=contoso"]
    assert f"Contoso {MARKUP}" in shown[""]
    assert MARKUP in shown[PAGES[2]]
    assert f"GET /contoso/scim/v2/{MARKUP}" in shown["?log="]
    assert "header Authorization" in shown["?log="]
    assert "GET " not in shown["?log=writes"]
    assert "POST /contoso/scim/v2/Users" in shown["?log=writes"]


def test_links_lead_to_pages(there: Twin) -> None:
    for link in read(there, "")[1].links:
        assert read(there, link)[0].status_code == 200, link


@pytest.mark.slow
def test_long_lists_have_pages(tmp_path: Path) -> None:
    with start_twin(tmp_path, seed="generated:450:environment") as twin:
        _, first = read(twin, "?environment=contoso")
        assert "1 to 200 of 451" in first.text
        assert "?environment=contoso&start=200" in first.links
        _, last = read(twin, "?environment=contoso&start=400")
        assert "401 to 451 of 451" in last.text
        assert read(twin, "?environment=contoso&start=nonsense")[0].status_code == 200


def test_the_page_only_reads(there: Twin) -> None:
    before = there.state()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = requests.request(method, f"{there.url}/_simulator/", verify=there.ca_path, timeout=30)
        assert answer.status_code == 404
    assert there.state() == before


def browse(twin: Twin, page: str, folder: Path, *words: str) -> str:
    """Let Chromium open a page and print the document that it has made of it."""
    assert CHROMIUM
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", *words, f"{twin.url}/_simulator/{page}",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (package chromium on Debian)")
@pytest.mark.parametrize("page", PAGES[:4])
def test_a_browser_runs_nothing_of_it(there: Twin, page: str, tmp_path: Path) -> None:
    document = browse(there, page, tmp_path, "--dump-dom")
    title = re.search("<title>(.*?)</title>", document)
    assert title
    assert title[1].endswith(" - twin of Workspace 365"), "a script has changed it"
    assert re.search("<(script|img|b)[ >]", document) is None
    assert "</table>" in document


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (package chromium on Debian)")
def test_a_browser_draws_it(there: Twin, tmp_path: Path) -> None:
    for width in (1280, 420):
        picture = tmp_path / f"page-{width}.png"
        browse(there, "?environment=contoso", tmp_path, f"--screenshot={picture}", f"--window-size={width},900")
        assert picture.stat().st_size > 5000
