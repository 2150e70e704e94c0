/* SPDX-License-Identifier: Apache-2.0
 *
 * host.h - for the tests that load through a worker as a host does: which
 * program it is, the smallest input, and what a load may not leave behind.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "picklefork.h"

/* $PFORK_TEST_WORKER; fails the test where it is not set. */
const char *host_worker(void);
/* A broker by these options, with that worker where they name none; fails the
 * test where there is none to be had. */
pfork_broker *host_broker(const pfork_options *options);
/* The program beside it that tells this lie (tests/liar), until the next
 * call. */
const char *host_liar(const char *lie);
/* An empty dict, and a memfd of it; -1: it cannot be had. */
extern const uint8_t host_pickle[4];
int host_input(void);
/* How many are open, and a constant. */
size_t host_descriptors(void);
/* Every child has been reaped. */
void host_no_children(void);

#endif
