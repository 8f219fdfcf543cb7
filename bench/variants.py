"""Answers around a real fix: the true one, and damaged variants such as a model in training gives."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from crrl.diffs import Edit, Patch, make_patch, render_patch
from crrl.diffs.line_diff import LineHunk, diff_lines, split_lines
from crrl.schema import Files

GROUP = 16
_WORD = re.compile(r"\w+")
Damage = Callable[[list[str], list[str], random.Random], list[str]]
"""(old lines, the human's lines of one hunk, random) → the variant's lines."""


def _one_word_changed(old: list[str], new: list[str], draw: random.Random) -> list[str]:
    if not new:
        return old[:-1]
    index = draw.randrange(len(new))
    words = list(_WORD.finditer(new[index]))
    if not words:
        return [*new, "    value = None\n"]
    word = draw.choice(words)
    return [*new[:index], f"{new[index][: word.start()]}other{new[index][word.end() :]}", *new[index + 1 :]]


DAMAGES: tuple[Damage, ...] = (
    _one_word_changed,
    lambda old, new, draw: old,  # this hunk left as it was
    lambda old, new, draw: [],  # deleted
    lambda old, new, draw: new[: len(new) // 2],
    lambda old, new, draw: [*old, *new],
    lambda old, new, draw: [*new, "    x = 1  # more\n"],
    lambda old, new, draw: [line.replace("=", "==") for line in new],
    lambda old, new, draw: list(reversed(new)),
)


def group_of(
    before: Files, after: Files, draw: random.Random, *, whole_files: bool = False, more_damage: float = 0.0
) -> list[str]:
    """The texts of GROUP answers, the true fix first; in each other one, one hunk of each file is damaged.

    whole_files: each edit replaces its whole file. more_damage: the share of the other hunks that are damaged too.
    """
    trees = [dict(after), *(_damaged(before, after, draw, more_damage) for _ in range(GROUP - 1))]
    return [render_patch(_whole(before, tree) if whole_files else make_patch(before, tree)) for tree in trees]


def _whole(before: Files, after: Files) -> Patch:
    paths = sorted(before.keys() | after.keys())
    changed = [path for path in paths if before.get(path) != after.get(path)]
    return Patch(tuple(Edit(path, before.get(path, ""), after.get(path, "")) for path in changed))


def _damaged(before: Files, after: Files, draw: random.Random, more_damage: float) -> dict[str, str]:
    return {path: _damaged_file(before.get(path, ""), text, draw, more_damage) for path, text in after.items()}


def _damaged_file(before: str, after: str, draw: random.Random, more_damage: float) -> str:
    old, new = split_lines(before), split_lines(after)
    hunks: list[LineHunk] = diff_lines(old, new)
    chosen = draw.randrange(len(hunks)) if hunks else -1
    result: list[str] = []
    position = 0
    for index, hunk in enumerate(hunks):
        result += old[position : hunk.start]
        wanted = new[hunk.new_start : hunk.new_end]
        damage = draw.choice(DAMAGES)
        is_damaged = index == chosen or draw.random() < more_damage
        result += damage(old[hunk.start : hunk.end], wanted, draw) if is_damaged else wanted
        position = hunk.end
    return "".join(result + old[position:])
