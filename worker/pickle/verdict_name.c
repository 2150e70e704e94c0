/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_name.c - the class of a name.  The rule is an allow-list where the
 * set is finite (the standard library, torch, numpy) and goes by the shape of
 * the name elsewhere: third parties' classes are objects, a call of one of
 * their functions is an attack.  Pure; the tables are in names_*.c.
 */
#include "names_tables.h"
#include "verdict.h"
#include "vocabulary.h"

#include <string.h>

struct piece {
	const char *at;
	size_t len;
};

/* Most are told by their first letter. */
static inline bool
piece_is(struct piece p, const char *word)
{
	if (p.len == 0)
		return word[0] == '\0';
	return p.at[0] == word[0] && strlen(word) == p.len &&
	    memcmp(p.at, word, p.len) == 0;
}

static bool
piece_in(struct piece p, const char (*table)[NAMES_ROOM], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (piece_is(p, table[i]))
			return true;
	return false;
}

/* In a sorted table, whose entries have `room` bytes each. */
static bool
sorted_in(struct piece p, const char *table, size_t room, size_t count)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *entry = table + mid * room;
		int order = strncmp(entry, p.at, p.len);

		if (order == 0 && entry[p.len] == '\0')
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static bool
is_stdlib(struct piece top)
{
	return sorted_in(top, names_stdlib[0], NAMES_ROOM,
	    names_stdlib_count);
}

/* The part before the first '.'; *rest gets what follows it, at NULL for the
 * last one. */
static struct piece
piece_split(struct piece p, struct piece *rest)
{
	const char *dot = memchr(p.at, '.', p.len);
	struct piece head = p;

	rest->at = NULL;
	rest->len = 0;
	if (dot != NULL) {
		head.len = (size_t)(dot - p.at);
		rest->at = dot + 1;
		rest->len = p.len - head.len - 1;
	}
	return head;
}

/* Letters, digits, '_', and what only looks odd: "<locals>", non-ASCII. */
static bool
is_identifier(struct piece p)
{
	for (size_t i = 0; i < p.len; i++) {
		unsigned char c = (unsigned char)p.at[i];

		if (!(c >= 0x80 || (c >= '0' && c <= '9') || c == '_' ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    c == '<' || c == '>'))
			return false;
	}
	return p.len > 0;
}

static bool
is_path(struct piece p)
{
	struct piece rest = p;

	while (rest.at != NULL)
		if (!is_identifier(piece_split(rest, &rest)))
			return false;
	return true;
}

static bool
is_dunder(struct piece p)
{
	return p.len > 4 && memcmp(p.at, "__", 2) == 0 &&
	    memcmp(p.at + p.len - 2, "__", 2) == 0;
}

/* "os.system", "prod.__globals__", "os": a name that leaves its module. */
static bool
is_bridge(struct piece name)
{
	struct piece rest = name;

	while (rest.at != NULL) {
		struct piece p = piece_split(rest, &rest);

		if (is_dunder(p) ||
		    piece_in(p, names_bridges, names_bridges_count))
			return true;
		/* Only modules in lower case: Queue, Cookie are classes too. */
		if (rest.at != NULL && p.at[0] >= 'a' && is_stdlib(p))
			return true;
	}
	return false;
}

/* Whoever calls a class so starts programs: psutil, gevent, torch._inductor. */
static bool
ends_in_popen(struct piece name)
{
	static const char popen[] = "Popen";
	size_t n = sizeof(popen) - 1;

	return name.len >= n && memcmp(name.at + name.len - n, popen, n) == 0;
}

/* _?[A-Z]: how classes are spelt. */
static bool
is_class_like(struct piece name)
{
	while (name.len > 0 && name.at[0] == '_') {
		name.at++;
		name.len--;
	}
	return name.len > 0 && ((name.at[0] >= 'A' && name.at[0] <= 'Z') ||
	    (unsigned char)name.at[0] >= 0x80);
}

