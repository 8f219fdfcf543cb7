"""What the rewards judge: each completion's patch and the files it gives, worked out at most once.

Every reward of a step asks for the same completions; the first one pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crrl.diffs import Patch, apply_patch, parse_patch
from crrl.diffs.patch import is_shortest_path, shown
from crrl.diffs.similarity import Prepared
from crrl.errors import DataError, PatchApplyError, PatchParseError
from crrl.rewards.recent import RecentByEquality, RecentByHash
from crrl.rewards.reply import Reply, completion_text, split_reply
from crrl.schema import Completion, FileRow, Files, files_from_rows

Rows = Sequence[FileRow]

KEPT_TREES = 64
KEPT_CHARS = 128_000_000
"""Of the answers that are kept, each counted with its whole tree: several steps of most runs, some hundred MB at most."""
CHARS_OF_OBJECTS = 3_000
"""What the objects of an answer take beside its text."""


@dataclass(frozen=True, eq=False)
class Tree:
    """The files of one task. Equal rows give the same object, so trees are compared by identity."""

    files: Files
    only_path: str | None
    """The path that is meant where an answer names none."""
    chars: int
    """Characters of all files."""


def _read_tree(rows: Rows) -> Tree:
    """Raises DataError for a path in another form than an answer's: then one file might have two names in one tree."""
    files = files_from_rows(rows)
    for path in files:
        if not is_shortest_path(path):
            raise DataError(f"{shown(path)}, of a task's files, is no path of a file in its shortest form")
    return Tree(files, next(iter(files)) if len(files) == 1 else None, sum(map(len, files.values())))


class Answer:
    """One completion judged against one tree, from reply to files. Making one never raises.

    Attributes:
        before: the tree's files.
        reply: thought and answer.
        patch: the answer's patch; None if the answer is none, or has no edits.
        predicted: the tree after the patch; None if there is no patch, or it does not apply as a whole.
        changed: `predicted` if it differs from the files before, else None: what changes nothing is no repair.
        compared: the fix that `similarity` compared it with last, and the score; None: it did not yet.
    """

    __slots__ = ("before", "changed", "compared", "patch", "predicted", "reply")

    def __init__(self, tree: Tree, text: str, *, thought_opened: bool = False) -> None:
        self.before: Files = tree.files
        self.reply: Reply = split_reply(text, thought_opened=thought_opened)
        self.patch: Patch | None = _patch_in(self.reply.answer, tree.only_path)
        self.predicted: Files | None = _applied(tree.files, self.patch)
        self.changed: Files | None = None if self.predicted == self.before else self.predicted
        self.compared: tuple[Prepared, float] | None = None


def _patch_in(answer: str, default_path: str | None) -> Patch | None:
    try:
        patch = parse_patch(answer, default_path=default_path)
    except PatchParseError:
        return None
    return patch if patch.edits else None


def _applied(files: Files, patch: Patch | None) -> Files | None:
    if patch is None:
        return None
    try:
        return apply_patch(files, patch)
    except PatchApplyError:
        return None


_trees: RecentByEquality[Rows, Tree] = RecentByEquality(KEPT_TREES)
_answers: RecentByHash[tuple[Tree, str, bool], Answer] = RecentByHash(KEPT_CHARS)


def tree_of(rows: Rows) -> Tree:
    """The tree of a row's files, the same object for equal rows as long as it is remembered."""
    return _trees.get(rows, lambda: _read_tree(rows))


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
        _answers.put(key, answer, weight=len(text) + tree.chars + CHARS_OF_OBJECTS)
    return answer
