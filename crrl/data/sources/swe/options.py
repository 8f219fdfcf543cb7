"""What the `swe` source is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from crrl.data.paths import local_path
from crrl.errors import ConfigError


@dataclass(frozen=True)
class SweOptions:
    """Which rows, where the repositories lie, and how much of them a prompt shows."""

    path: Annotated[
        str, "swe: rows (.jsonl, .parquet, a folder of them), or a data set of the hub as SWE-Gym/SWE-Gym"
    ] = ""
    files: Annotated[str, "swe: only files of rows with these words in their path, as in test"] = ""
    clones: Annotated[str, "swe: the folder of local clones, as OWNER__NAME, OWNER/NAME, either with .git"] = ""
    distractors: Annotated[
        int, "swe: further files of the repository in each task, near those that the fix changes"
    ] = 3
    max_changed_files: Annotated[int, "swe: drop rows whose fix changes more files; 0: no limit"] = 5
    max_file_bytes: Annotated[int, "swe: drop rows whose fix changes a larger file"] = 200_000
    window_chars: Annotated[int, "swe: of a longer file the prompt shows a part of about this size; 0: all"] = 9000
    workers: Annotated[int, "mutations, stack, swe: how much is done at once; 0: the cores of this process"] = 0

    def __post_init__(self) -> None:
        if not self.path:
            raise ConfigError("the source swe needs path=FILE of rows, or the name of a data set as SWE-Gym/SWE-Gym")
        if not self.clones:
            raise ConfigError("the source swe needs clones=FOLDER of local clones of the repositories (docs/data.md)")
        if not self.clone_folder.is_dir():
            raise ConfigError(f"clones={self.clones}: there is no such folder")
        for name in ("distractors", "max_changed_files", "max_file_bytes", "window_chars", "workers"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 0 or more")

    @property
    def clone_folder(self) -> Path:
        """The folder of `clones`, `~` spelled out."""
        return local_path(self.clones)

    def clone_of(self, repo: str) -> Path | None:
        """The local clone of `owner/name`, or None."""
        for name in (repo.replace("/", "__"), repo, repo.rpartition("/")[2]):
            for place in (self.clone_folder / name, self.clone_folder / f"{name}.git"):
                if place.is_dir():
                    return place
        return None
