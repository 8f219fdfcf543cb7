"""Paths: which a task may hold, which of them are tests, and those that a user gives."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from crrl.diffs.patch import is_shortest_path

CODE_EXTENSIONS = (
    *("py", "pyi", "pyx", "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "cs", "java", "js", "jsx", "mjs", "ts", "tsx"),
    *("go", "rs", "rb", "php", "kt", "scala", "swift", "lua", "pl", "sh", "jl", "ex", "exs", "hs", "dart", "sql"),
)

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "testdata", "spec", "specs", "__tests__", "e2e"})
_TEST_NAMES = re.compile(
    r"""(?x) conftest\.py | tests?\.\w+ | tests?[_-].* | .*[_-]tests?\.\w+ | .*[_-]spec\.\w+ | .*\.(test|spec)\.\w+
        | \w*[a-z0-9](Test|Tests|TestCase|Spec)\.(java|kt|scala|cs|swift|php|groovy)
        | Test[A-Z]\w*\.(java|kt|scala|cs)"""
)


def local_path(text: str) -> Path:
    """A path that a user gave, `~` spelled out: after `commits:` no shell does it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~somebody, whom this machine does not know
        return Path(text)


def is_test_path(path: str) -> bool:
    """Whether a file is there to test others: by its folder (`tests/`) or its name (`test_x.py`, `x.test.ts`)."""
    *folders, name = path.split("/")
    return any(folder.lower() in _TEST_FOLDERS for folder in folders) or _TEST_NAMES.fullmatch(name) is not None


def path_problem(path: str) -> str | None:
    """Why a path cannot be in a task: it must be the plain relative path of a file, one that a patch can name."""
    if not path:
        return "a path is empty"
    if path.startswith("/") or re.match(r"[A-Za-z]:[\\/]", path):
        return f"path {path!r} is absolute; paths are relative to the tree"
    parts = path.split("/")
    if ".." in parts:
        return f"path {path!r} leaves the tree"
    if "" in parts or "." in parts:
        return f"path {path!r} is not in its shortest form"
    if not is_shortest_path(path) or path != path.strip():
        return f"path {path!r} holds control characters, back-quotes or outer blanks"
    return None


def tree_problem(paths: Iterable[str]) -> str | None:
    """Why these paths cannot be the files of one tree."""
    known: set[str] = set()
    for path in paths:
        if problem := path_problem(path):
            return problem
        if path in known:
            return f"path {path!r} is there twice"
        known.add(path)
    for path in known:
        for end, sign in enumerate(path):
            if sign == "/" and path[:end] in known:
                return f"path {path[:end]!r} is a file and a folder"
    return None
