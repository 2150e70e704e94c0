/* SPDX-License-Identifier: Apache-2.0
 *
 * test_save.c - the bytes of the safetensors file: header, order, aliases, and
 * what happens on a pipe, on a full disk and when the input changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "build.h"
#include "hand.h"
#include "wire.h"

static uint8_t bytes[4096];

static int
set_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

struct saved {
	uint8_t *at;
	size_t length;
	char *json;		/* the header, without its padding */
	size_t data;		/* offset of the data */
};

static enum pfork_code
save_with(const pfork_checkpoint *c, uint32_t flags, struct saved *s,
    pfork_error *err)
{
	const pfork_save_options options = { .size = sizeof(options),
		.flags = flags };
	int fd = memfd_create("out", MFD_CLOEXEC);
	enum pfork_code code;
	uint64_t header = 0;
	size_t end;

	memset(s, 0, sizeof(*s));
	code = pfork_save_safetensors(c, fd, &options, err);
	if (code == PFORK_OK) {
		s->length = (size_t)lseek(fd, 0, SEEK_CUR);
		s->at = malloc(s->length);
		assert_int_equal(pread(fd, s->at, s->length, 0), s->length);
		memcpy(&header, s->at, 8);
		assert_int_equal(header % 8, 0);
		s->data = 8 + header;
		for (end = header; s->at[8 + end - 1] == ' '; end--)
			;
		s->json = strndup((char *)s->at + 8, end);
	}
	close(fd);
	return code;
}

static void
saved_free(struct saved *s)
{
	free(s->at);
	free(s->json);
}

#define META(extra) \
	"\"__metadata__\":{\"format\":\"pt\"," extra \
	"\"picklefork.origin\":\"torch-zip\"}"
#define SHAPE(...) (const uint64_t[]){ __VA_ARGS__ }

static void
expect_json(pfork_checkpoint *c, uint32_t flags, const char *json)
{
	struct saved s;
	pfork_error err = { 0 };
	enum pfork_code code = save_with(c, flags, &s, &err);

	if (code != PFORK_OK)
		print_message("%s\n", err.text);
	assert_int_equal(code, PFORK_OK);
	assert_string_equal(s.json, json);
	saved_free(&s);
	pfork_checkpoint_unref(c);
}

static void
test_nothing(void **state)
{
	(void)state;
	expect_json(hand_new(bytes, 8), 0, "{" META("") "}");
}

/* Alignment first, then name: the reference writer's order. */
static void
test_order_and_bytes(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t extent = hand_extent(c, 100, 3000);
	uint32_t stream = hand_stream(c, bytes + 50, 1000);
	struct saved s;

	(void)state;
	hand_tensor(c, "z.bool", "BOOL", 1, SHAPE(3), NULL, extent, 1);
	hand_tensor(c, "b", "F32", 2, SHAPE(2, 3), SHAPE(1, 2), extent, 8);
	hand_tensor(c, "a", "F32", 1, SHAPE(5), NULL, stream, 12);
	hand_tensor(c, "s", "I64", 0, NULL, NULL, extent, 0);
	hand_tensor(c, "empty", "BF16", 2, SHAPE(0, 7), NULL, extent, 0);
	assert_int_equal(save_with(c, 0, &s, NULL), PFORK_OK);
	assert_string_equal(s.json, "{" META("")
	    ",\"s\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}"
	    ",\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[8,28]}"
	    ",\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],"
	    "\"data_offsets\":[28,52]}"
	    ",\"empty\":{\"dtype\":\"BF16\",\"shape\":[0,7],"
	    "\"data_offsets\":[52,52]}"
	    ",\"z.bool\":{\"dtype\":\"BOOL\",\"shape\":[3],"
	    "\"data_offsets\":[52,55]}}");
	assert_int_equal(s.length, s.data + 55);
	assert_memory_equal(s.at + s.data, bytes + 100, 8);
	assert_memory_equal(s.at + s.data + 8, bytes + 50 + 12, 20);
	/* b, transposed: elements 0 2 4 1 3 5. */
	for (size_t i = 0; i < 6; i++)
		assert_memory_equal(s.at + s.data + 28 + i * 4,
		    bytes + 108 + (i * 2 % 6 + i / 3) * 4, 4);
	assert_memory_equal(s.at + s.data + 52, bytes + 101, 3);
	saved_free(&s);
	pfork_checkpoint_unref(c);
}

