/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_file.h - a file's bytes, for the programs without a fuzzer.
 */
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_bytes {
	uint8_t *at;	/* exactly `size` of them, so that an overread is seen;
			 * free() it */
	size_t size;
};
/* False, and says why on stderr. */
bool file_bytes_read(const char *path, struct file_bytes *f);

#endif
