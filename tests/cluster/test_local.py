"""A local run takes the GPUs that its user shows it, and its script starts the trainer by hand."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from crrl.cluster.local import job_script, next_attempt, visible_gpus
from crrl.errors import ConfigError
from crrl.report.run_folder import RunFolder


@pytest.mark.parametrize(
    ("wanted", "visible", "taken"),
    [(0, None, []), (0, "3", []), (2, None, [0, 1]), (1, "3", [3]), (2, "5, 3,1", [5, 3])],
)
def test_the_first_visible_gpus_are_taken(wanted: int, visible: str | None, taken: list[int]) -> None:
    assert visible_gpus(wanted, visible) == taken


@pytest.mark.parametrize(
    ("visible", "complaint"), [("0", "shows 1"), ("", "shows 0"), ("GPU-1a,GPU-2b", "wants numbers")]
)
def test_gpus_that_are_not_visible_are_refused(visible: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        visible_gpus(2, visible)


def test_the_script_of_a_local_run_names_its_folder_even_with_blanks(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "my runs" / "r1")
    line = job_script(folder).splitlines()[-1]
    assert shlex.split(line)[-3:] == ["-m", "crrl.train", str(folder.path)]


def test_attempts_are_counted_from_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert next_attempt(folder) == 1
    folder.write_status("failed", attempt=1)
    assert next_attempt(folder) == 2
