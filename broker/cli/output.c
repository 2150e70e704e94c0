/* SPDX-License-Identifier: Apache-2.0
 *
 * output.c - output files appear whole or not at all: written without a name
 * (or where the file system cannot, under a temporary one in the same
 * directory), synced, named, directory synced.  Must never replace a file that
 * the user did not say to replace, nor leave a half-written one behind.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "path.h"
#include "print.h"

/* One for each thread that writes; --jobs takes 1024 at most. */
#define OUTPUTS_MOST 1025
/* What the disk is asked for at once, ahead of the sync. */
#define SEND_BYTES ((uint64_t)32 << 20)

/* A name, and what it is in. */
struct temporary {
	int directory;
	char name[];
};

/* For the signal handler: whoever takes a name out of here owns it, and its
 * directory, for the handler may run while another thread is done with its
 * file. */
static _Atomic(struct temporary *) doomed[OUTPUTS_MOST];

/* The handler's too. */
void
output_remove_all(void)
{
	for (size_t i = 0; i < OUTPUTS_MOST; i++) {
		const struct temporary *t = atomic_exchange(&doomed[i], NULL);

		if (t != NULL)
			unlinkat(t->directory, t->name, 0);
	}
}

static void
remove_and_die(int number)
{
	output_remove_all();
	/* SA_RESETHAND: the second time it ends us, but for the first process
	 * of a container. */
	raise(number);
	_exit(128 + number);
}

static void
catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = remove_and_die,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
	struct sigaction old;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

/* From now on a signal removes the temporary file.  False: no room. */
static bool
doom(struct output *o)
{
	for (size_t i = 0; i < OUTPUTS_MOST; i++) {
		struct temporary *free_one = NULL;

		if (atomic_compare_exchange_strong(&doomed[i], &free_one,
		    o->temporary)) {
			o->doomed = i + 1;
			catch_signals();
			return true;
		}
	}
	errno = EMFILE;
	return false;
}

static void
leave_directory(struct output *o)
{
	if (o->directory >= 0)
		close(o->directory);
	o->directory = AT_FDCWD;
}

/* The temporary file is gone, or has its name. */
static void
forget_temporary(struct output *o)
{
	struct temporary *mine = o->temporary;

	/* Otherwise the handler has both, and we are about to end. */
	if (o->doomed == 0 || atomic_compare_exchange_strong(
	    &doomed[o->doomed - 1], &mine, NULL)) {
		free(o->temporary);
		leave_directory(o);
	}
	o->temporary = NULL;
	o->directory = AT_FDCWD;
	o->doomed = 0;
}

static int
failed(const char *path, const char *what)
{
	int number = errno;
	char *escaped = print_escape(path);

	complain("%s: %s: %s", escaped, what, strerror(number));
	free(escaped);
	return EXIT_UNDECIDED;
}

static int
exists(const char *path)
{
	char *escaped = print_escape(path);

	complain("%s exists; --force replaces it", escaped);
	free(escaped);
	return EXIT_UNDECIDED;
}

/* Renaming would replace the link, which may be the system's (/dev/stdout), and
 * not the file that it points to. */
static int
is_link(const char *path)
{
	char *escaped = print_escape(path);

	complain("%s is a symbolic link; name the file that it points to",
	    escaped);
	free(escaped);
	return EXIT_UNDECIDED;
}

enum kind { NOTHING_THERE, STANDARD_OUTPUT, REGULAR, LINK, SPECIAL,
	DIRECTORY, UNKNOWN };

/* What a name in a directory means.  A link to a pipe or a device is as good as
 * that; one to the file that is our standard output (/dev/stdout), as "-". */
