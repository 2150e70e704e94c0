/* SPDX-License-Identifier: Apache-2.0
 *
 * assembled.c - see assembled.h.  The proof cuts the tensor into slabs along
 * one dimension after the other, at every border of a box: what is left in the
 * end are cells, each of which must lie in exactly one box.  Trusts that a box
 * lies inside the tensor and its view inside its storage, which check_piece and
 * check_tensor proved.  Must never leave a byte of a buffer unwritten.
 */
#include "assembled.h"

#include <stdlib.h>
#include <string.h>

#include "monotonic.h"
#include "read.h"

/* ------------------------------------------------------------ the proof -- */

/* Boxes (numbers of them) that share a slab in all dimensions so far. */
struct group {
	size_t from;
	size_t count;
};

struct level {
	uint32_t *boxes;
	size_t box_count;
	size_t box_room;
	struct group *groups;
	size_t group_count;
	size_t group_room;
};

struct proof {
	const uint64_t *shape;
	size_t rank;
	const struct tensor_box *boxes;
	size_t count;
	struct assembled_budget *budget;
	struct level now;
	struct level next;
	uint64_t *borders;	/* two a box of the largest group */
	size_t *counts;		/* one a slab */
};

static bool
spans(const struct proof *p, uint32_t box, size_t d)
{
	return p->boxes[box].size[d] == p->shape[d];
}

static int
by_number(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* The group's borders in dimension d, each once, ascending.  They are 0 and the
 * shape's at the ends, or there is a hole. */
static size_t
find_borders(struct proof *p, const struct group *g, size_t d)
{
	const struct tensor_box *box;
	size_t count = 0;
	size_t kept = 0;

	for (size_t i = 0; i < g->count; i++) {
		box = &p->boxes[p->now.boxes[g->from + i]];
		p->borders[count++] = box->start[d];
		p->borders[count++] = box->start[d] + box->size[d];
	}
	qsort(p->borders, count, sizeof(p->borders[0]), by_number);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || p->borders[i] != p->borders[kept - 1])
			p->borders[kept++] = p->borders[i];
	return kept;
}

static size_t
slab_of(const struct proof *p, size_t borders, uint64_t at)
{
	const uint64_t *found = bsearch(&at, p->borders, borders,
	    sizeof(p->borders[0]), by_number);

	return (size_t)(found - p->borders);
}

/* Room for so many more, by doubling. */
static bool
grow_list(void **list, size_t size, size_t used, size_t more, size_t *room)
{
	size_t wanted = *room;
	void *moved;

	if (*list != NULL && more <= *room - used)
		return true;
	while (wanted - used < more || wanted == 0)
		wanted = wanted * 2 + 64;
	moved = reallocarray(*list, wanted, size);
	if (moved == NULL)
		return false;
	*list = moved;
	*room = wanted;
	return true;
}

static bool
grow(struct level *l, size_t boxes, size_t groups)
{
	return grow_list((void **)&l->boxes, sizeof(l->boxes[0]),
	    l->box_count, boxes, &l->box_room) &&
	    grow_list((void **)&l->groups, sizeof(l->groups[0]),
	    l->group_count, groups, &l->group_room);
}

/* How many boxes each slab has, in p->counts; the sum. */
static uint64_t
count_slabs(struct proof *p, const struct group *g, size_t d, size_t borders)
{
	const struct tensor_box *box;
	uint64_t sum = 0;
	size_t slab;

	memset(p->counts, 0, borders * sizeof(p->counts[0]));
	for (size_t i = 0; i < g->count; i++) {
		box = &p->boxes[p->now.boxes[g->from + i]];
		slab = slab_of(p, borders, box->start[d]);
		for (; p->borders[slab] < box->start[d] + box->size[d]; slab++)
			p->counts[slab]++;
		sum += slab - slab_of(p, borders, box->start[d]);
		if (sum > p->budget->places)
			break;
	}
	return sum;
}

/* One group of the next level for each slab.  p->counts becomes where the next
 * box of a slab goes. */
static void
fill_slabs(struct proof *p, const struct group *g, size_t d, size_t borders)
{
	const struct tensor_box *box;
	struct level *l = &p->next;
	size_t from = l->box_count;
	size_t slab;
	size_t count;

	for (slab = 0; slab + 1 < borders; slab++) {
		count = p->counts[slab];
		l->groups[l->group_count++] = (struct group){ from, count };
		p->counts[slab] = from;
		from += count;
	}
	l->box_count = from;
	for (size_t i = 0; i < g->count; i++) {
		box = &p->boxes[p->now.boxes[g->from + i]];
		slab = slab_of(p, borders, box->start[d]);
		for (; p->borders[slab] < box->start[d] + box->size[d]; slab++)
			l->boxes[p->counts[slab]++] = p->now.boxes[g->from + i];
	}
}

