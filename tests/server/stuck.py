# SPDX-License-Identifier: Apache-2.0
"""Clients that send what hangs when it is used or closed: sockets that linger,
files of file systems that never answer, of mounts that the server lacks, memory
that grows.  Nobody but the sender may notice.  t is run.py, as a module."""
import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE = 4, 8, 16
F_PUNCH = 1 | 2		# FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000


@contextlib.contextmanager
def lingering():
    """A socket whose last close waits for a day: its peer does not read."""
    with socket.socket() as listening, socket.socket() as s:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        s.connect(listening.getsockname())
        with listening.accept()[0]:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 24 * 3600))
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    s.send(bytes(65536))
            yield s


@contextlib.contextmanager
def stopped(server):
    """What is sent meanwhile has come when it looks."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def answers(t, server):
    """One line, from a server that lives, in time."""
    try:
        with server.client(timeout=3) as s:
            return "version" in t.ask(s, b"ping\n")
    except (OSError, TypeError):
        return False


def ends(server, seconds=5):
    """The exit code, or None; it is gone in either case."""
    server.process.send_signal(signal.SIGTERM)
    try:
        return server.process.wait(seconds)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
        return None
    finally:
        server.process.stderr.close()
        server.process.stdout.close()


def test_closed(t, path):
    """The server closes a connection, or one end of what came with it."""
    server = t.Server(path, "--parked", "0")
    for name, parts in (
            ("unread", (b"a" * 5000, b"a" * 1000, None)),
            ("amid a line", (b"scan ", None)),
            ("asked for", (b"scan -\n", None)),
            ("two at once", (b"a", None, None))):
        with lingering() as s:
            with stopped(server), server.client() as c:
                for part in parts:
                    t.send(c, part or b"b", [] if part else [s.fileno()])
                s.close()
            t.check(f"lingers: {name}", answers(t, server))
    t.check("lingers: the end", ends(server) == 0)


def test_turned_away(t, path):
    """One more than are served."""
    server = t.Server(path, "--parked", "0")
    kept = [server.client() for _ in range(64)]
    time.sleep(0.3)
    with contextlib.ExitStack() as peers:
        for _ in range(20):
            s = peers.enter_context(lingering())
            with stopped(server), server.client() as c:
                t.send(c, b"b", [s.fileno()])
                s.close()
            time.sleep(0.02)
        with server.client(timeout=3) as c:
            t.check("turned away: and told", t.is_error(json.loads(
                t.read_line(c)), 75))
        for s in kept:
            s.close()
        time.sleep(0.2)
        t.check("turned away: it lives", answers(t, server))
        t.check("turned away: the end", ends(server) == 0)


def test_backlog(t, path):
    """One that is not accepted any more, when the end comes."""
    server = t.Server(path, "--parked", "0")
    with lingering() as s:
        with stopped(server):
            with server.client() as c:
                t.send(c, b"b", [s.fileno()])
                s.close()
            server.process.send_signal(signal.SIGTERM)
        t.check("backlog: the end", ends(server) == 0)
    t.check("backlog: the socket is gone", not os.path.lexists(path))


def test_no_descriptors(t, path, file):
    """What cannot be judged is not read."""
    server = t.Server(path, "--parked", "0")
    directory = "/proc/%d/fd" % server.process.pid
    with server.client() as c, open(file, "rb") as f:
        t.ask(c, b"ping\n")
        before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        used = {int(name) for name in os.listdir(directory)}
        free = next(n for n in range(1000) if n not in used)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE,
                         (free, before[1]))
        r = t.ask(c, b"scan -\n", [f.fileno()])
        t.check("no descriptors: not judged", t.is_error(r, 1) and
                "cannot be judged" in r["text"], r)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
        r = t.ask(c, b"scan -\n", [f.fileno()])
        t.check("no descriptors: and later", t.names(r) == ["w"], r)
    t.check("no descriptors: the end", ends(server) == 0)


def test_memory(t, server, file):
    """A memory file is sealed before it is judged."""
    with open(file, "rb") as f:
        data = f.read()
    for name, flags, seals, read_only, text in (
            ("no seals", 0, 0, False, "grow"),
            ("for sealing", os.MFD_ALLOW_SEALING, 0, False, None),
            ("only for reading", os.MFD_ALLOW_SEALING, 0, True, "grow"),
            ("may be punched", os.MFD_ALLOW_SEALING, F_SEAL_GROW, True,
             "get holes"),
            ("sealed", os.MFD_ALLOW_SEALING, F_SEAL_GROW | F_SEAL_WRITE, True,
             None)):
        fd = os.memfd_create("x", flags)
        os.write(fd, data)
        if seals:
            fcntl.fcntl(fd, F_ADD_SEALS, seals)
        sent = fd
        if read_only:
            sent = os.open("/proc/self/fd/%d" % fd, os.O_RDONLY)
        r = server.ask(b"scan -\n", [sent])
        t.check(f"memory: {name}", t.names(r) == ["w"] if text is None else
                t.is_error(r, 1) and text in r["text"], r)
        punch = ctypes.CDLL(None).fallocate(fd, F_PUNCH, ctypes.c_long(0),
                                            ctypes.c_long(4096))
        t.check(f"memory: {name}: it stays so", text is not None or punch == -1
                and fcntl.fcntl(fd, F_GET_SEALS) & F_SEAL_GROW, punch)
        os.close(fd)
        if read_only:
            os.close(sent)


def test_other_mounts(t, server, file):
    """A file that is open through mounts of a client's own."""
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            os._exit(77)
        socket.send_fds(there, [b"x"], [os.open(file, os.O_RDONLY)])
        os._exit(0)
    there.close()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 77:
        print("  SKIPPED: a mount namespace, which may not be made here")
        return
    fd = socket.recv_fds(here, 1, 1)[1][0]
    here.close()
    r = server.ask(b"scan -\n", [fd])
    t.check("another's mount", t.is_error(r, 1) and
            "does not have" in r["text"], r)
    os.close(fd)


