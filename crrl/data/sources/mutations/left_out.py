"""Modules of the standard library that no bug is put into, and why."""

from __future__ import annotations

import importlib.machinery
import sys

_NETWORK = (
    *("asyncio", "asyncore", "asynchat", "cgi", "cgitb", "ftplib", "http", "imaplib", "nntplib", "poplib", "smtpd"),
    *("smtplib", "socket", "socketserver", "ssl", "telnetlib", "wsgiref", "xmlrpc", "webbrowser"),
)
_PROCESSES = (
    *("concurrent", "multiprocessing", "pty", "sched", "signal", "subprocess", "threading", "_threading_local"),
    *("selectors", "queue", "tracemalloc", "faulthandler", "resource", "shutil", "tempfile"),
)
_SCREENS = ("curses", "getpass", "idlelib", "rlcompleter", "tkinter", "tty", "turtle", "turtledemo", "cmd")
_PLATFORM = (
    *("crypt", "ctypes", "dbm", "distutils", "ensurepip", "lib2to3", "locale", "mailcap", "msilib", "ntpath"),
    *("nturl2path", "platform", "sqlite3", "sysconfig", "venv", "zoneinfo", "_aix_support", "_bootsubprocess"),
    *("_osx_support", "_sysconfigdata", "uuid"),
)
_INTERPRETER = (
    *("antigravity", "bdb", "cProfile", "code", "codeop", "compileall", "dis", "doctest", "encodings", "imp"),
    *("importlib", "inspect", "linecache", "modulefinder", "opcode", "pdb", "pickletools", "pkgutil", "profile"),
    *("py_compile", "pyclbr", "pydoc", "pydoc_data", "re", "runpy", "site", "sre_compile", "sre_constants"),
    *("sre_parse", "test", "this", "trace", "traceback", "types", "typing", "unittest", "warnings", "zipapp"),
    *("zipimport", "__future__", "__hello__", "__phello__", "_pyio", "_pydecimal", "_py_abc", "_compat_pickle"),
)

LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(_NETWORK, "talks to the network"),
    **dict.fromkeys(_PROCESSES, "is about processes, threads or the disk"),
    **dict.fromkeys(_SCREENS, "is about screens and terminals"),
    **dict.fromkeys(_PLATFORM, "depends on the platform"),
    **dict.fromkeys(_INTERPRETER, "is what runs and tests programs"),
}
"""Top-level name → reason."""


def is_left_out(name: str) -> bool:
    """Whether a top-level module is left out: by the list, or because the interpreter has it built in or frozen."""
    return (
        name in LEFT_OUT
        or name.startswith("_sysconfigdata")
        or name in sys.builtin_module_names
        or importlib.machinery.FrozenImporter.find_spec(name) is not None
    )
