"""Which lines of one text became which lines of another, to the last byte of the last line."""

from __future__ import annotations

from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from crrl.diffs.hunks import MOST_LINE_PAIRS


class LineHunk(NamedTuple):
    """old[start:end] became new[new_start:new_end], counted in lines from 0."""

    start: int
    end: int
    new_start: int
    new_end: int


def split_lines(text: str) -> list[str]:
    r"""The lines of a text with their newlines, split at `\n` only; the last may have none. Cost: linear."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def diff_lines(old: list[str], new: list[str]) -> list[LineHunk]:
    """The hunks of a line diff, in order, none touching another.

    Cost: bit-parallel in the span from the first to the last changed line; a span of more than `MOST_LINE_PAIRS` pairs
    is one hunk.
    """
    shorter = min(len(old), len(new))
    lo = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    tail = next((index for index in range(shorter - lo) if old[-1 - index] != new[-1 - index]), shorter - lo)
    old_span, new_span = old[lo : len(old) - tail], new[lo : len(new) - tail]
    if not old_span and not new_span:
        return []
    if not old_span or not new_span or len(old_span) * len(new_span) > MOST_LINE_PAIRS:
        return [LineHunk(lo, lo + len(old_span), lo, lo + len(new_span))]
    hunks: list[LineHunk] = []
    at = new_at = 0
    for start, new_start, size in LCSseq.opcodes(old_span, new_span).as_matching_blocks():
        if start > at or new_start > new_at:
            hunks.append(LineHunk(lo + at, lo + start, lo + new_at, lo + new_start))
        at, new_at = start + size, new_start + size
    return hunks
