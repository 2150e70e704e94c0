/* SPDX-License-Identifier: Apache-2.0
 *
 * set.h - a checkpoint of several files, as the verbs open it: from a file that
 * names others, or a directory that is one checkpoint.
 */
#ifndef CLI_SET_H
#define CLI_SET_H

#include <sys/stat.h>

#include "cli.h"

/* S_IFDIR, say; links are followed. */
bool set_is_of_type(const char *path, mode_t type);
/* The directory is one checkpoint: it has a .metadata, as torch.distributed
 * writes it.  Whatever else is in it belongs to that. */
bool set_is_directory(const char *directory, char *path, size_t size);
/* The file to begin with, for a verb that takes one checkpoint: .metadata, or
 * the only *.index.json, or, where there is none, the only *.onnx.  False: it
 * is no directory, or there is no such file, or several. */
bool set_in_directory(const char *directory, char *path, size_t size);
/* Why not: several, of which the first are named.  One line of ASCII. */
bool set_is_ambiguous(const char *directory, char *text, size_t size);
/* Says which file a directory stands for; nothing of a file. */
void set_say_chosen(FILE *out, const char *file);
/* Does what was read name other files, which hold tensors of its own? */
bool set_names_files(const pfork_checkpoint *ckpt);
/* Whether `file`, perhaps a link, leads to a regular file, and nowhere out of
 * `root`: that file's *st. */
bool set_is_file_beneath(const char *root, const char *file, struct stat *st);
/* pfork_store_scan of `file`: beneath --root when that was given (ARGS when it
 * is not, whatever it is), otherwise in its own directory, which no link leads
 * to from `top` when that is not NULL. */
enum pfork_code set_scan(const struct options *options, pfork_broker *broker,
    const char *top, const char *file, pfork_checkpoint **ckpt,
    pfork_error *err);
/* Why a file that was found could not be opened again; its code. */
enum pfork_code set_cannot_open(int errnum, pfork_error *err);

#endif
