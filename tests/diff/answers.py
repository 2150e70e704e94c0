# SPDX-License-Identifier: Apache-2.0
"""The answer program as an object: bytes in, what we read of them out."""
import struct
import subprocess

HERE, HERE_STREAM, JAIL, JAIL_STREAM = 1, 2, 4, 8
SAVE, SAVE_CLONED, ZIP, PREFIXES, STORE, SAVE_HERE = 16, 32, 64, 128, 256, 512

VERIFY = 1024
WAYS = ("here", "here-stream", "jail", "jail-stream", "save", "save-cloned",
        "zip", "prefixes", "store", "save-here", "here-verify")


def text(word):
    return bytes.fromhex(word[1:]).decode("utf-8", "surrogateescape")


class Answer:
    """One way of reading."""

    def __init__(self):
        self.format = ""
        self.verdict = "undecided"
        self.error = None           # (code, offset, text)
        self.tensors = {}           # name: (dtype, shape, sha256)
        self.strides = {}
        self.storages = {}          # name: number
        self.aliases = {}
        self.notes = []             # (kind, level, text)
        self.members = []           # (name, size, sha256), of a zip
        self.prefixes = []          # accepted lengths
        self.saved = None           # bytes

    def line(self, words, pipe):
        if words[0] == "F":
            self.format, self.verdict = words[1:]
        elif words[0] == "E":
            self.error = (words[1], int(words[2]), text(words[3]))
        elif words[0] == "N":
            self.notes.append((words[1], words[2], text(words[3])))
        elif words[0] == "T":
            name = text(words[1])
            shape, strides = ([] if w == "-" else [int(n) for n in
                              w.split(",")] for w in words[3:5])
            self.tensors[name] = (words[2], shape, words[6][1:])
            self.strides[name] = strides
            self.storages[name] = int(words[5])
        elif words[0] == "A":
            self.aliases[text(words[1])] = text(words[2])
        elif words[0] == "Z":
            self.members.append((text(words[1]), int(words[2]), words[3][1:]))
        elif words[0] == "P":
            self.prefixes.append(int(words[1]))
        elif words[0] == "S":
            self.saved = pipe.read(int(words[1]))
        else:
            raise ValueError("answer said %r" % words)

    def same(self, other):
        """Of two ways of reading one file; offsets in texts too."""
        return (self.format, self.verdict, self.error, self.tensors,
                self.strides, self.aliases, self.notes) == (
                    other.format, other.verdict, other.error, other.tensors,
                    other.strides, other.aliases, other.notes)


class Answers:
    def __init__(self, program, worker):
        self.argv = [program, worker]
        self.pipe = None
        self.start()

    def start(self):
        self.pipe = subprocess.Popen(self.argv, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)

    def ask(self, data, ways):
        """{way: Answer}.  A crash of the program is a finding: it raises."""
        self.pipe.stdin.write(struct.pack("<II", ways, len(data)) + data)
        self.pipe.stdin.flush()
        found, now = {}, None
        while True:
            line = self.pipe.stdout.readline().decode().rstrip("\n")
            if line == ".":
                return found
            if not line:
                status = self.pipe.wait()
                self.start()
                raise ChildProcessError("answer ended: %d" % status)
            words = line.split(" ")
            if words[0] == "@":
                now = found[words[1]] = Answer()
            else:
                now.line(words, self.pipe.stdout)

    def close(self):
        self.pipe.stdin.close()
        return self.pipe.wait()
