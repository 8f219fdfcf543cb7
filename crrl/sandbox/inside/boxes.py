"""The walls around one job, by level: a fresh folder before it, what its process gives up, and the cleaning after it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any, Protocol

from . import kernel, landlock, seccomp, sweep

_SLACK = 32  # processes of the same user that start or end meanwhile
_OWN_INODES = 4  # the folder itself, and those the mount brings
WORK = "work"
PLACE = "/box"
"""Where a job's folder is mounted behind walls: not at /tmp, below which this very interpreter may lie."""


class Box(Protocol):
    folder: str
    """Where the job starts; there between `open` and `close`."""
    descriptor: int
    """What `enter` needs open; -1: nothing."""

    def open(self, folder_mb: int, folder_files: int) -> None: ...

    def most_processes(self, wanted: int) -> int:
        """The limit that lets a job have `wanted`."""

    def enter(self) -> None:
        """In the job's process: give up what a job must not have."""

    def close(self) -> None: ...


class NamespaceBox:
    """Inside bubblewrap: this server is the first process of the pid namespace, and holds CAP_SYS_ADMIN for its mounts."""

    folder = f"{PLACE}/{WORK}"
    descriptor = -1

    def __init__(self) -> None:
        if os.getpid() != 1:
            raise RuntimeError("the fork server is not the first process of its namespace")
        # Neither /proc/1 nor a signal: jobs have this server's user id.
        kernel.set_dumpable(False)
        with contextlib.suppress(OSError):  # before Linux 5.8 the option belongs to the namespace
            kernel.mount(b"proc", b"/proc", kernel.MS_REMOUNT, b"hidepid=2")
        self._filter = kernel.load_filter(seccomp.render_filter(seccomp.IN_NAMESPACES))

    def open(self, folder_mb: int, folder_files: int) -> None:
        options = f"size={folder_mb}m,nr_inodes={folder_files + _OWN_INODES},mode=0755"
        kernel.mount(b"tmpfs", PLACE.encode(), kernel.MS_NOSUID | kernel.MS_NODEV, options.encode())
        os.mkdir(f"{PLACE}/shm")
        os.mkdir(self.folder)

    def most_processes(self, wanted: int) -> int:
        return wanted + 1  # counted per user namespace: this server and the job

    def enter(self) -> None:
        kernel.drop_capabilities()
        kernel.forbid_new_privileges()
        kernel.set_dumpable(True)
        self._filter()

    def close(self) -> None:
        kernel.unmount(PLACE.encode())


class _FolderBox:
    """A folder on the disk; whatever a job made beside its own folder is removed too."""

    descriptor = -1

    def __init__(self, base: str) -> None:
        self._base = base
        self.folder = os.path.join(base, WORK)
        os.environ.update(HOME=self.folder, TMPDIR=self.folder)

    def open(self, folder_mb: int, folder_files: int) -> None:
        os.mkdir(self.folder)

    def most_processes(self, wanted: int) -> int:
        return sweep.processes_of_user() + wanted + _SLACK

    def close(self) -> None:
        for entry in os.listdir(self._base):
            remove(os.path.join(self._base, entry))


class LandlockBox(_FolderBox):
    def __init__(self, base: str, read: list[str], devices: list[str]) -> None:
        super().__init__(base)
        sweep.adopt()
        self.descriptor = landlock.build_ruleset(read, [base], devices)
        self._filter = None
        if landlock.abi() >= landlock.SCOPING_ABI:
            self._filter = kernel.load_filter(seccomp.render_filter(seccomp.UNDER_LANDLOCK))

    def enter(self) -> None:
        kernel.forbid_new_privileges()
        landlock.restrict_self(self.descriptor)
        os.close(self.descriptor)
        (self._filter or self._filter_of_this_process())()

    @staticmethod
    def _filter_of_this_process() -> Callable[[], None]:
        return kernel.load_filter(
            seccomp.render_filter((*seccomp.UNDER_LANDLOCK, *seccomp.own_signals_only(os.getpid())))
        )


class PlainBox(_FolderBox):
    def __init__(self, base: str) -> None:
        super().__init__(base)
        sweep.adopt()

    def enter(self) -> None:
        kernel.forbid_new_privileges()


def build_box(settings: dict[str, Any]) -> Box:
    if settings["level"] == "namespaces":
        return NamespaceBox()
    if settings["level"] == "landlock":
        return LandlockBox(settings["folder"], settings["read"], settings["devices"])
    return PlainBox(settings["folder"])


def remove(path: str) -> None:
    """Remove what a program left, even folders it made unreadable or nested deeper than Python can walk."""
    try:
        _remove(path)
    except (OSError, RecursionError):
        for tool in (["/bin/chmod", "-R", "u+rwx"], ["/bin/rm", "-rf"]):
            os.waitpid(os.posix_spawn(tool[0], [*tool, "--", path], {}), 0)


def _remove(path: str) -> None:
    # shutil and subprocess would do; but they load threads and archives, which every fork of this process pays for.
    if not os.path.isdir(path) or os.path.islink(path):
        os.unlink(path)
        return
    for entry in os.listdir(path):
        _remove(os.path.join(path, entry))
    os.rmdir(path)