static void
test_names_are_escaped(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));

	(void)state;
	hand_tensor(c, "q\"b\\s/\n\t\x01\x1b[31m\x7f\xc3\xa9", "U8", 1,
	    SHAPE(1), NULL, hand_extent(c, 0, 1), 0);
	expect_json(c, 0, "{" META("")
	    ",\"q\\\"b\\\\s/\\n\\t\\u0001\\u001b[31m\x7f\xc3\xa9\":"
	    "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
}

/* Each of the characters that JSON has in no text as they are; and the first
 * that it has. */
static void
test_controls_are_escaped(void **state)
{
	static const char short_of[] = "\bb\tt\nn\ff\rr";
	const char *letter;
	char json[256];
	char escape[8];
	char name[2] = "";

	(void)state;
	for (char c = 1; c <= ' '; c++) {
		pfork_checkpoint *ckpt = hand_new(bytes, sizeof(bytes));

		name[0] = c;
		letter = strchr(short_of, c);
		if (letter != NULL)
			snprintf(escape, sizeof(escape), "\\%c", letter[1]);
		else
			snprintf(escape, sizeof(escape), "\\u%04x",
			    (unsigned)c);
		if (c == ' ')
			snprintf(escape, sizeof(escape), " ");
		hand_tensor(ckpt, name, "U8", 1, SHAPE(1), NULL,
		    hand_extent(ckpt, 0, 1), 0);
		snprintf(json, sizeof(json), "{" META("")
		    ",\"%s\":{\"dtype\":\"U8\",\"shape\":[1],"
		    "\"data_offsets\":[0,1]}}", escape);
		expect_json(ckpt, 0, json);
	}
}

static pfork_checkpoint *
tied(void)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t s = hand_extent(c, 0, 64);

	hand_tensor(c, "lm_head", "F32", 1, SHAPE(4), NULL, s, 0);
	hand_tensor(c, "embed", "F32", 1, SHAPE(4), NULL, s, 0);
	hand_tensor(c, "other", "F32", 1, SHAPE(4), NULL, s, 4);
	hand_tensor(c, "as ints", "I32", 1, SHAPE(4), NULL, s, 0);
	hand_tensor(c, "square", "F32", 2, SHAPE(2, 2), NULL, s, 0);
	hand_alias(c, "zz", 0);
	return c;
}

static void
test_aliases(void **state)
{
	(void)state;
	expect_json(tied(), 0,
	    "{\"__metadata__\":{\"format\":\"pt\",\"lm_head\":\"embed\","
	    "\"picklefork.origin\":\"torch-zip\",\"zz\":\"embed\"}"
	    ",\"embed\":{\"dtype\":\"F32\",\"shape\":[4],"
	    "\"data_offsets\":[0,16]}"
	    ",\"other\":{\"dtype\":\"F32\",\"shape\":[4],"
	    "\"data_offsets\":[16,32]}"
	    ",\"square\":{\"dtype\":\"F32\",\"shape\":[2,2],"
	    "\"data_offsets\":[32,48]}"
	    ",\"as ints\":{\"dtype\":\"I32\",\"shape\":[4],"
	    "\"data_offsets\":[48,64]}}");
	expect_json(tied(), PFORK_SAVE_CLONE_ALIASES, "{" META("")
	    ",\"embed\":{\"dtype\":\"F32\",\"shape\":[4],"
	    "\"data_offsets\":[0,16]}"
	    ",\"lm_head\":{\"dtype\":\"F32\",\"shape\":[4],"
	    "\"data_offsets\":[16,32]}"
	    ",\"other\":{\"dtype\":\"F32\",\"shape\":[4],"
	    "\"data_offsets\":[32,48]}"
	    ",\"square\":{\"dtype\":\"F32\",\"shape\":[2,2],"
	    "\"data_offsets\":[48,64]}"
	    ",\"zz\":{\"dtype\":\"F32\",\"shape\":[4],"
	    "\"data_offsets\":[64,80]}"
	    ",\"as ints\":{\"dtype\":\"I32\",\"shape\":[4],"
	    "\"data_offsets\":[80,96]}}");
}

