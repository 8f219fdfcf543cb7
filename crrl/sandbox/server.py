"""One fork server as our process sees it: started on demand, asked over a socket, replaced when it dies or makes no sense."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from crrl.errors import SandboxError
from crrl.sandbox import bubblewrap, view
from crrl.sandbox.inside import boxes, wire
from crrl.sandbox.outcome import REPORT_BYTES, Limits, Outcome, build_outcome

_START_S = 60.0
_GRACE_S = 15.0
"""How much later than a job's own end its server may answer: to end what the job left, and to clean up."""
_PLACE_INSIDE = "/run/crrl"
_BOOT = """\
import sys
seen = list(sys.modules)
sys.path.insert(0, sys.argv.pop(1))
from inside.hidden import Hidden
hidden = Hidden(seen)
import os
from inside.serve import main
main(hidden)
os._exit(0)
"""


class Server:
    """Raises SandboxError from every method when the server is broken; close it then.

    Without anything to load before, it starts quickly and serves for jobs that are run by a new interpreter.
    """

    def __init__(self, level: str, preload: Sequence[str], flags: Sequence[str] = ()) -> None:
        self._folder = "" if level == "namespaces" else os.path.realpath(tempfile.mkdtemp(prefix="crrl-"))
        ours, theirs = socket.socketpair()
        self._channel = ours
        self._log = os.memfd_create("crrl-server")
        self._first = 0
        try:
            self._process = self._start(level, theirs.fileno(), flags if preload else ["-I", "-S"])
            theirs.close()  # or we would wait for a server that ended at once
            ours.settimeout(_START_S)
            read = [*view.system_paths(), *view.settings_paths(), view.ALTERNATIVES, *view.interpreter_paths()]
            settings = {"level": level, "preload": list(preload), "folder": self._folder}
            wire.send(ours, {**settings, "read": read, "devices": list(view.DEVICES)})
            self._receive(0)
        except (wire.WireError, OSError) as error:
            self.close()
            raise SandboxError(f"the sandbox's fork server did not start: {error}; {self._said()}") from error
        except SandboxError:
            self.close()
            raise
        finally:
            theirs.close()

    def _start(self, level: str, channel: int, flags: Sequence[str]) -> subprocess.Popen[bytes]:
        streams: dict[str, Any] = {"stdin": channel, "stdout": subprocess.DEVNULL, "stderr": self._log}
        if level == "namespaces":
            command = [sys.executable, *flags, "-c", _BOOT, _PLACE_INSIDE]
            with contextlib.ExitStack() as opened:
                settings, options = bubblewrap.open_settings(opened)
                options += ["--as-pid-1", "--dir", boxes.PLACE, "--dir", _PLACE_INSIDE, "--chdir", "/"]
                options += ["--ro-bind", str(view.INSIDE), f"{_PLACE_INSIDE}/inside"]
                line = bubblewrap.command_line(options, command, keeps=("CAP_SYS_ADMIN",))
                process, self._first = bubblewrap.start(line, pass_fds=settings, **streams)
            return process
        command = [sys.executable, *flags, "-c", _BOOT, str(view.INSIDE.parent)]
        return subprocess.Popen(command, env=view.environment(self._folder), cwd="/", start_new_session=True, **streams)

    @property
    def pid(self) -> int:
        """The server's number as this process sees it."""
        return self._first or self._process.pid

    def run(
        self,
        command: Sequence[str],
        is_python: bool,
        tree: dict[str, bytes],
        limits: Limits,
        stdin: bytes,
        *,
        fresh: bool,
    ) -> Outcome:
        """Run `command` (its program is a path, or left out for this interpreter). `fresh`: by a new interpreter."""
        started = time.monotonic()
        header = {"command": list(command), "python": is_python, "fresh": fresh, "paths": list(tree)}
        header |= {"limits": limits.as_request(), "wall_s": limits.wall_s}
        self._channel.settimeout(limits.wall_s + _GRACE_S)
        try:
            wire.send(self._channel, header, [stdin, *tree.values()])
            answer, blobs = self._receive(8 * limits.output_chars + REPORT_BYTES)
            status = answer["status"]
            code = None if status is None else os.waitstatus_to_exitcode(int(status))
            out, err, report = blobs
        except (wire.WireError, OSError, ValueError, KeyError, TypeError) as error:
            raise SandboxError(f"the sandbox's fork server failed: {error}; {self._said()}") from error
        return build_outcome(str(answer.get("how")), code, (out, err, report), limits, time.monotonic() - started)

    def _receive(self, most_bytes: int) -> tuple[dict[str, Any], list[bytes]]:
        answer, blobs = wire.receive(self._channel, most_bytes)
        if "broken" in answer:
            raise SandboxError(f"the sandbox's walls could not be built: {answer['broken']}")
        return answer, blobs

    def _said(self) -> str:
        text = os.pread(self._log, 1 << 16, 0).decode("utf-8", "replace").strip() if self._log >= 0 else ""
        return text.splitlines()[-1] if text else "it said nothing"

    def close(self) -> None:
        """End the server and everything in it. It ends by itself when its socket closes; it is killed if it does not."""
        self._channel.close()
        process = getattr(self, "_process", None)
        if process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
            if process.returncode is None:
                self._kill(process)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        # The first process of the namespace takes everything else along.
        for pid in (self._first, process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if pid:
                    os.kill(pid, 9)
        process.wait()

    def forget(self) -> None:
        """In a fork of our process: the server is the parent's, and only our copies of its descriptors go."""
        self._channel.close()

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._log)
