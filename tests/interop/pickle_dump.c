/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle_dump.c - runs the pickle machine in this process, without a jail, and
 * prints what it built, for pickle_diff.py to compare with CPython's.
 *
 *   pickle-dump FILE          one stream
 *   pickle-dump --batch FILE  many: u32 LE length and bytes, each; a line "."
 *                             after each answer
 *   pickle-dump --time FILE   time and memory of ten runs
 *
 * One line a node ("12 list 3 n4 i7"), then "= REF END OPCODES" or "! CODE
 * OFFSET TEXT".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "machine.h"

#define ARENA (GIB * 2)

static struct job job;

static void full(void *context) __attribute__((noreturn));

static void
full(void *context)
{
	die(context, FAULT_LIMIT, 0, "arena is full");
}

static void
print_ref(const struct graph *g, vref v)
{
	int64_t i;

	if (value_is_node(v))
		printf(" n%" PRIu32, v);
	else if (v == VREF_MISSING)
		printf(" -");
	else if (v == VREF_NONE)
		printf(" N");
	else if (v == VREF_TRUE || v == VREF_FALSE)
		printf(v == VREF_TRUE ? " T" : " F");
	else if (v == VREF_EMPTY_TUPLE)
		printf(" E");
	else if (value_int(g, v, &i))
		printf(" i%" PRId64, i);
}

static void
print_bytes(const uint8_t *at, uint64_t len)
{
	putchar(' ');
	for (uint64_t i = 0; i < len; i++)
		printf("%02x", at[i]);
}

static void
print_node(const struct graph *g, vref v)
{
	static const char *const words[] = { [VALUE_INT] = "int",
		[VALUE_BIGINT] = "big", [VALUE_FLOAT] = "float",
		[VALUE_TEXT] = "text", [VALUE_BYTES] = "bytes",
		[VALUE_BYTEARRAY] = "bytearray", [VALUE_TUPLE] = "tuple",
		[VALUE_LIST] = "list", [VALUE_SET] = "set",
		[VALUE_FROZENSET] = "frozenset", [VALUE_DICT] = "dict",
		[VALUE_GLOBAL] = "global", [VALUE_CALL] = "call",
		[VALUE_PERSID] = "persid", [VALUE_EXTENSION] = "ext" };
	const struct value *n = graph_at(g, v);
	uint64_t bits;

	printf("%" PRIu32 " %s", v, words[n->kind]);
	switch ((int)n->kind) {
	case VALUE_INT:
		printf(" %" PRId64, n->as.i);
		break;
	case VALUE_FLOAT:
		memcpy(&bits, &n->as.f, sizeof bits);
		printf(" %016" PRIx64, bits);
		break;
	case VALUE_BIGINT:
	case VALUE_TEXT:
	case VALUE_BYTES:
	case VALUE_BYTEARRAY:
		print_bytes(value_string(n).at, value_string(n).len);
		break;
	case VALUE_GLOBAL:
		print_ref(g, n->as.global.module);
		print_ref(g, n->as.global.name);
		break;
	case VALUE_CALL:
		print_ref(g, n->as.call.callable);
		print_ref(g, n->as.call.args);
		print_ref(g, n->as.call.state);
		print_ref(g, value_call_kwargs(g, n));
		print_ref(g, value_call_items(g, n));
		print_ref(g, value_call_entries(g, n));
		break;
	case VALUE_PERSID:
		print_ref(g, n->as.ref);
		break;
	case VALUE_EXTENSION:
		break;
	default:
		for (uint32_t i = 0; i < n->as.seq.count; i++)
			print_ref(g, value_items(n)[i]);
	}
	putchar('\n');
}

/* One stream from a fresh arena; result and error are the machine's. */
static bool
run(struct graph *g, const uint8_t *bytes, uint64_t len,
    struct machine_result *result, struct machine_error *error)
{
	struct pickle_source source = { .at = bytes, .len = len,
		.in_file = true };

	arena_rewind(&job.arena, 0);
	graph_init(g, &job);
	if (setjmp(job.stop) != 0) {
		error->code = job.fault.code;
		error->where = job.fault.where;
		memcpy(error->text, job.fault.text, sizeof error->text);
		return false;
	}
	return machine_run(g, &source, 0, true, result, error);
}

static void
dump(const uint8_t *bytes, uint64_t len)
{
	struct machine_result result;
	struct machine_error error;
	struct graph g;

	if (!run(&g, bytes, len, &result, &error)) {
		printf("! %d %" PRIu64 " %s\n", (int)error.code, error.where,
		    error.text);
		return;
	}
	for (vref v = 0; v < g.next; v = graph_after(&g, v))
		if (graph_at(&g, v)->kind != 0)
			print_node(&g, v);
	printf("=");
	print_ref(&g, result.value);
	printf(" %" PRIu64 " %" PRIu64 "\n", result.end, result.opcodes);
}

static void
batch(const uint8_t *at, size_t left)
{
	uint32_t len;

	while (left >= sizeof len) {
		memcpy(&len, at, sizeof len);
		at += sizeof len;
		left -= sizeof len;
		if (len > left)
			exit(2);
		dump(at, len);
		puts(".");
		at += len;
		left -= len;
	}
}

static void
measure(const uint8_t *bytes, size_t len)
{
	struct machine_result result;
	struct machine_error error;
	struct graph g;
	struct timespec a;
	struct timespec b;

	for (int i = 0; i < 10; i++) {
		double ns;

		arena_rewind(&job.arena, 0);
		clock_gettime(CLOCK_MONOTONIC, &a);
		if (!run(&g, bytes, len, &result, &error)) {
			printf("! %s\n", error.text);
			return;
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns = (double)(b.tv_sec - a.tv_sec) * 1e9 +
		    (double)(b.tv_nsec - a.tv_nsec);
		printf("%s: %.2f ms, %" PRIu64 " opcodes, %.2f ns each, "
		       "%" PRIu32 " nodes, %zu bytes of arena\n",
		    i == 0 ? "cold" : "warm", ns / 1e6, result.opcodes,
		    ns / (double)result.opcodes, g.count, job.arena.used);
	}
}

static uint8_t *
read_all(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		exit(2);
	rewind(f);
	bytes = malloc((size_t)size + 1);
	if (bytes == NULL || fread(bytes, 1, (size_t)size, f) != (size_t)size)
		exit(2);
	fclose(f);
	*len = (size_t)size;
	return bytes;
}

int
main(int argc, char **argv)
{
	void *region = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *bytes;
	size_t len;

	if (argc < 2 || argc > 3 || region == MAP_FAILED)
		return 64;
	arena_init(&job.arena, region, ARENA, full, &job);
	job.limits.nodes = UINT64_C(1) << 30;
	job.seed[0] = 1;
	job.seed[1] = 2;
	bytes = read_all(argv[argc - 1], &len);
	if (argc == 2)
		dump(bytes, len);
	else if (strcmp(argv[1], "--batch") == 0)
		batch(bytes, len);
	else
		measure(bytes, len);
	free(bytes);
	return 0;
}
