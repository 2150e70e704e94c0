/* SPDX-License-Identifier: Apache-2.0
 *
 * test_verdict.c - pickles in, notes out: what is called and what is only
 * named, calls through other values, pickles inside pickles, and what follows
 * the first STOP.
 */
#include "harness.h"
#include "machine.h"
#include "verdict.h"
#include "xorshift.h"

#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CALL_P0 "cos\nsystem\n(S'true'\ntR."
#define CALL_P2 "\x80\x02" "cos\nsystem\nX\4\0\0\0true\x85R."
/* collections.OrderedDict() */
#define DATA_P2 "\x80\x02" "ccollections\nOrderedDict\n)R."

/* One stream, then the rest, as pickle_read does it. */
static void
judge(const void *bytes, size_t length, struct harness *h)
{
	struct job *job = harness_job(bytes, length, 0, h);

	if (setjmp(job->stop) == 0) {
		struct pickle_source source = { .at = job->map,
		    .len = job->size, .in_file = true };
		struct machine_result result;
		struct machine_error error;
		struct graph g;

		graph_init(&g, job);
		if (machine_run(&g, &source, 0, false, &result, &error)) {
			verdict_nodes(&g, 0);
			verdict_rest(&g, &source, result.end);
		} else {
			verdict_nodes(&g, 0);
		}
	} else {
		fail_msg("died: %s", job->fault.text);
	}
	harness_collect(h);
}

#define ANYWHERE UINT64_MAX
#define BYTES(text) text, sizeof(text) - 1

struct row {
	const char *what;
	const char *bytes;
	size_t length;
	enum verdict verdict;
	const char *note;	/* NULL: no note of this level */
	uint32_t kind;
	uint64_t where;
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		const struct harness_note *note;
		struct harness h;

		judge(r->bytes, r->length, &h);
		if (sink_verdict(&h.job) != r->verdict)
			fail_msg("%s: verdict %d", r->what,
			    (int)sink_verdict(&h.job));
		if (r->note != NULL) {
			note = harness_note(&h, r->kind, r->note);
			if (note == NULL)
				fail_msg("%s: no note", r->what);
			else if (r->where != ANYWHERE &&
			    note->where != r->where)
				fail_msg("%s: at %llu", r->what,
				    (unsigned long long)note->where);
		}
		harness_free(&h);
	}
}
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_names(void **state)
{
	static const struct row rows[] = {
		{ "a call", BYTES(CALL_P0), VERDICT_DANGEROUS,
		    "os.system(...)", NOTE_CALL, 0 },
		{ "protocol 2", BYTES(CALL_P2), VERDICT_DANGEROUS,
		    "os.system(...)", NOTE_CALL, 2 },
		{ "only named", BYTES("\x80\x02" "Ncos\nsystem\n."),
		    VERDICT_DANGEROUS, "os.system", NOTE_GLOBAL, 3 },
		{ "INST", BYTES("(S'true'\nios\nsystem\n."),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, ANYWHERE },
		{ "OBJ, then POP", BYTES("\x80\x02" "(cos\nsystem\no0N."),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, 3 },
		{ "honest data", BYTES(DATA_P2), VERDICT_CLEAN,
		    "collections.OrderedDict(...)", NOTE_CALL, 2 },
		{ "a class of a program", BYTES("\x80\x02" "cnet\nNet\n)\x81."),
		    VERDICT_UNUSUAL, "net.Net(...)", NOTE_CALL, 2 },
		{ "before it breaks off",
		    BYTES("\x80\x02" "cos\nsystem\n)R0\xff"),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, 2 },
		{ "a NUL in a name", BYTES("\x80\x02" "co\0s\nsystem\n)R."),
		    VERDICT_DANGEROUS, "o?s.system", NOTE_CALL, 2 },
	};

	(void)state;
	CHECK(rows);
}

