/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - the socket and who may connect to it.  It has mode 0600 from its
 * first moment; what is in its place is removed only when it is a socket that
 * nobody answers, and at the end only while it still is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "print.h"
#include "server.h"

#define BACKLOG 64

static int
failed(const char *what)
{
	const char *why = strerror(errno);
	char *escaped = print_escape(what);

	complain("serve: %s: %s", escaped, why);
	free(escaped);
	return EXIT_UNDECIDED;
}

static int
take_path(struct server *s, struct sockaddr_un *address)
{
	size_t length = strlen(s->options->socket);

	if (length == 0 || length >= sizeof(address->sun_path)) {
		complain("serve: a socket's path has 1 to %zu bytes",
		    sizeof(address->sun_path) - 1);
		return EXIT_USAGE;
	}
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, s->options->socket, length);
	memcpy(s->path, s->options->socket, length + 1);
	return EXIT_DONE;
}

/* What a server that died has left. */
static int
clear_way(const struct sockaddr_un *address)
{
	struct stat st;
	int probe;
	int rc;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? EXIT_DONE : failed("the socket");
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return failed(address->sun_path);
	}
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return failed("socket");
	rc = connect(probe, (const struct sockaddr *)address,
	    sizeof(*address)) == 0 ? 0 : errno;
	close(probe);
	if (rc != ECONNREFUSED) {
		complain("serve: another server answers on this socket");
		return EXIT_BUSY;
	}
	return unlink(address->sun_path) == 0 ? EXIT_DONE :
						failed("the old socket");
}

static int
open_to_group(const struct server *s)
{
	const struct group *g;

	if (s->options->group == NULL)
		return EXIT_DONE;
	g = getgrnam(s->options->group);
	if (g == NULL) {
		complain("serve: --group: there is no such group");
		return EXIT_USAGE;
	}
	if (lchown(s->path, (uid_t)-1, g->gr_gid) != 0 ||
	    chmod(s->path, 0660) != 0)
		return failed("--group");
	return EXIT_DONE;
}

int
listen_open(struct server *s)
{
	struct sockaddr_un address;
	mode_t before;
	int code = take_path(s, &address);
	int rc;

	if (code == EXIT_DONE)
		code = clear_way(&address);
	if (code != EXIT_DONE)
		return code;
	s->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (s->listening < 0)
		return failed("socket");
	before = umask(0177);
	rc = bind(s->listening, (const struct sockaddr *)&address,
	    sizeof(address));
	umask(before);
	if (rc != 0)
		return failed(s->path);
	if (lstat(s->path, &s->socket) != 0)
		return failed("the socket");
	code = open_to_group(s);
	if (code == EXIT_DONE && listen(s->listening, BACKLOG) != 0)
		code = failed("listen");
	return code;
}

void
listen_close(struct server *s)
{
	struct stat now;

	if (s->listening < 0)
		return;
	if (s->socket.st_ino != 0 && lstat(s->path, &now) == 0 &&
	    now.st_dev == s->socket.st_dev && now.st_ino == s->socket.st_ino)
		(void)unlink(s->path);
	(void)shutdown(s->listening, SHUT_RDWR);
}

/* For a group the mode of the socket has decided. */
bool
listen_knows(const struct server *s, int client, uid_t *uid)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	*uid = (uid_t)-1;
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return false;
	*uid = who.uid;
	return s->options->group != NULL || who.uid == 0 ||
	    who.uid == geteuid();
}
