/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.h - a window on bytes that may lie.  A read that does not fit yields
 * zero and marks the cursor bad for good, so a record may be read straight
 * through and judged once, at its end.  Every parser reads through it.
 */
#ifndef WORKER_CURSOR_H
#define WORKER_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

struct cursor cursor_over(const void *bytes, size_t length);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16le(struct cursor *c);
uint32_t cursor_u32le(struct cursor *c);
uint64_t cursor_u64le(struct cursor *c);
uint64_t cursor_u64be(struct cursor *c);
/* length bytes in place, or NULL (also for a length that does not fit). */
const uint8_t *cursor_bytes(struct cursor *c, uint64_t length);
/* Bytes up to, without, the next '\n', which is consumed; NULL if none. */
const uint8_t *cursor_line(struct cursor *c, size_t *length);

#endif
