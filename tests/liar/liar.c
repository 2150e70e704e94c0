/* SPDX-License-Identifier: Apache-2.0
 *
 * liar.c - stands in for the worker: the same arguments, the same jail, and
 * then the lie after which the program was named ("liar-NAME").  Only its name
 * can tell it what to do: its arguments are the worker's.
 */
#include "liar.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "parked_words.h"

static const struct {
	const char *name;
	void (*tell)(void);
} lies[] = {
#define LIE(name, code, what) { #name, lie_##name },
#define SET_LIE LIE
#define LATE_LIE LIE
#define SHARE_LIE LIE
#define RAW_LIE LIE
#include "lies.def"
#undef LIE
#undef SET_LIE
#undef LATE_LIE
#undef SHARE_LIE
#undef RAW_LIE
};

struct jail liar_jail;
const volatile uint8_t *liar_map;
uint64_t liar_size;
uint32_t liar_go;
uint32_t liar_share;
uint32_t liar_shares;
static uint64_t turns_a_tenth;
static uint8_t packed[FRAME_MESSAGE_MAX];
static uint8_t gathered[4096];
static size_t gathered_length;
static bool gathering;

/* --------------------------------------------------------------- bytes -- */

void
leave(int status)
{
	_exit(status);
}

void
gather(void)
{
	gathering = true;
}

void
let_go(void)
{
	gathering = false;
	put(gathered, gathered_length);
}

void
put(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	ssize_t done;

	if (gathering) {
		if (length > sizeof(gathered) - gathered_length)
			leave(5);
		memcpy(gathered + gathered_length, bytes, length);
		gathered_length += length;
		return;
	}
	while (length > 0) {
		done = write(1, at, length);
		if (done <= 0)
			leave(5);
		at += done;
		length -= (size_t)done;
	}
}

void
head(uint32_t length, unsigned type)
{
	uint8_t bytes[FRAME_HEAD_BYTES];

	frame_head_write(bytes, (enum frame_type)type, length);
	put(bytes, sizeof(bytes));
}

void
frame(unsigned type, const void *payload, size_t length)
{
	head((uint32_t)length, type);
	put(payload, length);
}

void
wait_for_ever(void)
{
	uint8_t byte;

	while (read(1, &byte, 1) > 0)
		;
	leave(2);
}

static void
turn(uint64_t times)
{
	for (volatile uint64_t i = 0; i < times; i++)
		;
}

void
pass_time(void)
{
	turn(turns_a_tenth);
}

void
pass_moment(void)
{
	turn(turns_a_tenth / 4);
}

void
pass_instant(void)
{
	turn(turns_a_tenth / 40);
}

static void
measure_time(void)
{
	struct timespec a;
	struct timespec b;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &a);
	turn(1000000);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u +
	    (uint64_t)b.tv_nsec - (uint64_t)a.tv_nsec;
	turns_a_tenth = UINT64_C(100000000) * 1000000 / (ns + 1);
}

/* ------------------------------------------------------------ messages -- */

struct wire_bytes
bytes_of(const char *text)
{
	struct wire_bytes b = { (const uint8_t *)text, strlen(text) };

	return b;
}

struct wire_hello
good_hello(void)
{
	static uint32_t had[JAIL_LAYERS];
	struct wire_hello m = { .version = WIRE_VERSION, .layers = had };

	for (uint32_t i = 0; i < JAIL_LAYERS; i++)
		if ((liar_jail.layers >> i & 1) != 0)
			had[m.layer_count++] = i;
	return m;
}

void
say_hello(const struct wire_hello *m)
{
	frame(FRAME_HELLO, packed, wire_hello_pack(m, packed));
}

void
hear_go(void)
{
	static uint8_t memory[16384];
	struct wire_arena arena = { .at = memory, .size = sizeof(memory) };
	struct wire_go go;
	uint8_t bytes[256];
	struct frame_head h;

	if (read(1, bytes, FRAME_HEAD_BYTES) != FRAME_HEAD_BYTES ||
	    !frame_head_read(bytes, &h) || h.length > sizeof(bytes) ||
	    read(1, bytes, h.length) != (ssize_t)h.length ||
	    !wire_go_unpack(&arena, bytes, h.length, &go))
		leave(2);
	liar_go = go.flags;
	liar_share = go.share;
	liar_shares = go.shares;
}

void
begin_silently(void)
{
	struct wire_hello m = good_hello();

	say_hello(&m);
	hear_go();
}

void
begin(void)
{
	begin_silently();
	say_format("liar");
}

void
say_format(const char *name)
{
	struct wire_format m = { bytes_of(name) };

	frame(FRAME_FORMAT, packed, wire_format_pack(&m, packed));
}

struct wire_storage
good_extent(uint32_t id)
{
	struct wire_storage m = { .id = id, .kind = STORAGE_EXTENT,
		.length = 64, .offset = 128 };

	return m;
}

void
say_storage(const struct wire_storage *m)
{
	frame(FRAME_STORAGE, packed, wire_storage_pack(m, packed));
}

void
say_stream(uint32_t id, uint64_t length)
{
	struct wire_storage m = { .id = id, .kind = STORAGE_STREAM,
		.length = length, .offset = WIRE_NO_OFFSET };

	say_storage(&m);
}

