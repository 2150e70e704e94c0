# SPDX-License-Identifier: Apache-2.0
"""Parts of gen_tensors.py: the rebuild functions of torch, numpy's arrays."""

import struct

from gen_tensors import DATA, UTILS, floats, tensor
from pickle_asm import *            # noqa: F403 - an assembler

T = torch_tensor()
ROW = tensor("F32", (2, 3), DATA)


def rebuild(name, *args, module=UTILS):
    """A call whose arguments are opcodes (bytes) or values."""
    return GLOBAL(module, name) + MARK + b"".join(
        a if isinstance(a, bytes) else value(a) for a in args) + TUPLE + REDUCE


def storage(key="0", kind="FloatStorage", numel=6, module="torch"):
    return torch_storage(key, kind, numel, module=module)


UNTYPED = storage("0", "UntypedStorage", 24, "torch.storage")
HOOKS = ordered_dict()


def plain_words(out):
    out.load("T-rebuild-v1", {"t": rebuild("_rebuild_tensor", storage(), 0,
                                           (2, 3), (3, 1))},
             "_rebuild_tensor", {"t": ROW})
    out.load("T-rebuild-parameter", {"t": rebuild("_rebuild_parameter", T,
                                                  True, HOOKS)},
             "_rebuild_parameter", {"t": ROW})
    out.load("T-rebuild-parameter-state", {"t": rebuild(
        "_rebuild_parameter_with_state", T, True, HOOKS,
        {"extra": Raw(torch_tensor(size=(3,)))})},
        "_rebuild_parameter_with_state",
        {"t": ROW, "t.extra": tensor("F32", (3,), DATA[:12])})
    out.refuse("T-rebuild-parameter-int", rebuild("_rebuild_parameter", 5,
                                                  True, HOOKS),
               "a parameter of an int")
    for name, args in (("few", (storage(), 0, (2, 3), (3, 1), False)),
                       ("many", (storage(), 0, (2, 3), (3, 1), False, HOOKS,
                                 {}, 1))):
        out.refuse("T-rebuild-%s-args" % name,
                   rebuild("_rebuild_tensor_v2", *args),
                   "%s arguments" % name, at=True)
    for name, grad in (("int", 1), ("text", "yes"), ("none", None)):
        out.refuse("T-grad-" + name, torch_tensor(requires_grad=grad),
                   "requires_grad of another type")
    out.load("T-hooks", {"t": rebuild("_rebuild_tensor_v2", storage(), 0,
                                      (2, 3), (3, 1), True, None)},
             "hooks of None", {"t": ROW})


def metadata(out):
    c64 = torch_storage("0", "ComplexFloatStorage", 3)
    conj = struct.pack("<6f", 0.5, 1.0, 2.0, -3.25, -4.5, -6.0)
    neg = struct.pack("<6f", -0.5, 1.0, -2.0, -3.25, 4.5, -6.0)
    both = struct.pack("<6f", -0.5, -1.0, -2.0, 3.25, 4.5, 6.0)

    def lazy(dtype, bits, size=(3,)):
        return torch_tensor(storage=dtype, size=size, metadata=value(bits))

    out.load("T-conj", {"t": lazy(c64, {"conj": True})}, "the conjugate bit",
             {"t": tensor("C64", (3,), conj)})
    out.load("T-neg", {"t": lazy(c64, {"neg": True})}, "the negative bit",
             {"t": tensor("C64", (3,), neg)})
    out.load("T-conj-neg", {"t": lazy(c64, {"conj": True, "neg": True})},
             "both", {"t": tensor("C64", (3,), both)})
    out.load("T-neg-float", {"t": lazy(storage(), {"neg": True}, (6,))},
             "the negative bit of floats", {"t": tensor("F32", (6,), neg)})
    out.load("T-conj-false", {"t": lazy(c64, {"conj": False, "neg": False})},
             "torch looks for the keys, not at their values",
             {"t": tensor("C64", (3,), both)})
    out.load("T-neg-false", {"t": lazy(storage(), {"neg": False}, (6,))},
             "the same of floats", {"t": tensor("F32", (6,), neg)})
    out.refuse("T-conj-float", lazy(storage(), {"conj": True}, (6,)),
               "the conjugate bit of floats", at=True)
    out.refuse("T-conj-int", lazy(c64, {"conj": 1}), "a bit that is an int")
    out.refuse("T-metadata-list", torch_tensor(metadata=value([1])),
               "metadata that is no dict")
    out.refuse("T-conj-outside", lazy(c64, {"conj": True}, (4,)),
               "a conjugate outside its storage", at=True)


