# SPDX-License-Identifier: Apache-2.0
"""One trial: the CLI run once with something going wrong, and what has to hold
whatever went wrong: an end within the deadline, an exit code that is defined,
no process left (this process is the subreaper, so that every orphan comes to
it), no file left, and where it says "done", the same bytes as without the
fault.  Python 3.9 and its standard library only."""
import collections
import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
# The load's own deadline; a trial may take that and a margin.
WALL_MS = 6000
DEADLINE = 15.0
# After the command has ended, its worker must be gone.
ORPHAN_SECONDS = 3.0
# done, refused, undecided, nothing to do, usage, no jail, internal, busy
DEFINED = (0, 1, 2, 3, 64, 69, 70, 75)

Result = collections.namedtuple("Result", "code out err files seconds")


class Place:
    """The programs, the input, and what they say when nothing is wrong."""

    def __init__(self, cli, worker, sample):
        self.cli, self.worker, self.sample = cli, worker, sample
        self.good = {}
        self.parked = False     # the command of parked_cli.c
        self.lent = False       # the command of lent_cli.c
        self.shared = False     # several workers inflate the input

    def command(self, verb, out, sample=None, worker=None):
        argv = [self.cli, verb, "--worker", worker or self.worker,
                "--limit", "wall_ms=%d" % WALL_MS]
        if verb == "ls":
            argv += ["--json", "--digest"]
        if verb == "convert":
            argv += ["-o", os.path.join(out, "out.safetensors")]
        return argv + [sample or self.sample]


def become_reaper():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def children():
    path = "/proc/self/task/%d/children" % os.getpid()
    with open(path, encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def reap_all(wrong):
    """Waits for whatever came to us; what does not end is an orphan."""
    until = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid != 0:
            continue
        if time.monotonic() > until:
            break
        time.sleep(0.001)
    for pid in children():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                what = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            what = "?"
        wrong("process %d is left: %s" % (pid, what))
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except OSError:
            pass


def answer(out):
    """A report without what differs from run to run."""
    try:
        report = json.loads(out.decode("utf-8"))
    except ValueError:
        return out
    report.pop("worker", None)
    return report


def look_at(directory):
    """{name: digest} of what stands in the directory of the output."""
    found = {}
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), "rb") as f:
            found[name] = hashlib.sha256(f.read()).hexdigest()
    return found


def run(argv, wrong, out, meddle=None, before=None, stdout=None):
    """Runs argv with output directory `out`; meddle(process) may act on it
    while it runs, before() runs in the child before exec."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                   stdout=stdout or said, stderr=err,
                                   preexec_fn=before, cwd="/")
        if meddle is not None:
            meddle(process)
        try:
            code = process.wait(max(0.1, started + DEADLINE
                                    - time.monotonic()))
        except subprocess.TimeoutExpired:
            wrong("no end within %g s" % DEADLINE)
            process.kill()
            code = process.wait()
        reap_all(wrong)
        said.seek(0)
        err.seek(0)
        return Result(code, said.read(), err.read(), look_at(out),
                      time.monotonic() - started)


def judge(place, verb, result, wrong, same=True, killed=False, stale=False):
    """What must hold after any trial.  same: 0 means the good answer too;
    killed: SIGKILL of the command itself is no crash."""
    code = result.code
    if killed and code == -signal.SIGKILL:
        pass
    elif code not in DEFINED:
        wrong("ended with %d: %r" % (code, result.err[-300:]))
    elif code != 0 and not result.err and verb != "scan" and \
            b'"code":"PFORK_E_' not in result.out:
        wrong("exit %d and not a word" % code)
    if verb == "convert":
        good = place.good[verb].files
        if code == 0 and same and result.files != good:
            wrong("exit 0, but the output is %r" % result.files)
        # It is whole or it is not there, whatever the exit code.
        for name, digest in result.files.items():
            if name == "out.safetensors" and same and \
                    digest != good[name]:
                wrong("exit %d, and an output that is not whole" % code)
            elif name != "out.safetensors" and not stale:
                wrong("left behind: %s" % name)
    elif verb == "ls" and code == 0 and same and \
            answer(result.out) != answer(place.good[verb].out):
        wrong("exit 0, but the report differs: %r" % result.out[:300])


def next_load_works(place, wrong):
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    result = run(place.command("ls", out), wrong, out)
    shutil.rmtree(out)
    if result.code != 0 or \
            answer(result.out) != answer(place.good["ls"].out):
        wrong("the next load fails: %d %r" % (result.code,
                                              result.err[-300:]))


def learn(place):
    """The good answers, and that they are the same twice."""
    for verb in ("ls", "convert"):
        seen = []
        for _ in range(2):
            out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])

            def wrong(text):
                raise SystemExit("faults: without a fault: " + text)

            seen.append(run(place.command(verb, out), wrong, out))
            shutil.rmtree(out)
        first, second = seen
        if first.code != 0 or first.files != second.files or \
                answer(first.out) != answer(second.out):
            raise SystemExit("faults: %s without a fault: %r" % (verb, seen))
        place.good[verb] = first
