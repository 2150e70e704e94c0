/* SPDX-License-Identifier: Apache-2.0
 *
 * msgpack_read.h - MessagePack, one token after the other: a container is its
 * count alone, so that reading needs neither memory nor recursion.
 */
#ifndef WORKER_MSGPACK_READ_H
#define WORKER_MSGPACK_READ_H

#include "cursor.h"

enum mp_kind {
	MP_NIL,
	MP_BOOL,
	MP_INT,			/* i */
	MP_BIG,			/* len: a number from 2^63 on */
	MP_FLOAT,
	MP_TEXT,		/* at, len: not yet known to be UTF-8 */
	MP_BYTES,
	MP_EXT,			/* at, len, type */
	MP_ARRAY,		/* len: items */
	MP_MAP			/* len: pairs */
};

struct mp_token {
	enum mp_kind kind;
	int8_t type;		/* of an extension */
	int64_t i;
	double f;
	uint64_t len;
	const uint8_t *at;
};

/* False: cut short, or the one byte that begins nothing (0xc1); the cursor is
 * bad then. */
bool mp_next(struct cursor *c, struct mp_token *out);
bool mp_is(const struct mp_token *t, const char *text);

#endif
