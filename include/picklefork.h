/* SPDX-License-Identifier: Apache-2.0
 *
 * picklefork.h - open an untrusted machine-learning checkpoint and get its
 * tensors, and nothing else.
 *
 * Each load starts one worker process, which locks itself into a seccomp jail
 * before it reads the first byte of the file, parses it, and reports tensors
 * over a socket.  Nothing in the file is ever called, and nothing that the
 * worker says is used before it has been checked.  This header is the manual;
 * libpicklefork(3) says the same with examples.
 *
 * Conventions
 *   - Functions that can fail return an enum pfork_code.  On failure they fill
 *     *err (when err is not NULL) and leave every other output untouched.
 *   - Every *_free and *_unref takes NULL.
 *   - Structures of options begin with `size_t size`, which the caller sets to
 *     sizeof the structure; every other field may be 0, which means "default".
 *   - Text that came from the file (tensor names, notes) is UTF-8, checked, but
 *     otherwise whatever the author of the file chose: escape it before you
 *     show it.  pfork_error.text is already printable ASCII.
 *   - The library never prints, never installs a signal handler, never calls
 *     waitpid(-1), never changes the umask or the current directory.  Every
 *     descriptor it opens is close-on-exec.
 *
 * Threads
 *   A pfork_broker may be used by any number of threads at once.  A
 *   pfork_checkpoint is immutable; all functions on it and on its tensors may
 *   be called from any thread.  A pfork_job belongs to one thread at a time.
 *   pthread_cancel of a thread that is in the library takes effect after the
 *   call, which ends as if nothing had happened.
 *   A thread that calls the library needs a stack of 64 KiB, whatever the file.
 *   A host may close all descriptors (close_range, closefrom) and open its own,
 *   while none of its threads is in the library: brokers go on working, with
 *   new workers (the old ones leave; those that waited stay zombies until the
 *   host waits for them); jobs, stores and reads of checkpoints fail with
 *   PFORK_E_SYSTEM or PFORK_E_CHANGED, and are to be freed as ever.  Nothing of
 *   the host's is closed, written to or killed.  Before Linux 6.9 a pidfd
 *   cannot be told from another: there close all of them, not only some.
 *   In a process that forks, checkpoints and brokers go on working; a job is
 *   the parent's: in the child it is over with PFORK_E_SYSTEM, and to finish it
 *   there does not disturb the parent's load.
 */
#ifndef PICKLEFORK_H
#define PICKLEFORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PFORK_VERSION_MAJOR 0
#define PFORK_VERSION_MINOR 1
#define PFORK_VERSION_PATCH 0
#define PFORK_VERSION "0.1.0"

#if defined(__GNUC__)
#define PFORK_API __attribute__((visibility("default")))
#else
#define PFORK_API
#endif

/* The version of the library in use, as "major.minor.patch". */
PFORK_API const char *pfork_version(void);

/* ------------------------------------------------------------- errors -- */

/* Named by what the caller can do about it. */
enum pfork_code {
	PFORK_OK = 0,
	PFORK_E_ARGS = 1,	/* the call is wrong: mend the caller */
	PFORK_E_SYSTEM = 2,	/* the system said no (see errnum): retry, or
				 * free resources */
	PFORK_E_SANDBOX = 3,	/* a required layer of the jail cannot be had:
				 * nothing was parsed; `picklefork doctor` */
	PFORK_E_FORMAT = 4,	/* the file is malformed, or lies: see offset */
	PFORK_E_UNSUPPORTED = 5, /* a format or feature that we do not read */
	PFORK_E_REFUSED = 6,	/* the verdict reached refuse_at */
	PFORK_E_LIMIT = 7,	/* a limit was exceeded: raise it, if meant */
	PFORK_E_TIMEOUT = 8,	/* wall-clock deadline, or no progress */
	PFORK_E_CHANGED = 9,	/* the input changed while it was being read */
	PFORK_E_WORKER = 10,	/* the worker died or left without an answer */
	PFORK_E_PROTOCOL = 11	/* the worker broke the protocol: treat the file
				 * as an attack on the parser */
};

/* "PFORK_E_FORMAT" and so on; never NULL. */
PFORK_API const char *pfork_code_name(enum pfork_code code);

#define PFORK_NO_OFFSET UINT64_MAX

/* What went wrong.  Plain data: copy it, keep it, nothing to free. */
typedef struct pfork_error {
	enum pfork_code code;
	int errnum;		/* errno, where the system has said no: always
				 * for PFORK_E_SYSTEM, for PFORK_E_SANDBOX where
				 * it is why; else 0 */
	uint64_t offset;	/* bytes into the file, or PFORK_NO_OFFSET */
	char text[256];		/* one line of printable ASCII, no newline */
} pfork_error;

