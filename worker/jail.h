/* SPDX-License-Identifier: Apache-2.0
 *
 * jail.h - locks this process in, for good.  Called by the worker's main before
 * it has read one untrusted byte.  There is no way to ask for less.
 */
#ifndef WORKER_JAIL_H
#define WORKER_JAIL_H

#include <stdbool.h>
#include <stdint.h>

/* Bit numbers of PFORK_LAYER_* in picklefork.h, which this room may not
 * include; a unit test holds the two lists together. */
enum jail_layer {
	JAIL_SECCOMP = 0,
	JAIL_NO_NEW_PRIVS = 1,
	JAIL_CLOSED_FDS = 2,
	JAIL_RLIMITS = 3,
	JAIL_NOT_DUMPABLE = 4,
	JAIL_NO_CAPABILITIES = 5,
	JAIL_UID_DROP = 6,
	JAIL_LANDLOCK = 7,
	JAIL_USER_NS = 8,
	JAIL_MOUNT_NS = 9,
	JAIL_IPC_NS = 10,
	JAIL_UTS_NS = 11,
	JAIL_CGROUP_NS = 12,
	JAIL_NET_NS = 13,
	JAIL_MDWE = 14,
	JAIL_SPECULATION = 15,
	JAIL_LAYERS = 16
};

struct jail {
	/* What is asked. */
	uint32_t uid;		/* to become, when started as root */
	uint64_t cpu_seconds;
	uint64_t address_bytes;	/* RLIMIT_AS: all that is mapped, and slack;
				 * known when the input is */
	bool net_namespace;
	uint32_t lent;		/* namespaces (proto/held.h) to be entered
				 * rather than made: open from HELD_FIRST_FD
				 * on, and closed when they were */
	/* What came of it. */
	uint64_t layers;	/* bits in force */
	int reasons[JAIL_LAYERS]; /* errno of what was tried and not had */
};

/* Step 1 of the order: closes every descriptor but 0, 1 and those of namespaces
 * that are lent, which the jail closes itself. */
bool jail_close_fds(struct jail *j);
/* Steps 4 and 5 alone, for one that holds namespaces for others: the set that
 * it has now (proto/held.h); 0 also when root could not be given up. */
uint32_t jail_hold(struct jail *j);
/* Steps 4 to 11.  False when a required layer could not be had: the process is
 * then half locked and must only report that (the filter may be on already)
 * and exit. */
bool jail_enter(struct jail *j);

/* The same in two parts, for a worker that waits for its job.  jail_park does
 * everything that needs no input, leaves room for one descriptor, and loads the
 * filter of parked.def; jail_shut, after the input was mapped, sets the limits
 * that were left and loads the filter that jail_enter loads.  False as it. */
bool jail_park(struct jail *j);
bool jail_shut(struct jail *j);

#endif
