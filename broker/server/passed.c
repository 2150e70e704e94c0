/* SPDX-License-Identifier: Apache-2.0
 *
 * passed.c - judges a descriptor that a client has sent, before anything is
 * asked of the file behind it: a file system that the client runs itself could
 * leave that question without an answer for ever, and a file that has no
 * memory yet could get it by being read.  Reads /proc and asks no file system.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server.h"

/* The number of its mount; -1: that is not to be had. */
static long
mount_of(int fd)
{
	char path[64];
	char line[256];
	long id = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (info == NULL)
		return -1;
	while (id < 0 && fgets(line, sizeof(line), info) != NULL)
		if (strncmp(line, "mnt_id:", 7) == 0)
			id = strtol(line + 7, NULL, 10);
	fclose(info);
	return id;
}

/* Of "36 35 98:0 / /mnt rw master:1 - fuse.sshfs x rw": is it the mount, and a
 * file system that some user's program answers for? */
static bool
is_fuse_line(const char *line, long mount)
{
	char *end;
	const char *type;

	if (strtol(line, &end, 10) != mount || end == line || *end != ' ')
		return false;
	type = strstr(end, " - ");
	return type != NULL && strncmp(type + 3, "fuse", 4) == 0;
}

/* A mount that we do not see (another namespace's, the kernel's own for a
 * memfd) is none that we know. */
static bool
is_fuse(int fd)
{
	long mount = mount_of(fd);
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool is = false;

	if (mounts == NULL)
		return false;
	while (!is && getline(&line, &room, mounts) > 0)
		is = is_fuse_line(line, mount);
	free(line);
	fclose(mounts);
	return is;
}

/* Memory files alone have seals, and answer for them without being asked. */
static bool
is_sparse_memory(int fd)
{
	struct stat st;

	return fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_blocks < st.st_size / 512;
}

const char *
passed_refused(int fd)
{
	if (is_fuse(fd))
		return "the descriptor is of a FUSE file system, which may "
		    "never answer: name a path beneath a --root";
	if (is_sparse_memory(fd))
		return "the descriptor is of a file in memory with holes, "
		    "which reading would fill: write all of it";
	return NULL;
}
