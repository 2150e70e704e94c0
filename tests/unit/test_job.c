/* SPDX-License-Identifier: Apache-2.0
 *
 * test_job.c - die() and die_about(): what the fault says, that it is printable
 * whatever the file holds, and that it never overruns; job_run(): that every
 * failure ends in one Fault, or in silence, and never in a loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
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
	{ "control bytes", "t", "a\x1b[2J\n\0b", 8,
	    "t: 'a\\x1b[2J\\x0a\\x00b'" },
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

/* What the job said. */
static uint8_t sent[1 << 16];
static size_t sent_bytes;

static void
collect(void *context, const void *bytes, size_t length)
{
	(void)context;
	assert_true(length <= sizeof sent - sent_bytes);
	memcpy(sent + sent_bytes, bytes, length);
	sent_bytes += length;
}

/* A way out that fails by dying. */
static void
refuse(void *context, const void *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	sent_bytes++;
	die(context, FAULT_INTERNAL, WIRE_NO_OFFSET, "no way out");
}

static bool
read_back(void *context, uint64_t offset, void *out, size_t length)
{
	const struct job *job = context;

	if (offset > job->size || length > job->size - offset)
		return false;
	memcpy(out, job->map + offset, length);
	return true;
}

static bool
run(struct job *job, size_t room,
    void (*write_out)(void *context, const void *bytes, size_t length))
{
	static const uint8_t garbage[] = "no format that anyone knows";
	static uint8_t memory[1 << 20] __attribute__((aligned(16)));

	memset(memory, 0, sizeof memory);
	memset(job, 0, sizeof *job);
#define X(name, standard, ceiling) job->limits.name = (standard);
	LIMITS(X)
#undef X
	sent_bytes = 0;
	job->map = garbage;
	job->size = sizeof garbage;
	job->read_at = read_back;
	job->write_out = write_out;
	job->context = job;
	job->arena.base = memory;
	job->arena.size = room;
	return job_run(job);
}

static void
test_run_says_fault(void **state)
{
	static struct job job;
	struct frame_head head;

	(void)state;
	assert_false(run(&job, 1 << 20, collect));
	assert_int_equal(job.fault.code, FAULT_UNSUPPORTED);
	assert_true(sent_bytes > FRAME_HEAD_BYTES);
	assert_true(frame_head_read(sent, &head));
	assert_int_equal(head.type, FRAME_FAULT);
	assert_int_equal(head.length, sent_bytes - FRAME_HEAD_BYTES);
}

static void
test_run_out_of_memory(void **state)
{
	static struct job job;

	(void)state;
	assert_false(run(&job, 64, collect));
	assert_int_equal(job.fault.code, FAULT_LIMIT);
	assert_int_equal(sent_bytes, 0);
}

/* The Fault cannot be sent either: once is enough. */
static void
test_run_fault_fails(void **state)
{
	static struct job job;

	(void)state;
	assert_false(run(&job, 1 << 20, refuse));
	assert_int_equal(sent_bytes, 1);
	assert_int_equal(job.fault.code, FAULT_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_die),
		cmocka_unit_test(test_die_about),
		cmocka_unit_test(test_run_says_fault),
		cmocka_unit_test(test_run_out_of_memory),
		cmocka_unit_test(test_run_fault_fails),
	};

	/* What is tested here fails as a loop without end. */
	(void)alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
