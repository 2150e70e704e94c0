# SPDX-License-Identifier: Apache-2.0
# Loads in which something goes wrong.

.PHONY: faults faults-long
faults: $(CLI) $(WORKER) ## fail every system call, kill at each, odd hosts, odd inputs
	@python3 tests/faults/run.py $(CLI) $(WORKER)
faults-long: $(CLI) $(WORKER) ## the same with every errno, also from then on
	@python3 tests/faults/run.py $(CLI) $(WORKER) --long

# test_output.c plays a file system without nameless files.
$(B)/unit/cli/test_output: private LDFLAGS += -Wl,--wrap=open
