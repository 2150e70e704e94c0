/* SPDX-License-Identifier: Apache-2.0
 *
 * broker.h - the settings of a broker, judged once when it is made and never
 * changed: that is why threads may share it.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "limits.h"
#include "picklefork.h"

/* uid and gid of a root caller's workers.  65520..65533 belong to nobody in
 * systemd's and Debian's ranges, and exist in a container that maps 65536. */
#define WORKER_UID_DEFAULT 65530u

/* Linux's own limit on a path, with its NUL. */
#define WORKER_PATH_MAX 4096

struct keeper;
struct holder;

struct pfork_broker {
	char worker_path[WORKER_PATH_MAX];
	struct limits limits;	/* contiguous_bytes may be 0: see limits.h */
	uint64_t required_layers;
	uint32_t worker_uid;
	uint32_t flags;
	uint32_t go_flags;	/* GO_PIECES, GO_DISTCP: a store sets them, in
				 * its own copy */
	uint32_t inflate_workers; /* of one input: 1 to SHARES_MAX */
	enum pfork_refuse refuse_at;
	enum pfork_delivery delivery;
	struct holder *holder;	/* the namespaces that workers are lent */
	struct keeper *keeper;	/* NULL: no worker is kept parked */
};

/* worker_path.c: the path fixed when the library was built. */
const char *broker_installed_worker(void);

#endif
