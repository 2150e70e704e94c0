/* SPDX-License-Identifier: Apache-2.0
 *
 * test_parts.c - tensors of several parts (quantized, sparse, nested), the
 * lazy bits, and the states that old versions set: each part as what it may
 * not be, and as what we do not know.
 */
#include "pickle/walk_help.h"

#include "dtype.h"

#define UTILS(name) G("torch._utils", name)
#define ONE "K\001\205"
#define TWO "K\002\205"
#define OPAQUE G("m", "C") ")R"
#define HALF "G\077\340\0\0\0\0\0\0"
#define QFROM(class, count, params) \
	UTILS("_rebuild_qtensor") "(" PID(class, "2", count) \
	"K\000" TWO ONE params "\211}tR"
#define Q(params) QFROM("QInt8Storage", "K\030", params)
#define AFFINE G("torch", "per_tensor_affine")
#define CHANNELS G("torch", "per_channel_affine")
#define SPARSE UTILS("_rebuild_sparse_tensor")
#define LAYOUT(length, name) \
	G("torch.serialization", "_get_layout") S(length, name) "\205R"
#define COO LAYOUT("\020", "torch.sparse_coo")
#define META(dict) REBUILD(FLOATS, "K\000", TWO, ONE, dict)
#define COMPLEX PID("ComplexFloatStorage", "3", "K\003")
#define CONJ "}" S("\004", "conj") "\210s"
#define NEG "}" S("\003", "neg") "\210s"
#define AT(text) (sizeof(text) - 1)
#define LAST(text) text ".", sizeof(text), FAULT_FORMAT, sizeof(text) - 2
/* The error stands where `before` ends. */
#define BEFORE(before, after) \
	before after ".", sizeof(before after), FAULT_FORMAT, AT(before)
#define Q_BEGIN UTILS("_rebuild_qtensor") "(" \
	PID("QInt8Storage", "2", "K\030") "K\000" TWO ONE
#define Q_END "\211}tR"

