/* SPDX-License-Identifier: Apache-2.0
 *
 * test_check_storage.c - what several workers said of one input: each way in
 * which it does not fit together, and what they may hold together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"

#define EXTENT(at, size) { .offset = (at), .length = (size) }
#define SENT(size) { .length = (size), .streamed = true }
#define ELSEWHERE(size) \
	{ .length = (size), .streamed = true, .elsewhere = true }
#define STORAGES 5
#define FILLERS 3

/* An extent, one of the first worker's own, and one of each of two others;
 * the last one has none. */
static const struct storage first[STORAGES] = {
	EXTENT(64, 100), SENT(10), ELSEWHERE(20), ELSEWHERE(30),
	SENT(0)
};
static const struct storage others[FILLERS][STORAGES] = {
	{ EXTENT(64, 100), ELSEWHERE(10), SENT(20), ELSEWHERE(30),
	    ELSEWHERE(0) },
	{ EXTENT(64, 100), ELSEWHERE(10), ELSEWHERE(20), SENT(30),
	    ELSEWHERE(0) },
	{ EXTENT(64, 100), ELSEWHERE(10), ELSEWHERE(20), ELSEWHERE(30),
	    ELSEWHERE(0) },
};

struct set {
	struct storage first[STORAGES];
	struct storage others[FILLERS][STORAGES];
	size_t counts[FILLERS + 1];
};

static struct set
honest(void)
{
	struct set s;

	memcpy(s.first, first, sizeof(first));
	memcpy(s.others, others, sizeof(others));
	for (size_t i = 0; i <= FILLERS; i++)
		s.counts[i] = STORAGES;
	return s;
}

static struct finding
judge(const struct set *s, size_t fillers)
{
	struct share main_share = { s->first, s->counts[0] };
	struct share rest[FILLERS];

	for (size_t i = 0; i < FILLERS; i++) {
		rest[i].storages = s->others[i];
		rest[i].count = s->counts[i + 1];
	}
	return check_shares(&main_share, rest, fillers);
}

static void
refused(const struct set *s, const char *text)
{
	struct finding f = judge(s, FILLERS);

	assert_int_equal(f.code, PFORK_E_PROTOCOL);
	assert_string_equal(f.text, text);
}

#define DIFFERENT "two workers found different storages"
#define NOBODY "no worker sent the bytes of a storage"
#define TWICE "two workers sent the bytes of a storage"

static void
test_honest(void **state)
{
	struct set s = honest();

	(void)state;
	assert_int_equal(judge(&s, FILLERS).code, PFORK_OK);
	assert_int_equal(judge(&s, 2).code, PFORK_OK);
	/* Nothing at all, by everybody. */
	memset(s.counts, 0, sizeof(s.counts));
	assert_int_equal(judge(&s, FILLERS).code, PFORK_OK);
	/* Two storages in one place are two. */
	s = honest();
	for (size_t i = 0; i < FILLERS; i++)
		s.others[i][1] = s.others[i][0];
	s.first[1] = s.first[0];
	assert_int_equal(judge(&s, FILLERS).code, PFORK_OK);
}

/* One more, one fewer, by each of them. */
static void
test_counts(void **state)
{
	struct set s;

	(void)state;
	for (size_t i = 0; i <= FILLERS; i++) {
		s = honest();
		s.counts[i]--;
		refused(&s, DIFFERENT);
		s.counts[i] = 0;
		refused(&s, DIFFERENT);
	}
}

/* Each number of each storage, as each other worker says it. */
static void
test_numbers(void **state)
{
	struct set s;

	(void)state;
	for (size_t k = 0; k < FILLERS; k++)
		for (size_t i = 0; i < STORAGES; i++) {
			s = honest();
			s.others[k][i].length++;
			refused(&s, DIFFERENT);
			s = honest();
			s.others[k][i].length ^= UINT64_C(1) << 63;
			refused(&s, DIFFERENT);
		}
	for (size_t k = 0; k < FILLERS; k++) {
		s = honest();
		s.others[k][0].offset++;
		refused(&s, DIFFERENT);
		/* An extent of the same length, for a stream; and back. */
		s = honest();
		s.others[k][0].streamed = true;
		refused(&s, DIFFERENT);
		s.others[k][0].elsewhere = true;
		refused(&s, DIFFERENT);
		for (size_t i = 1; i < STORAGES; i++) {
			s = honest();
			s.others[k][i].streamed = false;
			s.others[k][i].elsewhere = false;
			refused(&s, DIFFERENT);
		}
	}
}

static void
test_senders(void **state)
{
	struct set s;

	(void)state;
	/* Of those for another, nobody; of its own, not even itself. */
	s = honest();
	s.others[0][2].elsewhere = true;
	refused(&s, NOBODY);
	s = honest();
	s.first[1].elsewhere = true;
	refused(&s, NOBODY);
	s = honest();
	s.first[4].elsewhere = true;
	refused(&s, NOBODY);
	for (size_t k = 0; k < FILLERS; k++)
		for (size_t i = 1; i < STORAGES; i++) {
			s = honest();
			if (!s.others[k][i].elsewhere)
				continue;
			s.others[k][i].elsewhere = false;
			refused(&s, TWICE);
		}
	/* The first one has it, and another has it too. */
	s = honest();
	s.first[2].elsewhere = false;
	refused(&s, TWICE);
	/* Nobody was started. */
	s = honest();
	assert_int_equal(judge(&s, 0).code, PFORK_E_PROTOCOL);
	assert_string_equal(judge(&s, 0).text, NOBODY);
}

static void
test_held(void **state)
{
	const struct rules r = { .limits = { .streamed_bytes = 100 } };
	struct wire_storage m = { .kind = STORAGE_STREAM, .length = 60 };
	uint64_t held = 0;

	(void)state;
	assert_int_equal(check_held(&r, &held, &m).code, PFORK_OK);
	assert_int_equal(held, 60);
	assert_int_equal(check_held(&r, &held, &m).code, PFORK_E_LIMIT);
	assert_int_equal(held, 60);
	m.length = UINT64_MAX;
	assert_int_equal(check_held(&r, &held, &m).code, PFORK_E_LIMIT);
	/* Neither takes memory. */
	m.kind = STORAGE_ELSEWHERE;
	assert_int_equal(check_held(&r, &held, &m).code, PFORK_OK);
	m.kind = STORAGE_EXTENT;
	assert_int_equal(check_held(&r, &held, &m).code, PFORK_OK);
	assert_int_equal(held, 60);
	m.kind = STORAGE_STREAM;
	m.length = 40;
	assert_int_equal(check_held(&r, &held, &m).code, PFORK_OK);
	assert_int_equal(held, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
