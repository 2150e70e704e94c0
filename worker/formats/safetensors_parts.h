/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_parts.h - what safetensors.c, which reads the header, and
 * safetensors_data.c, which judges the data that it describes, share.  Entries
 * are kept small and are never moved: there may be a million of them.
 */
#ifndef WORKER_SAFETENSORS_PARTS_H
#define WORKER_SAFETENSORS_PARTS_H

#include "dtype.h"
#include "unique.h"

/* Why a tensor is left out. */
enum left_out { TAKEN, UNKNOWN_DTYPE, TOO_MANY_DIMENSIONS, TOO_LARGE };

/* Its name is unique_name of its number. */
struct entry {
	uint64_t begin;			/* in the data */
	uint64_t end;
	const uint64_t *shape;		/* rank numbers */
	uint32_t where;			/* of the name in the file */
	uint16_t dtype;			/* its code, if it is TAKEN */
	uint8_t rank;
	uint8_t left_out;		/* enum left_out */
};
#define ENTRIES_A_PAGE (ARENA_PAGE / sizeof(struct entry))

struct entries {
	struct job *job;
	struct unique names;
	struct entry **pages;
	uint32_t page_capacity;
	uint32_t count;
	const uint32_t *order;	/* by data_offsets; NULL: as they are */
	/* No name is empty or was written with an escape, so that each is
	 * what it is called here and nothing else comes to be called so. */
	bool plain_names;
};

static inline struct entry *
entry_numbered(const struct entries *all, uint32_t number)
{
	return &all->pages[number / ENTRIES_A_PAGE][number % ENTRIES_A_PAGE];
}

/* Dies about the entry. */
void safetensors_bad(const struct entries *all, uint32_t number,
    const char *text) __attribute__((noreturn));
/* Judges that each byte from `data` on belongs to exactly one tensor, and sends
 * them. */
void safetensors_data(struct entries *all, uint64_t data);

#endif
