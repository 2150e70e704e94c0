# SPDX-License-Identifier: Apache-2.0
"""What libzip reads from an archive in memory (package libzip4)."""
import ctypes
import hashlib

RAW = 64                    # ZIP_FL_ENC_RAW
RDONLY = 16
MOST = 1 << 24              # no member of the comparison is larger

lib = ctypes.CDLL("libzip.so.4")
P = ctypes.c_void_p
lib.zip_source_buffer_create.restype = P
lib.zip_source_buffer_create.argtypes = [ctypes.c_char_p, ctypes.c_uint64,
                                         ctypes.c_int, P]
lib.zip_open_from_source.restype = P
lib.zip_open_from_source.argtypes = [P, ctypes.c_int, P]
lib.zip_source_free.argtypes = [P]
lib.zip_discard.argtypes = [P]
lib.zip_get_num_entries.restype = ctypes.c_int64
lib.zip_get_num_entries.argtypes = [P, ctypes.c_uint]
lib.zip_get_name.restype = ctypes.c_char_p
lib.zip_get_name.argtypes = [P, ctypes.c_uint64, ctypes.c_uint]
lib.zip_fopen_index.restype = P
lib.zip_fopen_index.argtypes = [P, ctypes.c_uint64, ctypes.c_uint]
lib.zip_fread.restype = ctypes.c_int64
lib.zip_fread.argtypes = [P, P, ctypes.c_uint64]
lib.zip_fclose.argtypes = [P]


class Refused(Exception):
    pass


def read_member(archive, index):
    file = lib.zip_fopen_index(archive, index, 0)
    if not file:
        raise Refused("fopen")
    out = b""
    room = ctypes.create_string_buffer(1 << 16)
    while len(out) < MOST:
        got = lib.zip_fread(file, room, len(room))
        if got < 0:
            lib.zip_fclose(file)
            raise Refused("fread")
        if got == 0:
            break
        out += room.raw[:got]
    if lib.zip_fclose(file) != 0:
        raise Refused("fclose")
    return out


def read(data):
    """[(name, size, sha256)], or Refused."""
    source = lib.zip_source_buffer_create(data, len(data), 0, None)
    archive = lib.zip_open_from_source(source, RDONLY, None)
    if not archive:
        lib.zip_source_free(source)
        raise Refused("open")
    try:
        found = []
        for i in range(lib.zip_get_num_entries(archive, 0)):
            name = lib.zip_get_name(archive, i, RAW)
            if name is None:
                raise Refused("name")
            made = read_member(archive, i)
            found.append((name.decode("utf-8", "surrogateescape"), len(made),
                          hashlib.sha256(made).hexdigest()))
        return found
    finally:
        lib.zip_discard(archive)
