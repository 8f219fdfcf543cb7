"""metrics.jsonl across attempts: a resumed run goes on as if it had never stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The entries of a metrics file; a last line that a killed process left half written is no entry."""
    if not path.is_file():
        return []
    entries = []
    for line in path.read_bytes().splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


def keep_until(path: Path, stage: str, step: int) -> None:
    """Forget what was measured after a checkpoint: those steps are taken again.

    Entries of earlier stages stay; those of `stage` up to `step` stay.
    """
    kept = []
    for entry in read_metrics(path):
        if entry["stage"] == stage and entry["step"] > step:
            break
        kept.append(json.dumps(entry) + "\n")
    aside = path.with_suffix(".aside")
    aside.write_text("".join(kept))
    aside.replace(path)
