"""Whose code is it: the answer's, the tests', a library's, or ours?"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType, FunctionType
from typing import Any

ROOT = os.getcwd() + os.sep
_LIBRARIES = (os.path.dirname(os.__file__) + os.sep, "<frozen ")
_SITE = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
OURS = globals()
TEST_CODES: dict[int, CodeType] = {}
"""Every code object of the tests, by identity: we compiled them before any of the answer's code ran."""
PUBLIC_FILE = "<crrl>"
"""The file name of code of ours that libraries call back."""
UNCHANGED: set[str] = set()
"""The files of the tree that the answer left as they were: the task's own, and honest. All others in the folder are the answer's,
by whatever name they are reached.
"""
ORIGINALS: set[str] = set()
"""Installed files that a file of the tree stands for (the right `textwrap.py` of a broken one), and their folders."""
TEST_PATHS: set[str] = set()
"""Test modules whose text lies in the folder, because the tests themselves need it."""
_judged: dict[int, tuple[CodeType, bool]] = {}


def is_library_file(name: str) -> bool:
    """Whether a file name means the standard library or an installed package (never a file of the tree)."""
    if name.startswith(ROOT):
        return False
    return name.startswith(_LIBRARIES) or any(part in name for part in _SITE)


def is_trusted_file(name: str) -> bool:
    """Whether a file is a library's, or one of the tree that the answer left as it was."""
    return is_library_file(name) or name in UNCHANGED


def is_answer_code(code: CodeType) -> bool:
    """Whether code is of a file that the answer changed, or was made at run time (`exec`), and not of the tests."""
    known = _judged.get(id(code))
    if known is None:
        is_answers = id(code) not in TEST_CODES and not is_trusted_file(code.co_filename)
        known = _judged[id(code)] = (code, is_answers)  # kept alive, so that its number stays its own
    return known[1]


def is_answer_frame(frame: FrameType) -> bool:
    """The same for running code; ours is known by its namespace."""
    return frame.f_globals is not OURS and is_answer_code(frame.f_code)


def is_answer_function(function: Any) -> bool:
    """Whether a method is a Python function of the answer's."""
    function = getattr(function, "__func__", function)
    return type(function) is FunctionType and is_answer_code(function.__code__)


def unload_shadowed() -> None:
    """Forget loaded modules that the tree has a file for, so that the tests import the tree's, as they would by hand.

    What the interpreter itself is made of (built-in and frozen modules) is never taken from a tree by hand either.
    """
    names = set()
    for entry in os.listdir(ROOT):
        if entry.endswith(".py"):
            names.add(entry[:-3])
        elif os.path.isfile(os.path.join(ROOT, entry, "__init__.py")):
            names.add(entry)
    for name in list(sys.modules):
        origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
        if name.partition(".")[0] in names and origin not in ("built-in", "frozen"):
            del sys.modules[name]
