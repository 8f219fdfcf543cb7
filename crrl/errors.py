"""Every error this project raises on purpose.

A `CrrlError` is somebody's mistake (a model's, a user's, bad data) and carries one line that says what was given,
what was possible and what to do. Command lines print that line without a traceback; anything else is our bug.
"""

from __future__ import annotations


class CrrlError(Exception):
    """Base of all errors raised on purpose. `exit_code`: of a trainer that it ends (crrl.cluster.ending)."""

    exit_code = 2


class PatchParseError(CrrlError):
    """A text is no well-formed patch. `line` is 1-based; 0 when no single line is to blame."""

    def __init__(self, message: str, *, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


class PatchApplyError(CrrlError):
    """A well-formed patch does not fit its files. `edit` is the 0-based index of the edit (-1: no single one)."""

    def __init__(self, message: str, *, edit: int = -1, reason: str = "") -> None:
        super().__init__(message)
        self.edit = edit
        self.reason = reason or message


class DataError(CrrlError):
    """Bad data: a row that must not become a task. Never scored, always stops the build (or is counted)."""


class ConfigError(CrrlError):
    """A run that was asked for cannot work: unknown name, impossible number, wrong combination."""


class SandboxError(CrrlError):
    """The sandbox itself is broken or missing: our fault, never the judged program's."""


class RunError(CrrlError):
    """A run's folder is missing, damaged, or in a state that does not allow what was asked."""


class StorageError(RunError):
    """A disk cannot take what a run writes: it is full, or a quota is used up."""

    exit_code = 74


class DriftError(CrrlError):
    """Servers generate from other weights than the trainer trains: what they give must not be learned from."""

    exit_code = 1


def words_of_refusal(error: PermissionError) -> str:
    """A line for what the system does not let its user see or change: a file in a colleague's closed folder is no bug of ours."""
    return f"{error.filename or error}: you have no permission; ask its owner for it, or name another place"
