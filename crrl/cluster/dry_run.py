"""`--dry-run`: what a run would be and do, in half a second. So nothing is imported here that only starting one needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from crrl.cluster.new_run import new_folder
from crrl.cluster.plan import roles
from crrl.cluster.preflight import hints, notes, problems
from crrl.cluster.resolve import resolve
from crrl.cluster.slurm import render_sbatch
from crrl.config import RunConfig, to_yaml, validate
from crrl.report.run_folder import RunFolder


def dry_run(given: RunConfig, folder: RunFolder | None = None) -> int:
    """Print what a run would be and do: config and script to stdout, as they would be written; warnings to stderr."""
    config = resolve(given, os.environ, auto="slurm")
    validate(config)
    folder = folder or new_folder(config)
    on_slurm = config.cluster.cluster == "slurm"
    print(f"# {folder.config}\n{to_yaml(config)}\n# roles: {roles(config)}\n\n# {folder.job}")
    sys.stdout.write(render_sbatch(config, folder) if on_slurm else _local_script(folder))
    sys.stdout.flush()
    warn([*problems(config, os.environ), *notes(config, os.environ), *hints(config)])
    return 0


def warn(lines: Iterable[str]) -> None:
    """Tell what keeps nothing from going on."""
    for line in lines:
        print(f"warning: {line}", file=sys.stderr)


def _local_script(folder: RunFolder) -> str:
    from crrl.cluster.local import job_script

    return job_script(folder)
