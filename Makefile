# One entry point. `make setup` is idempotent; the other recipes call it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp-run
DEVSTAMP := $(VENV)/.stamp-dev
PAGE := dashboards/live/dist/index.html
PAGE_SOURCES := $(wildcard dashboards/live/src/*.ts dashboards/live/src/*/*.ts dashboards/live/src/*/*.css dashboards/live/index.html dashboards/live/package-lock.json dashboards/live/vite.config.ts)
DEMO ?=
# Both cores; a file stays whole, since its tests share a broker or a database. Long files come first, as they are collected: e2e, integration, unit.
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: setup setup-dev page demo test test-unit lint check regen bench clean

setup: $(STAMP) $(PAGE)

$(STAMP): requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Wattline needs Python 3.11 or newer; this is " + sys.version.split()[0] + " (set PYTHON=... to use another)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "could not make a virtual environment: install the venv module of Python (Debian: apt install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEVSTAMP): $(STAMP) requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

setup-dev: $(DEVSTAMP) $(PAGE)

page: $(PAGE)
$(PAGE): $(STAMP) $(PAGE_SOURCES)
	@$(BIN)/python deploy/build_page.py
	@touch $@

demo: setup
	$(BIN)/wattline demo $(DEMO)

test: setup-dev lint
	$(BIN)/python -m pytest tests $(IN_PARALLEL)

test-unit: setup-dev
	$(BIN)/python -m pytest tests/unit tests/cases -q $(IN_PARALLEL)

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python deploy/build_page.py lint

check: lint
	$(BIN)/python -m pytest tests/unit tests/cases -q $(IN_PARALLEL)

regen: setup-dev
	$(BIN)/python -m deploy.regen

BENCHES := $(patsubst bench/bench_%.py,bench-%,$(wildcard bench/bench_*.py))
.PHONY: $(BENCHES)
bench-%: setup-dev
	$(BIN)/python -m bench.bench_$*
bench: $(BENCHES)
	$(BIN)/python -m bench.collect

clean:
	rm -rf $(VENV) dashboards/live/dist dashboards/live/node_modules
