/* SPDX-License-Identifier: Apache-2.0
 *
 * names_words.c - the hand-written lists of names_tables.h.  An entry in the
 * list of honest names needs two reasons: honest files hold it, and calling it
 * with hostile arguments runs nothing (no file, no process, no code, and none
 * of its arguments is called).
 */
#include "names_tables.h"

#define CLEAN VERDICT_CLEAN
#define UNUSUAL VERDICT_UNUSUAL
#define DANGEROUS VERDICT_DANGEROUS

/* Types that hold data, under the names that Python 3 uses. */
#define DATA(module, name) { module, name, CLEAN, CLEAN }
/* The same, but not plain data. */
#define OBJECT(module, name) { module, name, UNUSUAL, UNUSUAL }
/* May be referred to; never called by an honest pickle. */
#define WORD(module, name) { module, name, UNUSUAL, DANGEROUS }

const struct honest_name names_honest[] = {
	DATA("builtins", "set"),
	DATA("builtins", "frozenset"),
	DATA("builtins", "list"),
	DATA("builtins", "dict"),
	DATA("builtins", "tuple"),
	DATA("builtins", "bytearray"),
	DATA("builtins", "bytes"),
	DATA("builtins", "complex"),
	DATA("builtins", "range"),
	DATA("builtins", "slice"),
	DATA("builtins", "int"),
	DATA("builtins", "float"),
	DATA("builtins", "str"),
	DATA("builtins", "bool"),
	DATA("builtins", "object"),
	/* Constants that pickle writes as globals. */
	WORD("builtins", "Ellipsis"),
	WORD("builtins", "NotImplemented"),
	/* type(None) alone may be called: see verdict.c. */
	WORD("builtins", "type"),
	/* Python 2's. */
	DATA("builtins", "unicode"),
	DATA("builtins", "long"),
	DATA("builtins", "xrange"),
	WORD("builtins", "basestring"),

	/* pickle's own helpers.  The class that they make is judged as called:
	 * names_callers. */
	DATA("copyreg", "_reconstructor"),
	DATA("copyreg", "__newobj__"),
	DATA("copyreg", "__newobj_ex__"),
	/* Only with latin1 and the like: see verdict.c. */
	DATA("_codecs", "encode"),

	DATA("collections", "OrderedDict"),
	DATA("collections", "defaultdict"),
	DATA("collections", "deque"),
	DATA("collections", "Counter"),
	DATA("collections", "ChainMap"),
	DATA("collections", "UserDict"),
	DATA("collections", "UserList"),
	DATA("collections", "UserString"),
	DATA("UserDict", "UserDict"),
	DATA("UserList", "UserList"),
	DATA("datetime", "date"),
	DATA("datetime", "datetime"),
	DATA("datetime", "time"),
	DATA("datetime", "timedelta"),
	DATA("datetime", "timezone"),
	DATA("time", "struct_time"),
	DATA("decimal", "Decimal"),
	DATA("fractions", "Fraction"),
	DATA("array", "array"),
	DATA("array", "_array_reconstructor"),
	DATA("uuid", "UUID"),
	DATA("uuid", "SafeUUID"),
	/* 3.13 has them in pathlib._local. */
	DATA("pathlib", "Path"),
	DATA("pathlib", "PosixPath"),
	DATA("pathlib", "WindowsPath"),
	DATA("pathlib", "PurePath"),
	DATA("pathlib", "PurePosixPath"),
	DATA("pathlib", "PureWindowsPath"),
	DATA("pathlib._local", "Path"),
	DATA("pathlib._local", "PosixPath"),
	DATA("pathlib._local", "WindowsPath"),
	DATA("pathlib._local", "PurePath"),
	DATA("pathlib._local", "PurePosixPath"),
	DATA("pathlib._local", "PureWindowsPath"),
	/* Those that call nothing when they are iterated: no imap, starmap,
	 * groupby, accumulate, ... */
	DATA("itertools", "count"),
	DATA("itertools", "repeat"),
	DATA("itertools", "cycle"),
	DATA("itertools", "chain"),
	DATA("itertools", "islice"),
	DATA("itertools", "product"),
	DATA("itertools", "permutations"),
	DATA("itertools", "combinations"),
	OBJECT("argparse", "Namespace"),
	OBJECT("optparse", "Values"),
	OBJECT("types", "SimpleNamespace"),
	/* What omegaconf and dataclasses keep of annotations. */
	WORD("typing", "Any"),
	WORD("typing", "Callable"),
	WORD("typing", "Dict"),
	WORD("typing", "FrozenSet"),
	WORD("typing", "Generic"),
	WORD("typing", "Iterable"),
	WORD("typing", "List"),
	WORD("typing", "Literal"),
	WORD("typing", "Mapping"),
	WORD("typing", "Optional"),
	WORD("typing", "Sequence"),
	WORD("typing", "Set"),
	WORD("typing", "Tuple"),
	WORD("typing", "Type"),
	WORD("typing", "Union"),

	/* torch, beside the vocabulary: packed weights of quantised modules are
	 * such an object, given its state; and random states. */
	OBJECT("torch", "ScriptObject"),
	OBJECT("torch", "Generator"),
	OBJECT("torch._C", "Generator"),

	/* Types that are kept as such. */
	WORD("torch", "dtype"),
	WORD("torch", "layout"),
	WORD("torch", "memory_format"),
	WORD("torch", "qscheme"),
	WORD("torch", "finfo"),
	WORD("torch", "iinfo"),
	WORD("numpy", "generic"),
	WORD("numpy", "number"),
	WORD("numpy", "integer"),
	WORD("numpy", "signedinteger"),
	WORD("numpy", "unsignedinteger"),
	WORD("numpy", "inexact"),
	WORD("numpy", "floating"),
	WORD("numpy", "complexfloating"),
	WORD("numpy", "character"),
	WORD("numpy", "flexible"),
	WORD("numpy", "datetime64"),
	WORD("numpy", "timedelta64"),
	WORD("numpy", "intc"),
	WORD("numpy", "uintc"),
	WORD("numpy", "intp"),
	WORD("numpy", "uintp"),
	WORD("numpy", "byte"),
	WORD("numpy", "ubyte"),
	WORD("numpy", "short"),
	WORD("numpy", "ushort"),
	WORD("numpy", "uint"),
	WORD("numpy", "half"),
	WORD("numpy", "single"),
	WORD("numpy", "double"),
	WORD("numpy", "csingle"),
	WORD("numpy", "cdouble"),
	WORD("numpy", "clongdouble"),
	/* The classes of arrays. */
	WORD("numpy", "matrix"),
	WORD("numpy", "memmap"),
	WORD("numpy.*", "memmap"),
	WORD("numpy.*", "recarray"),
	WORD("numpy.*", "chararray"),
	WORD("numpy", "string_"),
	WORD("numpy", "unicode_"),
	WORD("numpy.*", "record"),

	/* numpy, beside the vocabulary: random states are data. */
	OBJECT("numpy.random._pickle", "__bit_generator_ctor"),
	OBJECT("numpy.random._pickle", "__generator_ctor"),
	OBJECT("numpy.random._pickle", "__randomstate_ctor"),
	/* What __bit_generator_ctor is given since numpy 1.24. */
	OBJECT("numpy.random._mt19937", "MT19937"),
	OBJECT("numpy.random._pcg64", "PCG64"),
	OBJECT("numpy.random._pcg64", "PCG64DXSM"),
	OBJECT("numpy.random._philox", "Philox"),
	OBJECT("numpy.random._sfc64", "SFC64"),
	OBJECT("numpy.random", "__RandomState_ctor"),
	OBJECT("numpy.random", "__randomstate_ctor"),
	OBJECT("numpy.ma.core", "_mareconstruct"),
	OBJECT("numpy.ma.core", "MaskedArray"),
	OBJECT("numpy.ma", "MaskedArray"),
	OBJECT("numpy.polynomial.*", "Chebyshev"),
	OBJECT("numpy.polynomial.*", "Hermite"),
	OBJECT("numpy.polynomial.*", "HermiteE"),
	OBJECT("numpy.polynomial.*", "Laguerre"),
	OBJECT("numpy.polynomial.*", "Legendre"),
	OBJECT("numpy.polynomial.*", "Polynomial"),
	OBJECT("numpy", "poly1d"),
	OBJECT("numpy.lib.*", "poly1d"),
	OBJECT("numpy.core.records", "recarray"),
	OBJECT("numpy.matrixlib.defmatrix", "matrix"),

	/* Lower-case classes and constructors of data libraries. */
	OBJECT("scipy.sparse.*", "bsr_matrix"),
	OBJECT("scipy.sparse.*", "coo_matrix"),
	OBJECT("scipy.sparse.*", "csc_matrix"),
	OBJECT("scipy.sparse.*", "csr_matrix"),
	OBJECT("scipy.sparse.*", "dia_matrix"),
	OBJECT("scipy.sparse.*", "dok_matrix"),
	OBJECT("scipy.sparse.*", "lil_matrix"),
	OBJECT("scipy.sparse.*", "bsr_array"),
	OBJECT("scipy.sparse.*", "coo_array"),
	OBJECT("scipy.sparse.*", "csc_array"),
	OBJECT("scipy.sparse.*", "csr_array"),
	OBJECT("scipy.sparse.*", "dia_array"),
	OBJECT("scipy.sparse.*", "dok_array"),
	OBJECT("scipy.sparse.*", "lil_array"),
	/* Not cKDTree: its state is indices that C++ follows unchecked.  Nor
	 * interp1d: it keeps a method, which older protocols get by getattr. */
	OBJECT("pandas._libs.internals", "_unpickle_block"),
	OBJECT("pandas.core.indexes.base", "_new_Index"),
	OBJECT("pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
	OBJECT("pandas.core.indexes.period", "_new_PeriodIndex"),
	OBJECT("pandas.core.internals.blocks", "new_block"),
	OBJECT("pandas._libs.tslibs.timestamps", "_unpickle_timestamp"),
	OBJECT("sklearn.*", "newObj"),
	/* Cython's constructor of an extension type's instance. */
	OBJECT("numpy.random.*", "__pyx_unpickle_*"),
	OBJECT("sklearn.*", "__pyx_unpickle_*"),
	OBJECT("scipy.*", "__pyx_unpickle_*"),
	OBJECT("pandas.*", "__pyx_unpickle_*"),
};
const size_t names_honest_count =
    sizeof(names_honest) / sizeof(names_honest[0]);

const char names_runners[][NAMES_ROOM] = {
	"IPython", "_distutils_hack", "aiohttp", "billiard", "celery",
	"cloudpickle", "dill", "docker", "easy_install", "execnet", "fabric",
	"httpx", "jupyter_client", "loky", "multiprocess", "nbconvert",
	"paramiko", "pathos", "pexpect", "pip", "pkg_resources", "plumbum",
	"psutil", "ptyprocess", "requests", "requests_toolbelt", "scrapy",
	/* It evaluates text that it is given. */
	"selenium", "setuptools", "sympy", "twisted", "urllib3", "virtualenv",
	"websocket", "websockets", "win32api", "win32com",
};
const size_t names_runners_count =
    sizeof(names_runners) / sizeof(names_runners[0]);

const char names_bridges[][NAMES_ROOM] = {
	"_os", "_sys", "__builtin__", "asyncio", "builtins", "cPickle",
	"codeop", "ctypes", "importlib", "marshal", "multiprocessing", "nt",
	"os", "pickle", "pkgutil", "popen2", "posix", "pty", "runpy",
	"shutil", "socket", "subprocess", "sys", "sysconfig", "urllib",
	"webbrowser",
};
const size_t names_bridges_count =
    sizeof(names_bridges) / sizeof(names_bridges[0]);

/* __dict__, __orig_class__, __pydantic_*__ are written by honest files. */
const char names_hooks[][NAMES_ROOM] = {
	"__bases__", "__builtins__", "__call__", "__class__", "__closure__",
	"__code__", "__defaults__", "__del__", "__func__", "__getattr__",
	"__getattribute__", "__globals__", "__import__", "__init__",
	"__new__", "__reduce__", "__reduce_ex__", "__self__", "__setattr__",
	"__setitem__", "__setstate__", "__subclasses__",
};
const size_t names_hooks_count = sizeof(names_hooks) / sizeof(names_hooks[0]);

const struct caller_name names_callers[] = {
	{ "copy_reg", "_reconstructor", 0 },
	{ "copy_reg", "__newobj__", 0 },
	{ "copyreg", "_reconstructor", 0 },
	{ "copyreg", "__newobj__", 0 },
	{ "copyreg", "__newobj_ex__", 0 },
	{ "torch._tensor", "_rebuild_from_type", 0 },
	{ "torch._tensor", "_rebuild_from_type_v2", 0 },
	/* torch.load maps torch.tensor to torch._tensor. */
	{ "torch.tensor", "_rebuild_from_type", 0 },
	{ "torch.tensor", "_rebuild_from_type_v2", 0 },
	{ "numpy.random._pickle", "__bit_generator_ctor", 0 },
	{ "numpy.random._pickle", "__generator_ctor", 1 },
	{ "numpy.random._pickle", "__randomstate_ctor", 1 },
	{ "numpy.random", "__randomstate_ctor", 1 },
	{ "numpy.ma.core", "_mareconstruct", 0 },
	{ "jax._src.array", "_reconstruct_array", 0 },
	{ "pandas.core.indexes.base", "_new_Index", 0 },
	{ "pandas.core.indexes.datetimes", "_new_DatetimeIndex", 0 },
	{ "pandas.core.indexes.period", "_new_PeriodIndex", 0 },
	{ "sklearn.neighbors._ball_tree", "newObj", 0 },
	{ "sklearn.neighbors._kd_tree", "newObj", 0 },
	{ "sklearn.neighbors.ball_tree", "newObj", 0 },
	{ "sklearn.neighbors.kd_tree", "newObj", 0 },
	{ "sklearn.neighbors._dist_metrics", "newObj", 0 },
	{ "sklearn.neighbors.dist_metrics", "newObj", 0 },
	{ "sklearn.metrics._dist_metrics", "newObj", 0 },
};
const size_t names_callers_count =
    sizeof(names_callers) / sizeof(names_callers[0]);
