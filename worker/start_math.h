/* SPDX-License-Identifier: Apache-2.0
 *
 * start_math.h - the worker's own ldexp and frexp, with <math.h>'s contracts
 * but for errno.  Tests give them other names, to have libc's beside them.
 */
#ifndef START_MATH_H
#define START_MATH_H

#ifndef START_NAME
#define START_NAME(name) name
#endif

double START_NAME(ldexp)(double value, int exponent);
double START_NAME(frexp)(double value, int *exponent);

#endif
