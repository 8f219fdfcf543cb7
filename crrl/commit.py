"""Which commit of crrl this process runs: the checkout's, or that of the image it is in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import crrl

LABEL = "crrl.commit"
"""The image's label that says it."""
_LABELS = Path("/.singularity.d/labels.json")


def code_commit() -> str:
    """The commit, with `+` (in an image, `-dirty`) if the code was changed since; empty where nothing tells."""
    root = Path(crrl.__file__).parents[1]
    return _checkout(root) if (root / ".git").exists() else _image()


def _checkout(root: Path) -> str:
    try:
        head, changes = (
            subprocess.run(
                ["git", "-C", str(root), *command], capture_output=True, text=True, timeout=10, check=True
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return head + ("+" if changes else "")


def _image() -> str:
    try:
        return str(json.loads(_LABELS.read_text())[LABEL])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
