/* SPDX-License-Identifier: Apache-2.0
 *
 * convert_many.c - picklefork convert --out-dir: many files, several at a time.
 * The names of the outputs are made from those of the files, which may be
 * anybody's: out_tree.c keeps them in the one directory that was given.  Must
 * never write anything before all of them are known to differ.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "out_tree.h"
#include "parts.h"
#include "print.h"
#include "interrupt.h"
#include "progress.h"
#include "set.h"
#include "walk.h"

struct entry {
	char *path;
	char *output;
	const char *top;	/* found beneath it; NULL: named */
	bool set;		/* .. and a directory that is one checkpoint */
	bool dropped;		/* .. and no checkpoint */
	bool part;		/* .. or, dropped too, of a set */
};

struct many {
	const struct options *options;
	pfork_broker *broker;
	struct entry *entries;
	size_t count;
	size_t capacity;
	size_t others;		/* in trees, and not looked at */
	size_t of_sets;		/* found, and the tensors are in a set's */
	bool tree_failed;
	struct out_tree tree;
	struct progress progress;
	struct interrupt interrupt;
	/* What follows is the lock's. */
	pthread_mutex_t lock;
	size_t next;
	size_t converted;
	size_t refused;
	size_t failed;
	size_t empty;		/* named, and without tensors */
	size_t left_out;	/* tensors, of those converted */
	size_t passed_over;	/* found, and no checkpoint or no tensors */
	bool no_sandbox;
};

/* ------------------------------------------------------------ the list -- */

static int
no_memory(void)
{
	complain("no memory");
	return EXIT_INTERNAL;
}

/* Takes path, which may be NULL; top: what was searched when it was found.  0,
 * or an exit code after a message. */
static int
add(struct many *m, const char *top, char *path)
{
	struct entry *e;
	char *escaped;

	if (path == NULL)
		return no_memory();
	if (m->count == m->capacity) {
		size_t capacity = m->capacity == 0 ? 64 : m->capacity * 2;

		e = reallocarray(m->entries, capacity, sizeof(*e));
		if (e == NULL) {
			free(path);
			return no_memory();
		}
		m->entries = e;
		m->capacity = capacity;
	}
	e = &m->entries[m->count++];
	*e = (struct entry){ .path = path, .top = top };
	e->output = out_tree_name(m->options->out_dir, top, path);
	if (e->output != NULL)
		return 0;
	if (errno != EINVAL)
		return no_memory();
	escaped = print_escape(path);
	complain("%s: no name for its output can be made of that", escaped);
	free(escaped);
	return EXIT_USAGE;
}

/* A directory that is one checkpoint is one entry, as without --out-dir. */
static int
add_argument(struct many *m, const char *argument)
{
	char inside[PATH_MAX];
	struct walk walk;
	int code = 0;

	if (set_in_directory(argument, inside, sizeof(inside)))
		return add(m, NULL, strdup(argument));
	if (!walk_list(&walk, &argument, 1, WALK_SETS,
	    m->options->root))
		code = no_memory();
	for (size_t i = 0; code == 0 && i < walk.count; i++) {
		code = add(m, walk.files[i].top, walk.files[i].path);
		walk.files[i].path = NULL;
		if (code == 0)
			m->entries[m->count - 1].set = walk.files[i].set;
	}
	m->tree_failed |= walk.failed;
	m->passed_over += walk.empty;
	m->others += walk.others;
	walk_free(&walk);
	return code;
}

/* ---------------------------------------------------------- collisions -- */

static int
by_output(const void *a, const void *b)
{
	const struct entry *const *x = a;
	const struct entry *const *y = b;

	return strcmp((*x)->output, (*y)->output);
}

/* README and config of one name are no collision, only checkpoints are.  It is
 * asked where it matters alone. */
static void
drop_others(const struct many *m, struct entry *e)
{
	pfork_checkpoint *ckpt;
	pfork_error err = { .code = PFORK_OK };

	if (e->top == NULL || e->dropped)
		return;
	(void)open_found(m->options, m->broker, e->top, e->path, &ckpt,
	    &err);
	e->dropped = is_no_checkpoint(ckpt, &err);
	pfork_checkpoint_unref(ckpt);
}

static void
drop_part(struct many *m, struct entry *e)
{
	e->dropped = true;
	e->part = true;
	m->of_sets++;
}

