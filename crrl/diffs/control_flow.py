"""Whether a change brings in control flow that the human fix does not have: the mark of a fix that never runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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


Control = str | tuple[str, str]
"""A control-flow word, or a condition and the constant that decides it."""


def brings_control_flow(language: Language, tokens: Sequence[str], reference: Mapping[Control, int]) -> bool:
    """Whether `tokens` hold a control-flow word, or a condition on a constant, more often than the reference does.

    `reference` is what `control_flow` finds there.
    """
    if not language.is_code or CONTROL_WORDS.isdisjoint(tokens):
        return False
    return any(count > reference.get(control, 0) for control, count in control_flow(tokens).items())


def holds_control_flow(language: Language, tokens: Iterable[str]) -> bool:
    """Whether any control-flow word is there at all."""
    return language.is_code and not CONTROL_WORDS.isdisjoint(tokens)


def control_flow(tokens: Sequence[str]) -> Counter[Control]:
    """Every control-flow word, and every condition on a constant, with how often it occurs."""
    found: list[Control] = [token for token in tokens if token in CONTROL_WORDS]
    if not _NEVER.isdisjoint(tokens):
        found += [(word, constant) for word, constant in pairwise(tokens) if constant in _NEVER and word in _CONDITIONS]
    return Counter(found)
