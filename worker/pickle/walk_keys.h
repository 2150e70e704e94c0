/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_keys.h - the keys of dicts: which are equal, as Python has it, and how
 * each is written in a tensor's name.
 */
#ifndef WORKER_WALK_KEYS_H
#define WORKER_WALK_KEYS_H

#include "value.h"

/* Text of a key that is not its own text: None, True, 12, 0.5, (1, 'a'), ?. */
#define KEY_TEXT_MAX 128

/* Python's rule for a repeated key: the last value, at the first one's place.
 * Rewrites the DICT node; a pair that lost has VREF_MISSING as its key.
 * *left: bytes of long keys that may still be looked at; dies at none. */
void keys_settle(struct graph *g, vref dict, uint64_t *left);
/* The text of a key for a path, in place, in scratch, or in the arena. */
void keys_text(struct graph *g, vref key, char scratch[KEY_TEXT_MAX],
    const uint8_t **at, uint32_t *len);
/* Decimal; returns the length. */
size_t keys_decimal(int64_t i, char *out);

#endif
