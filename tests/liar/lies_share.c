/* SPDX-License-Identifier: Apache-2.0
 *
 * lies_share.c - what one of three workers of a file could say, who knows what
 * the others say.  Go tells each which it is.  Names and answers: lies.def.
 */
#include <sys/syscall.h>
#include <unistd.h>

#include "liar.h"

/* The file: an extent, a stream of the first worker's, one of each other's. */
#define FIRST 64
#define SECOND 4096
#define THIRD 100000

static bool
is_first(void)
{
	return liar_share == 0;
}

static void
say_own(uint32_t id, uint32_t whose, uint64_t length)
{
	if (liar_share != whose) {
		say_elsewhere(id, length);
		return;
	}
	say_stream(id, length);
	say_data(length);
}

static void
say_tensors(void)
{
	struct wire_tensor t;

	for (uint32_t i = 0; i < 4; i++) {
		static const char *const names[] = { "a", "b", "c", "d" };

		t = good_tensor(names[i], i);
		say_tensor(&t);
	}
}

/* All but the last word. */
static void
say_storages(void)
{
	struct wire_storage s = good_extent(0);

	say_storage(&s);
	say_own(1, 0, FIRST);
	say_own(2, 1, SECOND);
	say_own(3, 2, THIRD);
	if (is_first())
		say_tensors();
}

static void
say_end(void)
{
	say_done(is_first() ? 4 : 0, 0, 4, 0, VERDICT_CLEAN);
	leave(0);
}

static void
tell_the_truth(void)
{
	say_storages();
	say_end();
}

/* The first one tells the truth and leaves; the others come back. */
static void
others_begin(void)
{
	begin();
	if (is_first())
		tell_the_truth();
}

void
lie_share_honest(void)
{
	begin();
	tell_the_truth();
}

void
lie_share_late(void)
{
	others_begin();
	pass_instant();
	tell_the_truth();
}

void
lie_share_early(void)
{
	begin();
	if (!is_first())
		tell_the_truth();
	say_storages();
	pass_instant();
	say_end();
}

void
lie_share_of_one(void)
{
	begin();
	if (!is_first())
		wait_for_ever();
	say_stream(0, 8);
	say_data(8);
	say_done(0, 0, 1, 0, VERDICT_CLEAN);
}

void
lie_elsewhere_unasked(void)
{
	begin();
	say_elsewhere(0, 8);
	say_done(0, 0, 1, 0, VERDICT_CLEAN);
}

/* ------------------------------------------ what does not fit together -- */

/* The others' account, one of its storages spoiled. */
static void
others_say(uint32_t spoiled, void (*spoil)(struct wire_storage *m))
{
	struct wire_storage s[4] = {
		good_extent(0),
		{ 1, STORAGE_ELSEWHERE, FIRST, WIRE_NO_OFFSET },
		{ 2, STORAGE_ELSEWHERE, SECOND, WIRE_NO_OFFSET },
		{ 3, STORAGE_ELSEWHERE, THIRD, WIRE_NO_OFFSET },
	};

	others_begin();
	s[liar_share + 1].kind = STORAGE_STREAM;
	spoil(&s[spoiled]);
	for (uint32_t i = 0; i < 4; i++) {
		say_storage(&s[i]);
		if (s[i].kind == STORAGE_STREAM)
			say_data(s[i].length);
	}
	say_end();
}

