"""Whether an image can be started on this kind of machine, from its first bytes: apptainer is not asked."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_MAGIC_AT, _MAGIC = 32, b"SIF_MAGIC\0"
_ARCHITECTURE_AT = 45  # two digits after the magic (10 bytes) and the version (3), as in the SIF format's global header
_ARCHITECTURES = {"02": "x86_64", "04": "aarch64", "06": "ppc64le", "12": "riscv64"}


def image_problem(image: str) -> str | None:
    """Why an image cannot be used, and what to do; None if nothing is known to be wrong."""
    path = Path(image)
    if (path / ".singularity.d").is_dir():  # an image as a folder, as `apptainer build --sandbox` makes
        return None
    if not path.is_file():
        return f"there is no image {image}; build it with ./build_container.sh, or name one with --image"
    if not os.access(path, os.R_OK):
        return f"the image {image} cannot be read by you; ask its owner, or build one with ./build_container.sh"
    with path.open("rb") as stream:
        head = stream.read(64)
    if head[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC:
        return f"{image} is no Apptainer image; build one with ./build_container.sh, or name another with --image"
    made_for = _ARCHITECTURES.get(head[_ARCHITECTURE_AT : _ARCHITECTURE_AT + 2].decode("ascii", "replace"))
    if made_for and made_for != platform.machine():
        return (
            f"the image {image} is for {made_for}, and this machine is {platform.machine()}; build it on one like this"
        )
    return None
