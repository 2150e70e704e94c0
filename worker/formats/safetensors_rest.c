/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_rest.c - see safetensors_rest.h.  No tensor comes from there;
 * what begins as a pickle is read for the verdict, for whoever appended it may
 * have told somebody where to look.
 */
#include "safetensors_rest.h"

#include "pickle_read.h"
#include "sink.h"
#include "wrapped.h"

void
safetensors_rest(struct job *job, uint64_t where)
{
	struct pickle_source rest = {
		.at = job->map + where, .len = job->size - where,
		.base = where, .in_file = true
	};
	struct graph graph;

	if ((job->flags & GO_LENIENT) == 0)
		die(job, FAULT_FORMAT, where,
		    "safetensors: bytes after the last tensor, which only "
		    "--lenient (PFORK_LENIENT) takes");
	sink_note(job, NOTE_RECORD, VERDICT_UNUSUAL, where,
	    "safetensors: bytes after the last tensor");
	if (rest.at[0] != 0x80)
		return;
	graph_init(&graph, job);
	pickle_read_aside(&graph, &rest);
	wrapped_unopened(&graph);
}
