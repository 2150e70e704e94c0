/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - the public ways to load and to scan.  All of them are: find the
 * input, begin a job, run it, judge its end.
 */
#include <string.h>

#include "cancel.h"
#include "error.h"
#include "input.h"
#include "load_job.h"

static enum pfork_code
no_pointer(pfork_error *err)
{
	return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
	    "a pointer is NULL");
}

/* input: what was found, when found is PFORK_OK. */
static enum pfork_code
load(pfork_broker *b, enum pfork_code found, struct source *input,
    pfork_checkpoint **ckpt, pfork_error *err)
{
	struct pfork_job *job;
	enum pfork_code code = found;

	if (code == PFORK_OK)
		code = load_job_begin(b, input, false, &job, err);
	if (code != PFORK_OK)
		return code;
	load_job_wait(job);
	return load_job_result(job, false, ckpt, err);
}

static enum pfork_code
scan(pfork_broker *b, enum pfork_code found, struct source *input,
    const pfork_error *why, pfork_checkpoint **ckpt, pfork_error *err)
{
	struct pfork_job *job;
	enum pfork_code code;

	if (load_job_is_fault(found))
		return load_empty_report(why, ckpt, err);
	if (found != PFORK_OK) {
		if (err != NULL)
			*err = *why;
		return found;
	}
	code = load_job_begin(b, input, false, &job, err);
	if (code != PFORK_OK)
		return code;
	load_job_wait(job);
	return load_job_result(job, true, ckpt, err);
}

enum pfork_code
pfork_load_path(pfork_broker *b, const char *path, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	CANCEL_WAITS;
	struct source input;

	if (b == NULL || ckpt == NULL)
		return no_pointer(err);
	return load(b, input_from_path(b, path, &input, err), &input, ckpt,
	    err);
}

enum pfork_code
pfork_load_fd(pfork_broker *b, int fd, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	CANCEL_WAITS;
	struct source input;

	if (b == NULL || ckpt == NULL)
		return no_pointer(err);
	return load(b, input_from_fd(b, fd, &input, err), &input, ckpt, err);
}

enum pfork_code
pfork_load_memory(pfork_broker *b, const void *bytes, size_t length,
    pfork_checkpoint **ckpt, pfork_error *err)
{
	CANCEL_WAITS;
	struct source input;

	if (b == NULL || ckpt == NULL)
		return no_pointer(err);
	return load(b, input_from_memory(b, bytes, length, &input, err),
	    &input, ckpt, err);
}

enum pfork_code
pfork_scan_path(pfork_broker *b, const char *path, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	CANCEL_WAITS;
	struct source input;
	pfork_error why;

	if (b == NULL || ckpt == NULL)
		return no_pointer(err);
	return scan(b, input_from_path(b, path, &input, &why), &input, &why,
	    ckpt, err);
}

enum pfork_code
pfork_scan_fd(pfork_broker *b, int fd, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	CANCEL_WAITS;
	struct source input;
	pfork_error why;

	if (b == NULL || ckpt == NULL)
		return no_pointer(err);
	return scan(b, input_from_fd(b, fd, &input, &why), &input, &why, ckpt,
	    err);
}

enum pfork_code
pfork_job_start(pfork_broker *b, int fd, pfork_job **job, pfork_error *err)
{
	CANCEL_WAITS;
	struct pfork_job *begun;
	struct source input;
	enum pfork_code code;

	if (b == NULL || job == NULL)
		return no_pointer(err);
	code = input_from_fd(b, fd, &input, err);
	if (code == PFORK_OK)
		code = load_job_begin(b, &input, true, &begun, err);
	if (code == PFORK_OK)
		code = load_job_offer(begun, err);
	if (code == PFORK_OK)
		*job = begun;
	return code;
}

enum pfork_code
pfork_job_finish(pfork_job *job, pfork_checkpoint **ckpt, pfork_error *err)
{
	CANCEL_WAITS;

	if (job == NULL)
		return no_pointer(err);
	load_job_resume(job);
	return load_job_result(job, false, ckpt, err);
}
