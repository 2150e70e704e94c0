/* SPDX-License-Identifier: Apache-2.0
 *
 * formats.h - the formats that we read, in a fixed order, by content and never
 * by extension.  The first that says yes is the answer; another that also says
 * yes makes the file a polyglot, which is reported.  No contest, no fallback.
 */
#ifndef WORKER_FORMATS_H
#define WORKER_FORMATS_H

#include "job.h"

struct format {
	const char *name;
	/* Looks, judges nothing, never dies. */
	bool (*is)(struct job *job);
	/* Emits through the sink; returns at the end or dies. */
	void (*parse)(struct job *job);
};

/* Ends with a zeroed entry. */
extern const struct format formats[];

/* Recognise and parse; dies with FAULT_UNSUPPORTED when nothing fits, naming
 * what it looks like where that can be told. */
void formats_parse(struct job *job);

/* One file a format.  See docs/FORMATS.md. */
bool torch_zip_is(struct job *job);
void torch_zip_parse(struct job *job);
bool torch_distcp_is(struct job *job);
void torch_distcp_parse(struct job *job);
bool torch_dcp_is(struct job *job);
void torch_dcp_parse(struct job *job);
bool torch_legacy_is(struct job *job);
void torch_legacy_parse(struct job *job);
bool gguf_is(struct job *job);
void gguf_parse(struct job *job);
bool npz_is(struct job *job);
void npz_parse(struct job *job);
bool npy_is(struct job *job);
void npy_parse(struct job *job);
bool safetensors_is(struct job *job);
void safetensors_parse(struct job *job);
bool torch_tar_is(struct job *job);
void torch_tar_parse(struct job *job);
bool joblib_file_is(struct job *job);
void joblib_file_parse(struct job *job);
bool pickle_file_is(struct job *job);
void pickle_file_parse(struct job *job);
bool hf_index_is(struct job *job);
void hf_index_parse(struct job *job);
bool agent_checkpoint_is(struct job *job);
void agent_checkpoint_parse(struct job *job);
bool onnx_is(struct job *job);
void onnx_parse(struct job *job);
bool flax_is(struct job *job);
void flax_parse(struct job *job);

#endif
