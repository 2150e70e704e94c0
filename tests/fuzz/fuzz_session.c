/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_session.c - the broker against an owned worker: bytes are what the worker
 * says after Go.  What is accepted must hold: every tensor inside its storage.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz_session.h"

#define INPUT_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed);

static void
must_hold(const pfork_checkpoint *ckpt)
{
	for (size_t i = 0; i < ckpt->tensor_count; i++) {
		const struct pfork_tensor *t = &ckpt->tensors[i];
		const struct storage *home;

		if (t->storage >= ckpt->storage_count)
			__builtin_trap();
		home = &ckpt->storages[t->storage];
		if (t->span > home->length ||
		    t->offset > home->length - t->span)
			__builtin_trap();
		if (!home->streamed && (home->length > INPUT_BYTES ||
		    home->offset > INPUT_BYTES - home->length))
			__builtin_trap();
		if (home->streamed && home->received != home->length)
			__builtin_trap();
		if (pfork_checkpoint_find(ckpt, t->name) != t)
			__builtin_trap();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session s;
	pfork_checkpoint *ckpt;

	if (!fuzz_session_open(&s, &ckpt, INPUT_BYTES))
		return 0;
	fuzz_session_feed(&s, data, size);
	if (s.state == SAID_DONE)
		must_hold(ckpt);
	session_free(&s);
	pfork_checkpoint_unref(ckpt);
	return 0;
}

/* Understands frames: takes one at random, and mutates its payload (mending the
 * length), repeats it, drops it, or swaps it with the one after it. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed)
{
	size_t starts[64];
	size_t count = 0;
	size_t at = 0;
	static uint8_t scratch[1 << 17];

	while (count < 64 && size - at >= FRAME_HEAD_BYTES) {
		uint32_t length = (uint32_t)data[at] |
		    (uint32_t)data[at + 1] << 8 | (uint32_t)data[at + 2] << 16;

		starts[count++] = at;
		if (length > size - at - FRAME_HEAD_BYTES)
			break;
		at += FRAME_HEAD_BYTES + length;
	}
	if (count == 0 || at == 0 || at > sizeof(scratch) / 2 || seed % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);

	size_t which = seed / 8 % count;
	size_t start = starts[which];
	size_t end = which + 1 < count ? starts[which + 1] : at;
	size_t length = end - start;

	if (end <= start || end > size)
		return LLVMFuzzerMutate(data, size, max_size);
	switch (seed / 512 % 3) {
	case 0: /* the payload */ {
		size_t old = length - FRAME_HEAD_BYTES;
		size_t room = old + 64 < sizeof(scratch) ? old + 64 : old;
		size_t fresh;

		if (size + 64 > max_size || room == 0)
			break;
		memcpy(scratch, data + start + FRAME_HEAD_BYTES, old);
		fresh = LLVMFuzzerMutate(scratch, old, room);
		memmove(data + start + FRAME_HEAD_BYTES + fresh, data + end,
		    size - end);
		memcpy(data + start + FRAME_HEAD_BYTES, scratch, fresh);
		frame_head_write(data + start, (enum frame_type)data[start + 4],
		    (uint32_t)fresh);
		return size - old + fresh;
	}
	case 1: /* twice */
		if (size + length > max_size)
			break;
		memmove(data + end, data + start, size - start);
		return size + length;
	default: /* never */
		memmove(data + start, data + end, size - end);
		return size - length;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
