/* SPDX-License-Identifier: Apache-2.0
 *
 * path.c - see path.h.  Must never cut a name short: what does not fit is no
 * path.
 */
#include "path.h"

#include <stdio.h>
#include <string.h>

const char *
path_split(const char *path, char directory[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL) {
		memcpy(directory, ".", 2);
		return path;
	}
	if (slash - path >= PATH_MAX - 1)
		return NULL;
	snprintf(directory, PATH_MAX, "%.*s", (int)(slash - path) + 1, path);
	return slash + 1;
}

bool
path_beside(const char *path, const char *name, char out[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int length = slash == NULL ? 0 : (int)(slash - path) + 1;
	int wrote = snprintf(out, PATH_MAX, "%.*s%s", length, path, name);

	return wrote > 0 && wrote < PATH_MAX;
}
