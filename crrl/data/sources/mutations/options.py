"""What the `mutations` source is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from crrl.data.paths import local_path
from crrl.errors import ConfigError

MAX_MUTANTS = 10
SPLIT_BY = ("function", "module")


@dataclass(frozen=True)
class MutationsOptions:
    """Which code is broken, and how often. Without `path` and `package` it is Python's own standard library."""

    path: Annotated[str, "mutations: a folder of Python code that is imported from there, with its tests"] = ""
    package: Annotated[str, "mutations: the import name of an installed package"] = ""
    modules: Annotated[tuple[str, ...], "mutations: only these modules or packages, as in textwrap,json"] = ()
    mutants: Annotated[int, f"mutations: at most this many bugs a function, up to {MAX_MUTANTS}"] = 2
    window_chars: Annotated[
        int, "mutations, stack, swe: of a longer file a prompt shows a part of this size; 0: all"
    ] = 9000
    split_by: Annotated[str, f"mutations: what is never in two splits, {' or '.join(SPLIT_BY)}"] = "function"
    workers: Annotated[int, "mutations, stack, swe: how much is done at once; 0: the cores of this process"] = 0

    def __post_init__(self) -> None:
        if self.path and self.package:
            raise ConfigError(f"mutations takes path={self.path} or package={self.package}, not both")
        if self.path and not self.folder.is_dir():
            raise ConfigError(f"path={self.path}: there is no such folder of Python code")
        if not 1 <= self.mutants <= MAX_MUTANTS:
            raise ConfigError(f"mutants={self.mutants}: must be 1 to {MAX_MUTANTS} bugs a function")
        if self.split_by not in SPLIT_BY:
            raise ConfigError(f"split_by={self.split_by!r}: must be {' or '.join(SPLIT_BY)}")
        for name in ("window_chars", "workers"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 0 or more")

    @property
    def folder(self) -> Path:
        """The folder of `path`, `~` spelled out."""
        return local_path(self.path)
