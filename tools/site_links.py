# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow the links of the built site: those within it to their page and anchor, those to others by their shape only."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Hosts of examples and of one machine. A link to such a one was meant as text.
NOWHERE = re.compile(
    r"(?:^|\.)(?:example|invalid|test|localhost|contoso|fabrikam|litware|tailspintoys)(?:\.(?:com|org|net))?$"
)
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
DATA = ("data:image/svg+xml;base64,", "data:image/png;base64,")


class Links(HTMLParser):
    """The targets and the anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what points somewhere, and what can be pointed at."""
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        self.targets += [value for name in ("href", "src") if (value := values.get(name)) is not None]


def outside_mistake(target: str) -> str:
    """What is wrong with the shape of a link to somebody else's page; "" when nothing is."""
    parts = urlsplit(target)
    if parts.scheme != "https":
        return f"has the scheme {parts.scheme!r} and not https"
    if parts.username or parts.port or not HOST.fullmatch(parts.hostname or ""):
        return "has no plain host"
    if NOWHERE.search(parts.hostname or ""):
        return "leads to the host of an example"
    if re.search(r"[\s<>{}\"'`]|[.,;:)]$", target) or "//" in parts.path:
        return "has characters that belong to the text around it"
    return ""


def link_mistakes(site: Path) -> list[str]:
    """A sentence for each link of the site that leads nowhere."""
    pages = {path.resolve(): Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    mistakes = []
    for page, links in pages.items():
        for target in dict.fromkeys(links.targets):
            said = _mistake(target, page, pages)
            if said:
                mistakes.append(f"{page.relative_to(site.resolve())}: {target[:200]} {said}")
    return mistakes


def _mistake(target: str, page: Path, pages: dict[Path, Links]) -> str:
    """What is wrong with one target, or ""."""
    if target.startswith(DATA):
        return ""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return outside_mistake(target)
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not path.is_file():
        return "is no file of the site"
    anchor = unquote(parts.fragment)
    # Furo's own "#" leads to the top.
    if anchor and path in pages and anchor not in pages[path].anchors:
        return "has an anchor that its page does not have"
    return ""