/* Two empty tensors share nothing, though they look the same. */
static void
test_empty_is_not_shared(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t s = hand_extent(c, 0, 0);

	(void)state;
	hand_tensor(c, "a", "F32", 1, SHAPE(0), NULL, s, 0);
	hand_tensor(c, "b", "F32", 1, SHAPE(0), NULL, s, 0);
	expect_json(c, 0, "{" META("")
	    ",\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"
	    ",\"b\":{\"dtype\":\"F32\",\"shape\":[0],"
	    "\"data_offsets\":[0,0]}}");
}

/* Names that collide with the file's own. */
static void
test_reserved_names(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t s = hand_extent(c, 0, 8);
	struct saved saved;
	pfork_error err;

	(void)state;
	/* As aliases, these two would take the place of our own keys. */
	hand_tensor(c, "a", "U8", 1, SHAPE(1), NULL, s, 0);
	hand_alias(c, "format", 0);
	hand_alias(c, "__metadata__", 0);
	expect_json(c, 0,
	    "{\"__metadata__\":{\"__metadata__\":\"a\",\"format\":\"pt\","
	    "\"picklefork.origin\":\"torch-zip\"}"
	    ",\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"
	    ",\"format\":{\"dtype\":\"U8\",\"shape\":[1],"
	    "\"data_offsets\":[1,2]}}");

	c = hand_new(bytes, sizeof(bytes));
	hand_tensor(c, "__metadata__", "U8", 1, SHAPE(1), NULL,
	    hand_extent(c, 0, 8), 0);
	assert_int_equal(save_with(c, 0, &saved, &err), PFORK_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "__metadata__"));
	expect_json(c, PFORK_SAVE_SKIP_UNSUPPORTED, "{" META("") "}");
}

static void
test_unsupported(void **state)
{
	static const char *const names[] = { "C128", "C32", "BITS8", "BITS16",
		"BITS1X8", "BITS2X4", "BITS4X2", "QU4X2", "QU2X4" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
		struct saved s;
		pfork_error err;

		hand_tensor(c, "the one", names[i], 1, SHAPE(4), NULL,
		    hand_extent(c, 0, 64), 0);
		hand_alias(c, "the other", 0);
		assert_int_equal(save_with(c, 0, &s, &err),
		    PFORK_E_UNSUPPORTED);
		assert_non_null(strstr(err.text, "the one"));
		expect_json(c, PFORK_SAVE_SKIP_UNSUPPORTED, "{" META("") "}");
	}
}

/* What could not be read is an error too, though no tensor is there to be
 * looked at; other notes are none. */
static void
test_missing(void **state)
{
	struct wire_note m = {
		.kind = PFORK_NOTE_OPAQUE, .level = PFORK_UNUSUAL,
		.where = PFORK_NO_OFFSET,
		.text = { (const uint8_t *)"a class", 7 }
	};
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	struct saved s;
	pfork_error err;

	(void)state;
	hand_tensor(c, "w", "F32", 1, SHAPE(2), NULL, hand_extent(c, 0, 8), 0);
	assert_int_equal(build_note(c, &m), BUILD_OK);
	m.kind = PFORK_NOTE_METADATA;
	assert_int_equal(build_note(c, &m), BUILD_OK);
	assert_int_equal(save_with(c, 0, &s, &err), PFORK_OK);
	saved_free(&s);
	m.kind = PFORK_NOTE_NAMES;
	assert_int_equal(build_note(c, &m), BUILD_OK);
	assert_int_equal(save_with(c, 0, &s, &err), PFORK_E_UNSUPPORTED);
	assert_string_equal(err.text, "names of its tensors are missing: there "
	    "are more than the 1 listed");
	assert_int_equal(save_with(c, PFORK_SAVE_SKIP_UNSUPPORTED, &s, &err),
	    PFORK_OK);
	saved_free(&s);
	m.kind = PFORK_NOTE_SKIPPED;
	m.text = (struct wire_bytes){ (const uint8_t *)"left out: m: why", 16 };
	assert_int_equal(build_note(c, &m), BUILD_OK);
	assert_int_equal(save_with(c, 0, &s, &err), PFORK_E_UNSUPPORTED);
	assert_string_equal(err.text,
	    "1 tensor is missing, the first: 'left out: m: why'");
	m.text.at = (const uint8_t *)"left out: n: why";
	assert_int_equal(build_note(c, &m), BUILD_OK);
	assert_int_equal(pfork_save_names(c, 0, NULL, NULL, &err),
	    PFORK_E_UNSUPPORTED);
	assert_string_equal(err.text,
	    "2 tensors are missing, the first: 'left out: m: why'");
	assert_int_equal(save_with(c, PFORK_SAVE_SKIP_UNSUPPORTED, &s, &err),
	    PFORK_OK);
	saved_free(&s);
	pfork_checkpoint_unref(c);
}

