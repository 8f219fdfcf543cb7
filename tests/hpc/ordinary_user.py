"""Commands as the ordinary user of the test machine: what researchers are on a cluster, and root is not."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Done = subprocess.CompletedProcess[str]


class OrdinaryUser:
    """`run` starts a command as this user, with an environment of its own: nothing of root's leaks into it."""

    def __init__(self, name: str, env: Mapping[str, str] | None = None) -> None:
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid, self.home = name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir)
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": entry.pw_dir,
            "USER": name,
            "LANG": "C.UTF-8",
            **(env or {}),
        }

    def run(
        self, *command: str | Path, check: bool = True, env: Mapping[str, str] | None = None, **options: Any
    ) -> Done:
        """The ended command, its stdout and stderr as text; `env` is added. An AssertionError with both, if it failed."""
        settings: dict[str, Any] = {"cwd": self.home, "stdin": subprocess.DEVNULL, "timeout": 900, **options}
        who: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o022}
        words = [str(part) for part in command]
        done = subprocess.run(words, env={**self.env, **(env or {})}, capture_output=True, text=True, **who, **settings)
        if check and done.returncode:
            said = f"{done.stdout[-6000:]}\n{done.stderr[-8000:]}"
            raise AssertionError(f"{' '.join(words)[:400]} ended with {done.returncode}:\n{said}")
        return done

    def make_folder(self, path: Path) -> Path:
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, self.uid, self.gid)
        return path
