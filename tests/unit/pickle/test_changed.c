/* SPDX-License-Identifier: Apache-2.0
 *
 * test_changed.c - what a call or a BUILD was given, and what was done to that
 * afterwards: Python read it when it was used, so that what we read at the end
 * of the stream must be the same, or be left out by name.
 */
#include "pickle/walk_help.h"

#include "vocabulary.h"

#define UTILS(name) G("torch._utils", name)
#define ONE "K\001\205"
#define TWO "K\002\205"
/* A list of one number, which the memo has under `number`. */
#define LISTED(number, n) "]q" number "K" n "a"
/* A list of two values: what is done, and what is dropped. */
#define AFTER(value, done) "](" value done "0" T "e."
#define BEFORE(done, value) "](" done value T "e."
#define APPENDED(number) "h" number "K\001a"
#define SIZED(size) REBUILD(FLOATS, "K\000", size, ONE, "")
#define ORDERED G("collections", "OrderedDict")
#define BUILTIN(name) G("builtins", name)
#define DTYPE G("numpy", "dtype") S("\002", "f4") "\211\210\207R"
#define DTYPE_STATE(order) \
	"(K\003X\001\0\0\0" order "NNNK\001K\001K\000t"
#define EMPTY_ARRAY \
	G("numpy.core.multiarray", "_reconstruct") G("numpy", "ndarray") \
	"K\000\205C\001b\207R"
#define ARRAY_STATE(shape, dtype) \
	"(K\001" shape dtype "\211C\010\0\0\200\077\0\0\0\100t"
#define QUANTIZED \
	UTILS("_rebuild_qtensor") "(" PID("QInt8Storage", "2", "K\030") \
	"K\000" TWO ONE "(" G("torch", "per_channel_affine") \
	"]q\001(K\001K\002e](K\001K\002eK\000t\211}tR"
#define SPARSE \
	UTILS("_rebuild_sparse_tensor") G("torch.serialization", "_get_layout") \
	S("\020", "torch.sparse_coo") "\205R" T U LISTED("\001", "\006") \
	"\207\206R"
#define LEGACY(size) G("torch", "FloatTensor") ")\201(" FLOATS "K\000" size \
	ONE "tb"
#define CASTED(array) \
	UTILS("_rebuild_device_tensor_from_numpy") "(" array \
	G("torch", "float32") S("\003", "cpu") "\211tR"
#define STATED(state) \
	UTILS("_rebuild_parameter_with_state") "(" T "\210}" state "tR"
#define OBJECT G("m", "C") ")\201"
#define LOST "changed afterwards"
#define ORDER "depends on the order"
/* Classes that are not read have a note of their own. */
#define CLASS "not read"

