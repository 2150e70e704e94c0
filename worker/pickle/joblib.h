/* SPDX-License-Identifier: Apache-2.0
 *
 * joblib.h - the one class behind whose BUILD joblib's reader takes bytes out
 * of the stream, and the two ways in which its writer makes an object of it.
 * Any other way moves the place where those bytes end.
 */
#ifndef WORKER_JOBLIB_H
#define WORKER_JOBLIB_H

#include "value.h"

/* Its name, under either module that it had. */
bool joblib_is_class(const struct graph *g, vref v);
/* Made by an opcode without arguments, or by copyreg in protocols 0 and 1. */
bool joblib_is_wrapper(const struct graph *g, const struct value *call);
/* The arguments of that function: (class, object, None). */
bool joblib_are_args(const struct graph *g, vref args);

#endif