def as_nobody(work):
    """In a process of that user; what work returns is its exit code."""
    pid = os.fork()
    if pid == 0:
        nobody = pwd.getpwnam("nobody")
        code = 99
        try:
            os.setgroups([])
            os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
            os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
            code = work()
        finally:
            os._exit(code)
    return pid


def test_one_user(t, path):
    """Another user has so many connections, and others still have theirs."""
    server = t.Server(path, "--parked", "0", "--group", t.nobody_group())

    def crowd():
        kept = [server.client() for _ in range(20)]
        told = [json.loads(t.read_line(s)) for s in kept[16:]]
        served = all("version" in t.ask(s, b"ping\n") for s in kept[:16])
        return 0 if served and all(
            t.is_error(r, 75) and "your uid" in r["text"]
            for r in told) else 1

    pid = as_nobody(crowd)
    t.check("one user: sixteen", os.waitpid(pid, 0)[1] == 0)
    kept = [server.client() for _ in range(30)]
    t.check("one user: our own have more", all(
        "version" in t.ask(s, b"ping\n") for s in kept))
    for s in kept:
        s.close()
    t.check("one user: the end", ends(server) == 0)


def reads(t, server, file):
    """A file is read, by a worker that is started for it."""
    try:
        with server.client(timeout=5) as s, open(file, "rb") as f:
            return t.names(t.ask(s, b"ls -\n", [f.fileno()])) == ["w"]
    except (OSError, TypeError):
        return False


def test_deaf(t, path, place, file):
    """A file system that answers no close: who sends it denies himself."""
    os.mkdir(place)
    with subprocess.Popen([sys.executable, os.path.join(HERE, "deaf_fuse.py"),
                           place], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as fuse:
        said = fuse.stdout.readline()
        if said != b"ready\n":
            print("  SKIPPED: FUSE:", said.decode().strip())
            return
        server = t.Server(path, "--parked", "0", "--group", t.nobody_group())

        def crowd():
            fd = os.open(os.path.join(place, "f"), os.O_RDONLY)
            held = server.client()
            t.send(held, b"scan ", [fd])
            for _ in range(80):
                with server.client() as s:
                    t.send(s, b"scan -\n", [fd])
            os._exit(0)     # whose own close waits as well

        as_nobody(crowd)
        time.sleep(1)
        t.check("deaf: others are served", answers(t, server))
        t.check("deaf: and workers start", reads(t, server, file))
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        second = t.Server(path, "--parked", "0")
        t.check("deaf: a new one may start", answers(t, second))
        t.check("deaf: and ends", ends(second) == 0)
        fuse.stdin.close()
        t.check("deaf: the end", ends(server) is not None)
    os.waitpid(-1, 0)


def test_all(t, directory, root, server):
    good = os.path.join(root, "good.pt")
    path = os.path.join(directory, "stuck.sock")
    test_memory(t, server, good)
    test_other_mounts(t, server, good)
    test_closed(t, path)
    test_turned_away(t, path)
    test_backlog(t, path)
    test_no_descriptors(t, path, good)
    if os.getuid() != 0:
        print("  SKIPPED: another user's crowd, which only root can play")
        return
    test_one_user(t, path)
    test_deaf(t, path, os.path.join(directory, "deaf"), good)
