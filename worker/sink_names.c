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

#define NAMES_FIRST 64		/* slots; a power of two */

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

static void
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

void
names_init(struct job *job, struct name_set *set)
{
	set->slots = arena_alloc(&job->arena, NAMES_FIRST,
	    sizeof(*set->slots));
	set->mask = NAMES_FIRST - 1;
	set->used = 0;
}

uint64_t
sink_names_room(const struct job *job)
{
	return (uint64_t)job->sink->names.mask + 1;
}

/* The entry with this hash, or the free one where it belongs. */
static struct name_entry *
find(const struct name_set *set, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & set->mask;

	while (set->slots[i].hash != 0 && set->slots[i].hash != hash)
		i = (i + 1) & set->mask;
	return &set->slots[i];
}

/* Doubles at half full; what the old one took (in sum as much as the new one)
 * stays behind in the arena. */
static void
make_room(struct job *job, struct name_set *set)
{
	struct name_set bigger = { .used = set->used };
	uint64_t slots = ((uint64_t)set->mask + 1) * 2;

	if (set->used <= set->mask / 2)
		return;
	if (slots > UINT32_MAX)
		die(job, FAULT_LIMIT, WIRE_NO_OFFSET, "too many names");
	bigger.slots = arena_alloc(&job->arena, slots, sizeof(*bigger.slots));
	bigger.mask = (uint32_t)(slots - 1);
	for (uint32_t i = 0; i <= set->mask; i++)
		if (set->slots[i].hash != 0)
			*find(&bigger, set->slots[i].hash) = set->slots[i];
	*set = bigger;
}

/* Takes the name when it is free.  Room for it has been made. */
static struct name_entry *
claim(struct job *job, struct name_set *set, const uint8_t *at, size_t len,
    bool *taken)
{
	uint64_t hash = siphash(job->seed, at, len);
	struct name_entry *entry;

	if (hash == 0)
		hash = 1;
	entry = find(set, hash);
	*taken = entry->hash != 0;
	if (!*taken) {
		entry->hash = hash;
		entry->next = 2;
		set->used++;
	}
	return entry;
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
	struct name_entry *base;
	size_t len = j->len;
	bool taken;

	make_room(job, set);
	base = claim(job, set, j->text, len, &taken);
	if (!taken)
		return 0;
	while (taken) {
		j->len = len + put_suffix(j->text + len, base->next++);
		if (j->len > TENSOR_NAME_MAX)
			return -1;
		(void)claim(job, set, j->text, j->len, &taken);
	}
	return 1;
}
