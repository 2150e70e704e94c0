/* SPDX-License-Identifier: Apache-2.0
 *
 * passed.c - judges a descriptor that a client has sent, before anything is
 * asked of the file behind it: a file system that the client runs itself could
 * leave that question without an answer for ever, and a file that has no
 * memory yet could get it by being read.  Reads /proc and asks no file system;
 * what it cannot find out is refused.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server.h"

enum mount {
	MOUNT_ERROR,	/* not to be found out now */
	MOUNT_NONE,	/* none of ours: a memfd's, another namespace's */
	MOUNT_FUSE,	/* some user's program answers for it */
	MOUNT_OURS,	/* the operator's */
};

/* The number of its mount; -1: that is not to be had. */
static long
mount_of(int fd)
{
	char path[64];
	char line[256];
	long id = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (info == NULL)
		return -1;
	while (id < 0 && fgets(line, sizeof(line), info) != NULL)
		if (strncmp(line, "mnt_id:", 7) == 0)
			id = strtol(line + 7, NULL, 10);
	fclose(info);
	return id;
}

/* Of "36 35 98:0 / /mnt rw master:1 - fuse.sshfs x rw": is it the mount, and
 * what? */
static enum mount
judge_line(const char *line, long mount)
{
	char *end;
	const char *type;

	if (strtol(line, &end, 10) != mount || end == line || *end != ' ')
		return MOUNT_NONE;
	type = strstr(end, " - ");
	if (type == NULL)
		return MOUNT_ERROR;
	return strncmp(type + 3, "fuse", 4) == 0 ? MOUNT_FUSE : MOUNT_OURS;
}

static enum mount
find_mount(long mount)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	enum mount found = MOUNT_NONE;
	char *line = NULL;
	size_t room = 0;

	if (mounts == NULL)
		return MOUNT_ERROR;
	while (found == MOUNT_NONE && getline(&line, &room, mounts) > 0)
		found = judge_line(line, mount);
	/* Whose end we have not seen may hold it. */
	if (found == MOUNT_NONE && !feof(mounts))
		found = MOUNT_ERROR;
	free(line);
	fclose(mounts);
	return found;
}

/* Memory files alone have seals, and answer for them without being asked. */
static bool
is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

/* One of a tmpfs has no more memory than that, and cannot be sealed; any other
 * could get its holes between the judgement and the load: by growing, or by
 * punching them, which a seal on writing forbids. */
static bool
may_get_holes(int fd)
{
	int seals;

	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_FUTURE_WRITE);
	seals = fcntl(fd, F_GET_SEALS);
	return (seals & F_SEAL_GROW) == 0 ||
	    (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) == 0;
}

static bool
is_sparse(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 ||
	    (S_ISREG(st.st_mode) && st.st_blocks < st.st_size / 512);
}

static const char *
memory_refused(int fd, enum mount mount)
{
	if (mount == MOUNT_NONE && may_get_holes(fd))
		return "the descriptor is of a memory file that may still "
		    "grow or get holes: make it with MFD_ALLOW_SEALING, or "
		    "seal it with F_SEAL_GROW and F_SEAL_WRITE";
	if (is_sparse(fd))
		return "the descriptor is of a file in memory with holes, "
		    "which reading would fill: write all of it";
	return NULL;
}

const char *
passed_refused(int fd)
{
	long id = mount_of(fd);
	enum mount mount = id < 0 ? MOUNT_ERROR : find_mount(id);

	if (mount == MOUNT_ERROR)
		return PASSED_UNJUDGED;
	if (mount == MOUNT_FUSE)
		return "the descriptor is of a FUSE file system, which may "
		    "never answer: name a path beneath a --root";
	if (is_memory(fd))
		return memory_refused(fd, mount);
	if (mount == MOUNT_NONE)
		return "the descriptor is of a mount that this server does "
		    "not have: give a path beneath a root, or a memory file";
	return NULL;
}
