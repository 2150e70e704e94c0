/* SPDX-License-Identifier: Apache-2.0
 *
 * suffix.h - what a file's name promises.  The worker goes by content and never
 * sees a name; other programs go by the name and trust it, so a person should
 * hear when the two differ.  It decides nothing.
 */
#ifndef CLI_SUFFIX_H
#define CLI_SUFFIX_H

#include <stdbool.h>
#include <stdio.h>

#include "picklefork.h"

/* More than this end, that is: ".onnx" itself is none of them. */
bool suffix_is(const char *name, const char *end);
/* The format that the name promises, where the content is another one (or none
 * that is known); else NULL, also for suffixes that promise nothing. */
const char *suffix_differs(const char *file, const char *format);
/* One line for people, when it does.  ckpt may be NULL. */
void suffix_report(FILE *out, const char *file, const pfork_checkpoint *ckpt,
    const char *indent);

#endif
