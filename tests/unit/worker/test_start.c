/* SPDX-License-Identifier: Apache-2.0
 *
 * test_start.c - worker/start_memory.c, start_math.c and start_jump.c, which
 * the worker has in libc's place, beside libc's: every length to 300 at every
 * alignment, every overlap, and between two pages that cannot be read.
 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__x86_64__)

#define START_NAME(name) own_##name
#define START_PREFIX "own_"
#include "start_jump.c"
#include "start_math.c"
#include "start_memory.c"

#define LENGTH_MAX 300
#define ROOM 4096
#define PAGE_BYTES 4096

static uint8_t left[ROOM];
static uint8_t right[ROOM];
static uint8_t expected[ROOM];

static void
fill(uint8_t *at, size_t length, unsigned seed)
{
	for (size_t i = 0; i < length; i++)
		at[i] = (uint8_t)(1 + (i * 7 + seed * 31) % 255);
}

/* -------------------------------------------------------------- copies -- */

static void
copy_once(size_t to, size_t from, size_t length)
{
	fill(left, ROOM, 1);
	fill(right, ROOM, 2);
	memcpy(expected, left, ROOM);
	memcpy(expected + to, right + from, length);
	assert_ptr_equal(own_memcpy(left + to, right + from, length),
	    left + to);
	assert_memory_equal(left, expected, ROOM);
}

static void
test_copies(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		for (size_t to = 64; to < 80; to++)
			copy_once(to, 64, length);
		for (size_t from = 64; from < 80; from++)
			copy_once(67, from, length);
	}
	for (size_t length = 500; length < 3000; length += 37)
		copy_once(64 + length % 64, 64 + length % 13, length);
}

static void
move_once(size_t to, size_t from, size_t length)
{
	fill(left, 1024, 3);
	memcpy(expected, left, 1024);
	memmove(expected + to, expected + from, length);
	assert_ptr_equal(own_memmove(left + to, left + from, length),
	    left + to);
	assert_memory_equal(left, expected, 1024);
}

static void
test_moves(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		for (size_t to = 256; to < 256 + 130; to++)
			move_once(to, 320, length);
		for (size_t shift = 0; shift < 16; shift++) {
			move_once(300 + shift, 310, length);
			move_once(310, 300 + shift, length);
			move_once(300, 300 + length, length);
			move_once(300 + length, 300, length);
		}
	}
}

/* memcpy is not asked to, but its callers' libraries have been seen to. */
static void
test_copy_onto_itself(void **state)
{
	(void)state;
	fill(left, ROOM, 4);
	memcpy(expected, left, ROOM);
	for (size_t length = 0; length < ROOM - 64; length++)
		own_memcpy(left + 5, left + 5, length);
	assert_memory_equal(left, expected, ROOM);
}

static void
test_fills(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		for (size_t at = 64; at < 128; at++) {
			int byte = at & 1 ? 0 : 0x1a5 + (int)at;

			fill(left, 1024, 5);
			memcpy(expected, left, 1024);
			memset(expected + at, byte, length);
			assert_ptr_equal(own_memset(left + at, byte, length),
			    left + at);
			assert_memory_equal(left, expected, 1024);
		}
	}
}

/* ------------------------------------------------- comparison and search -- */

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

static void
compare_at(size_t a, size_t b, size_t length)
{
	assert_int_equal(own_memcmp(left + a, right + b, length), 0);
	assert_int_equal(own_bcmp(left + a, right + b, length), 0);
	for (size_t i = 0; i < length; i += 1 + length / 40) {
		uint8_t was = right[b + i];

		for (unsigned change = 1; change < 256; change += 127) {
			right[b + i] = (uint8_t)(was + change);
			assert_int_equal(sign(own_memcmp(left + a, right + b,
			    length)), sign(memcmp(left + a, right + b,
			    length)));
			/* What comes later does not count. */
			right[b + length - 1] ^= 0x80;
			assert_int_equal(sign(own_memcmp(left + a, right + b,
			    length)), sign(memcmp(left + a, right + b,
			    length)));
			right[b + length - 1] ^= 0x80;
		}
		right[b + i] = was;
	}
}

static void
test_comparisons(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		for (size_t shift = 0; shift < 16; shift++) {
			fill(left, 1024, 6);
			memcpy(right + 64 + shift, left + 65, length);
			compare_at(65, 64 + shift, length);
		}
	}
}