static const struct help_fault faults[] = {
	{ "a quantizer of None", LAST(Q("N")), "quantizer is not a tuple" },
	{ "a quantizer of a list", BEFORE(Q_BEGIN, "]" Q_END),
	    "quantizer is not a tuple" },
	{ "a scheme without a scale", BEFORE(Q_BEGIN "(" AFFINE "K\001",
	    "t" Q_END), "has not three parts" },
	{ "a scale of text", BEFORE(Q_BEGIN "(" AFFINE,
	    S("\001", "x") "K\001t" Q_END), "scale is not a number" },
	{ "a scale of None", LAST(Q("(" AFFINE "NK\001t")),
	    "scale is not a number" },
	{ "a scale of 2^64", BEFORE(Q_BEGIN "(" AFFINE,
	    "\212\011\0\0\0\0\0\0\0\0\001K\001t" Q_END),
	    "scale is not a number" },
	{ "a zero point of a float", BEFORE(Q_BEGIN "(" AFFINE "K\001",
	    HALF "t" Q_END), "zero_point is not an integer" },
	{ "a zero point of 2^64", BEFORE(Q_BEGIN "(" AFFINE "K\001",
	    "\212\011\0\0\0\0\0\0\0\0\001t" Q_END),
	    "zero_point is not an integer" },
	{ "channels without an axis", BEFORE(Q_BEGIN "(" CHANNELS "]]",
	    "t" Q_END), "has not four parts" },
	{ "an axis of None", LAST(Q("(" CHANNELS "]]Nt")),
	    "axis is not an integer" },
	{ "an axis under 0", BEFORE(Q_BEGIN "(" CHANNELS
	    "]]J\377\377\377\377", "t" Q_END), "axis is out of range" },
	{ "a channel's scale of text", BEFORE(Q_BEGIN "(" CHANNELS "](",
	    S("\001", "x") "e]K\000t" Q_END), "scales is not a number" },
	{ "a channel's zero point of a float", BEFORE(Q_BEGIN "(" CHANNELS
	    "](K\001e](", HALF "eK\000t" Q_END),
	    "zero_points is not an integer" },
	{ "scales of a dict", BEFORE(Q_BEGIN "(" CHANNELS,
	    "}]K\000t" Q_END), "scales is not a tensor" },
	{ "a scheme of an int", BEFORE(Q_BEGIN "(K\001K\001K\001",
	    "t" Q_END), "names no scheme" },
	{ "a layout of an int", LAST(SPARSE "K\001)\206R"),
	    "layout is not one" },
	{ "sparse data that are no tuple", BEFORE(SPARSE COO, "]\206R"),
	    "data is not a tuple" },
	{ "a sparse size of None", LAST(SPARSE COO "(" T T "Nt\206R"),
	    "size is not a tuple" },
	{ "csr of three parts", BEFORE(SPARSE LAYOUT("\020",
	    "torch.sparse_csr") "(" T T ONE, "t\206R"), "number of parts" },
	{ "values of an int", LAST(SPARSE COO "(" T "K\001" ONE "t\206R"),
	    "values is not a tensor" },
	{ "metadata of an int", LAST(META("K\001")), "metadata is not a dict" },
	{ "a conj of an int", BEFORE(UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000" TWO ONE "\211}", "}" S("\004", "conj") "K\001stR"),
	    "metadata is not a bool" },
	{ "a conj of floats", LAST(META(CONJ)), "does not fit the dtype" },
	{ "a neg of integers", LAST(REBUILD(PID("IntStorage", "4", "K\006"),
	    "K\000", TWO, ONE, NEG)), "does not fit the dtype" },
	{ "an offset whose bytes wrap", LAST(REBUILD(FLOATS,
	    "\212\010\377\377\377\377\377\377\377\177", TWO, ONE, "")),
	    "tensor overflows" },
	{ "an end that wraps", LAST(REBUILD(PID("ByteStorage", "1", "K\030"),
	    "\212\010\377\377\377\377\377\377\377\177", "K\003\205",
	    "\212\010\377\377\377\377\377\377\377\177\205", "")),
	    "tensor overflows" },
	{ "no elements of dimensions that wrap", BEFORE(
	    UTILS("_rebuild_tensor_v2") "(" FLOATS "K\000K\000"
	    "\212\006\0\0\0\0\0\001\212\006\0\0\0\0\0\001",
	    "\207K\001K\001K\001\207\211}tR"), "size overflows" },
	{ "an offset of 2^63", BEFORE(UTILS("_rebuild_tensor_v2") "(" FLOATS,
	    "\212\011\0\0\0\0\0\0\0\200\0" TWO ONE "\211}tR"),
	    "offset does not fit 64 bits" },
	{ "a stride of a dict", BEFORE(UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000" TWO, "}\211}tR"), "stride is not a tuple" },
	{ "a v3 whose requires_grad is None", LAST(
	    UTILS("_rebuild_tensor_v3") "(" FLOATS "K\000" ONE ONE "N}"
	    G("torch", "float32") "tR"), "requires_grad is not a bool" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		help_expect_fault(&faults[i]);
}

