/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_planted.c - a parser with one bug of each kind that the harness must see,
 * chosen by the first byte: planted.sh runs them.  No target of its own.
 */
#include <stdlib.h>
#include <time.h>

#include "dtype.h"
#include "fuzz_job.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A number that no compiler knows. */
static volatile uint64_t eight = 8;
static volatile int32_t largest = INT32_MAX;

static void
hang(void)
{
	clock_t until = clock() + CLOCKS_PER_SEC * 5 / 4;

	while (clock() < until)
		;
}

static void
tensor_over(struct job *job, uint64_t count)
{
	static const uint64_t stride = 1;
	static const struct path_part part = { (const uint8_t *)"w", 1,
		PATH_KEY };
	struct tensor_out out = { .path = { &part, 1, NULL },
		.dtype = DTYPE_U8, .rank = 1, .shape = &count,
		.strides = &stride, .where = WIRE_NO_OFFSET };

	out.storage = sink_extent(job, 0, job->size);
	sink_tensor(job, &out);
}

static void
parse(struct job *job)
{
	uint8_t *block = arena_alloc(&job->arena, 8, 1);
	void *volatile large;

	switch (job->map[0]) {
	case 'h':
		hang();
		break;
	case 'm':
		large = malloc((size_t)(eight * 40 * MIB));
		free(large);
		break;
	case 't': /* one element more than the input has */
		tensor_over(job, job->size + 1);
		break;
	case 'e': /* not one */
		tensor_over(job, job->size);
		break;
	case 'r': /* one byte behind a block of the arena */
		block[eight] = 1;
		break;
	case 'o':
		block[job->map[job->size - 1 + (eight - 7)]] = 1;
		break;
	case 'u':
		largest += (int32_t)eight;
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		(void)fuzz_parse(data, size, 0, "gguf", parse);
	return 0;
}
