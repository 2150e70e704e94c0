/* SPDX-License-Identifier: Apache-2.0
 *
 * xxh32.h - the checksum of LZ4's frames (xxHash, 32 bits, seed 0).  Finds
 * accidents; no defence.
 */
#ifndef WORKER_XXH32_H
#define WORKER_XXH32_H

#include <stdint.h>

uint32_t xxh32(const uint8_t *at, uint64_t length);

#endif
