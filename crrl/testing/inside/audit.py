"""Notes when the answer's code looks where only our machinery is: frames, the garbage collector, other processes' memory.

Python has no way to remove an audit hook. What the program did before the repair is allowed: an event counts only if the
word for it stands in no file of the task.

What a library does for the answer counts as well, but for the few functions of the standard library that look at frames and keep
them to themselves: a list of those that hand them out would never be whole.
"""

from __future__ import annotations

import os
import sys
from _thread import _excepthook, get_ident
from types import CodeType, FrameType, FunctionType
from typing import Any

from crrl.testing.inside.origin import (
    BUSY,
    LIBRARIES,
    ORIGINALS,
    ROOT,
    TEST_CODES,
    TEST_PATHS,
    UNCHANGED,
    is_answer_frame,
    is_answer_function,
    is_trusted_file,
)
from crrl.testing.inside.verdict import tampered

_getframe = sys._getframe
_open, _close, _readlink = os.open, os.close, os.readlink
_WRITING = os.O_WRONLY | os.O_RDWR
_FRAMES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
_INNER = _FRAMES | frozenset("__code__ gi_code cr_code ag_code f_code __defaults__ __kwdefaults__ __bases__".split())
_WORDS = {
    "sys._getframe": ("_getframe", "currentframe", "stack"),
    "sys._current_frames": ("_current_frames",),
    "sys._current_exceptions": ("_current_exceptions",),
    "sys.addaudithook": ("addaudithook",),
    "sys.settrace": ("settrace",),
    "sys.setprofile": ("setprofile",),
    "gc.get_objects": ("get_objects",),
    "gc.get_referrers": ("get_referrers",),
    "gc.get_referents": ("get_referents",),
    "code.__new__": ("CodeType", "replace"),
    "function.__new__": ("FunctionType", "LambdaType"),
    "marshal.loads": ("marshal",),
    "cpython.PyInterpreterState_New": ("_xxsubinterpreters",),
}
"""Event → words, one of which stands in a program that does this honestly."""
_PARTLY = ("object.__", "open", "compile", "ctypes.", "os.link", "os.symlink", "os.rename", "import")
"""Events of which only some count."""
VOCABULARY = (
    frozenset(word for words in _WORDS.values() for word in words)
    | _INNER
    | {"ctypes", "signal", "compile", "open", "tokenize", "modules", "rename", "warn", "warnings"}
)
"""Every word that a program may need to be known for."""
_MAKING = ("code.__new__", "function.__new__", "marshal.loads", "compile", "object.__setattr__")
"""What libraries do for anybody: code is judged by what it is, not by who made it."""
_NEVER = ("sys.addaudithook", "sys.settrace", "sys.setprofile", "os.rename", "os.link", "os.symlink", "import")
_NAMED = frozenset(event for event in _WORDS if event.startswith(("sys.", "gc.")))
"""What code does that has a word for it."""
_IMPORTING, _LOADING = "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"
_IMPORTERS = ("__import__", "import_module")
"""What code calls that imports by a name that it was given."""
_SUMMARY = "_extract_from_extended_frame_gen"
_SUMMARIES = ("StackSummary.extract", f"StackSummary.{_SUMMARY}", "linecache.lazycache")
_TRACEBACK = ("walk_tb", "_walk_tb_with_full_positions", "_get_code_position", *_SUMMARIES)
_LOGGING = (
    "_is_internal_frame",
    *(f"traceback.{name}" for name in ("print_stack", "walk_stack", *_SUMMARIES)),
)
_KEEPS_FRAMES: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("collections/__init__.py", "namedtuple", ""): (),
    ("typing.py", "_caller", ""): (),
    ("enum.py", "_create_", ""): (),
    ("asyncio/coroutines.py", "_format_coroutine", ""): (),
    ("logging/__init__.py", "<lambda>", "findCaller"): _LOGGING,
    ("logging/__init__.py", "currentframe", "findCaller"): _LOGGING,
    ("traceback.py", "walk_tb", _SUMMARY): _TRACEBACK,
    ("traceback.py", "_walk_tb_with_full_positions", _SUMMARY): _TRACEBACK,
}
"""File and function of the standard library that look at a frame, and their caller where they hand it to that. They give it to
nobody else but the functions named here, which must still be the library's.
"""
_RAW_MEMORY = frozenset(
    "ctypes _ctypes _testcapi _testinternalcapi _testbuffer _ctypes_test _xxsubinterpreters".split()
)
"""Modules whose parts reach any memory, most of them without an event when they do."""


