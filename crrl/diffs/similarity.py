"""How close a predicted change is to the human one: a score in [0, 1] that only the right change can raise.

    prepared = prepare(before, reference)        # once per group of completions
    prepared.similarity(predicted)               # once per completion

The formula, its range and what it cannot see: docs/similarity.md.
"""

from __future__ import annotations

from crrl.diffs.file_match import MOST_SPAN_CHARS, SUSPECT, PreparedFile
from crrl.diffs.hunks import changed_span
from crrl.diffs.swe_rl import swe_rl_similarity
from crrl.errors import DataError
from crrl.schema import Files

__all__ = ["Prepared", "prepare", "similarity", "swe_rl_similarity"]

MOST_WITHOUT_EQUALITY = 0.99
"""The formula's ceiling: 1.0 is for the reference itself."""


def similarity(before: Files, reference: Files, predicted: Files) -> float:
    """How close the change `before` → `predicted` is to `before` → `reference`.

    Args:
        before: the tree to repair.
        reference: the tree after the human fix.
        predicted: the tree after the model's patch.

    Returns:
        A float in [0, 1]: 0.0 for no change of code, 1.0 for the reference (up to trailing blanks), else below 1.

    Raises:
        DataError: reference equals before.

    Cost: linear in the span from first to last changed line of each file. Source: our definition, docs/similarity.md;
    compare arXiv:2502.18449 (`swe_rl_similarity`).
    """
    return prepare(before, reference).similarity(predicted)


def prepare(before: Files, reference: Files) -> Prepared:
    """Do what is the same for every completion of a group once. Raises DataError if reference equals before."""
    return Prepared(before, reference)


class Prepared:
    """The human fix, ready to be compared with any number of predictions. Remembers regions it has tokenised."""

    def __init__(self, before: Files, reference: Files) -> None:
        self._before = before
        # Files that stay are the same objects: then comparing the trees does not compare their texts.
        self._reference = {path: old if (old := before.get(path)) == text else text for path, text in reference.items()}
        if before == self._reference:
            raise DataError(f"the reference equals the files before it ({', '.join(sorted(before)) or 'no files'})")
        paths = sorted(before.keys() | reference.keys())
        changed = [path for path in paths if before.get(path) is not self._reference.get(path)]
        files = {path: PreparedFile(path, before.get(path, ""), reference.get(path, "")) for path in changed}
        self._files = {path: file for path, file in files.items() if file.weight}
        self._idle = {path: file for path, file in files.items() if not file.weight}
        self._weight = sum(file.weight for file in self._files.values())
        self._adds = any(file.adds for file in self._files.values())

    @property
    def adds_code(self) -> bool:
        """Whether the human fix adds code (if not, deleting lines is the fix)."""
        return self._adds

    def similarity(self, predicted: Files) -> float:
        """Score one prediction, as `similarity` defines it. Never raises.

        Cost: about 40 µs for an answer of a small edit (bench/rewards.py).
        """
        if predicted == self._before:
            return 0.0
        if predicted == self._reference:
            return 1.0
        if not self._files:
            return 0.0
        score = 0.0
        unrelated = 0
        gains = not self._adds
        for path, file in self._files.items():
            match = file.match(predicted.get(path, ""))
            score += match.score
            unrelated += match.unrelated
            gains = gains or match.gains
        if score <= 0.0:
            return 0.0
        score /= len(self._files)
        if not gains:
            score *= SUSPECT
        unrelated += self._changed_elsewhere(predicted)
        score *= self._weight / (self._weight + unrelated)
        if score < MOST_WITHOUT_EQUALITY:
            return score
        return 1.0 if self._equals_reference_up_to_trailing_blanks(predicted) else MOST_WITHOUT_EQUALITY

    def _changed_elsewhere(self, predicted: Files) -> int:
        """Tokens changed in files whose code the human fix leaves alone."""
        total = 0
        for path, text in predicted.items():
            if path not in self._files:
                total += self._idle_change(path, self._before.get(path, ""), text)
        for path, text in self._before.items():
            if path not in predicted and path not in self._files:
                total += self._idle_change(path, text, "")
        return total

    def _idle_change(self, path: str, old: str, new: str) -> int:
        if old is new or old == new or new == self._reference.get(path):
            return 0
        if len(new) - len(old) > MOST_SPAN_CHARS:
            return len(new) - len(old)
        file = self._idle.get(path) or PreparedFile(path, old, old)
        return file.match(new).unrelated

    def _equals_reference_up_to_trailing_blanks(self, predicted: Files) -> bool:
        if predicted.keys() != self._reference.keys():
            return False
        return all(_same_but_trailing_blanks(text, predicted[path]) for path, text in self._reference.items())


def _same_but_trailing_blanks(left: str, right: str) -> bool:
    if left == right:
        return True
    lo, hi, right_lo, right_hi = changed_span(left, right)
    return _without_trailing_blanks(left[lo:hi]) == _without_trailing_blanks(right[right_lo:right_hi])


def _without_trailing_blanks(text: str) -> str:
    return "\n".join([_without_blanks(line) for line in text.split("\n")])


def _without_blanks(line: str) -> str:
    """A line without the blanks at its end; where they stand behind a backslash, it joins no lines any more."""
    line = line.removesuffix("\r")
    bare = line.rstrip(" \t\r")
    return line if bare.endswith("\\") else bare
