"""The command `crrl` as its user sees it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crrl.data.build import Report, build_tasks, make_plan
from crrl.data.write_jsonl import write_jsonl
from tests.data.rows import pair, write_rows

ROOT = Path(__file__).resolve().parents[1]


def crrl(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crrl.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CRRL_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", [pair(n) for n in range(3)])


def test_build_writes_tasks_and_prints_a_summary(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "tasks.jsonl.gz"
    done = crrl("data", "build", rows, "--split", "all", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "3 tasks written" in done.stdout
    with gzip.open(out, "rt") as stream:
        assert len([json.loads(line) for line in stream]) == 3


def test_what_was_built_before_is_taken_from_the_cache_unless_something_has_changed(
    rows: Path, tmp_path: Path, cache: Path
) -> None:
    first, second, third = (tmp_path / f"{number}.jsonl" for number in range(3))
    build = ("data", "build", rows, "--split", "all", "--out")
    said = crrl(*build, first).stdout
    (table,) = cache.rglob("tasks.arrow")
    written = table.stat().st_mtime_ns
    assert crrl(*build, second).stdout == said.replace(str(first), str(second))
    assert second.read_bytes() == first.read_bytes()
    assert table.stat().st_mtime_ns == written
    assert list(cache.rglob("tasks.arrow")) == [table]
    write_rows(rows, [pair(n) for n in range(4)])
    assert "4 tasks written" in crrl(*build, third).stdout


def test_a_file_is_replaced_by_force_only(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "tasks.jsonl"
    out.write_text("kept\n")
    done = crrl("data", "build", rows, "--split", "all", "--out", out)
    assert (done.returncode, out.read_text()) == (2, "kept\n")
    assert "tasks.jsonl: is there already; --force replaces it" in done.stderr
    assert crrl("data", "build", rows, "--split", "all", "--out", out, "--force").returncode == 0
    assert out.read_text() != "kept\n"


def test_a_row_comes_out_of_the_cache_as_it_went_in(tmp_path: Path, cache: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert crrl("data", "build", "toy", "--rows", "20", "--split", "train", "--out", first).returncode == 0
    tasks = list(build_tasks(make_plan("toy", kind="repair", split="train", options={"rows": 20}), Report()))
    assert write_jsonl(tasks, second) == 20
    assert first.read_bytes() == second.read_bytes()


def test_show_prints_the_prompt_and_the_human_fix(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "tasks.jsonl"
    assert crrl("data", "build", rows, "--split", "all", "--out", out).returncode == 0
    shown = crrl("data", "show", out).stdout
    assert "<<<<<<< SEARCH" in shown
    assert "-    return x - 0" in shown
    assert "+    return x + 0" in shown


def test_built_tasks_are_a_source_again(rows: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert crrl("data", "build", rows, "--split", "all", "--out", first).returncode == 0
    assert crrl("data", "build", first, "--split", "all", "--out", second).returncode == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "build", "nosuch", "--out", "x.jsonl"], "known are jsonl, commits, toy"),
        (["data", "build", "toy", "--out", "x.csv"], "must end in .jsonl"),
        (["data", "build", "toy", "--out", "nowhere/x.jsonl"], "there is no folder nowhere"),
        (["data", "show", "nosuch.jsonl"], "nosuch.jsonl"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = crrl(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_failed_build_leaves_no_file(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [pair(1), {"bad": 1}])
    out = tmp_path / "tasks.jsonl"
    done = crrl("data", "build", path, "--split", "all", "--out", out)
    assert done.returncode == 2
    assert "rows.jsonl row 2" in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rows.jsonl"]


def test_a_source_of_one_kind_needs_no_kind(tmp_path: Path) -> None:
    code = 'def f(xs):\n    """Add up all of the numbers that are in the list, one after the other."""\n    t = 0\n'
    (tmp_path / "a.py").write_text(f"{code}    for x in xs:\n        t += x\n    return t\n")
    out = tmp_path / "tasks.jsonl"
    done = crrl("data", "build", f"stack:{tmp_path}", "--split", "all", "--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text())["kind"] == "implement"
    shown = crrl("data", "show", out).stdout
    assert "# TODO: implement f" in shown


def test_a_data_set_that_cannot_be_fetched_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crrl.cli", "data", "download", "nobody/nothing"]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=offline)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "error: nobody/nothing: cannot be fetched" in done.stderr
