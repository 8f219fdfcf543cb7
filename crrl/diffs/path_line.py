"""What stands outside of the blocks: the path line above a SEARCH marker, fences, other text.

A gap is a run of lines between two blocks, each written as a newline and the line's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from crrl.diffs import deviations as names

BLANKS = " \t\r"
_FENCE = r"[ \t]*+`{3,}+[^`\n]*+"
_FENCE_LINE = re.compile(rf"\n{_FENCE}(?=\n|\Z)")
_TEXT_LINE = re.compile(rf"\n(?!{_FENCE}(?:\n|\Z))[ \t\r]*+[^ \t\r\n]")
_BARE_PATH = re.compile(r"[^ \t\r`#][^ \t\r`]*+(?<!:)")


class PathLine(NamedTuple):
    """What the lines above a block say: its path (None: nothing), how it was written, and what is left above."""

    path: str | None
    deviations: tuple[str, ...]
    rest: str


def write_path_line(path: str) -> str:
    """The path as `read_path_line` takes it back: in back-quotes where it would not be seen as one. Cost: linear."""
    return f"`{path}`" if " " in path or path.startswith("#") or path.endswith(":") else path


def read_path_line(gap: str) -> PathLine:
    """The path that the gap above a SEARCH marker ends in: looks over fence lines, never over a blank line.

    Cost: linear in the gap.
    """
    end = len(gap)
    fences: tuple[str, ...] = ()
    while end:
        start = gap.rfind("\n", 0, end)
        if not _FENCE_LINE.match(gap, start, end):
            path, deviations = _path_in(gap[start + 1 : end])
            return PathLine(path, fences + deviations, gap[:end] if path is None else gap[:start])
        fences = (names.FENCE,)
        end = start
    return PathLine(None, fences, "")


def _path_in(line: str) -> tuple[str | None, tuple[str, ...]]:
    """The path that a line gives, and the deviations in how it does."""
    if _BARE_PATH.fullmatch(line):
        return line, ()
    text = line.strip(BLANKS)
    name = text[4:].strip(BLANKS) if text.startswith("### ") else text
    path = name.strip("`")
    is_quoted = len(name) > len(path) + 1 and name.startswith("`") and name.endswith("`")
    if not path or path == "###" or "`" in path:
        return None, ()
    if not is_quoted and (" " in path or "\t" in path or path.endswith(":")):
        return None, ()
    return path, tuple(_path_deviations(line, text, name, path))


def _path_deviations(line: str, text: str, name: str, path: str) -> Iterator[str]:
    if line.endswith("\r"):
        yield names.CRLF
    if line.removesuffix("\r") != text:
        yield names.BLANKS_AROUND_PATH
    if name != text:
        yield names.HEADING_PATH
    if name != path and name != write_path_line(path):
        yield names.QUOTED_PATH


def note_gap(gap: str, found: dict[str, None]) -> None:
    """Adds to `found` what a gap without its path line holds. Cost: linear, in C."""
    if not gap.strip(" \t\r\n"):
        return
    if _FENCE_LINE.search(gap):
        found[names.FENCE] = None
    if _TEXT_LINE.search(gap):
        found[names.TEXT_AROUND] = None
