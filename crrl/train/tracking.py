"""The process that tells W&B of a run (crrl.tracking): the first trainer starts and ends it, and never waits in between."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

from crrl.config import RunConfig
from crrl.report.run_folder import RunFolder
from crrl.train.interrupt import Stopped
from crrl.train.ranks import Ranks

PATIENCE_S = 20.0
"""How long the end of an attempt may wait for what is on its way to W&B; longer than crrl.tracking itself waits."""
PATIENCE_OF_FAILURE_S = 5.0
"""The same after a failure, which others are to hear of."""
LOG = "crrl.log"
"""What that process says, in the run's `wandb/`."""
Word = Literal["done", "stopped", "failed"]


@contextlib.contextmanager
def tracked(config: RunConfig, folder: RunFolder, ranks: Ranks) -> Iterator[None]:
    """Have W&B told of what happens within, unless that is off. Nothing that W&B does or does not do gets here."""
    teller = _start(config, folder) if ranks.is_first else None
    word: Word = "failed"
    try:
        yield
        word = "done"
    except Stopped:
        word = "stopped"
        raise
    finally:
        if teller is not None:
            _end(teller, word, folder)


def _start(config: RunConfig, folder: RunFolder) -> subprocess.Popen[str] | None:
    said = os.environ.get("WANDB_MODE", "")
    if config.tracking.wandb == "off" or (config.tracking.wandb == "auto" and said == "disabled"):
        return None
    try:
        folder.wandb.mkdir(parents=True, exist_ok=True)
        with (folder.wandb / LOG).open("ab") as log:
            teller = subprocess.Popen(
                [sys.executable, "-m", "crrl.tracking", str(folder.path)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # signals to the trainer's group are not for it: it ends with its input
                env={name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"},
                text=True,
            )
    except OSError as error:
        print(f"W&B is not told of this run: {error}", flush=True)
        return None
    print(
        f"W&B: sent where there are a key and a network, else kept for `crrl sync`; see {folder.wandb / LOG}",
        flush=True,
    )
    return teller


def _end(teller: subprocess.Popen[str], word: Word, folder: RunFolder) -> None:
    """Tell the process how the attempt ended, and wait a little for it; then it is killed, and `crrl sync` sends the rest."""
    try:
        teller.communicate(word, timeout=PATIENCE_OF_FAILURE_S if word == "failed" else PATIENCE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(teller.pid, signal.SIGKILL)
        teller.wait()
    except OSError:  # it is gone already
        teller.wait()
    # After a failure the log ends with what failed.
    if teller.returncode and word != "failed":
        print(f"W&B has not got everything; send the rest with: crrl sync {folder.path}", flush=True)
