"""The published score, against its definition written down with the standard library alone."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings

from crrl.diffs import swe_rl_similarity
from tests.diffs.strategies import trees


def diff(old: str, new: str) -> str:
    return "\n".join(list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=3, lineterm=""))[2:])


def published(before: dict[str, str], reference: dict[str, str], predicted: dict[str, str]) -> float:
    ratios = []
    for path in before.keys() | reference.keys() | predicted.keys():
        ref, pred = (diff(before.get(path, ""), tree.get(path, "")) for tree in (reference, predicted))
        if ref or pred:
            matcher = difflib.SequenceMatcher(None, pred, ref, autojunk=False)
            ratios.append(matcher.ratio() if ref and pred else 0.0)
    return sum(ratios) / len(ratios) if ratios else 1.0


@settings(deadline=None, max_examples=200)
@given(trees, trees, trees)
def test_it_is_the_published_definition(
    before: dict[str, str], reference: dict[str, str], predicted: dict[str, str]
) -> None:
    ours = swe_rl_similarity(before, reference, predicted)
    assert ours == pytest.approx(published(before, reference, predicted), abs=1e-9)


def test_nothing_changed_on_both_sides_is_1() -> None:
    assert swe_rl_similarity({"a": "x"}, {"a": "x"}, {"a": "x"}) == 1.0


def test_a_path_changed_on_one_side_only_is_0() -> None:
    before = {"a": "x\n", "b": "y\n"}
    assert swe_rl_similarity(before, {**before, "a": "z\n"}, {**before, "b": "z\n"}) == 0.0


def test_a_deleted_file_counts_as_empty() -> None:
    assert swe_rl_similarity({"a": "x\n"}, {"a": ""}, {}) == 1.0
