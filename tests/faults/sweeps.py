# SPDX-License-Identifier: Apache-2.0
"""Every system call that goes wrong, in turn: an errno, a short count, or
SIGKILL at the N-th call, of the broker (the command) and of the worker.
strace injects.  The calls are those that a run without a fault was seen to
make, each at each of its occurrences, from the first that the program itself
makes (before that there is only the dynamic loader)."""
import collections
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import trial

# The first call of main(): it makes sure that 0, 1 and 2 are open.
MAIN = 'openat(AT_FDCWD, "/dev/null", O_RDONLY'
LINE = re.compile(r"^([a-z_0-9]+)\(")
ERRNOS = ("EINTR", "EAGAIN", "ENOMEM", "EMFILE", "EIO", "EPERM", "ENOSYS")
QUICK = ("EINTR", "ENOMEM", "EIO", "ENOSYS")
# Calls that write what they return, or give a count: a short one, and none.
COUNTS = ("read", "pread64", "recvfrom", "sendto", "write", "pwrite64",
          "copy_file_range", "sendfile", "getrandom", "writev", "readlink")
# What the kernel does not refuse, or libc makes for itself: the last goes on
# with a futex when a child has died meanwhile.
NEVER = ("exit_group", "execve", "exit", "brk", "futex", "restart_syscall")
# How often depends on who is faster.
VARYING = ("poll", "recvfrom", "timerfd_settime", "restart_syscall", "futex")
# The keeper's thread is woken, or was awake, and may leave a death to the load;
# and how many workers wait at the end, each looked at before it is let go.
VARYING_PARKED = VARYING + ("sendto", "waitid", "newfstatat", "close")
# The spawned child, before it is the worker.
SPAWN = (("dup2", 1), ("dup2", 2), ("close_range", 1), ("rt_sigprocmask", 1))


def strace(options, argv):
    return ["strace", "-qq", "-o", "/dev/null"] + options + argv


def calls_of(argv):
    """The system calls of a run, in order: [(name, occurrence, in main)]."""
    with tempfile.NamedTemporaryFile("r") as trace, \
            tempfile.TemporaryFile() as said:
        subprocess.run(["strace", "-qq", "-o", trace.name] + argv, check=True,
                       stdout=said, stderr=said, cwd="/")
        lines = trace.read().splitlines()
    seen = collections.Counter()
    calls, inside = [], False
    for line in lines:
        match = LINE.match(line)
        if match is None:
            continue
        inside = inside or line.startswith(MAIN)
        seen[match.group(1)] += 1
        calls.append((match.group(1), seen[match.group(1)], inside))
    if not inside:
        raise SystemExit("faults: main() was not seen in the trace")
    return calls


def is_swept(place, name, at, inside):
    """Data comes in as many pieces as it happens to."""
    return inside and not (place.shared and name in VARYING and at > 12)


def worker_script(place, directory, options):
    """A worker that is traced and stays the broker's child (strace -D)."""
    path = os.path.join(directory, "traced-worker")
    with open(path, "w", encoding="utf-8") as f:
        # What is lent begins at 2.
        f.write("#!/bin/sh\n[ -e /proc/self/fd/2 ] || exec 2>/dev/null\n"
                "exec strace -D -qq %s %s "
                '"$@"\n' % (" ".join(map(shlex.quote, options)),
                            shlex.quote(place.worker)))
    os.chmod(path, 0o755)
    return path


def worker_calls(place):
    """The worker's calls, of which the first is its execve."""
    with tempfile.TemporaryDirectory(dir=os.environ["TMPDIR"]) as out:
        trace = os.path.join(out, "trace")
        path = worker_script(place, out, ["-o", trace])
        subprocess.run(place.command("ls", out, worker=path), check=True,
                       stdout=subprocess.DEVNULL, cwd="/")
        with open(trace, encoding="utf-8", errors="replace") as f:
            names = [m.group(1) for m in map(LINE.match, f) if m]
    if "seccomp" not in names:
        raise SystemExit("faults: the worker was not traced: %r" % names[:9])
    return names


def errno_trial(place, wrong, verb, inject, same, follow=False):
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    options = (["-f"] if follow else []) + ["-e", "inject=" + inject]
    result = trial.run(strace(options, place.command(verb, out)), wrong, out)
    # An unlink that is refused leaves a file.
    stale = inject.startswith(("unlink:", "unlink,"))
    if inject.startswith("write:") and inject.endswith("+"):
        result = result._replace(err=b"(nor can it say so)")
    trial.judge(place, verb, result, wrong, same=same, stale=stale)
    shutil.rmtree(out)


