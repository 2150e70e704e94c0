/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c - picklefork scan: the verdict on each of many files.  Files are read
 * by several workers at once; a report is made into memory by the thread that
 * read the file, and printed by whoever holds the lock: in the order of the
 * list, or with --jsonl as each is done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "print.h"
#include "progress.h"
#include "report.h"
#include "suffix.h"
#include "walk.h"

#define NOTES_SHOWN 8

struct result {
	char *text;		/* NULL: nothing to show */
	size_t length;
	enum pfork_verdict verdict;
	bool no_checkpoint;
	bool refused;		/* by a pin, or by --root */
	bool no_sandbox;
	bool done;
};

struct scan {
	const struct options *options;
	pfork_broker *broker;
	struct walk walk;
	struct result *results;
	size_t next;		/* to be scanned */
	size_t shown;		/* results printed, from the first */
	size_t counts[4];	/* by verdict */
	size_t refused;		/* of the undecided */
	size_t not_checkpoints;
	bool no_sandbox;
	bool colours;
	bool comma;
	struct progress progress;
	struct interrupt interrupt;
	bool signalled;
	pthread_mutex_t lock;
};

/* ------------------------------------------------------------ one file -- */

static void
text_report(FILE *out, const struct scan *s, const char *file,
    const pfork_checkpoint *ckpt, const pfork_error *err)
{
	enum pfork_verdict verdict = ckpt == NULL ?
	    PFORK_UNDECIDED : pfork_checkpoint_verdict(ckpt);

	report_verdict(out, verdict, 9, s->colours);
	fputs("  ", out);
	print_text(out, file, strlen(file));
	if (ckpt != NULL && pfork_checkpoint_format(ckpt)[0] != '\0')
		fprintf(out, "  (%s)", pfork_checkpoint_format(ckpt));
	fputc('\n', out);
	if (err->code != PFORK_OK) {
		fputs("    ", out);
		put_load_error(out, s->options, err);
	}
	suffix_report(out, file, ckpt, "    ");
	if (ckpt != NULL)
		report_notes(out, ckpt, "    ", NOTES_SHOWN, s->colours);
}

static void
judge(struct result *r, const pfork_checkpoint *ckpt, const pfork_error *err)
{
	r->verdict = ckpt == NULL ?
	    PFORK_UNDECIDED : pfork_checkpoint_verdict(ckpt);
	/* What was not read to its end is never clean, whatever was seen. */
	if (err->code != PFORK_OK && r->verdict != PFORK_DANGEROUS)
		r->verdict = PFORK_UNDECIDED;
	r->refused = err->code == PFORK_E_REFUSED;
	r->no_sandbox = err->code == PFORK_E_SANDBOX;
}

/* False: a signal has come, and what it did to the worker is no result. */
static bool
scan_file(struct scan *s, size_t index)
{
	const struct walk_file *file = &s->walk.files[index];
	struct result *r = &s->results[index];
	pfork_checkpoint *ckpt = NULL;
	pfork_error err = { .code = PFORK_OK };
	FILE *out = NULL;

	if (open_found(s->options, s->broker, file->top, file->path, &ckpt,
	    &err) == EXIT_DONE)
		err.code = PFORK_OK;
	if (err.code != PFORK_OK &&
	    interrupt_explains(&s->interrupt, err.code)) {
		pfork_checkpoint_unref(ckpt);
		return false;
	}
	r->no_checkpoint = file->top != NULL && is_no_checkpoint(ckpt, &err);
	if (!r->no_checkpoint)
		out = open_memstream(&r->text, &r->length);
	if (out != NULL) {
		struct json j = { out, false };

		if (s->options->json || s->options->jsonl)
			report_json(&j, s->options, file->path, ckpt, &err,
			    NULL);
		else
			text_report(out, s, file->path, ckpt, &err);
		if (fclose(out) != 0) {
			free(r->text);
			r->text = NULL;
		}
	}
	judge(r, ckpt, &err);
	pfork_checkpoint_unref(ckpt);
	return true;
}

/* ----------------------------------------------------------- the others -- */

static bool
makes_list(const struct scan *s)
{
	return s->options->json && !s->options->jsonl && s->walk.several;
}

