"""Equal content lies in one split, whichever is built, of one source and of mixtures; nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.data.build import SPLITS, Report, build_tasks, make_plan
from crrl.data.groups import files_group, group_key
from crrl.data.journal import NOTHING_KEPT
from crrl.data.rows import BOTH_SPLITS, BadRow, Dropped, Found, Together, content_key, split_of
from crrl.data.side_by_side import SideBySide
from crrl.schema import TaskRow
from tests.data.rows import pair, task, write_rows

PATCH = "a.py\n<<<<<<< SEARCH\nx = {0}\n=======\nx = -{0} - 1\n>>>>>>> REPLACE\n"

# Which content, of which files, and whether the prompt holds the answer, for which the row is dropped.
described = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=2, unique=True),
        st.booleans() | st.just(False),
    ),
    max_size=20,
)


def rows_of(name: str, rows: Sequence[tuple[int, list[str], bool]]) -> list[dict[str, Any]]:
    return [
        task(
            content,
            task_id=f"{name}{number}",
            prompt=[{"role": "user", "content": PATCH.format(content) if is_told else "Repair it"}],
            source=json.dumps({"group": files_group("repo", paths)}),
        )
        for number, (content, paths, is_told) in enumerate(rows)
    ]


def built(source: str, split: str, **options: Any) -> list[TaskRow]:
    return list(build_tasks(make_plan(source, kind="repair", split=split, options=options), Report()))


def names(tasks: Sequence[TaskRow]) -> set[str]:
    return {row["task_id"] for row in tasks}


def contents(tasks: Sequence[TaskRow]) -> set[str]:
    return {content_key(row) for row in tasks}


def test_equal_fixes_of_repositories_of_different_names_lie_in_one_split(tmp_path: Path) -> None:
    rows = [
        pair(n, repo=repo, commit=f"{n:039x}{repo[-1].encode()[0] % 10}") for n in range(60) for repo in ("a/x", "a/y")
    ]
    path = str(write_rows(tmp_path / "rows.jsonl", rows))
    train, heldout, whole = (built(path, split, heldout_share=0.3) for split in SPLITS)
    assert len(heldout) > 5
    assert not contents(train) & contents(heldout)
    assert sorted(map(str, train + heldout)) == sorted(map(str, whole))
    assert len(whole) == 60


@settings(deadline=None, max_examples=50)
@given(described, st.sampled_from([0.3, 0.5, 0.7]))
def test_the_splits_together_are_all_but_what_changes_files_of_both(
    rows: list[tuple[int, list[str], bool]], share: float
) -> None:
    with TemporaryDirectory() as folder:
        path = str(write_rows(Path(folder, "rows.jsonl"), rows_of("t", rows)))
        plan = make_plan(path, kind="repair", split="train", options={"heldout_share": share})
        train, heldout, whole = (built(path, split, heldout_share=share) for split in SPLITS)
        with closing(SideBySide([plan], [1.0], NOTHING_KEPT)) as read:
            both = {item.where for item in read.items(0) if isinstance(item, Dropped) and item.reason == BOTH_SPLITS}
    lost = {f"t{int(where.rpartition(' ')[2]) - 1}" for where in both}
    assert names(train) | names(heldout) == names(whole) - lost
    assert not contents(train) & contents(heldout)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(described, min_size=2, max_size=3), st.lists(st.integers(1, 9), min_size=3, max_size=3), st.integers(0, 6)
)
def test_equal_content_of_the_parts_of_a_mixture_lies_in_one_split(
    parts: list[list[tuple[int, list[str], bool]]], weights: list[int], limit: int
) -> None:
    weights = weights[: len(parts)]
    with TemporaryDirectory() as folder:
        paths = [write_rows(Path(folder, f"{n}.jsonl"), rows_of(f"{n}-", rows)) for n, rows in enumerate(parts)]
        source = ",".join(f"{path}:{weight / sum(weights):.17f}" for path, weight in zip(paths, weights, strict=True))
        train, heldout = (built(source, split, rows=limit, heldout_share=0.5) for split in ("train", "heldout"))
    assert not contents(train) & contents(heldout)


def test_equal_rows_of_two_parts_have_one_order_in_both_splits(tmp_path: Path) -> None:
    """Train would take the first part's row before it has read the second part, heldout the second part's before the first's."""
    lies = {split_of(group_key(group), 0.5): group for group in "abcdef"}
    asked = [
        [(0, "heldout"), (1, "heldout"), (2, "train"), (5, "train")],
        [(2, "heldout"), (3, "heldout"), (4, "train")],
    ]
    paths = []
    for part, rows in enumerate(asked):
        made = [
            task(content, task_id=f"{part}-{content}", source=json.dumps({"group": lies[split]}))
            for content, split in rows
        ]
        paths.append(write_rows(tmp_path / f"{part}.jsonl", made))
    source = f"{paths[0]}:0.5,{paths[1]}:0.5"
    train, heldout = (built(source, split, heldout_share=0.5) for split in ("train", "heldout"))
    assert not contents(train) & contents(heldout)
    assert (names(train), names(heldout)) == ({"0-5", "1-4"}, {"0-0", "1-2", "0-1", "1-3"})


