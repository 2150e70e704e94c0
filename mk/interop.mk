# SPDX-License-Identifier: Apache-2.0
# Our readings beside those of the real libraries, for random, mutated and
# shipped files.  answer reads many inputs in one process, jailed or not.

$(B)/obj/tests/diff/answer.o: EXTRA := -Itests/fuzz/help
$(B)/answer: $(B)/obj/tests/diff/answer.o $(B)/libfuzzhelp.a $(FUZZ_LIBS)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_HELP_WRAP) $^ $(B)/libproto.a \
	    -lprotobuf-c $(UNPACK_LIBS) -lcrypto -lpthread -o $@

# How many archives zip-diff compares.
ZIP_DIFF_COUNT ?= 20000
DIFF_SEED ?= 1
.PHONY: diff diff-long
diff: $(B)/answer $(WORKER) ## compare our zip reader with zipfile and libzip
	@python3 tests/diff/zip_diff.py --count $(ZIP_DIFF_COUNT) \
	    --seed $(DIFF_SEED) $(B)
diff-long: ## a million pickles, 100,000 zips, 5 broken files of each of 2,000 a format
	@$(MAKE) --no-print-directory pickle-diff PICKLE_DIFF_COUNT=1000000
	@$(MAKE) --no-print-directory diff ZIP_DIFF_COUNT=100000
	@$(MAKE) --no-print-directory $(B)/answer $(CLI) venv
	@tests/interop/run.sh $(B) "$(MAKE)" --count 2000 --jailed 50 --broken 5