static void
count_name(void *context, const char *name, const pfork_tensor *tensor,
    enum pfork_saved saved)
{
	size_t *counts = context;

	(void)name;
	(void)tensor;
	counts[saved]++;
}

/* Of every dtype there is: what is told is what stands in the header. */
static void
test_names_told(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t extent = hand_extent(c, 0, 4000);
	size_t counts[3] = { 0 };
	size_t dtypes = 0;
	size_t known = 0;
	size_t entries = 0;
	struct saved s;

	(void)state;
	for (uint32_t code = 0; code < 256; code++) {
		const struct dtype *d = dtype_by_code(code);
		char name[32];

		if (d == NULL)
			continue;
		snprintf(name, sizeof(name), "of %s", d->name);
		hand_tensor(c, name, d->name, 1, SHAPE(d->block * 8u), NULL,
		    extent, 0);
		dtypes++;
		known += d->safetensors || code == DTYPE_F4X2;
	}
	hand_tensor(c, "~again", "F32", 1, SHAPE(8), NULL, extent, 0);
	assert_int_equal(save_with(c, PFORK_SAVE_SKIP_UNSUPPORTED, &s, NULL),
	    PFORK_OK);
	for (const char *at = s.json; (at = strstr(at, "\"dtype\"")); at++)
		entries++;
	assert_int_equal(pfork_save_names(c, PFORK_SAVE_SKIP_UNSUPPORTED,
	    count_name, counts, NULL), PFORK_OK);
	assert_int_equal(counts[PFORK_SAVED_WRITTEN], entries);
	assert_int_equal(entries, known);
	assert_int_equal(counts[PFORK_SAVED_ALIAS], 1);
	assert_int_equal(counts[PFORK_SAVED_LEFT_OUT], dtypes - known);
	assert_true(dtypes > known + 20);
	assert_int_equal(pfork_save_names(c, 0, count_name, counts, NULL),
	    PFORK_E_UNSUPPORTED);
	assert_int_equal(pfork_save_names(c, 64, count_name, counts, NULL),
	    PFORK_E_ARGS);
	saved_free(&s);
	pfork_checkpoint_unref(c);
}

struct list {
	char *text;
	size_t length;
};

static void
list_name(void *context, const char *name, const pfork_tensor *tensor,
    enum pfork_saved saved)
{
	fprintf(context, "%s %s %d\n", name, pfork_tensor_dtype(tensor),
	    saved);
}

/* What is told of a file while it is written; in the header of an older caller
 * there was no such thing. */
static struct list
list_saved(const pfork_checkpoint *c, uint32_t flags, size_t size,
    enum pfork_code wanted)
{
	struct list l = { 0 };
	FILE *out = open_memstream(&l.text, &l.length);
	const pfork_save_options options = { .size = size, .flags = flags,
		.context = out, .each = list_name };
	int fd = memfd_create("out", MFD_CLOEXEC);
	pfork_error err;

	assert_int_equal(pfork_save_safetensors(c, fd, &options, &err), wanted);
	close(fd);
	fclose(out);
	return l;
}

static void
test_told_while_saving(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t extent = hand_extent(c, 0, 64);
	const size_t size = sizeof(pfork_save_options);
	const uint32_t skip = PFORK_SAVE_SKIP_UNSUPPORTED;
	struct list names = { 0 };
	struct list l;
	FILE *out = open_memstream(&names.text, &names.length);

	(void)state;
	hand_tensor(c, "b", "F32", 1, SHAPE(2), NULL, extent, 0);
	hand_tensor(c, "complex", "C128", 1, SHAPE(1), NULL, extent, 16);
	hand_tensor(c, "a", "F32", 1, SHAPE(2), NULL, extent, 0);
	hand_tensor(c, "long", "I64", 1, SHAPE(1), NULL, extent, 32);
	assert_int_equal(pfork_save_names(c, skip, list_name, out, NULL),
	    PFORK_OK);
	fclose(out);
	assert_string_equal(names.text, "long I64 0\na F32 0\nb F32 1\n"
	    "complex C128 2\n");
	l = list_saved(c, skip, size, PFORK_OK);
	assert_string_equal(l.text, names.text);
	free(l.text);
	l = list_saved(c, 0, size, PFORK_E_UNSUPPORTED);
	assert_int_equal(l.length, 0);
	free(l.text);
	l = list_saved(c, skip, offsetof(pfork_save_options, each), PFORK_OK);
	assert_int_equal(l.length, 0);
	free(l.text);
	l = list_saved(c, skip, size + 1, PFORK_E_ARGS);
	free(l.text);
	free(names.text);
	pfork_checkpoint_unref(c);
}

