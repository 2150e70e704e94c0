/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.c - the notes of a report, for people: the worst first, the same one
 * once, few of those that come in crowds, and not more than fit on a screen.
 * Their text is the file author's.
 */
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "report.h"

#define SHOWN_MAX 64
/* Bytes of a note's text from its begin and from its end. */
#define TEXT_HEAD 160
#define TEXT_TAIL 80
/* A module has a class a layer: the first few tell what it is, and all of them
 * would crowd out what is told once. */
#define SHOWN_OF_KIND 4
#define KINDS (PFORK_NOTE_METADATA + 1)

struct shown {
	pfork_note note;
	size_t times;
};

struct page {
	struct shown shown[SHOWN_MAX];
	size_t used;
	size_t most;
	size_t unusual[KINDS];	/* shown */
	size_t hidden[KINDS];
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

/* The file's own names are not what the caller sees: as good as left out. */
static bool
is_renamed(const pfork_note *note)
{
	static const char renamed[] = "renamed, its name was taken: ";

	return note->kind == PFORK_NOTE_RECORD &&
	    strncmp(note->text, renamed, sizeof(renamed) - 1) == 0;
}

/* 3 dangerous, 2 unusual, 1 a tensor left out or renamed, or an object left
 * out, 0 not for people. */
static int
weight(const pfork_note *note)
{
	if (note->level == PFORK_DANGEROUS)
		return 3;
	if (note->level == PFORK_UNUSUAL)
		return 2;
	return note->kind == PFORK_NOTE_SKIPPED ||
	    note->kind == PFORK_NOTE_OPAQUE || is_renamed(note);
}

static bool
same(const pfork_note *a, const pfork_note *b)
{
	return a->kind == b->kind && a->level == b->level &&
	    strcmp(a->text, b->text) == 0;
}

/* Classes that are not known, each called and then an object. */
static bool
is_crowd(const pfork_note *note)
{
	return note->level == PFORK_UNUSUAL &&
	    (note->kind == PFORK_NOTE_GLOBAL || note->kind == PFORK_NOTE_CALL ||
		note->kind == PFORK_NOTE_OPAQUE);
}

static void
put_on_page(struct page *p, const pfork_note *note)
{
	size_t kind = note->kind < KINDS ? note->kind : 0;
	size_t at = 0;

	while (at < p->used && !same(&p->shown[at].note, note))
		at++;
	if (at < p->used) {
		p->shown[at].times++;
	} else if (p->used == p->most ||
	    (is_crowd(note) && p->unusual[kind] == SHOWN_OF_KIND)) {
		p->hidden[kind]++;
	} else {
		p->shown[p->used++] = (struct shown){ *note, 1 };
		p->unusual[kind] += is_crowd(note);
	}
}

static void
print_hidden(FILE *out, const struct page *p, const char *indent)
{
	const char *before = " (";
	size_t hidden = 0;

	for (size_t i = 0; i < KINDS; i++)
		hidden += p->hidden[i];
	if (hidden == 0)
		return;
	fprintf(out, "%s%zu more note%s", indent, hidden,
	    hidden == 1 ? "" : "s");
	for (size_t i = 0; i < KINDS; i++) {
		if (p->hidden[i] == 0)
			continue;
		fprintf(out, "%s%s: %zu", before,
		    pfork_note_kind_name((enum pfork_note_kind)i),
		    p->hidden[i]);
		before = ", ";
	}
	fputs("; ls --json shows all)\n", out);
}

/* Names of a file's are as long as it likes: the end of a note may be the
 * reason, so that the middle is left out.  JSON has all of it. */
static void
print_cut(FILE *out, const char *text)
{
	size_t length = strlen(text);
	size_t head = TEXT_HEAD;
	size_t tail = length - TEXT_TAIL;

	if (length <= TEXT_HEAD + TEXT_TAIL) {
		print_text(out, text, length);
		return;
	}
	/* Not inside of a character. */
	while (head > 0 && ((uint8_t)text[head] & 0xc0) == 0x80)
		head--;
	while (tail < length && ((uint8_t)text[tail] & 0xc0) == 0x80)
		tail++;
	print_text(out, text, head);
	fprintf(out, " ...(%zu bytes)... ", tail - head);
	print_text(out, text + tail, length - tail);
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
	print_cut(out, s->note.text);
	if (s->note.offset != PFORK_NO_OFFSET)
		fprintf(out, " (at byte %llu)",
		    (unsigned long long)s->note.offset);
	if (s->times > 1)
		fprintf(out, " and %zu more like it", s->times - 1);
	fputc('\n', out);
}

static bool
ends_in(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) &&
	    strcmp(text + length - strlen(end), end) == 0;
}

/* Of every file of a set there may be one: they are counted. */
static void
print_others(FILE *out, const pfork_checkpoint *ckpt, const char *indent)
{
	bool directory = false;
	size_t files = 0;
	pfork_note note;

	for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++) {
		if (note.kind != PFORK_NOTE_RECORD ||
		    note.level != PFORK_CLEAN)
			continue;
		files += ends_in(note.text, "others may write to this file");
		directory = directory ||
		    strcmp(note.text, "others may write to the directory") == 0;
	}
	if (files == 0 && !directory)
		return;
	fprintf(out, "%sothers may write to %s%s", indent,
	    directory ? "the directory" : "",
	    directory && files > 0 ? " and to " : "");
	if (files > 0)
		fprintf(out, "%zu file%s", files, files == 1 ? "" : "s");
	fputc('\n', out);
}

void
report_notes(FILE *out, const pfork_checkpoint *ckpt, const char *indent,
    size_t most, bool colours)
{
	uint64_t dropped = pfork_checkpoint_notes_dropped(ckpt);
	struct page p = { .most = most < SHOWN_MAX ? most : SHOWN_MAX };
	pfork_note note;

	for (int wanted = 3; wanted > 0; wanted--)
		for (size_t i = 0; pfork_checkpoint_note(ckpt, i, &note); i++)
			if (weight(&note) == wanted)
				put_on_page(&p, &note);
	for (size_t i = 0; i < p.used; i++)
		print_note(out, &p.shown[i], indent, colours);
	print_others(out, ckpt, indent);
	print_hidden(out, &p, indent);
	if (dropped > 0)
		fprintf(out, "%s%llu more over the limit notes\n", indent,
		    (unsigned long long)dropped);
}
