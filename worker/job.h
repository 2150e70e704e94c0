/* SPDX-License-Identifier: Apache-2.0
 *
 * job.h - one file being parsed: its bytes, its memory, its limits, its one way
 * out (sink.h) and its one way to fail (die).  The parser rooms see this and
 * make no system call; main.c (or a test) supplies the three hooks.
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "limits.h"
#include "wire.h"

struct sink;

struct job {
	/* The whole input, mapped; may be NULL only when size is 0.  For long
	 * sequential reads and for what is small and near.  A file that
	 * shrinks under the mapping kills the worker (SIGBUS): refused. */
	const uint8_t *map;
	uint64_t size;
	/* Scattered small reads (zip local headers): cheaper than a page fault
	 * each.  Reads exactly length bytes at offset or returns false. */
	bool (*read_at)(void *context, uint64_t offset, void *out,
	    size_t length);
	/* The one way out; all of the bytes or no return. */
	void (*write_out)(void *context, const void *bytes, size_t length);
	void *context;

	struct arena arena;
	struct limits limits;
	uint32_t flags;		/* enum go_flag */
	/* Workers that parse this input, and which of them this is: the sink
	 * leaves out what others send.  0 workers are one. */
	uint32_t shares;
	uint32_t share;
	uint64_t seed[2];	/* random, for hashes of hostile keys */
	struct sink *sink;

	/* A file in the bytes of another (formats/wrapped.c): map and size are
	 * then those bytes, and all offsets are into them.  Whatever leaves
	 * this process (extents, offsets in notes and faults) is translated
	 * here and in the sink, so that a parser never knows. */
	struct job_window {
		unsigned depth;	/* of files in files; 0: the input itself */
		bool in_file;	/* the bytes stand in the input at `base` */
		uint64_t base;
		uint64_t where;	/* in the input, for what is not in the file */
	} window;

	/* Where die() lands: the caller of job_run. */
	jmp_buf stop;
	struct job_fault {
		enum fault_code code;
		uint64_t where;		/* in the input, or WIRE_NO_OFFSET */
		char text[FAULT_TEXT_MAX + 1];
	} fault;
};

/* Ends the job.  text is a constant; die_about adds a name from the file after
 * it, as "text: 'name'", cut to fit. */
void die(struct job *job, enum fault_code code, uint64_t where,
    const char *text) __attribute__((noreturn));
void die_about(struct job *job, enum fault_code code, uint64_t where,
    const char *text, const void *name, size_t length)
    __attribute__((noreturn));

/* An offset as parsers have it, in the input. */
uint64_t job_where(const struct job *job, uint64_t where);
/* job->read_at, or from the window's bytes. */
bool job_read_at(const struct job *job, uint64_t offset, void *out,
    size_t length);

/* Parses the input to Done or Fault, both of which it sends; true for Done.
 * arena, limits, flags, map and the hooks are set by the caller. */
bool job_run(struct job *job);

#endif
