/* SPDX-License-Identifier: Apache-2.0
 *
 * death.c - from a worker's exit status to an error that a person can use.  The
 * status is extra evidence only: it may be missing (the host's waitpid(-1) took
 * it), and the load has failed whatever it says.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "load_job.h"

/* worker/main.c's exit statuses, as far as they tell something. */
enum { LEFT_NO_JAIL = 3, LEFT_CANARY_ALIVE = 4, LEFT_INPUT = 6,
	LEFT_NO_MEMORY = 7, LEFT_USAGE = 64 };

static enum pfork_code
by_signal(const struct child_end *end, enum session_state state,
    uint64_t cpu_seconds, pfork_error *err)
{
	const char *name = sigabbrev_np(end->signal);
	bool cpu_used_up = end->signal == SIGXCPU ||
	    (end->signal == SIGKILL &&
		end->cpu_seconds + 0.5 >= (double)cpu_seconds);

	if (cpu_used_up)
		return error_set(err, PFORK_E_TIMEOUT, 0, PFORK_NO_OFFSET,
		    "the worker used up the limit cpu_seconds of %llu",
		    (unsigned long long)cpu_seconds);
	if (end->signal == SIGSYS && state == WAIT_HELLO)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "a filter outside the worker killed it (SIGSYS) before it "
		    "was locked in; nothing was parsed");
	if (end->signal == SIGSYS)
		return error_set(err, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
		    "the worker was killed by its own jail (SIGSYS) %s: the "
		    "file may be an attack on the parser",
		    session_state_name(state));
	return error_set(err, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
	    "the worker was killed by SIG%s %s", name != NULL ? name : "?",
	    session_state_name(state));
}

static enum pfork_code
by_status(int status, enum session_state state, pfork_error *err)
{
	if (state == WAIT_HELLO && status == LEFT_USAGE)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "worker and library are of different versions");
	if (state == WAIT_HELLO && status == LEFT_NO_JAIL)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "the worker could not lock itself in; nothing was parsed");
	/* input.c has found a regular file: what is left is its mmap. */
	if (state == WAIT_HELLO && status == LEFT_INPUT)
		return error_set(err, PFORK_E_SYSTEM, ENODEV, PFORK_NO_OFFSET,
		    "the worker could not map the input: its file system does "
		    "not allow that (/proc, /sys), or RLIMIT_AS is too low; "
		    "copy the file");
	if (state == WAIT_HELLO && status == LEFT_NO_MEMORY)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "the worker could not reserve as much memory as the "
		    "limit arena_bytes");
	return error_set(err, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
	    "the worker left with status %d and without an answer %s", status,
	    session_state_name(state));
}

enum pfork_code
death_explain(const struct child_end *end, enum session_state state,
    uint64_t cpu_seconds, pfork_error *err)
{
	if (end->killed_by_us)
		return error_set(err, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
		    "the worker hung up without an answer %s, and stayed",
		    session_state_name(state));
	if (!end->known)
		return error_set(err, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
		    "the worker left without an answer %s (how it ended is "
		    "not known: the host took its status)",
		    session_state_name(state));
	if (end->signal != 0)
		return by_signal(end, state, cpu_seconds, err);
	return by_status(end->status, state, err);
}