static const struct help_good goods[] = {
	{ "a quantizer that is opaque", BYTES_OF("](" Q(OPAQUE) T "e."),
	    "1[2]", "left out: 0: its quantizer is an unknown object" },
	{ "a scale that is opaque", BYTES_OF(Q("(" AFFINE OPAQUE "K\001t")
	    "."), "tensor[2]", "its quantizer is an unknown object" },
	{ "a zero point that is opaque", BYTES_OF(Q("(" AFFINE "K\001" OPAQUE
	    "t") "."), "tensor[2]", "its quantizer is an unknown object" },
	{ "an axis that is opaque", BYTES_OF(Q("(" CHANNELS "]]" OPAQUE "t")
	    "."), "tensor[2]", "its quantizer is an unknown object" },
	{ "a channel's scale that is opaque", BYTES_OF(Q("(" CHANNELS "]("
	    OPAQUE "e](K\001eK\000t") "."), "tensor[2] tensor.zero_points[1] "
	    "tensor.axis[1]", "a part is an unknown object" },
	{ "a channel's zero point that is opaque", BYTES_OF(Q("(" CHANNELS
	    "](K\001e](" OPAQUE "eK\000t") "."), "tensor[2] tensor.scales[1] "
	    "tensor.axis[1]", "a part is an unknown object" },
	{ "scales that are opaque", BYTES_OF(Q("(" CHANNELS OPAQUE "](K\001"
	    "eK\000t") "."), "tensor[2] tensor.zero_points[1] tensor.axis[1]",
	    "a part of it is an unknown object" },
	{ "scales of a tuple and a tensor", BYTES_OF(Q("(" CHANNELS HALF
	    "\205" T "K\000t") "."), "tensor[2] tensor.scales[1] "
	    "tensor.zero_points[2] tensor.axis[1]", NULL },
	{ "channels with float parameters", BYTES_OF(Q("(" G("torch",
	    "per_channel_affine_float_qparams") "](K\001e](" HALF "eK\000t")
	    "."), "tensor[2] tensor.scales[1] tensor.zero_points[1] "
	    "tensor.axis[1]", NULL },
	{ "symmetric channels", BYTES_OF(Q("(" G("torch",
	    "per_channel_symmetric") "](K\001e](K\000eK\000t") "."),
	    "tensor[2] tensor.scales[1] tensor.zero_points[1] "
	    "tensor.axis[1]", NULL },
	{ "a symmetric scheme", BYTES_OF(Q("(" G("torch",
	    "per_tensor_symmetric") "K\001K\000t") "."),
	    "tensor[2] tensor.scale[1] tensor.zero_point[1]", NULL },
	{ "a scheme of tomorrow", BYTES_OF(Q("(" G("torch", "per_block")
	    "K\001t") "."), "tensor[2]", "unknown quantization scheme" },
	{ "a scheme that is opaque", BYTES_OF(Q("(" OPAQUE "K\001t") "."),
	    "tensor[2]", "unknown quantization scheme" },
	{ "quantized to 8 bits, unsigned", BYTES_OF(QFROM("QUInt8Storage",
	    "K\030", "(" AFFINE "K\001K\001t") "."),
	    "tensor[2] tensor.scale[1] tensor.zero_point[1]", NULL },
	{ "quantized to 32 bits", BYTES_OF(QFROM("QInt32Storage",
	    "K\006", "(" AFFINE "K\001K\001t") "."),
	    "tensor[2] tensor.scale[1] tensor.zero_point[1]", NULL },
	{ "quantized to 4 bits", BYTES_OF(QFROM("QUInt4x2Storage",
	    "K\030", "(" AFFINE "K\001K\001t") "."),
	    "tensor[2] tensor.scale[1] tensor.zero_point[1]", NULL },
	{ "2 bits that do not fill a byte", BYTES_OF("](" QFROM(
	    "QUInt2x4Storage", "K\030", "(" AFFINE "K\001K\001t") T "e."),
	    "1[2]",
	    "elements under a byte" },
	{ "4 bits that begin inside", BYTES_OF("](" UTILS("_rebuild_qtensor")
	    "(" PID("QUInt4x2Storage", "2", "K\004") "K\001" TWO ONE "("
	    AFFINE "K\001K\001t\211}tR" T "e."), "1[2]",
	    "elements under a byte" },
	{ "4 bits with a gap", BYTES_OF("](" UTILS("_rebuild_qtensor")
	    "(" PID("QUInt4x2Storage", "2", "K\004") "K\000" TWO TWO "("
	    AFFINE "K\001K\001t\211}tR" T "e."), "1[2]",
	    "elements under a byte" },
	{ "one element of 4 bits", BYTES_OF("](" UTILS("_rebuild_qtensor")
	    "(" PID("QUInt4x2Storage", "2", "K\004") "K\000))(" AFFINE
	    "K\001K\001t\211}tR" T "e."), "1[2]", "elements under a byte" },
	{ "a layout of tomorrow", BYTES_OF("](" SPARSE LAYOUT("\020",
	    "torch.sparse_xyz") "(" T T ONE "t\206R" T "e."), "1[2]",
	    "left out: 0: unknown layout" },
	{ "a layout of an int, by name", BYTES_OF("](" SPARSE
	    G("torch.serialization", "_get_layout") "K\001\205R(" T T ONE
	    "t\206R" T "e."), "1[2]", "left out: 0: unknown layout" },
	{ "a layout from elsewhere", BYTES_OF("](" SPARSE OPAQUE "(" T T ONE
	    "t\206R" T "e."), "1[2]", "left out: 0: unknown layout" },
	{ "a layout that is a name", BYTES_OF("](" SPARSE
	    G("torch", "sparse_coo") "(" T T ONE "t\206R" T "e."), "1[2]",
	    "left out: 0: unknown layout" },
	{ "a sparse size that is opaque", BYTES_OF("](" SPARSE COO "(" T T
	    OPAQUE "t\206R" T "e."), "1[2]", "its shape is an unknown" },
	{ "sparse, coalesced", BYTES_OF(SPARSE COO "(" T U ONE "\210t\206R."),
	    "tensor.indices[2] tensor.values[3] tensor.size[1]", NULL },
	{ "sparse rows of torch 1.9", BYTES_OF(
	    UTILS("_rebuild_sparse_csr_tensor") LAYOUT("\020",
	    "torch.sparse_csr") "(" T T U ONE "t\206R."),
	    "tensor.crow_indices[2] tensor.col_indices[2] tensor.values[3] "
	    "tensor.size[1]", NULL },
	{ "values of a parameter", BYTES_OF(SPARSE COO "(" T
	    UTILS("_rebuild_parameter") U "\210}\207R" ONE "t\206R."),
	    "tensor.indices[2] tensor.values[3] tensor.size[1]", NULL },
	{ "values of v1", BYTES_OF(SPARSE COO "(" T
	    UTILS("_rebuild_tensor") "(" FLOATS "K\000K\003\205" ONE "tR" ONE
	    "t\206R."), "tensor.indices[2] tensor.values[3] tensor.size[1]",
	    NULL },
	{ "values of v3", BYTES_OF(SPARSE COO "(" T
	    UTILS("_rebuild_tensor_v3") "((" S("\007", "storage")
	    G("torch.storage", "UntypedStorage") S("\001", "1")
	    S("\003", "cpu") "K\030tQK\000K\003\205" ONE "\211}"
	    G("torch", "float32") "tR" ONE "t\206R."),
	    "tensor.indices[2] tensor.values[3] tensor.size[1]", NULL },
	{ "values of a subclass", BYTES_OF(SPARSE COO "(" T
	    G("torch._tensor", "_rebuild_from_type_v2") "("
	    UTILS("_rebuild_tensor_v2") G("m", "C") "(" FLOATS "K\000"
	    "K\003\205" ONE "\211}tNtR" ONE "t\206R."),
	    "tensor.indices[2] tensor.values[3] tensor.size[1]", NULL },
	{ "values of too few arguments", BYTES_OF(SPARSE COO "(" T
	    UTILS("_rebuild_tensor") "(" FLOATS "K\000tR" ONE "t\206R."),
	    "tensor.indices[2] tensor.size[1]", "a part of it is an unknown" },
	{ "metadata of None", BYTES_OF(META("N") "."), "tensor[2]", NULL },
	{ "metadata with a key that is no text", BYTES_OF(META("}K\001\210s")
	    "."), "tensor[2]", NULL },
	{ "metadata with the key of a backend", BYTES_OF(META("}"
	    S("\004", "nnnn") "\210s") "."), "tensor[2]", NULL },
	{ "an offset that is opaque", BYTES_OF("](" REBUILD(FLOATS, OPAQUE,
	    ONE, ONE, "") T "e."), "1[2]", "left out: 0: its offset" },
	{ "a stride that is opaque", BYTES_OF("](" V2(ONE, OPAQUE) T "e."),
	    "1[2]", "left out: 0: its shape" },
	{ "a stride of something opaque", BYTES_OF("](" V2(ONE, OPAQUE
	    "\205") T "e."), "1[2]", "left out: 0: its shape holds" },
	{ "requires_grad that is opaque", BYTES_OF(UTILS("_rebuild_tensor_v2")
	    "(" FLOATS "K\000" TWO ONE OPAQUE "}tR."), "tensor[2]", NULL },
	{ "the dtype of another module", BYTES_OF("]("
	    UTILS("_rebuild_tensor_v3") "(" FLOATS "K\000" ONE ONE "\211}"
	    G("numpy", "float32") "tR" T "e."), "1[2]",
	    "left out: 0: unknown dtype" },
	{ "the dtype qint", BYTES_OF("](" UTILS("_rebuild_tensor_v3") "("
	    FLOATS "K\000" ONE ONE "\211}" G("torch", "qint") "tR" T "e."),
	    "1[2]", "left out: 0: unknown dtype" },
	{ "a dtype that is opaque", BYTES_OF("](" UTILS("_rebuild_tensor_v3")
	    "(" FLOATS "K\000" ONE ONE "\211}" OPAQUE "tR" T "e."), "1[2]",
	    "left out: 0: unknown dtype" },
	{ "a bare tensor without data", BYTES_OF("](" G("torch",
	    "FloatTensor") ")\201" T "\205b" T "e."), "0.0[2] 1[2]",
	    "left out: 0: a tensor object without data" },
	{ "a bare tensor of another state", BYTES_OF("](" G("torch",
	    "FloatTensor") ")\201}" ENTRY("x", U) "sb" T "e."),
	    "0.x[3] 1[2]", "left out: 0: a tensor object without data" },
};

