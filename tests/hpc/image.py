"""The image, used as a job would use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hpc.ordinary_user import Done, OrdinaryUser


@dataclass(frozen=True)
class Image:
    """`path`: crrl.sif; what runs in it runs as `user`, without the caller's environment."""

    path: Path
    user: OrdinaryUser

    def command(self, *command: str | Path, env: Mapping[str, str] | None = None) -> list[str]:
        """`apptainer exec …`, to be given to run, srun or a script."""
        variables = [part for name, value in (env or {}).items() for part in ("--env", f"{name}={value}")]
        return ["apptainer", "--silent", "exec", "--cleanenv", *variables, str(self.path), *map(str, command)]

    def run(self, *command: str | Path, variables: Mapping[str, str] | None = None, **options: Any) -> Done:
        return self.user.run(*self.command(*command, env=variables), **options)

    def app(self, name: str, *arguments: str | Path, **options: Any) -> Done:
        return self.user.run(
            "apptainer", "--silent", "run", "--cleanenv", "--app", name, self.path, *arguments, **options
        )
