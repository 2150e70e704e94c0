/* SPDX-License-Identifier: Apache-2.0
 *
 * lies_frames.c - lies in framing and in protobuf's encoding, and what is said
 * out of turn.  Names and answers: lies.def.
 */
#include <string.h>
#include <unistd.h>

#include "liar.h"

void
lie_silent_exit(void)
{
}

void
lie_no_hello(void)
{
	struct wire_tensor m = good_tensor("a", 0);

	say_tensor(&m);
	wait_for_ever();
}

void
lie_hello_twice(void)
{
	struct wire_hello m = good_hello();

	begin();
	say_hello(&m);
	wait_for_ever();
}

void
lie_hello_version(void)
{
	struct wire_hello m = good_hello();

	m.version++;
	say_hello(&m);
	wait_for_ever();
}

void
lie_hello_no_seccomp(void)
{
	static const uint32_t missing[] = { JAIL_SECCOMP };
	static const uint32_t reasons[] = { 38 };
	struct wire_hello m = good_hello();

	m.layers++;
	m.layer_count--;
	m.missing = missing;
	m.missing_count = 1;
	m.reasons = reasons;
	m.reason_count = 1;
	say_hello(&m);
	leave(3);
}

void
lie_hello_layer_64(void)
{
	static const uint32_t layers[] = { 0, 1, 2, 3, 4, 5, 6, 64 };
	struct wire_hello m = { .version = WIRE_VERSION, .layers = layers,
		.layer_count = 8 };

	say_hello(&m);
	wait_for_ever();
}

void
lie_hello_layer_twice(void)
{
	static const uint32_t layers[] = { 0, 1, 2, 3, 4, 5, 6, 6 };
	struct wire_hello m = { .version = WIRE_VERSION, .layers = layers,
		.layer_count = 8 };

	say_hello(&m);
	wait_for_ever();
}

void
lie_hello_layer_both(void)
{
	static const uint32_t layers[] = { 1 };
	static const uint32_t reasons[] = { 1 };
	struct wire_hello m = good_hello();

	m.missing = layers;
	m.missing_count = 1;
	m.reasons = reasons;
	m.reason_count = 1;
	say_hello(&m);
	wait_for_ever();
}

void
lie_hello_reasons(void)
{
	static const uint32_t layers[] = { 40 };
	struct wire_hello m = good_hello();

	m.missing = layers;
	m.missing_count = 1;
	say_hello(&m);
	wait_for_ever();
}

/* In one write, so that the broker sees all of it before it can say Go. */
void
lie_hello_and_more(void)
{
	static uint8_t bytes[FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX];
	struct wire_hello m = good_hello();
	size_t length = wire_hello_pack(&m, bytes + FRAME_HEAD_BYTES);

	frame_head_write(bytes, FRAME_HELLO, (uint32_t)length);
	length += FRAME_HEAD_BYTES;
	bytes[length++] = 1;
	put(bytes, length);
	wait_for_ever();
}

void
lie_hello_only(void)
{
	struct wire_hello m = good_hello();

	say_hello(&m);
	hear_go();
}

void
lie_unjailed(void)
{
	begin();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
}

static void
say_head(uint32_t length, unsigned type)
{
	begin();
	head(length, type);
	wait_for_ever();
}

void
lie_frame_zero(void)
{
	say_head(0, FRAME_TENSOR);
}

void
lie_frame_over(void)
{
	say_head(FRAME_MESSAGE_MAX + 1, FRAME_TENSOR);
}

void
lie_frame_2g(void)
{
	say_head(UINT32_C(1) << 31, FRAME_TENSOR);
}

void
lie_frame_max(void)
{
	say_head(UINT32_MAX, FRAME_DATA);
}

void
lie_frame_type_0(void)
{
	say_head(1, 0);
}

void
lie_frame_type_14(void)
{
	say_head(1, 14);
}

void
lie_frame_type_255(void)
{
	say_head(1, 255);
}

void
lie_frame_go(void)
{
	say_head(20, FRAME_GO);
}

void
lie_frame_cut_head(void)
{
	begin();
	put("\x10\0\0", 3);
}

void
lie_frame_cut_body(void)
{
	begin();
	head(100, FRAME_TENSOR);
	put("abc", 3);
}

void
lie_after_done(void)
{
	begin();
	gather();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	say_progress(1, 1);
	let_go();
}

void
lie_after_done_byte(void)
{
	begin();
	gather();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	put("", 1);
	let_go();
}

void
lie_after_done_late(void)
{
	begin();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	pass_moment();
	put("", 1);
}

void
lie_after_fault(void)
{
	begin();
	gather();
	say_fault(FAULT_FORMAT, 7, VERDICT_UNDECIDED);
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	let_go();
}

void
lie_done_first(void)
{
	struct wire_hello m = good_hello();

	say_hello(&m);
	hear_go();
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
}

void
lie_format_twice(void)
{
	begin();
	say_format("liar");
	wait_for_ever();
}

void
lie_format_ansi(void)
{
	struct wire_hello m = good_hello();

	say_hello(&m);
	hear_go();
	say_format("\x1b[2J");
	wait_for_ever();
}

/* ------------------------------------------------------------ protobuf -- */

static void
say_bytes(unsigned type, const void *bytes, size_t length)
{
	begin();
	frame(type, bytes, length);
	wait_for_ever();
}

/* The same bytes over and over, 60,000 in all. */
static void
say_many(unsigned type, const char *unit, size_t length)
{
	static uint8_t many[60000];
	size_t used = 0;

	for (; used + length <= sizeof(many); used += length)
		memcpy(many + used, unit, length);
	say_bytes(type, many, used);
}

void
lie_pb_random(void)
{
	static uint8_t noise[5000];
	uint32_t x = 12345;

	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (uint8_t)(x >> 24);
	}
	say_bytes(FRAME_TENSOR, noise, sizeof(noise));
}

void
lie_pb_past_end(void)
{
	say_bytes(FRAME_TENSOR, "\x0a\xff\xff\xff\x7f" "abc", 8);
}

void
lie_pb_unterminated(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	    "\xff\xff\xff", 13);
}

void
lie_pb_overlong(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x81\x00\x10\x02", 5);
}

void
lie_pb_type_3(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x01\x10\x02\x1b\x1c", 6);
}

void
lie_pb_type_4(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x01\x10\x02\x1c", 5);
}

void
lie_pb_type_6(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x01\x10\x02\x1e\x01", 6);
}

void
lie_pb_type_7(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x01\x10\x02\x1f\x01", 6);
}

void
lie_pb_field_0(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x01\x10\x02\x00\x01", 6);
}

void
lie_pb_nested(void)
{
	say_many(FRAME_TENSOR, "\x0b", 1);
}

void
lie_pb_empties(void)
{
	say_many(FRAME_TENSOR, "\x12\x00", 2);
}

void
lie_pb_unknown(void)
{
	say_many(FRAME_TENSOR, "\x78\x01", 2);
}

void
lie_pb_one_unknown(void)
{
	say_bytes(FRAME_NOTE, "\x08\x01\x10\x01\x1a\x01" "a\x78\x01", 9);
}

void
lie_pb_missing(void)
{
	say_bytes(FRAME_TENSOR, "\x1a\x00\x20\x01\x38\x00\x40\x00", 8);
}

void
lie_pb_twice(void)
{
	say_bytes(FRAME_PROGRESS, "\x08\x01\x10\x02\x10\x03", 6);
}
