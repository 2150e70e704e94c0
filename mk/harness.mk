# SPDX-License-Identifier: Apache-2.0
# Until worker/formats/formats.c is there, the tests' harness stands in for it,
# so that unit tests of the other rooms link.
ifeq ($(wildcard worker/formats/formats.c),)
$(B)/obj/tests/unit/harness.o: EXTRA := -DHARNESS_NO_FORMATS
else
$(B)/obj/tests/unit/harness.o: worker/formats/formats.c
endif
