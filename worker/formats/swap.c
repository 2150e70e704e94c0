/* SPDX-License-Identifier: Apache-2.0
 *
 * swap.c - see swap.h.
 */
#include "swap.h"

#include <string.h>

#include "sink.h"

void
swap_send(struct job *job, const uint8_t *bytes, uint64_t length,
    unsigned width)
{
	uint8_t piece[4096];
	size_t take;

	for (uint64_t done = 0; done < length; done += take) {
		take = sizeof piece;
		if (length - done < take)
			take = (size_t)(length - done);
		memcpy(piece, bytes + done, take);
		/* A last element cut short stays as it is; no tensor has it. */
		for (size_t i = 0; i + width <= take; i += width)
			for (unsigned k = 0; k < width; k++)
				piece[i + k] = bytes[done + i + width - 1 - k];
		sink_data(job, piece, take);
	}
}
