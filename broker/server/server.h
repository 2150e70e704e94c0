/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - what the files of the daemon share.  It sits on the public header
 * and on the command's report (broker/cli); clients are people and programs of
 * the same user, and what they send is judged all the same.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "cli.h"

/* Connections at a time; one more is told that we are busy, and so many are at
 * a time. */
#define CLIENTS_MAX 64
#define TURNED_MAX 16
/* Of those that are served, one uid's that is neither our own nor root's. */
#define UID_MAX 16
/* A request: a word and a path (PATH_MAX), with its newline. */
#define LINE_BYTES 5000
/* A whole line from its first byte; the next line; the taking of an answer, and
 * a second more for each of its MiB. */
#define LINE_MS 10000
#define IDLE_MS 60000
#define SEND_MS 30000
/* What has come may take so long when the server is asked to end. */
#define END_SECONDS 10
/* While so much has been answered and not been taken, no load begins. */
#define UNTAKEN_MOST ((size_t)64 << 20)

/* --snapshot: bytes of one request's files that are copied into memory, where
 * --limit input_bytes does not say. */
#define SNAPSHOT_MOST ((uint64_t)16 << 30)

/* What a request's path may begin with: the directory itself, as it was called
 * when the server started, and the name that the operator gave it. */
struct root {
	char *real;
	const char *given;	/* without the slashes at its end */
	size_t given_length;	/* 0: not absolute, or "/" */
	pfork_store *store;
};

struct server;

/* What came with a line. */
struct passed {
	int fd;			/* -1: none, or it is not read */
	const char *refused;	/* why it is not */
};

/* Where descriptors are judged: see judge.c.  By number, and the last of those
 * that the judging thread takes along. */
struct judge {
	pthread_mutex_t lock;
	int place;
	int nothing;
	int in;
	int out;
	int last;
};

struct judging {
	struct judge *judge;
	pthread_t thread;
	bool started;
	bool apart;		/* it has a table of its own */
	sem_t word;
	sem_t reply;
	char *bytes;
	size_t room;
	ssize_t got;		/* bytes; errno does not come along */
	bool more;		/* than one descriptor */
	bool good;
	struct passed passed;
};

struct client {
	struct server *server;
	bool taken;		/* until its close is over */
	int fd;			/* -1: none, or being closed */
	uid_t uid;
	const char *refused;	/* what it is told; NULL: it is served */
	int code;
};

struct server {
	const struct options *options;
	pfork_broker *broker;
	struct root *roots;
	size_t root_count;
	int listening;
	char path[108];		/* of the socket */
	struct stat socket;	/* which file that is */
	int short_of;		/* errno of accept that was told, or 0 */
	int freed;		/* eventfd: one was turned away, and is gone */
	sem_t ending;
	struct judge judge;
	struct client *unstarted; /* there was no thread to be had for it */
	/* What follows is the lock's. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct client clients[CLIENTS_MAX + TURNED_MAX];
	unsigned client_count;	/* all that are taken */
	unsigned turned;	/* of them, those that are not served */
	unsigned loads;		/* that may begin now */
	size_t untaken;		/* bytes of answers */
};

/* listen.c.  0, or an exit code after a message. */
int listen_open(struct server *s);
/* Removes the socket, when it still is ours, and lets nobody connect any more.
 * The kernel closes it with the process, and then waits for no peer of what was
 * sent to connections in the backlog. */
void listen_close(struct server *s);
/* May this client be served?  Its uid, as the kernel has it. */
bool listen_knows(const struct server *s, int client, uid_t *uid);

/* clients.c.  The first three are for the thread that accepts, and block on
 * nothing that a client has made. */
bool clients_prepare(struct server *s);
/* Another one may be taken; False: s->freed says when, or there was no thread
 * to be had for the last one, and one is to be asked for again. */
bool clients_have_room(struct server *s);
/* Where there is room.  The descriptor is ours from now on. */
void clients_take(struct server *s, int fd);
/* Until the last one has gone: what has come is answered, and nobody can send
 * more. */
void clients_drain(struct server *s);

/* end.c.  Before the first client, so that it cannot fail when it counts. */
bool end_prepare(struct server *s);
/* The process ends within END_SECONDS. */
void end_begin(struct server *s);

/* release.c.  Once, before the first thread. */
bool release_prepare(void);
/* A socket's last close shall wait for nothing; what is no socket is as it was.
 */
void release_linger(int fd);
/* Closes it; what would wait for a peer is cut short.  A file system that is
 * asked may still take for ever: never under the lock. */
void release_fd(int fd);
/* From now on the thread has descriptors of its own, those up to the last: a
 * client's connection may end in the copy that it drops.  False: no. */
bool release_others(unsigned last);

/* client.c: one connection from its first line to its end; closes nothing. */
void client_serve(struct server *s, int client);
/* Tells a client what is wrong, as one line: an exit code's meaning and text
 * of ours.  False: it is not there any more. */
bool client_complain(int client, int code, const char *text);

/* passed.c: NULL, or why a descriptor that came from a client is not read.
 * Waits for no file system; of memory files it may wait for the client's own
 * calls.  For any thread, also one with its own descriptors. */
const char *passed_refused(int fd);
#define PASSED_UNJUDGED "the descriptor cannot be judged now: try again"

/* judge.c.  Early: it wants low numbers. */
bool judge_prepare(struct judge *j);
/* What recvmsg would: bytes that come with a descriptor.  False: nothing was
 * taken, for there was no thread to be had for it (close_range: Linux 5.9).
 * In either case judge_end is to come, when the client has had its answer: it
 * waits until the descriptor that was refused is closed. */
bool judge_receive(struct judging *g, struct judge *j, int client, char *bytes,
    size_t room);
void judge_end(struct judging *g);

/* request.c: one line without its newline, and the descriptor that came with
 * it, which stays the caller's.  The answer is *text, one line, to
 * be freed, and *length of it counts as not taken until the caller says
 * otherwise; NULL: no memory.  False: after it the connection ends. */
bool request_answer(struct server *s, const char *line,
    const struct passed *passed, char **text, size_t *length);

#endif
