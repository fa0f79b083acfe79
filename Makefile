# `make` or `make help` lists the targets. Everything runs inside .venv, which `make setup` builds.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
PROFILE ?= cpu
PORT ?= 8888
# owner/name on GitHub of whoever hosts a copy: set it here, then `make badges`.
REPO ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FAST := not slow and not browser and not mutants
FULL := not browser and not mutants
# One thread per worker: tiny tensors gain nothing from more, and workers share the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
WORKERS ?= 2
# Threads that wait for others sleep: on a busy machine two that spin are slower than one.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help
help:  ## list the targets
	@echo "usage: make TARGET [PYTHON=python3] [PROFILE=cpu|gpu|rehearsal] [DATA_DIR=data] [WORKERS=2] [PORT=8888]"
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort \
		| awk -F ':.*## ' '{ printf "  %-15s %s\n", $$1, $$2 }'

# --- environment ---------------------------------------------------------------------------

.PHONY: setup
setup: $(STAMP)  ## build .venv from requirements.lock (nothing to do when it is current)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 10) else \
		f"Python >= 3.10 is needed, $(PYTHON) is {v.major}.{v.minor}; try make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.PHONY: lock
lock: setup  ## resolve requirements.lock again for every platform
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile pyproject.toml --universal --all-extras --python-version 3.10 \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
		--output-file requirements.lock

# --- notebooks -----------------------------------------------------------------------------

.PHONY: run-notebooks
run-notebooks: setup  ## run all notebooks into build/notebooks (PROFILE=cpu, gpu or rehearsal; DATA_DIR, DEVICE, JOBS)
	$(BIN)/python -m tools.run_notebooks --profile $(PROFILE) \
		$(if $(DATA_DIR),--data-dir $(DATA_DIR)) $(if $(DEVICE),--device $(DEVICE)) $(if $(JOBS),--jobs $(JOBS))

.PHONY: notebooks
notebooks: setup  ## run all notebooks where they are and store them with their outputs
	$(BIN)/python -m tools.run_notebooks --in-place

.PHONY: badges
badges: setup  ## write badges that open the notebooks from REPO=owner/name; without it, none
	$(BIN)/python -m tools.badges $(if $(REPO),--repo $(REPO))

.PHONY: lab
lab: setup  ## open JupyterLab on the repository, with notebook 00 (PORT=8888)
	$(BIN)/python -m tools.lab --port $(PORT)

# --- checks --------------------------------------------------------------------------------

.PHONY: lint
lint: setup  ## ruff, mypy and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

.PHONY: check
check: lint  ## lint and the fast tests
	$(PYTEST) -n $(WORKERS) -m "$(FAST)"

.PHONY: test
test: setup  ## all tests but the browser's and the mutants
	$(PYTEST) -n $(WORKERS) -m "$(FULL)"

.PHONY: test-browser
test-browser: setup  ## the notebooks in a real Chromium; screenshots in build/
	$(PYTEST) -m browser

.PHONY: test-mutants
test-mutants: setup  ## damage the code on purpose and see the tests notice
	$(PYTEST) -m mutants

# --- measurements --------------------------------------------------------------------------

.PHONY: bench
bench: setup  ## time the training step, objective, decoding and loader here; check damaged files
	$(BIN)/python -m benchmarks

.PHONY: drill
drill: setup  ## kills, damaged files, hostile lists and absurd values: try to break it, with a record
	$(BIN)/python -m benchmarks.drill

.PHONY: ablations
ablations: setup  ## switch parts of the method off and record what they were worth
	$(BIN)/python -m benchmarks.ablations

.PHONY: results
results: setup  ## rebuild the tables in README and docs from results/*.json and the list of files
	$(BIN)/python -m tools.results
	$(BIN)/python -m tools.modules

# --- data ----------------------------------------------------------------------------------

.PHONY: data
data: setup  ## generate the tiny MotionFactors data set
	$(BIN)/sdc data make motion-factors --size tiny

.PHONY: clean
clean:  ## remove build/ and the caches of tools; keeps .venv, data and runs
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