/* ------------------------------------------------------------ options -- */

/* What a file wanted to do.  A report for people, never the defence: nothing
 * in a file is ever called, whatever the verdict. */
enum pfork_verdict {
	PFORK_UNDECIDED = 0,	/* not read to its end; never show as clean */
	PFORK_CLEAN = 1,	/* tensors and plain data only */
	PFORK_UNUSUAL = 2,	/* objects of other classes; see the notes */
	PFORK_DANGEROUS = 3	/* asks for code to run, or uses a trick that
				 * only attacks use */
};

/* "undecided", "clean", "unusual", "dangerous". */
PFORK_API const char *pfork_verdict_name(enum pfork_verdict verdict);

/* Verdict from which pfork_load_* answers PFORK_E_REFUSED. */
enum pfork_refuse {
	PFORK_REFUSE_DEFAULT = 0,	/* the same as PFORK_REFUSE_DANGEROUS */
	PFORK_REFUSE_DANGEROUS = 1,
	PFORK_REFUSE_UNUSUAL = 2,
	PFORK_REFUSE_NEVER = 3
};

/* How tensor bytes that stand in the file as they are reach the caller. */
enum pfork_delivery {
	PFORK_DELIVER_DEFAULT = 0,	/* the same as PFORK_DELIVER_EXTENT */
	PFORK_DELIVER_EXTENT = 1,	/* the broker reads them, when asked */
	PFORK_DELIVER_STREAM = 2	/* the worker sends all of them during
					 * the load; the broker never reads the
					 * input */
};

/* pfork_options.flags */
#define PFORK_SNAPSHOT 0x1u	/* copy the input into a sealed memfd first:
				 * for files that a hostile writer can still
				 * touch.  Holes of the file are not copied, and
				 * become memory where the worker reads them:
				 * input_bytes bounds all of it.
				 * The copy may take wall_ms, and then the load
				 * the same again */
#define PFORK_MAP_INPUT 0x2u	/* pfork_tensor_data may point into a private
				 * mapping of the input.  The caller promises
				 * that the file will not shrink (SIGBUS) */
#define PFORK_VERIFY 0x4u	/* check the CRC-32 of stored zip members too
				 * (inflated ones are always checked) */
#define PFORK_SCALARS 0x8u	/* also report plain values: numbers, text */
#define PFORK_LENIENT 0x10u	/* take safetensors files with bytes after the
				 * last tensor, which the reference refuses;
				 * the file is then unusual, by a note.
				 * Nothing else is taken more easily */
#define PFORK_POPULATE 0x20u	/* with PFORK_MAP_INPUT: fetch the pages of the
				 * mapping, from the first tensor's to the last
				 * one's, at once, from the disk where they are
				 * not in memory, which takes a fraction of the
				 * time of meeting them one by one.  For callers
				 * who will read all of it.  A hint: it needs
				 * Linux 5.14, goes no further when wall_ms has
				 * passed, and leaves out a file with holes,
				 * which could become memory */

/* The layers of the jail, as bits.  Those of PFORK_LAYERS_REQUIRED are always
 * required; any other may be demanded with pfork_options.required_layers. */
#define PFORK_LAYER_SECCOMP (UINT64_C(1) << 0)
#define PFORK_LAYER_NO_NEW_PRIVS (UINT64_C(1) << 1)
#define PFORK_LAYER_CLOSED_FDS (UINT64_C(1) << 2)
#define PFORK_LAYER_RLIMITS (UINT64_C(1) << 3)
#define PFORK_LAYER_NOT_DUMPABLE (UINT64_C(1) << 4)
#define PFORK_LAYER_NO_CAPABILITIES (UINT64_C(1) << 5)
#define PFORK_LAYER_UID_DROP (UINT64_C(1) << 6)	/* "not root" */
#define PFORK_LAYER_LANDLOCK (UINT64_C(1) << 7)
#define PFORK_LAYER_USER_NS (UINT64_C(1) << 8)
#define PFORK_LAYER_MOUNT_NS (UINT64_C(1) << 9)
#define PFORK_LAYER_IPC_NS (UINT64_C(1) << 10)
#define PFORK_LAYER_UTS_NS (UINT64_C(1) << 11)
#define PFORK_LAYER_CGROUP_NS (UINT64_C(1) << 12)
#define PFORK_LAYER_NET_NS (UINT64_C(1) << 13)	/* tried only when required:
						 * it costs 0.3 ms a worker */
