/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary.c - see vocabulary.h: the table of the calls that mean tensors,
 * with how many arguments each takes.  Sources: torch/_utils.py, _tensor.py and
 * serialization.py of 2.13, 1.13 and 0.4; numpy 2.4 and 1.24.  A call in the
 * table with the wrong arguments is a lie; a call that is not in it is left to
 * the walk.
 */
#include "vocabulary.h"

#include <string.h>

#include "verdict.h"
#include "vocabulary_word.h"
#include "wrapped.h"

#define ANY UINT8_MAX
/* _rebuild_from_type_v2 calls its argument, which may be itself. */
#define TYPES_MAX 8

enum way {
	READ,	/* by the function */
	SAME,	/* the first argument is it */
	TENSOR,	/* the same, and must be a tensor */
	CAST,	/* the same, when it has the dtype of the second */
	STATED,	/* the same, with the fourth as its attributes */
	TYPE,	/* calls its first argument: see unwrap_type */
	WALK,	/* walked into; here only to be found soon */
	PLAIN,	/* data that holds no tensor */
	OUT	/* a tensor that is left out: why */
};

/* Who reads it. */
enum reader {
	NOBODY = 0,
	BY_TENSOR,
	BY_TENSOR_V3,
	BY_QTENSOR,
	BY_SPARSE,
	BY_SPARSE_CSR,
	BY_NESTED,
	BY_WRAPPED,
	BY_NUMPY_ARRAY,
	BY_JAX_ARRAY,
	BY_NUMPY_BUFFER,
	BY_NUMPY_SCALAR,
	BY_LEGACY_STATE
};

/* No pointers: see names_tables.h. */
struct entry {
	char module[24];
	char name[40];
	uint8_t way;		/* enum way */
	uint8_t least;		/* arguments */
	uint8_t most;
	uint8_t reader;		/* enum reader */
	char why[52];
};

#define UTILS "torch._utils"
#define MULTIARRAY "numpy.core.multiarray"
#define MULTIARRAY2 "numpy._core.multiarray"

#define TAKES(module, name, way, least, most) \
	{ module, name, way, least, most, NOBODY, "" }
#define READS(module, name, least, most, reader) \
	{ module, name, READ, least, most, reader, "" }
#define LEFT(module, name, least, most, why) \
	{ module, name, OUT, least, most, NOBODY, why }
