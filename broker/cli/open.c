/* SPDX-License-Identifier: Apache-2.0
 *
 * open.c - from a file name to a checkpoint, the same way for every verb: a
 * scan, so that there is something to show when the file is refused or broken,
 * and then the verdict against the policy.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "set.h"

/* The worker of a build tree stands beside the program. */
static void
find_worker(struct options *options)
{
	static const char name[] = "picklefork-worker";
	char *slash;
	ssize_t length;

	if (options->load.worker_path != NULL)
		return;
	length = readlink("/proc/self/exe", options->worker,
	    sizeof(options->worker) - sizeof(name));
	if (length <= 0)
		return;
	options->worker[length] = '\0';
	slash = strrchr(options->worker, '/');
	if (slash == NULL)
		return;
	memcpy(slash + 1, name, sizeof(name));
	if (access(options->worker, X_OK) == 0)
		options->load.worker_path = options->worker;
}

int
exit_for(enum pfork_code code)
{
	switch (code) {
	case PFORK_OK:
		return EXIT_DONE;
	case PFORK_E_REFUSED:
		return EXIT_REFUSED;
	case PFORK_E_SANDBOX:
		return EXIT_SANDBOX;
	case PFORK_E_ARGS:
		return EXIT_USAGE;
	case PFORK_E_SYSTEM:
	case PFORK_E_FORMAT:
	case PFORK_E_UNSUPPORTED:
	case PFORK_E_LIMIT:
	case PFORK_E_TIMEOUT:
	case PFORK_E_CHANGED:
	case PFORK_E_WORKER:
	case PFORK_E_PROTOCOL:
		break;
	}
	return EXIT_UNDECIDED;
}

int
open_broker(struct options *options, pfork_broker **broker)
{
	static const char limits[] = "pfork_broker_new: limits.";
	pfork_error err;
	enum pfork_code code;

	find_worker(options);
	/* The verdict is judged below, when there is something to show. */
	options->load.refuse_at = PFORK_REFUSE_NEVER;
	code = pfork_broker_new(&options->load, broker, &err);
	/* In the user's words: the name of the limit, and its ceiling. */
	if (code == PFORK_E_ARGS &&
	    strncmp(err.text, limits, sizeof(limits) - 1) == 0)
		complain("--limit %s", err.text + sizeof(limits) - 1);
	else if (code != PFORK_OK)
		complain_error(NULL, &err);
	return exit_for(code);
}

/* Fewer are done before the first could be started ahead. */
#define FEW_FILES 8
/* More are used up no faster: one thread starts them, one at a time. */
#define PARKED_MOST 16

size_t
jobs_for(const struct options *options, size_t files)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = options->jobs != 0 ? options->jobs :
	    online > 0 ? (size_t)online : 1;

	return wanted < files ? wanted : files;
}

/* Those that this process may run on. */
static size_t
my_processors(void)
{
	cpu_set_t mine;

	/* Fails where there are over 1,024 of them. */
	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		return CPU_SETSIZE;
	return (size_t)CPU_COUNT(&mine);
}

/* Starting one ahead takes a sixth more of a processor's time than starting it
 * for its load: that gains nothing where every processor has a job already. */
static bool
has_idle_processor(size_t jobs)
{
	return my_processors() > jobs;
}

int
open_broker_for(struct options *options, size_t files, pfork_broker **broker)
{
	size_t jobs = jobs_for(options, files);
	size_t parked = 2 * jobs + 2;

	if (files > FEW_FILES && has_idle_processor(jobs))
		options->load.parked_workers = parked < PARKED_MOST ?
		    (unsigned)parked : PARKED_MOST;
	return open_broker(options, broker);
}

/* Beyond this the one thread that receives is what all wait for. */
#define INFLATE_MOST 4

int
open_broker_whole(struct options *options, pfork_broker **broker)
{
	size_t processors = my_processors();

	options->load.inflate_workers = processors < INFLATE_MOST ?
	    (uint32_t)processors : INFLATE_MOST;
	return open_broker(options, broker);
}