/* What may have parts, or be one that only its content tells.  False: no
 * memory. */
static bool
open_for_parts(struct many *m, struct entry *e, struct parts *parts)
{
	pfork_checkpoint *ckpt;
	pfork_error err;
	bool fine = true;

	if (open_found(m->options, m->broker, e->top, e->path, &ckpt,
	    &err) ==
	    EXIT_DONE) {
		if (e->top != NULL && !e->set &&
		    parts_takes(parts, e->path, ckpt))
			drop_part(m, e);
		else
			fine = parts_add(parts, e->path, ckpt);
	}
	pfork_checkpoint_unref(ckpt);
	return fine;
}

/* The files of an index or of a directory that is one checkpoint become one
 * output.  They come after it in the list; one that is refused or broken has no
 * parts. */
static int
drop_parts(struct many *m)
{
	struct parts parts = { 0 };
	bool fine = true;

	for (size_t i = 0; fine && i < m->count; i++) {
		struct entry *e = &m->entries[i];

		if (e->top != NULL && parts_has(&parts, e->path))
			drop_part(m, e);
		else if (e->set || walk_is_index(e->path) ||
		    parts_beside(&parts, e->path))
			fine = open_for_parts(m, e, &parts);
	}
	parts_free(&parts);
	return fine ? 0 : no_memory();
}

static int
tell_collision(const struct entry *a, const struct entry *b)
{
	char *one = print_escape(a->path);
	char *other = print_escape(b->path);
	char *output = print_escape(a->output);

	complain("%s and %s would both be %s: nothing was written", one, other,
	    output);
	free(one);
	free(other);
	free(output);
	return EXIT_USAGE;
}

/* Sorted: those of one output stand together. */
static int
judge_sorted(const struct many *m, struct entry **sorted)
{
	struct entry *kept = NULL;
	int code = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct entry *e = sorted[i];
		bool like_last = i > 0 &&
		    strcmp(e->output, sorted[i - 1]->output) == 0;
		bool like_next = i + 1 < m->count &&
		    strcmp(e->output, sorted[i + 1]->output) == 0;

		if (!like_last)
			kept = NULL;
		if (like_last || like_next)
			drop_others(m, e);
		if (e->dropped)
			continue;
		if (kept != NULL)
			code = tell_collision(kept, e);
		kept = e;
	}
	return code;
}

static int
judge_names(struct many *m)
{
	struct entry **sorted = calloc(m->count + 1,
	    sizeof(*sorted)); /* NOLINT: pointers */
	int code;

	if (sorted == NULL)
		return no_memory();
	for (size_t i = 0; i < m->count; i++)
		sorted[i] = &m->entries[i];
	qsort(sorted, m->count, sizeof(struct entry *), by_output);
	code = judge_sorted(m, sorted);
	free(sorted);
	for (size_t i = 0; code == 0 && i < m->count; i++)
		if (!m->entries[i].dropped)
			code = out_tree_check(&m->tree, m->entries[i].output,
			    m->options->force);
	return code;
}

/* ------------------------------------------------------------- the work -- */

/* Under the lock. */
static void
count_outcome(struct many *m, const struct entry *e, size_t left_out, int code)
{
	m->left_out += left_out;
	if (code == EXIT_DONE)
		m->converted++;
	else if (code == EXIT_REFUSED)
		m->refused++;
	else if (code == EXIT_NOTHING && e->top != NULL)
		m->passed_over += !e->part;
	else if (code == EXIT_NOTHING)
		m->empty++;
	else
		m->failed++;
	m->no_sandbox |= code == EXIT_SANDBOX;
	atomic_fetch_add(&m->progress.done, 1);
}

/* What there is to say about one file comes in one piece.  False: a signal has
 * come, and what it did to the worker is no outcome. */
