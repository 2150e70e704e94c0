/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c - loads one small file again and again, each time with another lying
 * worker, and holds the library to its word: the one right error, in bounded
 * time, no output, no descriptor and no process left over.
 *
 * Each lie is told four times: loaded and scanned, by a worker that is started
 * for it and by one that was parked.
 *
 *	run DIRECTORY [NAME]	DIRECTORY holds liar-NAME for each lie
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "keeper.h"
#include "picklefork.h"

#define INPUT_BYTES 4096
/* The limits below, and a second for the worker to leave. */
#define LONGEST_MS 6000

static const struct lie {
	const char *name;
	enum pfork_code loads;
	const char *what;
	enum { ONE_FILE, SET, LATE, SHARE, RAW } kind;
} lies[] = {
#define LIE(name, code, what) { #name, CODE_##code, what, ONE_FILE },
#define SET_LIE(name, code, what) { #name, CODE_##code, what, SET },
#define LATE_LIE(name, code, what) { #name, CODE_##code, what, LATE },
#define SHARE_LIE(name, code, what) { #name, CODE_##code, what, SHARE },
#define RAW_LIE(name, code, what) { #name, CODE_##code, what, RAW },
#define CODE_OK PFORK_OK
#define CODE_FORMAT PFORK_E_FORMAT
#define CODE_REFUSED PFORK_E_REFUSED
#define CODE_WORKER PFORK_E_WORKER
#define CODE_PROTOCOL PFORK_E_PROTOCOL
#define CODE_SANDBOX PFORK_E_SANDBOX
#define CODE_LIMIT PFORK_E_LIMIT
#define CODE_TIMEOUT PFORK_E_TIMEOUT
#define CODE_CHANGED PFORK_E_CHANGED
#define CODE_SYSTEM PFORK_E_SYSTEM
#define CODE_ARGS PFORK_E_ARGS
#include "lies.def"
#undef LIE
#undef SET_LIE
#undef LATE_LIE
#undef SHARE_LIE
#undef RAW_LIE
};

enum { SCAN = 1, PARKED = 2, WAYS = 4 };

static char directory_path[] = "/tmp/liar-input-XXXXXX";
static char input_path[64];
static const char *complaint;

