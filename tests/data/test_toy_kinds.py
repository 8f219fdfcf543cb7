"""Toy implementations and classifications: the right answer earns 1.0, hurried ones less; splits are apart."""

from __future__ import annotations

import ast
import json
from collections import Counter

import pytest

from crrl.data import load_tasks
from crrl.data.placeholder import placeholder
from crrl.data.sources import toy
from crrl.diffs import apply_patch, parse_patch
from crrl.evaluate.baselines import reference_answer
from crrl.evaluate.strata import stratum_of
from crrl.rewards import REWARDS
from crrl.schema import TaskRow, files_from_rows, pair_of

WRITTEN = list(toy.tasks("train", rows=200, seed=1, kind="implement"))
JUDGED = list(toy.tasks("train", rows=400, seed=1, kind="classify"))


def scores(reward: str, rows: list[TaskRow], answers: list[str]) -> list[float | None]:
    names = ("files", "reference", "tests", "label")
    return REWARDS[reward](answers, **{name: [row[name] for row in rows] for name in names})  # type: ignore[literal-required]


@pytest.mark.parametrize("kind", ["implement", "classify"])
def test_splits_share_no_content_for_any_seeds(kind: str) -> None:
    def texts(split: str, seed: int) -> set[str]:
        rows = toy.tasks(split, rows=600, seed=seed, kind=kind)  # type: ignore[arg-type]
        return {row["prompt"][0]["content"] for row in rows}

    assert not texts("train", 1) & (texts("heldout", 1) | texts("heldout", 2))
    shown = {task["prompt"][0]["content"] for task, _ in toy.demonstrations(rows=600, seed=3, kind=kind)}  # type: ignore[arg-type]
    assert not shown & texts("heldout", 1)
    assert len(texts("train", 1)) == 600


def test_a_file_to_complete_parses_and_says_nothing_of_its_body() -> None:
    lengths = set()
    for row in WRITTEN:
        text = row["files"][0]["text"]
        ast.parse(text)
        assert text.count(placeholder("f")) == 1
        assert "return" not in text
        lengths.add(len(text.splitlines()))
    assert lengths == {2}


def test_the_reference_passes_the_tests_and_the_placeholder_does_not() -> None:
    rows = WRITTEN[:30]
    answers = [reference_answer(row) or "" for row in rows]
    for name in ("tests", "similarity", "format", "applies", "syntax"):
        assert set(scores(name, rows, answers)) == {1.0}
    assert set(scores("tests", rows, [""] * len(rows))) == {0.0}


def test_the_hurried_programmer_writes_canonical_patches_that_are_often_wrong() -> None:
    pairs = list(toy.demonstrations(rows=60, seed=2, habit_share=1.0, kind="implement"))
    for row, answer in pairs:
        assert parse_patch(answer).deviations == ()
        assert placeholder("f") not in apply_patch(files_from_rows(row["files"]), parse_patch(answer))[toy.PATH]
    passed = scores("tests", [row for row, _ in pairs], [answer for _, answer in pairs])
    assert 0.2 < sum(score == 1.0 for score in passed) / len(passed) < 0.7


def test_half_of_the_snippets_are_benign_and_pairs_lie_together() -> None:
    labels = Counter(row["label"] for row in JUDGED)
    assert labels["benign"] == 200
    assert labels.keys() == {"benign", "CWE-787", "CWE-125", "CWE-476", "CWE-369", "CWE-416", "CWE-415"}
    pairs = Counter(pair_of(row["source"]) for row in JUDGED)
    assert set(pairs.values()) == {2}
    for first, second in zip(JUDGED[::2], JUDGED[1::2], strict=True):
        assert pair_of(first["source"]) == pair_of(second["source"])
        assert {first["label"], second["label"]} == {"benign", stratum_of(first["source"])}
        assert sum(a != b for a, b in zip(first["files"][0]["text"], second["files"][0]["text"], strict=False)) >= 1


def test_the_order_of_a_pair_says_nothing() -> None:
    first = sum(row["label"] == "benign" for row in JUDGED[::2]) / 200
    assert 0.4 < first < 0.6


def test_the_hurried_reviewer_is_right_about_half_of_the_time_and_always_in_form() -> None:
    pairs = list(toy.demonstrations(rows=400, seed=2, habit_share=1.0, kind="classify"))
    earned = scores("label", [row for row, _ in pairs], [answer for _, answer in pairs])
    assert sum(score == 1.0 for score in earned) == 200
    right = list(toy.demonstrations(rows=400, seed=2, habit_share=0.0, kind="classify"))
    assert set(scores("label", [row for row, _ in right], [answer for _, answer in right])) == {1.0}


@pytest.mark.parametrize("kind", ["implement", "classify"])
def test_the_source_gives_the_kind_that_is_asked_for(kind: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = load_tasks("toy", kind=kind, split="heldout", rows=20, cache_dir=str(tmp_path))
    assert [row["kind"] for row in rows] == [kind] * 20
    assert all(json.dumps(row) for row in rows)