static void
test_goods(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		help_expect_good(&goods[i]);
}

/* 64 keys and values are read, 66 are not. */
static void
test_metadata_size(void **state)
{
	static const char begin[] = UTILS("_rebuild_tensor_v2") "(" FLOATS
	    "K\000" TWO ONE "\211}}(";
	char bytes[1024];
	struct harness h;

	(void)state;
	for (unsigned pairs = 32; pairs <= 33; pairs++) {
		size_t used = AT(begin);

		memcpy(bytes, begin, used);
		for (unsigned i = 0; i < pairs; i++) {
			bytes[used++] = 'K';
			bytes[used++] = (char)i;
			bytes[used++] = 'N';
		}
		memcpy(bytes + used, "utR.", 4);
		assert_int_equal(help_walk(bytes, used + 4, 0, &h),
		    pairs == 32);
		if (pairs == 33) {
			assert_int_equal(h.job.fault.code, FAULT_FORMAT);
			assert_int_equal(h.job.fault.where, AT(begin) - 2);
			assert_non_null(strstr(h.job.fault.text,
			    "metadata is too large"));
		}
		harness_free(&h);
	}
}

/* The sign of each element, and of the imaginary part. */
static void
test_turned(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		size_t signs[4];	/* bytes whose highest bit turns */
		size_t count;
		size_t size;
	} rows[] = {
		{ BYTES_OF(REBUILD(PID("HalfStorage", "5", "K\014"), "K\000",
		    TWO, ONE, NEG) "."), { 1, 3 }, 2, 4 },
		{ BYTES_OF(REBUILD(PID("BFloat16Storage", "5", "K\014"),
		    "K\000", TWO, ONE, NEG) "."), { 1, 3 }, 2, 4 },
		{ BYTES_OF(REBUILD(PID("DoubleStorage", "5", "K\003"),
		    "K\000", TWO, ONE, NEG) "."), { 7, 15 }, 2, 16 },
		{ BYTES_OF(REBUILD(PID("ComplexDoubleStorage", "5", "K\001"),
		    "K\000", ONE, ONE, CONJ) "."), { 15 }, 1, 16 },
		{ BYTES_OF(REBUILD(COMPLEX, "K\000", ONE, ONE, "}("
		    S("\004", "conj") "\210" S("\003", "neg") "\210u") "."),
		    { 3 }, 1, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t want[24];
		struct harness h;
		const uint8_t *got;
		size_t length;

		memcpy(want, storage_bytes, sizeof(want));
		for (size_t k = 0; k < rows[i].count; k++)
			want[rows[i].signs[k]] ^= 0x80;
		if (!help_walk(rows[i].bytes, rows[i].length, 0, &h))
			fail_msg("%d: %s", (int)i, h.job.fault.text);
		assert_int_equal(h.tensor_count, 1);
		got = harness_bytes(&h, &h.tensors[0], &length);
		assert_int_equal(length, rows[i].size);
		assert_memory_equal(got, want, length);
		harness_free(&h);
	}
}

/* What a list of numbers comes to. */
static void
test_numbers(void **state)
{
	static const char bytes[] = Q("(" CHANNELS "](" HALF "K\003e]("
	    "J\377\377\377\377K\007eK\000t") ".";
	static const double scales[] = { 0.5, 3.0 };
	static const int64_t zeros[] = { -1, 7 };
	struct harness h;
	size_t length;

	(void)state;
	assert_true(help_walk(BYTES_OF(bytes), 0, &h));
	assert_int_equal(harness_find(&h, "tensor.scales")->dtype, DTYPE_F64);
	assert_memory_equal(harness_bytes(&h, harness_find(&h,
	    "tensor.scales"), &length), scales, sizeof(scales));
	assert_int_equal(harness_find(&h, "tensor.zero_points")->dtype,
	    DTYPE_I64);
	assert_memory_equal(harness_bytes(&h, harness_find(&h,
	    "tensor.zero_points"), &length), zeros, sizeof(zeros));
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_goods),
		cmocka_unit_test(test_metadata_size),
		cmocka_unit_test(test_turned),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
