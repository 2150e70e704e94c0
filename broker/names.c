/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - the names of the public enumerations.  Takes any number, also one
 * that no enumerator has; answers with constants.
 */
#include "picklefork.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const code_names[] = {
	"PFORK_OK",
	"PFORK_E_ARGS",
	"PFORK_E_SYSTEM",
	"PFORK_E_SANDBOX",
	"PFORK_E_FORMAT",
	"PFORK_E_UNSUPPORTED",
	"PFORK_E_REFUSED",
	"PFORK_E_LIMIT",
	"PFORK_E_TIMEOUT",
	"PFORK_E_CHANGED",
	"PFORK_E_WORKER",
	"PFORK_E_PROTOCOL",
};
static const char *const verdict_names[] = {
	"undecided",
	"clean",
	"unusual",
	"dangerous",
};
static const char *const note_names[] = {
	"?",
	"global",
	"call",
	"opaque",
	"alias",
	"record",
	"polyglot",
	"skipped",
	"names",
	"metadata",
};
/* By bit number. */
static const char *const layer_names[] = {
	"seccomp",
	"no-new-privs",
	"closed-fds",
	"rlimits",
	"not-dumpable",
	"no-capabilities",
	"uid-drop",
	"landlock",
	"user-ns",
	"mount-ns",
	"ipc-ns",
	"uts-ns",
	"cgroup-ns",
	"net-ns",
	"mdwe",
	"speculation",
};

const char *
pfork_version(void)
{
	return PFORK_VERSION;
}

const char *
pfork_code_name(enum pfork_code code)
{
	return (unsigned)code < COUNT(code_names) ? code_names[code]
						  : "PFORK_E_?";
}

const char *
pfork_verdict_name(enum pfork_verdict verdict)
{
	return (unsigned)verdict < COUNT(verdict_names)
	    ? verdict_names[verdict] : "?";
}

const char *
pfork_note_kind_name(enum pfork_note_kind kind)
{
	return (unsigned)kind < COUNT(note_names) ? note_names[kind] : "?";
}

const char *
pfork_layer_name(uint64_t layer)
{
	for (size_t bit = 0; bit < COUNT(layer_names); bit++)
		if (layer == UINT64_C(1) << bit)
			return layer_names[bit];
	return NULL;
}
