"""What the label of a classification says: which answers are right. Builds refuse what the reward `label` would."""

from __future__ import annotations

from crrl.cwe import BENIGN, is_cwe
from crrl.errors import DataError


def accepted_labels(label: str) -> tuple[str, ...]:
    """The right answers that a task's label names: one, or several weaknesses with commas between them.

    Raises DataError for an impossible label: empty, longer than a line, or a list that is not of weaknesses alone.
    """
    right = (label or "").strip()
    parts = tuple(part.strip() for part in right.split(","))
    if all(map(is_cwe, parts)):
        return parts
    if len(right.splitlines()) != 1 or (len(parts) > 1 and any(map(is_verdict, parts))):
        raise DataError(
            "column label must be the right answer, one line: benign, CWE-787, several as CWE-125, CWE-787, or a text "
            f"without them, not {label!r:.60}"
        )
    return (right,)


def is_verdict(line: str) -> bool:
    """Whether a line is nothing but the name of a weakness, or `benign`."""
    return line == BENIGN or is_cwe(line)