static bool
convert_entry(struct many *m, const struct entry *e)
{
	size_t left_out = 0;
	struct conversion c = { .options = m->options, .file = e->path,
		.output = e->output, .tree = &m->tree, .left_out = &left_out,
		.top = e->top, .interrupt = &m->interrupt };
	char *text = NULL;
	size_t length = 0;
	int code = EXIT_NOTHING;
	bool stopped = false;
	bool said = false;

	if (!e->dropped) {
		c.say = open_memstream(&text, &length);
		code = c.say == NULL ? no_memory() :
		    convert_file(&c, m->broker);
		stopped = code != EXIT_DONE && interrupt_came(&m->interrupt);
		said = c.say != NULL && fclose(c.say) == 0;
	}
	if (!stopped) {
		pthread_mutex_lock(&m->lock);
		if (said)
			fwrite(text, 1, length, stderr);
		count_outcome(m, e, left_out, code);
		pthread_mutex_unlock(&m->lock);
	}
	free(text);
	return !stopped;
}

static void *
convert_entries(void *context)
{
	struct many *m = context;
	size_t index;

	for (;;) {
		pthread_mutex_lock(&m->lock);
		index = m->no_sandbox ? m->count : m->next++;
		pthread_mutex_unlock(&m->lock);
		if (index >= m->count ||
		    !convert_entry(m, &m->entries[index]))
			return NULL;
	}
}

static void
run_threads(struct many *m)
{
	size_t wanted = jobs_for(m->options, m->count);
	pthread_t *threads;
	size_t started = 0;

	threads = calloc(wanted + 1, sizeof(*threads));
	while (threads != NULL && started + 1 < wanted && pthread_create(
	    &threads[started], NULL, convert_entries, m) == 0)
		started++;
	convert_entries(m);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void
print_summary(const struct many *m)
{
	fprintf(stderr, "%zu converted, %zu refused, %zu failed, %zu without "
			"tensors", m->converted, m->refused, m->failed,
	    m->empty);
	if (m->left_out > 0)
		fprintf(stderr, "; %zu tensor%s left out", m->left_out,
		    m->left_out == 1 ? "" : "s");
	if (m->passed_over > 0)
		fprintf(stderr, "; %zu no checkpoint%s", m->passed_over,
		    m->passed_over == 1 ? "" : "s");
	if (m->of_sets > 0)
		fprintf(stderr, "; %zu in sets", m->of_sets);
	walk_print_others(stderr, "; ", m->others);
	fputc('\n', stderr);
}

/* By a signal; the lock is never held for long. */
static void
say_stopped(void *context)
{
	struct many *m = context;

	pthread_mutex_lock(&m->lock);
	out_tree_stop(&m->tree);
	progress_end(&m->progress);
	if (m->options->quiet)
		return;
	fprintf(stderr, "stopped after %llu of %zu files: ",
	    (unsigned long long)atomic_load(&m->progress.done), m->count);
	print_summary(m);
}

static int
outcome(const struct many *m)
{
	if (m->no_sandbox)
		return EXIT_SANDBOX;
	if (m->refused > 0)
		return EXIT_REFUSED;
	if (m->failed > 0 || m->tree_failed)
		return EXIT_UNDECIDED;
	return m->empty > 0 || m->converted == 0 ? EXIT_NOTHING : EXIT_DONE;
}

static int
convert_all(struct many *m)
{
	int code = drop_parts(m);

	if (code == 0)
		code = judge_names(m);
	if (code != 0)
		return code;
	pthread_mutex_init(&m->lock, NULL);
	progress_start(&m->progress, m->options->quiet, "convert", FILES,
	    m->count);
	interrupt_start(&m->interrupt, say_stopped, m);
	run_threads(m);
	interrupt_end(&m->interrupt);
	progress_end(&m->progress);
	out_tree_tidy(&m->tree);
	pthread_mutex_destroy(&m->lock);
	if (!m->options->quiet)
		print_summary(m);
	if (m->count == 0 && m->passed_over == 0 && !m->tree_failed)
		walk_complain_empty(m->others, !m->options->quiet);
	return outcome(m);
}

int
convert_many(struct options *options)
{
	struct many m = { .options = options };
	int code = out_tree_open(&m.tree, options->out_dir);

	for (size_t i = 0; code == 0 && i < options->file_count; i++)
		code = add_argument(&m, options->files[i]);
	if (code == 0)
		code = open_broker_for(options, m.count, &m.broker);
	if (code == 0)
		code = convert_all(&m);
	pfork_broker_free(m.broker);
	out_tree_close(&m.tree);
	for (size_t i = 0; i < m.count; i++) {
		free(m.entries[i].path);
		free(m.entries[i].output);
	}
	free(m.entries);
	return code;
}
