/* SPDX-License-Identifier: Apache-2.0
 *
 * hold.h - the namespaces that the workers of one broker are lent (held.h).
 */
#ifndef WORKER_HOLD_H
#define WORKER_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "jail.h"

/* Gives up root, enters new namespaces, and empties the one of mounts.  The set
 * (of proto/held.h) that is fit to be lent; 0: none. */
uint32_t hold_namespaces(struct jail *j);
/* Puts this process into one: the lent one, where it is in the set, as this
 * kind and no other; else, or where it cannot be entered, a new one.  which: as
 * in held.h, and then the network's.  0, or the errno that says why not. */
int hold_enter(uint32_t lent, size_t which);

#endif
