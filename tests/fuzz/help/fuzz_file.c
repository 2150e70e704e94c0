/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_file.c - see fuzz_file.h.
 */
#include "fuzz_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

bool
file_bytes_read(const char *path, struct file_bytes *f)
{
	FILE *file = fopen(path, "rb");
	struct stat st;

	if (file == NULL || fstat(fileno(file), &st) != 0 ||
	    !S_ISREG(st.st_mode)) {
		perror(path);
		if (file != NULL)
			fclose(file);
		return false;
	}
	f->at = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (f->at == NULL)
		abort();
	f->size = fread(f->at, 1, (size_t)st.st_size, file);
	fclose(file);
	return true;
}
