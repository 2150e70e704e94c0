/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_names.c - see sink_names.h.  The texts are the attacker's; time and
 * memory are linear in their length whatever they say, because the hash is
 * keyed with the job's random seed and every "NAME~N" is tried once only.
 */
#include "sink_names.h"

#include <string.h>

#define NAMES_FIRST 64		/* slots; a power of two */

static const uint8_t replacement[3] = { 0xef, 0xbf, 0xbd };	/* U+FFFD */

/* ---------------------------------------------------------------- text -- */

/* Bytes of the character at p (left > 0), or 0 when it is not one.  Table 3-7
 * of the Unicode standard: no overlong forms, no surrogates, no more than
 * U+10FFFF. */
static size_t
character(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t size;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (left < size || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* A surrogate as CPython's surrogatepass writes it: one U+FFFD, not three. */
static bool
is_surrogate(const uint8_t *p, size_t left)
{
	return left >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf &&
	    (p[2] & 0xc0) == 0x80;
}

/* Writes what stands for the character at p; returns its bytes, or 0 when there
 * is no room.  *used: bytes of the input. */
static size_t
put_character(uint8_t *out, size_t room, const uint8_t *p, size_t left,
    size_t *used)
{
	const uint8_t *take = p;
	size_t size = character(p, left);

	*used = size;
	if (size == 0) {
		*used = is_surrogate(p, left) ? 3 : 1;
		take = replacement;
		size = sizeof(replacement);
	}
	if (size > room)
		return 0;
	memcpy(out, take, size);
	return size;
}

/* Copies whole words of ASCII, and stops at the first that is none. */
static size_t
copy_ascii(uint8_t *out, const uint8_t *p, size_t length)
{
	uint64_t word;
	size_t done = 0;

	for (; length - done >= sizeof(word); done += sizeof(word)) {
		memcpy(&word, p + done, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
		memcpy(out + done, &word, sizeof(word));
	}
	return done;
}

size_t
names_utf8(uint8_t *out, size_t room, const void *text, size_t length,
    bool *cut)
{
	const uint8_t *p = text;
	size_t written = 0;
	size_t size;
	size_t used;

	*cut = false;
	written = copy_ascii(out, p, room < length ? room : length);
	for (size_t i = written; i < length; i += used) {
		if (p[i] < 0x80 && written < room) {
			out[written++] = p[i];
			used = 1;
			continue;
		}
		size = put_character(out + written, room - written, p + i,
		    length - i, &used);
		if (size == 0) {
			*cut = true;
			break;
		}
		written += size;
	}
	return written;
}

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
		written += names_utf8(out + written, room - written, at, run,
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

/* ---------------------------------------------------------------- hash -- */

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
sip_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.  Words are
 * read in the machine's order: the hash never leaves this process. */
uint64_t
names_hash(const uint64_t key[2], const uint8_t *at, size_t length)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word;
	size_t whole = length & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8) {
		memcpy(&word, at + i, 8);
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	word = (uint64_t)length << 56;
	for (size_t i = whole; i < length; i++)
		word |= (uint64_t)at[i] << 8 * (i - whole);
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
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
	uint64_t hash = names_hash(job->seed, at, len);
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
