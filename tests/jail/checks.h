/* SPDX-License-Identifier: Apache-2.0
 *
 * checks.h - the groups of jail tests.  Each group calls check() once a test.
 */
#ifndef TESTS_JAIL_CHECKS_H
#define TESTS_JAIL_CHECKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/types.h>

struct programs {
	const char *worker;
	const char *probe;
	const char *const *files;	/* to be parsed inside; NULL ends */
};

/* Counts a test; prints its name when it failed. */
void check(bool ok, const char *group, const char *name);
/* Says aloud what could not be tested here. */
void skip(const char *group, const char *why);

/* "run" with arguments as the broker gives them. */
#define RUN(worker) { (worker), "run", "uid=2147418113", "cpu=5", \
	"arena=67108864", "net=0", "lent=0", NULL }
#define TEST_UID 2147418113u

/* What the kernel says of a worker whose Hello had these layers. */
void check_status(pid_t pid, uint64_t layers);
/* From the kernel's first instruction to main(). */
void check_start(const struct programs *p);
void check_worker(const struct programs *p);
void check_talk(const struct programs *p);
void check_escapes(const struct programs *p);
/* The attempts at a worker that waits for its job. */
void check_waiting(const struct programs *p);
void check_handover(const struct programs *p);
void check_lent(const struct programs *p);
void check_loss(const struct programs *p);
/* No capability outlives a change of uid in what this process becomes. */
bool lock_capabilities(void);
/* 0 and 1, and no other, where that may be seen. */
void check_fds(pid_t pid);
/* Becomes argv[0], with one system call refused. */
int exec_without(const char *number, uint32_t errnum, char **argv);
void check_trace(const struct programs *p);
int time_start(const char *worker, const char *empty);

#endif
