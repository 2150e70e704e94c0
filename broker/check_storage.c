/* SPDX-License-Identifier: Apache-2.0
 *
 * check_storage.c - where tensors' bytes are said to be; and where several
 * workers inflate one input: may they hold so much together, and does what they
 * said at the end fit together?  Pure, as all of check.h.  Each of them is
 * taken to be owned, and to know the others.
 */
#include "check_inside.h"

static struct finding
check_extent(const struct rules *r, const struct wire_storage *m)
{
	if (r->deliver_stream)
		return lie("an extent, where streams were asked for");
	if (m->offset > r->input_size ||
	    m->length > r->input_size - m->offset)
		return lie("an extent reaches outside the input");
	return fine;
}

static struct finding
check_stream(const struct rules *r, struct totals *sum,
    const struct wire_storage *m)
{
	if (m->offset != WIRE_NO_OFFSET)
		return lie("a stream has an offset");
	if (!add_under(&sum->streamed, m->length, r->limits.streamed_bytes))
		return over("more bytes than the limit streamed_bytes");
	return fine;
}

struct finding
check_storage(const struct rules *r, struct totals *t,
    const struct wire_storage *m)
{
	struct totals sum = *t;
	struct finding f = fine;

	if (m->id != t->storages)
		return lie("a storage's number is not the next one");
	if (!add_under(&sum.storages, 1, r->limits.tensors))
		return over("more storages than the limit `tensors`");
	switch (m->kind) {
	case STORAGE_EXTENT:
		f = check_extent(r, m);
		break;
	case STORAGE_STREAM:
		f = check_stream(r, &sum, m);
		break;
	case STORAGE_ELSEWHERE:
		if (r->shares <= 1)
			return lie("bytes elsewhere, and no other worker");
		sum.elsewhere++;
		f = check_stream(r, &sum, m);
		break;
	default:
		return lie("a storage is of an unknown kind");
	}
	if (f.code == PFORK_OK)
		*t = sum;
	return f;
}

/* ------------------------------------------------------ several workers -- */

struct finding
check_held(const struct rules *r, uint64_t *held, const struct wire_storage *m)
{
	if (m->kind == STORAGE_STREAM &&
	    !add_under(held, m->length, r->limits.streamed_bytes))
		return over("more bytes than the limit streamed_bytes");
	return fine;
}

/* Is it the same one, wherever its bytes are sent? */
static bool
is_same(const struct storage *a, const struct storage *b)
{
	if (a->length != b->length || a->streamed != b->streamed)
		return false;
	return a->streamed || a->offset == b->offset;
}

static bool
is_sent(const struct storage *s)
{
	return s->streamed && !s->elsewhere;
}

static struct finding
check_one(const struct share *first, const struct share *others, size_t count,
    size_t i)
{
	const struct storage *s = &first->storages[i];
	size_t senders = is_sent(s);

	for (size_t k = 0; k < count; k++) {
		if (!is_same(s, &others[k].storages[i]))
			return lie("two workers found different storages");
		senders += is_sent(&others[k].storages[i]);
	}
	if (s->streamed && senders == 0)
		return lie("no worker sent the bytes of a storage");
	if (senders > 1)
		return lie("two workers sent the bytes of a storage");
	return fine;
}

struct finding
check_shares(const struct share *first, const struct share *others,
    size_t count)
{
	struct finding f = fine;

	for (size_t k = 0; k < count; k++)
		if (others[k].count != first->count)
			return lie("two workers found different storages");
	for (size_t i = 0; i < first->count && f.code == PFORK_OK; i++)
		f = check_one(first, others, count, i);
	return f;
}
