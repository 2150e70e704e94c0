/* SPDX-License-Identifier: Apache-2.0
 *
 * lies_tensors.c - well-formed messages with storages, shapes and names that
 * cannot be.  Names and answers: lies.def.
 */
#include <string.h>

#include "liar.h"

/* Honest up to one good storage, number 0. */
static void
begin_with_storage(void)
{
	struct wire_storage m = good_extent(0);

	begin();
	say_storage(&m);
}

static void
only_tensor(const struct wire_tensor *m)
{
	begin_with_storage();
	say_tensor(m);
	wait_for_ever();
}

/* ------------------------------------------------------------ storages -- */

static void
only_storage(uint32_t id, uint32_t kind, uint64_t offset, uint64_t length)
{
	struct wire_storage m = { id, kind, length, offset };

	begin();
	say_storage(&m);
	wait_for_ever();
}

void
lie_extent_outside(void)
{
	only_storage(0, STORAGE_EXTENT, liar_size - 63, 64);
}

void
lie_extent_overflow(void)
{
	only_storage(0, STORAGE_EXTENT, 64, UINT64_MAX - 32);
}

void
lie_extent_nowhere(void)
{
	only_storage(0, STORAGE_EXTENT, WIRE_NO_OFFSET, 0);
}

void
lie_storage_skips(void)
{
	only_storage(1, STORAGE_EXTENT, 0, 8);
}

void
lie_storage_kind(void)
{
	only_storage(0, 4, 0, 8);
}

void
lie_stream_offset(void)
{
	only_storage(0, STORAGE_STREAM, 8, 8);
}

void
lie_stream_huge(void)
{
	only_storage(0, STORAGE_STREAM, WIRE_NO_OFFSET, UINT64_C(1) << 63);
}

void
lie_stream_longer(void)
{
	begin();
	say_stream(0, 100000);
	say_data(100001);
	wait_for_ever();
}

void
lie_stream_cut(void)
{
	begin();
	say_stream(0, 100000);
	say_data(5000);
}

void
lie_stream_other(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	begin();
	say_stream(0, 64);
	say_data(63);
	say_tensor(&m);
	wait_for_ever();
}

void
lie_stream_done(void)
{
	begin();
	say_stream(0, 64);
	say_done(0, 0, 1, 0, VERDICT_CLEAN);
}

void
lie_data_unasked(void)
{
	begin_with_storage();
	say_data(64);
	wait_for_ever();
}

void
lie_data_after(void)
{
	begin();
	say_stream(0, 64);
	say_data(64);
	say_data(1);
	wait_for_ever();
}

/* ------------------------------------------------------- dtype and name -- */

static void
with_dtype(uint32_t dtype)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.dtype = dtype;
	only_tensor(&m);
}

void
lie_dtype_0(void)
{
	with_dtype(0);
}

/* The last before ggml's. */
void
lie_dtype_63(void)
{
	with_dtype(63);
}

void
lie_dtype_max(void)
{
	with_dtype(UINT32_MAX);
}

static void
with_name(const void *name, size_t length)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.name.at = name;
	m.name.len = length;
	only_tensor(&m);
}

void
lie_name_empty(void)
{
	with_name("", 0);
}

void
lie_name_nul(void)
{
	with_name("a\0b", 3);
}

void
lie_name_long(void)
{
	static char name[TENSOR_NAME_MAX + 1];

	memset(name, 'n', sizeof(name));
	with_name(name, sizeof(name));
}

void
lie_name_not_utf8(void)
{
	with_name("a\x80", 2);
}

void
lie_name_overlong(void)
{
	with_name("..\xc0\xaf", 4);
}

void
lie_name_surrogate(void)
{
	with_name("\xed\xa0\x80", 3);
}

void
lie_name_twice(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	begin_with_storage();
	say_tensor(&m);
	say_tensor(&m);
	wait_for_ever();
}

void
lie_name_alias(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	begin_with_storage();
	say_tensor(&m);
	say_alias("a", 0);
	wait_for_ever();
}

void
lie_path_kinds(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.path_kinds.len = 0;
	only_tensor(&m);
}

void
lie_path_kind_9(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.path_kinds.at = (const uint8_t *)"\x09";
	only_tensor(&m);
}

