/* SPDX-License-Identifier: Apache-2.0
 *
 * left_out.h - what a file has and its checkpoint has not: tensors that could
 * not be read, and names of tensors.  Only notes tell of them.
 */
#ifndef CLI_LEFT_OUT_H
#define CLI_LEFT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "picklefork.h"

/* Tensors. */
size_t left_out_count(const pfork_checkpoint *ckpt);
/* Whether its tensors have more names than it lists. */
bool left_out_names(const pfork_checkpoint *ckpt);
/* A line for each of the first few, with the reason. */
void left_out_print(FILE *out, const pfork_checkpoint *ckpt,
    const char *indent);
/* The note that tells why `name` is one of them; false: it is none. */
bool left_out_find(const pfork_checkpoint *ckpt, const char *name,
    pfork_note *note);

#endif
