# make demo      train, freeze, test and plot a small model, from nothing
# make test      all tests: C++ (plain and under sanitizers), then Python
# make horovod   Horovod for training on several processes, built, kept and checked
# make interop   exchange of models with deepmd-kit, in a second environment
# make lint | bench | clean
#
# Needs python3 (3.10 to 3.12) with venv, g++ (9 or newer) and make; everything else comes from the package index.

PYTHON ?= python3
VENV := .venv
KIT_VENV := .venv-interop
KIT := deepmd-kit[cpu,lmp]==3.2.0
# Files of tests stay in memory where there is room, as checkpoints wait for the disk; one thread of BLAS for each runner, as
# idle ones spin; neighbouring tests go to one runner, as they share what was trained for them.
PYTEST = folder=$$(mktemp -d $$(test -w /dev/shm && echo -p /dev/shm)); trap 'rm -rf "$$folder"' EXIT; \
	OMP_NUM_THREADS=1 python -m pytest -n $(JOBS) --dist worksteal --basetemp="$$folder/tests"
# Any that setup.py accepts: make test TENSORFLOW='tensorflow-cpu==2.15.*' after make clean tries the oldest.
TENSORFLOW := tensorflow-cpu>=2.15,<2.22
JOBS ?= 2
NATIVE := $(shell find op nvnmd/op -type f) setup.py pyproject.toml
SOURCES := $(NATIVE) $(shell find deepmd_tf nvnmd -type f -name '*.py' -o -type f -name '*.json')
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# So that the lines below read as a user types them.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo test test-native test-python horovod interop lint bench clean

# --- environments ---------------------------------------------------------------------------------------------------

# TensorFlow first: pip install . alone would fetch it twice, once to build with and once to run with.
$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet '$(TENSORFLOW)'
	touch $@

# The package as a user installs it. The stamp of the other kind goes, as one environment holds one of them.
$(VENV)/installed: $(SOURCES) | $(VENV)/created
	$(PIP) install --quiet '.[plot,ase]'
	rm -f $(VENV)/editable
	touch $@

# The package as a developer installs it: the checkout itself.
$(VENV)/editable: $(NATIVE) | $(VENV)/created
	$(PIP) install --quiet --editable '.[test]' ruff cmake ninja
	touch $(VENV)/installed $@

# The wheel is built once for a version of TensorFlow and of MPI, and kept in the user's cache.
$(VENV)/horovod: examples/distributed/build_horovod.sh | $(VENV)/created
	PYTHON=$(VENV)/bin/python examples/distributed/build_horovod.sh
	touch $@

horovod: $(VENV)/horovod

$(KIT_VENV)/created:
	$(PYTHON) -m venv $(KIT_VENV)
	$(KIT_VENV)/bin/python -m pip --disable-pip-version-check install --quiet '$(KIT)'
	touch $@

# --- demonstration --------------------------------------------------------------------------------------------------

demo: $(VENV)/installed
	rm -rf demo
	cp -r examples/copper_alloy demo
	cd demo && dp train input.json
	cd demo && dp freeze -o model.pb
	cd demo && dp test -m model.pb -s data/training -d training
	cd demo && dp test -m model.pb -s data/validation -d validation
	cd demo && python ../examples/plot.py lcurve lcurve.out -o learning_curve.png
	cd demo && python ../examples/plot.py parity training validation -o parity.png
	@echo; cd demo && python ../examples/plot.py table training validation
	@echo; echo "model: demo/model.pb   pictures: demo/learning_curve.png demo/parity.png"

# --- checks ---------------------------------------------------------------------------------------------------------

test: test-native test-python

test-native: $(VENV)/editable
	for kind in OFF ON; do \
	  build=_build/sanitize-$$kind; \
	  cmake -S nvnmd/op -B $$build -G Ninja -DDP_BUILD_TESTS=ON -DDP_BUILD_MAIN_TESTS=ON -DDP_SANITIZE=$$kind > /dev/null; \
	  cmake --build $$build --parallel $(JOBS); \
	  ctest --test-dir $$build --output-on-failure; \
	done

test-python: $(VENV)/editable $(VENV)/horovod
	$(PYTEST) -m 'not interop'

interop: $(VENV)/editable $(KIT_VENV)/created
	export DEEPMD_KIT_ENV=$(CURDIR)/$(KIT_VENV); $(PYTEST) -m interop

lint: $(VENV)/editable
	ruff check

bench: $(VENV)/editable
	python benchmarks/step_time.py --data $(or $(DATA),$(error make bench DATA=folder, which takes the place of @DATA@ in benchmarks/water/input.json))

clean:
	rm -rf demo _build build *.egg-info $(VENV) $(KIT_VENV)
	find . -name __pycache__ -not -path './.git/*' -exec rm -rf {} +
