/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c - runs one job from its first byte to Done or Fault, and holds the one
 * way to fail.  die() never returns to a parser: it jumps back to job_run, so
 * that no parser has to unwind.  Trusts nothing in the input; makes no system
 * call; the bytes leave through the sink alone.
 */
#include "job.h"

#include <string.h>

#include "formats.h"
#include "sink.h"

/* Appends text to the fault as printable ASCII: what else a name from the file
 * holds becomes \xNN, and a backslash two, so that a fault is always valid
 * UTF-8 and says which bytes they were.  Cuts at the end. */
static size_t
add_text(struct job_fault *fault, size_t used, const uint8_t *at, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < length; i++) {
		if (at[i] >= 0x20 && at[i] < 0x7f) {
			bool twice = at[i] == '\\';

			if (used + twice >= FAULT_TEXT_MAX)
				break;
			if (twice)
				fault->text[used++] = '\\';
			fault->text[used++] = (char)at[i];
			continue;
		}
		if (used + 4 > FAULT_TEXT_MAX)
			break;
		fault->text[used++] = '\\';
		fault->text[used++] = 'x';
		fault->text[used++] = digits[at[i] >> 4];
		fault->text[used++] = digits[at[i] & 15];
	}
	fault->text[used] = '\0';
	return used;
}

uint64_t
job_where(const struct job *job, uint64_t where)
{
	if (job->window.depth == 0 || where == WIRE_NO_OFFSET)
		return where;
	return job->window.in_file ? job->window.base + where :
	    job->window.where;
}

bool
job_read_at(const struct job *job, uint64_t offset, void *out, size_t length)
{
	if (job->window.depth == 0)
		return job->read_at(job->context, offset, out, length);
	if (offset > job->size || length > job->size - offset)
		return false;
	memcpy(out, job->map + offset, length);
	return true;
}

void
die(struct job *job, enum fault_code code, uint64_t where, const char *text)
{
	job->fault.code = code;
	job->fault.where = job_where(job, where);
	(void)add_text(&job->fault, 0, (const uint8_t *)text, strlen(text));
	longjmp(job->stop, 1);
}

void
die_about(struct job *job, enum fault_code code, uint64_t where,
    const char *text, const void *name, size_t length)
{
	struct job_fault *fault = &job->fault;
	size_t used;

	fault->code = code;
	fault->where = job_where(job, where);
	used = add_text(fault, 0, (const uint8_t *)text, strlen(text));
	used = add_text(fault, used, (const uint8_t *)": '", 3);
	used = add_text(fault, used, name, length);
	(void)add_text(fault, used, (const uint8_t *)"'", 1);
	longjmp(job->stop, 1);
}

static void arena_is_full(void *context) __attribute__((noreturn));

static void
arena_is_full(void *context)
{
	die(context, FAULT_LIMIT, WIRE_NO_OFFSET,
	    "the file needs more memory than the limit (arena_bytes)");
}

bool
job_run(struct job *job)
{
	const uint8_t *const map = job->map;
	const uint64_t size = job->size;

	memset(&job->fault, 0, sizeof job->fault);
	job->sink = NULL;
	job->arena.full = arena_is_full;
	job->arena.context = job;
	if (setjmp(job->stop) == 0) {
		job->sink = sink_new(job);
		formats_parse(job);
		sink_done(job);
		return true;
	}
	/* die() lands here, maybe from inside a file in the file. */
	job->map = map;
	job->size = size;
	memset(&job->window, 0, sizeof job->window);
	/* Should sending the Fault fail as well, then it lands below and
	 * nothing more is said: silence is a refusal too. */
	if (job->sink != NULL && setjmp(job->stop) == 0)
		sink_fault(job);
	return false;
}
