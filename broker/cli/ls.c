/* SPDX-License-Identifier: Apache-2.0
 *
 * ls.c - picklefork ls: the tensors of one checkpoint.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "parts.h"
#include "print.h"
#include "progress.h"
#include "report.h"
#include "set.h"
#include "suffix.h"
#include "walk.h"

/* Shapes wider than this push their line instead of widening the column. */
#define SHAPE_COLUMN_MAX 32
#define NOTES_SHOWN 12

struct columns {
	int dtype;
	int shape;
};

static struct columns
measure(const pfork_checkpoint *ckpt)
{
	struct columns c = { 5, 5 };

	for (size_t i = 0; i < pfork_checkpoint_count(ckpt); i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);
		size_t shape = print_shape(NULL, 0, pfork_tensor_shape(t),
		    pfork_tensor_rank(t));
		int dtype = (int)strlen(pfork_tensor_dtype(t));

		if (dtype > c.dtype)
			c.dtype = dtype;
		if (shape > SHAPE_COLUMN_MAX)
			shape = SHAPE_COLUMN_MAX;
		if ((int)shape > c.shape)
			c.shape = (int)shape;
	}
	return c;
}

/* text, and blanks to the width, and two more. */
static void
put_column(const char *text, int width)
{
	size_t length = strlen(text);

	fwrite_unlocked(text, 1, length, stdout);
	for (; length < (size_t)width + 2; length++)
		putc_unlocked(' ', stdout);
}

static void
print_row(const struct columns *c, const pfork_tensor *t, const uint8_t *sha256)
{
	/* 64 dimensions of 20 digits and ", " each. */
	char shape[64 * 22 + 3];
	char size[PRINT_SIZE];
	const char *name = pfork_tensor_name(t);

	print_shape(shape, sizeof(shape), pfork_tensor_shape(t),
	    pfork_tensor_rank(t));
	print_size(size, pfork_tensor_nbytes(t));
	put_column(pfork_tensor_dtype(t), c->dtype);
	put_column(shape, c->shape);
	printf("%10s  ", size);
	if (sha256 != NULL) {
		for (size_t i = 0; i < DIGEST_BYTES; i++)
			printf("%02x", sha256[i]);
		printf("  ");
	}
	print_text(stdout, name, strlen(name));
	putchar('\n');
}

static void
print_aliases(const struct columns *c, const pfork_checkpoint *ckpt,
    bool digest)
{
	const char *target;
	pfork_alias alias;

	for (size_t i = 0; pfork_checkpoint_alias(ckpt, i, &alias); i++) {
		printf("%-*s  %-*s  %10s  %*s", c->dtype, "alias", c->shape, "",
		    "", digest ? 2 * DIGEST_BYTES + 2 : 0, "");
		target = pfork_tensor_name(alias.target);
		print_text(stdout, alias.name, strlen(alias.name));
		printf(" -> ");
		print_text(stdout, target, strlen(target));
		putchar('\n');
	}
}

static void
print_scalar(const pfork_scalar *s)
{
	char number[PRINT_DOUBLE];
	char *big;

	printf("%-6s  ", report_scalar_kind(s->kind));
	print_text(stdout, s->name, strlen(s->name));
	printf(" = ");
	switch (s->kind) {
	case PFORK_SCALAR_NULL:
		printf("None");
		break;
	case PFORK_SCALAR_BOOL:
		printf("%s", s->i != 0 ? "True" : "False");
		break;
	case PFORK_SCALAR_INT:
		printf("%lld", (long long)s->i);
		break;
	case PFORK_SCALAR_FLOAT:
		print_double(number, s->f);
		printf("%s", number);
		break;
	case PFORK_SCALAR_BIGINT:
		big = report_bigint(s->bytes, s->length);
		printf("%s", big == NULL ? "?" : big);
		free(big);
		break;
	case PFORK_SCALAR_TEXT:
		print_quoted(stdout, (const char *)s->bytes, s->length);
		break;
	case PFORK_SCALAR_BYTES:
		for (size_t i = 0; i < s->length; i++)
			printf("%02x", s->bytes[i]);
		break;
	}
	if (s->length < s->full_length)
		printf(" ... (%llu bytes)", (unsigned long long)s->full_length);
	putchar('\n');
}

static void
print_scalars(const pfork_checkpoint *ckpt)
{
	pfork_scalar s;

	for (size_t i = 0; pfork_checkpoint_scalar(ckpt, i, &s); i++)
		print_scalar(&s);
}

