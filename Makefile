# SPDX-License-Identifier: Apache-2.0
# One non-recursive Makefile.  `make help` lists the targets.
#
#   F      flavour: release (default), asan, tsan, coverage, clang, fuzz
#   BUILD  where everything is built (default: build)
#   WERROR=1 turns warnings into errors (CI does)
#   V=1    prints whole commands

.DEFAULT_GOAL := all
SHELL := /bin/bash
Q := $(if $(V),,@)
comma := ,
say = @$(if $(V),:,printf '  %-7s %s\n' '$(1)' '$(subst $(BUILD)/,,$@)')
F ?= release
BUILD ?= build
B := $(BUILD)/$(F)
GEN := $(B)/gen
VERSION := 0.1.0
SOVERSION := 0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec/picklefork
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=
# The command and the library look for the worker in LIBEXECDIR wherever they
# are run: anything else would be a place that others may fill.
$(foreach v,PREFIX BINDIR LIBDIR LIBEXECDIR INCLUDEDIR MANDIR, \
	$(if $(filter /%,$(firstword $($(v)))),, \
	$(error $(v)=$($(v)): it must be an absolute path)))
# What is misspelt is an error before anything is fetched or built.
asks_for = $(filter $(1),$(MAKECMDGOALS))
number = $(if $(shell [[ '$($(1))' =~ ^[1-9][0-9]{0,8}$$ ]] && echo yes),, \
	$(error $(1)=$($(1)): it must be a number over 0))
one_of = $(if $(filter-out 1,$(words $($(1))))$(filter-out $(2),$($(1))), \
	$(error $(1)=$($(1)): it must be one of: $(2)))
$(call one_of,F,release asan tsan coverage clang fuzz afl valgrind oss)

# ---------------------------------------------------------------- compiler --
ifneq ($(filter clang fuzz,$(F)),)
CC := clang
endif
ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
OBJCOPY ?= objcopy

# Keeps a flag only when this compiler knows it, so that gcc and clang build.
probe = $(foreach f,$(1),$(shell echo 'extern int probe;' | $(CC) -Werror $(f) \
	-c -x c - -o /dev/null 2>/dev/null && echo '$(f)'))

WARN := $(call probe,-Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 \
	-Wnull-dereference -Wduplicated-cond -Wlogical-op -Wswitch-enum \
	-Wimplicit-fallthrough=5)
ifeq ($(WERROR),1)
WARN += -Werror
endif
HARDEN := $(call probe,-fstack-protector-strong -fstack-clash-protection \
	-ftrivial-auto-var-init=zero -fno-strict-aliasing \
	-fno-delete-null-pointer-checks -fvisibility=hidden)
LDHARDEN := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
OPT := -O2 -g
ifeq ($(F),asan)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
OPT := -O1 -g
else ifeq ($(F),fuzz)
SAN := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
OPT := -O1 -g
else ifeq ($(F),tsan)
SAN := -fsanitize=thread -fno-omit-frame-pointer
OPT := -O1 -g
else ifeq ($(F),coverage)
SAN := --coverage
OPT := -O0 -g
else
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -fPIC $(OPT) $(WARN) $(HARDEN) $(SAN) \
	-MMD -MP $(CFLAGS)
LDFLAGS_ALL = $(LDHARDEN) $(SAN) $(LDFLAGS)

# What the parsers unpack with.
UNPACK_LIBS := -ldeflate -lbz2 -llzma -llz4

# The rooms and what each may include.
INC_proto := -Iproto
INC_worker := -Iworker -Iworker/formats -Iworker/pickle -Iproto
INC_broker := -Ibroker -Iinclude -Iproto
INC_cli := -Ibroker/cli -Iinclude
INC_server := -Ibroker/server -Ibroker/cli -Iinclude
INC_tests := -Itests -Itests/unit -Iinclude -Ibroker -Iworker \
	-Iworker/formats -Iworker/pickle -Iproto -I$(GEN) -Ibroker/cli