void
say_elsewhere(uint32_t id, uint64_t length)
{
	struct wire_storage m = { .id = id, .kind = STORAGE_ELSEWHERE,
		.length = length, .offset = WIRE_NO_OFFSET };

	say_storage(&m);
}

/* Byte i of any DATA frame is i modulo 251. */
void
say_data(size_t length)
{
	static uint8_t bytes[4096];
	size_t piece;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251);
	while (length > 0) {
		piece = length < sizeof(bytes) ? length : sizeof(bytes);
		frame(FRAME_DATA, bytes, piece);
		length -= piece;
	}
}

/* 4 x 4 F32: the whole of good_extent. */
struct wire_tensor
good_tensor(const char *name, uint32_t storage)
{
	static const uint64_t shape[] = { 4, 4 };
	static const uint64_t strides[] = { 4, 1 };
	static const uint8_t kinds[] = { PATH_KEY };
	static struct wire_bytes path[1];
	struct wire_tensor m = { .name = bytes_of(name), .path = path,
		.path_count = 1, .path_kinds = { kinds, 1 },
		.dtype = DTYPE_F32, .shape = shape, .rank = 2,
		.strides = strides, .stride_count = 2, .storage = storage };

	path[0] = bytes_of(name);
	return m;
}

void
say_tensor(const struct wire_tensor *m)
{
	frame(FRAME_TENSOR, packed, wire_tensor_pack(m, packed));
}

void
say_piece(const struct wire_piece *m)
{
	frame(FRAME_PIECE, packed, wire_piece_pack(m, packed));
}

void
say_alias(const char *name, uint32_t target)
{
	struct wire_alias m = { bytes_of(name), target };

	frame(FRAME_ALIAS, packed, wire_alias_pack(&m, packed));
}

void
say_note(uint32_t kind, uint32_t level, const void *text, size_t length)
{
	struct wire_note m = { kind, level, { text, length }, 7 };

	frame(FRAME_NOTE, packed, wire_note_pack(&m, packed));
}

void
say_progress(uint64_t done, uint64_t total)
{
	struct wire_progress m = { done, total };

	frame(FRAME_PROGRESS, packed, wire_progress_pack(&m, packed));
}

void
say_done(uint64_t tensors, uint64_t aliases, uint64_t storages, uint64_t notes,
    uint32_t verdict)
{
	struct wire_done m = { tensors, aliases, storages, notes, 0, verdict,
		0 };

	frame(FRAME_DONE, packed, wire_done_pack(&m, packed));
}

void
say_fault(uint32_t code, size_t length, uint32_t verdict)
{
	static const uint8_t text[256] = "a fault";
	struct wire_fault m = { code, { text, length }, 9, verdict };

	frame(FRAME_FAULT, packed, wire_fault_pack(&m, packed));
}

/* ---------------------------------------------------------------- main -- */

static void
map_input(void)
{
	struct stat st;

	/* Not glibc's, which the filter of a parked worker does not allow. */
	if (syscall(SYS_fstat, 0, &st) != 0)
		leave(6);
	liar_size = (uint64_t)st.st_size;
	liar_map = mmap(NULL, liar_size, PROT_READ, MAP_PRIVATE, 0, 0);
}

/* As the worker does it, but for what the name says.  One that is not parked
 * at all never gets a job: the broker sees it. */
static void
lock_in_parked(const char *name)
{
	bool unjailed = strcmp(name, "unjailed") == 0;
	char ready = PARKED_READY;

	close(0);
	if (!unjailed && !jail_park(&liar_jail))
		leave(3);
	put(&ready, 1);
	if (strcmp(name, "parked_hello") == 0) {
		/* Not in one piece with that byte. */
		turn(turns_a_tenth / 20);
		return;
	}
	if (handover_take(1) != HANDOVER_TAKEN)
		leave(2);
	map_input();
	if (strcmp(name, "half_parked") != 0 && !unjailed &&
	    !jail_shut(&liar_jail))
		leave(3);
}

static void
lock_in(const char *name, bool parked)
{
	bool unjailed = strcmp(name, "unjailed") == 0 ||
	    strcmp(name, "half_parked") == 0 ||
	    strcmp(name, "parked_hello") == 0;

	if (!jail_close_fds(&liar_jail))
		leave(6);
	measure_time();
	liar_jail.uid = 65530;
	liar_jail.cpu_seconds = 1;
	liar_jail.address_bytes = UINT64_C(1) << 30;
	if (parked) {
		lock_in_parked(name);
		return;
	}
	map_input();
	if (unjailed)
		liar_jail.layers = (UINT64_C(1) << JAIL_LAYERS) - 1;
	else if (!jail_enter(&liar_jail))
		leave(3);
}

int
main(int argc, char **argv)
{
	const char *path = (const char *)getauxval(AT_EXECFN); /* NOLINT */
	const char *name = path != NULL ? strstr(path, "/liar-") : NULL;
	bool parked = argc > 1 && strncmp(argv[1], "park", 4) == 0;

	if (name == NULL)
		return 64;
	name += strlen("/liar-");
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		if (strcmp(lies[i].name, name) != 0)
			continue;
		lock_in(name, parked);
		lies[i].tell();
		leave(0);
	}
	return 64;
}
