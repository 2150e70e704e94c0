/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_check.c - the broker's checks on messages made from the bytes, beside
 * plain arithmetic in 128 bits.  What they accept must hold; what they refuse
 * must leave the totals alone.
 */
#include <string.h>

#include "check.h"
#include "fuzz_take.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__extension__ typedef unsigned __int128 wide;

static const struct rules rules = {
	.limits = { .tensors = 40, .notes = 10, .streamed_bytes = 1 << 20,
	    .contiguous_bytes = 1 << 30, .names_bytes = 1 << 16 },
	.required_layers = PFORK_LAYERS_REQUIRED, .input_size = 1 << 16,
	.scalars = true, .pieces = true, .shares = 3 };
static struct storage storages[64];

static void
must(bool so)
{
	if (!so)
		__builtin_trap();
}

/* RFC 3629: the value is decoded, and its shortest form must be these bytes. */
static bool
is_utf8(const uint8_t *at, size_t length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	while (length > 0) {
		uint32_t value = at[0];
		size_t size = value < 0x80 ? 1 : value >> 5 == 6 ? 2
		    : value >> 4 == 14 ? 3 : value >> 3 == 30 ? 4 : 0;

		if (size == 0 || size > length)
			return false;
		value &= size == 1 ? 0x7f : 0xffu >> (size + 1);
		for (size_t i = 1; i < size; i++) {
			if (at[i] >> 6 != 2)
				return false;
			value = value << 6 | (at[i] & 0x3f);
		}
		if (value < least[size] || value > 0x10ffff ||
		    value >> 11 == 0x1b)
			return false;
		at += size;
		length -= size;
	}
	return true;
}

/* Saturates. */
static wide
times(wide a, wide b)
{
	const wide most = (wide)1 << 100;

	return a != 0 && b > most / a ? most : a * b;
}

static void
hold_tensor(const struct wire_tensor *m, const struct geometry *g)
{
	const struct storage *s = &storages[m->storage];
	wide count = 1;
	wide last = 0;
	wide step = 1;
	bool in_order = true;

	for (size_t i = m->rank; i-- > 0;) {
		if (m->shape[i] > 1 && m->strides[i] != (uint64_t)step)
			in_order = false;
		count = times(count, m->shape[i]);
		step = times(step, m->shape[i]);
		last += times(m->shape[i] - 1, m->strides[i]);
	}
	must(count == g->elements);
	must(times(count, g->dtype->bits) / g->dtype->block <=
	    times(g->nbytes, 8));
	if (count > 0 && dtype_element_bytes(g->dtype) > 0)
		must(times(last + 1, dtype_element_bytes(g->dtype)) == g->span);
	must((wide)m->offset + g->span <= s->length);
	if (count > 0)
		must(g->contiguous == in_order);
	must(is_utf8(m->name.at, m->name.len) && m->name.len > 0 &&
	    memchr(m->name.at, 0, m->name.len) == NULL);
}

static void
try_tensor(struct take *t, struct totals *totals)
{
	struct wire_bytes path[8];
	uint8_t kinds[8];
	uint64_t shape[RANK_MAX + 1];
	uint64_t strides[RANK_MAX + 1];
	struct wire_tensor m = { .path = path, .path_kinds = { kinds, 0 },
		.shape = shape, .strides = strides };
	struct totals before = *totals;
	struct geometry g = { 0 };
	struct finding f;

	m.name = take_bytes(t, 16);
	m.path_count = take_under(t, 4);
	m.path_kinds.len = m.path_count + (take_under(t, 32) == 31);
	for (size_t i = 0; i < m.path_count; i++) {
		path[i] = take_bytes(t, 8);
		kinds[i] = (uint8_t)take_under(t, 5);
	}
	m.dtype = take_under(t, 36);
	m.rank = take_under(t, take_u8(t) < 250 ? 5 : RANK_MAX + 2);
	m.stride_count = m.rank + (take_under(t, 32) == 31);
	for (size_t i = 0; i < m.rank; i++) {
		shape[i] = take_u64(t);
		strides[i] = take_u64(t);
	}
	m.storage = take_under(t, 8);
	m.offset = take_u64(t);
	f = check_tensor(&rules, totals, storages, &m, &g);
	if (f.code != PFORK_OK) {
		must(memcmp(&before, totals, sizeof(before)) == 0);
		return;
	}
	must(m.storage < before.storages && totals->tensors ==
	    before.tensors + 1 && totals->tensors + totals->aliases <=
	    rules.limits.tensors);
	must(totals->contiguous == before.contiguous + g.nbytes);
	hold_tensor(&m, &g);
}

