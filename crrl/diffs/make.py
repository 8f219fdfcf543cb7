"""A patch made from two trees: the answer that a human fix stands for."""

from __future__ import annotations

from collections.abc import Iterator

from crrl.diffs.line_diff import LineHunk, diff_lines, split_lines
from crrl.diffs.locate import matches_once
from crrl.diffs.patch import Edit, Patch, is_shortest_path, shown
from crrl.schema import Files

_SINGLE_STEPS = 16
"""Context grows by one line this often, then doubles: a file of one repeated line must not cost its square."""


def make_patch(before: Files, after: Files, *, context_lines: int = 3) -> Patch:
    """The patch that turns one tree into the other.

    Args:
        before, after: Path → text; any text, any line endings, with or without a last newline.
        context_lines: At least this many unchanged lines above and below each change, where the file has them. More
            are taken until SEARCH is not empty and stands at one place only; hunks that then touch become one.

    Returns:
        Edits sorted by path, then by place, so that `apply_patch(before, make_patch(before, after)) == after`.

    Raises:
        ValueError: a changed path is none that an `Edit` may have, or not in its shortest form; or `context_lines` is
            negative.

    Cost: one line diff of each changed file, bit-parallel within the changed span; about 0.2 ms for a file of 30 KB.
    """
    if context_lines < 0:
        raise ValueError(f"context_lines={context_lines}: must be 0 or more")
    edits: list[Edit] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            if not is_shortest_path(path):
                raise ValueError(f"{shown(path)} is no path of a file in its shortest form")
            edits += _file_edits(path, old, new, context_lines)
    return Patch(tuple(edits))


def edited_lines(old: str, old_lines: list[str], new_lines: list[str], *, context_lines: int) -> list[LineHunk]:
    """The lines of each edit that `make_patch` makes of a file, given its lines, that it neither creates nor deletes."""
    hunks = [_grown(hunk, context_lines, old_lines, new_lines) for hunk in diff_lines(old_lines, new_lines)]
    return _made_unique(_joined(hunks), old, old_lines, new_lines)


def _file_edits(path: str, old: str | None, new: str | None, context_lines: int) -> Iterator[Edit]:
    if not old or new is None:  # created, filled, or deleted
        yield Edit(path, "", new or "")
        return
    old_lines, new_lines = split_lines(old), split_lines(new)
    for start, end, new_start, new_end in edited_lines(old, old_lines, new_lines, context_lines=context_lines):
        yield Edit(path, "".join(old_lines[start:end]), "".join(new_lines[new_start:new_end]))


def _made_unique(hunks: list[LineHunk], old: str, old_lines: list[str], new_lines: list[str]) -> list[LineHunk]:
    """The hunks, each grown until its old lines stand at one place only. The whole file does, so this ends."""
    lines, rounds = 1, 0
    while True:
        grown = [
            hunk
            if hunk.start < hunk.end and matches_once(old, "".join(old_lines[hunk.start : hunk.end]))
            else _grown(hunk, lines, old_lines, new_lines)
            for hunk in hunks
        ]
        if grown == hunks:
            return hunks
        hunks = _joined(grown)
        rounds += 1
        lines = 1 if rounds < _SINGLE_STEPS else 2 * lines


def _grown(hunk: LineHunk, lines: int, old_lines: list[str], new_lines: list[str]) -> LineHunk:
    above = min(lines, hunk.start)
    below = min(lines, len(old_lines) - hunk.end)
    return LineHunk(hunk.start - above, hunk.end + below, hunk.new_start - above, hunk.new_end + below)


def _joined(hunks: list[LineHunk]) -> list[LineHunk]:
    """Hunks in order, those that overlap or touch as one."""
    joined: list[LineHunk] = []
    for hunk in hunks:
        if joined and hunk.start <= joined[-1].end:
            last = joined.pop()
            hunk = LineHunk(last.start, max(last.end, hunk.end), last.new_start, max(last.new_end, hunk.new_end))
        joined.append(hunk)
    return joined
