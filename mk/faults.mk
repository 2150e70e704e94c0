# SPDX-License-Identifier: Apache-2.0
# Loads in which something goes wrong.

FAULTS := python3 tests/faults/run.py $(CLI) $(WORKER) $(B)/measure
$(B)/measure: $(B)/obj/tests/faults/measure.o
	$(CC) $(LDFLAGS_ALL) $^ -o $@

# The command, with its workers parked: see parked_cli.c.
PARKED_CLI := $(B)/picklefork-parked
PARKED_FAULTS := python3 tests/faults/run.py $(PARKED_CLI) $(WORKER) \
	$(B)/measure --parked
$(PARKED_CLI): $(CLI_OBJ) $(B)/obj/tests/faults/parked_cli.o $(B)/libbroker.a \
    $(B)/libproto.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,--wrap=pfork_broker_new $^ -lprotobuf-c \
	    -lcrypto -lpthread -o $@

# The command, with its worker lent its namespaces: see lent_cli.c.
LENT_CLI := $(B)/picklefork-lent
LENT_FAULTS := python3 tests/faults/run.py $(LENT_CLI) $(WORKER) \
	$(B)/measure --lent
$(LENT_CLI): $(CLI_OBJ) $(B)/obj/tests/faults/lent_cli.o $(B)/libbroker.a \
    $(B)/libproto.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,--wrap=pfork_broker_new $^ -lprotobuf-c \
	    -lcrypto -lpthread -o $@

.PHONY: faults faults-parked faults-lent faults-shared faults-long
faults: $(CLI) $(WORKER) $(B)/measure ## fail every system call, kill at each, odd hosts, odd inputs, bombs
	@$(FAULTS)
faults-parked: $(PARKED_CLI) $(WORKER) $(B)/measure ## the same where workers are parked before
	@$(PARKED_FAULTS)
faults-lent: $(LENT_CLI) $(WORKER) $(B)/measure ## the system calls again, where a worker is lent its namespaces
	@$(LENT_FAULTS)
faults-shared: $(CLI) $(WORKER) $(B)/measure ## the system calls again, where several workers inflate one file
	@$(FAULTS) --shared
faults-long: $(CLI) $(PARKED_CLI) $(LENT_CLI) $(WORKER) $(B)/measure ## all of them with every errno, also from then on
	@$(FAULTS) --long
	@$(PARKED_FAULTS) --long
	@$(LENT_FAULTS) --long
	@$(FAULTS) --shared --long

# These play a file system without nameless files.
$(B)/unit/cli/test_output $(B)/unit/cli/test_out_tree: \
	private LDFLAGS += -Wl,--wrap=openat

.PHONY: torture
torture: faults-long ## the long runs of everything that can fail
	@$(MAKE) --no-print-directory pickle-diff PICKLE_DIFF_COUNT=100000
