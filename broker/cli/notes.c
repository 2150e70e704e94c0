/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.c - the notes of a report, for people: the worst first, the same one
 * once, and not more than fit on a screen.  Their text is the file author's.
 */
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "report.h"

#define SHOWN_MAX 64

struct shown {
	pfork_note note;
	size_t times;
};

static enum colour
verdict_colour(enum pfork_verdict verdict)
{
	switch (verdict) {
	case PFORK_CLEAN:
		return GREEN;
	case PFORK_UNUSUAL:
	case PFORK_UNDECIDED:
		return YELLOW;
	case PFORK_DANGEROUS:
		break;
	}
	return RED;
}

void
report_verdict(FILE *out, enum pfork_verdict verdict, int width, bool colours)
{
	if (colours)
		print_colour(out, verdict_colour(verdict));
	fprintf(out, "%-*s", width, pfork_verdict_name(verdict));
	if (colours)
		print_colour(out, PLAIN);
}

/* 3 dangerous, 2 unusual, 1 a tensor left out, 0 not for people. */
static int
weight(const pfork_note *note)
{
	if (note->level == PFORK_DANGEROUS)
		return 3;
	if (note->level == PFORK_UNUSUAL)
		return 2;
	return note->kind == PFORK_NOTE_SKIPPED ? 1 : 0;
}

static bool
same(const pfork_note *a, const pfork_note *b)
{
	return a->kind == b->kind && a->level == b->level &&
	    strcmp(a->text, b->text) == 0;
}

/* Notes of one weight.  Returns how many different ones found no place. */
static size_t
collect(const pfork_checkpoint *ckpt, int wanted, struct shown *shown,
    size_t *used, size_t most)
{
	pfork_note note;
	size_t hidden = 0;
	size_t at;

	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++) {
		if (weight(&note) != wanted)
			continue;
		for (at = 0; at < *used && !same(&shown[at].note, &note); at++)
			;
		if (at < *used) {
			shown[at].times++;
		} else if (*used < most) {
			shown[*used].note = note;
			shown[*used].times = 1;
			++*used;
		} else {
			hidden++;
		}
	}
	return hidden;
}

static void
print_note(FILE *out, const struct shown *s, const char *indent, bool colours)
{
	fputs(indent, out);
	if (s->note.level != PFORK_CLEAN) {
		report_verdict(out, s->note.level, 0, colours);
		fputc(' ', out);
	}
	fprintf(out, "%s: ", pfork_note_kind_name(s->note.kind));
	print_text(out, s->note.text, strlen(s->note.text));
	if (s->note.offset != PFORK_NO_OFFSET)
		fprintf(out, " (at byte %llu)",
		    (unsigned long long)s->note.offset);
	if (s->times > 1)
		fprintf(out, " and %zu more like it", s->times - 1);
	fputc('\n', out);
}

void
report_notes(FILE *out, const pfork_checkpoint *ckpt, const char *indent,
    size_t most, bool colours)
{
	struct shown shown[SHOWN_MAX];
	size_t used = 0;
	uint64_t dropped = pfork_checkpoint_notes_dropped(ckpt);
	size_t hidden = 0;

	if (most > SHOWN_MAX)
		most = SHOWN_MAX;
	for (int wanted = 3; wanted > 0; wanted--)
		hidden += collect(ckpt, wanted, shown, &used, most);
	for (size_t i = 0; i < used; i++)
		print_note(out, &shown[i], indent, colours);
	if (hidden > 0)
		fprintf(out, "%s%zu more note%s (--json shows all)\n", indent,
		    hidden, hidden == 1 ? "" : "s");
	if (dropped > 0)
		fprintf(out, "%s%llu more over the limit notes\n", indent,
		    (unsigned long long)dropped);
}
