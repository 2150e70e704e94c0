/* SPDX-License-Identifier: Apache-2.0
 *
 * formats.c - by content, in this order; no contest, no fallback.
 */
#include "formats.h"

#include <string.h>

#include "looks.h"
#include "sink.h"
#include "tar.h"

const struct format formats[] = {
	{ "torch-distcp", torch_distcp_is, torch_distcp_parse },
	{ "torch-zip", torch_zip_is, torch_zip_parse },
	{ "torch-legacy", torch_legacy_is, torch_legacy_parse },
	{ "torch-dcp", torch_dcp_is, torch_dcp_parse },
	{ "torch-tar", torch_tar_is, torch_tar_parse },
	{ "gguf", gguf_is, gguf_parse },
	{ "npz", npz_is, npz_parse },
	{ "npy", npy_is, npy_parse },
	{ "safetensors", safetensors_is, safetensors_parse },
	{ "joblib", joblib_file_is, joblib_file_parse },
	{ "pickle", pickle_file_is, pickle_file_parse },
	{ "flax-msgpack", flax_is, flax_parse },
	{ "hf-index", hf_index_is, hf_index_parse },
	{ "agent-checkpoint", agent_checkpoint_is, agent_checkpoint_parse },
	{ "onnx", onnx_is, onnx_parse },
	{ NULL, NULL, NULL },
};

/* Of packed bytes only what is inside tells whether joblib made them. */
static void
tell(struct job *job, const struct format *f)
{
	if (f->parse == joblib_file_parse)
		sink_format_if_fault(job, f->name);
	else
		sink_format(job, f->name);
}

void
formats_parse(struct job *job)
{
	const struct format *chosen = NULL;
	const char *unread;
	const char *text;

	if (job->size == 0)
		die(job, FAULT_FORMAT, 0, "the file is empty");
	if ((job->flags & GO_RAW) != 0) {
		sink_format(job, "raw");
		(void)sink_extent(job, 0, job->size);
		return;
	}
	for (const struct format *f = formats; f->name != NULL; f++) {
		if (!f->is(job))
			continue;
		if (chosen == NULL) {
			chosen = f;
			tell(job, f);
			continue;
		}
		sink_format(job, chosen->name);
		sink_note_about(job, NOTE_POLYGLOT, VERDICT_DANGEROUS, 0,
		    "the file also reads as another format", f->name,
		    strlen(f->name));
	}
	if (chosen != NULL && chosen->parse != torch_tar_parse &&
	    tar_python_is(job))
		sink_note(job, NOTE_POLYGLOT, VERDICT_DANGEROUS, 0,
		    "the file also reads as a tar archive, in which torch.load "
		    "looks for pickles first");
	if (chosen == NULL) {
		text = looks_like(job, &unread);
		/* Named, so that nobody takes it for no checkpoint at all. */
		if (unread != NULL)
			sink_format(job, unread);
		die(job, FAULT_UNSUPPORTED, 0, text);
	}
	if ((job->flags & GO_DISTCP) != 0 &&
	    chosen->parse != torch_distcp_parse)
		die(job, FAULT_FORMAT, 0,
		    "no data file of a distributed checkpoint");
	chosen->parse(job);
}
