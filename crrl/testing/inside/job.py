"""Reads the job from standard input, and leaves nothing of ours where the answer's code could look."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from crrl.testing.inside.origin import ORIGINALS, ROOT, UNCHANGED


def read_job() -> dict[str, Any]:
    """The job, after which standard input is empty."""
    chunks = []
    while chunk := os.read(0, 1 << 20):
        chunks.append(chunk)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    job: dict[str, Any] = json.loads(b"".join(chunks))
    for path in job["unchanged"]:
        with open(ROOT + path, "rb") as stream:
            UNCHANGED[ROOT + path] = stream.read()
    ORIGINALS.update(job["originals"])
    return job


def hide_main() -> None:
    """Leave nothing of ours under the name `__main__`."""
    sys.modules["__main__"] = type(sys)("__main__")
