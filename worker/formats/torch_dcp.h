/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_dcp.h - what the files of the distributed checkpoint's metadata share;
 * for them alone.
 */
#ifndef WORKER_TORCH_DCP_H
#define WORKER_TORCH_DCP_H

#include "pickle_read.h"
#include "unique.h"

/* The classes of the pickle, torch/distributed/checkpoint/metadata.py and
 * filesystem.py. */
enum dcp_class {
	DCP_METADATA,
	DCP_TENSOR,		/* TensorStorageMetadata */
	DCP_BYTES,		/* BytesStorageMetadata */
	DCP_CHUNK,		/* ChunkStorageMetadata */
	DCP_PROPERTIES,		/* TensorProperties */
	DCP_INDEX,		/* MetadataIndex */
	DCP_STORED		/* _StorageInfo */
};

/* One value of storage_data: where a chunk is. */
struct dcp_stored {
	uint64_t hash;
	const uint8_t *key;
	uint32_t key_len;
	bool packed;		/* by an extension, zstd for one */
	bool used;
	bool sent;	/* the broker was told of it, and opens the file */
	uint64_t where;
	const uint8_t *file;	/* a sibling's name */
	size_t file_len;
	uint64_t offset;
	uint64_t length;
};

struct dcp {
	struct job *job;
	struct graph graph;
	/* storage_data, in the file's order: what is said of it must not
	 * depend on the hashes' seed. */
	struct dcp_stored *stored;
	uint32_t count;
	/* Open addressing, at most half full: 0, or a number in `stored` and
	 * 1. */
	uint32_t *slots;
	uint32_t mask;
	struct unique names;
	struct unique left_out;
	uint64_t sent;		/* tensors */
	uint64_t packed;	/* left out because of that */
	const struct dcp_stored *hidden;	/* an object that is packed */
};

/* torch_dcp_object.c.  All die when the value is none, at its offset. */
bool dcp_is(const struct dcp *d, vref v, enum dcp_class class);
/* Dies unless v is an object of that class. */
void dcp_need(const struct dcp *d, vref v, enum dcp_class class,
    uint64_t where);
/* An attribute of an object of ours; VREF_MISSING when it has none. */
vref dcp_attribute(const struct dcp *d, vref object, const char *name);
/* The pairs of a dict: its node. */
const struct value *dcp_dict(const struct dcp *d, vref v, const char *wrong,
    uint64_t where);
struct wire_bytes dcp_text(const struct dcp *d, vref v, const char *wrong,
    uint64_t where);
/* Up to RANK_MAX numbers of a torch.Size; false when the tensor was left out,
 * by the name `path`. */
bool dcp_shape(const struct dcp *d, const struct path *path, vref v,
    const char *what, uint64_t out[RANK_MAX], size_t *rank);

/* "1261+1577": an archive's offset and length, which is its name. */
#define DCP_PLACE_MAX (2 * 20 + 1)
size_t dcp_place(uint8_t out[DCP_PLACE_MAX], uint64_t offset, uint64_t length);

/* torch_dcp_stored.c: the table. */
void dcp_stored_read(struct dcp *d, vref storage_data, uint64_t where);
/* NULL when there is none.  rank SIZE_MAX: the object that is no tensor. */
struct dcp_stored *dcp_stored_find(const struct dcp *d, struct wire_bytes name,
    const uint64_t *offsets, size_t rank);
#define DCP_NO_RANK SIZE_MAX
/* A note for each name whose data nothing asked for, and that was not left out
 * with a note of its own; and one for each file that nobody opens. */
void dcp_stored_rest(struct dcp *d);

#endif
