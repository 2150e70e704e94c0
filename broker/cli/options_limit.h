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

#endif
