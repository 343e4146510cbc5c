# Everything needs Python 3.10+ and make only; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install demo test test-unit test-engines lint format bench vscode clean

help:
	@echo "make demo          a completion and a review on an example project, with the embedded engine"
	@echo "make test          all tests: unit, cases, language server over stdio, embedded engine"
	@echo "make test-unit     the tests that need no model (seconds)"
	@echo "make lint          ruff, mypy (strict), import-linter"
	@echo "make vscode        the VS Code extension, editors/vscode/codeassist.vsix (needs Node.js 20 or later)"
	@echo "make bench         the benchmarks; tables go to benchmarks/results/"

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit('codeassist needs Python 3.10 or later, this is ' + sys.version.split()[0] if sys.version_info < (3, 10) else 0)"
	@test -x $(BIN)/python || { echo "Creating the virtual environment $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing codeassist with its embedded engine (about 60 MB of packages) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[embedded]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the tests and checks need ..."
	@$(BIN)/python -m pip install --quiet --editable '.[embedded,dev]'
	@touch $@

install: $(VENV)/installed

demo: $(VENV)/installed
	@$(BIN)/codeassist demo

test: $(VENV)/installed-dev
	@$(BIN)/codeassist models pull
	@$(BIN)/python -m pytest tests

test-unit: $(VENV)/installed-dev
	@$(BIN)/python -m pytest tests -m "not engine"

test-engines: $(VENV)/installed-dev
	@$(BIN)/codeassist models pull
	@$(BIN)/python -m pytest tests -m engine

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev
	@$(BIN)/codeassist models pull
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/latency/reparse.py | tee benchmarks/results/reparse.txt
	$(BIN)/python benchmarks/latency/startup.py | tee benchmarks/results/startup.txt
	$(BIN)/python benchmarks/quality/planted.py | tee benchmarks/results/planted.txt

vscode:
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund && npm run package

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
