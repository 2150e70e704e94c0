# SPDX-License-Identifier: Apache-2.0
# Fuzzing: clang's libFuzzer with ASan and UBSan over the release sources.
#   make fuzz TARGET=pickle TIME=60      one target, so many seconds
#   make fuzz-smoke                      all of them, briefly (CI)

FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(filter-out \
	tests/fuzz/fuzz_job.c tests/fuzz/fuzz_session_feed.c, \
	$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_HELP := $(call obj,tests/fuzz/fuzz_job.c tests/fuzz/fuzz_session_feed.c)
TARGET ?= file
TIME ?= 60
SMOKE_TIME ?= 20

# Seeds: the fixtures and what the generators write.
$(BUILD)/fuzz-seeds/.stamp: $(wildcard tests/gen/*.py tests/fixtures/*)
	@tests/fuzz/seeds.sh $(BUILD)/fuzz-seeds
	@touch $@

$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(FUZZ_HELP) $(B)/libparser.a \
    $(B)/libbroker.a $(B)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $(if $(filter fuzz,$(F)),-fsanitize=fuzzer) $^ \
	    $(B)/libproto.a -lprotobuf-c -ldeflate -lpthread -o $@
$(B)/replay/%: $(B)/obj/tests/fuzz/fuzz_%.o $(FUZZ_HELP) \
    $(B)/obj/tests/fuzz/replay_main.o $(B)/libparser.a $(B)/libbroker.a \
    $(B)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ $(B)/libproto.a -lprotobuf-c -ldeflate \
	    -lpthread -o $@

.PHONY: fuzz-build fuzz fuzz-smoke replay
fuzz-build: $(addprefix $(B)/fuzz/,$(FUZZ_TARGETS))
replay: $(addprefix $(B)/replay/,$(FUZZ_TARGETS)) ## fuzz targets as plain programs

fuzz: setup-ci $(BUILD)/fuzz-seeds/.stamp ## fuzz one target: TARGET=file TIME=60
	@$(MAKE) --no-print-directory F=fuzz $(BUILD)/fuzz/fuzz/$(TARGET)
	@tests/fuzz/run.sh $(BUILD) $(TARGET) $(TIME)

fuzz-smoke: setup-ci $(BUILD)/fuzz-seeds/.stamp ## all fuzz targets, SMOKE_TIME seconds each
	@$(MAKE) --no-print-directory F=fuzz fuzz-build
	@tests/fuzz/smoke.sh $(BUILD) $(SMOKE_TIME) $(FUZZ_TARGETS)
