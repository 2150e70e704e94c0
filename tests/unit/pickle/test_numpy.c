/* SPDX-License-Identifier: Apache-2.0
 *
 * test_numpy.c - arrays and scalars of numpy: orders of bytes and of axes, the
 * ways in which a pickle holds bytes, what is no tensor.
 */
#include "pickle/walk_help.h"

#include "dtype.h"

#define MA(name) G("numpy.core.multiarray", name)
#define DTYPE(code, order) \
	G("numpy", "dtype") S("\002", code) "\211\210\207R" \
	"(K\003" S("\001", order) "NNNJ\377\377\377\377J\377\377\377\377" \
	"K\000tb"
#define ARRAY(shape, dtype, fortran, data) \
	MA("_reconstruct") G("numpy", "ndarray") "K\000\205C\001b\207R" \
	"(K\001" shape dtype fortran data "tb"
#define P "\200\003"
#define D6 "\001\002\003\004\005\006"
#define U1 DTYPE("u1", "|")
#define TWO_THREE "K\002K\003\206"
#define LATIN1(len, text) \
	G("_codecs", "encode") S(len, text) S("\006", "latin1") "\206R"
#define BEFORE_STATE AT(P MA("_reconstruct") G("numpy", "ndarray") \
	"K\000\205C\001b\207R")
#define AT(text) (sizeof(text) - 1)
#define OPAQUE G("m", "C") ")R"
/* The error stands at the last opcode but STOP. */
#define LAST_OF(text) text ".", sizeof(text), FAULT_FORMAT, sizeof(text) - 2
#define FROM_BEGIN P G("numpy._core.numeric", "_frombuffer") "("
#define FROM(buffer, dtype, shape, order, axes) \
	FROM_BEGIN buffer dtype shape order axes "tR"

