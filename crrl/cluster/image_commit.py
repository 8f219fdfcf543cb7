"""Whether the image holds the same crrl as this checkout: what runs is the image's."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence

from crrl.cluster.apptainer import NO_IMAGE, ROOT
from crrl.config import ClusterConfig

LABEL = "crrl.commit"
_TIMEOUT_S = 10.0


def commit_note(cluster: ClusterConfig) -> str | None:
    """What differs, and what to do; None if nothing does, or if there is no telling. Cost: 0.1 s, a command each."""
    if cluster.image == NO_IMAGE or cluster.code == "checkout":
        return None
    found = re.search(rf"{re.escape(LABEL)}: (\w+)", _said([cluster.container, "inspect", "--labels", cluster.image]))
    here = _said(["git", "-C", str(ROOT), "rev-parse", "HEAD"]).strip()
    if not found or not here:
        return None
    if found[1] != here:
        return (
            f"the image holds crrl of commit {found[1][:12]}, this checkout is at {here[:12]}; the run uses the image's: build "
            "it again, or use --cluster.code checkout"
        )
    if _said(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"]).strip():
        return "this checkout has changes that the image has not, and the run uses the image's; or use --cluster.code checkout"
    return None


def _said(command: Sequence[str]) -> str:
    if not shutil.which(command[0]):
        return ""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
