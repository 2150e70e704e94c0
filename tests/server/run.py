#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picklefork serve as its clients meet it: honest ones, many at once, and those
that send garbage, half lines, descriptors without end, or die.  Arguments: the
picklefork to test, and its worker.  Python's standard library alone."""
import array
import concurrent.futures
import ctypes
import errno
import grp
import json
import os
import pwd
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gen"))
from pickle_asm import call, pickled, torch_pickle, torch_tensor  # noqa: E402
from zip_writer import torch_zip  # noqa: E402
import stuck  # noqa: E402

CLI, WORKER = map(os.path.abspath, sys.argv[1:3])
DATA = struct.pack("<6f", 1, 2, 3, 4, 5, 42.5)
passed = failed = 0


def check(name, truth, seen=""):
    global passed, failed
    if truth:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}: {seen!r}", flush=True)


class Server:
    def __init__(self, path, *arguments, **more):
        self.path = path
        self.process = subprocess.Popen(
            [CLI, "serve", "--socket", path, "--worker", WORKER, *arguments],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.said = self.process.stderr.readline()

    def client(self, timeout=30):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(self.path)    # blocks while the backlog is full
        s.settimeout(timeout)
        return s

    def ask(self, line, fds=()):
        with self.client() as s:
            return ask(s, line, fds)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stderr.close()
        self.process.stdout.close()
        return code


def send(s, data, fds=()):
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                array.array("i", fds))] if fds else []
    s.sendmsg([data], control)


def read_line(s):
    data = b""
    while not data.endswith(b"\n"):
        piece = s.recv(65536)
        if not piece:
            break
        data += piece
    return data


def ask(s, line, fds=()):
    send(s, line, fds)
    data = read_line(s)
    return json.loads(data) if data else None