/* A dtype of that state, and where it is made. */
#define STATE_FAULT(state) BYTES_OF(P ARRAY("K\006\205", \
	G("numpy", "dtype") S("\002", "u1") "\211\210\207R" state, "\211", \
	"C\006" D6) "."), FAULT_FORMAT, BEFORE_STATE + \
	AT("(K\001K\006\205" G("numpy", "dtype") S("\002", "u1") \
	"\211\210\207")

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	uint32_t dtype;
	size_t rank;
	uint64_t shape[2];
	const char *want;	/* elements in C order */
	size_t want_len;
	uint32_t storage_kind;
} arrays[] = {
	{ "bytes in the file", BYTES_OF(P ARRAY(TWO_THREE, U1, "\211",
	    "C\006" D6) "."), DTYPE_U8, 2, { 2, 3 }, BYTES_OF(D6),
	    STORAGE_EXTENT },
	{ "Fortran order", BYTES_OF(P ARRAY(TWO_THREE, U1, "\210",
	    "C\006" D6) "."), DTYPE_U8, 2, { 2, 3 },
	    BYTES_OF("\001\003\005\002\004\006"), STORAGE_EXTENT },
	{ "big-endian", BYTES_OF(P ARRAY("K\003\205", DTYPE("i2", ">"), "\211",
	    "C\006" D6) "."), DTYPE_I16, 1, { 3 },
	    BYTES_OF("\002\001\004\003\006\005"), STORAGE_STREAM },
	{ "an order that is none is the host's", BYTES_OF(P ARRAY(
	    "K\003\205", DTYPE("i2", "x"), "\211", "C\006" D6) "."),
	    DTYPE_I16, 1, { 3 }, BYTES_OF(D6), STORAGE_EXTENT },
	{ "numpy's own dtype has no state", BYTES_OF(P ARRAY("K\003\205",
	    G("numpy", "dtype") S("\002", "i2") "\211\211\207R(K\003"
	    S("\001", ">") "NNNK\000K\000K\000tb", "\211", "C\006" D6) "."),
	    DTYPE_I16, 1, { 3 }, BYTES_OF(D6), STORAGE_EXTENT },
	{ "another order is not numpy's own", BYTES_OF(P ARRAY("K\003\205",
	    G("numpy", "dtype") S("\003", ">i2") "\211\211\207R(K\003"
	    S("\001", "<") "NNNK\000K\000K\000tb", "\211", "C\006" D6) "."),
	    DTYPE_I16, 1, { 3 }, BYTES_OF(D6), STORAGE_EXTENT },
	{ "made of a type's number", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001\027\207R(K\001K\006\205"
	    U1 "\211C\006" D6 "tb."), DTYPE_U8, 1, { 6 }, BYTES_OF(D6),
	    STORAGE_EXTENT },
	{ "made of a type's name", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205" S("\002", "f4") "\207R"
	    "(K\001K\006\205" U1 "\211C\006" D6 "tb."), DTYPE_U8, 1, { 6 },
	    BYTES_OF(D6), STORAGE_EXTENT },
	{ "big-endian complex: each part", BYTES_OF(P ARRAY("K\001\205",
	    DTYPE("c8", ">"), "\211", "C\010" D6 "\007\010") "."), DTYPE_C64,
	    1, { 1 }, BYTES_OF("\004\003\002\001\010\007\006\005"),
	    STORAGE_STREAM },
	{ "big-endian single bytes", BYTES_OF(P ARRAY("K\006\205",
	    DTYPE("i1", ">"), "\211", "C\006" D6) "."), DTYPE_I8, 1, { 6 },
	    BYTES_OF(D6), STORAGE_EXTENT },
	{ "latin1", BYTES_OF(P ARRAY("K\003\205", U1, "\211",
	    LATIN1("\005", "\302\200a\303\277")) "."), DTYPE_U8, 1, { 3 },
	    BYTES_OF("\200a\377"), STORAGE_STREAM },
	{ "no bytes", BYTES_OF(P ARRAY("K\000\205", U1, "\211",
	    G("__builtin__", "bytes") ")R") "."), DTYPE_U8, 1, { 0 }, "", 0,
	    STORAGE_STREAM },
	{ "rank 0", BYTES_OF(P ARRAY(")", U1, "\211", "C\001x") "."),
	    DTYPE_U8, 0, { 0 }, BYTES_OF("x"), STORAGE_EXTENT },
	{ "an integer as shape", BYTES_OF(P ARRAY("K\006", U1, "\211",
	    "C\006" D6) "."), DTYPE_U8, 1, { 6 }, BYTES_OF(D6),
	    STORAGE_EXTENT },
	{ "a Python 2 string", BYTES_OF(ARRAY("K\006\205", U1, "\211",
	    "U\006" D6) "."), DTYPE_U8, 1, { 6 }, BYTES_OF(D6), 0 },
	{ "frombuffer", BYTES_OF("\200\005" G("numpy._core.numeric",
	    "_frombuffer") "(\226\006\0\0\0\0\0\0\0" D6 U1 TWO_THREE
	    S("\001", "F") "tR."), DTYPE_U8, 2, { 2, 3 },
	    BYTES_OF("\001\003\005\002\004\006"), 0 },
	{ "frombuffer, axes turned", BYTES_OF("\200\005"
	    G("numpy._core.numeric", "_frombuffer")
	    "(\226\006\0\0\0\0\0\0\0" D6 U1 TWO_THREE S("\001", "K")
	    "K\001K\000\206tR."), DTYPE_U8, 2, { 3, 2 },
	    BYTES_OF("\001\004\002\005\003\006"), 0 },
	{ "through torch", BYTES_OF(P G("torch._utils",
	    "_rebuild_device_tensor_from_numpy") "(" ARRAY("K\006\205", U1,
	    "\211", "C\006" D6) G("torch", "uint8") S("\003", "xla")
	    "\211tR."), DTYPE_U8, 1, { 6 }, BYTES_OF(D6), STORAGE_EXTENT },
};

