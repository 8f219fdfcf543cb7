"""Splits a completion into thought and answer. The one place that knows `<think>` and `<answer>`.

    <think>                  a thought exists only if the completion starts with this, or the row says that the
    the loop ends too early  template opened it already; it ends at the first </think>
    </think>
    <answer>                 unwrapped only if what follows the thought starts with this
    pkg/mod.py ...           ends at the last line </answer>, or else at the end of the last line that ends in it:
    </answer>                >>>>>>> REPLACE</answer>, a deviation where the answer has several lines

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
    end = _last_end(body, alone=True)
    is_alone = end >= 0
    if not is_alone:
        end = _last_end(body, alone=False)
        if end < 0:
            return Reply(thought, body, (UNCLOSED_ANSWER,))
    answer, trailing = body[:end], body[end + len(END_ANSWER) :]
    if not is_alone and "\n" not in answer.strip():
        answer = answer.strip()  # <answer>yes</answer>
        is_alone = True
    names = (UNCLOSED_ANSWER,) * (not is_alone) + (TEXT_AROUND_ANSWER,) * bool(trailing.strip())
    return Reply(thought, answer, names)


def _skip_blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def _drop_blank_line(text: str) -> str:
    """`text` without its first line if that is blank: what stands after the tag on the tag's own line."""
    first, newline, rest = text.partition("\n")
    return rest if newline and not first.strip() else text


def _last_end(body: str, *, alone: bool) -> int:
    """Where the last `</answer>` starts that ends its line, or (`alone`) is all of it; -1. Each line is looked at once."""
    found = body.rfind(END_ANSWER)
    while found >= 0:
        start = body.rfind("\n", 0, found) + 1
        newline = body.find("\n", found)
        after = body[found + len(END_ANSWER) : newline if newline >= 0 else len(body)]
        if not after.strip() and (start == found or not alone):
            return found
        found = body.rfind(END_ANSWER, 0, start)
    return -1