static void
test_calls_through_values(void **state)
{
	static const struct row rows[] = {
		{ "what a call returned",
		    BYTES("\x80\x02" "cnet\nNet\n)R)R."),
		    VERDICT_DANGEROUS, "what a call returned", NOTE_RECORD,
		    14 },
		{ "a persistent id", BYTES("\x80\x02" "NQ)R."),
		    VERDICT_DANGEROUS, "persistent id", NOTE_RECORD, 5 },
		{ "a legacy module's class",
		    BYTES("\x80\x02" "(X\6\0\0\0modulecnet\nNet\ntQ)\x81."),
		    VERDICT_UNUSUAL, "net.Net(...)", NOTE_CALL, ANYWHERE },
		{ "copyreg's argument", BYTES("\x80\x02" "ccopyreg\n"
		    "_reconstructor\nctorch.hub\nload\nN\x86R."),
		    VERDICT_DANGEROUS, "torch.hub.load(...)", NOTE_CALL,
		    ANYWHERE },
		{ "copyreg's honest argument", BYTES("\x80\x02" "ccopy_reg\n"
		    "_reconstructor\ncnet\nNet\nc__builtin__\nobject\nN\x87R."),
		    VERDICT_UNUSUAL, "net.Net(...)", NOTE_CALL, ANYWHERE },
		{ "getattr", BYTES("\x80\x02" "c__builtin__\ngetattr\n"
		    "cnet\nNet\nX\4\0\0\0load\x86R."),
		    VERDICT_DANGEROUS, "__builtin__.getattr(...)", NOTE_CALL,
		    2 },
		{ "a member of an enum", BYTES("\x80\x02" "cbuiltins\n"
		    "getattr\ncnet\nMode\nX\4\0\0\0FAST\x86R."),
		    VERDICT_UNUSUAL, "builtins.getattr(...)", NOTE_CALL, 2 },
		{ "torch.tanh", BYTES("\x80\x02" "c__builtin__\ngetattr\n"
		    "ctorch._C\n_VariableFunctionsClass\nX\4\0\0\0tanh\x86R."),
		    VERDICT_UNUSUAL, "__builtin__.getattr(...)", NOTE_CALL,
		    2 },
		{ "torch.__dict__", BYTES("\x80\x02" "c__builtin__\ngetattr\n"
		    "ctorch._C\n_VariableFunctionsClass\nX\4\0\0\0__di\x86R."),
		    VERDICT_DANGEROUS, "__builtin__.getattr(...)", NOTE_CALL,
		    2 },
		{ "a member of an enum, called", BYTES("\x80\x02" "cbuiltins\n"
		    "getattr\ncnet\nMode\nX\4\0\0\0FAST\x86R)R."),
		    VERDICT_DANGEROUS, "what a call returned", NOTE_RECORD,
		    ANYWHERE },
		{ "Optional[int]", BYTES("\x80\x02" "c_operator\ngetitem\n"
		    "ctyping\nOptional\ncbuiltins\nint\n\x86R."),
		    VERDICT_UNUSUAL, "_operator.getitem(...)", NOTE_CALL, 2 },
		{ "getitem of anything else", BYTES("\x80\x02" "c_operator\n"
		    "getitem\n]K\0\x86R."),
		    VERDICT_DANGEROUS, "_operator.getitem(...)", NOTE_CALL,
		    2 },
		{ "type(None)", BYTES("\x80\x02" "cbuiltins\ntype\nN\x85R."),
		    VERDICT_UNUSUAL, "builtins.type(...)", NOTE_CALL, 2 },
		{ "type with three arguments",
		    BYTES("\x80\x02" "cbuiltins\ntype\nX\1\0\0\0a)}\x87R."),
		    VERDICT_DANGEROUS, "builtins.type(...)", NOTE_CALL, 2 },
		{ "bytes in protocol 2", BYTES("\x80\x02" "c_codecs\nencode\n"
		    "X\1\0\0\0aX\6\0\0\0latin1\x86R."),
		    VERDICT_CLEAN, "_codecs.encode(...)", NOTE_CALL, 2 },
		{ "rot13", BYTES("\x80\x02" "c_codecs\nencode\n"
		    "X\1\0\0\0aX\5\0\0\0rot13\x86R."),
		    VERDICT_DANGEROUS, "_codecs.encode(...)", NOTE_CALL, 2 },
	};

	(void)state;
	CHECK(rows);
}

