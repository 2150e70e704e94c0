/* SPDX-License-Identifier: Apache-2.0
 *
 * test_job.c - die() and die_about(): what the fault says, that it is printable
 * whatever the file holds, and that it never overruns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job.h"

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct about_case {
	const char *label;
	const char *text;
	const char *name;
	size_t length;
	const char *expected;
} cases[] = {
	{ "plain", "no such record", "data/0", 6, "no such record: 'data/0'" },
	{ "empty name", "t", "", 0, "t: ''" },
	{ "no name", "t", NULL, 0, "t: ''" },
	{ "control bytes", "t", "a\x1b[2J\n\0b", 8, "t: 'a\\x1b[2J\\x0a\\x00b'" },
	{ "broken UTF-8", "t", "\xc3(\xff", 3, "t: '\\xc3(\\xff'" },
	{ "cut", "t", A50 A50 A50 A50 A50, 250, "t: '" A50 A50 A50
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ "escape does not fit", A50 A50 A50
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\n", 1,
	    A50 A50 A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: ''" },
};

static void
test_die_about(void **state)
{
	static struct job job;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&job.fault, 0x5a, sizeof job.fault);
		if (setjmp(job.stop) == 0) {
			die_about(&job, FAULT_FORMAT, 77 + i, cases[i].text,
			    cases[i].name, cases[i].length);
		}
		assert_string_equal(job.fault.text, cases[i].expected);
		assert_int_equal(job.fault.code, FAULT_FORMAT);
		assert_int_equal(job.fault.where, 77 + i);
	}
}

static void
test_die(void **state)
{
	static struct job job;

	(void)state;
	if (setjmp(job.stop) == 0)
		die(&job, FAULT_INPUT, WIRE_NO_OFFSET, "cannot be read");
	assert_int_equal(job.fault.code, FAULT_INPUT);
	assert_true(job.fault.where == WIRE_NO_OFFSET);
	assert_string_equal(job.fault.text, "cannot be read");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_die),
		cmocka_unit_test(test_die_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
