/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.h - SHA-256 over a tensor's contiguous little-endian bytes.
 */
#ifndef CLI_DIGEST_H
#define CLI_DIGEST_H

#include "picklefork.h"

#define DIGEST_BYTES 32

struct digest;
/* NULL when there is no memory or no SHA-256. */
struct digest *digest_new(void);
void digest_free(struct digest *d);
/* done, when not NULL, is counted up for the progress line. */
enum pfork_code digest_tensor(struct digest *d, const pfork_tensor *t,
    uint8_t out[DIGEST_BYTES], _Atomic(uint64_t) *done, pfork_error *err);

#endif
