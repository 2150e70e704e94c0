/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - RFC 4648, section 4, strictly: groups of four, padded, no blanks,
 * no bits that are dropped.  (The verdict guesses at texts with a laxer one.)
 */
#ifndef WORKER_BASE64_H
#define WORKER_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that `length` characters may make. */
#define BASE64_ROOM(length) ((length) / 4 * 3)

/* False at *wrong, the first character that may not stand there. */
bool base64_decode(const uint8_t *at, size_t length, uint8_t *out,
    size_t *made, size_t *wrong);

#endif
