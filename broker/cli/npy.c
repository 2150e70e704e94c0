/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.c - the header of a .npy file, version 1.0: numpy's NEP 1 and
 * numpy/lib/format.py.  Magic, version, two bytes of length, a Python dict in
 * Latin-1, blanks and a newline up to a multiple of 64.
 */
#include "npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const descrs[][2] = { { "BOOL", "|b1" }, { "U8", "|u1" },
	{ "I8", "|i1" }, { "I16", "<i2" }, { "U16", "<u2" }, { "F16", "<f2" },
	{ "I32", "<i4" }, { "U32", "<u4" }, { "F32", "<f4" }, { "F64", "<f8" },
	{ "I64", "<i8" }, { "U64", "<u8" }, { "C64", "<c8" },
	{ "C128", "<c16" } };

const char *
npy_descr(const char *dtype)
{
	for (size_t i = 0; i < sizeof(descrs) / sizeof(descrs[0]); i++)
		if (strcmp(descrs[i][0], dtype) == 0)
			return descrs[i][1];
	return NULL;
}

size_t
npy_header(char out[NPY_HEADER_MAX], const char *dtype, const uint64_t *shape,
    size_t rank)
{
	const char *descr = npy_descr(dtype);
	const size_t prefix = 10;
	size_t used = prefix;
	size_t length;

	/* 64 dimensions of at most 22 characters each fit easily. */
	if (descr == NULL || rank > 64)
		return 0;
	used += (size_t)snprintf(out + used, NPY_HEADER_MAX - used,
	    "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	for (size_t i = 0; i < rank; i++)
		used += (size_t)snprintf(out + used, NPY_HEADER_MAX - used,
		    "%s%" PRIu64, i > 0 ? ", " : "", shape[i]);
	used += (size_t)snprintf(out + used, NPY_HEADER_MAX - used, "%s), }",
	    rank == 1 ? "," : "");
	while (used % 64 != 63)
		out[used++] = ' ';
	out[used++] = '\n';
	length = used - prefix;
	memcpy(out, "\x93NUMPY\x01\x00", 8);
	out[8] = (char)(length & 0xff);
	out[9] = (char)(length >> 8);
	return used;
}
