"""One file of a prediction against the same file of the human fix: the formula of `crrl.diffs.similarity`."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import NamedTuple

from crrl.diffs.control_flow import holds_control_flow
from crrl.diffs.hunks import Hunk, Region, changed_hunks, changed_span, hunks_like, joint_regions, merged
from crrl.diffs.languages import language_of
from crrl.diffs.lexical_state import CODE, State, start_of_line, state_after, state_at
from crrl.diffs.region_score import Side, common_tokens, is_shifted, is_suspect, read_side, region_score
from crrl.diffs.tokens import tokenise

SUSPECT = 0.3
"""Factor for an answer that changes control flow where the human did not, or only deletes. Keeps the order of scores."""
CHARS_PER_TOKEN = 4
"""What a text is taken for that is too broken to be read as tokens; code has about as many."""
MOST_SPAN_CHARS = 400_000
"""A file whose changed span exceeds the reference's by more scores 0 without a closer look (bounds a 10 MB answer)."""


KEPT_SIDE_CHARS = 300_000
"""Regions that a prepared file remembers, by the text of both sides; their tokens take about 20 bytes a character."""


class Match(NamedTuple):
    """What one file of a prediction achieved."""

    score: float
    """In [0, 1]."""
    weight: int
    """Tokens the human added and removed."""
    unrelated: int
    """Tokens changed where the human changed none."""
    gains: bool
    """Whether it adds anything that the human added."""


