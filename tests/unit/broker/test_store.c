/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store.c - several files as one checkpoint, and the wall round their
 * directory.  With the real worker, $PFORK_TEST_WORKER.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"
#include "store.h"

#define INDEX "model.safetensors.index.json"
#define TWO "{\"metadata\":{\"total_size\":8},\"weight_map\":{" \
	"\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}"

static char top[] = "/tmp/test-store-XXXXXX";
static char root[64];

static void
put(const char *name, const void *bytes, size_t length)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* One U8 tensor of four bytes. */
static void
put_shard(const char *file, const char *tensor, const char *bytes)
{
	char header[128];
	char whole[256] = { 0 };
	int length = snprintf(header, sizeof(header),
	    "{\"%s\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
	    tensor);

	whole[0] = (char)length;
	memcpy(whole + 8, header, (size_t)length);
	memcpy(whole + 8 + length, bytes, 4);
	put(file, whole, 12 + (size_t)length);
}

static void
put_link(const char *name, const char *to)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(root, sizeof(root), "%s/root", top);
	return mkdir(root, 0700);
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

static pfork_broker *
broker_new(const pfork_limits *limits)
{
	pfork_options o = { .limits = limits };

	return host_broker(&o);
}

static enum pfork_code
load(const char *index, uint32_t flags, const pfork_limits *limits,
    uint32_t files, pfork_checkpoint **c, pfork_error *err)
{
	pfork_store_options o = { .size = sizeof(o), .flags = flags,
		.files = files };
	pfork_broker *b = broker_new(limits);
	pfork_store *s = NULL;
	enum pfork_code code;

	assert_int_equal(pfork_store_open(b, root, &o, &s, err), PFORK_OK);
	pfork_broker_free(b);
	put(INDEX, index, strlen(index));
	code = pfork_store_load(s, INDEX, c, err);
	pfork_store_free(s);
	return code;
}

static void
test_two_files(void **state)
{
	pfork_checkpoint *c = NULL;
	const pfork_tensor *a;
	const pfork_tensor *b;
	pfork_error err;
	char bytes[4];

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("2.safetensors", "b", "BBBB");
	assert_int_equal(load(TWO, 0, NULL, 0, &c, &err), PFORK_OK);
	assert_string_equal(pfork_checkpoint_format(c), "hf-index");
	assert_int_equal(pfork_checkpoint_verdict(c), PFORK_CLEAN);
	assert_int_equal(pfork_checkpoint_count(c), 2);
	assert_int_equal(pfork_checkpoint_scalar_count(c), 0);
	a = pfork_checkpoint_find(c, "a");
	b = pfork_checkpoint_find(c, "b");
	assert_ptr_equal(a, pfork_checkpoint_at(c, 0));
	assert_string_equal(pfork_tensor_file(b), "2.safetensors");
	assert_int_not_equal(pfork_tensor_storage(a), pfork_tensor_storage(b));
	assert_int_equal(pfork_tensor_read(b, bytes, 4, &err), PFORK_OK);
	assert_memory_equal(bytes, "BBBB", 4);
	assert_int_equal(pfork_tensor_read(a, bytes, 4, &err), PFORK_OK);
	assert_memory_equal(bytes, "AAAA", 4);
	pfork_checkpoint_unref(c);
}

/* A part that is written to makes the whole unfit to be saved. */
static void
test_changed(void **state)
{
	pfork_checkpoint *c = NULL;
	pfork_error err;
	char path[4200];
	char bytes[4];
	int fd;

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("2.safetensors", "b", "BBBB");
	assert_int_equal(load(TWO, 0, NULL, 0, &c, &err), PFORK_OK);
	snprintf(path, sizeof(path), "%s/2.safetensors", root);
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(pfork_tensor_read(pfork_checkpoint_find(c, "b"),
	    bytes, 4, &err), PFORK_E_CHANGED);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_not_equal(pfork_save_safetensors(c, fd, NULL, &err),
	    PFORK_OK);
	close(fd);
	pfork_checkpoint_unref(c);
}