def dtypes(out):
    def v3(dtype, size, dtype_op=None):
        return rebuild("_rebuild_tensor_v3", UNTYPED, 0, size, (1,), False,
                       HOOKS, dtype_op or GLOBAL("torch", dtype))

    for dtype, name, count in (
            ("uint16", "U16", 12), ("uint32", "U32", 6), ("uint64", "U64", 3),
            ("float8_e4m3fn", "F8_E4M3", 24), ("float8_e5m2", "F8_E5M2", 24),
            ("float8_e8m0fnu", "F8_E8M0", 24), ("bits8", "BITS8", 24),
            ("bits16", "BITS16", 12), ("complex32", "C32", 6),
            ("float4_e2m1fn_x2", "F4X2", 24)):
        out.load("T-v3-" + dtype, {"t": v3(dtype, (count,))},
                 "torch." + dtype, {"t": tensor(name, (count,), DATA)})
        out.refuse("T-v3-%s-over" % dtype, v3(dtype, (count + 1,)),
                   "one element too many", at=True)
    out.left_out("T-v3-new", v3("float3_e1m1", (1,)), "a dtype of tomorrow",
                 "dtype")
    out.refuse("T-v3-text", v3("", (1,), value("torch.uint16")),
               "a dtype that is text")
    out.load("T-v3-two", {"t": v3("uint16", (12,)), "u": v3("float8_e5m2",
                                                            (24,))},
             "one untyped storage seen as two types",
             {"t": tensor("U16", (12,), DATA),
              "u": tensor("F8_E5M2", (24,), DATA)})
    quant = storage("q", "QUInt4x2Storage", 3)
    q = rebuild("_rebuild_qtensor", quant, 0, (3, 2), (2, 1),
                Raw(MARK + GLOBAL("torch", "per_tensor_affine")
                    + value(0.5) + value(3) + TUPLE).pickle, False, HOOKS)
    out.load("T-quint4x2", {"t": q}, "two elements a byte",
             {"t": tensor("QU4X2", (3, 2), b"\x12\x34\x56"),
              "t.scale": tensor("F64", (), struct.pack("<d", 0.5)),
              "t.zero_point": tensor("I64", (), struct.pack("<q", 3))},
             {"q": b"\x12\x34\x56"})
    odd = rebuild("_rebuild_qtensor", quant, 0, (2, 3), (3, 1),
                  Raw(MARK + GLOBAL("torch", "per_tensor_affine")
                      + value(0.5) + value(3) + TUPLE).pickle, False, HOOKS)
    out.left_out("T-quint4x2-odd", odd, "rows that end inside a byte",
                 "whole rows", storages={"q": b"\x12\x34\x56"})


def quantized(out):
    data = b"\1\2\3\4\5\6"
    more = {"q": data}

    def qtensor(*params, scheme="per_tensor_affine", size=(2, 3)):
        return rebuild("_rebuild_qtensor", storage("q", "QInt8Storage"), 0,
                       size, (3, 1), MARK + GLOBAL("torch", scheme)
                       + b"".join(p if isinstance(p, bytes) else value(p)
                                  for p in params) + TUPLE, False, HOOKS)

    main = {"t": tensor("I8", (2, 3), data)}
    out.load("T-quant-tensor", {"t": qtensor(0.5, 3)}, "per tensor",
             {**main, "t.scale": tensor("F64", (), struct.pack("<d", 0.5)),
              "t.zero_point": tensor("I64", (), struct.pack("<q", 3))}, more)
    per = "per_channel_affine"
    out.load("T-quant-channel-lists", {"t": qtensor(
        [0.5, 1], [1, -2], 0, scheme=per)}, "per channel, as lists",
        {**main, "t.scales": tensor("F64", (2,), struct.pack("<2d", 0.5, 1)),
         "t.zero_points": tensor("I64", (2,), struct.pack("<2q", 1, -2)),
         "t.axis": tensor("I64", (), bytes(8))}, more)
    for name, op in (("axis-over", qtensor([1.0], [1], 2, scheme=per)),
                     ("axis-negative", qtensor([1.0], [1], -1, scheme=per)),
                     ("axis-float", qtensor([1.0], [1], 0.0, scheme=per)),
                     ("scale-text", qtensor("x", 3)),
                     ("scales-text", qtensor(["x"], [1], 0, scheme=per)),
                     ("parts", qtensor(0.5)),
                     ("over", qtensor(0.5, 3, size=(3, 3)))):
        out.refuse("T-quant-" + name, op, "a quantizer that cannot be", more)
    out.left_out("T-quant-scheme", qtensor(1.0, scheme="per_star"),
                 "a scheme of tomorrow", "scheme", main, storages=more)


