"""Splits a completion into thought and answer. The one place that knows `<think>` and `<answer>`.

    <think>                  a thought exists only if the completion starts with this, or the row says that the
    the loop ends too early  template opened it already; it ends at the first </think>
    </think>
    <answer>                 unwrapped only if what follows the thought starts with this
    pkg/mod.py ...           ends at the last line </answer>
    </answer>              (a one-line answer may end on its line: <answer>yes</answer>)

An answer that is quoted in the thought is part of the thought. What departs from this form is named in
`Reply.deviations`, with the names of `crrl.diffs.deviations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from crrl.diffs.deviations import TEXT_AROUND_ANSWER, UNCLOSED_ANSWER, UNCLOSED_THOUGHT
from crrl.schema import Completion

THINK, END_THINK = "<think>", "</think>"
ANSWER, END_ANSWER = "<answer>", "</answer>"


class Reply(NamedTuple):
    """A completion in two parts: what the model thought (not judged) and what it answered (judged)."""

    thought: str
    answer: str
    deviations: tuple[str, ...] = ()


def completion_text(completion: Completion) -> str:
    """The model's text of a plain or chat completion (the last message's content, text parts joined).

    Never raises: what holds no text is "".
    """
    if isinstance(completion, str):
        return completion
    message = completion[-1] if completion else None
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, str):
        return content
    return "".join(_part_text(part) for part in content) if isinstance(content, (list, tuple)) else ""


def split_reply(completion: Completion, *, thought_opened: bool = False) -> Reply:
    """Split one completion.

    Args:
        completion: plain text or chat messages.
        thought_opened: the prompt's template ended with `<think>`, so that the completion starts inside the thought.

    Returns:
        The reply. A thought that never ends takes everything: then the answer is empty.

    Cost: linear in the text, for every text.
    """
    text = completion_text(completion)
    thought, rest = _split_thought(text, opened=thought_opened)
    return Reply(thought, "", (UNCLOSED_THOUGHT,)) if rest is None else _unwrap_answer(thought, rest)


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, Mapping) else None
    return text if isinstance(text, str) else ""


def _split_thought(text: str, *, opened: bool) -> tuple[str, str | None]:
    """The thought and what follows it; None if it never ends."""
    start = _skip_blanks(text)
    if text.startswith(THINK, start):
        start += len(THINK)
    elif opened:
        start = 0
    else:
        return "", text
    end = text.find(END_THINK, start)
    if end < 0:
        return text[start:], None
    return text[start:end], text[end + len(END_THINK) :]


def _unwrap_answer(thought: str, rest: str) -> Reply:
    start = _skip_blanks(rest)
    if not rest.startswith(ANSWER, start):
        return Reply(thought, rest)
    body = _drop_blank_line(rest[start + len(ANSWER) :])
    end = _last_end_line(body)
    if end >= 0:
        trailing = body[end + len(END_ANSWER) :]
        return Reply(thought, body[:end], (TEXT_AROUND_ANSWER,) if trailing.strip() else ())
    one_line = body.strip()
    if one_line.endswith(END_ANSWER) and "\n" not in one_line:
        return Reply(thought, one_line.removesuffix(END_ANSWER))
    return Reply(thought, body, (UNCLOSED_ANSWER,))


def _skip_blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def _drop_blank_line(text: str) -> str:
    """`text` without its first line if that is blank: what stands after the tag on the tag's own line."""
    first, newline, rest = text.partition("\n")
    return rest if newline and not first.strip() else text


def _last_end_line(body: str) -> int:
    """Where the last line that is only `</answer>` starts, or -1. Each line is looked at once."""
    end = len(body)
    while True:
        start = body.rfind("\n", 0, end) + 1
        if body.startswith(END_ANSWER, start) and not body[start + len(END_ANSWER) : end].strip():
            return start
        if start == 0:
            return -1
        end = start - 1
