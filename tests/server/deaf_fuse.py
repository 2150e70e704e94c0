#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A FUSE file system with one file, "f", which may be opened, and whose FLUSH
(a close) is never answered.  Argument: where to mount it.  Says "ready" or
why not.  Python's standard library alone."""
import ctypes
import os
import struct
import sys
import threading

LOOKUP, FORGET, GETATTR, OPEN, FLUSH, INIT, INTERRUPT, BATCH_FORGET = (
    1, 2, 3, 14, 25, 26, 36, 42)
ENOSYS = 38


def attr(node):
    mode = 0o40755 if node == 1 else 0o100644
    return struct.pack("<QQQQQQIIIIIIIIII", node, 4096, 8, 0, 0, 0, 0, 0, 0,
                       mode, 1, 0, 0, 0, 4096, 0)


def answer(device, unique, body=b"", error=0):
    os.write(device, struct.pack("<IiQ", 16 + len(body), -error, unique) +
             body)


def serve(device):
    while True:
        data = os.read(device, 1 << 20)
        _, opcode, unique, node = struct.unpack_from("<IIQQ", data)
        if opcode == INIT:
            answer(device, unique, struct.pack("<IIIIHHIIHHIII", 7, 31, 65536,
                                               0, 8, 8, 65536, 1, 1, 0, 0, 0,
                                               0) + bytes(20))
        elif opcode == LOOKUP:
            answer(device, unique, struct.pack("<QQQQII", 2, 0, 60, 60, 0, 0)
                   + attr(2))
        elif opcode == GETATTR:
            answer(device, unique, struct.pack("<QII", 60, 0, 0) + attr(node))
        elif opcode == OPEN:
            answer(device, unique, struct.pack("<QII", 1, 0, 0))
        elif opcode not in (FLUSH, FORGET, BATCH_FORGET, INTERRUPT):
            answer(device, unique, error=ENOSYS)


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    place = sys.argv[1].encode()
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as e:
        print("no /dev/fuse:", e, flush=True)
        return
    if libc.mount(b"x", place, b"fuse", 0, b"fd=%d,rootmode=40000,user_id=0,"
                  b"group_id=0,allow_other" % device) != 0:
        print("no mount:", os.strerror(ctypes.get_errno()), flush=True)
        return
    threading.Thread(target=serve, args=(device,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()    # until whoever started us has enough
    libc.umount2(place, 2)
    os._exit(0)         # the device closes: what waits is let go


if __name__ == "__main__":
    main()
