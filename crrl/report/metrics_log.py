"""metrics.jsonl across attempts: a resumed run goes on as if it had never stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HELDOUT = "heldout"
"""The stage that evaluations are noted under."""


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
    """Forget what was measured after a checkpoint of a stage: those steps are taken again.

    Entries of earlier stages stay; those of `stage`, and of held-out evaluations in it, stay up to `step`.
    """
    kept = []
    for entry in read_metrics(path):
        if entry["stage"] in (stage, HELDOUT) and entry["step"] > step:
            break
        kept.append(json.dumps(entry) + "\n")
    aside = path.with_suffix(".aside")
    aside.write_text("".join(kept))
    aside.replace(path)
