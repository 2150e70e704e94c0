/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_names.c - the broker's table of names beside a list that is searched from
 * end to end.  The bytes are names, each ended by a NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

#define NAMES 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
find(char *const names[], uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return UINT32_MAX;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct name_table table = { .seed = { 1, 2 } };
	char *names[NAMES];
	uint32_t count = 0;

	while (size > 0 && count < NAMES) {
		size_t length = strnlen((const char *)data, size);
		char *name = strndup((const char *)data, length);
		uint32_t known = find(names, count, name);

		if (name_table_find(&table, name) != known ||
		    name_table_add(&table, name, count) !=
		    (known == UINT32_MAX))
			__builtin_trap();
		if (known == UINT32_MAX)
			names[count++] = name;
		else
			free(name);
		length += length < size;
		data += length;
		size -= length;
	}
	for (uint32_t i = 0; i < count; i++)
		if (name_table_find(&table, names[i]) != i)
			__builtin_trap();
	name_table_free(&table);
	while (count > 0)
		free(names[--count]);
	return 0;
}
