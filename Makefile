# The one runner: CI does what you do. Every target sets up what it needs first; on a machine that has Python 3.11 and
# nothing else, `make test` and `make demo` are enough. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test quick lint format types bench wheels docs docs-check news-check changelog lock clean

BIN := .venv/bin

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## .venv with pinned dependencies and every distribution, editable
	@scripts/bootstrap.sh

demo: setup ## the New York flights pipeline on real data (docs/tutorial)
	@scripts/demo.sh

test: setup ## everything CI checks: style, types, architecture, every test, each plugin by itself; JOBS=1 one by one
	@$(BIN)/python scripts/test_all.py $(if $(JOBS),--jobs $(JOBS))

quick: setup ## tests of core and of the repository in .venv, without the slow ones
	@$(BIN)/python -m pytest -q core/tests tests -m "not slow"

lint: setup ## ruff (rules and format) and the import contracts
	@$(BIN)/python scripts/test_all.py --only lint

format: setup ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types: setup ## mypy, strict, on core and the plugins
	@$(BIN)/python scripts/test_all.py --only types

bench: setup ## cost of a node, linearity, start-up, listing plugins (benchmarks/README.md)
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/listing.py
	@$(BIN)/python benchmarks/node_overhead.py
	@$(BIN)/python benchmarks/frames.py
	@$(BIN)/python benchmarks/gates.py
	@$(BIN)/python benchmarks/bridge.py
	@$(BIN)/python benchmarks/workers.py
	@$(BIN)/python benchmarks/environments.py
	@$(BIN)/python benchmarks/sql.py

wheels: setup ## one wheel per distribution, in dist/
	@$(BIN)/python scripts/wheels.py dist

docs: setup ## write the parts of the reference that come from the code
	@$(BIN)/python scripts/reference.py write

docs-check: setup ## links of the documentation, and that its Python blocks compile
	@$(BIN)/python scripts/docs_check.py

news-check: setup ## news fragments are named and written as CONTRIBUTING.md says
	@$(BIN)/python scripts/news.py check

changelog: setup ## VERSION=0.2.0: move the news fragments into CHANGELOG.md
	@$(BIN)/python scripts/news.py build "$(VERSION)"

lock: setup ## pin again: UPGRADE=1 takes newer versions, otherwise only what changed
	@$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove what the other targets made
	rm -rf .venv .venvs .tools dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
