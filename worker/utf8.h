/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h - text of a file: is it what Unicode calls well-formed UTF-8 (table
 * 3-7 of the standard: no overlong forms, no surrogates, nothing over
 * U+10FFFF), and what stands for it when it is not.  Pure; every parser and the
 * sink ask here, so that none of them can disagree.  Lengths are in bytes.
 */
#ifndef WORKER_UTF8_H
#define WORKER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_ROOM 4		/* of the longest character */

/* Length of the character at p (left > 0), 0 when it is none. */
size_t utf8_character(const uint8_t *p, size_t left);

/* Where the first byte stands that begins no character; length when all is
 * well. */
size_t utf8_good(const uint8_t *at, size_t length);

/* Well-formed, encoded surrogates allowed: CPython's "surrogatepass". */
bool utf8_python(const uint8_t *at, size_t length);

bool utf8_ascii(const uint8_t *at, size_t length);

/* Copies length bytes of text to out (room bytes), every byte that begins no
 * character and every encoded surrogate becoming one U+FFFD.  Returns how many
 * bytes it wrote; *cut when not all of it fitted (whole characters). */
size_t utf8_repair(uint8_t *out, size_t room, const void *text, size_t length,
    bool *cut);

/* Writes a code point (at most 0x10ffff; surrogates too) to out, which has
 * UTF8_ROOM bytes; returns its length. */
size_t utf8_put(uint8_t *out, uint32_t code);

#endif
