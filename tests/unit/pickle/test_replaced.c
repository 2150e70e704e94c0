/* SPDX-License-Identifier: Apache-2.0
 *
 * test_replaced.c - tensors that are given other data after the call that makes
 * them: by a state, by an attribute, by a conversion, by a second view of the
 * same name.  None may come out as it was before.
 */
#include "pickle/walk_help.h"

#include "vocabulary.h"

#define UTILS(name) G("torch._utils", name)
#define ONE "K\001\205"
#define TWO "K\002\205"
#define FOUR "(" FLOATS "K\001" TWO ONE "t"
#define FIVE "(" U "NN\211\211t"
#define PARAMETER UTILS("_rebuild_parameter") T "\210}\207R"
#define STATED(state) \
	UTILS("_rebuild_parameter_with_state") "(" T "\210}" state "tR"
#define V2_ARGS "(" FLOATS "K\000" TWO ONE "\211}t"
#define TYPED(args, state) \
	G("torch._tensor", "_rebuild_from_type_v2") "(" \
	UTILS("_rebuild_tensor_v2") G("torch", "Tensor") args state "tR"
#define DATA "}" S("\004", "data") U "s"
#define PLAIN "}" S("\001", "x") U "s"
#define ORDERED G("collections", "OrderedDict")
#define VIEWED(key, view) \
	REBUILD("(" S("\007", "storage") G("torch", "FloatStorage") \
	S("\001", key) S("\003", "cpu") "K\006" view "tQ", "K\000", TWO, ONE, "")
#define VIEW(name, offset) "(" name "K" offset "K\002t"
#define CAST(data, dtype) \
	UTILS("_rebuild_device_tensor_from_cpu_tensor") "(" data dtype \
	S("\003", "cpu") "\211tR"
#define ARRAY(code) \
	G("numpy.core.multiarray", "_reconstruct") G("numpy", "ndarray") \
	"K\000\205C\001b\207R(K\001" TWO G("numpy", "dtype") \
	"X\002\0\0\0" code "\211\210\207R(K\003X\001\0\0\0<NNNK\001K\001K\000" \
	"tb\211C\010\0\0\200\077\0\0\0\100tb"
#define SPARSE(values) \
	UTILS("_rebuild_sparse_tensor") G("torch.serialization", "_get_layout") \
	S("\020", "torch.sparse_coo") "\205R" T values TWO "\207\206R"

/* What is refused, and what the error says. */
static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	const char *text;
} refused[] = {
	{ "a tensor set to another storage", BYTES_OF(T FOUR "b."),
	    "replaces a tensor's data" },
	{ "of a list", BYTES_OF(T "](" FLOATS "K\001" TWO ONE "eb."),
	    "replaces a tensor's data" },
	{ "a tensor's data", BYTES_OF(T FIVE "b."), "replaces" },
	{ "a parameter set to another storage", BYTES_OF(PARAMETER FOUR "b."),
	    "replaces" },
	{ "a parameter's data", BYTES_OF(PARAMETER FIVE "b."), "replaces" },
	{ "of a parameter with a state", BYTES_OF(STATED("}") FIVE "b."),
	    "replaces" },
	{ "of a subclass", BYTES_OF(TYPED(V2_ARGS, "}") FIVE "b."),
	    "replaces" },
	{ "of a Parameter, called", BYTES_OF(G("torch.nn.parameter",
	    "Parameter") T "\210\206R" FOUR "b."), "replaces" },
	{ "of a tensor with its type", BYTES_OF(G("torch.jit._pickle",
	    "restore_type_tag") T "N\206R" FOUR "b."), "replaces" },
	{ "a state, and another", BYTES_OF(G("torch", "FloatTensor") ")\201"
	    FOUR "b" FOUR "b."), "a second time" },
	{ "data, then flags", BYTES_OF(T FOUR "b(\211N}tb."), "second time" },
	{ "a dtype twice", BYTES_OF("](" ARRAY("f4") G("numpy", "dtype")
	    S("\002", "f4") "\211\210\207R" "(K\003X\001\0\0\0<NNNK\001K\001"
	    "K\000tb(K\003X\001\0\0\0>NNNK\001K\001K\000tbe."), "second time" },
	{ "a dtype twice, of an array", BYTES_OF(G("numpy.core.multiarray",
	    "_reconstruct") G("numpy", "ndarray") "K\000\205C\001b\207R(K\001"
	    TWO G("numpy", "dtype") S("\002", "f4") "\211\210\207R"
	    "(K\003X\001\0\0\0<NNNK\001K\001K\000tb"
	    "(K\003X\001\0\0\0>NNNK\001K\001K\000tb"
	    "\211C\010\0\0\200\077\0\0\0\100tb."), "second time" },
	{ "a storage whose elements are set", BYTES_OF("](" FLOATS
	    "K\000K\007s0" T "e."), "is changed by the pickle" },
	{ "a storage with another dtype", BYTES_OF("](" FLOATS "}"
	    S("\005", "dtype") G("torch", "int32") "sb0" T "e."),
	    "is changed by the pickle" },
	{ "a view of two places", BYTES_OF("](" VIEWED("0",
	    VIEW(S("\001", "v"), "\000")) VIEWED("0", VIEW(S("\001", "v"),
	    "\002")) "e."), "declared twice" },
	{ "a view of two storages", BYTES_OF("](" VIEWED("0",
	    VIEW(S("\001", "v"), "\000")) VIEWED("1", VIEW(S("\001", "v"),
	    "\000")) "e."), "declared twice" },
	{ "a view named as a storage", BYTES_OF(VIEWED("0",
	    VIEW(S("\001", "1"), "\000") ) "."), "is a storage's" },
	{ "a view that None names", BYTES_OF(VIEWED("0", VIEW("N", "\000"))
	    "."), "is not text" },
	{ "a key of the metadata that a call makes", BYTES_OF(
	    REBUILD(FLOATS, "K\000", TWO, ONE, "}" G("builtins", "str")
	    S("\003", "neg") "\205R\210s") "."), "may be any" },
};

