/* SPDX-License-Identifier: Apache-2.0
 *
 * start_jump.c - setjmp and longjmp under the names that <setjmp.h> gives them,
 * for the one way to fail (job.c).  The saved addresses are mangled with the
 * kernel's random bytes, so that what overwrites them jumps nowhere, and a jump
 * goes up the stack alone.  For x86-64; see start.c.
 */
#ifndef START_PREFIX
#define START_PREFIX ""	/* tests have libc's beside these */
#endif
#define SETJMP START_PREFIX "_setjmp"
#define LONGJMP START_PREFIX "__longjmp_chk"

__asm__(".text\n"
	".globl " SETJMP "\n"
	".type " SETJMP ", @function\n"
	SETJMP ":\n"
	"	movq %rbx, (%rdi)\n"
	"	movq %rbp, %rax\n"
	"	xorq %fs:0x30, %rax\n"
	"	rolq $17, %rax\n"
	"	movq %rax, 8(%rdi)\n"
	"	movq %r12, 16(%rdi)\n"
	"	movq %r13, 24(%rdi)\n"
	"	movq %r14, 32(%rdi)\n"
	"	movq %r15, 40(%rdi)\n"
	"	leaq 8(%rsp), %rax\n"	/* as it is when this has returned */
	"	xorq %fs:0x30, %rax\n"
	"	rolq $17, %rax\n"
	"	movq %rax, 48(%rdi)\n"
	"	movq (%rsp), %rax\n"
	"	xorq %fs:0x30, %rax\n"
	"	rolq $17, %rax\n"
	"	movq %rax, 56(%rdi)\n"
	"	xorl %eax, %eax\n"
	"	ret\n"
	".size " SETJMP ", . - " SETJMP "\n"
	"\n"
	".globl " LONGJMP "\n"
	".type " LONGJMP ", @function\n"
	LONGJMP ":\n"
	"	movq 48(%rdi), %r8\n"
	"	rorq $17, %r8\n"
	"	xorq %fs:0x30, %r8\n"
	"	cmpq %rsp, %r8\n"
	"	jb 1f\n"
	"	movq 8(%rdi), %rbp\n"
	"	rorq $17, %rbp\n"
	"	xorq %fs:0x30, %rbp\n"
	"	movq 56(%rdi), %rdx\n"
	"	rorq $17, %rdx\n"
	"	xorq %fs:0x30, %rdx\n"
	"	movq (%rdi), %rbx\n"
	"	movq 16(%rdi), %r12\n"
	"	movq 24(%rdi), %r13\n"
	"	movq 32(%rdi), %r14\n"
	"	movq 40(%rdi), %r15\n"
	"	cmpl $1, %esi\n"	/* 0 is 1 there */
	"	adcl $0, %esi\n"
	"	movl %esi, %eax\n"
	"	movq %r8, %rsp\n"
	"	jmp *%rdx\n"
	"1:	ud2\n"
	".size " LONGJMP ", . - " LONGJMP "\n");
