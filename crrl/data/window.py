"""The parts of a long file that a prompt shows: whole lines, around what is to be changed, with marks between them.

Nothing says whether lines that are shown stand in a part that is not shown as well. So parts are chosen until the narrowest
patch that can be written from them, each SEARCH just long enough to fit at one of the places shown, fits the whole file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crrl.diffs import apply_patch, make_patch
from crrl.diffs.line_diff import LineHunk, split_lines
from crrl.diffs.make import edited_lines
from crrl.errors import PatchApplyError

Span = tuple[int, int]
"""Lines: the first and the one behind the last, from 0."""
UNCLEAR = "the parts of a file that a prompt can show do not tell its change from like lines elsewhere in it"
"""Why a task is dropped for which there is no `Part`."""
_LEAST_CUT = 6
"""Fewer lines than these are shown, not marked as cut."""
_MOST_COPIES = 8
_PATH = "file"


@dataclass(frozen=True)
class Part:
    """What a prompt shows of a file."""

    text: str
    cut: str = ""
    """The sentence that says what is left out; "" if nothing is."""
    windows: int = 1


def part_around(before: str, after: str, chars: int, draw: random.Random, *, whole: Sequence[Span] = ()) -> Part | None:
    """All of a file, or about `chars` characters of it in windows around each change. Where a change lies in its window is
    drawn, so that the middle says nothing.

    Args:
        before, after: the file and what it is to become.
        chars: 0: all. A change that is longer itself is shown nevertheless.
        whole: lines that belong into the windows as well, like the head of a function.

    Returns None if lines like those of the change stand at too many other places to show them all.
    """
    if not chars or len(before) <= chars:
        return Part(before)
    lines, new_lines = split_lines(before), split_lines(after)
    hunks = edited_lines(before, lines, new_lines, context_lines=0)
    needed = [*whole, *((hunk.start, hunk.end) for hunk in hunks)]
    copies: list[Span] = []
    while True:
        windows = _windows_around(lines, [*needed, *copies], chars, draw)
        text = _text(lines, windows)
        changed = _text(new_lines, [_after(hunks, window) for window in windows], windows)
        patch = make_patch({_PATH: text}, {_PATH: changed}, context_lines=0)
        try:
            if apply_patch({_PATH: before}, patch) == {_PATH: after}:
                return Part(text, _sentence(windows, len(lines)), len(windows))
        except PatchApplyError:
            pass
        hidden = [copy for edit in patch.edits for copy in _hidden_copies(before, lines, edit.search, windows)]
        copies += hidden
        if not hidden or len(copies) > _MOST_COPIES or _size(lines, _joined([*needed, *copies])) > chars:
            return None


def part_anywhere(text: str, windows: int, chars: int, draw: random.Random) -> Part:
    """All of a file that is not to be changed, or as many windows at places that are drawn."""
    lines = split_lines(text)
    if not chars or len(text) <= chars:
        return Part(text)
    places = [(line, line + 1) for line in (draw.randrange(len(lines)) for _ in range(windows))]
    spans = _windows_around(lines, places, chars, draw)
    return Part(_text(lines, spans), _sentence(spans, len(lines)), len(spans))


def _windows_around(lines: Sequence[str], places: Sequence[Span], chars: int, draw: random.Random) -> list[Span]:
    """One window a place, of about `chars` characters together; what nearly touches is one."""
    joined = _joined(places)
    share = (chars - _size(lines, joined)) // len(joined)
    return _joined([_widened(lines, place, share, draw) for place in joined])


def _widened(lines: Sequence[str], place: Span, chars: int, draw: random.Random) -> Span:
    """The place with `chars` more characters above and below, as drawn."""
    first, last = place
    above = int(chars * draw.random()) if chars > 0 else 0
    first, spent = _extend(lines[:first][::-1], first, above, -1)
    last, more = _extend(lines[last:], last, chars - spent, 1)
    first, _ = _extend(lines[:first][::-1], first, chars - spent - more, -1)
    return first, last


def _extend(lines: Sequence[str], place: int, chars: int, step: int) -> tuple[int, int]:
    """Move a border over whole lines for `chars` characters. Returns (border, characters spent)."""
    spent = 0
    for line in lines:
        if spent + len(line) > chars:
            break
        spent += len(line)
        place += step
    return place, spent


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first - joined[-1][1] < _LEAST_CUT:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def _size(lines: Sequence[str], spans: Sequence[Span]) -> int:
    return sum(len(line) for first, last in spans for line in lines[first:last])


def _after(hunks: Sequence[LineHunk], window: Span) -> Span:
    """Where a window's lines are in the changed file. No hunk is empty, and none lies across a border."""

    def moved(line: int) -> int:
        return line + next((hunk.new_end - hunk.end for hunk in reversed(hunks) if hunk.end <= line), 0)

    return moved(window[0]), moved(window[1])


def _text(lines: Sequence[str], spans: Sequence[Span], marked: Sequence[Span] = ()) -> str:
    """The lines of the spans; between two of them a mark with the numbers of the lines left out in `marked`, or in themselves."""
    numbers = marked or spans
    pieces: list[str] = []
    for index, (first, last) in enumerate(spans):
        if index:
            pieces.append(f"[… lines {numbers[index - 1][1] + 1} to {numbers[index][0]} …]\n")
        pieces += lines[first:last]
    return "".join(pieces)


def _sentence(windows: Sequence[Span], total: int) -> str:
    *others, last = (f"{first + 1} to {behind}" for first, behind in windows)
    shown = f"{', '.join(others)} and {last}" if others else last
    marks = " A line [… lines … to … …] stands for lines that are not." if others else ""
    return f"Of {total} lines of the file, lines {shown} are shown.{marks}" if windows != [(0, total)] else ""


def _hidden_copies(text: str, lines: Sequence[str], search: str, windows: Sequence[Span]) -> Iterator[Span]:
    """Where else in the file these lines stand, with all around that is the same as around those shown, and where it differs."""
    size = len(split_lines(search))
    places = list(_places(text, search))
    shown = [place for place in places if any(first <= place and place + size <= last for first, last in windows)]
    for copy in set(places) - set(shown):
        for own in shown:
            above = _agreement(lines[:own][::-1], lines[:copy][::-1])
            below = _agreement(lines[own + size :], lines[copy + size :])
            yield max(0, copy - above - 1), min(len(lines), copy + size + below + 1)


def _places(text: str, search: str) -> Iterator[int]:
    """The lines at which `search` begins."""
    padded, wanted = "\n" + text, "\n" + search
    found = padded.find(wanted) if search else -1
    while found >= 0:
        yield padded.count("\n", 0, found)
        found = padded.find(wanted, found + 1)


def _agreement(one: Sequence[str], other: Sequence[str]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