def watch(known_words: frozenset[str]) -> None:
    """Install the hook. `known_words`: what stands in the files before the repair, and in the tests."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if (event not in _WORDS and not event.startswith(_PARTLY)) or get_ident() in BUSY:
            return
        BUSY.add(get_ident())
        try:
            words = _WORDS.get(event) or _words_for(event, arguments)
            if words and known_words.isdisjoint(words) and _is_by_answer(_getframe(1), event, arguments):
                tampered(f"the answer used {event} {words[0]}")
        finally:
            BUSY.discard(get_ident())

    sys.addaudithook(hook)


def _words_for(event: str, arguments: tuple[Any, ...]) -> tuple[str, ...] | None:
    """The words for an event of `_PARTLY`; None if it does not count."""
    if event in ("object.__getattr__", "object.__setattr__"):
        owner, name = arguments[0], arguments[1]
        return (name,) if name in _INNER and not is_answer_function(owner) else None
    if event == "open":
        return _words_for_open(*arguments[:3])
    if event == "import":
        file = arguments[1].rpartition(os.sep)[2].partition(".")[0] if type(arguments[1]) is str else ""
        return ("ctypes",) if arguments[0] in _RAW_MEMORY or file in _RAW_MEMORY else None
    if event == "os.rename":
        return ("rename",) if _place(arguments[1]) in UNCHANGED else None
    if event == "compile":
        return ("compile",) if isinstance(arguments[1], str) and is_trusted_file(arguments[1]) else None
    if event in ("os.link", "os.symlink"):
        _check_originals(_place(arguments[0]))
        return ("a program that rewrites itself",) if _place(arguments[1]) in UNCHANGED else None
    return ("ctypes",) if event.startswith("ctypes.") else None


def _words_for_open(path: Any, _: Any, flags: Any) -> tuple[str, ...] | None:
    place = _place(path)
    if not place:
        return None
    if place.startswith(("/proc/", "/dev/mem")) and place.endswith(("/mem", "/maps", "/auxv")):
        return ("/proc/self/mem",)
    _check_originals(place)
    if place in UNCHANGED and isinstance(flags, int) and flags & _WRITING:
        return ("a program that rewrites itself",)
    return ("open", "tokenize", "warn", "warnings") if place in TEST_PATHS else None


def _place(path: Any) -> str:
    """Where a path leads, whatever way it is spelled; "" for a descriptor, or for what is no path.

    By the kernel, because the answer could replace what `os.path` is made of.
    """
    text = path if type(path) is str else path.decode("utf-8", "surrogateescape") if type(path) is bytes else ""
    if not text or "\0" in text:
        return ""
    try:
        descriptor = _open(text, os.O_PATH)
    except OSError:
        return text  # not there, or not to be read
    try:
        return _readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return text
    finally:
        _close(descriptor)


def _check_originals(place: str) -> None:
    """Whoever reads the installed file that the tree's stands for, an import too: the tests mean the tree's."""
    if not ORIGINALS:
        return
    last = "/" + place.rpartition("/")[2]
    # A path from an open folder on is not seen whole; what is there by that name must be the tree's.
    is_elsewhere = not place.startswith(ROOT) and not place.startswith("/")
    if place in ORIGINALS or (is_elsewhere and any(each.endswith(last) for each in ORIGINALS)):
        tampered("the answer used the installed file in place of its own")


def _is_by_answer(frame: FrameType | None, event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the answer's code, or nobody's that is known, did it itself or had a library do it that may not."""
    if event == "import":
        frame = _importer(frame)
        if frame and frame.f_code.co_name == "<module>" and not is_answer_frame(frame):
            return False  # a library that needs it
    if frame and not _is_own_doing(frame.f_code, event, arguments):
        return True
    libraries: list[FrameType] = []
    while frame is not None:
        if is_answer_frame(frame):
            return not libraries or not _may(libraries, event, arguments)
        if frame.f_globals is globals() or id(frame.f_code) in TEST_CODES:
            return False
        libraries.append(frame)
        frame = frame.f_back
    # A thread without code of anybody's: who had a library run it cannot be told.
    return not libraries or not _may(libraries, event, arguments)


