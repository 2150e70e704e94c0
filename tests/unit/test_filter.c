/* SPDX-License-Identifier: Apache-2.0
 *
 * test_filter.c - runs the compiled filters in an interpreter of classic BPF,
 * without a kernel: what they allow must be the golden lists below, written here
 * by hand and not taken from the *.def, and nothing in them may be dead code.
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
#define BROKEN 0xdeadbeefu
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* Longer than either filter. */
#define LENGTH_MAX 256

/* These bits of this argument must be exactly so. */
struct condition {
	unsigned argument;
	uint64_t mask;
	uint64_t value;
};
#define IS(argument, value) { argument, UINT64_MAX, value }
struct golden {
	int call;
	size_t count;
	struct condition conditions[5];
};

static const struct golden jail_golden[] = {
	{ SYS_pread64, 1, { IS(0, 0) } },
	{ SYS_write, 1, { IS(0, 1) } },
	{ SYS_read, 1, { IS(0, 1) } },
	{ SYS_exit_group, 0, { IS(0, 0) } },
};

/* All of the above: filters add up.  PROT_READ is 1, MAP_PRIVATE 2,
 * SECCOMP_SET_MODE_FILTER 1; RLIMIT_NOFILE 7 and RLIMIT_AS 9 are odd. */
static const struct golden parked_golden[] = {
	{ SYS_pread64, 1, { IS(0, 0) } },
	{ SYS_write, 1, { IS(0, 1) } },
	{ SYS_read, 1, { IS(0, 1) } },
	{ SYS_exit_group, 0, { IS(0, 0) } },
	{ SYS_recvmsg, 2, { IS(0, 1), IS(2, 0) } },
	{ SYS_fstat, 1, { IS(0, 0) } },
	{ SYS_mmap, 5, { IS(0, 0), IS(2, 1), IS(3, 2), IS(4, 0), IS(5, 0) } },
	{ SYS_prlimit64, 2, { IS(0, 0), { 1, ~UINT64_C(14), 1 } } },
	{ SYS_seccomp, 2, { IS(0, 1), IS(1, 0) } },
};

static const struct filter {
	const char *name;
	const struct sock_filter *at;
	size_t length;
	const struct golden *golden;
	size_t golden_count;
} filters[] = {
	{ "jail", jail_filter, COUNT(jail_filter), jail_golden,
	    COUNT(jail_golden) },
	{ "parked", parked_filter, COUNT(parked_filter), parked_golden,
	    COUNT(parked_golden) },
};

static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
	AUDIT_ARCH_AARCH64, 0 };
static const uint64_t values[] = { 0, 1, 2, 3, UINT64_C(1) << 31,
	UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_MAX };

static bool reached[LENGTH_MAX];

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
run(const struct filter *f, const struct seccomp_data *data)
{
	uint32_t a = 0;
	size_t pc = 0;

	while (pc < f->length) {
		const struct sock_filter *i = &f->at[pc];

		reached[pc++] = true;
		if (i->code == (BPF_RET | BPF_K))
			return i->k;
		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(i->k <= sizeof *data - 4 && i->k % 4 == 0);
			memcpy(&a, (const uint8_t *)data + i->k, sizeof a);
		} else if (i->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= i->k;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			pc += i->k;
		} else {
			pc += jumps(i, a) ? i->jt : i->jf;
		}
	}
	return BROKEN;
}

static bool
fits(const struct golden *g, const struct seccomp_data *data)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		const struct condition *c = &g->conditions[i];

		if ((data->args[c->argument] & c->mask) != c->value)
			return false;
	}
	return g->call == data->nr;
}

static bool
is_golden(const struct filter *f, const struct seccomp_data *data)
{
	size_t i;

	for (i = 0; i < f->golden_count; i++) {
		if (data->arch == NATIVE && fits(&f->golden[i], data))
			return true;
	}
	return false;
}

static bool
judge(const struct filter *f, const struct seccomp_data *data)
{
	uint32_t verdict = run(f, data);
	uint32_t expected = is_golden(f, data) ? SECCOMP_RET_ALLOW
					       : SECCOMP_RET_KILL_PROCESS;

	if (verdict != expected)
		fail_msg("%s: arch %x call %d (%llx, %llx, %llx, %llx, %llx, "
		    "%llx): got %x, not %x", f->name, data->arch, data->nr,
		    (unsigned long long)data->args[0],
		    (unsigned long long)data->args[1],
		    (unsigned long long)data->args[2],
		    (unsigned long long)data->args[3],
		    (unsigned long long)data->args[4],
		    (unsigned long long)data->args[5], verdict, expected);
	return verdict == SECCOMP_RET_ALLOW;
}

