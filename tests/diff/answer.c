/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.c - many inputs after one another, each read as asked, for the
 * comparisons with the real libraries (interop, diff).  Long-lived, so that a
 * hundred thousand inputs cost no hundred thousand starts.  What is asked for
 * "here" runs the parsers in this process without a jail: never for files of
 * others.
 *
 *   answer WORKER < QUESTIONS
 *
 * A question is two numbers (u32 LE) and bytes: the ways, as a set of the bits
 * below, how many bytes, and the file.  The answer is text, for each way asked
 * for: "@ WAY", what was found, and at the end of all a line ".".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "fuzz_job.h"
#include "fuzz_session.h"
#include "picklefork.h"
#include "read.h"
#include "sink.h"
#include "zip.h"

enum way {
	HERE_EXTENT = 1u << 0,
	HERE_STREAM = 1u << 1,
	JAIL_EXTENT = 1u << 2,
	JAIL_STREAM = 1u << 3,
	SAVE = 1u << 4,		/* as safetensors, jailed; aliases once */
	SAVE_CLONED = 1u << 5,	/* likewise, aliases cloned */
	ZIP = 1u << 6,		/* the members of an archive, read here */
	PREFIXES = 1u << 7,	/* how each prefix ends, read here */
	STORE = 1u << 8,	/* the bytes are DIRECTORY NUL FILE; jailed */
	SAVE_HERE = 1u << 9,	/* as safetensors, by this process */
	HERE_VERIFY = 1u << 10	/* with checksums */
};

struct question {
	uint32_t ways;
	uint32_t length;
	uint8_t *bytes;
};

static pfork_broker *extents;
static pfork_broker *streams;

static void
must(bool fine, const char *what)
{
	if (fine)
		return;
	perror(what);
	exit(70);
}

static void
print_hex(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	putchar('x');	/* so that nothing is a word too */
	for (size_t i = 0; i < length; i++)
		printf("%02x", at[i]);
}

static void
print_sha256(const void *bytes, size_t length)
{
	static EVP_MD *sha256;
	uint8_t out[32];

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	must(EVP_Digest(bytes, length, out, NULL, sha256, NULL) == 1, "SHA-256");
	print_hex(out, sizeof(out));
}

static void
print_numbers(const uint64_t *numbers, size_t count)
{
	putchar(' ');
	for (size_t i = 0; i < count; i++)
		printf("%s%" PRIu64, i > 0 ? "," : "", numbers[i]);
	if (count == 0)
		putchar('-');
}

static int
memory_file(const void *bytes, size_t length)
{
	int fd = memfd_create("answer", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, bytes, length) == (ssize_t)length, "memfd");
	return fd;
}

/* ------------------------------------------------------------- reports -- */

static void
print_error(const pfork_error *err)
{
	printf("E %s %" PRId64 " ", pfork_code_name(err->code),
	    (int64_t)err->offset);
	print_hex(err->text, strlen(err->text));
	putchar('\n');
}

static void
print_tensor(const pfork_tensor *t)
{
	uint64_t length = pfork_tensor_nbytes(t);
	uint8_t *bytes = malloc(length > 0 ? length : 1);
	pfork_error err;

	must(bytes != NULL, "memory");
	printf("T ");
	print_hex(pfork_tensor_name(t), strlen(pfork_tensor_name(t)));
	printf(" %s", pfork_tensor_dtype(t));
	print_numbers(pfork_tensor_shape(t), pfork_tensor_rank(t));
	print_numbers(pfork_tensor_strides(t), pfork_tensor_rank(t));
	printf(" %" PRIu32 " ", pfork_tensor_storage(t));
	if (length > 0 && read_part(t, 0, bytes, length, &err) != PFORK_OK) {
		printf("unread\n");
		print_error(&err);
	} else {
		print_sha256(bytes, length);
		putchar('\n');
	}
	free(bytes);
}

