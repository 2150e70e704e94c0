/* SPDX-License-Identifier: Apache-2.0
 *
 * lies_set.c - what a worker could say about other files, when a store loads:
 * as the reader of the index (Go had GO_PIECES) and as that of a data file (Go
 * had GO_DISTCP).  Names and answers: lies.def.  Every file of the directory is
 * the same: byte i is i modulo 253.
 */
#include <string.h>

#include "liar.h"

static const uint64_t whole[] = { 8, 4 };
static const uint64_t half[] = { 4, 4 };
static const uint64_t top[] = { 0, 0 };
static const uint64_t bottom[] = { 4, 0 };

/* ---------------------------------------------------------- a data file -- */

/* Archives at 0 and 1024, of 4 x 4 F32 each, 64 bytes into them. */
static void
say_two_archives(uint64_t into, uint32_t dtype)
{
	static const char *const names[] = { "0+1024", "1024+1024" };
	struct wire_storage s = good_extent(0);
	struct wire_tensor t;

	for (uint32_t i = 0; i < 2; i++) {
		s.id = i;
		s.offset = 1024 * i + into;
		say_storage(&s);
		t = good_tensor(names[i], i);
		t.dtype = dtype;
		say_tensor(&t);
	}
}

static void
say_archives(uint64_t into, uint32_t dtype, uint64_t notes)
{
	say_two_archives(into, dtype);
	say_done(2, 0, 2, notes,
	    notes == 0 ? VERDICT_CLEAN : VERDICT_DANGEROUS);
	leave(0);
}

/* Hello and Go; and all of a data file, when this is one. */
static void
begin_index(void)
{
	begin_silently();
	if ((liar_go & GO_DISTCP) != 0) {
		say_format("torch-distcp");
		say_archives(64, DTYPE_F32, 0);
	}
	say_format("torch-dcp");
}

/* ------------------------------------------------------------- an index -- */

static struct wire_piece
good_piece(const char *name, const uint64_t *start)
{
	static const uint8_t kinds[] = { PATH_KEY };
	static struct wire_bytes path[1];
	struct wire_piece m = { .name = bytes_of(name), .path = path,
		.path_count = 1, .path_kinds = { kinds, 1 },
		.dtype = DTYPE_F32, .shape = whole, .rank = 2,
		.start = start, .start_count = 2, .size = half,
		.size_count = 2, .kind = PIECE_TORCH,
		.file = bytes_of("data"), .offset = 256 * start[0],
		.length = 1024 };

	path[0] = bytes_of(name);
	return m;
}

/* 100 bytes of the file "raw". */
static struct wire_piece
raw_piece(void)
{
	static const uint64_t hundred[] = { 100 };
	struct wire_piece m = good_piece("r", top);

	m.dtype = DTYPE_U8;
	m.shape = m.size = hundred;
	m.rank = m.start_count = m.size_count = 1;
	m.kind = PIECE_RAW;
	m.file = bytes_of("raw");
	m.offset = 10;
	m.length = 100;
	return m;
}

static void
say_pieces_done(uint64_t tensors, uint64_t pieces)
{
	struct wire_done m = { .tensors = tensors, .verdict = VERDICT_CLEAN,
		.pieces = pieces };
	static uint8_t bytes[FRAME_MESSAGE_MAX];

	frame(FRAME_DONE, bytes, wire_done_pack(&m, bytes));
}

void
lie_set_honest(void)
{
	struct wire_piece m;

	begin_index();
	m = good_piece("w", bottom);
	say_piece(&m);
	m = good_piece("w", top);
	say_piece(&m);
	m = good_piece("v", top);
	m.shape = half;
	say_piece(&m);
	m = raw_piece();
	say_piece(&m);
	say_pieces_done(3, 4);
}

/* One piece, spoiled or not, and all that belongs after it. */
static void
only_piece(const struct wire_piece *m)
{
	say_piece(m);
	say_pieces_done(1, 1);
	wait_for_ever();
}

/* The two halves of one tensor, the second one as given. */
static void
two_pieces(const struct wire_piece *second)
{
	struct wire_piece m = good_piece("w", top);

	say_piece(&m);
	say_piece(second);
	say_pieces_done(1, 2);
	wait_for_ever();
}

void
lie_piece_unasked(void)
{
	struct wire_piece m = raw_piece();

	begin();
	only_piece(&m);
}

#define LIE_OF_PIECE(name, good, spoil) \
	void lie_##name(void)           \
	{                               \
		struct wire_piece m;    \
		begin_index();          \
		m = good;               \
		spoil;                  \
		only_piece(&m);         \
	}