static void
test_writes(void **state)
{
	static const struct row rows[] = {
		{ "a state that writes __class__",
		    BYTES("\x80\x02" "cnet\nNet\n)\x81}X\11\0\0\0__class__"
		    "NsbN."), VERDICT_DANGEROUS, "writes an attribute",
		    NOTE_RECORD, ANYWHERE },
		{ "by slots", BYTES("\x80\x02" "cnet\nNet\n)\x81N}X\11\0\0\0"
		    "__class__Ns\x86" "b."), VERDICT_DANGEROUS,
		    "writes an attribute", NOTE_RECORD, ANYWHERE },
		{ "a dict with the same key is data",
		    BYTES("\x80\x02}X\11\0\0\0__class__Ns."),
		    VERDICT_CLEAN, NULL, 0, 0 },
		{ "items of a tensor (CVE-2026-24747)",
		    BYTES("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n)R"
		    "NNs."), VERDICT_DANGEROUS, "items of a tensor",
		    NOTE_RECORD, ANYWHERE },
		{ "items of a dict of torch's",
		    BYTES("\x80\x02" "cnet\nTable\n)RNNs."), VERDICT_UNUSUAL,
		    "net.Table(...)", NOTE_CALL, 2 },
	};

	(void)state;
	CHECK(rows);
}

/* base64 and hex of CALL_P2 */
#define IN_BASE64 "gAJjb3MKc3lzdGVtClgEAAAAdHJ1ZYVSLg=="
#define IN_HEX "8002636f730a73797374656d0a58040000007472756585522e"

static void
test_nested(void **state)
{
	static const struct row rows[] = {
		{ "raw", BYTES("\x80\x04" "C\x19" CALL_P2 "."),
		    VERDICT_DANGEROUS,
		    "os.system(...), in a pickle inside bytes (depth 1)",
		    NOTE_CALL, 6 },
		{ "raw, protocol 0", BYTES("\x80\x04" "C\x17" CALL_P0 "."),
		    VERDICT_DANGEROUS, "os.system(...), in a pickle",
		    NOTE_CALL, 4 },
		{ "as text", BYTES("\x80\x04\x8c\x17" CALL_P0 "."),
		    VERDICT_DANGEROUS, "os.system(...), in a pickle",
		    NOTE_CALL, 4 },
		{ "base64", BYTES("\x80\x04\x8c\x24" IN_BASE64 "."),
		    VERDICT_DANGEROUS, "inside base64 (depth 1)", NOTE_CALL,
		    2 },
		{ "hex", BYTES("\x80\x04\x8c\x32" IN_HEX "."),
		    VERDICT_DANGEROUS, "inside hex digits (depth 1)",
		    NOTE_CALL, 2 },
		{ "as the text of protocol 2",
		    BYTES("\x80\x02X\x1b\0\0\0\xc2\x80\x02" "cos\nsystem\n"
		    "X\4\0\0\0true\xc2\x85R." "."),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, 2 },
		{ "that breaks off after its call",
		    BYTES("\x80\x04" "C\x19" "\x80\x02"
		    "cos\nsystem\nX\4\0\0\0true\x85R\xff."),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, 6 },
		{ "that breaks off before its call",
		    BYTES("\x80\x04" "C\x18" "\x80\x02"
		    "cos\nsystem\nX\4\0\0\0true\x85\xff."),
		    VERDICT_CLEAN, NULL, 0, 0 },
		{ "two lines of text that could be a global",
		    BYTES("\x80\x04\x8c\x0e" "cats\nmouse\nR.\n" "."),
		    VERDICT_CLEAN, NULL, 0, 0 },
		{ "an honest one", BYTES("\x80\x04" "C\x1e" "\x80\x02"
		    "ccollections\nCounter\n)RNNs."  "."),
		    VERDICT_CLEAN, "collections.Counter(...), in a pickle",
		    NOTE_CALL, 6 },
		{ "a zip", BYTES("\x80\x04" "C\x0e" "PK\3\4          " "."),
		    VERDICT_UNUSUAL, "a zip archive inside bytes",
		    NOTE_RECORD, 2 },
	};

	(void)state;
	CHECK(rows);
}

