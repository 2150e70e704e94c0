/* SPDX-License-Identifier: Apache-2.0
 *
 * complain.c - messages for people, and the end of standard output.  Text that
 * came from a file or a command line must have gone through print_escape.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options_limit.h"
#include "print.h"

void
complain(const char *format, ...)
{
	va_list args;

	flockfile(stderr);
	fputs("picklefork: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void
put_load_error(FILE *out, const struct options *options, const pfork_error *err)
{
	char advice[LIMIT_ADVICE];

	fprintf(out, "%s (%s", err->text, pfork_code_name(err->code));
	if (err->offset != PFORK_NO_OFFSET)
		fprintf(out, " at byte %llu", (unsigned long long)err->offset);
	fputc(')', out);
	if (options != NULL && limit_advice(advice, options, err))
		fprintf(out, "; %s", advice);
	fputc('\n', out);
}

void
complain_error(const char *file, const pfork_error *err)
{
	complain_load(NULL, file, err);
}

void
complain_load(const struct options *options, const char *file,
    const pfork_error *err)
{
	flockfile(stderr);
	fputs("picklefork: ", stderr);
	if (file != NULL) {
		print_text(stderr, file, strlen(file));
		fputs(": ", stderr);
	}
	put_load_error(stderr, options, err);
	funlockfile(stderr);
}

/* ------------------------------------------------------ standard output -- */

static int first_error;

/* stdio keeps that a write has failed, and not why. */
static ssize_t
write_all(void *unused, const char *bytes, size_t size)
{
	size_t done = 0;
	ssize_t n;

	(void)unused;
	while (done < size) {
		n = write(STDOUT_FILENO, bytes + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			first_error = first_error == 0 ? errno : first_error;
			break;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

bool
begin_output(void)
{
	static char buffer[16384];
	cookie_io_functions_t functions = { .write = write_all };
	FILE *out = fopencookie(NULL, "w", functions);

	if (out == NULL)
		return false;
	stdout = out;
	return setvbuf(out, buffer,
	    isatty(STDOUT_FILENO) == 1 ? _IOLBF : _IOFBF, sizeof(buffer)) == 0;
}

int
output_error(void)
{
	return first_error;
}

bool
output_is_unread(int errnum)
{
	if (errnum == EPIPE && first_error == 0)
		first_error = EPIPE;
	return errnum == EPIPE;
}

int
finish_output(int code)
{
	if (first_error == 0 && fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	if (first_error == EPIPE) {
		/* `| head` has seen enough: leave as every tool does. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	complain("writing standard output: %s", strerror(first_error));
	return EXIT_UNDECIDED;
}
