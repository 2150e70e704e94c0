/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_inside.h - what the files of the walk share; for them alone.
 */
#ifndef WORKER_WALK_INSIDE_H
#define WORKER_WALK_INSIDE_H

#include "sink.h"
#include "walk.h"
#include "walk_keys.h"

/* What value.mark says of a container or call. */
enum mark {
	MARK_NEW = 0,
	MARK_ACTIVE,	/* on the stack */
	MARK_EMPTY,	/* walked; nothing was sent */
	MARK_PLAIN,	/* walked; plain values alone were */
	MARK_FULL,	/* walked; something was */
	MARK_RECORD	/* and up: tensors, walk->records[mark - MARK_RECORD] */
};
/* A call that is one tensor, as most are: the tensor's number. */
#define MARK_TENSOR UINT32_C(0x80000000)

/* What a container that was walked before is walked for. */
enum again {
	AGAIN_NOT,	/* it was not */
	AGAIN_TENSORS,
	AGAIN_SCALARS	/* and for nothing else beneath it */
};

enum frame_kind {
	FRAME_ENTRIES,	/* seq: a DICT; keys are parts of the path */
	FRAME_ITEMS,	/* seq: a TUPLE, LIST, ...; indices are */
	FRAME_SPREAD,	/* the same, but its items stand under its own path */
	FRAME_OBJECT,	/* node: a CALL; its args, items, entries, state */
	FRAME_SAME	/* node: a CALL that stands for seq */
};

struct frame {
	enum frame_kind kind;
	vref node;		/* whose mark is ACTIVE, when counted */
	vref seq;
	vref also;		/* FRAME_SAME: what comes with it */
	uint32_t next;
	bool counted;		/* against limits.nesting */
	bool attributes;	/* keys are names of attributes */
	bool spread;		/* FRAME_OBJECT: args stand under its path */
	bool without;		/* FRAME_OBJECT: args are no part of it */
	bool settled;		/* FRAME_OBJECT: its entries are */
	bool again;		/* repeated work, which is bounded */
	bool plain;		/* .. for scalars alone */
	size_t parts;		/* of the path above it */
	uint64_t sent;		/* walk->sent when it was entered */
	uint64_t scalars;	/* walk->scalars then */
	char text[KEY_TEXT_MAX]; /* of its current child's part */
};

/* Tensors of one node: vocabulary->sent[first ..]. */
struct record {
	uint32_t first;
	uint32_t count;
	vref also;
	bool active;		/* `also` is on the stack */
};

struct walk {
	struct graph *g;
	struct job *job;
	struct storage_home *home;
	struct path_part *parts;
	struct path path;
	struct frame *stack;
	size_t depth;
	uint64_t nesting;
	struct record *records;
	uint32_t record_count;
	uint32_t record_capacity;
	uint64_t again_left;
	bool again_said;
	uint64_t plain_left;	/* the same for scalars */
	bool plain_said;
	uint64_t key_bytes_left;
	uint64_t sent;		/* tensors, aliases, notes on them */
	uint64_t scalars;
	uint64_t encoded_left;	/* bytes of text that may be counted */
	uint64_t *classes;	/* hashes of the classes that were noted */
	uint32_t class_count;
	uint32_t class_capacity;
};

/* walk->parts and walk->stack, below `above` parts that are there. */
void walk_find_room(struct walk *w, size_t above);
/* Puts the frame's current child on the path; for PATH_INDEX key is the index
 * itself, not a value. */
void walk_set_part(struct walk *w, struct frame *f, vref key,
    enum path_kind kind);
/* Has no children (an empty container, too). */
bool walk_is_leaf(const struct walk *w, vref v);
/* Does anything come of visiting it? */
bool walk_matters(const struct walk *w, vref v);
void walk_send_scalar(struct walk *w, vref v);
/* A CALL that makes bytes of a text is bytes; any other is left alone. */
void walk_send_encoded(struct walk *w, vref v);
/* So much repeated work; false, and a note, when there is none left. */
bool walk_spend(struct walk *w, uint64_t amount);
/* One child more of a container that is walked again. */
bool walk_spend_step(struct walk *w, const struct frame *f);
void walk_again_start(struct walk *w);
/* Does its mark, and what is walked above it, let it be walked? */
bool walk_may_enter(const struct walk *w, const struct value *node);
/* The same, and there is work left for it: marks it. */
bool walk_enter(struct walk *w, vref v, enum again *again);
void walk_set_again(struct frame *f, enum again again);
/* What is to be said of a container that has been walked. */
enum mark walk_mark(const struct walk *w, const struct frame *f);
/* What the arguments of a call are to the object that it makes. */
enum contents {
	CONTENTS_OBJECT,	/* a class that is not read: its arguments */
	CONTENTS_GIVEN,		/* a container of Python's: its contents */
	CONTENTS_LATER,		/* the same, which ignores them */
	CONTENTS_UNSURE		/* the same: we cannot say what it holds */
};
/* At the first time also turns the pairs that a dict was made of into
 * entries. */
enum contents walk_contents(struct walk *w, vref call);
/* A call that is met for the first time: notes its class, once a class, when it
 * is not plain data. */
void walk_object(struct walk *w, vref call);

#endif
