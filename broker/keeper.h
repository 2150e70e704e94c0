/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.h - keeps some workers parked for a broker that asked for it: a thread
 * of its own starts them, replaces those that were used or have died, and reaps
 * those that are done.  Every worker still gets one job and no second one.
 */
#ifndef BROKER_KEEPER_H
#define BROKER_KEEPER_H

#include "child.h"

/* Ceiling of parked_workers: each has some 0.5 MB and three descriptors. */
#define KEEPER_MOST 64

struct keeper;

/* The broker must outlive keeper_stop; workers are started with its settings.
 * Errors: SYSTEM. */
enum pfork_code keeper_new(const struct pfork_broker *b, uint32_t wanted,
    struct keeper **out, pfork_error *err);
/* Ends the thread and every worker that waits.  Once. */
void keeper_stop(struct keeper *k);
/* Stores and jobs may outlive the broker: keeper_new gives the first reference,
 * and what is stopped gives no worker any more.  Both take NULL. */
struct keeper *keeper_ref(struct keeper *k);
void keeper_unref(struct keeper *k);

/* Gives the input, which stays the caller's, to a worker that waits; the worker
 * is the caller's then.  False: none waits, or this process has forked from the
 * keeper's: start one. */
bool keeper_employ(struct keeper *k, int input, struct child *out);
/* Puts down one that is of no use any more, and takes over its reaping.  False:
 * it may not be killed, or as many as wait are dying already; it is as it was,
 * and yours to end. */
bool keeper_bury(struct keeper *k, struct child *c);
/* For tests: until so many wait, or ms have passed. */
bool keeper_wait(struct keeper *k, uint32_t count, int ms);

#endif
