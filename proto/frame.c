/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c - reads and writes frame heads.  Trusts nothing, allocates nothing.
 */
#include "frame.h"

#include "limits.h"

static const char names[FRAME_TYPE_LAST + 1][12] = {
	[0] = "?",
	[FRAME_HELLO] = "HELLO",
	[FRAME_GO] = "GO",
	[FRAME_FORMAT] = "FORMAT",
	[FRAME_STORAGE] = "STORAGE",
	[FRAME_TENSOR] = "TENSOR",
	[FRAME_ALIAS] = "ALIAS",
	[FRAME_NOTE] = "NOTE",
	[FRAME_SCALAR] = "SCALAR",
	[FRAME_PROGRESS] = "PROGRESS",
	[FRAME_DATA] = "DATA",
	[FRAME_DONE] = "DONE",
	[FRAME_FAULT] = "FAULT",
	[FRAME_PIECE] = "PIECE",
};

bool
frame_head_read(const uint8_t bytes[FRAME_HEAD_BYTES], struct frame_head *head)
{
	uint32_t length = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
	    (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
	unsigned type = bytes[4];
	uint32_t cap;

	if (type == 0 || type > FRAME_TYPE_LAST)
		return false;
	cap = type == FRAME_DATA ? FRAME_DATA_MAX : FRAME_MESSAGE_MAX;
	if (length == 0 || length > cap)
		return false;
	head->length = length;
	head->type = (enum frame_type)type;
	return true;
}

void
frame_head_write(uint8_t bytes[FRAME_HEAD_BYTES], enum frame_type type,
    uint32_t length)
{
	bytes[0] = (uint8_t)length;
	bytes[1] = (uint8_t)(length >> 8);
	bytes[2] = (uint8_t)(length >> 16);
	bytes[3] = (uint8_t)(length >> 24);
	bytes[4] = (uint8_t)type;
}

const char *
frame_type_name(unsigned type)
{
	return names[type <= FRAME_TYPE_LAST ? type : 0];
}
