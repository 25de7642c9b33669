# make install   the environment in .venv, with edge-imgq in it
# make demo      export the default network to every target and print the table
# make test      the whole test suite, on two processors (JOBS=4 for four);
#                make quick leaves out what takes long, on one
# make fuzz      5000 random networks of each kind through the converters
# make peer      the written files in tflite-runtime 2.14, in an environment of its own
# make published EDGE_IMGQ_DATA=DIR  every published figure of the methods that evaluate learns,
#                and the zoo as its recipes say, where the suite is quicker
# make devices   what devices return: the Hexagon emulator, Arm and GPU kernels, adb, ssh
# make graphs    the graphs of the networks that ship, after a change to their architecture
# make mutations breaks steps of loading, passes, operators and steps of int8: do their tests see it?
# make int8-networks PHOTOGRAPHS=DIR IMAGES=DIR  int8 of shipped architectures beside other quantizers
# make lint      ruff and mypy
# make wheel     the wheel, in dist/
# make clean     remove what the targets above made, the environment included
#
# Only Python 3.11 is needed; every other version stands in constraints.txt.

PYTHON ?= python3.11
JOBS ?= 2
BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
# What pip is doing is shown on a terminal, and is noise in a log.
QUIETLY := $(shell test -t 2 || echo --quiet)

# Tests and builds start Python hundreds of times: modules are compiled once, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test quick fuzz peer published devices graphs mutations int8-networks lint wheel clean

install: $(INSTALLED)

# The build backend goes in first and builds without isolation, because pip would otherwise fetch a
# backend of any version: constraints do not reach isolated builds.
$(INSTALLED): pyproject.toml constraints.txt edge_imgq/version.py
	@echo "Installing into .venv: about two to seven minutes, and 2.1 GB on the disk."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(PIP) install $(QUIETLY) -c constraints.txt hatchling editables
	$(PIP) install $(QUIETLY) -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/edge-imgq export --target all

# A file's tests stay together, because many of them look at one export; each job has one thread.
# Files go in the order of tests/conftest.py, the longest first, not by their numbers of tests.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

quick: $(INSTALLED)
	$(BIN)/python -m pytest -m "not slow"

fuzz: $(INSTALLED)
	EDGE_IMGQ_FUZZ=5000 $(BIN)/python -m pytest tests/random_networks

peer: $(INSTALLED)
	test -x .venv-peer/bin/python || $(PYTHON) -m venv .venv-peer
	.venv-peer/bin/python -m pip install --quiet 'tflite-runtime==2.14.0' 'numpy<2'
	EDGE_IMGQ_OLD_TFLITE=$(CURDIR)/.venv-peer/bin/python $(BIN)/python -m pytest -m peer

published: $(INSTALLED)
	EDGE_IMGQ_PUBLISHED=1 EDGE_IMGQ_DATA=$(EDGE_IMGQ_DATA) $(BIN)/python -m pytest -rs tests/pipeline/evaluate/test_learn_regression.py tests/pipeline/test_zoo.py

devices: $(INSTALLED)
	-$(PIP) install --quiet -c constraints.txt 'onnxruntime-qnn>=2.7,<3'
	-$(BIN)/edge-imgq doctor --set-up arm64 >/dev/null
	-$(BIN)/edge-imgq doctor --set-up gpu >/dev/null
	$(BIN)/python -m pytest -m device -rs tests/devices

graphs: $(INSTALLED)
	$(BIN)/python -m edge_imgq.export.cache_graphs

mutations: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutation

int8-networks: $(INSTALLED)
	$(BIN)/python benchmarks/int8_networks.py --photographs $(PHOTOGRAPHS) --images $(IMAGES)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(INSTALLED)
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf .venv .venv-peer .venv-peers artifacts dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
