"""A run by what its user calls it: its folder, its id, or the beginning of its id."""

from __future__ import annotations

import difflib
from pathlib import Path

from crrl.errors import RunError
from crrl.report.run_folder import RunFolder


def find_run(name: str, runs: Path) -> RunFolder:
    """The run of a folder, an id, or the beginning of exactly one id. Raises RunError, naming the nearest ids."""
    for path in (Path(name), runs / name):
        if name and (path / "config.yaml").is_file():
            return RunFolder(path)
    known = [folder.run_id for folder in all_runs(runs)]
    begun = [run_id for run_id in known if name and run_id.startswith(name)]
    if len(begun) == 1:
        return RunFolder(runs / begun[0])
    if begun:
        raise RunError(f"{name!r} begins {len(begun)} runs: {', '.join(begun[-5:])}; write more of the id")
    raise RunError(f"there is no run {name!r}: neither a folder nor in {runs}; {_hint(name, known)}")


def all_runs(runs: Path) -> list[RunFolder]:
    """The runs of a folder, oldest first: ids begin with the time."""
    return [RunFolder(path.parent) for path in sorted(runs.glob("*/config.yaml"))]


def _hint(name: str, known: list[str]) -> str:
    if near := difflib.get_close_matches(name, known, 3, 0.5):
        return f"did you mean {' or '.join(near)}?"
    return f"the last ones are {', '.join(known[-3:])}" if known else "it is empty; another folder is named with --runs"
