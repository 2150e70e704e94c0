/* SPDX-License-Identifier: Apache-2.0
 *
 * test_zip_many.c - archives of many small members, whose local headers are
 * read many at once: each is found where it is, a lie in any of them is seen,
 * and nothing is read at or behind the directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "zip.h"

#define MEMBERS 400
#define LOCAL 30
#define CENTRAL 46
#define NAME 6

static uint8_t *archive;
static size_t length;
static uint64_t headers[MEMBERS];
static uint64_t data[MEMBERS];
static uint64_t directory;
static bool (*read_at)(void *context, uint64_t offset, void *out,
    size_t length);
static unsigned reads;

static void
put(size_t at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		archive[at + i] = (uint8_t)(value >> 8 * i);
}

/* Mostly small; some that leave the window, and two runs of large ones. */
static size_t
size_of(unsigned i)
{
	return i % 50 == 25 ? 3000 : i / 20 % 10 == 7 ? 20000 : i % 7 * 30;
}

static size_t
extra_of(unsigned i)
{
	return i == 200 ? 60000 : i % 3 == 0 ? 4 + i % 40 : 0;
}

static void
put_member(unsigned i)
{
	size_t size = size_of(i), extra = extra_of(i);

	headers[i] = length;
	put(length, 0x04034b50, 4);
	put(length + 18, size, 4);
	put(length + 22, size, 4);
	put(length + 26, NAME, 2);
	put(length + 28, extra, 2);
	snprintf((char *)archive + length + LOCAL, NAME + 1, "m/%04u", i);
	if (extra > 0) {
		put(length + LOCAL + NAME, 0x4246, 2);
		put(length + LOCAL + NAME + 2, extra - 4, 2);
	}
	data[i] = length + LOCAL + NAME + extra;
	length = data[i] + size;
}

static void
put_entry(unsigned i)
{
	put(length, 0x02014b50, 4);
	put(length + 20, size_of(i), 4);
	put(length + 24, size_of(i), 4);
	put(length + 28, NAME, 2);
	put(length + 42, headers[i], 4);
	snprintf((char *)archive + length + CENTRAL, NAME + 1, "m/%04u", i);
	length += CENTRAL + NAME;
}

static int
make(void **state)
{
	(void)state;
	archive = calloc(1, 4 * MIB);
	if (archive == NULL)
		return 1;
	for (unsigned i = 0; i < MEMBERS; i++)
		put_member(i);
	directory = length;
	for (unsigned i = 0; i < MEMBERS; i++)
		put_entry(i);
	put(length, 0x06054b50, 4);
	put(length + 8, MEMBERS, 2);
	put(length + 10, MEMBERS, 2);
	put(length + 12, length - directory, 4);
	put(length + 16, directory, 4);
	length += 22;
	return 0;
}

static int
drop(void **state)
{
	(void)state;
	free(archive);
	return 0;
}

static bool
watched(void *context, uint64_t offset, void *out, size_t size)
{
	assert_true(offset <= directory && size <= directory - offset);
	reads++;
	return read_at(context, offset, out, size);
}

/* False: refused. */
static bool
opens(struct harness *h, struct zip *zip)
{
	struct job *job = harness_job(archive, length, 0, h);

	read_at = job->read_at;
	job->read_at = watched;
	reads = 0;
	if (setjmp(job->stop) != 0)
		return false;
	zip_open(job, zip);
	return true;
}

static void
test_found(void **state)
{
	struct harness h;
	struct zip zip;

	(void)state;
	assert_true(opens(&h, &zip));
	assert_int_equal(zip.count, MEMBERS);
	for (unsigned i = 0; i < MEMBERS; i++) {
		assert_int_equal(zip.members[i].data, data[i]);
		assert_int_equal(zip_member_header(&zip.members[i]),
		    headers[i]);
	}
	/* 76; it would be 91 if no more were read at once. */
	assert_in_range(reads, 2, 83);
	harness_free(&h);
}

static void
test_lie_in_each(void **state)
{
	struct harness h;
	struct zip zip;

	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++) {
		uint8_t *name = archive + headers[i] + LOCAL + NAME - 1;

		*name ^= 1;
		assert_false(opens(&h, &zip));
		harness_free(&h);
		*name ^= 1;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_lie_in_each),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
