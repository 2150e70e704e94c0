/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - the command line.  One table says which verb takes which option;
 * the parser and every --help read it.  Our own parser and not getopt_long's:
 * no abbreviations (a script must not break when an option is added), and a
 * wrong option is answered with what the verb does take.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "options_limit.h"
#include "options_serve.h"
#include "print.h"

#define LOADS (ONLY(LS) | ONLY(CONVERT) | ONLY(EXTRACT) | ONLY(SCAN))
#define ALL (LOADS | ONLY(SERVE) | ONLY(DOCTOR))
/* Among an option's verbs: each further one adds to those before. */
#define REPEATS ONLY(VERBS)

/* -------------------------------------------------------------- values -- */

int
options_bad_value(const char *option, const char *value, const char *wanted)
{
	char *escaped = print_escape(value);

	complain("--%s: '%s' is not %s", option, escaped, wanted);
	free(escaped);
	return EXIT_USAGE;
}

static int
require_layer(struct options *options, const char *value)
{
	const char *name;

	for (unsigned bit = 0; bit < 64; bit++) {
		name = pfork_layer_name(UINT64_C(1) << bit);
		if (name != NULL && strcmp(name, value) == 0) {
			options->load.required_layers |= UINT64_C(1) << bit;
			return 0;
		}
	}
	fprintf(stderr, "picklefork: --require-layer: the names are");
	for (unsigned bit = 0; bit < 64; bit++) {
		name = pfork_layer_name(UINT64_C(1) << bit);
		if (name != NULL)
			fprintf(stderr, " %s", name);
	}
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static int
set_refuse(struct options *options, const char *value)
{
	if (strcmp(value, "dangerous") == 0)
		options->refuse_at = PFORK_REFUSE_DANGEROUS;
	else if (strcmp(value, "unusual") == 0)
		options->refuse_at = PFORK_REFUSE_UNUSUAL;
	else if (strcmp(value, "never") == 0)
		options->refuse_at = PFORK_REFUSE_NEVER;
	else
		return options_bad_value("refuse-at", value,
		    "dangerous, unusual or never");
	return 0;
}

static int
set_delivery(struct options *options, const char *value)
{
	if (strcmp(value, "extent") == 0)
		options->load.delivery = PFORK_DELIVER_EXTENT;
	else if (strcmp(value, "stream") == 0)
		options->load.delivery = PFORK_DELIVER_STREAM;
	else
		return options_bad_value("delivery", value, "extent or stream");
	return 0;
}

static int
set_jobs(struct options *options, const char *value)
{
	uint64_t number;

	if (!limit_number(value, &number) || number > 1024)
		return options_bad_value("jobs", value,
		    "a number from 1 to 1024");
	options->jobs = (unsigned)number;
	return 0;
}

static int
set_worker(struct options *options, const char *value)
{
	size_t size = strlen(value) + 1;

	if (size > sizeof(options->worker))
		return options_bad_value("worker", value, "a path that fits");
	memcpy(options->worker, value, size);
	options->load.worker_path = options->worker;
	return 0;
}

static int
set_output(struct options *options, const char *value)
{
	options->output = value;
	return 0;
}

static int
set_out_dir(struct options *options, const char *value)
{
	options->out_dir = value;
	return 0;
}

/* There is room for one each word. */
static int
set_root(struct options *options, const char *value)
{
	options->root = value;
	options->roots[options->root_count++] = value;
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Without "./" in front, as the store names what is opened. */
static const char *
from_here(const char *file)
{
	while (file[0] == '.' && file[1] == '/')
		for (file++; *file == '/'; file++)
			;
	return file;
}

/* FILE=HEX; a name may hold '=' too, digits cannot.  The name is cut off in
 * memory of its own. */
static int
add_pin(struct options *options, const char *value)
{
	pfork_pin *pin = &options->pins[options->pin_count];
	const char *equals = strrchr(value, '=');
	const char *hex = equals == NULL ? value : equals + 1;
	const char *file = from_here(value);
	bool good = equals != NULL && equals > file &&
	    strlen(hex) == 2 * sizeof(pin->sha256);

	for (size_t i = 0; good && i < sizeof(pin->sha256); i++) {
		int high = hex_digit(hex[2 * i]);
		int low = hex_digit(hex[2 * i + 1]);

		good = high >= 0 && low >= 0;
		pin->sha256[i] = (uint8_t)(high * 16 + low);
	}
	if (!good)
		return options_bad_value("pin", value,
		    "FILE=SHA-256 in 64 digits");
	pin->file = strndup(file, (size_t)(equals - file));
	if (pin->file == NULL)
		return EXIT_INTERNAL;
	options->pin_count++;
	return 0;
}

/* --------------------------------------------------------------- table -- */

#define FLAG(name) NULL, offsetof(struct options, name), 0
static const struct option {
	char letter;		/* or 0 */
	const char *name;
	const char *value;	/* what it takes, or NULL */
	unsigned verbs;
	const char *help;
	/* What it sets: one of these. */
	int (*set)(struct options *options, const char *value);
	size_t flag;		/* offset of a bool in struct options */
	uint32_t load_flag;	/* PFORK_* */
} table[] = {
	{ 'o', "output", "FILE", ONLY(CONVERT) | ONLY(EXTRACT),
	    "where to write; - is standard output",
	    set_output, 0, 0 },
	{ 0, "out-dir", "DIR", ONLY(CONVERT),
	    "convert several files, each to DIR/NAME.safetensors",
	    set_out_dir, 0, 0 },
	{ 'f', "force", NULL, ONLY(CONVERT) | ONLY(EXTRACT),
	    "replace an output file that exists",
	    FLAG(force) },
	{ 0, "raw", NULL, ONLY(EXTRACT),
	    "write the bare bytes, without the .npy header",
	    FLAG(raw) },
	{ 0, "skip-unsupported", NULL, ONLY(CONVERT),
	    "leave out what safetensors lacks or could not be read",
	    FLAG(skip_unsupported) },
	{ 0, "clone-aliases", NULL, ONLY(CONVERT),
	    "write shared tensors once for each name",
	    FLAG(clone_aliases) },
	{ 0, "json", NULL, ONLY(LS) | ONLY(SCAN) | ONLY(DOCTOR),
	    "one JSON object on standard output",
	    FLAG(json) },
	{ 0, "jsonl", NULL, ONLY(SCAN),
	    "one JSON object a file, as each is done",
	    FLAG(jsonl) },
	{ 0, "digest", NULL, ONLY(LS) | ONLY(SCAN),
	    "add the SHA-256 of each tensor",
	    FLAG(digest) },
	{ 0, "scalars", NULL, ONLY(LS) | ONLY(SCAN) | ONLY(SERVE),
	    "report numbers and text too, not only tensors",
	    NULL, 0, PFORK_SCALARS },
	{ 0, "strict", NULL, ONLY(SCAN),
	    "exit 1 on unusual files too",
	    FLAG(strict) },
	{ 'j', "jobs", "N", ONLY(SCAN) | ONLY(SERVE) | ONLY(CONVERT),
	    "files at a time (default: one for each processor)",
	    set_jobs, 0, 0 },
	{ 0, "socket", "PATH", ONLY(SERVE),
	    "where to listen; made with mode 0600",
	    serve_set_socket, 0, 0 },
	{ 0, "group", "NAME", ONLY(SERVE),
	    "serve the members of this group too (mode 0660)",
	    serve_set_group, 0, 0 },
	{ 0, "parked", "N", ONLY(SERVE),
	    "workers kept ready, 0 to 64 (default: processors and 2)",
	    serve_set_parked, 0, 0 },
	{ 0, "refuse-at", "LEVEL",
	    ONLY(LS) | ONLY(CONVERT) | ONLY(EXTRACT),
	    "refuse at dangerous, unusual or never",
	    set_refuse, 0, 0 },
	{ 0, "verify", NULL, LOADS | ONLY(SERVE),
	    "check the CRC-32 of stored zip members too",
	    NULL, 0, PFORK_VERIFY },
	{ 0, "lenient", NULL, LOADS | ONLY(SERVE),
	    "take bytes after the last tensor (safetensors)",
	    NULL, 0, PFORK_LENIENT },
	{ 0, "snapshot", NULL, LOADS | ONLY(SERVE),
	    "copy the file first: it may be written to meanwhile",
	    NULL, 0, PFORK_SNAPSHOT },
	{ 0, "map-input", NULL, LOADS,
	    "map the file, which must not shrink meanwhile",
	    NULL, 0, PFORK_MAP_INPUT },
	{ 0, "delivery", "HOW", LOADS,
	    "extent (default) or stream: all bytes through the jail",
	    set_delivery, 0, 0 },
	{ 0, "root", "DIR", LOADS,
	    "where an index may lead, by links too (default: beside it)",
	    set_root, 0, 0 },
	{ 0, "pin", "FILE=HEX", LOADS | REPEATS,
	    "with --root: no file but with this SHA-256; may be repeated",
	    add_pin, 0, 0 },
	{ 0, "root", "DIR", ONLY(SERVE) | REPEATS,
	    "serve files beneath DIR; may be repeated; no default",
	    set_root, 0, 0 },
	{ 0, "limit", "NAME=N", LOADS | ONLY(SERVE) | REPEATS,
	    "raise or lower a limit; N may end in K, M, G or T",
	    limit_set, 0, 0 },
	{ 0, "require-layer", "NAME", ALL | REPEATS,
	    "fail without this layer of the jail; may be repeated",
	    require_layer, 0, 0 },
	{ 0, "worker", "PATH", ALL,
	    "the worker program, where it is not the installed one",
	    set_worker, 0, 0 },
	{ 'q', "quiet", NULL, ALL,
	    "only errors on standard error",
	    FLAG(quiet) },
	{ 'h', "help", NULL, ALL | ONLY(HELP), "this text",
	    FLAG(help) },
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))
_Static_assert(OPTIONS <= 64, "struct words has a bit for each");

#define HELP_COLUMN 29
#define HELP_WIDTH 79

/* Broken between words, each line from HELP_COLUMN on. */
static void
put_help(FILE *out, const char *text)
{
	const size_t room = HELP_WIDTH - HELP_COLUMN;
	size_t length = strlen(text);

	while (length > room) {
		size_t end = room;

		while (end > 0 && text[end] != ' ')
			end--;
		if (end == 0)
			break;
		fprintf(out, "%.*s\n%*s", (int)end, text, HELP_COLUMN, "");
		text += end + 1;
		length -= end + 1;
	}
	fprintf(out, "%s\n", text);
}

void
options_help(FILE *out, enum verb_id verb)
{
	char letter[4];
	char left[64];

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &table[i];

		if ((o->verbs & ONLY(verb)) == 0)
			continue;
		snprintf(letter, sizeof(letter), "-%c,", o->letter);
		snprintf(left, sizeof(left), "%3s --%s%s%s",
		    o->letter != 0 ? letter : "", o->name,
		    o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");
		fprintf(out, "  %-*s", HELP_COLUMN - 2, left);
		put_help(out, o->help);
	}
}

/* ------------------------------------------------------------- parsing -- */

struct words {
	enum verb_id verb;
	int count;
	char **at;
	int next;
	uint64_t given;		/* a bit for each of table[] */
};

static int
unknown(const struct words *w, const char *word)
{
	char *escaped = print_escape(word);

	complain("%s: no option %s; see 'picklefork %s --help'",
	    verbs[w->verb].name, escaped, verbs[w->verb].name);
	free(escaped);
	return EXIT_USAGE;
}

/* One of two values would be forgotten. */
static int
given_twice(const struct option *o, bool letter)
{
	char name[2] = { o->letter, '\0' };

	complain("-%s%s is given twice", letter ? "" : "-",
	    letter ? name : o->name);
	return EXIT_USAGE;
}

/* value: what is joined to the option, or NULL; letter: it was named by it. */
static int
apply(struct options *options, struct words *w, const struct option *o,
    const char *value, bool letter)
{
	uint64_t bit = UINT64_C(1) << (o - table);

	if (o->value == NULL) {
		if (value != NULL) {
			complain("--%s takes no value", o->name);
			return EXIT_USAGE;
		}
		if (o->load_flag != 0)
			options->load.flags |= o->load_flag;
		else
			*(bool *)((char *)options + o->flag) = true;
		return 0;
	}
	if (value == NULL && w->next < w->count)
		value = w->at[w->next++];
	if (value == NULL) {
		complain("--%s needs %s", o->name, o->value);
		return EXIT_USAGE;
	}
	if ((w->given & bit) != 0 && (o->verbs & REPEATS) == 0)
		return given_twice(o, letter);
	w->given |= bit;
	return o->set(options, value);
}

static int
long_option(struct options *options, struct words *w, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);

	for (size_t i = 0; i < OPTIONS; i++)
		if ((table[i].verbs & ONLY(w->verb)) != 0 &&
		    strlen(table[i].name) + 2 == length &&
		    memcmp(table[i].name, word + 2, length - 2) == 0)
			return apply(options, w, &table[i],
			    equals == NULL ? NULL : equals + 1, false);
	return unknown(w, word);
}

