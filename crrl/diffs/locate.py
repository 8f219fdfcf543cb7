"""Where the SEARCH lines of an edit stand in a file: whole lines, at exactly one place."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """file[start:end] becomes `replace`. `drops_newline`: the newline that SEARCH ends in is not in the file."""

    start: int
    end: int
    replace: str
    drops_newline: bool = False
    line_ending: str = "\n"


def locate(text: str, search: str, replace: str) -> Place | int:
    """The one place of `search` in `text`, verbatim or else in the line ending that the whole file uses.

    Args:
        text: The file, not empty.
        search: Whole lines, not empty; a last line without a newline stands only at the end of an unterminated file,
            one with a newline stands there as well.
        replace: What they become, converted in the answer as `search` had to be.

    Returns:
        The place, or the number of places (0, or 2 and more: counting ends at 2) if they are not one.

    Cost: one `str.find` over the file; without a match another and two counts.
    """
    starts, at_open_end = _starts(text, search, "\n")
    if len(starts) == 1 and not at_open_end:
        return Place(starts[0], starts[0] + len(search), replace)
    if len(starts) > 1:
        return len(starts)
    ending = line_ending(text)
    if ending:
        search, replace = converted(search, ending), converted(replace, ending)
        if not starts:
            starts, at_open_end = _starts(text, search, ending)
    if len(starts) != 1:
        return len(starts)
    end = len(text) if at_open_end else starts[0] + len(search)
    return Place(starts[0], end, replace, at_open_end, ending or "\n")


def matches_once(text: str, search: str) -> bool:
    """Whether `search`, taken from `text` verbatim, stands at one place only, as `locate` counts. Cost: as there."""
    return len(_starts(text, search, "\n")[0]) == 1


def line_ending(text: str) -> str:
    r"""The line ending that every line of the text has: `"\n"`, `"\r\n"`, or empty if they differ or there is none."""
    newlines = text.count("\n")
    if not newlines:
        return ""
    with_return = text.count("\r\n")
    if with_return == newlines:
        return "\r\n"
    return "" if with_return else "\n"


def converted(section: str, ending: str) -> str:
    """The section with this line ending on every line."""
    section = section.replace("\r\n", "\n")
    return section if ending == "\n" else section.replace("\n", ending)


def _starts(text: str, search: str, ending: str) -> tuple[list[int], bool]:
    """The first two places where `search` stands, and whether the last of them is the unterminated end of the file."""
    if not search.endswith("\n"):
        start = len(text) - len(search)
        return ([start] if start >= 0 and text.endswith(search) and _begins_line(text, start) else []), False
    starts = [0] if text.startswith(search) else []
    needle = "\n" + search
    found = text.find(needle)
    while found >= 0 and len(starts) < 2:
        starts.append(found + 1)
        found = text.find(needle, found + 1)
    if len(starts) > 1 or text.endswith("\n"):
        return starts, False
    start = len(text) - len(search) + len(ending)
    if start >= 0 and search != ending and text.endswith(search[: -len(ending)]) and _begins_line(text, start):
        return [*starts, start], True
    return starts, False


def _begins_line(text: str, start: int) -> bool:
    return start == 0 or text[start - 1] == "\n"
