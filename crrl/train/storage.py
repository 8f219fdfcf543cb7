"""A disk that is full, told in one line, whichever library stumbled over it."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from crrl.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS = ("no space left on device", "disk quota exceeded", "file too large", "file write failed", "enforce fail")
"""What torch and safetensors say, whose exceptions carry no number."""


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raises StorageError if the disk cannot take what is written into `folder`, which is then removed."""
    try:
        yield
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # where checkpoints are written aside; not if anything else is in it
        if _is_full(error):
            raise StorageError(
                f"the disk is full: {folder.name} cannot be written to {folder.parent.parent}; the checkpoints before it are "
                "whole; make room there, then resume the run"
            ) from error
        raise


def _is_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(words in str(error).lower() for words in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
