/* SPDX-License-Identifier: Apache-2.0
 *
 * test_assembled.c - boxes that make up a tensor: the proof that they do,
 * beside a count of every element; and what is read through them, beside the
 * tensor that was cut up.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "assembled.h"
#include "picklefork.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOXES 64

/* Numbers that live as long as the boxes made of them. */
static uint64_t numbers[BOXES * 3 * 8];
static size_t used;

static uint64_t *
keep(const uint64_t *from, size_t count)
{
	uint64_t *at = numbers + used;

	assert_true(used + count <= COUNT(numbers));
	memcpy(at, from, count * sizeof(*at));
	used += count;
	return at;
}

static struct tensor_box
box(size_t rank, const uint64_t *start, const uint64_t *size)
{
	return (struct tensor_box){ .start = keep(start, rank),
		.size = keep(size, rank) };
}

/* ------------------------------------------------------------ the proof -- */

/* With all of a load's budget, and time enough. */
static enum assembled
judge(const uint64_t *shape, size_t rank, const struct tensor_box *boxes,
    size_t count)
{
	struct assembled_budget budget = assembled_budget(count, UINT64_MAX);

	return assembled_judge(shape, rank, boxes, count, &budget);
}

static void
test_rows(void **state)
{
	static const struct {
		const char *name;
		size_t rank;
		uint64_t shape[3];
		size_t count;
		uint64_t boxes[5][2][3];	/* start, size */
		enum assembled how;
	} rows[] = {
		{ "all", 1, { 4 }, 1, { { { 0 }, { 4 } } }, ASSEMBLED_OK },
		{ "halves", 1, { 4 }, 2, { { { 2 }, { 2 } }, { { 0 }, { 2 } } },
		    ASSEMBLED_OK },
		{ "no box", 1, { 4 }, 0, { { { 0 }, { 0 } } },
		    ASSEMBLED_HOLE },
		{ "no begin", 1, { 4 }, 1, { { { 1 }, { 3 } } },
		    ASSEMBLED_HOLE },
		{ "no end", 1, { 4 }, 1, { { { 0 }, { 3 } } },
		    ASSEMBLED_HOLE },
		{ "no middle", 1, { 4 }, 2, { { { 0 }, { 1 } },
		    { { 2 }, { 2 } } }, ASSEMBLED_HOLE },
		{ "two of two", 1, { 4 }, 3, { { { 0 }, { 2 } },
		    { { 0 }, { 2 } }, { { 2 }, { 2 } } }, ASSEMBLED_OVERLAP },
		{ "by one", 1, { 4 }, 2, { { { 0 }, { 3 } },
		    { { 2 }, { 2 } } }, ASSEMBLED_OVERLAP },
		/* As many elements as there should be. */
		{ "hole and overlap", 1, { 4 }, 2, { { { 0 }, { 2 } },
		    { { 1 }, { 2 } } }, ASSEMBLED_HOLE },
		{ "one number", 0, { 0 }, 1, { { { 0 }, { 0 } } },
		    ASSEMBLED_OK },
		{ "one number twice", 0, { 0 }, 2, { { { 0 }, { 0 } } },
		    ASSEMBLED_OVERLAP },
		{ "quarters", 2, { 4, 6 }, 4, { { { 0, 0 }, { 2, 3 } },
		    { { 2, 3 }, { 2, 3 } }, { { 0, 3 }, { 2, 3 } },
		    { { 2, 0 }, { 2, 3 } } }, ASSEMBLED_OK },
		{ "three quarters", 2, { 4, 6 }, 3, { { { 0, 0 }, { 2, 3 } },
		    { { 2, 3 }, { 2, 3 } }, { { 0, 3 }, { 2, 3 } } },
		    ASSEMBLED_HOLE },
		{ "a quarter twice, none missing but one", 2, { 4, 6 }, 4,
		    { { { 0, 0 }, { 2, 3 } }, { { 2, 3 }, { 2, 3 } },
		    { { 0, 3 }, { 2, 3 } }, { { 0, 3 }, { 2, 3 } } },
		    ASSEMBLED_HOLE },
		/* No cut goes through: the classic that is no grid. */
		{ "pinwheel", 2, { 3, 3 }, 5, { { { 0, 0 }, { 1, 2 } },
		    { { 0, 2 }, { 2, 1 } }, { { 2, 1 }, { 1, 2 } },
		    { { 1, 0 }, { 2, 1 } }, { { 1, 1 }, { 1, 1 } } },
		    ASSEMBLED_OK },
		{ "pinwheel without its middle", 2, { 3, 3 }, 4,
		    { { { 0, 0 }, { 1, 2 } }, { { 0, 2 }, { 2, 1 } },
		    { { 2, 1 }, { 1, 2 } }, { { 1, 0 }, { 2, 1 } } },
		    ASSEMBLED_HOLE },
		{ "uneven, the last dimension", 3, { 2, 1, 5 }, 3,
		    { { { 0, 0, 0 }, { 2, 1, 2 } },
		    { { 0, 0, 2 }, { 1, 1, 3 } },
		    { { 1, 0, 2 }, { 1, 1, 3 } } }, ASSEMBLED_OK },
	};
	struct tensor_box boxes[5];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		used = 0;
		for (size_t j = 0; j < rows[i].count; j++)
			boxes[j] = box(rows[i].rank, rows[i].boxes[j][0],
			    rows[i].boxes[j][1]);
		if (judge(rows[i].shape, rows[i].rank, boxes,
		    rows[i].count) != rows[i].how)
			fail_msg("%s", rows[i].name);
	}
}

