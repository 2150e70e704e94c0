/* SPDX-License-Identifier: Apache-2.0
 *
 * options_limit.c - see options_limit.h.
 */
#include "options_limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct limit_name {
	const char *name;
	size_t at;
} limit_names[] = {
#define LIMIT(name) { #name, offsetof(pfork_limits, name) }
	LIMIT(input_bytes), LIMIT(arena_bytes), LIMIT(streamed_bytes),
	LIMIT(contiguous_bytes), LIMIT(tensors), LIMIT(nodes), LIMIT(nesting),
	LIMIT(notes), LIMIT(names_bytes), LIMIT(wall_ms), LIMIT(stall_ms),
	LIMIT(cpu_seconds),
#undef LIMIT
};
#define NAMES (sizeof(limit_names) / sizeof(limit_names[0]))

/* 0 in pfork_limits means the default, so it is no number here. */
bool
limit_number(const char *text, uint64_t *number)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || n == 0)
		return false;
	*number = n;
	if (*end == '\0')
		return true;
	unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
	if (unit == NULL || end[1] != '\0')
		return false;
	for (const char *u = units; u <= unit; u++)
		if (__builtin_mul_overflow(*number, 1024u, number))
			return false;
	return true;
}

static int
unknown_name(void)
{
	flockfile(stderr);
	fputs("picklefork: --limit: the names are", stderr);
	for (size_t i = 0; i < NAMES; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", limit_names[i].name);
	fputc('\n', stderr);
	funlockfile(stderr);
	return EXIT_USAGE;
}

/* Sets what was 0, and that alone: one of two numbers would be forgotten. */
static int
set(struct options *options, const struct limit_name *limit, uint64_t number)
{
	char *at = (char *)&options->limits + limit->at;
	uint64_t before;

	memcpy(&before, at, sizeof(before));
	if (before != 0) {
		complain("--limit %s is given twice", limit->name);
		return EXIT_USAGE;
	}
	memcpy(at, &number, sizeof(number));
	return 0;
}

int
limit_set(struct options *options, const char *value)
{
	const char *equals = strchr(value, '=');
	char name[32];
	uint64_t number;

	if (equals == NULL || (size_t)(equals - value) >= sizeof(name))
		return options_bad_value("limit", value, "NAME=NUMBER");
	for (size_t i = 0; value + i <= equals; i++)
		name[i] = value[i] == '-' ? '_' : value[i];
	name[equals - value] = '\0';
	if (!limit_number(equals + 1, &number))
		return options_bad_value("limit", value,
		    "NAME=NUMBER with a number over 0");
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(limit_names[i].name, name) == 0)
			return set(options, &limit_names[i], number);
	return unknown_name();
}
