/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - every limit that both sides of the wire share, each with its
 * reason.  A default fits every honest checkpoint that we know of; a ceiling is
 * what a caller may raise it to.  Knows nobody.
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#include <stdint.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

/* Frames.  64 KiB: protobuf-c amplifies up to 92 times, which is then 6 MiB at
 * worst and is capped again below.  DATA never meets protobuf. */
#define FRAME_MESSAGE_MAX (UINT32_C(64) * 1024)
#define FRAME_DATA_MAX (UINT32_C(1) << 20)
/* What one unpacked message may take: 60 times a frame of packed numbers. */
#define WIRE_ARENA_BYTES (4 * MIB)

/* Tensors.  64 dimensions: numpy's limit since 2.0, and torch's in practice. */
#define RANK_MAX 64
/* A dimension over 2^48 fits no memory; sums of products stay below 2^64. */
#define DIMENSION_MAX (UINT64_C(1) << 48)
/* Workers of one file.  Each starts in half a millisecond, but parses all of
 * it; beyond this one thread that receives is what all wait for. */
#define SHARES_MAX 16
/* Names.  100 nested dicts with ten-letter keys make 1,100 bytes. */
#define TENSOR_NAME_MAX 4096
#define PATH_PARTS_MAX 512
#define NOTE_TEXT_MAX 1024
#define FAULT_TEXT_MAX 200
#define SCALAR_BYTES_MAX 4096
#define FORMAT_NAME_MAX 32
/* NAME_MAX of Linux: one component of a path. */
#define FILE_NAME_MAX 255

/* name in struct limits, default, ceiling.  The reasons:
 * input: larger single files are not met; 16 TiB is ext4's largest.
 * arena: 313 B a tensor, measured on a torch zip of 100,000, so a million
 *   tensors take a third of it; bombs must end before they hurt, so it is
 *   reserved, not committed.
 * streamed: inflated members of the largest honest npz and torch files.
 * contiguous: 0 means 8 x input + 1 GiB, so that views and stride 0 cannot
 *   turn a kilobyte into a terabyte of output.
 * tensors: ten times the largest model met (100,000).
 * nodes: 100,000 tensors make some 2 million values.
 * nesting: CPython's own recursion stops near 1,000; containers, not names.
 * notes: what a person reads; more are counted only.
 * names: 100,000 names of 100 bytes are 10 MB.
 * wall, stall: longer than reading 16 TiB never helps a library caller.
 * cpu: RLIMIT_CPU counts whole seconds.
 */
#define LIMITS(X)                                                     \
	X(input_bytes, 4 * TIB, 16 * TIB)                             \
	X(arena_bytes, GIB, 64 * GIB)                                 \
	X(streamed_bytes, 16 * GIB, 4 * TIB)                          \
	X(contiguous_bytes, 0, 64 * TIB)                              \
	X(tensors, 1000000, 50000000)                                 \
	X(nodes, 20000000, 1000000000)                                \
	X(nesting, 1000, 100000)                                      \
	X(notes, 10000, 1000000)                                      \
	X(names_bytes, 256 * MIB, 16 * GIB)                           \
	X(wall_ms, 300000, 86400000)                                  \
	X(stall_ms, 30000, 86400000)                                  \
	X(cpu_seconds, 120, 86400)

struct limits {
#define X(name, standard, ceiling) uint64_t name;
	LIMITS(X)
#undef X
};

#endif
