"""Whose code is it: the answer's, the tests', a library's, or ours?

Code says itself which file it is of, and could say anything: `compile`, `marshal` and a .pyc of the answer's own give it any
name. So it is believed only if that file holds this very code.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
from _thread import get_ident
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any

_open, _read, _close, _size = os.open, os.read, os.close, os.fstat
_loads, _frozen = marshal.loads, _imp.get_frozen_object
ROOT = os.getcwd() + os.sep
LIBRARIES = tuple(
    sorted(
        {
            os.path.normpath(path) + os.sep
            for path in (os.path.dirname(os.__file__), *sys.path)
            if os.path.isabs(path) and not (os.path.normpath(path) + os.sep).startswith(ROOT)
        },
        key=len,
        reverse=True,
    )
)
"""The folders of installed modules as they are before the answer's first line, inner ones first; it cannot write there."""
_FROZEN = "<frozen "
_FROZEN_NAMES = {
    "importlib._bootstrap": "_frozen_importlib",
    "importlib._bootstrap_external": "_frozen_importlib_external",
}
_PYC_HEADER = 16
_TAG = sys.implementation.cache_tag
OURS = globals()
TEST_CODES: dict[int, CodeType] = {}
"""Every code object of the tests, by identity: we compiled them before any of the answer's code ran."""
PUBLIC_FILE = "<crrl>"
"""The file name of code of ours that libraries call back."""
UNCHANGED: dict[str, bytes] = {}
"""The files of the tree that the answer left as they were, and their text: the task's own, and honest. All others in the folder
are the answer's.
"""
ORIGINALS: set[str] = set()
"""Installed files that a file of the tree stands for (the right `textwrap.py` of a broken one), and their folders."""
TEST_PATHS: set[str] = set()
"""Test modules whose text lies in the folder, because the tests themselves need it."""
BUSY: set[int] = set()
"""Threads in which we ourselves look: what they do is not noted."""
_judged: dict[int, tuple[CodeType, bool]] = {}
_held: dict[str, set[Any]] = {}


def is_library_file(name: str) -> bool:
    """Whether a file name means the standard library or an installed package (never a file of the tree)."""
    return name.startswith(_FROZEN) or (name.startswith(LIBRARIES) and "/../" not in name)


def is_trusted_file(name: str) -> bool:
    """Whether a file is a library's, or one of the tree that the answer left as it was."""
    return is_library_file(name) or name in UNCHANGED


def is_answer_code(code: CodeType) -> bool:
    """Whether code is of a file that the answer changed, or was made at run time (`exec`), and not of the tests."""
    known = _judged.get(id(code))
    if known is None:
        is_answers = id(code) not in TEST_CODES and not _is_held(code)
        known = _judged[id(code)] = (code, is_answers)  # kept alive, so that its number stays its own
    return known[1]


def is_answer_frame(frame: FrameType) -> bool:
    """The same for running code; ours is known by its namespace."""
    return frame.f_globals is not OURS and is_answer_code(frame.f_code)


def is_answer_function(function: Any) -> bool:
    """Whether a method is a Python function of the answer's."""
    function = getattr(function, "__func__", function)
    return type(function) is FunctionType and is_answer_code(function.__code__)


def _is_held(code: CodeType) -> bool:
    """Whether the trusted file that code names holds it. Cost: about a millisecond for the first look into a file."""
    name = code.co_filename
    if not is_trusted_file(name):
        return False
    held = _held.get(name)
    if held is None:
        mine = get_ident()
        was_busy = mine in BUSY
        BUSY.add(mine)
        try:
            whole = _code_of(name)
            held = _held[name] = {_key(each) for each in _nested(whole)} if whole else set()
        finally:
            if not was_busy:
                BUSY.discard(mine)
    return _key(code) in held


def _code_of(name: str) -> CodeType | None:
    """The code of a trusted file: of an installed one as it was imported, from its .pyc, or else its source."""
    try:
        if name.startswith(_FROZEN):
            module = name[len(_FROZEN) : -1]
            return _frozen(_FROZEN_NAMES.get(module, module))
        if name in UNCHANGED:
            return compile(UNCHANGED[name], name, "exec", dont_inherit=True)
        folder, _, file = name.rpartition(os.sep)
        try:
            whole: CodeType = _loads(
                _bytes(f"{folder}/__pycache__/{file.removesuffix('.py')}.{_TAG}.pyc")[_PYC_HEADER:]
            )
            return whole
        except (OSError, ValueError, EOFError, TypeError):
            return compile(_bytes(name), name, "exec", dont_inherit=True)
    except (OSError, ImportError, SyntaxError, ValueError):
        return None


def _bytes(path: str) -> bytes:
    descriptor = _open(path, os.O_RDONLY)
    try:
        return _read(descriptor, _size(descriptor).st_size)
    finally:
        _close(descriptor)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if type(const) is CodeType:
            yield from _nested(const)


def _key(code: CodeType) -> tuple[Any, ...]:
    """What code does and where it stands."""
    consts = tuple(repr(const) for const in code.co_consts if type(const) is not CodeType)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_name, code.co_firstlineno, code.co_flags, code.co_code, names, consts)


def unload_shadowed() -> None:
    """Forget loaded modules that the tree has a file for, so that the tests import the tree's, as they would by hand.

    What the interpreter itself is made of (built-in and frozen modules) is never taken from a tree by hand either. Modules that
    have one as an attribute find the tree's there, too.
    """
    names = set()
    for entry in os.listdir(ROOT):
        if entry.endswith(".py"):
            names.add(entry[:-3])
        elif os.path.isfile(os.path.join(ROOT, entry, "__init__.py")):
            names.add(entry)
    gone = {}
    for name in list(sys.modules):
        origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
        if name.partition(".")[0] in names and origin not in ("built-in", "frozen"):
            module = sys.modules.pop(name)
            gone[id(module)] = module
    for module in list(sys.modules.values()) if gone else ():
        space: Any = getattr(module, "__dict__", None)
        for name, value in list(space.items()) if type(space) is dict else ():
            if id(value) in gone:
                space[name] = _Later(value.__name__)


class _Later(type(sys)):  # type: ignore[misc]
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(__import__(self.__name__, fromlist=["_"]), name)
