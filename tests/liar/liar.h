/* SPDX-License-Identifier: Apache-2.0
 *
 * liar.h - what a worker under attack could say.  The liar really locks itself
 * in with the worker's own jail.c, and then tells one lie over descriptor 1.
 */
#ifndef LIAR_H
#define LIAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"
#include "frame.h"
#include "jail.h"
#include "wire.h"

#define LIE(name, code, what) void lie_##name(void);
#define SET_LIE LIE
#define LATE_LIE LIE
#define SHARE_LIE LIE
#define RAW_LIE LIE
#include "lies.def"
#undef LIE
#undef SET_LIE
#undef LATE_LIE
#undef SHARE_LIE
#undef RAW_LIE

extern struct jail liar_jail;
extern const volatile uint8_t *liar_map;	/* the input, mapped */
extern uint64_t liar_size;
extern uint32_t liar_go;			/* enum go_flag, from Go */
extern uint32_t liar_share;			/* likewise */
extern uint32_t liar_shares;

/* Bytes to the broker, whatever they are; leaves when it hung up. */
void put(const void *bytes, size_t length);
/* What is put from gather to let_go, a few kilobytes, goes in one write. */
void gather(void);
void let_go(void);
void head(uint32_t length, unsigned type);
/* Any payload under any type. */
void frame(unsigned type, const void *payload, size_t length);
void leave(int status) __attribute__((noreturn));
/* Waits on the broker, which never says anything after Go. */
void wait_for_ever(void) __attribute__((noreturn));
/* A tenth of a second or so, without a system call. */
void pass_time(void);
/* A quarter of that: the broker has looked by then, and still waits. */
void pass_moment(void);
/* Still less, for where several workers spin at once. */
void pass_instant(void);

/* One good message of each type, to be spoiled. */
struct wire_hello good_hello(void);
struct wire_storage good_extent(uint32_t id);
struct wire_tensor good_tensor(const char *name, uint32_t storage);
void say_hello(const struct wire_hello *m);
void hear_go(void);
void begin_silently(void); /* Hello, Go */
void begin(void);	/* Hello, Go, the format */
void say_format(const char *name);
void say_storage(const struct wire_storage *m);
void say_stream(uint32_t id, uint64_t length);
void say_elsewhere(uint32_t id, uint64_t length);
void say_data(size_t length);
void say_tensor(const struct wire_tensor *m);
void say_piece(const struct wire_piece *m);
void say_alias(const char *name, uint32_t target);
void say_note(uint32_t kind, uint32_t level, const void *text, size_t length);
void say_progress(uint64_t done, uint64_t total);
void say_done(uint64_t tensors, uint64_t aliases, uint64_t storages,
    uint64_t notes, uint32_t verdict);
void say_fault(uint32_t code, size_t length, uint32_t verdict);
struct wire_bytes bytes_of(const char *text);

#endif
