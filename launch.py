"""Starts a run: a preset and flags → `runs/<run-id>/` → a Slurm or local job.

The whole loop on a laptop: python launch.py --size tiny --follow

One GPU: python launch.py --size small --gpus-per-node 1 --image crrl.sif --data fixes.jsonl

Print the job, submit nothing: python launch.py --size medium --model X --dry-run

Go on where a run stopped: python launch.py --resume RUN_ID --follow
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from crrl.cluster.dry_run import dry_run
from crrl.config import read_config
from crrl.errors import ConfigError, CrrlError, words_of_refusal
from crrl.flags import Launch, parse, settings_of
from crrl.report.find_run import find_run


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks and return the exit code: 0 done, 1 failed, 2 a mistake, 75 stopped, resumable."""
    try:
        if not arguments:  # on a login node nobody wants to find a training by accident
            raise ConfigError("say what to run: --size tiny (on this machine), small, medium or large; --help explains")
        launch = parse(arguments, __doc__ or "")
        if launch.resume:
            return _resume(launch)
        if launch.dry_run:
            return dry_run(settings_of(launch))
        from crrl.cluster.start import start_run

        return start_run(settings_of(launch), follow=launch.follow)
    except CrrlError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(f"error: {words_of_refusal(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, `head` say, has enough; what is still buffered must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:  # while nothing is followed; a follower takes Ctrl-C itself
        print("interrupted; a run that was submitted goes on in the background", file=sys.stderr)
        return 130


def _resume(launch: Launch) -> int:
    folder = find_run(launch.resume, Path(launch.cluster.runs))
    if launch.dry_run:
        return dry_run(read_config(folder.config), folder)
    from crrl.cluster.start import resume_run

    return resume_run(folder, follow=launch.follow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
