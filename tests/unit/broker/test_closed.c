/* SPDX-License-Identifier: Apache-2.0
 *
 * test_closed.c - hosts that close all descriptors (close_range, closefrom) and
 * open their own at those numbers: nothing of theirs is closed, read, written
 * or killed, and loads go on or say why not.  $PFORK_TEST_WORKER.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker.h"
#include "host.h"
#include "keeper.h"
#include "picklefork.h"

/* More than a broker with its workers has. */
#define OWN 40
#define CONTENT "0123456789abcdef"

static int own[OWN];
static ino_t inodes[OWN];
static pid_t pids[OWN];

/* An assertion in there would run cmocka's tests a second time. */
static void
must(bool ok, int which)
{
	if (!ok)
		_exit(which);
}

static void
rest(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ------------------------------------------------------- the host's own -- */

static int
open_file(int i)
{
	int fd = memfd_create("own", MFD_CLOEXEC);

	(void)i;
	must(write(fd, CONTENT, 16) == 16 && lseek(fd, 0, SEEK_SET) == 0, 100);
	return fd;
}

/* One end after the other; a byte waits in each. */
static int
open_socket(int i)
{
	static int ends[2];

	if (i % 2 == 0)
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		    ends) == 0 && send(ends[0], "x", 1, 0) == 1 &&
		    send(ends[1], "x", 1, 0) == 1, 103);
	return ends[i % 2];
}

/* A child of the host's own, by its pidfd. */
static int
open_child(int i)
{
	return (int)syscall(SYS_pidfd_open, pids[i], 0);
}

static void
start_children(void)
{
	for (int i = 0; i < OWN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			alarm(120);
			pause();
			_exit(0);
		}
	}
}

/* Closes all from `from` on, and opens the host's. */
static void
take_over(int from, int (*open_one)(int))
{
	struct stat st;

	must(syscall(SYS_close_range, from, ~0u, 0) == 0, 101);
	for (int i = 0; i < OWN; i++) {
		own[i] = open_one(i);
		must(own[i] >= 3 && fstat(own[i], &st) == 0, 102);
		inodes[i] = st.st_ino;
	}
}

static void
must_be_untouched(void)
{
	struct stat st;
	char text[16];

	for (int i = 0; i < OWN; i++) {
		must(fstat(own[i], &st) == 0 && st.st_ino == inodes[i], 110);
		if (S_ISREG(st.st_mode))
			must(st.st_size == 16 &&
			    lseek(own[i], 0, SEEK_CUR) == 0 &&
			    pread(own[i], text, 16, 0) == 16 &&
			    memcmp(text, CONTENT, 16) == 0, 111);
		if (S_ISSOCK(st.st_mode))
			must(recv(own[i], text, 16, MSG_DONTWAIT) == 1, 113);
		if (pids[i] > 0)
			must(waitpid(pids[i], NULL, WNOHANG) == 0, 112);
	}
	for (int i = 0; i < OWN; i++)
		if (pids[i] > 0)
			(void)kill(pids[i], SIGKILL);
}

/* --------------------------------------------------------------- hosts -- */

static bool
load(pfork_broker *b)
{
	pfork_worker_info info = { .size = sizeof(info) };
	pfork_checkpoint *c = NULL;

	must(pfork_load_memory(b, host_pickle, sizeof(host_pickle), &c,
	    NULL) == PFORK_OK, 120);
	must(pfork_checkpoint_worker(c, &info) == PFORK_OK, 121);
	pfork_checkpoint_unref(c);
	return info.parked;
}

/* from: 3, or a number between those of the broker's. */
static void
parked(int from, int (*open_one)(int))
{
	pfork_broker *b = host_broker(&(pfork_options){ .parked_workers = 2 });

	must(keeper_wait(b->keeper, 2, 10000), 1);
	(void)load(b);
	must(keeper_wait(b->keeper, 2, 10000), 2);
	/* The one that was used has been reaped. */
	rest(50);
	take_over(from, open_one);
	for (int i = 0; i < 4; i++)
		(void)load(b);
	/* The thread looks round. */
	rest(1300);
	must(keeper_wait(b->keeper, 2, 10000), 3);
	must(load(b), 4);
	pfork_broker_free(b);
	must_be_untouched();
}

