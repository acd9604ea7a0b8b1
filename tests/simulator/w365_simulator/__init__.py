# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An offline twin of Workspace 365 and of the parts of Microsoft Entra and Graph that provisioning needs.

Run it with ``python -m w365_simulator --help``. It is written from the wire contract and shares no code with the
collection, so that a mistake in one is not repeated in the other.
"""

from __future__ import annotations

__all__ = ["DEFAULT_PROVISIONING_KEY", "DEFAULT_SCIM_TOKEN", "__version__"]
__version__ = "1.1.0"

# Recognizable demo values, which cannot be mistaken for real secrets.
DEFAULT_PROVISIONING_KEY = "00000000-0000-4000-8000-000000000365"
DEFAULT_SCIM_TOKEN = "scim-demo-token-of-the-twin"
