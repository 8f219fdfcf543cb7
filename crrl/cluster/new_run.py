"""The name of a new run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from secrets import token_hex

from crrl.config import RunConfig
from crrl.report.run_folder import RunFolder


def new_folder(config: RunConfig) -> RunFolder:
    """A folder for a new run, not made yet. Ids sort by time, and two of one second differ."""
    run_id = f"{datetime.now():%Y%m%d-%H%M%S}-{config.size}-{config.task}-{token_hex(2)}"
    return RunFolder(Path(config.cluster.runs) / run_id)
