/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_dcp_object.c - the objects of a distributed checkpoint's .metadata as
 * its pickle describes them: a class, and a dict of attributes that BUILD sets.
 * Nothing is believed of either; a lie ends the job.
 * Source: torch/distributed/checkpoint/metadata.py and filesystem.py of 2.13;
 * TensorProperties stood in another module up to 2.2.
 */
#include <string.h>

#include "torch_dcp.h"
#include "vocabulary_word.h"

#define METADATA "torch.distributed.checkpoint.metadata"
/* The largest of these classes has five. */
#define ATTRIBUTES_MAX 16

static const struct {
	const char *module;
	const char *name;
} classes[] = {
	[DCP_METADATA] = { METADATA, "Metadata" },
	[DCP_TENSOR] = { METADATA, "TensorStorageMetadata" },
	[DCP_BYTES] = { METADATA, "BytesStorageMetadata" },
	[DCP_CHUNK] = { METADATA, "ChunkStorageMetadata" },
	[DCP_PROPERTIES] = { METADATA, "TensorProperties" },
	[DCP_INDEX] = { METADATA, "MetadataIndex" },
	[DCP_STORED] = { "torch.distributed.checkpoint.filesystem",
	    "_StorageInfo" },
};

bool
dcp_is(const struct dcp *d, vref v, enum dcp_class class)
{
	vref callable;

	if (value_kind(&d->graph, v) != VALUE_CALL)
		return false;
	callable = graph_at(&d->graph, v)->as.call.callable;
	return value_is_global(&d->graph, callable, classes[class].module,
	    classes[class].name) || (class == DCP_PROPERTIES &&
	    value_is_global(&d->graph, callable,
	    "torch.distributed._shard.sharded_tensor.metadata",
	    classes[class].name));
}

void
dcp_need(const struct dcp *d, vref v, enum dcp_class class, uint64_t where)
{
	if (!dcp_is(d, v, class))
		die_about(d->job, FAULT_FORMAT,
		    value_where(&d->graph, v, where),
		    "dcp: an object is not of the class that it must be",
		    classes[class].name, strlen(classes[class].name));
}

vref
dcp_attribute(const struct dcp *d, vref object, const char *name)
{
	const struct value *call = graph_at(&d->graph, object);
	uint64_t where = graph_where(&d->graph, object);
	vref found = VREF_MISSING;
	const struct value *state;
	struct wire_bytes key;

	if (call->as.call.state == VREF_MISSING)
		return VREF_MISSING;
	state = dcp_dict(d, call->as.call.state,
	    "dcp: attributes are no dict", where);
	if ((call->flags & VALUE_BUILT_TWICE) != 0 ||
	    (state->flags & VALUE_CHANGED) != 0 ||
	    state->as.seq.count > 2 * ATTRIBUTES_MAX)
		die(d->job, FAULT_FORMAT, where,
		    "dcp: attributes that its class does not have");
	for (uint32_t i = 0; i + 1 < state->as.seq.count; i += 2) {
		key = dcp_text(d, state->as.seq.at[i],
		    "dcp: an attribute's name is no text", where);
		if (key.len != strlen(name) ||
		    memcmp(key.at, name, key.len) != 0)
			continue;
		if (found != VREF_MISSING)
			die_about(d->job, FAULT_FORMAT, where,
			    "dcp: an attribute is there twice", name,
			    strlen(name));
		found = state->as.seq.at[i + 1];
	}
	return found;
}

const struct value *
dcp_dict(const struct dcp *d, vref v, const char *wrong, uint64_t where)
{
	if (value_kind(&d->graph, v) != VALUE_DICT)
		die(d->job, FAULT_FORMAT, value_where(&d->graph, v, where),
		    wrong);
	return graph_at(&d->graph, v);
}

struct wire_bytes
dcp_text(const struct dcp *d, vref v, const char *wrong, uint64_t where)
{
	const uint8_t *at;
	uint64_t len;

	if (!value_text(&d->graph, v, false, &at, &len))
		die(d->job, FAULT_FORMAT, value_where(&d->graph, v, where),
		    wrong);
	return (struct wire_bytes){ at, (size_t)len };
}

bool
dcp_shape(const struct dcp *d, const struct path *path, vref v,
    const char *what, uint64_t out[RANK_MAX], size_t *rank)
{
	struct graph graph = d->graph;
	struct word w = {
		.g = &graph, .job = d->job, .path = path,
		.function = "Metadata", .call = VREF_MISSING,
		.where = value_where(&d->graph, v, 0)
	};

	return word_shape(&w, v, what, out, rank);
}

static size_t
decimal(uint8_t *out, uint64_t number)
{
	uint8_t digits[20];	/* of 2^64 */
	size_t count = 0;

	do {
		digits[count++] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (size_t i = 0; i < count; i++)
		out[i] = digits[count - 1 - i];
	return count;
}

size_t
dcp_place(uint8_t out[DCP_PLACE_MAX], uint64_t offset, uint64_t length)
{
	size_t used = decimal(out, offset);

	out[used++] = '+';
	return used + decimal(out + used, length);
}
