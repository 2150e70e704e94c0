/* SPDX-License-Identifier: Apache-2.0
 *
 * test_vocabulary.c - the rebuild functions of torch: what each argument may
 * be, where an error stands, what is left out by name, which bytes come out.
 */
#include "pickle/walk_help.h"

#include "dtype.h"
#include "vocabulary.h"

#define UTILS(name) G("torch._utils", name)
#define ONE "K\001\205"
#define TWO "K\002\205"
#define SIX "K\006\205"
#define V3(size, dtype) \
	UTILS("_rebuild_tensor_v3") "((" S("\007", "storage") \
	G("torch.storage", "UntypedStorage") S("\001", "1") S("\003", "cpu") \
	"K\030tQK\000" size ONE "\211}" dtype "tR"
#define FROM_TYPE(function, args, more) \
	G("torch._tensor", "_rebuild_from_type_v2") "(" function G("m", "C") \
	args more "tR"
#define V2_ARGS "(" FLOATS "K\000" TWO ONE "\211}t"
#define QTENSOR(params) \
	UTILS("_rebuild_qtensor") "(" PID("QInt8Storage", "2", "K\030") \
	"K\000" TWO ONE "(" params "t\211}tR"
#define LAYOUT(name) \
	G("torch.serialization", "_get_layout") S("\020", name) "\205R"
#define COMPLEX PID("ComplexFloatStorage", "3", "K\003")
#define AT(text) (sizeof(text) - 1)
/* The pickle, and the error at its last opcode but STOP. */
#define LAST(text) text ".", sizeof(text), FAULT_FORMAT, sizeof(text) - 2

