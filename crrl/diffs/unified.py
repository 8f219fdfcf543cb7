"""Unified diffs in git's form, from trees and onto trees: for people and for other tools.

diff --git a/pkg/mod.py b/pkg/mod.py
--- a/pkg/mod.py
+++ b/pkg/mod.py
@@ -1,2 +1,2 @@
 def sub(a, b):
-    return a + b
+    return a - b
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from crrl.diffs.line_diff import LineHunk, diff_lines, split_lines
from crrl.diffs.patch import shown
from crrl.errors import PatchApplyError, PatchParseError
from crrl.schema import Files

CONTEXT_LINES = 3
NO_FILE = "/dev/null"
NO_NEWLINE = "\\ No newline at end of file"
_HUNK_HEADER = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_NEEDS_QUOTES = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\s\Z')
_QUOTED_PAIR = re.compile(r'("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")')
_ESCAPE = re.compile(r"((?:\\[0-3][0-7]{2})+)|\\(.)", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
"""What git's escapes of one letter stand for; other characters stand for themselves."""


class _Hunk(NamedTuple):
    """Old lines from a place (0-based) on, what they become, and the line of the diff that says so (1-based)."""

    start: int
    old: list[str]
    new: list[str]
    line: int


@dataclass
class _FileDiff:
    """What a diff does to one file; a path of None: the file does not exist on that side."""

    old_path: str | None
    new_path: str | None
    line: int
    hunks: list[_Hunk] = field(default_factory=list)


def render_unified(before: Files, after: Files) -> str:
    """The change from one tree to the other, files sorted by path; empty if there is none.

    `apply_unified(before, render_unified(before, after)) == after` for all trees. Cost: one line diff a changed file.
    """
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return "".join(line for path in paths for line in _render_file(path, before.get(path), after.get(path)))


def apply_unified(files: Files, diff: str) -> dict[str, str]:
    """The files after a unified diff.

    Args:
        files: Path → text; never changed.
        diff: Unified diffs of one or more files, with or without git's own headers; other text between them is skipped.

    Returns:
        A new mapping. Each hunk is taken at the line it names, or else at the one place where its old lines stand.

    Raises:
        PatchParseError: a hunk is malformed or shorter than it says; `line` is the line to blame.
        PatchApplyError: a file is missing, exists already, or its lines are not those of the hunk.

    Cost: linear in the diff, and one pass over each file that it names.
    """
    result = dict(files)
    for index, change in enumerate(_parse(diff)):
        _apply_file(result, change, index)
    return result


def changed_paths(diff: str) -> list[str]:
    """The paths whose text a unified diff changes, creates or deletes, in its order and spelled out.

    Raises PatchParseError as `apply_unified` does. Cost: linear in the diff.
    """
    sides = (path for change in _parse(diff) for path in (change.old_path, change.new_path))
    return list(dict.fromkeys(path for path in sides if path is not None))


def _render_file(path: str, old: str | None, new: str | None) -> Iterator[str]:
    old_name, new_name = _quoted("a/" + path), _quoted("b/" + path)
    yield f"diff --git {old_name} {new_name}\n"
    if old is None:
        yield "new file mode 100644\n"
    if new is None:
        yield "deleted file mode 100644\n"
    old_lines, new_lines = split_lines(old or ""), split_lines(new or "")
    hunks = diff_lines(old_lines, new_lines)
    if not hunks:
        return
    # As in git, a tab ends a name that holds a blank: other tools read what follows a blank as a date.
    yield f"--- {NO_FILE if old is None else old_name}{_tab(old_name)}\n"
    yield f"+++ {NO_FILE if new is None else new_name}{_tab(new_name)}\n"
    for group in _with_shared_context(hunks):
        yield from _render_hunk(group, old_lines, new_lines)


def _with_shared_context(hunks: list[LineHunk]) -> Iterator[list[LineHunk]]:
    group = [hunks[0]]
    for hunk in hunks[1:]:
        if hunk.start - group[-1].end > 2 * CONTEXT_LINES:
            yield group
            group = []
        group.append(hunk)
    yield group