static void
test_arrays(void **state)
{
	struct harness h;
	const uint8_t *got;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		if (!help_walk(arrays[i].bytes, arrays[i].length, 0, &h))
			fail_msg("%s: %s", arrays[i].name, h.job.fault.text);
		if (h.tensor_count != 1 ||
		    h.tensors[0].dtype != arrays[i].dtype ||
		    h.tensors[0].rank != arrays[i].rank)
			fail_msg("%s: not that tensor", arrays[i].name);
		for (size_t k = 0; k < arrays[i].rank; k++)
			assert_int_equal(h.tensors[0].shape[k],
			    arrays[i].shape[k]);
		got = harness_bytes(&h, &h.tensors[0], &len);
		if (len != arrays[i].want_len ||
		    memcmp(got, arrays[i].want, len) != 0)
			fail_msg("%s: other bytes", arrays[i].name);
		if (arrays[i].storage_kind != 0 && h.storages[0].kind !=
		    arrays[i].storage_kind)
			fail_msg("%s: other storage", arrays[i].name);
		assert_int_equal(h.note_count, 0);
		harness_free(&h);
	}
}

static const struct help_fault faults[] = {
	{ "one byte short", BYTES_OF(P ARRAY("K\006\205", U1, "\211",
	    "C\005abcde") "."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\001K\006\205" U1 "\211"), "differs in length" },
	{ "one byte more", BYTES_OF(P ARRAY("K\006\205", U1, "\211",
	    "C\007abcdefg") "."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\001K\006\205" U1 "\211"), "differs in length" },
	{ "a negative dimension", BYTES_OF(P ARRAY(
	    "J\377\377\377\377\205", U1, "\211", "C\000") "."), FAULT_FORMAT,
	    BEFORE_STATE + AT("(K\001"), "shape is negative" },
	{ "dimensions that wrap", BYTES_OF(P ARRAY(
	    "\212\005\0\0\0\0\001\212\005\0\0\0\0\001\206", U1, "\211",
	    "C\000") "."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\001\212\005\0\0\0\0\001\212\005\0\0\0\0\001"),
	    "shape overflows" },
	{ "data that are an int", BYTES_OF(P ARRAY("K\006\205", U1, "\211",
	    "K\005") "."), FAULT_FORMAT, BEFORE_STATE - 1, "not bytes" },
	{ "no latin1", BYTES_OF(P ARRAY("K\001\205", U1, "\211",
	    LATIN1("\002", "\304\200")) "."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\001K\001\205" U1 "\211" G("_codecs", "encode")),
	    "not latin1" },
	{ "a dtype of version 7", BYTES_OF(P ARRAY("K\006\205",
	    G("numpy", "dtype") S("\002", "u1") "\211\210\207R(K\007"
	    S("\001", "|") "NNNJ\377\377\377\377J\377\377\377\377K\000tb",
	    "\211", "C\006" D6) "."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\001K\006\205" G("numpy", "dtype") S("\002", "u1")
	    "\211\210\207"), "version" },
	{ "made of another shape", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "C\000\205C\001b\207R" "(K\001K\006\205" U1
	    "\211C\006" D6 "tb."), FAULT_FORMAT, BEFORE_STATE - 8, "shape" },
	{ "made of another dtype", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001r\207R(K\001K\006\205" U1
	    "\211C\006" D6 "tb."), FAULT_FORMAT, BEFORE_STATE - 5, "dtype" },
	{ "made of another dtype, encoded", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205" LATIN1("\001", "j") "\207R("
	    "K\001K\006\205" U1 "\211C\006" D6 "tb."), FAULT_FORMAT,
	    AT(P MA("_reconstruct") G("numpy", "ndarray") "K\000\205"
	    LATIN1("\001", "j")) - 1, "dtype" },
	{ "made of no type's number", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001\030\207R(K\001K\006\205"
	    U1 "\211C\006" D6 "tb."), FAULT_FORMAT, BEFORE_STATE - 5,
	    "dtype" },
	{ "made of a function", BYTES_OF(P MA("_reconstruct")
	    G("_codecs", "encode") "K\000\205C\001b\207R(K\001K\006\205" U1
	    "\211C\006" D6 "tb."), FAULT_FORMAT, AT(P MA("_reconstruct")),
	    "class" },
	{ "a dtype's state of two", STATE_FAULT("K\003" S("\001", "|")
	    "\206b"), "state" },
	{ "a dtype's state in a list", STATE_FAULT("](K\003" S("\001", "|")
	    "NNNK\000K\000K\000eb"), "state" },
	{ "a dtype of version -1", STATE_FAULT("(J\377\377\377\377"
	    S("\001", "|") "NNNK\000K\000K\000tb"), "version" },
	{ "a dtype's order of two letters", STATE_FAULT("(K\003"
	    S("\002", "||") "NNNK\000K\000K\000tb"), "no byte order" },
	{ "a dtype's size of bytes", STATE_FAULT("(K\003" S("\001", "|")
	    "NNNC\000K\000K\000tb"), "a size" },
	{ "a dtype's alignment of None", STATE_FAULT("(K\003" S("\001", "|")
	    "NNNK\000NK\000tb"), "a size" },
	{ "a dtype of references", STATE_FAULT("(K\003" S("\001", "|")
	    "NNNK\000K\000K\001tb"), "references" },
	{ "a dtype of lists", BYTES_OF(P ARRAY("K\006\205",
	    G("numpy", "dtype") S("\002", "u1") "\211\210\207R(K\003"
	    S("\001", "|") "NNNK\000K\000K\002tb", "\211", "C\006" D6) "."),
	    FAULT_FORMAT, BEFORE_STATE + AT("(K\001K\006\205"
	    G("numpy", "dtype") S("\002", "u1") "\211\210\207R(K\003"
	    S("\001", "|") "NNNK\000K\000K\002tb\211"), "not a list" },
	{ "made of no class", BYTES_OF(P MA("_reconstruct")
	    S("\015", "numpy ndarray") "K\000\205C\001b\207R(K\001K\006\205" U1
	    "\211C\006" D6 "tb."), FAULT_FORMAT, 38, "class" },
	{ "a state of version 2", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207R(K\002K\006\205" U1
	    "\211C\006" D6 "tb."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\002K\006\205" U1 "\211C\006" D6), "version" },
	{ "an order of None", BYTES_OF(P ARRAY("K\001\205", U1, "N",
	    "C\001x") "."), FAULT_FORMAT, BEFORE_STATE - 1,
	    "order is not a bool" },
	{ "a state of a list", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207R](K\001K\001\205"
	    U1 "\211C\001xeb."), FAULT_FORMAT, BEFORE_STATE,
	    "state is not five parts" },
	{ "a state of six", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207R(K\001K\001\205"
	    U1 "\211C\001xNtb."), FAULT_FORMAT, BEFORE_STATE +
	    AT("(K\001K\001\205" U1 "\211C\001xN"),
	    "state is not five parts" },
	{ "a shape of text", BYTES_OF(P ARRAY(S("\001", "x"), U1, "\211",
	    "C\001x") "."), FAULT_FORMAT, BEFORE_STATE + AT("(K\001"),
	    "shape is not a tuple" },
	{ "frombuffer, an order of an int", LAST_OF(FROM("C\006" D6, U1,
	    TWO_THREE, "K\001", "")), "order is not a letter" },
	{ "frombuffer, an order of two letters", BYTES_OF(FROM("C\006" D6,
	    U1, TWO_THREE, S("\002", "CF"), "") "."), FAULT_FORMAT,
	    AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE), "order is not a letter" },
	{ "frombuffer, another letter", BYTES_OF(FROM("C\006" D6, U1,
	    TWO_THREE, S("\001", "A"), "") "."), FAULT_FORMAT,
	    AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE), "is not C, F or K" },
	{ "frombuffer, K without axes", BYTES_OF(FROM("C\006" D6, U1,
	    TWO_THREE, S("\001", "K"), "") "."), FAULT_FORMAT,
	    AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE), "is not C, F or K" },
	{ "frombuffer, too few axes", BYTES_OF(FROM("C\006" D6, U1,
	    TWO_THREE, S("\001", "K"), "K\000\205") "."), FAULT_FORMAT,
	    AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE S("\001", "K") "K\000"),
	    "does not fit the shape" },
	{ "frombuffer, an axis over", BYTES_OF(FROM("C\006" D6, U1,
	    TWO_THREE, S("\001", "K"), "K\000K\002\206") "."), FAULT_FORMAT,
	    AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE S("\001", "K")
	    "K\000K\002"), "is no permutation" },
	{ "frombuffer, an axis twice", BYTES_OF(FROM("C\006" D6, U1,
	    TWO_THREE, S("\001", "K"), "K\001K\001\206") "."), FAULT_FORMAT,
	    AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE S("\001", "K")
	    "K\001K\001"), "is no permutation" },
	{ "frombuffer, an axis that is opaque", BYTES_OF(FROM("C\006" D6, U1,
	    TWO_THREE, S("\001", "K"), "K\001" OPAQUE "\206") "."),
	    FAULT_FORMAT, AT(FROM_BEGIN "C\006" D6 U1 TWO_THREE
	    S("\001", "K") "K\001" OPAQUE), "does not fit the shape" },
	{ "a state of three", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207RK\001)" U1 "\207b."),
	    FAULT_FORMAT, BEFORE_STATE + AT("K\001)" U1), "state" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		help_expect_fault(&faults[i]);
}

