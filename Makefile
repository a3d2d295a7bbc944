# Commands of the project; `make` alone lists them.
# A fresh Debian or macOS machine needs Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8080
DATABASE ?= sqlite:///var/durable.sqlite
TARGET ?= http://$(HOST):$(PORT)
SUITE ?= tests
SITE ?= site
MUTANTS ?=
# More processes than a small machine has cores: many tests wait for a clock or another process.
# A file stays in one of them, with the servers that it starts.
PYTEST_FLAGS ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder
SOURCES := server contracts conformance cli tests tools bench

.DEFAULT_GOAL := help
.PHONY: help install serve test test-all check format contracts docs bench conformance mutants lock wheel conformance-wheel clean

help: ## list the commands
	@echo "Durable Workflow Server. Commands:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Settings: PYTHON, HOST, PORT, DATABASE, TARGET, SUITE, SITE and PYTEST_FLAGS, as in: make serve PORT=9090"

install: $(VENV)/.installed ## the environment in .venv, nothing else

$(VENV)/.installed: requirements.lock pyproject.toml tools/environment.sh
	@sh tools/environment.sh "$(PYTHON)" "$(VENV)"
	@touch $@

serve: install ## run the server: SQLite, port 8080, default namespace, no credentials unless set
	@sh tools/serve.sh "$(BIN)" --bootstrap --host "$(HOST)" --port "$(PORT)" --database "$(DATABASE)"

test: install ## what every change must pass: real databases, Redis and SDK clients
	@$(BIN)/python -m pytest -m "not long" $(PYTEST_FLAGS) $(SUITE)

test-all: install ## also the long ones: kills, fuzz, 10,000 parked polls
	@FUZZ_EXAMPLES=50 $(BIN)/python -m pytest $(PYTEST_FLAGS) $(SUITE)

check: install ## format, lint, types, layers, sizes, derived files
	@sh tools/check.sh "$(BIN)" "$(SOURCES)"

format: install ## rewrite the sources in the project's format
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

contracts: install ## rebuild the bundle, the manifests and the reference pages
	@$(BIN)/durable-contracts manifests --write
	@$(BIN)/python tools/documents.py

docs: install ## rebuild the derived documents, and the site with search: make docs SITE=site
	@$(BIN)/python tools/documents.py
	@$(BIN)/python tools/build_site.py "$(SITE)"

bench: install ## measure, as ratios in one run: make bench BENCH="--help"
	@$(BIN)/python -m bench $(BENCH)

conformance: install ## hold a server against the contract: make conformance TARGET=http://host:8080
	@$(BIN)/durable-conformance run --server "$(TARGET)"

mutants: install ## plant defects in the server; the suite must catch nearly all: make mutants MUTANTS="retry-*"
	@$(BIN)/python -m tests.mutants $(MUTANTS)

lock: install ## resolve pyproject.toml anew into requirements.lock
	@$(BIN)/python -m pip install --quiet pip-tools
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --extra dev \
		--strip-extras --no-annotate --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-emit-options -o requirements.lock pyproject.toml

wheel: install ## build the wheel and the sdist into dist/
	@$(BIN)/python -m build --quiet --outdir dist .

conformance-wheel: install ## build the wheel of the suite alone into dist/
	@$(BIN)/python -m build --quiet --wheel --outdir dist conformance

clean: ## remove what the commands above made, except var/ (your data)
	@rm -rf $(VENV) .sdk dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis
