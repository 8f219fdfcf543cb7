"""The `similarity` reward: how close is the change to the human fix?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.diffs.similarity import Prepared, prepare
from crrl.errors import DataError
from crrl.rewards.answers import Answer, Rows, Tree, answers_in, tree_of
from crrl.rewards.recent import RecentByEquality
from crrl.schema import Completion, files_from_rows

KEPT_GROUPS = 64

_prepared: RecentByEquality[tuple[Tree, Rows], Prepared] = RecentByEquality(KEPT_GROUPS)


def similarity(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    reference: Sequence[Rows],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """How close each answer's change is to the human fix.

    Args:
        completions: B model answers.
        files, reference: B trees before and after the human fix. Equal rows are prepared once.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats in [0, 1]; 0.0 if the answer cannot be parsed or applied, or changes no code; 1.0 for the human fix.

    Raises:
        DataError: a reference is missing, or equals its files (bad data never scores).

    Cost: linear in the span from first to last changed line. Source: our definition, docs/similarity.md; compare
    arXiv:2502.18449.
    """
    # The data is judged before the answers: bad data must stop a run even if no answer of the group applies.
    trees = [tree_of(rows) for rows in files]
    prepared = [_prepare(tree, after) for tree, after in zip(trees, reference, strict=True)]
    answers = answers_in(completions, trees, thought_opened)
    return [_score(answer, fix) for answer, fix in zip(answers, prepared, strict=True)]


def _score(answer: Answer, fix: Prepared) -> float:
    if answer.changed is None:
        return 0.0
    compared = answer.compared
    if compared is None or compared[0] is not fix:
        compared = answer.compared = (fix, fix.similarity(answer.changed))
    return compared[1]


def _prepare(tree: Tree, reference: Rows) -> Prepared:
    def build() -> Prepared:
        if not reference:
            raise DataError(f"similarity needs a reference; the task with {', '.join(sorted(tree.files))} has none")
        return prepare(tree.files, files_from_rows(reference))

    return _prepared.get((tree, reference), build)
