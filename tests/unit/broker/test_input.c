/* SPDX-License-Identifier: Apache-2.0
 *
 * test_input.c - inputs that cost more than they say: descriptors that may be
 * written through, files of holes, copies that take too long, mappings that are
 * fetched.  With the real worker, $PFORK_TEST_WORKER.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <cmocka.h>

#include "checkpoint.h"
#include "input.h"
#include "limits.h"
#include "host.h"
#include "picklefork.h"
#include "xorshift.h"

#define HEADER 256
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A safetensors file of one tensor, "a", that is all holes. */
static int
holes(uint64_t size)
{
	char header[HEADER + 1];
	uint64_t length = HEADER - 8;
	int n;
	int fd = memfd_create("holes", MFD_CLOEXEC);

	assert_true(fd >= 0);
	n = snprintf(header, sizeof(header), "{\"a\":{\"dtype\":\"U8\","
	    "\"shape\":[%llu],\"data_offsets\":[0,%llu]}}",
	    (unsigned long long)(size - HEADER),
	    (unsigned long long)(size - HEADER));
	assert_true(n > 0 && n < (int)length);
	memset(header + n, ' ', sizeof(header) - (size_t)n);
	assert_int_equal(pwrite(fd, &length, 8, 0), 8);
	assert_int_equal(pwrite(fd, header, length, 8), length);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

/* KiB that the file really has. */
static uint64_t
kib_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks / 2;
}

static pfork_broker *
broker_with(uint32_t flags, uint64_t wall_ms)
{
	pfork_limits limits = { .size = sizeof(limits), .wall_ms = wall_ms };
	pfork_options o = { .size = sizeof(o), .flags = flags,
		.limits = &limits };

	return host_broker(&o);
}

