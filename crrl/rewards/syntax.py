"""The `syntax` reward: do the changed files still parse?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.rewards.grammars import grammar_of
from crrl.schema import Completion, Files, files_from_rows

if TYPE_CHECKING:
    from tree_sitter import Tree

KEPT_FILES = 4096


def syntax(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    reference: Sequence[Rows] | None = None,
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """The share of the files that each answer changed which have no new syntax error.

    Args:
        completions: B model answers.
        files: B trees before the fix.
        reference: B trees after the human fix, where there are any.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats in [0, 1]. A changed file counts if it has at most as many parser errors as before or in the reference,
        whichever is more, and is not emptied or deleted (unless the reference does that). 0.0 for an answer that cannot be
        applied, or changes no file in a language with a grammar. None if the task itself has no such file.

    Cost: one parse a changed file, about 1 ms for 30 KB; equal files are parsed once. Source: tree-sitter grammars.
    """
    references = reference if reference is not None else [()] * len(completions)
    answers = answers_to(completions, files, thought_opened)
    return [_score(answer, files_from_rows(after)) for answer, after in zip(answers, references, strict=True)]


def _score(answer: Answer, reference: Files) -> float | None:
    # Asked of the task, not of the answer: no answer may choose not to be judged.
    if not any(grammar_of(path) for path in {**answer.before, **reference}):
        return None
    after = answer.changed
    if after is None:
        return 0.0
    paths = [path for path in answer.before.keys() | after.keys() if answer.before.get(path) != after.get(path)]
    judged = [path for path in paths if grammar_of(path)]
    if not judged:
        return 0.0
    return sum(_is_sound(path, answer.before, reference, after) for path in judged) / len(judged)


def _is_sound(path: str, before: Files, reference: Files, after: Files) -> bool:
    text = after.get(path, "")
    if not text.strip():
        return bool(reference) and not reference.get(path, "").strip()
    allowed = max(_errors(path, before.get(path, "")), _errors(path, reference.get(path, "")))
    return _errors(path, text) <= allowed


@lru_cache(KEPT_FILES)
def _errors(path: str, text: str) -> int:
    """Nodes that the parser could not read, or had to make up."""
    grammar = grammar_of(path)
    if grammar is None or not text:
        return 0
    tree = grammar.parse(text.encode("utf-8", "replace"))
    return _count_errors(tree) if tree.root_node.has_error else 0


def _count_errors(tree: Tree) -> int:
    count, open_nodes = 0, [tree.root_node]
    while open_nodes:
        node = open_nodes.pop()
        count += node.is_error or node.is_missing
        open_nodes += [child for child in node.children if child.has_error]
    return max(count, 1)