/* Cuts a box of `from` in two at random; false: it cannot be cut. */
static bool
cut(struct tensor_box *boxes, size_t *count, size_t rank)
{
	struct tensor_box *b = &boxes[(size_t)rand() % *count];
	size_t d = (size_t)rand() % rank;
	uint64_t at;
	uint64_t start[8];
	uint64_t size[8];

	if (b->size[d] < 2)
		return false;
	at = 1 + (uint64_t)rand() % (b->size[d] - 1);
	memcpy(start, b->start, rank * sizeof(start[0]));
	memcpy(size, b->size, rank * sizeof(size[0]));
	start[d] += at;
	size[d] -= at;
	((uint64_t *)(uintptr_t)b->size)[d] = at;
	boxes[(*count)++] = box(rank, start, size);
	return true;
}

/* Every element of a small tensor, and how many boxes have it. */
static enum assembled
count_elements(const uint64_t *shape, size_t rank,
    const struct tensor_box *boxes, size_t count)
{
	uint64_t elements = 1;
	uint64_t rest;
	uint64_t at;
	bool hole = false;
	bool twice = false;

	for (size_t d = 0; d < rank; d++)
		elements *= shape[d];
	for (uint64_t e = 0; e < elements; e++) {
		size_t holders = 0;

		for (size_t i = 0; i < count; i++) {
			bool in = true;

			rest = e;
			for (size_t d = rank; d-- > 0;) {
				at = rest % shape[d];
				rest /= shape[d];
				in = in && at >= boxes[i].start[d] &&
				    at < boxes[i].start[d] + boxes[i].size[d];
			}
			holders += in;
		}
		hole = hole || holders == 0;
		twice = twice || holders > 1;
	}
	return hole ? ASSEMBLED_HOLE : twice ? ASSEMBLED_OVERLAP :
					       ASSEMBLED_OK;
}

static size_t
cut_up(struct tensor_box *boxes, size_t rank, const uint64_t *shape,
    size_t wanted)
{
	static const uint64_t zeros[8];
	size_t count = 1;

	used = 0;
	boxes[0] = box(rank, zeros, shape);
	for (size_t i = 0; i < 4 * wanted && count < wanted; i++)
		(void)cut(boxes, &count, rank);
	return count;
}

