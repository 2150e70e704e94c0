/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_gen.c - runs at build time, never in a worker: compiles policy.def and
 * parked.def with libseccomp and prints the filters as C.  The worker loads
 * those arrays itself, so it links no filter compiler and spends no time in
 * one.  The filters are for the machine that builds; one that libseccomp makes
 * wrongly is found by tests/unit/test_filter.c, which runs them.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "no jail for this architecture yet"
#endif

/* The four calls need some 20 instructions, the parked ones some 80. */
#define INSTRUCTIONS_MAX 256

struct rule {
	const char *name;
	int call;
	unsigned count;
	struct scmp_arg_cmp conditions[6];
};

#define IS(argument, value) \
	{ .arg = (argument), .op = SCMP_CMP_EQ, .datum_a = (value) }
#define MASKED(argument, mask, value)                            \
	{ .arg = (argument), .op = SCMP_CMP_MASKED_EQ,           \
		.datum_a = (mask), .datum_b = (value) }
#define COUNT(...)                                               \
	(sizeof((const struct scmp_arg_cmp[]){ __VA_ARGS__ }) /  \
	    sizeof(struct scmp_arg_cmp))
#define ALLOW_WHERE(name, why, ...) \
	{ #name, SCMP_SYS(name), COUNT(__VA_ARGS__), { __VA_ARGS__ } },
#define ALLOW_IF(name, condition, why) ALLOW_WHERE(name, why, condition)
#define ALLOW(name, why) { #name, SCMP_SYS(name), 0, { { .arg = 0 } } },
static const struct rule jail_rules[] = {
#include "policy.def"
};
static const struct rule parked_rules[] = {
#include "parked.def"
};

/* libseccomp answers with -errno, not -1: anything but 0 has failed. */
static void
must(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "filter-gen: %s: %s\n", what, strerror(-result));
	exit(EXIT_FAILURE);
}

static scmp_filter_ctx
compile(const struct rule *rules, size_t count)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	size_t i;

	if (ctx == NULL)
		must(-ENOMEM, "seccomp_init");
	/* Foreign architectures die like unknown calls (the default is to kill
	 * the thread only). */
	must(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS), "bad architecture");
	/* No rule may be made for call number -1. */
	must(seccomp_attr_set(ctx, SCMP_FLTATR_API_TSKIP, 0), "tskip");
	/* A plain list, not a tree: few calls, and easier to read. */
	must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 1), "optimize");
	for (i = 0; i < count; i++) {
		if (rules[i].call < 0)
			must(-ENOSYS, rules[i].name);
		must(seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW,
		    rules[i].call, rules[i].count, rules[i].conditions),
		    rules[i].name);
	}
	return ctx;
}

/* libseccomp exports to a descriptor only. */
static size_t
export(scmp_filter_ctx ctx, struct sock_filter *filter, size_t room)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t bytes;

	if (fd < 0) {
		perror("filter-gen: memfd_create");
		exit(EXIT_FAILURE);
	}
	must(seccomp_export_bpf(ctx, fd), "export");
	bytes = pread(fd, filter, room, 0);
	close(fd);
	if (bytes <= 0 || (size_t)bytes == room ||
	    (size_t)bytes % sizeof *filter != 0) {
		fprintf(stderr, "filter-gen: the filter has a strange size\n");
		exit(EXIT_FAILURE);
	}
	return (size_t)bytes / sizeof *filter;
}

static void
print(const char *name, const struct rule *rules, size_t rule_count)
{
	static struct sock_filter filter[INSTRUCTIONS_MAX + 1];
	scmp_filter_ctx ctx = compile(rules, rule_count);
	size_t count = export(ctx, filter, sizeof filter);
	size_t i;

	seccomp_release(ctx);
	printf("\nstatic const struct sock_filter %s[] = {\n", name);
	for (i = 0; i < count; i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", filter[i].code,
		    filter[i].jt, filter[i].jf, filter[i].k);
	printf("};\n");
}

int
main(void)
{
	printf("/* Made by filter-gen from policy.def and parked.def. */\n"
	    "#include <linux/filter.h>\n");
	print("jail_filter", jail_rules,
	    sizeof jail_rules / sizeof jail_rules[0]);
	print("parked_filter", parked_rules,
	    sizeof parked_rules / sizeof parked_rules[0]);
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS
						      : EXIT_FAILURE;
}
