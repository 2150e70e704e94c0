/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.h - is a text what Unicode calls well-formed UTF-8?  Pure.
 */
#ifndef WORKER_UTF8_H
#define WORKER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Where the first byte stands that begins no character; length when all is
 * well.  No overlong forms, no surrogates, nothing over U+10FFFF (table 3-7 of
 * the Unicode standard). */
size_t utf8_good(const uint8_t *at, size_t length);

#endif
