"""Where code comes from: a folder, the standard library, or rows of a published set; each as files with their provenance."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crrl.data.code_folder import python_files
from crrl.data.hub import dataset_files, is_hub_name
from crrl.data.paths import is_test_path, local_path, path_problem
from crrl.data.read_table import missing_columns, read_tables, tables_digest
from crrl.data.rows import BadRow, Dropped
from crrl.data.sources.stack.options import StackOptions

STACK_COLUMNS = ("content", "repository_name", "path", "licenses", "lang")
"""Of bigcode/the-stack-smol."""
DOCSTRING_COLUMNS = (
    "function_name",
    "docstring",
    "masked_code",
    "implementation",
    "start_line",
    "end_line",
    "file_content",
)
"""Of ASSERT-KTH/stack-smol-docstrings."""
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class CodeFile:
    """One file of code."""

    where: str
    path: str
    text: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """`origin` and `license`, at least."""
    function: str = ""
    """The only function that is asked for, where a row names one; "": every one."""
    line: int = 0
    """… and the line that it starts at, decorators included."""
    root: Path | None = None
    """The folder that the file's module is imported from, if it lies on this machine."""
    is_installed: bool = False
    """The sandbox's Python finds the rest of its package by itself."""


def code_files(options: StackOptions) -> Iterator[CodeFile | Dropped | BadRow]:
    """Yields every file in a fixed order, or why one is left out. Raises DataError if there is nothing to read."""
    if not options.path:
        yield from _folder(Path(sysconfig.get_path("stdlib")), "the standard library", "PSF-2.0", is_installed=True)
    elif _is_code_folder(local_path(options.path)):
        folder = local_path(options.path)
        yield from _folder(folder, folder.resolve().name, _license_of(folder), is_installed=False)
    else:
        for read in read_tables(dataset_files(options.path), (*STACK_COLUMNS, *DOCSTRING_COLUMNS)):
            yield read if isinstance(read, BadRow) else _of_row(*read, options.path)


def identity(options: StackOptions) -> str:
    """Changes with the Python whose library it is, the folder's files, or the rows."""
    if not options.path:
        return sys.version
    folder = local_path(options.path)
    if not _is_code_folder(folder):
        return tables_digest(dataset_files(options.path))
    digest = hashlib.sha256()
    for file in python_files(folder):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _is_code_folder(path: Path) -> bool:
    return path.is_dir() and next(iter(python_files(path)), None) is not None


def _folder(folder: Path, origin: str, license_: str, *, is_installed: bool) -> Iterator[CodeFile | Dropped]:
    provenance = {"origin": origin, "license": license_}
    for file in python_files(folder):
        path = file.relative_to(folder).as_posix()
        if is_test_path(path) or "idle_test" in path:
            yield Dropped(path, "file: holds tests")
            continue
        try:
            text = file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            yield Dropped(path, "file: cannot be read as UTF-8")
            continue
        yield CodeFile(path, path, text, provenance, root=folder, is_installed=is_installed)


def _of_row(where: str, row: dict[str, Any], given: str) -> CodeFile | Dropped | BadRow:
    text: Any
    path: Any
    name: Any
    line: Any
    origin = given if is_hub_name(given) else local_path(given).name  # never a path of this machine
    if row.get("content") is not None:
        problem = missing_columns(row, ("content", "path"), "bigcode/the-stack-smol")
        text, path = row["content"], row.get("path")
        licenses = ", ".join(row.get("licenses") or ()) or _UNKNOWN
        provenance = {"origin": origin, "repo": row.get("repository_name") or "", "license": licenses}
        if not problem and row.get("lang", "Python") != "Python":
            return Dropped(where, "file: is no Python")
        name, line = "", 0
    else:
        problem = missing_columns(
            row, ("file_content", "function_name", "start_line"), "ASSERT-KTH/stack-smol-docstrings"
        )
        text, path, name, line = row.get("file_content"), "module.py", row.get("function_name"), row.get("start_line")
        provenance = {"origin": origin, "license": _UNKNOWN}
    if problem:
        return BadRow(where, problem)
    if not (isinstance(text, str) and isinstance(path, str) and isinstance(name, str) and isinstance(line, int)):
        return BadRow(where, "the code, its path, or the function's name and line are of another type than published")
    if path_problem(path):
        path = "module.py"
    if is_test_path(path):
        return Dropped(where, "file: holds tests")
    return CodeFile(where, path, text, {**provenance, "row": where}, name, line)


def _license_of(folder: Path) -> str:
    """The first line of the folder's licence that says something; "unknown" without one."""
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING"):
        for place in (folder, folder.parent):
            if (place / name).is_file():
                lines = (place / name).read_text(encoding="utf-8", errors="replace").splitlines()
                return next((line.strip() for line in lines if line.strip()), _UNKNOWN)
    return _UNKNOWN
