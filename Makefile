PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
MANAGE = PLUMBMARK_STATE_DIR=$$(mktemp -d) $(BIN)/python manage.py

# What does not need each other is made side by side.
MAKEFLAGS += --jobs=$(shell getconf _NPROCESSORS_ONLN)
# Else every process that is started compiles the platform anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint lint-style lint-types lint-layers lint-templates lint-project
.PHONY: lint-openapi sandbox-env demo-model kaggle-examples bench scale trust install install-dev clean help

run: install ## install, migrate and start everything on the embedded default
	$(BIN)/python manage.py up

test: lint ## install what testing needs, run every check
	$(BIN)/python -m pytest -n auto

lint: lint-types lint-style lint-layers lint-templates lint-project ## everything that reads the code without running the tests

lint-style: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: install-dev
	$(BIN)/mypy

lint-layers: install-dev
	$(BIN)/lint-imports

lint-templates: install-dev
	$(BIN)/djlint --check --lint templates

lint-project: install-dev
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null

lint-openapi: install-dev ## the OpenAPI description by a public linter (needs Node.js)
	$(MANAGE) spectacular --file .openapi.yaml
	REDOCLY_TELEMETRY=off npx --yes @redocly/cli@2.77.0 lint --extends=recommended .openapi.yaml

sandbox-env: install ## packages that code tasks may import (about 700 MB)
	$(BIN)/python manage.py build_sandbox_environment

demo-model: install ## a tiny language model for the demo (compiles its server: some minutes)
	$(BIN)/python manage.py build_demo_model

kaggle-examples: install ## the scripts that come with kaggle-benchmarks, which one test runs
	rm -rf .kaggle-examples && mkdir .kaggle-examples
	$(PIP) download --no-deps --no-binary kaggle-benchmarks --require-hashes -r tests/kaggle_examples.txt -d .kaggle-examples
	tar -xzf .kaggle-examples/*.tar.gz -C .kaggle-examples --strip-components=1

bench: install-dev ## speed of the evaluation path and of the pages, beside their floors
	$(BIN)/python bench/evaluation.py
	$(BIN)/python bench/sandbox.py
	$(BIN)/python bench/standings.py
	$(BIN)/python bench/editor.py

scale: install-dev ## boards, lists and large files in a database that has grown; some minutes
	$(BIN)/python bench/scale.py

trust: install-dev ## coverage of intervals and error of ranks, simulated; some minutes
	$(BIN)/python bench/trust.py

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/'
