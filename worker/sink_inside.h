/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_inside.h - what the files of the sink share; for them alone.
 */
#ifndef WORKER_SINK_INSIDE_H
#define WORKER_SINK_INSIDE_H

#include "frame.h"
#include "sink_names.h"

#define NO_DATA_FRAME SIZE_MAX

/* Hashes of names that were noted; half of the slots stay free. */
#define SAID_SLOTS 1024
struct said {
	uint64_t hashes[SAID_SLOTS];
	uint32_t used;
};

/* What each worker of the input was given to inflate, in packed bytes. */
struct shares {
	uint64_t given[SHARES_MAX];
	bool out;		/* sink_share_out */
	bool begun;		/* somebody else has been given something */
};

struct sink {
	uint8_t *buffer;
	size_t used;
	size_t gather;		/* flush from here on; grows to GATHER_MAX */
	size_t data_frame;	/* where the open DATA frame's head is in the
				 * buffer, or NO_DATA_FRAME */
	uint64_t stream_left;	/* of the storage being streamed */
	bool mute;		/* whose bytes another worker sends */
	struct shares *shares;	/* NULL: there is no other worker */
	enum verdict verdict;

	uint64_t storages;
	uint64_t tensors;
	uint64_t aliases;
	uint64_t notes;
	uint64_t notes_dropped;
	uint64_t names_bytes;
	uint64_t streamed_bytes;
	uint64_t contiguous_bytes;
	uint64_t contiguous_limit;
	uint64_t progress_total;
	uint64_t progress_next;

	uint64_t pieces;	/* messages */
	uint64_t more_boxes;	/* those that made no tensor */
	bool format_told;
	const char *format_if_fault;	/* or NULL */
	bool piece_open;	/* *piece is the last tensor's name and path */
	struct joined *piece;	/* NULL before the first one */

	struct said *said;	/* NULL: names may be noted again and again */

	/* What most jobs use first: it shares a page with what is above. */
	struct name_set names;
	uint8_t text[NOTE_TEXT_MAX];	/* a note's, clean */
	struct joined joined;
	uint8_t scalar[SCALAR_BYTES_MAX];	/* one's text, clean */
};

/* Where the next frame's payload goes; room for FRAME_MESSAGE_MAX.  send
 * completes the frame once it has been packed there. */
uint8_t *sink_payload(struct job *job);
void sink_send(struct job *job, enum frame_type type, size_t length);
/* Dies when a storage has been announced and not sent to its end. */
void sink_between(struct job *job);
/* sink_share.c: is this stream for this worker to send?  Once for each. */
bool sink_share_is_mine(struct job *job, uint64_t packed);
/* Does this worker say so? */
bool sink_share_says(const struct job *job, enum frame_type type);
/* Adds to a running total, or dies with text when it would pass the limit. */
void sink_spend(struct job *job, uint64_t *total, uint64_t amount,
    uint64_t limit, uint64_t where, const char *text);
void sink_spend_names(struct job *job, uint64_t amount, uint64_t where);
/* sink_entries.c: joins and claims a name, in s->joined.  False: it cannot have
 * one, which has been noted. */
bool sink_take_name(struct job *job, const struct path *path, uint64_t where);
/* One more of what the limit on tensors counts. */
void sink_spend_entry(struct job *job, uint64_t *count, uint64_t where);
/* nbytes more of contiguous tensors. */
void sink_spend_bytes(struct job *job, uint32_t dtype, const uint64_t *shape,
    size_t rank, uint64_t where);

#endif
