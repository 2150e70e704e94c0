/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_session_feed.c - see fuzz_session.h.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz_session.h"

static void
feed(struct session *s, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t room;
		uint8_t *to = session_want(s, &room);

		if (to == NULL)
			return;
		if (room > length)
			room = length;
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (!session_got(s, room))
			return;
	}
}

static size_t
hello_frame(uint8_t *out)
{
	uint32_t layers[] = { 0, 1, 2, 3, 4, 5, 6 };
	struct wire_hello hello = { .version = WIRE_VERSION, .layers = layers,
		.layer_count = 7 };
	size_t length = wire_hello_pack(&hello, out + FRAME_HEAD_BYTES);

	frame_head_write(out, FRAME_HELLO, (uint32_t)length);
	return FRAME_HEAD_BYTES + length;
}

bool
fuzz_session_open(struct session *s, pfork_checkpoint **ckpt,
    uint64_t input_size)
{
	static uint8_t frame[FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX];
	struct rules rules = { .required_layers = PFORK_LAYERS_REQUIRED,
		.input_size = input_size, .scalars = true };

	rules.limits = (struct limits){
#define X(name, standard, ceiling) .name = (standard),
		LIMITS(X)
#undef X
	};
	rules.limits.streamed_bytes = 16 * MIB;
	rules.limits.contiguous_bytes = GIB;
	*ckpt = checkpoint_new();
	if (*ckpt == NULL)
		return false;
	if (!session_init(s, &rules, *ckpt)) {
		session_free(s);
		pfork_checkpoint_unref(*ckpt);
		return false;
	}
	feed(s, frame, hello_frame(frame));
	session_go(s);
	return true;
}

void
fuzz_session_feed(struct session *s, const uint8_t *bytes, size_t length)
{
	feed(s, bytes, length);
	(void)session_eof(s);
}

void
fuzz_session_must_accept(const uint8_t *bytes, size_t length,
    uint64_t input_size)
{
	struct session s;
	pfork_checkpoint *ckpt;

	if (!fuzz_session_open(&s, &ckpt, input_size))
		return;
	feed(&s, bytes, length);
	if (s.state != SAID_DONE && s.state != SAID_FAULT &&
	    s.error.code != PFORK_E_LIMIT) {
		fprintf(stderr, "the broker refuses what the parser sent: %s\n",
		    s.error.text);
		__builtin_trap();
	}
	session_free(&s);
	pfork_checkpoint_unref(ckpt);
}
