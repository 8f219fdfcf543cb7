"""Mixtures: exact shares at every point, the same every time, each part with its own options, one line for every mistake."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crrl.data import load_tasks
from crrl.data.build import Report, build_tasks, make_plan
from crrl.data.mixture import counts_of, is_mixture
from crrl.data.side_by_side import due_part
from crrl.errors import ConfigError
from crrl.schema import TaskRow, pair_of
from tests.data.rows import judged, pair, task, write_rows
from tests.data.test_primevul_source import pairs

shares = st.lists(st.integers(1, 50), min_size=1, max_size=5).map(lambda whole: [part / sum(whole) for part in whole])


def build(source: str, *, split: str = "all", **options: Any) -> tuple[list[TaskRow], Report]:
    report = Report()
    return list(build_tasks(make_plan(source, kind="repair", split=split, options=options), report)), report


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    one = write_rows(tmp_path / "one.jsonl", [pair(number, repo="one/one") for number in range(60)])
    two = write_rows(tmp_path / "two.jsonl", [pair(number, repo="two/two") for number in range(100, 200)])
    return one, two


@given(shares, st.integers(1, 300))
def test_after_any_number_of_tasks_no_part_is_a_whole_one_ahead_of_its_share(parts: list[float], count: int) -> None:
    taken = [0] * len(parts)
    for _ in range(count):
        taken[due_part(parts, taken, range(len(parts)))] += 1
    for index, share in enumerate(parts):
        assert -max(1, len(parts) - 1) < taken[index] - share * count < 1


@given(shares, st.integers(0, 1000))
def test_counts_sum_to_the_total_and_are_rounded_shares(parts: list[float], total: int) -> None:
    counts = counts_of(parts, total)
    assert sum(counts) == total
    assert all(abs(count - share * total) < 1 for count, share in zip(counts, parts, strict=True))


def test_rows_are_split_exactly(files: tuple[Path, Path]) -> None:
    tasks, report = build(f"{files[0]}:0.3,jsonl:{files[1]}:0.7", rows=50)
    assert Counter(task["task_id"][:3] for task in tasks) == {"one": 15, "two": 35}
    assert report.kept == 50


def test_a_mixture_ends_with_its_first_part_so_that_the_shares_hold(files: tuple[Path, Path]) -> None:
    tasks, _ = build(f"{files[0]}:0.75,{files[1]}:0.25")
    counts = Counter(task["task_id"][:3] for task in tasks)
    assert counts["one"] == 60
    assert abs(counts["two"] - 20) <= 1


def test_the_same_mixture_is_the_same_every_time_and_splits_stay_apart(files: tuple[Path, Path]) -> None:
    source = f"{files[0]}:0.5,{files[1]}:0.5"
    assert build(source)[0] == build(source)[0]
    train, heldout = (build(source, split=split, heldout_share=0.3)[0] for split in ("train", "heldout"))
    assert heldout
    assert not {task["task_id"] for task in train} & {task["task_id"] for task in heldout}


def test_what_parts_drop_is_counted_with_their_name(tmp_path: Path, files: tuple[Path, Path]) -> None:
    comment = pair(7, before={"a.py": "x = 1\n"}, after={"a.py": "x = 1  # one\n"})
    dull = write_rows(tmp_path / "dull.jsonl", [comment, *(pair(number) for number in range(300, 340))])
    _, report = build(f"{dull}:0.5,{files[1]}:0.5")
    assert report.dropped == {"jsonl: reference changes no code": 1}


def test_rows_of_the_other_split_are_counted_as_such_and_not_as_dropped(files: tuple[Path, Path]) -> None:
    _, report = build(f"{files[0]}:0.5,{files[1]}:0.5", split="heldout", heldout_share=0.3)
    assert report.other_split > 0
    assert not report.dropped
    assert report.read == report.kept + report.other_split


def test_ids_that_parts_share_come_once(tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one.jsonl", [task(number) for number in range(8)])
    texts = [[{"path": "b.py", "text": f"{name} = {number}\n"} for name in "xy"] for number in range(8)]
    twins = [task(number, files=[old], reference=[new]) for number, (old, new) in enumerate(texts)]
    two = write_rows(tmp_path / "two.jsonl", [*twins, *(task(number) for number in range(20, 30))])
    tasks, report = build(f"{one}:0.5,{two}:0.5")
    ids = [row["task_id"] for row in tasks]
    assert len(set(ids)) == len(ids) >= 8
    assert report.dropped["jsonl: same task_id as an earlier row"] > 0
    assert len(build(str(write_rows(tmp_path / "again.jsonl", tasks)))[0]) == len(tasks)


def test_content_that_parts_share_counts_for_the_first_of_them_only(tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one.jsonl", [task(number) for number in range(8)])
    two = write_rows(tmp_path / "two.jsonl", [task(number, task_id=f"u{number}") for number in range(20)])
    tasks, _ = build(f"{one}:0.5,{two}:0.5", rows=8)
    assert Counter(row["task_id"][0] for row in tasks) == {"t": 4, "u": 4}


def test_an_option_may_be_for_one_part(files: tuple[Path, Path]) -> None:
    plan = make_plan(
        "mutations:0.5,toy:0.5", kind="repair", split="train", options={"mutations.mutants": "3", "seed": "4"}
    )
    first, second = plan.source_options.parts
    assert first.source_options.mutants == 3
    assert (first.options.seed, second.options.seed) == (4, 4)


def test_files_are_parts_of_the_name_jsonl(files: tuple[Path, Path]) -> None:
    source = f"{files[0]}:0.5,jsonl:{files[1]}:0.5"
    _, report = build(source, **{"jsonl.max_changed_lines": "1"})
    assert report.dropped == {"jsonl: more than 1 changed lines": 60}


def test_an_option_of_one_part_makes_another_dataset(tmp_path: Path, files: tuple[Path, Path]) -> None:
    loaded = [
        load_tasks(
            f"toy:0.5,{files[0]}:0.5", kind="repair", split="train", **{"jsonl.heldout_share": share, "rows": 10}
        )
        for share in ("0.1", "0.9")
    ]
    assert loaded[0]["task_id"] != loaded[1]["task_id"]


def test_a_mixture_is_cached_like_any_source(tmp_path: Path, files: tuple[Path, Path]) -> None:
    source = f"{files[0]}:0.5,{files[1]}:0.5"
    rows = load_tasks(source, kind="repair", split="all", rows=20, cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 20
    again = load_tasks(source, kind="repair", split="all", rows=20, cache_dir=str(tmp_path / "cache"))
    assert list(again) == list(rows)


def test_a_path_with_a_comma_is_no_mixture(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a,b.jsonl", [pair(1)])
    assert not is_mixture(str(path))
    assert len(build(str(path))[0]) == 1


def test_pairs_count_as_two_tasks_and_never_part(tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one_train_paired.jsonl", pairs(40))
    two = write_rows(tmp_path / "two.jsonl", [judged(number) for number in range(80)])
    options = {"rows": 15, "primevul.files": ""}
    plan = make_plan(f"primevul:{one}:0.5,jsonl:{two}:0.5", kind="classify", split="all", options=options)
    tasks = list(build_tasks(plan, Report()))
    halves = Counter(pair_of(row["source"]) for row in tasks if pair_of(row["source"]))
    assert set(halves.values()) == {2}
    assert (2 * len(halves), len(tasks)) == (8, 15)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("toy:0.5,mutations:0.4", {}, "sum to 0.9; they must sum to 1"),
        ("toy,mutations:0.5", {}, "'toy' in 'toy,mutations:0.5': each part of a mixture is SOURCE:SHARE"),
        ("toy:0,mutations:1", {}, "each part of a mixture is SOURCE:SHARE"),
        ("toy:0.5,nosuch:0.5", {}, "unknown data source 'nosuch'"),
        ("toy:0.5,mutations:0.5", {"mutants.x": "1"}, "unknown data option 'mutants.x'"),
        ("toy:0.5,mutations:0.5", {"mutantz": "1"}, "unknown data option 'mutantz'"),
        ("toy:0.5,mutations:0.5", {"jsonl.max_files": "1"}, "unknown data option 'jsonl.max_files'"),
        ("toy:0.5,mutations:0.5", {"toy.rows": "3"}, "toy.rows: rows is for the whole mixture; write rows=… without"),
        ("toy:0.5,mutations:0.5", {"toy.skip_bad": "3"}, "toy.skip_bad: skip_bad is for the whole mixture"),
        ("toy:0.5,stack:0.5", {}, "the stack source holds implement tasks, not repair"),
    ],
)
def test_a_mixture_that_cannot_be_is_refused_in_one_line(source: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        make_plan(source, kind="repair", split="train", options=options)
    assert "\n" not in str(error.value)
