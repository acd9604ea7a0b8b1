# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that change thousands of objects."""

    DOCUMENTATION = r"""
options:
  scim_bulk:
    description:
      - Whether many changes are sent in one request to C(/Bulk), where the SCIM service announces in
        C(ServiceProviderConfig) that it supports this. A change that such an answer does not confirm is sent again by
        itself.
    type: bool
    default: true
  report_file:
    description:
      - Write the outcome to these files, for people who do not read Ansible's output. The file extension selects the
        format. V(.csv) is a table for a spreadsheet. V(.html) is one page for a browser that needs neither scripts nor
        a network; it shows how many users joined, changed and left, who they are, who was left out and why, and what
        failed.
      - The files are written on the host that the module runs on, when all changes are made, also when some of them
        have failed. In check mode they say that nothing was written. A task that an error or a guard ends before its
        first change says why; one whose options are refused writes none and does not change older ones.
      - They hold names of users, so only the user that the module runs as can read them. They hold no password. The
        folder must exist; this is checked before anything is changed. A file that cannot be written after that is a
        warning.
      - In the table, an apostrophe precedes text that a spreadsheet would treat as a formula, which is text that begins
        with V(=), V(+), V(-), V(@), a tab or a line break, also after a semicolon.
    type: list
    elements: path
    default: []
  progress_file:
    description:
      - Where the module writes a line about its progress now and then, so that it can be followed with C(tail -f). It
        holds counts and no names. A file that cannot be written is no error.
      - On the local connection the lines also appear in Ansible's own output while the task runs, in a terminal as in a
        job of AWX, without this option being given. Elsewhere, with C(become) and with C(async) they do not, because
        Ansible cannot see that file then.
    type: path
  progress_interval:
    description:
      - Seconds between two lines about the progress, and before the first one, so that a short task writes none. V(0)
        disables them.
    type: int
    default: 15
"""
