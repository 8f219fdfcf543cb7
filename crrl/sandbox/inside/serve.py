"""The fork server: loads what programs commonly import, then forks one child for each job, one job at a time.

Started by `crrl.sandbox.server` with a socket as descriptor 0. It is trusted: it never runs, imports or parses anything of a
job's before the child is behind its walls.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys

from . import program, wire
from .boxes import Box, build_box
from .hidden import Hidden
from .job import JobError, Request, Shop

_MOST_BYTES = 1 << 30


def main(hidden: Hidden) -> None:
    channel = socket.socket(fileno=os.dup(0))
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    # As the first process of its namespace only signals with a handler reach it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    del sys.path[: 1 if sys.flags.isolated else 2]  # where we came from, and the current folder
    os.environ.pop("PWD", None)  # bubblewrap's
    settings, _ = wire.receive(channel, 0)
    try:
        box = build_box(settings)
        for name in settings["preload"]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    except Exception as error:
        wire.send(channel, {"broken": f"{type(error).__name__}: {error}"})
        return
    program.open_streams()
    hidden.hide(__name__.partition(".")[0])
    gc.collect()
    gc.freeze()
    wire.send(channel, {})
    with contextlib.suppress(wire.WireError):
        _answer_jobs(channel, box, hidden)


def _answer_jobs(channel: socket.socket, box: Box, hidden: Hidden) -> None:
    shop = Shop(box, hidden, channel.fileno())
    while True:
        request = Request(*wire.receive(channel, _MOST_BYTES))
        try:
            wire.send(channel, *shop.run(request))
        except (JobError, OSError, RuntimeError) as error:
            wire.send(channel, {"broken": f"{type(error).__name__}: {error}"})
            return
