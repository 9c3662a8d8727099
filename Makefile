PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test lint schema sandbox-env kaggle-examples bench install install-dev clean help

run: install ## install, migrate and start everything on the embedded default
	$(BIN)/python manage.py up

test: install-dev lint ## install what testing needs, run every check
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: install-dev ## everything that reads the code without running the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates
	PLUMBMARK_STATE_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run
	PLUMBMARK_STATE_DIR=$$(mktemp -d) $(BIN)/python manage.py check
	PLUMBMARK_STATE_DIR=$$(mktemp -d) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

sandbox-env: install ## packages that code tasks may import (about 700 MB)
	$(BIN)/python manage.py build_sandbox_environment

kaggle-examples: install ## the scripts that come with kaggle-benchmarks, which one test runs
	rm -rf .kaggle-examples && mkdir .kaggle-examples
	$(PIP) download --no-deps --no-binary :all: --require-hashes -r tests/kaggle_examples.txt -d .kaggle-examples
	tar -xzf .kaggle-examples/*.tar.gz -C .kaggle-examples --strip-components=1

bench: install-dev ## speed of the evaluation path and of the pages, beside their floors
	$(BIN)/python bench/evaluation.py
	$(BIN)/python bench/sandbox.py

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