def settles(server, count, seconds=10.0):
    """The server's descriptors fall back to what they were."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.descriptors() <= count:
            return True
        time.sleep(0.05)
    return False


def quiet_count(server):
    """When the workers that wait have all been started."""
    last, same = -1, 0
    while same < 5:
        now = server.descriptors()
        same, last = (same + 1, last) if now == last else (0, now)
        time.sleep(0.05)
    return last


def is_error(answer, code):
    return answer is not None and answer["schema"] == "picklefork.error/1" \
        and answer["exit"] == code


def make_files(root, outside):
    good = torch_pickle({"w": torch_tensor()})
    with open(os.path.join(root, "good.pt"), "wb") as f:
        f.write(torch_zip(good, {"0": DATA}))
    with open(os.path.join(root, "evil.pkl"), "wb") as f:
        f.write(pickled(call("os", "system")))
    os.mkdir(os.path.join(root, "deep"))
    os.link(os.path.join(root, "good.pt"), os.path.join(root, "deep/er.pt"))
    with open(os.path.join(outside, "secret.pt"), "wb") as f:
        f.write(torch_zip(good, {"0": DATA}))
    os.symlink("good.pt", os.path.join(root, "inside.pt"))
    os.symlink(os.path.join(outside, "secret.pt"),
               os.path.join(root, "outside.pt"))
    os.symlink(outside, os.path.join(root, "away"))
    os.mkfifo(os.path.join(root, "fifo"))


def names(report):
    return [t["name"] for t in report["tensors"]]


def test_requests(server, root, outside):
    check("says where", b"serving on" in server.said, server.said)
    pong = server.ask(b"ping\n")
    check("ping", pong["schema"] == "picklefork.pong/1", pong)
    for word in (b"ls", b"scan"):
        r = server.ask(word + b" " + root.encode() + b"/good.pt\n")
        check("by a jailed worker", "seccomp" in r["worker"]["layers"], r)
        check("a report", r["schema"] == "picklefork.report/1" and
              r["verdict"] == "clean" and names(r) == ["w"] and
              r["error"] is None, r)
    for path in ("good.pt", "deep/er.pt", "inside.pt", "./good.pt"):
        r = server.ask(b"ls " + path.encode() + b"\n")
        check(f"beneath the root: {path}", names(r) == ["w"], r)
    time.sleep(0.5)
    r = server.ask(b"ls good.pt\n")
    check("by one that was parked", r["worker"]["parked"] is True, r)
    r = server.ask(b"scan evil.pkl\n")
    check("a dangerous file", r["verdict"] == "dangerous", r)
    check("and why", any("os.system" in n["text"] or "posix.system" in
                         n["text"] for n in r["notes"]), r)
    with server.client() as s:
        for _ in range(5):
            check("several on one connection",
                  names(ask(s, b"ls good.pt\n")) == ["w"])
        s.sendall(b"ping\nls good.pt\npi")
        first, second = b"", b""
        data = b""
        while data.count(b"\n") < 2:
            data += s.recv(65536)
        first, second = data.split(b"\n")[:2]
        check("two lines at once", b"pong" in first and
              names(json.loads(second)) == ["w"], data)
        s.sendall(b"ng\n")
        check("and the rest of a third", b"pong" in read_line(s))


def test_walls(server, root, outside):
    for path in (outside + "/secret.pt", "/etc/passwd", "/", root,
                 root + "x/good.pt"):
        r = server.ask(b"scan " + path.encode() + b"\n")
        check(f"beneath no root: {path}", is_error(r, 1), r)
    for path in ("../" + os.path.basename(outside) + "/secret.pt",
                 "outside.pt", "away/secret.pt", "deep/../../good.pt",
                 root + "/../" + os.path.basename(outside) + "/secret.pt"):
        r = server.ask(b"ls " + path.encode() + b"\n")
        check(f"leads out: {path}", r["schema"] == "picklefork.report/1" and
              r["tensors"] == [] and r["verdict"] == "undecided" and
              r["error"]["code"] == "PFORK_E_REFUSED", r)
    for path in ("fifo", "none.pt", "deep"):
        r = server.ask(b"scan " + path.encode() + b"\n")
        check(f"no file: {path}", r["error"] is not None and
              r["verdict"] == "undecided", r)


def test_descriptors(server, root, outside):
    with open(os.path.join(outside, "secret.pt"), "rb") as f:
        for word in (b"ls", b"scan"):
            r = server.ask(word + b" -\n", [f.fileno()])
            check("a descriptor", names(r) == ["w"] and r["file"] == "-", r)
        with server.client() as s:
            send(s, b"sc")
            send(s, b"an ", [f.fileno()])
            r = ask(s, b"-\n")
            check("a descriptor amid the line", names(r) == ["w"], r)
            r = ask(s, b"ls -\n", [f.fileno()])
            check("and one more", names(r) == ["w"], r)
        check("none came", is_error(server.ask(b"ls -\n"), 64))
        check("none was asked for",
              is_error(server.ask(b"ping\n", [f.fileno()]), 64))
        check("not for a path",
              is_error(server.ask(b"ls good.pt\n", [f.fileno()]), 64))
        check("two", is_error(server.ask(b"ls -\n", [f.fileno()] * 2), 64))
    for fd in (os.pipe()[0], socket.socket().detach()):
        r = server.ask(b"scan -\n", [fd])
        check("no file of a mount", is_error(r, 1) and
              "does not have" in r["text"], r)
        os.close(fd)
    for name, fd in (("a directory", os.open("/", os.O_RDONLY)),
                     ("a device", os.open("/dev/zero", os.O_RDONLY)),
                     ("a path", os.open(WORKER, os.O_PATH))):
        r = server.ask(b"scan -\n", [fd])
        check(f"no file: {name}", r["error"] is not None and
              r["verdict"] == "undecided", r)
        os.close(fd)


def test_hostile(server):
    before = quiet_count(server)
    for name, data in (("garbage", b"\xff\x00\xfe\n"), ("a NUL", b"ls a\0b\n"),
                       ("an empty line", b"\n"), ("GET", b"GET / HTTP/1.1\n"),
                       ("no path", b"ls \n"), ("no word", b" good.pt\n"),
                       ("upper case", b"PING\n"), ("more", b"ping x\n"),
                       ("tabs", b"ls\tgood.pt\n"), ("cr", b"ping\r\n"),
                       ("too long", b"ls " + b"a" * 6000 + b"\n"),
                       ("no end", b"ls " + b"a" * 100000)):
        with server.client() as s:
            try:
                s.sendall(data)
                answer = read_line(s)
                after = s.recv(1)
            except (BrokenPipeError, ConnectionResetError):
                answer, after = b"", b""
            check(f"hostile: {name}", after == b"" and (
                answer == b"" or is_error(json.loads(answer), 64)), answer)
    # Half a line, and away; a whole one, and away.
    for data in (b"ls goo", b"ls good.pt\n", b"ls good.pt\n" * 200, b""):
        for _ in range(20):
            with server.client() as s:
                try:
                    s.sendall(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass
    check("hostile: nothing is left", settles(server, before),
          (before, server.descriptors()))
    check("hostile: it lives", "version" in server.ask(b"ping\n"))


def test_descriptor_flood(server, root):
    before = quiet_count(server)
    with open(os.path.join(root, "good.pt"), "rb") as f:
        for count in (1, 2, 3, 100, 253):
            for data in (b"l", b"ls -", b"ls -\n", b"ping\n"):
                for _ in range(10):
                    with server.client() as s:
                        try:
                            for _ in range(5):
                                send(s, data, [f.fileno()] * count)
                        except OSError as e:
                            # Of an ordinary user the kernel itself holds no
                            # more than RLIMIT_NOFILE on their way.
                            if e.errno not in (errno.EPIPE, errno.ECONNRESET,
                                               errno.ETOOMANYREFS):
                                raise
    check("descriptor flood: each is closed", settles(server, before),
          (before, server.descriptors()))
    check("descriptor flood: it lives", "version" in server.ask(b"ping\n"))


def test_slow(server):
    """A line that never ends; answers that nobody takes."""
    started = time.monotonic()
    with server.client(timeout=20) as s:
        s.sendall(b"ls go")
        answer = read_line(s)
        took = time.monotonic() - started
        check("slow: a half line ends", is_error(json.loads(answer), 64) and
              took < 15, (answer, took))


def peak(server):
    """MiB of memory, at most so far."""
    with open("/proc/%d/status" % server.process.pid) as f:
        return [int(line.split()[1]) // 1024 for line in f
                if line.startswith("VmHWM")][0]


def test_not_taken(directory, root):
    """Large answers that nobody takes, until the server ends."""
    count = 40000
    header = ",".join('"%d":{"dtype":"U8","shape":[1%s],"data_offsets":[%d,%d]}'
                      % (i, ",1" * 60, i, i + 1) for i in range(count))
    header = ("{%s}" % header).encode()
    with open(os.path.join(root, "large.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header + bytes(count))
    server = Server(os.path.join(directory, "t.sock"), "--root", root)
    whole = len(json.dumps(server.ask(b"ls large.safetensors\n")))
    before = peak(server)
    clients = [server.client() for _ in range(30)]
    for s in clients:
        s.sendall(b"ls large.safetensors\n")
    last, until = -1, time.monotonic() + 60
    while last != peak(server) and time.monotonic() < until:
        last = peak(server)
        time.sleep(4)
    # What may be there, with one more from each of two loads, and what loads
    # and reports take while they are made; all of the answers are 30 times one.
    most = before + 64 + 12 * whole // 2 ** 20
    check("not taken: memory is bounded", whole > 10 * 2 ** 20 and
          last < most, (whole, before, last, most))
    for s in clients:
        s.close()
    check("not taken: it goes on", names(server.ask(b"ls good.pt\n")) == ["w"])
    check("not taken: the end", server.stop() == 0)


def test_many(server):
    def one(i):
        answers = []
        with server.client() as s:
            for _ in range(10):
                answers.append(ask(s, (b"ls good.pt\n", b"scan evil.pkl\n",
                                       b"ping\n")[i % 3]))
        return answers
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        for i, answers in enumerate(pool.map(one, range(48))):
            want = ("clean", "dangerous", None)[i % 3]
            check("parallel clients", all(
                a is not None and a.get("verdict") == want for a in answers),
                  answers)


def test_crowd(server):
    """Ten thousand connections, most of them left open as long as may be."""
    before = quiet_count(server)
    kept, busy, served = [], 0, 0
    for _ in range(10000):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(server.path)
        s.settimeout(5)
        kept.append(s)
        if len(kept) > 300:
            old = kept.pop(80)
            try:
                data = read_line(old)
                busy += bool(data) and is_error(json.loads(data), 75)
            except OSError:
                served += 1
            old.close()
    check("crowd: most are turned away", busy > 9000, (busy, served))
    check("crowd: descriptors are bounded",
          server.descriptors() < before + 2 * 64 + 16, server.descriptors())
    for s in kept:
        s.close()
    check("crowd: nothing is left", settles(server, before),
          (before, server.descriptors()))
    check("crowd: it lives", "version" in server.ask(b"ping\n"))


def test_killed_client(server, root):
    before = quiet_count(server)
    program = ("import socket,sys,time\n"
               "s=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
               "s.sendall(b'ls good.pt\\n'*400)\nprint('x',flush=True)\n"
               "time.sleep(60)\n")
    for _ in range(10):
        p = subprocess.Popen([sys.executable, "-c", program, server.path],
                             stdout=subprocess.PIPE)
        p.stdout.read(1)
        p.kill()
        p.wait()
        p.stdout.close()
    check("killed client: nothing is left", settles(server, before, 30),
          (before, server.descriptors()))
    check("killed client: it lives", "version" in server.ask(b"ping\n"))


def test_end(directory, root):
    path = os.path.join(directory, "end.sock")
    server = Server(path, "--root", root)
    mode = os.stat(path).st_mode
    check("mode 0600", stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600,
          oct(mode))
    second = subprocess.run([CLI, "serve", "--socket", path, "--worker",
                             WORKER], capture_output=True, check=False)
    check("one server a socket", second.returncode == 75, second)
    check("and it stays", "version" in server.ask(b"ping\n"))
    idle = server.client()
    busy = server.client()
    busy.sendall(b"ls good.pt\n" * 20)
    time.sleep(0.01)
    check("SIGTERM: exit 0", server.stop() == 0)
    data = b""
    while piece := busy.recv(65536):
        data += piece
    check("SIGTERM: what came is answered", all(
        names(json.loads(line)) == ["w"] for line in data.splitlines()) and
          data.count(b"\n") >= 1, data[-200:])
    check("SIGTERM: an idle client is let go", idle.recv(1) == b"")
    check("SIGTERM: the socket is gone", not os.path.lexists(path))
    idle.close()
    busy.close()
    server = Server(path, "--root", root)
    server.process.kill()
    server.process.wait()
    check("killed: the socket is left", os.path.lexists(path))
    server = Server(path, "--root", root, "--parked", "0")
    check("and taken over", names(server.ask(b"ls good.pt\n")) == ["w"])
    os.unlink(path)
    with open(path, "w", encoding="ascii") as f:
        f.write("mine")
    server.stop()
    with open(path, encoding="ascii") as f:
        check("another's file is left", f.read() == "mine")
    r = subprocess.run([CLI, "serve", "--socket", path, "--worker", WORKER],
                       capture_output=True, check=False)
    check("no socket in its place", r.returncode == 2 and
          os.path.getsize(path) == 4 and path.encode() in r.stderr, r)
    nowhere = os.path.join(path + "-none", "s")
    r = subprocess.run([CLI, "serve", "--socket", nowhere, "--worker", WORKER],
                       capture_output=True, check=False)
    check("no directory for it", r.returncode == 2 and
          nowhere.encode() + b": No such file" in r.stderr, r)
    for arguments, code in ((["--socket", "x" * 200], 64), ([], 64),
                            (["--socket", path + "2", "file"], 64),
                            (["--socket", path + "2", "--parked", "65"], 64),
                            (["--socket", path + "2", "--root", "/none"], 2),
                            (["--socket", path + "2", "--socket", path + "3"],
                             64),
                            (["--socket", path + "2", "--worker",
                              "/bin/true"], 69)):
        worker = [] if "--worker" in arguments else ["--worker", WORKER]
        r = subprocess.run([CLI, "serve", *worker, *arguments],
                           capture_output=True, check=False)
        check(f"exit {code}: {arguments}", r.returncode == code and
              not os.path.lexists(path + "2"), r)


def test_end_stalled(directory, root):
    """An answer that nobody takes; SIGTERM waits for it no longer than ten
    seconds (test_not_taken has made the file)."""
    server = Server(os.path.join(directory, "stalled.sock"), "--root", root)
    with server.client() as s:
        s.sendall(b"ls large.safetensors\n")
        s.recv(1)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        said = server.process.stderr.read()
        check("stalled: SIGTERM ends it", server.stop() == 2 and
              time.monotonic() - started < 20 and
              b"did not end in 10 seconds" in said, said)
    check("stalled: the socket is gone", not os.path.lexists(server.path))


def root_names(directory, root):
    """A root is found by its real name, whatever it was called, and by the
    absolute name that it was given; it stays the directory that it was."""
    link = os.path.join(directory, "link")
    os.symlink("root", link)
    moved = os.path.join(directory, "moved")
    for name, called in (
            (os.path.relpath(root), ()), (root + "/./", (root + "/.",)),
            (root + "//deep/..", (root + "//deep/..",)), (link, (link,)),
            (link + "/", (link,)), (os.path.relpath(link), ())):
        server = Server(os.path.join(directory, "names.sock"), "--root", name)
        for prefix in (os.path.realpath(root), *called):
            r = server.ask(b"ls " + prefix.encode() + b"/good.pt\n")
            check(f"--root {name}: {prefix}", r["schema"] ==
                  "picklefork.report/1" and names(r) == ["w"], r)
        r = server.ask(b"ls good.pt\n")
        check(f"--root {name}: relative", names(r) == ["w"], r)
        for path in (root + "x/good.pt", link + "x/good.pt", root,
                     directory + "/outside/secret.pt"):
            r = server.ask(b"ls " + path.encode() + b"\n")
            check(f"--root {name}: not {path}", is_error(r, 1), r)
        os.rename(root, moved)
        os.mkdir(root)
        for path in (os.path.realpath(root) + "/good.pt", "good.pt"):
            r = server.ask(b"ls " + path.encode() + b"\n")
            check(f"--root {name}: replaced, {path}", names(r) == ["w"], r)
        os.rmdir(root)
        os.rename(moved, root)
        check(f"--root {name}: end", server.stop() == 0)
    os.remove(link)
    server = Server(os.path.join(directory, "all.sock"), "--root", "/")
    r = server.ask(b"ls " + os.path.realpath(root).encode() + b"/good.pt\n")
    check("all is beneath /", names(r) == ["w"], r)
    server.stop()


def test_roots(directory, root, outside):
    server = Server(os.path.join(directory, "roots.sock"),
                    "--root", root + "/", "--root", outside)
    r = server.ask(b"ls " + outside.encode() + b"//secret.pt\n")
    check("a second root", names(r) == ["w"], r)
    r = server.ask(b"ls " + root.encode() + b"/good.pt\n")
    check("the first root", names(r) == ["w"], r)
    r = server.ask(b"ls good.pt\n")
    check("relative to neither", is_error(r, 1) and
          "must be absolute" in r["text"], r)
    check("nor beneath one", "no root" in
          server.ask(b"ls /etc/passwd\n")["text"])
    server.stop()
    root_names(directory, root)
    server = Server(os.path.join(directory, "none.sock"))
    r = server.ask(b"ls " + root.encode() + b"/good.pt\n")
    check("no root, no path", is_error(r, 1) and "descriptor" in r["text"], r)
    with open(os.path.join(root, "good.pt"), "rb") as f:
        check("but a descriptor", names(server.ask(b"ls -\n", [f.fileno()]))
              == ["w"])
    server.stop()


def test_snapshot(directory, root):
    """What is copied into memory has a bound, and holes are none of it."""
    server = Server(os.path.join(directory, "snapshot.sock"), "--root", root,
                    "--snapshot")
    check("a snapshot", names(server.ask(b"ls good.pt\n")) == ["w"])
    fd = os.open(os.path.join(directory, "holes"), os.O_RDWR | os.O_CREAT)
    for size, code in ((1 << 30, "UNSUPPORTED"), ((16 << 30) + 1, "LIMIT")):
        os.ftruncate(fd, size)
        r = server.ask(b"scan -\n", [fd])
        check(f"a snapshot of holes: {code}", r["error"] is not None and
              code in r["error"]["code"], r)
    os.close(fd)
    server.stop()


def test_passed_memory(server):
    """A file in memory: holes would be filled by being read."""
    fd = os.memfd_create("holes", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 1 << 30)
    r = server.ask(b"scan -\n", [fd])
    check("passed: holes", is_error(r, 1) and "holes" in r["text"], r)
    check("passed: they stay", os.fstat(fd).st_blocks == 0)
    os.close(fd)
    fd = os.memfd_create("whole", os.MFD_ALLOW_SEALING)
    with open(os.path.join(os.path.dirname(server.path), "root/good.pt"),
              "rb") as f:
        os.write(fd, f.read())
    check("passed: all of it", names(server.ask(b"ls -\n", [fd])) == ["w"])
    os.close(fd)


def test_passed_fuse(server, directory):
    """A file system that never answers is not asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.path.join(directory, "fuse").encode()
    os.mkdir(place)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        device = -1
    if device < 0 or libc.mount(
            b"x", place, b"fuse", 0, b"fd=%d,rootmode=40000,user_id=0,"
            b"group_id=0" % device) != 0:
        print("  SKIPPED: FUSE, which may not be mounted here")
        return
    try:
        fd = os.open(place, os.O_PATH)
        r = server.ask(b"scan -\n", [fd])
        check("passed: FUSE", is_error(r, 1) and "FUSE" in r["text"], r)
        os.close(fd)
    finally:
        libc.umount2(place, 2)
        os.close(device)