static void
try_storage(struct take *t, struct totals *totals)
{
	struct wire_storage m = { .id = (uint32_t)totals->storages +
	    (take_under(t, 8) == 7), .kind = take_under(t, 4) };
	struct totals before = *totals;
	struct storage *s = &storages[totals->storages % 64];

	m.length = take_u64(t);
	m.offset = take_under(t, 3) == 0 ? WIRE_NO_OFFSET : take_u64(t);
	if (check_storage(&rules, totals, &m).code != PFORK_OK) {
		must(memcmp(&before, totals, sizeof(before)) == 0);
		return;
	}
	must(m.id == before.storages && totals->storages == m.id + 1);
	must(totals->storages <= rules.limits.tensors);
	if (m.kind == STORAGE_EXTENT)
		must((wide)m.offset + m.length <= rules.input_size);
	else
		must(totals->streamed == before.streamed + m.length &&
		    totals->streamed <= rules.limits.streamed_bytes);
	*s = (struct storage){ .streamed = m.kind != STORAGE_EXTENT,
		.elsewhere = m.kind == STORAGE_ELSEWHERE,
		.offset = m.offset, .length = m.length };
}

/* Three accounts of up to four storages, judged storage by storage. */
static bool
fits(const struct share *of, size_t i)
{
	unsigned sent = 0;

	for (size_t k = 0; k < 3; k++) {
		const struct storage *s = &of[k].storages[i];
		const struct storage *one = &of[0].storages[i];

		if (s->streamed != one->streamed || s->length != one->length ||
		    (!s->streamed && s->offset != one->offset))
			return false;
		sent += s->streamed && !s->elsewhere;
	}
	return sent == of[0].storages[i].streamed;
}

static void
try_shares(struct take *t)
{
	struct storage made[3][4];
	struct share of[3];
	bool good = true;

	for (size_t k = 0; k < 3; k++) {
		of[k] = (struct share){ made[k], 3 + (take_under(t, 8) == 7) };
		for (size_t i = 0; i < 4; i++) {
			uint32_t kind = take_under(t, 4);

			made[k][i] = (struct storage){ .streamed = kind != 1,
				.elsewhere = kind != 1 && kind != 2,
				.offset = take_under(t, 16) == 15,
				.length = take_under(t, 16) == 15 };
		}
		good = good && of[k].count == of[0].count;
	}
	for (size_t i = 0; good && i < of[0].count; i++)
		good = fits(of, i);
	must((check_shares(&of[0], of + 1, 2).code == PFORK_OK) == good);
}

/* The tensor of the last box that was accepted, as the session keeps it. */
static struct opened {
	struct pfork_tensor tensor;
	char name[32];
	uint64_t shape[RANK_MAX];
} opened;

static void
hold_piece(const struct wire_piece *m, const struct geometry *g)
{
	wide count = 1;

	for (size_t i = 0; i < m->rank; i++) {
		must((wide)m->start[i] + m->size[i] <= m->shape[i]);
		count = times(count, m->size[i]);
	}
	if (m->kind == PIECE_RAW && dtype_element_bytes(g->dtype) > 0)
		must(times(count, dtype_element_bytes(g->dtype)) == m->length);
	must((wide)m->offset + m->length <= INT64_MAX);
	must(m->file.len > 0 && is_utf8(m->file.at, m->file.len) &&
	    memchr(m->file.at, '/', m->file.len) == NULL &&
	    memchr(m->file.at, 0, m->file.len) == NULL &&
	    (m->file.at[0] != '.' || m->file.len > 2 ||
	    (m->file.len == 2 && m->file.at[1] != '.')));
}

static void
keep_opened(const struct wire_piece *m, const struct geometry *g)
{
	memcpy(opened.name, m->name.at, m->name.len);
	opened.name[m->name.len] = '\0';
	memcpy(opened.shape, m->shape, m->rank * sizeof(m->shape[0]));
	opened.tensor = (struct pfork_tensor){ .name = opened.name,
		.dtype = g->dtype, .shape = opened.shape,
		.rank = (uint8_t)m->rank };
}

static void
try_piece(struct take *t, struct totals *totals)
{
	uint64_t shape[6], start[6], sizes[6];
	struct wire_piece m = { .name = take_bytes(t, 4), .shape = shape,
		.start = start, .size = sizes, .dtype = take_under(t, 36),
		.rank = take_under(t, 5), .kind = take_under(t, 4),
		.file = take_bytes(t, 6) };
	const struct pfork_tensor *open = opened.tensor.name != NULL &&
	    take_under(t, 4) != 0 ? &opened.tensor : NULL;
	struct totals before = *totals;
	struct geometry g = { 0 };
	bool more = false;

	m.start_count = m.rank + (take_under(t, 32) == 31);
	m.size_count = m.rank + (take_under(t, 32) == 31);
	for (size_t i = 0; i < m.rank; i++) {
		shape[i] = take_u64(t);
		start[i] = take_u64(t);
		sizes[i] = take_u64(t);
	}
	m.offset = take_u64(t);
	m.length = take_u64(t);
	if (check_piece(&rules, totals, open, &m, &g, &more).code !=
	    PFORK_OK) {
		must(memcmp(&before, totals, sizeof(before)) == 0);
		return;
	}
	must(totals->pieces == before.pieces + 1);
	must(totals->tensors == before.tensors + (more ? 0 : 1));
	must(totals->more_boxes == before.more_boxes + (more ? 1 : 0));
	must(totals->tensors + totals->more_boxes <= rules.limits.tensors);
	must(!more || (open != NULL && strlen(open->name) == m.name.len &&
	    memcmp(open->name, m.name.at, m.name.len) == 0 &&
	    open->rank == m.rank && memcmp(open->shape, shape, m.rank *
	    sizeof(shape[0])) == 0));
	hold_piece(&m, &g);
	keep_opened(&m, &g);
}

