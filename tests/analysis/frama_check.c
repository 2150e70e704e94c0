/* SPDX-License-Identifier: Apache-2.0
 *
 * frama_check.c - every check_* function of the broker on messages and totals
 * of which nothing is known but what the decoder guarantees: a pointer and its
 * count agree.  Frama-C's Eva walks all executions and must find none with a
 * run-time error (tests/analysis/frama.sh).  Never compiled into a program.
 */
#include "check.h"
#include "frama_any.h"

/* A little over each cap, so that the judgement of a length is walked too. */
#define TEXT_ROOM (NOTE_TEXT_MAX + SCALAR_BYTES_MAX + TENSOR_NAME_MAX + 8)
#define PARTS_ROOM (PATH_PARTS_MAX + 2)
#define RANK_ROOM (RANK_MAX + 2)
#define STORAGES 3

/* One of its answers; which, is not known. */
const uint8_t *
frama_memchr(const uint8_t *s, int c, size_t n)
{
	(void)c;
	return any_upto(1) != 0 ? s + any_upto(n - 1) : NULL;
}

static uint8_t text[TEXT_ROOM];
static struct wire_bytes parts[PARTS_ROOM];
static uint8_t kinds[PARTS_ROOM];
static uint64_t shape[RANK_ROOM];
static uint64_t strides[RANK_ROOM];
static uint32_t numbers[WIRE_LAYERS_MAX + 2];
static struct storage storages[STORAGES];

static struct wire_bytes
any_bytes(void)
{
	struct wire_bytes b = { text, any_upto(TEXT_ROOM) };

	return b;
}

static void
fill(void)
{
	Frama_C_make_unknown((char *)text, sizeof(text));
	Frama_C_make_unknown((char *)kinds, sizeof(kinds));
	Frama_C_make_unknown((char *)shape, sizeof(shape));
	Frama_C_make_unknown((char *)strides, sizeof(strides));
	Frama_C_make_unknown((char *)numbers, sizeof(numbers));
	/*@ loop unroll PARTS_ROOM; */
	for (size_t i = 0; i < PARTS_ROOM; i++)
		parts[i] = any_bytes();
	for (size_t i = 0; i < STORAGES; i++)
		storages[i] = (struct storage){ .offset = any_u64(),
			.length = any_u64(), .streamed = any_upto(1) != 0,
			.elsewhere = any_upto(1) != 0 };
}

static struct rules
any_rules(void)
{
	struct rules r = {
		.limits = {
			.tensors = any_u64(), .notes = any_u64(),
			.names_bytes = any_u64(), .streamed_bytes = any_u64(),
			.contiguous_bytes = any_u64()
		},
		.required_layers = any_u64(), .input_size = any_u64(),
		.deliver_stream = any_upto(1) != 0,
		.pieces = any_upto(1) != 0,
		.scalars = any_upto(1) != 0, .shares = any_u32()
	};

	return r;
}

static struct totals
any_totals(void)
{
	struct totals t = {
		.storages = any_upto(STORAGES), .streamed = any_u64(),
		.tensors = any_u64(), .aliases = any_u64(),
		.notes = any_u64(), .kept = any_u64(),
		.contiguous = any_u64(), .level = (enum verdict)any_upto(3)
	};

	return t;
}

static void
tensors(const struct rules *r, struct totals *t)
{
	struct wire_tensor m = {
		.name = any_bytes(), .path = parts,
		.path_count = any_upto(PARTS_ROOM),
		.path_kinds = { kinds, any_upto(PARTS_ROOM) },
		.dtype = any_u32(), .shape = shape,
		.rank = any_upto(RANK_ROOM), .strides = strides,
		.stride_count = any_upto(RANK_ROOM),
		.storage = any_u32(), .offset = any_u64()
	};
	struct wire_storage s = { any_u32(), any_u32(), any_u64(), any_u64() };
	struct wire_alias a = { any_bytes(), any_u32() };
	struct geometry g;

	(void)check_storage(r, t, &s);
	if (t->storages <= STORAGES)
		(void)check_tensor(r, t, storages, &m, &g);
	(void)check_alias(r, t, &a);
}

/* What any three workers said of one input. */
static void
shares(const struct rules *r)
{
	const struct wire_storage m = { any_u32(), any_u32(), any_u64(),
		any_u64() };
	struct share of[3];
	uint64_t held = any_u64();

	for (int i = 0; i < 3; i++)
		of[i] = (struct share){ storages, any_upto(STORAGES) };
	(void)check_held(r, &held, &m);
	(void)check_shares(&of[0], of + 1, 2);
}

/* First boxes: what a further one is held against, the broker has made. */
static void
pieces(const struct rules *r, struct totals *t)
{
	struct wire_piece m = {
		.name = any_bytes(), .path = parts,
		.path_count = any_upto(PARTS_ROOM),
		.path_kinds = { kinds, any_upto(PARTS_ROOM) },
		.dtype = any_u32(), .shape = shape,
		.rank = any_upto(RANK_ROOM), .start = strides,
		.start_count = any_upto(RANK_ROOM), .size = shape,
		.size_count = any_upto(RANK_ROOM), .kind = any_u32(),
		.file = any_bytes(), .offset = any_u64(), .length = any_u64()
	};
	struct geometry g;
	bool more;

	(void)check_piece(r, t, NULL, &m, &g, &more);
}

static void
words(const struct rules *r, struct totals *t)
{
	struct wire_note n = { any_u32(), any_u32(), any_bytes(), any_u64() };
	struct wire_scalar s = { .name = any_bytes(), .kind = any_u32(),
		.i = (int64_t)any_u64(), .data = any_bytes(),
		.full_length = any_u64() };
	struct wire_format f = { any_bytes() };
	struct wire_fault e = { any_u32(), any_bytes(), any_u64(), any_u32() };

	(void)check_note(r, t, &n);
	(void)check_scalar(r, t, &s);
	(void)check_format(&f);
	(void)check_fault(&e);
}

static void
ends(const struct rules *r, const struct totals *t)
{
	struct wire_hello h = { any_u32(), numbers,
		any_upto(WIRE_LAYERS_MAX + 2), numbers,
		any_upto(WIRE_LAYERS_MAX + 2), numbers,
		any_upto(WIRE_LAYERS_MAX + 2) };
	struct wire_progress p = { any_u64(), any_u64() };
	struct wire_done d = { any_u64(), any_u64(), any_u64(), any_u64(),
		any_u64(), any_u32() };

	(void)check_hello(r, &h);
	(void)check_progress(&p);
	(void)check_done(r, t, &d);
	(void)check_where(r, any_u64());
}

int
main(void)
{
	struct rules r;
	struct totals t;

	fill();
	r = any_rules();
	t = any_totals();
	tensors(&r, &t);
	shares(&r);
	pieces(&r, &t);
	words(&r, &t);
	ends(&r, &t);
	return 0;
}
