"""The formula for one region that the human changed. docs/similarity.md explains each part and what it stops."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

from crrl.diffs.control_flow import Control, brings_control_flow, control_flow
from crrl.diffs.languages import Language
from crrl.diffs.lexical_state import State
from crrl.diffs.tokens import tokenise

MOST_TOKEN_PAIRS = 400_000_000
"""Above it (two texts of 20,000 tokens) only common start and end count as common: a lower bound of the LCS."""
_HAS_WORD = re.compile(r"\w").search


class Side(NamedTuple):
    """A region before and after the human fix: what every prediction is compared with."""

    before_text: str
    reference_text: str
    before: list[str]
    """Its tokens before."""
    reference: list[str]
    added: int
    removed: int
    weight: int
    """Tokens added and removed."""
    words: list[str]
    """The reference's tokens that are words, not signs."""
    added_words: int
    removed_lines: frozenset[str]
    """Lines of code that the human fix took away or changed, without outer blanks."""
    is_ascii: bool
    reference_control: Mapping[Control, int]
    """The reference's control flow, for `brings_control_flow`."""
    state: State
    """Where the region starts."""
    end_state: State | None
    """Where it ends, before and after the fix; None if they differ."""


def read_side(language: Language, before_text: str, reference_text: str, state: State) -> Side:
    """Both texts of a region as what predictions are compared with."""
    before, before_end = tokenise(language, before_text, state)
    if reference_text == before_text:
        is_ascii = before_text.isascii()
        return Side(
            before_text, before_text, before, before, 0, 0, 0, [], 0, frozenset(), is_ascii, {}, state, before_end
        )
    reference, reference_end = tokenise(language, reference_text, state)
    common = common_tokens(before, reference)
    words = words_of(reference)
    return Side(
        before_text=before_text,
        reference_text=reference_text,
        before=before,
        reference=reference,
        added=len(reference) - common,
        removed=len(before) - common,
        weight=len(reference) + len(before) - 2 * common,
        words=words,
        added_words=len(words) - common_tokens(words_of(before), words),
        removed_lines=code_lines(language, before_text) - code_lines(language, reference_text),
        is_ascii=before_text.isascii() and reference_text.isascii(),
        reference_control=control_flow(reference),
        state=state,
        end_state=before_end if before_end == reference_end else None,
    )


def region_score(side: Side, text: str, tokens: list[str]) -> tuple[float, int]:
    """Score in [0, 1] of a region that both the human and the prediction changed, and how many added tokens it gained.

    (share of the human's additions gained) x (share of the human's removals done) x (share of additions that are
    the human's)².
    """
    added, removed = side.added, side.removed
    common = common_tokens(side.reference, tokens)
    missing = len(side.reference) - common
    inserted = len(tokens) - common_tokens(side.before, tokens)
    gained = max(0, added - missing)
    surplus = max(0, inserted - gained)
    kept = min(max(len(tokens) - common - surplus, 0), removed)
    reached = gained / added if added else max(0.0, 1 - missing / removed)
    if side.added_words and reached:
        missing_words = len(side.words) - common_tokens(side.words, words_of(tokens))
        reached = min(reached, max(0, side.added_words - missing_words) / side.added_words)
    cleared = 1 - kept / removed if removed else 1.0
    if side.removed_lines and cleared:
        kept_lines = len(side.removed_lines.intersection([line.strip() for line in text.split("\n")]))
        cleared = min(cleared, 1 - kept_lines / len(side.removed_lines))
    wanted = added or removed
    purity = wanted / (wanted + surplus)
    return reached * cleared * purity * purity, gained if reached else 0


def is_suspect(language: Language, side: Side, text: str, tokens: list[str]) -> bool:
    """Whether a region may keep the fix from running: more control flow, another indentation, look-alike letters."""
    if side.is_ascii and not text.isascii() and any(not token.isascii() and token[0] != '"' for token in tokens):
        return True
    return is_shifted(language, side, tokens) or brings_control_flow(language, tokens, side.reference_control)


def is_shifted(language: Language, side: Side, tokens: list[str]) -> bool:
    """Whether the first line is indented as neither before nor in the reference."""
    if not language.indented or not tokens or tokens[0][0] != "\n":
        return False
    starts = [known[0] for known in (side.before, side.reference) if known]
    return bool(starts) and tokens[0] not in starts


def common_tokens(left: list[str], right: list[str]) -> int:
    """Length of the longest common subsequence; a lower bound of it beyond MOST_TOKEN_PAIRS."""
    if left == right:
        return len(left)
    if len(left) * len(right) <= MOST_TOKEN_PAIRS:
        return int(LCSseq.similarity(left, right))
    shorter = min(len(left), len(right))
    start = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    rest = shorter - start
    return start + next((at for at in range(rest) if left[-1 - at] != right[-1 - at]), rest)


def words_of(tokens: list[str]) -> list[str]:
    """The tokens that carry meaning of their own: words, in code or in strings."""
    return [token for token in tokens if token[-1].isalnum() and token[0] != "\n"]


def code_lines(language: Language, text: str) -> frozenset[str]:
    """Its lines without outer blanks; no comments, and none without a word."""
    marks = language.comments or "\0"
    lines = {line.strip() for line in text.split("\n")}
    return frozenset(line for line in lines if _HAS_WORD(line) and not line.startswith(marks))
