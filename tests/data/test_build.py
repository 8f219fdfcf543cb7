"""From rows to tasks: bad rows, filters, splits, the summary, the cache."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from crrl.data import load_tasks
from crrl.data.build import Report, build_tasks, make_plan
from crrl.errors import ConfigError, DataError
from crrl.train.tiny import build_tiny_model
from tests.data.rows import pair, task, write_rows


def built(path: Path, **options: Any) -> tuple[list[Any], Report]:
    report = Report()
    plan = make_plan(str(path), kind="repair", split=options.pop("split", "all"), options=options)
    return list(build_tasks(plan, report)), report


def test_rows_are_kept_in_order_and_counted(tmp_path: Path) -> None:
    tasks, report = built(write_rows(tmp_path / "rows.jsonl", [pair(n) for n in range(5)]))
    assert [json.loads(row["source"])["commit"] for row in tasks] == [f"{n:040x}" for n in range(5)]
    assert (report.read, report.kept) == (5, 5)


def test_a_bad_row_stops_the_build_naming_file_row_and_reason(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [pair(1), pair(2, after=pair(2)["before"]), pair(3)])
    with pytest.raises(DataError, match=r"rows\.jsonl row 2: after equals before.*skip_bad=N"):
        built(path)


def test_skip_bad_allows_as_many_and_lists_them(tmp_path: Path) -> None:
    rows = [pair(1), pair(2, subject=None), pair(3), {"x": 1}]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    tasks, report = built(path, skip_bad=2)
    assert len(tasks) == 2
    assert [line.partition(":")[0] for line in report.bad] == ["rows.jsonl row 2", "rows.jsonl row 4"]
    with pytest.raises(DataError, match=r"row 4.*one more than skip_bad=1.*row 2"):
        built(path, skip_bad=1)


def test_a_truncated_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    whole = gzip.compress("".join(json.dumps(pair(n)) + "\n" for n in range(200)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"rows\.jsonl\.gz"):
        built(path)


def test_rows_that_teach_nothing_are_dropped_with_a_reason(tmp_path: Path) -> None:
    comment = pair(1, before={"a.py": "x = 1\n"}, after={"a.py": "x = 1  # one\n"})
    rows = [comment, pair(2), pair(2, commit="f" * 40), task(3, kind="implement")]
    tasks, report = built(write_rows(tmp_path / "rows.jsonl", rows))
    assert len(tasks) == 1
    assert report.dropped == {
        "reference changes no code": 1,
        "same content as an earlier row": 1,
        "kind is implement, not repair": 1,
    }


def test_limits_drop_with_a_reason(tmp_path: Path) -> None:
    wide = pair(1, before={"a.py": "x\n", "b.py": "x\n"}, after={"a.py": "y\n", "b.py": "y\n"})
    long = pair(2, before={"a.py": "x = 1\n"}, after={"a.py": "x = 2\n" * 50})
    _, report = built(write_rows(tmp_path / "rows.jsonl", [wide, long, pair(3)]), max_files=1, max_changed_lines=10)
    assert report.dropped == {"more than 1 files": 1, "more than 10 changed lines": 1}
    assert report.kept == 1


def test_the_length_filter_counts_with_the_models_own_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = str(build_tiny_model(1))
    path = write_rows(tmp_path / "rows.jsonl", [task(1), task(2, prompt=[{"role": "user", "content": "x " * 500}])])
    text = AutoTokenizer.from_pretrained(folder).apply_chat_template(
        task(1)["prompt"], add_generation_prompt=True, tokenize=False
    )
    length = len(AutoTokenizer.from_pretrained(folder)(text)["input_ids"])
    tasks, report = built(path, max_prompt_tokens=length, tokenizer=folder)
    assert [row["task_id"] for row in tasks] == ["t1"]
    assert report.dropped == {f"prompt longer than {length} tokens": 1}
    assert built(path, max_prompt_tokens=length - 1, tokenizer=folder)[1].kept == 0


def test_no_content_is_in_two_splits_and_all_of_it_is_in_one(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [pair(n) for n in range(300)])
    train, heldout = (
        {row["task_id"] for row in built(path, split=split, heldout_share=0.3)[0]} for split in ("train", "heldout")
    )
    assert not train & heldout
    assert len(train | heldout) == 300
    assert 60 < len(heldout) < 120


def test_a_row_stays_in_its_split_whatever_else_the_file_holds(tmp_path: Path) -> None:
    many = write_rows(tmp_path / "many.jsonl", [pair(n) for n in range(100)])
    few = write_rows(tmp_path / "few.jsonl", [pair(n) for n in range(99, 0, -7)])
    in_many = {row["task_id"] for row in built(many, split="heldout", heldout_share=0.5)[0]}
    in_few = {row["task_id"] for row in built(few, split="heldout", heldout_share=0.5)[0]}
    assert in_few <= in_many


def test_the_same_call_builds_once_and_gives_the_same(tmp_path: Path, own_cache: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [pair(n) for n in range(20)])
    first = load_tasks(str(path), kind="repair", split="all")
    stamps = {file: file.stat().st_mtime_ns for file in own_cache.rglob("*.arrow")}
    second = load_tasks(str(path), kind="repair", split="all")
    assert len(stamps) == 1
    assert {file: file.stat().st_mtime_ns for file in own_cache.rglob("*.arrow")} == stamps
    assert first.to_list() == second.to_list()
    assert list(first.features) == list(task())


def test_a_changed_file_is_built_anew(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [pair(1)])
    assert len(load_tasks(str(path), kind="repair", split="all")) == 1
    write_rows(path, [pair(1), pair(2)])
    assert len(load_tasks(str(path), kind="repair", split="all")) == 2


def test_a_build_that_fails_leaves_nothing_that_could_be_read_later(tmp_path: Path, own_cache: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [*(pair(n) for n in range(5)), {"bad": 1}])
    with pytest.raises(DataError):
        load_tasks(str(path), kind="repair", split="all")
    assert not list(own_cache.rglob("*.arrow"))


def test_nothing_left_is_an_error_that_says_why(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [task(1, kind="implement")])
    with pytest.raises(DataError, match="kind is implement, not repair"):
        load_tasks(str(path), kind="repair", split="all")


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("nosuch", {}, "known are jsonl, commits, toy"),
        ("toy", {"split": "test"}, "toy has no split"),
        ("toy", {"kind": "fix"}, "known are repair, implement, classify"),
        ("toy", {"row": 3}, "did you mean rows"),
        ("toy", {"rows": "many"}, "rows=.many.: must be"),
        ("jsonl", {}, "needs path="),
    ],
)
def test_what_cannot_be_asked_for_is_answered_with_what_can(source: str, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_tasks(source, **{"kind": "repair", **options})
