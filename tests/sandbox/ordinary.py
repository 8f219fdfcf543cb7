"""Where there are no namespaces: an ordinary user who cannot make any, as in an image on a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from crrl.sandbox import bubblewrap, view

ROOT = Path(__file__).resolve().parents[2]
_USER = 1000


def run_without_namespaces(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` in the project's folder, as a user who is not root and for whom bubblewrap fails."""
    places = [*view.interpreter_paths(), str(ROOT)]
    hide = [word for path in ("/root", "/home", "/work") if os.path.isdir(path) for word in ("--tmpfs", path)]
    show = [word for path in bubblewrap.folders_above(places) for word in ("--dir", path)]
    show += [word for path in places for word in ("--ro-bind", path, path)]
    ids = ["--uid", "0", "--gid", "0"] if bubblewrap.is_root() else ["--uid", str(_USER), "--gid", str(_USER)]
    caps = [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    line = [
        str(bubblewrap.find()),
        "--unshare-user",
        "--unshare-pid",
        "--cap-drop",
        "ALL",
        *ids,
        *caps,
        "--ro-bind",
        "/",
        "/",
    ]
    # A checkout may lie below /tmp, so that is made anew before anything is shown in it.
    line += [
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
        *hide,
        *show,
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--chdir",
        str(ROOT),
    ]
    line += ["--setenv", "PATH", view.SEARCH_PATH, "--setenv", "HOME", "/tmp", "--"]
    line += (
        [*bubblewrap.become_nobody(()), sys.executable, "-B", *arguments]
        if bubblewrap.is_root()
        else [sys.executable, "-B", *arguments]
    )
    with tempfile.TemporaryFile("w+") as out:
        process, _ = bubblewrap.start(line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        process.wait()
        out.seek(0)
        return subprocess.CompletedProcess(arguments, process.returncode, out.read())
