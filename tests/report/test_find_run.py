"""A run is found by its folder, its id, or the beginning of one; otherwise the nearest ids are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.errors import RunError
from crrl.report.find_run import all_runs, find_run

IDS = ("20260101-000000-tiny-repair-aaaa", "20260102-000000-tiny-repair-bbbb", "20260102-000000-tiny-repair-cccc")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for run_id in IDS:
        (tmp_path / run_id).mkdir()
        (tmp_path / run_id / "config.yaml").touch()
    (tmp_path / "something else").mkdir()
    return tmp_path


def test_by_folder_id_and_beginning(runs: Path) -> None:
    assert find_run(str(runs / IDS[0]), Path("nowhere")).path == runs / IDS[0]
    assert find_run(IDS[1], runs).path == runs / IDS[1]
    assert find_run("20260101", runs).path == runs / IDS[0]
    assert [folder.run_id for folder in all_runs(runs)] == list(IDS)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("20260102", f"'20260102' begins 2 runs: {IDS[1]}, {IDS[2]}; write more of the id"),
        ("20260102-000000-tiny-repair-bbbx", f"did you mean {IDS[1]}"),
        ("zzz", f"the last ones are {', '.join(IDS)}"),
        ("something else", "there is no run 'something else'"),
    ],
)
def test_what_is_not_one_run_is_answered_with_the_nearest(runs: Path, name: str, complaint: str) -> None:
    with pytest.raises(RunError) as error:
        find_run(name, runs)
    assert complaint in str(error.value)


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="it is empty; another folder is named with --runs"):
        find_run("x", tmp_path)
