"""A file of rows: both forms, and every way in which a row or the file can be wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from crrl.data.read_jsonl import read_jsonl
from crrl.data.rows import BadRow, Dropped, Sourced
from crrl.data.sources.jsonl import JsonlOptions, items
from crrl.errors import ConfigError, DataError
from tests.data.rows import judged, pair, task, write_rows


def read(path: Path) -> list[Any]:
    return list(items(JsonlOptions(path=str(path))))


def test_a_task_row_comes_out_as_it_went_in(tmp_path: Path) -> None:
    (item,) = read(write_rows(tmp_path / "rows.jsonl", [task()]))
    assert item == Sourced(task(), "rows.jsonl row 1")  # type: ignore[arg-type]


def test_lists_of_tests_may_be_there_and_empty_ones_mean_none(tmp_path: Path) -> None:
    tests = {"files": [], "command": ["x"], "timeout_s": 1.0}
    listed = {**tests, "fail_to_pass": ["a", "b"], "pass_to_pass": ["c"]}
    rows = [task(tests=listed), task(1, tests={**tests, "fail_to_pass": None, "pass_to_pass": []})]
    assert [item.task["tests"] for item in read(write_rows(tmp_path / "rows.jsonl", rows))] == [listed, tests]


def test_a_pair_becomes_a_repair_task_with_its_provenance(tmp_path: Path) -> None:
    (item,) = read(write_rows(tmp_path / "rows.jsonl", [pair(7)]))
    made = item.task
    assert list(made) == list(task())
    assert made["kind"] == "repair"
    assert made["files"] == [{"path": "src/a7.py", "text": "def f(x):\n    return x - 7\n"}]
    assert made["reference"] == [{"path": "src/a7.py", "text": "def f(x):\n    return x + 7\n"}]
    assert made["tests"] == {"files": [], "command": [], "timeout_s": 0.0}
    assert made["label"] == ""
    assert json.loads(made["source"]) == {"repo": "acme/tool", "commit": f"{7:040x}", "subject": "Fix the sign of 7"}
    assert made["task_id"].startswith("acme/tool@000000000000-")


def test_both_forms_may_be_mixed_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(task()) + "\n\n  \n" + json.dumps(pair()))
    assert [item.where for item in read(path)] == ["rows.jsonl row 1", "rows.jsonl row 4"]


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(gzip.compress(json.dumps(task()).encode()))
    assert [type(item) for item in read(path)] == [Sourced]


def without(row: dict[str, Any], column: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != column}


FILE = {"path": "a.py", "text": "x\n"}
TESTS = task()["tests"]
BAD_ROWS = [
    *[(without(task(), column), f"missing column {column}") for column in task()],
    *[(without(pair(), column), f"missing column {column}") for column in pair()],
    (pair(after=pair()["before"]), "after equals before"),
    (pair(before="x"), "column before must be an object of path: text"),
    (pair(before={"a.py": 1}), "column before must be an object of path: text"),
    (pair(subject=None), "column subject must be a string"),
    (pair(before={"/etc/a.py": "x\n"}), "absolute"),
    (pair(after={"../a.py": "x\n"}), "leaves the tree"),
    (pair(after={"a/../b.py": "x\n"}), "leaves the tree"),
    (pair(after={"C:\\a.py": "x\n"}), "absolute"),
    (pair(after={"": "x\n"}), "a path is empty"),
    (pair(after={"./a.py": "x\n"}), "shortest form"),
    (pair(after={"a\nb.py": "x\n"}), "control characters"),
    (pair(after={"a\x85b.py": "x\n"}), "control characters"),
    (pair(after={"a": "x\n", "a/b.py": "y\n"}), "a file and a folder"),
    (pair(after={"a.py": "\ud800\n"}), "invalid UTF-8"),
    (task(reference=task()["files"]), "the reference equals the files"),
    (task(reference=[]), "needs a reference or tests"),
    (task(kind="classify"), "column label must be the right answer"),
    *[
        (judged(label=label), "column label must be the right answer")
        for label in ("  ", "CWE-787\nCWE-1", "CWE-1, benign")
    ],
    (task(kind="translate"), "column kind must be one of repair, implement, classify"),
    (task(task_id=""), "column task_id must be a name"),
    (task(task_id=3), "column task_id must be a string, not 3"),
    (task(prompt=[]), "column prompt must be a list of one message or more"),
    (task(prompt="Fix it"), "column prompt must be a list of objects with the strings role and content"),
    (task(prompt=[{"role": "robot", "content": ""}]), "column prompt must be messages whose role is one of"),
    (task(files={"a.py": "x"}), "column files must be a list of objects with the strings path and text"),
    (task(files=[FILE, FILE]), "'a.py' is there twice"),
    (task(files=[{"path": "/a.py", "text": ""}]), "absolute"),
    (task(tests={**TESTS, "fail_to_pass": "a"}), "column tests.fail_to_pass must be a list of test ids"),
    (task(tests={**TESTS, "pass_to_pass": [""]}), "column tests.pass_to_pass must be a list of test ids"),
    (
        task(tests={**TESTS, "pass_to_pass": ["a"]}),
        "column tests.pass_to_pass must be empty, as there is no tests.command",
    ),
    (
        task(tests={"files": [], "command": ["x"], "timeout_s": 1, "fail_to_pass": ["a"], "pass_to_pass": ["a"]}),
        "column tests: 'a' is both in fail_to_pass and in pass_to_pass",
    ),
    (task(tests={}), "column tests must be an object with files, command and timeout_s"),
    (task(tests={**TESTS, "command": "make"}), "column tests.command must be a list of strings"),
    (task(tests={**TESTS, "timeout_s": True}), "column tests.timeout_s must be a number"),
    (task(tests={**TESTS, "timeout_s": float("nan")}), "column tests.timeout_s must be a number"),
    (task(tests={**TESTS, "command": ["x"], "timeout_s": 10**400}), "column tests.timeout_s must be a number"),
    (task(tests={**TESTS, "command": ["make"]}), "both a command and a time limit"),
    (task(tests={**TESTS, "files": [{"path": "../x", "text": ""}]}), "column tests.files: path '../x' leaves the tree"),
    ([1], "a row is a JSON object, not a list"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_is_named_with_its_number_and_reason(row: Any, reason: str, tmp_path: Path) -> None:
    good, bad, after = read(write_rows(tmp_path / "rows.jsonl", [task(1), row, task(2)]))
    assert isinstance(bad, BadRow)
    assert bad.where == "rows.jsonl row 2"
    assert reason in bad.reason
    assert "\n" not in str(bad)
    assert isinstance(good, Sourced) and isinstance(after, Sourced)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": ', "invalid JSON"),
        (b'{"a": "\xff"}', "invalid UTF-8 at byte 7"),
        (b"[" * 100_000, "invalid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "invalid JSON"),
    ],
)
def test_a_line_that_is_no_row_is_named_and_the_next_is_read(line: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(line + b"\n" + json.dumps(task()).encode() + b"\n")
    bad, good = read(path)
    assert bad.where == "rows.jsonl row 1" and reason in bad.reason
    assert isinstance(good, Sourced)


def test_a_task_id_may_not_come_twice(tmp_path: Path) -> None:
    _, bad = read(write_rows(tmp_path / "rows.jsonl", [task(1), task(2, task_id="t1")]))
    assert bad == BadRow("rows.jsonl row 2", "duplicate task_id 't1'")


def test_parts_of_one_commit_get_different_task_ids(tmp_path: Path) -> None:
    first, second = read(write_rows(tmp_path / "rows.jsonl", [pair(1), pair(2, commit=pair(1)["commit"])]))
    assert first.task["task_id"] != second.task["task_id"]


@pytest.mark.parametrize("row", [pair(before={}), pair(after={})])
def test_a_pair_with_an_empty_tree_makes_no_task(row: dict[str, Any], tmp_path: Path) -> None:
    (item,) = read(write_rows(tmp_path / "rows.jsonl", [row]))
    assert isinstance(item, Dropped)


def test_a_truncated_gzip_names_the_row_where_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    whole = gzip.compress(b"".join(json.dumps(task(number)).encode() + b"\n" for number in range(2000)))
    path.write_bytes(whole[: len(whole) // 2])
    *good, bad = read_jsonl(path)
    assert isinstance(bad, BadRow)
    assert bad.where == f"rows.jsonl.gz row {len(good) + 1}"
    assert "damaged or cut off" in bad.reason


def test_a_damaged_gzip_names_the_row_where_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    whole = bytearray(gzip.compress(json.dumps(task()).encode() * 50))
    whole[len(whole) // 2 : len(whole) // 2 + 8] = b"\xff" * 8
    path.write_bytes(whole)
    *_, bad = read_jsonl(path)
    assert isinstance(bad, BadRow) and "damaged or cut off" in bad.reason


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.jsonl: no such file"):
        read(tmp_path / "nothing.jsonl")


def test_jsonl_needs_a_path() -> None:
    with pytest.raises(ConfigError, match="path=FILE"):
        JsonlOptions()
