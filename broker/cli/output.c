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
#include "print.h"

/* One for each thread that writes; --jobs takes 1024 at most. */
#define OUTPUTS_MOST 1025
/* What the disk is asked for at once, ahead of the sync. */
#define SEND_BYTES ((uint64_t)32 << 20)

/* For the signal handler: whoever takes a name out of here owns it, for the
 * handler may run while another thread is done with its file. */
static _Atomic(char *) doomed[OUTPUTS_MOST];

static void
remove_and_die(int number)
{
	for (size_t i = 0; i < OUTPUTS_MOST; i++) {
		const char *path = atomic_exchange(&doomed[i], NULL);

		if (path != NULL)
			unlink(path);
	}
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
		char *free_one = NULL;

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

/* The temporary file is gone, or has its name. */
static void
forget_temporary(struct output *o)
{
	char *mine = o->temporary;

	/* Otherwise the handler has it, and we are about to end. */
	if (o->doomed == 0 ||
	    atomic_compare_exchange_strong(&doomed[o->doomed - 1], &mine, NULL))
		free(o->temporary);
	o->temporary = NULL;
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

/* What path names.  A link to a pipe or a device is as good as that, and one to
 * the file that is our standard output (/dev/stdout) as "-". */
static enum kind
kind_of(const char *path)
{
	struct stat st;
	struct stat target;
	struct stat out;

	if (strcmp(path, "-") == 0)
		return STANDARD_OUTPUT;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? NOTHING_THERE : UNKNOWN;
	if (!S_ISLNK(st.st_mode))
		target = st;
	else if (stat(path, &target) != 0)
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
	return check_kind(path, kind_of(path), force);
}

static int
check_made(const char *path, enum kind kind, bool force)
{
	char *escaped;

	if (kind != SPECIAL && kind != STANDARD_OUTPUT)
		return check_kind(path, kind, force);
	escaped = print_escape(path);
	complain("%s: in the way of an output: no regular file", escaped);
	free(escaped);
	return EXIT_UNDECIDED;
}

int
output_check_made(const char *path, bool force)
{
	return check_made(path, kind_of(path), force);
}

/* DIRECTORY/.NAME.RANDOM.tmp */
static char *
temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t directory = slash == NULL ? 0 : (size_t)(slash + 1 - path);
	size_t size = strlen(path) + 32;
	char *name = malloc(size);
	uint64_t number;

	if (name == NULL || getrandom(&number, sizeof(number), 0) !=
	    (ssize_t)sizeof(number)) {
		free(name);
		return NULL;
	}
	/* A name may have 255 bytes, and we add 22. */
	snprintf(name, size, "%.*s.%.*s.%016llx.tmp", (int)directory, path, 200,
	    path + directory, (unsigned long long)number);
	return name;
}

/* The directory that path is in; to be freed. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A file without a name goes with its process, even by SIGKILL.  -1 where the
 * file system has no such files. */
static int
open_nameless(const char *path)
{
	char *directory = directory_of(path);
	int fd = directory == NULL ? -1 :
	    open(directory, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);

	free(directory);
	return fd;
}

static int
open_beside(struct output *o)
{
	o->temporary = temporary_name(o->path);
	if (o->temporary == NULL) {
		errno = ENOMEM;
		return failed(o->path, "no temporary name");
	}
	o->fd = open_nameless(o->path);
	o->nameless = o->fd >= 0;
	if (o->nameless)
		return 0;
	if (doom(o))
		o->fd = open(o->temporary,
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
	return kind_of(o->path) == REGULAR ? open_beside(o) : is_link(o->path);
}

static void
set_up(struct output *o, const char *path, bool force)
{
	memset(o, 0, sizeof(*o));
	o->fd = -1;
	o->path = path;
	o->force = force;
}

int
output_open_made(struct output *o, const char *path, bool force)
{
	int code = output_check_made(path, force);

	set_up(o, path, force);
	return code != 0 ? code : open_beside(o);
}

int
output_open(struct output *o, const char *path, bool force)
{
	enum kind kind = kind_of(path);
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
sync_directory(const char *path)
{
	char *directory = directory_of(path);
	int fd = directory == NULL ? -1 :
	    open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(directory);
}

/* linkat never replaces; --force needs a name to rename from, and has it for
 * that moment alone. */
static int
name_it(struct output *o)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, o->path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST || !o->force)
		return -1;
	if (!doom(o) || linkat(AT_FDCWD, self, AT_FDCWD, o->temporary,
	    AT_SYMLINK_FOLLOW) != 0)
		return -1;
	o->nameless = false;
	return rename(o->temporary, o->path);
}

static int
put_in_place(struct output *o)
{
	if (o->nameless)
		return name_it(o);
	if (o->force)
		return rename(o->temporary, o->path);
	if (renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path,
	    RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* File systems without it: link refuses to replace as well. */
	if (link(o->temporary, o->path) != 0)
		return -1;
	return unlink(o->temporary);
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
	sync_directory(o->path);
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
			unlink(o->temporary);
		forget_temporary(o);
	}
}
