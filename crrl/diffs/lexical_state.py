"""What a place in a text is inside of: code, or a string or comment that spans lines."""

from __future__ import annotations

from crrl.diffs.languages import Language

State = str
"""The delimiter that opened a string or comment; "" for code."""

CODE: State = ""


def state_at(language: Language, text: str, place: int, start: int = 0) -> State:
    """What `place` is inside of, read from `start`, a place known to be code.

    Only lines that hold a delimiter are looked at: everything else ends on its line. Cost: a search for each delimiter, and
    about 1 µs for each string or comment that it opens.
    """
    found = {mark: at for mark in language.multiline if (at := text.find(mark, start, place)) >= 0}
    while found:
        mark = min(found, key=found.__getitem__) if len(found) > 1 else next(iter(found))
        end = _end_of_opened(language, text, mark, found[mark], start, place)
        if end < 0:
            return mark
        start = end
        found = {
            mark: at
            for mark, last in found.items()
            if (at := last if last >= start else text.find(mark, start, place)) >= 0
        }
    return CODE


def _end_of_opened(language: Language, text: str, mark: str, mark_at: int, start: int, place: int) -> int:
    """Where the string or comment ends that covers a delimiter, the first since `start`; -1: not before `place`."""
    line = start_of_line(text, mark_at, start)
    if not text[line:mark_at].strip():
        rest = mark_at + len(mark)
        end = text.find(language.closings[mark], rest, place)
        if end < 0 or mark in language.comments or text.find("\\", rest, end) < 0:
            return end + len(language.closings[mark]) if end >= 0 else -1
    # The delimiter may itself stand in a comment, or in a string of one line.
    assert language.opaque is not None
    token = language.opaque.search(text, line, place)
    while token and token.end() <= mark_at:
        token = language.opaque.search(text, token.end(), place)
    assert token is not None
    return -1 if token.end() == place and left_open(language, token[0]) else token.end()


def state_after(language: Language, text: str, state: State) -> State:
    """The state after whole lines that start in `state`: that of `tokenise`, without the tokens. Cost: as `state_at`."""
    start = 0
    if state:
        rest = language.multiline[state].match(text)
        if rest is None:
            return state
        start = rest.end()
    return state_at(language, text, len(text), start)


def left_open(language: Language, last: str) -> State:
    """The delimiter that the last token opens and does not close."""
    if len(last) < 3 and not last.startswith(tuple(language.multiline)):
        return CODE
    bare = last.lstrip(language.prefixes)
    for opening, rest in language.multiline.items():
        if bare.startswith(opening):
            return CODE if rest.fullmatch(bare, len(opening)) else opening
    return CODE


def start_of_line(text: str, place: int, start: int) -> int:
    """Where the line of `place` begins, but not before `start`. A line after a backslash belongs to the one above."""
    while (newline := text.rfind("\n", start, place)) > start and text[newline - 1] == "\\":
        place = newline
    return start if newline < 0 else newline + 1