static bool
module_fits(struct piece module, const char *pattern)
{
	size_t len = strlen(pattern);

	if (len < 2 || pattern[len - 1] != '*')
		return piece_is(module, pattern);
	len -= 2;
	return module.len >= len && memcmp(module.at, pattern, len) == 0 &&
	    (module.len == len || module.at[len] == '.');
}

static bool
name_fits(struct piece name, const char *pattern)
{
	size_t len;

	if (pattern[0] != '*' && (name.len == 0 || name.at[0] != pattern[0]))
		return false;
	len = strlen(pattern);
	if (pattern[len - 1] != '*')
		return piece_is(name, pattern);
	return name.len >= len && memcmp(name.at, pattern, len - 1) == 0 &&
	    memchr(name.at, '.', name.len) == NULL;
}

static enum verdict
honest(struct piece module, struct piece name, bool called)
{
	for (size_t i = 0; i < names_honest_count; i++) {
		const struct honest_name *h = &names_honest[i];

		if (name_fits(name, h->name) && module_fits(module, h->module))
			return called ? h->called : h->referred;
	}
	return VERDICT_UNDECIDED;
}

/* Python 2's name for the same module, as pickle maps it. */
static struct piece
python3_module(struct piece module)
{
	static const char pairs[][2][12] = {
		{ "__builtin__", "builtins" },
		{ "copy_reg", "copyreg" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (piece_is(module, pairs[i][0])) {
			module.at = pairs[i][1];
			module.len = strlen(pairs[i][1]);
			break;
		}
	return module;
}

static enum verdict
elsewhere(struct piece name, bool called)
{
	if (!called)
		return VERDICT_UNUSUAL;
	if (memchr(name.at, '.', name.len) != NULL || !is_class_like(name))
		return VERDICT_DANGEROUS;
	return VERDICT_UNUSUAL;
}

bool
names_is_torch_op(const char *at, size_t len)
{
	return sorted_in((struct piece){ at, len }, names_torch_ops[0],
	    NAMES_OP_ROOM, names_torch_ops_count);
}

/* Rooms of functions on tensors; and of what modules, optimizers and loaders
 * keep as attributes. */
static bool
in_harmless_room(struct piece module)
{
	static const char rooms[][40] = {
		"torch.nn.functional", "torch.nn.init", "torch._C._nn",
		"torch._C._special", "torch._C._linalg", "torch._C._fft",
		"torch.special", "torch.linalg", "torch.fft",
		"torch.nn.quantized.functional",
		"torch.ao.nn.quantized.functional", "torch.nn.modules.*",
		"torch.nn.utils.clip_grad", "torch.nn.utils.rnn",
		"torch.optim.*", "torch.distributions.*",
		"torch.utils.data._utils.collate", "numpy.linalg.*",
		"numpy.fft.*",
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		if (module_fits(module, rooms[i]))
			return true;
	return false;
}

/* A number's type or a scheme, of libraries to come as well:
 * "float4_e2m1fn_x2", "per_token". */
static bool
is_number_type(struct piece name)
{
	static const char scheme[] = "per_";
	static const char kinds[][8] = { "bfloat", "bits", "complex", "float",
		"int", "qint", "quint", "uint" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i]);

		if (name.len > n && memcmp(name.at, kinds[i], n) == 0 &&
		    name.at[n] >= '0' && name.at[n] <= '9')
			return true;
	}
	return name.len > sizeof(scheme) - 1 &&
	    memcmp(name.at, scheme, sizeof(scheme) - 1) == 0;
}

/* A function may be kept by something that calls it when it is made, iterated
 * or asked for an item: unusual when it is known to do no harm. */
static enum verdict
referred_function(struct piece module, struct piece name)
{
	static const char hooks[] = "register_";
	bool numpy = module_fits(module, "numpy.*");

	if (name.len >= sizeof(hooks) - 1 &&
	    memcmp(name.at, hooks, sizeof(hooks) - 1) == 0)
		return VERDICT_DANGEROUS;
	if (in_harmless_room(module) || ((piece_is(module, "torch") ||
	    piece_is(module, "numpy")) && is_number_type(name)))
		return VERDICT_UNUSUAL;
	if (numpy && (piece_is(module, "numpy") ||
	    module_fits(module, "numpy.core.*") ||
	    module_fits(module, "numpy._core.*") ||
	    module_fits(module, "numpy.lib.*")) && sorted_in(name,
	    names_numpy_ops[0], NAMES_OP_ROOM, names_numpy_ops_count))
		return VERDICT_UNUSUAL;
	if ((piece_is(module, "torch") || piece_is(module, "torch._VF") ||
	    piece_is(module, "torch.functional")) &&
	    names_is_torch_op(name.at, name.len))
		return VERDICT_UNUSUAL;
	return VERDICT_DANGEROUS;
}

static enum verdict
referred(struct piece module, struct piece name)
{
	struct piece rest;
	struct piece last = piece_split(name, &rest);

	if (!is_class_like(last))
		return rest.at == NULL ? referred_function(module, name) :
		    VERDICT_DANGEROUS;
	/* A class; or a method of it, which a file may be given to. */
	while (rest.at != NULL)
		last = piece_split(rest, &rest);
	return piece_is(last, "from_file") || piece_is(last, "load") ||
	    piece_is(last, "save") ? VERDICT_DANGEROUS : VERDICT_UNUSUAL;
}

/* torch and numpy: finite, so what the vocabulary does not know is not called;
 * a dotted name is a method. */
static enum verdict
known_library(struct piece module, struct piece name, bool called)
{
	enum verdict level = VERDICT_UNDECIDED;

	if (memchr(name.at, '.', name.len) == NULL)
		level = vocabulary_knows(module.at, module.len, name.at,
		    name.len, called);
	if (level == VERDICT_UNDECIDED)
		level = honest(module, name, called);
	if (level == VERDICT_UNDECIDED)
		level = called ? VERDICT_DANGEROUS : referred(module, name);
	return level;
}

bool
verdict_knows_module(const char *module, size_t len)
{
	struct piece m = { module, len };
	struct piece rest;
	struct piece top = piece_split(python3_module(m), &rest);

	return is_stdlib(top) || piece_is(top, "torch") ||
	    piece_in(top, names_runners, names_runners_count);
}

enum verdict
verdict_of_name(const char *module, size_t module_len, const char *name,
    size_t name_len, bool called)
{
	struct piece m = { module, module_len };
	struct piece n = { name, name_len };
	struct piece rest;
	struct piece top;
	enum verdict level;

	if (!is_path(m) || !is_path(n))
		return VERDICT_DANGEROUS;
	m = python3_module(m);
	top = piece_split(m, &rest);
	/* TorchScript: classes in the file's own code, in no Python. */
	if (piece_is(top, "__torch__"))
		return VERDICT_UNUSUAL;
	level = honest(m, n, called);
	if (level != VERDICT_UNDECIDED && is_stdlib(top))
		return level;
	if (is_stdlib(top) || is_bridge(n) || ends_in_popen(n) ||
	    piece_in(top, names_runners, names_runners_count))
		return VERDICT_DANGEROUS;
	/* Their one word that means arrays; the rest is anybody's. */
	if ((piece_is(top, "joblib") || piece_is(top, "sklearn") ||
	    piece_is(top, "jax")) &&
	    vocabulary_knows(m.at, m.len, n.at, n.len, called) ==
	    VERDICT_CLEAN)
		return VERDICT_CLEAN;
	if (piece_is(top, "torch") || piece_is(top, "numpy"))
		return known_library(m, n, called);
	if (level != VERDICT_UNDECIDED)
		return level;
	return elsewhere(n, called);
}
