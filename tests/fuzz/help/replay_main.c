/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_main.c - a target as a plain program, without a fuzzer: runs each FILE
 * (or each file of a directory) through it once.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Custom mutators name it; nothing mutates here. */
size_t
LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	(void)data;
	(void)max_size;
	return size;
}

static int
replay_file(const char *path)
{
	struct file_bytes f;

	if (!file_bytes_read(path, &f))
		return 1;
	LLVMFuzzerTestOneInput(f.at, f.size);
	free(f.at);
	return 0;
}

int
main(int argc, char **argv)
{
	int failed = 0;
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;
		char path[4096];

		if (dir == NULL) {
			failed |= replay_file(argv[i]);
			count++;
			continue;
		}
		while ((entry = readdir(dir)) != NULL) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i],
			    entry->d_name);
			failed |= replay_file(path);
			count++;
		}
		closedir(dir);
	}
	printf("%u inputs replayed\n", count);
	return failed;
}
