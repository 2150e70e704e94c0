/* SPDX-License-Identifier: Apache-2.0
 *
 * machine.h - the pickle machine: all 68 opcodes of protocols 0 to 5, over
 * inert values.  Nothing can be called here; there is no code to call.  What it
 * accepts is what CPython's C unpickler accepts (Modules/_pickle.c, 3.14), with
 * strict frames; where another reader would see something else it says so in a
 * note.  Time is linear in the stream; memory in what it builds.
 */
#ifndef WORKER_MACHINE_H
#define WORKER_MACHINE_H

#include "value.h"

/* Bytes that hold one or more pickle streams. */
struct pickle_source {
	const uint8_t *at;
	uint64_t len;
	uint64_t base;	/* added to offsets in nodes, notes and errors: where
			 * the source stands in the input, 0 if nowhere */
	bool in_file;	/* at[] is the input itself at `base`, so bytes inside
			 * may be sent as extents */
	bool roomy;	/* VALUE_LONG */
	bool joblib;	/* raw arrays follow joblib's wrappers: joblib.c */
};

struct machine_error {
	enum fault_code code;
	uint64_t where;		/* with the base added */
	char text[FAULT_TEXT_MAX + 1];
};

struct machine_result {
	vref value;		/* what STOP returned */
	uint64_t end;		/* offset in the source after STOP */
	vref first_node;	/* nodes made by this run: from here on */
	unsigned protocol;	/* of PROTO; 0 when there is none */
	uint64_t opcodes;
};

/* Runs one stream from source->at + start.  False: malformed or over a limit,
 * *error says how; what was built until then stays in the graph, for the
 * verdict.  (Running out of arena or nodes dies.)  quiet: no notes. */
bool machine_run(struct graph *g, const struct pickle_source *source,
    uint64_t start, bool quiet, struct machine_result *result,
    struct machine_error *error);

/* Opcode names as pickletools has them, for errors and tests; NULL when there
 * is no such opcode. */
const char *machine_opcode_name(uint8_t opcode);

#endif
