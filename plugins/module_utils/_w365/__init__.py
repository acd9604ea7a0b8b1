# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core library of the collection, private to it. A package imports only from packages that are listed above it.

- errors: the exceptions that the collection raises
- model: users, groups and environments, current and desired
- transport: HTTP with retries, throttling and redaction
- planning: desired x current x policy -> plan; without input or output
- inputs: options and files of a task -> desired
- api: the clients of the Provisioning API, SCIM, Microsoft Graph and Microsoft Entra
- entra: a Microsoft tenant as a source of desired state
- execution: applies a plan
- output: reports, plan files, progress
- backends: an environment through SCIM or through the Provisioning API
- task: what every task does, on any host
- hosts: the programs that run a task

Ansible compiles every file that a task imports anew, in every task. So what only a few tasks need is imported in the function
that needs it, and marked with "start-up". No import is late for another reason.
"""
