"""The part of a long file that a prompt shows. A patch against the part applies to the whole file, as lines are never cut."""

from __future__ import annotations

import random
from collections.abc import Sequence


def window_around(lines: Sequence[str], first: int, last: int, chars: int, draw: random.Random) -> tuple[int, int]:
    """Which lines to show: all, or about `chars` characters with lines `first` to `last` (behind the last) among them.

    Where these lie in the part is drawn, so that the middle says nothing. `chars` 0: all.

    Returns (first, behind the last), from 0.
    """
    if not chars or sum(map(len, lines)) <= chars:
        return 0, len(lines)
    left = chars - sum(map(len, lines[first:last]))
    above = int(left * draw.random()) if left > 0 else 0
    first, spent = _extend(lines[:first][::-1], first, above, -1)
    last, more = _extend(lines[last:], last, left - spent, 1)
    first, _ = _extend(lines[:first][::-1], first, left - spent - more, -1)
    return first, last


def shown_lines(first: int, last: int, total: int) -> str:
    """The sentence that marks the cut; "" if there is none."""
    return f"Of {total} lines of the file, lines {first + 1} to {last} are shown." if last - first < total else ""


def _extend(lines: Sequence[str], place: int, chars: int, step: int) -> tuple[int, int]:
    """Move a border over whole lines for `chars` characters. Returns (border, characters spent)."""
    spent = 0
    for line in lines:
        if spent + len(line) > chars:
            break
        spent += len(line)
        place += step
    return place, spent
