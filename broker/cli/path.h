/* SPDX-License-Identifier: Apache-2.0
 *
 * path.h - the names of files taken apart and put together, as texts: nothing
 * is looked up.
 */
#ifndef CLI_PATH_H
#define CLI_PATH_H

#include <limits.h>
#include <stdbool.h>

/* The last name of a path, and the directory before it with its '/', "." where
 * none is said.  NULL: longer than any call opens. */
const char *path_split(const char *path, char directory[static PATH_MAX]);
/* The path of `name` in the directory of `path`.  False: too long. */
bool path_beside(const char *path, const char *name, char out[static PATH_MAX]);

#endif
