/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gather_woven.c - views that overlap themselves: what they may read at
 * most, counted by the kernel, for shapes and strides made to cost, in sparse
 * files; and random ones against a copy element by element.  For those,
 * gather_woven.c is compiled here once more, with windows of a few hundred
 * bytes, so that each plan is made and each edge of a window met.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gather.h"
#include "hand.h"
#include "read.h"
#include "xorshift.h"

static const uint64_t hole = GATHER_HOLE;

static uint64_t shrunk_window;
static uint64_t shrunk_most;
static uint64_t shrunk_hole;
static uint64_t reads;
static uint64_t read_bytes;

static enum pfork_code
counted_read(const struct source *s, uint64_t offset, void *out, size_t length,
    pfork_error *err)
{
	reads++;
	read_bytes += length;
	return source_read(s, offset, out, length, err);
}

enum pfork_code gather_shrunk(const struct view *v, const struct source *source,
    uint64_t from, uint8_t *out, pfork_error *err);
#undef GATHER_WINDOW
#undef GATHER_MOST
#undef GATHER_HOLE
#define GATHER_WINDOW shrunk_window
#define GATHER_MOST shrunk_most
#define GATHER_HOLE shrunk_hole
#define gather_woven gather_shrunk
#define source_read counted_read
#include "../../../broker/gather_woven.c"
#undef source_read
#undef gather_woven

/* ---------------------------------------------------------- what is read -- */

struct io {
	uint64_t calls;
	uint64_t bytes;
};

static struct io
io_now(void)
{
	char line[64];
	unsigned long long calls = 0;
	unsigned long long bytes = 0;
	FILE *f = fopen("/proc/thread-self/io", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "syscr: %llu", &calls);
		sscanf(line, "rchar: %llu", &bytes);
	}
	fclose(f);
	assert_true(calls > 0 && bytes > 0);
	return (struct io){ calls, bytes };
}

/* Of a file of so many MiB. */
static const struct costly {
	const char *name;
	uint64_t file;
	size_t rank;
	uint64_t shape[18];
	uint64_t strides[18];
	uint64_t mib;		/* read at most */
	uint64_t calls;
} costly[] = {
	{ "18 of 2, a sixteenth apart", 734, 18,
	    { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 },
	    { 42000000, 42000067, 42000134, 42000201, 42000268, 42000335,
	    42000402, 42000469, 42000536, 42000603, 42000670, 42000737,
	    42000804, 42000871, 42000938, 42001005, 42001072, 42001139 },
	    980, 100 },
	{ "few elements of a wide span", 734, 12,
	    { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 },
	    { 60000000, 60000067, 60000134, 60000201, 60000268, 60000335,
	    60000402, 60000469, 60000536, 60000603, 60000670, 60000737 },
	    1, 4200 },
	{ "planes over planes", 700, 4, { 3, 3, 3, 300000 },
	    { 100000000, 99000000, 98000000, 3 }, 27, 40 },
	{ "strides just below the window", 700, 3, { 9, 2, 50000 },
	    { 64 * 1048576 - 1, 64 * 1048576 - 2, 5 }, 5, 30 },
	{ "strides just above the window", 700, 3, { 9, 2, 50000 },
	    { 64 * 1048576 + 1, 64 * 1048576 + 2, 5 }, 5, 30 },
	{ "strides below the small window", 300, 3, { 60, 8, 600 },
	    { 4 * 1048576 - 1, 4 * 1048576 - 2, 2000 }, 400, 110 },
	{ "strides above the small window", 300, 3, { 60, 8, 600 },
	    { 4 * 1048576 + 1, 4 * 1048576 + 2, 2000 }, 400, 110 },
	{ "a span just over the window", 65, 4, { 3, 40, 40, 60 },
	    { 1, 800000, 800001, 80000 }, 90, 40 },
	{ "reaching far, then dense", 734, 17,
	    { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 10 },
	    { 45000000, 45000067, 45000134, 45000201, 45000268, 45000335,
	    45000402, 45000469, 45000536, 45000603, 45000670, 45000737,
	    45000804, 45000871, 45000938, 45001005, 1000000 }, 980, 100 },
	{ "a window that slides", 700, 2, { 300000, 3 }, { 2000, 1000 },
	    800, 250 },
};

