/* SPDX-License-Identifier: Apache-2.0
 *
 * turns.h - how long a thread works before the others have theirs.
 */
#ifndef BROKER_TURNS_H
#define BROKER_TURNS_H

/* Makes the turns of the calling thread short, and those of the workers that it
 * will start: on a busy machine one that wakes up waits for the others' turns to
 * end, a few milliseconds, unless its own are shorter.  Its share stays the
 * same, and no right is needed.  Kernels before 6.12 do not mind; where it
 * cannot be had, the slowest loads are slower. */
void turns_shorten(void);

#endif
