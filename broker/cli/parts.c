/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.c - see parts.h.  A file is known by its directory and its name there:
 * by its path it has several, and another link to it is another file.
 */
#include "parts.h"

#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "path.h"
#include "set.h"
#include "suffix.h"

/* No name: the directory's data files have tensors together. */
struct part {
	dev_t device;		/* of its directory */
	ino_t directory;
	char name[];
};

static int
by_place(const void *a, const void *b)
{
	const struct part *x = a;
	const struct part *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->directory != y->directory)
		return x->directory < y->directory ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* NULL: its directory is not there, or no memory. */
static struct part *
part_of(const char *path)
{
	char directory[PATH_MAX];
	const char *name = path_split(path, directory);
	struct stat st;
	struct part *part;

	if (name == NULL || stat(directory, &st) != 0)
		return NULL;
	part = malloc(sizeof(*part) + strlen(name) + 1);
	if (part == NULL)
		return NULL;
	part->device = st.st_dev;
	part->directory = st.st_ino;
	memcpy(part->name, name, strlen(name) + 1);
	return part;
}

static bool
add(struct parts *parts, const char *path)
{
	struct part *part = part_of(path);
	struct part *const *found;

	/* Without memory it is told once more, which is no harm. */
	if (part == NULL)
		return true;
	found = tsearch(part, &parts->tree, by_place);
	if (found == NULL || *found != part)
		free(part);
	return found != NULL;
}

static bool
is_of_format(const pfork_checkpoint *ckpt, const char *name)
{
	return strcmp(pfork_checkpoint_format(ckpt), name) == 0;
}

bool
parts_add(struct parts *parts, const char *file, const pfork_checkpoint *ckpt)
{
	bool in_boxes = is_of_format(ckpt, "torch-dcp");
	const char *before = NULL;
	char inside[PATH_MAX];
	char path[PATH_MAX];

	if (!in_boxes && !is_of_format(ckpt, "hf-index"))
		return true;
	if (set_is_directory(file, inside, sizeof(inside)))
		file = inside;
	for (size_t i = 0; i < pfork_checkpoint_count(ckpt); i++) {
		const char *name =
		    pfork_tensor_file(pfork_checkpoint_at(ckpt, i));

		/* Those of one file stand together, mostly. */
		if ((name[0] == '\0' && !in_boxes) ||
		    (before != NULL && strcmp(name, before) == 0))
			continue;
		before = name;
		/* An index names its files from its own directory on, with
		 * --root too. */
		if (path_beside(file, name, path) && !add(parts, path))
			return false;
	}
	return true;
}

bool
parts_has(const struct parts *parts, const char *file)
{
	struct part *part = parts->tree == NULL ? NULL : part_of(file);
	bool found = part != NULL &&
	    tfind(part, &parts->tree, by_place) != NULL;

	free(part);
	return found;
}

bool
parts_beside(const struct parts *parts, const char *file)
{
	char directory[PATH_MAX];

	return suffix_is(file, ".distcp") &&
	    path_beside(file, "", directory) && parts_has(parts, directory);
}

/* A file of one archive looks like any that torch.save wrote of one tensor. */
bool
parts_takes(const struct parts *parts, const char *file,
    const pfork_checkpoint *ckpt)
{
	return (is_of_format(ckpt, "torch-distcp") ||
	    (is_of_format(ckpt, "torch-zip") &&
	    pfork_checkpoint_count(ckpt) <= 1)) &&
	    pfork_checkpoint_verdict(ckpt) != PFORK_DANGEROUS &&
	    parts_beside(parts, file);
}

void
parts_free(struct parts *parts)
{
	tdestroy(parts->tree, free);
	parts->tree = NULL;
}