/* The first argument takes every value, the others take every one together. */
static size_t
judge_calls(const struct filter *f, uint32_t arch, int64_t first, int64_t last)
{
	size_t n = COUNT(values);
	size_t allowed = 0;
	size_t i;
	int64_t call;

	for (call = first; call <= last; call++) {
		for (i = 0; i < n * n; i++) {
			const uint64_t o = values[i % n];
			const struct seccomp_data data = {
				.nr = (int)call,
				.arch = arch,
				.instruction_pointer = o,
				.args = { values[i / n], o, o, o, o, o },
			};

			allowed += judge(f, &data);
		}
	}
	return allowed;
}

static size_t
judge_all_calls(const struct filter *f)
{
	size_t allowed = 0;
	size_t i;

	for (i = 0; i < COUNT(arches); i++) {
		allowed += judge_calls(f, arches[i], -1, 1023);
		/* x32 */
		allowed += judge_calls(f, arches[i], 0x40000000,
		    0x40000000 + 1023);
		/* The ends of the range of numbers. */
		allowed += judge_calls(f, arches[i], INT32_MAX, INT32_MAX);
		allowed += judge_calls(f, arches[i], INT32_MIN, INT32_MIN);
	}
	return allowed;
}

/* A call that has rules: each argument takes every value by itself, around what
 * the rules ask for, and so does each pair of arguments. */
static size_t
judge_call(const struct filter *f, const struct golden *g)
{
	struct seccomp_data good = { .nr = g->call, .arch = NATIVE };
	size_t allowed = 0;
	size_t i;
	size_t j;
	size_t n = COUNT(values);
	size_t k;

	for (i = 0; i < g->count; i++)
		good.args[g->conditions[i].argument] = g->conditions[i].value;
	for (i = 0; i < 6; i++) {
		for (j = 0; j < 6; j++) {
			for (k = 0; k < n * n; k++) {
				struct seccomp_data data = good;

				data.args[i] = values[k / n];
				data.args[j] = values[k % n];
				allowed += judge(f, &data);
			}
		}
	}
	return allowed;
}

static void
test_allows_the_golden_list_only(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	/* Three calls for one value of eight, exit_group for all; times the
	 * eight values of the other arguments. */
	assert_int_equal(judge_all_calls(&filters[0]), 3 * 8 + 8 * 8);
	assert_true(judge_all_calls(&filters[1]) >= 3 * 8 + 8 * 8);
	for (i = 0; i < COUNT(filters); i++) {
		for (j = 0; j < filters[i].golden_count; j++)
			assert_true(judge_call(&filters[i],
			    &filters[i].golden[j]) > 0);
	}
}

/* Those that it needs, and nothing that holds a descriptor or a file. */
static void
test_parked_limits(void **state)
{
	static const uint64_t allowed[] = { 1, 3, 5, 7, 9, 11, 13, 15 };
	size_t seen = 0;
	uint64_t which;

	(void)state;
	for (which = 0; which < 4096; which++) {
		const struct seccomp_data data = {
			.nr = SYS_prlimit64,
			.arch = NATIVE,
			.args = { 0, which },
		};

		if (!judge(&filters[1], &data))
			continue;
		assert_true(seen < COUNT(allowed) && which == allowed[seen]);
		seen++;
	}
	assert_int_equal(seen, COUNT(allowed));
}

static void
test_no_dead_instruction(void **state)
{
	size_t i;
	size_t j;

	(void)state;
	assert_true(COUNT(jail_filter) > 4 && COUNT(jail_filter) < 32);
	assert_true(COUNT(parked_filter) < 96);
	for (i = 0; i < COUNT(filters); i++) {
		const struct filter *f = &filters[i];

		memset(reached, 0, sizeof reached);
		(void)judge_all_calls(f);
		for (j = 0; j < f->golden_count; j++)
			(void)judge_call(f, &f->golden[j]);
		for (j = 0; j < f->length; j++) {
			if (!reached[j])
				fail_msg("%s: instruction %zu is never reached",
				    f->name, j);
		}
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
		cmocka_unit_test(test_parked_limits),
		cmocka_unit_test(test_no_dead_instruction),
		cmocka_unit_test(test_layers_match_the_public_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
