# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What modules have that change thousands of objects."""

    DOCUMENTATION = r"""
options:
  scim_bulk:
    description:
      - Whether many changes travel in one request where the SCIM service says that it takes them, in C(ServiceProviderConfig)
        (S) and over C(/Bulk) (S). A change that such an answer does not confirm is made again by itself.
    type: bool
    default: true
  report_file:
    description:
      - Write the outcome to these files, for people who do not read Ansible's output. The ending says in which form. A file in
        C(.csv) is a table for a spreadsheet. A file in C(.html) is one page for a browser that needs neither scripts nor a
        network. The page tells how many people joined, changed and left, who they are, who was left out and why, and what failed.
      - The files are written on the host that the module runs on, when all changes are made, also when some of them have
        failed. In check mode they say that they are about a rehearsal. A task that is refused before its first change writes
        none and leaves older ones as they are.
      - They hold people's names, so only the user that the module runs as can read them. No password is in them. The folder
        must exist; this is checked before anything is changed. A file that cannot be written after that is a warning.
      - In the table, an apostrophe stands before whatever a spreadsheet would take for a formula, which is text that begins with
        V(=), V(+), V(-), V(@), a tab or a line break, also after a semicolon.
    type: list
    elements: path
    default: []
  progress_file:
    description:
      - Where the module writes a line about its progress now and then, for whoever wants to follow it with C(tail -f). It holds
        counts and no names. A file that cannot be written is no error.
      - On the local connection the lines also appear in Ansible's own output while the task runs, in a terminal as in a job of
        AWX, without this option being given. Elsewhere, with C(become) and with C(async) they do not, because Ansible cannot
        see that file then.
    type: path
  progress_interval:
    description:
      - Seconds between two lines about the progress, and before the first one, so that a short task stays quiet. V(0) turns
        them off.
    type: int
    default: 15
"""