static void
try_text(struct take *t, struct totals *totals)
{
	struct totals before = *totals;
	struct wire_note note = { .kind = take_under(t, 10),
		.level = take_under(t, 5), .text = take_bytes(t, 2000) };
	struct wire_alias alias = { .name = take_bytes(t, 5000),
		.target = take_under(t, 8) };
	struct wire_scalar scalar = { .name = alias.name,
		.kind = take_under(t, 9), .i = take_u8(t), .data = note.text,
		.full_length = take_u64(t) };

	must(check_utf8(note.text.at, note.text.len) ==
	    is_utf8(note.text.at, note.text.len));
	if (check_note(&rules, totals, &note).code == PFORK_OK)
		must(totals->notes == before.notes + 1 &&
		    note.kind != NOTE_ALIAS && totals->level >= before.level &&
		    totals->level >= note.level);
	if (check_alias(&rules, totals, &alias).code == PFORK_OK)
		must(alias.target < totals->tensors &&
		    totals->aliases == before.aliases + 1);
	if (check_scalar(&rules, totals, &scalar).code == PFORK_OK)
		must(scalar.data.len <= scalar.full_length);
	must(totals->kept >= before.kept &&
	    totals->kept <= rules.limits.names_bytes);
}

static void
try_end(struct take *t, const struct totals *totals)
{
	struct wire_done done = { .tensors = totals->tensors,
		.aliases = totals->aliases, .storages = totals->storages,
		.notes = totals->notes, .notes_dropped = take_u64(t),
		.verdict = take_under(t, 5), .pieces = totals->pieces };
	struct wire_fault fault = { .code = take_under(t, 8),
		.text = take_bytes(t, 300), .verdict = take_under(t, 5) };
	struct wire_progress progress = { take_u64(t), take_u64(t) };

	if (check_done(&rules, totals, &done).code == PFORK_OK)
		must(done.verdict >= VERDICT_CLEAN &&
		    done.verdict <= VERDICT_DANGEROUS &&
		    done.verdict >= totals->level);
	if (check_fault(&fault).code == PFORK_OK)
		must(fault.verdict == VERDICT_UNDECIDED ||
		    fault.verdict == VERDICT_DANGEROUS);
	must((check_progress(&progress).code == PFORK_OK) ==
	    (progress.done <= progress.total));
	must(check_where(&rules, progress.done) == (progress.done <=
	    rules.input_size ? progress.done : PFORK_NO_OFFSET));
}

static void
try_start(struct take *t)
{
	uint32_t numbers[3][WIRE_LAYERS_MAX];
	struct wire_hello m = { .version = take_under(t, 3),
		.layers = numbers[0], .missing = numbers[1],
		.reasons = numbers[2] };
	struct wire_format format = { take_bytes(t, 40) };

	m.layer_count = take_under(t, 12);
	m.missing_count = take_under(t, 6);
	m.reason_count = m.missing_count + (take_under(t, 16) == 15);
	for (size_t i = 0; i < WIRE_LAYERS_MAX; i++)
		for (size_t j = 0; j < 3; j++)
			numbers[j][i] = i < 12 ? take_under(t, 70) : 0;
	if (check_hello(&rules, &m).code == PFORK_OK)
		must((rules.required_layers & ~check_layer_bits(m.layers,
		    m.layer_count)) == 0 && m.version == WIRE_VERSION);
	if (check_format(&format).code == PFORK_OK)
		must(format.name.len > 0 &&
		    format.name.len <= FORMAT_NAME_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct take t = { data, size };
	struct totals totals;

	memset(&totals, 0, sizeof(totals));
	memset(&opened, 0, sizeof(opened));
	while (t.left > 0)
		switch (take_under(&t, 8)) {
		case 0:
		case 1:
			try_storage(&t, &totals);
			break;
		case 2:
			try_text(&t, &totals);
			break;
		case 3:
			try_end(&t, &totals);
			break;
		case 4:
			try_start(&t);
			break;
		case 5:
			try_piece(&t, &totals);
			break;
		case 7:
			try_shares(&t);
			break;
		default:
			try_tensor(&t, &totals);
		}
	return 0;
}
