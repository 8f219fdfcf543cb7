"""Starts a run: a preset and flags → `runs/<run-id>/` → a Slurm or local job.

The whole loop on a laptop: python launch.py --size tiny --follow

One GPU: python launch.py --size small --gpus-per-node 1 --data fixes.jsonl

Print the job, submit nothing: python launch.py --size medium --model X --dry-run

Go on where a run stopped: python launch.py --resume RUN_ID --follow
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from crrl.config import RunConfig, not_yet, read_config, to_yaml, validate
from crrl.errors import ConfigError, CrrlError, RunError
from crrl.flags import Launch, parse, settings_of
from crrl.report.run_folder import RunFolder, write_aside


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks and return the exit code: 0 done, 1 failed, 2 a mistake, 75 stopped, resumable."""
    try:
        launch = parse(arguments, __doc__ or "")
        if launch.resume:
            return _resume(launch)
        config = _without_server_on_one_gpu(settings_of(launch))
        validate(config)
        folder = RunFolder(Path(config.cluster.runs) / _new_run_id(config))
        return _dry_run(config, folder) if launch.dry_run else _start(config, folder, launch.follow)
    except CrrlError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, `head` say, has enough; what is still buffered must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:  # while nothing is followed; a follower takes Ctrl-C itself
        print("interrupted; a run that was submitted goes on in the background", file=sys.stderr)
        return 130


def _without_server_on_one_gpu(config: RunConfig) -> RunConfig:
    """A job of at most one GPU has none to spare for a server: its trainer generates by itself."""
    if config.cluster.nodes == 1 and config.cluster.gpus_per_node <= 1 and config.grpo.use_vllm:
        return replace(config, grpo=replace(config.grpo, use_vllm=False))
    return config


def _new_run_id(config: RunConfig) -> str:
    return f"{datetime.now():%Y%m%d-%H%M%S}-{config.size}-{config.task}-{secrets.token_hex(2)}"


def _dry_run(config: RunConfig, folder: RunFolder) -> int:
    from crrl.cluster.plan import missing, roles
    from crrl.cluster.slurm import render_sbatch

    print(f"# {folder.config}\n{to_yaml(config)}\n# roles: {roles(config)}\n\n# {folder.job}, as Slurm would get it")
    print(render_sbatch(config, folder))
    for problem in [*missing(config), *not_yet(config)]:
        print(f"warning: {problem}", file=sys.stderr)
    return 0


def _start(config: RunConfig, folder: RunFolder, follow: bool) -> int:
    _refuse_what_is_not_yet(config)
    try:
        folder.path.mkdir(parents=True)
        write_aside(folder.config, f"# {folder.run_id}\n{to_yaml(config)}")
    except OSError as error:
        raise RunError(f"cannot make the run's folder {folder.path}: {error}; choose a place with --runs") from error
    return _submit(config, folder, follow)


def _resume(launch: Launch) -> int:
    from crrl.cluster.follow import busy

    path = Path(launch.resume)
    folder = RunFolder(path if path.is_dir() else Path(launch.cluster.runs) / launch.resume)
    if not folder.config.is_file():
        raise RunError(f"there is no run {launch.resume!r}: neither a folder nor in {launch.cluster.runs}/")
    config = read_config(folder.config)
    validate(config)
    if launch.dry_run:
        return _dry_run(config, folder)
    _refuse_what_is_not_yet(config)
    status = folder.read_status() if folder.status.is_file() else {"state": "new"}
    if status["state"] == "done":
        print(f"{folder.run_id} is done already; its folder is {folder.path}")
        return 0
    if busy(folder, status):
        raise RunError(f"{folder.run_id} is {status['state']} already; follow it with: tail -F {_log(folder)}")
    return _submit(config, folder, launch.follow)


def _refuse_what_is_not_yet(config: RunConfig) -> None:
    from crrl.cluster.local import visible_gpus
    from crrl.cluster.plan import where

    problems = not_yet(config)
    if where(config) == "slurm":
        problems.append(
            "submission to Slurm is not in this version; see the job with --dry-run, or use --cluster local"
        )
    if problems:
        raise ConfigError(problems[0])
    visible_gpus(config.cluster.gpus_per_node, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _submit(config: RunConfig, folder: RunFolder, follow: bool) -> int:
    from crrl.cluster.local import submit_locally

    submit_locally(config, folder)
    print(f"run {folder.run_id} in {folder.path}", flush=True)
    if not follow:
        print(f"follow it with: tail -F {_log(folder)}")
        return 0
    return _follow(folder)


def _follow(folder: RunFolder) -> int:
    from crrl.cluster.follow import EXIT_CODES, Follower

    status = Follower(folder).follow()
    if status["state"] == "done":
        from rich.console import Console

        from crrl.report.summary import print_summary

        print_summary(folder, Console())
    else:
        said = "" if status["state"] == "stopped" else f"{status['state']}: "
        print(f"{said}{status['verdict']}\ngo on with: python launch.py --resume {folder.path} --follow")
    return EXIT_CODES[status["state"]]


def _log(folder: RunFolder) -> Path:
    from crrl.cluster.node import ROLE

    status = folder.read_status()
    return folder.log(status["attempt"], ROLE, status["host"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
