/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary_word.h - what the files of the vocabulary share: one word (a
 * would-be call that means tensors) being read.  Reading has three outcomes:
 * the number is good; or the file lies, and word_die ends the job; or it
 * depends on something that we do not know, and the word is left out by name.
 */
#ifndef WORKER_VOCABULARY_WORD_H
#define WORKER_VOCABULARY_WORD_H

#include "dtype.h"
#include "vocabulary.h"

/* The mark of a GLOBAL is the vocabulary's: in its upper half the entry of a
 * function, in the lower half the storage class that it is, plus 1 each. */
#define MARK_ENTRY_SHIFT 16
#define MARK_NOTHING UINT32_C(0xffff)
#define MARK_LEGACY UINT32_C(0xfffe)

struct word {
	struct graph *g;
	struct job *job;
	struct storage_home *home;
	const struct path *path;
	const char *function;	/* for messages */
	uint64_t where;
	vref call;		/* the word itself, or MISSING */
	vref args;
	uint32_t argc;
	vref state;		/* of a BUILD, or VREF_MISSING */
	vref also;		/* see struct meant */
	vref inner;		/* set: the word means just that */
	bool changed;		/* word_is_changed: not read */
	bool replaced;		/* by an attribute, or it may be: not read */
};

struct geometry {
	size_t rank;
	uint64_t count;		/* elements */
	uint64_t offset;	/* elements */
	uint64_t shape[RANK_MAX];
	uint64_t strides[RANK_MAX];
};

struct torch_storage {
	const struct dtype *dtype;	/* NULL: untyped, counted in bytes */
	uint32_t id;
	uint64_t bytes;		/* that a tensor may use: the least of what is
				 * claimed and what is there */
	uint64_t first;		/* bytes to skip (legacy views) */
	const uint8_t *data;	/* or NULL */
	uint64_t where;
};

/* FAULT_FORMAT at v (or at the call): "WHAT WRONG: 'function'". */
void word_die(const struct word *w, vref v, const char *what,
    const char *wrong) __attribute__((noreturn));
void word_leave_out(const struct word *w, const char *why);
vref word_arg(const struct word *w, uint32_t i);
/* Something that only its class could tell: not wrong, but not ours. */
bool word_is_opaque(const struct word *w, vref v);
/* An integer >= 0 and not a bool, as torch has it; false when opaque.  `what`
 * names the argument. */
bool word_natural(const struct word *w, vref v, const char *what,
    uint64_t *out);
/* A tuple or list, also inside torch.Size or build_intlist; false when
 * opaque. */
bool word_sequence(const struct word *w, vref v, const char *what, vref *out);
/* Up to RANK_MAX natural numbers; false when left out (and said so). */
bool word_shape(const struct word *w, vref v, const char *what,
    uint64_t out[RANK_MAX], size_t *rank);
/* Sends and remembers one tensor. */
void word_send(const struct word *w, const struct tensor_out *t,
    const char *suffix);
/* A small tensor of our own making (I64 or F64): rank 0 or 1. */
void word_send_numbers(const struct word *w, const char *suffix,
    uint32_t dtype, const void *numbers, size_t count, bool scalar);
/* WORD_CHUNK bytes to copy through, one for the whole file.  A whole number of
 * elements of any type. */
#define WORD_CHUNK (64 * 1024)
uint8_t *word_chunk(const struct word *w);
/* The word that the CALL node v is, where w only says for whom it is read. */
struct word word_inside(const struct word *w, vref v, const char *function);
/* Is v a call of one of the names that only wrap their first argument? */
bool word_is_wrapper(const struct graph *g, vref v, vref *inner);

/* vocabulary_state.c */
/* Do the attributes in v (a dict, or two of them) leave a tensor its data? */
bool word_attributes(const struct word *w, vref v);
/* Dies when the state gives other data to a tensor that has some. */
void word_not_replaced(const struct word *w);
/* Was anything that the call or its BUILD was given changed afterwards? */
bool word_is_changed(const struct word *w);
/* The same of one that rebuilds a tensor, its arguments counted; sooner. */
bool word_tensor_is_changed(const struct word *w);
/* Is the call a tensor as it was made, for all that was done to it since? */
bool word_is_whole(const struct word *w, const struct value *call);
/* Dies when the call was built twice. */
void word_once(const struct word *w, const struct value *call);

/* torch_storage.c */
bool torch_storage_class(const struct graph *g, vref v,
    const struct dtype **dtype);
bool torch_storage_read(const struct word *w, vref v,
    const struct dtype *view, struct torch_storage *out);
bool torch_storage_leaf(struct word *w, vref persid);

/* torch_tensor.c: false when left out. */
bool torch_tensor_send(const struct word *w, const char *suffix,
    const struct torch_storage *storage, const struct dtype *dtype,
    const struct geometry *geometry, unsigned bits);
#define TORCH_CONJ 0x1u
#define TORCH_NEG 0x2u
bool torch_geometry_read(const struct word *w, vref offset, vref size,
    vref stride, struct geometry *out);
void torch_rebuild_tensor(struct word *w);
void torch_rebuild_tensor_v3(struct word *w);
void torch_legacy_state(struct word *w);
/* The tensor that v rebuilds, sent as NAME.suffix. */
bool torch_component(const struct word *w, vref v, const char *suffix);
/* torch.float32 and so on, as a global; NULL when it is none. */
const struct dtype *torch_dtype(const struct graph *g, vref v);

/* torch_cast.c: (data, dtype, ..) with data of that dtype, for all we know? */
bool torch_keeps_dtype(const struct word *w);

/* torch_layout.c */
void torch_rebuild_qtensor(struct word *w);
void torch_rebuild_sparse(struct word *w);
void torch_rebuild_sparse_csr(struct word *w);
void torch_rebuild_nested(struct word *w);

/* numpy_array.c */
void numpy_reconstruct(struct word *w);
void numpy_of_jax(struct word *w);
void numpy_frombuffer(struct word *w);
void numpy_scalar(struct word *w);

#endif
