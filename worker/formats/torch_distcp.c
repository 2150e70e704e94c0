/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_distcp.c - a data file of a PyTorch distributed checkpoint: archives of
 * torch.save end to end, one for each tensor and each plain value
 * (torch/distributed/checkpoint/filesystem.py, _write_item, 2.13).  Which is
 * which stands in .metadata (torch_dcp.c), so a tensor is named by where
 * its archive is: OFFSET+LENGTH.  The archives are found from the end, each
 * through its end record, and must meet without a byte between; each is then
 * read as the zip that it is, so that its pickle is judged as any.
 * Memory: 8 bytes an archive, and the largest archive's own.
 */
#include <string.h>

#include "cursor.h"
#include "dtype.h"
#include "formats.h"
#include "sink.h"
#include "torch_dcp.h"
#include "torch_file.h"
#include "vocabulary.h"
#include "within.h"
#include "wrapped.h"
#include "zip_parts.h"

/* A local header, an entry, an end record, and a name twice: less is no
 * archive that holds something. */
#define ARCHIVE_MIN (ZIP_LOCAL_LEN + ZIP_CENTRAL_LEN + ZIP_END_LEN + 2)
/* The end records as torch writes them (miniz): all three, no comment. */
#define TAIL_LEN (ZIP_END64_LEN + ZIP_LOCATOR_LEN + ZIP_END_LEN)

static bool
has_signature(const struct job *job, uint64_t at, uint32_t signature)
{
	uint8_t bytes[4];

	return at <= job->size && job->size - at >= sizeof(bytes) &&
	    job_read_at(job, at, bytes, sizeof(bytes)) &&
	    zip_u32(bytes) == signature;
}

/* Where the archive begins that ends at `end`: its directory stands right
 * before its end records, and both its length and its place are told.  False:
 * none ends there. */
static bool
archive_begin(const struct job *job, uint64_t end, uint64_t *begin)
{
	uint8_t tail[TAIL_LEN];
	const uint8_t *last = tail + TAIL_LEN - ZIP_END_LEN;
	const uint8_t *locator = last - ZIP_LOCATOR_LEN;
	uint64_t length, directory, before;

	if (end < ARCHIVE_MIN || end < TAIL_LEN ||
	    !job_read_at(job, end - TAIL_LEN, tail, TAIL_LEN) ||
	    zip_u32(last) != ZIP_END_SIG || zip_u16(last + 20) != 0)
		return false;
	length = zip_u32(last + 12);
	directory = zip_u32(last + 16);
	before = end - ZIP_END_LEN;
	if (zip_u32(locator) == ZIP_LOCATOR_SIG) {
		if (zip_u32(tail) != ZIP_END64_SIG)
			return false;
		length = zip_u64(tail + 40);
		directory = zip_u64(tail + 48);
		before = end - TAIL_LEN;
	}
	if (__builtin_add_overflow(length, directory, &length) ||
	    length > before || end - (before - length) < ARCHIVE_MIN)
		return false;
	*begin = before - length;
	return true;
}

/* One archive alone is a torch-zip, unless the broker knows better. */
bool
torch_distcp_is(struct job *job)
{
	uint64_t begin, before;

	if (job->window.depth != 0 || !has_signature(job, 0, ZIP_LOCAL_SIG))
		return false;
	if ((job->flags & GO_DISTCP) != 0)
		return true;
	return archive_begin(job, job->size, &begin) && begin > 0 &&
	    has_signature(job, begin, ZIP_LOCAL_SIG) &&
	    archive_begin(job, begin, &before);
}

struct archives {
	uint64_t *begins;	/* the last one's first */
	uint32_t count;
	uint32_t capacity;
};

static void
find_archives(struct job *job, struct archives *a)
{
	uint64_t end = job->size;
	uint64_t begin;

	while (end > 0) {
		if (!archive_begin(job, end, &begin))
			die(job, FAULT_FORMAT, end,
			    "distcp: no archive ends where the next begins");
		if (!has_signature(job, begin, ZIP_LOCAL_SIG))
			die(job, FAULT_FORMAT, begin,
			    "distcp: no archive begins where one should");
		if (a->count >= job->limits.tensors || a->count == UINT32_MAX)
			die(job, FAULT_LIMIT, begin,
			    "distcp: archives are over the limit tensors");
		a->begins = arena_grow(&job->arena, a->begins,
		    sizeof(*a->begins), a->count, a->count + 1, &a->capacity);
		a->begins[a->count++] = begin;
		end = begin;
	}
}

/* In the window.  Everything that is in it, under `path`; how many tensors. */
static uint64_t
read_root(struct job *job, const struct path *path)
{
	struct torch_file file = { .quiet = false };
	struct graph graph;

	if (!torch_zip_is(job))
		die(job, FAULT_FORMAT, 0,
		    "distcp: an archive without a data.pkl");
	graph_init(&graph, job);
	file.graph = &graph;
	torch_zip_open(job, &file);
	file.home.under = path;
	walk_tensors(&graph, file.root, &file.home);
	wrapped_unopened(&graph);
	return file.home.words->sent_ever;
}

/* For the broker, who must know where an object is that .metadata names: by an
 * empty tensor, since all others are known by theirs. */
static void
report_object(struct job *job, const struct path *path, uint64_t begin)
{
	static const uint64_t shape = 0;
	static const uint64_t stride = 1;
	struct tensor_out out = { .path = *path, .dtype = DTYPE_U8, .rank = 1,
		.shape = &shape, .strides = &stride, .where = begin };

	if ((job->flags & GO_DISTCP) == 0)
		return;
	out.storage = sink_extent(job, begin, 0);
	(void)sink_tensor(job, &out);
}

static void
read_archive(struct job *job, uint64_t begin, uint64_t end)
{
	uint8_t name[DCP_PLACE_MAX];
	struct path_part part = { name, (uint32_t)dcp_place(name, begin,
	    end - begin), PATH_KEY };
	struct path path = { &part, 1, NULL };
	uint64_t names = sink_names_room(job);
	size_t mark = arena_mark(&job->arena);
	struct within was = within_enter(job, job->map + begin, end - begin,
	    true, begin);
	uint64_t sent = read_root(job, &path);

	within_leave(job, &was);
	if (sent == 0)
		report_object(job, &path, begin);
	if (sent == 0)
		sink_note_about(job, NOTE_RECORD, VERDICT_CLEAN, begin,
		    "distcp: an archive that holds no tensor", name, part.len);
	/* The sink's table must stay when it has grown on the way. */
	if (names == sink_names_room(job))
		arena_rewind(&job->arena, mark);
	sink_progress(job, end, job->size);
}

void
torch_distcp_parse(struct job *job)
{
	struct archives a = { .begins = NULL };

	find_archives(job, &a);
	if ((job->flags & GO_DISTCP) == 0)
		sink_note(job, NOTE_RECORD, VERDICT_CLEAN, 0,
		    "archives of torch.save end to end, named by where they "
		    "are; their real names stand in .metadata");
	sink_names_once(job);
	for (uint32_t i = a.count; i-- > 0;)
		read_archive(job, a.begins[i], i == 0 ? job->size :
		    a.begins[i - 1]);
}
