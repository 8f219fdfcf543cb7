"""Small real inputs: rows, files of rows, git repositories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any


def pair(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A before/after row; rows of different numbers share no content and no file."""
    row = {
        "repo": "acme/tool",
        "commit": f"{number:040x}",
        "subject": f"Fix the sign of {number}",
        "before": {f"src/a{number}.py": f"def f(x):\n    return x - {number}\n"},
        "after": {f"src/a{number}.py": f"def f(x):\n    return x + {number}\n"},
    }
    return {**row, **changes}


def task(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A task row of kind repair."""
    row = {
        "task_id": f"t{number}",
        "kind": "repair",
        "prompt": [{"role": "user", "content": f"Fix {number}"}],
        "files": [{"path": "a.py", "text": f"x = {number}\n"}],
        "reference": [{"path": "a.py", "text": f"x = -{number} - 1\n"}],
        "tests": {"files": [], "command": [], "timeout_s": 0.0},
        "label": "",
        "source": "made by hand",
    }
    return {**row, **changes}


def judged(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A task row of kind classify."""
    files = [{"path": "a.c", "text": f"int a[{number}];\n"}]
    return task(number, **{"kind": "classify", "files": files, "reference": [], "label": "CWE-787", **changes})


def write_rows(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Repository:
    """A git repository in a folder, whose commits have fixed authors and dates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{what}": "a@b.invalid" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        when = {
            "GIT_AUTHOR_DATE": "2024-05-06T07:08:09+00:00",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            env={**os.environ, **who, **when},
        )
        return done.stdout.decode().strip()

    def commit(self, subject: str, files: dict[str, str | bytes | None]) -> str:
        """Write (or, for None, delete) files and commit them; returns the commit's SHA."""
        for path, content in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                target.unlink()
            else:
                target.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def partial_clone(self, folder: Path) -> Repository:
        """A bare clone without the files of any commit."""
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("clone", "-q", "--bare", "--filter=blob:none", f"file://{self.folder}", str(folder))
        return Repository.at(folder)

    @classmethod
    def at(cls, folder: Path) -> Repository:
        """The repository that lies in a folder."""
        found = cls.__new__(cls)
        found.folder = folder
        return found
