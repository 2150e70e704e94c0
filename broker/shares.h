/* SPDX-License-Identifier: Apache-2.0
 *
 * shares.h - the other workers of a load whose first one said that some bytes
 * are for another to send: each of them parses the same input, in a jail of its
 * own, and sends its share of what is inflated, and nothing else.  A load is
 * whole when all of them are, and what they said fits together.
 */
#ifndef BROKER_SHARES_H
#define BROKER_SHARES_H

#include "load_job.h"

/* Starts them, once, if the worker has spoken of bytes elsewhere.  Where one
 * cannot be had the load is over. */
void shares_begin(struct pfork_job *job);
/* Goes on with each of them.  If one fails the load has failed, and if the load
 * has, all are ended. */
void shares_step(struct pfork_job *job);
/* Is the job over, and each of them? */
bool shares_over(const struct pfork_job *job);
/* All are over, and good: what they sent becomes the load's, or it has failed
 * (PROTOCOL). */
void shares_join(struct pfork_job *job);
/* Ends those that are not over.  Their memory, and the settings, are gone. */
void shares_free(struct pfork_job *job);

#endif
