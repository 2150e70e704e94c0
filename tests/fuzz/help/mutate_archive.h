/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_archive.h - a zip archive as its mutators see it: the records that can
 * be followed from the end record.  Source of the layouts: PKWARE APPNOTE 6.3.
 */
#ifndef TESTS_FUZZ_MUTATE_ARCHIVE_H
#define TESTS_FUZZ_MUTATE_ARCHIVE_H

#include "mutate.h"

#define ENTRIES 64
#define LOCAL 30
#define CENTRAL 46
#define END 22

struct entry {
	size_t at;		/* in the directory */
	size_t length;
	size_t local;
	size_t data;
	size_t packed;
};

struct archive {
	uint8_t *bytes;
	size_t size;
	size_t max;
	size_t end;		/* of the end record, its offset */
	size_t directory;
	size_t count;
	struct entry entries[ENTRIES];
};

/* False when there is no directory that leads to a member. */
bool archive_read(struct archive *z);
/* Adds to every offset that lies behind `at`: what was there has grown. */
void archive_shift(struct archive *z, size_t at, uint64_t by);

/* mutate_member.c: one member's bytes; two members' places; a local record
 * beside the one that the directory knows.  0 when it cannot be done. */
size_t archive_edit_member(struct archive *z, struct dice *d);
size_t archive_permute(struct archive *z, struct dice *d);
size_t archive_split(struct archive *z, struct dice *d);

#endif