static int
short_options(struct options *options, struct words *w, const char *word)
{
	const struct option *o;
	int code = 0;

	for (const char *at = word + 1; code == 0 && *at != '\0'; at++) {
		o = NULL;
		for (size_t i = 0; i < OPTIONS; i++)
			if (table[i].letter == *at &&
			    (table[i].verbs & ONLY(w->verb)) != 0)
				o = &table[i];
		if (o == NULL)
			return unknown(w, word);
		if (o->value != NULL)
			return apply(options, w, o,
			    at[1] != '\0' ? at + 1 : NULL, true);
		code = apply(options, w, o, NULL, true);
	}
	return code;
}

int
options_parse(struct options *options, enum verb_id verb, int argc,
    char **argv)
{
	struct words w = { .verb = verb, .count = argc, .at = argv };
	bool ended = false;
	int code = 0;

	memset(options, 0, sizeof(*options));
	options->load.size = sizeof(options->load);
	options->limits.size = sizeof(options->limits);
	options->load.limits = &options->limits;
	/* The verbs judge the verdict themselves, so that they can show why. */
	options->load.refuse_at = PFORK_REFUSE_NEVER;
	options->files = calloc((size_t)argc + 1, sizeof(*options->files));
	options->pins = calloc((size_t)argc + 1, sizeof(*options->pins));
	options->roots = calloc((size_t)argc + 1, sizeof(*options->roots));
	if (options->files == NULL || options->pins == NULL ||
	    options->roots == NULL)
		return EXIT_INTERNAL;
	while (code == 0 && w.next < w.count) {
		const char *word = w.at[w.next++];

		if (ended || word[0] != '-' || word[1] == '\0')
			options->files[options->file_count++] = word;
		else if (strcmp(word, "--") == 0)
			ended = true;
		else if (word[1] == '-')
			code = long_option(options, &w, word);
		else
			code = short_options(options, &w, word);
	}
	if (code == 0 && options->pin_count > 0 && options->root == NULL) {
		complain("--pin needs --root: its files are named from there");
		code = EXIT_USAGE;
	}
	return code;
}

void
options_free(struct options *options)
{
	for (size_t i = 0; i < options->pin_count; i++)
		free((void *)(uintptr_t)options->pins[i].file);
	free(options->pins);
	options->pins = NULL;
	options->pin_count = 0;
	free(options->files);
	free(options->roots);
	options->files = NULL;
	options->roots = NULL;
}
