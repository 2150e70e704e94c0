/* SPDX-License-Identifier: Apache-2.0
 *
 * set.c - see set.h.  Goes by names only to find where to begin; what belongs
 * to a checkpoint is said by its files, and the library's store is the wall.
 */
#include "set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beneath.h"
#include "path.h"
#include "print.h"
#include "suffix.h"

static bool
join(char *path, size_t size, const char *directory, const char *name)
{
	size_t length = strlen(directory);
	int wrote;

	while (length > 1 && directory[length - 1] == '/')
		length--;
	wrote = snprintf(path, size, "%.*s/%s", (int)length, directory, name);
	return wrote > 0 && (size_t)wrote < size;
}

/* The files of one kind: how many, and the first by name. */
#define CANDIDATES_NAMED 3

struct candidates {
	size_t count;
	char names[CANDIDATES_NAMED][NAME_MAX + 1];
};

/* In the order in which they are looked for. */
static const char *const ends[] = { ".index.json", ".onnx" };
#define ENDS (sizeof(ends) / sizeof(ends[0]))

static void
add_candidate(struct candidates *c, const char *name)
{
	size_t kept = c->count < CANDIDATES_NAMED ? c->count :
						    CANDIDATES_NAMED;
	size_t place = 0;

	c->count++;
	while (place < kept && strcmp(c->names[place], name) < 0)
		place++;
	if (place == CANDIDATES_NAMED)
		return;
	if (kept == CANDIDATES_NAMED)
		kept--;
	memmove(c->names[place + 1], c->names[place],
	    (kept - place) * sizeof(c->names[0]));
	snprintf(c->names[place], sizeof(c->names[0]), "%s", name);
}

static void
find_candidates(struct candidates *c, const char *directory, const char *end)
{
	DIR *dir = opendir(directory);
	const struct dirent *e;

	c->count = 0;
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		if (suffix_is(e->d_name, end))
			add_candidate(c, e->d_name);
	closedir(dir);
}

bool
set_is_of_type(const char *path, mode_t type)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

bool
set_is_directory(const char *directory, char *path, size_t size)
{
	return set_is_of_type(directory, S_IFDIR) &&
	    join(path, size, directory, ".metadata") &&
	    set_is_of_type(path, S_IFREG);
}

/* Where there are two of a kind the next kind is no answer: it would be one
 * checkpoint or another by chance. */
bool
set_in_directory(const char *directory, char *path, size_t size)
{
	struct candidates c = { 0 };

	if (!set_is_of_type(directory, S_IFDIR))
		return false;
	if (set_is_directory(directory, path, size))
		return true;
	for (size_t i = 0; i < ENDS && c.count == 0; i++)
		find_candidates(&c, directory, ends[i]);
	return c.count == 1 && join(path, size, directory, c.names[0]);
}

bool
set_is_ambiguous(const char *directory, char *text, size_t size)
{
	struct candidates c = { 0 };
	size_t i = 0;
	int wrote;

	while (i < ENDS && c.count == 0)
		find_candidates(&c, directory, ends[i++]);
	if (c.count < 2)
		return false;
	wrote = snprintf(text, size, "a directory with %zu *%s: name one: "
	    "%.55s, %.55s%s%.55s%s", c.count, ends[i - 1], c.names[0],
	    c.names[1], c.count > 2 ? ", " : "", c.count > 2 ? c.names[2] : "",
	    c.count > 3 ? ", ..." : "");
	for (char *at = text; wrote > 0 && *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return wrote > 0;
}

void
set_say_chosen(FILE *out, const char *file)
{
	char inside[PATH_MAX];

	if (!set_in_directory(file, inside, sizeof(inside)))
		return;
	print_text(out, file, strlen(file));
	fputs(": reading ", out);
	print_text(out, inside, strlen(inside));
	fputc('\n', out);
}

bool
set_names_files(const pfork_checkpoint *ckpt)
{
	static const char external[] = "onnx: data in another file: ";
	const char *format = pfork_checkpoint_format(ckpt);
	const pfork_error *fault = pfork_checkpoint_fault(ckpt);
	pfork_note note;

	/* .metadata alone is refused: its tensors are all elsewhere. */
	if (strcmp(format, "torch-dcp") == 0)
		return fault == NULL || fault->code == PFORK_E_UNSUPPORTED;
	if (fault != NULL)
		return false;
	if (strcmp(format, "hf-index") == 0)
		return true;
	if (strcmp(format, "onnx") != 0)
		return false;
	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++)
		if (strncmp(note.text, external, sizeof(external) - 1) == 0)
			return true;
	return false;
}