static void
parked_files(void)
{
	parked(3, open_file);
}

static void
parked_sockets(void)
{
	parked(3, open_socket);
}

static void
parked_children(void)
{
	start_children();
	parked(3, open_child);
}

/* Whatever the first number is that is the host's. */
static void
parked_in_part(void)
{
	int status;

	for (int from = 4; from < 20; from++)
		if (fork() == 0) {
			start_children();
			parked(from, open_child);
			_exit(0);
		}
	for (int from = 4; from < 20; from++)
		must(wait(&status) > 0 && status == 0, 5);
}

/* Freed without another load. */
static void
freed(void)
{
	pfork_broker *b;

	start_children();
	b = host_broker(&(pfork_options){ .parked_workers = 2 });
	must(keeper_wait(b->keeper, 2, 10000), 1);
	rest(50);
	take_over(3, open_child);
	pfork_broker_free(b);
	must_be_untouched();
}

static void
run_job(int steps)
{
	pfork_broker *b = host_broker(&(pfork_options){ 0 });
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	pfork_error err;
	bool done = false;

	must(pfork_job_start(b, host_input(), &job, NULL) == PFORK_OK, 1);
	for (int i = 0; i < steps && !done; i++) {
		struct pollfd p = { .fd = pfork_job_fd(job),
			.events = POLLIN };

		(void)poll(&p, 1, 10000);
		must(pfork_job_step(job, &done) == PFORK_OK, 2);
	}
	must(done == (steps > 1), 3);
	start_children();
	take_over(3, steps == 1 ? open_file : open_child);
	if (steps > 0)
		must(pfork_job_step(job, &done) == PFORK_OK && done, 4);
	must(pfork_job_finish(job, &c, &err) == PFORK_E_SYSTEM && c == NULL, 5);
	must(strstr(err.text, "descriptors") != NULL, 6);
	pfork_broker_free(b);
	must_be_untouched();
}

static void
job_begun(void)
{
	run_job(0);
}

static void
job_over(void)
{
	run_job(1000);
}

static void
job_under_way(void)
{
	run_job(1);
}

static void
checkpoint(void)
{
	pfork_broker *b = host_broker(&(pfork_options){ 0 });
	pfork_checkpoint *c = NULL;

	must(pfork_load_fd(b, host_input(), &c, NULL) == PFORK_OK, 1);
	take_over(3, open_file);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
	must_be_untouched();
}

static void
store(void)
{
	char root[] = "/tmp/test-closed-XXXXXX";
	char path[64];
	pfork_broker *b = host_broker(&(pfork_options){ 0 });
	pfork_store *s = NULL;
	pfork_checkpoint *c = NULL;
	enum pfork_code code;
	int fd;

	must(mkdtemp(root) != NULL, 1);
	snprintf(path, sizeof(path), "%s/x", root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(write(fd, host_pickle, sizeof(host_pickle)) ==
	    (ssize_t)sizeof(host_pickle), 2);
	must(pfork_store_open(b, "/tmp", NULL, &s, NULL) == PFORK_OK, 3);
	must(syscall(SYS_close_range, 3, ~0u, 0) == 0, 4);
	for (int i = 0; i < 8; i++)
		own[i] = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	code = pfork_store_load(s, "x", &c, NULL);
	pfork_store_free(s);
	unlink(path);
	rmdir(root);
	must(code == PFORK_E_SYSTEM && c == NULL, 5);
	for (int i = 0; i < 8; i++)
		must(fcntl(own[i], F_GETFD) >= 0, 6);
	pfork_broker_free(b);
}

static void
test_hosts(void **state)
{
	static const struct {
		const char *name;
		void (*host)(void);
	} hosts[] = {
		{ "parked, files", parked_files },
		{ "parked, sockets", parked_sockets },
		{ "parked, children", parked_children },
		{ "parked, closed in part", parked_in_part },
		{ "parked, freed", freed },
		{ "a job begun", job_begun },
		{ "a job under way", job_under_way },
		{ "a job that is over", job_over },
		{ "a checkpoint", checkpoint },
		{ "a store", store },
	};
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			alarm(200);
			hosts[i].host();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: %x", hosts[i].name, (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