def _render_hunk(group: list[LineHunk], old_lines: list[str], new_lines: list[str]) -> Iterator[str]:
    first, last = group[0], group[-1]
    above = min(CONTEXT_LINES, first.start)
    below = min(CONTEXT_LINES, len(old_lines) - last.end)
    start, end = first.start - above, last.end + below
    new_start, new_end = first.new_start - above, last.new_end + below
    yield f"@@ -{_range(start, end)} +{_range(new_start, new_end)} @@\n"
    position = start
    for hunk in group:
        yield from _marked(" ", old_lines[position : hunk.start])
        yield from _marked("-", old_lines[hunk.start : hunk.end])
        yield from _marked("+", new_lines[hunk.new_start : hunk.new_end])
        position = hunk.end
    yield from _marked(" ", old_lines[position:end])


def _marked(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{NO_NEWLINE}\n"


def _range(start: int, end: int) -> str:
    count = end - start
    return f"{start + 1 if count else start},{count}"


def _quoted(name: str) -> str:
    """A name as git quotes it: in C's way, where it has to be."""
    if not _NEEDS_QUOTES.search(name):
        return name
    return f'"{"".join(map(_escaped, name))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if not _NEEDS_QUOTES.match(character):
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode())


def _unquoted(name: str) -> str:
    """The inverse. Git writes every byte outside of ASCII as an octal number; together they are UTF-8."""
    if not (len(name) > 1 and name.startswith('"') and name.endswith('"')):
        return name
    return _ESCAPE.sub(
        lambda escape: _bytes_of(escape[1]) if escape[1] else _LETTERS.get(escape[2], escape[2]), name[1:-1]
    )


def _bytes_of(octal: str) -> str:
    return bytes(int(number, 8) for number in octal.split("\\")[1:]).decode("utf-8", "replace")


def _tab(name: str) -> str:
    return "\t" if " " in name else ""