/* Those first that a checkpoint has one of for each tensor. */
static const struct entry entries[] = {
	READS(UTILS, "_rebuild_tensor_v2", 6, 7, BY_TENSOR),
	TAKES(UTILS, "_rebuild_parameter", TENSOR, 3, 3),
	TAKES("collections", "OrderedDict", WALK, 0, ANY),
	READS(UTILS, "_rebuild_tensor", 4, 4, BY_TENSOR),
	READS(UTILS, "_rebuild_tensor_v3", 7, 8, BY_TENSOR_V3),
	TAKES(UTILS, "_rebuild_parameter_with_state", STATED, 4, 4),
	READS(UTILS, "_rebuild_qtensor", 7, 7, BY_QTENSOR),
	READS(UTILS, "_rebuild_sparse_tensor", 2, 2, BY_SPARSE),
	READS(UTILS, "_rebuild_sparse_csr_tensor", 2, 2, BY_SPARSE_CSR),
	READS(UTILS, "_rebuild_nested_tensor", 3, 4, BY_NESTED),
	LEFT(UTILS, "_rebuild_meta_tensor_no_storage", 4, 4,
	    "it is on the meta device: no data"),
	LEFT(UTILS, "_rebuild_wrapper_subclass", 7, 8,
	    "a wrapper around other tensors: no data of its own"),
	TAKES(UTILS, "_rebuild_device_tensor_from_numpy", CAST, 4, 4),
	TAKES(UTILS, "_rebuild_device_tensor_from_cpu_tensor", CAST, 4, 4),
	TAKES(UTILS, "_rebuild_xla_tensor", CAST, 4, 4),
	TAKES("torch._tensor", "_rebuild_from_type_v2", TYPE, 4, 4),
	TAKES("torch._tensor", "_rebuild_from_type", TYPE, 4, 4),
	TAKES("torch.tensor", "_rebuild_from_type_v2", TYPE, 4, 4),
	TAKES("torch.tensor", "_rebuild_from_type", TYPE, 4, 4),
	READS("torch.storage", "_load_from_bytes", 1, 1, BY_WRAPPED),
	LEFT("torch.nn.parameter", "UninitializedParameter", 0, ANY,
	    "an uninitialized parameter: no data"),
	LEFT("torch.nn.parameter", "UninitializedBuffer", 0, ANY,
	    "an uninitialized buffer: no data"),

	TAKES("torch", "Size", SAME, 0, 1),
	TAKES("torch", "device", PLAIN, 0, ANY),
	TAKES("torch.serialization", "_get_layout", PLAIN, 0, ANY),
	TAKES("torch.jit._pickle", "build_intlist", SAME, 1, 1),
	TAKES("torch.jit._pickle", "build_tensorlist", SAME, 1, 1),
	TAKES("torch.jit._pickle", "build_doublelist", SAME, 1, 1),
	TAKES("torch.jit._pickle", "build_boollist", SAME, 1, 1),
	TAKES("torch.jit._pickle", "restore_type_tag", SAME, 2, 2),
	LEFT("torch.jit._pickle", "build_tensor_from_id", 1, 1,
	    "a tensor of the constants table"),

	READS(MULTIARRAY, "_reconstruct", 3, 3, BY_NUMPY_ARRAY),
	READS(MULTIARRAY2, "_reconstruct", 3, 3, BY_NUMPY_ARRAY),
	READS(MULTIARRAY, "scalar", 1, 2, BY_NUMPY_SCALAR),
	READS(MULTIARRAY2, "scalar", 1, 2, BY_NUMPY_SCALAR),
	READS("numpy.core.numeric", "_frombuffer", 4, 5, BY_NUMPY_BUFFER),
	READS("numpy._core.numeric", "_frombuffer", 4, 5, BY_NUMPY_BUFFER),
	TAKES("numpy", "dtype", PLAIN, 0, ANY),
	READS("jax._src.array", "_reconstruct_array", 4, 4, BY_JAX_ARRAY),

	TAKES("_codecs", "encode", PLAIN, 0, ANY),
	TAKES("builtins", "bytes", PLAIN, 0, ANY),
	TAKES("builtins", "bytearray", PLAIN, 0, ANY),
	TAKES("builtins", "complex", PLAIN, 0, ANY),
	TAKES("builtins", "slice", PLAIN, 0, ANY),
	TAKES("builtins", "range", PLAIN, 0, ANY),
};

/* Classes whose state is the tensor: torch 0.1 to 0.3, and Parameter(data). */
static const char tensors[][2][24] = {
	{ "torch.nn.parameter", "Parameter" },
	{ "torch.nn.parameter", "Buffer" },
	{ "torch.nn", "Parameter" },
	{ "torch.autograd.variable", "Variable" },
	{ "torch.autograd", "Variable" },
	{ "torch", "Tensor" },
	{ "torch._tensor", "Tensor" },
	{ "torch.tensor", "Tensor" },
};
/* In torch and torch.cuda. */
static const char typed[][16] = {
	"FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor",
	"LongTensor", "IntTensor", "ShortTensor", "CharTensor", "ByteTensor",
	"BoolTensor"
};

static const struct entry legacy = { "torch", "Tensor", READ, 0, ANY,
	BY_LEGACY_STATE, "" };

void
vocabulary_start(struct storage_home *home)
{
	if (home->words != NULL)
		return;
	home->words = arena_alloc(&home->job->arena, 1, sizeof(*home->words));
	/* It is zero, but may be the first of a page; to read that before it
	 * is written would cost two faults. */
	home->words->sent_count = 0;
}

static const struct entry *
search_entry(const struct graph *g, vref callable)
{
	struct global_name global = value_global(g, callable);

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (global_is(&global, entries[i].module, entries[i].name))
			return &entries[i];
	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
		if (global_is(&global, tensors[i][0], tensors[i][1]))
			return &legacy;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (global_is(&global, "torch", typed[i]) ||
		    global_is(&global, "torch.cuda", typed[i]))
			return &legacy;
	return NULL;
}