static bool
refused(const struct options *options, enum pfork_verdict verdict)
{
	switch (options->refuse_at) {
	case PFORK_REFUSE_DANGEROUS:
		return verdict == PFORK_DANGEROUS;
	case PFORK_REFUSE_UNUSUAL:
		return verdict == PFORK_DANGEROUS || verdict == PFORK_UNUSUAL;
	case PFORK_REFUSE_DEFAULT:
	case PFORK_REFUSE_NEVER:
		break;
	}
	return false;
}

static enum pfork_code
scan_one(pfork_broker *broker, const char *top, const char *file,
    pfork_checkpoint **ckpt, pfork_error *err)
{
	enum pfork_code code;
	int fd;

	if (top == NULL)
		return pfork_scan_path(broker, file, ckpt, err);
	fd = beneath_open(top, file);
	if (fd < 0)
		return set_cannot_open(errno, err);
	code = pfork_scan_fd(broker, fd, ckpt, err);
	close(fd);
	return code;
}

/* What there is to show; a set where the file names others.  With --root
 * nothing is opened but through the store, which holds it there and knows the
 * pins. */
static enum pfork_code
read_report(const struct options *options, pfork_broker *broker,
    const char *top, const char *file, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	pfork_checkpoint *set = NULL;
	enum pfork_code code;

	if (options->root != NULL)
		return set_scan(options, broker, top, file, ckpt, err);
	code = scan_one(broker, top, file, ckpt, err);
	if (code != PFORK_OK || !set_names_files(*ckpt))
		return code;
	code = set_scan(options, broker, top, file, &set, err);
	/* Half a set is none: nothing of it may look clean. */
	pfork_checkpoint_unref(*ckpt);
	*ckpt = set;
	return code;
}

static int
exit_for_report(enum pfork_code code)
{
	if (code == PFORK_E_SANDBOX)
		return EXIT_SANDBOX;
	return code == PFORK_E_REFUSED ? EXIT_REFUSED : EXIT_UNDECIDED;
}

/* A directory of many files, or of none. */
static int
no_set(const char *directory, pfork_error *err)
{
	*err = (pfork_error){ .code = PFORK_E_ARGS,
		.offset = PFORK_NO_OFFSET };
	if (set_is_ambiguous(directory, err->text, sizeof(err->text)))
		return EXIT_UNDECIDED;
	snprintf(err->text, sizeof(err->text), "a directory with no .metadata, "
	    "and not one *.index.json or *.onnx: name a file");
	return EXIT_UNDECIDED;
}

int
open_checkpoint(const struct options *options, pfork_broker *broker,
    const char *file, pfork_checkpoint **ckpt, pfork_error *err)
{
	return open_found(options, broker, NULL, file, ckpt, err);
}

int
open_found(const struct options *options, pfork_broker *broker,
    const char *top, const char *file, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	char inside[PATH_MAX];
	enum pfork_verdict verdict;
	const pfork_error *fault;
	enum pfork_code code;

	*ckpt = NULL;
	if (set_in_directory(file, inside, sizeof(inside)))
		file = inside;
	else if (set_is_of_type(file, S_IFDIR))
		return no_set(file, err);
	code = read_report(options, broker, top, file, ckpt, err);
	if (code != PFORK_OK)
		return exit_for_report(code);
	fault = pfork_checkpoint_fault(*ckpt);
	verdict = pfork_checkpoint_verdict(*ckpt);
	if (refused(options, verdict)) {
		err->code = PFORK_E_REFUSED;
		err->errnum = 0;
		err->offset = PFORK_NO_OFFSET;
		snprintf(err->text, sizeof(err->text),
		    "refused: the file is %s (--refuse-at never goes on)",
		    pfork_verdict_name(verdict));
		return EXIT_REFUSED;
	}
	if (fault != NULL) {
		*err = *fault;
		return exit_for_report(fault->code);
	}
	return EXIT_DONE;
}

bool
is_no_checkpoint(const pfork_checkpoint *ckpt, const pfork_error *err)
{
	return ckpt != NULL && err->code == PFORK_E_UNSUPPORTED &&
	    pfork_checkpoint_verdict(ckpt) == PFORK_UNDECIDED &&
	    pfork_checkpoint_format(ckpt)[0] == '\0';
}
