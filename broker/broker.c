/* SPDX-License-Identifier: Apache-2.0
 *
 * broker.c - makes and frees brokers.  Trusts the caller's pointers, not his
 * numbers: everything in the options is judged here, once.  Starts nothing but
 * the keeper of parked workers, where one is asked for.
 */
#include "broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cancel.h"
#include "error.h"
#include "holder.h"
#include "keeper.h"

#define FLAGS_ALL \
	(PFORK_SNAPSHOT | PFORK_MAP_INPUT | PFORK_VERIFY | PFORK_SCALARS | \
	    PFORK_LENIENT | PFORK_POPULATE)

static enum pfork_code
bad(pfork_error *err, const char *what)
{
	return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
	    "pfork_broker_new: %s", what);
}

/* ------------------------------------------------------------- limits -- */

static enum pfork_code
take_limit(uint64_t *to, uint64_t wanted, uint64_t ceiling, const char *name,
    pfork_error *err)
{
	if (wanted > ceiling)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "pfork_broker_new: limits.%s is over its ceiling of %llu",
		    name, (unsigned long long)ceiling);
	if (wanted != 0)
		*to = wanted;
	return PFORK_OK;
}

/* from->size may be that of an older, shorter or of a newer header. */
static enum pfork_code
take_limits(struct limits *to, const pfork_limits *from, pfork_error *err)
{
	static const struct limits standard = {
#define X(name, value, ceiling) .name = (value),
		LIMITS(X)
#undef X
	};
	pfork_limits wanted = { 0 };
	enum pfork_code code = PFORK_OK;

	*to = standard;
	if (from == NULL)
		return PFORK_OK;
	if (from->size < sizeof(size_t) || from->size > sizeof(wanted))
		return bad(err, "limits.size is not a size of pfork_limits");
	memcpy(&wanted, from, from->size);
#define X(name, value, ceiling)                                           \
	if (code == PFORK_OK)                                             \
		code = take_limit(&to->name, wanted.name, ceiling, #name, \
		    err);
	LIMITS(X)
#undef X
	return code;
}

/* ------------------------------------------------------------- worker -- */

static enum pfork_code
look_at_worker(const struct pfork_broker *b, size_t length, pfork_error *err)
{
	struct stat st;
	int errnum = stat(b->worker_path, &st) == 0 ? 0 : errno;
	char text[128] = "no worker program here (is picklefork installed?)";

	if (errnum != 0 && errnum != ENOENT && errnum != ENOTDIR)
		snprintf(text, sizeof(text), "the worker program cannot be "
		    "looked at: %s", error_errno(errnum));
	if (errnum != 0)
		return error_about(err, PFORK_E_SANDBOX, errnum,
		    PFORK_NO_OFFSET, text, b->worker_path, length);
	if (!S_ISREG(st.st_mode) || access(b->worker_path, X_OK) != 0)
		return error_about(err, PFORK_E_SANDBOX, EACCES,
		    PFORK_NO_OFFSET, "the worker is not a program that may be "
		    "run", b->worker_path, length);
	return PFORK_OK;
}

/* Made absolute, because the host may change its directory later; symbolic
 * links stay, so that an upgrade may switch them.  The built-in path is the
 * installer's, who knows nothing of the host's directory, where anybody may
 * have put a program. */
static enum pfork_code
take_worker_path(struct pfork_broker *b, const char *path, pfork_error *err)
{
	char here[WORKER_PATH_MAX] = "";
	const char *slash = "";
	bool built_in = path == NULL;
	int length;

	if (built_in)
		path = broker_installed_worker();
	if (built_in && path[0] != '/')
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "the library was built with a worker path that is not "
		    "absolute");
	if (path[0] == '\0')
		return bad(err, "worker_path is empty");
	if (path[0] != '/') {
		if (getcwd(here, sizeof(here)) == NULL)
			return error_set(err, PFORK_E_SYSTEM, errno,
			    PFORK_NO_OFFSET, "finding the current directory: "
			    "%s", error_errno(errno));
		slash = "/";
	}
	length = snprintf(b->worker_path, sizeof(b->worker_path), "%s%s%s",
	    here, slash, path);
	if (length < 0 || (size_t)length >= sizeof(b->worker_path))
		return bad(err, "worker_path is too long");
	return look_at_worker(b, (size_t)length, err);
}

/* ------------------------------------------------------------ options -- */

static enum pfork_code
take_options(struct pfork_broker *b, const pfork_options *from,
    pfork_error *err)
{
	pfork_options o = { 0 };
	enum pfork_code code;

	if (from != NULL) {
		if (from->size < sizeof(size_t) || from->size > sizeof(o))
			return bad(err,
			    "options.size is not a size of pfork_options");
		memcpy(&o, from, from->size);
	}
	if ((o.flags & ~FLAGS_ALL) != 0)
		return bad(err, "options.flags has an unknown bit");
	if ((o.flags & PFORK_POPULATE) != 0 &&
	    (o.flags & PFORK_MAP_INPUT) == 0)
		return bad(err, "PFORK_POPULATE without PFORK_MAP_INPUT");
	if ((o.required_layers & ~PFORK_LAYERS_ALL) != 0)
		return bad(err, "options.required_layers has an unknown bit");
	if ((unsigned)o.refuse_at > PFORK_REFUSE_NEVER)
		return bad(err, "options.refuse_at is unknown");
	if ((unsigned)o.delivery > PFORK_DELIVER_STREAM)
		return bad(err, "options.delivery is unknown");
	if (o.parked_workers > KEEPER_MOST)
		return bad(err, "options.parked_workers is over its ceiling");
	if (o.inflate_workers > SHARES_MAX)
		return bad(err, "options.inflate_workers is over its ceiling");
	if (o.worker_uid > INT32_MAX)
		return bad(err, "options.worker_uid is too large");
	code = take_limits(&b->limits, o.limits, err);
	if (code != PFORK_OK)
		return code;
	b->flags = o.flags;
	b->inflate_workers = o.inflate_workers != 0 ? o.inflate_workers : 1;
	b->required_layers = o.required_layers | PFORK_LAYERS_REQUIRED;
	b->refuse_at = o.refuse_at != PFORK_REFUSE_DEFAULT
	    ? o.refuse_at : PFORK_REFUSE_DANGEROUS;
	b->delivery = o.delivery != PFORK_DELIVER_DEFAULT
	    ? o.delivery : PFORK_DELIVER_EXTENT;
	b->worker_uid = o.worker_uid != 0 ? o.worker_uid : WORKER_UID_DEFAULT;
	code = take_worker_path(b, o.worker_path, err);
	if (code != PFORK_OK || o.parked_workers == 0)
		return code;
	return keeper_new(b, o.parked_workers, &b->keeper, err);
}

enum pfork_code
pfork_broker_new(const pfork_options *options, pfork_broker **broker,
    pfork_error *err)
{
	CANCEL_WAITS;
	struct pfork_broker *b;
	enum pfork_code code;

	if (broker == NULL)
		return bad(err, "broker is NULL");
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory");
	b->holder = holder_new();
	if (b->holder == NULL)
		code = error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory");
	else
		code = take_options(b, options, err);
	if (code == PFORK_OK)
		*broker = b;
	else
		pfork_broker_free(b);
	return code;
}

void
pfork_broker_free(pfork_broker *broker)
{
	CANCEL_WAITS;

	if (broker == NULL)
		return;
	if (broker->keeper != NULL)
		keeper_stop(broker->keeper);
	keeper_unref(broker->keeper);
	holder_unref(broker->holder);
	free(broker);
}
