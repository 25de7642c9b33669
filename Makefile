# make install   the environment in .venv, with edge-imgq in it
# make demo      export the default network to every target and print the table
# make test      the whole test suite;  make quick leaves out what takes long
# make lint      ruff and mypy
# make wheel     the wheel, in dist/
# make clean     remove what the targets above made, the environment included
#
# Only Python 3.11 is needed; every other version stands in constraints.txt.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: install demo test quick lint wheel clean

install: $(INSTALLED)

# The build backend goes in first and builds without isolation, because pip would otherwise fetch a
# backend of any version: constraints do not reach isolated builds.
$(INSTALLED): pyproject.toml constraints.txt edge_imgq/__init__.py
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(PIP) install --quiet -c constraints.txt hatchling editables
	$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/edge-imgq export --target all

test: $(INSTALLED)
	$(BIN)/python -m pytest

quick: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(INSTALLED)
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf .venv artifacts dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
