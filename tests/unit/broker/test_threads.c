/* SPDX-License-Identifier: Apache-2.0
 *
 * test_threads.c - several threads inside one call, and several callers at
 * once: one broker and one checkpoint, shared by eight of them.  `make tsan`
 * runs it under ThreadSanitizer.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"
#include "threads.h"

#define CALLERS 8
#define MIB ((uint64_t)1 << 20)
/* One over the size from which one thread at a time loads a tensor, one that
 * several threads read, and small ones. */
#define LARGE (65 * MIB + 3)
#define MIDDLE (17 * MIB + 1)
#define SMALL 40
#define SMALL_BYTES 4096

static void
test_slices(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 16 * MIB - 1, 16 * MIB,
		16 * MIB + 1, 64 * MIB, UINT64_C(1) << 40, UINT64_MAX };
	uint64_t at;
	uint64_t next;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) - 1; i++)
		for (size_t count = 1; count <= THREADS_MAX; count++) {
			at = 0;
			for (size_t n = 0; n < count; n++) {
				assert_true(threads_slice(sizes[i], count,
				    n) == at);
				next = threads_slice(sizes[i], count, n + 1);
				assert_true(next >= at);
				assert_true(n + 1 == count ||
				    next == sizes[i] ||
				    next % THREADS_SLICE == 0);
				at = next;
			}
			assert_true(at == sizes[i]);
		}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_true(threads_for(sizes[i]) >= 1);
		assert_true(threads_for(sizes[i]) <= THREADS_MAX);
		assert_true(sizes[i] >= 16 * MIB || threads_for(sizes[i]) == 1);
	}
}

static void
count_one(void *item)
{
	++*(int *)item;
}

static void
test_run(void **state)
{
	int items[THREADS_MAX] = { 0 };

	(void)state;
	for (size_t count = 0; count <= THREADS_MAX; count++)
		threads_run(count_one, items, sizeof(items[0]), count);
	for (size_t i = 0; i < THREADS_MAX; i++)
		assert_int_equal(items[i], THREADS_MAX - i);
}

/* ------------------------------------------------------------ one file -- */

static char path[] = "/tmp/pfork-threads-XXXXXX";
static uint64_t data_at;

/* What stands at this offset of the data. */
static uint8_t
byte_at(uint64_t at)
{
	return (uint8_t)((at >> 12) * 7 + at);
}

static size_t
put_tensor(char *text, size_t used, size_t size, const char *name,
    uint64_t *at, uint64_t bytes)
{
	int n = snprintf(text + used, size - used, "%c\"%s\":{\"dtype\":\"U8\","
	    "\"shape\":[%llu],\"data_offsets\":[%llu,%llu]}",
	    used == 0 ? '{' : ',', name, (unsigned long long)bytes,
	    (unsigned long long)*at, (unsigned long long)(*at + bytes));

	assert_true(n > 0 && (size_t)n < size - used);
	*at += bytes;
	return used + (size_t)n;
}

