/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - the messages as plain structs, packed and unpacked without the heap.
 * Only wire.c sees the generated protobuf code.  Unpacking refuses unknown
 * fields, missing ones and anything that does not fit the capped arena; it does
 * not judge a single value: that is check_* in the broker.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define WIRE_VERSION 1

struct wire_bytes {
	const uint8_t *at;
	size_t len;
};

/* Numbers as on the wire: the broker checks each against its enum. */
enum storage_kind {
	STORAGE_EXTENT = 1,
	STORAGE_STREAM = 2,
	STORAGE_ELSEWHERE = 3	/* a stream that another worker sends */
};
enum piece_kind { PIECE_RAW = 1, PIECE_TORCH = 2 };
enum path_kind { PATH_KEY = 1, PATH_ATTR = 2, PATH_INDEX = 3 };
enum note_kind {
	NOTE_GLOBAL = 1,
	NOTE_CALL = 2,
	NOTE_OPAQUE = 3,
	NOTE_ALIAS = 4,		/* made by the broker, from an Alias */
	NOTE_RECORD = 5,
	NOTE_POLYGLOT = 6,
	NOTE_SKIPPED = 7,
	NOTE_NAMES = 8,
	NOTE_METADATA = 9
};
/* That something of a file is missing is never lost: one such note may be over
 * the limit `notes`. */
static inline bool
note_is_of_loss(uint32_t kind)
{
	return kind == NOTE_SKIPPED || kind == NOTE_NAMES;
}
enum verdict {
	VERDICT_UNDECIDED = 0,
	VERDICT_CLEAN = 1,
	VERDICT_UNUSUAL = 2,
	VERDICT_DANGEROUS = 3
};
enum scalar_kind {
	SCALAR_NULL = 1,
	SCALAR_BOOL = 2,
	SCALAR_INT = 3,
	SCALAR_BIGINT = 4,
	SCALAR_FLOAT = 5,
	SCALAR_TEXT = 6,
	SCALAR_BYTES = 7
};
enum fault_code {
	FAULT_FORMAT = 1,
	FAULT_UNSUPPORTED = 2,
	FAULT_LIMIT = 3,
	FAULT_INPUT = 4,	/* the input could not be read, or shrank */
	FAULT_INTERNAL = 5
};
enum go_flag {
	GO_DELIVER_STREAM = 0x1,
	GO_VERIFY = 0x2,
	GO_SCALARS = 0x4,
	/* The broker can open siblings of the input: say which boxes of which
	 * tensors stand in them. */
	GO_PIECES = 0x8,
	/* The input is a data file of a PyTorch distributed checkpoint:
	 * archives of torch.save, end to end.  Format "torch-distcp"; each
	 * tensor's name is OFFSET+LENGTH of its archive, decimal. */
	GO_DISTCP = 0x10,
	/* Bytes after a safetensors file's last tensor are named, not
	 * refused. */
	GO_LENIENT = 0x20,
	/* Nothing is to be parsed: send all of the input as one storage, in
	 * format "raw".  For the data files of ONNX, where the broker may not
	 * read. */
	GO_RAW = 0x40
};
#define GO_FLAGS_ALL 0x7fu

#define WIRE_NO_OFFSET UINT64_MAX
#define WIRE_LAYERS_MAX 64

struct wire_hello {
	uint32_t version;
	const uint32_t *layers;		/* bit numbers */
	size_t layer_count;
	const uint32_t *missing;
	size_t missing_count;
	const uint32_t *reasons;	/* errno each */
	size_t reason_count;
};
struct wire_go {
	struct limits limits;	/* input, arena, wall, stall, cpu do not travel:
				 * they are in force before Go */
	uint32_t flags;
	/* Workers that parse this input, of which each sends a part of what is
	 * inflated; share 0 sends all else as well. */
	uint32_t shares;	/* 1 to SHARES_MAX */
	uint32_t share;		/* under shares */
};
struct wire_format {
	struct wire_bytes name;
};
struct wire_storage {
	uint32_t id;
	uint32_t kind;
	uint64_t length;
	uint64_t offset;	/* WIRE_NO_OFFSET when absent */
};
struct wire_tensor {
	struct wire_bytes name;
	const struct wire_bytes *path;
	size_t path_count;
	struct wire_bytes path_kinds;
	uint32_t dtype;
	const uint64_t *shape;
	size_t rank;
	const uint64_t *strides;
	size_t stride_count;
	uint32_t storage;
	uint64_t offset;
};
/* As for a tensor, but what is beside it; start_count and size_count are
 * what was sent. */
struct wire_piece {
	struct wire_bytes name;
	const struct wire_bytes *path;
	size_t path_count;
	struct wire_bytes path_kinds;
	uint32_t dtype;
	const uint64_t *shape;
	size_t rank;
	const uint64_t *start;
	size_t start_count;
	const uint64_t *size;
	size_t size_count;
	uint32_t kind;
	struct wire_bytes file;
	uint64_t offset;
	uint64_t length;
};
struct wire_alias {
	struct wire_bytes name;
	uint32_t target;
};
struct wire_note {
	uint32_t kind;
	uint32_t level;
	struct wire_bytes text;
	uint64_t where;		/* WIRE_NO_OFFSET when absent */
};
struct wire_scalar {
	struct wire_bytes name;
	uint32_t kind;
	int64_t i;
	double f;
	struct wire_bytes data;
	uint64_t full_length;
};
struct wire_progress {
	uint64_t done;
	uint64_t total;
};
struct wire_done {
	uint64_t tensors;
	uint64_t aliases;
	uint64_t storages;
	uint64_t notes;
	uint64_t notes_dropped;
	uint32_t verdict;
	uint64_t pieces;	/* messages, not tensors */
};
struct wire_fault {
	uint32_t code;
	struct wire_bytes text;
	uint64_t where;		/* WIRE_NO_OFFSET when absent */
	uint32_t verdict;
};

/* The capped bump memory of one unpack: nothing is ever freed singly.  The
 * caller owns the bytes (WIRE_ARENA_BYTES of them will do for any frame). */
struct wire_arena {
	uint8_t *at;
	size_t size;
	size_t used;
};

/* Packing: writes at most FRAME_MESSAGE_MAX bytes to out and returns how many;
 * 0 when the message would be larger than that. */
#define WIRE_MESSAGES(X) \
	X(hello) X(go) X(format) X(storage) X(tensor) X(piece) X(alias) \
	X(note) X(scalar) X(progress) X(done) X(fault)
#define X(name)                                                           \
	size_t wire_##name##_pack(const struct wire_##name *message,      \
	    uint8_t out[FRAME_MESSAGE_MAX]);                              \
	/* Resets the arena.  *message points into it, until the next     \
	 * unpack with the same arena, and into the payload.  False: not  \
	 * a valid message. */                                            \
	bool wire_##name##_unpack(struct wire_arena *arena,               \
	    const uint8_t *payload, size_t length,                        \
	    struct wire_##name *message);
WIRE_MESSAGES(X)
#undef X

#endif
