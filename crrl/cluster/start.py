"""Start a run, or go on with one: checks, the run's folder, submission, and what is shown of it afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from crrl.cluster.apptainer import NO_IMAGE
from crrl.cluster.cancel import forget_cancel
from crrl.cluster.dry_run import warn
from crrl.cluster.ending import read_ending
from crrl.cluster.follow import EXIT_CODES, Follower, busy
from crrl.cluster.follow_slurm import SlurmFollower
from crrl.cluster.local import next_attempt, submit_locally
from crrl.cluster.new_run import new_folder
from crrl.cluster.partitions import partition_note
from crrl.cluster.preflight import notes, problems, refusal
from crrl.cluster.resolve import resolve
from crrl.cluster.slurm import render_sbatch
from crrl.cluster.submit import submit_to_slurm
from crrl.config import RunConfig, read_config, to_yaml, validate
from crrl.errors import ConfigError, RunError
from crrl.report.run_folder import RunFolder, write_aside


def start_run(given: RunConfig, *, follow: bool) -> int:
    """Start a run and return launch.py's exit code. Nothing is made before everything was checked."""
    config = resolve(given, os.environ)
    validate(config)
    folder = new_folder(config)
    _refuse(config, folder)
    warn(notes(config, os.environ))
    missing = _missing(config, folder)
    try:
        folder.path.mkdir(parents=True)
        write_aside(folder.config, f"# {folder.run_id}\n{to_yaml(config)}")
    except OSError as error:
        raise RunError(f"cannot make the run's folder {folder.path}: {error}; choose a place with --runs") from error
    try:
        _submit(config, folder)
    except RunError:
        shutil.rmtree(folder.path, ignore_errors=True)  # Slurm refused it: nothing has run
        for path in missing:
            with contextlib.suppress(OSError):  # it holds something by now
                path.rmdir()
        raise
    return _show(config, folder, follow)


def resume_run(folder: RunFolder, *, follow: bool) -> int:
    """Go on with a run where it stopped, as its next attempt, with the settings in its folder."""
    config = resolve(read_config(folder.config), os.environ)
    validate(config)
    status = folder.read_status() if folder.status.is_file() else {"state": "new"}
    if status["state"] == "done":
        print(f"{folder.run_id} is done already; its folder is {folder.path}")
        return 0
    if busy(folder, status):
        raise RunError(
            f"{folder.run_id} is {status['state']} already; follow it with: crrl logs {folder.path} --follow"
        )
    _refuse(config, folder)
    forget_cancel(folder)
    _submit(config, folder)
    return _show(config, folder, follow)


def _refuse(config: RunConfig, folder: RunFolder) -> None:
    """Raises ConfigError with everything that keeps the run from working, in one line."""
    found = problems(config, os.environ)
    on_slurm = config.cluster.cluster == "slurm"
    if on_slurm and not found and (words := refusal(render_sbatch(config, folder))):
        found += filter(None, (words, partition_note(config.cluster)))
    if found:
        raise ConfigError(found[0] + "".join(f"; also: {problem}" for problem in found[1:]))


def _submit(config: RunConfig, folder: RunFolder) -> None:
    on_slurm = config.cluster.cluster == "slurm"
    if on_slurm or config.cluster.image != NO_IMAGE:
        for path in (
            config.cluster.hf_home,
            config.cluster.cache_dir,
        ):  # the image is given them, so they must be there
            Path(path).mkdir(parents=True, exist_ok=True)
    if on_slurm:
        submit_to_slurm(config, folder, next_attempt(folder))
    else:
        submit_locally(config, folder)


def _missing(config: RunConfig, folder: RunFolder) -> list[Path]:
    """The folders that a submission makes and that are not there yet, the innermost first."""
    wanted = (folder.path, Path(config.cluster.hf_home), Path(config.cluster.cache_dir))
    missing = {path for place in wanted for path in (place, *place.parents) if not path.exists()}
    return sorted(missing, key=lambda path: len(path.parts), reverse=True)


def _show(config: RunConfig, folder: RunFolder, follow: bool) -> int:
    job = folder.read_status().get("job_id")
    on_slurm = config.cluster.cluster == "slurm"
    print(f"run {folder.run_id} in {folder.path}{f', Slurm job {job}' if on_slurm else ''}", flush=True)
    if not follow:
        print(f"follow it with: crrl logs {folder.path} --follow")
        return 0
    status = SlurmFollower(folder).follow() if on_slurm else Follower(folder).follow()
    return show_end(folder, status) if status else 0


def show_end(folder: RunFolder, status: dict[str, object]) -> int:
    """Print how a followed run ended, and return the exit code for it."""
    state = str(status["state"])
    ending = read_ending(folder.attempt(int(str(status["attempt"]))))
    is_mistake = state == "failed" and ending is not None and ending.kind == "mistake"
    if state == "done":
        from rich.console import Console

        from crrl.report.summary import print_summary

        print_summary(folder, Console())
    else:
        said = "" if state == "stopped" else f"{state}: "
        print(f"{said}{status['verdict']}\n{_advice(folder, is_mistake)}")
    return ending.exit_code if ending and is_mistake else EXIT_CODES[state]


def _advice(folder: RunFolder, is_mistake: bool) -> str:
    resume = f"python launch.py --resume {folder.path} --follow"
    if not is_mistake:
        return f"go on with: {resume}"
    # A run keeps its settings: to resume it with a wrong one would fail in the same way.
    return (
        f"start a new run with other settings; or mend what lies outside of them (a file, the network), and: {resume}"
    )