#define PFORK_LAYER_MDWE (UINT64_C(1) << 14)	/* memory-deny-write-execute */
#define PFORK_LAYER_SPECULATION (UINT64_C(1) << 15)
#define PFORK_LAYERS_REQUIRED UINT64_C(0x7f)
#define PFORK_LAYERS_ALL UINT64_C(0xffff)

/* "seccomp", "no-new-privs", "landlock", ...; NULL for an unknown bit. */
PFORK_API const char *pfork_layer_name(uint64_t layer);

/* Limits on one load; 0 means the default.  A value over the ceiling is
 * PFORK_E_ARGS.  Exceeding a limit is PFORK_E_LIMIT (PFORK_E_TIMEOUT for the
 * last three).  In brackets the defaults and, after a comma, the ceilings; the
 * reasons are in the source, proto/limits.h. */
typedef struct pfork_limits {
	size_t size;
	uint64_t input_bytes;	/* size of the input file [4 TiB, 16 TiB] */
	uint64_t arena_bytes;	/* the worker's memory, reserved, not committed
				 * [1 GiB, 64 GiB] */
	uint64_t streamed_bytes; /* bytes that the worker may send [16 GiB,
				 * 4 TiB] */
	uint64_t contiguous_bytes; /* sum of all tensors' nbytes [8 times the
				 * input and 1 GiB, 64 TiB] */
	uint64_t tensors;	/* tensors and aliases [1,000,000,
				 * 50,000,000] */
	uint64_t nodes;		/* values that a file may build [20,000,000,
				 * 1,000,000,000] */
	uint64_t nesting;	/* depth of containers that is walked [1,000,
				 * 100,000] */
	uint64_t notes;		/* notes kept; further ones are counted only,
				 * but for the first PFORK_NOTE_SKIPPED or
				 * _NAMES [10,000, 1,000,000] */
	uint64_t names_bytes;	/* sum of all names, paths, notes and scalars
				 * [256 MiB, 16 GiB] */
	uint64_t wall_ms;	/* one load, start to end [5 minutes, a
				 * day]; to read
				 * or save tensors afterwards takes what it
				 * takes */
	uint64_t stall_ms;	/* longest time without progress: a whole
				 * message, or 64 KiB of data [30 s, a
				 * day] */
	uint64_t cpu_seconds;	/* the worker's processor time [120, a day] */
} pfork_limits;

typedef struct pfork_options {
	size_t size;
	const char *worker_path; /* NULL: the installed worker.  One that is not
				 * absolute is beneath the current directory of
				 * pfork_broker_new */
	const pfork_limits *limits; /* NULL: all defaults; copied */
	uint64_t required_layers; /* PFORK_LAYER_*, beyond the required ones */
	uint32_t worker_uid;	/* uid and gid of the worker when the caller is
				 * root; 0: a number that no account uses */
	uint32_t flags;		/* PFORK_SNAPSHOT | ...; unknown: ARGS */
	enum pfork_refuse refuse_at;
	enum pfork_delivery delivery;
	uint32_t parked_workers; /* workers that are kept ready for loads to
				 * come [0, ceiling 64]; see below */
	uint32_t inflate_workers; /* workers that inflate one file together
				 * [1, ceiling 16]; see below */
} pfork_options;

/* ------------------------------------------------------------- broker -- */

typedef struct pfork_broker pfork_broker;	  /* settings; shareable */
typedef struct pfork_checkpoint pfork_checkpoint; /* one loaded file */
typedef struct pfork_tensor pfork_tensor;	  /* borrowed from it */
typedef struct pfork_job pfork_job;		  /* one load under way */

/* Makes a broker.  options may be NULL.  Starts nothing, unless parked_workers
 * is given.
 * Errors: ARGS, SYSTEM (memory), SANDBOX (no worker program there, or none that
 * may be run).
 *
 * parked_workers: for servers.  A thread of the broker's own keeps so many
 * workers started ahead of their loads, locked in but for what needs the input,
 * and each still gets one file and no second one.  A load that finds none
 * starts one, as without.  The thread blocks all signals; it also reaps: a load
 * returns when its worker has said all, and kills it.  What to know:
 *   - The workers that wait are children of the process: a host that waits for
 *     "all of its children" waits for them.  They leave when the broker is
 *     freed, or its process ends.
 *   - A host that forks: in the child the broker works, without the parked
 *     workers and without the thread.  Free it there too; it closes what was
 *     inherited, and joins nothing.
 *   - A host that drops its rights does so before it makes the broker: a worker
 *     that it then may no longer kill is not used.
 *   - Some 0.5 MB and three descriptors a worker.
 *
 * inflate_workers: for a caller who waits for one large file.  Where a zip
 * archive (torch, npz) has two deflated members or more, and one of 1 MiB or
 * over, up to so many workers of the one load inflate them at the same time, on
 * as many processors.  Every one of them is jailed and verified, parses all of
 * the file, and has limits of its own (arena_bytes, cpu_seconds), but
 * streamed_bytes is that of all together.  Their accounts of the file must fit
 * together: PFORK_E_PROTOCOL.  One that fails, or cannot be had, fails the
 * load.  pfork_worker_info tells of the first one.
 *
 * A broker that loads more than a few files, or has parked workers, keeps five
 * descriptors open: namespaces that its workers enter. */
