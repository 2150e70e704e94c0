# SPDX-License-Identifier: Apache-2.0
"""A zip writer in which every field can be made to lie.

Writes torch 2.13's dialect by default (measured off its files: version 0, flags
0x0808, zeroes in the local header, a 16-byte signed data descriptor, data at a
multiple of 64 by an "FB" extra, a zip64 end record always).  style="plain"
writes what Python's zipfile writes.  Standard library only, deterministic.
"""
import struct
import zlib

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
END64, LOCATOR, DESCRIPTOR = b"PK\6\6", b"PK\6\7", b"PK\7\b"
MAX32 = 0xFFFFFFFF


def deflate(data, level=9):
    """Raw deflate."""
    c = zlib.compressobj(level, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


def extra(ident, payload, length=None):
    """One extra field; length= lies about its size."""
    return struct.pack("<HH", ident,
                       len(payload) if length is None else length) + payload


class Zip:
    """add() members, then finish().  Offsets of what was written are kept in
    local[], data[], descriptor[], central[] (by member) and in directory,
    end64, locator, end, for expected error offsets."""

    def __init__(self, style="torch", prefix=b"", align=64):
        self.style, self.align = style, align
        self.out = bytearray(prefix)
        self.entries = []
        self.local, self.data, self.descriptor, self.central = [], [], [], []

    def add(self, name, data=b"", method=0, **o):
        """Overrides: packed (bytes in the file), and any of sig version flags
        method time date crc packed_size size name extra name_len extra_len,
        with l_ for the local header, c_ for the central one, or bare for both;
        descriptor=bytes, header_offset=, c_disk, c_comment, c_internal,
        c_external, c_made, gap=bytes before the local header, zip64=True for
        64-bit sizes, zip64_offset=True for a 64-bit offset, local=False for no local part at all."""
        name = name.encode() if isinstance(name, str) else name
        torch = self.style == "torch"
        packed = o.get("packed")
        if packed is None:
            packed = deflate(data) if method == 8 else data
        true = {
            "sig": LOCAL, "method": method, "time": 0,
            "date": 0 if torch else 0x21,
            "version": (0 if method == 0 else 20) if torch else 20,
            "flags": 0x0800, "crc": zlib.crc32(data),
            "packed_size": len(packed), "size": len(data), "name": name,
        }
        described = o.get("described", torch and len(packed) > 0)
        if described:
            true["flags"] |= 0x0008

        def get(side, key, default=None):
            return o.get(side + key, o.get(key, true.get(key, default)))

        self.out += o.get("gap", b"")
        at = len(self.out)
        self.local.append(at)
        if o.get("local", True):
            self._local(o, get, described, packed, true)
        else:
            self.data.append(None)
            self.descriptor.append(None)
        self.entries.append((o, get, at))
        return self

    def _local(self, o, get, described, packed, true):
        at = len(self.out)
        zero = described and not o.get("l_true", False)
        ext = o.get("l_extra")
        if ext is None:
            ext = b""
            if o.get("zip64") or o.get("zip64_offset"):
                # torch (miniz): sizes, then the offset, each when large.
                ext = extra(1, (struct.pack("<QQ", true["size"], len(packed))
                                if o.get("zip64") else b"") +
                            (struct.pack("<Q", at)
                             if o.get("zip64_offset") else b""))
            if self.style == "torch":
                start = at + 30 + len(get("l_", "name")) + len(ext) + 4
                ext += extra(0x4246, b"Z" * (-start % self.align))
        name = get("l_", "name")

        def size(key):
            return o.get("l_" + key, 0 if zero else get("", key))

        self.out += struct.pack(
            "<4sHHHHHIIIHH", get("l_", "sig"), get("l_", "version"),
            get("l_", "flags"), get("l_", "method"), get("l_", "time"),
            get("l_", "date"), size("crc"), size("packed_size"), size("size"),
            o.get("l_name_len", len(name)), o.get("l_extra_len", len(ext)))
        self.out += name + ext
        self.data.append(len(self.out))
        self.out += packed
        self.descriptor.append(len(self.out))
        if "descriptor" in o:
            self.out += o["descriptor"]
        elif described:
            form = ("<4sIQQ" if o.get("zip64") or o.get("zip64_offset")
                    else "<4sIII")
            self.out += struct.pack(form, DESCRIPTOR, true["crc"],
                                    len(packed), true["size"])

    def _central(self, o, get, at):
        name = get("c_", "name")
        ext = o.get("c_extra", b"")
        comment = o.get("c_comment", b"")
        torch = self.style == "torch"
        sizes = [get("c_", "packed_size"), get("c_", "size")]
        where = o.get("header_offset", at)
        if "c_extra" not in o and (o.get("zip64") or o.get("zip64_offset")):
            more = b""
            if o.get("zip64"):
                more += struct.pack("<QQ", sizes[1], sizes[0])
                sizes = [MAX32, MAX32]
            if o.get("zip64_offset"):
                more += struct.pack("<Q", where)
                where = MAX32
            ext = extra(1, more)
        self.central.append(len(self.out))
        self.out += struct.pack(
            "<4sHHHHHHIIIHHHHHII", o.get("c_sig", CENTRAL),
            o.get("c_made", 0 if torch else 0x0314), get("c_", "version"),
            get("c_", "flags"), get("c_", "method"), get("c_", "time"),
            get("c_", "date"), get("c_", "crc"), *sizes,
            o.get("c_name_len", len(name)), o.get("c_extra_len", len(ext)),
            o.get("c_comment_len", len(comment)), o.get("c_disk", 0),
            o.get("c_internal", 0), o.get("c_external", 0), where)
        self.out += name + ext + comment

    def finish(self, suffix=b"", comment=b"", order=None, gap=b"", **e):
        """End overrides, with end_ for the old record and end64_ for the new:
        disk cd_disk count_disk count cd_size cd_offset; end_comment_len;
        end64_sig end64_size end64_made end64_version; zip64=bool;
        locator_sig locator_disk locator_offset locator_disks; no_end=True;
        gap64 / gap_end: bytes before the locator / the old record."""
        self.out += gap
        self.directory = len(self.out)
        entries = self.entries
        for i in order if order is not None else range(len(entries)):
            self._central(*entries[i])
        listed = len(self.central)
        size = len(self.out) - self.directory

        def get(kind, key, default):
            return e.get(kind + key, e.get(key, default))

        self.end64 = self.locator = None
        if e.get("zip64", self.style == "torch"):
            self.end64 = len(self.out)
            self.out += struct.pack(
                "<4sQHHIIQQQQ", e.get("end64_sig", END64),
                e.get("end64_size", 44 + len(e.get("end64_more", b""))),
                e.get("end64_made", 0x031E), e.get("end64_version", 45),
                get("end64_", "disk", 0), get("end64_", "cd_disk", 0),
                get("end64_", "count_disk", listed),
                get("end64_", "count", listed),
                get("end64_", "cd_size", size),
                get("end64_", "cd_offset", self.directory))
            self.out += e.get("end64_more", b"") + e.get("gap64", b"")
            self.locator = len(self.out)
            self.out += struct.pack(
                "<4sIQI", e.get("locator_sig", LOCATOR),
                e.get("locator_disk", 0),
                e.get("locator_offset", self.end64),
                e.get("locator_disks", 1))
        self.out += e.get("gap_end", b"")
        self.end = len(self.out)
        if not e.get("no_end"):
            self.out += struct.pack(
                "<4sHHHHIIH", e.get("end_sig", END),
                get("end_", "disk", 0) & 0xFFFF,
                get("end_", "cd_disk", 0) & 0xFFFF,
                min(get("end_", "count_disk", listed), 0xFFFF),
                min(get("end_", "count", listed), 0xFFFF),
                min(get("end_", "cd_size", size), MAX32),
                min(get("end_", "cd_offset", self.directory), MAX32),
                e.get("end_comment_len", len(comment)))
            self.out += comment
        self.out += suffix
        return bytes(self.out)


def torch_records(pickle, storages, root="archive", byteorder=b"little",
                  version=b"3\n", format_version=b"1", alignment=b"64",
                  serialization_id=b"0" * 40, more=()):
    """(name, bytes) of each record, in torch 2.13's order.  None leaves a
    record out.  more: further (record, bytes) before version."""
    records = [("data.pkl", pickle), (".format_version", format_version),
               (".storage_alignment", alignment), ("byteorder", byteorder)]
    records += [("data/%s" % key, data) for key, data in storages.items()]
    records += list(more)
    records += [("version", version),
                (".data/serialization_id", serialization_id)]
    return [(root + "/" + name, data) for name, data in records
            if data is not None]


def torch_zip(pickle, storages, members=None, finish=None, style="torch",
              prefix=b"", **o):
    """The file that torch.save writes.  members: {record name without root:
    overrides of Zip.add}; finish: overrides of Zip.finish; the rest goes to
    torch_records."""
    return torch_zip_open(pickle, storages, members, finish, style, prefix,
                          **o)[1]


def torch_zip_open(pickle, storages, members=None, finish=None, style="torch",
                   prefix=b"", **o):
    """As torch_zip, but (Zip, bytes), for the offsets."""
    z = Zip(style, prefix)
    for name, data in torch_records(pickle, storages, **o):
        z.add(name, data, **(members or {}).get(name.split("/", 1)[1], {}))
    return z, z.finish(**(finish or {}))
