"""The words of a patch: `Edit` and `Patch`, and what a path may be."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_PLAIN_PATH = re.compile(rf"(?![/ ])[^`{_CONTROL}]+(?<! )")


@dataclass(frozen=True, slots=True)
class Edit:
    """One SEARCH/REPLACE block.

    Attributes:
        path: The file, relative to the tree: not empty, without `..`, control characters, back-quotes or outer blanks.
        search: Whole lines with their newlines; only the last may lack one, and then it is the unterminated last line
            of the file. Empty: the file is missing or empty.
        replace: What those lines become, written likewise. Empty: nothing; `search` and `replace` both empty: the file
            is deleted, or created empty.

    Raises:
        ValueError: the path is none.
    """

    path: str
    search: str
    replace: str

    def __post_init__(self) -> None:
        is_inside = ".." not in self.path or ".." not in self.path.split("/")
        if not (is_inside and _PLAIN_PATH.fullmatch(self.path)):
            raise ValueError(f"{shown(self.path)} is no path of a file: {_what_is_wrong(self.path)}")


@dataclass(frozen=True, slots=True)
class Patch:
    """The ordered edits of one answer, and how its text departed from the canonical form.

    Attributes:
        edits: In the order of the text; all are located in the original files, so the order changes nothing.
        deviations: Names from `crrl.diffs.deviations`, each once.
    """

    edits: tuple[Edit, ...]
    deviations: tuple[str, ...] = ()


def _what_is_wrong(path: str) -> str:
    if not path:
        return "it is empty"
    if path.startswith("/"):
        return "it must be relative to the tree, without a leading `/`"
    if path.startswith(" ") or path.endswith(" "):
        return "it begins or ends with a blank"
    if "`" in path:
        return "it holds a back-quote"
    if re.search(f"[{_CONTROL}]", path):
        return "it holds a control character"
    return "it must not leave the tree by `..`"


def shown(text: str, limit: int = 100) -> str:
    """A text as an error message quotes it: escaped, in quotes, cut after `limit` characters."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}… ({len(text)} characters)"
