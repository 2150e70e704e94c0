/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict.c - what the nodes of a pickle wanted.  One linear pass over all of
 * them in order of creation, reachable or not (an attack may POP its result),
 * pickles found inside bytes being appended and read by the same pass; then one
 * note for each name.  Trusts no node's contents; follows no reference further
 * than a fixed number of steps; changes only VALUE_STATE_READ, its own flag.
 */
#include "verdict_parts.h"

#include "names_tables.h"

#include <string.h>

void
scan_trick(struct scan *s, enum trick trick, uint64_t where)
{
	static const struct {
		enum verdict level;
		char text[56];
	} texts[TRICKS] = {
		[TRICK_CALLS_RESULT] = { VERDICT_DANGEROUS,
		    "calls what a call returned" },
		[TRICK_CALLS_PERSID] = { VERDICT_DANGEROUS,
		    "calls a persistent id" },
		[TRICK_CALLS_OTHER] = { VERDICT_DANGEROUS,
		    "calls something that is not a name" },
		[TRICK_COMPUTED_NAME] = { VERDICT_DANGEROUS,
		    "a global whose name the stream computes" },
		[TRICK_EXTENSION] = { VERDICT_DANGEROUS,
		    "an extension code, which could mean anything" },
		[TRICK_TENSOR_ITEMS] = { VERDICT_DANGEROUS,
		    "sets items of a tensor (CVE-2026-24747)" },
		[TRICK_HOOK] = { VERDICT_DANGEROUS,
		    "writes an attribute that changes what an object does" },
		/* What is not opened is hidden: only attacks go so far. */
		[TRICK_NEST_DEPTH] = { VERDICT_DANGEROUS,
		    "a pickle inside a pickle, too deep to be opened" },
		[TRICK_NEST_WORK] = { VERDICT_DANGEROUS,
		    "pickles inside bytes, too large to be opened" },
		[TRICK_NEST_ZIP] = { VERDICT_UNUSUAL,
		    "a zip archive inside bytes" },
		[TRICK_JOBLIB] = { VERDICT_DANGEROUS,
		    "an array of joblib's, made as joblib never does" },
		[TRICK_DTYPE] = { VERDICT_DANGEROUS,
		    "a dtype that hides that it holds objects" },
		[TRICK_TENSOR_WRITE] = { VERDICT_DANGEROUS,
		    "writes to the numbers of a tensor, which others share" },
	};
	bool weak = s->nest_at != 0 && s->nests[s->nest_at - 1].weak;

	if (weak || (s->tricks & (UINT32_C(1) << trick)) != 0)
		return;
	s->tricks |= UINT32_C(1) << trick;
	scan_say(s, NOTE_RECORD, texts[trick].level,
	    scan_where(s, s->nest_at, where), s->nest_at, texts[trick].text);
}

static bool
text_of(const struct scan *s, vref v, struct wire_bytes *out)
{
	uint64_t len;

	if (!value_text(s->g, v, true, &out->at, &len))
		return false;
	out->len = (size_t)len;
	return true;
}

static bool
bytes_are(struct wire_bytes b, const char *word)
{
	return b.len == strlen(word) && memcmp(b.at, word, b.len) == 0;
}

static bool
all_of(struct wire_bytes b, char low, char high)
{
	for (size_t i = 0; i < b.len; i++)
		if (!((b.at[i] >= low && b.at[i] <= high) ||
		    (b.at[i] >= '0' && b.at[i] <= '9') || b.at[i] == '_'))
			return false;
	return b.len > 0;
}

/* The one enum of which every distributed checkpoint has members. */
static bool
is_memory_format(const struct scan *s, vref class)
{
	return value_is_global(s->g, class,
	    "torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING") ||
	    value_is_global(s->g, class,
	    "torch.distributed._shard.sharded_tensor.metadata",
	    "MEM_FORMAT_ENCODING");
}

