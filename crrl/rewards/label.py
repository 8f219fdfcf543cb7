"""The `label` reward: does the answer end in the right one of the possible labels?

The index may be 8, and the buffer holds 8 bytes.        reasons, as long as they like; not judged
CWE-787                                                  the verdict: the last line, one label and nothing else
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.cwe import are_parent_and_child
from crrl.labels import accepted_labels, is_verdict
from crrl.rewards.reply import split_reply
from crrl.schema import Completion

RELATIVE_SHARE = 0.3
"""What a parent or a child of the right weakness earns.

Below a half: where two children of a class are equally likely, to name either earns more than to name the class.
"""


def label(
    completions: Sequence[Completion],
    label: Sequence[str],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """Whether each answer's verdict, its last line, is its task's label.

    Args:
        completions: B model answers.
        label: B right answers, one line each. Several weaknesses with commas between them: each of them is right.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats: 1.0 if the verdict is the label letter by letter; `RELATIVE_SHARE` if both are weaknesses and one is
        the other's parent in the CWE tree; else 0.0. So is an answer that names several labels as verdicts, or none.

    Raises:
        DataError: a label that `accepted_labels` refuses: empty, say, or longer than a line.

    Cost: linear in the text. Source: our definition, docs/rewards.md; the tree: `crrl.cwe`.
    """
    opened = thought_opened if thought_opened is not None else [False] * len(completions)
    return [
        _score(verdict_of(completion, right, thought_opened=bool(flag)), accepted_labels(right))
        for completion, right, flag in zip(completions, label, opened, strict=True)
    ]


def verdict_of(completion: Completion, label: str, *, thought_opened: bool = False) -> str:
    """The last line of an answer that is not blank, without outer blanks; "" if there is none, or several are verdicts.

    A line is a verdict if it is nothing but the name of a weakness, or `benign`: whoever writes two of them has not decided.
    Where the task's own label is neither, nobody can tell a verdict from a reason, so the answer may hold nothing else.
    """
    answer = split_reply(completion, thought_opened=thought_opened).answer
    lines = [line for line in map(str.strip, answer.splitlines()) if line]
    if not all(map(is_verdict, accepted_labels(label))):
        return answer.strip()
    if not lines or any(map(is_verdict, lines[:-1])):
        return ""
    return lines[-1]


def _score(verdict: str, accepted: Sequence[str]) -> float:
    if verdict in accepted:
        return 1.0
    return RELATIVE_SHARE if any(are_parent_and_child(verdict, right) for right in accepted) else 0.0
