"""How a role's process is started."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from crrl.cluster.role_process import RoleProcess
from crrl.cluster.roles import Role
from crrl.report.run_folder import RunFolder

_SIGNALS_ITSELF = "for name in TERM INT USR1 USR2; do kill -$name $$; done; echo it lives"


def said_by(role: Role, tmp_path: Path) -> tuple[int, str]:
    """The exit code of a role's process, and its log."""
    log = tmp_path / "role.log"
    process = RoleProcess(role, RunFolder(tmp_path).attempt(1), "n1", log)
    end = time.monotonic() + 60
    while (ending := process.end({})) is None and time.monotonic() < end:
        time.sleep(0.02)
    assert ending is not None
    return ending.exit_code, log.read_text()


def test_what_asks_a_run_to_stop_kills_neither_a_launcher_nor_what_mounts_the_image(tmp_path: Path) -> None:
    code, said = said_by(Role("trainer", ["sh", "-c", _SIGNALS_ITSELF], is_shielded=True), tmp_path)
    assert (code, said) == (0, "it lives\n")


def test_our_own_process_keeps_its_signals_and_a_plain_role_too(tmp_path: Path) -> None:
    said_by(Role("trainer", ["true"], is_shielded=True), tmp_path)
    assert said_by(Role("trainer", ["sh", "-c", _SIGNALS_ITSELF]), tmp_path)[1] == ""


def test_a_shielded_trainer_hears_the_request_once_it_listens(tmp_path: Path) -> None:
    listen = (
        "import os, signal\nfrom crrl.train.interrupt import StopRequest\nos.kill(os.getpid(), signal.SIGTERM)\n"
        "stop = StopRequest(); print(bool(stop)); stop.listen(); print(stop.signal_name, bool(stop))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    role = Role("trainer", [sys.executable, "-c", listen], environment, is_shielded=True)
    assert said_by(role, tmp_path) == (0, "False\nSIGTERM True\n")


def test_a_request_that_comes_when_the_work_is_done_kills_nobody(tmp_path: Path) -> None:
    late = (
        "import os, signal, sys\nfrom crrl.train.interrupt import StopRequest\nstop = StopRequest(); stop.listen()\n"
        "class Last:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIGUSR2)\n"
        "stop.end(); sys.modules['last'] = Last()  # goes when the interpreter does\nprint('done', flush=True)"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    assert said_by(Role("trainer", [sys.executable, "-c", late], environment), tmp_path) == (0, "done\n")


def test_a_trainer_with_a_supervisor_outlives_one_request_that_comes_as_many_signals(tmp_path: Path) -> None:
    often = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom crrl.train.interrupt import StopRequest\n"
        "stop = StopRequest(Path('nowhere'), is_patient=True); stop.listen()\n"
        "for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT):\n"
        "    os.kill(os.getpid(), number)\nprint(stop.signal_name, bool(stop), flush=True)"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    role = Role("trainer", [sys.executable, "-c", often], environment, is_shielded=True)
    code, said = said_by(role, tmp_path)
    assert (code, said.split()[-1]) == (0, "True")