static const struct help_good goods[] = {
	/* The same, in time. */
	{ "a size that was appended to", BYTES_OF(BEFORE("]q\001h\001K\002a00",
	    SIZED("h\001"))), "0[2] 1[2]", NULL },
	{ "a size that was set", BYTES_OF(BEFORE(LISTED("\001", "\003")
	    "h\001K\000K\002s00", SIZED("h\001"))), "0[2] 1[2]", NULL },
	{ "pairs that were appended", BYTES_OF(BEFORE("]q\001h\001"
	    S("\001", "k") T "\206a00", ORDERED "h\001\205R")),
	    "0.k[2] 1[2]", NULL },
	/* Too late. */
	{ "a size", BYTES_OF(AFTER(SIZED(LISTED("\001", "\002")),
	    APPENDED("\001"))), "1[2]", LOST },
	{ "a stride", BYTES_OF(AFTER(REBUILD(FLOATS, "K\000", TWO,
	    LISTED("\001", "\001"), ""), APPENDED("\001"))), "1[2]", LOST },
	{ "a number of a size", BYTES_OF(AFTER(SIZED(LISTED("\001", "\002")),
	    "h\001K\000K\003s")), "1[2]", LOST },
	{ "a number of a LIST's list", BYTES_OF(AFTER(SIZED("(K\002lq\001"),
	    "h\001K\000K\003s")), "1[2]", LOST },
	{ "a LIST's list", BYTES_OF(AFTER(SIZED("(K\002lq\001"),
	    APPENDED("\001"))), "1[2]", LOST },
	{ "the list of a torch.Size", BYTES_OF(AFTER(SIZED(G("torch", "Size")
	    LISTED("\001", "\002") "\205R"), APPENDED("\001"))), "1[2]",
	    "its shape is an unknown" },
	{ "the list of a torch.Size, before the tensor", BYTES_OF("]("
	    G("torch", "Size") LISTED("\001", "\002") "\205Rq\002"
	    APPENDED("\001") "0" SIZED("h\002") T "e."), "2[2]",
	    "its shape is an unknown" },
	{ "metadata", BYTES_OF(AFTER(REBUILD(FLOATS, "K\000", TWO, ONE,
	    "}q\001"), "h\001" S("\003", "neg") "\210s")), "1[2]", LOST },
	{ "a list of a quantizer", BYTES_OF(AFTER(QUANTIZED,
	    APPENDED("\001"))), "1[2]", LOST },
	{ "the size of a sparse tensor", BYTES_OF(AFTER(SPARSE,
	    APPENDED("\001"))), "1[2]", LOST },
	{ "a part of a sparse tensor", BYTES_OF(AFTER(
	    UTILS("_rebuild_sparse_tensor") G("torch.serialization",
	    "_get_layout") S("\020", "torch.sparse_coo") "\205R" T
	    SIZED(LISTED("\001", "\002")) TWO "\207\206R", APPENDED("\001"))),
	    "0.indices[2] 0.size[1] 1[2]", "a part of it is" },
	{ "attributes", BYTES_OF(AFTER(STATED("}q\001"), "h\001"
	    S("\004", "data") U "s")), "1[2]", LOST },
	{ "a size of a state", BYTES_OF(AFTER(LEGACY(LISTED("\001", "\002")),
	    APPENDED("\001"))), "1[2]", LOST },
	{ "a size of a subclass", BYTES_OF(AFTER(G("torch._tensor",
	    "_rebuild_from_type_v2") "(" UTILS("_rebuild_tensor_v2")
	    G("m", "C") "(" FLOATS "K\000" LISTED("\001", "\002") ONE
	    "\211}tNtR", APPENDED("\001"))), "1[2]", LOST },
	{ "a dtype of an array", BYTES_OF(AFTER(EMPTY_ARRAY ARRAY_STATE(TWO,
	    DTYPE "q\001") "b", "h\001" DTYPE_STATE(">") "b")), "1[2]", LOST },
	{ "a dtype by a state that was there", BYTES_OF("]("
	    DTYPE_STATE(">") "q\0020" EMPTY_ARRAY ARRAY_STATE(TWO,
	    DTYPE "q\001") "bh\001h\002b0" T "e."), "1[2]", LOST },
	{ "a shape of an array", BYTES_OF(AFTER(EMPTY_ARRAY
	    ARRAY_STATE(LISTED("\001", "\002"), DTYPE) "b",
	    APPENDED("\001"))), "1[2]", LOST },
	{ "an array that is converted", BYTES_OF(AFTER(CASTED(EMPTY_ARRAY
	    "q\001"), "h\001" ARRAY_STATE(TWO, DTYPE) "b")), "1[2]", LOST },
	{ "by a state that was there", BYTES_OF("](" ARRAY_STATE(TWO, DTYPE)
	    "q\0020" CASTED(EMPTY_ARRAY "q\001") "h\001h\002b0" T "e."),
	    "1[2]", LOST },
	{ "a tensor that a parameter is made of", BYTES_OF(AFTER(
	    UTILS("_rebuild_parameter") G("torch", "FloatTensor")
	    ")\201q\001\210}\207R", "h\001(" FLOATS "K\000" TWO ONE "tb")),
	    "1[2]", LOST },
	/* Python's containers copy what they are given. */
	{ "pairs of an OrderedDict", BYTES_OF(AFTER(ORDERED "]q\001("
	    S("\001", "k") T "\206e\205R", "h\001" S("\001", "k") U "\206a")),
	    "1[2]", ORDER },
	{ "a pair of an OrderedDict", BYTES_OF(AFTER(ORDERED "]]q\001("
	    S("\001", "k") T "ea\205R", "h\001K\001" U "s")), "1[2]", ORDER },
	{ "a dict", BYTES_OF(AFTER(BUILTIN("dict") "}q\001" S("\001", "k") T
	    "s\205R", "h\001" S("\001", "k") U "s")), "1[2]", ORDER },
	{ "a list", BYTES_OF(AFTER(BUILTIN("list") "]q\001" T "a\205R",
	    "h\001" U "a")), "1[2]", ORDER },
	{ "a set", BYTES_OF(AFTER(BUILTIN("set") "]q\001" T "a\205R",
	    "h\001" U "a")), "1[2]", ORDER },
	{ "entries of the dict of a dict", BYTES_OF(AFTER(BUILTIN("dict")
	    ORDERED ")Rq\001" S("\001", "k") T "s\205R", "h\001"
	    S("\001", "k") U "s")), "1[2]", ORDER },
	{ "a list in time", BYTES_OF(BEFORE("]q\001" T "ah\001" U "a00",
	    BUILTIN("list") "h\001\205R")), "0.0[2] 0.1[3] 1[2]", NULL },
	/* Objects copy their state. */
	{ "a state", BYTES_OF(AFTER(OBJECT "}q\001" S("\001", "k") T "sb",
	    "h\001" S("\001", "k") U "s")), "1[2]", ORDER },
	{ "slots", BYTES_OF(AFTER(OBJECT "N}q\001" S("\001", "k") T "s\206b",
	    "h\001" S("\001", "k") U "s")), "1[2]", ORDER },
	{ "a dict in a state is not copied", BYTES_OF(AFTER(OBJECT "}"
	    S("\001", "d") "}q\001" S("\001", "k") T "ssb", "h\001"
	    S("\001", "k") U "s")), "0.d.k[3] 1[2]", CLASS },
	{ "a list of an object's arguments is not copied", BYTES_OF(AFTER(
	    G("m", "C") "]q\001" T "a\205R", "h\001" U "a")),
	    "0.0.0[2] 0.0.1[3] 1[2]", CLASS },
};

static void
test_goods(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		help_expect_good(&goods[i]);
}

/* An object in its own state: a dict that is filled before its BUILD, and by
 * nobody later. */
static void
test_honest_cycle(void **state)
{
	static const struct help_good cycle = { "an object in its state",
		BYTES_OF(OBJECT "q\001}q\002(" S("\004", "self") "h\001"
		S("\001", "w") T "ub."), "w[2]", CLASS };

	(void)state;
	help_expect_good(&cycle);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goods),
		cmocka_unit_test(test_honest_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
