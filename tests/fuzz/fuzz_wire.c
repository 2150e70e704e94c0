/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_wire.c - frames: each payload through every decoder, whatever its type.
 * What unpacks must pack to the same bytes.
 */
#include <string.h>

#include "frame.h"
#include "mutate.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[WIRE_ARENA_BYTES];
static uint8_t again[FRAME_MESSAGE_MAX];

/* More parts than a sender may have unpack, for check_path to refuse, but do
 * not pack. */
#define UNPACKABLE(m) _Generic(&(m), struct wire_tensor *:                 \
	((const struct wire_tensor *)(const void *)&(m))->path_count >     \
	PATH_PARTS_MAX, struct wire_piece *:                               \
	((const struct wire_piece *)(const void *)&(m))->path_count >      \
	PATH_PARTS_MAX, default: false)

#define X(name)                                                            \
	static void try_##name(const uint8_t *payload, size_t length)      \
	{                                                                  \
		struct wire_arena arena = { memory, sizeof(memory), 0 };   \
		struct wire_##name m;                                      \
                                                                           \
		if (!wire_##name##_unpack(&arena, payload, length, &m) ||  \
		    UNPACKABLE(m))                                         \
			return;                                            \
		if (wire_##name##_pack(&m, again) != length ||             \
		    memcmp(again, payload, length) != 0)                   \
			__builtin_trap();                                  \
	}
WIRE_MESSAGES(X)
#undef X

static void
try_all(const uint8_t *payload, size_t length)
{
#define X(name) try_##name(payload, length);
	WIRE_MESSAGES(X)
#undef X
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_head head;

	for (int i = 0; i < 8 && size >= FRAME_HEAD_BYTES; i++) {
		if (!frame_head_read(data, &head) ||
		    head.length > size - FRAME_HEAD_BYTES)
			head.length = (uint32_t)size - FRAME_HEAD_BYTES;
		try_all(data + FRAME_HEAD_BYTES, head.length);
		data += FRAME_HEAD_BYTES + head.length;
		size -= FRAME_HEAD_BYTES + head.length;
	}
	return 0;
}

FUZZ_MUTATOR(mutate_frames)
