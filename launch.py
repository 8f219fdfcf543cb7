"""Starts a run: a preset and flags → `runs/<run-id>/` → a Slurm or local job.

python launch.py --size tiny --follow                                       the whole loop on a laptop
python launch.py --size small --model Qwen/Qwen2.5-Coder-0.5B-Instruct --gpus-per-node 1 --data fixes.jsonl
python launch.py --size medium --model X --dry-run                          prints the job, submits nothing
python launch.py --resume RUN_ID --follow                                   goes on where a run stopped
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from crrl.config import SIZES, RunConfig, not_yet, read_config, to_yaml, validate
from crrl.errors import ConfigError, CrrlError, RunError
from crrl.report.run_folder import RunFolder, write_aside

JOBS = Path(__file__).resolve().parent / "jobs"
SHORT_FLAGS = {
    "--data": "--data.source",
    "--cluster": "--cluster.cluster",
    "--nodes": "--cluster.nodes",
    "--gpus-per-node": "--cluster.gpus-per-node",
    "--time": "--cluster.time",
    "--partition": "--cluster.partition",
    "--account": "--cluster.account",
    "--qos": "--cluster.qos",
    "--image": "--cluster.image",
    "--runs": "--cluster.runs",
}
"""What is set most often, without the name of its group."""
_PAIR_FLAGS = ("--rewards", "--data.options")


@dataclass(frozen=True)
class Launch(RunConfig):
    """A run's settings, and what to do with them."""

    dry_run: bool = False
    """Print the resolved config and the Slurm job, and what this machine lacks for it; submit nothing."""
    follow: bool = False
    """Show the run's log until it ends. Ctrl-C stops a local run so that it can be resumed."""
    resume: str = ""
    """Go on with this run (its id, or its folder) instead of starting one; other settings stay as they were."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks and return the exit code: 0 done, 1 failed, 2 a mistake, 75 stopped, resumable."""
    try:
        launch = parse(arguments)
        if launch.resume:
            return _resume(launch)
        config = RunConfig(**{field.name: getattr(launch, field.name) for field in fields(RunConfig)})
        config = _without_server_on_one_gpu(config)
        validate(config)
        folder = RunFolder(Path(config.cluster.runs) / _new_run_id(config))
        return _dry_run(config, folder) if launch.dry_run else _start(config, folder, launch.follow)
    except CrrlError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def parse(arguments: Sequence[str]) -> Launch:
    """The settings of a command line: the preset of `--size`, then what the flags change.

    Raises ConfigError for an unknown size or a malformed pair; tyro itself ends the process, with exit code 2 and the
    nearest known flag, for any other mistake.
    """
    import tyro

    words = [part for word in arguments for part in _long_form(word)]
    preset = read_config(JOBS / f"{_size(words)}.yaml")
    words, pairs = _take_pairs(words)
    if "--rewards" in pairs:
        preset = replace(preset, rewards={name: _weight(name, value) for name, value in pairs["--rewards"].items()})
    if "--data.options" in pairs:
        preset = replace(preset, data=replace(preset.data, options=preset.data.options | pairs["--data.options"]))
    default = Launch(**{field.name: getattr(preset, field.name) for field in fields(RunConfig)})
    return tyro.cli(Launch, args=words, default=default, prog="launch.py", description=_description())


def _description() -> str:
    short = ", ".join(f"{flag} for {long}" for flag, long in SHORT_FLAGS.items())
    return f"{__doc__}\nShort forms: {short}. Rewards: --rewards tests=0.9 format=0.1. Presets: jobs/*.yaml."


def _long_form(word: str) -> list[str]:
    flag, equals, value = word.partition("=")
    if not flag.startswith("--"):
        return [word]
    flag = SHORT_FLAGS.get(flag.replace("_", "-"), flag)
    return [flag, value] if equals else [flag]


def _size(words: Sequence[str]) -> str:
    places = [index for index, word in enumerate(words) if word == "--size"]
    size = words[places[-1] + 1] if places and places[-1] + 1 < len(words) else "tiny"
    if size not in SIZES:
        raise ConfigError(f"unknown size {size!r}; known are {', '.join(SIZES)}")
    return size


def _take_pairs(words: Sequence[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """`--rewards a=1 b=2` and the like, apart from the other words."""
    rest: list[str] = []
    pairs: dict[str, dict[str, str]] = {}
    flag = ""
    for word in words:
        if word.startswith("--"):
            flag = word if word in _PAIR_FLAGS else ""
            if flag:
                pairs.setdefault(flag, {})
                continue
        if not flag:
            rest.append(word)
            continue
        for pair in filter(None, word.split(",")):
            name, equals, value = pair.partition("=")
            if not equals:
                raise ConfigError(f"{flag} {pair!r}: must be name=value, as in {flag} {_example(flag)}")
            pairs[flag][name] = value
    return rest, pairs


def _example(flag: str) -> str:
    return "tests=0.9 format=0.1" if flag == "--rewards" else "max_changed_lines=50"


def _weight(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"--rewards {name}={value}: a weight is a number, as in tests=0.9") from None


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
    folder.path.mkdir(parents=True)
    write_aside(folder.config, f"# {folder.run_id}\n{to_yaml(config)}")
    return _submit(config, folder, follow)


def _resume(launch: Launch) -> int:
    from crrl.cluster.follow import is_alive

    path = Path(launch.resume)
    folder = RunFolder(path if path.is_dir() else Path(launch.cluster.runs) / launch.resume)
    if not folder.config.is_file():
        raise RunError(f"there is no run {launch.resume!r}: neither a folder nor in {launch.cluster.runs}/")
    config = read_config(folder.config)
    validate(config)
    _refuse_what_is_not_yet(config)
    status = folder.read_status() if folder.status.is_file() else {"state": "new"}
    if status["state"] in ("running", "queued") and is_alive(status):
        raise RunError(f"{folder.run_id} is {status['state']} already; follow it with: tail -f {_log(folder)}")
    if status["state"] == "done":
        print(f"{folder.run_id} is done already; its folder is {folder.path}")
        return 0
    return _submit(config, folder, launch.follow)


def _refuse_what_is_not_yet(config: RunConfig) -> None:
    from crrl.cluster.plan import where

    problems = not_yet(config)
    if where(config) == "slurm":
        problems.append(
            "submission to Slurm is not in this version; see the job with --dry-run, or use --cluster local"
        )
    if problems:
        raise ConfigError(problems[0])


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
        print(f"{status['state']}: {status['verdict']}\ngo on with: python launch.py --resume {folder.path} --follow")
    return EXIT_CODES[status["state"]]


def _log(folder: RunFolder) -> Path:
    from crrl.cluster.node import ROLE

    status = folder.read_status()
    return folder.log(status["attempt"], ROLE, status["host"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
