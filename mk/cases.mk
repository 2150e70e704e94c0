# SPDX-License-Identifier: Apache-2.0
# The case runner, the fixtures by real torch, and interop with it.

TORCH := 2.13.0
VENV_PYTHON := .venv/bin/python

.PHONY: cases fixtures venv interop interop-long interop-packages
cases: $(CLI) $(WORKER) ## run the CLI over every fixture and hostile file
	@python3 tests/cases/run.py $(CLI) $(if $(ONLY),--only $(ONLY))

# torch's default wheels hold CUDA and are gigabytes; PIP_ARGS may point pip at
# an index of CPU wheels.  python -m pip: a script's first line cannot name an
# interpreter in a path with spaces.
PIP_ARGS ?=
.venv/.stamp:
	python3 -m venv .venv
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check \
	    $(PIP_ARGS) torch==$(TORCH) numpy safetensors==0.8.0 gguf==0.19.0 \
	    ml_dtypes==0.6.0 flax==0.12.8 "jax[cpu]==0.10.2" \
	    onnx==1.23.2 joblib==1.5.2 lz4==4.4.5
	touch $@
venv: .venv/.stamp ## make .venv with torch, numpy and safetensors
	@:

fixtures: .venv/.stamp ## write tests/fixtures again with real torch
	cd tests/fixtures && ../../$(VENV_PYTHON) -W ignore make_fixtures.py
	$(VENV_PYTHON) tests/fixtures/safetensors/make_safetensors.py
	$(VENV_PYTHON) -W ignore tests/fixtures/flax/make_flax.py
	$(VENV_PYTHON) -W ignore tests/fixtures/numpy/make_numpy.py
	$(VENV_PYTHON) -W ignore tests/fixtures/onnx/make_onnx.py
	$(VENV_PYTHON) tests/fixtures/gguf/make_gguf.py
	$(VENV_PYTHON) -W ignore tests/fixtures/dcp/make_dcp.py

interop: $(CLI) $(WORKER) $(B)/answer ## compare with the real libraries: fixtures, 200 random files a format
	@tests/interop/run.sh $(B) "$(MAKE)"

# FORMATS="npz gguf" for some of them; one file again: COUNT=1 FIRST=I.
COUNT ?= 10000
SEED ?= 1
FIRST ?= 0
FORMATS ?=
interop-packages: $(CLI) $(WORKER) $(B)/answer venv ## checkpoints inside Python packages beside their libraries (fetches 300 MB)
	@$(VENV_PYTHON) -W ignore tests/interop/packages.py $(B) $(PACKAGES)
interop-long: $(CLI) $(WORKER) $(B)/answer ## the same with COUNT random files a format (SEED, FIRST, FORMATS)
	@tests/interop/run.sh $(B) "$(MAKE)" --count $(COUNT) --seed $(SEED) \
	    --first $(FIRST) --jailed 10 $(FORMATS:%=--format %)
