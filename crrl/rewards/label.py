"""The `label` reward: does the answer name the right one of the possible answers, and only that?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.errors import DataError
from crrl.rewards.reply import split_reply
from crrl.schema import Completion


def label(
    completions: Sequence[Completion],
    label: Sequence[str],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """Whether each answer is exactly its task's label.

    Args:
        completions: B model answers.
        label: B right answers, one line each.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats, 1.0 or 0.0: the answer, without blanks around it, is the label, letter by letter. An answer that lists
        several, or explains, is not.

    Raises:
        DataError: a label is empty or longer than a line.

    Cost: linear in the text. Source: our definition, docs/rewards.md.
    """
    opened = thought_opened if thought_opened is not None else [False] * len(completions)
    return [
        float(split_reply(completion, thought_opened=bool(flag)).answer.strip() == _checked(right))
        for completion, right, flag in zip(completions, label, opened, strict=True)
    ]


def _checked(label: str) -> str:
    right = (label or "").strip()
    if not right or "\n" in right:
        raise DataError(f"the reward `label` needs one line of text in the column label, and a task has {label!r}")
    return right