static const struct help_good others[] = {
	{ "objects: their tensors", BYTES_OF(P "}" ENTRY("a", ARRAY(
	    "K\002\205", DTYPE("O8", "|"), "\211", "](N" T "e")) "s."),
	    "a.1[2]", "left out: a: an array of objects" },
	{ "strings", BYTES_OF(P "](" ARRAY("K\001\205", DTYPE("S1", "|"),
	    "\211", "C\001x") T "e."), "1[2]", "array of strings" },
	{ "structures", BYTES_OF(P "](" ARRAY("K\001\205", DTYPE("V2", "|"),
	    "\211", "C\002xx") T "e."), "1[2]", "array of structures" },
	{ "a dtype of a class", BYTES_OF(P "](" ARRAY("K\001\205",
	    G("m", "C") ")R", "\211", "C\002xx") T "e."), "1[2]",
	    "left out: 0: its dtype" },
	{ "bfloat16", BYTES_OF(P ARRAY("K\001\205", G("numpy", "dtype")
	    G("ml_dtypes", "bfloat16") "\211\210\207R", "\211", "C\002xx")
	    "."), "tensor[1]", NULL },
	{ "no state", BYTES_OF(P "](" MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207R" T "e."), "1[2]",
	    "without a state" },
	{ "a state that is opaque", BYTES_OF(P "](" MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207R" OPAQUE "b" T "e."),
	    "1[2]", "left out: 0: an array without a state" },
	{ "a shape that is opaque", BYTES_OF(P "](" ARRAY(OPAQUE, U1, "\211",
	    "C\001x") T "e."), "1[2]", "left out: 0: its shape" },
	{ "a shape that holds something opaque", BYTES_OF(P "](" ARRAY(OPAQUE
	    "\205", U1, "\211", "C\001x") T "e."), "1[2]",
	    "left out: 0: its shape holds" },
	{ "data that are opaque", BYTES_OF(P "](" ARRAY("K\001\205", U1,
	    "\211", OPAQUE) T "e."), "1[2]", "left out: 0: its bytes" },
	{ "latin-1", BYTES_OF(P ARRAY("K\001\205", U1, "\211",
	    G("_codecs", "encode") S("\001", "a") S("\007", "latin-1")
	    "\206R") "."), "tensor[1]", NULL },
	{ "latin2", BYTES_OF(P "](" ARRAY("K\001\205", U1, "\211",
	    G("_codecs", "encode") S("\001", "a") S("\006", "latin2")
	    "\206R") T "e."), "1[2]", "its bytes are an unknown object" },
	{ "a codec of seven letters", BYTES_OF(P "](" ARRAY("K\001\205", U1,
	    "\211", G("_codecs", "encode") S("\001", "a")
	    S("\007", "utf-8-x") "\206R") T "e."), "1[2]",
	    "its bytes are an unknown object" },
	{ "a codec of an int", BYTES_OF(P "](" ARRAY("K\001\205", U1,
	    "\211", G("_codecs", "encode") S("\001", "a") "K\001\206R") T
	    "e."), "1[2]", "its bytes are an unknown object" },
	{ "encoded bytes", BYTES_OF(P "](" ARRAY("K\001\205", U1, "\211",
	    G("_codecs", "encode") "C\001a" S("\006", "latin1") "\206R") T
	    "e."), "1[2]", "its bytes are an unknown object" },
	{ "decoded", BYTES_OF(P "](" ARRAY("K\001\205", U1, "\211",
	    G("_codecs", "decode") S("\001", "a") S("\006", "latin1")
	    "\206R") T "e."), "1[2]", "its bytes are an unknown object" },
	{ "bytes of something", BYTES_OF(P "](" ARRAY("K\001\205", U1,
	    "\211", G("__builtin__", "bytes") "K\001\205R") T "e."), "1[2]",
	    "its bytes are an unknown object" },
	{ "no elements, Fortran order", BYTES_OF(P ARRAY("K\000K\002K\003"
	    "\207", U1, "\210", "C\000") "."), "tensor[0]", NULL },
	{ "frombuffer of strings", BYTES_OF(P "](" G("numpy._core.numeric",
	    "_frombuffer") "(C\001x" DTYPE("S1", "|") "K\001\205"
	    S("\001", "C") "tR" T "e."), "1[2]", "array of strings" },
	{ "frombuffer of an opaque shape", BYTES_OF(P "]("
	    G("numpy._core.numeric", "_frombuffer") "(C\001x" U1 OPAQUE
	    S("\001", "C") "tR" T "e."), "1[2]", "left out: 0: its shape" },
	{ "frombuffer in C order", BYTES_OF(FROM("C\006" D6, U1, TWO_THREE,
	    S("\001", "C"), "") "."), "tensor[6]", NULL },
	{ "a state of before numpy 1.0", BYTES_OF(P MA("_reconstruct")
	    G("numpy", "ndarray") "K\000\205C\001b\207R(K\001\205" U1
	    "\211C\001xtb."), "tensor[1]", NULL },
	{ "an array under two names", BYTES_OF(P "}(" ENTRY("a", ARRAY(
	    "K\006\205", U1, "\211", "C\006" D6) "q\000") ENTRY("b", "h\000")
	    "u."), "a[6] =b", NULL },
};

static void
test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		help_expect_good(&others[i]);
}

/* One object of bytes, two arrays: one storage. */
static void
test_shared_bytes(void **state)
{
	struct harness h;

	(void)state;
	assert_true(help_walk(BYTES_OF(P "](" ARRAY("K\006\205", U1, "\211",
	    "C\006" D6 "q\001") ARRAY("K\002K\003\206", U1, "\211", "h\001")
	    "e."), 0, &h));
	assert_int_equal(h.tensor_count, 2);
	assert_int_equal(h.storage_count, 1);
	harness_free(&h);
}

#define SCALAR(code, order, data) MA("scalar") DTYPE(code, order) data "\206R"
static void
test_scalars(void **state)
{
	struct harness h;

	(void)state;
	assert_true(help_walk(BYTES_OF(P "("
	    SCALAR("f8", "<", "C\010\0\0\0\0\0\0\004\100")
	    SCALAR("i2", ">", "C\002\377\376")
	    SCALAR("b1", "|", "C\001\001")
	    SCALAR("f2", "<", "C\002\0\100")
	    SCALAR("f4", "<", "C\004\0\0\300\077")
	    SCALAR("u1", "|", LATIN1("\002", "\303\277")) "t."), GO_SCALARS,
	    &h));
	assert_int_equal(h.tensor_count, 0);
	assert_int_equal(h.scalar_count, 6);
	assert_true(h.scalars[0].f == 2.5);
	assert_int_equal(h.scalars[1].kind, SCALAR_INT);
	assert_int_equal(h.scalars[1].i, -2);
	assert_int_equal(h.scalars[2].kind, SCALAR_BOOL);
	assert_true(h.scalars[3].f == 2.0);
	assert_true(h.scalars[4].f == 1.5);
	assert_int_equal(h.scalars[5].i, 255);
	harness_free(&h);
}

/* One at a time: what it comes to, or that it is not sent. */
static void
test_each_scalar(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum scalar_kind kind;	/* 0: none is sent */
		int64_t i;
		double f;
	} rows[] = {
		{ BYTES_OF(P SCALAR("f2", "<", "C\002\0\174") "."),
		    SCALAR_FLOAT, 0, __builtin_inf() },
		{ BYTES_OF(P SCALAR("f2", "<", "C\002\0\374") "."),
		    SCALAR_FLOAT, 0, -__builtin_inf() },
		{ BYTES_OF(P SCALAR("f2", "<", "C\002\1\0") "."),
		    SCALAR_FLOAT, 0, 1 / 16777216.0 },
		{ BYTES_OF(P SCALAR("f2", "<", "C\002\377\203") "."),
		    SCALAR_FLOAT, 0, -1023 / 16777216.0 },
		{ BYTES_OF(P SCALAR("f2", "<", "C\002\377\173") "."),
		    SCALAR_FLOAT, 0, 65504 },
		{ BYTES_OF(P SCALAR("f2", ">", "C\002\274\0") "."),
		    SCALAR_FLOAT, 0, -1 },
		{ BYTES_OF(P SCALAR("i1", "|", "C\001\200") "."), SCALAR_INT,
		    -128, 0 },
		{ BYTES_OF(P SCALAR("i4", "<", "C\004\376\377\377\377")
		    "."), SCALAR_INT, -2, 0 },
		{ BYTES_OF(P SCALAR("i8", "<", "C\010\0\0\0\0\0\0\0\200")
		    "."), SCALAR_INT, INT64_MIN, 0 },
		{ BYTES_OF(P SCALAR("u2", ">", "C\002\1\2") "."), SCALAR_INT,
		    258, 0 },
		{ BYTES_OF(P SCALAR("u4", "<", "C\004\377\377\377\377")
		    "."), SCALAR_INT, UINT32_MAX, 0 },
		{ BYTES_OF(P SCALAR("u8", "<",
		    "C\010\377\377\377\377\377\377\377\177") "."),
		    SCALAR_INT, INT64_MAX, 0 },
		{ BYTES_OF(P SCALAR("b1", "|", "C\001\0") "."), SCALAR_BOOL,
		    0, 0 },
		{ BYTES_OF(P MA("scalar") G("numpy", "dtype")
		    G("ml_dtypes", "bfloat16") "\211\210\207R"
		    "C\002\300\277\206R."), SCALAR_FLOAT, 0, -1.5 },
		/* Over 2^63, complex, and what is no number. */
		{ BYTES_OF(P SCALAR("u8", "<", "C\010\0\0\0\0\0\0\0\200")
		    "."), 0, 0, 0 },
		{ BYTES_OF(P SCALAR("c8", "<", "C\010\0\0\0\0\0\0\0\100")
		    "."), 0, 0, 0 },
		{ BYTES_OF(P MA("scalar") G("numpy", "dtype")
		    S("\003", "c16") "\211\210\207RC\020" D6 D6 "abcd"
		    "\206R."), 0, 0, 0 },
		{ BYTES_OF(P SCALAR("S1", "|", "C\001x") "."), 0, 0, 0 },
		{ BYTES_OF(P SCALAR("u1", "|", OPAQUE) "."), 0, 0, 0 },
	};
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!help_walk(rows[i].bytes, rows[i].length, GO_SCALARS, &h))
			fail_msg("%d: %s", (int)i, h.job.fault.text);
		if (h.scalar_count != (rows[i].kind != 0) ||
		    h.tensor_count != 0)
			fail_msg("%d: %d scalars", (int)i,
			    (int)h.scalar_count);
		if (rows[i].kind != 0 && (h.scalars[0].kind != rows[i].kind ||
		    h.scalars[0].i != rows[i].i || memcmp(&h.scalars[0].f,
		    &rows[i].f, sizeof(double)) != 0))
			fail_msg("%d: %d, %f", (int)i, (int)h.scalars[0].i,
			    h.scalars[0].f);
		harness_free(&h);
		/* Nothing where none are asked for. */
		assert_true(help_walk(rows[i].bytes, rows[i].length, 0, &h));
		assert_int_equal(h.scalar_count, 0);
		harness_free(&h);
	}
	assert_true(help_walk(BYTES_OF(P SCALAR("f2", "<", "C\002\1\174")
	    "."), GO_SCALARS, &h));
	assert_true(__builtin_isnan(h.scalars[0].f));
	harness_free(&h);
}