static const struct refused {
	const char *name;
	const char *map;	/* inside weight_map */
	enum pfork_code code;
	const char *text;
} refused[] = {
	{ "climbs", "\"a\":\"../1.safetensors\"", PFORK_E_REFUSED, "leads" },
	{ "absolute", "\"a\":\"/etc/passwd\"", PFORK_E_REFUSED, "leads" },
	{ "directory", "\"a\":\"sub/1.safetensors\"", PFORK_E_REFUSED,
	    "leads" },
	{ "dots", "\"a\":\"..\"", PFORK_E_REFUSED, "leads" },
	{ "NUL", "\"a\":\"1\\u0000\"", PFORK_E_REFUSED, "leads" },
	{ "empty", "\"a\":\"\"", PFORK_E_REFUSED, "empty" },
	{ "not there", "\"a\":\"3.safetensors\"", PFORK_E_SYSTEM,
	    "not there" },
	{ "other file", "\"b\":\"1.safetensors\"", PFORK_E_FORMAT,
	    "does not have" },
	{ "itself", "\"a\":\"" INDEX "\"", PFORK_E_FORMAT, "another index" },
	{ "twice", "\"a\":\"1.safetensors\",\"a\":\"1.safetensors\"",
	    PFORK_E_FORMAT, "twice" },
	{ "a pipe", "\"a\":\"pipe\"", PFORK_E_ARGS, "a pipe" },
	{ "a link", "\"a\":\"link\"", PFORK_E_REFUSED, "symbolic link" },
	{ "no text", "\"a\":1", PFORK_E_FORMAT, "JSON" },
};

static void
test_refused(void **state)
{
	char index[512];
	char path[128];
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("../1.safetensors", "a", "AAAA");
	put_link("link", "1.safetensors");
	snprintf(path, sizeof(path), "%s/pipe", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *r = &refused[i];
		enum pfork_code code;

		snprintf(index, sizeof(index), "{\"weight_map\":{%s}}", r->map);
		code = load(index, 0, NULL, 0, &c, &err);
		/* The worker says so first, as a fault. */
		if (r->code == PFORK_E_REFUSED && code == PFORK_E_FORMAT)
			code = PFORK_E_REFUSED;
		if (code != r->code || strstr(err.text, r->text) == NULL ||
		    c != NULL)
			fail_msg("%s: %d: %s", r->name, code, err.text);
	}
	unlink(path);
}

/* What a worker that was taken over could say. */
static void
test_sibling(void **state)
{
	static const struct {
		const char *name;
		size_t length;
		bool fine;
	} names[] = {
		{ "a", 1, true }, { "a.b", 3, true }, { "..a", 3, true },
		{ "", 0, false }, { ".", 1, false }, { "..", 2, false },
		{ "/", 1, false }, { "a/b", 3, false }, { "../a", 4, false },
		{ "a\0b", 3, false }, { "a/", 2, false }
	};
	char longest[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(store_name_is_sibling(names[i].name,
		    names[i].length), names[i].fine);
	memset(longest, 'a', sizeof(longest));
	assert_true(store_name_is_sibling(longest, 255));
	assert_false(store_name_is_sibling(longest, 256));
}

static void
test_links(void **state)
{
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	put_shard("blob", "a", "AAAA");
	put_shard("../outside", "a", "AAAA");
	put_link("link", "blob");
	put_link("out", "../outside");
	put_link("absolute", "/etc/passwd");
	assert_int_equal(load("{\"weight_map\":{\"a\":\"link\"}}",
	    PFORK_STORE_SYMLINKS, NULL, 0, &c, &err), PFORK_OK);
	pfork_checkpoint_unref(c);
	c = NULL;
	assert_int_equal(load("{\"weight_map\":{\"a\":\"out\"}}",
	    PFORK_STORE_SYMLINKS, NULL, 0, &c, &err), PFORK_E_REFUSED);
	assert_non_null(strstr(err.text, "leads out"));
	assert_int_equal(load("{\"weight_map\":{\"a\":\"absolute\"}}",
	    PFORK_STORE_SYMLINKS, NULL, 0, &c, &err), PFORK_E_REFUSED);
	assert_null(c);
}

/* Why, and which one: each once. */
static void
test_cannot_open(void **state)
{
	static const struct {
		const char *file;
		const char *text;
	} rows[] = {
		{ "socket", "socket: a file of the store cannot be opened: "
		    "No such device or address" },
		{ "gone", "gone: a file of the store is not there" },
		{ "away", "away: a file leads out of the store's directory" },
	};
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pfork_checkpoint *c = NULL;
	char index[128];
	pfork_error err;

	(void)state;
	/* Root could open anything else. */
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", root);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	put_link("away", "../outside");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(index, sizeof(index), "{\"weight_map\":{\"a\":\"%s\"}}",
		    rows[i].file);
		assert_int_not_equal(load(index, PFORK_STORE_SYMLINKS, NULL, 0,
		    &c, &err), PFORK_OK);
		assert_string_equal(err.text, rows[i].text);
	}
	close(fd);
	assert_null(c);
}