/* What was found is kept in the global's mark: a pickle names a function once
 * and recalls it for each tensor. */
static const struct entry *
find_entry(const struct graph *g, vref callable)
{
	const struct entry *e;
	struct value *global;
	uint32_t kept;

	if (value_kind(g, callable) != VALUE_GLOBAL)
		return NULL;
	global = graph_at(g, callable);
	kept = global->mark >> MARK_ENTRY_SHIFT;
	if (kept == MARK_NOTHING)
		return NULL;
	if (kept != 0)
		return kept == MARK_LEGACY ? &legacy : &entries[kept - 1];
	e = search_entry(g, callable);
	kept = e == NULL ? MARK_NOTHING : e == &legacy ? MARK_LEGACY :
	    (uint32_t)(e - entries) + 1;
	global->mark |= kept << MARK_ENTRY_SHIFT;
	return e;
}

/* (function, type, args, state): the call that it makes takes the word's place.
 * Returns the function's entry, or NULL. */
static const struct entry *
unwrap_type(struct word *w, vref callable)
{
	const struct entry *e = find_entry(w->g, callable);

	for (int depth = 0; e != NULL && e->way == TYPE; depth++) {
		w->function = e->name;
		if (depth == TYPES_MAX)
			word_die(w, VREF_MISSING, "call", "is nested too deep");
		if (w->argc != 4)
			word_die(w, VREF_MISSING, "call",
			    "has the wrong number of arguments");
		callable = word_arg(w, 0);
		if (value_kind(w->g, callable) != VALUE_GLOBAL &&
		    !word_is_opaque(w, callable))
			word_die(w, callable, "function", "is not one");
		if (value_kind(w->g, word_arg(w, 2)) != VALUE_TUPLE)
			word_die(w, word_arg(w, 2), "args", "is not a tuple");
		w->replaced |= !word_attributes(w, word_arg(w, 3));
		if (w->also == VREF_MISSING)
			w->also = word_arg(w, 3);
		w->args = word_arg(w, 2);
		w->argc = value_count(w->g, w->args);
		e = find_entry(w->g, callable);
	}
	return e;
}

/* A function of a class that we do not know: its arguments may hold tensors.
 * One dict alone (torch's jagged tensors) stands for the whole. */
static void
read_unknown(struct word *w)
{
	w->inner = w->args;
	if (w->argc == 1 && value_kind(w->g, word_arg(w, 0)) == VALUE_DICT)
		w->inner = word_arg(w, 0);
	word_leave_out(w, "rebuilt by an unknown function; its parts follow");
}

static void
check_count(const struct word *w, const struct entry *e)
{
	if (w->argc < e->least || (e->most != ANY && w->argc > e->most))
		word_die(w, VREF_MISSING, "call",
		    "has the wrong number of arguments");
}

static void
read_same(struct word *w, const struct entry *e)
{
	if (w->argc == 0)
		return;
	if (e->way != SAME && !word_is_opaque(w, word_arg(w, 0)))
		word_die(w, word_arg(w, 0), "data", "is not a tensor");
	if (e->way == CAST && !torch_keeps_dtype(w)) {
		word_leave_out(w, "it would be converted to another dtype");
		return;
	}
	w->inner = word_arg(w, 0);
}

static bool
is_changed(const struct word *w, const struct entry *e)
{
	if (e->way == PLAIN)
		return false;
	if ((e->reader == BY_TENSOR || e->reader == BY_TENSOR_V3) &&
	    w->state == VREF_MISSING)
		return word_tensor_is_changed(w);
	return word_is_changed(w);
}

/* A tensor of torch's that something may have given other data. */
static bool
is_replaced(struct word *w, const struct entry *e)
{
	if (e->module[0] != 't' || e->way == PLAIN || e->way == OUT)
		return false;
	if (e == &legacy)
		return w->replaced;
	if (w->state == VREF_MISSING && e->way != STATED)
		return w->replaced;
	word_not_replaced(w);
	if (e->way == STATED && w->also == VREF_MISSING)
		w->also = word_arg(w, 3);
	if (w->also == VREF_MISSING)
		w->also = w->state;
	return w->replaced || !word_attributes(w, w->state) ||
	    (e->way == STATED && !word_attributes(w, word_arg(w, 3)));
}

