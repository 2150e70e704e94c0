/* SPDX-License-Identifier: Apache-2.0
 *
 * parked_words.h - what is said before Hello to and by a worker that was
 * started ahead of its job: one byte each way, the second with the input's
 * descriptor.  Neither is a frame: the session begins with Hello, as for any
 * worker.
 */
#ifndef PROTO_PARKED_WORDS_H
#define PROTO_PARKED_WORDS_H

/* From the worker: it is locked in but for its last filter, and waits. */
#define PARKED_READY 'P'
/* From the broker, with SCM_RIGHTS and exactly one descriptor. */
#define PARKED_JOB 'J'

#endif