def layouts(out):
    def layout(name):
        return call("torch.serialization", "_get_layout", (name,))

    def vector(key, kind, count):
        return torch_tensor(key, kind, count, (count,))

    index = struct.pack("<3q", 0, 1, 99)
    more = {"i": index}
    i, v = vector("i", "LongStorage", 3), vector("0", "FloatStorage", 6)
    out.load("T-sparse-coo", {"t": rebuild(
        "_rebuild_sparse_tensor", layout("torch.sparse_coo"),
        (Raw(i), Raw(v), (3, 3)))}, "COO; its indices are not judged",
        {"t.indices": tensor("I64", (3,), index),
         "t.values": tensor("F32", (6,), DATA),
         "t.size": tensor("I64", (2,), struct.pack("<2q", 3, 3))}, more)
    for name, first, second in (("csr", "crow_indices", "col_indices"),
                                ("bsc", "ccol_indices", "row_indices")):
        out.load("T-sparse-" + name, {"t": rebuild(
            "_rebuild_sparse_tensor", layout("torch.sparse_" + name),
            (Raw(i), Raw(i), Raw(v), (3, 3)))}, name,
            {"t." + first: tensor("I64", (3,), index),
             "t." + second: tensor("I64", (3,), index),
             "t.values": tensor("F32", (6,), DATA),
             "t.size": tensor("I64", (2,), struct.pack("<2q", 3, 3))}, more)
    out.left_out("T-sparse-new", rebuild(
        "_rebuild_sparse_tensor", layout("torch.sparse_xyz"), ()),
        "a layout of tomorrow", "layout")
    out.refuse("T-sparse-parts", rebuild(
        "_rebuild_sparse_tensor", layout("torch.sparse_coo"), (Raw(i),)),
        "too few parts", more)
    out.refuse("T-sparse-int", rebuild(
        "_rebuild_sparse_tensor", layout("torch.sparse_coo"),
        (Raw(i), 5, (3,))), "an int in the place of the values", more)
    out.left_out("T-meta", rebuild(
        "_rebuild_meta_tensor_no_storage", GLOBAL("torch", "float32"), (2,),
        (1,), False), "a meta tensor", "meta")
    out.left_out("T-wrapper", rebuild(
        "_rebuild_wrapper_subclass", GLOBAL("mystery", "Wrapped"),
        GLOBAL("torch", "float32"), (2,), (1,), 0, layout("torch.strided"),
        call("torch", "device", ("cpu",)), False), "a wrapper subclass",
        "wrapper")


