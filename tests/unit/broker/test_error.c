/* SPDX-License-Identifier: Apache-2.0
 *
 * test_error.c - error texts are always one line of printable ASCII, whatever
 * went in; and the names of the public enumerations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "jail.h"

static void
test_escape(void **state)
{
	static const struct {
		const char *in;
		size_t length;
		size_t size;
		const char *out;
	} rows[] = {
		{ "", 0, 8, "" },
		{ "abc", 3, 8, "abc" },
		{ "abc", 3, 4, "abc" },
		{ "abc", 3, 3, "ab" },
		{ "abc", 3, 1, "" },
		{ "a\0b", 3, 16, "a\\x00b" },
		{ "\x1b[31m", 5, 16, "\\x1b[31m" },
		{ "'\"\\", 3, 16, "\\x27\\x22\\x5c" },
		{ "\xc3\xa9~\x7f", 4, 32, "\\xc3\\xa9~\\x7f" },
		{ "\n", 1, 5, "\\x0a" },
		{ "\n", 1, 4, "" },	/* never half an escape */
		{ "a\n", 2, 5, "a" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(out, '#', sizeof(out));
		error_escape(out, rows[i].size, rows[i].in, rows[i].length);
		assert_string_equal(out, rows[i].out);
		assert_int_equal(out[rows[i].size], '#');
	}
}

static void
test_set(void **state)
{
	pfork_error err;
	char longest[400];

	(void)state;
	assert_int_equal(error_set(NULL, PFORK_E_ARGS, 0, 0, "x"),
	    PFORK_E_ARGS);
	assert_int_equal(error_set(&err, PFORK_E_FORMAT, 5, 77, "n %d", 3),
	    PFORK_E_FORMAT);
	assert_int_equal(err.code, PFORK_E_FORMAT);
	assert_int_equal(err.errnum, 5);
	assert_int_equal(err.offset, 77);
	assert_string_equal(err.text, "n 3");
	error_set(&err, PFORK_E_FORMAT, 0, 0, "a\nb\x80%s", "\t");
	assert_string_equal(err.text, "a?b??");
	memset(longest, 'y', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	error_set(&err, PFORK_E_FORMAT, 0, 0, "%s", longest);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void
test_about(void **state)
{
	pfork_error err;

	(void)state;
	error_about(&err, PFORK_E_PROTOCOL, 0, 1, "bad name", "a'\n", 3);
	assert_string_equal(err.text, "bad name: 'a\\x27\\x0a'");
	assert_int_equal(error_about(NULL, PFORK_E_LIMIT, 0, 0, "t", "x", 1),
	    PFORK_E_LIMIT);
	/* The worker has escaped the file's names itself. */
	error_foreign(&err, PFORK_E_FORMAT, 0, 9, "at 'x': \x1b\\x", 11);
	assert_string_equal(err.text, "at 'x': \\x1b\\x");
	assert_int_equal(err.offset, 9);
	assert_int_equal(error_foreign(NULL, PFORK_E_FORMAT, 0, 0, "x", 1),
	    PFORK_E_FORMAT);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(pfork_code_name(PFORK_OK), "PFORK_OK");
	assert_string_equal(pfork_code_name(PFORK_E_PROTOCOL),
	    "PFORK_E_PROTOCOL");
	assert_string_equal(pfork_code_name((enum pfork_code)12), "PFORK_E_?");
	assert_string_equal(pfork_code_name((enum pfork_code)-1), "PFORK_E_?");
	assert_string_equal(pfork_verdict_name(PFORK_UNDECIDED), "undecided");
	assert_string_equal(pfork_verdict_name(PFORK_DANGEROUS), "dangerous");
	assert_string_equal(pfork_verdict_name((enum pfork_verdict)4), "?");
	assert_string_equal(pfork_note_kind_name(PFORK_NOTE_GLOBAL), "global");
	assert_string_equal(pfork_note_kind_name(PFORK_NOTE_SKIPPED),
	    "skipped");
	assert_string_equal(pfork_note_kind_name(PFORK_NOTE_NAMES), "names");
	assert_string_equal(pfork_note_kind_name(PFORK_NOTE_METADATA),
	    "metadata");
	assert_string_equal(pfork_note_kind_name((enum pfork_note_kind)10),
	    "?");
	assert_string_equal(pfork_version(), PFORK_VERSION);
}

/* The worker's bit numbers and the public bits are two lists of one thing. */
static void
test_layers(void **state)
{
	static const struct {
		enum jail_layer bit;
		uint64_t layer;
		const char *name;
	} rows[] = {
		{ JAIL_SECCOMP, PFORK_LAYER_SECCOMP, "seccomp" },
		{ JAIL_NO_NEW_PRIVS, PFORK_LAYER_NO_NEW_PRIVS, "no-new-privs" },
		{ JAIL_CLOSED_FDS, PFORK_LAYER_CLOSED_FDS, "closed-fds" },
		{ JAIL_RLIMITS, PFORK_LAYER_RLIMITS, "rlimits" },
		{ JAIL_NOT_DUMPABLE, PFORK_LAYER_NOT_DUMPABLE, "not-dumpable" },
		{ JAIL_NO_CAPABILITIES, PFORK_LAYER_NO_CAPABILITIES,
		    "no-capabilities" },
		{ JAIL_UID_DROP, PFORK_LAYER_UID_DROP, "uid-drop" },
		{ JAIL_LANDLOCK, PFORK_LAYER_LANDLOCK, "landlock" },
		{ JAIL_USER_NS, PFORK_LAYER_USER_NS, "user-ns" },
		{ JAIL_MOUNT_NS, PFORK_LAYER_MOUNT_NS, "mount-ns" },
		{ JAIL_IPC_NS, PFORK_LAYER_IPC_NS, "ipc-ns" },
		{ JAIL_UTS_NS, PFORK_LAYER_UTS_NS, "uts-ns" },
		{ JAIL_CGROUP_NS, PFORK_LAYER_CGROUP_NS, "cgroup-ns" },
		{ JAIL_NET_NS, PFORK_LAYER_NET_NS, "net-ns" },
		{ JAIL_MDWE, PFORK_LAYER_MDWE, "mdwe" },
		{ JAIL_SPECULATION, PFORK_LAYER_SPECULATION, "speculation" },
	};
	uint64_t all = 0;

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), JAIL_LAYERS);
	for (size_t i = 0; i < JAIL_LAYERS; i++) {
		assert_int_equal(rows[i].layer, UINT64_C(1) << rows[i].bit);
		assert_string_equal(pfork_layer_name(rows[i].layer),
		    rows[i].name);
		all |= rows[i].layer;
	}
	assert_int_equal(all, PFORK_LAYERS_ALL);
	assert_null(pfork_layer_name(0));
	assert_null(pfork_layer_name(3));
	assert_null(pfork_layer_name(UINT64_C(1) << 16));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_about),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
