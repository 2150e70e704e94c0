/* SPDX-License-Identifier: Apache-2.0
 *
 * test_mutated.c - real checkpoints, whole, cut short and with bytes changed,
 * through the whole parser in this process (under ASan in that flavour).  What
 * must hold of every one: it ends in Done or Fault, each frame is one the
 * broker takes, and each tensor lies inside of its storage.  Which bytes change
 * is pseudo-random and the same each time.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "xorshift.h"

#ifndef CHANGED_PER_FILE
#define CHANGED_PER_FILE 300
#endif
#define CUT_PER_FILE 100
#define FILE_MAX (256 * 1024)

static const uint32_t flags[] = {
	0, GO_DELIVER_STREAM, GO_SCALARS | GO_VERIFY,
	GO_FLAGS_ALL & ~(uint32_t)(GO_DISTCP | GO_RAW)
};
static uint64_t random_state;
static unsigned loaded;
static unsigned refused;

static uint64_t
next_random(void)
{
	return xorshift(&random_state);
}

/* True when it loads. */
static bool
run(const uint8_t *bytes, size_t length, uint32_t go_flags)
{
	struct limits limits = harness_limits();
	struct harness h;
	size_t size;
	bool ok;

	/* A changed number may ask for a gigabyte of zeroes, rightly. */
	limits.contiguous_bytes = 4 * MIB;
	limits.streamed_bytes = 4 * MIB;
	ok = harness_run_limits(bytes, length, go_flags, &limits, &h);
	assert_true(h.faulted || h.verdict != VERDICT_UNDECIDED);
	for (size_t i = 0; i < h.tensor_count; i++)
		(void)harness_bytes(&h, &h.tensors[i], &size);
	harness_free(&h);
	if (ok)
		loaded++;
	else
		refused++;
	return ok;
}

static void
run_changed(const uint8_t *bytes, size_t length)
{
	static const uint8_t extremes[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };
	static uint8_t copy[FILE_MAX];
	uint64_t random;

	for (unsigned i = 0; i < CHANGED_PER_FILE; i++) {
		memcpy(copy, bytes, length);
		for (uint64_t n = 1 + next_random() % 3; n > 0; n--) {
			random = next_random();
			copy[random % length] = random >> 63 != 0 ?
			    (uint8_t)(random >> 40) :
			    extremes[(random >> 40) % 6];
		}
		(void)run(copy, length, flags[i % 4]);
	}
}

static void
run_file(const char *path)
{
	static uint8_t bytes[FILE_MAX];
	FILE *file = fopen(path, "rb");
	size_t length;

	assert_non_null(file);
	length = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	assert_true(length > 0 && length < sizeof(bytes));
	for (size_t i = 0; i < 4; i++)
		if (!run(bytes, length, flags[i]))
			fail_msg("%s does not load", path);
	for (unsigned i = 0; i < CUT_PER_FILE; i++)
		if (run(bytes, next_random() % length, flags[i % 4]))
			fail_msg("%s loads when cut", path);
	run_changed(bytes, length);
}

static void
test_fixtures(void **state)
{
	glob_t found;

	(void)state;
	random_state = UINT64_C(0x9e3779b97f4a7c15);
	assert_int_equal(glob("tests/fixtures/*.pt", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		run_file(found.gl_pathv[i]);
	assert_true(found.gl_pathc >= 30);
	globfree(&found);
	/* Neither all nor none: the changes reach past the container. */
	assert_true(loaded > 1000);
	assert_true(refused > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
