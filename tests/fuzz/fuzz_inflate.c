/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_inflate.c - the inflate wrapper: four bytes of declared size, then a raw
 * deflate stream.  What it accepts has exactly the declared length, and is the
 * same a second time.
 */
#include "cursor.h"
#include "fuzz_job.h"
#include "inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job *job = fuzz_job(data, size, 0);
	struct cursor c = cursor_over(data, size);
	uint64_t declared = cursor_u32le(&c) % (4 * MIB);
	const uint8_t *bytes;
	uint32_t crc;

	if (c.bad || setjmp(job->stop) != 0)
		return 0;
	bytes = inflate_raw(job, c.at, c.left, declared, 0);
	crc = inflate_crc32(bytes, declared);
	bytes = inflate_raw(job, c.at, c.left, declared, 0);
	if (inflate_crc32(bytes, declared) != crc ||
	    declared > 1032 * (uint64_t)c.left)
		__builtin_trap();
	return 0;
}