def from_type(out):
    def of_type(function, args, state=None, kind=("mystery", "Sub")):
        return GLOBAL("torch._tensor", "_rebuild_from_type_v2") + MARK \
            + function + GLOBAL(*kind) + args + value(state) + TUPLE + REDUCE

    args = MARK + storage() + value(0) + value((2, 3)) + value((3, 1)) \
        + value(False) + HOOKS + TUPLE
    v2 = GLOBAL(UTILS, "_rebuild_tensor_v2")
    out.load("T-type", {"t": of_type(v2, args)}, "a tensor of a subclass",
             {"t": ROW}, verdict="unusual", names=["mystery.Sub"])
    out.load("T-type-state", {"t": of_type(
        v2, args, {"inner": Raw(torch_tensor(size=(3,)))})},
        "a subclass that holds another tensor",
        {"t": ROW, "t.inner": tensor("F32", (3,), DATA[:12])},
        verdict="unusual")
    nested = MARK + v2 + GLOBAL("mystery", "Sub") + args + NONE + TUPLE
    out.load("T-type-twice", {"t": of_type(
        GLOBAL("torch._tensor", "_rebuild_from_type_v2"), nested)},
        "the function is the same again", {"t": ROW}, verdict="unusual")
    for _ in range(10):
        nested = MARK + GLOBAL("torch._tensor", "_rebuild_from_type_v2") \
            + GLOBAL("mystery", "Sub") + nested + NONE + TUPLE
    out.refuse("T-type-deep", of_type(
        GLOBAL("torch._tensor", "_rebuild_from_type_v2"), nested),
        "the same again, ten times")
    out.refuse("T-type-text", of_type(value("f"), args),
               "text in the place of the function: nobody calls it")
    out.load("T-type-system", {"t": of_type(
        GLOBAL("os", "system"), value(("true",)))},
        "a function that runs commands", {}, verdict="dangerous",
        names=["os.system"])


def legacy(out):
    state = MARK + storage() + value(0) + value((2, 3)) + value((3, 1)) + TUPLE
    outside = MARK + storage() + value(1) + value((2, 3)) + value((3, 1)) \
        + TUPLE
    new = GLOBAL("torch", "FloatTensor") + EMPTY_TUPLE + NEWOBJ
    out.load("T-legacy-state", {"t": new + state + BUILD},
             "the state of a bare tensor", {"t": ROW})
    out.refuse("T-legacy-outside", new + outside + BUILD,
               "the same, outside its storage")
    out.load("T-legacy-variable", {"t": GLOBAL(
        "torch.autograd.variable", "Variable") + EMPTY_TUPLE + NEWOBJ + MARK
        + T + NONE + NONE + NEWFALSE + NEWFALSE + TUPLE + BUILD},
        "the state of a Variable", {"t": ROW})
    out.refuse("T-state-replaces", T + outside + BUILD,
               "a state that moves a tensor out of its storage")
    out.load("T-state-attributes", {"t": T + value(
        {"a": Raw(torch_tensor(size=(3,)))}) + BUILD},
        "a state of attributes",
        {"t": ROW, "t.a": tensor("F32", (3,), DATA[:12])})
    big = struct.pack(">6f", *struct.unpack("<6f", DATA))
    out.load("T-big-endian", {"t": T, "c": torch_tensor(
        "c", "ComplexFloatStorage", 3, (3,))}, "a big-endian archive",
        {"t": ROW, "c": tensor("C64", (3,), DATA)},
        {"0": big, "g": big, "c": big}, byteorder=b"big")
    wide = rebuild("_rebuild_tensor_v3", UNTYPED, 0, (6,), (1,), False, HOOKS,
                   GLOBAL("torch", "uint32"))
    thin = rebuild("_rebuild_tensor_v3", UNTYPED, 0, (12,), (1,), False,
                   HOOKS, GLOBAL("torch", "uint16"))
    out.load("T-big-endian-untyped", {"a": wide, "t": thin},
             "big-endian bytes of an untyped storage: torch swaps none", {},
             {"0": big, "g": big}, byteorder=b"big", verdict="unusual",
             names=["left out: a", "left out: t"])


