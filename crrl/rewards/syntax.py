"""The `syntax` reward: do the changed files still parse?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from crrl.errors import SandboxError
from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.rewards.grammars import grammar_of
from crrl.rewards.parse_errors import count_errors
from crrl.schema import Completion, Files, files_from_rows


def syntax(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    reference: Sequence[Rows] | None = None,
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """Whether every file that each answer changed still parses.

    Args:
        completions: B model answers.
        files: B trees before the fix.
        reference: B trees after the human fix, where there are any.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats, 1.0 or 0.0. 1.0 if each changed file in a language with a grammar has at most as many parser errors as before
        or in the reference, whichever is more, and is not emptied or deleted (unless the reference does that). 0.0 for an
        answer that cannot be applied, or changes no such file. None if the task itself is not about such files (the
        reference changes none; without a reference: the files hold none), or the parser is missing.

    Cost: one parse a changed file, about 1 ms for 30 KB; equal files are parsed once. Source: tree-sitter grammars.
    """
    references = reference if reference is not None else [()] * len(completions)
    answers = answers_to(completions, files, thought_opened)
    return [_score(answer, files_from_rows(after)) for answer, after in zip(answers, references, strict=True)]


def _score(answer: Answer, reference: Files) -> float | None:
    # Asked of the task, not of the answer: no answer may choose not to be judged.
    about = _changed_paths(answer.before, reference) if reference else list(answer.before)
    if not any(grammar_of(path) for path in about):
        return None
    after = answer.changed
    if after is None:
        return 0.0
    judged = [path for path in _changed_paths(answer.before, after) if grammar_of(path)]
    try:
        # All of them, not a share: thousands of small sound files must not outweigh a broken one.
        return float(bool(judged) and all(_is_sound(path, answer.before, reference, after) for path in judged))
    except SandboxError as error:
        warnings.warn(f"the reward syntax judges nothing: {error}", stacklevel=2)
        return None


def _changed_paths(before: Files, after: Files) -> list[str]:
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


def _is_sound(path: str, before: Files, reference: Files, after: Files) -> bool:
    text = after.get(path, "")
    if not text.strip():
        return bool(reference) and not reference.get(path, "").strip()
    errors = count_errors(path, text)
    return errors == 0 or errors <= max(
        count_errors(path, before.get(path, "")), count_errors(path, reference.get(path, ""))
    )