static void
test_refused(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (help_walk(refused[i].bytes, refused[i].length, 0, &h))
			fail_msg("%s: was walked", refused[i].name);
		if (h.job.fault.code != FAULT_FORMAT ||
		    strstr(h.job.fault.text, refused[i].text) == NULL)
			fail_msg("%s: %u '%s'", refused[i].name,
			    h.job.fault.code, h.job.fault.text);
		harness_free(&h);
	}
}

static const struct help_good goods[] = {
	{ "an attribute", BYTES_OF(STATED(PLAIN) "."), "tensor[2] x[3]", NULL },
	{ "slots", BYTES_OF(STATED("N" PLAIN "\206") "."), "tensor[2] x[3]",
	    NULL },
	{ "attributes in an OrderedDict", BYTES_OF(STATED(ORDERED ")R"
	    S("\001", "x") U "s") "."), "tensor[2] x[3]", NULL },
	{ "the attribute data", BYTES_OF(STATED(DATA) "."), "data[3]",
	    "its attributes may" },
	{ "a slot of that name", BYTES_OF(STATED("N" DATA "\206") "."),
	    "data[3]", "its attributes may" },
	{ "in an OrderedDict", BYTES_OF(STATED(ORDERED ")R" S("\004", "data") U
	    "s") "."), "data[3]", "its attributes may" },
	{ "in a list of pairs", BYTES_OF(STATED(ORDERED "](" S("\004", "data") U
	    "\206e\205R") "."), "data[3]", "its attributes may" },
	{ "a name that a call makes", BYTES_OF(STATED("}" G("builtins", "str")
	    S("\004", "data") "\205R" U "s") "."), "?[3]",
	    "its attributes may" },
	{ "of a subclass", BYTES_OF(TYPED(V2_ARGS, DATA) "."), "data[3]",
	    "its attributes may" },
	{ "another class", BYTES_OF(TYPED(V2_ARGS, "}" S("\011", "__class__")
	    G("m", "C") "s") "."), "", "its attributes may" },
	{ "by a state", BYTES_OF(T "}" S("\004", "real") U "sb."), "real[3]",
	    "its attributes may" },
	{ "of a part", BYTES_OF("}" S("\001", "s") SPARSE(STATED(DATA)) "s."),
	    "s.indices[2] s.size[1]", "left out: s: a part of it" },
	{ "a part set to another storage", BYTES_OF("}" S("\001", "s")
	    SPARSE(T FOUR "b") "s."), "s.indices[2] s.size[1]",
	    "left out: s: a part of it" },
	{ "a part of a subclass", BYTES_OF("}" S("\001", "s")
	    SPARSE(TYPED(V2_ARGS, DATA)) "s."), "s.indices[2] s.size[1]",
	    "left out: s: a part of it" },
	{ "flags", BYTES_OF(T "(\211N}tb."), "tensor[2]", NULL },
	{ "one view twice, and another", BYTES_OF("](" VIEWED("0",
	    VIEW(S("\001", "v"), "\000")) VIEWED("0", VIEW(S("\001", "v"),
	    "\000")) VIEWED("0", VIEW(S("\001", "w"), "\002")) "e."),
	    "0[2] 1[2] 2[2]", NULL },
	{ "of its dtype", BYTES_OF(CAST(T, G("torch", "float32")) "."),
	    "tensor[2]", NULL },
	{ "a parameter of its dtype", BYTES_OF(CAST(PARAMETER,
	    G("torch", "float32")) "."), "tensor[2]", NULL },
	{ "an array of its dtype", BYTES_OF(CAST(ARRAY("f4"),
	    G("torch", "float32")) "."), "tensor[2]", NULL },
	{ "of another", BYTES_OF(CAST(T, G("torch", "float64")) "."), "",
	    "converted" },
	{ "an array of another", BYTES_OF(CAST(ARRAY("f4"),
	    G("torch", "bfloat16")) "."), "", "converted" },
	{ "of one that is opaque", BYTES_OF(CAST(T, G("m", "f") ")R") "."), "",
	    "converted" },
};

static void
test_goods(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		help_expect_good(&goods[i]);
}

/* More views than the table begins with. */
static void
test_many_views(void **state)
{
	enum { COUNT = 1000, ROOM = COUNT * 512 };
	static const char begin[] = G("torch._utils", "_rebuild_tensor_v2")
	    "((" S("\007", "storage") G("torch", "FloatStorage")
	    S("\001", "0") S("\003", "cpu") "K\006(";
	static const char end[] = "K\002K\002ttQK\000K\002\205K\001\205\211}"
	    "tR";
	char *bytes = malloc(ROOM);
	struct harness h;
	size_t used = 0;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, "](", 2);
	used = 2;
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		memcpy(bytes + used, begin, sizeof(begin) - 1);
		used += sizeof(begin) - 1;
		used += (size_t)snprintf(bytes + used, ROOM - used,
		    "V%u\n", 100 + i % COUNT);
		memcpy(bytes + used, end, sizeof(end) - 1);
		used += sizeof(end) - 1;
		assert_true(used < ROOM - 512);
	}
	memcpy(bytes + used, "e.", 2);
	if (!help_walk(bytes, used + 2, 0, &h))
		fail_msg("%s", h.job.fault.text);
	assert_int_equal(h.tensor_count, 2 * COUNT);
	harness_free(&h);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_goods),
		cmocka_unit_test(test_many_views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