/* Spoils a box of a good set, mostly. */
static void
spoil(struct tensor_box *boxes, size_t count, size_t rank,
    const uint64_t *shape)
{
	struct tensor_box *b = &boxes[(size_t)rand() % count];
	size_t d = (size_t)rand() % rank;
	uint64_t *start = (uint64_t *)(uintptr_t)b->start;
	uint64_t *size = (uint64_t *)(uintptr_t)b->size;

	switch (rand() % 4) {
	case 0:
		start[d] = (uint64_t)rand() % (shape[d] - size[d] + 1);
		break;
	case 1:
		size[d] = 1 + (uint64_t)rand() % (shape[d] - start[d]);
		break;
	case 2:
		*b = boxes[(size_t)rand() % count];
		break;
	default:
		break;
	}
}

static void
test_random(void **state)
{
	struct tensor_box boxes[BOXES];
	uint64_t shape[4];
	size_t tried[5] = { 0 };
	enum assembled expected;
	enum assembled got;

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t rank = 1 + (size_t)rand() % 4;
		size_t count;

		for (size_t d = 0; d < rank; d++)
			shape[d] = 1 + (uint64_t)rand() % 6;
		count = cut_up(boxes, rank, shape, 1 + (size_t)rand() % 9);
		for (int n = rand() % 3; n > 0; n--)
			spoil(boxes, count, rank, shape);
		expected = count_elements(shape, rank, boxes, count);
		got = judge(shape, rank, boxes, count);
		tried[expected]++;
		/* Where both are true either may be said. */
		if ((got == ASSEMBLED_OK) != (expected == ASSEMBLED_OK) ||
		    (got == ASSEMBLED_HOLE && expected != ASSEMBLED_HOLE))
			fail_msg("set %d: %d, not %d", i, got, expected);
	}
	assert_true(tried[ASSEMBLED_OK] > 1000);
	assert_true(tried[ASSEMBLED_HOLE] > 1000);
	assert_true(tried[ASSEMBLED_OVERLAP] > 100);
}

/* A grid of n x n, and a staircase of n boxes that all reach to the end. */
static void
make_many(struct tensor_box *boxes, uint64_t *at, size_t n, bool stairs)
{
	for (size_t i = 0; i < n * n; i++, at += 4) {
		at[0] = stairs ? i : i / n;
		at[1] = stairs ? i : i % n;
		at[2] = stairs ? n * n - i : 1;
		at[3] = 1;
		boxes[i] = (struct tensor_box){ .start = at, .size = at + 2 };
	}
}

