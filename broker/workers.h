/* SPDX-License-Identifier: Apache-2.0
 *
 * workers.h - the keeper's list of workers: put in, taken out, asked whether
 * they have died, ended.  The lock is the keeper's; but a process may fork from
 * ours at any moment, lock or not, and goes by what it finds in the list.
 */
#ifndef BROKER_WORKERS_H
#define BROKER_WORKERS_H

#include <poll.h>

#include "keeper.h"

struct workers {
	struct child at[2 * KEEPER_MOST];
	uint32_t count;
};

void workers_add(struct workers *w, const struct child *c);
struct child workers_take(struct workers *w, uint32_t i);
/* Ends all of them; who waits leaves by itself once nobody listens. */
void workers_finish(struct workers *w, int grace_ms);
/* Which have died, without waiting. */
void workers_ask(struct pollfd *p, nfds_t count);

#endif
