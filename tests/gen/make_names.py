#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes worker/pickle/names_stdlib.c: every top-level module name of Python's
standard library that a pickle may name, of Python 2 and 3.

    tests/gen/make_names.py > worker/pickle/names_stdlib.c

Python 3's come from sys.stdlib_module_names (which leaves out `test`), and from
the lists of what other versions added or removed, so that the output does not
depend on who runs it (3.11 or later)."""

import sys

# In other 3.x versions: removed until 3.15, or added after 3.11.
PYTHON_3_OTHERS = """
_annotationlib _ast_unparse _android_support _apple_support _bootlocale
_colorize _crypt _curses _dummy_thread _dummy_threading _hashlib _hmac
_imp _interpchannels _interpqueues _interpreters _ios_support _lsprof
_math_integer _opcode_metadata _py_warnings _pydatetime _pydecimal _pyrepl
_remote_debugging _suggestions _sysconfig _testcapi _testbuffer _testconsole
_testexternalinspection _testimportmultiple _testinternalcapi
_testlimitedcapi _testmultiphase _testsinglephase _types _winapi _xxsubinterpreters
_xxinterpchannels _zoneinfo _zstd annotationlib aifc asynchat asyncore
audioop binhex cgi cgitb chunk compression concurrent crypt distutils dummy_threading
formatter fpectl imghdr imp lib2to3 macpath macurl2path mailcap msilib nis
nntplib ossaudiodev parser pathlib pipes profiling smtpd sndhdr spwd string sunau
symbol symtable telnetlib test tomllib turtledemo uu xdrlib xx xxlimited
xxlimited_35 xxsubtype __phello__ __hello__ __future__ _abc_data
"""

# Python 2.7: the module index, the platform modules and the private C modules.
PYTHON_2 = """
AL BaseHTTPServer Bastion CDROM CGIHTTPServer Canvas Carbon ColorPicker
ConfigParser Cookie DEVICE DLFCN Dialog DocXMLRPCServer EasyDialogs FL
FileDialog FixTk FrameWork GL HTMLParser IN MacOS MimeWriter MiniAEFrame
Nav PixMapWrapper Queue SUNAUDIODEV ScrolledText SimpleDialog
SimpleHTTPServer SimpleXMLRPCServer SocketServer StringIO TYPES Tix
Tkconstants Tkdnd Tkinter UserDict UserList UserString _LWPCookieJar
_MozillaCookieJar _Qt _abcoll _ast _bisect _bsddb _codecs
_collections _csv _ctypes _ctypes_test _curses _curses_panel _elementtree
_functools _hashlib _heapq _hotshot _io _json _locale _lsprof _md5
_multibytecodec _multiprocessing _osx_support _pyio _random _sha _sha256
_sha512 _socket _sqlite3 _sre _ssl _strptime _struct _subprocess _symtable
_sysconfigdata _testcapi _threading_local _tkinter _warnings _weakref
_weakrefset _winreg __builtin__ anydbm aepack aetools
aetypes al applesingle ast atexit audiodev autoGIL bsddb bsddb185 buildtools
cPickle cProfile cStringIO cd cfmfile cgi cl commands compiler copy_reg
dbhash dircache dl dummy_thread dumbdbm dummy_threading dumbdb exceptions
fl flp fm fpformat future_builtins gdbm gensuitemodule gestalt gl hotshot
htmlentitydefs htmllib httplib ic icglue icopen ihooks imageop imgfile
imputil itertools jpeg linuxaudiodev macerrors macostools
macresource markupbase md5 mhlib mimetools mimify multifile mutex new
nturl2path os2emxpath pickletools popen2 posixfile readline repr rexec
rfc822 rgbimg robotparser sets sgmllib sha sre statvfs string stringold
strop sunaudiodev sv tkColorChooser tkCommonDialog tkFileDialog tkFont
tkMessageBox tkSimpleDialog thread toaiff ttk urllib urllib2 urlparse user
videoreader whichdb winsound xmllib xmlrpclib _abcoll
"""

WIDTH = 79


def main():
    names = set(sys.stdlib_module_names)
    names.update(PYTHON_3_OTHERS.split(), PYTHON_2.split())
    # Has a rule of its own.
    names.discard("__main__")
    out = sys.stdout
    out.write("""/* SPDX-License-Identifier: Apache-2.0
 *
 * names_stdlib.c - the top-level modules of Python's standard library, 2.7 and
 * 3.x, in strcmp's order.  Written by tests/gen/make_names.py: change that.
 * Trusts nothing; is a table.
 */
#include "names_tables.h"

const char names_stdlib[][NAMES_ROOM] = {
""")
    line = "\t"
    for name in sorted(names, key=lambda n: n.encode()):
        word = '"%s",' % name
        if len(line.expandtabs(8)) + 1 + len(word) > WIDTH:
            out.write(line + "\n")
            line = "\t"
        line += word if line == "\t" else " " + word
    out.write(line + "\n};\nconst size_t names_stdlib_count =\n"
              "    sizeof(names_stdlib) / sizeof(names_stdlib[0]);\n")


if __name__ == "__main__":
    main()