static void
show(struct scan *s, struct result *r)
{
	if (r->text == NULL)
		return;
	if (makes_list(s)) {
		if (s->comma)
			fputc(',', stdout);
		s->comma = true;
	}
	fwrite(r->text, 1, r->length, stdout);
	if (s->options->jsonl)
		fputc('\n', stdout);
	free(r->text);
	r->text = NULL;
}

static void
count(struct scan *s, const struct result *r)
{
	if (r->no_checkpoint)
		s->not_checkpoints++;
	else
		s->counts[r->verdict]++;
	s->refused += r->refused && !r->no_checkpoint;
	s->no_sandbox |= !r->no_checkpoint && r->no_sandbox;
	atomic_fetch_add(&s->progress.done, 1);
}

static void
show_ready(struct scan *s, size_t index)
{
	s->results[index].done = true;
	if (s->options->jsonl)
		show(s, &s->results[index]);
	while (s->shown < s->walk.count && s->results[s->shown].done)
		show(s, &s->results[s->shown++]);
	/* For those who follow the output of a long scan. */
	if (s->options->jsonl || isatty(STDOUT_FILENO) == 1)
		fflush(stdout);
}

static void *
scan_files(void *context)
{
	struct scan *s = context;
	size_t index;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		index = s->no_sandbox || ferror(stdout) != 0 ? s->walk.count :
							       s->next++;
		pthread_mutex_unlock(&s->lock);
		if (index >= s->walk.count || !scan_file(s, index))
			return NULL;
		pthread_mutex_lock(&s->lock);
		show_ready(s, index);
		count(s, &s->results[index]);
		pthread_mutex_unlock(&s->lock);
	}
}

