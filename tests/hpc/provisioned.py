"""What the scripts of provision/ have made of this machine, as they say it."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PROVISION = Path(__file__).with_name("provision")


def root() -> Path:
    """Where provision.sh keeps what it makes."""
    return Path(_said_by("-c", '. ./where.sh; echo "$HPC_ROOT"'))


def user() -> str:
    """The name of the ordinary user."""
    return _said_by("-c", '. ./where.sh; echo "$HPC_USER"')


def checkout() -> Path:
    """A copy of this checkout, as its files are now, owned by the user; made if it has changed."""
    return Path(_said_by("checkout.sh"))


def image() -> Path:
    """The CPU image of that checkout; built if its contents have changed (CRRL_HPC_IMAGE=FILE takes another as it is)."""
    return Path(_said_by("image.sh"))


def _said_by(*script: str) -> str:
    """The last line of what a script of provision/ prints; its messages are the error's, if it fails."""
    done = subprocess.run(["sh", *script], cwd=_PROVISION, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(script)} failed:\n{done.stderr[-8000:]}"
    return done.stdout.strip().splitlines()[-1]
