/* SPDX-License-Identifier: Apache-2.0
 *
 * wrapped.h - torch.storage._load_from_bytes(b): a whole torch file in bytes,
 * which is how a plain pickle holds a storage.  Implemented beside the formats
 * (formats/wrapped.c), for it opens them.
 */
#ifndef WORKER_WRAPPED_H
#define WORKER_WRAPPED_H

#include "vocabulary_word.h"

/* Files in files in files; torch itself writes one level. */
#define WRAPPED_DEPTH_MAX 3

/* Is v such a call? */
bool wrapped_is(const struct graph *g, vref v);
/* The storage that the call v holds; false when left out. */
bool wrapped_storage(const struct word *w, vref v, struct torch_storage *out);
/* The call as a value: everything in the file, under the word's path. */
void wrapped_read(struct word *w);
/* After the walk: files in bytes that no value led to are told of. */
void wrapped_unopened(struct graph *g);

#endif
