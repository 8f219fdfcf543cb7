"""The table of all kinds of bugs, as docs/mutations.md shows it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from crrl.data.sources.mutations.kinds import KINDS, BugKind


def render_table() -> str:
    """Markdown: a row a kind with its name, what it is, and its example before and after."""
    return "\n".join(("| kind | the bug | before | after |", "|---|---|---|---|", *map(_row, KINDS.values()))) + "\n"


def _row(kind: BugKind) -> str:
    before, after = _differing(kind.before.split("\n"), kind.after.split("\n"))
    cells = (f"`{kind.name}`", kind.about, _code(before), _code(after))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _differing(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """What differs, from the first such line to the last."""
    pairs = list(zip_longest(before, after))
    first = next(index for index, (one, other) in enumerate(pairs) if one != other)
    end = 0
    while end < min(len(before), len(after)) - first and before[-1 - end] == after[-1 - end]:
        end += 1
    return before[first : len(before) - end], after[first : len(after) - end]


def _code(lines: list[str]) -> str:
    return "<br>".join(_spans(lines)) or "—"


def _spans(lines: list[str]) -> Iterator[str]:
    least = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    for line in lines:
        indent = len(line) - len(line.lstrip()) - least
        yield "&nbsp;" * indent + f"`{line.strip()}`"


if __name__ == "__main__":
    print(render_table(), end="")
