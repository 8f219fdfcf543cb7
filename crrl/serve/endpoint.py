"""Where a server of a run listens, told through a file: its supervisor writes it, the trainer reads it.

A server that is started again writes it anew, with another `boot`: so a reader knows that adapters must be loaded again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from crrl.errors import RunError
from crrl.report.attempt_folder import listed
from crrl.report.run_folder import write_aside


@dataclass(frozen=True)
class Endpoint:
    """One server: its name in the run, its address, the file of its token, which start of it this is, what it loaded."""

    name: str
    url: str
    token_file: str
    boot: int
    model: str = ""

    def write(self, path: Path) -> None:
        """Publish it: written aside, renamed."""
        write_aside(path, json.dumps(asdict(self)) + "\n")

    @property
    def token(self) -> str:
        """The token itself. Raises RunError if its file cannot be read."""
        try:
            return Path(self.token_file).read_text()
        except OSError as error:
            raise RunError(f"cannot read the token of server {self.name}: {error}") from error


def read_endpoint(path: Path) -> Endpoint | None:
    """What a supervisor published; None before it did. Raises RunError for a damaged file."""
    try:
        return Endpoint(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def read_endpoints(folder: Path) -> list[Endpoint]:
    """All that are published in a folder, by name."""
    found = (read_endpoint(path) for path in listed(folder) if path.suffix == ".json" and path.name[0] != ".")
    return [endpoint for endpoint in found if endpoint]
