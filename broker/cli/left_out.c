/* SPDX-License-Identifier: Apache-2.0
 *
 * left_out.c - see left_out.h.  A note's text is "left out: NAME: why", in a
 * set after the name of the file; NAME is the file author's, and cut where it
 * is long.  A wrong guess at which note it is costs a wrong reason, no more.
 */
#include "left_out.h"

#include <string.h>

#include "print.h"

#define SHOWN 3

static size_t
count_notes(const pfork_checkpoint *ckpt, enum pfork_note_kind kind)
{
	pfork_note note;
	size_t count = 0;

	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++)
		count += note.kind == kind;
	return count;
}

size_t
left_out_count(const pfork_checkpoint *ckpt)
{
	return count_notes(ckpt, PFORK_NOTE_SKIPPED);
}

bool
left_out_names(const pfork_checkpoint *ckpt)
{
	return count_notes(ckpt, PFORK_NOTE_NAMES) > 0;
}

void
left_out_print(FILE *out, const pfork_checkpoint *ckpt, const char *indent)
{
	pfork_note note;
	size_t count = 0;

	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++) {
		if ((note.kind != PFORK_NOTE_SKIPPED &&
		    note.kind != PFORK_NOTE_NAMES) || count++ >= SHOWN)
			continue;
		fputs(indent, out);
		print_text(out, note.text, strlen(note.text));
		fputc('\n', out);
	}
	if (count > SHOWN)
		fprintf(out, "%s%zu more (ls --json names all)\n", indent,
		    count - SHOWN);
}

/* Only the beginning of such a name is there. */
static bool
is_cut_name(const char *text, const char *name)
{
	const char *why = strstr(text, ": its name is over ");

	return why != NULL && why != text &&
	    strncmp(text, name, (size_t)(why - text)) == 0;
}

bool
left_out_find(const pfork_checkpoint *ckpt, const char *name, pfork_note *note)
{
	static const char mark[] = "left out: ";
	size_t length = strlen(name);
	const char *text;

	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, note); i++) {
		text = note->kind == PFORK_NOTE_SKIPPED ?
		    strstr(note->text, mark) : NULL;
		if (text == NULL)
			continue;
		text += sizeof(mark) - 1;
		if ((strncmp(text, name, length) == 0 &&
		    strncmp(text + length, ": ", 2) == 0) ||
		    is_cut_name(text, name))
			return true;
	}
	return false;
}