def replaced(out):
    """A tensor that is given other data: torch would have that."""
    third = torch_tensor(size=(3,))
    four = MARK + storage() + value(1) + value((3,)) + value((1,)) + TUPLE
    five = MARK + third + value(0) + HOOKS + NEWFALSE + NEWFALSE + TUPLE
    parameter = rebuild("_rebuild_parameter", T, False, HOOKS)
    stated = rebuild("_rebuild_parameter_with_state", T, False, HOOKS,
                     {"data": Raw(third)})
    typed = GLOBAL("torch._tensor", "_rebuild_from_type_v2") + MARK \
        + GLOBAL(UTILS, "_rebuild_tensor_v2") + GLOBAL("torch", "Tensor") \
        + MARK + storage() + value(0) + value((2, 3)) + value((3, 1)) \
        + value(False) + HOOKS + TUPLE + value({"data": Raw(third)}) + TUPLE \
        + REDUCE
    for name, op in (("tensor-set", T + four), ("tensor-data", T + five),
                     ("parameter-set", parameter + four),
                     ("parameter-data", parameter + five),
                     ("list", T + value([Raw(storage()), 1, (3,), (1,)])),
                     ("twice", T + four + BUILD + value((False, None, None)))):
        out.refuse("T-replaced-" + name, op + BUILD,
                   "a state that gives a tensor other data")
    for name, op in (("items", value(0) + value(7) + SETITEM),
                     ("state", value({"dtype": Raw(GLOBAL(
                         "torch", "int32"))}) + BUILD)):
        out.refuse("T-replaced-storage-" + name, storage() + op + POP + T,
                   "a storage that is changed before it is used")
    for name, op in (("attribute", stated), ("type", typed)):
        out.left_out("T-replaced-" + name, op,
                     "an attribute that gives a tensor other data",
                     "its attributes may replace its data",
                     {"t.data": tensor("F32", (3,), DATA[:12])})
    for name, op in (
            ("real", rebuild("_rebuild_parameter_with_state", T, False, HOOKS,
                             {"real": Raw(third)})),
            ("imag", rebuild("_rebuild_parameter_with_state", T, False, HOOKS,
                             (None, {"imag": Raw(third)}))),
            ("type", GLOBAL("torch._tensor", "_rebuild_from_type_v2") + MARK
             + GLOBAL(UTILS, "_rebuild_parameter_with_state")
             + GLOBAL("torch.nn.parameter", "Parameter") + MARK + T + NEWFALSE
             + HOOKS + value({"real": Raw(third)}) + TUPLE + EMPTY_DICT + TUPLE
             + REDUCE)):
        out.load("T-writes-" + name, {"t": op + POP + T},
                 "numbers that are written to by way of another tensor",
                 {"t": ROW}, verdict="dangerous")
    for name, dtype in (("int8", "int8"), ("bfloat16", "bfloat16")):
        out.left_out("T-cast-" + name, rebuild(
            "_rebuild_device_tensor_from_numpy", array(), GLOBAL(
                "torch", dtype), "cpu", False),
            "an array that torch would convert", "another dtype")
    out.load("T-cast-none", {"t": rebuild(
        "_rebuild_device_tensor_from_cpu_tensor", T, GLOBAL(
            "torch", "float32"), "cpu", False)},
        "a tensor of the dtype that is asked for", {"t": ROW})


def changed(out):
    """What a call was given is changed when it has been read: torch has what
    it was then, and so has the file's reader, or nothing."""
    late = "changed afterwards"
    grown = BINGET(90) + value(2) + APPEND + POP

    def sized(size):
        return rebuild("_rebuild_tensor_v2", storage(), 0, size, (1,), False,
                       HOOKS)

    size = EMPTY_LIST + BINPUT(90) + value(2) + APPEND
    out.left_out("T-changed-size", sized(size) + grown, "a size", late)
    out.load("T-changed-before", {"t": size + POP + GET(90) + POP
                                  + sized(BINGET(90))},
             "a size that was made before", {"t": tensor("F32", (2,),
                                                         floats(2))})
    out.left_out("T-changed-set", sized(size) + BINGET(90) + value(0)
                 + value(3) + SETITEM + POP, "a number of a size", late)
    out.left_out("T-changed-torch-size", sized(call(
        "torch", "Size", (Raw(size),))) + grown, "a torch.Size's list",
        "shape")
    bits = EMPTY_DICT + BINPUT(90)
    out.left_out("T-changed-metadata", rebuild(
        "_rebuild_tensor_v2", storage(), 0, (2,), (1,), False, HOOKS, bits)
        + BINGET(90) + value("neg") + NEWTRUE + SETITEM + POP, "its bits",
        late)
    third = torch_tensor(size=(3,))
    parts = EMPTY_LIST + BINPUT(90) + value(("k", Raw(T))) + APPEND
    out.left_out("T-changed-pairs", GLOBAL("collections", "OrderedDict")
                 + parts + TUPLE1 + REDUCE + BINGET(90)
                 + value(("k", Raw(third))) + APPEND + POP,
                 "the pairs of an OrderedDict", "order")
    entries = EMPTY_DICT + BINPUT(90) + value("k") + T + SETITEM
    again = BINGET(90) + value("k") + third + SETITEM + POP
    out.left_out("T-changed-dict", GLOBAL("builtins", "dict") + entries
                 + TUPLE1 + REDUCE + again, "the dict of a dict", "order")
    out.left_out("T-changed-state", GLOBAL("torch.nn.modules.linear",
                                               "Identity")
                 + EMPTY_TUPLE + NEWOBJ + entries + BUILD + again,
                 "the state of an object", "order")
    dtype = call("numpy", "dtype", ("f4", False, True)) + BINPUT(90)

    def order(o):
        return value((3, o, None, None, None, -1, -1, 0)) + BUILD

    out.left_out("T-changed-dtype", GLOBAL(
        "numpy.core.multiarray", "_reconstruct") + MARK
        + GLOBAL("numpy", "ndarray") + value((0,)) + value(b"b", 3) + TUPLE
        + REDUCE + MARK + value(1) + value((2, 3)) + dtype + order("<")
        + NEWFALSE + value(DATA, 3) + TUPLE + BUILD + BINGET(90) + order(">")
        + POP, "the dtype of an array", late, verdict="dangerous")


