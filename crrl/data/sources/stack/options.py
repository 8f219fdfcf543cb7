"""What the `stack` source is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from crrl.errors import ConfigError


@dataclass(frozen=True)
class StackOptions:
    """Which code, and which of its functions are worth writing. Without `path` it is Python's own standard library."""

    path: Annotated[
        str, "stack: a folder of Python code, rows of code (.jsonl, .parquet), or a data set of the hub"
    ] = ""
    min_docstring_words: Annotated[int, "stack: drop functions whose docstring says less, examples not counted"] = 8
    min_statements: Annotated[int, "stack: drop functions with fewer statements, nested ones counted"] = 3
    max_body_lines: Annotated[int, "stack: drop functions with a longer body; 0: no limit"] = 60
    max_file_chars: Annotated[int, "stack: drop functions of longer files: a task holds its file twice"] = 100_000
    near_duplicates: Annotated[
        float, "stack: drop functions this similar to one that another task or its own shows, in (0, 1]; 0: keep them"
    ] = 0.8
    window_chars: Annotated[int, "stack: of a longer file the prompt shows a part of about this size; 0: all"] = 9000
    doctests: Annotated[
        int, "stack: 1: examples in docstrings become tests, run once in the sandbox; 0: they do not"
    ] = 1
    workers: Annotated[int, "mutations, stack, swe: how much is done at once; 0: the cores of this process"] = 0

    def __post_init__(self) -> None:
        for name in (
            "min_docstring_words",
            "min_statements",
            "max_body_lines",
            "max_file_chars",
            "window_chars",
            "workers",
        ):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 0 or more")
        if not 0.0 <= self.near_duplicates <= 1.0:
            raise ConfigError(f"near_duplicates={self.near_duplicates}: must be a share between 0 and 1")
        if self.doctests not in (0, 1):
            raise ConfigError(f"doctests={self.doctests}: must be 0 or 1")
