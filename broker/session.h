/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - one worker's talk, from Hello to its last word, as a push parser:
 * it says where the next bytes shall go, and judges what has arrived.  It reads
 * no descriptor, so tests and fuzzers drive it with bytes alone.  Believes
 * nothing; must never read, allocate or store from a number not yet judged.
 */
#ifndef BROKER_SESSION_H
#define BROKER_SESSION_H

#include "check.h"
#include "checkpoint.h"
#include "frame.h"
#include "wire.h"

enum session_state {
	WAIT_HELLO,	/* nothing has been said */
	WAIT_GO,	/* Hello was good; it must be silent until Go */
	WAIT_FORMAT,	/* Go was said; the format comes first, if at all */
	LISTENING,
	RECEIVING,	/* the rest of a streamed storage, nothing else */
	SAID_DONE,	/* silence until the end of the stream */
	SAID_FAULT,	/* likewise */
	ENDED		/* `error` says why */
};

/* The state machine's name for people: "before Hello". */
const char *session_state_name(enum session_state state);

struct session {
	enum session_state state;
	struct rules rules;
	struct totals totals;
	pfork_checkpoint *ckpt;	/* being built; the caller's */
	pfork_error error;	/* with ENDED and SAID_FAULT */

	bool piece_open;	/* the newest tensor came in a Piece */

	uint64_t layers;	/* from Hello */
	uint64_t missing;
	int reasons[WIRE_LAYERS_MAX];

	uint64_t progress_done;
	uint64_t progress_total;
	uint64_t steps;		/* goes up with each whole frame and each
				 * 64 KiB of data: what "progress" means */

	/* Bytes between `begin` and `end` have arrived and not been judged. */
	uint8_t *buffer;
	size_t begin;
	size_t end;
	uint32_t data_left;	/* payload of the DATA frame under way */
	uint64_t received;	/* of the storage being received */
	uint64_t *held;		/* see check_held: its own, or that of the load
				 * whose share it has */
	uint64_t held_alone;
	uint64_t data_step;	/* since the last step */
	struct wire_arena arena;
};

/* The rules are copied.  False: no memory.  session_free also after that. */
bool session_init(struct session *s, const struct rules *rules,
    pfork_checkpoint *ckpt);
void session_free(struct session *s);

/* Where the next bytes go, and how many fit (> 0); NULL once it has ENDED. */
void *session_want(struct session *s, size_t *room);
/* `length` bytes (at most `room`) have been put there.  False: it has ENDED. */
bool session_got(struct session *s, size_t length);
/* After Go has been sent. */
void session_go(struct session *s);
/* The worker's end was closed.  True: it had said Done. */
bool session_eof(struct session *s);

#endif