@settings(deadline=None, max_examples=50)
@given(st.lists(described, min_size=2, max_size=3), st.permutations([0, 1, 2]))
def test_the_rows_of_a_mixture_are_those_of_its_splits_in_whichever_order_its_parts_are_asked(
    parts: list[list[tuple[int, list[str], bool]]], order: list[int]
) -> None:
    found: dict[str, set[str]] = {}
    lost: dict[str, set[str]] = {}
    with TemporaryDirectory() as folder:
        paths = [write_rows(Path(folder, f"{n}.jsonl"), rows_of(f"{n}-", rows)) for n, rows in enumerate(parts)]
        for split in SPLITS:
            plans = [make_plan(str(path), kind="repair", split=split, options={"heldout_share": 0.5}) for path in paths]
            with closing(SideBySide(plans, [1 / len(plans)] * len(plans), NOTHING_KEPT)) as read:
                items = [item for place in order if place < len(plans) for item in read.items(place)]
            found[split] = {part.task["task_id"] for item in items if isinstance(item, Found) for part in item.parts}
            lost[split] = {i.where for i in items if isinstance(i, Dropped) and i.reason == BOTH_SPLITS}
    assert lost["train"] == lost["heldout"]
    assert not found["train"] & found["heldout"]
    assert found["train"] | found["heldout"] <= found["all"]
    assert len(found["all"]) == len(found["train"]) + len(found["heldout"]) + len(lost["train"])


def test_what_waits_for_its_part_comes_back_as_it_was(tmp_path: Path) -> None:
    """All of the first part is held out, so the second one is read whole before the first has ended."""
    halves = [
        task(n, task_id=f"h{n}", source=json.dumps({"pair": f"p{n // 2}", "group": f"g{n // 2}"})) for n in range(8)
    ]
    texts = [{"files": [{"path": "b.py", "text": f"s = {n} * 'ä\\ud800'\n"}], "source": "{}"} for n in range(8, 12)]
    rows = [*halves, *(task(n, **changes) for n, changes in enumerate(texts)), {"task_id": "bad"}]
    one = write_rows(tmp_path / "one.jsonl", [task(n, source=json.dumps({"group": "7"})) for n in range(100, 130)])
    two = write_rows(tmp_path / "two.jsonl", rows)
    options = {"heldout_share": 0.9, "skip_bad": 1}
    for split in ("train", "heldout"):
        plans = [make_plan(str(path), kind="repair", split=split, options=options) for path in (one, two)]
        with closing(SideBySide(plans, [0.5, 0.5], NOTHING_KEPT)) as read:
            first, second = list(read.items(0)), list(read.items(1))
        with closing(SideBySide(plans[1:], [1.0], NOTHING_KEPT)) as alone:
            assert list(alone.items(0)) == second
        assert len(first) == 30
        assert any(isinstance(item, Together if split == "heldout" else Dropped) for item in second)
        assert isinstance(second[-1], BadRow)


@pytest.mark.parametrize("split", SPLITS)
def test_a_task_that_a_filter_drops_hides_no_equal_one(tmp_path: Path, split: str) -> None:
    rows = rows_of("t", [(1, ["a"], True), (1, ["b"], False)])
    path = str(write_rows(tmp_path / "rows.jsonl", rows))
    found = [names(built(path, each, heldout_share=0.5)) for each in ("train", "heldout")]
    assert sorted(found, key=len) == [set(), {"t1"}]
    assert names(built(path, "all")) == {"t1"}
