# SPDX-License-Identifier: Apache-2.0
# The pickle machine beside CPython's.

# How many random streams pickle-diff compares.
PICKLE_DIFF_COUNT ?= 10000
PICKLE_DIFF_SEED ?= 1

$(B)/pickle-dump: $(B)/obj/tests/interop/pickle_dump.o $(B)/libparser.a \
    $(B)/libproto.a
	$(CC) $(LDFLAGS_ALL) $^ $(B)/libproto.a -lprotobuf-c $(UNPACK_LIBS) -o $@

.PHONY: pickle-diff
pickle-diff: $(B)/pickle-dump ## compare the pickle machine with CPython's
	python3 tests/interop/pickle_diff.py --dump $(B)/pickle-dump \
	    --count $(PICKLE_DIFF_COUNT) --seed $(PICKLE_DIFF_SEED)
