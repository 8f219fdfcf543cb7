"""`python -m crrl.serve RUN_FOLDER HOST RANK`: keep the vLLM server of this node up. Its supervisor starts and ends it.

Exit codes: 1 the server never came up; 77 it did, and cannot be kept up; 2 a mistake. The words are in the attempt's folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from crrl.cluster.processes import adopt_orphans
from crrl.config import read_config
from crrl.errors import CrrlError
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.heartbeat import ATTEMPT, ENDED, NODE, SERVER, Heartbeat
from crrl.report.run_folder import RunFolder, write_aside
from crrl.serve.keeper import Keeper, ServerFailed

NEVER_UP_EXIT_CODE = 1
LOST_EXIT_CODE = 77
_FOR_TRAINERS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
"""Requests to stop at the next step, which needs the server: it ends when its supervisor kills it."""


def main(arguments: list[str]) -> int:
    """Keep the server up and return the exit code, once it cannot be."""
    path, host, rank = arguments
    folder = RunFolder(Path(path))
    node = os.environ[NODE]
    attempt = folder.attempt(int(os.environ[ATTEMPT]))
    signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_TRAINERS)  # vLLM, which would take some as its own, inherits the mask
    adopt_orphans()
    heartbeat = Heartbeat(attempt.heartbeat(SERVER, node, int(rank)), SERVER, node, int(rank))
    heartbeat.start()
    code, said = _keep(folder, attempt, node, host, heartbeat)
    print(f"error: {said}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):
        outcome = attempt.outcome(SERVER, node, int(rank))
        write_aside(outcome, json.dumps({"code": code, "said": said, "time": time.time()}))
    heartbeat.enter(ENDED)
    heartbeat.stop()
    return code


def _keep(folder: RunFolder, attempt: AttemptFolder, node: str, host: str, heartbeat: Heartbeat) -> tuple[int, str]:
    try:
        log = folder.log(attempt.number, SERVER, node)
        Keeper(read_config(folder.config), attempt, node, host, log, heartbeat).keep()
    except ServerFailed as failed:
        return LOST_EXIT_CODE if failed.was_up else NEVER_UP_EXIT_CODE, str(failed)
    except CrrlError as error:
        return 2, " ".join(str(error).split())
    except Exception as error:
        traceback.print_exc()
        return 1, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    raise AssertionError("a keeper ends only by failing")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