static int
print_tensors(const struct options *options, const char *file,
    const pfork_checkpoint *ckpt, _Atomic(uint64_t) *digested)
{
	struct columns c = measure(ckpt);
	struct digest *digest = options->digest ? digest_new() : NULL;
	uint8_t sha256[DIGEST_BYTES];
	pfork_error err;
	int code = EXIT_DONE;

	if (options->digest && digest == NULL) {
		complain("OpenSSL offers no SHA-256");
		return EXIT_INTERNAL;
	}
	for (size_t i = 0; code == EXIT_DONE && ferror(stdout) == 0 &&
	     i < pfork_checkpoint_count(ckpt); i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);

		if (digest != NULL && digest_tensor(digest, t, sha256,
		    digested, &err) != PFORK_OK) {
			complain_error(file, &err);
			code = exit_for(err.code);
		} else {
			print_row(&c, t, digest != NULL ? sha256 : NULL);
		}
	}
	digest_free(digest);
	if (code == EXIT_DONE)
		print_aliases(&c, ckpt, options->digest);
	return code;
}

/* Named: one of a directory, whose heading went to standard output. */
static void
print_summary(const char *file, const pfork_checkpoint *ckpt, bool named)
{
	bool colours = print_colours(stderr);
	size_t count = pfork_checkpoint_count(ckpt);
	size_t aliases = pfork_checkpoint_alias_count(ckpt);
	char size[PRINT_SIZE];

	/* The table comes first, also where both go to one terminal. */
	fflush(stdout);
	print_size(size, report_bytes(ckpt));
	if (named) {
		print_text(stderr, file, strlen(file));
		fputs(": ", stderr);
	}
	fprintf(stderr, "%s: %zu tensor%s", pfork_checkpoint_format(ckpt),
	    count, count == 1 ? "" : "s");
	if (aliases > 0)
		fprintf(stderr, ", %zu alias%s", aliases,
		    aliases == 1 ? "" : "es");
	fprintf(stderr, ", %s; ", size);
	report_verdict(stderr, pfork_checkpoint_verdict(ckpt), 0, colours);
	fputc('\n', stderr);
	suffix_report(stderr, file, ckpt, "  ");
	report_notes(stderr, ckpt, "  ", NOTES_SHOWN, colours);
}

/* On a terminal the rows themselves show how far it is, and the line would
 * get between them. */
static bool
hide_progress(const struct options *options)
{
	return options->quiet || !options->digest ||
	    isatty(STDOUT_FILENO) == 1;
}

static int
show_text(const struct options *options, const char *file,
    const pfork_checkpoint *ckpt, int code, const pfork_error *err)
{
	struct progress progress;
	int digests;

	if (code != EXIT_DONE) {
		if (ckpt != NULL && !options->quiet) {
			suffix_report(stderr, file, ckpt, "  ");
			report_notes(stderr, ckpt, "  ", NOTES_SHOWN,
			    print_colours(stderr));
		}
		complain_load(options, file, err);
		return code;
	}
	progress_start(&progress, hide_progress(options), file, BYTES,
	    report_bytes(ckpt));
	digests = print_tensors(options, file, ckpt, &progress.done);
	progress_end(&progress);
	print_scalars(ckpt);
	if (!options->quiet)
		print_summary(file, ckpt, file != options->files[0]);
	return digests;
}

static int
show_json(const struct options *options, const char *file,
    const pfork_checkpoint *ckpt, int code, pfork_error *err)
{
	struct json j = { stdout, false };
	struct progress progress;

	progress_start(&progress, hide_progress(options), file, BYTES,
	    ckpt == NULL ? 0 : report_bytes(ckpt));
	report_json(&j, options, file, ckpt, err, &progress.done);
	progress_end(&progress);
	json_newline(&j);
	if (err->code != PFORK_OK && !options->quiet)
		complain_load(options, file, err);
	return code == EXIT_DONE ? exit_for(err->code) : code;
}

static int
show(const struct options *options, const char *file, pfork_checkpoint *ckpt,
    int code, pfork_error *err)
{
	if (code == EXIT_DONE)
		err->code = PFORK_OK;
	return options->json ? show_json(options, file, ckpt, code, err) :
	    show_text(options, file, ckpt, code, err);
}

static int
open_file(struct options *options, pfork_broker *broker, const char *top,
    const char *file, pfork_checkpoint **ckpt, pfork_error *err)
{
	struct progress progress;
	int code;

	progress_start(&progress, options->quiet, file, BYTES, 0);
	code = open_found(options, broker, top, file, ckpt, err);
	progress_end(&progress);
	return code;
}

static int
list_file(struct options *options, pfork_broker *broker, const char *file)
{
	pfork_checkpoint *ckpt = NULL;
	pfork_error err = { .code = PFORK_OK };
	int code = open_file(options, broker, NULL, file, &ckpt, &err);

	code = show(options, file, ckpt, code, &err);
	pfork_checkpoint_unref(ckpt);
	return code;
}

/* ----------------------------------------------------------- directories -- */

struct listing {
	struct options *options;
	pfork_broker *broker;
	size_t shown;
	size_t no_checkpoints;	/* counted alone */
	size_t of_sets;		/* files whose tensors have been listed */
	struct parts parts;
	int worst;
};

