/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c - picklefork convert: a checkpoint as safetensors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "left_out.h"
#include "out_tree.h"
#include "output.h"
#include "print.h"
#include "progress.h"
#include "report.h"
#include "set.h"
#include "suffix.h"

#define NOTES_SHOWN 12

/* What becomes of the names of tensors. */
struct told {
	FILE *out;		/* NULL, or for those that are left out */
	char *text;		/* .. a line each */
	size_t length;
	size_t written;
	size_t aliases;
	size_t left_out;
};

struct saving {
	struct progress progress;
	struct output *output;
	struct told *told;
};

static bool
count_bytes(void *context, uint64_t done, uint64_t total)
{
	struct saving *s = context;

	atomic_store(&s->progress.total, total);
	atomic_store(&s->progress.done, done);
	output_written(s->output, done);
	return true;
}

static uint32_t
save_flags(const struct options *options)
{
	uint32_t flags = 0;

	if (options->skip_unsupported)
		flags |= PFORK_SAVE_SKIP_UNSUPPORTED;
	if (options->clone_aliases)
		flags |= PFORK_SAVE_CLONE_ALIASES;
	return flags;
}

/* What --skip-unsupported leaves out, by name: nothing goes missing
 * silently. */
static void
tell_name(void *context, const char *name, const pfork_tensor *tensor,
    enum pfork_saved saved)
{
	const struct saving *s = context;
	struct told *told = s->told;

	told->written += saved == PFORK_SAVED_WRITTEN;
	told->aliases += saved == PFORK_SAVED_ALIAS;
	if (saved != PFORK_SAVED_LEFT_OUT)
		return;
	told->left_out++;
	fprintf(told->out, "  left out: %s ", pfork_tensor_dtype(tensor));
	print_text(told->out, name, strlen(name));
	fputc('\n', told->out);
}

static int
explain(const struct conversion *c, const pfork_checkpoint *ckpt,
    const pfork_error *err)
{
	if (output_is_unread(err->errnum))
		return exit_for(err->code);
	complain_error(strncmp(err->text, "writing", 7) == 0 ? c->output :
							       c->file, err);
	if (err->code != PFORK_E_UNSUPPORTED)
		return exit_for(err->code);
	/* Otherwise the notes have said it. */
	if (c->options->quiet)
		left_out_print(stderr, ckpt, "  ");
	complain(left_out_count(ckpt) == 0 && left_out_names(ckpt) ?
	    "--skip-unsupported goes on with the names that are listed" :
	    "--skip-unsupported leaves such tensors out");
	return exit_for(err->code);
}

static int
save(const struct conversion *c, const pfork_checkpoint *ckpt,
    struct output *output, struct told *told, uint64_t *bytes)
{
	struct saving saving = { .output = output, .told = told };
	pfork_save_options save_options = { .size = sizeof(save_options),
		.flags = save_flags(c->options), .progress = count_bytes,
		.context = &saving };
	enum pfork_code code;
	pfork_error err;

	if (told->out != NULL)
		save_options.each = tell_name;
	progress_start(&saving.progress, !c->progress, c->output, BYTES, 0);
	code = pfork_save_safetensors(ckpt, output->fd, &save_options, &err);
	progress_end(&saving.progress);
	*bytes = atomic_load(&saving.progress.done);
	return code == PFORK_OK ? EXIT_DONE : explain(c, ckpt, &err);
}

/* It is any text of the author's: none of it is taken over. */
static bool
has_metadata(const pfork_checkpoint *ckpt)
{
	pfork_note note;

	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++)
		if (note.kind == PFORK_NOTE_METADATA)
			return true;
	return false;
}

static void
print_done(const struct conversion *c, const pfork_checkpoint *ckpt,
    const struct told *told, uint64_t bytes)
{
	char size[PRINT_SIZE];
	char *escaped = print_escape(c->output);

	print_size(size, bytes);
	fprintf(c->say, "%s: %zu tensor%s, %s",
	    strcmp(c->output, "-") == 0 ? "standard output" : escaped,
	    told->written, told->written == 1 ? "" : "s", size);
	if (told->left_out > 0)
		fprintf(c->say, "; %zu left out", told->left_out);
	if (told->aliases > 0)
		fprintf(c->say, "; %zu other name%s of theirs %s in "
				"__metadata__ (--clone-aliases writes %s)",
		    told->aliases, told->aliases == 1 ? "" : "s",
		    told->aliases == 1 ? "is" : "are",
		    told->aliases == 1 ? "it" : "them");
	if (left_out_names(ckpt))
		fputs("; there are more names, which are not listed", c->say);
	if (has_metadata(ckpt))
		fputs("; the text in its __metadata__ is not copied "
		      "(ls --scalars shows it)", c->say);
	fputs("; the file read is ", c->say);
	report_verdict(c->say, pfork_checkpoint_verdict(ckpt), 0,
	    print_colours(stderr));
	fputc('\n', c->say);
	free(escaped);
}

/* What was written and what was not, those that were not read too. */
static void
tell(const struct conversion *c, const pfork_checkpoint *ckpt,
    struct told *told, uint64_t bytes)
{
	fwrite(told->text, 1, told->length, c->say);
	told->left_out += left_out_count(ckpt);
	if (c->left_out != NULL)
		*c->left_out = told->left_out;
	print_done(c, ckpt, told, bytes);
}

