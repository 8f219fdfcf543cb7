"""`python -m crrl.tracking RUN_FOLDER`: tells W&B of a run while it goes on.

It is started by the first trainer, which writes one word to its standard input when it ends: `done`, `stopped` or `failed`. The
input ends without a word when the trainer was killed.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from pathlib import Path

from crrl.config import RunConfig, read_config
from crrl.report.attempt_folder import read_json
from crrl.report.run_folder import RunFolder, write_aside
from crrl.tracking.feed import Feed, only_one
from crrl.tracking.mode import Mode, server_url, tracking_mode

POLL_S = 2.0
RETRY_S = 60.0
"""Between attempts to open the run with a W&B that fails."""
FINISH_S = 10.0
"""For what is on its way when the trainer ends; the rest is for `crrl sync`."""
NICENESS = 10


def main(arguments: list[str]) -> int:
    """Follow the run of the one argument's folder to the end of its attempt."""
    os.nice(NICENESS)
    folder = RunFolder(Path(arguments[0]))
    config = read_config(folder.config)
    mode = tracking_mode(config.tracking.wandb)
    while True:
        with only_one(folder) as is_only:
            if is_only:
                return _follow(config, folder, mode)
        # The process of an attempt that was killed, which is about to end; or `crrl sync`.
        if _heard(POLL_S) is not None:
            _say("another process was sending this run all the time")
            return 1


def _follow(config: RunConfig, folder: RunFolder, mode: Mode) -> int:
    feed, word = None, None
    while feed is None and word is None:
        feed = _opened(config, folder, mode)
        word = _heard(0.0 if feed else RETRY_S)
    while feed is not None and word is None:
        if feed.send_new():
            _note(folder, mode, feed.next)
        word = _heard(POLL_S)
    if feed is None:
        return 1
    feed.send_new()
    _note(folder, mode, feed.next)
    try:
        feed.close(int(word not in ("done", "stopped")))
    except Exception as error:
        _say(f"W&B did not take everything ({type(error).__name__}: {error})")
        return 1
    _say("everything was sent" if mode == "online" else "everything is in W&B's offline files")
    return 0


def _opened(config: RunConfig, folder: RunFolder, mode: Mode) -> Feed | None:
    try:
        feed = Feed(config, folder, mode, _first_offline(folder), FINISH_S)
    except Exception as error:  # W&B raises whatever its own parts raise; none of it is worth more than a line
        _say(f"W&B does not take the run ({type(error).__name__}: {error}); next try in {RETRY_S:g} s")
        return None
    _say(f"W&B: {mode}, run {folder.run_id} {feed.url or server_url()}")
    return feed


def _first_offline(folder: RunFolder) -> int:
    """The first line that no offline files hold yet: those of all attempts together are the run, without doubles."""
    return int((read_json(_offline(folder)) or {}).get("next", 0))


def _note(folder: RunFolder, mode: Mode, number: int) -> None:
    if mode == "offline":
        write_aside(_offline(folder), json.dumps({"next": number}) + "\n")


def _offline(folder: RunFolder) -> Path:
    return folder.wandb / "offline.json"


def _heard(timeout_s: float) -> str | None:
    """The word of the trainer, "" if it is gone without one; None if it goes on."""
    ready, _, _ = select.select([sys.stdin], [], [], timeout_s)
    return sys.stdin.readline().strip() if ready else None


def _say(words: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), words, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
