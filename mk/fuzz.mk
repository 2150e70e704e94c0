# SPDX-License-Identifier: Apache-2.0
# Fuzzing: clang's libFuzzer with ASan and UBSan over the release sources.
#   make fuzz TARGET=pickle TIME=60      one target, so many seconds
#   make fuzz-smoke                      all of them, briefly (CI)

# A format has a target as soon as its name in worker/formats/formats.c stands
# here: "make fuzz TARGET=torch-zip".  Its dictionary is tests/fuzz/NAME.dict.
FUZZ_FORMATS := torch-zip
FUZZ_TARGETS := $(filter-out format,$(patsubst tests/fuzz/fuzz_%.c,%, \
	$(wildcard tests/fuzz/fuzz_*.c))) $(FUZZ_FORMATS)
FUZZ_HELP := $(call obj,$(filter-out %/replay_main.c, \
	$(wildcard tests/fuzz/help/*.c)))
FUZZ_HELP_WRAP := -Wl,--wrap=arena_alloc,--wrap=arena_grow,--wrap=arena_rewind
TARGET ?= file
TIME ?= 60
SMOKE_TIME ?= 20

# Seeds: the fixtures and what the generators write.
$(BUILD)/fuzz-seeds/.stamp: $(wildcard tests/gen/*.py tests/fixtures/*)
	@tests/fuzz/seeds.sh $(BUILD)/fuzz-seeds
	@touch $@

$(B)/obj/tests/fuzz/%.o: EXTRA := -Itests/fuzz/help
$(FUZZ_FORMATS:%=$(B)/obj/tests/fuzz/fuzz_%.o): $(B)/obj/tests/fuzz/fuzz_%.o: \
    tests/fuzz/fuzz_format.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS_ALL) $(INC_tests) -Itests/fuzz/help \
	    -DFUZZ_FORMAT='"$*"' -c $< -o $@
FUZZ_LIBS := $(B)/libparser.a $(B)/libbroker.a $(B)/libproto.a

# All of the helpers stand in an archive: a target takes what it needs.
$(B)/libfuzzhelp.a: $(FUZZ_HELP)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^
$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/libfuzzhelp.a $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_HELP_WRAP) \
	    $(if $(filter fuzz afl,$(F)),-fsanitize=fuzzer) $^ \
	    $(B)/libproto.a -lprotobuf-c -ldeflate -lpthread -o $@
$(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/help/replay_main.o \
    $(B)/libfuzzhelp.a $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_HELP_WRAP) $^ $(B)/libproto.a \
	    -lprotobuf-c -ldeflate -lpthread -o $@

.PHONY: fuzz-build fuzz fuzz-smoke replay
fuzz-build: $(addprefix $(B)/fuzz/,$(FUZZ_TARGETS))
replay: $(addprefix $(B)/replay/,$(FUZZ_TARGETS)) ## fuzz targets as plain programs

fuzz: setup-ci $(BUILD)/fuzz-seeds/.stamp ## fuzz one target: TARGET=file TIME=60
	@$(MAKE) --no-print-directory F=fuzz $(BUILD)/fuzz/fuzz/$(TARGET)
	@tests/fuzz/run.sh $(BUILD) $(TARGET) $(TIME)

fuzz-smoke: setup-ci $(BUILD)/fuzz-seeds/.stamp ## all fuzz targets, SMOKE_TIME seconds each
	@$(MAKE) --no-print-directory F=fuzz fuzz-build
	@tests/fuzz/smoke.sh $(BUILD) $(SMOKE_TIME) $(FUZZ_TARGETS)