#define LIE_OF_OTHERS(name, number, ...)                     \
	static void spoil_##name(struct wire_storage *m)     \
	{                                                    \
		__VA_ARGS__;                                 \
	}                                                    \
	void lie_share_##name(void)                          \
	{                                                    \
		others_say(number, spoil_##name);            \
	}

LIE_OF_OTHERS(none, 2, m->kind = STORAGE_ELSEWHERE)
LIE_OF_OTHERS(two, 2, m->kind = STORAGE_STREAM)
LIE_OF_OTHERS(first_too, 1, m->kind = STORAGE_STREAM)
LIE_OF_OTHERS(longer, 2, m->length += liar_share == 1)
LIE_OF_OTHERS(elsewhere_longer, 1, m->length += liar_share == 2)
LIE_OF_OTHERS(extent, 0, m->offset += liar_share == 2)
LIE_OF_OTHERS(extent_longer, 0, m->length += liar_share == 1)
LIE_OF_OTHERS(extent_stream, 0, m->kind = STORAGE_ELSEWHERE;
    m->offset = WIRE_NO_OFFSET)
LIE_OF_OTHERS(stream_extent, 1, m->kind = STORAGE_EXTENT; m->offset = 0)

void
lie_share_more(void)
{
	others_begin();
	say_storages();
	say_elsewhere(4, 8);
	say_done(0, 0, 5, 0, VERDICT_CLEAN);
}

void
lie_share_fewer(void)
{
	struct wire_storage s = good_extent(0);

	others_begin();
	if (liar_share == 2)
		tell_the_truth();
	say_storage(&s);
	say_own(1, 0, FIRST);
	say_own(2, 1, SECOND);
	say_done(0, 0, 3, 0, VERDICT_CLEAN);
}

/* -------------------------------------------- what others may not say -- */

void
lie_share_tensor(void)
{
	struct wire_tensor t = good_tensor("e", 0);

	others_begin();
	say_storages();
	say_tensor(&t);
	say_done(1, 0, 4, 0, VERDICT_CLEAN);
}

void
lie_share_alias(void)
{
	others_begin();
	say_storages();
	say_alias("e", 0);
	say_done(0, 1, 4, 0, VERDICT_CLEAN);
}

void
lie_share_note(void)
{
	others_begin();
	say_note(NOTE_GLOBAL, VERDICT_CLEAN, "a.name", 6);
	say_storages();
	say_done(0, 0, 4, 1, VERDICT_CLEAN);
}

void
lie_share_totals(void)
{
	others_begin();
	say_storages();
	say_done(1, 0, 4, 0, VERDICT_CLEAN);
}

void
lie_share_verdict(void)
{
	others_begin();
	say_storages();
	say_done(0, 0, 4, 0, VERDICT_DANGEROUS);
}

void
lie_share_after_done(void)
{
	others_begin();
	say_storages();
	gather();
	say_done(0, 0, 4, 0, VERDICT_CLEAN);
	say_progress(1, 2);
	let_go();
}

/* ------------------------------------------------------ how others end -- */

void
lie_share_hangs(void)
{
	others_begin();
	if (liar_share == 1)
		tell_the_truth();
	wait_for_ever();
}

void
lie_share_dies(void)
{
	others_begin();
	if (liar_share == 1)
		wait_for_ever();
}

void
lie_share_cut(void)
{
	others_begin();
	say_storages();
	say_stream(4, 1000);
	say_data(999);
}

void
lie_share_crash(void)
{
	others_begin();
	if (liar_share == 1)
		wait_for_ever();
	__builtin_trap();
}

void
lie_share_calls(void)
{
	others_begin();
	if (liar_share == 1)
		wait_for_ever();
	(void)syscall(SYS_openat, -100, "/", 0);
}

void
lie_share_fault(void)
{
	others_begin();
	if (liar_share == 1)
		wait_for_ever();
	say_fault(FAULT_FORMAT, 7, VERDICT_UNDECIDED);
}

void
lie_share_fault_dangerous(void)
{
	others_begin();
	if (liar_share == 1)
		wait_for_ever();
	say_fault(FAULT_FORMAT, 7, VERDICT_DANGEROUS);
}

void
lie_share_huge(void)
{
	others_begin();
	say_stream(0, UINT64_C(1) << 63);
	wait_for_ever();
}

/* Each alone would be under the limit, and was never announced. */
void
lie_share_hoard(void)
{
	others_begin();
	say_stream(0, UINT64_C(9) << 30);
	wait_for_ever();
}

/* ----------------------------------------------- how the first one ends -- */

static void
first_begins(void)
{
	begin();
	if (!is_first())
		wait_for_ever();
	say_storages();
}

void
lie_share_first_dies(void)
{
	first_begins();
}

void
lie_share_first_hangs(void)
{
	begin();
	if (!is_first())
		tell_the_truth();
	say_storages();
	wait_for_ever();
}

void
lie_share_first_lies(void)
{
	first_begins();
	say_elsewhere(9, 1);
	wait_for_ever();
}

void
lie_share_first_fault(void)
{
	first_begins();
	say_fault(FAULT_FORMAT, 7, VERDICT_UNDECIDED);
}
