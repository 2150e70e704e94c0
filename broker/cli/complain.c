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

#include "cli.h"
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
complain_error(const char *file, const pfork_error *err)
{
	char *name = file == NULL ? NULL : print_escape(file);

	if (err->offset != PFORK_NO_OFFSET)
		complain("%s%s%s (%s at byte %llu)", name == NULL ? "" : name,
		    name == NULL ? "" : ": ", err->text,
		    pfork_code_name(err->code),
		    (unsigned long long)err->offset);
	else
		complain("%s%s%s (%s)", name == NULL ? "" : name,
		    name == NULL ? "" : ": ", err->text,
		    pfork_code_name(err->code));
	free(name);
}

int
finish_output(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	if (errno == EPIPE) {
		/* `| head` has seen enough: leave as every tool does. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	complain("writing standard output: %s", strerror(errno));
	return EXIT_UNDECIDED;
}
