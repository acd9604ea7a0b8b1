# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core library of the collection, private to it. Its rooms from the ground up; each knows only rooms above it here.

- errors: everything that is raised on purpose
- model: users, groups and environments as they are and as they are to be
- transport: HTTP with retries, throttling and redaction
- planning: desired x current x policy -> plan; pure
- inputs: options and files of a task -> desired
- api: the clients of the Provisioning API, SCIM, Microsoft Graph and Microsoft Entra
- entra: a Microsoft tenant as a source
- execution: a plan carried out
- output: reports, plan files, progress
- backends: an environment over SCIM or over the Provisioning API
- task: what every task does, whoever runs it
- hosts: who runs it

Ansible compiles every file that a task imports anew, in every task. So what few tasks need is imported in the function that
needs it, and marked as an import for start-up. No import is late for another reason.
"""
