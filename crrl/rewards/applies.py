"""The `applies` reward: how much of the answer lands?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.diffs import Edit
from crrl.diffs.apply import part_of_file
from crrl.errors import PatchApplyError
from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.rewards.format import is_no_op
from crrl.schema import Completion, Files

MOST_EDITS = 200
"""Edits that are tried one by one; a longer patch that does not apply as a whole scores 0."""


def applies(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """The share of each answer's edits that land.

    Args:
        completions: B model answers.
        files: B trees before the fix.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats in [0, 1]: edits that change the original files, over all edits. A no-op does not land, nor does an edit
        that overlaps an earlier one. 0.0 for an answer without a patch, or whose edits together change nothing.

    Cost: as applying the patch; the same again if it does not apply as a whole (200 edits at most). Source: our definition,
    docs/rewards.md.
    """
    return [_score(answer) for answer in answers_to(completions, files, thought_opened)]


def _score(answer: Answer) -> float:
    if answer.patch is None:
        return 0.0
    edits = answer.patch.edits
    if answer.predicted is not None:
        return 0.0 if answer.changed is None else sum(not is_no_op(edit) for edit in edits) / len(edits)
    if len(edits) > MOST_EDITS:
        return 0.0
    return _landed(answer.before, edits) / len(edits)


def _landed(before: Files, edits: Sequence[Edit]) -> int:
    """How many edits land, each beside those that landed before it."""
    taken: dict[str, list[tuple[int, int]]] = {}
    for edit in edits:
        if is_no_op(edit):
            continue
        try:
            start, end = part_of_file(before, edit)
        except PatchApplyError:
            continue
        others = taken.setdefault(edit.path, [])
        if all(end <= other_start or other_end <= start for other_start, other_end in others):
            others.append((start, end))
    return sum(map(len, taken.values()))
