/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c - fills pfork_error.  Trusts the format and the strings of its
 * callers; whatever came from the worker or the file is escaped.  The text is
 * always one line of printable ASCII, cut to fit.
 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void
begin(pfork_error *err, enum pfork_code code, int errnum, uint64_t offset)
{
	memset(err, 0, sizeof(*err));
	err->code = code;
	err->errnum = errnum;
	err->offset = offset;
}

/* Paths and system messages are not ours: a locale may put anything into
 * strerror's text, and a user anything into a file name. */
static void
flatten(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

enum pfork_code
error_set(pfork_error *err, enum pfork_code code, int errnum, uint64_t offset,
    const char *format, ...)
{
	va_list list;

	if (err == NULL)
		return code;
	begin(err, code, errnum, offset);
	va_start(list, format);
	if (vsnprintf(err->text, sizeof(err->text), format, list) < 0)
		err->text[0] = '\0';
	va_end(list);
	flatten(err->text);
	return code;
}

/* As error_escape; `also` holds further characters to escape. */
static void
escape(char *out, size_t size, const void *text, size_t length,
    const char *also)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = text;
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		bool plain = at[i] >= 0x20 && at[i] <= 0x7e &&
		    strchr(also, at[i]) == NULL;

		if (size - used <= (plain ? 1u : 4u))
			break;
		if (plain) {
			out[used++] = (char)at[i];
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = digits[at[i] >> 4];
		out[used++] = digits[at[i] & 15];
	}
	out[used] = '\0';
}

void
error_escape(char *out, size_t size, const void *text, size_t length)
{
	escape(out, size, text, length, "\\'\"");
}

enum pfork_code
error_about(pfork_error *err, enum pfork_code code, int errnum,
    uint64_t offset, const char *text, const void *foreign, size_t length)
{
	char shown[sizeof(err->text)];

	error_escape(shown, sizeof(shown), foreign, length);
	return error_set(err, code, errnum, offset, "%s: '%s'", text, shown);
}

enum pfork_code
error_foreign(pfork_error *err, enum pfork_code code, int errnum,
    uint64_t offset, const void *text, size_t length)
{
	if (err == NULL)
		return code;
	begin(err, code, errnum, offset);
	/* An honest worker has escaped the file's names already: a second time
	 * nobody could read them. */
	escape(err->text, sizeof(err->text), text, length, "");
	return code;
}

bool
error_is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM ||
	    errnum == ENOBUFS || errnum == EAGAIN;
}

const char *
error_errno(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text != NULL ? text : "unknown error";
}