PFORK_API enum pfork_code pfork_broker_new(const pfork_options *options,
    pfork_broker **broker, pfork_error *err);

/* Frees it, after its thread and the workers that wait have ended.
 * Checkpoints that it loaded stay valid, and jobs and stores that it began go
 * on; no other thread may be inside of a call that has the broker. */
PFORK_API void pfork_broker_free(pfork_broker *broker);

/* ------------------------------------------------------------ loading -- */

/* Load a checkpoint: all of it or nothing.  A verdict at or over refuse_at is
 * PFORK_E_REFUSED.  No tensor bytes that stand in the file as they are get
 * read here; see pfork_tensor_read.
 *
 * _path opens the file (regular files only; symbolic links are followed).
 * _fd takes a descriptor open for reading, which stays the caller's; its file
 * offset is neither used nor moved.  When it is open for writing too, the file
 * must allow to be opened again for reading, or PFORK_SNAPSHOT be given: the
 * worker gets no descriptor that it could write through.  One with O_DIRECT is
 * opened again as well, without that flag, or refused.  _memory copies the
 * bytes into a sealed memfd, which is then loaded; they are not used after the
 * call.
 *
 * Errors: every code.  Blocks; thread-safe. */
PFORK_API enum pfork_code pfork_load_path(pfork_broker *broker,
    const char *path, pfork_checkpoint **ckpt, pfork_error *err);
PFORK_API enum pfork_code pfork_load_fd(pfork_broker *broker, int fd,
    pfork_checkpoint **ckpt, pfork_error *err);
PFORK_API enum pfork_code pfork_load_memory(pfork_broker *broker,
    const void *bytes, size_t length, pfork_checkpoint **ckpt,
    pfork_error *err);

/* Like the loads, for reports: never answers REFUSED, and a file that the
 * parser could not read to its end (FORMAT, UNSUPPORTED, LIMIT, TIMEOUT,
 * CHANGED, WORKER, PROTOCOL) still gives PFORK_OK and a checkpoint, without
 * tensors, that holds the notes seen so far; pfork_checkpoint_fault says what
 * stopped it.  Errors: ARGS, SYSTEM, SANDBOX. */
PFORK_API enum pfork_code pfork_scan_path(pfork_broker *broker,
    const char *path, pfork_checkpoint **ckpt, pfork_error *err);
PFORK_API enum pfork_code pfork_scan_fd(pfork_broker *broker, int fd,
    pfork_checkpoint **ckpt, pfork_error *err);

/* A load for an event loop.  Start it, wait until pfork_job_fd is readable,
 * step, and so on until step says it is over; then finish.  Step never blocks
 * for long; deadlines make the descriptor readable too.
 *
 * What names other files is not followed: a set is loaded by the calls below,
 * which block.
 *
 * _start: as pfork_load_fd (the descriptor is duplicated).
 * _fd: the job's own, the same until _finish, which closes it: take it out of
 *   your loop before.  Do not read from it or close it.
 * _step: PFORK_OK and *done false: wait again.  PFORK_OK and *done true: call
 *   _finish.  Errors are reported by _finish alone.
 * _finish: gives the checkpoint or the error and frees the job.  Before the
 *   end it cancels: the worker is killed and reaped, and the answer is
 *   PFORK_E_TIMEOUT.  ckpt may be NULL, then the result is thrown away. */
PFORK_API enum pfork_code pfork_job_start(pfork_broker *broker, int fd,
    pfork_job **job, pfork_error *err);
PFORK_API int pfork_job_fd(const pfork_job *job);
PFORK_API enum pfork_code pfork_job_step(pfork_job *job, bool *done);
PFORK_API enum pfork_code pfork_job_finish(pfork_job *job,
    pfork_checkpoint **ckpt, pfork_error *err);