def _parse(diff: str) -> list[_FileDiff]:
    """The file diffs in order. Every line is looked at once."""
    lines = diff.split("\n")
    changes: list[_FileDiff] = []
    git: _FileDiff | None = None
    """The file that git's own header announced, until `---` repeats it: alone it creates or deletes an empty file."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("diff --git "):
            git = None
            if (name := _git_path(line)) is not None:
                git = _FileDiff(name, name, at + 1)
        elif line.startswith("new file mode ") and git:
            git.old_path = None
            changes.append(git)
        elif line.startswith("deleted file mode ") and git:
            git.new_path = None
            changes.append(git)
        elif line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            if git and changes and changes[-1] is git:
                changes.pop()
            git = None
            changes.append(_FileDiff(_side_path(line, "a/"), _side_path(lines[at + 1], "b/"), at + 1))
            at += 1
        elif line.startswith("@@ "):
            if not changes or changes[-1].old_path is changes[-1].new_path is None:
                raise PatchParseError(
                    "a hunk without the two lines `--- a/PATH` and `+++ b/PATH` above it", line=at + 1
                )
            hunk, at = _parse_hunk(lines, at)
            changes[-1].hunks.append(hunk)
            continue
        at += 1
    return changes


def _git_path(line: str) -> str | None:
    """The path of `diff --git a/PATH b/PATH`, both the same; None for a rename or another form."""
    names = line.removeprefix("diff --git ").removesuffix("\r")
    if names.startswith('"'):
        pair = _QUOTED_PAIR.fullmatch(names)
        sides = [_unquoted(name) for name in pair.groups()] if pair else []
    else:
        middle = len(names) // 2
        sides = [names[:middle], names[middle + 1 :]]
    is_pair = len(sides) == 2 and sides[0].startswith("a/") and sides[1] == "b/" + sides[0][2:]
    return sides[0][2:] if is_pair else None


def _side_path(line: str, prefix: str) -> str | None:
    name = line[4:].removesuffix("\r")
    name = _unquoted(name[:-1] if name.endswith("\t") else name.partition("\t")[0])
    return None if name == NO_FILE else name.removeprefix(prefix)


def _parse_hunk(lines: list[str], at: int) -> tuple[_Hunk, int]:
    """The hunk whose header stands at a line, and the line after it."""
    header = _HUNK_HEADER.match(lines[at])
    if not header:
        raise PatchParseError(f"{shown(lines[at])} is no hunk header; it reads `@@ -1,3 +1,4 @@`", line=at + 1)
    old_left, new_left = int(header[2] or 1), int(header[4] or 1)
    start = int(header[1]) - (old_left > 0)
    old: list[str] = []
    new: list[str] = []
    number = at + 1
    while old_left or new_left or (number < len(lines) and lines[number].startswith("\\")):
        if number >= len(lines) or (number == len(lines) - 1 and not lines[number]):
            raise PatchParseError("the diff ends before this hunk has the lines that its header counts", line=at + 1)
        sign, text = lines[number][:1] or " ", lines[number][1:]
        if sign == "\\":
            _drop_newline(lines, number, old, new)
        elif sign not in " -+" or (sign != "+" and not old_left) or (sign != "-" and not new_left):
            raise PatchParseError("a line that the hunk's header does not count", line=number + 1)
        else:
            if sign != "+":
                old.append(text + "\n")
                old_left -= 1
            if sign != "-":
                new.append(text + "\n")
                new_left -= 1
        number += 1
    return _Hunk(max(0, start), old, new, at + 1), number


def _drop_newline(lines: list[str], number: int, old: list[str], new: list[str]) -> None:
    sign = lines[number - 1][:1]
    for side, other in ((old, "+"), (new, "-")):
        if sign != other:
            if not side or not side[-1].endswith("\n"):
                raise PatchParseError(f"`{NO_NEWLINE}` follows no line", line=number + 1)
            side[-1] = side[-1][:-1]


def _apply_file(result: dict[str, str], change: _FileDiff, index: int) -> None:
    path, target = change.old_path, change.new_path
    if path is None:
        if target is None or target in result:
            raise _refusal(index, change, f"it creates {shown(target or NO_FILE)}, which exists already")
        result[target] = _rewritten([], change, index)
        return
    if path not in result:
        known = ", ".join(f"`{name}`" for name in list(result)[:3]) or "none"
        raise _refusal(index, change, f"there is no file {shown(path)}; known are {known}")
    text = _rewritten(split_lines(result[path]), change, index)
    del result[path]
    if target is not None:
        result[target] = text
    elif text:
        raise _refusal(index, change, f"it deletes {shown(path)} but not all of its lines")


def _rewritten(lines: list[str], change: _FileDiff, index: int) -> str:
    pieces: list[str] = []
    position = 0
    for hunk in change.hunks:
        start = _place(lines, hunk, position)
        if start is None:
            given = shown(hunk.old[0]) if hunk.old else "no lines"
            raise _refusal(index, change, f"the hunk's old lines, from {given}, do not stand at one place", hunk.line)
        pieces += lines[position:start]
        pieces += hunk.new
        position = start + len(hunk.old)
    pieces += lines[position:]
    if any(not piece.endswith("\n") for piece in pieces[:-1]):
        raise _refusal(index, change, "it leaves a line without a newline that is not the last")
    return "".join(pieces)


def _place(lines: list[str], hunk: _Hunk, position: int) -> int | None:
    """Where the hunk's old lines stand, from `position` on: as it says, or else at the one place there is."""
    size = len(hunk.old)
    if position <= hunk.start <= len(lines) and lines[hunk.start : hunk.start + size] == hunk.old:
        return hunk.start
    if not size:
        return None
    text, wanted = "\n" + "".join(lines[position:]), "\n" + "".join(hunk.old)
    found = text.find(wanted)
    if found < 0 or text.find(wanted, found + 1) >= 0:
        return None
    start = position + text.count("\n", 0, found)
    return start if lines[start : start + size] == hunk.old else None


def _refusal(index: int, change: _FileDiff, problem: str, line: int = 0) -> PatchApplyError:
    return PatchApplyError(f"diff of line {line or change.line}: {problem}", edit=index, reason=problem)
