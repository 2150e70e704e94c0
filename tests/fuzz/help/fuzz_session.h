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

/* A session after a good Hello and Go, for an input of this size and these flags
 * of Go; NULL when it does not come to that.  There is one at a time: its
 * buffers are the last one's, for a worker's 4 MiB would cost more than all
 * else. */
struct session *fuzz_session_open(uint64_t input_size, uint32_t flags);
/* For the sessions from now on, instead of fuzz_limits(); NULL ends that. */
void fuzz_session_limits(const struct limits *limits);
/* Drops the checkpoint too; keeps the buffers. */
void fuzz_session_close(struct session *s);
/* Feeds bytes in pieces as large as the session wants; then end of stream. */
void fuzz_session_feed(struct session *s, const uint8_t *bytes, size_t length);
/* What the parsers send, the broker accepts: anything else traps. */
void fuzz_session_must_accept(const uint8_t *bytes, size_t length,
    uint64_t input_size, uint32_t flags);
/* A checkpoint that was accepted: every tensor inside of its storage, every
 * storage inside of the input or received in full, every name found. */
void fuzz_session_must_hold(const struct session *s);

#endif