static bool
group_spans(const struct proof *p, const struct group *g, size_t d)
{
	for (size_t i = 0; i < g->count; i++)
		if (!spans(p, p->now.boxes[g->from + i], d))
			return false;
	return true;
}

/* No border in it: the group is its only slab.  To sort a million of the same
 * borders in each of 64 dimensions takes five seconds. */
static enum assembled
keep_group(struct proof *p, const struct group *g)
{
	struct level *l = &p->next;

	if (!grow(l, g->count, 1))
		return ASSEMBLED_NO_MEMORY;
	memcpy(l->boxes + l->box_count, p->now.boxes + g->from,
	    g->count * sizeof(l->boxes[0]));
	l->groups[l->group_count++] = (struct group){ l->box_count, g->count };
	l->box_count += g->count;
	return ASSEMBLED_OK;
}

static enum assembled
cut_group(struct proof *p, const struct group *g, size_t d)
{
	size_t borders;
	uint64_t places;

	if (group_spans(p, g, d))
		return keep_group(p, g);
	borders = find_borders(p, g, d);
	if (p->borders[0] != 0 || p->borders[borders - 1] != p->shape[d])
		return ASSEMBLED_HOLE;
	places = count_slabs(p, g, d, borders);
	if (places > p->budget->places)
		return ASSEMBLED_TOO_HARD;
	p->budget->places -= places;
	for (size_t i = 0; i + 1 < borders; i++)
		if (p->counts[i] == 0)
			return ASSEMBLED_HOLE;
	if (!grow(&p->next, (size_t)places, borders))
		return ASSEMBLED_NO_MEMORY;
	fill_slabs(p, g, d, borders);
	return ASSEMBLED_OK;
}

/* A box that is alone must have all that is left. */
static enum assembled
judge_alone(const struct proof *p, const struct group *g, size_t from_dim)
{
	for (size_t d = from_dim; d < p->rank; d++)
		if (!spans(p, p->now.boxes[g->from], d))
			return ASSEMBLED_HOLE;
	return ASSEMBLED_OK;
}

/* Of the boxes themselves, not of the places that they have come to by now. */
static bool
all_span(const struct proof *p, size_t d)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->boxes[i].size[d] != p->shape[d])
			return false;
	return true;
}

static enum assembled
cut_dimension(struct proof *p, size_t d)
{
	enum assembled how = ASSEMBLED_OK;
	struct level done = p->now;

	if (monotonic_ms() >= p->budget->until)
		return ASSEMBLED_TOO_LATE;
	if (all_span(p, d))
		return ASSEMBLED_OK;
	/* Those of a group that is kept are looked at too. */
	if (p->now.box_count > p->budget->places)
		return ASSEMBLED_TOO_HARD;
	p->budget->places -= p->now.box_count;
	p->next.box_count = p->next.group_count = 0;
	for (size_t i = 0; how == ASSEMBLED_OK && i < p->now.group_count; i++)
		how = p->now.groups[i].count == 1 ?
		    judge_alone(p, &p->now.groups[i], d) :
		    cut_group(p, &p->now.groups[i], d);
	p->now = p->next;
	p->next = done;
	return how;
}

static enum assembled
judge_cells(struct proof *p)
{
	enum assembled how = ASSEMBLED_OK;

	for (size_t d = 0; how == ASSEMBLED_OK && d < p->rank; d++)
		how = cut_dimension(p, d);
	for (size_t i = 0; how == ASSEMBLED_OK && i < p->now.group_count; i++)
		if (p->now.groups[i].count > 1)
			how = ASSEMBLED_OVERLAP;
	return how;
}

struct assembled_budget
assembled_budget(size_t boxes, uint64_t until)
{
	return (struct assembled_budget){ 32 * (uint64_t)boxes + 65536,
		until };
}

enum assembled
assembled_judge(const uint64_t *shape, size_t rank,
    const struct tensor_box *boxes, size_t count,
    struct assembled_budget *budget)
{
	struct proof p = { .shape = shape, .rank = rank, .boxes = boxes,
		.count = count, .budget = budget };
	enum assembled how = ASSEMBLED_NO_MEMORY;

	if (count == 0)
		return ASSEMBLED_HOLE;
	p.borders = calloc(count, 2 * sizeof(p.borders[0]));
	p.counts = calloc(count, 2 * sizeof(p.counts[0]));
	if (p.borders != NULL && p.counts != NULL && grow(&p.now, count, 1)) {
		for (size_t i = 0; i < count; i++)
			p.now.boxes[i] = (uint32_t)i;
		p.now.box_count = count;
		p.now.groups[p.now.group_count++] = (struct group){ 0, count };
		how = judge_cells(&p);
	}
	free(p.borders);
	free(p.counts);
	free(p.now.boxes);
	free(p.now.groups);
	free(p.next.boxes);
	free(p.next.groups);
	return how;
}