def containers(out):
    """What Python's own containers were not given to keep."""
    pairs = value([[1, Raw(T)]])
    out.load("T-newobj-pairs", {"c": GLOBAL("collections", "OrderedDict")
             + pairs + TUPLE1 + NEWOBJ + value("t") + T + SETITEM},
             "OrderedDict.__new__ ignores its pairs", {"c.t": ROW})
    out.load("T-newobj-list", {"c": GLOBAL("builtins", "list")
             + value([Raw(T)]) + TUPLE1 + NEWOBJ},
             "list.__new__ ignores its items", {})
    out.left_out("T-deque", GLOBAL("collections", "deque")
                 + value([Raw(T), Raw(T)]) + value(1) + TUPLE2 + REDUCE,
                 "a deque that keeps the last of two", "order")


def array(shape=(2, 3), code="f4", order="<", fortran=False, data=DATA,
          proto=3, more=None, module="numpy.core"):
    """An ndarray as pickle protocol 2 or 3 has it; data: opcodes or bytes."""
    if more is None:                # objects are flagged as numpy flags them
        more = (None, None, None, -1, -1, 63 if code[0] == "O" else 0)
    dtype = call("numpy", "dtype", (code, False, True)) \
        + value((3, order) + more) + BUILD
    if isinstance(data, bytes) and not data.startswith(b"OP"):
        data = value(data, proto)
    else:
        data = data[2:]
    return GLOBAL(module + ".multiarray", "_reconstruct") \
        + MARK + GLOBAL("numpy", "ndarray") + value((0,)) + value(b"b", 3) \
        + TUPLE + REDUCE + MARK + value(1) + value(shape) + dtype \
        + value(fortran) + data + TUPLE + BUILD


def jax(out):
    """numpy's reduction of an array, with its parts as arguments."""
    def of(function=GLOBAL("numpy._core.multiarray", "_reconstruct"),
           kind=value({"weak_type": False}), shape=(2, 3), more=b""):
        return GLOBAL("jax._src.array", "_reconstruct_array") + MARK \
            + function + MARK + GLOBAL("numpy", "ndarray") + value((0,)) \
            + value(b"b", 3) + TUPLE + MARK + value(1) + value(shape) \
            + call("numpy", "dtype", ("f4", False, True)) \
            + value((3, "<", None, None, None, -1, -1, 0)) + BUILD \
            + NEWFALSE + value(DATA, 3) + TUPLE + kind + TUPLE + REDUCE + more

    out.load("T-jax", {"t": of()}, "an array of jax's", {"t": ROW})
    why = "jax's that is not numpy's"
    out.left_out("T-jax-shape", of(kind=value({"shape": (6,)})),
                 "a type with another shape", why)
    out.left_out("T-jax-type", of(kind=NONE), "no type", why)
    out.left_out("T-jax-state", of(more=value({"x": 1}) + BUILD),
                 "an array with a state of its own", why)
    out.load("T-jax-system", {"t": of(GLOBAL("os", "system"))},
             "a function that runs commands", {}, verdict="dangerous",
             names=["os.system"])
    out.refuse("T-jax-long", {"t": of(shape=(7,))}["t"],
               "a shape over its bytes")
    kind = EMPTY_DICT + BINPUT(90)
    out.left_out("T-jax-changed", of(kind=kind) + BINGET(90) + value("shape")
                 + value((6,)) + SETITEM + POP, "a type that is set later",
                 "changed afterwards")