/* By hand: wire.c does not pack so many. */
void
lie_path_long(void)
{
	static uint8_t m[3 + 3 * 513 + 3 + 513];
	static const uint8_t rest[] = { 0x20, DTYPE_F32, 0x2a, 2, 4, 4, 0x32,
		2, 4, 1, 0x38, 0, 0x40, 0 };
	size_t used = 3;

	memcpy(m, "\x0a\x01" "a", 3);
	for (size_t i = 0; i < 513; i++, used += 3)
		memcpy(m + used, "\x12\x01" "p", 3);
	memcpy(m + used, "\x1a\x81\x04", 3);
	used += 3;
	memset(m + used, PATH_KEY, 513);
	used += 513;
	begin_with_storage();
	head((uint32_t)(used + sizeof(rest)), FRAME_TENSOR);
	put(m, used);
	put(rest, sizeof(rest));
	wait_for_ever();
}

void
lie_path_index(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.path_kinds.at = (const uint8_t *)"\x03";
	only_tensor(&m);
}

/* ------------------------------------------------------------- geometry -- */

static void
with_shape(const uint64_t *shape, const uint64_t *strides, size_t rank)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.shape = shape;
	m.strides = strides;
	m.rank = rank;
	m.stride_count = rank;
	only_tensor(&m);
}

void
lie_rank_65(void)
{
	static uint64_t ones[65];

	for (size_t i = 0; i < 65; i++)
		ones[i] = 1;
	with_shape(ones, ones, 65);
}

void
lie_strides_few(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.stride_count = 1;
	only_tensor(&m);
}

void
lie_stride_negative(void)
{
	static const uint64_t shape[] = { 1, 4 };
	static const uint64_t strides[] = { UINT64_MAX, 1 };

	with_shape(shape, strides, 2);
}

void
lie_stride_past(void)
{
	static const uint64_t shape[] = { 4, 4 };
	static const uint64_t strides[] = { 5, 1 };

	with_shape(shape, strides, 2);
}

void
lie_dim_2_63(void)
{
	static const uint64_t shape[] = { UINT64_C(1) << 63 };
	static const uint64_t strides[] = { 0 };

	with_shape(shape, strides, 1);
}

void
lie_dim_max(void)
{
	static const uint64_t shape[] = { UINT64_MAX };
	static const uint64_t strides[] = { 0 };

	with_shape(shape, strides, 1);
}

void
lie_dims_overflow(void)
{
	static const uint64_t shape[] = { UINT64_C(1) << 40,
		UINT64_C(1) << 24 };
	static const uint64_t strides[] = { 0, 0 };

	with_shape(shape, strides, 2);
}

void
lie_offset_past(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.offset = 1;
	only_tensor(&m);
}

void
lie_offset_overflow(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	m.offset = UINT64_MAX - 3;
	only_tensor(&m);
}

void
lie_storage_unknown(void)
{
	struct wire_tensor m = good_tensor("a", 1);

	only_tensor(&m);
}

/* --------------------------------------------------------------- masses -- */

/* "aaaaaa", "baaaaa", ... */
static void
count_up(char *digits, size_t length)
{
	for (size_t i = 0; i < length && ++digits[i] > 'z'; i++)
		digits[i] = 'a';
}

void
lie_tensors_many(void)
{
	char name[] = "aaaaaa";
	struct wire_tensor m;

	begin_with_storage();
	for (size_t i = 0; i < 1000000; i++) {
		m = good_tensor(name, 0);
		say_tensor(&m);
		count_up(name, 6);
	}
	say_done(1000000, 0, 1, 0, VERDICT_CLEAN);
}

void
lie_tensors_wide(void)
{
	static const uint64_t shape[] = { UINT64_C(1) << 38 };
	static const uint64_t strides[] = { 0 };

	with_shape(shape, strides, 1);
}

void
lie_names_many(void)
{
	static char name[4000];
	struct wire_tensor m;

	memset(name, 'a', sizeof(name) - 1);
	begin_with_storage();
	for (;;) {
		m = good_tensor(name, 0);
		say_tensor(&m);
		count_up(name, 6);
	}
}

void
lie_alias_unknown(void)
{
	begin_with_storage();
	say_alias("b", 0);
	wait_for_ever();
}
