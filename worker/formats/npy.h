/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.h - one array in numpy's own format, alone in a file or as a member of an
 * archive.
 */
#ifndef WORKER_NPY_H
#define WORKER_NPY_H

#include "machine.h"
#include "vocabulary_numpy.h"
#include "zip.h"

struct npy_header {
	struct npy_dtype type;	/* refused: why it is left out */
	bool objects;		/* the data may be a pickle */
	bool opaque;		/* V1 or V2: bytes that somebody knows */
	bool fortran;
	size_t rank;
	uint64_t shape[RANK_MAX];
	uint64_t strides[RANK_MAX];	/* elements */
	uint64_t bytes;		/* of the data, when not refused */
	uint64_t data;		/* where it begins */
};

/* npy_header.c: begins with the magic? */
bool npy_magic(const uint8_t *at, uint64_t length);
/* Reads and judges the header; dies on a lie. */
void npy_header_read(struct job *job, const struct pickle_source *source,
    struct npy_header *out);
/* Where the byte `at` of the source stands in the file; for one that was
 * inflated, where it begins. */
uint64_t npy_where(const struct pickle_source *source, uint64_t at);

/* A deflated member of an archive.  begun: of its bytes only those are there
 * that hold the header, for another worker may be the one to send the rest. */
struct npy_member {
	const struct zip_member *zip;
	uint64_t effort;	/* for sink_stream_packed */
	bool begun;
};

/* npy.c: sends the array, by this name (NULL: it is the root).  When its bytes
 * have been sent the arena goes back to `mark`, unless that is NPY_KEEP or a
 * pickle was read, whose nodes stay. */
#define NPY_KEEP SIZE_MAX
void npy_send(struct job *job, const struct pickle_source *source,
    const struct path_part *name, const struct npy_member *member, size_t mark);

#endif
