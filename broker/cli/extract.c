/* SPDX-License-Identifier: Apache-2.0
 *
 * extract.c - picklefork extract: one tensor as .npy or as bare bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "left_out.h"
#include "npy.h"
#include "output.h"
#include "pieces.h"
#include "print.h"
#include "progress.h"
#include "report.h"
#include "set.h"
#include "suffix.h"

#define HINTS 5
#define NOTES_SHOWN 12

static int
write_all(const struct output *o, const void *bytes, size_t length)
{
	const char *at = bytes;
	ssize_t put;

	while (length > 0) {
		put = write(o->fd, at, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && output_is_unread(errno))
			return EXIT_UNDECIDED;
		if (put < 0) {
			char *escaped = print_escape(o->path);

			complain("%s: cannot be written: %s", escaped,
			    strerror(errno));
			free(escaped);
			return EXIT_UNDECIDED;
		}
		at += put;
		length -= (size_t)put;
	}
	return 0;
}

static int
write_bytes(const struct options *options, const char *file,
    const pfork_tensor *t, const struct output *o)
{
	struct pieces pieces = { 0 };
	struct progress progress;
	pfork_error err;
	const void *bytes;
	size_t length = 1;
	int code = 0;

	progress_start(&progress, options->quiet, options->output, BYTES,
	    pfork_tensor_nbytes(t));
	pieces_start(&pieces, t);
	while (code == 0 && length > 0) {
		enum pfork_code got =
		    pieces_next(&pieces, &bytes, &length, &err);

		if (got != PFORK_OK) {
			complain_error(file, &err);
			code = exit_for(got);
		} else {
			code = write_all(o, bytes, length);
			atomic_fetch_add(&progress.done, length);
		}
	}
	progress_end(&progress);
	pieces_free(&pieces);
	return code;
}

static int
write_tensor(const struct options *options, const char *file,
    const pfork_tensor *t)
{
	char header[NPY_HEADER_MAX];
	struct output output;
	size_t length = 0;
	int code;

	if (!options->raw)
		length = npy_header(header, pfork_tensor_dtype(t),
		    pfork_tensor_shape(t), pfork_tensor_rank(t));
	if (!options->raw && length == 0) {
		complain("numpy has no dtype for %s; --raw writes the bare "
			 "bytes", pfork_tensor_dtype(t));
		return EXIT_UNDECIDED;
	}
	code = output_open(&output, options->output, options->force);
	if (code == 0)
		code = write_all(&output, header, length);
	if (code == 0)
		code = write_bytes(options, file, t, &output);
	if (code == 0)
		return output_commit(&output);
	output_abandon(&output);
	return code;
}

/* Names that contain what was asked for. */
static void
suggest(const pfork_checkpoint *ckpt, const char *name)
{
	size_t found = 0;

	for (size_t i = 0; i < pfork_checkpoint_count(ckpt) && found < HINTS;
	     i++) {
		const char *other =
		    pfork_tensor_name(pfork_checkpoint_at(ckpt, i));

		if (strcasestr(other, name) == NULL)
			continue;
		fprintf(stderr, found++ == 0 ? "  there is: " : "            ");
		print_text(stderr, other, strlen(other));
		fputc('\n', stderr);
	}
}

/* It is in the file, and could not be read. */
static int
tell_left_out(const char *file, const pfork_note *note)
{
	char *escaped = print_escape(file);
	char *text = print_escape(note->text);

	complain("%s: %s (%s)", escaped, text,
	    pfork_code_name(PFORK_E_UNSUPPORTED));
	free(text);
	free(escaped);
	return exit_for(PFORK_E_UNSUPPORTED);
}

static int
extract_one(const struct options *options, const pfork_checkpoint *ckpt)
{
	const char *name = options->files[1];
	const pfork_tensor *t = pfork_checkpoint_find(ckpt, name);
	pfork_note note;
	char *file;
	char *escaped;

	if (t != NULL)
		return write_tensor(options, options->files[0], t);
	if (left_out_find(ckpt, name, &note))
		return tell_left_out(options->files[0], &note);
	file = print_escape(options->files[0]);
	escaped = print_escape(name);
	complain("%s: no tensor is named '%s'; 'picklefork ls' shows the "
		 "names%s, and they are taken as `ls --json` has them", file,
	    escaped, left_out_names(ckpt) ? " that are listed, of more" : "");
	free(escaped);
	free(file);
	if (!options->quiet)
		suggest(ckpt, name);
	return EXIT_NOTHING;
}

/* What convert says of a file; that it is clean is no news. */
static void
show_verdict(const char *file, const pfork_checkpoint *ckpt)
{
	bool colours = print_colours(stderr);

	if (pfork_checkpoint_verdict(ckpt) != PFORK_CLEAN) {
		print_text(stderr, file, strlen(file));
		fputs(": ", stderr);
		report_verdict(stderr, pfork_checkpoint_verdict(ckpt), 0,
		    colours);
		fputc('\n', stderr);
	}
	suffix_report(stderr, file, ckpt, "  ");
	report_notes(stderr, ckpt, "  ", NOTES_SHOWN, colours);
}

int
extract_run(struct options *options)
{
	pfork_broker *broker = NULL;
	pfork_checkpoint *ckpt = NULL;
	struct progress progress;
	pfork_error err;
	int code;

	if (options->file_count != 2 || options->output == NULL) {
		complain("extract takes a file, a tensor's name and -o OUT; "
			 "see 'picklefork extract --help'");
		return EXIT_USAGE;
	}
	code = output_check(options->output, options->force);
	if (code == 0)
		code = open_broker_whole(options, &broker);
	if (code != 0)
		return code;
	if (!options->quiet)
		set_say_chosen(stderr, options->files[0]);
	progress_start(&progress, options->quiet, options->files[0], BYTES, 0);
	code = open_checkpoint(options, broker, options->files[0], &ckpt, &err);
	progress_end(&progress);
	if (ckpt != NULL && !options->quiet)
		show_verdict(options->files[0], ckpt);
	if (code == EXIT_DONE)
		code = extract_one(options, ckpt);
	else
		complain_load(options, options->files[0], &err);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
	return code;
}
