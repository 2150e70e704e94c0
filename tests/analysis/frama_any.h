/* SPDX-License-Identifier: Apache-2.0
 *
 * frama_any.h - values of which Frama-C knows nothing but their range.
 */
#ifndef FRAMA_ANY_H
#define FRAMA_ANY_H

#include <stddef.h>
#include <stdint.h>

#include "__fc_builtin.h"

static inline uint64_t
any_u64(void)
{
	return Frama_C_unsigned_long_long_interval(0, UINT64_MAX);
}

static inline uint32_t
any_u32(void)
{
	return Frama_C_unsigned_int_interval(0, UINT32_MAX);
}

static inline size_t
any_upto(size_t most)
{
	return Frama_C_size_t_interval(0, most);
}

#endif