/* Bytes of the input that the worker has dealt with, for a progress line. */
PFORK_API void pfork_job_progress(const pfork_job *job, uint64_t *done,
    uint64_t *total);

/* ------------------------------------------------------ several files -- */

/* A store is a directory that files may be loaded from, and the wall round it:
 * a file of the store may name others (an index of shards, an ONNX model with
 * external data, the .metadata of a PyTorch distributed checkpoint do), and
 * those are opened beneath the directory or not at all.  There is no default
 * directory; what the files say can neither leave it nor name a file in another
 * directory than their own.  Needs openat2(2), Linux 5.6. */
typedef struct pfork_store pfork_store;

/* pfork_store_options.flags */
#define PFORK_STORE_SYMLINKS 0x1u /* follow symbolic links that stay inside the
				 * directory: a Hugging Face cache is made of
				 * them.  Default: none is followed */
#define PFORK_STORE_PINNED 0x2u /* open no file that is not pinned */

/* The SHA-256 that a file's bytes must have.  They are hashed, through the very
 * descriptor that is read later, before a worker gets them; other bytes are
 * PFORK_E_REFUSED.  That they do not change after that is told by the file's
 * size and times alone: where others can write to it, PFORK_SNAPSHOT hashes and
 * reads a copy. */
typedef struct pfork_pin {
	const char *file;	/* beneath the directory: as it is given to
				 * pfork_store_load; a file that it names has
				 * the same directory before its name */
	uint8_t sha256[32];
} pfork_pin;

typedef struct pfork_store_options {
	size_t size;
	uint32_t flags;		/* PFORK_STORE_*; unknown: ARGS */
	uint32_t files;		/* most files that one load may open; 0: 1024,
				 * ceiling 65536 */
	const pfork_pin *pins;	/* pin_count of them, NULL when that is 0;
				 * copied.  A pin of a file that no load opens
				 * says nothing: see PFORK_STORE_PINNED */
	size_t pin_count;
} pfork_store_options;

/* Opens the directory; path itself may lead through symbolic links.  options
 * may be NULL.  The broker's settings are copied: it may be freed before (its
 * parked workers end with it).
 * Errors: ARGS (also for a file that is pinned twice), SYSTEM. */
PFORK_API enum pfork_code pfork_store_open(pfork_broker *broker,
    const char *path, const pfork_store_options *options, pfork_store **store,
    pfork_error *err);
/* Checkpoints that it loaded stay valid.  Thread-safe: _load, _scan. */
PFORK_API void pfork_store_free(pfork_store *store);

/* Loads `file`, a path beneath the directory.  When it names other files, they
 * are loaded too, and the checkpoint has the tensors of all of them:
 *   - an index of shards ("hf-index", model.safetensors.index.json): each file
 *     by a worker of its own, tensors under their names.  One that is not in
 *     the file which the index names is PFORK_E_FORMAT, one that the index does
 *     not name is left out with a note;
 *   - "onnx" with external data: tensors stand in those files as they are, so
 *     no worker reads them (with PFORK_DELIVER_STREAM one sends all of each);
 *   - "torch-dcp", the .metadata of a PyTorch distributed checkpoint: each
 *     .distcp file by a worker of its own.  A tensor that was saved in several
 *     boxes is assembled of them: _read and _read_part copy from each what it
 *     has, _is_contiguous is true, _extent false, _file "", and boxes that
 *     overlap or leave a hole are PFORK_E_FORMAT.
 * The limits on input, tensors, streamed and contiguous bytes and time hold for
 * all the files together.  A file that others may write to is noted, and so is
 * a directory, from the store's own to that of `file`.  _tensor_storage numbers
 * are unique in the whole; _tensor_extent is in the file that _tensor_file
 * names.
 * Errors: every code.  REFUSED also for a file that leads out of the
 * directory or is not as pinned, SANDBOX also where openat2 cannot be had. */
PFORK_API enum pfork_code pfork_store_load(pfork_store *store,
    const char *file, pfork_checkpoint **ckpt, pfork_error *err);

/* As pfork_store_load, for reports; as pfork_scan_path, when something is wrong
 * with any file of the set, that is PFORK_OK and a checkpoint without tensors
 * that holds the notes of all the files: its fault is the first one met, and
 * its text begins with the file's name.  A file that is missing, leads out of
 * the directory or is not as pinned is such a fault too (SYSTEM, REFUSED),
 * unless it is `file` itself.
 * Errors: ARGS, SYSTEM, SANDBOX, REFUSED. */
PFORK_API enum pfork_code pfork_store_scan(pfork_store *store,
    const char *file, pfork_checkpoint **ckpt, pfork_error *err);