static void
print_checkpoint(const pfork_checkpoint *c, const pfork_error *fault)
{
	pfork_alias alias;
	pfork_note note;

	printf("F %s %s\n", pfork_checkpoint_format(c)[0] != '\0'
	    ? pfork_checkpoint_format(c) : "-",
	    pfork_verdict_name(pfork_checkpoint_verdict(c)));
	for (size_t i = 0; pfork_checkpoint_note(c, i, &note); i++) {
		printf("N %s %s ", pfork_note_kind_name(note.kind),
		    pfork_verdict_name(note.level));
		print_hex(note.text, strlen(note.text));
		putchar('\n');
	}
	if (fault != NULL) {
		print_error(fault);
		return;
	}
	for (size_t i = 0; i < pfork_checkpoint_count(c); i++)
		print_tensor(pfork_checkpoint_at(c, i));
	for (size_t i = 0; pfork_checkpoint_alias(c, i, &alias); i++) {
		printf("A ");
		print_hex(alias.name, strlen(alias.name));
		putchar(' ');
		print_hex(pfork_tensor_name(alias.target),
		    strlen(pfork_tensor_name(alias.target)));
		putchar('\n');
	}
}

/* ---------------------------------------------------- in this process -- */

/* What input.c does for a descriptor. */
static void
set_source(struct source *source, const struct question *q)
{
	struct stat st;

	source->fd = memory_file(q->bytes, q->length);
	must(fstat(source->fd, &st) == 0, "fstat");
	source->size = q->length;
	source->device = st.st_dev;
	source->inode = st.st_ino;
	source->mtime = st.st_mtim;
	source->ctime = st.st_ctim;
}

/* The session must be closed. */
static struct session *
load_here(const struct question *q, uint32_t flags)
{
	struct job *job = fuzz_job(q->bytes, q->length, flags);
	struct session *s;
	const uint8_t *sent;
	size_t length;

	(void)job_run(job);
	sent = fuzz_sent(&length);
	s = fuzz_session_open(q->length, flags);
	must(s != NULL, "session");
	fuzz_session_feed(s, sent, length);
	fuzz_session_must_hold(s);
	set_source(&s->ckpt->source, q);
	return s;
}

static void
read_here(const struct question *q, uint32_t flags)
{
	struct session *s = load_here(q, flags);

	print_checkpoint(s->ckpt, s->state == SAID_DONE ? NULL : &s->error);
	fuzz_session_close(s);	/* and the descriptor */
}

static void save(const pfork_checkpoint *c, uint32_t flags);

static void
save_here(const struct question *q)
{
	struct session *s = load_here(q, 0);

	if (s->state == SAID_DONE)
		save(s->ckpt, 0);
	else
		print_error(&s->error);
	fuzz_session_close(s);
}

/* A line "P LENGTH" for each prefix that is accepted. */
static void
read_prefixes(const struct question *q)
{
	uint8_t *bytes = malloc(q->length + 1);

	must(bytes != NULL, "memory");
	for (uint32_t n = 0; n < q->length; n++) {
		memcpy(bytes, q->bytes, n);
		if (job_run(fuzz_job(bytes, n, GO_VERIFY)))
			printf("P %" PRIu32 "\n", n);
	}
	free(bytes);
}

static void
read_zip(const struct question *q)
{
	struct job *job = fuzz_job(q->bytes, q->length, GO_VERIFY);
	struct zip zip;

	if (setjmp(job->stop) != 0) {
		printf("E %d %" PRId64 " ", (int)job->fault.code,
		    (int64_t)job->fault.where);
		print_hex(job->fault.text, strlen(job->fault.text));
		putchar('\n');
		return;
	}
	job->sink = sink_new(job);
	if (!zip_is(job))
		die(job, FAULT_FORMAT, 0, "answer: not a zip archive");
	zip_open(job, &zip);
	for (uint32_t i = 0; i < zip.count; i++) {
		const struct zip_member *m = &zip.members[i];
		const uint8_t *bytes = zip_bytes(job, m);

		printf("Z ");
		print_hex(m->name, m->name_len);
		printf(" %" PRIu64 " ", m->size);
		print_sha256(bytes, m->size);
		putchar('\n');
	}
}

/* ------------------------------------------------------------- jailed -- */

static pfork_broker *
new_broker(const char *worker, enum pfork_delivery delivery)
{
	pfork_options options = { .size = sizeof(options),
		.worker_path = worker, .refuse_at = PFORK_REFUSE_NEVER,
		.delivery = delivery };
	pfork_broker *b = NULL;
	pfork_error err;

	if (pfork_broker_new(&options, &b, &err) != PFORK_OK) {
		fprintf(stderr, "answer: %s\n", err.text);
		exit(69);
	}
	return b;
}