/* b wrapped as bytes in a pickle; returns the new length. */
static size_t
wrap(uint8_t *b, size_t len)
{
	memmove(b + 7, b, len);
	b[0] = 0x80;
	b[1] = 4;
	b[2] = 'B';
	b[3] = (uint8_t)len;
	b[4] = (uint8_t)(len >> 8);
	b[5] = b[6] = 0;
	b[7 + len] = '.';
	return len + 8;
}

static void
test_nested_depth(void **state)
{
	uint8_t b[1024] = CALL_P2;
	size_t len = sizeof CALL_P2 - 1;
	struct harness h;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		len = wrap(b, len);
	judge(b, len, &h);
	assert_non_null(harness_note(&h, NOTE_CALL, "(depth 10)"));
	harness_free(&h);

	len = wrap(b, len);
	judge(b, len, &h);
	assert_null(harness_note(&h, 0, "os.system"));
	assert_non_null(harness_note(&h, NOTE_RECORD, "too deep"));
	assert_int_equal(sink_verdict(&h.job), VERDICT_DANGEROUS);
	harness_free(&h);
}

/* Weights are bytes: whatever they are, they leave no note. */
static void
test_weights_leave_no_note(void **state)
{
	static uint8_t b[7 + 4096 + 1];
	uint64_t x = 88172645463325252u;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct harness h;
		size_t len;

		for (size_t i = 0; i < 4096; i++)
			b[i] = (uint8_t)xorshift(&x);
		/* As like a pickle as weights can begin. */
		b[0] = 0x80;
		b[1] = (uint8_t)(round % 6);
		b[2] = (uint8_t)"(c]}N"[round % 5];
		len = wrap(b, 4096);
		judge(b, len, &h);
		assert_int_equal(h.note_count, 0);
		harness_free(&h);
	}
}

static void
test_rest(void **state)
{
	static const struct row rows[] = {
		{ "nothing", BYTES(DATA_P2), VERDICT_CLEAN, NULL, 0, 0 },
		{ "a call", BYTES(DATA_P2 CALL_P2), VERDICT_DANGEROUS,
		    "os.system(...), in a pickle after the first STOP",
		    NOTE_CALL, sizeof DATA_P2 - 1 + 2 },
		{ "a call in the third", BYTES("N." "N." CALL_P0),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, 4 },
		{ "data", BYTES("N." "N." "N."), VERDICT_UNUSUAL,
		    "pickles after the first STOP: 2", NOTE_RECORD, 2 },
		{ "zeroes", BYTES("N.\0\0\0"), VERDICT_UNUSUAL,
		    "trailing bytes: 3", NOTE_RECORD, 2 },
		{ "a call, broken off", BYTES("N.cos\nsystem\n)R"),
		    VERDICT_DANGEROUS, "os.system(...)", NOTE_CALL, 2 },
		{ "a name, broken off", BYTES("N.cnet\nnet\n)R"),
		    VERDICT_DANGEROUS, "net.net(...)", NOTE_CALL, 2 },
		{ "a class, broken off", BYTES("N.cnet\nNet\n)R"),
		    VERDICT_UNUSUAL, "trailing bytes", NOTE_RECORD, 2 },
	};

	(void)state;
	CHECK(rows);
}

/* What is not read is not passed off as harmless. */
static void
test_too_many_streams(void **state)
{
	static char b[2 * 10002];
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof b; i += 2)
		memcpy(b + i, "N.", 2);
	judge(b, sizeof b - 2, &h);
	assert_int_equal(sink_verdict(&h.job), VERDICT_UNUSUAL);
	harness_free(&h);
	judge(b, sizeof b, &h);
	assert_int_equal(sink_verdict(&h.job), VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, NOTE_RECORD, "than are read"));
	harness_free(&h);
}

