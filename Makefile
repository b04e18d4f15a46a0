# Everything runs in a virtual environment that this file makes; all it needs beforehand is
# make, git and a Python of 3.11 or newer. VENV=… and PYTHON=… choose others.
#
#   make demo       save a baseline, measure again, catch a deliberate slowdown
#   make test       lint, type-check and the whole suite with branch coverage
#   make test-all   the suite on every Python >= 3.11 that this machine has
#   make clean      remove the environments and what the tools left behind

VENV ?= .venv
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" $(NEW_ENOUGH) 2>/dev/null && echo "$$python" && break; done)
INSTALLED := $(VENV)/.installed
BIN := $(VENV)/bin

# containers that forbid bytecode make each pytest that a test starts compile all its plugins anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint suite test-all clean
.DELETE_ON_ERROR:

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

test: lint suite

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

# coverage starts before pytest, which imports the plugin before any plugin could measure it
suite: $(INSTALLED)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-all: lint
	@set -e; for version in 3.11 3.12 3.13 3.14; do \
		python=; \
		for candidate in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
			if "$$candidate" -c 'import venv' 2>/dev/null; then python=$$candidate; break; fi; \
		done; \
		if [ -z "$$python" ]; then echo "Python $$version is not here: skipped"; continue; fi; \
		echo "Python $$version: $$python"; \
		$(MAKE) --no-print-directory suite VENV=.venv-$$version PYTHON="$$python"; \
	done

clean:
	rm -rf .venv .venv-* .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python of 3.11 or newer was found; name one with PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'  # the first that knows --group
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev --group apps
	@touch $@
