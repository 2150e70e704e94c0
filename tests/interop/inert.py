# SPDX-License-Identifier: Apache-2.0
"""CPython's unpickler in Python, in which what fails is one opaque object: a
class that does not exist, a call, a state, an item.  Our machine calls nothing,
so nothing of the kind fails there: the tensors that come out here must be those
that come out there.  What is no pickle fails here too; memory may run out."""
import pickle

import numpy

# What we read: a call of these that fails is a difference, unless something
# unknown goes into it.
WORDS = ("_reconstruct", "_frombuffer", "dtype")


class Opaque:
    """Takes anything."""

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __str__(self):
        return "?"                  # as a key, in a name


def has_unknown(values):
    return not isinstance(values, tuple) or any(
        v is Opaque or isinstance(v, Opaque) for v in values)


def replace(unpickler, old):
    """On the stack and in the memo: it was to be built, and could not be."""
    new = Opaque()
    unpickler.stack[-1] = new
    for key, value in list(unpickler.memo.items()):
        if value is old:
            unpickler.memo[key] = new


def reduce(self):
    args = self.stack.pop()
    function = self.stack[-1]
    try:
        self.stack[-1] = function(*args)
    except MemoryError:
        raise
    except Exception:
        self.stack[-1] = Opaque()
        self.unknown |= has_unknown(args) or \
            getattr(function, "__name__", "") not in WORDS or (
                function is numpy.dtype and not isinstance(args[0], str))


def build_by(base):
    def build(self):
        made, state = self.stack[-2:]
        depth = len(self.stack)
        try:
            base(self)
        except (MemoryError, EOFError):
            raise
        except Exception:
            del self.stack[depth - 1:]
            replace(self, made)
            self.unknown |= has_unknown(state) or \
                type(made).__module__.split(".")[0] != "numpy"
    return build


def put(self, target, key, value):
    try:
        target[key] = value
    except MemoryError:
        raise
    except Exception:               # no dict, or a key that has no hash
        self.unknown = True
        if isinstance(target, dict):
            target[Opaque()] = value


def number(opcode):
    """C's reader of numbers takes more than int()."""
    def load(self):
        self.append(pickle.loads(opcode + self.readline() + b"."))
    return load


def append(self):
    item = self.stack.pop()
    if isinstance(self.stack[-1], list):
        self.stack[-1].append(item)
    else:
        self.unknown = True


def appends(self):
    items = self.pop_mark()
    if isinstance(self.stack[-1], list):
        self.stack[-1].extend(items)
    else:
        self.unknown = True


def make_object(self):
    args = self.stack.pop()
    try:
        self.stack[-1] = self.stack[-1].__new__(self.stack[-1], *args)
    except MemoryError:
        raise
    except Exception:
        self.stack[-1] = Opaque()
        self.unknown = True


def set_item(self):
    value = self.stack.pop()
    key = self.stack.pop()
    put(self, self.stack[-1], key, value)


def set_items(self):
    items = self.pop_mark()
    for i in range(0, len(items), 2):
        put(self, self.stack[-1], items[i], items[i + 1])


class Inert:
    """Before pickle._Unpickler, or a class made of it."""
    unknown = False                 # which names there are is not known

    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except Exception:
            self.unknown = True
            return Opaque

    def persistent_load(self, saved):
        self.unknown = True
        return Opaque()


def make_dict(self):
    items = self.pop_mark()
    self.append({})
    for i in range(0, len(items), 2):
        put(self, self.stack[-1], items[i], items[i + 1])


def inert(base=pickle._Unpickler):
    return type("Inert" + base.__name__, (Inert, base), {
        "dispatch": {**base.dispatch, pickle.REDUCE[0]: reduce,
                     pickle.BUILD[0]: build_by(base.dispatch[pickle.BUILD[0]]),
                     pickle.INT[0]: number(pickle.INT),
                     pickle.LONG[0]: number(pickle.LONG),
                     pickle.APPEND[0]: append, pickle.APPENDS[0]: appends,
                     pickle.NEWOBJ[0]: make_object, pickle.DICT[0]: make_dict,
                     pickle.SETITEM[0]: set_item,
                     pickle.SETITEMS[0]: set_items}})
