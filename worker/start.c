/* SPDX-License-Identifier: Apache-2.0
 *
 * start.c - from the kernel's first instruction to main(), without libc: the
 * program moves itself to where it was loaded, gives the stack protector its
 * canary, makes what was relocated read-only, and goes.  Trusts the kernel and
 * the linker.  Must never go on with a step that failed, nor with a program
 * that needs more than this (mk/start.mk refuses to build one).
 * Source: the System V ABI for x86-64, 1.0, 3.4.1 and 4.4; gABI's DT_RELR.
 */
#include "start.h"

#include <asm/prctl.h>
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE UINT64_C(4096)
/* DT_RELR and its kin: glibc 2.36's elf.h has them, older ones not. */
#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#define DT_RELRENT 37
#endif
#define TAGS 38

/* Where the compiler expects things at %fs.  In what becomes read-only: nobody
 * overwrites the canary. */
struct thread {
	void *self;		/* 0x00 */
	uint64_t unused[4];
	uint64_t canary;	/* 0x28: -fstack-protector */
	uint64_t guard;		/* 0x30: of saved addresses, start_jump.c */
};

_Static_assert(offsetof(struct thread, canary) == 0x28, "the ABI's");
_Static_assert(offsetof(struct thread, guard) == 0x30, "start_jump.c's");

static struct thread thread __attribute__((section(".data.rel.ro.start")));
static const Elf64_auxv_t *auxiliary
    __attribute__((section(".data.rel.ro.start")));

/* The linker's. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
extern const Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

int main(int argc, char **argv);
_Noreturn void start_here(uint64_t *stack);

__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call start_here\n"
	"	ud2\n"
	".size _start, . - _start\n");

_Noreturn void
start_leave(int status)
{
	(void)start_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
	for (;;)
		__builtin_trap();
}

uint64_t
start_auxiliary(uint64_t type)
{
	const Elf64_auxv_t *at;

	for (at = auxiliary; at->a_type != AT_NULL; at++) {
		if (at->a_type == type)
			return at->a_un.a_val;
	}
	return UINT64_MAX;
}

/* argc, argv, NULL, environment, NULL, auxiliary vector. */
static char **
find_auxiliary(uint64_t *stack)
{
	uint64_t *at = stack + 1 + stack[0] + 1;

	while (*at != 0)
		at++;
	auxiliary = (const Elf64_auxv_t *)(at + 1);
	return (char **)(stack + 1);
}

/* ---------------------------------------------------------- relocation -- */

static void
move(uint64_t base, uint64_t where)
{
	*(uint64_t *)(base + where) += base; /* NOLINT: an address of ours */
}

/* An even entry is an address; an odd one a bitmap of the 63 words after it. */
static void
apply_packed(uint64_t base, const uint64_t *entries, uint64_t count)
{
	uint64_t where = 0;
	uint64_t i;

	for (i = 0; i < count; i++) {
		uint64_t bits = entries[i] >> 1;
		uint64_t at = where;

		if ((entries[i] & 1) == 0) {
			move(base, entries[i]);
			where = entries[i] + 8;
			continue;
		}
		for (; bits != 0; bits >>= 1, at += 8) {
			if (bits & 1)
				move(base, at);
		}
		where += UINT64_C(63) * 8;
	}
}

static void
apply(uint64_t base, const Elf64_Rela *entries, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (entries[i].r_info != R_X86_64_RELATIVE)
			start_leave(START_REFUSED);
		*(uint64_t *)(base + entries[i].r_offset) = /* NOLINT */
		    base + (uint64_t)entries[i].r_addend;
	}
}

static void
read_dynamic(uint64_t tags[TAGS])
{
	const Elf64_Dyn *d;
	size_t i;

	for (i = 0; i < TAGS; i++)
		tags[i] = 0;
	for (d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
		if (d->d_tag > 0 && d->d_tag < TAGS)
			tags[d->d_tag] = d->d_un.d_val;
	}
}

/* Relative ones, and nothing that asks for a loader or a libc. */
static void
relocate(uint64_t base, const uint64_t tags[TAGS])
{
	static const uint8_t refused[] = { DT_NEEDED, DT_PLTRELSZ, DT_REL,
		DT_TEXTREL, DT_INIT, DT_FINI, DT_FINI_ARRAYSZ,
		DT_PREINIT_ARRAYSZ };
	size_t i;

	for (i = 0; i < sizeof refused; i++) {
		if (tags[refused[i]] != 0)
			start_leave(START_REFUSED);
	}
	/* NOLINTBEGIN(performance-no-int-to-ptr): addresses of ours */
	apply_packed(base, (const uint64_t *)(base + tags[DT_RELR]),
	    tags[DT_RELRSZ] / sizeof(uint64_t));
	apply(base, (const Elf64_Rela *)(base + tags[DT_RELA]),
	    tags[DT_RELASZ] / sizeof(Elf64_Rela));
	/* NOLINTEND(performance-no-int-to-ptr) */
}

/* ----------------------------------------------------- canary and relro -- */

/* From the kernel's 16 random bytes, as libc has it: a zero byte first, so that
 * no string runs over it. */
static void
set_canary(void)
{
	uint64_t random = start_auxiliary(AT_RANDOM);
	const uint64_t *words;

	if (random == UINT64_MAX)
		start_leave(START_REFUSED);
	words = (const uint64_t *)random; /* NOLINT */
	thread.self = &thread;
	thread.canary = words[0] & ~UINT64_C(0xff);
	thread.guard = words[1];
	if (start_call(SYS_arch_prctl, ARCH_SET_FS, (long)&thread, 0, 0, 0,
	    0) != 0)
		start_leave(START_REFUSED);
}

static void
protect(uint64_t base)
{
	const Elf64_Phdr *header = (const Elf64_Phdr *)
	    (base + __ehdr_start.e_phoff); /* NOLINT */
	bool done = false;
	size_t i;

	for (i = 0; i < __ehdr_start.e_phnum; i++) {
		uint64_t from = header[i].p_vaddr & ~(PAGE - 1);
		uint64_t end = (header[i].p_vaddr + header[i].p_memsz) &
		    ~(PAGE - 1);

		/* Nobody here has variables of a thread. */
		if (header[i].p_type == PT_TLS)
			start_leave(START_REFUSED);
		if (header[i].p_type != PT_GNU_RELRO)
			continue;
		if (start_call(SYS_mprotect, (long)(base + from),
		    (long)(end - from), PROT_READ, 0, 0, 0) != 0)
			start_leave(START_REFUSED);
		done = true;
	}
	if (!done)
		start_leave(START_REFUSED);
}

/* Of the libraries: liblzma 5.4 looks there for the processor's CRC. */
static void
run_constructors(uint64_t base, const uint64_t tags[TAGS])
{
	void (*const *at)(void) = (void (*const *)(void))
	    (base + tags[DT_INIT_ARRAY]); /* NOLINT */
	uint64_t i;

	for (i = 0; i < tags[DT_INIT_ARRAYSZ] / sizeof *at; i++)
		at[i]();
}

/* Without a canary itself, for it gives it. */
__attribute__((used)) _Noreturn void
start_here(uint64_t *stack)
{
	uint64_t base = (uint64_t)&__ehdr_start;
	char **argv = find_auxiliary(stack);
	uint64_t tags[TAGS];

	read_dynamic(tags);
	relocate(base, tags);
	set_canary();
	protect(base);
	run_constructors(base, tags);
	start_leave(main((int)stack[0], argv));
}
