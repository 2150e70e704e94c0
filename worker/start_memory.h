/* SPDX-License-Identifier: Apache-2.0
 *
 * start_memory.h - the worker's own memcpy and its kin, with <string.h>'s
 * contracts.  Tests give them other names, to have libc's beside them.
 */
#ifndef START_MEMORY_H
#define START_MEMORY_H

#include <stddef.h>

#ifndef START_NAME
#define START_NAME(name) name
#endif

void *START_NAME(memcpy)(void *to, const void *from, size_t length);
void *START_NAME(memmove)(void *to, const void *from, size_t length);
void *START_NAME(memset)(void *to, int byte, size_t length);
int START_NAME(memcmp)(const void *a, const void *b, size_t length);
int START_NAME(bcmp)(const void *a, const void *b, size_t length);
void *START_NAME(memchr)(const void *at, int byte, size_t length);
size_t START_NAME(strlen)(const char *text);
size_t START_NAME(strnlen)(const char *text, size_t max);
int START_NAME(strcmp)(const char *a, const char *b);
int START_NAME(strncmp)(const char *a, const char *b, size_t max);
size_t START_NAME(strcspn)(const char *text, const char *reject);
/* Of _FORTIFY_SOURCE: `room` is what the compiler knows of `to`. */
void *START_NAME(__memcpy_chk)(void *to, const void *from, size_t length,
    size_t room);
void *START_NAME(__memmove_chk)(void *to, const void *from, size_t length,
    size_t room);
void *START_NAME(__memset_chk)(void *to, int byte, size_t length, size_t room);

#endif
