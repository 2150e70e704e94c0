/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict.h - what a pickle wanted: every global and every would-be call is
 * named, classified and sent as a note.  An allow-list where the set is finite;
 * a report for people, never the defence.
 */
#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

#include "machine.h"

/* Classifies all nodes from `first` on, reachable or not; sends one note for
 * each distinct name.  Bytes and texts that hold a pickle themselves (raw,
 * base64, hex) are opened, to a capped depth and a capped total. */
void verdict_nodes(struct graph *g, vref first);
/* The streams behind the first STOP, read for the verdict alone: trailing
 * pickles, then junk, which is noted. */
void verdict_rest(struct graph *g, const struct pickle_source *source,
    uint64_t start);

/* What a reader that knows no joblib makes of a stream with joblib's arrays in
 * it: dangerous names that it calls, and nothing else, are noted. */
void verdict_plain(struct graph *g, const struct pickle_source *source);

/* Python's own modules, torch, and those that run things: wherever this is
 * loaded they can be imported, or are meant to be. */
bool verdict_knows_module(const char *module, size_t len);

/* For tests: the class of a name, referred to or called. */
enum verdict verdict_of_name(const char *module, size_t module_len,
    const char *name, size_t name_len, bool called);

#endif
