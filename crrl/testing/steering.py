"""Which new files of an answer would steer the tests instead of being tested."""

from __future__ import annotations

import posixpath
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from crrl.schema import Files
from crrl.testing.originals import originals
from crrl.testing.tree import SETTING_FILES

_SETTING_FOLDERS = (".dist-info", ".egg-info", "node_modules")
"""pytest loads plugins by the first two, node modules lie in the third."""
_LOADED = (".py", ".so", ".pyc", ".pth")


def without_tests(files: Files, tests: Files) -> dict[str, str]:
    """`files` less every path that means a test file, however it is spelled (`./tests/test_a.py`)."""
    taken = {posixpath.normpath(path) for path in tests}
    return {path: text for path, text in files.items() if posixpath.normpath(path) not in taken}


def steers_tests(before: Files, after: Files, tests: Files) -> bool:
    """Whether `after` holds a file that `before` does not, and that is loaded in place of what the tests mean to load.

    Or whether it lacks a module in whose place an installed one of the same name would be tested.

    Such are settings of test runners; compiled modules; a module named like a library, where the tests look first (the top
    of the tree and the folders of test files); a package that hides a test file, or its folder. Judged for Python; tests in
    other languages should bring their settings as test files.
    """
    known = {posixpath.normpath(path) for path in (*before, *tests)}
    new = {posixpath.normpath(path) for path in after.keys() - before.keys()} - known
    gone = {posixpath.normpath(path) for path in before.keys() - after.keys()}
    if originals(tuple(sorted(gone))):
        return True
    if not new:
        return False
    test_paths = {posixpath.normpath(path) for path in tests}
    folders = {"", *map(posixpath.dirname, test_paths)}
    return any(
        _is_setting(path) or _hides_test(path, test_paths) or _hides_library(path, folders, known) for path in new
    )


def _is_setting(path: str) -> bool:
    parts = path.split("/")
    return (
        parts[-1] in SETTING_FILES
        or path.endswith((".so", ".pyc", ".pth"))
        or any(part.endswith(_SETTING_FOLDERS) for part in parts)
    )


def _hides_test(path: str, test_paths: Iterable[str]) -> bool:
    """`a/test_b/…`, `a.py` and `a/__init__.py` are found before, or run before, `a/test_b.py`."""
    module = path.removesuffix("/__init__.py").removesuffix(".py")
    for test in test_paths:
        if path.startswith(test.removesuffix(".py") + "/"):
            return True
        if path.endswith(".py") and test.startswith(module + "/"):
            return True
    return False


def _hides_library(path: str, folders: Iterable[str], known: Iterable[str]) -> bool:
    if not path.endswith(_LOADED):
        return False
    for folder in folders:
        start = folder + "/" if folder else ""
        if not path.startswith(start):
            continue
        first, slash, _ = path[len(start) :].partition("/")
        if slash and any(other.startswith(start + first + "/") for other in known):
            continue  # a new module of a package that is there already
        if first.removesuffix(".py") in _library_names():
            return True
    return False


@cache
def _library_names() -> frozenset[str]:
    """Names of modules that `import` finds outside of the tree."""
    names = set(sys.stdlib_module_names)
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        folder = Path(place)
        names.update(entry.name.partition(".")[0] for entry in (folder.iterdir() if folder.is_dir() else ()))
    return frozenset(names - {"test", "tests", "docs", "examples"})  # packages leave these lying there
