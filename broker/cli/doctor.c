/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor.c - picklefork doctor: which layers of the jail this machine gives,
 * why others are missing, and what it would take to have them.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli.h"
#include "json.h"
#include "print.h"

static const struct {
	uint64_t layer;
	int errnum;		/* 0: any other */
	const char *text;
} advice[] = {
	{ PFORK_LAYER_LANDLOCK, EOPNOTSUPP,
	    "boot with landlock in the kernel's lsm= list" },
	{ PFORK_LAYER_LANDLOCK, 0, "needs Linux 5.13 with Landlock built in" },
	{ PFORK_LAYER_USER_NS, ENOSPC,
	    "raise the sysctl user.max_user_namespaces" },
	{ PFORK_LAYER_USER_NS, 0,
	    "let unprivileged processes make user namespaces (sysctl "
	    "kernel.unprivileged_userns_clone, "
	    "kernel.apparmor_restrict_unprivileged_userns, or the container's "
	    "seccomp profile); a chroot never may" },
	{ PFORK_LAYER_MOUNT_NS, 0, "comes with user-ns" },
	{ PFORK_LAYER_IPC_NS, 0, "comes with user-ns" },
	{ PFORK_LAYER_UTS_NS, 0, "comes with user-ns" },
	{ PFORK_LAYER_CGROUP_NS, 0, "comes with user-ns" },
	{ PFORK_LAYER_NET_NS, 0, "comes with user-ns" },
	{ PFORK_LAYER_UID_DROP, 0,
	    "the root of this user namespace cannot become anyone else: map "
	    "more ids into it, or run as an ordinary user" },
	{ PFORK_LAYER_MDWE, 0, "needs Linux 6.3" },
	{ PFORK_LAYER_SPECULATION, 0,
	    "this processor or kernel offers no such control" },
	{ PFORK_LAYER_SECCOMP, 0, "needs a kernel with seccomp filters, and a "
				  "container that allows them" },
};

static const char *
advice_for(const pfork_layer_state *state)
{
	/* Without an errno nobody has tried it. */
	if (state->in_force || (state->errnum == 0 &&
	    state->layer != PFORK_LAYER_NET_NS))
		return NULL;
	if (state->layer == PFORK_LAYER_NET_NS && state->errnum == 0)
		return "tried only with --require-layer (0.3 ms a load)";
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		if (advice[i].layer == state->layer &&
		    (advice[i].errnum == 0 ||
			advice[i].errnum == state->errnum))
			return advice[i].text;
	return NULL;
}

static const char *
layer_name(uint64_t layer)
{
	const char *name = pfork_layer_name(layer);

	return name == NULL ? "?" : name;
}

/* A worker that never spoke says nothing about the machine. */
static bool
is_known(const pfork_probe_result *result)
{
	for (size_t i = 0; i < result->layer_count; i++)
		if (result->layers[i].in_force)
			return true;
	return false;
}

static void
print_layer(const pfork_layer_state *state, bool colours)
{
	const char *hint = advice_for(state);
	bool bad = state->required && !state->in_force;

	printf("  %-18s ", layer_name(state->layer));
	if (colours)
		print_colour(stdout, state->in_force ? GREEN :
		    bad ? RED : YELLOW);
	printf("%s", state->in_force ? "in force" : "missing");
	if (colours)
		print_colour(stdout, PLAIN);
	if (state->required)
		printf("%s  required", state->in_force ? "" : " ");
	if (!state->in_force && state->errnum != 0)
		printf("  (%s)", strerror(state->errnum));
	putchar('\n');
	if (hint != NULL)
		printf("  %-18s   %s\n", "", hint);
}

static void
show_text(const pfork_probe_result *result, enum pfork_code code,
    const struct utsname *kernel)
{
	bool colours = print_colours(stdout);

	printf("picklefork %s on %s %s %s\n", pfork_version(), kernel->sysname,
	    kernel->release, kernel->machine);
	printf("worker  ");
	print_text(stdout, result->worker_path, strlen(result->worker_path));
	printf("\nlayers of the jail\n");
	for (size_t i = 0; is_known(result) && i < result->layer_count; i++)
		print_layer(&result->layers[i], colours);
	if (!is_known(result))
		printf("  not known: no worker came up\n");
	printf("canary  %s\n", result->canary_killed ?
	    "a forbidden call in the jail was killed by SIGSYS" :
	    "NOT SEEN TO BE KILLED");
	printf("parked  %s\n", result->parked_canary_killed ?
	    "likewise in a worker that was started ahead (serve)" :
	    "NOT SEEN TO BE KILLED: serve will not start");
	if (colours)
		print_colour(stdout, code == PFORK_OK ? GREEN : RED);
	printf("%s", code == PFORK_OK ? "ready" : "not usable");
	if (colours)
		print_colour(stdout, PLAIN);
	printf("%s\n", code == PFORK_OK ?
	    ": every required layer is in force" :
	    ": nothing can be loaded here");
}

static void
put_layer(struct json *j, const pfork_layer_state *state)
{
	const char *hint = advice_for(state);

	json_object(j, NULL);
	json_string(j, "name", layer_name(state->layer));
	json_bool(j, "required", state->required);
	json_bool(j, "in_force", state->in_force);
	json_i64(j, "errno", state->errnum);
	if (state->errnum != 0)
		json_string(j, "reason", strerror(state->errnum));
	else
		json_null(j, "reason");
	if (hint != NULL)
		json_string(j, "advice", hint);
	else
		json_null(j, "advice");
	json_object_end(j);
}

static void
show_json(const pfork_probe_result *result, enum pfork_code code,
    const struct utsname *kernel, const pfork_error *err)
{
	struct json j = { stdout, false };

	json_object(&j, NULL);
	json_string(&j, "schema", "picklefork.doctor/1");
	json_string(&j, "version", pfork_version());
	json_string(&j, "kernel", kernel->release);
	json_string(&j, "machine", kernel->machine);
	json_string(&j, "worker", result->worker_path);
	json_bool(&j, "ready", code == PFORK_OK);
	json_bool(&j, "canary_killed", result->canary_killed);
	json_bool(&j, "parked_canary_killed", result->parked_canary_killed);
	json_array(&j, "layers");
	for (size_t i = 0; i < result->layer_count; i++)
		put_layer(&j, &result->layers[i]);
	json_array_end(&j);
	if (code == PFORK_OK) {
		json_null(&j, "error");
	} else {
		json_object(&j, "error");
		json_string(&j, "code", pfork_code_name(err->code));
		json_string(&j, "text", err->text);
		json_object_end(&j);
	}
	json_object_end(&j);
	json_newline(&j);
}

int
doctor_run(struct options *options)
{
	pfork_probe_result result = { .size = sizeof(result) };
	pfork_broker *broker = NULL;
	struct utsname kernel;
	enum pfork_code code;
	pfork_error err;
	int status;

	if (options->file_count != 0) {
		complain("doctor takes no files");
		return EXIT_USAGE;
	}
	status = open_broker(options, &broker);
	if (status != EXIT_DONE)
		return status;
	memset(&kernel, 0, sizeof(kernel));
	(void)uname(&kernel);
	code = pfork_probe(broker, &result, &err);
	/* Of what was not looked at there is nothing to show. */
	if (options->json)
		show_json(&result, code, &kernel, &err);
	else if (code == PFORK_OK || code == PFORK_E_SANDBOX)
		show_text(&result, code, &kernel);
	if (code != PFORK_OK && !(options->json && options->quiet)) {
		fflush(stdout);
		complain_load(options, NULL, &err);
	}
	pfork_broker_free(broker);
	return exit_for(code);
}
