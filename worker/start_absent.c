/* SPDX-License-Identifier: Apache-2.0
 *
 * start_absent.c - what the libraries that unpack name and the worker has not:
 * an allocator (theirs is our arena), streams, assertions' reports.  No code
 * that runs calls these; were one called, the worker is broken, and ends by an
 * illegal instruction.  Half a libc stays out of it.
 */
_Noreturn void start_absent(void);

/* Data of theirs that such code loads; NULL. */
void *stdin;
void *stdout;
void *stderr;

_Noreturn void
start_absent(void)
{
	__builtin_trap();
}

#define ABSENT(name)                   \
	__asm__(".globl " #name "\n"   \
		".set " #name ", start_absent\n")

/* libbz2, liblzma, liblz4, libdeflate, libprotobuf-c: with allocators of ours
 * they use none of these. */
ABSENT(malloc);
ABSENT(calloc);
ABSENT(free);
ABSENT(__assert_fail);
/* libbz2: its interface to files, its verbose mode, its report of a bug. */
ABSENT(__ctype_b_loc);
ABSENT(__fprintf_chk);
ABSENT(exit);
ABSENT(fclose);
ABSENT(fdopen);
ABSENT(ferror);
ABSENT(fflush);
ABSENT(fgetc);
ABSENT(fopen64);
ABSENT(fputc);
ABSENT(fread);
ABSENT(fwrite);
ABSENT(ungetc);