static void
read_by(struct word *w, enum reader reader)
{
	switch (reader) {
	case NOBODY:
		break;
	case BY_TENSOR:
		torch_rebuild_tensor(w);
		break;
	case BY_TENSOR_V3:
		torch_rebuild_tensor_v3(w);
		break;
	case BY_QTENSOR:
		torch_rebuild_qtensor(w);
		break;
	case BY_SPARSE:
		torch_rebuild_sparse(w);
		break;
	case BY_SPARSE_CSR:
		torch_rebuild_sparse_csr(w);
		break;
	case BY_NESTED:
		torch_rebuild_nested(w);
		break;
	case BY_WRAPPED:
		wrapped_read(w);
		break;
	case BY_NUMPY_ARRAY:
		numpy_reconstruct(w);
		break;
	case BY_JAX_ARRAY:
		numpy_of_jax(w);
		break;
	case BY_NUMPY_BUFFER:
		numpy_frombuffer(w);
		break;
	case BY_NUMPY_SCALAR:
		numpy_scalar(w);
		break;
	case BY_LEGACY_STATE:
		torch_legacy_state(w);
		break;
	}
}

static enum meaning
read_entry(struct word *w, const struct entry *e)
{
	if (e->way == WALK)
		return MEANS_NOTHING;
	w->function = e->name;
	check_count(w, e);
	if (w->changed || is_changed(w, e)) {
		word_leave_out(w, "what it was made of was changed afterwards");
		return MEANS_TENSOR;
	}
	if (is_replaced(w, e)) {
		word_leave_out(w, "its attributes may replace its data");
		return MEANS_TENSOR;
	}
	switch ((enum way)e->way) {
	case READ:
		read_by(w, (enum reader)e->reader);
		break;
	case SAME:
	case TENSOR:
	case CAST:
	case STATED:
		read_same(w, e);
		break;
	case PLAIN:
	case TYPE:
	case WALK:
		return MEANS_PLAIN;
	case OUT:
		word_leave_out(w, e->why);
		break;
	}
	if (e->reader == BY_NUMPY_SCALAR)
		return MEANS_PLAIN;
	return w->inner != VREF_MISSING ? MEANS_SAME_AS : MEANS_TENSOR;
}

static enum meaning
read_call(struct word *w, const struct value *call)
{
	vref callable = call->as.call.callable;
	const struct entry *e;

	w->args = call->as.call.args;
	w->argc = value_count(w->g, w->args);
	w->state = call->as.call.state;
	e = find_entry(w->g, callable);
	if (e != NULL && e->way != WALK) {
		w->function = e->name;
		word_once(w, call);
	}
	if (e != NULL && e->way == TYPE) {
		w->changed = word_is_changed(w);
		e = unwrap_type(w, callable);
		if (e == NULL || e->way == WALK) {
			read_unknown(w);
			return MEANS_SAME_AS;
		}
	}
	return e != NULL ? read_entry(w, e) : MEANS_NOTHING;
}

struct meant
vocabulary_read(struct graph *g, vref v, const struct path *path,
    struct storage_home *home)
{
	const struct value *node = graph_at(g, v);
	struct meant m = { .meaning = MEANS_PLAIN, .inner = VREF_MISSING,
		.also = VREF_MISSING };
	struct word w = {
		.g = g,
		.job = g->job,
		.home = home,
		.path = path,
		.function = "persistent id",
		.where = graph_where(g, v),
		.call = v,
		.args = VREF_EMPTY_TUPLE,
		.state = VREF_MISSING,
		.also = VREF_MISSING,
		.inner = VREF_MISSING,
	};

	vocabulary_start(home);
	m.first = home->words->sent_count;
	if (node->kind == VALUE_CALL)
		m.meaning = read_call(&w, node);
	else if (torch_storage_leaf(&w, v))
		m.meaning = MEANS_TENSOR;
	m.count = home->words->sent_count - m.first;
	m.inner = w.inner;
	m.also = w.also;
	return m;
}