static void
test_totals(void **state)
{
	pfork_limits limits = { .size = sizeof(limits) };
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("2.safetensors", "b", "BBBB");
	limits.tensors = 1;
	assert_int_equal(load(TWO, 0, &limits, 0, &c, &err), PFORK_E_LIMIT);
	/* The index has 85 bytes, a file 69. */
	limits.tensors = 0;
	limits.input_bytes = 200;
	assert_int_equal(load(TWO, 0, &limits, 0, &c, &err), PFORK_E_LIMIT);
	limits.input_bytes = 300;
	limits.names_bytes = 208;
	assert_int_equal(load(TWO, 0, &limits, 0, &c, &err), PFORK_E_LIMIT);
	assert_string_equal(err.text,
	    "the files of a store together are over the limit names_bytes");
	limits.names_bytes = 0;
	assert_int_equal(load(TWO, 0, &limits, 1, &c, &err), PFORK_E_LIMIT);
	assert_non_null(strstr(err.text, "more files"));
	assert_null(c);
	assert_int_equal(load(TWO, 0, &limits, 2, &c, &err), PFORK_OK);
	pfork_checkpoint_unref(c);
}

static void
test_others_write(void **state)
{
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_note note;
	char path[4200];

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	snprintf(path, sizeof(path), "%s/1.safetensors", root);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(load("{\"weight_map\":{\"a\":\"1.safetensors\"}}", 0,
	    NULL, 0, &c, &err), PFORK_OK);
	assert_int_equal(pfork_checkpoint_note_count(c), 1);
	assert_true(pfork_checkpoint_note(c, 0, &note));
	assert_string_equal(note.text,
	    "1.safetensors: others may write to this file");
	pfork_checkpoint_unref(c);
}

