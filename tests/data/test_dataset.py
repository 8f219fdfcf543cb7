"""The cache: built once, never stale, and never read unless every byte is as it was written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crrl.data import load_tasks
from crrl.data.build import make_plan
from crrl.data.command import ending_by_sigterm
from crrl.data.dataset import cache_key
from crrl.data.write_jsonl import write_jsonl
from crrl.errors import DataError
from tests.data.rows import pair, task, write_rows

ROOT = Path(__file__).resolve().parents[2]
ROWS = 20


@pytest.fixture
def rows(tmp_path: Path) -> str:
    return str(write_rows(tmp_path / "rows.jsonl", [pair(n) for n in range(ROWS)]))


def only_folder(cache: Path) -> Path:
    (folder,) = (cache / "data").iterdir()
    return folder


def flip_a_byte(folder: Path) -> None:
    table = folder / "tasks.arrow"
    content = bytearray(table.read_bytes())
    content[content.index(b"return x - 7")] ^= 1
    table.write_bytes(content)


def cut_in_half(folder: Path) -> None:
    table = folder / "tasks.arrow"
    table.write_bytes(table.read_bytes()[: table.stat().st_size // 2])


def lose_the_report(folder: Path) -> None:
    (folder / "report.json").unlink()


def damage_the_report(folder: Path) -> None:
    (folder / "report.json").write_text('{"report": {')


def empty_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def leave_a_file_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


DAMAGES = [flip_a_byte, cut_in_half, lose_the_report, damage_the_report, empty_the_folder, leave_a_file_instead]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_cache_is_built_anew(damage: Callable[[Path], None], rows: str, own_cache: Path) -> None:
    good = load_tasks(rows, kind="repair", split="all").to_list()
    damage(only_folder(own_cache))
    assert load_tasks(rows, kind="repair", split="all").to_list() == good
    table = only_folder(own_cache) / "tasks.arrow"
    stamp = table.stat().st_mtime_ns
    load_tasks(rows, kind="repair", split="all")
    assert table.stat().st_mtime_ns == stamp


def test_what_a_killed_build_left_is_never_read(rows: str, own_cache: Path) -> None:
    load_tasks(rows, kind="repair", split="all")
    whole = only_folder(own_cache)
    left = whole.rename(whole.with_name(f".{whole.name}-0123"))
    cut_in_half(left)
    assert len(load_tasks(rows, kind="repair", split="all")) == ROWS


def test_builds_at_the_same_time_agree(rows: str, own_cache: Path) -> None:
    code = f"from crrl.data import load_tasks; print(len(load_tasks({rows!r}, kind='repair', split='all')))"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(2)
    ]
    assert [process.communicate() for process in started] == [(f"{ROWS}\n", "")] * 2
    assert only_folder(own_cache).is_dir()


def test_options_as_text_mean_what_they_mean_typed(rows: str) -> None:
    typed = load_tasks(rows, kind="repair", split="heldout", heldout_share=0.5, rows=4, max_files=3)
    text = load_tasks(rows, kind="repair", split="heldout", heldout_share="0.5", rows="4", max_files="3")
    assert len(typed) == 4
    assert typed.to_list() == text.to_list()


def test_lists_of_tests_come_back_from_a_dataset(tmp_path: Path) -> None:
    tests = {"files": [], "command": ["x"], "timeout_s": 1.0, "fail_to_pass": ["a"], "pass_to_pass": ["b"]}
    path = write_rows(tmp_path / "rows.jsonl", [task(tests=tests), task(2)])
    with_lists, without = load_tasks(str(path), kind="repair", split="all")
    assert with_lists["tests"] == tests
    assert not without["tests"].get("fail_to_pass")


def test_another_option_is_another_dataset(rows: str) -> None:
    sizes = [len(load_tasks(rows, kind="repair", split="all", rows=n)) for n in (3, 5, 3)]
    assert sizes == [3, 5, 3]


def test_equal_files_of_other_names_share_one_build(rows: str, own_cache: Path, tmp_path: Path) -> None:
    load_tasks(rows, kind="repair", split="all")
    load_tasks(str(shutil.copy(rows, tmp_path / "copy.jsonl")), kind="repair", split="all")
    assert only_folder(own_cache).is_dir()


def test_dropped_and_bad_rows_are_told_on_every_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [pair(1), {"x": 1}, pair(1, commit="f" * 40)])
    told = []
    for _ in range(2):
        load_tasks(str(path), kind="repair", split="all", skip_bad=1)
        told.append(capsys.readouterr())
    assert told[0] == told[1]
    assert told[0].out == ""
    assert "same content as an earlier row" in told[0].err
    assert "skipped bad row: rows.jsonl row 2: missing column" in told[0].err


def test_a_quiet_build_prints_nothing(rows: str, capfd: pytest.CaptureFixture[str]) -> None:
    load_tasks(rows, kind="repair", split="all")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", ["1", 2])
def test_toy_comes_as_a_dataset_of_its_own_splits(seed: object) -> None:
    train, heldout = (
        load_tasks("toy", kind="repair", split=split, rows=30, seed=seed) for split in ("train", "heldout")
    )
    assert (len(train), len(heldout)) == (30, 30)
    programs = [{row["files"][0]["text"] for row in split} for split in (train, heldout)]
    assert not programs[0] & programs[1]


def test_a_cache_folder_that_cannot_be_written_is_named(rows: str, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cache folder .*blocked/data: cannot be written .*cache_dir="):
        load_tasks(rows, kind="repair", split="all", cache_dir=str(blocked))


def test_the_cache_is_where_the_option_or_the_environment_says(rows: str, own_cache: Path, tmp_path: Path) -> None:
    load_tasks(rows, kind="repair", split="all", cache_dir=str(tmp_path / "mine"))
    assert not own_cache.exists()
    report = json.loads((only_folder(tmp_path / "mine") / "report.json").read_text())["report"]
    assert (report["read"], report["kept"]) == (ROWS, ROWS)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["data"]


def test_how_much_is_done_at_once_does_not_change_the_key(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("A = 1\n")
    sources = (f"stack:{tmp_path}", f"stack:{tmp_path}:0.5,toy:0.5")
    for source in sources:
        keys = {
            cache_key(make_plan(source, kind="implement", split="train", options={"workers": workers}))
            for workers in (1, 2)
        }
        assert len(keys) == 1


def test_a_build_that_is_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    def tasks() -> Iterator[dict[str, object]]:
        yield task(1)
        os.kill(os.getpid(), signal.SIGTERM)
        yield task(2)

    with pytest.raises(SystemExit, match="143"), ending_by_sigterm():
        write_jsonl(tasks(), tmp_path / "tasks.jsonl")
    assert not list(tmp_path.glob(".*.part"))
    assert not (tmp_path / "tasks.jsonl").exists()