static uint64_t
elements(const struct costly *row)
{
	uint64_t n = 1;

	for (size_t i = 0; i < row->rank; i++)
		n *= row->shape[i];
	return n;
}

/* Holes, but for some of the elements. */
static pfork_checkpoint *
sparse(const struct costly *row, uint8_t *copy)
{
	uint64_t length = row->file * MIB;
	pfork_checkpoint *c = hand_new("", 1);
	uint64_t x = 88172645463325252u;
	uint64_t at;

	assert_int_equal(ftruncate(c->source.fd, (off_t)length), 0);
	for (int i = 0; i < 3000; i++) {
		at = 0;
		for (size_t d = 0; d < row->rank; d++)
			at += xorshift(&x) % row->shape[d] * row->strides[d];
		copy[at] = (uint8_t)(x | 1);
		assert_int_equal(pwrite(c->source.fd, copy + at, 1, (off_t)at),
		    1);
	}
	hand_tensor(c, "t", "U8", row->rank, row->shape, row->strides,
	    hand_extent(c, 0, length), 0);
	return c;
}

static void
check_costly(const struct costly *row)
{
	uint8_t *copy = calloc(1, row->file * MIB);
	uint64_t n = elements(row);
	uint8_t *got = malloc(n);
	struct range all = { .count = row->shape[0] };
	pfork_checkpoint *c;
	struct view v;
	struct io before;
	struct io now;
	uint8_t *want;

	print_message("%s\n", row->name);
	assert_non_null(copy);
	assert_non_null(got);
	c = sparse(row, copy);
	view_of_tensor(&v, pfork_checkpoint_at(c, 0), &all);
	assert_true(view_overlaps(&v));
	want = hand_expected(pfork_checkpoint_at(c, 0), copy);
	before = io_now();
	assert_int_equal(gather_source(&v, &c->source, 0, got, NULL), 0);
	now = io_now();
	now.calls -= before.calls;
	now.bytes -= before.bytes;
	assert_memory_equal(got, want, n);
	assert_true(now.bytes <= row->mib * MIB);
	assert_true(now.calls <= row->calls);
	/* A few KB and calls are io_now's own. */
	assert_true(now.bytes + now.calls * hole <=
	    n * (1 + hole) / 7 * 8 + 10 * hole);
	free(want);
	free(got);
	free(copy);
	pfork_checkpoint_unref(c);
}

static void
test_costly_views(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(costly) / sizeof(costly[0]); i++)
		check_costly(&costly[i]);
}

/* ---------------------------------------------------------- random views -- */

#define DATA 20000

/* In C order, inside of DATA; overlapping or not. */
static void
random_view(struct view *v, uint64_t *x)
{
	static const uint64_t far[] = { 2, 30, 300, 3000 };
	uint64_t rank = xorshift(x) % 6;
	uint64_t left;
	uint64_t out;

	v->element = (size_t)1 << xorshift(x) % 5;
	v->rank = 0;
	left = DATA - v->element;
	out = v->element;
	for (uint64_t i = 0; i < rank; i++) {
		struct view_dim *d = &v->dims[v->rank];

		d->in = xorshift(x) % far[xorshift(x) % 4] * v->element;
		if (v->rank > 0 && xorshift(x) % 4 == 0)
			d->in = v->dims[v->rank - 1].in + v->element;
		d->count = 2 + xorshift(x) % (xorshift(x) % 3 == 0 ? 40 : 3);
		if ((d->count - 1) * d->in > left || out * d->count > DATA * 8)
			continue;
		left -= (d->count - 1) * d->in;
		v->rank++;
	}
	for (size_t i = v->rank; i-- > 0;) {
		v->dims[i].out = out;
		out *= v->dims[i].count;
	}
	v->offset = xorshift(x) % (left + 1);
}

