/* SPDX-License-Identifier: Apache-2.0
 *
 * test_frame.c - heads: every type byte, and each cap with its neighbours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "limits.h"

static void
test_every_type_byte(void **state)
{
	static const uint32_t lengths[] = {
		0, 1, 0xff, 0x100, FRAME_MESSAGE_MAX - 1, FRAME_MESSAGE_MAX,
		FRAME_MESSAGE_MAX + 1, FRAME_DATA_MAX - 1, FRAME_DATA_MAX,
		FRAME_DATA_MAX + 1, 0x7fffffff, 0x80000000, 0x80000001,
		UINT32_MAX
	};
	uint8_t bytes[FRAME_HEAD_BYTES];
	struct frame_head head;
	uint32_t cap;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		cap = type == FRAME_DATA ? FRAME_DATA_MAX : FRAME_MESSAGE_MAX;
		if (type == 0 || type > FRAME_TYPE_LAST)
			cap = 0;
		for (size_t i = 0; i < sizeof(lengths) / 4; i++) {
			frame_head_write(bytes, (enum frame_type)type,
			    lengths[i]);
			memset(&head, 0x5a, sizeof(head));
			if (frame_head_read(bytes, &head) !=
			    (lengths[i] >= 1 && lengths[i] <= cap))
				fail_msg("type %u length %u", type,
				    lengths[i]);
			if (lengths[i] < 1 || lengths[i] > cap)
				continue;
			assert_int_equal(head.length, lengths[i]);
			assert_int_equal(head.type, type);
		}
	}
}

static void
test_bytes_of_a_head(void **state)
{
	static const uint8_t expected[] = { 0x04, 0x03, 0x02, 0x01, 10 };
	uint8_t bytes[FRAME_HEAD_BYTES];

	(void)state;
	frame_head_write(bytes, FRAME_DATA, 0x01020304);
	assert_memory_equal(bytes, expected, sizeof(bytes));
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(frame_type_name(0), "?");
	assert_string_equal(frame_type_name(FRAME_TENSOR), "TENSOR");
	assert_string_equal(frame_type_name(FRAME_FAULT), "FAULT");
	assert_string_equal(frame_type_name(FRAME_PIECE), "PIECE");
	assert_string_equal(frame_type_name(FRAME_TYPE_LAST + 1), "?");
	assert_string_equal(frame_type_name(UINT32_MAX), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_byte),
		cmocka_unit_test(test_bytes_of_a_head),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
