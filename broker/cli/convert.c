/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.c - picklefork convert: a checkpoint as safetensors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "print.h"
#include "progress.h"
#include "report.h"
#include "suffix.h"

#define NOTES_SHOWN 12

static bool
count_bytes(void *context, uint64_t done, uint64_t total)
{
	struct progress *p = context;

	atomic_store(&p->total, total);
	atomic_store(&p->done, done);
	return true;
}

static int
save(const struct options *options, const pfork_checkpoint *ckpt,
    const char *file, struct output *output, uint64_t *bytes)
{
	struct progress progress;
	pfork_save_options save_options = { .size = sizeof(save_options),
		.progress = count_bytes, .context = &progress };
	enum pfork_code code;
	pfork_error err;

	if (options->skip_unsupported)
		save_options.flags |= PFORK_SAVE_SKIP_UNSUPPORTED;
	if (options->clone_aliases)
		save_options.flags |= PFORK_SAVE_CLONE_ALIASES;
	progress_start(&progress, options->quiet, options->output, BYTES, 0);
	code = pfork_save_safetensors(ckpt, output->fd, &save_options, &err);
	progress_end(&progress);
	*bytes = atomic_load(&progress.done);
	if (code == PFORK_OK)
		return EXIT_DONE;
	complain_error(strncmp(err.text, "writing", 7) == 0 ? options->output :
							      file, &err);
	if (code == PFORK_E_UNSUPPORTED)
		complain("--skip-unsupported leaves such tensors out");
	return exit_for(code);
}

/* What --skip-unsupported left out, by name: nothing goes missing silently. */
static size_t
print_skipped(const pfork_checkpoint *ckpt)
{
	static const char *const lacking[] = { "C32", "C128", "BITS", "QU",
		"I4", "U4", "I2", "U2" };
	size_t skipped = 0;

	for (size_t i = 0; i < pfork_checkpoint_count(ckpt); i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);
		const char *dtype = pfork_tensor_dtype(t);
		bool lacks = strcmp(pfork_tensor_name(t), "__metadata__") == 0;

		for (size_t k = 0; k < sizeof(lacking) / sizeof(lacking[0]);
		     k++)
			lacks = lacks || strncmp(dtype, lacking[k],
			    strlen(lacking[k])) == 0;
		if (!lacks)
			continue;
		skipped++;
		fprintf(stderr, "  left out: %s ", dtype);
		print_text(stderr, pfork_tensor_name(t),
		    strlen(pfork_tensor_name(t)));
		fputc('\n', stderr);
	}
	return skipped;
}

static void
print_done(const struct options *options, const pfork_checkpoint *ckpt,
    const char *size)
{
	char *escaped = print_escape(options->output);
	size_t count = pfork_checkpoint_count(ckpt);

	if (options->skip_unsupported)
		count -= print_skipped(ckpt);
	fprintf(stderr, "%s: %zu tensor%s, %s; the file read is ",
	    strcmp(options->output, "-") == 0 ? "standard output" : escaped,
	    count, count == 1 ? "" : "s", size);
	report_verdict(stderr, pfork_checkpoint_verdict(ckpt), 0,
	    print_colours(stderr));
	fputc('\n', stderr);
	free(escaped);
}

static int
write_checkpoint(const struct options *options, const char *file,
    const pfork_checkpoint *ckpt)
{
	struct output output;
	char size[PRINT_SIZE];
	uint64_t bytes = 0;
	char *escaped;
	int code;

	if (pfork_checkpoint_count(ckpt) == 0) {
		escaped = print_escape(file);
		complain("%s: no tensors in it: nothing was written", escaped);
		free(escaped);
		return EXIT_NOTHING;
	}
	code = output_open(&output, options->output, options->force);
	if (code == 0)
		code = save(options, ckpt, file, &output, &bytes);
	if (code == 0)
		code = output_commit(&output);
	else
		output_abandon(&output);
	if (code != 0 || options->quiet)
		return code;
	print_size(size, bytes);
	print_done(options, ckpt, size);
	return code;
}

int
convert_run(struct options *options)
{
	const char *file = options->file_count == 1 ? options->files[0] : NULL;
	pfork_broker *broker = NULL;
	pfork_checkpoint *ckpt = NULL;
	struct progress progress;
	pfork_error err;
	int code;

	if (file == NULL || options->output == NULL) {
		complain("convert takes one file and -o OUT; see 'picklefork "
			 "convert --help'");
		return EXIT_USAGE;
	}
	if (options->refuse_at == PFORK_REFUSE_DEFAULT)
		options->refuse_at = PFORK_REFUSE_DANGEROUS;
	code = output_check(options->output, options->force);
	if (code == 0)
		code = open_broker(options, &broker);
	if (code != 0)
		return code;
	progress_start(&progress, options->quiet, file, BYTES, 0);
	code = open_checkpoint(options, broker, file, &ckpt, &err);
	progress_end(&progress);
	if (ckpt != NULL && !options->quiet) {
		suffix_report(stderr, file, ckpt, "  ");
		report_notes(stderr, ckpt, "  ", NOTES_SHOWN,
		    print_colours(stderr));
	}
	if (code == EXIT_DONE)
		code = write_checkpoint(options, file, ckpt);
	else
		complain_error(file, &err);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
	return code;
}
