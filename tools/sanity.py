# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-test sanity on the built collection.

The artifact is unpacked into a folder of its own, `<work>/ansible_collections/workspace365/provisioning`, because
ansible-test insists on such a path and writes its output below it. Its home folder is a private one below .build, so
that nothing of the user's own is written to, and `make clean` removes everything.

ansible-test builds its own virtual environments, one per kind of test. See bootstrap_pip.py for how pip gets there.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from common import BUILD, ROOT, Problem, clean_environment, run_main
from interpreters import path_of_real_pythons


def unpack(artifact: Path, work: Path) -> Path:
    """Install the artifact into a fresh folder; the path of the collection."""
    shutil.rmtree(work / "ansible_collections", ignore_errors=True)
    command = ["ansible-galaxy", "collection", "install", str(artifact), "-p", str(work)]
    command += ["--force", "--no-deps", "--offline"]
    installed = subprocess.run(
        command,
        env=clean_environment({"ANSIBLE_COLLECTIONS_PATH": str(work)}),
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if installed.returncode:
        raise Problem(f"the artifact {artifact} cannot be installed:\n{installed.stdout}")
    collection = work / "ansible_collections" / "workspace365" / "provisioning"
    if any((collection / "tests" / "sanity").glob("ignore*.txt")):
        raise Problem("the artifact carries tests/sanity/ignore*.txt. This collection passes without them.")
    return collection


def bootstrap_versions() -> set[str]:
    """The pip versions that this ansible-test bootstraps, read from its source, since it offers no way to ask."""
    spec = find_spec("ansible_test")
    locations = list(spec.submodule_search_locations or ()) if spec else []
    if not locations:
        raise Problem(f"{sys.executable} has no ansible-test. It comes with ansible-core: run 'make venv'.")
    source = (Path(locations[0]) / "_internal" / "python_requirements.py").read_text(encoding="utf-8")
    versions = set(re.findall(r"""\bpip=['"]([0-9.]+)['"]""", source))
    if not versions:
        raise Problem("this ansible-test no longer names its pip version where tools/sanity.py looks for it.")
    return versions


def pip_settings() -> str:
    """The user's pip settings (index, certificates, proxy) as a pip.conf.

    ansible-test passes neither PIP_* variables nor the usual home folder on, so that its installations would not find
    a company's own package index.
    """
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, text=True, check=False, capture_output=True)
    settings: dict[str, str] = {}
    # Variables of the environment come last, because they override pip's files.
    for line in sorted(listed.stdout.splitlines(), key=lambda text: text.startswith(":env:")):
        matched = re.fullmatch(r"(?:global|install|:env:)\.([a-z0-9-]+)=(.*)", line)
        if matched:
            settings[matched[1]] = str(ast.literal_eval(matched[2]))
    # Errors only: the output of nine installations would hide the findings.
    settings["quiet"] = "2"
    settings["disable-pip-version-check"] = "true"
    return "[global]\n" + "".join(f"{name} = {' '.join(value.split())}\n" for name, value in settings.items())


def prepare_home(home: Path) -> None:
    """Make the private home folder: pip's settings, its download cache, its passwords, and the bootstrap script."""
    pip_conf = home / ".config" / "pip" / "pip.conf"
    pip_conf.parent.mkdir(parents=True, exist_ok=True)
    pip_conf.write_text(pip_settings(), encoding="utf-8")
    pip_conf.chmod(0o600)
    for shared in (".netrc", ".cache/pip"):
        link, original = home / shared, Path.home() / shared
        if original.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(original)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in bootstrap_versions():
        shutil.copyfile(ROOT / "tools" / "bootstrap_pip.py", cache / f"get_pip_{version.replace('.', '_')}.py")


def main() -> int:
    """Read the command line and run ansible-test; its exit code."""
    parser = argparse.ArgumentParser(description="Run ansible-test sanity on the built collection.")
    parser.add_argument("artifact", type=Path, help="the artifact that 'make build' made")
    parser.add_argument("--work", type=Path, default=BUILD / "sanity", help="where to unpack it; default .build/sanity")
    # Compiling and importing on every Python of the machine takes long; "make matrix" does that.
    own = "{}.{}".format(*sys.version_info[:2])
    parser.add_argument("--python", default=own, help=f"a Python version, or 'all' for every one found; default {own}")
    parser.add_argument("arguments", nargs="*", help="more arguments for ansible-test, after '--'")
    options = parser.parse_args()
    work = options.work.resolve()
    home = BUILD / "ansible-test"
    prepare_home(home)
    collection = unpack(options.artifact.resolve(), work)
    command = ["ansible-test", "sanity", "--color", "no", "--truncate", "0"]
    if options.python != "all":
        command += ["--python", options.python]
    # CONTENT_ROOT stops ansible-test from looking upwards: there it would find this repository, ask git for the files
    # below the ignored .build, and test nothing at all while reporting success.
    environment = clean_environment({"HOME": str(home), "ANSIBLE_TEST_CONTENT_ROOT": str(collection)})
    if options.python == "all":
        environment["PATH"] = path_of_real_pythons(work / "pythons", environment["PATH"])
    environment.pop("ANSIBLE_COLLECTIONS_PATH")
    environment.pop("ANSIBLE_CONFIG")
    result = subprocess.run([*command, *options.arguments], cwd=collection, env=environment, check=False)
    return result.returncode


if __name__ == "__main__":
    os.umask(0o022)
    run_main(main)
