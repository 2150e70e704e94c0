#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command as a user meets it: exit codes, screens, output files, pipes,
terminals, signals.  Argument: the picklefork to test.  Python's standard library
alone; the files are written here by the generators of tests/gen."""
import gzip
import hashlib
import json
import os
import pickle
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gen"))
import gen_onnx as onnx  # noqa: E402
from pickle_asm import (BINGET, BINPUT, LIST, MARK, POP, call,  # noqa: E402
                        pickled, torch_pickle, torch_tensor)
from zip_writer import torch_zip  # noqa: E402

CLI = os.path.abspath(sys.argv[1])
ENV = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"}
DATA = struct.pack("<6f", 1, 2, 3, 4, 5, 42.5)
UMASK = os.umask(0o027)
os.umask(UMASK)
passed = failed = 0


def check(name, truth, seen=""):
    global passed, failed
    if truth:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}: {seen!r}")


def run(*args, **more):
    return subprocess.run([CLI, *args], capture_output=True, env=ENV,
                          timeout=60, **more)


def expect(args, code, out=None, err=None, name=None):
    """out and err: a regular expression that must be found; "" for nothing."""
    r = run(*args)
    name = name or " ".join(map(str, args))
    check(f"{name}: exit", r.returncode == code,
          (r.returncode, r.stdout[:300], r.stderr[:300]))
    for what, want, got in (("out", out, r.stdout), ("err", err, r.stderr)):
        got = got.decode("utf-8", "surrogateescape")
        if want == "":
            check(f"{name}: no std{what}", got == "", got)
        elif want is not None:
            check(f"{name}: std{what}", re.search(want, got), got)
    return r


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)


def make_files():
    write("good.pt", torch_zip(torch_pickle(
        {"w": torch_tensor(), "wt": torch_tensor(size=(3, 2), stride=(1, 3))}),
        {"0": DATA}))
    write("evil.pt", torch_zip(torch_pickle(
        {"w": torch_tensor(), "x": call("os", "system")}), {"0": DATA}))
    write("names.pt", torch_zip(torch_pickle(
        {"a\x1b[31m\u202eb": torch_tensor()}), {"0": DATA}))
    write("bf16.pt", torch_zip(torch_pickle(
        {"b": torch_tensor(dtype_storage="BFloat16Storage", numel=6)}),
        {"0": DATA[:12]}))
    write("c128.pt", torch_zip(torch_pickle(
        {"c": torch_tensor(dtype_storage="ComplexDoubleStorage", numel=1,
                           size=(1,)), "w": torch_tensor(key="1")}),
        {"0": DATA[:16], "1": DATA}))
    write("evil.pkl", pickled(call("os", "system")))
    write("evil.safetensors", pickled(call("os", "system")))
    write("zip.npy", open("good.pt", "rb").read())
    write("cut.pt", open("good.pt", "rb").read()[:300])
    write("text.txt", b"nothing to see here\n" * 9)
    write("-dash.pt", open("good.pt", "rb").read())
    write(b"bad\xff.pt", open("good.pt", "rb").read())
    os.makedirs("tree/sub")
    write("tree/a.pt", open("good.pt", "rb").read())
    write("tree/sub/readme.txt", b"nothing to see here\n" * 9)
    write("tree/sub/empty", b"")
    os.mkfifo("tree/sub/fifo")
    os.symlink(os.path.abspath("evil.pt"), "tree/link.pt")
    os.mkdir("unread")
    write("unread/a.pkl.gz", b"\x1f\x8b\x08\0")
    os.mkdir("hidden")
    write("hidden/a", b"\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.")
    os.makedirs("none")


def usage():
    expect([], 64, "", "usage:")
    expect(["--version"], 0, r"^picklefork \d+\.\d+\.\d+\n$", "")
    expect(["--help"], 0, "usage:", "")
    expect(["help"], 0, "usage:", "")
    for verb in ("ls", "convert", "extract", "scan", "doctor", "help"):
        expect([verb, "--help"], 0, f"usage: picklefork {verb}", "")
        expect(["help", verb], 0, f"usage: picklefork {verb}", "")
        expect([verb, "--bogus"], 64, "", f"picklefork {verb} --help")
    screens()
    expect(["nonsense"], 64, "", "picklefork help")
    expect(["\x1b[31m"], 64, "", r"\\x1b\[31m")
    for args in (["ls"], ["ls", "a", "b"], ["convert", "good.pt"],
                 ["extract", "good.pt", "-o", "x"], ["scan"],
                 ["doctor", "x"], ["scan", "--digest", "good.pt"],
                 ["scan", "--scalars", "good.pt"],
                 ["ls", "--limit", "tensors=1T", "good.pt"]):
        expect(args, 64, "", "picklefork: ")
    for args, says in ((["-o", "x"], "no file"), (["a"], "no output"),
                       (["a", "b", "-o", "x"], "several files need --out-dir"),
                       (["a", "-o", "x", "-j", "2"], "--jobs needs --out-dir"),
                       (["a", "-o", "x", "--out-dir", "."], "not both"),
                       (["good.pt", "-o", ""], "empty name"),
                       (["", "-o", "x"], "empty name")):
        expect(["convert", *args], 64, "", says)
    for args in (["ls", ""], ["scan", "good.pt", ""],
                 ["extract", "", "w", "-o", "x"],
                 ["extract", "good.pt", "w", "-o", ""]):
        expect(args, 64, "", "empty name")
    expect(["extract", "good.pt", "", "-o", "x"], 3, "", "named ''")
    twice()


def screens():
    """Every help screen fits into 80 columns, and its columns stand."""
    verbs = ("ls", "convert", "extract", "scan", "serve", "doctor", "help")
    for args in ([], *([v] for v in verbs)):
        text = run(*args, "--help").stdout.decode()
        wide = [x for x in text.splitlines() if len(x) > 79]
        check(f"{args} --help in 80 columns", text and not wide, wide)
        for line in text.partition("Options:\n")[2].splitlines():
            check(f"{args} --help: a column", re.match(
                r"  (-\w,|   ) --\S+( \S+)? +$| {29}$", line[:29]) and
                line[29] != " ", line)
    text = run("--help").stdout.decode()
    rows = re.split(r"\n(?=  \w)", text.split("\n\n")[2])
    check("a row a verb", [x.split()[0] for x in rows] == list(verbs), rows)
    for row in rows:
        lines = row.splitlines()
        full = lines[0] if len(lines[0]) > 36 and lines[0][35] == " " \
            else lines[1]
        check("the summary's column", full[35] == " " and full[36] != " " and
              lines[0][2] != " ", row)


def twice():
    """An option with a value is given once, or is a list by its nature."""
    for args, name in (
            (["convert", "good.pt", "-o", "a", "-o", "b"], "-o"),
            (["convert", "good.pt", "-oa", "--output=b"], "--output"),
            (["scan", "-j2", "--jobs", "3", "good.pt"], "--jobs"),
            (["ls", "--refuse-at=never", "--refuse-at=unusual", "good.pt"],
             "--refuse-at"),
            (["ls", "--limit", "wall_ms=9M", "--limit", "wall-ms=8M",
              "good.pt"], "--limit wall_ms"),
            (["serve", "--socket", "a", "--socket", "b"], "--socket"),
            (["doctor", "--worker", "a", "--worker", "b"], "--worker")):
        expect(args, 64, "", f"^picklefork: {name} is given twice\n$")
    check("nothing was written", not os.path.exists("a") and
          not os.path.exists("b"))
    expect(["ls", "-qq", "--limit", "wall_ms=9M", "--limit", "nodes=9M",
            "--require-layer", "seccomp", "--require-layer=rlimits",
            "good.pt"], 0, None, "")


def limits():
    """An error about a limit says how to raise it, by its real name, and what
    it is; the library's words, which --json gives, have no option in them."""
    for name, now in (("tensors=1", "1"), ("nodes=2", "2"),
                      ("input_bytes=300", "300"),
                      ("names-bytes=1", "1"), ("contiguous_bytes=8", "8")):
        advice = "; raise it with --limit %s=N \\(now %s\\)\n" % (
            name.split("=")[0].replace("-", "_"), now)
        args = ["--limit", name, "good.pt"]
        code = r"PFORK_E_LIMIT( at byte \d+)?\)"
        expect(["ls", *args], 2, "", code + advice + "$")
        expect(["convert", *args, "-o", "over.st"], 2, "", code + advice)
        expect(["convert", *args, "--out-dir", "."], 2, "", code + advice)
        expect(["extract", *args, "w", "-o", "over.npy"], 2, "", code + advice)
        expect(["scan", *args], 2, code + advice)
        for verb in ("ls", "scan"):
            j = json.loads(run(verb, "--json", *args).stdout)
            check("the library's words", j["error"] is not None and
                  j["error"]["code"] == "PFORK_E_LIMIT" and
                  "--" not in j["error"]["text"], j)
    write("long.pkl", b"\x80\x02](" + b"N" * 1000000 + b"e.")
    expect(["ls", "--limit", "arena_bytes=1M", "long.pkl"], 2, "",
           "; raise it with --limit arena_bytes=N \\(now 1M\\)\n$")
    r = expect(["ls", "--limit", "nothing=1", "good.pt"], 64, "", "names are")
    names = re.findall(r"[a-z]+_?[a-z]+",
                       r.stderr.decode().split("names are")[1])
    # The defaults that the advice tells are those of the library.
    def source(*path):
        with open(os.path.join(HERE, "..", "..", *path), encoding="utf-8") as f:
            return f.read()
    units = {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
    real = {n: eval(v, units) for n, v in re.findall(
        r"\tX\((\w+), ([^,]+), [^)]+\)", source("proto", "limits.h"))}
    told = dict(re.findall(r'LIMIT\((\w+), "(.*)"\)',
                           source("broker", "cli", "options_limit.c")))
    check("every limit", names == list(real) == list(told), (real, told))
    check("contiguous_bytes", real.pop("contiguous_bytes") == 0 and
          told.pop("contiguous_bytes").startswith("8 times"))
    for name, value in told.items():
        number = int(value.rstrip("MGT")) * 2**{"M": 20, "G": 30, "T": 40}.get(
            value[-1], 0)
        check(f"default of {name}", number == real[name], value)


def ls():
    expect(["ls", "good.pt"], 0,
           r"^F32    \[2, 3\]        24 B  w\nF32    \[3, 2\]        24 B  wt\n$",
           r"^torch-zip: 2 tensors, 48 B; clean\n$")
    expect(["ls", "-q", "evil.pt"], 0, " w\n$", "")
    expect(["ls", "evil.pt"], 0, " w\n$", r"dangerous call: .*system")
    expect(["ls", "--refuse-at", "dangerous", "evil.pt"], 1, "", "REFUSED")
    expect(["ls", "--", "-dash.pt"], 0, " w\n")
    header = json.dumps({"a": {"dtype": "F32", "shape": [6],
                               "data_offsets": [0, 24]}}).encode()
    write("tail.safetensors", struct.pack("<Q", len(header)) + header + DATA
          + b"x")
    expect(["ls", "tail.safetensors"], 2, "", "which only --lenient")
    for verb in ("ls", "scan"):
        expect([verb, "tail.safetensors"], 2)
        expect([verb, "--lenient", "tail.safetensors"], 0)
    expect(["convert", "tail.safetensors", "-o", "tail2.safetensors"], 2)
    expect(["convert", "--lenient", "tail.safetensors", "-o",
            "tail2.safetensors"], 0, "", "unusual record: safetensors: bytes")
    expect(["ls", "tail2.safetensors"], 0, " a\n$")
    expect(["ls", "zip.npy"], 0, " w\n",
           "note: by its name it is npy, by its content torch-zip")
    expect(["scan", "evil.safetensors"], 1,
           "note: by its name it is safetensors, by its content pickle")
    for name, says in (("zip.npy", "npy"), ("good.pt", None)):
        j = json.loads(expect(["ls", "--json", name], 0).stdout)
        check("json name_says", j["name_says"] == says, j["name_says"])
    expect(["ls", "cut.pt"], 2, "", "PFORK_E_FORMAT")
    expect(["ls", "text.txt"], 2, "", "PFORK_E_UNSUPPORTED")
    write("good.pt.gz", gzip.compress(open("good.pt", "rb").read()))
    expect(["ls", "good.pt.gz"], 2, "", "gz: gzip around a zip archive: "
           r"unpack it first \(only packed pickles are read\)")
    packed()
    expect(["ls", "nowhere.pt"], 2, "", "No such file")
    expect(["ls", "none"], 3, "", "no regular files")
    expect(["ls", "tree"], 0, r"^tree/a\.pt:\nF32 .* w\n",
           r"(?m)^tree/a\.pt: torch-zip: 2 tensors.*\n"
           "picklefork: 2 files are no checkpoints; 2 others not looked at: "
           "symbolic links or no regular files \\(--root DIR, or name them\\)\n$")
    expect(["ls", "-q", "tree"], 0, r"^tree/a\.pt:\nF32 .* w\n", "")
    expect(["ls", "tree/sub"], 3, "", "2 files are no checkpoints")
    expect(["ls", "tree/sub/fifo"], 2, "", "pipe")
    expect(["ls", "--limit", "tensors=1", "good.pt"], 2, "", "PFORK_E_LIMIT")
    expect(["ls", "--worker", "/nowhere", "good.pt"], 69, "", "SANDBOX")
    expect(["ls", "names.pt"], 0, r"  a\\x1b\[31m\\u\{202e\}b\n$")
    expect(["ls", "--digest", "good.pt"], 0, r"  [0-9a-f]{64}  w\n")
    j = json.loads(expect(["ls", "--json", "--digest", "good.pt"], 0).stdout)
    check("json keys", list(j) == ["schema", "file", "format", "name_says",
          "tensors", "aliases", "notes", "notes_dropped", "verdict", "error", "worker"],
          list(j))
    check("json schema", j["schema"] == "picklefork.report/1")
    t = j["tensors"][1]
    check("json tensor", (t["name"], t["path"], t["dtype"], t["shape"],
          t["strides"], t["nbytes"], t["storage"], t["offset"]) ==
          ("wt", ["wt"], "F32", [3, 2], [1, 3], 24, 0, 0), t)
    import hashlib
    turned = b"".join(DATA[4 * i:4 * i + 4] for i in (0, 3, 1, 4, 2, 5))
    check("json digest", t["sha256"] == hashlib.sha256(turned).hexdigest())
    check("json worker", "seccomp" in j["worker"]["layers"] and
          j["worker"]["exit"] == 0, j["worker"])
    j = json.loads(expect(["ls", "--json", "cut.pt"], 2).stdout)
    check("json error", j["error"]["code"] == "PFORK_E_FORMAT" and
          j["verdict"] == "undecided" and j["tensors"] == [], j)
    j = json.loads(expect(["ls", "--json", "nowhere.pt"], 2).stdout)
    check("json no file", j["error"]["code"] == "PFORK_E_SYSTEM" and
          j["worker"] is None, j)
    j = json.loads(expect(["ls", "--json", b"bad\xff.pt"], 0, name="bad name")
                   .stdout)
    check("json bad name", j["file"] == "bad\ufffd.pt" and
          j["file_hex"] == b"bad\xff.pt".hex(), j["file"])
    stream = run("ls", "--json", "--digest", "--delivery", "stream", "good.pt")
    both = [[x["sha256"] for x in json.loads(s)["tensors"]] for s in
            (stream.stdout, run("ls", "--json", "--digest", "good.pt").stdout)]
    check("both deliveries agree", both[0] == both[1], both)


def packed():
    """What is packed and no pickle is called by how, not joblib's."""
    import bz2
    import lzma
    import zlib
    good = open("good.pt", "rb").read()
    npy = b"\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, " \
        b"'shape': (1,), }"
    npy = npy.ljust(127) + b"\n" + bytes(4)
    pickled_list = pickle.dumps([1, 2], 2)
    fixture = os.path.join(HERE, "..", "fixtures", "joblib",
                           "good-joblib-xz.joblib")
    j = json.loads(run("ls", "--json", fixture).stdout)
    check("joblib's own", j["format"] == "joblib" and not j["error"], j)
    for name, pack in (("gzip", gzip.compress), ("zlib", zlib.compress),
                       ("bzip2", bz2.compress), ("xz", lzma.compress),
                       ("lzma", lambda x: lzma.compress(
                           x, format=lzma.FORMAT_ALONE))):
        for inside, says, form in (
                (good, f"{name} around a zip archive: unpack", name),
                (npy, f"{name} around npy: unpack", name),
                (b"just a text\n" * 90, "inside is no pickle", name),
                (bytes(300), "inside is no pickle", name),
                (b"\x80\2q", "", None), (pickled_list, None, "joblib")):
            write("packed", pack(inside))
            j = json.loads(run("ls", "--json", "packed").stdout)
            text = (j["error"] or {}).get("text")
            check(f"{name}: {inside[:9]!r}", form in (None, j["format"]) and
                  (says in text if says is not None else text is None),
                  (j["format"], text))
        write("packed", pack(good)[:-9])
        j = json.loads(run("ls", "--json", "packed").stdout)
        check(f"{name}: damaged", j["format"] == name and
              j["error"]["code"] in ("PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"),
              (j["format"], j["error"]))


def scan():
    expect(["scan", "good.pt"], 0, r"^clean      good\.pt  \(torch-zip\)\n$", "")
    expect(["scan", "evil.pkl"], 1, r"^dangerous  evil\.pkl  \(pickle\)\n")
    expect(["scan", "cut.pt"], 2, "^undecided  cut.pt")
    expect(["scan", "text.txt"], 2, "^undecided  text.txt")
    expect(["scan", "cut.pt", "evil.pkl", "good.pt"], 1,
           "(?s)^undecided.*\ndangerous.*\nclean", "3 files")
    expect(["scan", "tree"], 0, r"^clean      tree/a\.pt  \(torch-zip\)\n$",
           r"^1 file: 1 clean, .*; 2 no checkpoints; "
           r"2 others not looked at: symbolic links or no regular files "
           r"\(--root DIR, or name them\)\n$")
    j = json.loads(expect(["scan", "--json", "tree"], 0).stdout)
    check("not looked at", j["summary"]["not_looked_at"] == 2, j["summary"])
    os.mkdir("only_links")
    os.symlink(os.path.abspath("evil.pt"), "only_links/a.pt")
    # What is passed over is the reason why nothing was done: told with -q too.
    others = r"1 other not looked at: symbolic links or no regular files " \
        r"\(--root DIR, or name them\)\n"
    nothing = "picklefork: no regular files there"
    for args in (["scan"], ["convert", "--out-dir", "."]):
        expect([*args, "only_links"], 3, "", others + nothing + "\n$")
        expect([*args, "-q", "only_links"], 3, "",
               "^" + nothing + "; " + others + "$")
    for more in ([], ["-q"], ["--json"]):
        expect(["ls", *more, "only_links"], 3, "",
               "^" + nothing + "; " + others + "$")
    expect(["convert", "-q", "none", "--out-dir", "."], 3, "",
           "^" + nothing + "\n$")
    os.mkdir("hundreds")
    for i in range(300):
        os.link("good.pt", f"hundreds/{i:0100}.pt")
    r = subprocess.run(f"'{CLI}' scan -j 1 hundreds > /dev/full", shell=True,
                       capture_output=True, env=ENV, timeout=60)
    check("stopped", re.search(rb"(?m)^stopped after \d+ of 300 files: ",
                               r.stderr), r.stderr)
    shutil.rmtree("hundreds")
    expect(["scan", "none"], 3, "", "no regular files")
    unread()
    expect(["scan", "tree/sub"], 3, "", "no checkpoint")
    expect(["scan", "unread", "good.pt"], 2,
           r"^undecided  unread/a\.pkl\.gz  \(gzip\)\n", "1 undecided\n$")
    expect(["scan", "hidden"], 1, r"^dangerous  hidden/a  \(pickle\)\n")
    expect(["scan", "tree/link.pt"], 1, "^dangerous")
    expect(["scan", "nowhere.pt"], 2, "^undecided  nowhere.pt")
    r = expect(["scan", "--jsonl", "-j3", "tree", "good.pt", "evil.pkl"], 1)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    check("jsonl", sorted(x["file"] for x in rows) ==
          ["evil.pkl", "good.pt", "tree/a.pt"], rows)
    j = json.loads(expect(["scan", "--json", "tree", "evil.pkl"], 1).stdout)
    check("scan json", j["schema"] == "picklefork.scan/1" and
          len(j["reports"]) == 2 and j["summary"]["dangerous"] == 1, j)
    j = json.loads(expect(["scan", "--json", "none"], 3).stdout)
    check("scan json of nothing", j["reports"] == [], j)
    j = json.loads(expect(["scan", "--json", "good.pt"], 0).stdout)
    check("scan json of one", j["schema"] == "picklefork.report/1", j)


def unread():
    """Directories that are not entered are counted, each once."""
    os.makedirs("half/shut")
    os.makedirs("half/listed")
    shutil.copy("good.pt", "half/a.pt")
    for name in "ab":
        shutil.copy("good.pt", f"half/listed/{name}.pt")
    os.chmod("half/shut", 0)
    os.chmod("half/listed", 0o444)
    # Root may enter all of them.
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    os.chmod(".", 0o755)
    for verb in ("ls", "scan"):
        r = run(verb, "half/shut", **nobody)
        check(f"{verb} shut", r.returncode == 2 and r.stdout == b"" and
              b"half/shut: Permission denied" in r.stderr, r)
        check(f"{verb} shut: no more is said",
              b"no regular files" not in r.stderr, r.stderr)
    r = run("scan", "half", **nobody)
    check("scan half", r.returncode == 2 and r.stderr.endswith(
        b"1 file: 1 clean, 0 unusual, 0 dangerous, 0 undecided; "
        b"2 directories not read\n"), r)
    r = run("scan", "half/shut", **nobody)
    check("scan shut", r.stderr.endswith(b"; 1 directory not read\n"), r)
    want = {"clean": 1, "unusual": 0, "dangerous": 0, "undecided": 0,
            "refused": 0, "not_checkpoints": 0, "not_looked_at": 0,
            "unreadable_directories": 2}
    r = run("scan", "--json", "half", **nobody)
    j = json.loads(r.stdout)
    check("scan --json half", r.returncode == 2 and j["summary"] == want and
          len(j["reports"]) == 1, j)
    r = run("scan", "--jsonl", "half", **nobody)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    check("scan --jsonl half", len(rows) == 2 and "file" in rows[0] and
          rows[1] == {"schema": "picklefork.scan/1", "summary": want}, rows)
    os.chmod("half/shut", 0o700)
    os.chmod("half/listed", 0o700)
    r = run("scan", "--jsonl", "half")
    check("scan --jsonl of all", r.returncode == 0 and
          len(r.stdout.splitlines()) == 3, r)
    shutil.rmtree("half")


def ahead():
    """Many files are read by workers that were started ahead, where there is
    an idle processor to start them; few are not.  They say the same."""
    def parked(count, mine, jobs=1):
        r = run("scan", "--jsonl", "-j", str(jobs),
                *["crowd/%d.pt" % i for i in range(count)],
                preexec_fn=lambda: os.sched_setaffinity(0, mine))
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        check(f"scan of {count}: exit", r.returncode == 1, r.stderr)
        check(f"scan of {count}: each is told",
              sorted(x["file"] for x in rows) ==
              sorted("crowd/%d.pt" % i for i in range(count)))
        for x in rows:
            evil = x["file"] == "crowd/3.pt"
            check("verdict", x["verdict"] ==
                  ("dangerous" if evil else "clean"), x)
            check("exit", x["worker"]["exit"] in
                  ((0, -1) if count > 8 else (0,)), x["worker"])
        return sum(x["worker"]["parked"] for x in rows)
    mine = os.sched_getaffinity(0)
    os.mkdir("crowd")
    for i in range(100):
        shutil.copy("evil.pkl" if i == 3 else "good.pt", "crowd/%d.pt" % i)
    if len(mine) > 1:
        check("many are parked", parked(100, mine) > 0)
    check("few are not", parked(8, mine) == 0)
    check("nor with all at work", parked(100, mine, len(mine)) == 0)
    check("nor on one processor", parked(100, {min(mine)}) == 0)
    r = run("ls", "-q", "crowd")
    check("ls: exit", r.returncode == 0, r.stderr)
    check("ls: each under its name",
          sorted(re.findall(r"(?m)^crowd/(\d+)\.pt:$", r.stdout.decode())) ==
          sorted(map(str, range(100))), r.stdout[-300:])
    os.mkdir("outs")
    r = run("convert", "crowd", "--out-dir", "outs")
    check("convert: exit", r.returncode == 1, r.stderr)
    check("convert: all but one", len(os.listdir("outs")) == 99)
    shutil.rmtree("outs")
    shutil.rmtree("crowd")


def read_safetensors(data):
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + n]), data[8 + n:]


