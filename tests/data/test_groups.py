"""What belongs together stays in one split: in a build, and when the built file is read and split again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crrl.data.build import Report, build_tasks, make_plan
from crrl.data.groups import files_group, group_key, group_of, with_group
from crrl.data.rows import Dropped, Sourced, Together, with_pairs
from crrl.data.write_jsonl import write_jsonl
from crrl.schema import TaskRow, files_from_rows, pair_of
from tests.data.rows import Repository, pair, task, write_rows
from tests.data.test_primevul_source import pairs
from tests.data.test_stack_source import GOOD, METHOD


def built(source: str, kind: str, split: str, **options: Any) -> list[TaskRow]:
    return list(build_tasks(make_plan(source, kind=kind, split=split, options=options), Report()))


def test_a_built_file_is_split_as_its_source_was(tmp_path: Path) -> None:
    source = f"primevul:{write_rows(tmp_path / 'train_paired.jsonl', pairs(100))}"
    options = {"splits": "commit", "heldout_share": 0.3}
    write_jsonl(built(source, "classify", "all", **options), tmp_path / "all.jsonl")
    for split in ("train", "heldout"):
        from_rows = built(source, "classify", split, **options)
        assert from_rows
        assert built(str(tmp_path / "all.jsonl"), "classify", split, heldout_share=0.3) == from_rows


def test_the_halves_of_a_pair_stand_or_fall_together_in_a_built_file(tmp_path: Path) -> None:
    write_jsonl(built("toy", "classify", "train", rows=20), tmp_path / "toy.jsonl")
    assert len(built(str(tmp_path / "toy.jsonl"), "classify", "all", rows=7)) == 6
    whole = [json.loads(line) for line in (tmp_path / "toy.jsonl").read_text().splitlines()]
    half = {**whole[0], "task_id": "seen before", "source": ""}
    again = built(str(write_rows(tmp_path / "half.jsonl", [half, *whole])), "classify", "all")
    assert len(again) == 19
    assert set(Counter(pair_of(row["source"]) for row in again[1:]).values()) == {2}


def test_only_neighbours_that_name_the_same_pair_are_one() -> None:
    def item(number: int, pair: str) -> Sourced:
        row: Any = task(number, source=json.dumps({"pair": pair}))
        return Sourced(row, str(number))

    a, b, c, d, e, f = (item(number, pair) for number, pair in enumerate(("x", "x", "y", "", "y", "z")))
    dropped = Dropped("here", "why")
    assert list(with_pairs([a, b, c, d, dropped, e, f])) == [Together((a, b)), c, d, dropped, e, f]
    assert list(with_pairs([d, d])) == [d, d]
    assert list(with_pairs([a, b, a])) == [Together((a, b)), a]


def test_functions_of_one_file_stay_together_in_a_built_file(tmp_path: Path) -> None:
    for number in range(20):
        other = METHOD.replace("self", f"self{number}")
        (tmp_path / f"m{number}.py").write_text(f"N = {number}\n\n\n{GOOD}\n\n{other}")
    options = {"doctests": 0, "near_duplicates": 0}
    write_jsonl(built(f"stack:{tmp_path}", "implement", "all", **options), tmp_path / "all.jsonl")
    where = {
        split: {
            row["files"][0]["path"] for row in built(str(tmp_path / "all.jsonl"), "implement", split, heldout_share=0.5)
        }
        for split in ("train", "heldout")
    }
    assert all(where.values())
    assert not where["train"] & where["heldout"]


def test_the_halves_of_a_toy_pair_stay_together_in_a_built_file(tmp_path: Path) -> None:
    write_jsonl(built("toy", "classify", "train", rows=100), tmp_path / "toy.jsonl")
    train, heldout = (
        {pair_of(row["source"]) for row in built(str(tmp_path / "toy.jsonl"), "classify", split, heldout_share=0.5)}
        for split in ("train", "heldout")
    )
    assert train and heldout
    assert not train & heldout


def shown_lines(row: TaskRow) -> set[tuple[str, str]]:
    return {(path, line) for path, text in files_from_rows(row["files"]).items() for line in text.splitlines()}


def added_lines(row: TaskRow) -> set[tuple[str, str]]:
    after = files_from_rows(row["reference"])
    return {(path, line) for path, text in after.items() for line in text.splitlines()} - shown_lines(row)


def test_no_fix_that_is_held_out_stands_in_a_training_prompt(repository: Repository) -> None:
    """Sixty fixes of twelve files, one after another, every third of them of two files: later ones show what earlier ones did."""
    texts = {f"m{number}.py": "".join(f"x{line} = bad({line})\n" for line in range(10)) for number in range(12)}
    repository.commit("Add", dict(texts))
    for number in range(60):
        for path in list(texts)[number % 12 : number % 12 + 1 + (number % 3 == 0)]:
            texts[path] = texts[path].replace(f"bad({number // 12})", f"good({number}, 1)")
        repository.commit(f"Fix {number}", dict(texts))
    source = f"commits:{repository.folder}"
    train, heldout = (built(source, "repair", split, heldout_share=0.4) for split in ("train", "heldout"))
    assert train and heldout
    shown = set().union(*map(shown_lines, train))
    assert all(added_lines(row) and not added_lines(row) & shown for row in heldout)


def test_a_fix_of_files_of_both_splits_is_in_neither_and_counted(tmp_path: Path) -> None:
    rows = [
        pair(n, before={f"a{n}.py": f"x = {n}\n", f"b{n}.py": "y\n"}, after={f"a{n}.py": "x\n", f"b{n}.py": f"{n}\n"})
        for n in range(100)
    ]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    reports = {split: Report() for split in ("train", "heldout", "all")}
    found = {
        split: list(
            build_tasks(make_plan(str(path), kind="repair", split=split, options={"heldout_share": 0.5}), report)
        )
        for split, report in reports.items()
    }
    assert len(found["all"]) == 100
    both = {report.dropped["changes files of both splits"] for split, report in reports.items() if split != "all"}
    assert len(both) == 1
    assert both == {100 - len(found["train"]) - len(found["heldout"])}
    assert 30 < both.pop() < 70
    write_jsonl(found["all"], tmp_path / "all.jsonl")
    for split in ("train", "heldout"):
        assert built(str(tmp_path / "all.jsonl"), "repair", split, heldout_share=0.5) == found[split]


def test_all_fixes_of_a_file_lie_in_one_split_and_those_of_a_fork_too(tmp_path: Path) -> None:
    rows = [
        pair(n, repo=f"owner{n % 3}/tool", before={"a.py": f"x = {n}\n"}, after={"a.py": f"x = -{n}\n"})
        for n in range(1, 30)
    ]
    path = str(write_rows(tmp_path / "rows.jsonl", rows))
    assert sorted(len(built(path, "repair", split, heldout_share=0.5)) for split in ("train", "heldout")) == [0, 29]


@given(st.text(), st.lists(st.text(), min_size=1))
def test_the_key_of_the_groups_of_files_is_themselves(repo: str, paths: list[str]) -> None:
    assert group_key(files_group(repo, paths)) == files_group(repo, paths)


@given(st.text())
def test_the_key_of_a_key_is_the_key(group: str) -> None:
    assert group_key(group_key(group)) == group_key(group)


@pytest.mark.parametrize("source", ["made by hand", json.dumps({"repo": "acme/tool"}), "{no json", "[1]", ""])
def test_a_group_is_kept_beside_what_a_source_said(source: str) -> None:
    row: Any = task(source=source)
    kept = with_group(row, "the group")
    assert group_of(kept) == group_key("the group")
    assert with_group(kept, "the group") is kept
    assert with_group(row, "") is row
    said = json.loads(kept["source"])
    assert said["repo"] == "acme/tool" if "repo" in source else said["source"] == source


@pytest.mark.parametrize("group", ["one", 7, ["a", "b"]])
def test_rows_may_name_a_group_of_their_own(tmp_path: Path, group: Any) -> None:
    rows = [task(number, source=json.dumps({"group": group})) for number in range(30)]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    train, heldout = (built(str(path), "repair", split, heldout_share=0.5) for split in ("train", "heldout"))
    assert sorted((len(train), len(heldout))) == [0, 30]
    assert (train or heldout)[0]["source"] == rows[0]["source"]


@pytest.mark.parametrize("first", [0, 1700000000000000])
def test_groups_that_are_numbers_of_16_digits_are_names_like_any_other(tmp_path: Path, first: int) -> None:
    rows = [task(n, source=json.dumps({"group": f"{first + n * 10**9:016}"})) for n in range(60)]
    path = str(write_rows(tmp_path / "rows.jsonl", rows))
    found = {split: built(path, "repair", split, heldout_share=0.5) for split in ("train", "heldout", "all")}
    assert sorted(map(len, found.values()))[0] > 15
    write_jsonl(found["all"], tmp_path / "all.jsonl")
    for split, tasks in found.items():
        assert built(str(tmp_path / "all.jsonl"), "repair", split, heldout_share=0.5) == tasks
