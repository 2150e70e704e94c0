/* SPDX-License-Identifier: Apache-2.0
 *
 * sink.h - the worker's one way out: storages, tensors, notes and scalars
 * become frames, gathered into 64 KiB writes (job->write_out).  It keeps the
 * running totals, judges the limits of what is sent, gives colliding names
 * their "~2" and drops nothing silently.  Makes no system call of its own.
 */
#ifndef WORKER_SINK_H
#define WORKER_SINK_H

#include "job.h"

/* One component of a path, root first. */
struct path_part {
	const uint8_t *at;	/* UTF-8, checked by the caller */
	uint32_t len;
	uint8_t kind;		/* enum path_kind */
};
struct path {
	const struct path_part *parts;
	size_t count;
	/* What is appended to the joined name, after '.', for companions of
	 * one tensor ("scale", "indices"); NULL for none. */
	const char *suffix;
};

struct tensor_out {
	struct path path;
	uint32_t dtype;
	size_t rank;
	const uint64_t *shape;
	const uint64_t *strides;	/* elements */
	uint32_t storage;
	uint64_t offset;		/* bytes into the storage */
	uint64_t where;			/* for errors and notes */
	/* The path is one part of 1 to TENSOR_NAME_MAX bytes without a NUL,
	 * and the caller has seen that no tensor or alias of this job has or
	 * will have that name: it goes out as it is, and is not remembered. */
	bool own_name;
};

struct sink *sink_new(struct job *job);

/* sink_share.c: who sends what, where several workers parse one input.  All of
 * them decide the same: from here on each stream that is packed into so much is
 * given to the one that was given least.  The file has more than one worth it,
 * says the caller.  Without this, and all else, share 0 sends it.  1 MiB takes
 * some 2 ms to inflate, and a worker half a millisecond to start
 * (docs/BENCHMARKS.md: G10, G12). */
#define SINK_SHARE_MIN MIB
void sink_share_out(struct job *job);
/* Has that been said? */
bool sink_is_shared_out(const struct job *job);

/* Tell the broker which format it is; first, and whoever comes second is not
 * heard.  sink_format_if_fault: what to call it should the job end in a fault
 * before that; a constant. */
void sink_format(struct job *job, const char *name);
void sink_format_if_fault(struct job *job, const char *name);

/* A storage that stands in the input as it is: [offset, offset + length) must
 * lie inside job->size.  Under GO_DELIVER_STREAM its bytes are sent instead. */
uint32_t sink_extent(struct job *job, uint64_t offset, uint64_t length);
/* A storage whose bytes the worker made: announce, then exactly length bytes in
 * any number of pieces before anything else is sent. */
uint32_t sink_stream(struct job *job, uint64_t length);
/* The same for bytes that may be another worker's to make (job->shares).
 * packed: as many of the input it takes, which has to be the same in every
 * worker.  *mine false: there is nothing to send, nor to make. */
uint32_t sink_stream_packed(struct job *job, uint64_t length, uint64_t packed,
    bool *mine);
void sink_data(struct job *job, const void *bytes, size_t length);

/* Returns the tensor's number (for aliases).  A name that is taken gets "~2"
 * and a note; an empty one becomes "tensor"; one over TENSOR_NAME_MAX or a path
 * over PATH_PARTS_MAX leaves the tensor out, with a note, and returns
 * SINK_SKIPPED.  The geometry has been judged by the caller. */
#define SINK_SKIPPED UINT32_MAX
uint32_t sink_tensor(struct job *job, const struct tensor_out *t);

/* Only with GO_PIECES: a box of a tensor stands in another file of the input's
 * directory.  The broker opens that file; nothing here does. */
struct piece_out {
	struct path path;
	uint32_t dtype;
	size_t rank;
	const uint64_t *shape;	/* of the whole tensor */
	const uint64_t *start;	/* of the box, elements; rank numbers each */
	const uint64_t *size;
	/* PIECE_RAW: [offset, offset + length) of the file is the box, C order,
	 * little-endian, length its bytes.  PIECE_TORCH: an archive of
	 * torch.save stands there, whose one tensor has the box's shape. */
	enum piece_kind kind;
	const uint8_t *file;	/* sink_file_is_sibling holds for it */
	size_t file_length;
	uint64_t offset;
	uint64_t length;
	uint64_t where;		/* for errors and notes */
};
/* A name that can be a file's in the same directory: one component, not "." or
 * "..", UTF-8, no NUL, at most FILE_NAME_MAX bytes. */
bool sink_file_is_sibling(const uint8_t *file, size_t length);
/* The first box of a tensor: as sink_tensor, which see for what it returns.
 * One box for all of it has start 0 and size shape.  Only dtypes of whole bytes
 * can be cut into boxes. */
uint32_t sink_piece(struct job *job, const struct piece_out *p);
/* A further box of the tensor of the last sink_piece: nothing but notes and
 * progress may have been sent between.  path is not looked at; dtype, rank and
 * shape are as before.  Boxes must cover the tensor, and be disjoint: the
 * broker judges that.  Does nothing when sink_piece returned SINK_SKIPPED. */
void sink_piece_more(struct job *job, const struct piece_out *p);

void sink_alias(struct job *job, const struct path *path, uint32_t target,
    uint64_t where);

/* where: in the input, or WIRE_NO_OFFSET.  level raises the verdict.  text is
 * UTF-8 or is made so (bad bytes become U+FFFD), cut to NOTE_TEXT_MAX.  Over
 * the limit on notes it is counted, and its level still counts. */
void sink_note(struct job *job, enum note_kind kind, enum verdict level,
    uint64_t where, const char *text);
/* text, then ": ", then name from the file. */
void sink_note_about(struct job *job, enum note_kind kind, enum verdict level,
    uint64_t where, const char *text, const void *name, size_t length);
/* "left out: NAME: why", NAME being the path joined. */
void sink_skip(struct job *job, const struct path *path, enum verdict level,
    uint64_t where, const char *why);

/* Only with GO_SCALARS; otherwise does nothing. */
struct scalar_out {
	enum scalar_kind kind;
	int64_t i;
	double f;
	const uint8_t *at;
	uint64_t len;
};
void sink_scalar(struct job *job, const struct path *path,
    const struct scalar_out *s);

/* At most one frame per 1/100 of total is sent. */
void sink_progress(struct job *job, uint64_t done, uint64_t total);

/* From here on each global and call is noted once, whatever pickle of the file
 * names it: a file may hold a hundred thousand of them. */
void sink_names_once(struct job *job);
/* Changes when the sink took memory that must stay, so that the arena is not to
 * be rewound to before that. */
uint64_t sink_names_room(const struct job *job);

void sink_raise(struct job *job, enum verdict level);
enum verdict sink_verdict(const struct job *job);

/* The last word: Done, or Fault from job->fault; flushes. */
void sink_done(struct job *job);
void sink_fault(struct job *job);
void sink_flush(struct job *job);

#endif
