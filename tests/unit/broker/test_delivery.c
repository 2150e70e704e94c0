/* SPDX-License-Identifier: Apache-2.0
 *
 * test_delivery.c - the real worker on real files: extents, streams, a mapping
 * and a snapshot give the same tensors to the byte; many threads; the probe.
 * Runs from the top of the source tree.
 */
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"

#define WAYS 4
#define THREADS 8
#define LOADS 20

static pfork_broker *
broker_with(pfork_options o)
{
	o.refuse_at = PFORK_REFUSE_NEVER;
	return host_broker(&o);
}

static void
same_tensor(const char *file, const pfork_tensor *a, const pfork_tensor *b)
{
	size_t size = (size_t)pfork_tensor_nbytes(a);
	uint8_t *one = malloc(size + 1);
	uint8_t *two = malloc(size + 1);
	pfork_error err;

	assert_non_null(one);
	assert_non_null(two);
	assert_string_equal(pfork_tensor_name(a), pfork_tensor_name(b));
	assert_string_equal(pfork_tensor_dtype(a), pfork_tensor_dtype(b));
	assert_int_equal(pfork_tensor_rank(a), pfork_tensor_rank(b));
	assert_int_equal(pfork_tensor_nbytes(b), size);
	if (pfork_tensor_read(a, one, size, &err) != PFORK_OK ||
	    pfork_tensor_read(b, two, size, &err) != PFORK_OK)
		fail_msg("%s: %s", file, err.text);
	if (memcmp(one, two, size) != 0)
		fail_msg("%s: %s differs", file, pfork_tensor_name(a));
	free(one);
	free(two);
}

static size_t
same_file(const char *file, pfork_broker *const brokers[WAYS])
{
	pfork_checkpoint *c[WAYS];
	pfork_error err;
	size_t count;

	for (size_t i = 0; i < WAYS; i++)
		if (pfork_load_path(brokers[i], file, &c[i], &err) != PFORK_OK)
			fail_msg("%s, way %zu: %s", file, i, err.text);
	count = pfork_checkpoint_count(c[0]);
	for (size_t i = 1; i < WAYS; i++) {
		assert_int_equal(pfork_checkpoint_count(c[i]), count);
		assert_int_equal(pfork_checkpoint_verdict(c[i]),
		    pfork_checkpoint_verdict(c[0]));
		for (size_t t = 0; t < count; t++)
			same_tensor(file, pfork_checkpoint_at(c[0], t),
			    pfork_checkpoint_at(c[i], t));
	}
	for (size_t i = 0; i < WAYS; i++)
		pfork_checkpoint_unref(c[i]);
	return count;
}

static void
test_same_bytes(void **state)
{
	static const pfork_options ways[WAYS] = {
		{ .delivery = PFORK_DELIVER_EXTENT },
		{ .delivery = PFORK_DELIVER_STREAM },
		{ .flags = PFORK_MAP_INPUT },
		{ .flags = PFORK_SNAPSHOT | PFORK_VERIFY },
	};
	pfork_broker *brokers[WAYS];
	size_t tensors = 0;
	glob_t files;

	(void)state;
	for (size_t i = 0; i < WAYS; i++)
		brokers[i] = broker_with(ways[i]);
	assert_int_equal(glob("tests/fixtures/good-*.pt", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= 10);
	for (size_t i = 0; i < files.gl_pathc; i++)
		tensors += same_file(files.gl_pathv[i], brokers);
	assert_true(tensors > 100);
	globfree(&files);
	for (size_t i = 0; i < WAYS; i++)
		pfork_broker_free(brokers[i]);
}

static void *
load_often(void *broker)
{
	pfork_checkpoint *c;
	intptr_t good = 0;

	for (int i = 0; i < LOADS; i++) {
		c = NULL;
		if (pfork_load_path(broker, "tests/fixtures/demo.pt", &c,
		    NULL) != PFORK_OK)
			continue;
		good += pfork_checkpoint_count(c) > 0;
		pfork_checkpoint_unref(c);
	}
	return (void *)good;
}

static void
test_threads(void **state)
{
	pfork_broker *b = broker_with((pfork_options){ 0 });
	pthread_t threads[THREADS];
	intptr_t good = 0;
	void *one;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_often,
		    b), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &one);
		good += (intptr_t)one;
	}
	assert_int_equal(good, THREADS * LOADS);
	pfork_broker_free(b);
}

/* Plain bytes from memory: refused by the parser, not by an accident. */
static void
test_refused(void **state)
{
	static const char *const inputs[] = { "x", "PK\3\4", "\x80\2",
		"not a checkpoint at all\n" };
	pfork_broker *b = broker_with((pfork_options){ 0 });
	pfork_checkpoint *c = NULL;
	pfork_error err;
	enum pfork_code code;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		code = pfork_load_memory(b, inputs[i], strlen(inputs[i]), &c,
		    &err);
		if (code != PFORK_E_FORMAT && code != PFORK_E_UNSUPPORTED)
			fail_msg("%zu: %s", i, err.text);
		assert_null(c);
	}
	pfork_broker_free(b);
}

static void
test_probe(void **state)
{
	pfork_probe_result r = { .size = sizeof(r) };
	pfork_broker *b = broker_with((pfork_options){ 0 });
	pfork_error err;
	uint64_t required = 0;

	(void)state;
	if (pfork_probe(b, &r, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	assert_true(r.canary_killed);
	for (size_t i = 0; i < r.layer_count; i++) {
		if (!r.layers[i].required)
			continue;
		assert_true(r.layers[i].in_force);
		assert_int_equal(r.layers[i].errnum, 0);
		required |= r.layers[i].layer;
	}
	assert_int_equal(required, PFORK_LAYERS_REQUIRED);
	assert_non_null(strstr(r.worker_path, "picklefork-worker"));
	r.size--;
	assert_int_equal(pfork_probe(b, &r, &err), PFORK_E_ARGS);
	pfork_broker_free(b);
}

/* A canary that lives, that says nothing, that lacks a layer, that is none. */
static void
test_probe_fails(void **state)
{
	static const char *const lies[] = { "hello_only", "silent_exit",
		"hello_no_seccomp", "hello_and_more", "death_hello" };
	pfork_probe_result r;
	pfork_error err;
	pfork_broker *b;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		b = broker_with((pfork_options){
		    .worker_path = host_liar(lies[i]) });
		r.size = sizeof(r);
		assert_int_equal(pfork_probe(b, &r, &err), PFORK_E_SANDBOX);
		assert_int_equal(err.code, PFORK_E_SANDBOX);
		assert_false(r.canary_killed);
		pfork_broker_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_probe_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
