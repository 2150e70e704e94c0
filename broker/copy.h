/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.h - the bytes of a file into a memfd, for a snapshot.  Trusts nothing
 * about the file, whose size and holes another process may have chosen: holes
 * stay holes, and it takes no longer than it may.
 */
#ifndef BROKER_COPY_H
#define BROKER_COPY_H

#include <stdint.h>

#include "checkpoint.h"

/* All of *from into `to`, an empty memfd, within wall_ms milliseconds.  Moves
 * no offset of from's.  CHANGED: it became shorter.  TIMEOUT.  SYSTEM. */
enum pfork_code copy_file(int to, const struct source *from, uint64_t wall_ms,
    pfork_error *err);

#endif
