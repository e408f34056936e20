# Everything a person types here. It needs GNU make and Python 3.11 or newer with venv, no more.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
PYTHON ?=
ONLY ?=
WORKERS ?= 2
UPGRADE ?=
BIN := $(VENV)/bin
MADE := $(VENV)/.made
RUN_READY := $(VENV)/.run-installed
DEV_READY := $(VENV)/.dev-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
# pip compiles on one processor what it installs; this takes all of them. Some packages carry
# templates that are no Python: that they do not compile is no failure.
COMPILE := $(BIN)/python -m compileall -qq -j 0 "$$($(BIN)/python -c \
	'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

.PHONY: help run test check format bench faults mutants migration lock

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo "Settings of a run (PORT, DATA_DIR, MLFLOW_TRACKING_URI, DEMO ...): app/settings.py"

run: $(RUN_READY) ## start everything: MLflow, the portal and the worker, with a demo inside
	@exec $(BIN)/python -m countersign run

test: $(DEV_READY) ## the whole suite, browser and PostgreSQL included (ONLY=words picks tests)
	@$(BIN)/python -m tests.prepare
	@exec $(BIN)/python -m pytest $(if $(ONLY),-k "$(ONLY)",-n $(WORKERS) --dist loadscope --no-loadscope-reorder)

check: $(DEV_READY) ## format, lint, types, and who may import whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV_READY) ## put the source in its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(DEV_READY) ## every figure of the README (ONLY=name for one), into benchmarks/results.json
	@$(BIN)/python -m benchmarks $(ONLY)

faults: $(DEV_READY) ## kill portal, worker and MLflow among 1,000 approvals, then count (APPROVALS, KILLS, DOWN_S)
	@$(BIN)/python -m tests.prepare
	@COUNTERSIGN_DRILLS=full $(BIN)/python -m pytest -q tests/faults/test_killed_notifier.py
	@exec $(BIN)/python -m tests.faults

mutants: $(DEV_READY) ## put small faults into the release law; the tests must notice 85 % (ONLY=words)
	@exec nice -n 15 $(BIN)/python -m tests.mutants

migration: $(DEV_READY) ## write the next step of the database: make migration m="what changes"
	@test -n "$(m)" || { echo 'Say what changes: make migration m="what changes"' >&2; exit 2; }
	@step=$$($(BIN)/python -m countersign migrate --new "$(m)" | tail -n 1); \
	$(BIN)/ruff check --quiet --fix "$$step"; $(BIN)/ruff format --quiet "$$step"; echo "$$step"

lock: ## pin every dependency with its hashes; needs uv (UPGRADE=--upgrade takes the newest)
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv" >&2; exit 2; }
	$(UV_COMPILE) $(UPGRADE) --extra build pyproject.toml -o requirements/run.lock
	$(UV_COMPILE) $(UPGRADE) --extra build --extra dev -c requirements/run.lock \
		pyproject.toml -o requirements/dev.lock

# A stamp is newer than the lock it was made from, so that nothing is installed twice.
$(RUN_READY): requirements/run.lock pyproject.toml guard/pyproject.toml | $(MADE)
	@echo "Installing what Countersign runs on into $(VENV): a few minutes, once."
	@$(PIP) install --quiet --no-compile --require-hashes --no-deps -r requirements/run.lock
	@$(COMPILE)
	@$(PIP) install --quiet --no-deps --no-build-isolation -e . -e guard
	@touch $@

$(DEV_READY): requirements/dev.lock pyproject.toml guard/pyproject.toml | $(MADE)
	@echo "Installing what Countersign runs on and is tested with into $(VENV): a few minutes, once."
	@$(PIP) install --quiet --no-compile --require-hashes --no-deps -r requirements/dev.lock
	@$(COMPILE)
	@$(PIP) install --quiet --no-deps --no-build-isolation -e . -e guard
	@touch $@ $(RUN_READY)

$(MADE):
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
		if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null; then \
			"$$python" -m venv $(VENV); touch $@; exit 0; \
		fi; \
	done; \
	echo "No Python 3.11 or newer with venv was found." >&2; \
	echo "  On Debian: apt-get install python3-venv. Another one: make PYTHON=/path/to/python3" >&2; \
	exit 2
