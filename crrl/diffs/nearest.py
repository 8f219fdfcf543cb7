"""What an error message shows of a file that an edit does not fit. The cost is bounded, whatever the sizes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from rapidfuzz import fuzz, process

from crrl.diffs.locate import converted, line_ending

_MOST_CHARACTERS = 100_000
_MOST_LINES = 2_000
_MOST_LINE_CHARACTERS = 120
_MOST_SHOWN = 5
_MOST_PATHS = 1_000
_LEAST_LIKENESS = 60.0
"""Out of 100; below it two lines of code have little more in common than keywords."""


def nearest_paths(path: str, paths: Iterable[str]) -> str:
    """A sentence with the paths most like this one. Cost: of the first 1,000 paths."""
    known = [name[:_MOST_LINE_CHARACTERS] for name in islice(paths, _MOST_PATHS)]
    if not known:
        return "There are no files."
    best = process.extract(path[:_MOST_LINE_CHARACTERS], known, scorer=fuzz.ratio, limit=3)
    return "The nearest are: " + ", ".join(f"`{name}`" for name, _, _ in best) + "."


def nearest_lines(text: str, search: str) -> str:
    """A sentence, and the lines of the file most like `search` under it. Cost: of the first 2,000 lines of the file."""
    lines = [line[:_MOST_LINE_CHARACTERS] for line in text[:_MOST_CHARACTERS].split("\n", _MOST_LINES)[:_MOST_LINES]]
    wanted = [line.rstrip("\r")[:_MOST_LINE_CHARACTERS] for line in search[:_MOST_CHARACTERS].split("\n", 20)[:20]]
    if not text:
        return "The file is empty."
    anchor = max(range(len(wanted)), key=lambda number: len(wanted[number].strip()))
    best = process.extractOne(wanted[anchor], lines, scorer=fuzz.ratio, score_cutoff=_LEAST_LIKENESS)
    if best is None:
        return "No line of it is near them."
    first = max(0, best[2] - min(anchor, _MOST_SHOWN - 1))
    shown_lines = lines[first : first + min(_MOST_SHOWN, len(wanted) + 1)]
    numbered = "\n".join(f"{first + offset + 1:>6} | {line}" for offset, line in enumerate(shown_lines))
    return f"The nearest lines of the file are:\n{numbered}"


def lines_of_places(text: str, search: str) -> str:
    """`lines 3, 17, 20 and more`: where the first places of `search` begin. Cost: one pass over the file."""
    ending = line_ending(text)
    numbers = _line_numbers(text, search) or _line_numbers(text, converted(search, ending or "\n"))
    more = " and more" if len(numbers) > 3 else ""
    return "lines " + ", ".join(str(number) for number in numbers[:3]) + more


def _line_numbers(text: str, search: str) -> list[int]:
    numbers: list[int] = []
    whole = "\n" + (text if text.endswith("\n") else text + "\n")
    number, counted = 0, 0
    found = whole.find("\n" + search)
    while found >= 0 and len(numbers) < 4:
        number += whole.count("\n", counted, found + 1)
        counted = found + 1
        numbers.append(number)
        found = whole.find("\n" + search, found + 1)
    return numbers