/* Both made absolute: by their texts another file could be meant.  The last
 * name may be a link, which is the store's to follow. */
static bool
name_beneath(const char *root, const char *file, char out[static PATH_MAX])
{
	char directory[PATH_MAX];
	char top[PATH_MAX];
	char real[PATH_MAX];
	const char *last = path_split(file, directory);
	const char *rest;
	size_t length;
	int wrote;

	if (last == NULL || realpath(root, top) == NULL ||
	    realpath(directory, real) == NULL)
		return false;
	length = top[1] == '\0' ? 0 : strlen(top);
	if (strncmp(real, top, length) != 0 ||
	    (real[length] != '/' && real[length] != '\0'))
		return false;
	rest = real + length + (real[length] == '/');
	wrote = snprintf(out, PATH_MAX, "%s%s%s", rest,
	    *rest == '\0' ? "" : "/", last);
	return wrote > 0 && wrote < PATH_MAX;
}

/* A rename anywhere at that moment makes openat2 give up. */
#define TRIES 16

/* As the store will open it, which is asked again then. */
bool
set_is_file_beneath(const char *root, const char *file, struct stat *st)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	char beneath[PATH_MAX];
	bool fine;
	long got = -1;
	int top;

	if (!name_beneath(root, file, beneath))
		return false;
	top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return false;
	for (int i = 0; i < TRIES; i++) {
		got = syscall(SYS_openat2, top, beneath, &how, sizeof(how));
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	close(top);
	if (got < 0)
		return false;
	fine = fstat((int)got, st) == 0 && S_ISREG(st->st_mode);
	close((int)got);
	return fine;
}

static enum pfork_code
not_beneath(const char *root, pfork_error *err)
{
	struct stat st;

	*err = (pfork_error){ .code = PFORK_E_ARGS,
		.offset = PFORK_NO_OFFSET };
	snprintf(err->text, sizeof(err->text), "%s",
	    stat(root, &st) != 0 || !S_ISDIR(st.st_mode) ?
	    "--root: there is no such directory" :
	    "the file is not beneath --root");
	return err->code;
}

/* The store keeps its own descriptor of the directory. */
static enum pfork_code
open_store_found(pfork_broker *broker, const char *top, const char *file,
    const pfork_store_options *how, pfork_store **store, pfork_error *err)
{
	int fd = beneath_open_directory(top, file);
	char self[32];
	enum pfork_code code;

	if (fd < 0)
		return set_cannot_open(errno, err);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	code = pfork_store_open(broker, self, how, store, err);
	close(fd);
	return code;
}

enum pfork_code
set_cannot_open(int errnum, pfork_error *err)
{
	bool link = errnum == ELOOP;

	*err = (pfork_error){ .code = link ? PFORK_E_REFUSED : PFORK_E_SYSTEM,
		.errnum = link ? 0 : errnum, .offset = PFORK_NO_OFFSET };
	if (link)
		snprintf(err->text, sizeof(err->text), "found as a file, and "
		    "now a symbolic link, or behind one");
	else
		snprintf(err->text, sizeof(err->text), "opening the input: %s",
		    strerror(errnum));
	return err->code;
}

/* The files are beside this one, or, in a Hugging Face cache, links to where
 * --root allows. */
enum pfork_code
set_scan(const struct options *options, pfork_broker *broker, const char *top,
    const char *file, pfork_checkpoint **ckpt, pfork_error *err)
{
	pfork_store_options how = { .size = sizeof(how),
		.pins = options->pins, .pin_count = options->pin_count };
	char beneath[PATH_MAX];
	char directory[PATH_MAX];
	const char *last = path_split(file, directory);
	pfork_store *store = NULL;
	enum pfork_code code;

	if (last == NULL)
		return set_cannot_open(ENAMETOOLONG, err);
	if (options->pin_count == 0)
		how.pins = NULL;
	else
		how.flags |= PFORK_STORE_PINNED;
	if (options->root != NULL) {
		how.flags |= PFORK_STORE_SYMLINKS;
		if (!name_beneath(options->root, file, beneath))
			return not_beneath(options->root, err);
		last = beneath;
	}
	if (options->root == NULL && top != NULL)
		code = open_store_found(broker, top, file, &how, &store, err);
	else
		code = pfork_store_open(broker, options->root != NULL ?
		    options->root : directory, &how, &store, err);
	if (code == PFORK_OK)
		code = pfork_store_scan(store, last, ckpt, err);
	pfork_store_free(store);
	return code;
}
