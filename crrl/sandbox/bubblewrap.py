"""The walls of the level `namespaces`: one command line of bubblewrap, for a single program or for a fork server.

An ordinary user keeps his id, seen as 1000 inside. For root that would not do: limits on processes do not bind him, and
/proc/sys is his even inside. So root maps two ids, lets bubblewrap work as the first, and goes on as the second.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from crrl.errors import SandboxError
from crrl.sandbox import view
from crrl.sandbox.inside import boxes

WORK = f"{boxes.PLACE}/{boxes.WORK}"
_INSIDE_ID = 1000
_NOBODY = 65534
INSTALL = "apt-get install bubblewrap"


@functools.lru_cache(maxsize=1)
def find() -> str | None:
    return shutil.which("bwrap", path=f"{os.environ.get('PATH', '')}:{view.SEARCH_PATH}")


def is_root() -> bool:
    return os.geteuid() == 0


@functools.lru_cache(maxsize=4)
def _walls(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    """Everything but the folder and the command."""
    mounts: list[str] = []
    for path in view.system_paths():
        # /bin and its like are links on most systems, and stay links.
        mounts += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind", path, path]
    places = [path for path in (view.ALTERNATIVES, *view.interpreter_paths()) if os.path.isdir(path)]
    for folder in folders_above([*places, *view.DEVICES, "/etc/passwd"]):
        mounts += ["--dir", folder]
    for path in places:
        mounts += ["--ro-bind", path, path]
    for path in view.DEVICES:
        mounts += ["--dev-bind", path, path]
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1")):
        mounts += ["--symlink", target, f"/dev/{name}"]
    mounts += ["--symlink", "/proc/self/fd/2", "/dev/stderr", "--symlink", f"{boxes.PLACE}/shm", "/dev/shm"]
    if not any(path.startswith("/tmp/") for path in places):
        mounts += ["--symlink", boxes.PLACE, "/tmp"]
    setting = [f for name, value in view.environment(WORK).items() for f in ("--setenv", name, value)]
    given = [f for name in capabilities for f in ("--cap-add", name)]
    ids = ["--uid", "0", "--gid", "0"] if is_root() else ["--uid", str(_INSIDE_ID), "--gid", str(_INSIDE_ID)]
    spaces = ["--unshare-all", "--unshare-user", "--hostname", "sandbox", "--new-session", "--cap-drop", "ALL"]
    return (str(find()), *spaces, *ids, *given, *mounts, "--proc", "/proc", "--clearenv", *setting)


def open_settings(opened: contextlib.ExitStack) -> tuple[list[int], list[str]]:
    """Descriptors, and options that put what they hold below /etc. Copied, because a mount costs more than a small file."""
    descriptors, options = [], []
    for path in (*view.settings_paths(), *view.stand_ins()):
        descriptor = os.open(path, os.O_RDONLY)
        opened.callback(os.close, descriptor)
        descriptors.append(descriptor)
        options += ["--perms", "0644", "--file", str(descriptor), f"/etc/{os.path.basename(path)}"]
    return descriptors, options


def command_line(
    options: Sequence[str],
    command: Sequence[str],
    *,
    keeps: Sequence[str] = (),
    prepare: str = "",
    arguments: Sequence[str] = (),
) -> list[str]:
    """bubblewrap's arguments for `command`, which keeps the capabilities `keeps`.

    `prepare`: shell text that runs before, in the folder, with `arguments` as $1 …, which it must shift away.
    """
    switch = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_CHOWN") if is_root() else ()
    inner = [*(become_nobody(keeps) if is_root() else []), *command]
    shell = ["/bin/sh", "-c", f'{prepare}; exec "$@"', "sh", *arguments] if prepare else []
    return [*_walls((*keeps, *switch)), *options, "--remount-ro", "/", "--", *shell, *inner]


def give_away(folder: str) -> str:
    """Shell text that makes a folder the program's: what root's bubblewrap wrote is root's."""
    return f"chown -R {_INSIDE_ID}:{_INSIDE_ID} {folder}; " if is_root() else ""


def folders_above(paths: Sequence[str]) -> list[str]:
    """Every folder that leads to one of the paths, outer ones first. bubblewrap by itself would make them unreadable."""
    found = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    return sorted(found - {"/", "."})


def become_nobody(keeps: Sequence[str]) -> list[str]:
    kept = "".join(f",+{name.removeprefix('CAP_').lower()}" for name in keeps)
    sets = [f"--inh-caps=-all{kept}", f"--ambient-caps=-all{kept}", f"--bounding-set=-all{kept}"]
    return ["/usr/bin/setpriv", f"--reuid={_INSIDE_ID}", f"--regid={_INSIDE_ID}", "--clear-groups", *sets, "--"]


def start(arguments: list[str], **streams: Any) -> tuple[subprocess.Popen[bytes], int]:
    """Start bubblewrap; returns its process, and the number that the namespace's first process has outside.

    Raises:
        SandboxError: it could not make the namespaces; the message is its own.
    """
    told, tell = os.pipe()
    go, let_go = os.pipe()
    try:
        pass_fds = [*streams.pop("pass_fds", ()), tell, *([go] if is_root() else [])]
        block = ["--userns-block-fd", str(go)] if is_root() else []
        line = [arguments[0], "--info-fd", str(tell), *block, *arguments[1:]]
        process = subprocess.Popen(line, pass_fds=pass_fds, env={}, cwd="/", **streams)
        os.close(tell)
        tell = -1
        try:
            first = _child_pid(told)
            if is_root():
                _map_ids(first)
                os.write(let_go, b"1")
        except (OSError, ValueError) as error:
            process.kill()
            process.wait()
            raise SandboxError(f"bubblewrap made no namespaces ({error})") from error
    finally:
        for descriptor in (told, tell, go, let_go):
            if descriptor >= 0:
                os.close(descriptor)
    return process, first


def _child_pid(told: int) -> int:
    text = b""
    while not text.rstrip().endswith(b"}"):
        more = os.read(told, 4096)
        if not more:
            raise ValueError("it ended at once")
        text += more
    return int(json.loads(text)["child-pid"])


def _map_ids(pid: int) -> None:
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text(f"0 0 1\n{_INSIDE_ID} {_NOBODY} 1\n")
