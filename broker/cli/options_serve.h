/* SPDX-License-Identifier: Apache-2.0
 *
 * options_serve.h - the options that `serve` alone takes, for the table of
 * options.c: 0, or an exit code after a message.
 */
#ifndef CLI_OPTIONS_SERVE_H
#define CLI_OPTIONS_SERVE_H

#include "cli.h"

int serve_set_socket(struct options *options, const char *value);
int serve_set_group(struct options *options, const char *value);
int serve_set_parked(struct options *options, const char *value);

#endif