class PreparedFile:
    """One file before and after the human fix, to be matched with any number of predictions.

    `weight` is the number of tokens the human added and removed, `adds` whether any was added.
    """

    def __init__(self, path: str, before: str, reference: str) -> None:
        self._language = language_of(path)
        self._given_before = before
        self._before = before = self._language.readable(before)
        self._reference = reference = self._language.readable(reference)
        self._code_places = [0]
        self._sides: dict[tuple[int, int, int, int], Side] = {}
        self._side_chars = 0
        self._hunks: list[Hunk] = changed_hunks(before, reference) if before != reference else []
        self._span_chars = max((hunk[3] for hunk in self._hunks), default=0) - min(
            (hunk[2] for hunk in self._hunks), default=0
        )
        itself = self._compare(reference)
        self.weight = itself.weight
        self.adds = itself.gains

    def match(self, predicted: str) -> Match:
        """Compare a prediction of this file with the human fix. Never raises."""
        if predicted == self._given_before:
            return Match(0.0, 0, 0, False)
        if len(predicted) > MOST_SPAN_CHARS and self._is_out_of_bounds(predicted):
            return Match(0.0, 0, len(predicted), False)
        return self._compare(self._language.readable(predicted))

    def _compare(self, predicted: str) -> Match:
        if predicted == self._before:
            return Match(0.0, 0, 0, False)
        is_reference = predicted is self._reference
        hunks = self._hunks if is_reference else hunks_like(self._hunks, self._before, self._reference, predicted)
        return self._judge(joint_regions(self._before, self._hunks, hunks), predicted)

    def _judge(self, regions: list[Region], predicted: str) -> Match:
        language = self._language
        earned = 0.0
        weight = unrelated = at = 0
        gains = suspect = False
        while at < len(regions):
            region = regions[at]
            side = self._sides.get(region[:4]) or self._side(region)
            if not region.in_right and side.end_state is not None:
                weight += side.weight  # left as it was
                at += 1
                continue
            tokens, at = self._tokens(region, side, predicted), at + 1
            if tokens is None:
                read = self._read_wider(regions, at - 1, predicted)
                if read is None:
                    lost = len(self._before) - region.lo + len(predicted) - region.right_lo
                    weight += self._weight_from(region)
                    unrelated += lost // CHARS_PER_TOKEN
                    suspect = True
                    break
                region, side, tokens, at = read
            weight += side.weight
            if not region.in_right or tokens == side.before:
                continue
            if not side.weight:
                unrelated += len(side.before) + len(tokens) - 2 * common_tokens(side.before, tokens)
                suspect = suspect or is_shifted(language, side, tokens)
                suspect = suspect or holds_control_flow(language, tokens) or holds_control_flow(language, side.before)
            elif tokens == side.reference:
                earned += side.weight
                gains = gains or side.added > 0
            else:
                text = predicted[region.right_lo : region.right_hi]
                score, gained = region_score(side, text, tokens)
                earned += side.weight * score
                gains = gains or gained > 0
                suspect = suspect or is_suspect(language, side, text, tokens)
        score = earned / weight if weight else 0.0
        return Match(score * SUSPECT if suspect else score, weight, unrelated, gains)

    def _weight_from(self, rest: Region) -> int:
        """Tokens that the human added and removed from a region on."""
        hunks = [hunk for hunk in self._hunks if hunk[1] >= rest.lo]
        sides = [self._side(Region(*hunk[:4], *hunk[:2], True, False)) for hunk in hunks]
        return sum(side.weight for side in sides)

    def _tokens(self, region: Region, side: Side, predicted: str) -> list[str] | None:
        """The tokens of a region in a prediction; None if it leaves that in another lexical state than the other texts."""
        text = predicted[region.right_lo : region.right_hi]
        if side.end_state is not None:  # most regions of most answers are as before, or as in the reference
            if text == side.before_text:
                return side.before
            if text == side.reference_text:
                return side.reference
        tokens, end_state = tokenise(self._language, text, side.state)
        return tokens if end_state == side.end_state else None

    def _read_wider(self, regions: list[Region], at: int, predicted: str) -> tuple[Region, Side, list[str], int] | None:
        """The tokens of a region, widened until all three texts leave it in the same lexical state; None: never.

        Without that, a quote opened in one region would turn the code up to the next one into a string unnoticed. One that
        no later change closes turns the rest of the file into a string: no part of that can be a repair.
        """
        last = len(regions) - 1
        for until in sorted({min(at + 1, last), last} - {at}):
            region = merged(regions[at : until + 1])
            if not self._leaves_one_state(region, predicted):
                continue
            side = self._side(region)
            tokens = self._tokens(region, side, predicted)
            if tokens is not None:
                return region, side, tokens, until + 1
        return None if predicted != self._reference else self._read_to_the_end(regions[at:])

    def _leaves_one_state(self, region: Region, predicted: str) -> bool:
        """Whether a widened region ends alike in all three texts: asked before it is read, as it may be long."""
        state = self._state_at(region.lo)
        texts = (
            predicted[region.right_lo : region.right_hi],
            self._before[region.lo : region.hi],
            self._reference[region.left_lo : region.left_hi],
        )
        wanted = state_after(self._language, texts[0], state)
        return all(state_after(self._language, text, state) == wanted for text in texts[1:])

    def _read_to_the_end(self, rest: list[Region]) -> tuple[Region, Side, list[str], int]:
        """The human fix itself leaves the file in another state than before: all of the rest is one region."""
        ends = len(self._before), len(self._reference)
        region = merged(rest)._replace(hi=ends[0], left_hi=ends[1], right_hi=ends[1])
        side = self._side(region)
        return region, side, side.reference, len(self._before) + 1

    def _side(self, region: Region) -> Side:
        key = region[:4]
        side = self._sides.get(key)
        if side is None:
            lo, hi, left_lo, left_hi = key
            before = self._before[lo:hi]
            reference = self._reference[left_lo:left_hi] if region.in_left else before
            side = read_side(self._language, before, reference, self._state_at(lo))
            self._side_chars += len(before) + len(reference)
            if self._side_chars > KEPT_SIDE_CHARS:
                self._sides.clear()
                self._side_chars = len(before) + len(reference)
            self._sides[key] = side
        return side

    def _state_at(self, place: int) -> State:
        line = start_of_line(self._before, place, 0)
        if line < place:
            self._state_at(line)
        start = self._code_places[bisect_right(self._code_places, place) - 1]
        state = state_at(self._language, self._before, place, start)
        # Within a line that a backslash continues a place may be inside of a string of one line: nothing is read from there.
        if state == CODE and line == place != start:
            insort(self._code_places, place)
        return state

    def _is_out_of_bounds(self, predicted: str) -> bool:
        _, _, lo, hi = changed_span(self._given_before, predicted)
        return hi - lo > MOST_SPAN_CHARS + 2 * self._span_chars