def kill_broker_trial(place, wrong, verb, name, at):
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    inject = "inject=%s:signal=KILL:when=%d" % (name, at)
    result = trial.run(strace(["-e", inject], place.command(verb, out)),
                       wrong, out)
    varying = VARYING_PARKED if place.parked else VARYING
    if result.code != -9 and name not in varying:
        wrong("not killed, but exit %d" % result.code)
    trial.judge(place, verb, result, wrong, killed=True)
    shutil.rmtree(out)
    trial.next_load_works(place, wrong)


def worker_trial(place, wrong, verb, inject, killed):
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    with tempfile.TemporaryDirectory(dir=os.environ["TMPDIR"]) as own:
        path = worker_script(place, own, ["-o", "/dev/null", "-e",
                                          "inject=" + inject])
        result = trial.run(place.command(verb, out, worker=path), wrong, out)
    trial.judge(place, verb, result, wrong)
    # Not 0: it may be killed after its last word, but then only in its exit.
    # Nor one that has no job yet: the load gets another.  The first setns is
    # the holder's, without whom a worker does as well.
    spare = place.parked or (place.lent and inject.startswith("setns:") and
                             inject.endswith("when=1"))
    if killed and "exit_group" not in inject and \
            result.code not in ((0, 2, 69) if spare else (2, 69)):
        wrong("the worker was killed, and the exit is %d" % result.code)
    shutil.rmtree(out)
    if killed:
        trial.next_load_works(place, wrong)


def broker_errnos(place, long):
    rows = []
    for verb in ("ls", "convert"):
        out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
        calls = calls_of(place.command(verb, out))
        shutil.rmtree(out)
        for name, at, inside in calls:
            if not is_swept(place, name, at, inside) or name in NEVER:
                continue
            kinds = [("error=" + e, True)
                     for e in (ERRNOS if long else QUICK)]
            if name in COUNTS:
                # The call is not made: what it gave is not there, so "done"
                # may come with another answer.
                kinds += [("retval=0", False), ("retval=1", False)]
            for kind, same in kinds:
                whens = ["%d" % at]
                # No kernel makes these for ever.
                if long and same and kind not in ("error=EINTR",
                                                  "error=EAGAIN"):
                    whens.append("%d+" % at)
                for when in whens:
                    inject = "%s:%s:when=%s" % (name, kind, when)
                    rows.append(("errno %s %s" % (verb, inject), errno_trial,
                                 (verb, inject, same)))
    for name, at in SPAWN:
        for error in ERRNOS:
            inject = "%s:error=%s:when=%d" % (name, error, at)
            rows.append(("errno spawn %s" % inject, errno_trial,
                         ("ls", inject, True, True)))
    return rows


def broker_kills(place):
    rows = []
    for verb in ("ls", "convert"):
        out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
        calls = calls_of(place.command(verb, out))
        shutil.rmtree(out)
        # A signal at exit_group comes too late.
        for name, at, inside in calls:
            if is_swept(place, name, at, inside) and name != "exit_group":
                rows.append(("kill broker %s at %s %d" % (verb, name, at),
                             kill_broker_trial, (verb, name, at)))
    return rows


def worker_rows(place, long):
    """SIGKILL at each call of the worker, and each call of it refused."""
    rows = []
    names = worker_calls(place)
    seen = collections.Counter()
    for name in names:
        seen[name] += 1
        if name != "execve":    # strace's own
            rows.append(("kill worker at %s %d" % (name, seen[name]),
                         worker_trial, ("ls", "%s:signal=KILL:when=%d" % (
                             name, seen[name]), True)))
        if name in ("execve", "exit_group"):
            continue
        if name == "prctl" and 6 < seen[name] < names.count("prctl") - 14 \
                and not long:
            continue
        for error in ERRNOS if long else ("EINTR", "ENOMEM", "EPERM"):
            inject = "%s:error=%s:when=%d" % (name, error, seen[name])
            rows.append(("errno worker %s" % inject, worker_trial,
                         ("ls", inject, False)))
    return rows


def rows(place, long):
    found = broker_errnos(place, long) + broker_kills(place)
    # The calls of a worker are the same whatever its share.  And where one is
    # killed the others are ended at once: strace, when it is only about to
    # attach, then stays.
    return found if place.shared else found + worker_rows(place, long)
