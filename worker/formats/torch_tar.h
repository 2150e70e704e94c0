/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_tar.h - what the two files that read torch's tar archives share.
 */
#ifndef WORKER_TORCH_TAR_H
#define WORKER_TORCH_TAR_H

#include "machine.h"
#include "tar.h"
#include "walk.h"

enum object_kind {
	OBJECT_NONE = 0,	/* a free slot */
	OBJECT_STORAGE,
	OBJECT_VIEW,		/* a part of a storage */
	OBJECT_TENSOR
};

/* One thing that a persistent id may name. */
struct tar_object {
	int64_t key;
	enum object_kind kind;
	uint32_t id;		/* STORAGE: of the sink's storage, plus 1 */
	uint64_t where;
	uint64_t data;		/* STORAGE: offset in the input */
	uint64_t bytes;
	uint64_t count;		/* elements */
	int64_t root;		/* VIEW, TENSOR: key of what it is a part of */
	vref class;		/* STORAGE */
	vref view;		/* VIEW: (key, root, offset, count) */
	vref offset;		/* TENSOR */
	vref size;
	vref stride;
	vref word;		/* as the vocabulary has it, or VREF_MISSING */
};

struct torch_tar {
	struct job *job;
	struct tar tar;
	struct graph graph;
	struct pickle_source source;	/* the member that is being read */
	uint64_t at;			/* its next byte */
	struct tar_object *objects;	/* open addressing, by key */
	uint32_t capacity;		/* a power of two */
	uint32_t count;
};

/* torch_tar.c: reports what was read before the lie, and dies. */
void torch_tar_lie(struct torch_tar *t, uint64_t where, const char *text)
    __attribute__((noreturn));
/* The object, or a free slot; NULL when there is no table. */
struct tar_object *torch_tar_find(const struct torch_tar *t, int64_t key);

/* torch_tar_words.c */
vref torch_tar_tuple(struct torch_tar *t, const vref *items, uint32_t count,
    uint64_t where);
/* A decimal number from end to end. */
bool torch_tar_number(const uint8_t *at, uint64_t len, int64_t *out);
/* Persistent ids (class, file, source) become ('module', class, ...), before
 * the verdict. */
void torch_tar_modules(struct torch_tar *t, vref first, vref end);
/* All others become tensors and storages, after it. */
void torch_tar_words(struct torch_tar *t, vref first, vref end);

#endif
