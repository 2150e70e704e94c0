/* SPDX-License-Identifier: Apache-2.0
 *
 * request.c - from one line to one line: "ping", "ls PATH", "scan PATH", or a
 * descriptor in the path's place ("scan -").  A path leads beneath a root that
 * the operator named, by the kernel's word (openat2), or it is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report.h"
#include "server.h"

static void
put_error(FILE *out, int code, const char *text)
{
	struct json j = { out, false };

	json_object(&j, NULL);
	json_string(&j, "schema", "picklefork.error/1");
	json_i64(&j, "exit", code);
	json_string(&j, "text", text);
	json_object_end(&j);
	json_newline(&j);
}

static void
put_pong(FILE *out)
{
	struct json j = { out, false };

	json_object(&j, NULL);
	json_string(&j, "schema", "picklefork.pong/1");
	json_string(&j, "version", pfork_version());
	json_object_end(&j);
	json_newline(&j);
}

static void
put_report(const struct server *s, FILE *out, const char *file,
    const pfork_checkpoint *ckpt, pfork_error *err)
{
	struct json j = { out, false };

	report_json(&j, s->options, file, ckpt, err, NULL);
	json_newline(&j);
}

/* ---------------------------------------------------------------- roots -- */

/* The part of path beneath this directory; NULL: it is not.  Text only finds
 * the root; where the rest leads is for the kernel to say. */
static const char *
beneath(const char *directory, size_t length, const char *path)
{
	if (strncmp(path, directory, length) != 0 || path[length] != '/')
		return NULL;
	path += length;
	while (*path == '/')
		path++;
	return *path == '\0' ? NULL : path;
}

static const char *
beneath_root(const struct root *r, const char *path)
{
	/* "/" ends in its only slash. */
	size_t length = r->real[1] == '\0' ? 0 : strlen(r->real);
	const char *rest = beneath(r->real, length, path);

	if (rest == NULL && r->given_length > 0)
		rest = beneath(r->given, r->given_length, path);
	return rest;
}

/* A path that is not absolute is meant where there is one root.  NULL: *why. */
static const struct root *
find_root(const struct server *s, const char **path, const char **why)
{
	const char *rest;

	*why = "the path is beneath no root of this server";
	if (s->root_count == 0)
		*why = "this server has no root: send a descriptor, and - for "
		       "the path";
	else if ((*path)[0] != '/' && s->root_count == 1)
		return &s->roots[0];
	else if ((*path)[0] != '/')
		*why = "this server has several roots: the path must be "
		       "absolute";
	for (size_t i = 0; i < s->root_count; i++) {
		rest = beneath_root(&s->roots[i], *path);
		if (rest == NULL)
			continue;
		*path = rest;
		return &s->roots[i];
	}
	return NULL;
}

/* ----------------------------------------------------------------- work -- */

/* No more than --jobs at a time; the others wait.  Who does not take his answer
 * is cut off in time, so that nobody waits for ever. */
static void
begin_load(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->loads == 0 || s->untaken > UNTAKEN_MOST)
		pthread_cond_wait(&s->changed, &s->lock);
	s->loads--;
	pthread_mutex_unlock(&s->lock);
}

/* At once with the load's end, so that none begins between the two. */
static void
answer_made(struct server *s, size_t length, bool loading)
{
	pthread_mutex_lock(&s->lock);
	s->untaken += length;
	if (loading)
		s->loads++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* file: what the client called it.  The answer is a report whatever happens to
 * the file; what is wrong with it stands there.  True: a load began, and is
 * over when the answer has been made. */
static bool
answer_file(struct server *s, FILE *out, const char *file,
    const struct passed *passed)
{
	pfork_error err = { .code = PFORK_OK };
	pfork_checkpoint *ckpt = NULL;
	const struct root *root = NULL;
	const char *path = file;
	const char *why = NULL;
	enum pfork_code code;

	if (strcmp(file, "-") != 0)
		root = find_root(s, &path, &why);
	else
		why = passed->refused;
	if (root == NULL && why != NULL) {
		put_error(out, EXIT_REFUSED, why);
		return false;
	}
	begin_load(s);
	if (root != NULL)
		code = pfork_store_scan(root->store, path, &ckpt, &err);
	else
		code = pfork_scan_fd(s->broker, passed->fd, &ckpt, &err);
	if (code == PFORK_OK) {
		const pfork_error *fault = pfork_checkpoint_fault(ckpt);

		err.code = PFORK_OK;
		if (fault != NULL)
			err = *fault;
	}
	put_report(s, out, file, ckpt, &err);
	pfork_checkpoint_unref(ckpt);
	return true;
}

/* What follows the word and one space; NULL: another word. */
static const char *
argument_of(const char *line, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(line, word, length) != 0 || line[length] != ' ' ||
	    line[length + 1] == '\0')
		return NULL;
	return line + length + 1;
}

static bool
answer(struct server *s, FILE *out, const char *line,
    const struct passed *passed, bool *loading)
{
	const char *file = argument_of(line, "ls");
	bool wants_fd;
	bool came = passed->fd >= 0 || passed->refused != NULL;

	if (file == NULL)
		file = argument_of(line, "scan");
	wants_fd = file != NULL && strcmp(file, "-") == 0;
	if (wants_fd != came) {
		put_error(out, EXIT_USAGE, wants_fd ?
		    "- stands for a descriptor, and none came" :
		    "a descriptor came that no request asked for");
		return false;
	}
	if (file != NULL) {
		*loading = answer_file(s, out, file, passed);
		return true;
	}
	if (strcmp(line, "ping") == 0) {
		put_pong(out);
		return true;
	}
	put_error(out, EXIT_USAGE, "a request is: ping, ls PATH, scan PATH, "
	    "or - and a descriptor for PATH");
	return false;
}

bool
request_answer(struct server *s, const char *line,
    const struct passed *passed, char **text, size_t *length)
{
	FILE *out = open_memstream(text, length);
	bool loading = false;
	bool goes_on;

	*text = NULL;
	if (out == NULL)
		return false;
	goes_on = answer(s, out, line, passed, &loading);
	if (fclose(out) != 0) {
		free(*text);
		*text = NULL;
		*length = 0;
		goes_on = false;
	}
	answer_made(s, *length, loading);
	return goes_on;
}
