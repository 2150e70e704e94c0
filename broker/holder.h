/* SPDX-License-Identifier: Apache-2.0
 *
 * holder.h - the namespaces that a broker's workers are lent (proto/held.h).
 * One worker makes them, the broker keeps them open, and each worker enters
 * them: that takes an eighth of the time of making and taking apart its own.
 * A worker that is lent nothing, or cannot enter it, makes its own.
 */
#ifndef BROKER_HOLDER_H
#define BROKER_HOLDER_H

#include "child.h"
#include "held.h"

/* Workers that make their own before there is a holder: it costs as much as a
 * few of them save, and most commands load one file. */
#define HOLDER_AFTER 6

struct holder;

/* Starts nothing yet.  NULL: no memory. */
struct holder *holder_new(void);
/* Stores may outlive the broker: holder_new gives the first reference.  Both
 * take NULL. */
struct holder *holder_ref(struct holder *h);
void holder_unref(struct holder *h);

/* What the next worker is given; nothing where b has no holder.  The
 * descriptors stay the holder's; where a host has closed them, or has files of
 * its own at their numbers, none of those is lent.  Any thread; one that finds
 * it being made does not wait. */
void holder_lend(const struct pfork_broker *b, enum lending how,
    struct lent *out);

/* The judgement alone, on the holder's word: the set, or 0. */
uint32_t holder_judge(const uint8_t *said, size_t length);

#endif
