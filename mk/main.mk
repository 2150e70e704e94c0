# SPDX-License-Identifier: Apache-2.0
# The commands that people type: test, demo, and the checks that CI runs.

.PHONY: test demo asan clang lint check check-pure check-start check-rooms coverage \
	setup-test setup-fuzz setup-ci setup-bench test-programs

setup-test:
	@scripts/setup.sh test
setup-fuzz:
	@scripts/setup.sh fuzz
setup-ci:
	@scripts/setup.sh ci
setup-bench:
	@scripts/setup.sh bench

# What is built is built by a second make, so that flags are probed and files
# are found after the packages are there.
test: setup-test ## install what is missing, build, run all the tests
	@$(MAKE) --no-print-directory all test-programs
	@tests/run-all.sh test "$(MAKE)"

demo: setup ## install what is missing, build, show it on a real checkpoint
	@$(MAKE) --no-print-directory $(WORKER) $(CLI)
	@scripts/demo.sh "$(CLI)"

test-programs: $(UNIT_BIN)

asan: setup-test ## unit tests under ASan and UBSan
	@$(MAKE) --no-print-directory F=release $(BUILD)/release/picklefork-worker
	@$(MAKE) --no-print-directory F=asan unit

# The programs that start threads.  Not test_faults: its wrapped calls are not
# ThreadSanitizer's.
TSAN_TESTS := broker/test_threads broker/test_delivery broker/test_read \
	broker/test_keeper broker/test_holder
.PHONY: tsan
tsan: setup-test ## threads in the library under ThreadSanitizer
	@$(MAKE) --no-print-directory F=release $(BUILD)/release/picklefork-worker
	@$(MAKE) --no-print-directory F=tsan \
	    $(TSAN_TESTS:%=$(BUILD)/tsan/unit/%)
	@PFORK_TEST_WORKER="$(abspath $(BUILD)/release/picklefork-worker)" \
	    TSAN_OPTIONS="halt_on_error=1 die_after_fork=0 $(TSAN_OPTIONS)" \
	    tests/run-unit.sh $(TSAN_TESTS:%=$(BUILD)/tsan/unit/%)

clang: setup-ci ## build everything with clang, warnings as errors
	@$(MAKE) --no-print-directory F=clang WERROR=1 all test-programs

check: check-pure check-start check-abi check-rooms ## what the object files must prove
	@echo "check: 4 passed, 0 failed"

# No parser object may call into the system: every undefined symbol must be
# one of its own archive, of proto, or on this list.
PURE_LIBC := memcpy memcmp memset memmove memchr memrchr strlen strnlen strcmp \
	strncmp longjmp _longjmp _setjmp setjmp __stack_chk_fail __longjmp_chk \
	__memcpy_chk __memset_chk __memmove_chk ldexp frexp strcspn
PURE_LIBS := libdeflate_deflate_decompress libdeflate_crc32 \
	libdeflate_alloc_decompressor libdeflate_set_memory_allocator \
	libdeflate_deflate_decompress_ex \
	libdeflate_zlib_decompress_ex libdeflate_gzip_decompress_ex \
	BZ2_bzDecompressInit BZ2_bzDecompress \
	lzma_stream_decoder lzma_alone_decoder lzma_code \
	LZ4_decompress_safe_usingDict
check-pure: $(B)/libparser.a $(B)/libproto.a ## no parser object makes a system call
	@tests/lint/check-pure.sh $(B)/libparser.a $(B)/libproto.a \
	    $(PURE_LIBC) $(PURE_LIBS)

# The link runs it too, so that no worker that it refuses is ever there.
check-start: $(WORKER) ## the worker needs no libc, and its start alone makes system calls
ifneq ($(START_OBJ),)
	@tests/lint/check-start.sh $(WORKER) $(START_OBJ)
	@echo "check-start: no libc in the worker"
else
	@echo "check-start: SKIPPED: the worker has libc's start on this processor"
endif

check-rooms: ## no room includes another one's headers
	@tests/lint/check-rooms.sh

lint: setup-ci ## shell and C checks: cppcheck, clang-tidy
	@$(MAKE) --no-print-directory all
	@tests/lint/lint.sh "$(GEN)"

# Threads and forks count at once: the counters must be atomic.  What must be
# whole by unit tests alone is reported first; then the corpora are replayed.
coverage: setup-ci $(BUILD)/fuzz-seeds/.stamp ## line and branch coverage: unit tests, then corpora
	@find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory F=coverage \
	    CFLAGS='$(CFLAGS) -fprofile-update=atomic' replay unit || \
	    echo 'coverage: not all of the unit tests passed' >&2
	@tests/fuzz/coverage.sh $(BUILD) unit
	@tests/fuzz/coverage.sh $(BUILD) corpora $(FUZZ_TARGETS)

.PHONY: liar-asan
liar-asan: setup-test ## the liar against a broker under ASan and UBSan
	@$(MAKE) --no-print-directory F=release $(BUILD)/release/picklefork-worker
	@$(MAKE) --no-print-directory F=asan liar
