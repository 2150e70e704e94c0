/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.c - the doctor's question: can a worker be jailed here, and does the
 * filter kill?  A canary's word is not enough: it must be seen dead of SIGSYS.
 * Two are tried, for a worker comes to its last filter in two ways.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cancel.h"
#include "error.h"
#include "load_job.h"
#include "parked.h"

/* Jailing takes a millisecond; a machine under load gets three seconds. */
#define CANARY_MS 3000

static void
take_layers(pfork_probe_result *r, const struct session *s, uint64_t required)
{
	uint64_t bit;

	for (unsigned i = 0; i < 64; i++) {
		bit = UINT64_C(1) << i;
		if (((s->layers | s->missing | required) & bit) == 0)
			continue;
		r->layers[r->layer_count].layer = bit;
		r->layers[r->layer_count].required = (required & bit) != 0;
		r->layers[r->layer_count].in_force = (s->layers & bit) != 0;
		r->layers[r->layer_count].errnum = s->reasons[i];
		r->layer_count++;
	}
}

/* Reads until the canary is gone or has said something wrong. */
static void
listen_to(struct child *c, struct session *s)
{
	struct pollfd p = { .fd = c->socket, .events = POLLIN };
	void *at;
	size_t room;
	ssize_t got;

	while ((at = session_want(s, &room)) != NULL) {
		if (poll(&p, 1, CANARY_MS) == 0)
			return;
		got = recv(c->socket, at, room, 0);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0 || !session_got(s, (size_t)got))
			return;
	}
}

/* Whatever it died of, it is no jail. */
static enum pfork_code
by_death(enum pfork_code code, pfork_error *err)
{
	if (code != PFORK_E_SYSTEM)
		code = PFORK_E_SANDBOX;
	if (err != NULL)
		err->code = code;
	return code;
}

static enum pfork_code
judge(const struct session *s, const struct child_end *end, bool may_kill,
    pfork_error *err)
{
	if (s->state == ENDED) {
		if (err != NULL)
			*err = s->error;
		return s->error.code == PFORK_E_SYSTEM
		    ? PFORK_E_SYSTEM : error_set(err, PFORK_E_SANDBOX,
			s->error.errnum, PFORK_NO_OFFSET, "%s", s->error.text);
	}
	/* It has said why by its status, if it left. */
	if (s->state == WAIT_HELLO && end->known && !end->killed_by_us)
		return by_death(death_explain(end, s->state,
		    s->rules.limits.cpu_seconds, err), err);
	if (s->state == WAIT_HELLO)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "the canary did not say what jails it");
	if (!may_kill)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "a worker may not be killed from here (is CAP_KILL "
		    "missing?), so no limit on time would hold");
	if (!end->known)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "how the canary ended is not known: the host ignores "
		    "SIGCHLD or waits for all children");
	if (end->signal != SIGSYS)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "the canary made a forbidden system call and was not "
		    "killed by SIGSYS: the filter does not hold");
	return PFORK_OK;
}

/* The canary gets an empty file: it must not need one. */
static enum pfork_code
start_canary(const struct pfork_broker *b, bool parked, int input,
    struct child *c, pfork_error *err)
{
	enum pfork_code code;

	if (!parked)
		return child_spawn(b, "canary", LEND_SOON, input, c, err);
	code = parked_start(b, "park-canary", c, err);
	/* Should it have gone, its silence says so. */
	if (code == PFORK_OK)
		(void)parked_give(c, input);
	return code;
}

static enum pfork_code
run_canary(const struct pfork_broker *b, bool parked, struct session *s,
    struct child_end *end, pfork_error *err)
{
	struct child c = CHILD_NONE;
	enum pfork_code code;
	bool may_kill;
	int input = child_fd_above(memfd_create("canary", MFD_CLOEXEC));

	if (input < 0)
		return error_set(err, PFORK_E_SYSTEM, errno, PFORK_NO_OFFSET,
		    "memfd_create: %s", error_errno(errno));
	code = start_canary(b, parked, input, &c, err);
	close(input);
	if (code != PFORK_OK)
		return code;
	listen_to(&c, s);
	may_kill = child_may_kill(&c);
	child_finish(&c, 1000, end);
	return judge(s, end, may_kill, err);
}

/* One canary, with a session of its own.  r: what to tell of the layers; or
 * NULL. */
static enum pfork_code
probe(const struct pfork_broker *b, bool parked, pfork_probe_result *r,
    bool *killed, pfork_error *err)
{
	struct rules rules = { .limits = b->limits,
		.required_layers = b->required_layers };
	struct child_end end = { 0 };
	pfork_checkpoint *ckpt = checkpoint_new();
	struct session s;
	enum pfork_code code;

	if (!session_init(&s, &rules, ckpt) || ckpt == NULL)
		code = error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory");
	else
		code = run_canary(b, parked, &s, &end, err);
	*killed = end.known && end.signal == SIGSYS;
	if (r != NULL && s.buffer != NULL)
		take_layers(r, &s, b->required_layers);
	session_free(&s);
	pfork_checkpoint_unref(ckpt);
	return code;
}

enum pfork_code
pfork_probe(pfork_broker *b, pfork_probe_result *result, pfork_error *err)
{
	CANCEL_WAITS;
	pfork_probe_result r = { 0 };
	enum pfork_code code;
	pfork_error parked_err = { 0 };
	enum pfork_code parked = PFORK_OK;

	if (b == NULL || result == NULL || result->size != sizeof(r))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "result.size is not the size of pfork_probe_result");
	r.size = sizeof(r);
	code = probe(b, false, &r, &r.canary_killed, err);
	if (code == PFORK_E_SYSTEM)
		return code;
	if (code == PFORK_OK)
		parked = probe(b, true, NULL, &r.parked_canary_killed,
		    &parked_err);
	/* Who keeps no worker parked does not depend on it; of one that could
	 * not be tried nothing is known. */
	if (parked == PFORK_E_SYSTEM ||
	    (parked != PFORK_OK && b->keeper != NULL)) {
		code = parked;
		if (err != NULL)
			*err = parked_err;
	}
	snprintf(r.worker_path, sizeof(r.worker_path), "%.255s",
	    b->worker_path);
	*result = r;
	return code;
}
