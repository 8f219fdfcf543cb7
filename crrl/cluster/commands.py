"""`crrl runs`, `status`, `logs`, `cancel`, `resume`: runs seen and steered from any terminal that sees their folder."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from crrl.cluster.cancel import cancel_run
from crrl.cluster.follow import EXIT_CODES
from crrl.cluster.follow_slurm import ASK_SLURM_EVERY_S, GONE_AFTER_S
from crrl.cluster.logs import LogReader, known_attempts, last_lines, log_files
from crrl.cluster.queue import find_job
from crrl.cluster.resolve import absolute
from crrl.cluster.show_runs import is_gone, status_lines, table_of_runs
from crrl.cluster.site_file import find_site, runs_of_site
from crrl.errors import RunError
from crrl.report.find_run import all_runs, find_run
from crrl.report.run_folder import RunFolder

POLL_S = 0.5


def add_run_commands(commands: Any) -> None:
    """Add the commands to argparse subparsers."""
    runs = commands.add_parser("runs", help="all runs: state, attempt, step, age, job")
    _add_runs_flag(runs)
    runs.set_defaults(run=_runs)
    status = _add(
        commands, "status", "one run: state, verdict, job, last step, checkpoints, logs", may_be_left_out=True
    )
    status.set_defaults(run=_status)
    logs = _add(commands, "logs", "the logs of a run", may_be_left_out=True)
    logs.add_argument(
        "--role", default="", metavar="ROLE", help="trainer, server or, on Slurm, supervisor (default: all)"
    )
    logs.add_argument("--attempt", type=int, default=0, metavar="N", help="of this attempt (default: the last)")
    logs.add_argument("--lines", type=_count, default=20, metavar="N", help="last lines of each log (default: 20)")
    logs.add_argument("--follow", action="store_true", help="go on until the run ends; Ctrl-C only looks away")
    logs.set_defaults(run=_logs)
    cancel = _add(commands, "cancel", "end a run at its next step, with a checkpoint, or take it out of the queue")
    cancel.add_argument("--now", action="store_true", help="kill it; its last whole checkpoint is kept")
    cancel.set_defaults(run=_cancel)
    resume = _add(commands, "resume", "go on with a run where it stopped, as launch.py --resume does")
    resume.add_argument("--follow", action="store_true", help="show its log until it ends")
    resume.set_defaults(run=_resume)


def _add(commands: Any, name: str, about: str, *, may_be_left_out: bool = False) -> Any:
    parser = commands.add_parser(name, help=about)
    add_run_arguments(parser, may_be_left_out=may_be_left_out)
    return parser


def add_run_arguments(parser: Any, *, may_be_left_out: bool = False) -> None:
    """Add what names a run to a command's parser; `found_run` reads it. Left out, it is the last run: only to look at."""
    about = "a run's id, the beginning of one, or its folder"
    if may_be_left_out:
        parser.add_argument("name", metavar="RUN", nargs="?", help=f"{about} (default: the last run)")
    else:
        parser.add_argument("name", metavar="RUN", help=about)
    _add_runs_flag(parser)


def _add_runs_flag(parser: Any) -> None:
    parser.add_argument(
        "--runs", default="", metavar="DIR", help="the folder of all runs (default: the site file's, or runs)"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines; write 0 or more")
    return int(text)


def _folder_of_runs(chosen: argparse.Namespace) -> Path:
    return Path(absolute("runs", chosen.runs or runs_of_site(find_site("", os.environ)), os.environ))


def found_run(chosen: argparse.Namespace) -> RunFolder:
    """The run that a command names. Raises RunError if there is none."""
    runs = _folder_of_runs(chosen)
    if chosen.name is None and (known := all_runs(runs)):
        return known[-1]
    return find_run(chosen.name or "", runs)


def _runs(chosen: argparse.Namespace) -> int:
    runs = _folder_of_runs(chosen)
    folders = all_runs(runs)
    print("\n".join(table_of_runs(folders)) if folders else f"there are no runs in {runs}; start one with launch.py")
    return 0


def _status(chosen: argparse.Namespace) -> int:
    print("\n".join(status_lines(found_run(chosen))))
    return 0


def _logs(chosen: argparse.Namespace) -> int:
    folder = found_run(chosen)
    attempts = known_attempts(folder)
    attempt = chosen.attempt or (attempts[-1] if attempts else 0)
    files = log_files(folder, attempt, chosen.role)
    if not files and not (chosen.follow and not attempts):
        raise RunError(_no_logs(folder, chosen, attempts))
    for path in files:
        print(f"==> {path} <==", *last_lines(path, chosen.lines), sep="\n", flush=True)
    return _follow(folder, files, chosen) if chosen.follow else 0


def _no_logs(folder: RunFolder, chosen: argparse.Namespace, attempts: list[int]) -> str:
    if not attempts:
        return f"{folder.run_id} has no logs yet: it is {folder.read_status()['state']}; see {folder.submission}"
    attempt = chosen.attempt or attempts[-1]
    if attempt not in attempts:
        return f"{folder.run_id} has no logs of attempt {attempt}; it has {', '.join(map(str, attempts))}"
    roles = sorted({path.name.partition("-")[0] for path in log_files(folder, attempt)})
    return f"{folder.run_id} has no logs of role {chosen.role!r} in attempt {attempt}; it has {', '.join(roles)}"


def _follow(folder: RunFolder, shown: list[Path], chosen: argparse.Namespace) -> int:
    """Print what is new until the run ends; later attempts too."""
    reader = LogReader(sys.stdout)
    reader.start_at_end(shown)
    looks_gone_since, asked_at = 0.0, time.monotonic()
    while True:
        status = folder.read_status()
        has_ended = status["state"] in EXIT_CODES
        attempts = [chosen.attempt] if chosen.attempt else known_attempts(folder)[-1:]
        for attempt in attempts:
            reader.print_new(log_files(folder, attempt, chosen.role), is_last=has_ended)
        if has_ended:
            print(f"{folder.run_id} is {status['state']}: {status['verdict']}")
            return 0
        if time.monotonic() - asked_at > ASK_SLURM_EVERY_S:
            asked_at = time.monotonic()
            if not is_gone(status, find_job(str(status.get("job_id", "")))):
                looks_gone_since = 0.0
            elif not looks_gone_since:
                looks_gone_since = asked_at
            elif asked_at - looks_gone_since > GONE_AFTER_S:
                raise RunError(f"nobody carries {folder.run_id} any more; see: crrl status {folder.path}")
        time.sleep(POLL_S)


def _cancel(chosen: argparse.Namespace) -> int:
    print(cancel_run(found_run(chosen), now=chosen.now))
    return 0


def _resume(chosen: argparse.Namespace) -> int:
    from crrl.cluster.start import resume_run

    return resume_run(found_run(chosen), follow=chosen.follow)