# ----------------------------------------------------------------- sources --
PROTO_SRC := $(wildcard proto/*.c)
START_SRC := $(wildcard worker/start*.c)
PARSER_SRC := $(filter-out worker/main.c worker/jail.c worker/handover.c \
	worker/hold.c worker/proof.c worker/filter_gen.c $(START_SRC), \
	$(wildcard worker/*.c worker/formats/*.c worker/pickle/*.c))
BROKER_SRC := $(wildcard broker/*.c)
CLI_SRC := $(wildcard broker/cli/*.c broker/server/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/unit/*/test_*.c)
UNIT_HELP := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
PROTO_OBJ := $(call obj,$(PROTO_SRC)) $(B)/obj/gen/picklefork.pb-c.o
PARSER_OBJ := $(call obj,$(PARSER_SRC))
BROKER_OBJ := $(call obj,$(BROKER_SRC))
CLI_OBJ := $(call obj,$(CLI_SRC))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))

# The worker starts without libc (worker/start.c), which is written for x86-64;
# elsewhere it is linked with libc and its start, as any program.
START_OBJ := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)), \
	$(call obj,$(START_SRC)))
ifneq ($(START_OBJ),)
WORKER_LD := -nostdlib -Wl,--gc-sections $(if $(findstring \
	pack-relative-relocs,$(shell $(CC) -Wl,--help)), \
	-Wl$(comma)-z$(comma)pack-relative-relocs)
endif

WORKER := $(B)/picklefork-worker
CLI := $(B)/picklefork
LIB_A := $(B)/libpicklefork.a
LIB_SO := $(B)/libpicklefork.so.$(VERSION)
# A sanitizer build cannot run inside the jail: every flavour's tests run the
# release worker.
TEST_WORKER := $(abspath $(BUILD)/release/picklefork-worker)

# ------------------------------------------------------------ main targets --
.PHONY: all help setup clean
all: $(WORKER) $(CLI) $(LIB_A) $(LIB_SO) ## build worker, CLI and library

help: ## list the targets
	@grep -hE '^[a-zA-Z_-]+:.*## ' $(MAKEFILE_LIST) | \
	    sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-16s %s\n",$$1,$$2}'

setup: ## install the packages that are missing (apt)
	@scripts/setup.sh build

clean: ## remove what was built
	rm -rf "$(BUILD)"

# ------------------------------------------------------------------- rules --
$(GEN)/picklefork.pb-c.c $(GEN)/picklefork.pb-c.h &: proto/picklefork.proto
	@mkdir -p $(GEN)
	$(call say,GEN)
	$(Q)protoc-c --proto_path=proto --c_out=$(GEN) picklefork.proto
$(B)/obj/gen/picklefork.pb-c.o: $(GEN)/picklefork.pb-c.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=c17 -fPIC $(OPT) $(HARDEN) $(SAN) -MMD -MP -I$(GEN) -c $< -o $@
# Generated headers are for wire.c and wire_piece.c alone, and for their proof.
$(B)/obj/proto/wire.o $(B)/obj/proto/wire_piece.o: $(GEN)/picklefork.pb-c.h
$(B)/obj/proto/wire.o $(B)/obj/proto/wire_piece.o: EXTRA := -I$(GEN)
$(B)/obj/tests/unit/proto/test_pack.o: $(GEN)/picklefork.pb-c.h
$(B)/obj/tests/unit/proto/test_wire_read.o: $(GEN)/picklefork.pb-c.h
$(B)/obj/worker/jail.o: $(GEN)/filter.h
$(B)/obj/worker/jail.o: EXTRA := -I$(GEN)
$(B)/obj/broker/worker_path.o: EXTRA := -I$(GEN)
$(B)/obj/broker/worker_path.o: $(GEN)/paths.h

# The seccomp filters: compiled at build time by libseccomp from policy.def and
# parked.def.
$(B)/filter-gen: worker/filter_gen.c worker/policy.def worker/parked.def
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(OPT) $(WARN) -Iworker $< -lseccomp -o $@
$(GEN)/filter.h: $(B)/filter-gen
	@mkdir -p $(GEN)
	$(call say,GEN)
	$(Q)$(B)/filter-gen > $@.tmp && mv $@.tmp $@

