/* SPDX-License-Identifier: Apache-2.0
 *
 * input.h - from a path, a descriptor or bytes in memory to one read-only
 * descriptor of a regular file, with its identity as it is now.  Never blocks
 * on a FIFO or a device, and never hands a writable descriptor to the worker.
 */
#ifndef BROKER_INPUT_H
#define BROKER_INPUT_H

#include "broker.h"
#include "checkpoint.h"

/* On success *out owns a descriptor of 3 or more; on failure it is untouched.
 * ARGS: not a regular file, not readable.  FORMAT: empty.  LIMIT: too large.
 * CHANGED: it changed while the snapshot was taken.  SYSTEM. */
enum pfork_code input_from_path(const struct pfork_broker *b,
    const char *path, struct source *out, pfork_error *err);
enum pfork_code input_from_fd(const struct pfork_broker *b, int fd,
    struct source *out, pfork_error *err);
enum pfork_code input_from_memory(const struct pfork_broker *b,
    const void *bytes, size_t length, struct source *out, pfork_error *err);
void input_close(struct source *s);
/* With PFORK_MAP_INPUT in c->flags: maps c's source, and with PFORK_POPULATE
 * the pages that its storages are in, as many as there is time for: `until` is
 * in milliseconds of the monotonic clock.  SYSTEM. */
enum pfork_code input_map(pfork_checkpoint *c, uint64_t until,
    pfork_error *err);

#endif
