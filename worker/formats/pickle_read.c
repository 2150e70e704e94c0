/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle_read.c - see pickle_read.h.  The order matters: what was built before
 * an error is reported before the error ends the job, since a real unpickler
 * would have run it by then.
 */
#include "pickle_read.h"

#include <string.h>

#include "sink.h"
#include "verdict.h"

static bool
run(struct graph *g, const struct pickle_source *source,
    struct machine_result *result, struct machine_error *error)
{
	vref first = g->next;
	bool whole = machine_run(g, source, 0, false, result, error);

	verdict_nodes(g, first);
	if (g->array_code)
		verdict_plain(g, source);
	if (whole)
		verdict_rest(g, source, result->end);
	return whole;
}

vref
pickle_run(struct graph *g, const struct pickle_source *source)
{
	struct machine_result result;
	struct machine_error error;

	if (!run(g, source, &result, &error))
		die(g->job, error.code, error.where, error.text);
	return result.value;
}

void
pickle_read(struct graph *g, const struct pickle_source *source,
    struct storage_home *home)
{
	walk_tensors(g, pickle_run(g, source), home);
}

vref
pickle_read_aside(struct graph *g, const struct pickle_source *source)
{
	struct machine_result result;
	struct machine_error error;

	if (!run(g, source, &result, &error))
		sink_note_about(g->job, NOTE_RECORD, VERDICT_UNUSUAL,
		    error.where, "a record that is no whole pickle",
		    error.text, strlen(error.text));
	return result.value;
}

bool
pickle_no_storages(struct storage_home *home, const uint8_t *key,
    size_t key_len, uint64_t where, uint32_t *id, uint64_t *bytes,
    const uint8_t **data)
{
	(void)id;
	(void)bytes;
	(void)data;
	die_about(home->job, FAULT_FORMAT, where,
	    "a pickle that is alone has no storage records", key, key_len);
}