static pfork_checkpoint *
load(uint32_t flags, int fd)
{
	pfork_broker *b = broker_with(flags, 0);
	pfork_checkpoint *c = NULL;
	pfork_error err;

	if (pfork_load_fd(b, fd, &c, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	pfork_broker_free(b);
	return c;
}

/* Without the right of root to open what its mode forbids; gives it back. */
static void
obey_modes(bool obey)
{
	static uint32_t had;
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	assert_int_equal(syscall(SYS_capget, &head, sets), 0);
	if (obey)
		had = sets[0].effective;
	sets[0].effective = obey ? had & ~(1U << CAP_DAC_OVERRIDE |
	    1U << CAP_DAC_READ_SEARCH) : had;
	assert_int_equal(syscall(SYS_capset, &head, sets), 0);
}

/* A descriptor that may be written through, of a file that cannot be opened
 * again: nothing is copied unless that was asked for. */
static void
test_writable(void **state)
{
	pfork_broker *b = broker_with(0, 0);
	int fd = holes(8192);
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(fchmod(fd, 0), 0);
	obey_modes(true);
	assert_int_equal(pfork_load_fd(b, fd, &c, &err), PFORK_E_ARGS);
	assert_non_null(strstr(err.text, "open it read-only, or ask for "
	    "PFORK_SNAPSHOT"));
	assert_null(c);
	c = load(PFORK_SNAPSHOT, fd);
	obey_modes(false);
	assert_int_equal(pfork_checkpoint_count(c), 1);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
	close(fd);
}

/* What is sparse stays so, and is the same to the byte. */
static void
test_sparse_snapshot(void **state)
{
	static const uint64_t at[] = { 4095, 1 << 20, (128 << 20) - 4,
		(256 << 20) - HEADER - 4 };
	const uint64_t size = 256 << 20;
	int fd = holes(size);
	pfork_checkpoint *c;
	uint8_t seen[6];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pwrite(fd, "pfrk", 4,
		    (off_t)(HEADER + at[i])), 4);
	assert_int_equal(lseek(fd, 77, SEEK_SET), 77);
	c = load(PFORK_SNAPSHOT, fd);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 77);
	assert_true(kib_of(c->source.fd) < 256);
	/* Nobody writes to it again, and no program that is started has it. */
	assert_int_equal(fcntl(c->source.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(c->source.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	/* Later kernels have one more, against programs. */
	assert_int_equal(fcntl(c->source.fd, F_GET_SEALS) & ALL_SEALS,
	    ALL_SEALS);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pfork_tensor_read_part(
		    pfork_checkpoint_at(c, 0), at[i] - 2, seen, 6, NULL),
		    PFORK_OK);
		assert_memory_equal(seen, "\0\0pfrk", 6);
	}
	pfork_checkpoint_unref(c);
	close(fd);
}

/* 0 is a descriptor as any other; what is kept is never one of the first. */
static void
test_descriptor_0(void **state)
{
	int fd = holes(8192);
	int input = fcntl(0, F_DUPFD_CLOEXEC, 3);
	pfork_checkpoint *c;

	(void)state;
	assert_int_equal(dup2(fd, 0), 0);
	c = load(PFORK_SNAPSHOT, 0);
	close(0);
	if (input >= 0) {
		assert_int_equal(dup2(input, 0), 0);
		close(input);
	}
	assert_int_equal(pfork_checkpoint_count(c), 1);
	assert_true(c->source.fd > 2);
	pfork_checkpoint_unref(c);
	close(fd);
}

/* Only zeros are left out of a copy: not what is the same all over, nor what
 * begins with one, nor a pattern. */
static void
test_sparse_patterns(void **state)
{
	enum { PIECE = 16 << 10, PIECES = 6 };
	static uint8_t bytes[PIECES][PIECE];
	static uint8_t seen[PIECES][PIECE];
	const uint64_t size = 1 << 20;
	int fd = holes(size);
	pfork_checkpoint *c;

	(void)state;
	memset(bytes[0], 0xff, PIECE);
	for (size_t i = 0; i < PIECE; i += 2)
		bytes[1][i + 1] = 1;
	bytes[2][PIECE - 1] = 1;
	bytes[3][0] = 1;
	for (size_t i = 1; i < PIECE; i++)
		bytes[4][i] = 0x55;
	for (size_t i = 0; i < PIECES; i++)	/* as the copy cuts the file */
		assert_int_equal(pwrite(fd, bytes[i], PIECE,
		    (off_t)((2 * i + 1) * PIECE)), PIECE);
	c = load(PFORK_SNAPSHOT, fd);
	for (size_t i = 0; i < PIECES; i++)
		assert_int_equal(pfork_tensor_read_part(
		    pfork_checkpoint_at(c, 0), (2 * i + 1) * PIECE - HEADER,
		    seen[i], PIECE, NULL), PFORK_OK);
	assert_memory_equal(seen, bytes, sizeof(seen));
	pfork_checkpoint_unref(c);
	close(fd);
}

/* Bytes that this process has read so far. */
static uint64_t
bytes_read(void)
{
	unsigned long long bytes;
	FILE *f = fopen("/proc/self/io", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "rchar: %llu", &bytes), 1);
	fclose(f);
	return bytes;
}

/* Whoever makes a file of holes pays nothing for it, and nor do we. */
static void
test_large_hole(void **state)
{
	const uint64_t size = (uint64_t)1 << 40;
	int fd = holes(size);
	uint64_t before = bytes_read();
	pfork_checkpoint *c = load(PFORK_SNAPSHOT, fd);

	(void)state;
	assert_true(bytes_read() - before < 1 << 20);
	assert_true(kib_of(c->source.fd) < 256);
	assert_int_equal(c->source.size, size);
	pfork_checkpoint_unref(c);
	close(fd);
}

static void
assert_same(int fd, int copy, size_t size)
{
	static uint8_t was[1 << 20];
	static uint8_t is[sizeof(was)];

	for (size_t at = 0; at < size; at += sizeof(was)) {
		assert_int_equal(pread(fd, was, sizeof(was), (off_t)at),
		    sizeof(was));
		assert_int_equal(pread(copy, is, sizeof(is), (off_t)at),
		    sizeof(is));
		if (memcmp(was, is, sizeof(was)) != 0)
			fail_msg("other bytes in the MiB at %zu", at);
	}
}

