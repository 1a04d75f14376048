# The two commands: `make run` (a backtest of the S&P 500) and `make test`. Both make the environment first.
.POSIX:
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
BENCH = .venv-bench
# Tests that `make test` takes, as a pytest marker expression; empty takes all.
MARK = not slow
PIP = -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: env run test test-all lint answers bench table clean

# compat: the editable install is a path, not an import hook, which a folder called admf would hide.
EDITABLE = --config-settings editable_mode=compat --editable

env: $(VENV)/.installed

# The stamp depends on what is installed: an edit of either file installs again, nothing else does.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("admf needs Python 3.11 or newer: make PYTHON=python3.11")'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) $(EDITABLE) '.[dev]'
	@touch $@

run: env
	$(BIN)/admf run examples/backtest.yaml

test: env
	$(BIN)/python -m pytest -m "$(MARK)"

test-all: env
	$(BIN)/python -m pytest

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The peers bring many libraries of their own, so they get an environment of their own.
$(BENCH)/.installed: pyproject.toml constraints.txt benchmarks/constraints.txt
	test -x $(BENCH)/bin/pip || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python $(PIP) --constraint benchmarks/constraints.txt $(EDITABLE) '.[bench]'
	@touch $@

# vectorbt's answers anew, into the files that the tests read.
answers: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/answers.py --write

bench: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/answers.py
	$(BENCH)/bin/python benchmarks/run.py
	$(BENCH)/bin/python benchmarks/sweep.py
	$(BENCH)/bin/python benchmarks/stops.py
	$(BENCH)/bin/python benchmarks/portfolio.py

# All of them as the table of the README.
table: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/table.py

clean:
	rm -rf $(VENV) $(BENCH) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