/* getattr(Class, "NAME"): how Python 3.11 pickled some members of enums; and
 * torch.tanh, which is a static method: getattr(_VariableFunctionsClass,
 * "tanh").  Whoever calls the result is told of elsewhere. */
static bool
honest_getattr(struct scan *s, vref args)
{
	struct wire_bytes name;
	const struct seen *owner;
	vref class = value_item(s->g, args, 0);

	if (value_count(s->g, args) != 2 || !value_is_node(class) ||
	    value_kind(s->g, class) != VALUE_GLOBAL ||
	    !text_of(s, value_item(s->g, args, 1), &name))
		return false;
	if (value_is_global(s->g, class, "torch._C",
	    "_VariableFunctionsClass"))
		return names_is_torch_op((const char *)name.at, name.len);
	owner = scan_name(s, class);
	return owner != NULL && (owner->callable == VERDICT_UNUSUAL ||
	    is_memory_format(s, class)) && all_of(name, 'A', 'Z') &&
	    name.at[0] >= 'A' && name.at[0] <= 'Z';
}

/* typing.Optional[int]: pickled as getitem(Optional, int). */
static bool
honest_getitem(struct scan *s, vref args)
{
	vref owner = value_item(s->g, args, 0);
	const struct seen *e;

	if (value_count(s->g, args) != 2 || !value_is_node(owner) ||
	    value_kind(s->g, owner) != VALUE_GLOBAL)
		return false;
	e = scan_name(s, owner);
	return e != NULL && e->module_len == strlen("typing") &&
	    memcmp(e->module, "typing", e->module_len) == 0 &&
	    e->referred == VERDICT_UNUSUAL;
}

/* bytes as protocols before 3 have them; other codecs hide things. */
static bool
honest_encode(struct scan *s, vref args)
{
	static const char *const codecs[] = {
		"latin1", "latin-1", "ascii", "utf-8", "utf8"
	};
	struct wire_bytes codec;

	if (value_count(s->g, args) != 2 ||
	    !text_of(s, value_item(s->g, args, 1), &codec))
		return false;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (bytes_are(codec, codecs[i]))
			return true;
	return false;
}

static enum verdict
level_of_call(struct scan *s, const struct seen *e, vref args)
{
	bool good;

	switch ((enum special)e->special) {
	case SPECIAL_GETATTR:
		good = honest_getattr(s, args);
		break;
	case SPECIAL_GETITEM:
		good = honest_getitem(s, args);
		break;
	case SPECIAL_TYPE:
		good = value_count(s->g, args) == 1 &&
		    value_kind(s->g, value_item(s->g, args, 0)) == VALUE_NONE;
		break;
	case SPECIAL_ENCODE:
		return honest_encode(s, args) ? VERDICT_CLEAN :
		    VERDICT_DANGEROUS;
	case SPECIAL_NONE:
	default:
		return (enum verdict)e->callable;
	}
	return good ? VERDICT_UNUSUAL : VERDICT_DANGEROUS;
}

/* Legacy torch.save keeps the source of a module's class beside it: the class
 * is then the persistent id ('module', class, file, source). */
static vref
class_of_persid(const struct scan *s, const struct value *persid)
{
	struct wire_bytes kind;
	vref id = persid->as.ref;

	if (!value_is_node(id) || value_kind(s->g, id) != VALUE_TUPLE ||
	    !text_of(s, value_item(s->g, id, 0), &kind) ||
	    !bytes_are(kind, "module"))
		return VREF_MISSING;
	return value_item(s->g, id, 1);
}

