r"""Comments that no pattern can find: nested ones, those that a backslash continues, brackets of any length.

A comment that is taken for code pays for a fix that never runs. Such comments become blank lines before texts are compared;
ordinary ones stay, as `Language.token` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

_SPLICE = r"\\[ \t\r]*+\n"
"""C joins two lines where the first ends in a backslash, even within a sign of two characters."""
_CONTINUED = r"[^\\\n]*+(?:\\(?:[ \t\r]*+\n)?[^\\\n]*+)*"
"""The rest of a line, and of those that it is joined with."""
_FIND_SPLICE = re.compile(_SPLICE)


class RareComment(NamedTuple):
    """One kind of rare comment."""

    is_likely: Callable[[str], bool]
    """Whether a text may have one: cheap, as nearly all texts have none."""
    opening: str
    """Pattern, without groups of its own, of what opens it, and perhaps ordinary ones."""
    end: Callable[[str, int, int], tuple[int, bool]]
    """(text, where the opening starts and ends) → where the comment ends, and whether it is a rare one."""


class RareComments:
    """Finds the rare comments of a language.

    Args:
        kinds: what may occur.
        opaque: patterns of strings and ordinary comments, within which nothing opens.
    """

    def __init__(self, kinds: Sequence[RareComment], opaque: Sequence[str]) -> None:
        self._kinds = tuple(kinds)
        patterns = [*(f"({kind.opening})" for kind in kinds), *opaque]
        self._scan = re.compile("|".join(patterns), re.DOTALL | re.MULTILINE)

    def blanked(self, text: str) -> str:
        """The text with each rare comment as a blank and its newlines; the same object where there is none.

        Cost: a search or two; where a comment is likely, about 1 µs for each string and comment. Linear for every text.
        """
        if not any(kind.is_likely(text) for kind in self._kinds):
            return text
        pieces: list[str] = []
        at = done = 0
        while found := self._scan.search(text, at):
            at = found.end()
            if found.lastindex is None:
                continue
            at, is_rare = self._kinds[found.lastindex - 1].end(text, found.start(), at)
            if is_rare:
                pieces += text[done : found.start()], " " + "\n" * text.count("\n", found.start(), at)
                done = at
        return "".join([*pieces, text[done:]]) if pieces else text


def nested(opening: str, closing: str) -> RareComment:
    """A comment that may hold others: Rust's `/* /* */ */`."""
    first, last = re.escape(opening), re.escape(closing)
    sign = re.compile(f"{first}|{last}")
    signs = re.escape(opening[0] + closing[0])
    one_in_another = re.compile(rf"{first}[^{signs}]*+(?:(?!{first}|{last})[{signs}][^{signs}]*+)*{first}")

    def is_likely(text: str) -> bool:
        return opening in text and one_in_another.search(text) is not None

    def end(text: str, start: int, _: int) -> tuple[int, bool]:
        depth = deepest = 0
        for found in sign.finditer(text, start):
            depth += 1 if found[0] == opening else -1
            deepest = max(deepest, depth)
            if not depth:
                return found.end(), deepest > 1
        return len(text), deepest > 1

    return RareComment(is_likely, first, end)


def long_brackets(mark: str) -> RareComment:
    """A comment in brackets as long as one likes: Lua's `--[==[ … ]==]`."""

    def end(text: str, start: int, at: int) -> tuple[int, bool]:
        closing = f"]{'=' * (at - start - len(mark) - 2)}]"
        found = text.find(closing, at)
        return (found + len(closing) if found >= 0 else len(text)), True

    return RareComment(lambda text: f"{mark}[=" in text, rf"{re.escape(mark)}\[=++\[", end)


def lines_between(opening: str, closing: str = "") -> RareComment:
    """Lines from one that starts in a way to one that starts in another (none: to the end): Ruby's `=begin … =end`."""
    likely = re.compile(rf"^{opening}", re.MULTILINE)
    last = re.compile(rf"^{closing}[^\n]*", re.MULTILINE) if closing else None

    def end(text: str, _: int, at: int) -> tuple[int, bool]:
        found = last.search(text, at) if last else None
        return (found.end() if found else len(text)), True

    return RareComment(lambda text: likely.search(text) is not None, rf"^{opening}", end)


def continued(mark: str) -> RareComment:
    """A comment to the end of its line, that a backslash there continues."""

    def is_likely(text: str) -> bool:
        for found in _FIND_SPLICE.finditer(text):
            if text.find(mark, text.rfind("\n", 0, found.start()) + 1, found.start()) >= 0:
                return True
        return False

    return RareComment(is_likely, re.escape(mark) + _CONTINUED, lambda text, start, at: (at, "\n" in text[start:at]))


def spread() -> RareComment:
    r"""A comment of C whose opening a backslash spreads over two lines: `/\⏎/ …` or `/\⏎* … */`."""
    likely = re.compile(rf"/{_SPLICE}")
    rest = rf"(?:/{_CONTINUED}|\*.*?(?:\*(?:{_SPLICE})*/|\Z))"
    return RareComment(
        lambda text: likely.search(text) is not None, rf"/(?:{_SPLICE})+{rest}", lambda text, start, at: (at, True)
    )
