"""The words of a patch: `Edit` and `Patch`, and what a path may be."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNSPEAKABLE = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
"""Control characters, and halves of characters: Python reads a half in a file's name as the byte of another name."""
_PART = rf"(?!\.\.?(?:/|\Z))[^/`{_UNSPEAKABLE}]++"
_SHORTEST_PATH = re.compile(rf"(?! ){_PART}(?:/{_PART})*(?<! )")


@dataclass(frozen=True, slots=True)
class Edit:
    """One SEARCH/REPLACE block.

    Attributes:
        path: The file, relative to the tree: not empty, without `..`, control characters, back-quotes or outer blanks.
            `./pkg//mod.py` is kept as `pkg/mod.py`, so that no file has two names.
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
        if not is_shortest_path(self.path):
            object.__setattr__(self, "path", shortest_path(self.path))


@dataclass(frozen=True, slots=True)
class Patch:
    """The ordered edits of one answer, and how its text departed from the canonical form.

    Attributes:
        edits: In the order of the text; all are located in the original files, so the order changes nothing.
        deviations: Names from `crrl.diffs.deviations`, each once.
    """

    edits: tuple[Edit, ...]
    deviations: tuple[str, ...] = ()


def is_shortest_path(path: str) -> bool:
    """Whether this is the path of a file, spelled as `Edit` keeps it. Cost: linear."""
    return _SHORTEST_PATH.fullmatch(path) is not None


def shortest_path(path: str) -> str:
    """The one spelling of a file's path: `./pkg//mod.py` → `pkg/mod.py`. Raises ValueError for what is no path of a file."""
    *folders, name = path.split("/")
    shortest = "/".join([*(folder for folder in folders if folder not in ("", ".")), name])
    if path.startswith("/") or not is_shortest_path(shortest):
        raise ValueError(f"{shown(path)} is no path of a file: {_what_is_wrong(path)}")
    return shortest


def _what_is_wrong(path: str) -> str:
    if not path:
        return "it is empty"
    if path.startswith("/"):
        return "it must be relative to the tree, without a leading `/`"
    if "`" in path:
        return "it holds a back-quote"
    if re.search(f"[{_UNSPEAKABLE}]", path):
        return "it holds a control character, or half of a character"
    if ".." in path.split("/"):
        return "it must not leave the tree by `..`"
    if path.rpartition("/")[2] in ("", "."):
        return "it names a folder"
    return "it begins or ends with a blank"


def shown(text: str, limit: int = 100) -> str:
    """A text as an error message quotes it: escaped, in quotes, cut after `limit` characters."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}… ({len(text)} characters)"
