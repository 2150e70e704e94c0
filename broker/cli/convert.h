/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.h - one file to one file, for convert of one and of many.
 */
#ifndef CLI_CONVERT_H
#define CLI_CONVERT_H

#include "cli.h"
#include "interrupt.h"

struct conversion {
	const struct options *options;
	const char *file;
	const char *output;	/* "-": standard output */
	struct out_tree *tree;	/* NULL, or what the output is made in */
	FILE *say;		/* what was done; errors are complained of */
	size_t *left_out;	/* NULL, or set to how many tensors are not in
				 * the output */
	const struct interrupt *interrupt; /* NULL, or what is not complained
				 * of once it has come */
	const char *top;	/* found beneath it: no word when no checkpoint;
				 * NULL: named */
	bool progress;		/* shows a line on a terminal */
};

/* An exit code; EXIT_NOTHING: no tensors in it, or found and no checkpoint. */
int convert_file(const struct conversion *c, pfork_broker *broker);
/* Several, to options->out_dir. */
int convert_many(struct options *options);

#endif
