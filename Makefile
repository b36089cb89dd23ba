# Two commands: `make serve` tries footfall out, `make test` tests it. Each does its own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SITE ?= blog

.PHONY: serve test test-lowest lint lock clean

serve: $(VENV)/serve.stamp
	@$(BIN)/footfall site add $(SITE) --if-missing >/dev/null
	@$(BIN)/footfall user add owner --if-none
	@exec $(BIN)/footfall serve

test: lint
	$(BIN)/python -m pytest

lint: $(VENV)/test.stamp
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The tests that need no tool, with the lowest versions that pyproject.toml allows.
test-lowest: | $(VENV)/bin/python
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/pip install --quiet --disable-pip-version-check $$($(PYTHON) tests/lowest.py) packaging pytest hypothesis fake-useragent
	build/lowest/bin/python -m pytest -m "not needs" --ignore tests/test_wheel.py --ignore tests/browser

# The versions that CI tests with. `make lock` writes them anew.
lock: $(VENV)/test.stamp
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --extra dev --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-header --allow-unsafe --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/serve.stamp: pyproject.toml setup.py | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/test.stamp: pyproject.toml setup.py requirements-dev.lock | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "footfall needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