/* One note a name, and the worse of its two readings. */
static void
test_one_note_a_name(void **state)
{
	static const char b[] = "\x80\x02" "(ctorch.hub\nload\n"
	    "ctorch.hub\nload\n)Rctorch.hub\nload\nt.";
	struct harness h;

	(void)state;
	judge(b, sizeof b - 1, &h);
	assert_int_equal(h.note_count, 1);
	assert_int_equal(h.notes[0].kind, NOTE_CALL);
	assert_int_equal(h.notes[0].level, VERDICT_DANGEROUS);
	assert_int_equal(h.notes[0].where, 3);
	harness_free(&h);
}

/* More distinct names than the table begins with. */
static void
test_many_names(void **state)
{
	static char b[8 * 4000 + 8];
	struct harness h;
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		char *p = b + len;

		memcpy(p, "cm000\nN\n0", 9);
		for (unsigned n = i, k = 4; k >= 2; k--, n /= 16)
			p[k] = "0123456789abcdef"[n % 16];
		len += 9;
		if (len + 16 > sizeof b)
			break;
	}
	memcpy(b + len, "N.", 2);
	judge(b, len + 2, &h);
	assert_int_equal(h.note_count, len / 9);
	assert_string_equal(h.notes[0x123].text, "m123.N");
	assert_int_equal(h.notes[0x123].where, 9 * 0x123);
	harness_free(&h);
}

#define TEXT(length, text) "X" length "\0\0\0" text
#define GETATTR "\x80\x02" "cbuiltins\ngetattr\n"
#define MODE "cnet\nMode\n"
#define FUNCTIONS "ctorch._C\n_VariableFunctionsClass\n"
#define GETITEM "\x80\x02" "c_operator\ngetitem\n"

/* getattr and getitem with exactly what Python and torch write, and with what
 * is nearly that. */
static void
test_nearly_honest(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum verdict verdict;
	} rows[] = {
		{ BYTES(GETATTR MODE TEXT("\4", "FAST") "\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETATTR MODE TEXT("\4", "A0_B") "\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETATTR MODE TEXT("\1", "A") "\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETATTR MODE TEXT("\4", "fast") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\4", "Fast") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\4", "1AST") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\4", "_AST") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\3", "A-B") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\3", "A:B") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\3", "A[B") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\0", "") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE "K\1\x86R."), VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE "\x85R."), VERDICT_DANGEROUS },
		{ BYTES(GETATTR MODE TEXT("\1", "A") "N\x87R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR "N" TEXT("\1", "A") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR TEXT("\1", "m") TEXT("\1", "A") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR "cos\nsystem\n" TEXT("\1", "A") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR FUNCTIONS TEXT("\4", "tanh") "\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETATTR FUNCTIONS TEXT("\1", "t") "\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETATTR FUNCTIONS TEXT("\5", "log1p") "\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETATTR FUNCTIONS TEXT("\4", "Tanh") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR FUNCTIONS TEXT("\3", "t.a") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR FUNCTIONS TEXT("\3", "t{a") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR FUNCTIONS TEXT("\3", "__a") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETATTR FUNCTIONS TEXT("\0", "") "\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETITEM "ctyping\nOptional\ncbuiltins\nint\n\x86R."),
		    VERDICT_UNUSUAL },
		{ BYTES(GETITEM "ctyping\nOptional\n\x85R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETITEM "NK\1\x86R."), VERDICT_DANGEROUS },
		{ BYTES(GETITEM "]K\1\x86R."), VERDICT_DANGEROUS },
		{ BYTES(GETITEM "ctypong\nOptional\nK\1\x86R."),
		    VERDICT_DANGEROUS },
		{ BYTES(GETITEM "cnet\nOptional\nK\1\x86R."),
		    VERDICT_DANGEROUS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct harness h;

		judge(rows[i].bytes, rows[i].length, &h);
		if (sink_verdict(&h.job) != rows[i].verdict)
			fail_msg("row %d: %u", (int)i,
			    sink_verdict(&h.job));
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_calls_through_values),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_depth),
		cmocka_unit_test(test_weights_leave_no_note),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_too_many_streams),
		cmocka_unit_test(test_one_note_a_name),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_nearly_honest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