static void
test_four_bits(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t s = hand_extent(c, 0, 8);
	struct saved saved;

	(void)state;
	hand_tensor(c, "pair", "F4X2", 2, SHAPE(2, 3), NULL, s, 0);
	hand_tensor(c, "pair0", "F4X2", 0, NULL, NULL, s, 1);
	hand_tensor(c, "plain", "F4", 1, SHAPE(4), NULL, s, 0);
	expect_json(c, 0, "{" META("")
	    ",\"pair\":{\"dtype\":\"F4\",\"shape\":[2,6],"
	    "\"data_offsets\":[0,6]}"
	    ",\"pair0\":{\"dtype\":\"F4\",\"shape\":[2],"
	    "\"data_offsets\":[6,7]}"
	    ",\"plain\":{\"dtype\":\"F4\",\"shape\":[4],"
	    "\"data_offsets\":[7,9]}}");
	/* The reference refuses an odd number of them. */
	c = hand_new(bytes, sizeof(bytes));
	hand_tensor(c, "odd", "F4", 1, SHAPE(3), NULL, hand_extent(c, 0, 8),
	    0);
	assert_int_equal(save_with(c, 0, &saved, NULL), PFORK_E_UNSUPPORTED);
	pfork_checkpoint_unref(c);
}

/* Larger than a pipe, through a pipe, and from where the file stands. */
static void *
drain(void *context)
{
	int fd = *(int *)context;
	char *all = malloc(8 * MIB);
	size_t used = 0;
	ssize_t got;

	while ((got = read(fd, all + used, 8 * MIB - used)) > 0)
		used += (size_t)got;
	assert_true(used < 8 * MIB);
	memmove(all + sizeof(used), all, used);
	memcpy(all, &used, sizeof(used));
	return all;
}

static void
test_pipe(void **state)
{
	size_t length = 3 * MIB;
	uint8_t *big = malloc(length);
	pfork_checkpoint *c;
	struct saved s;
	pthread_t thread;
	int ends[2];
	void *all;
	size_t used;

	(void)state;
	for (size_t i = 0; i < length; i++)
		big[i] = (uint8_t)(i * i >> 5);
	c = hand_new(big, length);
	hand_tensor(c, "x", "F32", 1, SHAPE(length / 4 - 9), NULL,
	    hand_extent(c, 0, length), 16);
	hand_tensor(c, "y", "F32", 2, SHAPE(300, 300), SHAPE(1, 300),
	    hand_stream(c, big, length), 4);
	assert_int_equal(save_with(c, 0, &s, NULL), PFORK_OK);
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(fcntl(ends[1], F_SETFL, flags), 0);
		assert_int_equal(pthread_create(&thread, NULL, drain,
		    &ends[0]), 0);
		assert_int_equal(pfork_save_safetensors(c, ends[1], NULL,
		    NULL), PFORK_OK);
		close(ends[1]);
		assert_int_equal(pthread_join(thread, &all), 0);
		close(ends[0]);
		memcpy(&used, all, sizeof(used));
		assert_int_equal(used, s.length);
		assert_memory_equal((char *)all + sizeof(used), s.at,
		    s.length);
		free(all);
	}
	saved_free(&s);
	pfork_checkpoint_unref(c);
	free(big);
}

