/* SPDX-License-Identifier: Apache-2.0
 *
 * parked.h - one worker that is started ahead of its job: locked in but for its
 * last filter, it waits for one descriptor.  It has read nothing of anybody's;
 * from the moment it gets its job it is as untrusted as any worker.
 */
#ifndef BROKER_PARKED_H
#define BROKER_PARKED_H

#include "child.h"

/* Starts one, waits until it says that it is parked, and looks at it from
 * outside.  verb: "park" or "park-canary".  Blocks for three seconds at most.
 * Errors: SYSTEM, SANDBOX; nothing is left behind then. */
enum pfork_code parked_start(const struct pfork_broker *b, const char *verb,
    struct child *out, pfork_error *err);
/* Hands the input over, which stays the caller's.  What follows is Hello.
 * False: it has gone; it is the caller's to end, as before. */
bool parked_give(const struct child *c, int input);

#endif
