"""The canonical patch, from text and to text: a path line, then a SEARCH/REPLACE block, as often as needed.

    pkg/mod.py
    <<<<<<< SEARCH
        return a - b
    =======
        return a + b
    >>>>>>> REPLACE

The rules that make it unambiguous are in docs/rewards.md; lines split at newlines only.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple, NoReturn

from crrl.diffs import deviations as names
from crrl.diffs.patch import Edit, Patch, shown
from crrl.diffs.path_line import note_gap, read_path_line, write_path_line
from crrl.diffs.sections import read_section, write_section
from crrl.errors import PatchParseError

__all__ = ["Edit", "Patch", "parse_patch", "render_patch"]

USUAL_LENGTH = 7
"""How many characters a marker repeats where nothing in the text gets in its way."""

# A match begins at the newline before the marker's line, so every text is read with a newline put before it. Possessive
# repeats (`*+`) and one anchor per line keep every search linear.
_TAIL = r"([ \t\r]*+)(?=\n|\Z)"
_TAIL_PATTERN = re.compile(_TAIL)
_OPENING = re.compile(rf"\n(<<<<<<*+) SEARCH{_TAIL}")
_CLOSING = re.compile(rf"\n(>>>>>>*+) REPLACE{_TAIL}")
_ANY = re.compile(rf"\n(?:(<<<<<<*+) SEARCH|(======*+)|(>>>>>>*+) REPLACE){_TAIL}")
_SEARCH, _DIVIDER, _REPLACE = 0, 1, 2


class _Marker(NamedTuple):
    """A marker line: where its newline before and after are, and the blanks it ends in."""

    start: int
    end: int
    tail: str


_Markers = tuple[_Marker, _Marker, _Marker]
"""Opening, divider and closing of one complete block."""


def parse_patch(text: str, *, default_path: str | None = None) -> Patch:
    """The patch that a text holds.

    Args:
        text: Anything a model can write; fences and prose around the blocks are deviations, not errors.
        default_path: The file of blocks before any written path, for prompts that show one file.

    Returns:
        The edits in the text's order. Without any marker `Patch(())`.

    Raises:
        PatchParseError: a block is not complete and in order, or has no valid path; `line` is the line to blame.

    Cost: linear in the text for every input; about 10 µs for a block.
    """
    lines = "\n" + text
    edits: list[Edit] = []
    found: dict[str, None] = {}
    position = 0
    while opening := _OPENING.search(lines, position):
        start = opening.start()
        _refuse_stray_closing(lines, position, start)
        markers = _read_markers(lines, opening)
        previous = edits[-1].path if edits else None
        edits.append(_read_block(lines, lines[position:start], markers, previous, default_path, found))
        position = markers[2].end
    _refuse_stray_closing(lines, position, len(lines))
    if not edits:
        return Patch(())
    note_gap(lines[position:], found)
    return Patch(tuple(edits), tuple(found))


def render_patch(patch: Patch) -> str:
    """The canonical text of a patch: `parse_patch(render_patch(p)).edits == p.edits`, without deviations. Cost: linear."""
    return "\n".join(_write_block(edit) for edit in patch.edits)


def _write_block(edit: Edit) -> str:
    n = _unused_length(edit)
    return (
        f"{write_path_line(edit.path)}\n{'<' * n} SEARCH\n{write_section(edit.search)}{'=' * n}\n"
        f"{write_section(edit.replace)}{'>' * n} REPLACE\n"
    )


def _unused_length(edit: Edit) -> int:
    """The first marker length from the usual one on that no line of either section has."""
    used = set()
    for section in (edit.search, edit.replace):
        for match in _ANY.finditer("\n" + section):
            used.add(max(match.end(group) - match.start(group) for group in (1, 2, 3)))
    length = USUAL_LENGTH
    while length in used:
        length += 1
    return length


def _refuse_stray_closing(lines: str, start: int, end: int) -> None:
    """A REPLACE marker between blocks is never text: the block it should end was not opened."""
    if lines.find(">>>>>", start, end) >= 0 and (stray := _CLOSING.search(lines, start, end)):
        _fail(
            lines,
            stray.start(),
            "a REPLACE marker without a block; a block opens with a line of `<<<<<<< SEARCH` from column 0",
        )


def _read_markers(lines: str, match: re.Match[str]) -> _Markers:
    """The markers of the block that opens here, all of one length, in order."""
    n = match.end(1) - match.start(1)
    search, divide, replace = _spellings(n)
    opening = _Marker(match.start(), match.end(), match[2])
    divider = _find_marker(lines, divide, opening.end)
    closing = divider and _find_marker(lines, replace, divider.end)
    if (
        divider is None
        or closing is None
        or lines.find(replace, opening.end, divider.start) >= 0
        or lines.find(search, opening.end, closing.start) >= 0
        or lines.find(divide, divider.end, closing.start) >= 0
    ):  # out of turn, or a line of the code that only starts like a marker
        divider = _next_marker(lines, opening, n, opening.end, _DIVIDER)
        closing = _next_marker(lines, opening, n, divider.end, _REPLACE)
    return opening, divider, closing


def _next_marker(lines: str, opening: _Marker, n: int, start: int, wanted: int) -> _Marker:
    """The next marker of the block's length, which must be `wanted`."""
    found = _find_marker(lines, _spellings(n)[wanted], start)
    end = found.start if found else len(lines)
    out_of_turn = None
    for kind, spelling in enumerate(_spellings(n)):
        stray = _find_marker(lines, spelling, start, end) if kind != wanted else None
        if stray:
            end, out_of_turn = stray.start, kind
    if out_of_turn is not None:
        _fail(lines, end, _out_of_turn(n, out_of_turn, wanted))
    if found:
        return found
    _fail(
        lines,
        opening.start,
        f"this block never gets its {_spelled(wanted, n)}; all three markers of a block stand alone on "
        f"their line from column 0 and repeat their character equally often (here {n} times)",
    )


