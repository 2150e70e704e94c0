/* SPDX-License-Identifier: Apache-2.0
 *
 * workers.c - see workers.h.  Trusts its caller to hold the lock.  Must never
 * count a worker twice, not even for the moment in which it is moved.
 */
#include "workers.h"

#include <stdatomic.h>

/* What the code says before it is done before it, and what it says after it
 * after: that is the order in which a process that forks finds it. */
static void
set_count(struct workers *w, uint32_t count)
{
	atomic_signal_fence(memory_order_seq_cst);
	__atomic_store_n(&w->count, count, __ATOMIC_SEQ_CST);
	atomic_signal_fence(memory_order_seq_cst);
}

/* The count is last: none but whole entries are counted. */
void
workers_add(struct workers *w, const struct child *c)
{
	w->at[w->count] = *c;
	set_count(w, w->count + 1);
}

/* The count is first: none is counted twice, for that process would close the
 * numbers twice, and somebody else's the second time.  One may be missing. */
struct child
workers_take(struct workers *w, uint32_t i)
{
	struct child c = w->at[i];

	set_count(w, w->count - 1);
	w->at[i] = w->at[w->count];
	return c;
}

void
workers_finish(struct workers *w, int grace_ms)
{
	struct child_end end;

	for (uint32_t i = 0; i < w->count; i++)
		if (child_is_ours(&w->at[i]))
			child_hang_up(&w->at[i]);
		else
			child_let_go(&w->at[i]);
	for (uint32_t i = 0; i < w->count; i++)
		child_finish(&w->at[i], grace_ms, &end);
	w->count = 0;
}

/* All at once, or, where the host has lowered RLIMIT_NOFILE to less than there
 * are, one after the other. */
void
workers_ask(struct pollfd *p, nfds_t count)
{
	if (poll(p, count, 0) >= 0)
		return;
	for (nfds_t i = 0; i < count; i++)
		(void)poll(&p[i], 1, 0);
}
