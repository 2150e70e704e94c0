/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.c - lists the files of directories.  A tree may be hostile too: links
 * are not followed out of it or out of --root, and nothing but regular files is
 * opened (a FIFO would hang the scan).
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "directory.h"
#include "print.h"
#include "set.h"
#include "suffix.h"

static bool
add(struct walk *w, const char *path, const char *top)
{
	struct walk_file *more;
	size_t capacity = w->capacity == 0 ? 64 : w->capacity * 2;

	if (w->count == w->capacity) {
		more = reallocarray(w->files, capacity, sizeof(*more));
		if (more == NULL)
			return false;
		w->files = more;
		w->capacity = capacity;
	}
	w->files[w->count] = (struct walk_file){
		.path = strdup(path), .top = top
	};
	return w->files[w->count++].path != NULL;
}

static bool
add_found(struct walk *w, const FTSENT *e, const char *top,
    const struct stat *st, bool link)
{
	struct walk_file *f;

	if (st->st_size == 0) {
		w->empty++;
		return true;
	}
	if (!add(w, e->fts_path, top))
		return false;
	f = &w->files[w->count - 1];
	f->link = link;
	f->device = st->st_dev;
	f->inode = st->st_ino;
	return true;
}

static bool
add_link(struct walk *w, const FTSENT *e, const char *top, const char *root)
{
	struct stat st;

	if (root != NULL && set_is_file_beneath(root, e->fts_path, &st))
		return add_found(w, e, top, &st, true);
	w->others++;
	return true;
}

static void
cannot_read(struct walk *w, FTSENT *e)
{
	/* Of what may be listed and not searched every entry fails. */
	FTSENT *directory = e->fts_info == FTS_NS ? e->fts_parent : e;
	char *escaped = print_escape(e->fts_path);

	complain("%s: %s", escaped, strerror(e->fts_errno));
	free(escaped);
	w->failed = true;
	w->unread += directory->fts_number == 0;
	directory->fts_number = 1;
}