/* Protocols 0 to 2 write bytes as a call; one of another name, of another
 * encoding or of what it has no byte for is none. */
static void
test_encoded(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		size_t count;
	} rows[] = {
		{ BYTES_OF(P LATIN1("\004", "a\303\277\0") "."), 1 },
		{ BYTES_OF(P G("builtins", "bytes") ")R."), 1 },
		/* Twice the same, by two paths of a container too. */
		{ BYTES_OF(P LATIN1("\001", "a") "q\001h\001\206q\002h\002"
		    "\206."), 4 },
		{ BYTES_OF(P LATIN1("\003", "\342\202\254") "."), 0 },
		{ BYTES_OF(P G("_codecs", "encode") S("\001", "a")
		    S("\005", "rot13") "\206R."), 0 },
		{ BYTES_OF(P G("_codecs", "decode") S("\001", "a")
		    S("\006", "latin1") "\206R."), 0 },
	};
	struct harness h;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!help_walk(rows[i].bytes, rows[i].length, GO_SCALARS, &h))
			fail_msg("%d: %s", (int)i, h.job.fault.text);
		count = 0;
		/* Of an object that nobody knows the arguments are told. */
		for (size_t k = 0; k < h.scalar_count; k++)
			count += h.scalars[k].kind == SCALAR_BYTES;
		if (count != rows[i].count)
			fail_msg("%d: %d times bytes", (int)i, (int)count);
		if (i == 0)
			assert_int_equal(h.scalars[0].full_length, 3);
		if (i == 0)
			assert_memory_equal(h.scalars[0].data, "a\377\0", 3);
		harness_free(&h);
	}
}

/* A scalar is judged only where it is sent. */
static void
test_scalar_fault(void **state)
{
	struct harness h;

	(void)state;
	assert_false(help_walk(BYTES_OF(P SCALAR("u2", "<", "C\003abc") "."),
	    GO_SCALARS, &h));
	assert_int_equal(h.job.fault.code, FAULT_FORMAT);
	assert_int_equal(h.job.fault.where, AT(P MA("scalar")
	    DTYPE("u2", "<")));
	assert_non_null(strstr(h.job.fault.text, "data differs in length"));
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_shared_bytes),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_each_scalar),
		cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_scalar_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
