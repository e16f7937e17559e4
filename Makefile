# All commands. Each prepares .venv if it does not exist or is out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BUILD = $(firstword $(wildcard build/cp3*))

.PHONY: help demo test test-random check lint types format native bench sanitize clean
help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): pyproject.toml CMakeLists.txt $(wildcard native/src/*)
	@echo "preparing $(VENV) (about two minutes, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "deltaprop needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'scikit-build-core>=1.0' 'nanobind>=2.9' cmake ninja
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[test]'
	@$(BIN)/python -c 'from deltaprop.engines.registry import probes; print("native engine:", probes()["native"].why)'
	@touch $@

demo: $(READY)  ## train on the handwritten digits, check the gradients, save, predict
	@$(BIN)/python examples/demo.py

test: $(READY)  ## the test suite, under three minutes
	@$(BIN)/python -m pytest -n auto

test-random: SEED := $(or $(SEED),$(shell date +%s))
test-random: $(READY)  ## the property tests of equations and checks with a fresh seed (or SEED=...), under two minutes
	@echo "seed $(SEED): make test-random SEED=$(SEED) repeats this run"
	@$(BIN)/python -m pytest -q -n auto -m hypothesis --hypothesis-profile=random --hypothesis-seed=$(SEED) tests/core tests/trace tests/derivation tests/test_the_tests.py

lint: $(READY)  ## ruff, and the check of the prose
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/prose.py

types: $(READY)
	@$(BIN)/mypy

format: $(READY)  ## format the Python, and the C++
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .
	@$(BIN)/clang-format -i native/*/*.[ch]pp

native:  ## rebuild the compiled core after an edit in native/src
	@test -n "$(BUILD)" || $(MAKE) $(READY)
	@$(BIN)/cmake --build $(or $(BUILD),build/cp3*)
	@$(BIN)/cmake --install $(or $(BUILD),build/cp3*) --prefix "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')"
	@touch $(READY)

check: lint types test  ## what CI runs: ruff, prose, strict types, tests

bench: $(READY)  ## the measurements in docs/performance.md
	@$(BIN)/python -m benchmarks

sanitize: $(READY)  ## native/ and its contract under the address, undefined-behaviour and thread sanitizers
	@tools/sanitize.sh

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis demo
