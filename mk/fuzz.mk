# SPDX-License-Identifier: Apache-2.0
# Fuzzing: clang's libFuzzer with ASan and UBSan over the release sources.
#   make fuzz TARGET=pickle TIME=60      one target, so many seconds
#   make fuzz-smoke                      all of them, briefly (CI)

# A format has a target as soon as its name in worker/formats/formats.c stands
# here: "make fuzz TARGET=torch-zip".  Its dictionary is tests/fuzz/NAME.dict.
FUZZ_FORMATS := torch-zip torch-legacy torch-tar gguf npz npy safetensors joblib \
	flax-msgpack onnx hf-index agent-checkpoint torch-dcp torch-distcp
FUZZ_TARGETS := $(filter-out format planted,$(patsubst tests/fuzz/fuzz_%.c,%, \
	$(wildcard tests/fuzz/fuzz_*.c))) $(FUZZ_FORMATS)
FUZZ_HELP := $(call obj,$(filter-out %/replay_main.c, \
	$(wildcard tests/fuzz/help/*.c)))
FUZZ_HELP_WRAP := -Wl,--wrap=arena_alloc,--wrap=arena_grow,--wrap=arena_rewind \
	-Wl,--wrap=arena_trim,--wrap=arena_page,--wrap=arena_page_back
TARGET ?= file
TIME ?= 60
SMOKE_TIME ?= 20
ifneq ($(call asks_for,fuzz fuzz-afl),)
$(call one_of,TARGET,$(FUZZ_TARGETS))
$(call number,TIME)
endif
ifneq ($(call asks_for,fuzz-smoke),)
$(call number,SMOKE_TIME)
endif

# Seeds: the fixtures and what the generators write.
$(BUILD)/fuzz-seeds/.stamp: $(wildcard tests/gen/*.py tests/fixtures/*) \
    tests/fuzz/seeds.sh
	@$(MAKE) --no-print-directory F=release \
	    $(BUILD)/release/picklefork-fuzz
	@tests/fuzz/seeds.sh $(BUILD)/fuzz-seeds \
	    $(BUILD)/release/picklefork-fuzz
	@touch $@

$(B)/obj/tests/fuzz/%.o: EXTRA := -Itests/fuzz/help
$(FUZZ_FORMATS:%=$(B)/obj/tests/fuzz/fuzz_%.o): $(B)/obj/tests/fuzz/fuzz_%.o: \
    tests/fuzz/fuzz_format.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS_ALL) $(INC_tests) -Itests/fuzz/help \
	    -DFUZZ_FORMAT='"$*"' -c $< -o $@
# OSS-Fuzz sets these two.
FUZZ_ENGINE ?= -fsanitize=fuzzer
FUZZ_LIBRARIES ?= -lprotobuf-c $(UNPACK_LIBS)
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
	    $(FUZZ_ENGINE) $^ $(B)/libproto.a $(FUZZ_LIBRARIES) -lpthread -o $@
$(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/help/replay_main.o \
    $(B)/libfuzzhelp.a $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_HELP_WRAP) $^ $(B)/libproto.a \
	    -lprotobuf-c $(UNPACK_LIBS) -lpthread -o $@

# One input, without a fuzzer, for a person: picklefork-fuzz replay FILE.
$(B)/picklefork-fuzz: $(B)/obj/tests/fuzz/picklefork_fuzz.o \
    $(B)/libfuzzhelp.a $(FUZZ_LIBS)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_HELP_WRAP) $^ $(B)/libproto.a \
	    -lprotobuf-c $(UNPACK_LIBS) -lpthread -o $@

.PHONY: fuzz-build fuzz fuzz-smoke fuzz-long fuzz-afl fuzz-valgrind corpus-min \
	replay
.PHONY: fuzz-list
fuzz-list: ## print the names of the fuzz targets
	@echo $(FUZZ_TARGETS)
fuzz-build: $(addprefix $(B)/fuzz/,$(FUZZ_TARGETS))
replay: $(addprefix $(B)/replay/,$(FUZZ_TARGETS)) $(B)/picklefork-fuzz ## fuzz targets as plain programs

fuzz: setup-fuzz $(BUILD)/fuzz-seeds/.stamp ## fuzz one target: TARGET=file TIME=60
	@$(MAKE) --no-print-directory F=fuzz $(BUILD)/fuzz/fuzz/$(TARGET)
	@tests/fuzz/run.sh $(BUILD) $(TARGET) $(TIME)

fuzz-smoke: setup-fuzz $(BUILD)/fuzz-seeds/.stamp ## replay the corpus, then all targets, SMOKE_TIME seconds each
	@$(MAKE) --no-print-directory F=fuzz fuzz-build $(BUILD)/fuzz/fuzz/planted
	@tests/fuzz/planted.sh $(BUILD)
	@tests/fuzz/smoke.sh $(BUILD) $(SMOKE_TIME) $(FUZZ_TARGETS)

LONG_TIME ?= 28800
LONG_TARGETS ?= $(FUZZ_TARGETS)
ifneq ($(call asks_for,fuzz-long),)
$(foreach t,$(LONG_TARGETS),$(eval LONG_TARGET := $(t)) \
	$(call one_of,LONG_TARGET,$(FUZZ_TARGETS)))
$(call number,LONG_TIME)
endif
fuzz-long: setup-fuzz $(BUILD)/fuzz-seeds/.stamp ## all fuzz targets in turn for LONG_TIME seconds, with a log
	@$(MAKE) --no-print-directory F=fuzz fuzz-build
	@tests/fuzz/long.sh $(BUILD) $(LONG_TIME) $(BUILD)/fuzz-long.log \
	    $(LONG_TARGETS)

corpus-min: setup-ci $(BUILD)/fuzz-seeds/.stamp ## make tests/fuzz/corpus anew from seeds and what was found
	@$(MAKE) --no-print-directory F=fuzz fuzz-build
	@tests/fuzz/corpus_min.sh $(BUILD) $(FUZZ_TARGETS)

# The same sources for AFL++ (package afl++): its driver is persistent, with
# the input in shared memory.
AFL_FLAGS := F=afl CC=afl-clang-fast CFLAGS='-U_FORTIFY_SOURCE' \
	SAN='-fsanitize=address,undefined -fno-sanitize-recover=all'
fuzz-afl: setup-ci $(BUILD)/fuzz-seeds/.stamp ## the same with AFL++: TARGET=file TIME=60
	@command -v afl-fuzz >/dev/null || \
	    { echo "fuzz-afl: needs the package afl++" >&2; exit 1; }
	@AFL_QUIET=1 $(MAKE) --no-print-directory $(AFL_FLAGS) \
	    $(BUILD)/afl/fuzz/$(TARGET)
	@tests/fuzz/afl.sh $(BUILD) $(TARGET) $(TIME)

# The release's flags, but for the zeros that they put into what is not set.
fuzz-valgrind: setup-ci $(BUILD)/fuzz-seeds/.stamp ## replay the corpus under valgrind (uninitialised reads)
	@$(MAKE) --no-print-directory F=valgrind \
	    CFLAGS='$(CFLAGS) -ftrivial-auto-var-init=uninitialized' replay
	@tests/fuzz/valgrind.sh $(BUILD) $(FUZZ_TARGETS)
