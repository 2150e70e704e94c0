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

/* The comments with an @ are what `make prove` proves for every input. */
/*@ predicate cursor_fine(struct cursor *c) = \valid(c) &&
  @     (c->left == 0 || \valid_read(c->at + (0 .. c->left - 1))); */

struct cursor cursor_over(const void *bytes, size_t length);
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1));
  @ assigns *c;
  @ ensures cursor_fine(c); */
uint8_t cursor_u8(struct cursor *c);
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1));
  @ assigns *c;
  @ ensures cursor_fine(c); */
uint16_t cursor_u16le(struct cursor *c);
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1));
  @ assigns *c;
  @ ensures cursor_fine(c); */
uint32_t cursor_u32le(struct cursor *c);
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1));
  @ assigns *c;
  @ ensures cursor_fine(c); */
uint64_t cursor_u64le(struct cursor *c);
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1));
  @ assigns *c;
  @ ensures cursor_fine(c); */
uint64_t cursor_u64be(struct cursor *c);
/* length bytes in place, or NULL (also for a length that does not fit). */
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1));
  @ assigns *c;
  @ assigns \result \from c->at;
  @ ensures cursor_fine(c) &&
  @     \separated(c, c->at + (0 .. c->left - 1)) &&
  @     c->left <= \old(c->left);
  @ ensures \result == \null ||
  @     (length <= \old(c->left) && \result == \old(c->at) &&
  @     c->left == \old(c->left) - length); */
const uint8_t *cursor_bytes(struct cursor *c, uint64_t length);
/* Bytes up to, without, the next '\n', which is consumed; NULL if none. */
/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1)) &&
  @     \valid(length) && \separated(c, length) &&
  @     \separated(length, c->at + (0 .. c->left - 1));
  @ assigns *c, *length;
  @ assigns \result \from c->at;
  @ ensures cursor_fine(c) && c->left <= \old(c->left);
  @ ensures \result == \null || (\result == \old(c->at) &&
  @     *length < \old(c->left)); */
const uint8_t *cursor_line(struct cursor *c, size_t *length);

#endif
