/* SPDX-License-Identifier: Apache-2.0
 *
 * options_serve.c - see options_serve.h.
 */
#include "options_serve.h"

#include <stdlib.h>

/* pfork_options.parked_workers' own ceiling. */
#define PARKED_MAX 64

int
serve_set_socket(struct options *options, const char *value)
{
	options->socket = value;
	return 0;
}

int
serve_set_group(struct options *options, const char *value)
{
	options->group = value;
	return 0;
}

int
serve_set_parked(struct options *options, const char *value)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (value[0] >= '0' && value[0] <= '9' && *end == '\0' &&
	    number <= PARKED_MAX) {
		options->parked = (unsigned)number;
		options->parked_given = true;
		return 0;
	}
	return options_bad_value("parked", value, "a number from 0 to 64");
}
