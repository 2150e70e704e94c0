/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store_clock.c - wall_ms holds for what the broker does itself when all
 * workers of a set are done: the clock is an hour further once the boxes of one
 * tensor were judged.  The linker wraps both: mk/broker.mk.  With the real
 * worker, $PFORK_TEST_WORKER.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assembled.h"
#include "host.h"
#include "picklefork.h"

/* Two ranks have half of a tensor each. */
#define SET "tests/fixtures/dcp/good-ranks"

static bool jumps;
static unsigned judged;

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
enum assembled __real_assembled_judge(const uint64_t *shape, size_t rank,
    const struct tensor_box *boxes, size_t count,
    struct assembled_budget *budget);
enum assembled __wrap_assembled_judge(const uint64_t *shape, size_t rank,
    const struct tensor_box *boxes, size_t count,
    struct assembled_budget *budget);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = __real_clock_gettime(clock, t);

	if (jumps && judged > 0)
		t->tv_sec += 3600;
	return rc;
}

enum assembled
__wrap_assembled_judge(const uint64_t *shape, size_t rank,
    const struct tensor_box *boxes, size_t count,
    struct assembled_budget *budget)
{
	enum assembled how = __real_assembled_judge(shape, rank, boxes, count,
	    budget);

	judged++;
	return how;
}

static enum pfork_code
load_set(pfork_error *err)
{
	pfork_options o = { .flags = 0 };
	pfork_broker *b = host_broker(&o);
	pfork_checkpoint *c = NULL;
	pfork_store *s = NULL;
	enum pfork_code code;

	judged = 0;
	assert_int_equal(pfork_store_open(b, SET, NULL, &s, NULL), PFORK_OK);
	code = pfork_store_load(s, ".metadata", &c, err);
	pfork_checkpoint_unref(c);
	pfork_store_free(s);
	pfork_broker_free(b);
	return code;
}

static void
test_judging_takes_time(void **state)
{
	pfork_error err;
	unsigned all;

	(void)state;
	jumps = false;
	if (load_set(&err) != PFORK_OK)
		fail_msg("%s", err.text);
	all = judged;
	assert_true(all > 1);
	jumps = true;
	assert_int_equal(load_set(&err), PFORK_E_TIMEOUT);
	assert_non_null(strstr(err.text, "the limit wall_ms of "));
	/* No second one was begun. */
	assert_int_equal(judged, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judging_takes_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
