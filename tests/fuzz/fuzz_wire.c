/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_wire.c - one frame: the head, then its payload through every decoder.
 * What unpacks must pack to the same bytes.
 */
#include <string.h>

#include "frame.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[WIRE_ARENA_BYTES];
static uint8_t again[FRAME_MESSAGE_MAX];

#define X(name)                                                            \
	static void try_##name(const uint8_t *payload, size_t length)      \
	{                                                                  \
		struct wire_arena arena = { memory, sizeof(memory), 0 };   \
		struct wire_##name m;                                      \
                                                                           \
		if (!wire_##name##_unpack(&arena, payload, length, &m))    \
			return;                                            \
		if (wire_##name##_pack(&m, again) != length ||             \
		    memcmp(again, payload, length) != 0)                   \
			__builtin_trap();                                  \
	}
WIRE_MESSAGES(X)
#undef X

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_head head;

	if (size < FRAME_HEAD_BYTES)
		return 0;
	(void)frame_head_read(data, &head);
	data += FRAME_HEAD_BYTES;
	size -= FRAME_HEAD_BYTES;
#define X(name) try_##name(data, size);
	WIRE_MESSAGES(X)
#undef X
	return 0;
}
