/* SPDX-License-Identifier: Apache-2.0
 *
 * numpy_bytes.c - the bytes of an array, in whichever way a pickle holds them:
 * as bytes, as a text of one character a byte (protocols 0 to 2), out of band.
 * Those that stand in the input as they are become extents; each is counted and
 * sent once, however many arrays share it.
 */
#include "vocabulary_numpy.h"

#include <string.h>

/* Characters of a UTF-8 text that are all below 256; false when not so. */
static bool
count_latin1(const uint8_t *at, uint64_t len, uint64_t *count)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < len; i++, n++) {
		if (at[i] < 0x80)
			continue;
		if ((at[i] != 0xc2 && at[i] != 0xc3) || i + 1 == len ||
		    (at[i + 1] & 0xc0) != 0x80)
			return false;
		i++;
	}
	*count = n;
	return true;
}

/* Counted once, however many arrays share the text. */
static void
read_latin1(const struct word *w, vref text, struct npy_bytes *out)
{
	const struct value *node = graph_at(w->g, text);
	struct span s = value_string(node);

	out->node = text;
	out->at = s.at;
	out->len = s.len;
	out->latin1 = true;
	if (node->mark != 0)
		out->count = w->home->words->made[node->mark - 1].bytes;
	else if (!count_latin1(out->at, out->len, &out->count))
		word_die(w, text, "data", "is not latin1");
}

/* Protocols below 3 have no bytes: _codecs.encode(text, 'latin1'), and
 * builtins.bytes() for none.  *text is VREF_MISSING for that. */
static bool
is_encoded(const struct graph *g, const struct value *call, vref *text)
{
	const uint8_t *at;
	uint64_t len;

	*text = value_item(g, call->as.call.args, 0);
	if (*text == VREF_MISSING && value_is_global(g,
	    call->as.call.callable, "builtins", "bytes"))
		return true;
	return value_is_global(g, call->as.call.callable, "_codecs",
	    "encode") && value_kind(g, *text) == VALUE_TEXT &&
	    value_text(g, value_item(g, call->as.call.args, 1), true, &at,
	    &len) && ((len == 6 && memcmp(at, "latin1", 6) == 0) ||
	    (len == 7 && memcmp(at, "latin-1", 7) == 0));
}

bool
numpy_encoded_read(const struct word *w, const struct value *call,
    struct npy_bytes *out)
{
	vref text;

	if (!is_encoded(w->g, call, &text))
		return false;
	if (text != VREF_MISSING)
		read_latin1(w, text, out);
	return true;
}

bool
numpy_encoded_peek(const struct graph *g, const struct value *call,
    uint64_t *budget, struct npy_bytes *out)
{
	struct span s;
	vref text;

	*out = (struct npy_bytes){ .latin1 = true };
	if (!is_encoded(g, call, &text))
		return false;
	if (text == VREF_MISSING)
		return true;
	s = value_string(graph_at(g, text));
	if (s.len > *budget) {
		*budget = 0;
		return false;
	}
	*budget -= s.len;
	out->at = s.at;
	out->len = s.len;
	return count_latin1(s.at, s.len, &out->count);
}

bool
numpy_bytes_read(const struct word *w, vref v, struct npy_bytes *out)
{
	const struct value *node = value_is_node(v) ? graph_at(w->g, v) : NULL;
	enum value_kind kind = value_kind(w->g, v);

	*out = (struct npy_bytes){ .node = v };
	if (node != NULL &&
	    (kind == VALUE_BYTES || kind == VALUE_BYTEARRAY)) {
		out->at = value_string(node).at;
		out->len = value_string(node).len;
		out->count = out->len;
		out->in_file = (node->flags & VALUE_IN_FILE) != 0;
		return true;
	}
	if (kind == VALUE_TEXT) {
		/* A Python 2 string that was read as text. */
		read_latin1(w, v, out);
		return true;
	}
	if (node != NULL && kind == VALUE_CALL &&
	    numpy_encoded_read(w, node, out))
		return true;
	if (word_is_opaque(w, v))
		word_leave_out(w, "its bytes are an unknown object");
	else
		word_die(w, v, "data", "is not bytes");
	return false;
}

void
numpy_swap(uint8_t *at, size_t len, unsigned width)
{
	for (size_t i = 0; i + width <= len; i += width) {
		for (unsigned j = 0; j < width / 2; j++) {
			uint8_t byte = at[i + j];

			at[i + j] = at[i + width - 1 - j];
			at[i + width - 1 - j] = byte;
		}
	}
}

/* Moves on by `count` bytes, as they are meant. */
static void
skip(struct npy_bytes *bytes, size_t count)
{
	size_t packed = 0;

	if (!bytes->latin1)
		packed = count;
	else
		while (count-- > 0)
			packed += bytes->at[packed] >= 0x80 ? 2 : 1;
	bytes->at += packed;
	bytes->len -= packed;
}

size_t
numpy_bytes_copy(const struct npy_bytes *bytes, uint8_t *out, size_t room)
{
	size_t used = 0;

	for (uint64_t i = 0; i < bytes->len && used < room; i++) {
		uint8_t byte = bytes->at[i];

		/* c2 and c3 carry the top bit or two of the next byte. */
		if (bytes->latin1 && byte >= 0x80)
			byte = (uint8_t)(byte << 6 | (bytes->at[++i] & 0x3f));
		out[used++] = byte;
	}
	return used;
}

/* Copies the bytes out through the chunk; width 1: as they are. */
static uint32_t
stream_bytes(const struct word *w, const struct npy_bytes *bytes,
    unsigned width)
{
	uint32_t id = sink_stream(w->job, bytes->count);
	uint8_t *chunk = word_chunk(w);
	struct npy_bytes rest = *bytes;
	uint64_t left = bytes->count;
	size_t used;

	while (left > 0) {
		used = numpy_bytes_copy(&rest, chunk, WORD_CHUNK);
		left -= used;
		skip(&rest, used);
		if (width > 1)
			numpy_swap(chunk, used, width);
		sink_data(w->job, chunk, used);
	}
	return id;
}

/* One storage for one node, however many arrays share it. */
uint32_t
numpy_storage(const struct word *w, const struct npy_bytes *bytes,
    const struct npy_dtype *d)
{
	struct vocabulary *words = w->home->words;
	unsigned width = dtype_element_bytes(d->dtype);
	struct value *node = value_is_node(bytes->node) ?
	    graph_at(w->g, bytes->node) : NULL;
	uint32_t id;

	if (d->dtype->code == DTYPE_C64 || d->dtype->code == DTYPE_C128)
		width /= 2;
	if (d->swapped && width > 1)
		return stream_bytes(w, bytes, width);
	/* The mark of a call is the walk's. */
	if (node != NULL && node->kind == VALUE_CALL)
		node = NULL;
	if (node != NULL && node->mark != 0)
		return words->made[node->mark - 1].id;
	if (bytes->in_file && !bytes->latin1)
		id = sink_extent(w->job, (uint64_t)(bytes->at - w->job->map),
		    bytes->count);
	else
		id = stream_bytes(w, bytes, 1);
	if (node == NULL)
		return id;
	words->made = arena_grow(&w->job->arena, words->made,
	    sizeof(*words->made), words->made_count, words->made_count + 1,
	    &words->made_capacity);
	words->made[words->made_count].bytes = bytes->count;
	words->made[words->made_count].id = id;
	node->mark = ++words->made_count;
	return id;
}
