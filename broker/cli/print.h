/* SPDX-License-Identifier: Apache-2.0
 *
 * print.h - foreign text for people.  Whatever a file's author wrote reaches a
 * terminal only through here.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The next code point of text[0..length) and its bytes; 0 bytes at the end.
 * *valid is false, and the length 1, for what is not UTF-8. */
size_t utf8_next(const char *text, size_t length, uint32_t *point,
    bool *valid);
/* Invisible, moves the cursor, or turns the direction of writing: controls,
 * bidi marks, zero-width characters, line separators, tags. */
bool utf8_is_deceptive(uint32_t point);

/* Writes text so that every character is what it seems: deceptive ones as
 * \u{...}, what is not UTF-8 as \xNN, a backslash as \\.  Returns the columns
 * that a terminal shows. */
size_t print_text(FILE *out, const char *text, size_t length);
/* The same within quotes, and with \" for one inside. */
void print_quoted(FILE *out, const char *text, size_t length);
/* print_text into a new string; never NULL (ends the program when there is no
 * memory). */
char *print_escape(const char *text);

/* "1.5 MiB". */
#define PRINT_SIZE 16
void print_size(char out[PRINT_SIZE], uint64_t bytes);
/* The fewest digits that read back as the same number; inf, -inf, nan. */
#define PRINT_DOUBLE 32
void print_double(char out[PRINT_DOUBLE], double number);
/* "[2, 3]"; returns its length, or what it would be. */
size_t print_shape(char *out, size_t size, const uint64_t *shape, size_t rank);

/* Colours only on a terminal that wants them (NO_COLOR, TERM=dumb). */
enum colour { PLAIN, RED, GREEN, YELLOW, BOLD, DIM };
bool print_colours(FILE *out);
void print_colour(FILE *out, enum colour colour);

#endif
