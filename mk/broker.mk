# SPDX-License-Identifier: Apache-2.0
# A worker that lies, and the runner that holds the broker against it.  The liar
# is always a release build, because no sanitizer runs in the jail; the broker
# is of flavour F.

comma := ,
LIAR_SRC := $(wildcard tests/liar/lia*.c tests/liar/lies_*.c)
LIAR_NAMES := $(shell sed -n 's/^\([A-Z]*_\)*LIE.\([a-z0-9_]*\),.*/\2/p' \
	tests/liar/lies.def)
LIAR := $(BUILD)/release/liar
LIAR_DIR := $(BUILD)/release/liars

ifeq ($(B),$(BUILD)/release)
$(LIAR): $(call obj,$(LIAR_SRC)) $(B)/obj/worker/jail.o \
    $(B)/obj/worker/handover.o $(B)/obj/worker/hold.o $(B)/obj/worker/proof.o \
    $(B)/libproto.a
	$(CC) -static-pie $(LDFLAGS_ALL) $^ -lprotobuf-c -o $@
else
$(LIAR): FORCE
	$(MAKE) F=release BUILD=$(BUILD) $@
endif

# The lie is the program's name: hard links, one for each.
$(LIAR_DIR)/made: $(LIAR) tests/liar/lies.def
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@for n in $(LIAR_NAMES); do ln $(LIAR) $(@D)/liar-$$n || exit 1; done
	@touch $@

$(B)/liar-run: $(B)/obj/tests/liar/run.o $(B)/libbroker.a $(B)/libproto.a
	$(CC) $(LDFLAGS_ALL) $^ -lprotobuf-c -lpthread -o $@

.PHONY: liar
liar: $(LIAR_DIR)/made $(B)/liar-run ## tell the broker every lie
	@$(B)/liar-run $(LIAR_DIR)

# test_load.c has liars for workers.
unit: $(LIAR_DIR)/made

# test_faults.c lets each of these fail in turn.
WRAPPED := malloc calloc reallocarray aligned_alloc mmap socketpair \
	epoll_create1 epoll_ctl timerfd_create timerfd_settime memfd_create \
	fstat getrandom send sendfile write posix_spawn sendmsg \
	madvise pthread_create strdup syscall
$(B)/unit/broker/test_faults: private LDFLAGS += \
	$(addprefix -Wl$(comma)--wrap=,$(WRAPPED))
# test_store_clock.c lets time pass while boxes are judged.
$(B)/unit/broker/test_store_clock: private LDFLAGS += \
	-Wl,--wrap=clock_gettime -Wl,--wrap=assembled_judge
