/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_names.c - see sink_names.h.  The texts are the attacker's; time and
 * memory are linear in their length whatever they say, because the hash is
 * keyed with the job's random seed and every "NAME~N" is tried once only.
 */
#include "sink_names.h"

#include <string.h>

#include "sink_inside.h"
#include "siphash.h"
#include "utf8.h"

#define PAGE_FULL (NAMES_A_PAGE / 4 * 3)
/* 2^32 pages are 16 TiB. */
#define PAGE_BITS_MAX 32
#define AGAIN_FIRST 64		/* slots; a power of two */

_Static_assert(sizeof(struct name_page) == ARENA_PAGE, "a page");

/* ---------------------------------------------------------------- text -- */

static const uint8_t replacement[3] = { 0xef, 0xbf, 0xbd };	/* U+FFFD */

size_t
names_clean(uint8_t *out, size_t room, const void *text, size_t length,
    bool *cut)
{
	const uint8_t *at = text;
	const uint8_t *nul;
	size_t written = 0;
	size_t run;

	*cut = false;
	while (!*cut && length > 0) {
		nul = memchr(at, 0, length);
		run = nul == NULL ? length : (size_t)(nul - at);
		written += utf8_repair(out + written, room - written, at, run,
		    cut);
		at += run;
		length -= run;
		if (nul == NULL || *cut)
			continue;
		at++;
		length--;
		*cut = room - written < sizeof(replacement);
		if (!*cut) {
			memcpy(out + written, replacement,
			    sizeof(replacement));
			written += sizeof(replacement);
		}
	}
	return written;
}

static inline void
add_part(struct joined *j, const void *text, size_t length, uint8_t kind)
{
	bool cut;
	size_t len;

	if (j->cut || j->count == PATH_PARTS_MAX) {
		j->cut = true;
		return;
	}
	len = names_clean(j->text + j->len, TENSOR_NAME_MAX - j->len, text,
	    length, &cut);
	j->cut = cut;
	if (j->count == PARTS_FEW) {
		memcpy(j->many, j->few, sizeof(j->few));
		j->parts = j->many;
	}
	j->parts[j->count].at = j->text + j->len;
	j->parts[j->count].len = len;
	j->kinds[j->count++] = kind;
	j->len += len;
}

static void
add_dot(struct joined *j)
{
	if (j->len == TENSOR_NAME_MAX)
		j->cut = true;
	else
		j->text[j->len++] = '.';
}

void
names_join(struct joined *j, const struct path *path, const char *empty)
{
	j->len = 0;
	j->count = 0;
	j->cut = false;
	j->parts = j->few;
	for (size_t i = 0; i < path->count && !j->cut; i++) {
		if (i > 0)
			add_dot(j);
		add_part(j, path->parts[i].at, path->parts[i].len,
		    path->parts[i].kind);
	}
	if (j->len == 0) {
		j->len = strlen(empty);
		memcpy(j->text, empty, j->len);
	}
	if (path->suffix != NULL && !j->cut) {
		add_dot(j);
		add_part(j, path->suffix, strlen(path->suffix), PATH_ATTR);
	}
}

/* ----------------------------------------------------------------- set -- */

uint64_t
sink_names_room(const struct job *job)
{
	return job->sink->names.taken;
}

static size_t
page_number(const struct name_set *set, uint64_t hash)
{
	return set->bits == 0 ? 0 : (size_t)(hash >> (64 - set->bits));
}

/* Where the hash is, or where it belongs. */
static uint64_t *
find(struct name_page *page, uint64_t hash)
{
	uint32_t i = (uint32_t)((uint64_t)(uint32_t)hash * NAMES_A_PAGE >> 32);

	while (page->hashes[i] != 0 && page->hashes[i] != hash)
		i = i + 1 < NAMES_A_PAGE ? i + 1 : 0;
	return &page->hashes[i];
}

/* Each page stands twice in a list twice as long. */
static void
double_list(struct job *job, struct name_set *set)
{
	size_t count = (size_t)1 << set->bits;
	struct name_page **twice;

	if (set->bits == PAGE_BITS_MAX)
		die(job, FAULT_LIMIT, WIRE_NO_OFFSET, "too many names");
	twice = arena_alloc(&job->arena, 2 * count,
	    sizeof(struct name_page *)); /* NOLINT: pointers */
	for (size_t i = 0; i < count; i++)
		twice[2 * i] = twice[2 * i + 1] = set->pages[i];
	set->pages = twice;
	set->bits++;
	set->taken++;
}

/* Half of the page with this number goes to a new one, by one bit more. */
static void
split(struct job *job, struct name_set *set, size_t number)
{
	struct name_page *low = set->pages[number];
	struct name_page *high = arena_page(&job->arena);
	const struct name_page was = *low;
	unsigned shift = set->bits - was.bits - 1;
	size_t first = (number >> (shift + 1) << (shift + 1)) +
	    ((size_t)1 << shift);

	set->taken++;
	memset(low, 0, sizeof(*low));
	low->bits = high->bits = was.bits + 1;
	for (size_t i = 0; i < NAMES_A_PAGE; i++) {
		uint64_t hash = was.hashes[i];
		struct name_page *to =
		    hash >> (63 - was.bits) & 1 ? high : low;

		if (hash == 0)
			continue;
		*find(to, hash) = hash;
		to->used++;
	}
	for (size_t i = 0; i < (size_t)1 << shift; i++)
		set->pages[first + i] = high;
}

