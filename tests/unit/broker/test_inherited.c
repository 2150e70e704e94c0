/* SPDX-License-Identifier: Apache-2.0
 *
 * test_inherited.c - what the kernel would hand from a host on to its workers,
 * and a worker must not have: its real-time priority, and a personality with
 * addresses that are not random.  The worker here is a script that writes down
 * what it got, and leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"

/* Of /proc/PID/stat, from 1: proc(5). */
#define STAT_POLICY 41

static char directory[] = "/tmp/test-inherited-XXXXXX";
static char program[64];
static char written[64];

static int
make_program(void **state)
{
	FILE *script;

	(void)state;
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(program, sizeof(program), "%s/worker", directory);
	snprintf(written, sizeof(written), "%s/written", directory);
	script = fopen(program, "we");
	if (script == NULL)
		return 1;
	fprintf(script, "#!/bin/sh\n"
	    "echo \"$(cat /proc/self/personality) $(cat /proc/self/stat)\" "
	    ">>%s\n", written);
	return fchmod(fileno(script), 0755) == 0 && fclose(script) == 0 ? 0 :
									  1;
}

static int
remove_program(void **state)
{
	(void)state;
	(void)unlink(written);
	return unlink(program) == 0 && rmdir(directory) == 0 ? 0 : 1;
}

/* Its policy, as the number in the text. */
static int
policy_of(char *stat)
{
	char *rest = NULL;
	char *word = strtok_r(stat, " ", &rest);

	for (int i = 1; word != NULL && i < STAT_POLICY; i++)
		word = strtok_r(NULL, " ", &rest);
	return word != NULL ? (int)strtol(word, NULL, 10) : -1;
}

/* Every worker that was started: "00040000 123 (cat) ...". */
static size_t
count_plain(size_t *all)
{
	FILE *in = fopen(written, "re");
	char line[2048];
	size_t plain = 0;

	*all = 0;
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		(*all)++;
		plain += strncmp(line, "00000000 ", 9) == 0 &&
		    policy_of(line + 9) == SCHED_OTHER;
	}
	if (in != NULL)
		fclose(in);
	return plain;
}

/* One for the load, and those that a broker parks, or tries to. */
static void
judge_workers(unsigned parked)
{
	pfork_options o = { .worker_path = program, .parked_workers = parked };
	pfork_broker *b = host_broker(&o);
	pfork_checkpoint *c = NULL;
	size_t plain = 0;
	size_t all = 0;

	(void)unlink(written);
	assert_int_equal(pfork_load_memory(b, host_pickle, sizeof(host_pickle),
	    &c, NULL), PFORK_E_WORKER);
	for (int i = 0; i < 500 && all < 1 + parked; i++) {
		usleep(10000);
		plain = count_plain(&all);
	}
	pfork_broker_free(b);
	assert_true(all >= 1 + parked);
	assert_int_equal(plain, all);
}

static void
judge_policy(int policy)
{
	const struct sched_param low = { .sched_priority = 1 };
	const struct sched_param none = { 0 };

	if (sched_setscheduler(0, policy, &low) != 0 && errno == EPERM)
		skip();
	assert_int_equal(sched_getscheduler(0), policy);
	judge_workers(0);
	judge_workers(1);
	assert_int_equal(sched_getscheduler(0), policy);
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
}

static void
test_fifo(void **state)
{
	(void)state;
	judge_policy(SCHED_FIFO);
}

static void
test_rr(void **state)
{
	(void)state;
	judge_policy(SCHED_RR);
}

/* Not above what the host gave itself. */
static void
test_idle(void **state)
{
	const struct sched_param none = { 0 };
	pfork_options o = { .worker_path = program };
	pfork_checkpoint *c = NULL;
	pfork_broker *b;
	size_t all;

	(void)state;
	assert_int_equal(sched_setscheduler(0, SCHED_IDLE, &none), 0);
	b = host_broker(&o);
	(void)unlink(written);
	assert_int_equal(pfork_load_memory(b, host_pickle, sizeof(host_pickle),
	    &c, NULL), PFORK_E_WORKER);
	assert_int_equal(count_plain(&all), 0);
	assert_int_equal(all, 1);
	pfork_broker_free(b);
	/* Back needs a right since Linux 2.6.39. */
	if (sched_setscheduler(0, SCHED_OTHER, &none) != 0)
		assert_int_equal(errno, EPERM);
}

static void
test_personality(void **state)
{
	int had = personality(0xffffffff);
	int odd = ADDR_NO_RANDOMIZE;

	(void)state;
	assert_true(had != -1);
	if (personality((unsigned long)odd) == -1)
		skip();
	judge_workers(0);
	judge_workers(1);
	assert_int_equal(personality(0xffffffff), odd);
	assert_true(personality((unsigned long)had) != -1);
}

/* Who may not change it starts nobody.  A thread: the filter is its own. */
static void *
load_locked(void *code)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PER_LINUX, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { 6, rules };
	pfork_options o = { .size = sizeof(o), .worker_path = program };
	pfork_checkpoint *c = NULL;
	pfork_broker *b;

	if (pfork_broker_new(&o, &b, NULL) != PFORK_OK)
		return NULL;
	if (personality(ADDR_NO_RANDOMIZE) != -1 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0)
		*(enum pfork_code *)code = pfork_load_memory(b, host_pickle,
		    sizeof(host_pickle), &c, NULL);
	pfork_broker_free(b);
	return NULL;
}

static void
test_locked_personality(void **state)
{
	enum pfork_code code = PFORK_OK;
	pthread_t thread;

	(void)state;
	(void)unlink(written);
	assert_int_equal(pthread_create(&thread, NULL, load_locked, &code), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(code, PFORK_E_SANDBOX);
	assert_int_equal(access(written, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_personality),
		cmocka_unit_test(test_locked_personality),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_rr),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, make_program, remove_program);
}