def convert():
    expect(["convert", "good.pt", "-o", "g.st"], 0, "", "2 tensors")
    head, body = read_safetensors(open("g.st", "rb").read())
    check("safetensors", head["w"]["data_offsets"] == [0, 24] and
          body[:24] == DATA and len(body) == 48, head)
    first = open("g.st", "rb").read()
    expect(["convert", "good.pt", "-o", "g.st"], 2, "", "--force")
    expect(["convert", "-f", "good.pt", "-o", "g.st"], 0)
    check("deterministic", open("g.st", "rb").read() == first)
    r = expect(["convert", "good.pt", "-o", "-"], 0)
    check("to a pipe", r.stdout == first)
    expect(["convert", "evil.pt", "-o", "e.st"], 1, "", "REFUSED")
    check("nothing written", not os.path.exists("e.st"))
    expect(["convert", "--refuse-at", "never", "evil.pt", "-o", "e.st"], 0)
    expect(["convert", "cut.pt", "-o", "c.st"], 2, "", "FORMAT")
    expect(["convert", "--refuse-at=never", "evil.pkl", "-o", "c.st"], 3, "",
           "no tensors")
    expect(["convert", "c128.pt", "-o", "c.st"], 2, "", "skip-unsupported")
    check("nothing left", not os.path.exists("c.st"))
    expect(["convert", "c128.pt", "--skip-unsupported", "-o", "c.st"], 0, "",
           r"left out: C128 c\nc\.st: 1 tensor,")
    told(["--skip-unsupported", os.path.join(
        HERE, "..", "fixtures", "gguf", "good-gguf-blocks.gguf")], True)
    write("tied.pt", torch_zip(torch_pickle(
        {"c": torch_tensor(), "a": torch_tensor(), "b": torch_tensor()}),
        {"0": DATA}))
    told(["tied.pt"], False)
    expect(["convert", "tied.pt", "-fo", "told.st"], 0, "",
           r"told\.st: 1 tensor, .*; 2 other names of theirs are in "
           r"__metadata__ \(--clone-aliases writes them\); the file")
    expect(["convert", "--clone-aliases", "tied.pt", "-fo", "told.st"], 0, "",
           r"told\.st: 3 tensors, [^;]*; the file")
    expect(["convert", "good.pt", "-o", "nowhere/x"], 2, "", "nowhere/x")
    expect(["convert", "good.pt", "-o", "tree"], 2, "", "directory")
    links(first)
    expect(["convert", "good.pt", "-o", "/dev/full"], 2, "", "No space")
    check("no temporary files", not [x for x in os.listdir(".")
                                     if x.endswith(".tmp")])