/* The name that is called, or NULL after a note of what is called instead. */
static struct seen *
called_name(struct scan *s, vref callable, uint64_t where)
{
	enum trick trick = TRICK_CALLS_OTHER;
	struct seen *e = NULL;

	if (value_is_node(callable) &&
	    graph_at(s->g, callable)->kind == VALUE_PERSID) {
		trick = TRICK_CALLS_PERSID;
		callable = class_of_persid(s, graph_at(s->g, callable));
	}
	if (value_is_node(callable)) {
		enum value_kind kind = value_kind(s->g, callable);

		if (kind == VALUE_GLOBAL) {
			trick = TRICK_COMPUTED_NAME;
			e = scan_name(s, callable);
		} else if (kind == VALUE_CALL) {
			trick = TRICK_CALLS_RESULT;
		} else if (kind == VALUE_EXTENSION) {
			trick = TRICK_EXTENSION;
		}
	}
	/* Of computed names in the first stream the machine has said it. */
	if (e == NULL && (trick != TRICK_COMPUTED_NAME || s->nest_at != 0))
		scan_trick(s, trick, where);
	return e;
}

static struct seen *
mark_called(struct scan *s, vref callable, vref args, uint64_t where)
{
	struct seen *e = called_name(s, callable, where);
	enum verdict level;
	uint32_t index;

	if (e == NULL)
		return NULL;
	index = (uint32_t)(e - s->seen);
	/* May meet a new name, which may move the table. */
	level = level_of_call(s, e, args);
	e = &s->seen[index];
	e->called = true;
	if (level > (enum verdict)e->level)
		e->level = (uint8_t)level;
	return e;
}

/* Functions that call one of their arguments. */
static void
mark_argument(struct scan *s, const struct seen *e, vref v)
{
	const struct value *call = graph_at(s->g, v);
	vref argument;

	if (e->caller == 0 || e->callable == VERDICT_DANGEROUS)
		return;
	argument = value_item(s->g, call->as.call.args,
	    names_callers[e->caller - 1].argument);
	/* Text is called by nobody: the name of a bit generator. */
	if (argument != VREF_MISSING &&
	    value_kind(s->g, argument) != VALUE_TEXT)
		mark_called(s, argument, VREF_MISSING,
		    graph_where(s->g, v));
}

static void
read_state(struct scan *s, vref state)
{
	struct value *dict;

	if (!value_is_node(state) || value_kind(s->g, state) != VALUE_DICT)
		return;
	dict = graph_at(s->g, state);
	/* One state may be shared by a million calls. */
	if ((dict->flags & VALUE_STATE_READ) != 0)
		return;
	dict->flags |= VALUE_STATE_READ;
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2) {
		struct wire_bytes key;

		if (!text_of(s, dict->as.seq.at[i], &key) || key.len < 5 ||
		    key.at[0] != '_' || key.at[1] != '_')
			continue;
		for (size_t n = 0; n < names_hooks_count; n++)
			if (bytes_are(key, names_hooks[n]))
				scan_trick(s, TRICK_HOOK,
				    graph_where(s->g, state));
	}
}

static void
read_call(struct scan *s, vref v)
{
	const struct value *call = graph_at(s->g, v);
	vref state = call->as.call.state;
	struct seen *e = mark_called(s, call->as.call.callable,
	    call->as.call.args, graph_where(s->g, v));

	if (e != NULL) {
		if (e->tensor &&
		    (value_call_items(s->g, call) != VREF_MISSING ||
		    value_call_entries(s->g, call) != VREF_MISSING))
			scan_trick(s, TRICK_TENSOR_ITEMS, graph_where(s->g, v));
		if (e->stated)
			scan_attributes(s, v);
		mark_argument(s, e, v);
	}
	if (state == VREF_MISSING)
		return;
	scan_dtype(s, v);
	read_state(s, state);
	/* (attributes, slots) */
	if (value_is_node(state) && value_kind(s->g, state) == VALUE_TUPLE &&
	    value_count(s->g, state) == 2) {
		read_state(s, value_item(s->g, state, 0));
		read_state(s, value_item(s->g, state, 1));
	}
}