/* Each place of one wanted byte, with another one before and behind. */
static void
search_at(size_t at, size_t length)
{
	uint8_t *text = left + at;

	fill(left, 1024, 7);
	for (size_t i = 0; i < 1024; i++)
		left[i] |= 1;
	text[-1] = 0x80;
	text[length] = 0x80;
	assert_null(own_memchr(text, 0x80, length));
	assert_int_equal(own_strnlen((char *)text, length), length);
	for (size_t i = 0; i < length; i += 1 + length / 50) {
		uint8_t was = text[i];

		text[i] = 0x80;
		assert_ptr_equal(own_memchr(text, 0x80 + 256, length),
		    text + i);
		text[i] = '\0';
		assert_int_equal(own_strlen((char *)text), i);
		assert_int_equal(own_strnlen((char *)text, length), i);
		assert_int_equal(own_strnlen((char *)text, SIZE_MAX), i);
		assert_int_equal(own_strnlen((char *)text, i), i);
		text[i] = was;
	}
}

static void
test_searches(void **state)
{
	(void)state;
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		for (size_t at = 64; at < 128; at++)
			search_at(at, length);
	}
	assert_null(own_memchr(NULL, 0, 0));
	assert_int_equal(own_strnlen(NULL, 0), 0);
}

static void
texts_at(char *a, char *b, size_t length)
{
	fill((uint8_t *)a, length, 8);
	memcpy(b, a, length);
	a[length] = '\0';
	b[length] = '\0';
	/* Behind the end is something else. */
	a[length + 1] = 'a';
	b[length + 1] = 'b';
	assert_int_equal(own_strcmp(a, b), 0);
	assert_int_equal(own_strncmp(a, b, SIZE_MAX), 0);
	for (size_t i = 0; i < length; i += 1 + length / 30) {
		char was = b[i];

		for (int byte = 0; byte < 256; byte += 85) {
			b[i] = (char)byte;
			assert_int_equal(sign(own_strcmp(a, b)),
			    sign(strcmp(a, b)));
			assert_int_equal(sign(own_strncmp(a, b, i)), 0);
			assert_int_equal(sign(own_strncmp(a, b, i + 1)),
			    sign(strncmp(a, b, i + 1)));
		}
		b[i] = was;
	}
}

static void
test_texts(void **state)
{
	(void)state;
	for (size_t length = 0; length <= 150; length++) {
		for (size_t shift = 0; shift < 16; shift++)
			texts_at((char *)left + 64 + shift, (char *)right + 67,
			    length);
	}
	assert_int_equal(own_strcspn("", "x"), 0);
	assert_int_equal(own_strcspn("two words", " "), 3);
	assert_int_equal(own_strcspn("word", " "), 4);
	assert_int_equal(own_strcspn("word", ""), 4);
	assert_int_equal(own_strcspn("word", "dr"), 2);
}

/* ---------------------------------------------------------- guard pages -- */

/* Two pages that may be used between two that may not be touched. */
static uint8_t *
guarded(void)
{
	uint8_t *at = mmap(NULL, 4 * PAGE_BYTES, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + PAGE_BYTES, 2 * PAGE_BYTES,
	    PROT_READ | PROT_WRITE), 0);
	return at + PAGE_BYTES;
}

static void
use_all(uint8_t *a, uint8_t *b, size_t length)
{
	char *text = (char *)a;
	char *other = (char *)b;

	own_memset(a, 'x', length);
	own_memset(b, 'x', length);
	own_memcpy(b, a, length);
	own_memmove(b, a, length);
	assert_int_equal(own_memcmp(a, b, length), 0);
	assert_null(own_memchr(a, 'y', length));
	assert_int_equal(own_strnlen(text, length), length);
	assert_int_equal(own_strncmp(text, other, length), 0);
	if (length == 0)
		return;
	/* No more than there is before the match, whatever is said. */
	a[length - 1] = '\0';
	b[length - 1] = '\0';
	assert_ptr_equal(own_memchr(a, '\0', SIZE_MAX), a + length - 1);
	assert_int_equal(own_strlen(text), length - 1);
	assert_int_equal(own_strnlen(text, SIZE_MAX), length - 1);
	assert_int_equal(own_strcmp(text, other), 0);
	assert_int_equal(own_strcspn(text, "y"), length - 1);
}

static void
test_guards(void **state)
{
	uint8_t *a = guarded();
	uint8_t *b = guarded();

	(void)state;
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		uint8_t *a_end = a + 2 * PAGE_BYTES - length;
		uint8_t *b_end = b + 2 * PAGE_BYTES - length;

		use_all(a, b, length);
		use_all(a, b_end, length);
		use_all(a_end, b, length);
		use_all(a_end, b_end, length);
		own_memmove(a + 1, a, length);
		own_memmove(a_end - 1, a_end, length);
	}
	use_all(a, b, 2 * PAGE_BYTES);
	munmap(a - PAGE_BYTES, 4 * PAGE_BYTES);
	munmap(b - PAGE_BYTES, 4 * PAGE_BYTES);
}

/* --------------------------------------------------------- what must die -- */

static jmp_buf saved;

