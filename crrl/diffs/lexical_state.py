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
    found = {mark: text.find(mark, start, place) for mark in language.multiline}
    while (mark_at := min((at for at in found.values() if at >= 0), default=-1)) >= 0:
        assert language.opaque is not None
        token = language.opaque.search(text, _start_of_line(text, mark_at, start), place)
        while token and token.end() <= mark_at:  # the delimiter may stand in a comment, or in a string of one line
            token = language.opaque.search(text, token.end(), place)
        assert token is not None  # the delimiter itself at the latest
        start = token.end()
        if start == place and (state := left_open(language, token[0])):
            return state
        found = {mark: text.find(mark, start, place) if 0 <= at < start else at for mark, at in found.items()}
    return CODE


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
    if len(last) < 3 and last != "`" and last not in language.multiline:
        return CODE
    bare = last.lstrip(language.prefixes)
    for opening, rest in language.multiline.items():
        if bare.startswith(opening):
            return CODE if rest.fullmatch(bare, len(opening)) else opening
    return CODE


def _start_of_line(text: str, place: int, start: int) -> int:
    """Where the line of `place` begins, but not before `start`. A line after a backslash belongs to the one above."""
    while (newline := text.rfind("\n", start, place)) > start and text[newline - 1] == "\\":
        place = newline
    return start if newline < 0 else newline + 1