static void
read_node(struct scan *s, vref v)
{
	const struct value *node = graph_at(s->g, v);

	if (s->g->arrays)
		scan_joblib(s, v);
	if (node->kind == VALUE_GLOBAL) {
		/* Of the first stream the machine has said it. */
		if (scan_name(s, v) == NULL && s->nest_at != 0)
			scan_trick(s, TRICK_COMPUTED_NAME,
			    graph_where(s->g, v));
	} else if (node->kind == VALUE_CALL) {
		read_call(s, v);
	} else if (node->kind == VALUE_EXTENSION && s->nest_at != 0) {
		scan_trick(s, TRICK_EXTENSION, graph_where(s->g, v));
	} else if (node->kind == VALUE_TEXT || node->kind == VALUE_BYTES ||
	    node->kind == VALUE_BYTEARRAY) {
		nested_open(s, v);
	}
}

/* Nests lie in the order of their nodes; more are appended as we go. */
static void
scan_nodes(struct scan *s, vref first)
{
	uint32_t nest = 0;
	vref v = first;

	while (v < s->g->next) {
		while (nest < s->nest_count && v >= s->nests[nest].end)
			nest++;
		s->nest_at = 0;
		if (nest < s->nest_count && v >= s->nests[nest].first) {
			s->nest_at = nest + 1;
			if (s->nests[nest].skip) {
				v = s->nests[nest].end;
				continue;
			}
		}
		read_node(s, v);
		v = graph_after(s->g, v);
	}
	s->nest_at = 0;
}

void
verdict_nodes(struct graph *g, vref first)
{
	struct scan *s = arena_alloc(&g->job->arena, 1, sizeof *s);

	scan_init(s, g);
	scan_nodes(s, first);
	scan_say_names(s);
}

static void
say_count(struct scan *s, enum verdict level, uint64_t where, uint64_t n,
    const char *text)
{
	char number[24];
	size_t at = sizeof number;

	do {
		number[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	sink_note_about(s->job, NOTE_RECORD, level, where, text, number + at,
	    sizeof number - at);
}

/* All streams from start on, until one breaks off; its beginning is where the
 * junk begins. */
static uint64_t
run_streams(struct scan *s, const struct pickle_source *source, uint64_t start)
{
	const struct nest as = { .where = source->base + start,
	    .how = NEST_STREAM, .in_file = true };
	struct machine_result result;
	uint64_t at = start;
	uint64_t streams = 0;

	while (at < source->len && streams < STREAMS_MAX &&
	    nested_run(s, source, at, &as, &result)) {
		at = result.end;
		streams++;
	}
	if (streams > 0)
		say_count(s, VERDICT_UNUSUAL, source->base + start, streams,
		    "pickles after the first STOP");
	/* The next may hold anything, and no checkpoint has so many. */
	if (streams == STREAMS_MAX && at < source->len)
		sink_note(s->job, NOTE_RECORD, VERDICT_DANGEROUS,
		    source->base + at, "more pickles than are read");
	return at;
}

void
verdict_rest(struct graph *g, const struct pickle_source *source,
    uint64_t start)
{
	struct scan *s;
	vref first = g->next;
	uint64_t junk;

	if (start >= source->len)
		return;
	s = arena_alloc(&g->job->arena, 1, sizeof *s);
	scan_init(s, g);
	junk = run_streams(s, source, start);
	scan_nodes(s, first);
	scan_say_names(s);
	if (junk < source->len)
		say_count(s, VERDICT_UNUSUAL, source->base + junk,
		    source->len - junk, "trailing bytes");
}

void
verdict_plain(struct graph *g, const struct pickle_source *source)
{
	const struct nest as = { .where = source->base, .how = NEST_PLAIN,
	    .in_file = true };
	struct pickle_source plain = *source;
	struct machine_result result;
	struct scan *s = arena_alloc(&g->job->arena, 1, sizeof *s);
	vref first = g->next;

	plain.joblib = false;
	scan_init(s, g);
	(void)nested_run(s, &plain, 0, &as, &result);
	scan_nodes(s, first);
	scan_say_names(s);
}
