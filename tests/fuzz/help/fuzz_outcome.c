/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_outcome.c - see fuzz_outcome.h.
 */
#include "fuzz_outcome.h"

#include <stdio.h>
#include <string.h>

static void
must(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "two runs over the same bytes differ: %s\n", what);
	__builtin_trap();
}

/* The checkpoint, or that the broker met a limit. */
static void
keep(struct outcome *o, const uint8_t *sent, size_t length, uint64_t size,
    uint32_t flags)
{
	struct session *s = fuzz_session_open(size, flags);

	o->limited = true;
	if (s == NULL)
		return;
	fuzz_session_feed(s, sent, length);
	if (s->state == SAID_DONE) {
		o->ckpt = pfork_checkpoint_ref(s->ckpt);
		o->limited = false;
	}
	fuzz_session_close(s);
}

struct outcome
outcome_of(struct job *job)
{
	/* A job that ends inside of a file in the file has that one's size. */
	const uint64_t size = job->size;
	struct outcome o = { 0 };
	const uint8_t *sent;
	size_t length;
	bool done;

	done = job_run(job);
	fuzz_job_in_time();
	o.code = done ? 0 : (uint32_t)job->fault.code;
	o.limited = o.code == FAULT_LIMIT;
	o.arena = job->arena.used;
	sent = fuzz_sent(&length);
	/* No memory for the sink itself: it says nothing, which is a refusal
	 * too (job.c). */
	if (length == 0 && o.limited && job->sink == NULL)
		return o;
	fuzz_session_limits(&job->limits);
	fuzz_session_must_accept(sent, length, size, job->flags);
	if (done)
		keep(&o, sent, length, size, job->flags);
	fuzz_session_limits(NULL);
	return o;
}

void
outcome_free(struct outcome *o)
{
	pfork_checkpoint_unref(o->ckpt);
	o->ckpt = NULL;
}

static const uint8_t *
bytes_of(const struct storage *s, const uint8_t *input)
{
	return s->streamed ? s->bytes : input + s->offset;
}

static void
same_tensor(const struct pfork_tensor *a, const struct pfork_tensor *b)
{
	must(strcmp(a->name, b->name) == 0, "a name");
	must(a->dtype == b->dtype && a->rank == b->rank, "a dtype or rank");
	must(memcmp(a->shape, b->shape, a->rank * sizeof(a->shape[0])) == 0,
	    "a shape");
	must(memcmp(tensor_strides(a), tensor_strides(b), a->rank *
	    sizeof(uint64_t)) == 0, "strides");
	must(a->storage == b->storage && a->offset == b->offset,
	    "where a tensor is");
}

void
outcome_must_equal(const struct outcome *a, const struct outcome *b,
    const uint8_t *input)
{
	const pfork_checkpoint *x = a->ckpt;
	const pfork_checkpoint *y = b->ckpt;

	must(x->verdict == y->verdict, "the verdict");
	must(strcmp(x->format, y->format) == 0, "the format");
	must(x->storage_count == y->storage_count, "how many storages");
	for (size_t i = 0; i < x->storage_count; i++) {
		const struct storage *s = &x->storages[i];
		const struct storage *t = &y->storages[i];

		must(s->length == t->length, "a storage's length");
		must(s->length == 0 || memcmp(bytes_of(s, input),
		    bytes_of(t, input), s->length) == 0, "a storage's bytes");
	}
	must(x->tensor_count == y->tensor_count, "how many tensors");
	for (size_t i = 0; i < x->tensor_count; i++)
		same_tensor(&x->tensors[i], &y->tensors[i]);
	must(x->alias_count == y->alias_count, "how many aliases");
	for (size_t i = 0; i < x->alias_count; i++)
		must(strcmp(x->aliases[i].name, y->aliases[i].name) == 0 &&
		    x->aliases[i].target == y->aliases[i].target, "an alias");
	must(x->scalar_count == y->scalar_count, "how many scalars");
}