static void
print_heading(const struct listing *l, const char *path)
{
	if (l->options->json)
		return;
	if (l->shown > 0)
		putchar('\n');
	print_text(stdout, path, strlen(path));
	printf(":\n");
	/* What goes to stderr stands below it, also on one terminal. */
	fflush(stdout);
}

/* As in a scan: a file that is refused outweighs one that could not be read. */
static bool
is_worse(int code, int than)
{
	if (code == EXIT_REFUSED && than == EXIT_UNDECIDED)
		return true;
	return code > than && !(code == EXIT_UNDECIDED && than == EXIT_REFUSED);
}

static void
list_entry(struct listing *l, const struct walk_file *file)
{
	pfork_checkpoint *ckpt = NULL;
	pfork_error err = { .code = PFORK_OK };
	int code = EXIT_UNDECIDED;

	if (parts_has(&l->parts, file->path)) {
		l->of_sets++;
		return;
	}
	if (file->directory == NULL) {
		code = open_file(l->options, l->broker, file->top, file->path,
		    &ckpt, &err);
	} else {
		err.code = PFORK_E_UNSUPPORTED;
		err.offset = PFORK_NO_OFFSET;
		snprintf(err.text, sizeof(err.text), "%s", file->directory);
	}
	if (code != EXIT_DONE && is_no_checkpoint(ckpt, &err)) {
		l->no_checkpoints++;
	} else if (code == EXIT_DONE &&
	    parts_takes(&l->parts, file->path, ckpt)) {
		l->of_sets++;
	} else {
		if (code == EXIT_DONE && !parts_add(&l->parts, file->path,
		    ckpt))
			complain("no memory for the names of files");
		print_heading(l, file->path);
		l->shown++;
		code = show(l->options, file->path, ckpt, code, &err);
		if (is_worse(code, l->worst))
			l->worst = code;
	}
	pfork_checkpoint_unref(ckpt);
}

/* What was in the directory, and is not in the list. */
static void
print_passed_over(const struct listing *l, const struct walk *w)
{
	const char *before = "picklefork: ";

	if (l->no_checkpoints + l->of_sets + w->others == 0)
		return;
	flockfile(stderr);
	if (l->no_checkpoints > 0) {
		fprintf(stderr, "%s%zu file%s no checkpoint%s", before,
		    l->no_checkpoints, l->no_checkpoints == 1 ? " is" : "s are",
		    l->no_checkpoints == 1 ? "" : "s");
		before = "; ";
	}
	if (l->of_sets > 0) {
		fprintf(stderr, "%s%zu file%s to a set that is listed", before,
		    l->of_sets, l->of_sets == 1 ? " belongs" : "s belong");
		before = "; ";
	}
	walk_print_others(stderr, before, w->others);
	fputc('\n', stderr);
	funlockfile(stderr);
}

static int
list_entries(struct listing *l, const struct walk *w)
{
	l->no_checkpoints = w->empty;
	for (size_t i = 0; i < w->count && ferror(stdout) == 0; i++)
		list_entry(l, &w->files[i]);
	fflush(stdout);
	if (w->count == 0 && w->empty == 0 && !w->failed)
		walk_complain_empty(w->others, false);
	else if (l->shown == 0 || !l->options->quiet)
		print_passed_over(l, w);
	if (l->worst == EXIT_DONE && (w->failed || l->shown == 0))
		l->worst = w->failed ? EXIT_UNDECIDED : EXIT_NOTHING;
	return l->worst;
}

/* Each file under its name; the worst exit code is that of all. */
static int
list_directory(struct options *options)
{
	struct listing l = { .options = options };
	struct walk w = { 0 };
	int code;

	if (!walk_list(&w, options->files, 1, WALK_DIRECTORIES,
	    options->root)) {
		complain("no memory for the names of files");
		return EXIT_INTERNAL;
	}
	/* One after the other. */
	options->jobs = 1;
	code = open_broker_for(options, w.count, &l.broker);
	if (code == EXIT_DONE)
		code = list_entries(&l, &w);
	pfork_broker_free(l.broker);
	parts_free(&l.parts);
	walk_free(&w);
	return code;
}

int
ls_run(struct options *options)
{
	pfork_broker *broker = NULL;
	char inside[PATH_MAX];
	struct stat st;
	int code;

	if (options->file_count != 1) {
		complain("ls takes one file; see 'picklefork ls --help'");
		return EXIT_USAGE;
	}
	if (stat(options->files[0], &st) == 0 && S_ISDIR(st.st_mode) &&
	    !set_is_directory(options->files[0], inside, sizeof(inside)))
		return list_directory(options);
	code = (options->digest ? open_broker_whole : open_broker)(options,
	    &broker);
	if (code == EXIT_DONE)
		code = list_file(options, broker, options->files[0]);
	pfork_broker_free(broker);
	return code;
}