# No canary before there is one; no calls of libc's functions, nor its checks,
# in those that stand for them.
START_FLAGS := -fno-builtin -U_FORTIFY_SOURCE \
	$(call probe,-fno-tree-loop-distribute-patterns)
$(START_OBJ): EXTRA := -ffreestanding -fno-stack-protector $(START_FLAGS)
$(B)/obj/tests/unit/worker/test_start.o: EXTRA := $(START_FLAGS)

# Where the installed worker is; made anew when PREFIX changes.
.PHONY: FORCE
FORCE:
$(GEN)/paths.h: FORCE
	@mkdir -p $(GEN)
	@echo '#define PFORK_WORKER_PATH "$(LIBEXECDIR)/picklefork-worker"' > $@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

room = $(or $(patsubst broker/%/,%,$(filter broker/cli/ broker/server/,$(dir $(1)))), \
	$(firstword $(subst /, ,$(1))))
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS_ALL) $(INC_$(call room,$*)) $(EXTRA) -c $< -o $@

$(B)/libparser.a: $(PARSER_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^
$(B)/libproto.a: $(PROTO_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^
# Unhidden, for tests alone.
$(B)/libbroker.a: $(BROKER_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

ifneq ($(filter asan tsan coverage fuzz,$(F)),)
# No sanitizer in the jail: these flavours have no worker of their own.
$(WORKER): FORCE
	$(MAKE) F=release BUILD=$(BUILD) $(BUILD)/release/picklefork-worker
	@mkdir -p $(@D)
	$(Q)cp -u $(BUILD)/release/picklefork-worker $@
else
$(WORKER): $(B)/obj/worker/main.o $(B)/obj/worker/jail.o \
    $(B)/obj/worker/handover.o $(B)/obj/worker/hold.o $(B)/obj/worker/proof.o \
    $(START_OBJ) $(B)/libparser.a $(B)/libproto.a
	$(call say,LD)
	$(Q)$(CC) -static-pie $(LDFLAGS_ALL) $(WORKER_LD) $^ $(UNPACK_LIBS) -o $@.tmp
	$(Q)$(if $(START_OBJ),tests/lint/check-start.sh $@.tmp $(START_OBJ))
	$(Q)mv $@.tmp $@
endif

$(LIB_A): $(BROKER_OBJ) $(PROTO_OBJ)
	$(call say,LD)
	$(Q)$(CC) -nostdlib -r -o $(B)/libpicklefork.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(B)/libpicklefork.o
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $(B)/libpicklefork.o
$(LIB_SO): $(BROKER_OBJ) $(PROTO_OBJ) broker/picklefork.map
	$(call say,LD)
	$(Q)$(CC) -shared $(LDFLAGS_ALL) -Wl,--version-script=broker/picklefork.map \
	    -Wl,-soname,libpicklefork.so.$(SOVERSION) -Wl,--no-undefined \
	    $(BROKER_OBJ) $(PROTO_OBJ) -lprotobuf-c -lpthread -o $@
	$(Q)ln -sf $(@F) $(B)/libpicklefork.so.$(SOVERSION)
	$(Q)ln -sf $(@F) $(B)/libpicklefork.so
$(CLI): $(CLI_OBJ) $(LIB_A)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ -lprotobuf-c -lcrypto -lpthread -o $@

# ------------------------------------------------------------------- tests --
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(call obj,$(UNIT_HELP)) \
    $(B)/libparser.a $(B)/libbroker.a $(B)/libproto.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(B)/libproto.a -lcmocka -lprotobuf-c $(UNPACK_LIBS) \
	    -lpthread -o $@
.SECONDARY:

.PHONY: unit
unit: $(UNIT_BIN) $(WORKER) $(CLI) ## unit tests of this flavour
	@PFORK_TEST_WORKER="$(TEST_WORKER)" tests/run-unit.sh $(UNIT_BIN)

-include $(wildcard mk/*.mk)
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
