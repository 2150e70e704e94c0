/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.h - what a finished load holds.  Filled by the session while the
 * worker talks (every value has passed check_*), immutable afterwards except
 * for the lazily loaded bytes of a tensor, which are guarded by `lock`.
 */
#ifndef BROKER_CHECKPOINT_H
#define BROKER_CHECKPOINT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "dtype.h"
#include "identity.h"
#include "limits.h"
#include "picklefork.h"

/* The input as it was when the load began. */
struct source {
	int fd;			/* ours, close-on-exec; -1 when not needed */
	uint64_t size;
	bool sparse;		/* it has fewer blocks than bytes */
	dev_t device;
	ino_t inode;
	struct timespec mtime;
	struct timespec ctime;
	const uint8_t *map;	/* with PFORK_MAP_INPUT, or NULL */
};

/* There may be a million of these and of the next: small is fast. */
struct storage {
	union {
		uint64_t offset;	/* extent: in the input */
		uint8_t *bytes;	/* streamed: aligned to 64; NULL when length
				 * is 0.  checkpoint_drop_tensors frees it */
	};
	uint64_t length;
	bool streamed;
	bool elsewhere;		/* another worker sends it: in a checkpoint that
				 * is handed out, none is */
};

/* This, and one block of `strings`: rank numbers of the shape, as many strides,
 * path_length parts (tensor_part), then their texts and the name,
 * each with a NUL.  A path of one part is its name, which is not kept twice. */
struct pfork_tensor {
	pfork_checkpoint *owner;
	/* Where its storage and input are: owner itself, or a part of it that
	 * lives as long; NULL for one that is assembled of boxes. */
	const pfork_checkpoint *home;
	const struct assembly *assembly; /* assembled.h; NULL with a home */
	const char *name;
	const uint64_t *shape;	/* rank numbers; strides follow */
	const struct dtype *dtype;
	uint64_t nbytes;	/* contiguous */
	uint64_t offset;	/* into the storage */
	_Atomic(const uint8_t *) data;	/* pfork_tensor_data's: to be freed; or
					 * NULL */
	uint32_t storage;	/* without a home: the set's number for it */
	uint16_t path_length;
	uint8_t rank;
	bool contiguous;
};

/* Where a part's text ends, counted from the first text, and its kind. */
struct tensor_part {
	uint32_t end : 30;
	uint32_t kind : 2;	/* enum pfork_path_kind */
};
_Static_assert(PATH_PARTS_MAX * (TENSOR_NAME_MAX + 1) < 1 << 30 &&
    PFORK_PATH_INDEX < 4, "tensor_part holds them");

static inline const uint64_t *
tensor_strides(const struct pfork_tensor *t)
{
	return t->shape + t->rank;
}

static inline const struct tensor_part *
tensor_parts(const struct pfork_tensor *t)
{
	return (const struct tensor_part *)(tensor_strides(t) + t->rank);
}

/* A box of a tensor that is said to stand in another file: from the session to
 * store_pieces.c, which makes tensors of them. */
struct piece_entry {
	uint32_t tensor;	/* of the same checkpoint; they ascend */
	uint8_t kind;		/* enum piece_kind */
	const char *file;	/* one component, NUL-terminated */
	uint64_t offset;
	uint64_t length;
	const uint64_t *start;	/* the tensor's rank numbers each */
	const uint64_t *size;
};

struct alias_entry {
	const char *name;
	uint32_t target;
};
struct note_entry {
	const char *text;
	uint64_t where;
	uint8_t kind;
	uint8_t level;
};
struct scalar_entry {
	const char *name;
	const uint8_t *bytes;
	size_t length;
	uint64_t full_length;
	int64_t i;
	double f;
	uint8_t kind;
};

/* Strings and small arrays: chunks, freed together. */
struct pool_chunk {
	struct pool_chunk *next;
	size_t size;
	size_t used;
	_Alignas(8) uint8_t bytes[];
};
struct pool {
	struct pool_chunk *head;
	uint64_t total;
};
/* NULL when there is no memory.  Aligned to 8, not zeroed. */
void *pool_alloc(struct pool *p, size_t size);
/* length bytes and a NUL. */
char *pool_text(struct pool *p, const uint8_t *at, size_t length);
void pool_free(struct pool *p);

