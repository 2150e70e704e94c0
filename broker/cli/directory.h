/* SPDX-License-Identifier: Apache-2.0
 *
 * directory.h - checkpoints that are a directory and that are not read here.
 * Goes by the names in it; opens no file.
 */
#ifndef CLI_DIRECTORY_H
#define CLI_DIRECTORY_H

/* What it looks like and what helps: a constant; NULL for any other directory
 * and for what is none. */
const char *directory_looks_like(const char *path);

#endif