/* Data that begins and ends anywhere, some of it zeros. */
static void
test_pieces_of_data(void **state)
{
	const uint32_t size = 64 << 20;
	static uint8_t fill[100000];
	int fd = holes(size);
	uint64_t random = 88172645463325252;
	pfork_checkpoint *c;

	(void)state;
	memset(fill, 7, sizeof(fill) / 2);
	for (int i = 0; i < 100; i++) {
		uint64_t at = HEADER + xorshift(&random) % (size / 2);
		uint64_t from = xorshift(&random) % (sizeof(fill) - 1);
		uint64_t length = 1 + xorshift(&random) % (sizeof(fill) - from);

		assert_int_equal(pwrite(fd, fill + from, length, (off_t)at),
		    length);
	}
	/* To the last byte. */
	assert_int_equal(pwrite(fd, "end", 3, size - 3), 3);
	c = load(PFORK_SNAPSHOT, fd);
	assert_same(fd, c->source.fd, size);
	assert_true(kib_of(c->source.fd) <= kib_of(fd) + 64);
	pfork_checkpoint_unref(c);
	close(fd);
}

/* The copy has a clock too: of a file that cannot be opened again the caller's
 * own descriptor is read, hole or not. */
static void
test_slow_snapshot(void **state)
{
	pfork_broker *b = broker_with(PFORK_SNAPSHOT, 50);
	int fd = holes((uint64_t)32 << 30);
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(fchmod(fd, 0), 0);
	obey_modes(true);
	assert_int_equal(pfork_load_fd(b, fd, &c, &err), PFORK_E_TIMEOUT);
	assert_string_equal(err.text, "the limit wall_ms of 50 ms passed while "
	    "the input was copied");
	obey_modes(false);
	pfork_broker_free(b);
	close(fd);
}

/* KiB of the mapping that have pages. */
static size_t
resident(const uint8_t *map, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t count = 0;
	uint64_t entry;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	assert_true(pagemap >= 0);
	for (size_t at = 0; at < size; at += page) {
		assert_int_equal(pread(pagemap, &entry, 8,
		    (off_t)(((uintptr_t)map + at) / page * 8)), 8);
		count += entry >> 63;
	}
	close(pagemap);
	return count * page / 1024;
}

static size_t
populated(int fd, size_t size)
{
	pfork_checkpoint *c = load(PFORK_MAP_INPUT | PFORK_POPULATE |
	    PFORK_LENIENT, fd);
	size_t kib = resident(c->source.map, size);

	pfork_checkpoint_unref(c);
	return kib;
}

/* When wall_ms has passed. */
static size_t
populated_late(int fd, size_t size)
{
	pfork_checkpoint *c = load(PFORK_MAP_INPUT | PFORK_LENIENT, fd);
	size_t kib;

	assert_int_equal(munmap((void *)(uintptr_t)c->source.map, size), 0);
	c->flags |= PFORK_POPULATE;
	assert_int_equal(input_map(c, 0, NULL), PFORK_OK);
	kib = resident(c->source.map, size);
	pfork_checkpoint_unref(c);
	return kib;
}

/* No more than tensors are in, no holes, and not for ever. */
static void
test_populate(void **state)
{
	static uint8_t fill[8 << 20];
	const size_t size = 32 << 20;
	const size_t tensor = 8 << 20;
	int fd = holes(tensor);

	(void)state;
	memset(fill, 1, sizeof(fill));
	assert_int_equal(pwrite(fd, fill, tensor - HEADER, HEADER),
	    tensor - HEADER);
	assert_true(populated(fd, tensor) >= tensor / 1024);
	/* Bytes that no tensor has. */
	for (size_t at = tensor; at < size; at += sizeof(fill))
		assert_int_equal(pwrite(fd, fill, sizeof(fill), (off_t)at),
		    sizeof(fill));
	assert_true(populated(fd, size) < tensor / 1024 + 4096);
	assert_int_equal(populated_late(fd, size), 0);
	close(fd);
	fd = holes(size);
	assert_int_equal(populated(fd, size), 0);
	assert_true(kib_of(fd) < 1024);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writable),
		cmocka_unit_test(test_sparse_snapshot),
		cmocka_unit_test(test_sparse_patterns),
		cmocka_unit_test(test_descriptor_0),
		cmocka_unit_test(test_large_hole),
		cmocka_unit_test(test_pieces_of_data),
		cmocka_unit_test(test_slow_snapshot),
		cmocka_unit_test(test_populate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
