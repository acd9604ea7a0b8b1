# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's settings for `make site`. Nothing here needs the network: a page must build the same everywhere."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

project = "Workspace 365 provisioning"
copyright = "Workspace 365 provisioning contributors"  # noqa: A001 - the name of a setting of Sphinx
html_title = "Workspace 365 provisioning"
language = "en"

extensions = ["sphinx_antsibull_ext"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_permalinks_icon = "#"
pygments_style = "ansible"
# Long dashes in commands would not be the commands.
smartquotes = False
highlight_language = "yaml+jinja"

# Pages of Ansible that ours refer to. Their inventory is not read: that would need the network.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
ELSEWHERE = {
    "action_plugins": f"{ANSIBLE}/plugins/action.html",
    "common_return_values": f"{ANSIBLE}/reference_appendices/common_return_values.html",
    "ansible_configuration_settings": f"{ANSIBLE}/reference_appendices/config.html",
}


def refer_elsewhere(_app: Any, _env: Any, node: Any, content: Any) -> Any:
    """A reference to Ansible's own pages and settings."""
    target = node["reftarget"]
    address = ELSEWHERE.get(target)
    if node["reftype"] == "envvar" and target.startswith("ANSIBLE_"):
        address = f"{ELSEWHERE['ansible_configuration_settings']}#envvar-{target}"
    builtin = re.fullmatch(r"ansible_collections\.ansible\.builtin\.(\w+)", target)
    if builtin:
        address = f"{ANSIBLE}/collections/ansible/builtin/{builtin[1]}.html"
    return nodes.reference("", "", content, internal=False, refuri=address) if address else None


def setup(app: Any) -> None:
    """Sphinx calls it."""
    app.connect("missing-reference", refer_elsewhere)
