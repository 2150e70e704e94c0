/* SPDX-License-Identifier: Apache-2.0
 *
 * lies_ends.c - the truth, for comparison; lies in notes and last words;
 * workers that take their time, die, or try the jail.  See lies.def.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "liar.h"

/* Tensor "a" in an extent, "b" in a stream, "c" an alias of "b". */
static void
tell_the_truth(void)
{
	struct wire_storage s = good_extent(0);
	struct wire_tensor a = good_tensor("a", 0);
	struct wire_tensor b = good_tensor("b", 1);

	begin();
	say_progress(1, 2);
	say_storage(&s);
	say_tensor(&a);
	say_stream(1, 64);
	say_data(60);
	say_data(4);
	say_tensor(&b);
	say_alias("c", 1);
	say_note(NOTE_GLOBAL, VERDICT_UNUSUAL, "a.name", 6);
	say_done(2, 1, 2, 1, VERDICT_UNUSUAL);
}

void
lie_honest(void)
{
	tell_the_truth();
}

void
lie_honest_status(void)
{
	tell_the_truth();
	leave(1);
}

void
lie_honest_overlap(void)
{
	struct wire_storage s = good_extent(0);

	begin();
	say_storage(&s);
	s.id = 1;
	s.offset += 8;
	say_storage(&s);
	say_done(0, 0, 2, 0, VERDICT_CLEAN);
}

void
lie_honest_fault(void)
{
	begin();
	say_fault(FAULT_FORMAT, 7, VERDICT_UNDECIDED);
	leave(1);
}

void
lie_honest_dangerous(void)
{
	begin();
	say_note(NOTE_CALL, VERDICT_DANGEROUS, "os.system", 9);
	say_done(0, 0, 0, 1, VERDICT_DANGEROUS);
}

/* --------------------------------------------------- notes, last words -- */

static void
only_note(uint32_t kind, uint32_t level, size_t length)
{
	static char text[NOTE_TEXT_MAX + 1];

	memset(text, 't', sizeof(text));
	begin();
	say_note(kind, level, text, length);
	wait_for_ever();
}

void
lie_note_kind(void)
{
	only_note(99, VERDICT_CLEAN, 3);
}

void
lie_note_alias(void)
{
	only_note(NOTE_ALIAS, VERDICT_CLEAN, 3);
}

void
lie_note_level(void)
{
	only_note(NOTE_CALL, 0, 3);
}

void
lie_note_long(void)
{
	only_note(NOTE_CALL, VERDICT_CLEAN, NOTE_TEXT_MAX + 1);
}

void
lie_notes_many(void)
{
	begin();
	for (;;)
		say_note(NOTE_RECORD, VERDICT_CLEAN, "n", 1);
}

/* And so many, that the one which the broker drops makes it none. */
void
lie_notes_dropped(void)
{
	struct wire_done m = { .tensors = 1, .aliases = 1, .storages = 1,
		.notes = 2000, .notes_dropped = UINT64_MAX,
		.verdict = VERDICT_UNUSUAL };
	struct wire_storage s = good_extent(0);
	struct wire_tensor t = good_tensor("a", 0);
	static uint8_t packed[FRAME_MESSAGE_MAX];

	begin();
	for (int i = 0; i < 2000; i++)
		say_note(NOTE_RECORD, VERDICT_UNUSUAL, "n", 1);
	say_storage(&s);
	say_tensor(&t);
	say_alias("b", 0);
	frame(FRAME_DONE, packed, wire_done_pack(&m, packed));
	leave(0);
}

void
lie_scalar_unasked(void)
{
	static uint8_t packed[FRAME_MESSAGE_MAX];
	struct wire_scalar m = { .name = bytes_of("s"), .kind = SCALAR_INT };

	begin();
	frame(FRAME_SCALAR, packed, wire_scalar_pack(&m, packed));
	wait_for_ever();
}

void
lie_progress_over(void)
{
	begin();
	say_progress(3, 2);
	wait_for_ever();
}

void
lie_done_totals(void)
{
	begin();
	say_done(1, 0, 0, 0, VERDICT_CLEAN);
}