static void
copy_slowly(const struct view *v, const uint8_t *data, uint8_t *out)
{
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t from = v->offset;
	uint64_t to = 0;

	do {
		memcpy(out + to, data + from, v->element);
	} while (view_next(v->dims, v->rank, index, &from, &to));
}

/* Which kind of plan. */
enum kind { WALKED, WHOLE, SWEPT, BOTH, KINDS };

static enum kind
check_random(struct view *v, const uint8_t *data, const struct source *source)
{
	uint64_t n = view_steps(v, 0, v->rank);
	uint8_t *got = malloc(n * v->element);
	uint8_t *want = malloc(n * v->element);
	struct plan p;

	assert_non_null(got);
	assert_non_null(want);
	copy_slowly(v, data, want);
	memset(got, 0x5a, n * v->element);
	view_order(v);
	p = make_plan(v);
	reads = 0;
	read_bytes = 0;
	assert_int_equal(gather_shrunk(v, source, v->offset, got, NULL), 0);
	assert_memory_equal(got, want, n * v->element);
	/* It costs no more than was thought, nor than the walk. */
	assert_true(read_bytes + reads * shrunk_hole <= p.cost);
	assert_true(p.cost - p.cost / 8 <= n * (v->element + shrunk_hole));
	free(got);
	free(want);
	if (p.walked == v->rank)
		return WALKED;
	if (view_span(v, p.walked) <= p.room)
		return WHOLE;
	return p.walked > 0 ? BOTH : SWEPT;
}

static void
test_random_views(void **state)
{
	static const uint64_t holes[] = { 1, 300, 3000, 30000 };
	uint8_t *data = malloc(DATA);
	uint64_t x = 88172645463325252u;
	size_t met[KINDS] = { 0 };
	pfork_checkpoint *c;
	struct view v;

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < DATA; i++)
		data[i] = (uint8_t)(xorshift(&x) >> 20);
	c = hand_new(data, DATA);
	for (int i = 0; i < 10000; i++) {
		shrunk_window = 64 + xorshift(&x) % 200;
		shrunk_most = shrunk_window * (1 + xorshift(&x) % 8);
		shrunk_hole = holes[xorshift(&x) % 4];
		random_view(&v, &x);
		met[check_random(&v, data, &c->source)]++;
	}
	print_message("%zu walked, %zu whole, %zu swept, %zu both\n",
	    met[WALKED], met[WHOLE], met[SWEPT], met[BOTH]);
	for (size_t i = 0; i < KINDS; i++)
		assert_true(met[i] > 50);
	pfork_checkpoint_unref(c);
	free(data);
}

/* Numbers that the arithmetic of the plan cannot hold. */
static void
test_huge_plans(void **state)
{
	struct view v = { .rank = 3, .element = 1, .dims = {
		{ UINT64_C(1) << 20, UINT64_C(1) << 41, 0 },
		{ UINT64_C(1) << 20, UINT64_C(1) << 40, 0 },
		{ UINT64_C(1) << 20, (UINT64_C(1) << 40) - 1, 0 } } };
	struct plan p;

	(void)state;
	shrunk_window = 4 * MIB;
	shrunk_most = 64 * MIB;
	shrunk_hole = hole;
	p = make_plan(&v);
	/* To go over the span once is all that the arithmetic can hold. */
	assert_true(p.cost > view_span(&v, 0));
	assert_true(p.cost < UINT64_MAX);
	assert_int_equal(p.walked, 0);
	assert_true(p.room == UINT64_C(1) << 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costly_views),
		cmocka_unit_test(test_random_views),
		cmocka_unit_test(test_huge_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
