/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_session.c - the broker against an owned worker: bytes are what the worker
 * says after Go.  What is accepted must hold: every tensor inside its storage.
 */
#include "fuzz_job.h"
#include "fuzz_session.h"
#include "mutate.h"

#define INPUT_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes elsewhere are those of others, and who has a share says nothing
 * else. */
static void
must_be_a_share(const struct session *s)
{
	const pfork_checkpoint *c = s->ckpt;
	uint64_t elsewhere = 0;

	if (s->state != SAID_DONE)
		return;
	for (size_t i = 0; i < c->storage_count; i++)
		elsewhere += c->storages[i].elsewhere;
	if (elsewhere != s->totals.elsewhere ||
	    (elsewhere > 0 && s->rules.shares <= 1) ||
	    *s->held > s->totals.streamed || (s->rules.share > 0 &&
	    (c->tensor_count | c->alias_count | c->piece_count |
	    c->note_count | c->scalar_count) != 0))
		__builtin_trap();
}

static void
talk(const uint8_t *data, size_t size, uint32_t shares, uint32_t share)
{
	struct session *s = fuzz_session_open(INPUT_BYTES,
	    GO_SCALARS | GO_PIECES);

	if (s == NULL)
		return;
	s->rules.shares = shares;
	s->rules.share = share;
	fuzz_session_feed(s, data, size);
	fuzz_session_must_hold(s);
	must_be_a_share(s);
	fuzz_session_close(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	talk(data, size, 1, 0);
	talk(data, size, 2, size & 1);
	return 0;
}

FUZZ_MUTATOR(mutate_frames)
