"""What the rewards judge: each completion's patch and the files it gives, worked out at most once.

Every reward of a step asks for the same completions; the first one pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from crrl.diffs import Patch, apply_patch, parse_patch
from crrl.errors import PatchApplyError, PatchParseError
from crrl.rewards.recent import RecentByEquality, RecentByHash
from crrl.rewards.reply import Reply, completion_text, split_reply
from crrl.schema import Completion, FileRow, Files, files_from_rows

Rows = Sequence[FileRow]

KEPT_TREES = 64
KEPT_CHARS = 32_000_000
"""Characters of completions whose answers are kept: several steps of any run; at most some hundred MB."""


@dataclass(frozen=True, eq=False)
class Tree:
    """The files of one task. Equal rows give the same object, so trees are compared by identity."""

    files: Files

    @property
    def only_path(self) -> str | None:
        """The path that is meant where an answer names none."""
        return next(iter(self.files)) if len(self.files) == 1 else None


class Answer:
    """One completion judged against one tree. Everything is worked out when it is first asked for, and never raises."""

    def __init__(self, tree: Tree, text: str, *, thought_opened: bool = False) -> None:
        self.before = tree.files
        self._tree = tree
        self._text = text
        self._thought_opened = thought_opened

    @cached_property
    def reply(self) -> Reply:
        """Thought and answer."""
        return split_reply(self._text, thought_opened=self._thought_opened)

    @cached_property
    def patch(self) -> Patch | None:
        """The answer's patch; None if the answer is none, or has no edits."""
        try:
            patch = parse_patch(self.reply.answer, default_path=self._tree.only_path)
        except PatchParseError:
            return None
        return patch if patch.edits else None

    @cached_property
    def predicted(self) -> Files | None:
        """The tree after the patch; None if there is no patch, or it does not apply as a whole."""
        if self.patch is None:
            return None
        try:
            return apply_patch(self.before, self.patch)
        except PatchApplyError:
            return None

    @cached_property
    def changed(self) -> Files | None:
        """`predicted` if it differs from the files before, else None: an answer that changes nothing is no repair."""
        return None if self.predicted == self.before else self.predicted


_trees: RecentByEquality[Rows, Tree] = RecentByEquality(KEPT_TREES)
_answers: RecentByHash[tuple[Tree, str, bool], Answer] = RecentByHash(KEPT_CHARS)


def tree_of(rows: Rows) -> Tree:
    """The tree of a row's files, the same object for equal rows as long as it is remembered."""
    return _trees.get(rows, lambda: Tree(files_from_rows(rows)))


def answers_to(
    completions: Sequence[Completion], files: Sequence[Rows], thought_opened: Sequence[bool] | None = None
) -> list[Answer]:
    """Each completion with its task's files.

    Args:
        completions: B model answers.
        files: B trees as rows.
        thought_opened: B flags, see `split_reply`; None: nowhere.

    Returns:
        B answers; for equal completions of equal trees the same object, across calls too.

    Cost: about 2 µs each, and one comparison of the rows with those of the answer before.
    """
    return answers_in(completions, [tree_of(rows) for rows in files], thought_opened)


def answers_in(
    completions: Sequence[Completion], trees: Sequence[Tree], thought_opened: Sequence[bool] | None = None
) -> list[Answer]:
    """The same where the trees are known already."""
    opened = thought_opened if thought_opened is not None else [False] * len(completions)
    return [
        _answer_to(completion_text(completion), tree, bool(flag))
        for completion, tree, flag in zip(completions, trees, opened, strict=True)
    ]


def _answer_to(text: str, tree: Tree, thought_opened: bool) -> Answer:
    key = (tree, text, thought_opened)
    answer = _answers.get(key)
    if answer is None:
        answer = Answer(tree, text, thought_opened=thought_opened)
        _answers.put(key, answer, weight=len(text) + 200)
    return answer
