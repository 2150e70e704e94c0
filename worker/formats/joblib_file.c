/* SPDX-License-Identifier: Apache-2.0
 *
 * joblib_file.c - joblib.dump(compress=...): the whole pickle in one compressed
 * stream.  It is unpacked into the arena, whose size bounds it, and read
 * through a window (job.h), so that arrays are streamed.  What is inside must
 * be a pickle, which its beginning tells: this is no reader of compressed files
 * in general, and a bomb ends after its first 64 KiB.  What holds no pickle is
 * called by how it is packed, for joblib made no such file.
 * Source: joblib 1.5, joblib/compressor.py.
 */
#include <string.h>

#include "formats.h"
#include "sink.h"
#include "unpack.h"

#define HEAD (64 * KIB)
#define PROTO 0x80

static const struct unpack_method *const methods[] = {
	&unpack_gzip, &unpack_zlib, &unpack_bzip2, &unpack_xz, &unpack_lzma,
	&unpack_lz4, NULL
};

static const struct unpack_method *
method_of(const struct job *job)
{
	const struct unpack_method *const *m = methods;

	while (*m != NULL && !(*m)->is(job))
		m++;
	return *m;
}

bool
joblib_file_is(struct job *job)
{
	return method_of(job) != NULL;
}

/* One way: the input itself is not looked at again. */
static void
look_inside(struct job *job, const struct unpack *u)
{
	job->map = u->out;
	job->size = u->made;
	job->window = (struct job_window){ .depth = 1 };
}

/* Says what is inside, where that is something that is read once unpacked. */
static void
die_alone(struct job *job, const struct unpack_method *m)
{
	const char *parts[] = { m->name, " around ", NULL,
		": unpack it first (only packed pickles are read)" };
	char text[FAULT_TEXT_MAX];
	size_t used = 0;

	sink_format(job, m->name);
	if (job->size >= 4 && memcmp(job->map, "PK\3\4", 4) == 0)
		parts[2] = "a zip archive";
	for (const struct format *f = formats; job->size > 0 &&
	    parts[2] == NULL && f->name != NULL; f++)
		if (f->is(job))
			parts[2] = f->name;
	if (parts[2] == NULL)
		die(job, FAULT_UNSUPPORTED, 0, m->alone);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		memcpy(text + used, parts[i], strlen(parts[i]));
		used += strlen(parts[i]);
	}
	text[used] = '\0';
	die(job, FAULT_UNSUPPORTED, 0, text);
}

/* From its beginning: text (protocols 0 and 1) shows only when it is whole. */
static bool
may_be_pickle(struct job *job)
{
	if (job->size == 0 || torch_legacy_is(job))
		return false;
	if (job->size >= 4 && memcmp(job->map, "PK\3\4", 4) == 0)
		return false;
	return job->map[0] == PROTO ||
	    (job->map[0] > ' ' && job->map[0] < 0x7f);
}

/* Before anything is said of what is inside: it was not seen whole. */
static void
judge_full(struct job *job, struct unpack *u)
{
	if (!u->full)
		return;
	unpack_end(u);
	die(job, FAULT_LIMIT, 0, "unpack: too large to be unpacked in "
	    "memory (arena_bytes, or 1,032 times its size)");
}

void
joblib_file_parse(struct job *job)
{
	const struct unpack_method *m = method_of(job);
	struct unpack u;
	uint64_t upto;

	sink_format_if_fault(job, m->name);
	unpack_begin(&u, job);
	upto = u.room < HEAD ? u.room : HEAD;
	m->more(&u, upto);
	if (u.made < HEAD)
		judge_full(job, &u);
	look_inside(job, &u);
	if (!may_be_pickle(job)) {
		unpack_end(&u);
		die_alone(job, m);
	}
	if (job->map[0] == PROTO)
		sink_format_if_fault(job, "joblib");
	while (!u.ended && !u.full) {
		upto = upto < u.room / 4 ? upto * 4 : u.room;
		m->more(&u, upto);
	}
	judge_full(job, &u);
	unpack_end(&u);
	look_inside(job, &u);
	if (!pickle_file_is(job))
		die_alone(job, m);
	sink_format(job, "joblib");
	pickle_file_parse(job);
}