/* The page that the hash belongs to, with room for it. */
static struct name_page *
page_for(struct job *job, struct name_set *set, uint64_t hash)
{
	struct name_page *page = set->pages[page_number(set, hash)];

	while (page->used >= PAGE_FULL) {
		if (page->bits == set->bits)
			double_list(job, set);
		split(job, set, page_number(set, hash));
		page = set->pages[page_number(set, hash)];
	}
	return page;
}

/* True when the hash is among the few, or now is. */
static __attribute__((noinline, cold)) bool
claim_few(struct name_set *set, uint64_t hash, bool *taken)
{
	*taken = false;
	for (uint32_t i = 0; i < set->few_used && !*taken; i++)
		*taken = set->few[i] == hash;
	if (*taken)
		return true;
	if (set->few_used == NAMES_FEW)
		return false;
	set->few[set->few_used++] = hash;
	return true;
}

/* The first page, with the few in it. */
static __attribute__((noinline, cold)) void
begin_pages(struct job *job, struct name_set *set)
{
	struct name_page *page = arena_page(&job->arena);

	set->pages = arena_alloc(&job->arena, 1,
	    sizeof(struct name_page *)); /* NOLINT: pointers */
	set->pages[0] = page;
	set->taken++;
	for (uint32_t i = 0; i < set->few_used; i++)
		*find(page, set->few[i]) = set->few[i];
	page->used = set->few_used;
}

/* Takes the name when it is free; its hash. */
static uint64_t
claim(struct job *job, struct name_set *set, const uint8_t *at, size_t len,
    bool *taken)
{
	uint64_t hash = siphash(job->seed, at, len);
	struct name_page *page;
	uint64_t *slot;

	if (hash == 0)
		hash = 1;
	if (set->pages == NULL) {
		if (claim_few(set, hash, taken))
			return hash;
		begin_pages(job, set);
	}
	page = page_for(job, set, hash);
	slot = find(page, hash);
	*taken = *slot != 0;
	page->used += !*taken;
	*slot = hash;
	return hash;
}

static struct name_again *
find_again(const struct name_set *set, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & set->again_mask;

	while (set->again[i].hash != 0 && set->again[i].hash != hash)
		i = (i + 1) & set->again_mask;
	return &set->again[i];
}

/* Doubles at half full; what the old one took (in sum as much as the new one)
 * stays behind in the arena. */
static void
make_room_again(struct job *job, struct name_set *set)
{
	struct name_set bigger = *set;
	uint64_t slots = ((uint64_t)set->again_mask + 1) * 2;

	if (set->again == NULL) {
		set->again = arena_alloc(&job->arena, AGAIN_FIRST,
		    sizeof(*set->again));
		set->again_mask = AGAIN_FIRST - 1;
		set->taken++;
	}
	if (set->again_used <= set->again_mask / 2)
		return;
	if (slots > UINT32_MAX)
		die(job, FAULT_LIMIT, WIRE_NO_OFFSET, "too many names");
	bigger.again = arena_alloc(&job->arena, slots, sizeof(*bigger.again));
	bigger.again_mask = (uint32_t)(slots - 1);
	for (uint32_t i = 0; i <= set->again_mask; i++)
		if (set->again[i].hash != 0)
			*find_again(&bigger, set->again[i].hash) =
			    set->again[i];
	bigger.taken++;
	*set = bigger;
}

/* The suffixes of a name that was taken. */
static struct name_again *
again(struct job *job, struct name_set *set, uint64_t hash)
{
	struct name_again *a;

	make_room_again(job, set);
	a = find_again(set, hash);
	if (a->hash == 0) {
		a->hash = hash;
		a->next = 2;
		set->again_used++;
	}
	return a;
}

static size_t
put_suffix(uint8_t *out, uint64_t number)
{
	uint8_t digits[20];
	size_t count = 0;
	size_t len = 0;

	do {
		digits[count++] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	out[len++] = '~';
	while (count > 0)
		out[len++] = digits[--count];
	return len;
}

int
names_claim(struct job *job, struct name_set *set, struct joined *j)
{
	struct name_again *base;
	size_t len = j->len;
	uint64_t hash;
	bool taken;

	hash = claim(job, set, j->text, len, &taken);
	if (!taken)
		return 0;
	base = again(job, set, hash);
	while (taken) {
		j->len = len + put_suffix(j->text + len, base->next++);
		if (j->len > TENSOR_NAME_MAX)
			return -1;
		(void)claim(job, set, j->text, j->len, &taken);
	}
	return 1;
}
