# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that run a task."""

import gc
import sys

if "ansible.plugins" not in sys.modules:
    # A module process ends with its task, and what it makes stays until then: looking for garbage after every 700 objects
    # takes a fiftieth of its time. Inside Ansible, that is none of our business.
    gc.set_threshold(50_000)
