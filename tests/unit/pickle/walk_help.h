/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_help.h - runs one pickle through the machine and the walk, over storages
 * of this header's own, and shows what was sent as one line of text.  For the
 * tests of the walk, the vocabulary and numpy's arrays.
 */
#ifndef TESTS_WALK_HELP_H
#define TESTS_WALK_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "machine.h"
#include "walk.h"

/* Opcodes as text.  Octal escapes end after three digits. */
#define S(len, text) "X" len "\0\0\0" text
#define G(module, name) "c" module "\n" name "\n"
#define PID(class, key, count) \
	"(" S("\007", "storage") G("torch", class) S("\001", key) \
	S("\003", "cpu") count "tQ"
#define FLOATS PID("FloatStorage", "0", "K\006")
/* offset, size and stride are opcodes. */
#define REBUILD(storage, offset, size, stride, more) \
	G("torch._utils", "_rebuild_tensor_v2") "(" storage offset size \
	stride "\211}" more "tR"
#define V2(size, stride) REBUILD(FLOATS, "K\000", size, stride, "")
/* Two floats. */
#define T V2("K\002\205", "K\001\205")
/* Three. */
#define U V2("K\003\205", "K\001\205")
#define ENTRY(key, value) S("\001", key) value
#define BYTES_OF(text) text, sizeof(text) - 1

/* 0.5 1.5 2.5 3.5 4.5 5.5 */
static const uint8_t storage_bytes[24] = {
	0, 0, 0, 0x3f, 0, 0, 0xc0, 0x3f, 0, 0, 0x20, 0x40,
	0, 0, 0x60, 0x40, 0, 0, 0x90, 0x40, 0, 0, 0xb0, 0x40,
};

/* Keys 0 to 9: the 24 bytes above; "s": the first 20 of them; others are not
 * there. */
static bool
help_find(struct storage_home *home, const uint8_t *key, size_t key_len,
    uint64_t where, uint32_t *id, uint64_t *bytes, const uint8_t **data)
{
	uint32_t *ids = home->context;
	size_t i;

	(void)where;
	if (key_len != 1 || ((key[0] < '0' || key[0] > '9') && key[0] != 's'))
		return false;
	i = key[0] == 's' ? 10 : (size_t)(key[0] - '0');
	*bytes = key[0] == 's' ? 20 : sizeof(storage_bytes);
	*data = storage_bytes;
	if (ids[i] == 0) {
		ids[i] = sink_stream(home->job, *bytes) + 1;
		sink_data(home->job, storage_bytes, (size_t)*bytes);
	}
	*id = ids[i] - 1;
	return true;
}

/* True when all of it was walked; else h->job.fault says why not. */
static bool
help_walk_limits(const void *bytes, size_t length, uint32_t flags,
    const struct limits *limits, struct harness *h)
{
	uint32_t ids[11] = { 0 };
	struct job *job = harness_job(bytes, length, flags, h);
	struct storage_home home = { .find = help_find, .job = job,
		.context = ids, .views = true };
	struct pickle_source source = { .at = job->map, .len = length,
		.in_file = true };
	struct machine_result result;
	struct machine_error error;
	struct graph graph;
	volatile bool whole = false;

	if (limits != NULL)
		job->limits = *limits;
	if (setjmp(job->stop) == 0) {
		graph_init(&graph, job);
		if (!machine_run(&graph, &source, 0, true, &result, &error))
			fail_msg("not a pickle: %s at %d", error.text,
			    (int)error.where);
		walk_tensors(&graph, result.value, &home);
		whole = true;
	}
	harness_collect(h);
	return whole;
}

static inline bool
help_walk(const void *bytes, size_t length, uint32_t flags, struct harness *h)
{
	return help_walk_limits(bytes, length, flags, NULL, h);
}

/* "a[2] b[3] =c" : tensors with their sizes in elements, then aliases. */
static inline void
help_show(const struct harness *h, char *out, size_t room)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < h->tensor_count && used < room; i++) {
		uint64_t count = 1;

		for (size_t k = 0; k < h->tensors[i].rank; k++)
			count *= h->tensors[i].shape[k];
		used += (size_t)snprintf(out + used, room - used, "%s%s[%d]",
		    used > 0 ? " " : "", h->tensors[i].name, (int)count);
	}
	for (size_t i = 0; i < h->alias_count && used < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s=%s",
		    used > 0 ? " " : "", h->aliases[i].name);
}

struct help_fault {
	const char *name;
	const char *bytes;
	size_t length;
	uint32_t code;
	uint64_t where;
	const char *text;	/* a part of the error's */
};

static inline void
help_expect_fault(const struct help_fault *f)
{
	struct harness h;

	if (help_walk(f->bytes, f->length, 0, &h))
		fail_msg("%s: was walked", f->name);
	if (h.job.fault.code != f->code ||
	    strstr(h.job.fault.text, f->text) == NULL)
		fail_msg("%s: %u '%s'", f->name, h.job.fault.code,
		    h.job.fault.text);
	if (h.job.fault.where != f->where)
		fail_msg("%s: at %d, not %d", f->name,
		    (int)h.job.fault.where, (int)f->where);
	harness_free(&h);
}

struct help_good {
	const char *name;
	const char *bytes;
	size_t length;
	const char *shown;
	const char *note;	/* a part of one note's text, or NULL */
};

static inline void
help_expect_good(const struct help_good *g)
{
	struct harness h;
	char shown[1024];

	if (!help_walk(g->bytes, g->length, 0, &h))
		fail_msg("%s: %s at %d", g->name, h.job.fault.text,
		    (int)h.job.fault.where);
	help_show(&h, shown, sizeof(shown));
	if (strcmp(shown, g->shown) != 0)
		fail_msg("%s: '%s', not '%s'", g->name, shown, g->shown);
	if (g->note != NULL && harness_note(&h, 0, g->note) == NULL)
		fail_msg("%s: no note '%s'", g->name, g->note);
	if (g->note == NULL && h.note_count > 0)
		fail_msg("%s: a note: %s", g->name, h.notes[0].text);
	harness_free(&h);
}

#endif
