"""What two runs must have in common to be called the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TIMES = ("step_time", "gpu_hours", "time/", "tokens_per_s/")
"""How the names begin of what a clock measured, or follows from it."""


def measured_but_times(metrics: Path) -> list[dict[str, Any]]:
    """Every line of a metrics.jsonl, none if there is no file: what must be equal to the last bit."""
    lines = metrics.read_text().splitlines() if metrics.is_file() else []
    entries = [json.loads(line) for line in lines]
    return [{name: value for name, value in entry.items() if not name.startswith(TIMES)} for entry in entries]
