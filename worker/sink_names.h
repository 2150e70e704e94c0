/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_names.h - the names that the sink gives: paths joined, text made valid
 * UTF-8, collisions resolved.  For the sink alone.
 */
#ifndef WORKER_SINK_NAMES_H
#define WORKER_SINK_NAMES_H

#include "sink.h"

/* Room for a name and for the longest "~18446744073709551615". */
#define NAME_ROOM (TENSOR_NAME_MAX + 24)

/* A path, joined.  In an order that has a usual one touch one page, or two. */
#define PARTS_FEW 16
struct joined {
	size_t len;
	size_t count;
	bool cut;	/* it did not fit; text holds its beginning */
	struct wire_bytes *parts;	/* few or many; they point into text */
	struct wire_bytes few[PARTS_FEW];
	uint8_t kinds[PATH_PARTS_MAX];
	uint8_t text[NAME_ROOM];
	struct wire_bytes many[PATH_PARTS_MAX];
};

/* Names in use: 64-bit keyed hashes alone.  Two names with one hash (2^-25 for
 * a million names; nobody outside can aim for it) cost one of them a "~2" that
 * it did not need; the same name twice is always seen.  The first
 * few lie side by side, more of them in pages, told apart by the hash's first
 * bits, of which one that is full is split in two.  Starts zeroed. */
#define NAMES_FEW 32
#define NAMES_A_PAGE 511
struct name_set {
	struct name_page {
		uint32_t used;
		uint32_t bits;	/* that all hashes here have in common */
		uint64_t hashes[NAMES_A_PAGE];	/* 0: free */
	} **pages;		/* 2^bits of them, many the same; NULL as long
				 * as all stand in few */
	unsigned bits;
	uint32_t few_used;
	uint64_t few[NAMES_FEW];
	/* Names that were wanted twice: open addressing. */
	struct name_again {
		uint64_t hash;	/* 0: free */
		uint64_t next;	/* suffix to try next; at least 2 */
	} *again;		/* NULL before there was one */
	uint32_t again_mask;
	uint32_t again_used;
	uint64_t taken;		/* how often the arena was asked since then */
};

/* utf8_repair, and NUL becomes U+FFFD too: the broker keeps names and notes as
 * C strings, and two names must not differ behind a NUL alone. */
size_t names_clean(uint8_t *out, size_t room, const void *text, size_t length,
    bool *cut);

/* Never fails: see `cut`.  An empty name becomes `empty`. */
void names_join(struct joined *j, const struct path *path, const char *empty);

/* Claims j->text, or the first of "~2", "~3", ... that is free, appending it
 * to j->text.  0: it was free as it is, 1: a suffix was added, -1: with the
 * suffix it would be over TENSOR_NAME_MAX. */
int names_claim(struct job *job, struct name_set *set, struct joined *j);

#endif