static enum kind
kind_of(int directory, const char *name)
{
	struct stat st;
	struct stat target;
	struct stat out;

	if (directory == AT_FDCWD && strcmp(name, "-") == 0)
		return STANDARD_OUTPUT;
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? NOTHING_THERE : UNKNOWN;
	if (!S_ISLNK(st.st_mode))
		target = st;
	else if (fstatat(directory, name, &target, 0) != 0)
		return errno == ENOENT ? LINK : UNKNOWN;
	if (S_ISDIR(target.st_mode))
		return DIRECTORY;
	if (!S_ISREG(target.st_mode))
		return SPECIAL;
	if (!S_ISLNK(st.st_mode))
		return REGULAR;
	if (fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == target.st_dev &&
	    out.st_ino == target.st_ino)
		return STANDARD_OUTPUT;
	return LINK;
}

static int
check_kind(const char *path, enum kind kind, bool force)
{
	switch (kind) {
	case STANDARD_OUTPUT:
		if (isatty(STDOUT_FILENO) != 1)
			return 0;
		complain("binary data would harm this terminal: use -o FILE, "
			 "or a pipe");
		return EXIT_USAGE;
	case REGULAR:
		return force ? 0 : exists(path);
	case LINK:
		return is_link(path);
	case DIRECTORY:
		errno = EISDIR;
		return failed(path, "not usable");
	case UNKNOWN:
		return failed(path, "not usable");
	case NOTHING_THERE:
	case SPECIAL:
		break;
	}
	return 0;
}

int
output_check(const char *path, bool force)
{
	if (path[0] == '\0') {
		complain("-o '': an empty name names no file; - is standard "
			 "output");
		return EXIT_USAGE;
	}
	return check_kind(path, kind_of(AT_FDCWD, path), force);
}

static const char *
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

int
output_check_made(int directory, const char *path, bool force)
{
	enum kind kind = kind_of(directory, last_name(path));
	char *escaped;

	if (kind != SPECIAL && kind != STANDARD_OUTPUT)
		return check_kind(path, kind, force);
	escaped = print_escape(path);
	complain("%s: in the way of an output: no regular file", escaped);
	free(escaped);
	return EXIT_UNDECIDED;
}

/* DIRECTORY/.NAME.RANDOM.tmp */
static struct temporary *
temporary_name(const struct output *o)
{
	const char *last = last_name(o->name);
	size_t size = strlen(o->name) + 32;
	struct temporary *t = malloc(sizeof(*t) + size);
	uint64_t number;

	if (t == NULL || getrandom(&number, sizeof(number), 0) !=
	    (ssize_t)sizeof(number)) {
		free(t);
		return NULL;
	}
	t->directory = o->directory;
	/* A name may have 255 bytes, and we add 22. */
	snprintf(t->name, size, "%.*s.%.*s.%016llx.tmp", (int)(last - o->name),
	    o->name, 200, last, (unsigned long long)number);
	return t;
}

/* What the output is to be in, opened with these flags. */
static int
open_directory(const struct output *o, int flags)
{
	char directory[PATH_MAX];

	if (path_split(o->name, directory) == NULL) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return openat(o->directory, directory, flags | O_CLOEXEC, 0666);
}

