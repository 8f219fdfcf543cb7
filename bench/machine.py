"""What every table of docs/benchmarks.md begins with: command, date, machine."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path


def heading() -> str:
    """Two lines: what was run and when, and where."""
    command = f"python -m bench.{Path(sys.argv[0]).stem} {' '.join(sys.argv[1:])}".rstrip()
    machine = f"{os.cpu_count()} × {_processor()}, Python {platform.python_version()}"
    return f"{command}\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