/* --------------------------------------------------------- checkpoint -- */

/* References; the last _unref frees it, its tensors and their data. */
PFORK_API pfork_checkpoint *pfork_checkpoint_ref(pfork_checkpoint *ckpt);
PFORK_API void pfork_checkpoint_unref(pfork_checkpoint *ckpt);

/* "torch-zip", ...; also that of a file which is recognised and not read;
 * "" when nothing was recognised.  Lives as ckpt. */
PFORK_API const char *pfork_checkpoint_format(const pfork_checkpoint *ckpt);
PFORK_API enum pfork_verdict pfork_checkpoint_verdict(
    const pfork_checkpoint *ckpt);
/* NULL, or why a scan stopped early.  Lives as ckpt. */
PFORK_API const pfork_error *pfork_checkpoint_fault(
    const pfork_checkpoint *ckpt);

/* Tensors, in the order of the file.  _at: NULL out of range.  _find: by name
 * or by the name of an alias; NULL when there is none. */
PFORK_API size_t pfork_checkpoint_count(const pfork_checkpoint *ckpt);
PFORK_API const pfork_tensor *pfork_checkpoint_at(const pfork_checkpoint *ckpt,
    size_t index);
PFORK_API const pfork_tensor *pfork_checkpoint_find(
    const pfork_checkpoint *ckpt, const char *name);

/* An alias: a second name of a tensor that the file reaches twice. */
typedef struct pfork_alias {
	const char *name;	/* UTF-8; lives as the checkpoint */
	const pfork_tensor *target;
} pfork_alias;
PFORK_API size_t pfork_checkpoint_alias_count(const pfork_checkpoint *ckpt);
PFORK_API bool pfork_checkpoint_alias(const pfork_checkpoint *ckpt,
    size_t index, pfork_alias *alias);

/* What the file wanted, and what was odd about it. */
enum pfork_note_kind {
	PFORK_NOTE_GLOBAL = 1,	/* a name it refers to: "os.system" */
	PFORK_NOTE_CALL = 2,	/* a call it would make; none was made */
	PFORK_NOTE_OPAQUE = 3,	/* an object of a class that we do not know */
	PFORK_NOTE_ALIAS = 4,	/* a second name of a tensor */
	PFORK_NOTE_RECORD = 5,	/* an odd record of the container */
	PFORK_NOTE_POLYGLOT = 6, /* the file is also something else */
	PFORK_NOTE_SKIPPED = 7,	/* a tensor left out, by name, and why */
	PFORK_NOTE_NAMES = 8,	/* tensors have more names than are listed */
	PFORK_NOTE_METADATA = 9	/* text beside the tensors, which
				 * pfork_save_safetensors does not copy */
};
typedef struct pfork_note {
	enum pfork_note_kind kind;
	enum pfork_verdict level; /* CLEAN, UNUSUAL or DANGEROUS */
	uint64_t offset;	/* in the file, or PFORK_NO_OFFSET */
	const char *text;	/* UTF-8; lives as the checkpoint */
} pfork_note;
/* "global", "call", ... */
PFORK_API const char *pfork_note_kind_name(enum pfork_note_kind kind);
PFORK_API size_t pfork_checkpoint_note_count(const pfork_checkpoint *ckpt);
PFORK_API bool pfork_checkpoint_note(const pfork_checkpoint *ckpt,
    size_t index, pfork_note *note);
/* Notes that the limit on notes left out. */
PFORK_API uint64_t pfork_checkpoint_notes_dropped(
    const pfork_checkpoint *ckpt);

/* One component of a tensor's path. */
enum pfork_path_kind {
	PFORK_PATH_KEY = 1,	/* a dict key, as text */
	PFORK_PATH_ATTR = 2,	/* an attribute name */
	PFORK_PATH_INDEX = 3	/* a list or tuple index, in decimal */
};

/* Plain values, with PFORK_SCALARS. */
enum pfork_scalar_kind {
	PFORK_SCALAR_NULL = 1,
	PFORK_SCALAR_BOOL = 2,
	PFORK_SCALAR_INT = 3,
	PFORK_SCALAR_BIGINT = 4, /* bytes: two's complement, little-endian */
	PFORK_SCALAR_FLOAT = 5,
	PFORK_SCALAR_TEXT = 6,	/* bytes: UTF-8 */
	PFORK_SCALAR_BYTES = 7
};
typedef struct pfork_scalar {
	const char *name;	/* path joined with '.'; need not be unique */
	enum pfork_scalar_kind kind;
	int64_t i;		/* BOOL (0, 1) and INT */
	double f;		/* FLOAT */
	const uint8_t *bytes;	/* BIGINT, TEXT, BYTES; cut at 4096 */
	size_t length;		/* bytes at hand */
	uint64_t full_length;	/* bytes in the file */
} pfork_scalar;
PFORK_API size_t pfork_checkpoint_scalar_count(const pfork_checkpoint *ckpt);
PFORK_API bool pfork_checkpoint_scalar(const pfork_checkpoint *ckpt,
    size_t index, pfork_scalar *scalar);

