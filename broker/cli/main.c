/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - picklefork, the command.  Data goes to standard output, messages to
 * standard error.  Sits on the public header only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* A descriptor that we open must not become the caller's standard output.
 * Opened the wrong way round, so that using it is an error that we see. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd < 3);
	if (fd > 2)
		close(fd);
}

static int
run_verb(enum verb_id verb, int argc, char **argv)
{
	struct options options;
	int code = options_parse(&options, verb, argc, argv);

	if (code == 0 && options.help) {
		help_verb(stdout, verb);
	} else if (code == 0) {
		code = verbs[verb].run(&options);
	}
	options_free(&options);
	return finish_output(code);
}

int
main(int argc, char **argv)
{
	char *escaped;

	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help_all(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("picklefork %s\n", pfork_version());
		return finish_output(EXIT_DONE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help_all(stdout);
		return finish_output(EXIT_DONE);
	}
	for (int i = 0; i < VERBS; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return run_verb((enum verb_id)i, argc - 2, argv + 2);
	escaped = print_escape(argv[1]);
	complain("no command '%s'; see 'picklefork help'", escaped);
	free(escaped);
	return EXIT_USAGE;
}
