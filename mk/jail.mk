# SPDX-License-Identifier: Apache-2.0
# What the tests of the jail need beyond the general rules.

$(B)/obj/tests/unit/test_filter.o: $(GEN)/filter.h
