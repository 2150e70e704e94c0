/* SPDX-License-Identifier: Apache-2.0
 *
 * check_piece.c - judges a box of a tensor that is said to stand in another
 * file; see check.h.  What is proved here is that the message is possible:
 * whether the file is there, holds so much, and whether the boxes of a tensor
 * make it up is store_pieces.c's and assembled.c's.
 */
#include <string.h>

#include "check_inside.h"

#define PIECE_COST (sizeof(struct piece_entry) + TEXT_COST)

/* One component, that neither stays nor goes up. */
static struct finding
judge_file(struct wire_bytes file)
{
	if (file.len == 0 || file.len > FILE_NAME_MAX)
		return lie("a file's name is empty or too long");
	if (memchr(file.at, '/', file.len) != NULL ||
	    memchr(file.at, '\0', file.len) != NULL ||
	    (file.at[0] == '.' && (file.len == 1 ||
	    (file.len == 2 && file.at[1] == '.'))))
		return lie("a file's name is no sibling's");
	if (!check_utf8(file.at, file.len))
		return lie("a file's name is not UTF-8");
	return fine;
}

/* *all: the box is the whole tensor. */
static struct finding
judge_box(const struct wire_piece *m, bool *all)
{
	*all = true;
	if (m->start_count != m->rank || m->size_count != m->rank)
		return lie("a box has not its tensor's rank");
	for (size_t i = 0; i < m->rank; i++) {
		if (m->start[i] > m->shape[i] ||
		    m->size[i] > m->shape[i] - m->start[i])
			return lie("a box reaches outside its tensor");
		if (m->size[i] != m->shape[i])
			*all = false;
	}
	return fine;
}

static struct finding
judge_place(const struct wire_piece *m, const struct dtype *d)
{
	uint64_t bytes = 0;

	if (m->kind != PIECE_RAW && m->kind != PIECE_TORCH)
		return lie("a piece is of an unknown kind");
	if (m->length > INT64_MAX || m->offset > INT64_MAX - m->length)
		return lie("a piece ends where no file does");
	if (m->kind == PIECE_RAW && (!shape_bytes(d, m->size, m->rank,
	    &bytes) || bytes != m->length))
		return lie("a piece has not its box's length");
	return fine;
}

static struct finding
judge_geometry(const struct wire_piece *m, struct geometry *g)
{
	struct finding f;
	bool all;

	g->dtype = dtype_by_code(m->dtype);
	if (g->dtype == NULL)
		return lie("a tensor's dtype is unknown");
	if (m->rank > RANK_MAX)
		return lie("a tensor's rank is over 64");
	if (!shape_count(m->shape, m->rank, &g->elements) ||
	    !shape_bytes(g->dtype, m->shape, m->rank, &g->nbytes))
		return lie("a tensor's shape cannot be");
	g->span = g->nbytes;
	g->contiguous = true;
	f = judge_box(m, &all);
	if (f.code != PFORK_OK)
		return f;
	if (!all && dtype_element_bytes(g->dtype) == 0)
		return lie("a tensor of this dtype cannot be cut");
	return judge_place(m, g->dtype);
}

static bool
same_path(const struct pfork_tensor *t, const struct wire_piece *m)
{
	enum pfork_path_kind kind;
	const char *text;
	size_t length;

	if (t->path_length != m->path_count)
		return false;
	for (size_t i = 0; i < m->path_count; i++) {
		text = pfork_tensor_path(t, i, &kind, &length);
		if (length != m->path[i].len || kind != m->path_kinds.at[i] ||
		    memcmp(text, m->path[i].at, length) != 0)
			return false;
	}
	return true;
}

/* A further box repeats what the first one said of the tensor. */
static bool
same_tensor(const struct pfork_tensor *t, const struct wire_piece *m,
    const struct geometry *g)
{
	if (t->dtype != g->dtype || t->rank != m->rank || !same_path(t, m))
		return false;
	for (size_t i = 0; i < m->rank; i++)
		if (t->shape[i] != m->shape[i])
			return false;
	return true;
}

static struct finding
count_box(const struct rules *r, struct totals *t, const struct wire_piece *m,
    const struct geometry *g, bool more)
{
	struct wire_tensor whole = {
		.name = m->name, .path = m->path, .path_count = m->path_count,
		.rank = m->rank
	};
	struct totals sum = *t;
	struct finding f = fine;

	if (more && !check_room(r, t))
		return over("more boxes than the limit `tensors`");
	if (!add_under(&sum.kept, PIECE_COST + m->file.len + TEXT_COST +
	    m->rank * 2 * sizeof(uint64_t), r->limits.names_bytes))
		return over("boxes are over the limit names_bytes");
	if (more)
		sum.more_boxes++;
	else
		f = check_count_tensor(r, &sum, &whole, g);
	if (f.code != PFORK_OK)
		return f;
	sum.pieces++;
	*t = sum;
	return fine;
}

static bool
is_name_of(const struct pfork_tensor *t, struct wire_bytes name)
{
	return t != NULL && strlen(t->name) == name.len &&
	    memcmp(t->name, name.at, name.len) == 0;
}

struct finding
check_piece(const struct rules *r, struct totals *t,
    const struct pfork_tensor *open, const struct wire_piece *m,
    struct geometry *out, bool *more)
{
	struct wire_tensor named = {
		.path = m->path, .path_count = m->path_count,
		.path_kinds = m->path_kinds
	};
	struct geometry g = { 0 };
	struct finding f;
	bool again;

	if (!r->pieces)
		return lie("a piece that was not asked for");
	f = check_name(m->name);
	if (f.code == PFORK_OK)
		f = check_path(&named);
	if (f.code == PFORK_OK)
		f = judge_file(m->file);
	if (f.code == PFORK_OK)
		f = judge_geometry(m, &g);
	if (f.code != PFORK_OK)
		return f;
	again = is_name_of(open, m->name);
	if (again && !same_tensor(open, m, &g))
		return lie("two boxes of one tensor disagree on it");
	f = count_box(r, t, m, &g, again);
	if (f.code == PFORK_OK) {
		*out = g;
		*more = again;
	}
	return f;
}
