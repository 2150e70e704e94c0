/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_session.h - the broker's side of the wire, in this process.
 */
#ifndef TESTS_FUZZ_SESSION_H
#define TESTS_FUZZ_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

/* A session after a good Hello and Go, for an input of this size; false when it
 * does not come to that. */
bool fuzz_session_open(struct session *s, pfork_checkpoint **ckpt,
    uint64_t input_size);
/* Feeds bytes in pieces as large as the session wants; then end of stream. */
void fuzz_session_feed(struct session *s, const uint8_t *bytes, size_t length);
/* What the parsers send, the broker accepts: anything else traps. */
void fuzz_session_must_accept(const uint8_t *bytes, size_t length,
    uint64_t input_size);

#endif
