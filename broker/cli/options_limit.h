/* SPDX-License-Identifier: Apache-2.0
 *
 * options_limit.h - --limit, for the table of options.c: the numbers it takes,
 * its names, and the advice to use it.
 */
#ifndef CLI_OPTIONS_LIMIT_H
#define CLI_OPTIONS_LIMIT_H

#include "cli.h"

/* Over 0; may end in K, M, G or T. */
bool limit_number(const char *text, uint64_t *number);
/* NAME=NUMBER: 0, or an exit code after a message. */
int limit_set(struct options *options, const char *value);

/* "raise it with --limit NAME=N (now 1G)", where the error is about a limit
 * and its text names it; false: it is not, and out is "". */
#define LIMIT_ADVICE 96
bool limit_advice(char out[LIMIT_ADVICE], const struct options *options,
    const pfork_error *err);

#endif
