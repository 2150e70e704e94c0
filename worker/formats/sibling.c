/* SPDX-License-Identifier: Apache-2.0
 *
 * sibling.c - see sibling.h.  Stricter than the file system: a backslash is no
 * part of a name, for who reads it on Windows would see a directory.
 */
#include "sibling.h"

#include <string.h>

#include "sink.h"

enum verdict
sibling_level(const uint8_t *name, size_t length)
{
	if (length > 0 && (name[0] == '/' ||
	    memchr(name, '\0', length) != NULL))
		return VERDICT_DANGEROUS;
	for (size_t i = 0; i + 1 < length; i++)
		if (name[i] == '.' && name[i + 1] == '.')
			return VERDICT_DANGEROUS;
	return VERDICT_CLEAN;
}

void
sibling_judge(struct job *job, const uint8_t *name, size_t length,
    uint64_t where, const struct sibling_texts *texts)
{
	enum verdict level = sibling_level(name, length);
	const char *why = texts->leads_out;

	if (length == 0 || length > FILE_NAME_MAX)
		why = texts->empty;
	else if (sink_file_is_sibling(name, length) &&
	    memchr(name, '\\', length) == NULL)
		return;
	sink_note_about(job, NOTE_RECORD, level == VERDICT_CLEAN ?
	    VERDICT_UNUSUAL : level, where, why, name, length);
	die_about(job, FAULT_FORMAT, where, why, name, length);
}
