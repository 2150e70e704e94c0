# SPDX-License-Identifier: Apache-2.0
# Benchmarks: figures beside their baselines.  No test asserts a time.

$(B)/bench-%: tests/bench/bench_%.c $(LIB_A)
	$(CC) -std=c17 -D_GNU_SOURCE -O2 $(WARN) -Iinclude $< $(LIB_A) \
	    -lprotobuf-c -lpthread -o $@
$(B)/bench-empty:
	@mkdir -p $(@D)
	echo 'int main(void) { return 0; }' | \
	    $(CC) -O2 -static -x c - -o $@

# Both sides in one process, for callgrind and perf.
$(B)/instructions: $(B)/obj/tests/bench/instructions.o $(B)/libparser.a \
    $(B)/libbroker.a $(B)/libproto.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(B)/libproto.a -lprotobuf-c -ldeflate \
	    -lpthread -o $@

.PHONY: bench
bench: setup-test ## speed beside its baselines (makes 2 GiB of files)
	@$(MAKE) --no-print-directory F=release all venv \
	    $(BUILD)/release/bench-cold $(BUILD)/release/bench-read \
	    $(BUILD)/release/bench-empty
	@python3 tests/bench/run.py $(BUILD) $(abspath .venv/bin/python)

# NEW=--write records what is counted as the new baseline.
.PHONY: bench-instructions
bench-instructions: setup-ci ## instruction counts beside their baseline (valgrind)
	@$(MAKE) --no-print-directory F=release $(BUILD)/release/instructions
	@tests/bench/instructions.sh $(BUILD)/release/instructions \
	    $(BUILD)/bench-instructions $(NEW)