static void
test_append_and_position(void **state)
{
	char name[] = "/tmp/pfork-save-XXXXXX";
	int fd = mkstemp(name);
	pfork_checkpoint *c = tied();
	struct saved s;
	uint8_t *got;

	(void)state;
	assert_int_equal(save_with(c, 0, &s, NULL), PFORK_OK);
	got = malloc(s.length);
	assert_int_equal(write(fd, "12345", 5), 5);
	assert_int_equal(pfork_save_safetensors(c, fd, NULL, NULL), PFORK_OK);
	assert_int_equal(pread(fd, got, s.length, 5), s.length);
	assert_memory_equal(got, s.at, s.length);
	/* copy_file_range knows no O_APPEND. */
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(pfork_save_safetensors(c, fd, NULL, NULL), PFORK_OK);
	assert_int_equal(pread(fd, got, s.length, 5 + (off_t)s.length),
	    s.length);
	assert_memory_equal(got, s.at, s.length);
	close(fd);
	unlink(name);
	free(got);
	saved_free(&s);
	pfork_checkpoint_unref(c);
}

static bool
count_calls(void *context, uint64_t done, uint64_t total)
{
	uint64_t *seen = context;

	assert_true(done <= total);
	assert_true(done > seen[0]);
	seen[0] = done;
	seen[1] = total;
	return seen[2]-- > 0;
}

static void
test_progress(void **state)
{
	uint64_t seen[3] = { 0, 0, 1000 };
	const pfork_save_options options = { .size = sizeof(options),
		.progress = count_calls, .context = seen };
	pfork_checkpoint *c = tied();
	int fd = memfd_create("out", 0);

	(void)state;
	assert_int_equal(pfork_save_safetensors(c, fd, &options, NULL),
	    PFORK_OK);
	assert_int_equal(seen[0], seen[1]);
	memset(seen, 0, sizeof(seen));
	seen[2] = 1;
	assert_int_equal(pfork_save_safetensors(c, fd, &options, NULL),
	    PFORK_E_ARGS);
	close(fd);
	pfork_checkpoint_unref(c);
}

static void
test_errors(void **state)
{
	pfork_save_options options = { .size = sizeof(options) };
	pfork_checkpoint *c = tied();
	struct saved s;
	pfork_error err;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(pfork_save_safetensors(c, fd, NULL, &err),
	    PFORK_E_SYSTEM);
	assert_int_equal(err.errnum, ENOSPC);
	close(fd);
	assert_int_equal(pfork_save_safetensors(c, -1, NULL, &err),
	    PFORK_E_SYSTEM);
	assert_int_equal(pfork_save_safetensors(NULL, 1, NULL, &err),
	    PFORK_E_ARGS);
	options.flags = 0x80;
	assert_int_equal(pfork_save_safetensors(c, 1, &options, &err),
	    PFORK_E_ARGS);
	options.size = 0;
	assert_int_equal(pfork_save_safetensors(c, 1, &options, &err),
	    PFORK_E_ARGS);
	assert_int_equal(ftruncate(c->source.fd, 10), 0);
	assert_int_equal(save_with(c, 0, &s, &err), PFORK_E_CHANGED);
	c->has_fault = true;
	assert_int_equal(save_with(c, 0, &s, &err), PFORK_E_ARGS);
	pfork_checkpoint_unref(c);
}

/* 80,000 views of the same bytes, of which the first by name has 4,096 letters
 * that become six each: 2 GB of __metadata__ from 4 MB of names. */
static void
test_header_bomb(void **state)
{
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	uint32_t extent = hand_extent(c, 0, 64);
	char name[4097];
	struct rusage before;
	struct rusage after;
	struct saved s;
	pfork_error err;

	(void)state;
	memset(name, '\1', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	hand_tensor(c, name, "F32", 1, SHAPE(4), NULL, extent, 0);
	for (int i = 0; i < 80000; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		hand_tensor(c, name, "F32", 1, SHAPE(4), NULL, extent, 0);
	}
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(save_with(c, 0, &s, &err), PFORK_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "100000000"));
	getrusage(RUSAGE_SELF, &after);
	/* In KiB. */
	assert_true(after.ru_maxrss - before.ru_maxrss < 900 * 1024);
	pfork_checkpoint_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_order_and_bytes),
		cmocka_unit_test(test_names_are_escaped),
		cmocka_unit_test(test_controls_are_escaped),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_empty_is_not_shared),
		cmocka_unit_test(test_reserved_names),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_names_told),
		cmocka_unit_test(test_told_while_saving),
		cmocka_unit_test(test_four_bits),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_append_and_position),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_header_bomb),
	};

	return cmocka_run_group_tests(tests, set_bytes, NULL);
}
