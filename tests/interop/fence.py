# SPDX-License-Identifier: Apache-2.0
"""A library's reading of bytes that may kill it: in a process of its own, with
a limit on memory and a deadline, started again when it ends."""
import os
import pickle
import resource
import select
import signal
import struct
import sys

SECONDS = 10
MORE_MEMORY = 2 << 30


class Refused(Exception):
    pass


def address_space():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def read_all(fd, length):
    found = b""
    while len(found) < length:
        part = os.read(fd, length - len(found))
        if not part:
            raise EOFError
        found += part
    return found


class Fence:
    def __init__(self, function):
        self.function = function
        self.child = 0
        self.crashes = 0

    def start(self):
        ours, theirs = os.pipe(), os.pipe()
        sys.stdout.flush()
        self.child = os.fork()
        if self.child == 0:
            os.close(ours[1])
            os.close(theirs[0])
            self.serve(ours[0], theirs[1])
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.back = ours[1], theirs[0]

    def serve(self, source, to):
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        most = address_space() + MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            while True:
                length = struct.unpack("<I", read_all(source, 4))[0]
                data = read_all(source, length)
                try:
                    answer = (True, self.function(data))
                except EOFError as error:
                    answer = (False, repr(error)[:500])
                except BaseException as error:  # any of them is a refusal
                    answer = (False, repr(error)[:500])
                out = pickle.dumps(answer)
                os.write(to, struct.pack("<I", len(out)))
                while out:
                    out = out[os.write(to, out):]
        finally:
            os._exit(0)

    def __call__(self, data):
        """The function's answer, or Refused."""
        if not self.child:
            self.start()
        try:
            # A pipe holds 64 KiB; the child reads while we write.
            os.write(self.to, struct.pack("<I", len(data)))
            left = data
            while left:
                left = left[os.write(self.to, left):]
            if not select.select([self.back], [], [], SECONDS)[0]:
                raise EOFError
            length = struct.unpack("<I", read_all(self.back, 4))[0]
            fine, answer = pickle.loads(read_all(self.back, length))
        except (EOFError, BrokenPipeError):
            self.end()
            self.crashes += 1
            raise Refused("it crashed or hung") from None
        if not fine:
            raise Refused(answer)
        return answer

    def end(self):
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            os.close(self.to)
            os.close(self.back)
            self.child = 0
