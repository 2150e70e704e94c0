# SPDX-License-Identifier: Apache-2.0
"""Hosts that lack something: little of a resource, no /proc, no /dev, a file
system that is full or read-only, an outer seccomp filter as containers have.
The load works, or it is refused with an exit code that says so; the jail is
never lost in silence."""
import ctypes
import json
import os
import platform
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

import trial

KIB, MIB = 1 << 10, 1 << 20
# A load needs some 80 KiB of stack, of which one frame is 64.
LIMITS = (
    ("AS", [n * MIB for n in (2, 4, 8, 12, 16, 24, 32, 64, 128, 512, 1000,
                              1040, 1060, 1100, 1200, 2048, 8192)]),
    ("DATA", [n * MIB for n in (0, 1, 4, 16, 64)]),
    ("NOFILE", list(range(3, 24))),
    ("NPROC", [0, 1, 2]),
    ("FSIZE", [0, 1, 64, 1000, 4096, 65536]),
    ("STACK", [n * KIB for n in (100, 132, 200, 1024)]),
    ("CORE", [0]),
    ("MEMLOCK", [0]),
    ("SIGPENDING", [0]),
    ("CPU", [1]),
)
# seccomp(2) filters in the way: call, what it answers, what doctor must say.
# An answer of 0 is a lie: nothing was done.
NUMBERS = {"seccomp": 317, "unshare": 272, "landlock_create_ruleset": 444,
           "landlock_restrict_self": 446, "prctl": 157, "capset": 126,
           "prlimit64": 302, "close_range": 436, "clone3": 435,
           "pidfd_open": 434, "waitid": 247, "memfd_create": 319,
           "epoll_create1": 291, "timerfd_create": 283, "socketpair": 53,
           "getrandom": 318, "copy_file_range": 326, "renameat2": 316,
           "linkat": 265, "fsync": 74, "setsockopt": 54, "madvise": 28,
           "setns": 308, "mount": 165, "pivot_root": 155, "umount2": 166}
EPERM, ENOSYS = 1, 38
# With these refused there is no jail, so no load.
NEEDED = ("seccomp", "prctl", "capset", "prlimit64", "close_range")
# These are best effort, and doctor names what is lost.
NAMED = {"unshare": "user-ns", "landlock_create_ruleset": "landlock",
         "landlock_restrict_self": "landlock"}
SET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                   "fixtures", "dcp", "good-ranks")
LINKS_LOST = ("linkat", "renameat2", "fsync")


def outer_filter(call, answer, numbers=None):
    """A classic BPF program: this call answers -answer, or 0."""
    number = (numbers or NUMBERS)[call]

    def op(code, jt, jf, k):
        return struct.pack("<HBBI", code, jt, jf, k)
    program = op(0x20, 0, 0, 0) + op(0x15, 0, 1, number) + \
        op(0x06, 0, 0, 0x00050000 | answer) + op(0x06, 0, 0, 0x7fff0000)
    text = ctypes.create_string_buffer(program, len(program))
    fprog = ctypes.create_string_buffer(
        struct.pack("<HxxxxxxQ", 4, ctypes.addressof(text)), 16)
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        if libc.prctl(38, 1, 0, 0, 0) != 0 or \
                libc.prctl(22, 2, fprog, 0, 0) != 0:
            os._exit(97)
        return text
    return install


def limited(name, value, user):
    def apply():
        which = getattr(resource, "RLIMIT_" + name)
        resource.setrlimit(which, (value, value))
        if user and os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
    return apply


def new_out():
    out = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    os.chmod(out, 0o777)
    return out