/* How the worker was jailed, and what it cost. */
typedef struct pfork_worker_info {
	size_t size;		/* set by the caller */
	uint64_t layers;	/* in force */
	uint64_t missing;	/* tried, not had */
	double wall_ms;		/* spawn, or hand-over, to its end or last
				 * word */
	int exit_status;	/* as waitid gives it; -1: the host took it, or
				 * a broker with parked_workers did not wait
				 * for its end */
	int exit_signal;	/* 0, or the signal that ended it */
	bool parked;		/* it was started ahead of the load */
} pfork_worker_info;
/* Of a set it is the worker that read the first file, the one that was asked
 * for.  Errors: ARGS (info is NULL, or its size smaller than that of size). */
PFORK_API enum pfork_code pfork_checkpoint_worker(
    const pfork_checkpoint *ckpt, pfork_worker_info *info);

/* ------------------------------------------------------------- tensor -- */

/* Everything here lives as long as the checkpoint. */
PFORK_API const char *pfork_tensor_name(const pfork_tensor *t); /* unique */
PFORK_API size_t pfork_tensor_path_length(const pfork_tensor *t);
/* NULL out of range; *kind and *length (bytes; a component may hold NUL) may
 * be NULL. */
PFORK_API const char *pfork_tensor_path(const pfork_tensor *t, size_t index,
    enum pfork_path_kind *kind, size_t *length);

/* safetensors' names where it has one ("F32", "BF16", "I64", "BOOL",
 * "F8_E4M3"), ours otherwise ("C128", "Q4_K"). */
PFORK_API const char *pfork_tensor_dtype(const pfork_tensor *t);
/* Bits of one block and elements in it: 32 and 1 for F32, 4 and 1 for F4. */
PFORK_API unsigned pfork_tensor_block_bits(const pfork_tensor *t);
PFORK_API unsigned pfork_tensor_block_elements(const pfork_tensor *t);

/* rank <= 64.  shape in elements; strides in elements, as torch has them, all
 * >= 0.  Both hold rank numbers; rank 0 is a single element. */
PFORK_API size_t pfork_tensor_rank(const pfork_tensor *t);
PFORK_API const uint64_t *pfork_tensor_shape(const pfork_tensor *t);
PFORK_API const uint64_t *pfork_tensor_strides(const pfork_tensor *t);
PFORK_API uint64_t pfork_tensor_elements(const pfork_tensor *t);
/* Bytes of the tensor when contiguous: what _read and _data give. */
PFORK_API uint64_t pfork_tensor_nbytes(const pfork_tensor *t);
PFORK_API bool pfork_tensor_is_contiguous(const pfork_tensor *t);
/* Tensors with the same storage number share memory in the original. */
PFORK_API uint32_t pfork_tensor_storage(const pfork_tensor *t);
/* Byte offset of the first element in its storage. */
PFORK_API uint64_t pfork_tensor_offset(const pfork_tensor *t);
/* The file of a store that holds the tensor, as the index names it; "" when the
 * checkpoint is one file.  Lives as the checkpoint. */
PFORK_API const char *pfork_tensor_file(const pfork_tensor *t);
/* Where the storage stands in the input; false when the worker sent it. */
PFORK_API bool pfork_tensor_extent(const pfork_tensor *t, uint64_t *offset,
    uint64_t *length);

/* Copies the tensor, contiguous, in C order, little-endian, into size bytes at
 * buffer; size must be at least pfork_tensor_nbytes.
 * Errors: ARGS, SYSTEM, CHANGED (the file is no longer what was loaded). */
PFORK_API enum pfork_code pfork_tensor_read(const pfork_tensor *t,
    void *buffer, size_t size, pfork_error *err);

/* A part of the same bytes, so that a large tensor can be worked through in
 * little memory: size bytes from byte `first`.  Both must be whole elements
 * (sub-byte dtypes: whole bytes).  Parts of strided tensors cost the least when
 * they are large.
 * Errors: ARGS, SYSTEM, CHANGED. */