def convert_interrupted():
    """How far it came, of which all is there; the workers die as well."""
    os.mkdir("from")
    os.mkdir("to")
    for i in range(3000):
        os.link("good.pt", f"from/{i}.pt")
    for number in (signal.SIGINT, signal.SIGTERM):
        p = subprocess.Popen([CLI, "convert", "-f", "from", "--out-dir", "to",
                              "-j", "16"], env=ENV, stderr=subprocess.PIPE,
                             start_new_session=True, preexec_fn=lambda:
                             signal.signal(number, signal.SIG_DFL))
        for _ in range(1000):
            if os.listdir("to"):
                break
            time.sleep(0.01)
        os.killpg(p.pid, number)
        says = p.communicate(timeout=20)[1].decode()
        name = f"convert --out-dir by {number}"
        check(f"{name}: ends by it", p.returncode == -number, p.returncode)
        r = re.search(r"(?m)^stopped after (\d+) of 3000 files: \1 converted, "
                      r"0 refused, 0 failed, 0 without tensors\n\Z", says)
        check(f"{name}: last words", bool(r), says[-300:])
        check(f"{name}: nothing else", "PFORK_E" not in says, says[-600:])
        left = os.listdir("to")
        # One more each that was being finished meanwhile.
        check(f"{name}: all there", bool(r) and 0 <= len(left) - int(r[1]) <= 16
              and all(x.endswith(".safetensors") for x in left),
              (len(left), r and r[1]))
        shutil.rmtree("to")
        os.mkdir("to")
    shutil.rmtree("from")
    shutil.rmtree("to")


