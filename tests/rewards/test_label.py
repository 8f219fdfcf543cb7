"""`label`: exact scores for the right weakness, its relatives in the CWE tree, several right ones, and benign code."""

from __future__ import annotations

import pytest

from crrl.cwe import PARENTS, are_parent_and_child, is_cwe
from crrl.errors import DataError
from crrl.labels import accepted_labels
from crrl.rewards import REWARDS
from crrl.rewards.label import RELATIVE_SHARE, verdict_of

PILLARS = {f"CWE-{number}" for number in (284, 435, 664, 682, 691, 693, 697, 703, 707, 710)}
COMMON = (
    "787 125 119 416 476 20 190 703 200 399 362 401 415 369 400 835 617 772 189 264 22 120 78 79 89 434 502 863 269 287 59 284 "
    "310 254 732 770 74 94 77 295 346 668 908 667 754 674 276 122 121 191 281 276 252 131 193 134 665 704 369 824 843 909 617 "
    "129 185 204 255 290 311 319 320 326 327 330 331 345 347 352 354 358 388 404 426 459 522 532 552 601 610 611 613 639 681 "
    "682 697 706 707 755 763 776 834 862 909 918 922 1021 1187 1284"
).split()
"""Weaknesses and categories that PrimeVul and BigVul name."""


def score(answer: str, label: str) -> float | None:
    return REWARDS["label"]([answer], label=[label])[0]


@pytest.mark.parametrize(
    ("answer", "label", "earned"),
    [
        ("CWE-787", "CWE-787", 1.0),
        ("CWE-119", "CWE-787", RELATIVE_SHARE),  # parent
        ("CWE-122", "CWE-787", RELATIVE_SHARE),  # child
        ("CWE-118", "CWE-787", 0.0),  # parent of the parent
        ("CWE-125", "CWE-787", 0.0),  # child of the same parent
        ("CWE-664", "CWE-118", 0.0),  # a pillar is nobody's parent here
        ("benign", "benign", 1.0),
        ("benign", "CWE-787", 0.0),
        ("CWE-787", "benign", 0.0),
        ("CWE-399", "CWE-399", 1.0),  # a category has no relatives, and is a label all the same
        ("CWE-99999", "CWE-99999", 1.0),
        ("CWE-787", "CWE-125, CWE-787", 1.0),
        ("CWE-119", "CWE-125, CWE-787", RELATIVE_SHARE),
        ("CWE-125, CWE-787", "CWE-125, CWE-787", 0.0),  # one must be chosen
        ("yes", "yes", 1.0),
        ("no\nyes", "yes", 0.0),  # of other labels nobody can tell a verdict from a reason
        ("CWE-787\nyes", "yes", 0.0),
    ],
)
def test_the_score_is_what_the_tree_says(answer: str, label: str, earned: float) -> None:
    assert score(answer, label) == earned


def test_naming_the_common_parent_pays_less_than_guessing_one_of_two_children() -> None:
    guess = [(score("CWE-787", label) or 0.0) for label in ("CWE-787", "CWE-125")]
    hedge = [(score("CWE-119", label) or 0.0) for label in ("CWE-787", "CWE-125")]
    assert sum(hedge) < sum(guess)


def test_the_verdict_is_the_last_line_and_only_one_line_may_be_one() -> None:
    assert verdict_of("It reads a[8].\nCWE-125\n\n", "CWE-79") == "CWE-125"
    assert verdict_of("CWE-79\nCWE-125", "CWE-79") == ""
    assert verdict_of("CWE-125", "CWE-79", thought_opened=True) == ""
    assert verdict_of("hm</think>CWE-125", "CWE-79", thought_opened=True) == "CWE-125"


def test_several_right_weaknesses_are_told_from_a_label_with_a_comma() -> None:
    assert accepted_labels("CWE-1, CWE-2") == ("CWE-1", "CWE-2")
    assert accepted_labels("yes, but") == ("yes, but",)


@pytest.mark.parametrize("label", ["", " ", "CWE-787\nCWE-1", "yes\x0bno", "CWE-787, benign", "benign, x", "CWE-787,"])
def test_a_label_that_no_answer_could_be_is_refused(label: str) -> None:
    with pytest.raises(DataError, match="column label must be the right answer"):
        accepted_labels(label)
    with pytest.raises(DataError):
        score("CWE-787", label)


# the tree


def test_the_tree_has_no_cycles_and_no_pillars() -> None:
    def climb(name: str, seen: tuple[str, ...]) -> None:
        assert name not in seen
        for parent in PARENTS.get(name, ()):
            climb(parent, (*seen, name))

    for name, parents in PARENTS.items():
        assert is_cwe(name)
        assert parents
        assert not parents & PILLARS
        climb(name, ())


def test_relations_that_everybody_can_look_up() -> None:
    for child, parent in (("787", "119"), ("125", "119"), ("122", "787"), ("78", "77"), ("415", "825"), ("401", "772")):
        assert are_parent_and_child(f"CWE-{child}", f"CWE-{parent}")
        assert are_parent_and_child(f"CWE-{parent}", f"CWE-{child}")
    for child, parent in (
        ("552", "285"),
        ("798", "344"),
        ("425", "862"),
        ("521", "1391"),
        ("415", "666"),
        ("565", "602"),
    ):
        assert are_parent_and_child(f"CWE-{child}", f"CWE-{parent}")
    assert not are_parent_and_child("CWE-565", "CWE-669")
    assert not are_parent_and_child("CWE-789", "CWE-1284")
    assert not are_parent_and_child("CWE-787", "CWE-787")
    assert not are_parent_and_child("benign", "CWE-787")


def test_the_labels_of_primevul_are_covered_or_have_no_parent_but_a_pillar() -> None:
    known = PARENTS.keys() | {parent for parents in PARENTS.values() for parent in parents} | PILLARS
    categories = {f"CWE-{number}" for number in (189, 254, 255, 264, 310, 320, 388, 399)}
    lonely = {f"CWE-{number}" for number in (191, 193, 326, 330, 369, 1187)}
    assert {f"CWE-{number}" for number in COMMON} <= known | categories | lonely
