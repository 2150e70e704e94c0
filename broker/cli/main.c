/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - picklefork, the command.  Data goes to standard output, messages to
 * standard error.  Sits on the public header only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "print.h"

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

/* A shell's unset variable, most often.  A tensor may be named so. */
static bool
names_nothing(enum verb_id verb, const struct options *options)
{
	size_t files = verb == EXTRACT ? 1 : options->file_count;

	for (size_t i = 0; i < files && i < options->file_count; i++) {
		if (options->files[i][0] != '\0')
			continue;
		complain("'': an empty name names no file; see 'picklefork %s "
			 "--help'", verbs[verb].name);
		return true;
	}
	return false;
}

/* Once, and not for every file.  serve opens its own. */
static bool
root_is_missing(enum verb_id verb, const struct options *options)
{
	struct stat st;
	int errnum = ENOTDIR;
	char *escaped;

	if (options->root == NULL || verb == SERVE)
		return false;
	if (stat(options->root, &st) != 0)
		errnum = errno;
	else if (S_ISDIR(st.st_mode))
		return false;
	escaped = print_escape(options->root);
	complain("--root %s: %s", escaped, strerror(errnum));
	free(escaped);
	return true;
}

static int
run_verb(enum verb_id verb, int argc, char **argv)
{
	struct options options;
	int code = options_parse(&options, verb, argc, argv);

	if (code == 0 && options.help) {
		help_verb(stdout, verb);
	} else if (code == 0 && (names_nothing(verb, &options) ||
	    root_is_missing(verb, &options))) {
		code = EXIT_USAGE;
	} else if (code == 0) {
		code = verbs[verb].run(&options);
	}
	options_free(&options);
	return finish_output(code);
}

int
main(int argc, char **argv)
{
	/* A message is one write, not one for each of its pieces. */
	static char line[4096];
	char *escaped;

	fill_standard_descriptors();
	if (!begin_output()) {
		complain("no memory");
		return EXIT_INTERNAL;
	}
	setvbuf(stderr, line, _IOLBF, sizeof(line));
	signal(SIGPIPE, SIG_IGN);
	/* RLIMIT_FSIZE: an error to be reported, not a death. */
	signal(SIGXFSZ, SIG_IGN);
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
