/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h - judges every value that the worker sends, before anything uses it.
 * Pure functions: no I/O, no allocation, no state but the running totals, which
 * change only when the finding is PFORK_OK.  The worker is taken to be owned by
 * the author of the file.
 */
#ifndef BROKER_CHECK_H
#define BROKER_CHECK_H

#include <stdbool.h>

#include "checkpoint.h"
#include "wire.h"

/* PFORK_OK and NULL, or what is wrong: PROTOCOL (a lie), LIMIT, SANDBOX. */
struct finding {
	enum pfork_code code;
	const char *text;
};

/* What holds for this load; fixed before the worker starts. */
struct rules {
	struct limits limits;	/* no zeros: defaults are filled in */
	uint64_t required_layers; /* PFORK_LAYERS_REQUIRED is included */
	uint64_t input_size;
	bool deliver_stream;	/* then extents are refused */
	bool scalars;
	bool pieces;		/* GO_PIECES: a store is loading */
	uint32_t shares;	/* workers of this input: 1 but where the
				 * caller asked for more */
	uint32_t share;		/* this one; others than 0 send bytes alone */
};

/* What has been accepted so far. */
struct totals {
	uint64_t storages;
	uint64_t streamed;	/* bytes announced */
	uint64_t elsewhere;	/* storages whose bytes another worker sends */
	uint64_t tensors;
	uint64_t aliases;
	uint64_t pieces;	/* messages */
	uint64_t more_boxes;	/* those that made no tensor */
	uint64_t notes;		/* sent by the worker */
	uint64_t kept;		/* bytes of names and all other bookkeeping,
				 * charged to limits.names_bytes */
	uint64_t contiguous;
	enum verdict level;	/* the highest of all notes */
};

/* What the broker worked out itself about a tensor. */
struct geometry {
	const struct dtype *dtype;
	uint64_t elements;
	uint64_t nbytes;
	uint64_t span;
	bool contiguous;
};

/* Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
 * nothing over U+10FFFF. */
/*@ requires length == 0 || \valid_read(at + (0 .. length - 1));
  @ assigns \nothing; */
bool check_utf8(const uint8_t *at, size_t length);

/* Non-empty, at most TENSOR_NAME_MAX bytes of UTF-8 without NUL. */
struct finding check_name(struct wire_bytes name);
struct finding check_path(const struct wire_tensor *m);

struct finding check_hello(const struct rules *r, const struct wire_hello *m);
struct finding check_format(const struct wire_format *m);
struct finding check_storage(const struct rules *r, struct totals *t,
    const struct wire_storage *m);
/* check_storage.c.  *held: the bytes of streams that all workers of the input
 * made together, to which those of this one are added. */
struct finding check_held(const struct rules *r, uint64_t *held,
    const struct wire_storage *m);
/* What one of them said of the input's storages, in full. */
struct share {
	const struct storage *storages;
	size_t count;
};
/* Have the others found the same storages as the first one, and has each stream
 * been sent by one of them alone? */
struct finding check_shares(const struct share *first,
    const struct share *others, size_t count);
/* storages: the t->storages ones accepted so far, all received in full, or to
 * be had from another worker. */
struct finding check_tensor(const struct rules *r, struct totals *t,
    const struct storage *storages, const struct wire_tensor *m,
    struct geometry *out);
/* check_piece.c.  open: the tensor of the last Piece, or NULL when something
 * else came since.  *more: this is a further box of it.  *out is the whole
 * tensor's. */
struct finding check_piece(const struct rules *r, struct totals *t,
    const struct pfork_tensor *open, const struct wire_piece *m,
    struct geometry *out, bool *more);
struct finding check_alias(const struct rules *r, struct totals *t,
    const struct wire_alias *m);
struct finding check_note(const struct rules *r, struct totals *t,
    const struct wire_note *m);
struct finding check_scalar(const struct rules *r, struct totals *t,
    const struct wire_scalar *m);
struct finding check_progress(const struct wire_progress *m);
struct finding check_done(const struct rules *r, const struct totals *t,
    const struct wire_done *m);
struct finding check_fault(const struct wire_fault *m);

/* An offset to show: one outside the input (a parser quotes what a file claims)
 * is dropped, never believed. */
uint64_t check_where(const struct rules *r, uint64_t where);

/* The bits of a list of layer numbers that check_hello has accepted. */
uint64_t check_layer_bits(const uint32_t *numbers, size_t count);

#endif
