/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.h - whole files that are packed by one method: bytes in, bytes out, in
 * steps, all of it in what is left of the arena.  The packed bytes are believed
 * by no length of their own; what comes out is bounded by the arena and by a
 * ratio.  One stream a file: what follows it is refused, as are dictionaries.
 * The libraries take no memory but this and make no system call.
 */
#ifndef WORKER_UNPACK_H
#define WORKER_UNPACK_H

#include "job.h"

/* As much for nothing, and then as much as deflate can do at most for each
 * packed byte: bzip2 makes a megabyte of one. */
#define UNPACK_FREE (32 * MIB)
#define UNPACK_RATIO 1032

struct unpack_block;

/* One file being unpacked. */
struct unpack {
	struct job *job;
	const uint8_t *in;
	uint64_t in_size;
	uint64_t used;		/* of `in` */
	uint8_t *out;
	uint64_t room;		/* of `out`; over it: FAULT_LIMIT */
	uint64_t made;
	bool ended;		/* the stream is whole, its checks are right */
	bool full;		/* there is more than room */
	void *state;		/* the method's own */
	/* For the library: blocks that it gives back serve again. */
	uint8_t *memory;
	uint64_t memory_size;
	uint64_t memory_used;
	struct unpack_block *idle;
};

/* One method.  Each is one of the files unpack_*.c, and inflate.c. */
struct unpack_method {
	const char *name;
	/* The whole text of the fault when what is inside has no name. */
	const char *alone;
	/* Looks at the first bytes. */
	bool (*is)(const struct job *job);
	/* Until at least `upto` bytes are made, the end, or u->full.  Dies with
	 * FAULT_FORMAT for what is damaged. */
	void (*more)(struct unpack *u, uint64_t upto);
};

extern const struct unpack_method unpack_zlib;
extern const struct unpack_method unpack_gzip;
extern const struct unpack_method unpack_bzip2;
extern const struct unpack_method unpack_xz;
extern const struct unpack_method unpack_lzma;
extern const struct unpack_method unpack_lz4;

/* The job's whole input, and all of the arena that is left. */
void unpack_begin(struct unpack *u, struct job *job);
/* Gives back what was not needed; u->out stays. */
void unpack_end(struct unpack *u);
/* NULL when it is too much, which the libraries pass on as an error. */
void *unpack_alloc(struct unpack *u, uint64_t count, uint64_t size);
void unpack_release(struct unpack *u, void *block);

/* For the methods: the stream's end, at u->used; dies when bytes follow. */
void unpack_ended(struct unpack *u);
/* The input ends inside of the stream. */
void unpack_cut(struct unpack *u) __attribute__((noreturn));
/* The library's memory is not enough. */
void unpack_too_much(struct unpack *u) __attribute__((noreturn));

#endif
