# Everything a developer or a newcomer runs. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install demo demo-ldap reports test check format test-live bench mutants smoke bytecode man schema lock build clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Put the locked dependencies and Kanport into .venv

# Hashes pin every file, so two machines get the same ones.
$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Kanport needs Python 3.11 or newer; try make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "No virtual environment could be made; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## See it work: a server with users, two messy lists, a clean list, the reports
	@$(BIN)/python samples/demo.py

demo-ldap: $(READY) ## The same from a directory; needs slapd (Debian: apt-get install slapd)
	@$(BIN)/python samples/demo_ldap.py

reports: $(READY) ## Render a stopped sample plan, the run that overrode it and its undo, into demo-output/reports
	@$(BIN)/python samples/sample_reports.py

# The type check keeps one core busy meanwhile. Bytecode is written whatever the environment says:
# each worker, and each process that a test starts, would compile everything anew.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY) ## Everything that must hold; what CI runs
	$(MAKE) --no-print-directory --jobs=2 check smoke bytecode
	$(BIN)/pytest --numprocesses=4 --dist=worksteal

# On a clean checkout, each of the workers would rewrite the assertions of all tests.
bytecode: $(READY)
	-@$(BIN)/pytest --collect-only --quiet >/dev/null

test-live: $(READY) ## Contract and samples against a fresh Kanboard: KANPORT_LIVE_URL, KANPORT_LIVE_TOKEN
	@test -n "$$KANPORT_LIVE_URL" && test -n "$$KANPORT_LIVE_TOKEN" \
	  || { echo "Name a freshly installed Kanboard with KANPORT_LIVE_URL and KANPORT_LIVE_TOKEN"; exit 1; }
	$(BIN)/pytest -m live

bench: $(READY) ## Compare the speed with a bare loop of requests, as ratios
	$(BIN)/python -m tests.bench

mutants: $(READY) ## Run mutation tests on the decision code
	$(BIN)/python -m tests.mutants

check: $(READY) ## Check format, lint, strict types, imports, no logic on message texts, consistent terms, spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.house.texts
	$(BIN)/python -m tests.house.terms
	$(BIN)/codespell

format: $(READY) ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

build: $(READY) ## Make the wheel
	@rm -rf dist
	$(BIN)/hatchling build --target wheel

# Only what the trial imports is compiled, when it does.
INTO_SMOKE := $(BIN)/pip --python build/smoke/bin/python install --quiet --disable-pip-version-check --no-compile

smoke: build ## Install the wheel alone, as a user would, and try it
	@rm -rf build/smoke
	@$(PYTHON) -m venv --without-pip build/smoke
	$(INTO_SMOKE) --require-hashes -r requirements/runtime.txt
	$(INTO_SMOKE) --no-deps dist/*.whl
	$(BIN)/python tests/smoke.py build/smoke/bin/kanport

man: $(READY) ## Write the man pages into build/man
	$(BIN)/python samples/ops/man_page.py build/man

schema: $(READY) ## Regenerate the JSON Schema beside the mappings
	$(BIN)/kanport schema > mappings/kanport-mapping.schema.json

lock: $(READY) ## Resolve the dependencies again and lock them with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --upgrade pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --upgrade pyproject.toml --group dev -o requirements/dev.txt

clean: ## Remove what the other targets made
	rm -rf $(VENV) dist build demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis
