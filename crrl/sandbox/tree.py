"""A program's files before anything is written: whether a folder can hold them, and as what bytes."""

from __future__ import annotations

import os
import posixpath

from crrl.sandbox.outcome import Limits
from crrl.schema import Files

_NAME_BYTES, _PATH_BYTES = 255, 3500
_BLOCK = 4096
"""What a folder in memory gives room in."""


class TreeError(Exception):
    """No folder can hold these files: the program's fault."""


def lay_out(files: Files, limits: Limits) -> dict[str, bytes]:
    """Relative normal path → content, folders before what is in them left implied. Raises TreeError with what is wrong."""
    tree: dict[str, bytes] = {}
    for path, text in files.items():
        try:
            # surrogatepass: text that is no valid Unicode must fail as a program, not as our error.
            tree[_normal(path)] = text.encode("utf-8", "surrogatepass")
        except UnicodeEncodeError:
            raise TreeError(f"path {path!r} is no file name") from None
    folders = {folder for path in tree for folder in _parents(path)}
    for path in tree:
        if path in folders:
            raise TreeError(f"path {path!r} cannot be a file and a folder of this tree")
    size = sum(-(-len(text) // _BLOCK) for text in tree.values()) * _BLOCK
    if size > limits.folder_mb << 20 or any(len(text) > limits.file_mb << 20 for text in tree.values()):
        raise TreeError(f"{size} bytes of files; {limits.folder_mb} MiB, and {limits.file_mb} MiB each, are allowed")
    if len(tree) + len(folders) > limits.folder_files:
        raise TreeError(f"{len(tree) + len(folders)} files and folders; {limits.folder_files} are allowed")
    return tree


def _normal(path: str) -> str:
    encoded = os.fsencode(path)
    if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
        raise TreeError(f"path {path!r} leaves the folder")
    if path.endswith(("/", "/.")) or path == ".":
        raise TreeError(f"path {path!r} cannot be a file of this tree")
    if len(encoded) > _PATH_BYTES or any(len(part) > _NAME_BYTES for part in encoded.split(b"/")):
        raise TreeError(f"path {path!r} is no file name: too long")
    return posixpath.normpath(path)


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