void
lie_done_milder(void)
{
	begin();
	say_note(NOTE_CALL, VERDICT_DANGEROUS, "os.system", 9);
	say_done(0, 0, 0, 1, VERDICT_CLEAN);
}

void
lie_done_verdict(void)
{
	begin();
	say_done(0, 0, 0, 0, 4);
}

void
lie_done_undecided(void)
{
	begin();
	say_done(0, 0, 0, 0, VERDICT_UNDECIDED);
}

void
lie_fault_code(void)
{
	begin();
	say_fault(9, 7, VERDICT_UNDECIDED);
}

void
lie_fault_clean(void)
{
	begin();
	say_fault(FAULT_FORMAT, 7, VERDICT_CLEAN);
}

void
lie_fault_long(void)
{
	begin();
	say_fault(FAULT_FORMAT, FAULT_TEXT_MAX + 1, VERDICT_UNDECIDED);
}

/* ---------------------------------------------------------------- time -- */

void
lie_silence(void)
{
	begin();
	wait_for_ever();
}

void
lie_silence_at_once(void)
{
	wait_for_ever();
}

void
lie_silence_half(void)
{
	begin();
	head(100, FRAME_TENSOR);
	put("half", 4);
	wait_for_ever();
}

void
lie_drip(void)
{
	begin();
	head(1000, FRAME_TENSOR);
	for (;;) {
		pass_time();
		put("", 1);
	}
}

void
lie_drip_data(void)
{
	begin();
	say_stream(0, 100000);
	for (;;) {
		pass_time();
		say_data(1);
	}
}

void
lie_chatter(void)
{
	begin();
	for (;;)
		say_progress(1, 2);
}

void
lie_spin(void)
{
	begin();
	for (;;)
		pass_time();
}

void
lie_stays(void)
{
	begin();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	wait_for_ever();
}

void
lie_stays_busy(void)
{
	begin();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	for (;;)
		pass_time();
}

void
lie_stays_fault(void)
{
	begin();
	say_fault(FAULT_FORMAT, 7, VERDICT_UNDECIDED);
	wait_for_ever();
}

/* --------------------------------------------------------------- death -- */

void
lie_exit_0(void)
{
	begin();
	leave(0);
}

void
lie_exit_1(void)
{
	begin();
	leave(1);
}

static void
touch_null(void)
{
	volatile uint8_t *nothing = NULL;

	/* The compiler must not know. */
	__asm__ volatile("" : "+r"(nothing));
	*nothing = 1;
}

void
lie_death_segv(void)
{
	begin();
	touch_null();
}

void
lie_death_ill(void)
{
	begin();
	__builtin_trap();
}

void
lie_death_fpe(void)
{
	volatile int zero = 0;
	volatile int result;

	begin();
	result = 1 / zero;
	(void)result;
	/* Some processors divide by zero without a word. */
	__builtin_trap();
}

void
lie_death_hello(void)
{
	struct wire_hello m = good_hello();

	say_hello(&m);
	touch_null();
}

void
lie_death_stream(void)
{
	begin();
	say_stream(0, 3000000);
	say_data(1000000);
	touch_null();
}

void
lie_death_done(void)
{
	begin();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	touch_null();
}

/* Until the runner cuts the file. */
void
lie_truncated(void)
{
	begin();
	for (;;)
		(void)liar_map[0];
}

/* ---------------------------------------------------------------- jail -- */

void
lie_jail_open(void)
{
	begin();
	(void)syscall(SYS_openat, -100, "/etc/passwd", 0);
}

void
lie_jail_fork(void)
{
	begin();
	(void)syscall(SYS_clone, 17, 0, 0, 0, 0);
}

void
lie_jail_kill(void)
{
	begin();
	(void)syscall(SYS_kill, -1, 9);
}

void
lie_jail_memory(void)
{
	begin();
	(void)syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
}

void
lie_jail_dup(void)
{
	begin();
	(void)syscall(SYS_dup, 1);
}

void
lie_jail_socket(void)
{
	begin();
	(void)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

/* What these leave out is in liar.c: here they are of the best behaviour. */
void
lie_half_parked(void)
{
	lie_unjailed();
}

void
lie_parked_hello(void)
{
	lie_unjailed();
}
