# SPDX-License-Identifier: Apache-2.0
# The jail tests.  They run the release worker (no sanitizer lives in the jail)
# as the user who calls, and as nobody too when that is root.

R := $(BUILD)/release
JAIL_TEST_SRC := $(wildcard tests/jail/*.c)
JAIL_TEST_OBJ := $(filter-out %/probe.o,$(call obj,$(JAIL_TEST_SRC)))

$(B)/obj/tests/unit/test_filter.o: $(GEN)/filter.h

ifeq ($(F),release)
$(B)/jail-probe: $(B)/obj/tests/jail/probe.o $(B)/obj/worker/jail.o \
    $(B)/obj/worker/handover.o $(B)/obj/worker/hold.o $(B)/obj/worker/proof.o
	$(CC) -static-pie $(LDFLAGS_ALL) -Wl,--wrap=syscall $^ -o $@
$(B)/jail-test: $(JAIL_TEST_OBJ) $(B)/libproto.a
	$(CC) $(LDFLAGS_ALL) $^ -lprotobuf-c -o $@
$(B)/jail-empty: tests/jail/empty/empty.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -O2 -static $< -o $@

.PHONY: jail jail-time
jail: $(WORKER) $(B)/jail-probe $(B)/jail-test ## the jail tests, on the release worker
	@tests/jail/run.sh $(B)
jail-time: $(WORKER) $(B)/jail-test $(B)/jail-empty ## spawn to Hello, beside an empty program
	@$(B)/jail-test time $(WORKER) $(B)/jail-empty
else
.PHONY: jail jail-time
jail jail-time:
	@$(MAKE) --no-print-directory F=release BUILD=$(BUILD) $@
endif