static const uint64_t past[] = { 5, 0 };
static const uint64_t wraps[] = { UINT64_MAX - 1, 0 };
LIE_OF_PIECE(set_box_past, good_piece("w", past), (void)0)
LIE_OF_PIECE(set_box_wraps, good_piece("w", wraps), m.offset = 0)
LIE_OF_PIECE(set_box_rank, good_piece("w", top), m.start_count = 1)
LIE_OF_PIECE(set_box_alone, good_piece("w", top), (void)0)
LIE_OF_PIECE(set_file_above, raw_piece(), m.file = bytes_of(".."))
LIE_OF_PIECE(set_file_climbs, raw_piece(), m.file = bytes_of("../secret"))
LIE_OF_PIECE(set_file_absolute, raw_piece(), m.file = bytes_of("/etc/passwd"))
LIE_OF_PIECE(set_file_beneath, raw_piece(), m.file = bytes_of("a/raw"))
LIE_OF_PIECE(set_file_empty, raw_piece(), m.file.len = 0)
LIE_OF_PIECE(set_file_nul, raw_piece(),
    m.file = ((struct wire_bytes){ (const uint8_t *)"raw\0", 4 }))
LIE_OF_PIECE(set_file_utf8, raw_piece(), m.file = bytes_of("\xc0\xaf"))
LIE_OF_PIECE(set_file_gone, raw_piece(), m.file = bytes_of("gone"))
LIE_OF_PIECE(set_file_link, raw_piece(), m.file = bytes_of("link"))
LIE_OF_PIECE(set_file_pipe, raw_piece(), m.file = bytes_of("pipe"))
LIE_OF_PIECE(set_raw_short, raw_piece(), m.length = 99)
LIE_OF_PIECE(set_raw_long, raw_piece(), m.length = 101)
LIE_OF_PIECE(set_raw_past, raw_piece(), m.offset = 4096 - 99)
LIE_OF_PIECE(set_raw_far, raw_piece(), m.offset = INT64_MAX - 100)
LIE_OF_PIECE(set_raw_wraps, raw_piece(), m.offset = UINT64_MAX - 50)
LIE_OF_PIECE(set_kind, raw_piece(), m.kind = 3)
LIE_OF_PIECE(set_dtype, raw_piece(), m.dtype = 63)
LIE_OF_PIECE(set_no_archive, good_piece("w", top), m.shape = half;
    m.offset = 512)
LIE_OF_PIECE(set_archive_short, good_piece("w", top), m.shape = half;
    m.length = 127)
LIE_OF_PIECE(set_archive_dtype, good_piece("w", top), m.shape = half;
    m.dtype = DTYPE_I32)
LIE_OF_PIECE(set_no_data, raw_piece(), m.kind = PIECE_TORCH;
    m.file = bytes_of("gone"))

#define LIE_OF_SECOND(name, good, spoil) \
	void lie_##name(void)            \
	{                                \
		struct wire_piece m;     \
		begin_index();           \
		m = good;                \
		spoil;                   \
		two_pieces(&m);          \
	}
static const uint64_t three[] = { 3, 0 };
static const uint64_t four[] = { 4, 3 };
static const uint64_t five[] = { 5, 4 };
LIE_OF_SECOND(set_box_overlap, good_piece("w", three), m.size = five;
    m.kind = PIECE_RAW; m.file = bytes_of("raw"); m.length = 80)
LIE_OF_SECOND(set_box_hole, good_piece("w", bottom), m.size = four;
    m.kind = PIECE_RAW; m.file = bytes_of("raw"); m.length = 48)
LIE_OF_SECOND(set_box_twice, good_piece("w", top), (void)0)
LIE_OF_SECOND(set_other_dtype, good_piece("w", bottom), m.dtype = DTYPE_I32)
LIE_OF_SECOND(set_other_shape, good_piece("w", top), m.shape = half)
LIE_OF_SECOND(set_other_path, good_piece("w", bottom),
    m.path_count = m.path_kinds.len = 0)
LIE_OF_SECOND(set_two_kinds, good_piece("w", bottom), m.kind = PIECE_RAW;
    m.length = 64)

void
lie_set_after_done(void)
{
	struct wire_piece m = raw_piece();

	begin_index();
	gather();
	say_pieces_done(0, 0);
	say_piece(&m);
	let_go();
}

void
lie_set_totals(void)
{
	struct wire_piece m = raw_piece();

	begin_index();
	say_piece(&m);
	say_pieces_done(1, 2);
	wait_for_ever();
}

