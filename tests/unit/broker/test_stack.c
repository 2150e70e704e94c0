/* SPDX-License-Identifier: Apache-2.0
 *
 * test_stack.c - how much of its stack a host's thread needs in the library:
 * picklefork.h promises that 64 KiB are enough, whatever the file.  Each call is
 * made on a stack that was painted, which then says how deep it went.
 * $PFORK_TEST_WORKER, and the fixtures.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"

#define STACK ((size_t)1 << 20)
#define PAINT 0xA5

/* Frames of other builds are larger. */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_UNDEFINED__)
#define PROMISED ((size_t)64 << 10)
#else
#define PROMISED ((size_t)512 << 10)
#endif
/* A guard page, and a signal that comes at the deepest point. */
#define MARGIN ((size_t)8 << 10)

#define VIEWS "tests/fixtures/good-views.pt"

static pfork_broker *broker;
static pfork_broker *copying;
static pfork_error err;

static bool
read_all(pfork_checkpoint *c)
{
	const void *data;
	bool ok = pfork_checkpoint_count(c) > 0;

	for (size_t i = 0; i < pfork_checkpoint_count(c); i++)
		ok = pfork_tensor_data(pfork_checkpoint_at(c, i), &data,
		    &err) == PFORK_OK && ok;
	return ok;
}

static bool
load(pfork_broker *b, bool save)
{
	pfork_checkpoint *c = NULL;
	int out = memfd_create("out", MFD_CLOEXEC);
	bool ok = pfork_load_path(b, VIEWS, &c, &err) == PFORK_OK &&
	    (save ? pfork_save_safetensors(c, out, NULL, &err) == PFORK_OK :
		    read_all(c));

	close(out);
	pfork_checkpoint_unref(c);
	return ok;
}

static bool
views(void)
{
	return load(broker, false);
}

static bool
save(void)
{
	return load(broker, true);
}

/* Of a file with holes. */
static bool
snapshot(void)
{
	pfork_checkpoint *c = NULL;
	int fd = memfd_create("in", MFD_CLOEXEC);
	bool ok = pwrite(fd, host_pickle, sizeof(host_pickle), 0) == 4 &&
	    ftruncate(fd, 40 << 20) == 0 &&
	    pfork_scan_fd(copying, fd, &c, &err) == PFORK_OK;

	close(fd);
	pfork_checkpoint_unref(c);
	return ok && load(copying, false);
}

static bool
set_of(pfork_broker *b, const char *root, const char *file)
{
	pfork_store *s = NULL;
	pfork_checkpoint *c = NULL;
	bool ok = pfork_store_open(b, root, NULL, &s, &err) == PFORK_OK &&
	    pfork_store_load(s, file, &c, &err) == PFORK_OK && read_all(c);

	pfork_checkpoint_unref(c);
	pfork_store_free(s);
	return ok;
}

static bool
distributed(void)
{
	return set_of(broker, "tests/fixtures/dcp/good-threads", ".metadata");
}

static bool
external(void)
{
	return set_of(broker, "tests/fixtures/onnx/good-onnx-external-many",
	    "model.onnx");
}

static bool
external_copied(void)
{
	return set_of(copying, "tests/fixtures/onnx/good-onnx-external-many",
	    "model.onnx");
}

static bool
probe(void)
{
	pfork_probe_result r = { .size = sizeof(r) };

	return pfork_probe(broker, &r, &err) == PFORK_OK;
}

static bool
refused(void)
{
	pfork_checkpoint *c = NULL;

	return pfork_load_path(broker, "README.md", &c, &err) != PFORK_OK &&
	    pfork_scan_path(broker, "README.md", &c, &err) == PFORK_OK &&
	    (pfork_checkpoint_unref(c), true);
}

static bool (*call)(void);
static bool went_well;

static void *
run(void *unused)
{
	(void)unused;
	went_well = call();
	return NULL;
}

/* Bytes of it that were written to, with the thread's own at its top. */
static size_t
depth(uint8_t *stack)
{
	pthread_attr_t attributes;
	pthread_t thread;
	size_t untouched = 0;

	memset(stack, PAINT, STACK);
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
	assert_int_equal(pthread_create(&thread, &attributes, run, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	while (untouched < STACK && stack[untouched] == PAINT)
		untouched++;
	return STACK - untouched;
}

static void
test_depth(void **state)
{
	static const struct {
		const char *name;
		bool (*make)(void);
	} calls[] = {
		{ "views", views },
		{ "save", save },
		{ "snapshot", snapshot },
		{ "distributed", distributed },
		{ "external", external },
		{ "external, copied", external_copied },
		{ "probe", probe },
		{ "refused", refused },
	};
	uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	size_t used;

	(void)state;
	assert_true(stack != MAP_FAILED);
	broker = host_broker(&(pfork_options){ 0 });
	copying = host_broker(&(pfork_options){ .flags = PFORK_SNAPSHOT });
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		call = calls[i].make;
		used = depth(stack);
		print_message("%s: %zu bytes of stack\n", calls[i].name, used);
		if (!went_well)
			fail_msg("%s: %s", calls[i].name, err.text);
		if (used > PROMISED - MARGIN)
			fail_msg("%s: %zu bytes of stack", calls[i].name, used);
	}
	pfork_broker_free(broker);
	pfork_broker_free(copying);
	munmap(stack, STACK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