int own__setjmp(jmp_buf at) __attribute__((returns_twice));
_Noreturn void own___longjmp_chk(jmp_buf at, int value);

static void
overflow_copy(void)
{
	own___memcpy_chk(left, right, 9, 8);
}

static void
overflow_move(void)
{
	own___memmove_chk(left, right, 9, 8);
}

static void
overflow_fill(void)
{
	own___memset_chk(left, 0, 9, 8);
}

static __attribute__((noinline)) void
save_and_return(void)
{
	volatile char deep[4096];

	deep[0] = 0;
	if (own__setjmp(saved) != 0)
		_exit(1);
	deep[1] = deep[0];
}

/* Into a function that has returned. */
static void
jump_down(void)
{
	save_and_return();
	own___longjmp_chk(saved, 1);
}

static void
test_deaths(void **state)
{
	static void (*const deaths[])(void) = { overflow_copy, overflow_move,
		overflow_fill, jump_down };
	static const struct rlimit none = { 0, 0 };

	(void)state;
	own___memcpy_chk(left, right, 8, 8);
	own___memmove_chk(left, right, 8, 8);
	own___memset_chk(left, 0, 8, 8);
	for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
		pid_t pid = fork();
		int status = 0;

		assert_true(pid >= 0);
		if (pid == 0) {
			(void)setrlimit(RLIMIT_CORE, &none);
			(void)signal(SIGILL, SIG_DFL);
			deaths[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGILL);
	}
}

/* ---------------------------------------------------------------- jumps -- */

/* From another frame, with the registers that a call must keep overwritten. */
static __attribute__((noinline)) _Noreturn void
jump_from_below(int value)
{
	volatile char some[256];

	some[0] = (char)value;
	__asm__ volatile("xorl %%ebx, %%ebx\n\txorl %%r12d, %%r12d\n\t"
	    "xorl %%r13d, %%r13d\n\txorl %%r14d, %%r14d\n\t"
	    "xorl %%r15d, %%r15d" ::: "rbx", "r12", "r13", "r14", "r15");
	own___longjmp_chk(saved, value + some[0] - some[0]);
}

/* Its arguments are in those registers meanwhile. */
static __attribute__((noinline)) int
jump_with(int value, int a, int b, int c)
{
	int got = own__setjmp(saved);

	if (got == 0)
		jump_from_below(value);
	assert_int_equal(a, value + 1);
	assert_int_equal(b, value + 2);
	assert_int_equal(c, value + 3);
	return got;
}

static void
test_jumps(void **state)
{
	static const int values[][2] = { { 1, 1 }, { 7, 7 }, { -1, -1 },
		{ 0, 1 } };
	uintptr_t words[8];

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		assert_int_equal(jump_with(values[i][0], values[i][0] + 1,
		    values[i][0] + 2, values[i][0] + 3), values[i][1]);
	/* No address stands there as it is. */
	memcpy(words, saved, sizeof words);
	assert_true((words[6] ^ (uintptr_t)words) >> 32 != 0);
	assert_true((words[7] ^ (uintptr_t)jump_with) >> 32 != 0);
}

/* -------------------------------------------------------------- numbers -- */

static void
number_once(double value, int exponent)
{
	double a = own_ldexp(value, exponent);
	double b = ldexp(value, exponent);
	int mine = 77;
	int theirs = 0;

	assert_memory_equal(&a, &b, sizeof a);
	a = own_frexp(b, &mine);
	b = frexp(b, &theirs);
	assert_memory_equal(&a, &b, sizeof a);
	if (isfinite(b))
		assert_int_equal(mine, theirs);
}

static void
test_numbers(void **state)
{
	static const double values[] = { 0.0, -0.0, 1.0, -1.0, 0.75, 1e300,
		-1e-300, 0x1.fffffffffffffp+1023, 0x1p-1022, 0x1p-1074,
		-0x1.8p-1073, 0x1.0000000000001p+0, 0x1.8000000000001p+0,
		0x1.fffffffffffffp+0, 9007199254740991.0, 9007199254740993.0,
		(double)INFINITY, -(double)INFINITY };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		for (int exponent = -2300; exponent < 2300; exponent++)
			number_once(values[i], exponent);
		number_once(values[i], INT32_MAX);
		number_once(values[i], INT32_MIN);
	}
	srand(1);
	for (size_t i = 0; i < 100000; i++)
		number_once(((double)rand() + (double)rand() / RAND_MAX) *
		    (i & 1 ? 1 : -1), rand() % 2400 - 1200);
	assert_true(isnan(own_ldexp((double)NAN, 3)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_copy_onto_itself),
		cmocka_unit_test(test_fills),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_searches),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Elsewhere the worker has libc's. */
static void
test_nothing(void **state)
{
	(void)state;
	print_message("worker/start*.c are for x86-64\n");
	skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