/* A checkpoint of no tensors; of those that it has not, nothing is said but
 * under the option, for otherwise saving it is an error. */
static int
write_nothing(const struct conversion *c, size_t left_out)
{
	char *escaped;

	if (c->top != NULL && left_out == 0)
		return EXIT_NOTHING;
	escaped = print_escape(c->file);
	if (left_out == 0)
		complain("%s: no tensors in it: nothing was written", escaped);
	else
		complain("%s: no tensors but the %zu left out: nothing was "
			 "written", escaped, left_out);
	free(escaped);
	return EXIT_NOTHING;
}

static int
open_output(const struct conversion *c, struct output *output)
{
	if (c->tree == NULL)
		return output_open(output, c->output, c->options->force);
	return out_tree_output(c->tree, output, c->output, c->options->force);
}

static int
write_output(const struct conversion *c, const pfork_checkpoint *ckpt,
    struct told *told, uint64_t *bytes)
{
	struct output output;
	int code = open_output(c, &output);

	if (code != 0)
		return code;
	code = save(c, ckpt, &output, told, bytes);
	if (code == 0)
		return output_commit(&output);
	output_abandon(&output);
	return code;
}

/* The words wait until the output is there. */
static int
write_and_tell(const struct conversion *c, const pfork_checkpoint *ckpt)
{
	struct told told = { 0 };
	uint64_t bytes = 0;
	int code;

	told.out = open_memstream(&told.text, &told.length);
	if (told.out == NULL) {
		complain("no memory");
		return EXIT_INTERNAL;
	}
	code = write_output(c, ckpt, &told, &bytes);
	if (fclose(told.out) != 0 && code == 0) {
		complain("no memory");
		code = EXIT_INTERNAL;
	}
	if (code == 0)
		tell(c, ckpt, &told, bytes);
	free(told.text);
	return code;
}

static int
write_checkpoint(const struct conversion *c, const pfork_checkpoint *ckpt)
{
	size_t left_out = left_out_count(ckpt);
	struct told untold = { 0 };
	uint64_t bytes;

	if (pfork_checkpoint_count(ckpt) == 0 &&
	    (left_out == 0 || c->options->skip_unsupported))
		return write_nothing(c, left_out);
	return c->options->quiet ? write_output(c, ckpt, &untold, &bytes) :
				   write_and_tell(c, ckpt);
}

int
convert_file(const struct conversion *c, pfork_broker *broker)
{
	pfork_checkpoint *ckpt = NULL;
	pfork_error err = { .code = PFORK_OK };
	struct progress progress;
	int code;

	if (!c->options->quiet)
		set_say_chosen(c->say, c->file);
	progress_start(&progress, !c->progress, c->file, BYTES, 0);
	code = open_found(c->options, broker, c->top, c->file, &ckpt, &err);
	progress_end(&progress);
	if (code != EXIT_DONE && c->interrupt != NULL &&
	    interrupt_explains(c->interrupt, err.code)) {
		pfork_checkpoint_unref(ckpt);
		return code;
	}
	if (code != EXIT_DONE && c->top != NULL &&
	    is_no_checkpoint(ckpt, &err)) {
		pfork_checkpoint_unref(ckpt);
		return EXIT_NOTHING;
	}
	if (ckpt != NULL && !c->options->quiet) {
		suffix_report(c->say, c->file, ckpt, "  ");
		report_notes(c->say, ckpt, "  ", NOTES_SHOWN,
		    print_colours(stderr));
	}
	if (code == EXIT_DONE)
		code = write_checkpoint(c, ckpt);
	else
		complain_load(c->options, c->file, &err);
	pfork_checkpoint_unref(ckpt);
	return code;
}

/* What is wrong with the command line; NULL: it asks for one file. */
static const char *
wrong_usage(const struct options *options)
{
	if (options->file_count == 0)
		return "no file to convert is given";
	if (options->out_dir != NULL && options->output != NULL)
		return "-o is for one file, --out-dir for several: not both";
	if (options->out_dir != NULL)
		return NULL;
	if (options->file_count > 1)
		return "several files need --out-dir DIR";
	if (options->output == NULL)
		return "no output is given: -o OUT, or --out-dir DIR";
	if (options->jobs != 0)
		return "--jobs needs --out-dir DIR";
	return NULL;
}

int
convert_run(struct options *options)
{
	struct conversion c = { .options = options, .output = options->output,
		.say = stderr, .progress = !options->quiet };
	const char *wrong = wrong_usage(options);
	pfork_broker *broker = NULL;
	int code;

	if (wrong != NULL) {
		complain("%s; see 'picklefork convert --help'", wrong);
		return EXIT_USAGE;
	}
	if (options->refuse_at == PFORK_REFUSE_DEFAULT)
		options->refuse_at = PFORK_REFUSE_DANGEROUS;
	if (options->out_dir != NULL)
		return convert_many(options);
	c.file = options->files[0];
	code = output_check(options->output, options->force);
	if (code == 0)
		code = open_broker_whole(options, &broker);
	if (code == 0)
		code = convert_file(&c, broker);
	pfork_broker_free(broker);
	return code;
}
