# SPDX-License-Identifier: Apache-2.0
"""Inputs that are not what they were: cut, grown, rewritten or replaced while
they are being loaded, or between the load and the read of the data; and inputs
that are no plain file.  An answer "done" must be the answer for the bytes of
one moment; anything else is an error.

The moment is made sure of by strace: the command is stopped at a system call,
the file is changed, and the command goes on."""
import os
import shutil
import signal
import socket
import tempfile
import time

import trial

# Where the command stands still.  Before Go the worker has not read a byte;
# after its end the broker holds tensors and has read no data.
MOMENTS = {"before Go": ("getpid", 1), "after the load": ("waitid", 1),
           "amid the data": ("copy_file_range", 1)}
# A parked worker is left to the keeper's thread, which is woken for it, and for
# the one that was taken: the first time, or Go, where none was there to take.
PARKED_MOMENTS = dict(MOMENTS, **{"after the load": ("sendto", 1)})
STOP_SECONDS = 5.0


def cut(path):
    os.truncate(path, 0)


def cut_half(path):
    os.truncate(path, os.stat(path).st_size // 2)


def cut_one(path):
    os.truncate(path, os.stat(path).st_size - 1)


def grow(path):
    with open(path, "ab") as f:
        f.write(b"\0" * 4096)


def rewrite(path):
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(0)
        f.write(bytes(255 - b for b in data))


def rewrite_data(path):
    """Another honest file of the same size: only a tensor differs."""
    with open(path, "r+b") as f:
        f.seek(os.stat(path).st_size // 2)
        f.write(b"\xaa" * 16)


def replace(path):
    """The old file lives on under its descriptor."""
    with open(path + ".new", "wb") as f:
        f.write(b"not a checkpoint")
    os.rename(path + ".new", path)


def unlink(path):
    os.unlink(path)


def nothing(_):
    pass


# What is done, and how it may end.  A name that goes to another file leaves
# the bytes alone but touches the file's times: either answer is right.
MEDDLINGS = ((cut, (2,)), (cut_half, (2,)), (cut_one, (2,)), (grow, (2,)),
             (rewrite, (2,)), (rewrite_data, (2,)), (replace, (0, 2)),
             (unlink, (0, 2)), (nothing, (0,)))


def at_stop(trace, path, meddle, wrong):
    """Waits until strace says that the command is stopped; then acts."""
    def act(process):
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if not os.path.exists(trace) or not stopped(trace):
                time.sleep(0.002)
                continue
            # A file's times are as coarse as a clock tick.
            time.sleep(0.012)
            meddle(path)
            name = "/proc/%d/task/%d/children" % (process.pid, process.pid)
            with open(name, encoding="ascii") as f:
                os.kill(int(f.read().split()[0]), signal.SIGCONT)
            return
        wrong("it was never stopped")
        process.kill()
    return act


def stopped(trace):
    with open(trace, encoding="utf-8", errors="replace") as f:
        return "--- stopped by SIGSTOP ---" in f.read()


def change_trial(place, wrong, verb, moment, meddle, codes):
    call, at = (PARKED_MOMENTS if place.parked else MOMENTS)[moment]
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    own = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    os.chmod(own, 0o755)
    sample = os.path.join(own, os.path.basename(place.sample))
    shutil.copy(place.sample, sample)
    trace = os.path.join(own, "trace")
    argv = ["strace", "-qq", "-o", trace, "-e", "trace=" + call, "-e",
            "inject=%s:signal=STOP:when=%d" % (call, at)]
    argv += place.command(verb, out, sample=sample)
    result = trial.run(argv, wrong, out,
                       meddle=at_stop(trace, sample, meddle,
                                       wrong))
    # The report names the file by its path.
    result = result._replace(out=result.out.replace(
        sample.encode(), place.sample.encode()))
    trial.judge(place, verb, result, wrong)
    if result.code not in codes:
        wrong("changed %s, and the exit is %d: %r" % (
            moment, result.code, result.err[-200:]))
    shutil.rmtree(own)
    shutil.rmtree(out)


def odd_trial(place, wrong, make, codes, text):
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    own = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    path = os.path.join(own, "odd")
    keep = make(path)
    for verb in ("ls", "scan", "convert"):
        argv = place.command(verb, out, sample=path)
        result = trial.run(argv, wrong, out)
        trial.judge(place, verb, result, wrong)
        if result.code not in codes:
            wrong("%s: exit %d, expected %s: %r" % (verb, result.code, codes,
                                                    result.err))
        if text.encode() not in result.err + result.out:
            wrong("%s: not a word of %r: %r" % (verb, text, result.err))
        if result.seconds > 2:
            wrong("%s took %.1f s" % (verb, result.seconds))
    del keep
    shutil.rmtree(own)
    shutil.rmtree(out)


def make_socket(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    return s


def make_sparse(path):
    """The largest file that this file system has; tmpfs takes 2^63 - 1."""
    size = 2**63 - 1
    if os.path.isdir("/dev/shm"):
        target = tempfile.NamedTemporaryFile(dir="/dev/shm")
        os.symlink(target.name, path)
    else:
        target = open(path, "wb")
    while True:
        try:
            os.truncate(target.name, size)
            return target
        except OSError:
            size //= 2


def make_large(path):
    """Within the limit on the input, and nothing but zeroes."""
    with open(path, "wb") as f:
        f.truncate(2**40)


def make_loop(path):
    os.symlink(path, path)


def make_empty(path):
    with open(path, "wb"):
        pass


def make_memory(path):
    os.symlink("/proc/self/mem", path)


ODD = (
    ("a FIFO without a writer", os.mkfifo, (2,), "pipe"),
    ("a directory", os.mkdir, (2, 3), ""),
    ("a socket", make_socket, (2,), ""),
    ("/dev/null", lambda p: os.symlink("/dev/null", p), (2,), "device"),
    ("/dev/zero", lambda p: os.symlink("/dev/zero", p), (2,), "device"),
    ("/dev/full", lambda p: os.symlink("/dev/full", p), (2,), "device"),
    ("/dev/tty", lambda p: os.symlink("/dev/tty", p), (2,), ""),
    ("a file of /proc, size 0", lambda p: os.symlink("/proc/self/maps", p),
     (2,), ""),
    ("/proc/self/mem", make_memory, (2,), ""),
    ("a sparse file of 8 EiB", make_sparse, (2,), ""),
    ("a sparse file of 1 TiB", make_large, (2,), ""),
    ("a link to itself", make_loop, (2,), ""),
    ("nothing", nothing, (2,), ""),
    ("an empty file", make_empty, (2,), "empty"),
)


def rows(place, skipped):
    made = []
    if shutil.which("strace") is not None:
        for verb in ("ls", "convert"):
            for moment in MOMENTS:
                if verb == "ls" and moment == "amid the data":
                    continue
                for meddle, codes in MEDDLINGS:
                    made.append(("input %s: %s %s" % (
                        verb, meddle.__name__, moment), change_trial,
                        (verb, moment, meddle, codes)))
    for index, (name, _, codes, text) in enumerate(ODD):
        made.append(("input is %s" % name, odd_by_index,
                     (index, codes, text)))
    return made


def odd_by_index(place, wrong, index, codes, text):
    """Lambdas cannot be sent to another process; a number can."""
    odd_trial(place, wrong, ODD[index][1], codes, text)
