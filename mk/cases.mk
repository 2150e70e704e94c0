# SPDX-License-Identifier: Apache-2.0
# The case runner, the fixtures by real torch, and interop with it.

TORCH := 2.13.0
VENV_PYTHON := .venv/bin/python

.PHONY: cases fixtures venv interop
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
	    onnx==1.23.2
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

interop: $(CLI) $(WORKER) ## compare with real torch, numpy, safetensors
	@tests/interop/run.sh $(CLI) "$(MAKE)"