/* Of root/a/b/1.safetensors, with these modes. */
static size_t
notes_on_way(mode_t a, mode_t b)
{
	pfork_broker *broker = broker_new(NULL);
	pfork_checkpoint *c = NULL;
	pfork_store *s = NULL;
	char path[4200];
	pfork_error err;
	pfork_note note;
	size_t count;

	snprintf(path, sizeof(path), "%s/a", root);
	assert_int_equal(chmod(path, a), 0);
	snprintf(path, sizeof(path), "%s/a/b", root);
	assert_int_equal(chmod(path, b), 0);
	assert_int_equal(pfork_store_open(broker, root, NULL, &s, &err),
	    PFORK_OK);
	if (pfork_store_load(s, "a/b/1.safetensors", &c, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	count = pfork_checkpoint_note_count(c);
	if (count > 0) {
		assert_true(pfork_checkpoint_note(c, 0, &note));
		assert_string_equal(note.text,
		    "others may write to the directory");
	}
	pfork_checkpoint_unref(c);
	pfork_store_free(s);
	pfork_broker_free(broker);
	return count;
}

/* Who may write to any directory on the way may put another file there. */
static void
test_others_write_on_way(void **state)
{
	char path[4200];

	(void)state;
	snprintf(path, sizeof(path), "%s/a", root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/a/b", root);
	assert_int_equal(mkdir(path, 0700), 0);
	put_shard("a/b/1.safetensors", "a", "AAAA");
	assert_int_equal(notes_on_way(0755, 0755), 0);
	assert_int_equal(notes_on_way(0755, 0777), 1);
	assert_int_equal(notes_on_way(0775, 0755), 1);
	assert_int_equal(notes_on_way(0777, 0777), 1);
}

/* A tensor that the index does not name is left out, and said so. */
static void
test_not_named(void **state)
{
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_note note;

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("2.safetensors", "a", "BBBB");
	put_shard("3.safetensors", "c", "BBBB");
	assert_int_equal(load("{\"weight_map\":{\"a\":\"1.safetensors\","
	    "\"c\":\"3.safetensors\",\"b\":\"2.safetensors\"}}", 0, NULL, 0,
	    &c, &err), PFORK_E_FORMAT);
	put_shard("2.safetensors", "b\":{\"dtype\":\"U8\",\"shape\":[0],"
	    "\"data_offsets\":[0,0]},\"a", "BBBB");
	assert_int_equal(load("{\"weight_map\":{\"a\":\"1.safetensors\","
	    "\"b\":\"2.safetensors\"}}", 0, NULL, 0, &c, &err), PFORK_OK);
	assert_int_equal(pfork_checkpoint_count(c), 2);
	assert_string_equal(pfork_tensor_file(pfork_checkpoint_find(c, "a")),
	    "1.safetensors");
	assert_true(pfork_checkpoint_note(c, 0, &note));
	assert_int_equal(note.kind, PFORK_NOTE_SKIPPED);
	assert_string_equal(note.text,
	    "left out: a: the index does not name it");
	pfork_checkpoint_unref(c);
}

static void
test_arguments(void **state)
{
	pfork_store_options o = { .size = sizeof(o), .flags = 4 };
	pfork_broker *b = broker_new(NULL);
	pfork_store *s = NULL;
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_store_open(b, root, &o, &s, &err),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_store_open(b, NULL, NULL, &s, &err),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_store_open(b, "/no/such", NULL, &s, &err),
	    PFORK_E_SYSTEM);
	assert_null(s);
	assert_int_equal(pfork_store_open(b, root, NULL, &s, &err), PFORK_OK);
	assert_int_equal(pfork_store_load(s, "/etc/passwd", &c, &err),
	    PFORK_E_REFUSED);
	assert_int_equal(pfork_store_load(s, "../x", &c, &err),
	    PFORK_E_REFUSED);
	assert_int_equal(pfork_store_load(s, "", &c, &err), PFORK_E_ARGS);
	/* A file that is no index is loaded alone. */
	put_shard("1.safetensors", "a", "AAAA");
	assert_int_equal(pfork_store_load(s, "1.safetensors", &c, &err),
	    PFORK_OK);
	assert_int_equal(pfork_checkpoint_count(c), 1);
	pfork_checkpoint_unref(c);
	pfork_store_free(s);
	pfork_store_free(NULL);
	pfork_broker_free(b);
}

/* ----------------------------------------------------------------- scans -- */

static void
scan(const char *index, pfork_checkpoint **c)
{
	pfork_broker *b = broker_new(NULL);
	pfork_store *s = NULL;
	pfork_error err;

	assert_int_equal(pfork_store_open(b, root, NULL, &s, &err), PFORK_OK);
	pfork_broker_free(b);
	put(INDEX, index, strlen(index));
	if (pfork_store_scan(s, INDEX, c, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	pfork_store_free(s);
}

static bool
has_note(const pfork_checkpoint *c, const char *text)
{
	pfork_note note;

	for (size_t i = 0; pfork_checkpoint_note(c, i, &note); i++)
		if (strstr(note.text, text) != NULL)
			return true;
	return false;
}

/* A pickle that calls os.system. */
#define HOSTILE "cos\nsystem\n(S'true'\ntR."

static void
test_scan(void **state)
{
	static const struct {
		const char *name;
		const char *map;
		enum pfork_code code;
		enum pfork_verdict verdict;
		const char *text;	/* of the fault */
		const char *note;
	} rows[] = {
		{ "good", "\"a\":\"1.safetensors\"", PFORK_OK,
		    PFORK_CLEAN, NULL, NULL },
		{ "cut", "\"a\":\"1.safetensors\",\"c\":\"cut\"",
		    PFORK_E_FORMAT, PFORK_UNDECIDED, "cut: ", NULL },
		{ "empty", "\"a\":\"empty\"", PFORK_E_FORMAT,
		    PFORK_UNDECIDED, "empty: ", NULL },
		{ "not there", "\"c\":\"gone\"", PFORK_E_SYSTEM,
		    PFORK_UNDECIDED, "gone: ", NULL },
		{ "a link", "\"c\":\"link\"", PFORK_E_REFUSED,
		    PFORK_UNDECIDED, "link: ", NULL },
		{ "hostile", "\"a\":\"hostile\"", PFORK_E_FORMAT,
		    PFORK_DANGEROUS, "does not have", "hostile: " },
		/* The first fault is told, the last file is looked at. */
		{ "all", "\"c\":\"cut\",\"d\":\"gone\",\"a\":\"hostile\"",
		    PFORK_E_FORMAT, PFORK_DANGEROUS, "cut: ", "os.system" },
	};
	char index[512];

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("blob", "c", "AAAA");
	put_link("link", "blob");
	put("cut", "\x40\0\0\0\0\0\0\0{\"c\":", 13);
	put("empty", "", 0);
	put("hostile", HOSTILE, sizeof(HOSTILE) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pfork_checkpoint *c = NULL;
		const pfork_error *fault;

		snprintf(index, sizeof(index), "{\"weight_map\":{%s}}",
		    rows[i].map);
		scan(index, &c);
		fault = pfork_checkpoint_fault(c);
		if ((fault != NULL ? fault->code : PFORK_OK) != rows[i].code ||
		    pfork_checkpoint_verdict(c) != rows[i].verdict ||
		    pfork_checkpoint_count(c) != (fault == NULL) ||
		    (fault != NULL &&
		    strstr(fault->text, rows[i].text) == NULL) ||
		    (rows[i].note != NULL && !has_note(c, rows[i].note)))
			fail_msg("%s: %d %s", rows[i].name,
			    pfork_checkpoint_verdict(c),
			    fault != NULL ? fault->text : "no fault");
		pfork_checkpoint_unref(c);
	}
}

/* ------------------------------------------------------------------ pins -- */

static pfork_pin
pin(const char *file, const char *path)
{
	pfork_pin p = { .file = file };
	char whole[4200];
	uint8_t bytes[512];
	struct sha256 s;
	ssize_t length;
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	fd = open(whole, O_RDONLY | O_CLOEXEC);
	length = read(fd, bytes, sizeof(bytes));
	assert_true(length >= 0);
	close(fd);
	sha256_start(&s);
	sha256_add(&s, bytes, (size_t)length);
	sha256_end(&s, p.sha256);
	return p;
}

static enum pfork_code
load_pinned(const pfork_pin *pins, size_t count, uint32_t flags,
    uint32_t broker_flags, pfork_error *err)
{
	pfork_store_options o = { .size = sizeof(o), .flags = flags,
		.pins = pins, .pin_count = count };
	pfork_options bo = { .size = sizeof(bo), .flags = broker_flags };
	pfork_broker *b = NULL;
	pfork_store *s = NULL;
	pfork_checkpoint *c = NULL;
	enum pfork_code code;

	bo.worker_path = getenv("PFORK_TEST_WORKER");
	assert_int_equal(pfork_broker_new(&bo, &b, err), PFORK_OK);
	code = pfork_store_open(b, root, &o, &s, err);
	pfork_broker_free(b);
	if (code == PFORK_OK)
		code = pfork_store_load(s, INDEX, &c, err);
	pfork_store_free(s);
	pfork_checkpoint_unref(c);
	return code;
}

static void
test_pins(void **state)
{
	pfork_pin pins[4];
	pfork_error err;

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("2.safetensors", "b", "BBBB");
	put(INDEX, TWO, strlen(TWO));
	pins[0] = pin(INDEX, INDEX);
	pins[1] = pin("2.safetensors", "2.safetensors");
	pins[2] = pin("1.safetensors", "1.safetensors");
	pins[3] = pins[1];
	for (uint32_t flags = 0; flags <= PFORK_SNAPSHOT; flags++) {
		assert_int_equal(load_pinned(pins, 3, PFORK_STORE_PINNED,
		    flags, &err), PFORK_OK);
		assert_int_equal(load_pinned(pins, 2, 0, flags, &err),
		    PFORK_OK);
		assert_int_equal(load_pinned(pins, 2, PFORK_STORE_PINNED,
		    flags, &err), PFORK_E_REFUSED);
		assert_non_null(strstr(err.text, "1.safetensors"));
	}
	assert_int_equal(load_pinned(pins, 4, 0, 0, &err), PFORK_E_ARGS);
	assert_non_null(strstr(err.text, "pinned twice"));
	assert_int_equal(load_pinned(NULL, 1, 0, 0, &err), PFORK_E_ARGS);
	assert_int_equal(load_pinned(pins, 0, 0, 0, &err), PFORK_E_ARGS);
	pins[0].file = "";
	assert_int_equal(load_pinned(pins, 1, 0, 0, &err), PFORK_E_ARGS);
	pins[0].file = NULL;
	assert_int_equal(load_pinned(pins, 1, 0, 0, &err), PFORK_E_ARGS);
}

/* One bit of a file is another one: no worker sees it. */
static void
test_pins_differ(void **state)
{
	pfork_pin pins[2];
	pfork_error err;

	(void)state;
	put_shard("1.safetensors", "a", "AAAA");
	put_shard("2.safetensors", "b", "BBBB");
	put(INDEX, TWO, strlen(TWO));
	pins[0] = pin("2.safetensors", "2.safetensors");
	pins[1] = pin(INDEX, INDEX);
	put_shard("2.safetensors", "b", "BBBC");
	assert_int_equal(load_pinned(pins, 1, 0, 0, &err), PFORK_E_REFUSED);
	/* Both digests, and which file. */
	assert_int_equal(strncmp(err.text, "2.safetensors: SHA-256 is ", 26),
	    0);
	assert_int_equal(strlen(err.text), 26 + 64 + 9 + 64);
	pins[1].sha256[31] ^= 1;
	assert_int_equal(load_pinned(pins, 2, 0, 0, &err), PFORK_E_REFUSED);
	assert_int_equal(strncmp(err.text, "SHA-256 is ", 11), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_files),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sibling),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_cannot_open),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_others_write),
		cmocka_unit_test(test_others_write_on_way),
		cmocka_unit_test(test_not_named),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_pins_differ),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
