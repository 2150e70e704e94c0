/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_parts.h - what the files of the verdict share: one scan over the
 * nodes of a graph, the names that it met, the pickles that it opened on its
 * way.  For verdict*.c alone.
 */
#ifndef WORKER_VERDICT_PARTS_H
#define WORKER_VERDICT_PARTS_H

#include "sink.h"
#include "verdict.h"

/* A pickle within a pickle within ...: honest files have one level. */
#define NEST_DEPTH_MAX 10
/* What opening nested pickles may read, all together: 4 x input + this. */
#define NEST_WORK_BASE (16 * MIB)
/* Streams after the first that are read for the verdict. */
#define STREAMS_MAX 10000

enum nest_how {
	NEST_RAW,	/* a pickle as bytes or text */
	NEST_BASE64,
	NEST_HEX,
	NEST_STREAM,	/* behind the first STOP */
	NEST_PLAIN	/* the first, without joblib's arrays */
};

/* A run of the machine beside the first one: nodes [first, end). */
struct nest {
	vref first;
	vref end;
	uint64_t where;		/* of the value that held it */
	uint8_t how;
	uint8_t depth;
	bool in_file;		/* the nodes' offsets are the input's */
	/* Found by chance, maybe: it broke off, or has no PROTO.  Then only
	 * dangerous names count, and only when something is called. */
	bool weak;
	bool skip;
};

/* Arguments decide for some callables. */
enum special {
	SPECIAL_NONE,
	SPECIAL_GETATTR,
	SPECIAL_GETITEM,
	SPECIAL_TYPE,
	SPECIAL_ENCODE
};

/* One distinct name. */
struct seen {
	const char *module;
	const char *name;
	size_t module_len;
	size_t name_len;
	uint64_t where;
	uint32_t nest;		/* 1 + index, or 0 */
	uint8_t referred;	/* enum verdict, as such */
	uint8_t callable;	/* enum verdict, when called */
	uint8_t special;	/* enum special */
	uint8_t caller;		/* 1 + index into names_callers, or 0 */
	uint8_t level;		/* the highest of its calls */
	bool called;
	bool tensor;		/* makes tensors: takes no items */
	bool stated;		/* .. and sets attributes that it is given */
};

enum trick {
	TRICK_CALLS_RESULT,
	TRICK_CALLS_PERSID,
	TRICK_CALLS_OTHER,
	TRICK_COMPUTED_NAME,
	TRICK_EXTENSION,
	TRICK_TENSOR_ITEMS,
	TRICK_HOOK,
	TRICK_NEST_DEPTH,
	TRICK_NEST_WORK,
	TRICK_NEST_ZIP,
	TRICK_JOBLIB,
	TRICK_DTYPE,
	TRICK_TENSOR_WRITE,
	TRICKS
};

#define SEEN_CACHE 256

struct scan {
	struct graph *g;
	struct job *job;
	struct seen *seen;
	uint32_t seen_count;
	uint32_t seen_capacity;
	uint32_t *slots;	/* 1 + index into seen, by keyed hash */
	uint32_t slot_count;	/* a power of two */
	struct nest *nests;	/* in order of their nodes */
	uint32_t nest_count;
	uint32_t nest_capacity;
	uint32_t nest_at;	/* of the node being scanned: 1 + index or 0 */
	uint64_t work_left;
	uint32_t tricks;	/* bits: each is said once */
	struct {
		vref global;
		uint32_t seen;	/* 1 + index */
	} cache[SEEN_CACHE];
};

/* verdict.c */
void scan_trick(struct scan *s, enum trick trick, uint64_t where);

/* verdict_table.c: the names. */
void scan_init(struct scan *s, struct graph *g);
/* The entry of a GLOBAL node, or NULL when its name is not text. */
struct seen *scan_name(struct scan *s, vref global);
void scan_say_names(struct scan *s);
void scan_say(struct scan *s, enum note_kind kind, enum verdict level,
    uint64_t where, uint32_t nest, const char *text);
/* Offset in the input of node v of a nest. */
uint64_t scan_where(const struct scan *s, uint32_t nest, uint64_t where);

/* verdict_arrays.c: used for tricks? */
/* Any node, where there is a name like that of joblib's wrapper. */
void scan_joblib(struct scan *s, vref v);
/* A call that has a state. */
void scan_dtype(struct scan *s, vref v);
/* A call of a name that is `stated`. */
void scan_attributes(struct scan *s, vref v);

/* verdict_nested.c: opens TEXT and BYTES that hold a pickle. */
void nested_open(struct scan *s, vref v);
/* Runs one stream from source->at + start and enters its nodes as a nest like
 * *as; false when it broke off. */
bool nested_run(struct scan *s, const struct pickle_source *source,
    uint64_t start, const struct nest *as, struct machine_result *result);

/* verdict_decode.c: base64 (either alphabet) or hex digits, decoded into out,
 * which has room for len bytes.  False: not such text from end to end. */
bool decode_base64(const uint8_t *at, uint64_t len, uint8_t *out,
    uint64_t *out_len);
bool decode_hex(const uint8_t *at, uint64_t len, uint8_t *out,
    uint64_t *out_len);
/* UTF-8 of code points under 256, to one byte each. */
bool decode_latin1(const uint8_t *at, uint64_t len, uint8_t *out,
    uint64_t *out_len);

#endif