def arrays(out):
    big = struct.pack(">6f", *struct.unpack("<6f", DATA))
    cases = (("plain", array(), (2, 3), DATA),
             ("numpy2", array(module="numpy._core"), (2, 3), DATA),
             ("latin1", array(proto=2), (2, 3), DATA),
             ("big-endian", array(order=">", data=big), (2, 3), DATA),
             ("empty", array((0, 3), data=b""), (0, 3), b""),
             ("scalar", array((), data=DATA[:4]), (), DATA[:4]))
    for name, op, shape, data in cases:
        out.load("T-numpy-" + name, {"t": op}, "an array",
                 {"t": tensor("F32", shape, data)})
    turned = b"".join(DATA[4 * i:4 * i + 4] for i in (0, 2, 4, 1, 3, 5))
    out.load("T-numpy-fortran", {"t": array(fortran=True)},
             "an array in Fortran order", {"t": tensor("F32", (2, 3), turned)})
    out.load("T-numpy-shared", {"t": array(data=b"OP" + value(DATA, 3)
                                           + BINPUT(9)),
                                "u": array((6,), data=b"OP" + BINGET(9))},
             "two arrays on one object of bytes",
             {"t": ROW, "u": tensor("F32", (6,), DATA)})
    for name, op in (
            ("short", array(data=DATA[:-1])), ("long", array(data=DATA + b"\0")),
            ("negative", array((-2, -3))), ("wraps", array((2**32, 2**32))),
            ("large", array((2**49,))), ("int-data", array(data=b"OPK\5")),
            ("not-latin1", array(data=b"OP" + value("\u0100" * 24))),
            ("order", array(order="<<")), ("bool-shape", array((True, 6)))):
        out.refuse("T-numpy-" + name, op, "an array that cannot be")
    for name, code, why in (("object", "O8", "objects"),
                            ("string", "S4", "strings"),
                            ("unicode", "U1", "strings"),
                            ("void", "V4", "structures"),
                            ("date", "M8", "dtype"), ("g16", "f16", "dtype")):
        out.left_out("T-numpy-" + name, array(code=code), "an array of " + name,
                     why, verdict="unusual" if code[0] == "O" else "clean")
    out.left_out("T-numpy-fields", array(
        more=(None, ("a",), {}, 4, 1, 0)), "an array of structures",
        "structures", verdict="clean")
    out.load("T-numpy-objects", {"t": array((2,), "O8", "|", data=b"OP"
                                            + value([Raw(T), None]))},
             "an array of tensors", {"t.0": ROW}, verdict="unusual",
             names=["objects"])
    jax(out)
    buffer = GLOBAL("numpy._core.numeric", "_frombuffer") + MARK \
        + BYTEARRAY8(DATA) + call("numpy", "dtype", ("f4", False, True)) \
        + value((2, 3)) + value("F") + TUPLE + REDUCE
    out.load("T-numpy-frombuffer", {"t": buffer}, "protocol 5's array",
             {"t": tensor("F32", (2, 3), turned)})
    out.load("T-numpy-device", {"t": rebuild(
        "_rebuild_device_tensor_from_numpy", array(), GLOBAL(
            "torch", "float32"), "xla:0", False)}, "a tensor through numpy",
        {"t": ROW})


PARTS = (plain_words, metadata, dtypes, quantized, layouts, from_type, legacy,
         replaced, changed, containers,
         arrays)
