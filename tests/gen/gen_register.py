#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that published advisories describe and no other generator writes.

    tests/gen/gen_register.py OUTDIR

tests/register has the table that names them.  What a payload names is never
called by anything here, and its argument is `true`.  Standard library only;
the same bytes at every run."""

import io
import json
import struct
import sys
import zipfile

from gen_pickles import Out, TENSORS, WEIGHT
from pickle_asm import *            # noqa: F403 - an assembler
from zip_writer import Zip, torch_records, torch_zip

ANY = ["dangerous", "undecided"]
CODES = ["PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED", "PFORK_E_LIMIT"]


def scanner_faults(out):
    bad = pickled(call("os", "system"), 2)
    out.add("R-named-bin", bad, "a bare pickle under another suffix",
            "dangerous", ["os.system"], ext="bin")
    out.add("R-named-safetensors", bad, "a bare pickle under a safe suffix",
            "dangerous", ["os.system"], ext="safetensors")
    out.add("R-named-npy", bad, "a bare pickle under numpy's suffix",
            "dangerous", ["os.system"], ext="npy")
    out.refuse("R-7z-wrapper", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24) + bad,
               "nullifAI: a pickle inside a 7z archive", verdict=ANY,
               code=CODES, ext="pt")
    out.refuse("R-gzip-wrapper", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + bad,
               "a pickle behind a gzip header", verdict=ANY, code=CODES)
    out.add("R-memo-argument", pickled(
        BINUNICODE("system") + BINPUT(9) + POP + BINUNICODE("os")
        + BINPUT(3) + POP + NONE + BINPUT(0) + POP + BINGET(3) + BINGET(9)
        + STACK_GLOBAL + value(("true",)) + REDUCE, 4),
        "the memo's arguments matter, not their order (picklescan #22)",
        "dangerous", ["os.system"])
    out.refuse("R-memo-missing", pickled(
        call("os", "system") + POP + BINGET(77)),
        "a memo key that is not there aborts a scanner, after the call",
        verdict="dangerous", names=["os.system"])
    out.refuse("R-operand-int", pickled(
        call("os", "system", proto=4) + POP + value(7) + value(8)
        + STACK_GLOBAL, 4),
        "operands of another type abort a scanner, after the call",
        verdict="dangerous", names=["os.system"])
    out.add("R-builtins-shape", pickled(
        GLOBAL("numpy", "__builtins__") + value({"shape": "os"}) + BUILD),
        "modelscan #330: numpy's builtins and a state that sets shape",
        "dangerous", ["numpy.__builtins__"])
    joined = call("operator", "methodcaller", ("join", ["sys", "tem"]),
                  proto=4) + MARK + value("", 4) + TUPLE + REDUCE
    out.add("R-joined-name", pickled(
        GLOBAL("builtins", "getattr") + MARK
        + call("importlib", "import_module", ("os",), proto=4) + joined
        + TUPLE + REDUCE + value(("true",)) + REDUCE, 4),
        "modelscan #331: a module by call, its attribute by str.join",
        "dangerous", ["importlib.import_module", "getattr"])
    out.add("R-appended-build", pickled(
        state_dict({}) + GLOBAL("smtplib", "SMTP") + MARK + value("host")
        + TUPLE + REDUCE + value({"a": 1}) + BUILD + POP),
        "fickling GHSA-mhc9: a network class, and a BUILD after it",
        "dangerous", ["smtplib.SMTP"])
    for name in ("_load", "_loads", "load", "Unpickler", "_Unpickler"):
        out.add("R-hook-%s" % name, pickled(
            call("pickle", name, (bad,), proto=4), 4),
            "fickling GHSA-wccx: a loader that its hook does not cover",
            "dangerous", ["pickle.%s" % name])


def torch_faults(out):
    # Nothing is set: these are records of an inert machine.
    def archive(ident, body, what, verdict="dangerous"):
        out.add(ident, torch_zip(PROTO(2) + body + STOP, {"0": WEIGHT}),
                what, verdict, ext="pt", exits={})

    archive("R-setitem-on-tensor", torch_tensor() + value("k") + value(1)
            + SETITEM, "CVE-2026-24747: SETITEM on a tensor")
    archive("R-setitems-on-tensor", torch_tensor() + MARK + value("k")
            + value(1) + SETITEMS, "CVE-2026-24747: SETITEMS on a tensor")
    archive("R-setitem-on-storage", torch_storage() + value(0) + value(1)
            + SETITEM, "CVE-2026-24747: SETITEM on a storage",
            ["dangerous", "unusual", "undecided"])
    archive("R-append-to-tensor", torch_tensor() + value(1) + APPEND,
            "the same class: APPEND to a tensor")
    body = call("os", "system") + POP + state_dict({"weight": torch_tensor()})
    script = Zip()
    for name, data in torch_records(PROTO(2) + body + STOP, {"0": WEIGHT}):
        script.add(name, data)
    script.add("archive/code/__torch__.py", b"x = 1\n")
    script.add("archive/constants.pkl", pickled(value(())))
    out.add("R-torchscript-archive", script.finish(),
        "CVE-2025-32434: a call in an archive that looks like TorchScript",
        "dangerous", ["os.system"], "tensors", "pt", tensors=TENSORS,
        exits={"scan": 1, "ls": 0})
    for name, line in (("from-file", "torch.from_file('f', True, 4)"),
                       ("save", "torch. save(x, 'f')")):
        script = Zip()
        for record, data in torch_records(
                PROTO(2) + state_dict({"weight": torch_tensor()}) + STOP,
                {"0": WEIGHT}):
            script.add(record, data)
        script.add("archive/code/__torch__.py", (
            "class M(Module):\n  def __setstate__(self, x):\n    %s\n" % line)
            .encode())
        out.add("R-torchscript-%s" % name, script.finish(),
                "TorchScript that writes a file when it is loaded",
                "dangerous", ["that writes files"], "tensors", "pt",
                tensors=TENSORS, exits={"scan": 1, "ls": 0})
    script = Zip()
    for record, data in torch_records(
            PROTO(2) + state_dict({"weight": torch_tensor()}) + STOP,
            {"0": WEIGHT}):
        script.add(record, data)
    script.add("archive/code/__torch__.py", b"save = x.saved\nmy_from_file()\n"
               b"self.save_all()\n")
    out.add("R-torchscript-words", script.finish(),
            "TorchScript with words that are like those", "clean", [],
            "tensors", "pt", tensors=TENSORS, exits={"scan": 0, "ls": 0})
    out.add("R-fallback", torch_zip(
        PROTO(2) + GLOBAL("os", "system") + POP
        + state_dict({"weight": torch_tensor()}) + STOP, {"0": WEIGHT}),
        "Stanza: what the safe load refuses is loaded unsafely next",
        "dangerous", ["os.system"], "tensors", "pt", tensors=TENSORS,
        exits={"scan": 1, "ls": 0})


def archive_of(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as z:
        for name, text in members:
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return data.getvalue()


def other_formats(out):
    """Not read, or read by a parser that never calls: refused either way."""
    def refuse(ident, data, what, ext, verdict=None):
        out.refuse(ident, data, what, code=CODES,
                   verdict=verdict or ANY, ext=ext)

    for ident, node in (("54412", "OperatorFuncNode"), ("54413",
                                                        "MethodNode")):
        schema = json.dumps({"__class__": "system", "__module__": "os",
                             "__loader__": node, "content": "true"})
        refuse("R-skops-" + ident, archive_of([("schema.json", schema)]),
               "skops: a %s that is a function" % node, "skops")
    refuse("R-skops-fallback", archive_of([("schema.txt", "{}")]),
           "skops CVE-2025-54886: no schema, so joblib loads it", "skops")
    lam = json.dumps({"class_name": "Lambda", "config": {"function": "x"}})
    for ident, what in (("2024-3660", "a Lambda layer"),
                        ("2025-1550", "a module and class by name"),
                        ("2025-9905", "a Lambda layer in an old file")):
        refuse("R-keras-" + ident, archive_of([
            ("metadata.json", "{}"), ("config.json", lam),
            ("model.weights.h5", b"\x89HDF\r\n\x1a\n")]),
            "Keras: " + what, "keras")
    refuse("R-hdf5", b"\x89HDF\r\n\x1a\n" + bytes(2048),
           "HDF5: 137 public CVE files, none of them parsed", "h5")
    onnx = b"\x08\x09\x12\x07pytorch\x3a\x20\x2a\x1e\x6a\x1c\x0a\x08location" \
        b"\x12\x10../../etc/passwd"
    out.add("R-onnx-external", onnx,
            "ONNX: external data by a path; no second file is opened",
            "dangerous", ["../../etc/passwd"], ext="onnx")
    refuse("R-nemo-target", b"_target_: os.system\ncommand: 'true'\n",
           "NeMo: Hydra's _target_ in a YAML file", "yaml")


def gguf(n_tensors=0, n_kv=0, body=b"", version=3):
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_kv) + body


def gguf_text(text, length=None):
    data = text.encode()
    return struct.pack("<Q", len(data) if length is None else length) + data


def gguf_tensor(name, dims, kind=0, offset=0):
    return gguf_text(name) + struct.pack("<I", len(dims)) + b"".join(
        struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", kind, offset)


def gguf_faults(out):
    key = gguf_text("k")
    rows = (
        ("2024-21802", "n_dims over 4", gguf(1, 0, gguf_text("t")
         + struct.pack("<I", 2**31) + bytes(64))),
        ("2024-21825", "an array whose size wraps", gguf(0, 1, key
         + struct.pack("<IIQ", 9, 4, 2**62 + 1) + bytes(64))),
        ("2024-21836", "n_tensors whose size wraps", gguf(2**60, 0,
                                                          bytes(64))),
        ("2024-23496", "a string whose length wraps", gguf(0, 1, gguf_text(
            "k", 2**64 - 1) + bytes(64))),
        ("2024-23605", "n_kv whose size wraps", gguf(0, 2**59, bytes(64))),
        ("2025-53630", "tensor sizes that wrap when summed", gguf(
            2, 0, gguf_tensor("a", [2**61]) + gguf_tensor("b", [2**61], 0,
                                                          2**63)
            + bytes(64))),
        ("2026-27940", "the sum wraps past the check", gguf(
            2, 0, gguf_tensor("a", [2**62 - 8]) + gguf_tensor(
                "b", [64], 0, 2**64 - 32) + bytes(64))),
        ("2026-33298", "an exabyte in four megabytes", gguf(
            1, 0, gguf_tensor("a", [2**30, 2**30]) + bytes(64))),
        ("15711", "n_tensors x overhead", gguf(2**56, 0, bytes(64))),
        ("25596", "a zero dimension divides by zero", gguf(
            1, 0, gguf_tensor("a", [0, 0], 4) + bytes(64))),
        ("25596-alignment", "an alignment of the wrong type", gguf(
            0, 1, gguf_text("general.alignment") + struct.pack("<I", 8)
            + gguf_text("32"))),
        ("26690", "an array of strings read as numbers", gguf(
            0, 1, gguf_text("tokenizer.ggml.scores") + struct.pack(
                "<IIQ", 9, 8, 2**20) + bytes(64))),
        ("26318", "padding that wraps", gguf(
            1, 0, gguf_tensor("a", [2**64 - 1], 24) + bytes(64))),
        ("2026-7482", "dimensions beyond the file", gguf(
            1, 0, gguf_tensor("a", [1 << 20]) + bytes(64))),
        ("709", "an unknown type of a value", gguf(
            0, 1, key + struct.pack("<I", 99) + bytes(64))),
    )
    for ident, what, data in rows:
        out.refuse("R-gguf-" + ident, data, "GGUF: " + what, code=CODES,
                   verdict=ANY, ext="gguf")


def main():
    out = Out(sys.argv[1])
    scanner_faults(out)
    torch_faults(out)
    other_formats(out)
    gguf_faults(out)
    out.finish()


if __name__ == "__main__":
    main()
