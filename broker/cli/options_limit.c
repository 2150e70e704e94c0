/* SPDX-License-Identifier: Apache-2.0
 *
 * options_limit.c - see options_limit.h.
 */
#include "options_limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The defaults, which picklefork.h has in words, as --limit takes them. */
static const struct limit_name {
	const char *name;
	size_t at;
	const char *standard;
} limit_names[] = {
#define LIMIT(name, standard) { #name, offsetof(pfork_limits, name), standard }
	LIMIT(input_bytes, "4T"),
	LIMIT(arena_bytes, "1G"),
	LIMIT(streamed_bytes, "16G"),
	LIMIT(contiguous_bytes, "8 times the input and 1G"),
	LIMIT(tensors, "1000000"),
	LIMIT(nodes, "20000000"),
	LIMIT(nesting, "1000"),
	LIMIT(notes, "10000"),
	LIMIT(names_bytes, "256M"),
	LIMIT(wall_ms, "300000"),
	LIMIT(stall_ms, "30000"),
	LIMIT(cpu_seconds, "120"),
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

static uint64_t
given(const struct options *options, const struct limit_name *limit)
{
	uint64_t number;

	memcpy(&number, (const char *)&options->limits + limit->at,
	    sizeof(number));
	return number;
}

/* Sets what was 0, and that alone: one of two numbers would be forgotten. */
static int
set(struct options *options, const struct limit_name *limit, uint64_t number)
{
	if (given(options, limit) != 0) {
		complain("--limit %s is given twice", limit->name);
		return EXIT_USAGE;
	}
	memcpy((char *)&options->limits + limit->at, &number, sizeof(number));
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

/* -------------------------------------------------------------- advice -- */

/* "the limit tensors", "the limit `tensors`" or "(tensors)": some names are
 * everyday words. */
static bool
names(const char *text, const char *name)
{
	static const char before[] = "limit ";
	size_t length = strlen(name);

	for (const char *at = strstr(text, name); at != NULL;
	     at = strstr(at + 1, name)) {
		const char *start = at;
		char next = at[length];

		if (next == '_' || (next >= 'a' && next <= 'z'))
			continue;
		if (start > text && start[-1] == '(' && next == ')')
			return true;
		start -= start > text && start[-1] == '`';
		if (start - text >= (ptrdiff_t)sizeof(before) - 1 &&
		    memcmp(start - (sizeof(before) - 1), before,
		    sizeof(before) - 1) == 0)
			return true;
	}
	return false;
}

static void
put_number(char *out, size_t size, uint64_t number)
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	size_t unit = 0;

	while (unit < 4 && number >= 1024 && number % 1024 == 0) {
		number /= 1024;
		unit++;
	}
	snprintf(out, size, "%llu%s", (unsigned long long)number, units[unit]);
}

bool
limit_advice(char out[LIMIT_ADVICE], const struct options *options,
    const pfork_error *err)
{
	char now[32];
	bool lower;

	out[0] = '\0';
	/* A worker that could not reserve what it may use. */
	lower = err->code == PFORK_E_SYSTEM && err->errnum == ENOMEM;
	if (err->code != PFORK_E_LIMIT && err->code != PFORK_E_TIMEOUT &&
	    !lower)
		return false;
	for (size_t i = 0; i < NAMES; i++) {
		uint64_t number = given(options, &limit_names[i]);

		if (!names(err->text, limit_names[i].name))
			continue;
		if (number != 0)
			put_number(now, sizeof(now), number);
		snprintf(out, LIMIT_ADVICE, "%s it with --limit %s=N (now %s)",
		    lower ? "lower" : "raise", limit_names[i].name,
		    number != 0 ? now : limit_names[i].standard);
		return true;
	}
	return false;
}
