"""The `swe_rl_similarity` reward: the score of arXiv:2502.18449, to compare ours with. Not for training.

It pays for hunk headers and context, and 0.5 and more for patches that repair nothing (docs/rewards.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.diffs.swe_rl import PreparedSweRl, prepare_swe_rl
from crrl.errors import DataError
from crrl.rewards.answers import Rows, Tree, answers_in, tree_of
from crrl.rewards.recent import RecentByEquality
from crrl.schema import Completion, files_from_rows

KEPT_GROUPS = 64

_prepared: RecentByEquality[tuple[Tree, Rows], PreparedSweRl] = RecentByEquality(KEPT_GROUPS)


def swe_rl_similarity(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    reference: Sequence[Rows],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """How alike the unified diffs of each answer and of the human fix are, character by character.

    Args:
        completions: B model answers.
        files, reference: B trees before and after the human fix. Equal rows are prepared once.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats in [0, 1]; 0.0 if the answer cannot be parsed or applied, or changes nothing. (The paper gives -1 to the
        first; every reward here stays in [0, 1].)

    Raises:
        DataError: a reference is missing, or equals its files.

    Cost: quadratic in the diffs at worst. Source: arXiv:2502.18449, section 2.
    """
    trees = [tree_of(rows) for rows in files]
    prepared = [_prepare(tree, after) for tree, after in zip(trees, reference, strict=True)]
    answers = answers_in(completions, trees, thought_opened)
    return [
        0.0 if answer.changed is None else group.similarity(answer.changed)
        for answer, group in zip(answers, prepared, strict=True)
    ]


def _prepare(tree: Tree, reference: Rows) -> PreparedSweRl:
    def build() -> PreparedSweRl:
        after = files_from_rows(reference)
        if not after or after == tree.files:
            paths = ", ".join(sorted(tree.files))
            raise DataError(
                f"swe_rl_similarity needs a reference that changes something; the task with {paths} has none"
            )
        return prepare_swe_rl(tree.files, after)

    return _prepared.get((tree, reference), build)
