# SPDX-License-Identifier: Apache-2.0
"""LZ4 frames with every field replaceable.  Blocks hold literals, and one match
for bytes that repeat the one before.  Standard library only."""

import struct

P1, P2, P3, P4, P5 = (0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f,
                      0x165667b1)
MASK = 0xffffffff
INDEPENDENT, BLOCK_SUM, SIZE, SUM, RESERVED, DICTIONARY = (
    0x20, 0x10, 8, 4, 2, 1)


def turned(x, by):
    return (x << by | x >> (32 - by)) & MASK


def xxh32(data):
    at, h = 0, P5
    if len(data) >= 16:
        sums = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while len(data) - at >= 16:
            for i, word in enumerate(struct.unpack_from("<4I", data, at)):
                sums[i] = turned((sums[i] + word * P2) & MASK, 13) * P1 & MASK
            at += 16
        h = sum(turned(s, by) for s, by in zip(sums, (1, 7, 12, 18))) & MASK
    h = (h + len(data)) & MASK
    while len(data) - at >= 4:
        h = turned((h + struct.unpack_from("<I", data, at)[0] * P3) & MASK,
                   17) * P4 & MASK
        at += 4
    for byte in data[at:]:
        h = turned((h + byte * P5) & MASK, 11) * P1 & MASK
    h = (h ^ h >> 15) * P2 & MASK
    h = (h ^ h >> 13) * P3 & MASK
    return h ^ h >> 16


def length(n):
    """The rest of a length that does not fit in its four bits."""
    return b"" if n < 15 else b"\xff" * ((n - 15) // 255) \
        + bytes([(n - 15) % 255])


def sequence(literals, match=None, offset=1):
    token = min(len(literals), 15) << 4 | (
        min(match - 4, 15) if match else 0)
    out = bytes([token]) + length(len(literals)) + literals
    if match:
        out += struct.pack("<H", offset) + length(match - 4)
    return out


def compress_block(data):
    """A last run of one byte as a match; the last five bytes are literals."""
    end = len(data) - 5
    start = end
    while start > 1 and data[start - 1] == data[start - 2]:
        start -= 1
    if end < 8 or end - start < 16:
        return sequence(data)
    return sequence(data[:start], end - start) + sequence(data[end:])


def block(data, stored=None, flags=0, sum_=None):
    """stored: the bytes as they are."""
    packed = data if stored else compress_block(data)
    size = len(packed) | (0x80000000 if stored else 0)
    out = struct.pack("<I", size) + packed
    if flags & BLOCK_SUM:
        out += struct.pack("<I", xxh32(packed) if sum_ is None else sum_)
    return out


def head(flags=SUM, sizes=0x40, content=None, check=None, version=1):
    body = bytes([version << 6 | flags, sizes])
    if content is not None:
        body += struct.pack("<Q", content)
    if flags & DICTIONARY:
        body += struct.pack("<I", 7)
    if check is None:
        check = xxh32(body) >> 8 & 0xff
    return b"\x04\x22\x4d\x18" + body + bytes([check])


def compress(data, flags=SUM, content=None, sizes=0x40, stored=False):
    room = 1 << 8 + 2 * (sizes >> 4)
    if flags & SIZE and content is None:
        content = len(data)
    out = head(flags, sizes, content)
    for at in range(0, len(data), room):
        out += block(data[at:at + room], stored, flags)
    out += bytes(4)
    if flags & SUM:
        out += struct.pack("<I", xxh32(data))
    return out