PFORK_API enum pfork_code pfork_tensor_read_part(const pfork_tensor *t,
    uint64_t first, void *buffer, size_t size, pfork_error *err);

/* The same bytes, loaded once and kept with the checkpoint; aligned to 64
 * (with PFORK_MAP_INPUT: as they stand in the file).
 * Errors: SYSTEM, CHANGED. */
PFORK_API enum pfork_code pfork_tensor_data(const pfork_tensor *t,
    const void **data, pfork_error *err);

/* DLPack: *out is a DLManagedTensorVersioned (version 1.0, CPU, read-only
 * flag set) that holds a reference to the checkpoint until its deleter runs.
 * Errors: UNSUPPORTED (DLPack has no such dtype), SYSTEM, CHANGED. */
PFORK_API enum pfork_code pfork_tensor_dlpack(const pfork_tensor *t,
    void **out, pfork_error *err);

/* ------------------------------------------------------------ writing -- */

/* pfork_save_options.flags */
#define PFORK_SAVE_CLONE_ALIASES 0x1u /* write a shared tensor under each of
				 * its names; default: once, and the other
				 * names in __metadata__ */
#define PFORK_SAVE_SKIP_UNSUPPORTED 0x2u /* leave out, instead of failing on,
				 * tensors whose dtype safetensors lacks; and
				 * save what is there of a checkpoint that has
				 * notes PFORK_NOTE_SKIPPED or _NAMES */

/* What becomes of a name of a tensor. */
enum pfork_saved {
	PFORK_SAVED_WRITTEN = 0,
	PFORK_SAVED_ALIAS = 1,	/* in __metadata__ alone */
	PFORK_SAVED_LEFT_OUT = 2 /* PFORK_SAVE_SKIP_UNSUPPORTED */
};
/* Called for every name, aliases too: the written ones first, in the file's
 * order, then the others by name. */
typedef void (*pfork_save_each)(void *context, const char *name,
    const pfork_tensor *tensor, enum pfork_saved saved);

typedef struct pfork_save_options {
	size_t size;
	uint32_t flags;
	/* Called between pieces (16 MiB, of strided tensors up to 256) with
	 * the bytes of the output that are written and those that it will
	 * have; may be NULL.  Return false to stop. */
	bool (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
	pfork_save_each each;	/* when all is written; may be NULL */
} pfork_save_options;

/* Writes the checkpoint as safetensors to fd, from its current position: the
 * same checkpoint gives the same bytes.  Aliases and origin go into
 * __metadata__.  options may be NULL.
 * Errors: ARGS (a checkpoint with a fault; stopped by progress), UNSUPPORTED
 * (a dtype that safetensors lacks, by name; tensors, or names of theirs, that
 * were left out when the file was read), SYSTEM, CHANGED. */
PFORK_API enum pfork_code pfork_save_safetensors(const pfork_checkpoint *ckpt,
    int fd, const pfork_save_options *options, pfork_error *err);

/* What pfork_save_safetensors does with these flags, before it or without: who
 * saves too learns the same from options.each at no cost.
 * Errors: ARGS, UNSUPPORTED, SYSTEM. */
PFORK_API enum pfork_code pfork_save_names(const pfork_checkpoint *ckpt,
    uint32_t flags, pfork_save_each each, void *context, pfork_error *err);

/* ------------------------------------------------------------- doctor -- */

/* Why a layer is missing. */
typedef struct pfork_layer_state {
	uint64_t layer;		/* one PFORK_LAYER_* bit */
	bool required;
	bool in_force;
	int errnum;		/* why not, or 0 */
} pfork_layer_state;

typedef struct pfork_probe_result {
	size_t size;		/* set by the caller */
	pfork_layer_state layers[64];
	size_t layer_count;
	bool canary_killed;	/* a forbidden call ended in SIGSYS */
	char worker_path[256];
	bool parked_canary_killed; /* likewise, of a worker that was started
				 * ahead of its job (parked_workers) */
} pfork_probe_result;

/* Starts one worker that jails itself and then tries openat(2): proof that
 * the filter kills, not only that it is there; then another that is parked
 * first.  PFORK_OK only when the canary died of SIGSYS and every required layer
 * is in force (for a broker with parked_workers: the same of the other one);
 * *result is filled as far as it is known on SANDBOX too.  SYSTEM says nothing
 * of the jail: descriptors or memory were used up.
 * Errors: SYSTEM, SANDBOX. */
PFORK_API enum pfork_code pfork_probe(pfork_broker *broker,
    pfork_probe_result *result, pfork_error *err);

#ifdef __cplusplus
}
#endif
#endif