static void
test_cost(void **state)
{
	const size_t n = 500;
	struct tensor_box *boxes = calloc(n * n, sizeof(*boxes));
	uint64_t *at = calloc(n * n * 4, sizeof(*at));
	uint64_t shape[] = { n, n };
	struct timespec from;
	struct timespec to;

	(void)state;
	assert_true(boxes != NULL && at != NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	make_many(boxes, at, n, false);
	assert_int_equal(judge(shape, 2, boxes, n * n), ASSEMBLED_OK);
	shape[0] = shape[1] = n * n;
	make_many(boxes, at, n, true);
	assert_int_equal(judge(shape, 2, boxes, n * n), ASSEMBLED_TOO_HARD);
	clock_gettime(CLOCK_MONOTONIC, &to);
	/* Some 0.2 s here; n squared would be minutes. */
	assert_true(to.tv_sec - from.tv_sec < 20);
	free(boxes);
	free(at);
}

/* In dimension r are shape[r] boxes of all others but the last one, of which
 * they have the r-th: each cut multiplies the places of the rest. */
#define WILD_CUTS 10
#define WILD_BOXES (2 * WILD_CUTS + 1)

static void
make_wild(struct tensor_box *boxes, uint64_t *shape, uint64_t *at)
{
	for (size_t d = 0; d < WILD_CUTS; d++)
		shape[d] = d == 0 ? 3 : 2;
	shape[WILD_CUTS] = WILD_CUTS;
	for (size_t r = 0; r < WILD_CUTS; r++) {
		for (uint64_t i = 0; i < shape[r]; i++) {
			memset(at, 0, (WILD_CUTS + 1) * sizeof(*at));
			memcpy(at + WILD_CUTS + 1, shape,
			    (WILD_CUTS + 1) * sizeof(*at));
			at[r] = i;
			at[WILD_CUTS] = r;
			at[WILD_CUTS + 1 + r] = 1;
			at[WILD_CUTS + 1 + WILD_CUTS] = 1;
			*boxes++ = (struct tensor_box){ .start = at,
				.size = at + WILD_CUTS + 1 };
			at += 2 * (WILD_CUTS + 1);
		}
	}
}

/* One such tensor is proved; what many would cost is no tensor's own. */
static void
test_budget(void **state)
{
	static uint64_t at[WILD_BOXES * 2 * (WILD_CUTS + 1)];
	struct tensor_box boxes[WILD_BOXES];
	uint64_t shape[WILD_CUTS + 1];
	struct assembled_budget budget = assembled_budget(100 * WILD_BOXES,
	    UINT64_MAX);
	int proved = 0;

	(void)state;
	make_wild(boxes, shape, at);
	while (assembled_judge(shape, WILD_CUTS + 1, boxes, WILD_BOXES,
	    &budget) == ASSEMBLED_OK)
		proved++;
	assert_true(proved >= 1 && proved < 10);
	budget = assembled_budget(WILD_BOXES, 0);
	assert_int_equal(assembled_judge(shape, WILD_CUTS + 1, boxes,
	    WILD_BOXES, &budget), ASSEMBLED_TOO_LATE);
}

/* What is not cut costs nothing, what is cut as a grid is costs little. */
static void
test_grid(void **state)
{
	enum { RANK = 64, CUTS = 6, N = 1 << CUTS };
	static uint64_t at[N][2][RANK];
	struct tensor_box boxes[N];
	struct assembled_budget budget = assembled_budget(0, UINT64_MAX);
	uint64_t shape[RANK];

	(void)state;
	for (size_t d = 0; d < RANK; d++)
		shape[d] = 2;
	for (size_t i = 0; i < N; i++) {
		for (size_t d = 0; d < RANK; d++) {
			at[i][0][d] = d < CUTS ? i >> d & 1 : 0;
			at[i][1][d] = d < CUTS ? 1 : 2;
		}
		boxes[i] = (struct tensor_box){ .start = at[i][0],
			.size = at[i][1] };
	}
	budget.places = 2 * N * CUTS;
	assert_int_equal(assembled_judge(shape, RANK, boxes, N, &budget),
	    ASSEMBLED_OK);
}

/* -------------------------------------------------------------- reading -- */

/* A set of one tensor whose boxes stand, one after the other, in two parts: a
 * file and a stream.  Boxes in turn are in C order and in Fortran order. */
struct set {
	pfork_checkpoint *c;
	pfork_checkpoint *parts[2];
	uint8_t whole[4096];
};

static uint64_t
element_at(const struct tensor_box *b, const uint64_t *shape, size_t rank,
    uint64_t index, uint64_t *in_box)
{
	uint64_t at = 0;
	uint64_t step = 1;
	uint64_t i;

	*in_box = 0;
	for (size_t d = rank; d-- > 0;) {
		i = index % b->size[d];
		index /= b->size[d];
		*in_box += i * b->strides[d];
		at += (b->start[d] + i) * step;
		step *= shape[d];
	}
	return at;
}

static void
order_box(struct tensor_box *b, size_t rank, bool fortran)
{
	uint64_t strides[8];
	uint64_t step = 1;

	for (size_t i = 0; i < rank; i++) {
		size_t d = fortran ? i : rank - 1 - i;

		strides[d] = step;
		step *= b->size[d];
	}
	b->strides = keep(strides, rank);
}

static void
put_boxes(struct set *s, struct tensor_box *boxes, size_t count, size_t rank,
    const uint64_t *shape, size_t element)
{
	uint8_t bytes[2][4096];
	uint64_t ends[2] = { 3, 5 };
	uint64_t elements;
	uint64_t from;
	uint64_t to;

	for (size_t i = 0; i < count; i++) {
		struct tensor_box *b = &boxes[i];

		b->home = s->parts[i % 2];
		b->offset = ends[i % 2];
		order_box(b, rank, i % 3 == 0);
		elements = 1;
		for (size_t d = 0; d < rank; d++)
			elements *= b->size[d];
		for (uint64_t e = 0; e < elements; e++) {
			from = element_at(b, shape, rank, e, &to);
			memcpy(bytes[i % 2] + b->offset + to * element,
			    s->whole + from * element, element);
		}
		ends[i % 2] += elements * element;
	}
	assert_int_equal(pwrite(s->parts[0]->source.fd, bytes[0], 4096, 0),
	    4096);
	memcpy(s->parts[1]->storages[0].bytes, bytes[1], 4096);
}

static void
set_new(struct set *s)
{
	struct stat st;

	s->c = checkpoint_new();
	s->c->parts = calloc(2, sizeof(s->c->parts[0])); /* NOLINT */
	for (int i = 0; i < 2; i++) {
		s->parts[i] = checkpoint_new();
		s->c->parts[i] = s->parts[i];
		s->parts[i]->storages = calloc(1, sizeof(struct storage));
		s->parts[i]->storage_count = 1;
		s->parts[i]->storages[0].length = 4096;
		s->parts[i]->source.fd = memfd_create("box", MFD_CLOEXEC);
		assert_int_equal(ftruncate(s->parts[i]->source.fd, 4096), 0);
	}
	s->c->part_count = 2;
	s->parts[1]->storages[0].streamed = true;
	s->parts[1]->storages[0].bytes = aligned_alloc(64, 4096);
	for (size_t i = 0; i < sizeof(s->whole); i++)
		s->whole[i] = (uint8_t)rand();
	s->c->source.fd = memfd_create("set", MFD_CLOEXEC);
	assert_int_equal(fstat(s->c->source.fd, &st), 0);
}

/* As they are now, after all writing. */
static void
note_identity(pfork_checkpoint *c)
{
	struct stat st;

	assert_int_equal(fstat(c->source.fd, &st), 0);
	c->source.device = st.st_dev;
	c->source.inode = st.st_ino;
	c->source.size = (uint64_t)st.st_size;
	c->source.mtime = st.st_mtim;
	c->source.ctime = st.st_ctim;
}

static void
read_parts(const struct pfork_tensor *t, const uint8_t *whole)
{
	uint64_t elements = pfork_tensor_elements(t);
	size_t element = t->nbytes / elements;
	uint8_t out[4097];
	const void *data;

	memset(out, 0x5a, sizeof(out));
	assert_int_equal(pfork_tensor_read(t, out, t->nbytes, NULL), PFORK_OK);
	assert_memory_equal(out, whole, t->nbytes);
	assert_int_equal(out[t->nbytes], 0x5a);
	for (int i = 0; i < 20; i++) {
		size_t first = (size_t)rand() % (elements + 1);
		size_t count = (size_t)rand() % (elements - first + 1);

		memset(out, 0x5a, sizeof(out));
		assert_int_equal(pfork_tensor_read_part(t, first * element,
		    out, count * element, NULL), PFORK_OK);
		assert_memory_equal(out, whole + first * element,
		    count * element);
		assert_int_equal(out[count * element], 0x5a);
	}
	assert_int_equal(pfork_tensor_data(t, &data, NULL), PFORK_OK);
	assert_memory_equal(data, whole, t->nbytes);
}

static void
read_random(const struct dtype *dtype)
{
	size_t element = dtype_element_bytes(dtype);
	struct tensor_box boxes[BOXES];
	uint64_t shape[10];	/* and strides */
	uint64_t elements = 1;
	struct assembly a;
	struct set s;
	size_t rank = (size_t)rand() % 5;
	size_t count;
	uint64_t none = 0;
	struct pfork_tensor *t;

	set_new(&s);
	t = calloc(1, sizeof(*t));
	for (size_t d = 0; d < rank; d++) {
		shape[d] = 1 + (uint64_t)rand() % 5;
		elements *= shape[d];
	}
	if (rank == 0) {
		used = 0;
		boxes[0] = box(0, &none, &none);
		count = 1;
	} else {
		count = cut_up(boxes, rank, shape, 1 + (size_t)rand() % 9);
	}
	t->owner = s.c;
	t->dtype = dtype;
	t->rank = (uint8_t)rank;
	t->shape = shape;
	t->nbytes = elements * element;
	t->contiguous = true;
	t->assembly = &a;
	if (t->nbytes <= 2048) {
		put_boxes(&s, boxes, count, rank, shape, element);
		note_identity(s.c);
		note_identity(s.parts[0]);
		note_identity(s.parts[1]);
		assert_true(assembled_make(&a, &s.c->strings, rank, boxes,
		    count, shape));
		/* What the next tensor takes is not this one's. */
		memset(pool_alloc(&s.c->strings, 64), 0, 64);
		read_parts(t, s.whole);
	}
	s.c->tensors = t;
	s.c->tensor_count = 1;
	pfork_checkpoint_unref(s.c);
}

static void
test_read(void **state)
{
	static const uint32_t dtypes[] = { DTYPE_U8, DTYPE_BF16, DTYPE_F32,
		DTYPE_F64, DTYPE_C128 };

	(void)state;
	srand(2);
	for (int i = 0; i < 2000; i++)
		read_random(dtype_by_code(dtypes[i % 5]));
}

/* A file of the set that is not what it was. */
static void
test_read_changed(void **state)
{
	static const uint64_t shape[] = { 4 };
	struct tensor_box boxes[BOXES];
	struct pfork_tensor *t = calloc(1, sizeof(*t));
	struct assembly a;
	struct set s;
	uint8_t out[4];
	size_t count;

	(void)state;
	set_new(&s);
	used = 0;
	do {
		count = cut_up(boxes, 1, shape, 2);
	} while (count != 2);
	*t = (struct pfork_tensor){ .owner = s.c, .rank = 1, .shape = shape,
		.dtype = dtype_by_code(DTYPE_U8), .nbytes = 4,
		.contiguous = true, .assembly = &a };
	s.c->tensors = t;
	s.c->tensor_count = 1;
	put_boxes(&s, boxes, count, 1, shape, 1);
	note_identity(s.c);
	note_identity(s.parts[0]);
	note_identity(s.parts[1]);
	assert_true(assembled_make(&a, &s.c->strings, 1, boxes, 2, shape));
	assert_int_equal(pfork_tensor_read(t, out, 4, NULL), PFORK_OK);
	s.parts[0]->source.size++;
	assert_int_equal(pfork_tensor_read(t, out, 4, NULL), PFORK_E_CHANGED);
	s.parts[0]->source.size--;
	assert_int_equal(ftruncate(s.parts[0]->source.fd, 0), 0);
	assert_int_equal(pfork_tensor_read(t, out, 4, NULL), PFORK_E_CHANGED);
	assert_false(pfork_tensor_extent(t, NULL, NULL));
	assert_string_equal(pfork_tensor_file(t), "");
	pfork_checkpoint_unref(s.c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_grid),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
