/* SPDX-License-Identifier: Apache-2.0
 *
 * session_turns.c - one handler a message: unpack, let check.c judge, and only
 * then build.  A handler is called in the states that session.c's table allows,
 * and in no other.
 */
#include <errno.h>
#include <string.h>

#include "build.h"
#include "error.h"
#include "session_inside.h"

/* ---------------------------------------------------------------- ends -- */

static bool
no_memory(struct session *s)
{
	error_set(&s->error, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
	    "no memory for what the file holds");
	return session_ended(s);
}

/* The frame is not a message of its type. */
static bool
malformed(struct session *s, enum frame_type type)
{
	error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: malformed %s %s",
	    frame_type_name(type), session_state_name(s->state));
	return session_ended(s);
}

static bool
judged(struct session *s, enum frame_type type, struct finding f)
{
	if (f.code == PFORK_OK)
		return true;
	if (f.code == PFORK_E_PROTOCOL)
		error_set(&s->error, f.code, 0, PFORK_NO_OFFSET,
		    "the worker broke the protocol: %s: %s",
		    frame_type_name(type), f.text);
	else
		error_set(&s->error, f.code, 0, PFORK_NO_OFFSET, "%s", f.text);
	return session_ended(s);
}

static bool
built(struct session *s, struct wire_bytes name, enum build how)
{
	if (how == BUILD_OK)
		return true;
	if (how == BUILD_NO_MEMORY)
		return no_memory(s);
	error_about(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: a name was given twice", name.at,
	    name.len);
	return session_ended(s);
}

/* ------------------------------------------------------------ messages -- */

/* Why a required layer is missing, when Hello says so. */
static bool
refuse_layers(struct session *s)
{
	uint64_t lacking = s->rules.required_layers & ~s->layers;
	unsigned bit = (unsigned)__builtin_ctzll(lacking);
	const char *name = pfork_layer_name(UINT64_C(1) << bit);

	error_set(&s->error, PFORK_E_SANDBOX, s->reasons[bit], PFORK_NO_OFFSET,
	    "a required layer of the jail cannot be had here: %s%s%s; "
	    "nothing was parsed; see `picklefork doctor`",
	    name != NULL ? name : "(unknown)",
	    s->reasons[bit] != 0 ? ": " : "",
	    s->reasons[bit] != 0 ? error_errno(s->reasons[bit]) : "");
	return session_ended(s);
}

bool
session_on_hello(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_hello m;
	struct finding f;

	if (!wire_hello_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_HELLO);
	f = check_hello(&s->rules, &m);
	if (f.code == PFORK_E_PROTOCOL || m.version != WIRE_VERSION)
		return judged(s, FRAME_HELLO, f);
	s->layers = check_layer_bits(m.layers, m.layer_count);
	s->missing = check_layer_bits(m.missing, m.missing_count);
	for (size_t i = 0; i < m.missing_count; i++)
		s->reasons[m.missing[i]] = m.reasons[i] <= INT16_MAX
		    ? (int)m.reasons[i] : 0;
	if (f.code != PFORK_OK)
		return refuse_layers(s);
	s->state = WAIT_GO;
	return true;
}

bool
session_on_format(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_format m;

	if (!wire_format_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_FORMAT);
	if (!judged(s, FRAME_FORMAT, check_format(&m)))
		return false;
	memcpy(s->ckpt->format, m.name.at, m.name.len);
	s->ckpt->format[m.name.len] = '\0';
	s->state = LISTENING;
	return true;
}

bool
session_on_storage(struct session *s, const uint8_t *at, size_t length)
{
	static const struct wire_bytes none = { NULL, 0 };
	struct wire_storage m;

	if (!wire_storage_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_STORAGE);
	if (!judged(s, FRAME_STORAGE,
	    check_storage(&s->rules, &s->totals, &m)) ||
	    !judged(s, FRAME_STORAGE, check_held(&s->rules, s->held, &m)) ||
	    !built(s, none, build_storage(s->ckpt, &m)))
		return false;
	if (m.kind == STORAGE_STREAM && m.length > 0) {
		s->received = 0;
		s->state = RECEIVING;
	}
	return true;
}

