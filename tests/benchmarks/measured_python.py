# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for Python, and writes down what the program that it starts has cost.

Ansible is given it as `ansible_python_interpreter`, so what is measured is the module's own process, as ansible-playbook
runs it: from its start to its end, with the unpacking of AnsiballZ, without Ansible's own work around it.

One line of JSON goes to the file BENCH_COSTS: seconds on the clock, CPU seconds (user and system) and the peak of
resident memory in bytes. The peak can never be less than this small process's own, since the kernel carries it over
an exec.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> int:
    begin = time.perf_counter()
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
    _child, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    costs = {
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        # Linux counts in KiB, macOS in bytes.
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(os.environ["BENCH_COSTS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(costs) + "\n")
    return int(costs["code"]) % 256


if __name__ == "__main__":
    sys.exit(main())