def _is_own_doing(code: CodeType, event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether code names what is done in it. If not, it called an object of the answer's without knowing: `__eq__` may be a
    `functools.partial` that looks at frames, and then no function of the answer's runs.
    """
    if event in _NAMED:
        words = _WORDS[event]
    elif event == "object.__getattr__" and arguments[1] in _FRAMES:
        words = (arguments[1],)
    elif event == "import":
        words = (*arguments[0].split("."), *_IMPORTERS)
    else:
        return True
    named = {*code.co_names, *(const for const in code.co_consts if type(const) is str)}
    return not named.isdisjoint(words) or _is_package(code.co_filename)


def _importer(frame: FrameType | None) -> FrameType | None:
    """Whose import it is: beyond the code that Python imports by."""
    while frame is not None and library_file(frame) in (_IMPORTING, _LOADING, "importlib/__init__.py"):
        frame = frame.f_back
    return frame


def _may(libraries: list[FrameType], event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether library functions that the answer called may bring the event about: the innermost first."""
    if event.startswith(("ctypes.", "gc.")) or event in _NEVER:
        return False
    if event in _MAKING or (event == "object.__getattr__" and arguments[1] not in _FRAMES):
        return True
    if libraries[-1].f_code.co_filename == _IMPORTING:
        return True
    innermost, *callers = libraries
    if event == "open":
        if innermost.f_code.co_name == "invoke_excepthook" and innermost.f_globals.get("excepthook") is _excepthook:
            return True  # Python's own, which shows the line of the test that failed in a thread
        return any(library_file(frame) == "traceback.py" and frame.f_code.co_name == _SUMMARY for frame in libraries)
    file, function = library_file(innermost), innermost.f_code.co_name
    for caller in ("", *(frame.f_code.co_name for frame in callers[:1])):
        if (names := _KEEPS_FRAMES.get((file, function, caller))) is not None:
            return all(_is_own(innermost.f_globals, name) for name in names)
    return _is_package(innermost.f_code.co_filename)


def library_file(frame: FrameType) -> str:
    """The file of a library's code, below the folder of its library."""
    return _below_library(frame.f_code.co_filename)


def _below_library(name: str) -> str:
    return next((name[len(folder) :] for folder in LIBRARIES if name.startswith(folder)), name)


def _is_package(name: str) -> bool:
    """Whether a file is an installed package's other than pytest's."""
    if f"{os.sep}site-packages{os.sep}" not in name and f"{os.sep}dist-packages{os.sep}" not in name:
        return False
    return not _below_library(name).startswith(("_pytest/", "pluggy/", "py/", "py.py", "pytest/"))


def _is_own(space: dict[str, Any], name: str) -> bool:
    """Whether a function that a library calls by this name is still a library's. Other versions may lack it."""
    found: Any = space
    for part in name.split("."):
        space = found if type(found) is dict else vars(found)
        if part not in space:
            return True
        found = space[part]
    found = getattr(found, "__func__", found)
    return type(found) is FunctionType and not is_answer_function(found)