static int
open_beside(struct output *o)
{
	o->temporary = temporary_name(o);
	if (o->temporary == NULL) {
		leave_directory(o);
		errno = ENOMEM;
		return failed(o->path, "no temporary name");
	}
	/* A file without a name goes with its process, even by SIGKILL; some
	 * file systems have none. */
	o->fd = open_directory(o, O_WRONLY | O_TMPFILE);
	o->nameless = o->fd >= 0;
	if (o->nameless)
		return 0;
	if (doom(o))
		o->fd = openat(o->directory, o->temporary->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (o->fd < 0) {
		int code = failed(o->path, "cannot be written");

		forget_temporary(o);
		return code;
	}
	return 0;
}

/* A pipe or a device, a moment ago: who can write to its directory could have
 * put a file in its place, or a link to one of the user's. */
static int
open_in_place(struct output *o)
{
	struct stat st;

	o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (o->fd < 0)
		return failed(o->path, "cannot be written");
	if (fstat(o->fd, &st) == 0 && !S_ISREG(st.st_mode))
		return 0;
	close(o->fd);
	o->fd = -1;
	if (!o->force)
		return exists(o->path);
	return kind_of(AT_FDCWD, o->path) == REGULAR ? open_beside(o) :
						       is_link(o->path);
}

static void
set_up(struct output *o, const char *path, bool force)
{
	memset(o, 0, sizeof(*o));
	o->fd = -1;
	o->directory = AT_FDCWD;
	o->name = path;
	o->path = path;
	o->force = force;
}

int
output_open_made(struct output *o, int directory, const char *path, bool force)
{
	int code = output_check_made(directory, path, force);

	set_up(o, path, force);
	o->directory = directory;
	o->name = last_name(path);
	if (code == 0)
		return open_beside(o);
	leave_directory(o);
	return code;
}

int
output_open(struct output *o, const char *path, bool force)
{
	enum kind kind = kind_of(AT_FDCWD, path);
	int code = check_kind(path, kind, force);

	set_up(o, path, force);
	if (code != 0)
		return code;
	if (kind == STANDARD_OUTPUT) {
		o->fd = STDOUT_FILENO;
		return 0;
	}
	return kind == SPECIAL ? open_in_place(o) : open_beside(o);
}

/* Without this a power cut may forget the new name. */
static void
sync_directory(const struct output *o)
{
	int fd = open_directory(o, O_RDONLY | O_DIRECTORY);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

/* linkat never replaces; --force needs a name to rename from, and has it for
 * that moment alone. */
static int
name_it(struct output *o)
{
	const struct temporary *t = o->temporary;
	int in = o->directory;
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	if (linkat(AT_FDCWD, self, in, o->name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST || !o->force)
		return -1;
	if (!doom(o) || linkat(AT_FDCWD, self, in, t->name,
	    AT_SYMLINK_FOLLOW) != 0)
		return -1;
	o->nameless = false;
	return renameat(in, t->name, in, o->name);
}

static int
rename_it(const struct output *o)
{
	const char *from = o->temporary->name;
	int in = o->directory;

	if (o->force)
		return renameat(in, from, in, o->name);
	if (renameat2(in, from, in, o->name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* File systems without it: link refuses to replace as well. */
	if (linkat(in, from, in, o->name, 0) != 0)
		return -1;
	return unlinkat(in, from, 0);
}

static int
put_in_place(struct output *o)
{
	int got;

	if (o->naming != NULL)
		pthread_mutex_lock(o->naming);
	got = o->nameless ? name_it(o) : rename_it(o);
	if (o->naming != NULL)
		pthread_mutex_unlock(o->naming);
	return got;
}

void
output_written(struct output *o, uint64_t bytes)
{
	if (o->temporary == NULL || bytes < o->sent + SEND_BYTES ||
	    bytes > INT64_MAX)
		return;
	(void)sync_file_range(o->fd, (off_t)o->sent, (off_t)(bytes - o->sent),
	    SYNC_FILE_RANGE_WRITE);
	o->sent = bytes;
}

int
output_commit(struct output *o)
{
	int code = 0;

	if (o->temporary == NULL) {
		if (o->fd != STDOUT_FILENO && close(o->fd) != 0)
			code = failed(o->path, "cannot be written");
		o->fd = -1;
		return code;
	}
	if (fsync(o->fd) != 0)
		code = failed(o->path, "cannot be synced");
	if (code == 0 && put_in_place(o) != 0)
		code = errno == EEXIST ? exists(o->path) :
					 failed(o->path, "cannot be put there");
	if (code != 0) {
		output_abandon(o);
		return code;
	}
	/* It is synced: a close that fails has nothing left to lose. */
	(void)close(o->fd);
	o->fd = -1;
	sync_directory(o);
	forget_temporary(o);
	return 0;
}

void
output_abandon(struct output *o)
{
	if (o->fd >= 0 && o->fd != STDOUT_FILENO)
		close(o->fd);
	o->fd = -1;
	if (o->temporary != NULL) {
		if (!o->nameless)
			unlinkat(o->directory, o->temporary->name, 0);
		forget_temporary(o);
	}
}