void
lie_set_reopened(void)
{
	struct wire_piece m = good_piece("w", top);

	begin_index();
	say_piece(&m);
	say_alias("x", 0);
	m = good_piece("w", bottom);
	say_piece(&m);
	wait_for_ever();
}

/* Boxes of which each reaches through nearly all of the others: the proof that
 * they are whole multiplies with every dimension.  In as many tensors as the
 * limit allows. */
void
lie_set_wild(void)
{
	enum { CUTS = 9, TENSORS = 90 };
	uint64_t shape[CUTS + 1] = { 3, 2, 2, 2, 2, 2, 2, 2, 2, CUTS };
	uint64_t start[CUTS + 1];
	uint64_t size[CUTS + 1];
	char name[] = "w00";
	struct wire_piece m = raw_piece();

	begin_index();
	m.shape = shape;
	m.start = start;
	m.size = size;
	m.rank = m.start_count = m.size_count = CUTS + 1;
	m.offset = 0;
	for (int t = 0; t < TENSORS; t++) {
		name[1] = (char)('0' + t / 10);
		name[2] = (char)('0' + t % 10);
		m.name = bytes_of(name);
		m.path = &m.name;
		for (uint64_t r = 0; r < CUTS; r++) {
			memset(start, 0, sizeof(start));
			memcpy(size, shape, sizeof(size));
			start[CUTS] = r;
			size[r] = size[CUTS] = 1;
			m.length = r == 0 ? 256 : 384;
			for (; start[r] < shape[r]; start[r]++)
				say_piece(&m);
		}
	}
	say_pieces_done(TENSORS, TENSORS * (2 * CUTS + 1));
	wait_for_ever();
}

void
lie_set_many(void)
{
	struct wire_piece m = good_piece("w", top);

	begin_index();
	for (int i = 0; i < 1000000; i++)
		say_piece(&m);
	wait_for_ever();
}

/* What is wrong comes first, and something good after it. */
static void
first_and_good(struct wire_piece first)
{
	struct wire_piece m;

	say_piece(&first);
	m = good_piece("v", top);
	m.shape = half;
	say_piece(&m);
	say_pieces_done(2, 2);
	wait_for_ever();
}

void
lie_set_first_alone(void)
{
	begin_index();
	first_and_good(good_piece("w", top));
}

void
lie_set_first_gone(void)
{
	struct wire_piece m;

	begin_index();
	m = raw_piece();
	m.file = bytes_of("gone");
	first_and_good(m);
}

void
lie_set_first_past(void)
{
	struct wire_piece m;

	begin_index();
	m = raw_piece();
	m.offset = 4096 - 99;
	first_and_good(m);
}

/* An index of shards has no tensors, and no boxes of one. */
void
lie_set_in_index(void)
{
	struct wire_piece m = raw_piece();

	begin_silently();
	say_format("hf-index");
	only_piece(&m);
}

/* ------------------------------------------ a data file that lies itself -- */

/* Two data files, each with fewer storages than the limit, and then the two
 * archives. */
void
lie_data_storages(void)
{
	struct wire_storage s = good_extent(0);
	struct wire_tensor t;
	struct wire_piece m;

	begin_silently();
	if ((liar_go & GO_DISTCP) == 0) {
		say_format("torch-dcp");
		m = good_piece("w", bottom);
		m.file = bytes_of("raw");
		two_pieces(&m);
	}
	say_format("torch-distcp");
	for (s.id = 0; s.id < 1500; s.id++) {
		s.offset = s.id < 2 ? 1024 * s.id + 64 : 0;
		say_storage(&s);
	}
	t = good_tensor("0+1024", 0);
	say_tensor(&t);
	t = good_tensor("1024+1024", 1);
	say_tensor(&t);
	say_done(2, 0, 1500, 0, VERDICT_CLEAN);
	leave(0);
}

/* Both halves, as they should be; or the data file, up to its format. */
static bool
is_data(const char *format)
{
	struct wire_piece m;

	begin_silently();
	if ((liar_go & GO_DISTCP) != 0) {
		say_format(format);
		return true;
	}
	say_format("torch-dcp");
	m = good_piece("w", bottom);
	two_pieces(&m);
	return false;
}

void
lie_data_format(void)
{
	(void)is_data("torch-zip");
	say_archives(64, DTYPE_F32, 0);
}

void
lie_data_dtype(void)
{
	(void)is_data("torch-distcp");
	say_archives(64, DTYPE_I32, 0);
}

/* The second archive's bytes end where the first one of a third would be. */
void
lie_data_outside(void)
{
	(void)is_data("torch-distcp");
	say_archives(1024 - 63, DTYPE_F32, 0);
}