def limit_trial(place, wrong, verb, name, value):
    before = limited(name, value, name == "NPROC")
    try:
        control = subprocess.run([place.cli, "--version"], check=False,
                                 stdin=subprocess.DEVNULL, preexec_fn=before,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
    except OSError:
        return                          # RLIMIT_NPROC refuses exec itself
    if control.returncode != 0:
        return                  # not even the dynamic loader can work there
    out = new_out()
    try:
        result = trial.run(place.command(verb, out), wrong, out,
                           before=before)
    except BlockingIOError:
        return                          # it counts the user's other trials
    # stderr is a file as well.
    if name == "FSIZE" and value < 200 and result.code in trial.DEFINED:
        result = result._replace(err=b"(no room)")
    trial.judge(place, verb, result, wrong)
    shutil.rmtree(out)


def filter_trial(place, wrong, verb, call, answer):
    out = new_out()
    before = outer_filter(call, answer)
    result = trial.run(place.command(verb, out), wrong, out, before=before)
    faked = answer == 0
    trial.judge(place, verb, result, wrong, same=not faked or call in NEEDED,
                stale=call == "linkat")
    if call in NEEDED and result.code != 69:
        # prctl: best effort calls may get lost too, but never the needed.
        wrong("no jail is to be had, and the exit is %d: %r" % (
            result.code, result.err[-200:]))
    if call in NAMED and result.code != 0:
        wrong("a best-effort layer is lost, and the exit is %d: %r" % (
            result.code, result.err[-200:]))
    shutil.rmtree(out)


def doctor_trial(place, wrong, call, layer):
    """What is lost is named; what is demanded and lost is refused."""
    out = new_out()
    before = outer_filter(call, EPERM)
    argv = [place.cli, "doctor", "--json", "--worker", place.worker]
    result = trial.run(argv, wrong, out, before=before)
    report = json.loads(result.out.decode("utf-8"))
    layers = {row["name"]: row for row in report.get("layers", [])}
    if call in NEEDED:
        if result.code != 69:
            wrong("doctor exits %d" % result.code)
    elif result.code != 0 or layers.get(layer, {}).get("in_force") is not \
            False:
        wrong("doctor exits %d and says %r" % (result.code,
                                               layers.get(layer)))
    demand = place.command("ls", out)
    demand[2:2] = ["--require-layer", layer]
    result = trial.run(demand, wrong, out, before=before)
    if result.code != 69:
        wrong("%s is demanded and lost: exit %d" % (layer, result.code))
    shutil.rmtree(out)


def set_trial(place, wrong, verb, answer):
    """Several files, where openat2 cannot be had: nothing but it would hold
    them in their directory, so nothing is opened."""
    out = new_out()
    place_of_set = new_out()
    argv = place.command(verb, out, os.path.join(place_of_set, "set"))
    numbers = {"openat2": 437}
    shutil.copytree(SET, os.path.join(place_of_set, "set"))
    os.chmod(os.path.join(place_of_set, "set"), 0o755)
    before = outer_filter("openat2", answer, numbers)
    result = trial.run(argv, wrong, out, before=before)
    want = (69, b"openat2 cannot be had") if answer == ENOSYS else \
        (2, b"cannot be opened")
    if result.code != want[0] or want[1] not in result.err:
        wrong("exit %d: %r" % (result.code, result.err[-200:]))
    if os.path.exists(os.path.join(out, "out.safetensors")):
        wrong("an output is there")
    shutil.rmtree(out)
    shutil.rmtree(place_of_set)


def mounter():
    """A command in a mount namespace of its own, as the user who calls."""
    if os.geteuid() == 0:
        return ["unshare", "-m"]
    return ["unshare", "-m", "--map-current-user", "--keep-caps"]


def mount_trial(place, wrong, verb, script, codes):
    out = new_out()
    argv = mounter() + ["sh", "-c", script + '; exec "$@"', "sh"]
    own = os.path.join(out, "to")
    os.mkdir(own)
    os.environ["PFORK_TO"] = own
    result = trial.run(argv + place.command(verb, own), wrong,
                       own)
    trial.judge(place, verb, result._replace(files=trial.look_at(own)),
                wrong)
    if result.code not in codes:
        wrong("exit %d, expected %s: %r" % (result.code, codes,
                                            result.err[-300:]))
    shutil.rmtree(out)


MOUNTS = (
    ("no /proc", "ls", "mount -t tmpfs none /proc", (69,)),
    ("no /proc", "convert", "mount -t tmpfs none /proc", (69,)),
    ("no /dev", "ls", "mount -t tmpfs none /dev", (0,)),
    ("read-only", "convert", 'mount --bind "$PFORK_TO" "$PFORK_TO" && '
     'mount -o remount,ro,bind "$PFORK_TO"', (2,)),
    ("full", "convert", 'mount -t tmpfs -o size=4k,nr_inodes=2 none '
     '"$PFORK_TO" && dd if=/dev/zero of="$PFORK_TO/fill" bs=4k count=1 '
     '2>/dev/null', (2,)),
    ("no inodes", "convert", 'mount -t tmpfs -o nr_inodes=1 none '
     '"$PFORK_TO"', (2,)),
)


def full_stdout_trial(place, wrong, verb):
    out = new_out()
    with open("/dev/full", "wb") as full:
        result = trial.run(place.command(verb, out), wrong, out, stdout=full)
    if result.code != 2 or b"standard output" not in result.err:
        wrong("stdout is full: exit %d, %r" % (result.code, result.err))
    shutil.rmtree(out)


def can_mount():
    argv = mounter() + ["mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def rows(place, long, skipped):
    made = []
    for name, values in LIMITS:
        for value in values:
            for verb in ("ls", "convert"):
                made.append(("limit %s RLIMIT_%s=%d" % (verb, name, value),
                             limit_trial, (verb, name, value)))
    made.append(("stdout is full", full_stdout_trial, ("ls",)))
    if sys.platform == "linux" and platform.machine() == "x86_64":
        for call in NUMBERS:
            for answer in (EPERM, ENOSYS):
                for verb in ("ls", "convert"):
                    made.append(("outer filter %s %s=%d" % (
                        verb, call, answer), filter_trial,
                        (verb, call, answer)))
        for answer in (EPERM, ENOSYS):
            for verb in ("ls", "convert"):
                made.append(("outer filter %s of a set openat2=%d" % (
                    verb, answer), set_trial, (verb, answer)))
        # A filter that says "done" and has done nothing.
        for verb in ("ls", "convert"):
            made.append(("outer filter %s seccomp=0" % verb, filter_trial,
                         (verb, "seccomp", 0)))
        for call, layer in list(NAMED.items()) + [("seccomp", "seccomp")]:
            made.append(("doctor without %s" % call, doctor_trial,
                         (call, layer)))
    else:
        skipped.append("outer filters: numbers are of x86-64 Linux")
    if can_mount():
        for name, verb, script, codes in MOUNTS:
            made.append(("mount %s: %s" % (verb, name), mount_trial,
                         (verb, script, codes)))
    else:
        skipped.append("mounts: no right to mount here")
    return made
