"""Whether a change brings in control flow that the human fix does not have: the mark of a fix that never runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from crrl.diffs.languages import Language

CONTROL_WORDS = frozenset(
    "return raise throw throws break continue goto exit quit abort panic fail die yield assert await "
    "if elif else elsif elseif unless then endif ifdef ifndef fi while until for foreach loop do switch match case when "
    "default select try except catch rescue finally ensure with defer def fn func fun function lambda class struct "
    "and or not in is async module static_assert unreachable".split()
) | {"?", "&", "|", "!", "~", "@"}
_NEVER = frozenset(["False", "false", "None", "nil", "null", "NULL", "0", "True", "true", "1"])
_CONDITIONS = frozenset("if elif else while until unless and or not when case ( ! & |".split())


def brings_control_flow(language: Language, tokens: Sequence[str], reference: Sequence[str]) -> bool:
    """Whether `tokens` hold a control-flow word, or a condition on a constant, more often than `reference` does."""
    if not language.is_code or CONTROL_WORDS.isdisjoint(tokens):
        return False
    excess = Counter(_control(tokens))
    excess.subtract(_control(reference))
    return any(count > 0 for count in excess.values())


def holds_control_flow(language: Language, tokens: Iterable[str]) -> bool:
    """Whether any control-flow word is there at all."""
    return language.is_code and not CONTROL_WORDS.isdisjoint(tokens)


def _control(tokens: Sequence[str]) -> list[str | tuple[str, str]]:
    found: list[str | tuple[str, str]] = [token for token in tokens if token in CONTROL_WORDS]
    if not _NEVER.isdisjoint(tokens):
        found += [(word, constant) for word, constant in pairwise(tokens) if constant in _NEVER and word in _CONDITIONS]
    return found