static bool
claim(bool holds, const char *what)
{
	if (!holds && complaint == NULL)
		complaint = what;
	return holds;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static bool
no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static bool
printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* Byte i of any file is i modulo 253. */
static bool
write_file(const char *name)
{
	uint8_t bytes[INPUT_BYTES];
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", directory_path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 253);
	ok = fd >= 0 && write(fd, bytes, sizeof(bytes)) == INPUT_BYTES;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The input, and what a set of files finds beside it. */
static bool
make_files(void)
{
	char path[128];

	if (mkdtemp(directory_path) == NULL)
		return false;
	snprintf(input_path, sizeof(input_path), "%s/index", directory_path);
	snprintf(path, sizeof(path), "%s/link", directory_path);
	if (symlink("raw", path) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/pipe", directory_path);
	return mkfifo(path, 0600) == 0 && write_file("index") &&
	    write_file("data") && write_file("raw");
}

static void
remove_files(void)
{
	static const char *const names[] = { "index", "data", "raw", "link",
		"pipe" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory_path,
		    names[i]);
		unlink(path);
	}
	rmdir(directory_path);
}

static void *
cut_input(void *unused)
{
	struct timespec wait = { 0, 300 * 1000 * 1000 };

	nanosleep(&wait, NULL);
	if (truncate(input_path, 0) != 0)
		perror("truncate");
	return unused;
}

/* ---------------------------------------------------------------- checks -- */

static void
check_honest(const pfork_checkpoint *ckpt)
{
	const pfork_tensor *b = pfork_checkpoint_find(ckpt, "c");
	const pfork_tensor *a = pfork_checkpoint_find(ckpt, "a");
	uint8_t bytes[64];
	pfork_note note;

	claim(strcmp(pfork_checkpoint_format(ckpt), "liar") == 0, "format");
	claim(pfork_checkpoint_count(ckpt) == 2, "count of tensors");
	claim(pfork_checkpoint_alias_count(ckpt) == 1, "count of aliases");
	claim(pfork_checkpoint_note_count(ckpt) == 2, "count of notes");
	claim(pfork_checkpoint_note(ckpt, 0, &note) &&
	    note.kind == PFORK_NOTE_ALIAS, "the alias' note");
	claim(pfork_checkpoint_verdict(ckpt) == PFORK_UNUSUAL, "verdict");
	if (!claim(a != NULL && b != NULL &&
	    b == pfork_checkpoint_at(ckpt, 1), "tensors by name"))
		return;
	claim(pfork_tensor_read(a, bytes, 64, NULL) == PFORK_OK, "read a");
	for (size_t i = 0; i < 64; i++)
		claim(bytes[i] == (128 + i) % 253, "bytes of a");
	claim(pfork_tensor_read(b, bytes, 64, NULL) == PFORK_OK, "read b");
	for (size_t i = 0; i < 64; i++)
		claim(bytes[i] == (i < 60 ? i : i - 60), "bytes of b");
}

static void
check_bytes(const pfork_checkpoint *ckpt, const char *name, size_t length,
    size_t at, size_t from)
{
	const pfork_tensor *t = pfork_checkpoint_find(ckpt, name);
	uint8_t bytes[128];

	if (!claim(t != NULL, "a tensor of the set"))
		return;
	claim(pfork_tensor_nbytes(t) >= at + length, "bytes of a tensor");
	claim(pfork_tensor_read_part(t, at, bytes, length, NULL) == PFORK_OK,
	    "reading a tensor of the set");
	for (size_t i = 0; i < length; i++)
		claim(bytes[i] == (from + i) % 253, "bytes of the set");
}

/* lies_set.c says where they are. */
static void
check_halves(const pfork_checkpoint *ckpt)
{
	check_bytes(ckpt, "w", 64, 0, 64);
	check_bytes(ckpt, "w", 64, 64, 1024 + 64);
}

static void
check_honest_set(const pfork_checkpoint *ckpt)
{
	claim(strcmp(pfork_checkpoint_format(ckpt), "torch-dcp") == 0,
	    "format of the set");
	claim(pfork_checkpoint_count(ckpt) == 3, "tensors of the set");
	check_halves(ckpt);
	check_bytes(ckpt, "v", 64, 0, 64);
	check_bytes(ckpt, "r", 100, 0, 10);
}

/* lies_share.c: one tensor of each storage, the first an extent. */
static void
check_shared(const pfork_checkpoint *ckpt)
{
	uint8_t bytes[64];

	claim(pfork_checkpoint_count(ckpt) == 4, "tensors of a shared file");
	for (size_t k = 0; k < pfork_checkpoint_count(ckpt); k++) {
		claim(pfork_tensor_read(pfork_checkpoint_at(ckpt, k), bytes,
		    64, NULL) == PFORK_OK, "reading what another sent");
		for (size_t i = 0; i < 64; i++)
			claim(bytes[i] == (k == 0 ? (128 + i) % 253 : i),
			    "bytes that another sent");
	}
}

static bool
is_set(const struct lie *lie)
{
	return lie->kind == SET || lie->kind == RAW;
}

/* As pfork_load_path and pfork_scan_path, of one file or of a set. */
static enum pfork_code
load_lie(const struct lie *lie, pfork_broker *broker, bool scan,
    pfork_checkpoint **ckpt, pfork_error *err)
{
	pfork_store *store = NULL;
	enum pfork_code code;

	if (!is_set(lie))
		return (scan ? pfork_scan_path : pfork_load_path)(broker,
		    input_path, ckpt, err);
	code = pfork_store_open(broker, directory_path, NULL, &store, err);
	if (code == PFORK_OK)
		code = (scan ? pfork_store_scan : pfork_store_load)(store,
		    "index", ckpt, err);
	pfork_store_free(store);
	return code;
}

/* A set has more than one worker. */
static void
check_parked(const struct lie *lie, const pfork_checkpoint *ckpt, bool parked)
{
	pfork_worker_info info = { .size = sizeof(info) };

	claim(is_set(lie) || (pfork_checkpoint_worker(ckpt, &info) == PFORK_OK &&
	    info.parked == parked), "which worker took the load");
}

static void
check_load(const struct lie *lie, pfork_broker *broker, bool parked)
{
	pfork_checkpoint *untouched = (pfork_checkpoint *)&complaint;
	pfork_checkpoint *ckpt = untouched;
	pfork_error err = { 0 };
	enum pfork_code code = load_lie(lie, broker, false, &ckpt, &err);

	if (!claim(code == lie->loads, "the code of the load"))
		printf("  %s: got %s: %s\n", lie->name, pfork_code_name(code),
		    code != PFORK_OK ? err.text : "");
	if (code == PFORK_OK) {
		if (strcmp(lie->name, "honest") == 0)
			check_honest(ckpt);
		if (strcmp(lie->name, "set_honest") == 0)
			check_honest_set(ckpt);
		if (strcmp(lie->name, "data_offset") == 0)
			check_halves(ckpt);
		if (strstr(lie->name, "_dropped") != NULL)
			claim(pfork_checkpoint_notes_dropped(ckpt) ==
			    UINT64_MAX, "count of notes that were dropped");
		if (lie->kind == SHARE && strcmp(lie->name, "share_of_one"))
			check_shared(ckpt);
		check_parked(lie, ckpt, parked);
		pfork_checkpoint_unref(ckpt);
		return;
	}
	claim(ckpt == untouched, "the output after a failure");
	claim(err.code == code, "the code in the error");
	claim(err.text[0] != '\0' && printable(err.text), "the error's text");
	if (getenv("LIAR_VERBOSE") != NULL)
		printf("  %-18s %s\n", lie->name, err.text);
}

/* For its verdict, which a scan does not refuse. */
static bool
is_refusal(const struct lie *lie)
{
	return lie->loads == PFORK_E_REFUSED &&
	    strcmp(lie->name, "set_file_link") != 0;
}

/* A scan has the same error as its fault, or nothing to say. */
static void
check_scan(const struct lie *lie, pfork_broker *broker, bool parked)
{
	pfork_checkpoint *ckpt = NULL;
	const pfork_error *fault;
	enum pfork_code code = load_lie(lie, broker, true, &ckpt, NULL);

	if (lie->loads == PFORK_E_SANDBOX) {
		claim(code == PFORK_E_SANDBOX, "the scan without a jail");
		return;
	}
	if (!claim(code == PFORK_OK && ckpt != NULL, "the code of the scan"))
		return;
	check_parked(lie, ckpt, parked);
	fault = pfork_checkpoint_fault(ckpt);
	if (lie->loads == PFORK_OK || is_refusal(lie)) {
		claim(fault == NULL, "a fault without reason");
	} else {
		claim(fault != NULL && fault->code == lie->loads,
		    "the scan's fault");
		claim(pfork_checkpoint_count(ckpt) == 0, "tensors of a fault");
		claim(pfork_checkpoint_verdict(ckpt) ==
		    (strstr(lie->name, "dangerous") != NULL ?
		    PFORK_DANGEROUS : PFORK_UNDECIDED) ||
		    lie->kind != SHARE, "the verdict of a shared fault");
		claim(pfork_checkpoint_verdict(ckpt) == PFORK_UNDECIDED ||
		    pfork_checkpoint_verdict(ckpt) == PFORK_DANGEROUS,
		    "the verdict of a fault");
	}
	pfork_checkpoint_unref(ckpt);
}

/* One that cannot be parked is never seen to wait. */
static void
wait_for_parked(const struct lie *lie, const pfork_broker *broker)
{
	bool jailed = strcmp(lie->name, "unjailed") != 0;

	if (broker->keeper != NULL)
		claim(keeper_wait(broker->keeper, 1, jailed ? 5000 : 1000) ==
		    jailed, "a worker is parked");
}

static bool
tell(const struct lie *lie, const char *directory, int way)
{
	pfork_limits limits = { .size = sizeof(limits), .tensors = 2000,
		.notes = 2000, .names_bytes = 1 << 20, .stall_ms = 700,
		.wall_ms = 2500, .cpu_seconds = 2 };
	char path[4096];
	pfork_options options = { .size = sizeof(options),
		.worker_path = path, .limits = &limits,
		.parked_workers = (way & PARKED) != 0,
		.inflate_workers = lie->kind == SHARE ? 3 : 0,
		.delivery = lie->kind == RAW ? PFORK_DELIVER_STREAM :
		    PFORK_DELIVER_DEFAULT };
	bool cut = strcmp(lie->name, "truncated") == 0;
	pfork_broker *broker;
	pfork_error err;
	pthread_t cutter;
	size_t before = open_descriptors();
	double start;

	complaint = NULL;
	snprintf(path, sizeof(path), "%s/liar-%s", directory, lie->name);
	if (cut)
		limits.stall_ms = 10000;
	if (pfork_broker_new(&options, &broker, &err) != PFORK_OK) {
		printf("  %s\n", err.text);
		return false;
	}
	claim(write_file("index"), "writing the input");
	wait_for_parked(lie, broker);
	start = now();
	if (cut)
		pthread_create(&cutter, NULL, cut_input, NULL);
	((way & SCAN) != 0 ? check_scan : check_load)(lie, broker,
	    (way & PARKED) != 0);
	if (cut)
		pthread_join(cutter, NULL);
	pfork_broker_free(broker);
	claim(now() - start < LONGEST_MS, "the time it took");
	claim(open_descriptors() == before, "a descriptor is left");
	claim(no_children(), "a process is left");
	if (complaint != NULL)
		printf("FAILED: %s %s%s (%s): %s\n",
		    (way & SCAN) != 0 ? "scan" : "load", lie->name,
		    (way & PARKED) != 0 ? ", parked" : "", lie->what,
		    complaint);
	return complaint == NULL;
}

int
main(int argc, char **argv)
{
	size_t passed = 0;
	size_t failed = 0;

	if (argc < 2)
		return 64;
	if (!make_files())
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		if (argc > 2 && strcmp(argv[2], lies[i].name) != 0)
			continue;
		for (int way = 0; way < WAYS; way++) {
			struct lie lie = lies[i];

			if (lie.kind == LATE && (way & PARKED) != 0)
				lie.loads = PFORK_OK;
			if (tell(&lie, argv[1], way))
				passed++;
			else
				failed++;
		}
	}
	remove_files();
	printf("liar: %zu passed, %zu failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
