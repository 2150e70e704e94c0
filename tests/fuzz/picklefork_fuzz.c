/* SPDX-License-Identifier: Apache-2.0
 *
 * picklefork_fuzz.c - one input through the parser in this process, without a
 * jail: for a person with a crash, and for making seeds.  Never for files that
 * are not yours: nothing confines the parser here.
 *
 *   picklefork-fuzz replay FILE       what it says, with offsets and counts
 *   picklefork-fuzz frames FILE OUT   what it says, as it goes over the wire
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dtype.h"
#include "fuzz_file.h"
#include "fuzz_job.h"
#include "fuzz_session.h"
#include "machine.h"
#include "sink.h"
#include "zip.h"

static void
print_notes(const pfork_checkpoint *c)
{
	static const char *const levels[] = { "undecided", "clean", "unusual",
		"dangerous" };

	for (size_t i = 0; i < c->note_count; i++) {
		const struct note_entry *n = &c->notes[i];

		if (n->where == PFORK_NO_OFFSET)
			printf("note      %10s  %s: %s\n", "-", levels[n->level],
			    n->text);
		else
			printf("note      %10" PRIu64 "  %s: %s\n", n->where,
			    levels[n->level], n->text);
	}
}

static void
print_tensors(const pfork_checkpoint *c)
{
	for (size_t i = 0; i < c->storage_count; i++) {
		const struct storage *s = &c->storages[i];

		if (s->streamed)
			printf("storage   %10s  #%zu, %" PRIu64 " bytes made\n",
			    "-", i, s->length);
		else
			printf("storage   %10" PRIu64 "  #%zu, %" PRIu64
			    " bytes of the file\n", s->offset, i, s->length);
	}
	for (size_t i = 0; i < c->tensor_count; i++) {
		const struct pfork_tensor *t = &c->tensors[i];

		printf("tensor    %10s  %s: %s [", "-", t->name,
		    t->dtype->name);
		for (size_t j = 0; j < t->rank; j++)
			printf("%s%" PRIu64, j > 0 ? ", " : "", t->shape[j]);
		printf("], storage #%" PRIu32 " + %" PRIu64 "\n", t->storage,
		    t->offset);
	}
	for (size_t i = 0; i < c->alias_count; i++)
		printf("alias     %10s  %s = %s\n", "-", c->aliases[i].name,
		    c->tensors[c->aliases[i].target].name);
}

static void
print_end(const struct session *s)
{
	static const char *const verdicts[] = { "undecided", "clean", "unusual",
		"dangerous" };

	printf("verdict   %10s  %s\n", "-", verdicts[s->ckpt->verdict]);
	if (s->state == SAID_DONE)
		return;
	if (s->error.offset == PFORK_NO_OFFSET)
		printf("refused   %10s  %s\n", "-", s->error.text);
	else
		printf("refused   %10" PRIu64 "  %s\n", s->error.offset,
		    s->error.text);
}

/* The pickle of a torch archive, or the file itself. */
static struct pickle_source
pickle_of(struct job *job, const struct file_bytes *f)
{
	struct pickle_source source = { .at = f->at, .len = f->size,
		.in_file = true };
	const struct zip_member *m;
	struct zip zip;

	if (!zip_is(job))
		return source;
	zip_open(job, &zip);
	for (m = zip.members; m < zip.members + zip.count; m++)
		if (m->name_len >= 8 && memcmp(m->name + m->name_len - 8,
		    "data.pkl", 8) == 0) {
			source.at = zip_bytes(job, m);
			source.len = m->size;
			source.base = m->data;
			source.in_file = m->method == ZIP_STORED;
		}
	return source;
}

/* How much of a program the pickle is, as far as it goes. */
static void
print_opcodes(const struct file_bytes *f)
{
	struct job *job = fuzz_job(f->at, f->size, 0);
	struct pickle_source source;
	struct machine_result result = { 0 };
	struct machine_error error;
	struct graph g;

	if (setjmp(job->stop) != 0)
		return;
	job->sink = sink_new(job);
	source = pickle_of(job, f);
	graph_init(&g, job);
	if (machine_run(&g, &source, 0, true, &result, &error))
		printf("machine   %10" PRIu64 "  %" PRIu64 " opcodes, protocol "
		    "%u, %" PRIu32 " nodes\n", source.base + result.end,
		    result.opcodes, result.protocol, g.count);
	else
		printf("machine   %10" PRIu64 "  %s; %" PRIu32 " nodes\n",
		    error.where, error.text, g.count);
}

static int
replay(const struct file_bytes *f)
{
	struct job *job = fuzz_job(f->at, f->size, GO_SCALARS | GO_VERIFY);
	struct timespec from;
	struct timespec to;
	const uint8_t *sent;
	size_t length;
	size_t used;
	struct session *s;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &from);
	done = job_run(job);
	clock_gettime(CLOCK_MONOTONIC, &to);
	used = job->arena.used;
	sent = fuzz_sent(&length);
	s = fuzz_session_open(f->size, GO_SCALARS);
	if (s == NULL)
		return 70;
	fuzz_session_feed(s, sent, length);
	printf("format    %10s  %s\n", "-", s->ckpt->format[0] != '\0'
	    ? s->ckpt->format : "(none)");
	print_tensors(s->ckpt);
	print_notes(s->ckpt);
	print_end(s);
	if (s->state == ENDED && s->error.code == PFORK_E_PROTOCOL)
		printf("FINDING: the broker refuses what the parser sent\n");
	fuzz_session_must_hold(s);
	fuzz_session_close(s);
	printf("counts    %10zu  bytes of arena, %zu bytes sent, %.3f ms\n",
	    used, length, (double)(to.tv_sec - from.tv_sec) * 1e3 +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e6);
	print_opcodes(f);
	return done ? 0 : 1;
}

static int
frames(const struct file_bytes *f, const char *path)
{
	struct job *job = fuzz_job(f->at, f->size,
	    GO_SCALARS | GO_VERIFY | GO_PIECES);
	const uint8_t *sent;
	size_t length;
	FILE *out;

	(void)job_run(job);
	sent = fuzz_sent(&length);
	out = fopen(path, "wb");
	if (out == NULL || fwrite(sent, 1, length, out) != length ||
	    fclose(out) != 0) {
		perror(path);
		return 74;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct file_bytes f;
	int status = 64;

	if (argc < 3 || !file_bytes_read(argv[2], &f)) {
		fprintf(stderr, "usage: picklefork-fuzz replay FILE\n"
		    "       picklefork-fuzz frames FILE OUT\n");
		return 64;
	}
	if (strcmp(argv[1], "replay") == 0)
		status = replay(&f);
	else if (strcmp(argv[1], "frames") == 0 && argc > 3)
		status = frames(&f, argv[3]);
	free(f.at);
	return status;
}
