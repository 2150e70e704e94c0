/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.h - the header of a .npy file.
 */
#ifndef CLI_NPY_H
#define CLI_NPY_H

#include <stddef.h>

#include "picklefork.h"

/* numpy's name of the dtype ("<f4"), or NULL when it has none. */
const char *npy_descr(const char *dtype);

/* Writes the header into out and returns its bytes; 0 when it does not fit
 * NPY_HEADER_MAX, which 64 dimensions do, or when npy_descr has no name. */
#define NPY_HEADER_MAX 2048
size_t npy_header(char out[NPY_HEADER_MAX], const char *dtype,
    const uint64_t *shape, size_t rank);

#endif
