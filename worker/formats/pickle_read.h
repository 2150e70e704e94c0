/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle_read.h - what every format that holds a pickle does with it: run it in
 * the machine, report what it wanted, then walk it for tensors.
 */
#ifndef WORKER_PICKLE_READ_H
#define WORKER_PICKLE_READ_H

#include "machine.h"
#include "walk.h"

/* The object of the file, judged.  Dies when the first stream is malformed,
 * after its beginning was reported. */
vref pickle_run(struct graph *g, const struct pickle_source *source);
/* And walked. */
void pickle_read(struct graph *g, const struct pickle_source *source,
    struct storage_home *home);
/* A pickle beside it, for the verdict alone; a note when it is malformed.
 * The value, or VREF_MISSING. */
vref pickle_read_aside(struct graph *g, const struct pickle_source *source);
/* storage_home.find of a format that has no records beside its pickle: dies. */
bool pickle_no_storages(struct storage_home *home, const uint8_t *key,
    size_t key_len, uint64_t where, uint32_t *id, uint64_t *bytes,
    const uint8_t **data);

#endif