def _spellings(n: int) -> tuple[str, str, str]:
    """The three markers of length n, each after the newline before it."""
    return _USUAL if n == USUAL_LENGTH else ("\n" + "<" * n + " SEARCH", "\n" + "=" * n, "\n" + ">" * n + " REPLACE")


_USUAL = ("\n<<<<<<< SEARCH", "\n=======", "\n>>>>>>> REPLACE")


def _find_marker(lines: str, spelling: str, start: int, limit: int = sys.maxsize) -> _Marker | None:
    """The first marker so spelled between two places: searched as text, which is ten times faster than by pattern."""
    place = lines.find(spelling, start, limit)
    while place >= 0:
        end = place + len(spelling)
        if lines.startswith("\n", end):
            return _Marker(place, end, "")
        if tail := _TAIL_PATTERN.match(lines, end):
            return _Marker(place, tail.end(), tail[1])
        place = lines.find(spelling, end, limit)
    return None


def _out_of_turn(n: int, kind: int, wanted: int) -> str:
    return (
        f"{_spelled(kind, n)} where the block needs its {_spelled(wanted, n)} first; if this line is part of the code, "
        f"write all three markers of the block with another length than {n}"
    )


def _spelled(kind: int, length: int) -> str:
    character, word = {_SEARCH: ("<", " SEARCH"), _DIVIDER: ("=", ""), _REPLACE: (">", " REPLACE")}[kind]
    line = f"line `{character * length}{word}`" if length <= 40 else f"line of {length} `{character}`{word}"
    return line if word else line + " (divider)"


def _read_block(
    lines: str, gap: str, markers: _Markers, previous: str | None, default_path: str | None, found: dict[str, None]
) -> Edit:
    """The edit of one complete block; adds its deviations to `found`."""
    opening, divider, closing = markers
    path, deviations, rest = read_path_line(gap)
    if rest:
        note_gap(rest, found)
    for name in deviations:
        found[name] = None
    is_written = path is not None
    if path is None:
        path = _unwritten_path(lines, opening, previous, default_path, found)
    is_crlf = bool(opening.tail or divider.tail or closing.tail) and _note_tails(markers, len(lines), found)
    search = _section(lines, opening, divider, is_crlf)
    replace = _section(lines, divider, closing, is_crlf)
    if not is_written and not search and not replace:
        _fail(lines, opening.start, "an empty block deletes or creates a file: write its path on the line above SEARCH")
    try:
        edit = Edit(path, search, replace)
        if is_written and edit.path != path:
            found[names.DOTTED_PATH] = None
        return edit
    except ValueError as error:
        _fail(lines, opening.start, f"{error}; write the file's path as the prompt shows it, on the line above SEARCH")


def _unwritten_path(
    lines: str, opening: _Marker, previous: str | None, default_path: str | None, found: dict[str, None]
) -> str:
    if previous is not None:
        found[names.PATH_FROM_PREVIOUS] = None
        return previous
    if default_path is not None:
        found[names.PATH_FROM_DEFAULT] = None
        return default_path
    above = lines[lines.rfind("\n", 0, opening.start) + 1 : opening.start] if opening.start else ""
    given = f"above it stands {shown(above)}" if above.strip() else "nothing stands directly above it"
    _fail(
        lines,
        opening.start,
        f"which file? {given}; the line above SEARCH must be the file's path alone, with no blank line between",
    )


def _section(lines: str, before: _Marker, after: _Marker, is_crlf: bool) -> str:
    """The text between two markers. In a CRLF block one CR is taken from each line."""
    body = lines[before.end + 1 : after.start + 1] if after.start > before.end else ""
    try:
        return read_section(body.replace("\r\n", "\n") if is_crlf else body)
    except ValueError as error:
        _fail(lines, after.start, str(error))


def _note_tails(markers: _Markers, text_end: int, found: dict[str, None]) -> bool:
    """Whether all markers of the block end in CRLF (one that ends the text needs none); notes what they end in."""
    opening, divider, closing = markers
    if any("\r" in marker.tail for marker in markers):
        found[names.CRLF] = None
    if any(marker.tail not in ("", "\r") for marker in markers):
        found[names.BLANKS_AFTER_MARKER] = None
    closes_crlf = closing.tail.endswith("\r") or closing.end == text_end
    return opening.tail.endswith("\r") and divider.tail.endswith("\r") and closes_crlf


def _fail(lines: str, newline: int, message: str) -> NoReturn:
    """Refuses the text because of the line after the newline at this place."""
    raise PatchParseError(message, line=lines.count("\n", 0, newline + 1))