def test_few_descriptors(directory, root):
    """Too few to accept: said once, and who connects waits until there are.
    Too few to begin: that is no missing jail."""
    server = Server(os.path.join(directory, "few.sock"), "--root", root)
    quiet_count(server)
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, 4096))
    with server.client() as waits:
        os.set_blocking(server.process.stderr.fileno(), False)
        time.sleep(1)
        text = server.process.stderr.read() or b""
        check("accept: told once", text.count(b"serve: accept: Too many open "
              b"files") == 1 and text.count(b"\n") == 1, text)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        waits.sendall(b"ping\n")
        check("accept: later", read_line(waits).startswith(b"{"))
    check("accept: the end", server.stop() == 0)
    for most in (8, 16, 20, 24):
        r = subprocess.run(
            [CLI, "serve", "--socket", os.path.join(directory, "no.sock"),
             "--worker", WORKER, "--root", os.path.join(directory, "gone")],
            capture_output=True, timeout=60, preexec_fn=lambda: (
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))))
        check(f"serve: {most} descriptors", r.returncode in (2, 70), r)


def nobody_group():
    return grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name


def test_other_user(directory, root):
    """Only where we are root can another user be played."""
    if os.getuid() != 0:
        print("  SKIPPED: another user, who only root can play")
        return
    nobody = pwd.getpwnam("nobody").pw_uid
    path = os.path.join(directory, "uid.sock")
    server = Server(path, "--root", root)
    # The socket's mode stops him; were it open, its owner's uid does.
    for open_it, want in ((False, "denied"), (True, "told")):
        if open_it:
            os.chmod(path, 0o666)
        pid = os.fork()
        if pid == 0:
            said = "?"
            try:
                os.setgroups([])
                os.setresgid(nobody, nobody, nobody)
                os.setresuid(nobody, nobody, nobody)
                s = socket.socket(socket.AF_UNIX)
                s.connect(path)
                said = "told" if is_error(json.loads(read_line(s)), 1) else "?"
            except PermissionError:
                said = "denied"
            os._exit(0 if said == want else 1)
        check(f"another user: {want}", os.waitpid(pid, 0)[1] == 0)
    server.stop()


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    with tempfile.TemporaryDirectory(prefix="pfork-serve-") as directory:
        os.chmod(directory, 0o755)
        root = os.path.join(directory, "root")
        outside = os.path.join(directory, "outside")
        os.mkdir(root)
        os.mkdir(outside)
        make_files(root, outside)
        server = Server(os.path.join(directory, "s.sock"), "--root", root)
        test_requests(server, root, outside)
        test_walls(server, root, outside)
        test_descriptors(server, root, outside)
        test_hostile(server)
        test_descriptor_flood(server, root)
        test_many(server)
        test_killed_client(server, root)
        test_crowd(server)
        test_slow(server)
        test_passed_memory(server)
        test_passed_fuse(server, directory)
        stuck.test_all(sys.modules[__name__], directory, root, server)
        check("the end", server.stop() == 0)
        test_end(directory, root)
        test_not_taken(directory, root)
        test_end_stalled(directory, root)
        test_roots(directory, root, outside)
        test_snapshot(directory, root)
        test_few_descriptors(directory, root)
        test_other_user(directory, root)
    print(f"server: {passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
