/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - what the verbs share: exit codes, options, and how a file is opened.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "picklefork.h"

enum exit_code {
	EXIT_DONE = 0,		/* done, nothing refused */
	EXIT_REFUSED = 1,	/* dangerous, or what the policy asked for */
	EXIT_UNDECIDED = 2,	/* malformed, over a limit, input or output */
	EXIT_NOTHING = 3,	/* nothing to do */
	EXIT_USAGE = 64,
	EXIT_SANDBOX = 69,	/* the jail cannot be had: nothing was parsed */
	EXIT_INTERNAL = 70,
	EXIT_BUSY = 75		/* serve: too much at once, or another server */
};

struct options {
	pfork_options load;
	pfork_limits limits;
	char worker[4096];
	const char **files;	/* what is not an option */
	size_t file_count;
	const char *output;
	const char *out_dir;	/* convert: for several files */
	const char *root;	/* for the shards of an index */
	pfork_pin *pins;	/* with root alone */
	size_t pin_count;
	const char **roots;	/* serve: all of them */
	size_t root_count;
	const char *socket;	/* serve */
	const char *group;
	unsigned parked;
	bool parked_given;
	unsigned jobs;		/* 0: as many as there are processors */
	enum pfork_refuse refuse_at;	/* DEFAULT: not given */
	bool json;
	bool jsonl;
	bool digest;
	bool strict;
	bool force;
	bool raw;
	bool quiet;
	bool skip_unsupported;
	bool clone_aliases;
	bool help;
};

enum verb_id { LS, CONVERT, EXTRACT, SCAN, SERVE, DOCTOR, HELP, VERBS };
#define ONLY(verb) (1u << (verb))

struct verb {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *text;	/* the rest of --help */
	int (*run)(struct options *options);
};
extern const struct verb verbs[VERBS];

int ls_run(struct options *options);
int convert_run(struct options *options);
int extract_run(struct options *options);
int scan_run(struct options *options);
int doctor_run(struct options *options);
/* In broker/server. */
int serve_run(struct options *options);
int help_run(struct options *options);

/* help.c */
void help_verb(FILE *out, enum verb_id verb);
void help_all(FILE *out);

/* options.c: argv without the verb.  0, or an exit code after a message. */
int options_parse(struct options *options, enum verb_id verb, int argc,
    char **argv);
void options_free(struct options *options);
/* The options that a verb takes, one a line. */
void options_help(FILE *out, enum verb_id verb);
/* "--option: 'value' is not wanted"; EXIT_USAGE. */
int options_bad_value(const char *option, const char *value,
    const char *wanted);

/* complain.c: one line on stderr, "picklefork: ...", newline added.  What came
 * from a file or a command line goes through print_escape first. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void complain_error(const char *file, const pfork_error *err);
/* A line: "text (CODE at byte N)", and with options what may help. */
void put_load_error(FILE *out, const struct options *options,
    const pfork_error *err);
/* Before anything is printed: from here on stdout keeps why a write failed.
 * False: no memory. */
bool begin_output(void);
/* errno of the first write to stdout that failed; 0: none has. */
int output_error(void);
/* True of EPIPE: who read our output wants no more, which needs no message;
 * finish_output then leaves by SIGPIPE. */
bool output_is_unread(int errnum);
/* The same of a file that could not be loaded, and what may help. */
void complain_load(const struct options *options, const char *file,
    const pfork_error *err);
/* Flushes stdout: `code`, or EXIT_UNDECIDED when data was lost.  Ends by
 * SIGPIPE, as other tools do, when the reader has gone. */
int finish_output(int code);

/* open.c: 0, or an exit code after a message. */
int open_broker(struct options *options, pfork_broker **broker);
/* The same for one file of which every byte is wanted: several workers may
 * inflate it. */
int open_broker_whole(struct options *options, pfork_broker **broker);
/* The same for so many files: for many, workers are started ahead. */
int open_broker_for(struct options *options, size_t files,
    pfork_broker **broker);
/* How many of them are worked at at once. */
size_t jobs_for(const struct options *options, size_t files);
/* Reads a file, or all that it names, or a directory that is one checkpoint,
 * and judges it against refuse_at.  EXIT_DONE: *ckpt is whole.
 * Otherwise *err is filled, and *ckpt holds what was seen, or is NULL.  Says
 * nothing. */
int open_checkpoint(const struct options *options, pfork_broker *broker,
    const char *file, pfork_checkpoint **ckpt, pfork_error *err);
/* The same of a file that was found beneath the directory `top`, where no link
 * is followed now (with --root, its rule); NULL: one that was named. */
int open_found(const struct options *options, pfork_broker *broker,
    const char *top, const char *file, pfork_checkpoint **ckpt,
    pfork_error *err);
/* Of no format that has a name: counted in directories, not shown. */
bool is_no_checkpoint(const pfork_checkpoint *ckpt, const pfork_error *err);
int exit_for(enum pfork_code code);

#endif
