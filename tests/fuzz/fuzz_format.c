/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_format.c - one format's parser alone, by its name in formats.c; compiled
 * once for each name in FUZZ_FORMATS (mk/fuzz.mk).  Bytes that the format does
 * not recognise end there.
 */
#include <string.h>

#include "formats.h"
#include "fuzz_job.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct format *f = formats;
	uint32_t flags = GO_SCALARS | GO_VERIFY | GO_PIECES;

	/* What the broker says of such a file. */
	if (strcmp(FUZZ_FORMAT, "torch-distcp") == 0)
		flags |= GO_DISTCP;
	while (f->name != NULL && strcmp(f->name, FUZZ_FORMAT) != 0)
		f++;
	if (f->name == NULL)
		__builtin_trap();
	if (size > 0 && f->is(fuzz_job(data, size, flags)))
		(void)fuzz_parse(data, size, flags, f->name, f->parse);
	return 0;
}

FUZZ_MUTATOR(mutate_any)
