/* SPDX-License-Identifier: Apache-2.0
 *
 * check_inside.h - what the files of check.h share; for them alone.
 */
#ifndef BROKER_CHECK_INSIDE_H
#define BROKER_CHECK_INSIDE_H

#include "check.h"

/* What a text costs besides its bytes: the pool's rounding. */
#define TEXT_COST UINT64_C(16)

static const struct finding fine = { PFORK_OK, NULL };

static inline struct finding
lie(const char *text)
{
	struct finding f = { PFORK_E_PROTOCOL, text };

	return f;
}

static inline struct finding
over(const char *text)
{
	struct finding f = { PFORK_E_LIMIT, text };

	return f;
}

/* Adds unless the sum would be over the limit. */
static inline bool
add_under(uint64_t *total, uint64_t amount, uint64_t limit)
{
	uint64_t sum;

	if (__builtin_add_overflow(*total, amount, &sum) || sum > limit)
		return false;
	*total = sum;
	return true;
}

/* Is there room for one tensor, alias or further box more? */
bool check_room(const struct rules *r, const struct totals *t);
/* Name, path and geometry have been judged: counts the tensor, or not. */
struct finding check_count_tensor(const struct rules *r, struct totals *t,
    const struct wire_tensor *m, const struct geometry *g);

#endif
