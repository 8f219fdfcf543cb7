"""Where two texts differ: hunks of whole lines, in character offsets, at a cost that follows the changed span."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from rapidfuzz.distance import LCSseq, Postfix, Prefix

Hunk = tuple[int, int, int, int]
"""old[lo:hi] became new[new_lo:new_hi]: (lo, hi, new_lo, new_hi), whole lines, none empty on both sides."""

MOST_LINE_PAIRS = 30_000_000
"""Above it a changed span counts as one hunk: the line diff needs a bit per pair (here 4 MB, about 1 ms)."""
NEAR = 1_000
"""Characters that are compared one by one: beyond, halving the texts is faster."""
_MOST_SLIDES = 1_000
_WORD = re.compile(r"\w")


class Region(NamedTuple):
    """A part of the old text that one or both of two new texts changed, and what became of it in each."""

    lo: int
    hi: int
    left_lo: int
    left_hi: int
    right_lo: int
    right_hi: int
    in_left: bool
    in_right: bool


def common_prefix(left: str, right: str, limit: int, guess: int = 0) -> int:
    """How many of the first `limit` characters agree.

    `guess` is where they might part: a good one makes the search short, a bad one changes nothing. Cost: memory
    comparison, about 3 µs for 30,000 characters.
    """
    low, high, step = 0, limit, NEAR
    if 0 < guess <= limit:
        low, high = (guess, high) if left.startswith(right[:guess]) else (0, guess - 1)
    while high - low > NEAR:
        middle = low + min(step, (high - low) >> 1)
        if left.startswith(right[low:middle], low):  # copies one slice, where comparing two would copy both
            low = middle
            step *= 4
        else:
            high = middle - 1
    return low + int(Prefix.similarity(left[low:high], right[low:high]))


def common_suffix(left: str, right: str, limit: int, guess: int = 0) -> int:
    """How many of the last `limit` characters agree; see `common_prefix`."""
    low, high, step = 0, limit, NEAR
    left_end, right_end = len(left), len(right)
    if 0 < guess <= limit:
        low, high = (guess, high) if left.endswith(right[right_end - guess :]) else (0, guess - 1)
    while high - low > NEAR:
        middle = low + min(step, (high - low) >> 1)
        if left.endswith(right[right_end - middle : right_end - low], 0, left_end - low):
            low = middle
            step *= 4
        else:
            high = middle - 1
    return low + int(
        Postfix.similarity(left[left_end - high : left_end - low], right[right_end - high : right_end - low])
    )


def changed_span(old: str, new: str, guess: tuple[int, int] = (0, 0)) -> Hunk:
    """The smallest run of whole lines that holds every difference (of two texts that differ).

    `guess`: how many characters at the start and at the end might be the same.
    """
    shorter = min(len(old), len(new))
    prefix = common_prefix(old, new, shorter, guess[0])
    suffix = common_suffix(old, new, shorter - prefix, guess[1])
    lo = old.rfind("\n", 0, prefix) + 1
    hi, new_hi = len(old) - suffix, len(new) - suffix
    if not (_starts_line(old, hi) and _starts_line(new, new_hi)):
        newline = old.find("\n", hi)
        end = len(old) if newline < 0 else newline + 1
        new_hi += end - hi
        hi = end
    return lo, hi, lo, new_hi


def changed_hunks(old: str, new: str, guess: tuple[int, int] = (0, 0)) -> list[Hunk]:
    """The line diff of two texts that differ, insertions and deletions as far down as they can slide.

    Cost: of the span from first to last changed line; bit-parallel within it, bounded by MOST_LINE_PAIRS.
    """
    lo, hi, new_lo, new_hi = span = changed_span(old, new, guess)
    if lo == hi or new_lo == new_hi:
        return [_slid_down(span, old, new, len(old))]
    old_lines, new_lines = old[lo:hi].split("\n"), new[new_lo:new_hi].split("\n")
    small = len(old_lines) <= 2 and len(new_lines) <= 2  # one line each: its newline splits off an empty second
    if small or len(old_lines) * len(new_lines) > MOST_LINE_PAIRS:
        return [span]
    # Line i starts at starts[i] + i: the newlines are counted where they are needed, so that all of this stays in C.
    old_starts = list(accumulate(map(len, old_lines), initial=lo))
    new_starts = list(accumulate(map(len, new_lines), initial=new_lo))
    hunks: list[Hunk] = []
    at = new_at = 0
    for a, b, size in LCSseq.opcodes(old_lines, new_lines).as_matching_blocks():
        if a > at or b > new_at:
            end = old_starts[a] + a if a < len(old_lines) else hi  # no newline follows the last line
            new_end = new_starts[b] + b if b < len(new_lines) else new_hi
            hunk = old_starts[at] + at, end, new_starts[new_at] + new_at, new_end
            if hunk[0] < hunk[1] or hunk[2] < hunk[3]:  # a last line's missing newline is no hunk
                hunks.append(hunk)
        at, new_at = a + size, b + size
    return _all_slid_down(hunks, old, new) or [span]


def hunks_like(known_hunks: Sequence[Hunk], old: str, known: str, new: str) -> list[Hunk]:
    """The hunks from `old` to `new`, taken from those to `known` as far as both are the same.

    Most answers of a group differ from the human fix in one place: only there a diff is needed.

    Cost: of the span in which `known` and `new` differ.
    """
    if old == new:
        return []
    if len(known_hunks) < 2:
        guess = (known_hunks[0][0], len(old) - known_hunks[0][1]) if known_hunks else (0, 0)
        return changed_hunks(old, new, guess)
    shorter = min(len(known), len(new))
    prefix = common_prefix(known, new, shorter)
    suffix = common_suffix(known, new, shorter - prefix)
    head_end = known.rfind("\n", 0, prefix) + 1
    newline = known.find("\n", len(known) - suffix)
    tail_start = len(known) if newline < 0 else newline + 1
    # A hunk is the same if an unchanged line parts it from the difference.
    head = [hunk for hunk in known_hunks if hunk[3] < head_end]
    tail = [hunk for hunk in known_hunks if hunk[2] > tail_start]
    _, lo, _, new_lo = head[-1] if head else (0, 0, 0, 0)
    hi, _, known_hi, _ = tail[0] if tail else (len(old), 0, len(known), 0)
    shift = len(new) - len(known)
    old_part, new_part = old[lo:hi], new[new_lo : known_hi + shift]
    middle = changed_hunks(old_part, new_part) if old_part != new_part else []
    return [
        *head,
        *((a + lo, b + lo, c + new_lo, d + new_lo) for a, b, c, d in middle),
        *((a, b, c + shift, d + shift) for a, b, c, d in tail),
    ]


def joint_regions(old: str, left: Sequence[Hunk], right: Sequence[Hunk]) -> list[Region]:
    """Hunks of two diffs of the same text, joined where they overlap, touch, or only signs and blanks lie between."""
    edits = sorted([(*hunk, False) for hunk in left] + [(*hunk, True) for hunk in right])
    regions: list[Region] = []
    at = left_by = right_by = 0  # how far each new text is shifted here
    while at < len(edits):
        start = end = edits[at][0]
        left_lo, right_lo = start + left_by, start + right_by
        in_left = in_right = False
        while at < len(edits):
            lo, hi, _, new_hi, is_right = edits[at]
            if lo > end and _WORD.search(old, end, lo):
                break
            if hi > end:
                end = hi
            if is_right:
                right_by = new_hi - hi
                in_right = True
            else:
                left_by = new_hi - hi
                in_left = True
            at += 1
        regions.append(Region(start, end, left_lo, end + left_by, right_lo, end + right_by, in_left, in_right))
    return regions


def merged(regions: Sequence[Region]) -> Region:
    """Successive regions, and what lies between them, as one."""
    first, last = regions[0], regions[-1]
    return Region(
        first.lo,
        last.hi,
        first.left_lo,
        last.left_hi,
        first.right_lo,
        last.right_hi,
        any(region.in_left for region in regions),
        any(region.in_right for region in regions),
    )


def _starts_line(text: str, place: int) -> bool:
    return place == 0 or text[place - 1] == "\n"


def _all_slid_down(hunks: list[Hunk], old: str, new: str) -> list[Hunk]:
    limits = [hunk[0] for hunk in hunks[1:]]
    limits.append(len(old))
    return [
        hunk if hunk[0] < hunk[1] and hunk[2] < hunk[3] else _slid_down(hunk, old, new, limit)
        for hunk, limit in zip(hunks, limits, strict=True)
    ]


def _slid_down(hunk: Hunk, old: str, new: str, limit: int) -> Hunk:
    """The same insertion or deletion, as low as it can stand: two diffs of one change then agree on its place."""
    lo, hi, new_lo, new_hi = hunk
    for _ in range(_MOST_SLIDES):
        text, start, end = (new, new_lo, new_hi) if lo == hi else (old, lo, hi)
        size = text.find("\n", start, end) + 1 - start
        if size <= 0 or hi + size > limit or text[start : start + size] != text[end : end + size]:
            break
        lo, hi, new_lo, new_hi = lo + size, hi + size, new_lo + size, new_hi + size
    return lo, hi, new_lo, new_hi