/* The first archive's bytes begin behind it. */
void
lie_data_behind(void)
{
	(void)is_data("torch-distcp");
	say_archives(1024 + 1, DTYPE_F32, 0);
}

/* No lie: the tensors begin a number into their storages. */
void
lie_data_offset(void)
{
	static const char *const names[] = { "0+1024", "1024+1024" };
	struct wire_storage s = good_extent(0);
	struct wire_tensor t;

	(void)is_data("torch-distcp");
	for (s.id = 0; s.id < 2; s.id++) {
		s.offset = 1024 * s.id + 60;
		s.length = 68;
		say_storage(&s);
		t = good_tensor(names[s.id], s.id);
		t.offset = 4;
		say_tensor(&t);
	}
	say_done(2, 0, 2, 0, VERDICT_CLEAN);
	leave(0);
}

void
lie_data_empty(void)
{
	(void)is_data("torch-distcp");
	say_done(0, 0, 0, 0, VERDICT_CLEAN);
	leave(0);
}

void
lie_data_piece(void)
{
	struct wire_piece m = raw_piece();

	(void)is_data("torch-distcp");
	only_piece(&m);
}

void
lie_data_death(void)
{
	(void)is_data("torch-distcp");
	leave(0);
}

void
lie_data_fault(void)
{
	(void)is_data("torch-distcp");
	say_fault(FAULT_FORMAT, 7, VERDICT_DANGEROUS);
	leave(1);
}

/* Two data files, of which each has no more to tell than that it dropped as
 * many notes as there are numbers. */
void
lie_data_dropped(void)
{
	struct wire_done done = { .tensors = 2, .storages = 2, .notes = 2000,
		.notes_dropped = UINT64_MAX, .verdict = VERDICT_UNUSUAL };
	static uint8_t bytes[FRAME_MESSAGE_MAX];
	struct wire_piece m;

	begin_silently();
	if ((liar_go & GO_DISTCP) == 0) {
		say_format("torch-dcp");
		m = good_piece("w", bottom);
		m.file = bytes_of("raw");
		two_pieces(&m);
	}
	say_format("torch-distcp");
	for (int i = 0; i < 2000; i++)
		say_note(NOTE_RECORD, VERDICT_UNUSUAL, "n", 1);
	say_two_archives(64, DTYPE_F32);
	frame(FRAME_DONE, bytes, wire_done_pack(&done, bytes));
	leave(0);
}

void
lie_data_dangerous(void)
{
	(void)is_data("torch-distcp");
	say_note(NOTE_CALL, VERDICT_DANGEROUS, "os.system", 9);
	say_archives(64, DTYPE_F32, 1);
}

/* ---------------------------------------------- a raw file that is no such */

/* The index, whose one tensor is in the raw file; or that, up to its format. */
static void
begin_raw(const char *format)
{
	struct wire_piece m;

	begin_silently();
	if ((liar_go & GO_RAW) != 0) {
		if (format != NULL)
			say_format(format);
		return;
	}
	say_format("torch-dcp");
	m = raw_piece();
	say_piece(&m);
	say_pieces_done(1, 1);
	leave(0);
}

static void
all_of_it(uint64_t length)
{
	say_stream(0, length);
	say_data((size_t)length);
}

static void
raw_done(uint64_t tensors, uint64_t storages)
{
	say_done(tensors, 0, storages, 0, VERDICT_CLEAN);
	leave(0);
}

#define LIE_OF_LENGTH(name, length)                \
	void lie_raw_##name(void)                  \
	{                                          \
		begin_raw("raw");                  \
		all_of_it(length);                 \
		raw_done(0, 1);                    \
	}
LIE_OF_LENGTH(honest, liar_size)
LIE_OF_LENGTH(short, liar_size - 1)
LIE_OF_LENGTH(long, liar_size + 1)

void
lie_raw_nothing(void)
{
	begin_raw("raw");
	raw_done(0, 0);
}

void
lie_raw_more(void)
{
	begin_raw("raw");
	all_of_it(liar_size);
	say_stream(1, 1);
	say_data(1);
	raw_done(0, 2);
}

void
lie_raw_tensor(void)
{
	struct wire_tensor t;

	begin_raw("raw");
	all_of_it(liar_size);
	t = good_tensor("t", 0);
	say_tensor(&t);
	raw_done(1, 1);
}

void
lie_raw_format(void)
{
	begin_raw("npy");
	all_of_it(liar_size);
	raw_done(0, 1);
}

void
lie_raw_silent(void)
{
	begin_raw(NULL);
	raw_done(0, 0);
}
