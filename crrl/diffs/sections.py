r"""A section of a block as text: whole lines, and a mark for a last line without a newline.

The mark is the line `\ No newline at end of file`, as in unified diffs. A real last line of one or more backslashes and
that text is written with one backslash more, so that every text can be written and read back.
"""

from __future__ import annotations

_MARK_TEXT = " No newline at end of file"
MARK = "\\" + _MARK_TEXT
_MARK_LINE = _MARK_TEXT + "\n"


def write_section(section: str) -> str:
    """The lines that stand for `section` between two markers: empty, or ending in a newline. Cost: linear."""
    if not section:
        return ""
    if section.endswith("\n"):
        return _escaped(section)
    return _escaped(section + "\n") + MARK + "\n"


def read_section(body: str) -> str:
    """The section that `body`, empty or whole lines, stands for; the inverse of `write_section`.

    Raises:
        ValueError: the mark follows no line, an empty line, or another mark.

    Cost: constant without a mark or an escape, else one copy.
    """
    if not body.endswith(_MARK_LINE):
        return body
    backslashes = _backslashes_of_last_line(body)
    if backslashes > 1:
        return _without_one_backslash(body, backslashes)
    if backslashes == 0:
        return body
    lines = body[: -len(MARK) - 1]
    if not lines or lines == "\n" or lines.endswith("\n\n"):
        raise ValueError(f"`{MARK}` belongs after the last line of the file, and there is no such line above it")
    backslashes = _backslashes_of_last_line(lines)
    if backslashes == 1:
        raise ValueError(f"`{MARK}` stands twice; a real line of that text is written with one more backslash")
    return (_without_one_backslash(lines, backslashes) if backslashes else lines)[:-1]


def _escaped(lines: str) -> str:
    backslashes = _backslashes_of_last_line(lines)
    if not backslashes:
        return lines
    start = len(lines) - len(_MARK_LINE) - backslashes
    return lines[:start] + "\\" + lines[start:]


def _without_one_backslash(lines: str, backslashes: int) -> str:
    start = len(lines) - len(_MARK_LINE) - backslashes
    return lines[:start] + lines[start + 1 :]


def _backslashes_of_last_line(lines: str) -> int:
    """n if the last line is n backslashes and the mark's text, else 0. `lines` ends in a newline."""
    if not lines.endswith(_MARK_LINE):
        return 0
    line = lines[lines.rfind("\n", 0, -1) + 1 : -len(_MARK_LINE)]
    return len(line) if line == "\\" * len(line) else 0
