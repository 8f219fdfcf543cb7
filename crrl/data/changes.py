"""How much, and whether any code, a reference changes."""

from __future__ import annotations

from crrl.diffs.file_match import PreparedFile
from crrl.diffs.hunks import changed_hunks
from crrl.schema import Files


def changed_paths(before: Files, after: Files) -> list[str]:
    """The paths whose text differs, or that only one of the trees has; sorted."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def changed_lines(before: Files, after: Files) -> int:
    """Lines removed plus lines added, in all files. Cost: of the changed spans, bit-parallel."""
    total = 0
    for path in changed_paths(before, after):
        old, new = before.get(path, ""), after.get(path, "")
        for lo, hi, new_lo, new_hi in changed_hunks(old, new) if old != new else ():
            total += _lines(old[lo:hi]) + _lines(new[new_lo:new_hi])
    return total


def changes_code(before: Files, after: Files) -> bool:
    """Whether any token changes that is no comment: as `similarity` asks it to tell a change from none."""
    return any(
        PreparedFile(path, before.get(path, ""), after.get(path, "")).weight for path in changed_paths(before, after)
    )


def _lines(text: str) -> int:
    return text.count("\n") + (bool(text) and not text.endswith("\n"))