bool
session_on_tensor(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_tensor m;
	struct geometry g;

	if (!wire_tensor_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_TENSOR);
	if (!judged(s, FRAME_TENSOR, check_tensor(&s->rules, &s->totals,
	    s->ckpt->storages, &m, &g)))
		return false;
	s->piece_open = false;
	return built(s, m.name, build_tensor(s->ckpt, &m, &g));
}

bool
session_on_piece(struct session *s, const uint8_t *at, size_t length)
{
	const pfork_checkpoint *c = s->ckpt;
	struct wire_piece m;
	struct geometry g;
	bool more;

	if (!wire_piece_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_PIECE);
	if (!judged(s, FRAME_PIECE, check_piece(&s->rules, &s->totals,
	    s->piece_open ? &c->tensors[c->tensor_count - 1] : NULL, &m, &g,
	    &more)))
		return false;
	s->piece_open = true;
	return built(s, m.name, build_piece(s->ckpt, &m, &g, more));
}

bool
session_on_alias(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_alias m;

	if (!wire_alias_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_ALIAS);
	s->piece_open = false;
	if (!judged(s, FRAME_ALIAS,
	    check_alias(&s->rules, &s->totals, &m)) ||
	    !built(s, m.name, build_alias(s->ckpt, &m)))
		return false;
	if (s->ckpt->note_count >= s->rules.limits.notes) {
		checkpoint_drop_notes(s->ckpt, 1);
		return true;
	}
	return built(s, m.name, build_alias_note(s->ckpt));
}

bool
session_on_note(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_note m;

	if (!wire_note_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_NOTE);
	if (!judged(s, FRAME_NOTE, check_note(&s->rules, &s->totals, &m)))
		return false;
	m.where = check_where(&s->rules, m.where);
	return built(s, m.text, build_note(s->ckpt, &m));
}

bool
session_on_scalar(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_scalar m;

	if (!wire_scalar_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_SCALAR);
	if (!judged(s, FRAME_SCALAR,
	    check_scalar(&s->rules, &s->totals, &m)))
		return false;
	return built(s, m.name, build_scalar(s->ckpt, &m));
}

bool
session_on_progress(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_progress m;

	if (!wire_progress_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_PROGRESS);
	if (!judged(s, FRAME_PROGRESS, check_progress(&m)))
		return false;
	s->progress_done = m.done;
	s->progress_total = m.total;
	return true;
}

bool
session_on_done(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_done m;

	if (!wire_done_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_DONE);
	if (!judged(s, FRAME_DONE, check_done(&s->rules, &s->totals, &m)))
		return false;
	s->ckpt->verdict = (enum pfork_verdict)m.verdict;
	checkpoint_drop_notes(s->ckpt, m.notes_dropped);
	s->state = SAID_DONE;
	return true;
}

/* By enum fault_code; check_fault lets no other number through. */
static const enum pfork_code fault_codes[] = {
	[FAULT_FORMAT] = PFORK_E_FORMAT,
	[FAULT_UNSUPPORTED] = PFORK_E_UNSUPPORTED,
	[FAULT_LIMIT] = PFORK_E_LIMIT,
	[FAULT_INPUT] = PFORK_E_SYSTEM,
	[FAULT_INTERNAL] = PFORK_E_WORKER,
};

bool
session_on_fault(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_fault m;

	if (!wire_fault_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_FAULT);
	if (!judged(s, FRAME_FAULT, check_fault(&m)))
		return false;
	error_foreign(&s->error, fault_codes[m.code],
	    m.code == FAULT_INPUT ? EIO : 0, check_where(&s->rules, m.where),
	    m.text.at, m.text.len);
	s->ckpt->verdict = (enum pfork_verdict)m.verdict;
	s->state = SAID_FAULT;
	return true;
}
