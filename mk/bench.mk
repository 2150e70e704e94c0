# SPDX-License-Identifier: Apache-2.0
# Benchmarks: figures beside their baselines.  No test asserts a time.

BENCH_C := bench-ours bench-limit bench-parts
BENCH_POOL := $(if $(wildcard tests/bench/bench_pool.c),bench-pool)
# Workers that are parked, where the library has them.
BENCH_PARKED := $(if $(BENCH_POOL),-DBENCH_PARKED)
BENCH_BIN := $(patsubst %,$(B)/%,$(BENCH_C) $(BENCH_POOL) bench-simdjson \
	bench-empty bench-sum.so)
BENCH_CFLAGS = -std=c17 -D_GNU_SOURCE -O2 $(WARN)

$(B)/bench-ours: tests/bench/bench_ours.c tests/bench/verbs.c \
    tests/bench/sum.c tests/bench/verbs.h $(LIB_A)
	$(call say,LD)
	$(Q)$(CC) $(BENCH_CFLAGS) $(BENCH_PARKED) -Iinclude -Itests/bench \
	    $(filter %.c,$^) $(LIB_A) -lprotobuf-c -lpthread -o $@
$(B)/bench-pool: tests/bench/bench_pool.c $(LIB_A)
	$(call say,LD)
	$(Q)$(CC) $(BENCH_CFLAGS) -Iinclude $< $(LIB_A) -lprotobuf-c \
	    -lpthread -o $@
$(B)/bench-limit: tests/bench/bench_limit.c tests/bench/verbs.c \
    tests/bench/sum.c tests/bench/verbs.h
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(BENCH_CFLAGS) -Itests/bench $(filter %.c,$^) -ldeflate -o $@
$(B)/bench-parts: tests/bench/bench_parts.c tests/bench/verbs.c \
    tests/bench/sum.c tests/bench/verbs.h $(B)/libparser.a $(B)/libbroker.a $(B)/libproto.a
	$(call say,LD)
	$(Q)$(CC) $(BENCH_CFLAGS) $(INC_tests) -Itests/bench $(filter %.c,$^) \
	    $(B)/libparser.a $(B)/libbroker.a $(B)/libproto.a -lprotobuf-c \
	    $(UNPACK_LIBS) -lpthread -o $@
$(B)/bench-simdjson: tests/bench/bench_simdjson.cc
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CXX) -std=c++17 -O2 $< -lsimdjson -o $@
$(B)/bench-sum.so: tests/bench/sum.c tests/bench/verbs.h
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(BENCH_CFLAGS) -fPIC -shared -Itests/bench $< -o $@
$(B)/bench-empty:
	@mkdir -p $(@D)
	@echo 'int main(void) { return 0; }' | \
	    $(CC) -O2 -static -x c - -o $@

# Peers that CI does not need.
$(BUILD)/bench-site/.stamp: tests/bench/requirements.txt .venv/.stamp
	@rm -rf $(@D)
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check \
	    --target $(@D) -r $<
	@touch $@

.PHONY: bench-programs
bench-programs: $(BENCH_BIN)
	@:

# ONLY=G3,G9 measures those alone; PAIRS=9 takes more pairs than five.
ifneq ($(PAIRS)$(call asks_for,bench bench-docs),$(call asks_for,bench bench-docs))
$(call number,PAIRS)
endif
.PHONY: bench
bench: setup-bench ## speed beside peers and limits (7 GiB of files)
	@$(MAKE) --no-print-directory F=release all venv bench-programs \
	    $(BUILD)/bench-site/.stamp >/dev/null
	@$(VENV_PYTHON) tests/bench/run.py --build $(BUILD) \
	    $(if $(ONLY),--only $(ONLY)) $(if $(PAIRS),--pairs $(PAIRS))

.PHONY: bench-plots
bench-plots: ## draw the last make bench (docs/bench/*.svg)
	@python3 tests/bench/plots.py $(BUILD)/bench.json docs/bench

.PHONY: bench-docs
bench-docs: bench ## measure all, then write it into docs and README
	@python3 tests/bench/plots.py $(BUILD)/bench.json docs/bench
	@python3 tests/bench/docs.py $(BUILD)/bench.json docs/BENCHMARKS.md \
	    README.md

# Both sides in one process, for callgrind and perf.
$(B)/instructions: $(B)/obj/tests/bench/instructions.o $(B)/libparser.a \
    $(B)/libbroker.a $(B)/libproto.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(B)/libproto.a -lprotobuf-c $(UNPACK_LIBS) \
	    -lpthread -o $@

# NEW=--write records what is counted as the new baseline.
.PHONY: bench-instructions
bench-instructions: setup-ci ## instruction counts beside their baseline (valgrind)
	@$(MAKE) --no-print-directory F=release $(BUILD)/release/instructions
	@python3 tests/bench/instructions.py $(BUILD)/release/instructions \
	    $(BUILD)/bench-instructions $(NEW)