static void
run_threads(struct scan *s)
{
	size_t wanted = jobs_for(s->options, s->walk.count);
	pthread_t *threads;
	size_t started = 0;

	threads = calloc(wanted + 1, sizeof(*threads));
	while (threads != NULL && started + 1 < wanted &&
	    pthread_create(&threads[started], NULL, scan_files, s) == 0)
		started++;
	scan_files(s);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* What was broken off must not look finished. */
static void
print_stopped(const struct scan *s)
{
	uint64_t done = atomic_load(&s->progress.done);

	if (done < s->walk.count)
		fprintf(stderr, "stopped after %llu of %zu files: ",
		    (unsigned long long)done, s->walk.count);
	else if (s->signalled || ferror(stdout) != 0)
		fputs("stopped: ", stderr);
}

static void
print_summary(const struct scan *s)
{
	size_t scanned = 0;

	for (size_t i = 0; i < 4; i++)
		scanned += s->counts[i];
	/* The reader wanted no more, and nobody waits for a summary. */
	if (output_error() == EPIPE)
		return;
	print_stopped(s);
	fprintf(stderr, "%zu file%s: %zu clean, %zu unusual, %zu dangerous, "
			"%zu undecided", scanned, scanned == 1 ? "" : "s",
	    s->counts[PFORK_CLEAN], s->counts[PFORK_UNUSUAL],
	    s->counts[PFORK_DANGEROUS], s->counts[PFORK_UNDECIDED]);
	if (s->refused > 0)
		fprintf(stderr, " (%zu refused)", s->refused);
	if (s->not_checkpoints > 0)
		fprintf(stderr, "; %zu no checkpoint%s", s->not_checkpoints,
		    s->not_checkpoints == 1 ? "" : "s");
	walk_print_others(stderr, "; ", s->walk.others);
	if (s->walk.unread > 0)
		fprintf(stderr, "; %zu director%s not read", s->walk.unread,
		    s->walk.unread == 1 ? "y" : "ies");
	fputc('\n', stderr);
}

#define LOCK_SECONDS 1

/* By a signal.  A pipe whose reader has stopped must not hold us: who writes
 * into it has the lock, and nothing more is written into it. */
static void
say_stopped(void *context)
{
	struct scan *s = context;
	struct timespec until;
	struct stat st;
	bool locked;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOCK_SECONDS;
	locked = pthread_mutex_timedlock(&s->lock, &until) == 0;
	s->signalled = true;
	progress_end(&s->progress);
	if (locked && fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		fflush(stdout);
	if (s->options->quiet || !s->walk.several)
		return;
	if (locked)
		print_summary(s);
	else
		fprintf(stderr, "stopped after %llu of %zu files\n",
		    (unsigned long long)atomic_load(&s->progress.done),
		    s->walk.count);
}

static int
outcome(const struct scan *s)
{
	if (s->no_sandbox)
		return EXIT_SANDBOX;
	if (s->counts[PFORK_DANGEROUS] > 0 || s->refused > 0 ||
	    (s->options->strict && s->counts[PFORK_UNUSUAL] > 0))
		return EXIT_REFUSED;
	if (s->counts[PFORK_UNDECIDED] > 0 || s->walk.failed)
		return EXIT_UNDECIDED;
	if (s->counts[PFORK_CLEAN] + s->counts[PFORK_UNUSUAL] == 0)
		return EXIT_NOTHING;
	return EXIT_DONE;
}

static void
put_summary(const struct scan *s, struct json *j)
{
	json_object(j, "summary");
	json_u64(j, "clean", s->counts[PFORK_CLEAN]);
	json_u64(j, "unusual", s->counts[PFORK_UNUSUAL]);
	json_u64(j, "dangerous", s->counts[PFORK_DANGEROUS]);
	json_u64(j, "undecided", s->counts[PFORK_UNDECIDED]);
	json_u64(j, "refused", s->refused);
	json_u64(j, "not_checkpoints", s->not_checkpoints);
	json_u64(j, "not_looked_at", s->walk.others);
	json_u64(j, "unreadable_directories", s->walk.unread);
	json_object_end(j);
}

/* Several reports in one object: their own schema. */
static void
begin_reports(const struct scan *s)
{
	struct json j = { stdout, false };

	if (!makes_list(s))
		return;
	json_object(&j, NULL);
	json_string(&j, "schema", "picklefork.scan/1");
	json_array(&j, "reports");
}

static void
end_reports(const struct scan *s)
{
	struct json j = { stdout, false };

	if (makes_list(s)) {
		json_array_end(&j);
	} else if (s->options->jsonl && s->walk.unread > 0) {
		/* Else every file has a line, which is all there is to say. */
		json_object(&j, NULL);
		json_string(&j, "schema", "picklefork.scan/1");
	} else {
		if (s->options->json && !s->options->jsonl)
			json_newline(&j);
		return;
	}
	put_summary(s, &j);
	json_object_end(&j);
	json_newline(&j);
}

static int
scan_all(struct scan *s)
{
	s->results = calloc(s->walk.count + 1, sizeof(*s->results));
	if (s->results == NULL) {
		complain("no memory");
		return EXIT_INTERNAL;
	}
	pthread_mutex_init(&s->lock, NULL);
	progress_start(&s->progress, s->options->quiet ||
	    isatty(STDOUT_FILENO) == 1, "scan", FILES, s->walk.count);
	interrupt_start(&s->interrupt, say_stopped, s);
	begin_reports(s);
	run_threads(s);
	interrupt_end(&s->interrupt);
	end_reports(s);
	progress_end(&s->progress);
	fflush(stdout);
	if (!s->options->quiet && s->walk.several)
		print_summary(s);
	if (s->walk.count == 0 && !s->walk.failed)
		walk_complain_empty(s->walk.others, !s->options->quiet);
	for (size_t i = 0; i < s->walk.count; i++)
		free(s->results[i].text);
	free(s->results);
	pthread_mutex_destroy(&s->lock);
	return outcome(s);
}

int
scan_run(struct options *options)
{
	struct scan s = { .options = options };
	int code;

	if (options->file_count == 0) {
		complain("scan takes files or directories; see 'picklefork "
			 "scan --help'");
		return EXIT_USAGE;
	}
	if (options->digest && !options->json && !options->jsonl) {
		complain("scan --digest needs --json or --jsonl");
		return EXIT_USAGE;
	}
	if ((options->load.flags & PFORK_SCALARS) != 0 && !options->json &&
	    !options->jsonl) {
		complain("scan --scalars needs --json or --jsonl");
		return EXIT_USAGE;
	}
	s.colours = print_colours(stdout);
	/* What hides in the directory of another format is opened as well. */
	if (walk_list(&s.walk, options->files, options->file_count, WALK_FILES,
	    options->root)) {
		s.not_checkpoints = s.walk.empty;
		code = open_broker_for(options, s.walk.count, &s.broker);
	} else {
		complain("no memory");
		code = EXIT_INTERNAL;
	}
	if (code == EXIT_DONE)
		code = scan_all(&s);
	walk_free(&s.walk);
	pfork_broker_free(s.broker);
	return code;
}