static int
write_file(void **state)
{
	static char header[8192];
	static uint8_t block[64 * 1024];
	size_t used = 0;
	uint64_t at = 0;
	uint64_t length;
	FILE *file;
	char name[32];
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return 1;
	used = put_tensor(header, used, sizeof(header), "large", &at, LARGE);
	used = put_tensor(header, used, sizeof(header), "middle", &at, MIDDLE);
	for (int i = 0; i < SMALL; i++) {
		snprintf(name, sizeof(name), "small.%d", i);
		used = put_tensor(header, used, sizeof(header), name, &at,
		    SMALL_BYTES);
	}
	header[used++] = '}';
	while (used % 8 != 0)
		header[used++] = ' ';
	length = used;
	data_at = 8 + length;
	file = fdopen(fd, "wb");
	if (file == NULL)
		return 1;
	fwrite(&length, sizeof(length), 1, file);
	fwrite(header, 1, used, file);
	for (uint64_t done = 0; done < at; done += sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = byte_at(done + i);
		fwrite(block, 1, at - done < sizeof(block) ?
		    (size_t)(at - done) : sizeof(block), file);
	}
	return fclose(file) != 0;
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static pfork_broker *
broker_with(pfork_options o)
{
	return host_broker(&o);
}

/* Whether these are the tensor's bytes; every 61st is looked at. */
static bool
is_tensor(const pfork_tensor *t, const uint8_t *data)
{
	uint64_t begin;

	if (!pfork_tensor_extent(t, &begin, NULL))
		return false;
	begin += pfork_tensor_offset(t) - data_at;
	for (uint64_t i = 0; i < pfork_tensor_nbytes(t); i += 61)
		if (data[i] != byte_at(begin + i))
			return false;
	return true;
}

/* Large copies are made by slices: each way to the same bytes. */
static void
test_large(void **state)
{
	static const uint32_t flags[] = { 0, PFORK_SNAPSHOT, PFORK_MAP_INPUT };
	pfork_checkpoint *c;
	const pfork_tensor *t;
	const void *data;
	pfork_broker *b;
	pfork_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		b = broker_with((pfork_options){ .flags = flags[i] });
		if (pfork_load_path(b, path, &c, &err) != PFORK_OK)
			fail_msg("%s", err.text);
		assert_int_equal(pfork_checkpoint_count(c), SMALL + 2);
		for (size_t n = 0; n < SMALL + 2; n++) {
			t = pfork_checkpoint_at(c, n);
			assert_int_equal(pfork_tensor_data(t, &data, &err),
			    PFORK_OK);
			assert_true(is_tensor(t, data));
		}
		pfork_checkpoint_unref(c);
		pfork_broker_free(b);
	}
}

/* ------------------------------------------------------- many callers -- */

struct shared {
	pfork_broker *broker;
	pfork_checkpoint *ckpt;
	atomic_int bad;
};

static void
expect(struct shared *s, bool good)
{
	if (!good)
		atomic_fetch_add(&s->bad, 1);
}

static void
use(struct shared *s, pfork_checkpoint *c)
{
	uint8_t *copy = malloc(SMALL_BYTES);
	const pfork_tensor *t;
	const void *data;
	size_t length;

	for (size_t i = 0; i < SMALL + 2; i++) {
		t = pfork_checkpoint_at(c, i);
		expect(s, pfork_checkpoint_find(c, pfork_tensor_name(t)) == t);
		expect(s, pfork_tensor_path(t, 0, NULL, &length) != NULL);
		expect(s, pfork_tensor_data(t, &data, NULL) == PFORK_OK &&
		    is_tensor(t, data));
		if (pfork_tensor_nbytes(t) == SMALL_BYTES)
			expect(s, pfork_tensor_read(t, copy, SMALL_BYTES,
			    NULL) == PFORK_OK && is_tensor(t, copy));
	}
	free(copy);
}

static void *
call(void *context)
{
	struct shared *s = context;
	pfork_checkpoint *own = NULL;

	pfork_checkpoint_ref(s->ckpt);
	use(s, s->ckpt);
	expect(s, pfork_load_path(s->broker, path, &own, NULL) == PFORK_OK &&
	    pfork_checkpoint_count(own) == SMALL + 2);
	pfork_checkpoint_unref(own);
	pfork_checkpoint_unref(s->ckpt);
	return NULL;
}

static void
test_callers(void **state)
{
	struct shared s = { .broker =
	    broker_with((pfork_options){ .parked_workers = 2 }) };
	pthread_t callers[CALLERS];
	pfork_error err;

	(void)state;
	if (pfork_load_path(s.broker, path, &s.ckpt, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, call, &s),
		    0);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	assert_int_equal(atomic_load(&s.bad), 0);
	pfork_checkpoint_unref(s.ckpt);
	pfork_broker_free(s.broker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_callers),
	};

	return cmocka_run_group_tests(tests, write_file, remove_file);
}
