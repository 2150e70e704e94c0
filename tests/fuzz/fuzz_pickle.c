/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_pickle.c - the pickle machine, the verdict and the walk over one stream
 * (bytes after STOP are read for the verdict).  Its output is judged like that
 * of a whole file.
 */
#include "formats.h"
#include "fuzz_job.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)fuzz_parse(data, size, GO_SCALARS, "pickle", pickle_file_parse);
	return 0;
}

FUZZ_MUTATOR(mutate_pickle)