/* Names to numbers: open addressing, keyed hash.  value < tensor count is a
 * tensor; aliases are stored as their target. */
struct name_table {
	struct name_slot {
		const char *name;
		uint32_t target;
		uint32_t hash;	/* of the name, under the seed */
	} *slots;
	size_t mask;		/* slots - 1; 0 with slots NULL: empty */
	size_t used;
	uint64_t seed[2];
};
/* 1 added, 0 already there, -1 no memory. */
int name_table_add(struct name_table *t, const char *name, uint32_t target);
/* The same for a name of so many bytes, and a NUL, that was just written. */
int name_table_put(struct name_table *t, const char *name, size_t length,
    uint32_t target);
/* UINT32_MAX when absent. */
uint32_t name_table_find(const struct name_table *t, const char *name);
void name_table_free(struct name_table *t);

struct pfork_checkpoint {
	atomic_uint references;
	char format[FORMAT_NAME_MAX + 1];
	enum pfork_verdict verdict;
	bool has_fault;
	pfork_error fault;
	struct source source;
	uint32_t flags;		/* of pfork_options */
	struct storage *storages;
	size_t storage_count;
	size_t storage_capacity;
	struct pfork_tensor *tensors;	/* moves while it grows: borrowed
					 * pointers are made after Done */
	size_t tensor_count;
	size_t tensor_capacity;
	/* A set of several files (store.c): its tensors are those of `parts`,
	 * which have them; it has no storages of its own. */
	const struct pfork_tensor **members;	/* tensor_count of them */
	pfork_checkpoint **parts;
	size_t part_count;
	/* A part's: its file's name, and what is added to its storages'
	 * numbers to make them the set's. */
	char *file;
	uint32_t storage_base;
	struct piece_entry *pieces;
	size_t piece_count;
	size_t piece_capacity;
	struct alias_entry *aliases;
	size_t alias_count;
	size_t alias_capacity;
	struct note_entry *notes;
	size_t note_count;
	size_t note_capacity;
	uint64_t notes_dropped;	/* goes up by checkpoint_drop_notes alone */
	struct scalar_entry *scalars;
	size_t scalar_count;
	size_t scalar_capacity;
	struct name_table names;
	struct pool strings;
	pfork_worker_info worker;
	pthread_mutex_t lock;	/* tensor data being loaded */
	pid_t process;		/* whose lock and, of its job, whose worker it
				 * is: one that forks has copies of both */
};

/* Empty, one reference, source.fd -1; NULL when there is no memory. */
pfork_checkpoint *checkpoint_new(void);
/* False: this process has forked from the one that made it. */
bool checkpoint_is_here(const pfork_checkpoint *c);
/* index < c->tensor_count. */
const struct pfork_tensor *checkpoint_tensor(const pfork_checkpoint *c,
    size_t index);
/* NULL for a tensor that is assembled of several. */
const struct storage *checkpoint_storage(const pfork_tensor *t);
/* CHANGED when the input, or that of any part, is not what it was. */
enum pfork_code checkpoint_unchanged(const pfork_checkpoint *c,
    pfork_error *err);
/* Drops tensors (with their loaded data), aliases, scalars, storages and the
 * table of names: a scan that met a fault, and the first step of freeing. */
void checkpoint_drop_tensors(pfork_checkpoint *c);

/* source.c: reads exactly length bytes at offset; CHANGED when the file has
 * become shorter, SYSTEM on an I/O error.  The caller has checked the range. */
enum pfork_code source_read(const struct source *s, uint64_t offset, void *out,
    size_t length, pfork_error *err);
/* There is a descriptor, and it is of this file: a host may have closed it and
 * have another there. */
bool source_is_ours(const struct source *s);
/* CHANGED when identity, size, mtime or ctime are no longer what they were. */
enum pfork_code source_unchanged(const struct source *s, pfork_error *err);

/* So many more notes are not there.  Stops at the highest number: some of them
 * are a worker's word, and none of it may make others look like none. */
static inline void
checkpoint_drop_notes(pfork_checkpoint *c, uint64_t more)
{
	if (__builtin_add_overflow(c->notes_dropped, more, &c->notes_dropped))
		c->notes_dropped = UINT64_MAX;
}

#endif