static const struct help_fault faults[] = {
	{ "one element over", LAST(V2("K\007\205", ONE)), "outside" },
	{ "an offset over", LAST(REBUILD(FLOATS, "K\005", TWO, ONE, "")),
	    "outside" },
	{ "a stride over", LAST(V2(TWO, SIX)), "outside" },
	{ "the record is shorter than declared",
	    LAST(REBUILD(PID("FloatStorage", "s", "K\006"), "K\000", SIX, ONE,
	    "")), "outside" },
	{ "lengths differ", BYTES_OF(V2("K\002K\003\206", ONE) "."),
	    FAULT_FORMAT, AT(UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000K\002K\003\206K\001"), "differs" },
	{ "a negative size", BYTES_OF(V2("J\377\377\377\377\205", ONE) "."),
	    FAULT_FORMAT, AT(UTILS("_rebuild_tensor_v2") "(" FLOATS "K\000"),
	    "size is negative" },
	{ "a size of 2^64", BYTES_OF(V2("\212\011\0\0\0\0\0\0\0\0\001\205",
	    ONE) "."), FAULT_FORMAT, AT(UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000"), "64 bits" },
	{ "a size of True", LAST(V2("\210\205", ONE)), "size is not" },
	{ "a stride of None", LAST(V2(TWO, "N\205")), "stride is not" },
	{ "an offset of False", LAST(REBUILD(FLOATS, "\211", TWO, ONE, "")),
	    "offset is not" },
	{ "the bytes wrap", LAST(V2("\212\006\0\0\0\0\0\001" /* 2^40 */
	    "\212\003\0\0\100\206", "K\000K\000\206")), "overflows" },
	{ "too few arguments", LAST(UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000tR"), "number of arguments" },
	{ "requires_grad of None", LAST(UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000" TWO ONE "N}tR"), "requires_grad" },
	{ "no such record", BYTES_OF(REBUILD(PID("FloatStorage", "x", "K\006"),
	    "K\000", TWO, ONE, "") "."), FAULT_FORMAT,
	    AT(UTILS("_rebuild_tensor_v2") "(" FLOATS) - 1, "no record" },
	{ "another kind of persistent id", BYTES_OF("("
	    S("\007", "stowage") "NNNNtQ."), FAULT_FORMAT,
	    AT("(" S("\007", "stowage") "NNNN"), "not a storage's" },
	{ "a persistent id that is text", BYTES_OF(S("\001", "a") "Q."),
	    FAULT_FORMAT, 0, "not a storage's" },
	{ "no storage class", BYTES_OF(PID("load", "0", "K\006") "."),
	    FAULT_FORMAT, AT(PID("load", "0", "K\006")) - 2,
	    "names no class" },
	{ "bytes of the storage wrap", BYTES_OF(PID("FloatStorage", "0",
	    "\212\010\0\0\0\0\0\0\0\100") "."), FAULT_FORMAT,
	    AT(PID("FloatStorage", "0", "\212\010\0\0\0\0\0\0\0\100")) - 2,
	    "length overflows" },
	{ "declared twice", BYTES_OF(FLOATS PID("IntStorage", "0", "K\006")
	    "\206."), FAULT_FORMAT, AT(FLOATS PID("IntStorage", "0", "K\006"))
	    - 2, "declared twice" },
	{ "declared twice, longer", BYTES_OF(FLOATS PID("FloatStorage", "0",
	    "K\007") "\206."), FAULT_FORMAT, AT(FLOATS PID("FloatStorage",
	    "0", "K\007")) - 2, "declared twice" },
	{ "an int in the place of a storage", LAST(REBUILD("K\005", "K\000",
	    TWO, ONE, "")), "persistent id" },
	{ "a conjugate of floats", LAST(REBUILD(FLOATS, "K\000", TWO, ONE,
	    "}" S("\004", "conj") "\210s")), "metadata" },
	{ "one element over, untyped", LAST(V3("K\015\205",
	    G("torch", "uint16"))), "outside" },
	{ "a dtype that is text", BYTES_OF(V3(ONE, S("\001", "d")) "."),
	    FAULT_FORMAT, AT(V3(ONE, "")) - 2, "dtype" },
	{ "a parameter of an int", LAST(UTILS("_rebuild_parameter")
	    "K\001\210}\207R"), "not a tensor" },
	{ "an axis over", BYTES_OF(QTENSOR(G("torch", "per_channel_affine")
	    "]]K\001") "."), FAULT_FORMAT, AT(QTENSOR(
	    G("torch", "per_channel_affine") "]]K\001")) - 5, "axis" },
	{ "floats that are quantized", BYTES_OF(UTILS("_rebuild_qtensor") "("
	    FLOATS "K\000" TWO ONE "(" G("torch", "per_tensor_affine")
	    "K\001K\000t\211}tR."), FAULT_FORMAT,
	    AT(UTILS("_rebuild_qtensor") "(" FLOATS) - 1, "not quantized" },
	{ "a function that is text", BYTES_OF(FROM_TYPE(S("\001", "f"),
	    V2_ARGS, "N") "."), FAULT_FORMAT,
	    AT(G("torch._tensor", "_rebuild_from_type_v2") "("), "function" },
	{ "args that are no tuple", LAST(FROM_TYPE(UTILS("_rebuild_tensor_v2"),
	    "N", "N")), "args" },
	{ "a sparse tensor of one part", LAST(UTILS("_rebuild_sparse_tensor")
	    LAYOUT("torch.sparse_coo") ")\206R"), "number of parts" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		help_expect_fault(&faults[i]);
}

static const struct help_good goods[] = {
	{ "exactly all", BYTES_OF(V2(SIX, ONE) "."), "tensor[6]", NULL },
	{ "the last element", BYTES_OF(REBUILD(FLOATS, "K\005", ")", ")", "")
	    "."), "tensor[1]", NULL },
	{ "a stride to the last element", BYTES_OF(V2(TWO, "K\005\205") "."),
	    "tensor[2]", NULL },
	{ "a stride of 0", BYTES_OF(V2("K\144\205", "K\000\205") "."),
	    "tensor[100]", NULL },
	{ "no elements, far outside", BYTES_OF(REBUILD(FLOATS,
	    "\212\006\0\0\0\0\0\001", "K\000\205", ONE, "") "."), "tensor[0]",
	    NULL },
	{ "a list as size", BYTES_OF(V2("](K\002e", "](K\001e") "."),
	    "tensor[2]", NULL },
	{ "a torch.Size as size", BYTES_OF(V2(G("torch", "Size") TWO "\205R",
	    ONE) "."), "tensor[2]", NULL },
	{ "a claim larger than the record", BYTES_OF(REBUILD(
	    PID("FloatStorage", "s", "K\006"), "K\000", "K\005\205", ONE, "")
	    "."), "tensor[5]", NULL },
	{ "a record longer than the claim", BYTES_OF(REBUILD(
	    PID("FloatStorage", "0", "K\002"), "K\000", TWO, ONE, "") "."),
	    "tensor[2]", "longer than declared" },
	{ "v1", BYTES_OF(UTILS("_rebuild_tensor") "(" FLOATS "K\000" TWO ONE
	    "tR."), "tensor[2]", NULL },
	{ "v3", BYTES_OF(V3("K\014\205", G("torch", "uint16")) "."),
	    "tensor[12]", NULL },
	{ "a parameter", BYTES_OF(UTILS("_rebuild_parameter") T
	    "\210}\207R."), "tensor[2]", NULL },
	{ "a parameter with a state", BYTES_OF(
	    UTILS("_rebuild_parameter_with_state") "(" T "\210}}"
	    ENTRY("x", U) "stR."), "tensor[2] x[3]", NULL },
	{ "a Parameter, called", BYTES_OF(G("torch.nn.parameter", "Parameter")
	    T "\210\206R."), "tensor[2]", NULL },
	{ "a subclass", BYTES_OF(FROM_TYPE(UTILS("_rebuild_tensor_v2"),
	    V2_ARGS, "}" ENTRY("x", U) "s") "."), "tensor[2] x[3]", NULL },
	{ "an unknown function", BYTES_OF(FROM_TYPE(G("m", "f"), "(}"
	    ENTRY("x", U) "st", "N") "."), "x[3]", "unknown function" },
	{ "a storage alone", BYTES_OF("](" FLOATS "e."), "0[6]", NULL },
	{ "quantized", BYTES_OF(QTENSOR(G("torch", "per_tensor_affine")
	    "G\077\340\0\0\0\0\0\0K\003") "."),
	    "tensor[2] tensor.scale[1] tensor.zero_point[1]", NULL },
	{ "quantized by channel", BYTES_OF(QTENSOR(
	    G("torch", "per_channel_affine") "](K\001K\002e](K\001K\002e"
	    "K\000") "."), "tensor[2] tensor.scales[2] tensor.zero_points[2] "
	    "tensor.axis[1]", NULL },
	{ "sparse", BYTES_OF("}" ENTRY("s", UTILS("_rebuild_sparse_tensor")
	    LAYOUT("torch.sparse_csr") "(" T T U "K\003K\003\206t\206R") "s."),
	    "s.crow_indices[2] s.col_indices[2] s.values[3] s.size[2]",
	    NULL },
	{ "a sparse tensor under two names", BYTES_OF("}(" ENTRY("s",
	    UTILS("_rebuild_sparse_tensor") LAYOUT("torch.sparse_coo") T U SIX
	    "\207\206Rq\001") ENTRY("t", "h\001") "u."), "s.indices[2] "
	    "s.values[3] s.size[1] =t.indices =t.values =t.size", NULL },
	{ "nested", BYTES_OF(UTILS("_rebuild_nested_tensor") "(" T T T "](K\0"
	    "etR."), "tensor.values[2] tensor.sizes[2] tensor.strides[2] "
	    "tensor.offsets[1]", NULL },
	{ "the state of a bare tensor", BYTES_OF(G("torch", "FloatTensor")
	    ")\201(" FLOATS "K\000" TWO ONE "tb."), "tensor[2]", NULL },
	{ "the state of a Variable", BYTES_OF(
	    G("torch.autograd.variable", "Variable") ")\201(" T "NN\211\211tb"
	    "."), "tensor[2]", NULL },
	{ "a device", BYTES_OF(G("torch", "device") S("\003", "cpu") "\205R."),
	    "", NULL },
	{ "a dtype", BYTES_OF(G("torch", "float32") "."), "", NULL },
	/* Left out by name; the neighbour stays. */
	{ "no data", BYTES_OF("](" UTILS("_rebuild_meta_tensor_no_storage") "("
	    G("torch", "float32") TWO ONE "\211tR" T "e."), "1[2]",
	    "left out: 0: it is on the meta device" },
	{ "an unknown storage class", BYTES_OF("](" PID("NewStorage", "0",
	    "K\006") T "e."), "1[2]", "left out: 0: unknown storage class" },
	{ "an unknown dtype", BYTES_OF("](" V3(ONE, G("torch", "float1")) T
	    "e."), "1[2]", "left out: 0: unknown dtype" },
	{ "an opaque size", BYTES_OF("](" V2(G("m", "C") ")R", ONE) T "e."),
	    "1[2]", "left out: 0: its shape" },
	{ "an opaque storage", BYTES_OF("](" REBUILD(G("m", "C") ")R",
	    "K\000", ONE, ONE, "") T "e."), "1[2]", "left out: 0: its stor" },
};

static void
test_goods(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		help_expect_good(&goods[i]);
}

/* More dimensions than we have: left out, however many. */
static void
test_rank(void **state)
{
	char bytes[1024] = UTILS("_rebuild_tensor_v2") "(" FLOATS "K\000";
	size_t start = AT(UTILS("_rebuild_tensor_v2") "(" FLOATS "K\000");
	struct harness h;

	(void)state;
	for (size_t rank = 64; rank <= 65; rank++) {
		size_t used = start;

		for (int twice = 0; twice < 2; twice++) {
			bytes[used++] = '(';
			for (size_t i = 0; i < rank; i++) {
				bytes[used++] = 'K';
				bytes[used++] = 1;
			}
			bytes[used++] = 't';
		}
		memcpy(bytes + used, BYTES_OF("\211}tR."));
		used += AT("\211}tR.");
		assert_true(help_walk(bytes, used, 0, &h));
		assert_int_equal(h.tensor_count, rank == 64);
		if (rank == 65)
			assert_non_null(harness_note(&h, NOTE_SKIPPED,
			    "64 dimensions"));
		harness_free(&h);
	}
}

static void
check_floats(const char *bytes, size_t length, const float *want, size_t count)
{
	struct harness h;
	const uint8_t *got;
	size_t len;

	assert_true(help_walk(bytes, length, 0, &h));
	assert_int_equal(h.tensor_count, 1);
	got = harness_bytes(&h, &h.tensors[0], &len);
	assert_int_equal(len, count * sizeof(*want));
	assert_memory_equal(got, want, len);
	harness_free(&h);
}

static void
test_bytes(void **state)
{
	static const float strided[] = { 1.5f, 3.5f };
	static const float conj[] = { 0.5f, -1.5f, 2.5f, -3.5f };
	static const float neg[] = { -2.5f, -3.5f, -0.5f, -1.5f };

	(void)state;
	check_floats(BYTES_OF(REBUILD(FLOATS, "K\001", TWO, "K\002\205", "")
	    "."), strided, 2);
	/* The lazy bits are applied, in the order of the tensor. */
	check_floats(BYTES_OF(REBUILD(COMPLEX, "K\000", TWO, ONE,
	    "}" S("\004", "conj") "\210s") "."), conj, 4);
	check_floats(BYTES_OF(REBUILD(COMPLEX, "K\000", "K\001K\002\206",
	    "K\001K\001\206", "}" S("\004", "negs") "\211s") "."),
	    (const float[]){ 0.5f, 1.5f, 2.5f, 3.5f }, 4);
	/* torch looks for the key, not at its value. */
	check_floats(BYTES_OF(REBUILD(COMPLEX, "K\001", "K\001\205", ONE,
	    "}" S("\003", "neg") "\211s") "."), neg, 2);
	check_floats(BYTES_OF(REBUILD(COMPLEX, "K\001", "K\001\205", ONE,
	    "}" S("\003", "neg") "\210s") "."), neg, 2);
}

/* More than one chunk of a turned and transposed tensor. */
static void
test_conj_large(void **state)
{
	static const char bytes[] = REBUILD(COMPLEX, "K\000",
	    "K\003M\000\020\206", "K\001K\000\206", "}" S("\004", "conj")
	    "\210s") ".";
	struct harness h;
	const uint8_t *got;
	size_t len;
	float pair[2];

	(void)state;
	assert_true(help_walk(BYTES_OF(bytes), 0, &h));
	got = harness_bytes(&h, &h.tensors[0], &len);
	assert_int_equal(len, 3 * 4096 * 8);
	for (size_t i = 0; i < (size_t)3 * 4096; i++) {
		memcpy(pair, got + 8 * i, 8);
		assert_true(pair[0] == 0.5f + 2 * (float)(i / 4096));
		assert_true(pair[1] == -1.5f - 2 * (float)(i / 4096));
	}
	harness_free(&h);
}

static void
test_names(void **state)
{
	static const struct {
		const char *module;
		const char *name;
		enum verdict referred;
		enum verdict called;
	} names[] = {
		{ "torch._utils", "_rebuild_tensor_v2", VERDICT_CLEAN,
		    VERDICT_CLEAN },
		{ "torch", "FloatStorage", VERDICT_CLEAN, VERDICT_UNDECIDED },
		{ "torch", "float32", VERDICT_CLEAN, VERDICT_UNDECIDED },
		{ "torch", "Size", VERDICT_CLEAN, VERDICT_CLEAN },
		{ "torch", "load", VERDICT_UNDECIDED, VERDICT_UNDECIDED },
		{ "torch.storage", "_load_from_bytes", VERDICT_CLEAN,
		    VERDICT_CLEAN },
		{ "torch.hub", "load", VERDICT_UNDECIDED, VERDICT_UNDECIDED },
		{ "torch.nn.modules.linear", "Linear", VERDICT_UNUSUAL,
		    VERDICT_UNUSUAL },
		{ "torch.nn.modules.linear", "linear", VERDICT_UNDECIDED,
		    VERDICT_UNDECIDED },
		{ "torch.nn.modulesx", "Linear", VERDICT_UNDECIDED,
		    VERDICT_UNDECIDED },
		{ "torch.nn.modules.linear", "Linear.os", VERDICT_UNDECIDED,
		    VERDICT_UNDECIDED },
		{ "torch.utils.hooks", "RemovableHandle", VERDICT_UNUSUAL,
		    VERDICT_UNUSUAL },
		{ "torch.utils.data.datapipes.utils.decoder", "basichandlers",
		    VERDICT_UNDECIDED, VERDICT_UNDECIDED },
		{ "torch.nn.backends.thnn", "_get_thnn_function_backend",
		    VERDICT_CLEAN, VERDICT_UNUSUAL },
		{ "numpy._core.multiarray", "scalar", VERDICT_CLEAN,
		    VERDICT_CLEAN },
		{ "numpy", "load", VERDICT_UNDECIDED, VERDICT_UNDECIDED },
		{ "os", "system", VERDICT_UNDECIDED, VERDICT_UNDECIDED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *m = names[i].module;
		const char *n = names[i].name;

		if (vocabulary_knows(m, strlen(m), n, strlen(n), false) !=
		    names[i].referred || vocabulary_knows(m, strlen(m), n,
		    strlen(n), true) != names[i].called)
			fail_msg("%s.%s", m, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_goods),
		cmocka_unit_test(test_rank),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_conj_large),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