/* --------------------------------------------------------------- making -- */

static int
by_start(const void *left, const void *right, void *split)
{
	const struct tensor_box *a = left;
	const struct tensor_box *b = right;
	size_t d = *(const size_t *)split;

	return a->start[d] < b->start[d] ? -1 : a->start[d] > b->start[d];
}

static bool
is_cut(const struct tensor_box *boxes, size_t count, uint64_t whole, size_t d)
{
	for (size_t i = 0; i < count; i++)
		if (boxes[i].size[d] != whole)
			return true;
	return false;
}

bool
assembled_make(struct assembly *a, struct pool *pool, size_t rank,
    struct tensor_box *boxes, size_t count, const uint64_t *shape)
{
	uint64_t reach = 0;
	uint64_t end;

	a->boxes = boxes;
	a->count = count;
	a->split = 0;
	while (a->split + 1 < rank &&
	    !is_cut(boxes, count, shape[a->split], a->split))
		a->split++;
	a->reach = pool_alloc(pool, count * sizeof(a->reach[0]));
	if (a->reach == NULL)
		return false;
	if (rank > 0)
		qsort_r(boxes, count, sizeof(boxes[0]), by_start, &a->split);
	for (size_t i = 0; i < count; i++) {
		end = rank == 0 ? 0 :
		    boxes[i].start[a->split] + boxes[i].size[a->split];
		reach = end > reach ? end : reach;
		a->reach[i] = reach;
	}
	return true;
}

/* -------------------------------------------------------------- reading -- */

/* A range as a box: [low, high) in each dimension, and the steps of its own C
 * order, in elements. */
struct window {
	uint64_t low[RANK_MAX];
	uint64_t high[RANK_MAX];
	uint64_t steps[RANK_MAX];
};

static void
window_of(const pfork_tensor *t, const struct range *r, struct window *w)
{
	uint64_t step = 1;

	for (size_t d = t->rank; d-- > 0;) {
		w->low[d] = d < r->fixed ? r->index[d] : 0;
		w->high[d] = d < r->fixed ? r->index[d] + 1 : t->shape[d];
		if (d == r->fixed) {
			w->low[d] = r->first;
			w->high[d] = r->first + r->count;
		}
		w->steps[d] = step;
		step *= w->high[d] - w->low[d];
	}
}

/* What the box has of the window.  False: nothing.  *to: bytes into the
 * window's buffer. */
static bool
view_of_box(const struct tensor_box *b, const struct window *w, size_t rank,
    size_t element, struct view *v, uint64_t *to)
{
	uint64_t low;
	uint64_t high;

	v->rank = 0;
	v->element = element;
	v->offset = b->offset;
	*to = 0;
	for (size_t d = 0; d < rank; d++) {
		low = b->start[d] > w->low[d] ? b->start[d] : w->low[d];
		high = b->start[d] + b->size[d];
		high = high < w->high[d] ? high : w->high[d];
		if (low >= high)
			return false;
		v->offset += (low - b->start[d]) * b->strides[d] * element;
		*to += (low - w->low[d]) * w->steps[d] * element;
		if (high - low == 1)
			continue;
		v->dims[v->rank++] = (struct view_dim){ high - low,
			b->strides[d] * element, w->steps[d] * element };
	}
	view_order(v);
	return true;
}

/* The first box, in the order of `split`, that could reach into the window. */
static size_t
first_box(const struct assembly *a, uint64_t low)
{
	size_t from = 0;
	size_t to = a->count;
	size_t middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (a->reach[middle] > low)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

enum pfork_code
assembled_read(const pfork_tensor *t, const struct range *r, uint8_t *out,
    pfork_error *err)
{
	const struct assembly *a = t->assembly;
	size_t element = dtype_element_bytes(t->dtype);
	enum pfork_code code = PFORK_OK;
	struct window w;
	struct view v;
	uint64_t to;
	size_t i = 0;

	window_of(t, r, &w);
	if (t->rank > 0)
		i = first_box(a, w.low[a->split]);
	for (; code == PFORK_OK && i < a->count; i++) {
		if (t->rank > 0 &&
		    a->boxes[i].start[a->split] >= w.high[a->split])
			break;
		if (view_of_box(&a->boxes[i], &w, t->rank, element, &v, &to))
			code = read_view(a->boxes[i].home, a->boxes[i].storage,
			    &v, out + to, err);
	}
	return code;
}
