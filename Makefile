# SPDX-License-Identifier: Apache-2.0
# Everything that a person or a machine does with this tree. `make help` lists it.

PYTHON ?= python3
# For two cores; the third process works while others wait for a timeout. worksteal keeps a file's
# tests, and the servers that they share, in one process. `make test PYTEST="-k crl -x"` narrows it.
PYTEST ?= -n 3 --dist worksteal
# What stands for the kernel in the demo: emulated, or fuse (root and the package fuse3).
DRIVER ?= emulated
# What kind of TVM the demo is played on: tdx, snp, cca or cove.
TEE ?= tdx
# How long `make fuzz` gives each door; `make fuzz DOORS="quote log"` names some.
SECONDS ?= 120
DOORS ?=

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
CODE := $(wildcard src tests tools demo benchmarks)
PIP := -m pip --disable-pip-version-check

.PHONY: help
help: ## list these targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments ---------------------------------------------------------------------------------
# .venv for those who change troth, .venv-run for those who try it. Each is made anew when its lock
# changes, and the editable install is refreshed when pyproject.toml does.

define make_venv
	@bash tools/check-python.sh "$(PYTHON)"
	rm -rf $(1)
	"$(PYTHON)" -m venv $(1)
	$(1)/bin/python $(PIP) install -q --require-hashes $(foreach lock,$(2),-r $(lock))
	touch $@
endef

define install_editable
	$(1)/bin/python $(PIP) install -q --no-deps --no-build-isolation --no-index -e .
	touch $@
endef

.venv/.locked: requirements/dev.txt
	$(call make_venv,.venv,requirements/dev.txt)

.venv/.ready: .venv/.locked pyproject.toml
	$(call install_editable,.venv)

.venv-run/.locked: requirements/run.txt requirements/build.txt
	$(call make_venv,.venv-run,requirements/run.txt requirements/build.txt)

.venv-run/.ready: .venv-run/.locked pyproject.toml
	$(call install_editable,.venv-run)

.PHONY: venv
venv: .venv/.ready ## make the development environment in .venv

# --- use ------------------------------------------------------------------------------------------

.PHONY: demo
demo: .venv-run/.ready ## see troth work: a workload gets its secret, forgeries are refused
	.venv-run/bin/python demo/demo.py --tee $(TEE) --driver $(DRIVER)

.PHONY: bench
bench: .venv/.ready ## measure against the limit and a peer; results in benchmarks/results/
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.daemon
	$(BIN)/python -m benchmarks.logs
	$(BIN)/python -m benchmarks.tsm

# --- hold to account ------------------------------------------------------------------------------

.PHONY: test
test: .venv/.ready ## run all tests
	$(BIN)/python -m pytest $(PYTEST)

.PHONY: test-clients
test-clients: .venv/.ready ## run clients that others wrote, in Go and Rust, on the software TEE
	$(BIN)/python -m pytest -n0 tests/clients

.PHONY: test-vm
test-vm: .venv/.ready ## run what meets the real kernel, in a virtual machine (root)
	$(BIN)/python -m pytest -n0 -s -rs tests/vm

.venv-guest/.locked: requirements/guest.txt requirements/build.txt
	$(call make_venv,.venv-guest,requirements/guest.txt requirements/build.txt)

.venv-guest/.ready: .venv-guest/.locked pyproject.toml
	$(call install_editable,.venv-guest)

.PHONY: test-core
test-core: .venv-guest/.ready ## run what runs in a guest with the guest's dependencies alone
	.venv-guest/bin/python tools/try_core.py

.venv-fuzz/.locked: requirements/fuzz.txt requirements/build.txt
	$(call make_venv,.venv-fuzz,requirements/fuzz.txt requirements/build.txt)

.venv-fuzz/.ready: .venv-fuzz/.locked pyproject.toml
	$(call install_editable,.venv-fuzz)

.PHONY: fuzz
fuzz: .venv-fuzz/.ready ## give every door made-up bytes, each for SECONDS=120; docs/fuzzing.md
	.venv-fuzz/bin/python -m tools.fuzz $(SECONDS) $(DOORS)

.PHONY: mutants
mutants: .venv/.ready ## alter what others rest on, in one place at a time: its tests must notice
	$(BIN)/python -m tools.mutate

.PHONY: coverage
coverage: .venv/.ready ## run all tests and list the branches that none of them takes
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term-missing

CHECKS := check-format check-lint check-types check-layers check-house check-docs check-readme check-conformance

.PHONY: check $(CHECKS)
check: $(CHECKS) ## hold format, lint, types, layers, house rules, docs and README to account

check-format: .venv/.ready
	$(BIN)/ruff format --check .

check-lint: .venv/.ready
	$(BIN)/ruff check .

check-types: .venv/.ready
	$(BIN)/mypy $(CODE)

check-layers: .venv/.ready
	$(BIN)/lint-imports --no-logo

check-house: .venv/.ready
	$(BIN)/python -m tools.house

check-docs: .venv/.ready
	$(BIN)/zensical build --clean --strict -f mkdocs.yml

check-readme: .venv/.ready
	$(BIN)/python -m tools.check_readme

check-conformance: .venv/.ready
	$(BIN)/python -m tools.conformance

# --- rewrite --------------------------------------------------------------------------------------

.PHONY: format
format: .venv/.ready ## format, and repair what the linter can
	$(BIN)/ruff check --fix --exit-zero -q .
	$(BIN)/ruff format .

.PHONY: readme
readme: .venv/.ready ## rewrite the --help blocks of README.md from the program
	$(BIN)/python -m tools.check_readme --write

.PHONY: surface
surface: .venv/.ready ## rewrite tests/public-surface.txt from the packages
	$(BIN)/python -m tools.public_surface --write

.PHONY: schema
schema: .venv/.ready ## rewrite docs/reference/judgement.schema.json from the type
	$(BIN)/python -m tools.judgement_schema --write

.PHONY: codes
codes: .venv/.ready ## rewrite docs/reference/codes.md from the table and the tests
	$(BIN)/python -m tools.codes_page --write

.PHONY: lock
lock: ## resolve dependencies into requirements/*.txt (UPGRADE=1: to the newest)
	@bash tools/check-python.sh "$(PYTHON)"
	bash tools/lock.sh "$(PYTHON)"

# --- ship -----------------------------------------------------------------------------------------

.PHONY: dist
dist: .venv/.ready ## build wheel and sdist, and try the wheel in an empty environment
	bash tools/dist.sh "$(CURDIR)/$(BIN)/python" "$(PYTHON)"

.PHONY: system-deps
system-deps: ## install what is missing from the system (root, apt)
	@bash tools/system-deps.sh "$(PYTHON)"

.PHONY: system-deps-services
system-deps-services: ## install the services that some tests start: PostgreSQL, swtpm (root, apt)
	@bash tools/service-deps.sh

.PHONY: system-deps-clients
system-deps-clients: ## install what test-clients needs from the system (root, apt)
	@bash tools/client-deps.sh

.PHONY: system-deps-vm
system-deps-vm: ## install what test-vm needs from the system (root, apt)
	@bash tools/vm-deps.sh

.PHONY: clean
clean: ## remove everything that was made here, environments too
	rm -rf .venv .venv-run .venv-guest .venv-fuzz .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .cache \
		.hypothesis .coverage .coverage.* dist site
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
