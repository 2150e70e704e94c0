/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_gen.c - runs at build time, never in a worker: compiles policy.def
 * with libseccomp and prints the filter as C.  The worker loads that array
 * itself, so it links no filter compiler and spends no time in one.  The
 * filter is for the machine that builds; a filter that libseccomp makes
 * wrongly is found by tests/unit/test_filter.c, which runs it.
 */
#include <linux/filter.h>

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

/* The four calls need some 20 instructions. */
#define INSTRUCTIONS_MAX 256

struct rule {
	const char *name;
	int call;
	unsigned conditions;
	struct scmp_arg_cmp condition;
};

static const struct rule rules[] = {
#define IS(argument, value) \
	{ .arg = (argument), .op = SCMP_CMP_EQ, .datum_a = (value) }
#define ALLOW_IF(name, condition, why) \
	{ #name, SCMP_SYS(name), 1, condition },
#define ALLOW(name, why) { #name, SCMP_SYS(name), 0, { .arg = 0 } },
#include "policy.def"
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
compile(void)
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
	/* A plain list, not a tree: four calls, and easier to read. */
	must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 1), "optimize");
	for (i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].call < 0)
			must(-ENOSYS, rules[i].name);
		must(seccomp_rule_add_exact_array(ctx, SCMP_ACT_ALLOW,
		    rules[i].call, rules[i].conditions, &rules[i].condition),
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

int
main(void)
{
	static struct sock_filter filter[INSTRUCTIONS_MAX + 1];
	scmp_filter_ctx ctx = compile();
	size_t count = export(ctx, filter, sizeof filter);
	size_t i;

	seccomp_release(ctx);
	printf("/* Made from worker/policy.def by filter-gen. */\n"
	    "#include <linux/filter.h>\n\n"
	    "static const struct sock_filter jail_filter[] = {\n");
	for (i = 0; i < count; i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", filter[i].code,
		    filter[i].jt, filter[i].jf, filter[i].k);
	printf("};\n");
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS
						      : EXIT_FAILURE;
}
