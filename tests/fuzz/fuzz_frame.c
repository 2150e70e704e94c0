/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_frame.c - frame heads.  One that is read is under its cap and writes the
 * same five bytes.
 */
#include <string.h>

#include "frame.h"
#include "limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (; size >= FRAME_HEAD_BYTES; data++, size--) {
		struct frame_head head;
		uint8_t again[FRAME_HEAD_BYTES];

		if (strlen(frame_type_name(data[0])) < 1)
			__builtin_trap();
		if (!frame_head_read(data, &head))
			continue;
		frame_head_write(again, head.type, head.length);
		if (memcmp(again, data, sizeof(again)) != 0 ||
		    head.length == 0 || head.length > FRAME_DATA_MAX ||
		    (head.type != FRAME_DATA &&
		    head.length > FRAME_MESSAGE_MAX))
			__builtin_trap();
	}
	return 0;
}
