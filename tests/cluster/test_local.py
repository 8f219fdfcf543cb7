"""A local run's script starts the trainer by hand; its attempts are counted."""

from __future__ import annotations

import shlex
from pathlib import Path

from crrl.cluster.local import job_script, next_attempt
from crrl.report.run_folder import RunFolder


def test_the_script_of_a_local_run_names_its_folder_even_with_blanks(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "my runs" / "r1")
    line = job_script(folder).splitlines()[-1]
    assert shlex.split(line)[-3:] == ["-m", "crrl.train", str(folder.path)]


def test_attempts_are_counted_from_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert next_attempt(folder) == 1
    folder.write_status("failed", attempt=1)
    assert next_attempt(folder) == 2
