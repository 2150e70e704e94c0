/* SPDX-License-Identifier: Apache-2.0
 *
 * test_filter.c - runs the compiled filter in an interpreter of classic BPF,
 * without a kernel: what it allows must be the golden list below, written here
 * by hand and not taken from policy.def, and nothing in it may be dead code.
 * BPF semantics: Documentation/networking/filter.rst, kernel/seccomp.c.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "filter.h"
#include "jail.h"
#include "picklefork.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif
#define LENGTH (sizeof jail_filter / sizeof jail_filter[0])
#define BROKEN 0xdeadbeefu

/* argument 0 must be exactly this, unless `any`. */
static const struct {
	int call;
	bool any;
	uint64_t argument;
} golden[] = {
	{ SYS_pread64, false, 0 },
	{ SYS_write, false, 1 },
	{ SYS_read, false, 1 },
	{ SYS_exit_group, true, 0 },
};

static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
	AUDIT_ARCH_AARCH64, 0 };
static const uint64_t values[] = { 0, 1, 2, 3, UINT64_C(1) << 31,
	UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_MAX };

static bool reached[LENGTH];

static bool
jumps(const struct sock_filter *i, uint32_t a)
{
	switch (i->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == i->k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= i->k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > i->k;
	case BPF_JMP | BPF_JSET | BPF_K:
		return (a & i->k) != 0;
	default:
		fail_msg("unknown instruction 0x%x", i->code);
		return false;
	}
}

/* What the kernel would make of one call. */
static uint32_t
run(const struct seccomp_data *data)
{
	uint32_t a = 0;
	size_t pc = 0;

	while (pc < LENGTH) {
		const struct sock_filter *i = &jail_filter[pc];

		reached[pc++] = true;
		if (i->code == (BPF_RET | BPF_K))
			return i->k;
		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(i->k <= sizeof *data - 4 && i->k % 4 == 0);
			memcpy(&a, (const uint8_t *)data + i->k, sizeof a);
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			pc += i->k;
		} else {
			pc += jumps(i, a) ? i->jt : i->jf;
		}
	}
	return BROKEN;
}

static bool
is_golden(uint32_t arch, int call, uint64_t argument)
{
	size_t i;

	for (i = 0; i < sizeof golden / sizeof golden[0]; i++) {
		if (arch == NATIVE && call == golden[i].call &&
		    (golden[i].any || argument == golden[i].argument))
			return true;
	}
	return false;
}

/* All arguments after the first are `other`: no rule may look at them. */
static size_t
judge(uint32_t arch, int call, uint64_t argument, uint64_t other)
{
	const struct seccomp_data data = {
		.nr = call,
		.arch = arch,
		.instruction_pointer = other,
		.args = { argument, other, other, other, other, other },
	};
	uint32_t verdict = run(&data);
	uint32_t expected = is_golden(arch, call, argument)
	    ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;

	if (verdict != expected)
		fail_msg("arch %x call %d argument %llx: got %x, not %x", arch,
		    call, (unsigned long long)argument, verdict, expected);
	return verdict == SECCOMP_RET_ALLOW;
}

static size_t
judge_calls(uint32_t arch, int64_t first, int64_t last)
{
	size_t n = sizeof values / sizeof values[0];
	size_t allowed = 0;
	size_t i;
	int64_t call;

	for (call = first; call <= last; call++) {
		for (i = 0; i < n * n; i++)
			allowed += judge(arch, (int)call, values[i / n],
			    values[i % n]);
	}
	return allowed;
}

static void
test_allows_the_golden_list_only(void **state)
{
	size_t allowed = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof arches / sizeof arches[0]; i++) {
		allowed += judge_calls(arches[i], -1, 1023);
		/* x32 */
		allowed += judge_calls(arches[i], 0x40000000,
		    0x40000000 + 1023);
		/* The ends of the range of numbers. */
		allowed += judge_calls(arches[i], INT32_MAX, INT32_MAX);
		allowed += judge_calls(arches[i], INT32_MIN, INT32_MIN);
	}
	/* Three calls for one value of eight, exit_group for all; times the
	 * eight values of the other arguments. */
	assert_int_equal(allowed, 3 * 8 + 8 * 8);
}

static void
test_no_dead_instruction(void **state)
{
	size_t i;

	(void)state;
	assert_true(LENGTH > 4 && LENGTH < 32);
	memset(reached, 0, sizeof reached);
	for (i = 0; i < sizeof arches / sizeof arches[0]; i++) {
		(void)judge_calls(arches[i], -1, 1023);
		(void)judge_calls(arches[i], 0x40000000, 0x40000000);
	}
	for (i = 0; i < LENGTH; i++) {
		if (!reached[i])
			fail_msg("instruction %zu is never reached", i);
	}
}

/* jail.h cannot include picklefork.h: the lists must agree all the same. */
static void
test_layers_match_the_public_header(void **state)
{
	static const uint64_t layers[JAIL_LAYERS] = {
		[JAIL_SECCOMP] = PFORK_LAYER_SECCOMP,
		[JAIL_NO_NEW_PRIVS] = PFORK_LAYER_NO_NEW_PRIVS,
		[JAIL_CLOSED_FDS] = PFORK_LAYER_CLOSED_FDS,
		[JAIL_RLIMITS] = PFORK_LAYER_RLIMITS,
		[JAIL_NOT_DUMPABLE] = PFORK_LAYER_NOT_DUMPABLE,
		[JAIL_NO_CAPABILITIES] = PFORK_LAYER_NO_CAPABILITIES,
		[JAIL_UID_DROP] = PFORK_LAYER_UID_DROP,
		[JAIL_LANDLOCK] = PFORK_LAYER_LANDLOCK,
		[JAIL_USER_NS] = PFORK_LAYER_USER_NS,
		[JAIL_MOUNT_NS] = PFORK_LAYER_MOUNT_NS,
		[JAIL_IPC_NS] = PFORK_LAYER_IPC_NS,
		[JAIL_UTS_NS] = PFORK_LAYER_UTS_NS,
		[JAIL_CGROUP_NS] = PFORK_LAYER_CGROUP_NS,
		[JAIL_NET_NS] = PFORK_LAYER_NET_NS,
		[JAIL_MDWE] = PFORK_LAYER_MDWE,
		[JAIL_SPECULATION] = PFORK_LAYER_SPECULATION,
	};
	uint64_t all = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < JAIL_LAYERS; i++) {
		assert_true(layers[i] == UINT64_C(1) << i);
		all |= layers[i];
	}
	assert_true(all == PFORK_LAYERS_ALL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allows_the_golden_list_only),
		cmocka_unit_test(test_no_dead_instruction),
		cmocka_unit_test(test_layers_match_the_public_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
