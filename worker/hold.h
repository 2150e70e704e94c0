/* SPDX-License-Identifier: Apache-2.0
 *
 * hold.h - the namespaces that the workers of one broker are lent (held.h).
 */
#ifndef WORKER_HOLD_H
#define WORKER_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "held.h"
#include "jail.h"

/* Those of held.h, and then the network's. */
#define HOLD_KINDS (HELD_COUNT + 1)

/* Gives up root, enters new namespaces, and empties the one of mounts.  The set
 * (of proto/held.h) that is fit to be lent; 0: none. */
uint32_t hold_namespaces(struct jail *j);
/* Puts this process into the first `count`, HELD_COUNT or HOLD_KINDS: the lent
 * one, where it is in the set, as this kind and no other; else, or where it
 * cannot be entered, a new one.  For each 0, or the errno that says why not. */
void hold_enter(uint32_t lent, size_t count, int reasons[HOLD_KINDS]);

#endif
