# Two commands: `make serve` tries footfall out, `make test` tests it. Each does its own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SITE ?= blog
# What the tracker is built from, in order, with what, and where it goes.
TRACKER = $(patsubst %,static/tracker/%.js,page queue send engagement views actions start)
NPM = build/npm/node_modules/.package-lock.json
STATIC ?= static
WAITING = tests/browser tests/faults

# Else each of the hundreds of processes that the tests start compiles our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test test-cluster test-waiting test-others test-lowest lint lock tracker world npm client clean

serve: $(VENV)/serve.stamp
	@$(BIN)/footfall site add $(SITE) --if-missing >/dev/null
	@exec $(BIN)/footfall serve

# Much of the time the tests wait for something, so those with Cassandra, those with browsers or kills and the others run side by side.
test: lint
	@echo "Three runs of pytest begin; each is shown when it is done."
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target test-cluster test-waiting test-others

test-cluster: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m cluster -p no:cacheprovider

test-waiting: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m "not cluster" -p no:cacheprovider $(WAITING)

test-others: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m "not cluster" -p no:cacheprovider $(WAITING:%=--ignore=%)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The tests that need no tool, with the lowest versions that pyproject.toml allows; without those marked "ours", which try no library.
test-lowest: | $(VENV)/bin/python
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/pip install --quiet --disable-pip-version-check --no-compile $$($(PYTHON) tests/lowest.py) packaging pytest hypothesis fake-useragent openapi-spec-validator aiosmtpd trustme
	build/lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	build/lowest/bin/python -m pytest -m "not needs and not ours" --hypothesis-profile=few \
		--ignore tests/test_wheel.py --ignore tests/browser

# The versions that CI tests with. `make lock` writes them anew.
lock: $(VENV)/test.stamp
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --extra dev --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-header --allow-unsafe --output-file requirements-dev.lock pyproject.toml

# a.js, a.core.js and a.vitals.js from static/tracker/. A version that was released once stays as it was, for the pages that name its
# hash: another one needs another version in package.json.
tracker: $(NPM)
	mkdir -p $(STATIC)/frozen
	$(call terser,$(TRACKER),true,a.js)
	$(call terser,$(TRACKER),false,a.core.js)
	$(call terser,static/tracker/vitals.js,true,a.vitals.js)
	version=$$(sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json); \
	for build in a a.core a.vitals; do \
		frozen=$(STATIC)/frozen/$$build.$$version.js; \
		[ -e $$frozen ] || cp $(STATIC)/$$build.js $$frozen; \
		cmp $(STATIC)/$$build.js $$frozen || { \
			echo "$$frozen: is frozen and another; raise the version in package.json" >&2; exit 1; }; \
	done

# The first line has Chromium compile all functions while it still reads the file, and not on the main thread when they are called.
terser = build/npm/node_modules/.bin/terser $(1) --enclose document,navigator:document,navigator --ecma 2020 \
	--compress passes=3,unsafe_arrows=true,pure_getters=true --mangle --format "preamble='//\# allFunctionsCalledOnLoad'" --define FULL=$(2) --output $(STATIC)/$(3)

# The map of the pages, from the shapes of Natural Earth.
world: $(NPM) $(VENV)/serve.stamp
	$(BIN)/python static/world/make.py build/npm/node_modules/world-atlas/countries-110m.json templates/world.txt

npm: $(NPM)

$(NPM): package.json package-lock.json .npmrc
	mkdir -p build/npm
	cp $^ build/npm/
	npm ci --prefix build/npm --silent
	@touch $@

# What makes a client of the API's description, for its test: not beside the other tools, whose libraries it would hold back.
client: build/client/bin/openapi-python-client

build/client/bin/openapi-python-client:
	$(PYTHON) -m venv build/client
	build/client/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1

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
