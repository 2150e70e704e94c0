# SPDX-License-Identifier: Apache-2.0
# The verdict's table of the standard library, and its false alarms.

.PHONY: names verdict-honest
names: ## write the table of Python's standard library again
	python3 tests/gen/make_names.py > worker/pickle/names_stdlib.c.tmp
	mv worker/pickle/names_stdlib.c.tmp worker/pickle/names_stdlib.c

verdict-honest: $(CLI) $(WORKER) .venv/.stamp ## no honest checkpoint is dangerous
	.venv/bin/python -W ignore tests/interop/verdict_honest.py $(CLI) \
	    --worker $(TEST_WORKER)
