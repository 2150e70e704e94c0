/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h - fills pfork_error.  Whatever came from the worker or the file is
 * escaped on its way in, so that the text is always printable ASCII.
 */
#ifndef BROKER_ERROR_H
#define BROKER_ERROR_H

#include "picklefork.h"

/* Both return `code`, so that `return error_set(...)` reads well.  err may be
 * NULL.  The text is printf-like, of trusted strings and numbers; foreign text
 * goes through error_about, appended as ": 'escaped'". */
enum pfork_code error_set(pfork_error *err, enum pfork_code code, int errnum,
    uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
enum pfork_code error_about(pfork_error *err, enum pfork_code code, int errnum,
    uint64_t offset, const char *text, const void *foreign, size_t length);

/* The whole text is the worker's (a Fault): escaped, but for its quotes. */
enum pfork_code error_foreign(pfork_error *err, enum pfork_code code,
    int errnum, uint64_t offset, const void *text, size_t length);

/* Something is used up: descriptors, memory, processes.  That says nothing of
 * what was to be done with it. */
bool error_is_shortage(int errnum);

/* What an errno means, in English; thread-safe, never NULL. */
const char *error_errno(int errnum);

/* Printable ASCII into out (size > 0, NUL-terminated, cut to fit): control
 * bytes, quotes, backslash and anything over 0x7e become \xNN. */
void error_escape(char *out, size_t size, const void *text, size_t length);

#endif