def left_out():
    """A tensor that could not be read is an error, as one that safetensors
    cannot hold: nothing is silently missing."""
    meta = torch_tensor(location="meta")
    write("meta.pt", torch_zip(torch_pickle(
        {"w": torch_tensor(), **{f"m{i}": meta for i in range(5)}}),
        {"0": DATA}))
    why = "it is on the meta device: no data"
    for quiet in ([], ["-q"]):
        expect(["convert", *quiet, "meta.pt", "-o", "lo.st"], 2, "",
               f"meta.pt: 5 tensors are missing, the first: 'left out: m0: {why}'"
               r" \(PFORK_E_UNSUPPORTED\)\n" + (
                   f"  left out: m0: {why}\n  left out: m1: {why}\n"
                   f"  left out: m2: {why}\n"
                   r"  2 more \(ls --json names all\)\n" if quiet else "") +
               "picklefork: --skip-unsupported leaves such tensors out\n$")
    check("nothing of it", not os.path.exists("lo.st"))
    skip = ["convert", "--skip-unsupported"]
    expect([*skip, "meta.pt", "-o", "lo.st"], 0, "",
           r"lo\.st: 1 tensor, [^;]*; 5 left out; the file")
    expect([*skip, "-qf", "meta.pt", "-o", "lo.st"], 0, "", "")
    os.mkdir("lo")
    expect(["convert", "meta.pt", "good.pt", "--out-dir", "lo"], 2, "",
           r"(?m)^1 converted, 0 refused, 1 failed, 0 without tensors$")
    expect([*skip, "-f", "meta.pt", "c128.pt", "--out-dir", "lo"], 0, "",
           r"(?m)^2 converted, .* without tensors; 6 tensors left out$")
    # Not one that could be read.
    write("metas.pt", torch_zip(torch_pickle({"m": meta}), {"0": DATA}))
    expect(["convert", "metas.pt", "-o", "lo2.st"], 2, "", "1 tensor is miss")
    expect([*skip, "metas.pt", "-o", "lo2.st"], 3, "",
           "no tensors but the 1 left out: nothing was written")
    os.mkdir("lo/in")
    shutil.copy("metas.pt", "lo/in")
    expect(["convert", "lo/in", "--out-dir", "lo"], 2, "", "1 failed")
    more_names()
    # A name that is too long is one of the reasons, and a limit hides none.
    long = "n" * 5000
    write("long.pt", torch_zip(torch_pickle(
        {"w": torch_tensor(), long: torch_tensor()}), {"0": DATA}))
    why = r"its name is over 4,096 bytes, or its path over 512 parts"
    expect(["convert", "-q", "long.pt", "-o", "lo2.st"], 2, "", why)
    expect(["convert", "--limit", "notes=1", "long.pt", "-o", "lo2.st"], 2, "",
           "1 tensor is missing")
    for file, name, says in (("long.pt", long, why), ("meta.pt", "m1", "meta")):
        expect(["extract", file, name, "-o", "lo.npy"], 2, "",
               f"{file}: left out: {name[:900]}.*{says}.*UNSUPPORTED",
               name=f"extract {file}")
    expect(["extract", "meta.pt", "m", "-o", "lo.npy"], 3, "", "named 'm'")
    lost = r"; the text in its __metadata__ is not copied \(ls --scalars"
    for metadata, told_of in (({"format": "pt"}, False), ({}, False),
                              (None, False), ({"formas": "x"}, True),
                              ({"format": "pt", "note": "\x1b"}, True)):
        header = json.dumps({"__metadata__": metadata, "a": {
            "dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}).encode()
        write("md.safetensors", struct.pack("<Q", len(header)) + header + DATA)
        r = expect(["convert", "md.safetensors", "-fo", "lo.st"], 0, "",
                   "1 tensor, ")
        check(f"metadata {metadata}", told_of == bool(re.search(
            lost, r.stderr.decode())), r.stderr)
        head, _ = read_safetensors(open("lo.st", "rb").read())
        check("our own metadata", head["__metadata__"] == {
            "format": "pt", "picklefork.origin": "safetensors"}, head)
    # What is no tensor is none that is missing.
    fixtures = os.path.join(HERE, "..", "fixtures")
    for file in ("good-module-custom.pt", "good-numpy-scalars.pt",
                 "good-namespace.pt", "good-optimizer.pt"):
        expect(["convert", os.path.join(fixtures, file), "-fo", "lo.st"], 0)


def more_names():
    """2^39 names of one tensor: no tensor is missing, and names are."""
    shared = torch_tensor() + BINPUT(0)
    for i in range(1, 40):
        shared += POP + MARK + BINGET(i - 1) * 2 + LIST + BINPUT(i)
    write("more.pt", torch_zip(torch_pickle(
        {"w": shared, "other": torch_tensor("1")}), {"0": DATA, "1": DATA}))
    j = json.loads(run("ls", "--json", "more.pt").stdout)
    listed = len(j["tensors"]) + len(j["aliases"])
    notes = [n for n in j["notes"] if n["kind"] == "names"]
    check("a note of names", len(j["tensors"]) == 2 and listed > 100 and
          len(notes) == 1 and j["verdict"] == "unusual" and
          not [n for n in j["notes"] if n["kind"] == "skipped"], j["notes"])
    for quiet in ([], ["-q"], ["--limit", "notes=1"]):
        expect(["convert", *quiet, "more.pt", "-o", "ln.st"], 2, "",
               "more.pt: names of its tensors are missing: there are more "
               rf"than the {listed} listed \(PFORK_E_UNSUPPORTED\)\n"
               "(  shared containers have more paths .*\n)?picklefork: "
               "--skip-unsupported goes on with the names that are listed\n$")
    check("nothing of it", not os.path.exists("ln.st"))
    expect(["convert", "--skip-unsupported", "more.pt", "-o", "ln.st"], 0, "",
           rf"ln\.st: 2 tensors, [^;]*; {listed - 2} other names of theirs are "
           r"in __metadata__ [^;]*; there are more names, which are not listed; "
           "the file read is unusual\n$")
    with open("ln.st", "rb") as f:
        head, _ = read_safetensors(f.read())
    check("the names listed", {*head, *head["__metadata__"]} >= {
        t["name"] for t in j["tensors"] + j["aliases"]}, listed)
    expect(["extract", "more.pt", "nonsense", "-o", "ln.npy"], 3, "",
           "the names that are listed, of more, and they")


def told(args, leaves_out):
    """What convert says of its output is what stands in it."""
    r = expect(["convert", "-f", *args, "-o", "told.st"], 0)
    with open("told.st", "rb") as f:
        head, _ = read_safetensors(f.read())
    says = r.stderr.decode()
    del head["__metadata__"]
    count = int(re.search(r"told\.st: (\d+) tensor", says)[1])
    check("tensors told", count == len(head), (says, list(head)))
    left = re.findall(r"left out: \S+ (\S+)\n", says)
    listed = json.loads(run("ls", "--json", args[-1]).stdout)["tensors"]
    names = {t["name"] for t in listed}
    if leaves_out:
        check("names told", left and set(left) == names - set(head), says)


def links(first):
    """A link is never replaced: it may be the system's, as /dev/stdout is."""
    os.mkdir("links")
    write("links/mine", b"mine")
    for name, target in (("file", "mine"), ("gone", "nothing"),
                         ("null", "/dev/null"),
                         ("stdout", "/proc/self/fd/1")):
        os.symlink(target, f"links/{name}")
    before = sorted(os.listdir("links"))
    for verb in (["convert", "good.pt"], ["extract", "--raw", "good.pt", "w"]):
        for more in ([], ["--force"]):
            for name in ("file", "gone"):
                expect([*verb, *more, "-o", f"links/{name}"], 2, "",
                       f"links/{name} is a symbolic link; name the file")
            expect([*verb, *more, "-o", "links/null"], 0)
            want = first if verb[0] == "convert" else DATA
            with open("redirected", "wb") as out:
                r = subprocess.run([CLI, *verb, *more, "-o", "links/stdout"],
                                   stdout=out, stderr=subprocess.PIPE, env=ENV,
                                   timeout=60)
            with open("redirected", "rb") as f:
                check("through the link", r.returncode == 0 and
                      f.read() == want, r)
            r = expect([*verb, *more, "-o", "links/stdout"], 0)
            check("through the link, to a pipe", r.stdout == want)
    check("links as they were", sorted(os.listdir("links")) == before and
          all(os.path.islink(f"links/{x}") for x in before if x != "mine"),
          os.listdir("links"))
    with open("links/mine", "rb") as f:
        check("what they point to too", f.read() == b"mine")


def outputs(top):
    return {os.path.relpath(os.path.join(directory, x), top)
            for directory, _, files in os.walk(top) for x in files}


def out_trees():
    """convert DIR --out-dir: each where it was found, and nowhere else."""
    for name in ("llama-3.1/model.pt", "llama-3.2/model.pt", "top.pt",
                 "llama-3.1/deep/er/w.pt", "none/readme"):
        os.makedirs(os.path.dirname(f"ot/{name}"), exist_ok=True)
        write(f"ot/{name}", open("good.pt", "rb").read()
              if name.endswith(".pt") else b"nothing to see here\n" * 9)
    header = json.dumps({"a": {"dtype": "F32", "shape": [6],
                               "data_offsets": [0, 24]}}).encode()
    shard = struct.pack("<Q", len(header)) + header + DATA
    index = json.dumps({"weight_map": {"a": "m-1.safetensors",
                                       "b": "m-2.safetensors"}}).encode()
    for name in ("one-0.5", "two"):
        os.mkdir(f"ot/{name}")
        write(f"ot/{name}/m-1.safetensors", shard)
        write(f"ot/{name}/m-2.safetensors", shard.replace(b'"a"', b'"b"'))
        write(f"ot/{name}/model.safetensors.index.json", index)
    # Of two none is the directory's; what stands beside them is not lost.
    write("ot/two/model.fp16.index.json", index)
    shutil.copy("good.pt", "ot/one-0.5/optimizer.pt")
    want = {"llama-3.1/model", "llama-3.2/model", "top", "one-0.5",
            "llama-3.1/deep/er/w", "one-0.5/optimizer", "two/model"}
    want = {f"{x}.safetensors" for x in want}
    expect(["convert", "ot", "--out-dir", "none"], 64, "",
           "two/model.* would both be none/two/model.safetensors")
    os.rename("ot/two/model.fp16.index.json", "ot/two/fp16.v2.index.json")
    want.add("two/fp16.safetensors")
    for top in ("ot", "ot/", "ot//", "./ot", os.path.abspath("ot")):
        os.mkdir("oo")
        r = expect(["convert", top, "--out-dir", "oo"], 0, "",
                   "8 converted, .*; 4 in sets")
        check(f"outputs of {top}", outputs("oo") == want, outputs("oo"))
        check("of outputs alone", not os.path.exists("oo/none"))
        with open("oo/one-0.5.safetensors", "rb") as f:
            head, _ = read_safetensors(f.read())
        check("a set is whole", {"a", "b"} <= set(head), head)
        if top != "ot":
            shutil.rmtree("oo")
            continue
        expect(["convert", "ot", "--out-dir", "oo"], 2, "", "--force")
        expect(["convert", "-f", "ot", "--out-dir", "oo/"], 0)
        shutil.rmtree("oo")
    # A link in the output's directory, or a file, is in the way.
    os.mkdir("elsewhere")
    for name in ("llama-3.1", "llama-3.1/deep", "llama-3.1/deep/er"):
        os.makedirs(os.path.dirname(f"oo/{name}"))
        os.symlink(os.path.abspath("elsewhere"), f"oo/{name}")
        expect(["convert", "ot", "--out-dir", "oo"], 2, "",
               f"oo/{name}: in the way .*links are not followed")
        os.remove(f"oo/{name}")
        write(f"oo/{name}", b"mine")
        expect(["convert", "-f", "ot", "--out-dir", "oo"], 2, "",
               f"oo/{name}: in the way")
        check("nothing written", outputs("oo") == {name} and
              not os.listdir("elsewhere"), outputs("oo"))
        shutil.rmtree("oo")
    # What a conversion that failed needed is not left.
    os.makedirs("half/new/deep")
    os.makedirs("half/was")
    os.makedirs("oo/was")
    for name in ("new/deep/c128", "was/c128", "new/c128", "one/two/good"):
        os.makedirs(os.path.dirname(f"half/{name}"), exist_ok=True)
        shutil.copy(os.path.basename(name) + ".pt", f"half/{name}.pt")
    expect(["convert", "half", "--out-dir", "oo"], 2, "",
           "1 converted, 0 refused, 3 failed")
    check("no empty directories of ours", outputs("oo") == {
        "one/two/good.safetensors"} and sorted(os.listdir("oo")) == [
        "one", "was"] and not os.listdir("oo/was"), list(os.walk("oo")))
    shutil.rmtree("oo")
    # --out-dir itself may be one.
    os.symlink("elsewhere", "oo")
    expect(["convert", "ot", "--out-dir", "oo"], 0)
    check("beneath it", outputs("elsewhere") == want, outputs("elsewhere"))
    mode = os.stat("elsewhere/llama-3.1").st_mode & 0o777
    check("as umask says", mode == 0o777 & ~UMASK, oct(mode))


def in_the_way():
    """What is no regular file in --out-dir is nobody's wish to write to."""
    os.makedirs("way/out")
    os.mkfifo("way/pipe")
    os.mkdir("way/in")
    for name in ("a.pt", "b.pt"):
        shutil.copy("good.pt", "way/in/" + name)
    def fifo(path):
        os.link("way/pipe", path)
    def link(to):
        return lambda path: os.symlink(to, path)
    for make in (fifo, link("../pipe"), link("/dev/null"),
                 link("/proc/self/fd/1"), link("/dev/stdout")):
        make("way/out/b.safetensors")
        for force in ([], ["-f"]):
            # A reader, so that a wrong write would be seen.
            reader = os.open("way/pipe", os.O_RDONLY | os.O_NONBLOCK)
            expect(["convert", *force, "way/in", "--out-dir", "way/out"], 2,
                   "", "out/b.safetensors: in the way of an output: no reg")
            check("nothing in the pipe", os.read(reader, 1) == b"")
            os.close(reader)
        check("nothing written", os.listdir("way/out") == ["b.safetensors"])
        os.remove("way/out/b.safetensors")
    # Standard output that is a file, through a link to it.
    write("way/out/c.safetensors", b"mine")
    os.symlink("c.safetensors", "way/out/b.safetensors")
    with open("way/out/c.safetensors", "r+b") as out:
        r = subprocess.run([CLI, "convert", "-f", "way/in", "--out-dir",
                            "way/out"], stdout=out, stderr=subprocess.PIPE,
                           env=ENV, timeout=60)
    check("a link to standard output", r.returncode == 2 and
          open("way/out/c.safetensors", "rb").read() == b"mine", r)
    # A name that a person gave is as it is.
    expect(["convert", "good.pt", "-o", "/dev/stdout"], 0, "__metadata__")


def named(name, count=1):
    header = json.dumps({f"{name}{i}": {
        "dtype": "U8", "shape": [4], "data_offsets": [4 * i, 4 * i + 4]}
        for i in range(count)}).encode()
    return struct.pack("<Q", len(header)) + header + b"data" * count


def swap_tree():
    for top in ("swap", "secret"):
        shutil.rmtree(top, ignore_errors=True)
        name = "mine" if top == "swap" else "SECRET"
        for directory in ("c", "d/deep", "e"):
            os.makedirs(f"{top}/{directory}")
        for file in ("b", "c/w", "d/deep/w", "e/shard"):
            write(f"{top}/{file}.safetensors", named(name))
        write(f"{top}/e/m.index.json", json.dumps(
            {"weight_map": {f"{name}0": "shard.safetensors"}}).encode())
    # Its rows do not fit into a pipe.
    write("swap/a.safetensors", named("long" * 20, 4000))
    return ("b.safetensors", "c", "d/deep", "e")


def swapped():
    """The owner of a tree swaps what was found in it for links."""
    for args in (["ls", "--json"], ["ls"], ["scan", "-j1", "--jsonl"]):
        names = swap_tree()
        p = subprocess.Popen([CLI, *args, "swap"], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, env=ENV)
        first = p.stdout.read(1)
        swap(names)
        text, _ = p.communicate(timeout=60)
        check(f"{args}: no link followed", first and b"SECRET" not in text and
              text.count(b"now a symbolic link") >= 4,
              (p.returncode, text[-2000:]))
        check(f"{args}: exit", p.returncode == 1, p.returncode)
    names = swap_tree()
    shutil.rmtree("swapped", ignore_errors=True)
    os.mkdir("swapped")
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        while os.write(theirs, b"." * 512):
            pass
    except BlockingIOError:
        os.set_blocking(theirs, True)
    p = subprocess.Popen([CLI, "convert", "-j1", "swap", "--out-dir",
                          "swapped"], stderr=theirs, env=ENV)
    os.close(theirs)
    end = time.monotonic() + 60
    while not outputs("swapped") and time.monotonic() < end:
        time.sleep(0.01)
    made = outputs("swapped")
    swap(names)
    with open(ours, "rb") as f:
        text = f.read()
    check("convert: refused", p.wait(timeout=60) == 1 and len(made) == 1 and
          text.count(b"now a symbolic link") >= 3, (made, text[-2000:]))
    check("convert: no link followed", outputs("swapped") == made and
          b"SECRET" not in open("swapped/" + made.pop(), "rb").read(),
          outputs("swapped"))
    # One that was named is followed, as by any program.
    expect(["ls", "swap/b.safetensors"], 0, "SECRET0")


def swap(names):
    for name in names:
        os.rename(f"swap/{name}", "swap/" + name.replace("/", "-") + ".old")
        os.symlink(os.path.abspath(f"secret/{name}"), f"swap/{name}")


def many():
    """convert --out-dir: names, collisions, the worst exit code, signals."""
    os.makedirs("in/deep")
    os.mkdir("out")
    for i in range(20):
        shutil.copy("good.pt", f"in/n{i}.pt")
    shutil.copy("good.pt", "in/deep/x.y.pt")
    write("in/n3.txt", b"no checkpoint, and no collision")
    write("in/empty.pt", b"")
    expect(["convert", "in", "--out-dir", "out", "-j", "3"], 0, "",
           "21 converted, 0 refused, 0 failed, 0 without tensors; "
           "2 no checkpoints\n$")
    want = {f"n{i}.safetensors" for i in range(20)} | {
        "deep/x.y.safetensors"}
    check("all, by name", outputs("out") == want, outputs("out"))
    expect(["convert", "good.pt", "-f", "-o", "one.st"], 0)
    check("the same bytes", all(
        open(f"out/{x}", "rb").read() == open("one.st", "rb").read()
        for x in want))
    expect(["convert", "in", "--out-dir", "out"], 2, "", "--force")
    expect(["convert", "-q", "-f", "in", "--out-dir", "out/"], 0, "", "")
    shutil.rmtree("out")
    os.mkdir("out")
    shutil.copy("good.pt", "in/deep/n7.bin")
    shutil.copy("good.pt", "in/n7.bin")
    for args in (["in"], ["in/n7.pt", "in/deep/n7.bin"], ["good.pt", "good.pt"],
                 ["in/n1.pt", "in"]):
        expect(["convert", *args, "--out-dir", "out"], 64, "",
               "would both be out/(n7|good|n1).safetensors")
    os.remove("in/deep/n7.bin")
    os.remove("in/n7.bin")
    write("out/n1.safetensors", b"mine")
    expect(["convert", "in", "--out-dir", "out"], 2, "", "n1.*--force")
    check("nothing written", os.listdir("out") == ["n1.safetensors"])
    os.remove("out/n1.safetensors")
    expect(["convert", "cut.pt", "good.pt", "--out-dir", "out"], 2, "",
           "1 converted, 0 refused, 1 failed")
    expect(["convert", "-f", "gone.pt", "cut.pt", "evil.pt", "good.pt",
            "--out-dir", "out"], 1, "", "1 converted, 1 refused, 2 failed")
    expect(["convert", "-f", "--refuse-at=never", "evil.pkl", "good.pt",
            "--out-dir", "out"], 3, "", "1 converted.*1 without tensors")
    check("of those", os.listdir("out") == ["good.safetensors"])
    os.mkdir("nothing")
    expect(["convert", "nothing", "--out-dir", "out"], 3, "", "0 converted")
    expect(["convert", "good.pt", "--out-dir", "nowhere"], 2, "", "nowhere")
    expect(["convert", "good.pt", "--out-dir", "good.pt"], 2, "", "directory")
    expect(["convert", "good.pt", "-f", "--out-dir", "out", "--worker",
            "/bin/true"], 2, "", "PFORK_E_WORKER.*\n0 converted")
    for args in (["good.pt", "-o", "a", "--out-dir", "out"], ["--out-dir", "."],
                 ["good.pt", "-j", "2", "-o", "a"]):
        expect(["convert", *args], 64)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    r = run("convert", "-f", "good.pt", "in/n1.pt", "--out-dir", "out",
            preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                resource.setrlimit(resource.RLIMIT_FSIZE,
                                                   (40, old[1]))))
    check("each file's error", r.returncode == 2 and
          b"0 converted, 0 refused, 2 failed" in r.stderr and
          os.listdir("out") == ["good.safetensors"], (r, os.listdir("out")))
    interrupted()
    convert_interrupted()


def interrupted():
    """SIGINT somewhere in the middle: whole files or none."""
    big = struct.pack("<f", 1.5) * (1 << 22)
    write("in/n0.pt", torch_zip(torch_pickle({"w": torch_tensor(
        numel=1 << 22, size=(1 << 22,))}), {"0": big}))
    for i in range(1, 20):
        os.remove(f"in/n{i}.pt")
        os.makedirs(f"in/n{i}/deep")
        shutil.copy("in/n0.pt", f"in/n{i}/deep/w.pt")
    for wait in (0.02, 0.05, 0.1, 0.2):
        shutil.rmtree("out")
        os.mkdir("out")
        p = subprocess.Popen([CLI, "convert", "-q", "in", "--out-dir", "out",
                              "-j", "4"], env=ENV, preexec_fn=lambda:
                             signal.signal(signal.SIGINT, signal.SIG_DFL))
        time.sleep(wait)
        p.send_signal(signal.SIGINT)
        p.wait(60)
        left = outputs("out")
        check("ends by it", p.returncode == -signal.SIGINT or
              len(left) == 21, p.returncode)
        check("whole files alone", all(
            x.endswith(".safetensors") and (not x.startswith("n") or
            os.path.getsize(f"out/{x}") > 4 << 22) for x in left), left)
        check("no empty directory", all(
            top == "out" or files or directories
            for top, directories, files in os.walk("out")), left)


def extract():
    expect(["extract", "good.pt", "wt", "-o", "w.npy"], 0, "", "")
    data = open("w.npy", "rb").read()
    check("npy", data.startswith(b"\x93NUMPY\x01\0v\0{'descr': '<f4', "
          b"'fortran_order': False, 'shape': (3, 2), }") and
          data[128:132] == DATA[:4] and len(data) == 128 + 24, data)
    r = expect(["extract", "--raw", "good.pt", "w", "-o", "-"], 0)
    check("raw", r.stdout == DATA)
    expect(["extract", "evil.pt", "w", "-o", "e.npy"], 0, "",
           r"^evil\.pt: dangerous\n  dangerous call: ")
    expect(["extract", "-q", "-f", "evil.pt", "w", "-o", "e.npy"], 0, "", "")
    expect(["ls", "--limit", "notes=1", "evil.pt"], 0, " w\n$",
           r"more over the limit notes\n$")
    expect(["extract", "good.pt", "W", "-o", "y"], 3, "",
           r"good\.pt: no tensor is named 'W'; 'picklefork ls' .*"
           r"as `ls --json` has them\n"
           r"  there is: w\n")
    expect(["extract", "tree", "w", "-o", "y"], 2, "",
           "tree: a directory with no .metadata, .*: name a file")
    expect(["extract", "bf16.pt", "b", "-o", "y"], 2, "", "--raw")
    expect(["extract", "--raw", "bf16.pt", "b", "-o", "y"], 0)


def notes():
    """The first few of a crowd, the count of the rest, and all that is told
    once; every verb says the same of a file."""
    tree = {"w": torch_tensor()}
    tree.update({f"k{i}": call("mine", f"Class{i}") for i in range(20)})
    tree.update({f"e{i}": call("os", f"popen{i}") for i in range(6)})
    write("evils.pt", torch_zip(torch_pickle(tree), {"0": DATA}))
    for key in [k for k in tree if k[0] == "e"]:
        del tree[key]
    tree["left"] = torch_tensor(dtype_storage="NoSuchStorage")
    tree[1] = torch_tensor()
    tree["1"] = torch_tensor()
    write("crowd.pt", torch_zip(torch_pickle(tree), {"0": DATA}))
    said = {}
    for args in (["ls"], ["scan"], ["convert", "--skip-unsupported",
                                     "-fo", "crowd.st"],
                 ["extract", "-fo", "crowd.npy"]):
        more = ["w"] if args[0] == "extract" else []
        r = run(*args, "crowd.pt", *more)
        said[args[0]] = text = (r.stderr + r.stdout).decode()
        check(f"notes of {args[0]}", r.returncode == 0 and
              text.count("unusual call: mine.Class") == 4 and
              text.count("unusual opaque: ") <= 4 and
              ("renamed, its name was taken: 1~2 (" in text or
               args[0] == "scan") and
              re.search(r"\d+ more notes \(call: 16, opaque: \d+(, record: 1,"
                        r" skipped: 1)?; ls --json shows all\)\n", text), text)
    lines = [[x.strip() for x in said[v].splitlines() if x.startswith("  ")]
             for v in ("ls", "convert", "extract")]
    check("the same notes", lines[0] == lines[1] == lines[2], lines)
    j = json.loads(run("ls", "--json", "crowd.pt").stdout)
    hidden = sum(map(int, re.findall(r"(\d+) more notes", said["ls"])))
    shown = [x for x in lines[0] if " more notes (" not in x]
    check("none is forgotten", hidden + len(shown) == sum(
        x["level"] == "unusual" or x["kind"] == "skipped" or
        x["text"].startswith("renamed") for x in j["notes"]), j["notes"])
    r = run("ls", "evils.pt")
    check("what is dangerous is no crowd",
          r.stderr.count(b"dangerous call: os.popen") == 6, r.stderr)
    # Of a clean file too, and by its name.
    shutil.copy(os.path.join(HERE, "..", "fixtures", "good-names.pt"),
                "names.npy")
    for args in (["convert", "-fo", "n.st", "names.npy"],
                 ["extract", "-fo", "n.npy", "names.npy", "a.b"]):
        expect(args, 0, "", r"^  note: by its name it is npy, by its content "
               r"torch-zip\n  record: renamed, its name was taken: a\.b~2 ")


def long_notes():
    """A name as long as a screen is cut in its middle for people alone."""
    for pad in range(3):
        name = "n" * pad + "\u20ac" * 900
        write("long.pt", torch_zip(torch_pickle(
            {"w": torch_tensor(),
             name: torch_tensor(dtype_storage="NoSuchStorage")}), {"0": DATA}))
        r = run("ls", "long.pt")
        line = [x for x in r.stderr.decode().splitlines() if "left out" in x]
        check("a note is cut", len(line) == 1 and len(line[0]) < 300 and
              re.search("left out: n*\u20ac+ \\.\\.\\.\\([0-9]+ bytes\\)"
                        "\\.\\.\\. \u20ac+: unknown storage class \\(at byte",
                        line[0]), r.stderr.decode())
        cut = int(re.search(r"\((\d+) bytes", line[0])[1])
        j = json.loads(run("ls", "--json", "long.pt").stdout)
        whole = [x["text"] for x in j["notes"] if x["kind"] == "skipped"]
        check("not in JSON", len(whole) == 1 and len(whole[0]) > 300, whole)
        check("by so much", 3 * (whole[0].count("\u20ac") -
                                 line[0].count("\u20ac")) == cut, line)


def scalars():
    """To ask for scalars adds them, and changes nothing else: for every
    fixture, and where values are shared more often than is followed."""
    value = [1]
    for _ in range(60):
        value = [value, value]
    with open("shared.pkl", "wb") as f:
        pickle.dump(value, f, 2)
    j = [json.loads(run("ls", "--json", *more, "shared.pkl").stdout)
         for more in ([], ["--scalars"])]
    check("shared values", j[0]["verdict"] == j[1]["verdict"] == "clean" and
          any("not every value is listed" in x["text"] and
              x["level"] == "clean" and x["kind"] != "skipped"
              for x in j[1]["notes"]) and
          len(j[1]["scalars"]) > 1, j[1]["notes"])
    fixtures = os.path.join(HERE, "..", "fixtures")
    seen = []
    for more in ([], ["--scalars"]):
        r = run("scan", "--jsonl", *more, fixtures)
        seen.append({x["file"]: (x["verdict"], x["error"], x["aliases"],
                                 x["notes"], x["tensors"])
                     for x in map(json.loads, r.stdout.splitlines())})
    check("as many", len(seen[0]) == len(seen[1]) > 100, len(seen[0]))
    for file, said in seen[0].items():
        check(f"with scalars: {file}", seen[1].get(file) == said,
              (said[:2], seen[1].get(file)))


def plumbing():
    r = subprocess.run(f"'{CLI}' ls good.pt > /dev/full", shell=True, env=ENV,
                       capture_output=True)
    check("full disk", r.returncode == 2 and b"No space" in r.stderr, r)
    r = subprocess.run(f"'{CLI}' ls good.pt >&-", shell=True, env=ENV,
                       capture_output=True)
    check("closed stdout", r.returncode == 2, r)
    r = subprocess.run(f"'{CLI}' ls -q good.pt <&- 2>&-", shell=True, env=ENV,
                       capture_output=True)
    check("closed stdin and stderr", r.returncode == 0, r)
    r = subprocess.run(["bash", "-c", f"'{CLI}' scan --json good.pt | true; "
                        "echo ${PIPESTATUS[0]}"], env=ENV, capture_output=True)
    check("a reader that leaves", r.stdout in (b"141\n", b"0\n") and
          r.stderr == b"", r)
    lost_output()


def lost_output():
    """Why a write failed is told whatever came between; a reader that has
    gone is told nothing."""
    os.mkdir("wide")
    write("wide/0.pt", torch_zip(torch_pickle(
        {f"{i:0900}": torch_tensor() for i in range(40)}), {"0": DATA}))
    for i in range(1, 40):
        os.link("good.pt", f"wide/{i:0100}.pt")
    for args in (["ls", "wide/0.pt"], ["ls", "wide"], ["ls", "--json", "wide"],
                 ["ls", "--digest", "wide"], ["scan", "wide"],
                 ["scan", "--json", "wide"], ["scan", "--jsonl", "wide"],
                 ["scan", "--json", "good.pt"], ["doctor"], ["help"],
                 ["--version"]):
        name = " ".join(args)
        with open("/dev/full", "wb") as full:
            r = subprocess.run([CLI, *args], stdout=full, env=ENV, timeout=60,
                               stderr=subprocess.PIPE)
        check(f"{name}: no space", r.returncode == 2 and
              r.stderr.endswith(b"writing standard output: No space left on "
                                b"device\n"), r)
        reader, writer = os.pipe()
        os.close(reader)
        r = subprocess.run([CLI, *args], stdout=writer, env=ENV, timeout=60,
                           stderr=subprocess.PIPE)
        os.close(writer)
        check(f"{name}: no reader", r.returncode == -signal.SIGPIPE, r)
        # ls says of each file what it was on its way.
        check(f"{name}: not a word of it", b"riting" not in r.stderr and
              b"ipe" not in r.stderr and (args[0] != "scan" or
                                          r.stderr == b""), r.stderr)
    for args in (["convert", "good.pt"], ["extract", "good.pt", "w"],
                 ["extract", "--raw", "good.pt", "w"]):
        for out in ("-", "/dev/stdout"):
            reader, writer = os.pipe()
            os.close(reader)
            r = subprocess.run([CLI, *args, "-o", out], stdout=writer, env=ENV,
                               timeout=60, stderr=subprocess.PIPE)
            os.close(writer)
            check(f"{args[0]} -o {out}: no reader", r.returncode ==
                  -signal.SIGPIPE and b"ipe" not in r.stderr, r)
    shutil.rmtree("wide")


def scarce():
    """What there is too little of, by its name: never as a missing jail."""
    for verb in (["ls", "good.pt"], ["doctor"], ["scan", "good.pt", "good.pt"],
                 ["convert", "good.pt", "-o", "-"]):
        codes = []
        for most in range(5, 40):
            r = run(*verb, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (most, most)))
            codes.append(r.returncode)
            if r.returncode == 0:
                break
            check(f"{verb[0]}: {most} descriptors", r.returncode == 2 and
                  b"Too many open files" in r.stdout + r.stderr, r)
        check(f"{verb[0]}: enough descriptors", codes[-1] == 0 and
              len(codes) > 2, codes)
    limit = {"preexec_fn": lambda: resource.setrlimit(
        resource.RLIMIT_AS, (500 << 20, 500 << 20))}
    for verb in (["ls", "good.pt"], ["doctor"]):
        r = run(*verb, **limit)
        check(f"{verb[0]}: no room for the arena", r.returncode == 2 and
              r.stderr.endswith(b"the limit arena_bytes (PFORK_E_SYSTEM); "
                                b"lower it with --limit arena_bytes=N "
                                b"(now 1G)\n"), r)
    expect(["ls", "--limit", "tensors=99999999999", "good.pt"], 64, "",
           "^picklefork: --limit tensors is over its ceiling of 50000000\n$")
    r = run("ls", "--limit", "arena_bytes=50M", "good.pt", **limit)
    check("a smaller arena", r.returncode == 0, r)
    # A directory that is not there, once, and not for every file.
    for args in (["scan", "good.pt", "bf16.pt"], ["ls", "good.pt"],
                 ["convert", "good.pt", "-o", "no.st"],
                 ["extract", "good.pt", "w", "-o", "no.npy"]):
        for root, why in (("typo", "No such file or directory"),
                          ("good.pt", "Not a directory")):
            expect(args + ["--root", root], 64, "",
                   f"^picklefork: --root {root}: {why}\n$")


def on_terminal(args, env=ENV):
    """What a terminal shows: stdout and stderr together."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(CLI, [CLI, *args], env)
    out = b""
    while True:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        out += got
    os.waitpid(pid, 0)
    os.close(fd)
    return out.decode()


def terminal():
    shown = on_terminal(["scan", "evil.pkl"])
    check("colours", shown.startswith("\x1b[1;31mdangerous"), shown)
    shown = on_terminal(["scan", "evil.pkl"], {**ENV, "NO_COLOR": "1"})
    check("NO_COLOR", "\x1b" not in shown, shown)
    shown = on_terminal(["scan", "evil.pkl"], {**ENV, "TERM": "dumb"})
    check("dumb terminal", "\x1b" not in shown, shown)
    shown = on_terminal(["ls", "names.pt"], {**ENV, "NO_COLOR": "1"})
    check("names on a terminal", "\x1b" not in shown and
          "\u202e" not in shown and "\\u{202e}" in shown, shown)
    shown = on_terminal(["convert", "good.pt", "-o", "-"])
    check("no binary on a terminal", "-o FILE" in shown, shown)


def file_size_limit():
    r = run("convert", "good.pt", "-o", "limited", preexec_fn=lambda:
            resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16)))
    check("file size limit", r.returncode == 2 and b"too large" in r.stderr, r)
    check("nothing of it is left", not [x for x in os.listdir(".")
                                        if "limited" in x])


def at_work(number):
    """In the midst of a tensor: timeout(1) is the clock for that."""
    os.makedirs("work/deep")
    os.mkdir("slow-tree")
    write("work/deep/long.pt", torch_zip(torch_pickle({"w": torch_tensor(
        dtype_storage="ByteStorage", numel=1, size=(1 << 30,), stride=(0,))}),
        {"0": b"1"}))
    for args in (["work/deep/long.pt", "-o", "at-work.st"],
                 ["work", "--out-dir", "slow-tree"],
                 ["work/deep/long.pt", "w", "-o", "at-work.npy"]):
        verb = "extract" if "w" in args else "convert"
        p = subprocess.Popen([CLI, verb, *args], env=ENV,
                             stderr=subprocess.DEVNULL, preexec_fn=lambda:
                             signal.signal(number, signal.SIG_DFL))
        time.sleep(0.3)
        check(f"{verb} {args}: at work", p.poll() is None)
        p.send_signal(number)
        check(f"{verb} {args}: ends", p.wait(10) == -number, p.returncode)
        check(f"{verb} {args}: nothing left", not os.listdir("slow-tree") and
              not [x for x in os.listdir(".") if x.startswith("at-work.")],
              os.listdir("slow-tree"))
    shutil.rmtree("work")
    shutil.rmtree("slow-tree")


def signals():
    """A FIFO with no reader left holds the command inside its writing."""
    os.mkfifo("slow")
    for number in (signal.SIGINT, signal.SIGTERM):
        reader = os.open("slow", os.O_RDONLY | os.O_NONBLOCK)
        big = struct.pack("<262144f", *([1.5] * 262144))
        write("big.pt", torch_zip(torch_pickle(
            {"w": torch_tensor(numel=262144, size=(262144,))}), {"0": big}))
        p = subprocess.Popen([CLI, "convert", "big.pt", "-o", "slow"], env=ENV,
                             stderr=subprocess.DEVNULL, preexec_fn=lambda:
                             signal.signal(number, signal.SIG_DFL))
        time.sleep(0.3)
        check("held by the pipe", p.poll() is None)
        p.send_signal(number)
        check("ends by its signal", p.wait(10) == -number, p.returncode)
        os.close(reader)
        at_work(number)
    check("no temporary files", not [x for x in os.listdir(".")
                                     if x.endswith(".tmp")])


def scan_interrupted():
    """A scan that a signal ends says how far it came, and its workers' deaths
    are nobody's verdict."""
    os.mkdir("lots")
    for i in range(6000):
        os.link("good.pt", f"lots/{i:0100}.pt")

    def scan_until(number, begun, args, out):
        with open("last-words", "w+b") as err:
            p = subprocess.Popen([CLI, "scan", *args, "lots"], stdout=out,
                                 stderr=err, env=ENV, start_new_session=True,
                                 preexec_fn=lambda: signal.signal(
                                     number, signal.SIG_DFL))
            for _ in range(1000):
                if begun(p):
                    break
                time.sleep(0.01)
            os.killpg(p.pid, number)
            name = f"scan {args} by {number}"
            check(f"{name}: ends by it", p.wait(20) == -number, p.returncode)
            err.seek(0)
            says = err.read().decode()
        r = re.match(r"stopped after (\d+) of 6000 files(: \1 files: \1 clean, "
                     r"0 unusual, 0 dangerous, 0 undecided)?\n$", says)
        check(f"{name}: last words", bool(r), says)
        return int(r[1]) if r else -1, bool(r and r[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for jobs in ("1", "3"):
            with open("results", "w+b") as out:
                done, told = scan_until(
                    number, lambda p: os.fstat(out.fileno()).st_size > 0,
                    ["-j", jobs], out)
                out.seek(0)
                seen = out.read().splitlines()
            check("counted", told, told)
            # Of several at once a slow one holds up those after it.
            check("each is told", all(x.startswith(b"clean ") for x in seen)
                  and (len(seen) == done if jobs == "1" else
                       0 < len(seen) <= done), (done, len(seen), seen[-1:]))
    # The reader takes nothing, so that a line is being written.
    reader, writer = os.pipe()
    done, told = scan_until(
        signal.SIGINT, lambda p: time.sleep(0.5) or True, ["--jsonl"], writer)
    check("held by the pipe", done >= 0 and not told, (done, told))
    os.close(writer)
    os.close(reader)
    # As the first process of a container, which its own signal does not end.
    apart = ["unshare", "--mount-proc", "--pid", "--fork"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode != 0:
        print("  SKIPPED: the first process of a pid namespace: none to be had")
    else:
        with open("results", "w+b") as out:
            p = subprocess.Popen([*apart, CLI, "scan", "lots"], env=ENV,
                                 stdout=out, stderr=subprocess.PIPE)
            while p.poll() is None and os.fstat(out.fileno()).st_size == 0:
                time.sleep(0.01)
        with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
            os.kill(int(f.read().split()[0]), signal.SIGINT)
        r = p.communicate(timeout=20)[1]
        check("the first process", p.returncode == 128 + signal.SIGINT and
              r.startswith(b"stopped after "), (p.returncode, r))
    p = subprocess.Popen([CLI, "scan", "-q", "lots"], env=ENV,
                         preexec_fn=lambda: signal.signal(
                             signal.SIGINT, signal.SIG_DFL),
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.2)
    p.send_signal(signal.SIGINT)
    check("quiet", p.communicate(timeout=20)[1] == b"" and
          p.returncode == -signal.SIGINT, p.returncode)
    p = subprocess.Popen([CLI, "scan", "lots"], env=ENV, preexec_fn=lambda:
                         signal.signal(signal.SIGHUP, signal.SIG_IGN),
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.2)
    p.send_signal(signal.SIGHUP)
    r = p.communicate(timeout=60)[1]
    check("what is ignored stays so", b"\n6000 files: 6000 clean" in b"\n" + r
          and p.returncode == 0, (p.returncode, r))
    shutil.rmtree("lots")


# One of each format that is read, by the fixtures that real libraries wrote.
ONE_OF_EACH = {
    "torch-zip": "good-plain.pt", "gguf": "gguf/good-gguf-plain.gguf",
    "torch-legacy": "legacy/good-legacy-views-p2.pt",
    "torch-tar": "tar/good-tar-dtypes.tar", "npz": "numpy/good-np2-deflated.npz",
    "npy": "numpy/good-np2-c.npy", "joblib": "joblib/good-joblib-xz.joblib",
    "safetensors": "safetensors/good-st-dtypes.safetensors",
    "pickle": "paddle/good-paddle-state-p4.pdparams",
    "flax-msgpack": "flax/good-flax-state.msgpack",
    "agent-checkpoint": "agent/good-agent-numpy.json",
    "onnx": "onnx/good-onnx-typed.onnx", "hf-index": None}
# These are a directory's: sets() has them.
IN_SETS = {"torch-distcp", "torch-dcp"}


def directories():
    """What is one checkpoint as a directory, and all formats side by side."""
    fixtures = os.path.join(HERE, "..", "fixtures")
    with open(os.path.join(HERE, "..", "..", "worker", "formats",
                           "formats.c"), encoding="utf-8") as f:
        known = set(re.findall(r'\{ "([a-z-]+)", ', f.read()))
    check("one of each format", known - IN_SETS == set(ONE_OF_EACH),
          known ^ set(ONE_OF_EACH))
    os.mkdir("all")
    for form, file in ONE_OF_EACH.items():
        if file is not None:
            with open(os.path.join(fixtures, file), "rb") as f:
                write(f"all/{form}-{os.path.basename(file)}", f.read())
    header = json.dumps({"a": {"dtype": "F32", "shape": [6],
                               "data_offsets": [0, 24]}}).encode()
    write("all/shard", struct.pack("<Q", len(header)) + header + DATA)
    write("all/hf-index-model.index.json", json.dumps(
        {"weight_map": {"a": "shard"}}).encode())
    write("all/config.json", b"{}")
    r = expect(["ls", "all"], 0, None, "picklefork: 1 file is no checkpoint; "
               "1 file belongs to a set that is listed\n$")
    headings = re.findall(r"^(all/.*):$", r.stdout.decode(), re.M)
    # What may name others comes first.
    want = sorted((f"all/{x}" for x in os.listdir("all")
                   if x not in ("config.json", "shard")),
                  key=lambda x: (not x.endswith((".index.json", ".onnx")), x))
    check("a heading a file, by name", headings == want, headings)
    sections = r.stdout.decode().split("\n\n")
    check("a section a file", len(sections) == len(want), len(sections))
    for section in sections:
        check("tensors of " + section.split(":")[0],
              len(section.splitlines()) > 1, section)
    r = expect(["ls", "--json", "all"], 0)
    reports = [json.loads(line) for line in r.stdout.splitlines()]
    check("a report a file", [x["file"] for x in reports] == want, reports)
    found = {x["format"] for x in reports if x["tensors"]}
    check("every format", set(ONE_OF_EACH) <= found,
          set(ONE_OF_EACH) - found)
    write("all/bad.gguf", b"GGUF\3\0\0\0")
    expect(["ls", "all"], 2, "index.json:\n", "bad.gguf: .*PFORK_E_FORMAT")
    once()
    write("all/evil.pkl", pickled(call("os", "system")))
    expect(["ls", "--refuse-at", "dangerous", "all"], 1, None, "PFORK_E_REFUSED")
    expect(["scan", "all"], 1)
    for name, files, text in (
            ("saved", ("saved_model.pb", "variables/variables.index"),
             "SavedModel"),
            ("orbax", ("_METADATA", "manifest.ocdbt", "d/1"), "Orbax"),
            ("orbax2", ("_CHECKPOINT_METADATA", "default/x"), "Orbax"),
            ("zarr2", (".zarray", "0.0"), "zarr array"),
            ("zarr3", ("zarr.json", "c/0"), "zarr"),
            ("mlpackage", ("Manifest.json", "Data/com.apple.CoreML/m"),
             "Core ML")):
        for file in files:
            os.makedirs(os.path.dirname(f"dirs/{name}/{file}"), exist_ok=True)
            write(f"dirs/{name}/{file}", b"{}")
        expect(["ls", f"dirs/{name}"], 2, f"^dirs/{name}:\n$",
               f"{name}: no format that is read here: looks like .*{text}.*; "
               ".* \\(PFORK_E_UNSUPPORTED\\)\n"
               f"picklefork: {len(files)} files are no checkpoints\n$")
    write("dirs/z.pt", open("good.pt", "rb").read())
    r = expect(["ls", "--json", "dirs"], 2)
    reports = [json.loads(line) for line in r.stdout.splitlines()]
    check("directories among files", [
        (x["file"], x["error"] and x["error"]["code"]) for x in reports] == [
            (f"dirs/{x}", None if x == "z.pt" else "PFORK_E_UNSUPPORTED")
            for x in sorted(os.listdir("dirs"))], reports)
    # What hides in there is found all the same.
    write("dirs/orbax/evil.pkl", pickled(call("os", "system")))
    expect(["scan", "dirs"], 1, "dirs/orbax/evil.pkl")
    expect(["ls", "--refuse-at", "dangerous", "dirs"], 1, "dirs/zarr3:\n",
           "dirs/orbax/evil.pkl: refused")
    beside_sets()


def beside_sets():
    """A set in a tree stands for its own files, and hides no other."""
    dcp = os.path.join(HERE, "..", "fixtures", "dcp")
    os.makedirs("beside/run")
    shutil.copytree(dcp + "/good-ranks", "beside/run/ck")
    shutil.copytree(dcp + "/good-plain", "beside/run/plain")
    os.mkdir("beside/run/ck/sub")
    for name in ("ck/train_state.pt", "ck/sub/w.pt", "ck/own.distcp",
                 "__0_0.distcp", "plain/other.distcp"):
        shutil.copy("good.pt", "beside/run/" + name)
    def listed(code, *more):
        r = run("ls", *more, "beside")
        check(f"ls {more} beside: exit", r.returncode == code, r)
        return re.findall(r"(?m)^beside/(.*):$", r.stdout.decode()), r.stderr
    want = ["run/__0_0.distcp", "run/ck", "run/ck/own.distcp",
            "run/ck/sub/w.pt", "run/ck/train_state.pt", "run/plain",
            "run/plain/other.distcp"]
    sets = len([x for name in ("good-ranks", "good-plain")
                for x in os.listdir(f"{dcp}/{name}") if x != ".metadata"])
    for more in ([], ["--root", "beside"]):
        got, err = listed(0, *more)
        check("beside a set", got == want and
              f"picklefork: {sets} files belong".encode() in err, (got, err))
    os.mkdir("apart")
    expect(["convert", "beside", "--out-dir", "apart"], 0, "",
           f"7 converted, .*; {sets} in sets\n$")
    check("apart", outputs("apart") == {
        x.removesuffix(".pt").removesuffix(".distcp") + ".safetensors"
        for x in want}, outputs("apart"))
    # A dangerous data file is shown, whatever it is called.
    write("beside/run/ck/evil.distcp", open("evil.pt", "rb").read())
    got, err = listed(0)
    check("shown", "run/ck/evil.distcp" in got, got)
    got, err = listed(1, "--refuse-at", "dangerous")
    check("refused", b"ck/evil.distcp: refused" in err, err)
    os.remove("beside/run/ck/evil.distcp")
    # Data beside an ONNX model is read as raw bytes, whatever it is.
    def entry(key, value):
        return onnx.data(13, onnx.data(1, key) + onnx.data(2, value))
    os.mkdir("beside/onnx")
    for name in ("a.onnx", "b.index.json"):
        write("beside/onnx/" + name, onnx.model(onnx.graph(onnx.tensor(
            "x", (1,), 1, entry("location", "model.pt"), entry("length", "4"),
            onnx.number(14, 1)))))
    shutil.copy("evil.pt", "beside/onnx/model.pt")
    got, err = listed(1, "--refuse-at", "dangerous")
    check("beside a model", b"beside/onnx/model.pt: refused" in err and
          {"onnx/a.onnx", "onnx/b.index.json"} <= set(got), (got, err))
    expect(["convert", "-f", "beside", "--out-dir", "apart"], 1, "",
           f"9 converted, 1 refused, .*; {sets} in sets\n$")


def once():
    """In a tree the files of a set are listed and converted with it, once; a
    scan looks at each.  A set that is broken has none."""
    fixtures = os.path.join(HERE, "..", "fixtures")
    os.makedirs("models/sharded/more")
    shutil.copytree(os.path.join(fixtures, "dcp", "good-ranks"), "models/dcp")
    shutil.copy("all/shard", "models/sharded/a.safetensors")
    shutil.copy("all/shard", "models/sharded/more/b.safetensors")
    shutil.copy("all/shard", "models/other.safetensors")
    os.link("models/sharded/a.safetensors", "models/sharded/more/a.safetensors")
    index = {"weight_map": {"a": "a.safetensors"}}
    write("models/sharded/m.index.json", json.dumps(index).encode())
    write("models/sharded/readme", b"no checkpoint")
    # .metadata of another program is no set.
    write("models/sharded/more/.metadata", b"no checkpoint")
    def listed(*more):
        r = run("ls", *more, "models")
        return re.findall(r"(?m)^models/(.*):$", r.stdout.decode()), r
    want = ["dcp", "other.safetensors", "sharded/m.index.json",
            "sharded/more/a.safetensors", "sharded/more/b.safetensors"]
    for more in ([], ["--root", "."], ["--root", "models/.."]):
        got, r = listed(*more)
        check("a set once", got == want and r.returncode == 0 and
              b"2 files are no checkpoints; 5 files belong to a set" in
              r.stderr, (got, r.stderr))
    r = run("ls", "--json", "models")
    got = [json.loads(x)["file"] for x in r.stdout.splitlines()]
    check("a set once, JSON", got == ["models/" + x for x in want], got)
    os.remove("models/sharded/more/a.safetensors")
    os.mkdir("flat")
    expect(["convert", "models", "--out-dir", "flat"], 0, "",
           "4 converted, 0 refused, 0 failed, 0 without tensors; "
           "2 no checkpoints; 5 in sets\n$")
    check("outputs", outputs("flat") == {
        x + ".safetensors" for x in ("dcp", "other", "sharded",
                                     "sharded/more/b")}, outputs("flat"))
    r = expect(["scan", "--jsonl", "models"], 0)
    got = {json.loads(x)["file"] for x in r.stdout.splitlines()}
    check("each is scanned", {"models/sharded/a.safetensors",
          "models/dcp/__0_0.distcp", "models/dcp/.metadata"} <= got, got)
    index["weight_map"]["z"] = "gone.safetensors"
    write("models/sharded/m.index.json", json.dumps(index).encode())
    got, r = listed()
    check("a broken one", "sharded/a.safetensors" in got and
          r.returncode == 2, (got, r.stderr))
    expect(["convert", "-f", "models", "--out-dir", "flat"], 2, "",
           "4 converted, 0 refused, 1 failed, .*; 4 in sets\n$")
    check("its file alone", os.path.exists("flat/sharded/a.safetensors"))


def sets():
    """A directory that is one checkpoint, and files held to their digests."""
    fixtures = os.path.join(HERE, "..", "fixtures")
    shutil.copytree(os.path.join(fixtures, "dcp", "good-ranks"), "dcp")
    r = expect(["ls", "--json", "dcp"], 0)
    names = {t["name"] for t in json.loads(r.stdout)["tensors"]}
    check("tensors of all files", names == {
        "rows", "cols", "grid", "few", "deep", "both", "same", "empty",
        "plain"}, names)
    expect(["convert", "dcp", "-o", "dcp.safetensors"], 0)
    with open("dcp.safetensors", "rb") as f:
        header, data = read_safetensors(f.read())
    at = header["grid"]["data_offsets"]
    check("put together", struct.unpack("<35f", data[at[0]:at[1]]) ==
          tuple(range(35)), header["grid"])
    expect(["extract", "dcp", "rows", "-o", "rows.npy"], 0)
    pins = []
    for name in sorted(os.listdir("dcp")):
        with open("dcp/" + name, "rb") as f:
            pins += ["--pin", name + "=" +
                     hashlib.sha256(f.read()).hexdigest()]
    root = ["ls", "--root", "dcp"]
    expect(root + pins + ["dcp"], 0)
    # Another file of that name beneath the root is not the one meant.
    os.makedirs("rr/dcp")
    shutil.copy("dcp/.metadata", "rr/dcp")
    for verb in ("ls", "scan"):
        def refused(top, file, why):
            expect([verb, "--root", top, file], 2,
                   *(("", why) if verb == "ls" else (why,)))
        for file in ("dcp/.metadata", "good.pt", os.path.abspath("good.pt")):
            refused("rr", file, "not beneath --root")
        for top in (".", "./", os.path.abspath("."), "rr/.."):
            expect([verb, "--root", top, "good.pt"], 0)
            expect([verb, "--root", top, os.path.abspath("dcp/.metadata")], 0)
    expect(root + pins[:-2] + ["dcp"], 1, "", "no SHA-256 is pinned")
    wrong = pins[3][:-1] + ("1" if pins[3][-1] == "0" else "0")
    expect(root + pins[:3] + [wrong] + pins[4:] + ["dcp"], 1, "",
           "__0_0.distcp: SHA-256 is [0-9a-f]{64}, pinned [0-9a-f]{64}")
    r = expect(["scan", "--root", "dcp"] + pins[:3] + [wrong] + pins[4:] +
               ["dcp/.metadata"], 1, "pinned [0-9a-f]{64}")
    expect(root + ["--pin", pins[3]] + ["dcp"], 1, "", "pinned")
    dotted = [".//././" + x if i % 2 else x for i, x in enumerate(pins)]
    expect(root + dotted + ["./dcp"], 0)
    expect(root + ["--pin", "./" + pins[1], "dcp"], 1, "", "pinned")
    expect(root + ["--pin", "./=" + 64 * "0", "dcp"], 64, "", "SHA-256")
    expect(root + ["--root", "other", "dcp"], 64, "",
           "--root is given twice")
    expect(["ls"] + pins + ["dcp"], 64, "", "needs --root")
    for bad in ("x", "=" + 64 * "0", "x=" + 63 * "0", "x=" + 63 * "0" + "g",
                "x=" + 65 * "0"):
        expect(root + ["--pin", bad, "dcp"], 64, "", "SHA-256")
    others_write()
    os.remove("dcp/__1_0.distcp")
    expect(["ls", "dcp"], 2, "", "__1_0.distcp: .*not there")
    expect(["scan", "dcp/.metadata"], 2)
    expect(["convert", "dcp", "-o", "-"], 2, "")
    # A directory of one index, and of two.
    os.mkdir("shards")
    shutil.copy("all/shard", "shards/shard")
    index = json.dumps({"weight_map": {"a": "shard"}}).encode()
    write("shards/model.index.json", index)
    chosen = r"^shards: reading shards/model\.index\.json\n"
    expect(["convert", "shards", "-o", "shards.safetensors"], 0, "", chosen)
    expect(["convert", "-qf", "shards", "-o", "shards.safetensors"], 0, "", "")
    expect(["convert", "shards", "-f", "--out-dir", "."], 0, "", chosen)
    expect(["extract", "shards", "a", "-o", "shards.npy"], 0, "", chosen)
    # Two of one kind; the only one of the next kind is no answer to that.
    write("shards/other.index.json", index)
    shutil.copy(os.path.join(fixtures, ONE_OF_EACH["onnx"]), "shards/o.onnx")
    for name, says in (
            (None, r"2 \*\.index\.json: name one: model\.index\.json, "
             r"other\.index\.json \("),
            ("a\n\x1b.index.json", r"3 \*\.index\.json: name one: "
             r"a\?\?\.index\.json, model\.index\.json, "
             r"other\.index\.json \("),
            ("b" * 200 + ".index.json", r"4 \*\.index\.json: name one: "
             r"a\?\?\.index\.json, b{55}, model\.index\.json, \.\.\. \(")):
        if name is not None:
            write("shards/" + name, index)
        expect(["convert", "shards", "-o", "two.safetensors"], 2, "", says)
    check("no output", not os.path.exists("two.safetensors"))


def others_write():
    """Who else may write what is read is told to people too; in a set of many
    files in one line."""
    files = sorted("dcp/" + x for x in os.listdir("dcp"))
    for x in ("dcp", *files):
        os.chmod(x, 0o755)
    for loose, line in (([], None), (["dcp"], "the directory"),
                        (files[:1], "1 file"),
                        (["dcp", *files], f"the directory and to {len(files)} "
                         "files")):
        for x in loose:
            os.chmod(x, os.stat(x).st_mode | 0o020)
        for verb in ("ls", "scan"):
            r = run(verb, "--root", "dcp", "dcp/.metadata")
            said = re.findall(r"(?m)^ +others may write to (.*)$",
                              (r.stdout + r.stderr).decode())
            check(f"{verb}: others may write to {line}", r.returncode == 0 and
                  said == ([line] if line else []), r)
            r = run(verb, "dcp/.metadata")
            check(f"{verb} without --root", (b"others may write" in r.stdout +
                                             r.stderr) == bool(line), r)
        for x in ("dcp", *files):
            os.chmod(x, 0o755)
    # One file alone is held to --root by the same store.
    os.mkdir("loose")
    shutil.copy("good.pt", "loose/a.pt")
    os.chmod("loose/a.pt", 0o666)
    os.chmod("loose", 0o777)
    expect(["ls", "--root", "loose", "loose/a.pt"], 0, " w\n",
           "clean\n  others may write to the directory and to 1 file\n$")
    j = json.loads(run("ls", "--json", "--root", "loose",
                       "loose/a.pt").stdout)
    check("and in JSON", [n["text"] for n in j["notes"][-2:]] ==
          ["a.pt: others may write to this file",
           "others may write to the directory"], j["notes"])
    os.symlink(os.path.abspath("good.pt"), "loose/out.pt")
    os.symlink("a.pt", "loose/in.pt")
    expect(["ls", "--root", "loose", "loose/in.pt"], 0, " w\n")
    expect(["ls", "--root", "loose", "loose/out.pt"], 1, "", "leads out")
    expect(["scan", "--root", "loose", "loose/gone.pt"], 2, "not there")
    shutil.rmtree("loose")


def hub():
    """A Hugging Face cache, as huggingface_hub lays it out: with --root the
    links of a snapshot are followed, and its blobs are no files of their own."""
    def shard(name):
        header = json.dumps({name: {"dtype": "F32", "shape": [6],
                                    "data_offsets": [0, 24]}}).encode()
        return struct.pack("<Q", len(header)) + header + DATA
    files = {
        "model.safetensors.index.json": json.dumps({"weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00002-of-00002.safetensors"}}).encode(),
        "model-00001-of-00002.safetensors": shard("a"),
        "model-00002-of-00002.safetensors": shard("b"),
        "config.json": b"{}", "empty": b""}
    top = "hub/models--x--y"
    snapshot = f"{top}/snapshots/abc"
    os.makedirs(f"{top}/blobs")
    os.makedirs(f"{top}/refs")
    os.makedirs(snapshot)
    write(f"{top}/refs/main", b"abc")
    for name, data in files.items():
        blob = hashlib.sha256(data).hexdigest()
        write(f"{top}/blobs/{blob}", data)
        os.symlink(f"../../blobs/{blob}", f"{snapshot}/{name}")
    index = f"{snapshot}/model.safetensors.index.json"
    shards = [f"{snapshot}/model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for root in ("hub", "hub/", os.path.abspath("hub"), top, "."):
        for where in ("hub", top, snapshot):
            if root == top and where == "hub":
                continue
            r = expect(["scan", "--jsonl", "--root", root, where], 0, None,
                       "3 files: 3 clean, ")
            got = sorted(json.loads(x)["file"] for x in r.stdout.splitlines())
            check(f"scan {root} {where}", got == sorted([index, *shards]), got)
            r = expect(["ls", "--root", root, where], 0, None, "2 files belong")
            check(f"ls {root} {where}", re.findall(
                r"(?m)^(\S+):$", r.stdout.decode()) == [index], r.stdout)
        shutil.rmtree("ho", ignore_errors=True)
        os.mkdir("ho")
        expect(["convert", "--root", root, top, "--out-dir", "ho"], 0, "",
               "1 converted, .*; 2 in sets")
        check("one of a snapshot", outputs("ho") ==
              {"snapshots/abc.safetensors"}, outputs("ho"))
        expect(["convert", "--root", root, snapshot, "-fo", "ho.st"], 0)
        with open("ho.st", "rb") as f:
            head, _ = read_safetensors(f.read())
        check("its tensors", set(head) == {"a", "b", "__metadata__"}, head)
    # Without it links are links.
    for verb in ("scan", "ls"):
        expect([verb, snapshot], 3, "", r"5 others not looked at: symbolic "
               r"links or no regular files \(--root DIR, or name them\)")
    expect(["scan", "hub"], 2, "undecided", "5 others not looked at")
    # Nothing is reached that is not beneath it, and no loop followed.
    os.symlink(os.path.abspath("evil.pt"), f"{snapshot}/absolute.pt")
    os.symlink("../../../../evil.pt", f"{snapshot}/out.pt")
    os.symlink("gone", f"{snapshot}/gone.pt")
    os.symlink(".", f"{snapshot}/loop")
    os.symlink("loop.pt", f"{snapshot}/loop.pt")
    os.mkfifo(f"{top}/blobs/fifo")
    os.symlink("../../blobs/fifo", f"{snapshot}/fifo.pt")
    expect(["scan", "--root", "hub", snapshot], 0, None,
           "3 files: 3 clean, .*; 6 others not looked at")
    shutil.copy("evil.pt", f"{top}/blobs/evil")
    os.symlink("../../blobs/evil", f"{snapshot}/in.pt")
    r = expect(["scan", "--root", "hub", "hub"], 1, None, "1 dangerous")
    check("once, by its name", r.stdout.count(b"evil") == 0 and
          r.stdout.count(b"in.pt") == 1, r.stdout)
    # Beside its link a file has a name of its own.
    os.mkdir("hub/run")
    shutil.copy("good.pt", "hub/run/step5.pt")
    os.symlink("step5.pt", "hub/run/latest.pt")
    expect(["scan", "--root", "hub", "hub/run"], 0, "latest.*\n.*step5",
           "2 files: 2 clean")


def looks():
    """Archives of which one member tells what they are."""
    import io
    import tarfile
    import zipfile
    for name, members, text in (
            ("k.keras", ("metadata.json", "config.json", "model.weights.h5"),
             "Keras"),
            ("t.mar", ("model.pt", "MAR-INF/MANIFEST.json"), "TorchServe"),
            ("e.pt2", ("x/archive_format", "x/models/model.json"),
             "torch.export"),
            ("o.docx", ("[Content_Types].xml",), "office"),
            ("j.jar", ("META-INF/MANIFEST.MF",), "Java"),
            ("r.zip", ("data.pkl",), "not in a directory"),
            ("z.zip", ("readme.txt",), "zip archive without")):
        with zipfile.ZipFile(name, "w") as z:
            for member in members:
                z.writestr(member, b"x")
        expect(["ls", name], 2, "", f"{text}.*PFORK_E_UNSUPPORTED")
    for name, member, text in (("m.nemo", "model_config.yaml", "NeMo"),
                               ("n.nemo", "./model_config.yaml", "NeMo"),
                               ("t.tar", "readme", "tar archive")):
        with tarfile.open(name, "w") as t:
            t.addfile(tarfile.TarInfo(member), io.BytesIO(b""))
        expect(["ls", name], 2, "", f"{text}.*PFORK_E_UNSUPPORTED")


def keys_of(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set()


def manual():
    """Every member of every JSON object stands in the manual, and no other."""
    with open(os.path.join(HERE, "..", "..", "docs", "picklefork.1"),
              encoding="utf-8") as f:
        section = f.read().split("\n.SH JSON\n")[1].split("\n.SH ")[0]
    shown = set()
    for block in re.findall(r"(?s)\n\.nf\n(.*?)\n\.fi\n", section):
        shown |= set(re.findall(r'"(\w+)":', block))
    values = {"a": 0.1, "b": float("-inf"), "c": 1 << 70, "d": 'say "x"\\',
              "e": b"\1\xff", "f": None, "g": "x" * 100000, "h": True,
              "i": float("nan"), "j": -(1 << 80)}
    with open(b"scalars\xff.pkl", "wb") as f:
        pickle.dump(values, f, 4)
    tied = os.path.join(HERE, "..", "fixtures", "good-alias.pt")
    given = set()
    j = {}
    for args in (["ls", "--scalars", b"scalars\xff.pkl"], ["ls", "cut.pt"],
                 ["ls", "--digest", tied], ["scan", "tree", "evil.pkl"],
                 ["doctor"], ["doctor", "--worker", "/bin/true"]):
        j[args[1] if len(args) > 1 else ""] = told_json = json.loads(
            run(args[0], "--json", *args[1:]).stdout)
        given |= keys_of(told_json)
    check("the manual's JSON", given == shown, (given - shown, shown - given))
    s = {x["name"]: x for x in j["--scalars"]["scalars"]}
    got = {n: (x["kind"], x.get("value", x.get("value_hex")))
           for n, x in s.items() if n != "g"}
    check("scalars", got == {
        "a": ("float", 0.1), "b": ("float", "-inf"),
        "c": ("bigint", "0x400000000000000000"), "d": ("text", 'say "x"\\'),
        "e": ("bytes", "01ff"), "f": ("null", None), "h": ("bool", True),
        "i": ("float", "nan"), "j": ("bigint", "-0x100000000000000000000")},
        got)
    check("cut", s["g"]["full_length"] == 100000 and
          len(s["g"]["value"]) < 100000 and "full_length" not in s["d"], s["g"]
          .get("full_length"))
    r = expect(["ls", "--scalars", b"scalars\xff.pkl"], 0,
               r'(?m)^float +a = 0\.1$', name="scalars as text")
    for line in (rb'text    d = "say \"x\"\\"', b"float   b = -inf",
                 b"float   i = nan", b"bytes   e = 01ff"):
        check("scalars as text", line in r.stdout.split(b"\n"), r.stdout[:300])


def doctor():
    r = run("doctor")
    check("doctor", r.returncode == 0 and b"SIGSYS" in r.stdout and
          b"seccomp            in force  required" in r.stdout, r)
    j = json.loads(run("doctor", "--json").stdout)
    check("doctor json", j["ready"] and j["canary_killed"] and
          len(j["layers"]) >= 8, j)
    expect(["doctor", "--worker", "/bin/true"], 69, "not usable")


def main():
    with tempfile.TemporaryDirectory(prefix="pfork cli ") as work:
        os.chdir(work)
        make_files()
        for part in (usage, limits, scarce, ls, scan, ahead, convert, left_out, many,
                     out_trees, in_the_way, swapped, extract, notes, long_notes, scalars, plumbing,
                     terminal, file_size_limit, signals, scan_interrupted,
                     directories, sets, hub, looks, manual, doctor):
            try:
                part()
            except (ValueError, KeyError, OSError) as e:
                check(f"{part.__name__} comes to its end", False, e)
        os.chdir("/")
    print(f"cli: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
