/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - the verbs, and what is said about them.
 */
#include <string.h>
#include <stdlib.h>

#include "cli.h"
#include "print.h"

const struct verb verbs[VERBS] = {
	[LS] = { "ls", "FILE|DIRECTORY", "list the tensors of a checkpoint",
	    "Lists dtype, shape, size and name of every tensor on standard\n"
	    "output, and a summary on standard error.  Never refuses, unless\n"
	    "--refuse-at says so.  Of a file that names others (*.index.json,\n"
	    "ONNX with external data, .metadata or the directory that has\n"
	    "one) it lists the tensors of all of them, of another directory\n"
	    "each file, a set once (what is no checkpoint is counted, not\n"
	    "shown, and so are links); --json then gives an object a line.\n",
	    ls_run },
	[CONVERT] = { "convert",
	    "FILE -o OUT.safetensors | FILE... --out-dir DIR",
	    "write the tensors as safetensors",
	    "Writes to a temporary file beside OUT, which takes its place\n"
	    "when all of it is on the disk.  Refuses dangerous files, unless\n"
	    "--refuse-at says otherwise.  Tensors that share their bytes are\n"
	    "written once; the other names go into __metadata__.\n"
	    "\n"
	    "With --out-dir several files, and those of directories, become\n"
	    "DIR/NAME.safetensors: their names without directory and suffix,\n"
	    "but beneath a directory that is searched they keep theirs.\n"
	    "Two of one name are an error before anything is written.  What\n"
	    "goes wrong with one file does not stop the others.  Exit status:\n"
	    "1 when one was refused, else 2 when one failed, else 3 when a\n"
	    "named one had no tensors or there was nothing to do, else 0.\n",
	    convert_run },
	[EXTRACT] = { "extract", "FILE NAME -o OUT.npy",
	    "write one tensor as .npy, or as bare bytes",
	    "numpy has no bfloat16, float8 or sub-byte types: such a tensor\n"
	    "needs --raw.\n",
	    extract_run },
	[SCAN] = { "scan", "FILE|DIRECTORY...", "say what files want to do",
	    "One line a file with its verdict, and what led to it.\n"
	    "Directories are searched; what is no checkpoint there is\n"
	    "counted, not shown; links and what is no regular file are not\n"
	    "looked at there, and counted too.  --digest and --scalars need\n"
	    "--json or --jsonl.\n"
	    "\n"
	    "  clean      tensors and plain data only\n"
	    "  unusual    objects of other classes; nothing that runs\n"
	    "  dangerous  asks for code to run, or uses a trick of attackers\n"
	    "  undecided  could not be read to its end\n"
	    "\n"
	    "Exit status: 1 when a file is dangerous, else 2 when one is\n"
	    "undecided, 3 when there was nothing to scan, else 0.\n",
	    scan_run },
	[SERVE] = { "serve", "--socket PATH [--root DIR]...",
	    "answer requests on a unix socket",
	    "One request a line, one JSON object a line back, as ls --json\n"
	    "and scan --json give it: ping, ls PATH, scan PATH.  A path lies\n"
	    "beneath a --root; - stands for a descriptor that is sent along\n"
	    "(SCM_RIGHTS) and needs none.  With --snapshot files are copied\n"
	    "into memory, up to 16 GiB a request (--limit input_bytes=N).\n"
	    "SIGTERM ends it when what was asked is answered, after ten\n"
	    "seconds in any case.  Exit status 69 when the jail does not hold\n"
	    "here, 75 when another server answers on the socket.\n",
	    serve_run },
	[DOCTOR] = { "doctor", "", "say how well this machine can jail",
	    "Starts a worker, has it try a forbidden call, and shows which\n"
	    "layers of the jail are in force.  Exit status 69 when a required\n"
	    "one is missing: then nothing can be loaded here.\n",
	    doctor_run },
	[HELP] = { "help", "[COMMAND]", "explain a command", "", help_run },
};

/* The columns of help_all: the verb, its arguments, and what it does. */
#define FORM_COLUMN 11
#define SUMMARY_COLUMN 36

/* The length of the first of several forms, "A | B"; *rest is after it. */
static int
form_length(const char *forms, const char **rest)
{
	const char *bar = strstr(forms, " | ");

	*rest = bar == NULL ? NULL : bar + 3;
	return bar == NULL ? (int)strlen(forms) : (int)(bar - forms);
}

void
help_verb(FILE *out, enum verb_id verb)
{
	const char *form = verbs[verb].arguments;
	const char *before = "usage:";
	const char *rest;
	int length;

	for (; form != NULL; form = rest) {
		length = form_length(form, &rest);
		fprintf(out, "%s picklefork %s%s%s%.*s\n", before,
		    verbs[verb].name, verb == HELP ? "" : " [OPTION]...",
		    length > 0 ? " " : "", length, form);
		before = "   or:";
	}
	fputc('\n', out);
	if (verbs[verb].text[0] != '\0')
		fprintf(out, "%s\n", verbs[verb].text);
	fputs("Options:\n", out);
	options_help(out, verb);
}

/* A form that is too wide for its column pushes the summary down. */
static void
list_verb(FILE *out, const struct verb *verb)
{
	const int room = SUMMARY_COLUMN - FORM_COLUMN - 1;
	const char *form = verb->arguments;
	const char *rest;
	int length = form_length(form, &rest);

	fprintf(out, "  %-*s%-*.*s", FORM_COLUMN - 2, verb->name, room, length,
	    form);
	if (length > room)
		fprintf(out, "\n%*s", SUMMARY_COLUMN - 1, "");
	fprintf(out, " %s\n", verb->summary);
	for (form = rest; form != NULL; form = rest) {
		length = form_length(form, &rest);
		fprintf(out, "%*s%.*s\n", FORM_COLUMN, "", length, form);
	}
}

void
help_all(FILE *out)
{
	fputs("picklefork - open an untrusted machine-learning checkpoint\n\n"
	      "usage: picklefork COMMAND [OPTION]... [FILE]...\n\n", out);
	for (int i = 0; i < VERBS; i++)
		list_verb(out, &verbs[i]);
	fputs("\nEvery file is read by a worker process in a seccomp jail; "
	      "nothing in it is ever\ncalled.  'picklefork help COMMAND' "
	      "lists the options, --version the version.\n\n"
	      "Exit status: 0 done, 1 refused or dangerous, 2 could not "
	      "decide, 3 nothing to\ndo, 64 wrong usage, 69 no jail to be "
	      "had, 70 internal error, 75 busy.\n", out);
}

int
help_run(struct options *options)
{
	char *escaped;

	if (options->file_count == 0) {
		help_all(stdout);
		return EXIT_DONE;
	}
	for (int i = 0; i < VERBS; i++) {
		if (strcmp(options->files[0], verbs[i].name) == 0) {
			help_verb(stdout, (enum verb_id)i);
			return EXIT_DONE;
		}
	}
	escaped = print_escape(options->files[0]);
	complain("no command '%s'; see 'picklefork help'", escaped);
	free(escaped);
	return EXIT_USAGE;
}
