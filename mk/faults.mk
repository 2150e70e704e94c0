# SPDX-License-Identifier: Apache-2.0
# Loads in which something goes wrong.

FAULTS := python3 tests/faults/run.py $(CLI) $(WORKER) $(B)/measure
$(B)/measure: $(B)/obj/tests/faults/measure.o
	$(CC) $(LDFLAGS_ALL) $^ -o $@

.PHONY: faults faults-long
faults: $(CLI) $(WORKER) $(B)/measure ## fail every system call, kill at each, odd hosts, odd inputs, bombs
	@$(FAULTS)
faults-long: $(CLI) $(WORKER) $(B)/measure ## the same with every errno, also from then on
	@$(FAULTS) --long

# test_output.c plays a file system without nameless files.
$(B)/unit/cli/test_output: private LDFLAGS += -Wl,--wrap=open

.PHONY: torture
torture: faults-long ## the long runs of everything that can fail
	@$(MAKE) --no-print-directory pickle-diff PICKLE_DIFF_COUNT=100000
