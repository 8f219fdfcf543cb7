"""`crrl sync RUN`: what W&B has not got of a run, sent from a machine with a network; repeated, it sends nothing twice."""

from __future__ import annotations

import argparse
from typing import Any

from crrl.config import RunConfig, read_config
from crrl.errors import RunError
from crrl.report.attempt_folder import read_json
from crrl.report.run_folder import RunFolder
from crrl.tracking.entries import count_entries
from crrl.tracking.feed import Feed, only_one
from crrl.tracking.mode import has_key, is_reachable, server_url

FINISH_S = 600.0
"""How long the upload may take once everything is handed to W&B's client."""


def add_sync_command(commands: Any) -> None:
    """Add the command to argparse subparsers."""
    from crrl.cluster.commands import add_run_arguments, found_run

    parser = commands.add_parser("sync", help="send a run to W&B: what it has not got yet, all attempts as one run")
    add_run_arguments(parser)
    parser.add_argument(
        "--wait", type=float, default=FINISH_S, metavar="SECONDS", help="give up after (default: %(default)g)"
    )
    parser.set_defaults(run=lambda chosen: _sync(found_run(chosen), chosen))


def _sync(folder: RunFolder, chosen: argparse.Namespace) -> int:
    print(sync_run(folder, chosen.wait))
    return 0


def sync_run(folder: RunFolder, finish_s: float = FINISH_S) -> str:
    """Send what W&B has not got yet, and say what was done, in one line.

    Raises RunError without a key or a network, or if W&B did not take everything; the folder has it all then as before.
    """
    count, config = count_entries(folder.metrics), read_config(folder.config)
    if not count:
        return f"nothing to send: {folder.run_id} has measured nothing yet"
    _require_way()
    with only_one(folder) as is_only:
        if not is_only:
            raise RunError(
                f"{folder.run_id} is being sent to W&B by another process (its own, while it runs); wait for it"
            )
        return _send(config, folder, count, finish_s)


def _send(config: RunConfig, folder: RunFolder, count: int, finish_s: float) -> str:
    try:
        feed = Feed(config, folder, "online", finish_s=finish_s)
        had = feed.next
        feed.send_new()
        feed.close(_exit_code(folder))
        has_got = _asked_again(config, folder)
    except Exception as error:  # W&B raises whatever its own parts raise
        words = " ".join(str(error).split())[:200]
        raise RunError(
            f"W&B at {server_url()} did not take everything ({type(error).__name__}: {words}); nothing is lost: run it again"
        ) from error
    if has_got < feed.next:
        raise RunError(
            f"W&B at {server_url()} took {has_got} of {count} entries of {folder.run_id} and said nothing of the others; nothing "
            "is lost: run it again"
        )
    if feed.next == had:
        return f"nothing to send: W&B has all {count} entries of {folder.run_id}: {feed.url}"
    return f"sent {feed.next - had} of {count} entries of {folder.run_id} to W&B: {feed.url}"


def _asked_again(config: RunConfig, folder: RunFolder) -> int:
    """How many entries W&B has. Its client ends without a word when it is refused, so only this tells."""
    feed = Feed(config, folder, "online", finish_s=FINISH_S)
    feed.close(_exit_code(folder))
    return feed.next


def _require_way() -> None:
    if not has_key():
        raise RunError("there is no W&B key on this machine; run `wandb login`, or set WANDB_API_KEY")
    if not is_reachable():
        raise RunError(
            f"W&B at {server_url()} cannot be reached from here; use a machine with a network, as a login node"
        )


def _exit_code(folder: RunFolder) -> int:
    status = read_json(folder.status) or {}
    return int(status.get("state") == "failed")