bool
walk_is_index(const char *path)
{
	return suffix_is(path, ".index.json");
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
sets_first(const FTSENT **a, const FTSENT **b)
{
	bool x = walk_is_index((*a)->fts_name) ||
	    suffix_is((*a)->fts_name, ".onnx");
	bool y = walk_is_index((*b)->fts_name) ||
	    suffix_is((*b)->fts_name, ".onnx");

	return x != y ? (x ? -1 : 1) : by_name(a, b);
}

/* One that torch.distributed wrote.  On the command line .metadata will do;
 * found, it may be any program's, and must have a data file beside it. */
static bool
is_set(const char *directory, bool links)
{
	char path[PATH_MAX];
	const struct dirent *e;
	struct stat st;
	bool found = false;
	DIR *dir;
	int length = snprintf(path, sizeof(path), "%s/.metadata", directory);

	if (length <= 0 || (size_t)length >= sizeof(path) ||
	    lstat(path, &st) != 0 || !(S_ISREG(st.st_mode) ||
	    (links && S_ISLNK(st.st_mode))))
		return false;
	dir = opendir(directory);
	while (dir != NULL && !found && (e = readdir(dir)) != NULL)
		found = suffix_is(e->d_name, ".distcp");
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* A directory's own entry, of what is more than its files; those follow, for
 * anything may lie among them.  False: no memory. */
static bool
add_directory(struct walk *w, FTSENT *e, const char *top, enum walk_how how,
    bool links)
{
	const char *what = how == WALK_DIRECTORIES ?
	    directory_looks_like(e->fts_path) : NULL;

	if (how == WALK_FILES || (what == NULL && !is_set(e->fts_path, links)))
		return true;
	if (!add(w, e->fts_path, top))
		return false;
	w->files[w->count - 1].directory = what;
	w->files[w->count - 1].set = what == NULL;
	/* From here on its .metadata is in the list. */
	e->fts_pointer = what == NULL ? w : NULL;
	return true;
}

static bool
is_listed(const FTSENT *e)
{
	return e->fts_level > 0 && e->fts_parent->fts_pointer != NULL &&
	    strcmp(e->fts_name, ".metadata") == 0;
}

static bool
add_tree(struct walk *w, const char *directory, enum walk_how how,
    const char *root)
{
	char *path = strdup(directory);
	char *roots[] = { path, NULL };
	FTS *tree = path == NULL ? NULL :
	    fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR,
		how == WALK_FILES ? by_name : sets_first);
	FTSENT *e;
	bool fine = tree != NULL;

	while (fine && (e = fts_read(tree)) != NULL) {
		if (is_listed(e))
			continue;
		switch (e->fts_info) {
		case FTS_F:
			fine = add_found(w, e, directory, e->fts_statp,
			    false);
			break;
		case FTS_D:
			fine = add_directory(w, e, directory, how,
			    root != NULL);
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			cannot_read(w, e);
			break;
		case FTS_SL:
			fine = add_link(w, e, directory, root);
			break;
		case FTS_SLNONE:
		case FTS_DEFAULT:
			w->others++;
			break;
		default:
			break;
		}
	}
	if (tree != NULL)
		fts_close(tree);
	free(path);
	return fine;
}

/* -------------------------------------------------------- linked files -- */

static int
by_file(const void *left, const void *right)
{
	const struct walk_file *a = *(const struct walk_file *const *)left;
	const struct walk_file *b = *(const struct walk_file *const *)right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode == b->inode ? 0 : a->inode < b->inode ? -1 : 1;
}

static bool
in_one_directory(const char *a, const char *b)
{
	const char *end = strrchr(a, '/');
	const char *other = strrchr(b, '/');

	return end != NULL && other != NULL && end - a == other - b &&
	    memcmp(a, b, (size_t)(end - a)) == 0;
}

static void
drop_linked(struct walk *w, struct walk_file **links, size_t count)
{
	struct walk_file **link;
	struct walk_file *f;

	qsort(links, count, sizeof(struct walk_file *), by_file);
	for (size_t i = 0; i < w->count; i++) {
		f = &w->files[i];
		link = f->top == NULL || f->link || f->inode == 0 ? NULL :
		    bsearch(&f, links, count, sizeof(struct walk_file *),
			by_file);
		if (link == NULL || in_one_directory((*link)->path, f->path))
			continue;
		free(f->path);
		f->path = NULL;
	}
}

/* False: no memory. */
static bool
list_linked_once(struct walk *w)
{
	struct walk_file **links = calloc(w->count + 1,
	    sizeof(struct walk_file *)); /* NOLINT: pointers */
	size_t count = 0;
	size_t kept = 0;

	if (links == NULL)
		return false;
	for (size_t i = 0; i < w->count; i++)
		if (w->files[i].link)
			links[count++] = &w->files[i];
	if (count > 0)
		drop_linked(w, links, count);
	free(links);
	for (size_t i = 0; i < w->count; i++)
		if (w->files[i].path != NULL)
			w->files[kept++] = w->files[i];
	w->count = kept;
	return true;
}

/* -------------------------------------------------------------- public -- */

bool
walk_list(struct walk *w, const char **arguments, size_t count,
    enum walk_how how, const char *root)
{
	bool fine = true;

	memset(w, 0, sizeof(*w));
	w->several = count > 1;
	for (size_t i = 0; fine && i < count; i++) {
		if (set_is_of_type(arguments[i], S_IFDIR)) {
			w->several = true;
			fine = add_tree(w, arguments[i], how, root);
		} else {
			/* What cannot be opened gets a report that says so. */
			fine = add(w, arguments[i], NULL);
		}
	}
	return fine && (root == NULL || list_linked_once(w));
}

void
walk_print_others(FILE *out, const char *before, size_t others)
{
	if (others > 0)
		fprintf(out, "%s%zu other%s not looked at: symbolic links or "
			     "no regular files (--root DIR, or name "
			     "them)", before, others,
		    others == 1 ? "" : "s");
}

void
walk_complain_empty(size_t others, bool told)
{
	flockfile(stderr);
	fputs("picklefork: no regular files there", stderr);
	walk_print_others(stderr, "; ", told ? 0 : others);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void
walk_free(struct walk *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->files[i].path);
	free(w->files);
	memset(w, 0, sizeof(*w));
}
