"""The `format` reward: is the answer written in the one form that prompts teach?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.diffs import Edit
from crrl.diffs import deviations as named
from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.schema import Completion

NO_OP_EDIT = "no-op-edit"
REPEATED_EDIT = "repeated-edit"

COSTS: dict[str, float] = {
    named.PATH_FROM_PREVIOUS: 0.10,
    named.PATH_FROM_DEFAULT: 0.10,
    named.HEADING_PATH: 0.05,
    named.QUOTED_PATH: 0.05,
    named.BLANKS_AROUND_PATH: 0.05,
    named.DOTTED_PATH: 0.02,
    named.FENCE: 0.05,
    named.CRLF: 0.05,
    named.BLANKS_AFTER_MARKER: 0.05,
    named.TEXT_AROUND: 0.10,
    named.UNCLOSED_ANSWER: 0.10,
    named.TEXT_AROUND_ANSWER: 0.05,
    named.UNCLOSED_THOUGHT: 0.00,
    NO_OP_EDIT: 0.10,
    REPEATED_EDIT: 0.10,
}
"""What each departure from the canonical form costs, however often it happens in one answer.

All of them together cost less than 1, so that any patch scores above none. An unclosed thought costs nothing of its own:
it leaves no answer, which scores 0. The last two are ours: edits of a form that no repair needs.
"""


def format(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """How close the form of each answer is to the canonical patch.

    Args:
        completions: B model answers.
        files: B trees (only whether there is one file matters: then a block may leave out its path, at a cost).
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats in [0, 1]: 1.0 for the canonical form, less the `COSTS` of each deviation; 0.0 for an answer that holds no
        patch, cannot be parsed, or whose every edit is a no-op.

    Cost: linear in the text. Source: our definition, docs/rewards.md.
    """
    return [_score(answer) for answer in answers_to(completions, files, thought_opened)]


def _score(answer: Answer) -> float:
    if answer.patch is None:
        return 0.0
    edits = answer.patch.edits
    if all(is_no_op(edit) for edit in edits):
        return 0.0
    deviations = {*answer.patch.deviations, *answer.reply.deviations}
    if any(is_no_op(edit) for edit in edits):
        deviations.add(NO_OP_EDIT)
    if len({(edit.path, edit.search) for edit in edits}) < len(edits):
        deviations.add(REPEATED_EDIT)
    # Rounded: a sum of costs is a number with two decimals, whatever the order it was added in.
    return round(1.0 - sum(COSTS[name] for name in deviations), 6)


def is_no_op(edit: Edit) -> bool:
    """Whether an edit replaces lines by the same lines. (Both empty creates or deletes a file: that is no no-op.)"""
    return edit.search == edit.replace != ""
