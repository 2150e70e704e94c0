# SPDX-License-Identifier: Apache-2.0
# Our readings beside those of the real libraries, for random, mutated and
# shipped files.  answer reads many inputs in one process, jailed or not.

$(B)/obj/tests/diff/answer.o: EXTRA := -Itests/fuzz/help
$(B)/answer: $(B)/obj/tests/diff/answer.o $(B)/libfuzzhelp.a $(FUZZ_LIBS)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_HELP_WRAP) $^ $(B)/libproto.a \
	    -lprotobuf-c $(UNPACK_LIBS) -lcrypto -lpthread -o $@