static void
read_jailed(const struct question *q, pfork_broker *broker)
{
	int fd = memory_file(q->bytes, q->length);
	pfork_checkpoint *c = NULL;
	pfork_error err;

	if (pfork_scan_fd(broker, fd, &c, &err) != PFORK_OK)
		print_error(&err);
	else
		print_checkpoint(c, pfork_checkpoint_fault(c));
	pfork_checkpoint_unref(c);
	close(fd);
}

static void
save(const pfork_checkpoint *c, uint32_t flags)
{
	pfork_save_options options = { .size = sizeof(options),
		.flags = flags | PFORK_SAVE_SKIP_UNSUPPORTED };
	int fd = memory_file("", 0);
	pfork_error err;
	off_t length;
	void *map;

	if (pfork_save_safetensors(c, fd, &options, &err) != PFORK_OK) {
		print_error(&err);
	} else {
		length = lseek(fd, 0, SEEK_END);
		map = mmap(NULL, (size_t)length, PROT_READ, MAP_PRIVATE, fd, 0);
		must(map != MAP_FAILED, "map");
		printf("S %jd\n", (intmax_t)length);
		must(fwrite(map, 1, (size_t)length, stdout) == (size_t)length,
		    "write");
		munmap(map, (size_t)length);
	}
	close(fd);
}

static void
read_saved(const struct question *q, uint32_t flags)
{
	pfork_checkpoint *c = NULL;
	pfork_error err;

	if (pfork_load_memory(extents, q->bytes, q->length, &c, &err) !=
	    PFORK_OK)
		print_error(&err);
	else
		save(c, flags);
	pfork_checkpoint_unref(c);
}

/* All of the files that the file names, and their safetensors. */
static void
read_store(const struct question *q)
{
	const char *directory = (const char *)q->bytes;
	const char *file = directory + strlen(directory) + 1;
	pfork_checkpoint *c = NULL;
	pfork_store *store = NULL;
	pfork_error err;

	if (pfork_store_open(extents, directory, NULL, &store, &err) !=
	    PFORK_OK || pfork_store_load(store, file, &c, &err) != PFORK_OK) {
		print_error(&err);
	} else {
		print_checkpoint(c, NULL);
		puts("@ save");
		save(c, 0);
	}
	pfork_checkpoint_unref(c);
	pfork_store_free(store);
}

static void
answer(const struct question *q)
{
	if (q->ways & HERE_EXTENT) {
		puts("@ here");
		read_here(q, 0);
	}
	if (q->ways & HERE_STREAM) {
		puts("@ here-stream");
		read_here(q, GO_DELIVER_STREAM);
	}
	if (q->ways & JAIL_EXTENT) {
		puts("@ jail");
		read_jailed(q, extents);
	}
	if (q->ways & JAIL_STREAM) {
		puts("@ jail-stream");
		read_jailed(q, streams);
	}
	if (q->ways & SAVE) {
		puts("@ save");
		read_saved(q, 0);
	}
	if (q->ways & SAVE_CLONED) {
		puts("@ save-cloned");
		read_saved(q, PFORK_SAVE_CLONE_ALIASES);
	}
	if (q->ways & SAVE_HERE) {
		puts("@ save-here");
		save_here(q);
	}
	if (q->ways & HERE_VERIFY) {
		puts("@ here-verify");
		read_here(q, GO_VERIFY);
	}
	if (q->ways & ZIP) {
		puts("@ zip");
		read_zip(q);
	}
	if (q->ways & PREFIXES) {
		puts("@ prefixes");
		read_prefixes(q);
	}
	if (q->ways & STORE) {
		puts("@ store");
		read_store(q);
	}
	puts(".");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct question q;
	uint32_t head[2];

	if (argc != 2) {
		fprintf(stderr, "usage: answer WORKER < QUESTIONS\n");
		return 64;
	}
	extents = new_broker(argv[1], PFORK_DELIVER_EXTENT);
	streams = new_broker(argv[1], PFORK_DELIVER_STREAM);
	while (fread(head, sizeof(head), 1, stdin) == 1) {
		q.ways = head[0];
		q.length = head[1];
		/* Exactly as many, and a NUL that no parser is told of. */
		q.bytes = calloc(1, (size_t)q.length + 1);
		must(q.bytes != NULL &&
		    fread(q.bytes, 1, q.length, stdin) == q.length, "question");
		answer(&q);
		free(q.bytes);
	}
	pfork_broker_free(extents);
	pfork_broker_free(streams);
	return 0;
}
