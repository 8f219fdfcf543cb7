"""Training is told apart from W&B: the real client in its process, against a server that works, and against broken ones."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crrl.config import read_config
from crrl.report.run_folder import RunFolder
from crrl.train import tracking
from crrl.train.interrupt import Stopped
from crrl.train.ranks import ALONE, Ranks
from tests.tracking.wandb_server import WandbServer

Measure = Callable[..., None]
LIMIT_S = 45.0


@pytest.fixture(autouse=True)
def _a_busy_machine_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATIENCE_S", "PATIENCE_OF_FAILURE_S"):
        monkeypatch.setattr(tracking, name, LIMIT_S)


@contextmanager
def training(folder: RunFolder) -> Iterator[None]:
    with tracking.tracked(read_config(folder.config), folder, ALONE):
        yield


def steps_at(server: WandbServer) -> list[int]:
    return [line["step"] for line in server.runs["r1"].lines()]


def test_what_is_measured_is_at_w_and_b_under_the_run_s_id(
    folder: RunFolder, measure: Measure, server: WandbServer
) -> None:
    with training(folder):
        measure(range(1, 4))
        folder.append_metrics(3, {"stage": "heldout", "heldout/tests": 0.5})
    run = server.runs["r1"]
    assert [(line["_step"], line["step"]) for line in run.lines()] == [(0, 1), (1, 2), (2, 3), (3, 3)]
    assert [line.get("reward") for line in run.lines()] == [0.1, 0.2, 0.3, None]
    assert run.lines()[3]["heldout/tests"] == 0.5
    assert run.config["grpo"]["value"]["steps"] == read_config(folder.config).grpo.steps
    assert run.exit_codes == [0]


def test_a_second_attempt_joins_the_run_and_a_step_that_is_taken_again_is_there_once(
    folder: RunFolder, measure: Measure, server: WandbServer
) -> None:
    with pytest.raises(ZeroDivisionError), training(folder):
        measure(range(1, 6))
        raise ZeroDivisionError
    kept = folder.metrics.read_text().splitlines(keepends=True)[:3]  # as a resumed run does, back to its checkpoint
    folder.metrics.with_suffix(".aside").write_text("".join(kept))
    folder.metrics.with_suffix(".aside").replace(folder.metrics)
    with training(folder):
        measure(range(4, 9))
    assert steps_at(server) == list(range(1, 9))
    assert list(server.runs) == ["r1"]
    assert server.runs["r1"].exit_codes == [1, 0]


def test_a_run_that_was_asked_to_stop_has_not_failed(folder: RunFolder, measure: Measure, server: WandbServer) -> None:
    with pytest.raises(Stopped), training(folder):
        measure(range(1, 2))
        raise Stopped
    assert server.runs["r1"].exit_codes == [0]


def test_only_the_first_rank_tells(folder: RunFolder, server: WandbServer) -> None:
    with tracking.tracked(read_config(folder.config), folder, Ranks(1, 2)):
        pass
    assert not folder.wandb.exists()


@pytest.mark.parametrize("fault", ["silent", "broken"])
def test_a_server_that_does_not_work_keeps_no_step_waiting_and_ends_nothing(
    fault: str,
    folder: RunFolder,
    measure: Measure,
    server: WandbServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.5)
    server.fault = fault  # type: ignore[assignment]
    with training(folder):
        assert server.asked.wait(LIMIT_S)  # the client is at it, and gets no answer that helps
        measure(range(1, 6))
    assert server.runs == {}
    assert capsys.readouterr().out.endswith(
        f"W&B has not got everything; send the rest with: crrl sync {folder.path}\n"
    )
    wait_for(lambda: processes_of(folder) == [])


def test_a_server_that_breaks_on_the_way_loses_nothing(
    folder: RunFolder, measure: Measure, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.5)
    with training(folder):
        measure(range(1, 3))
        wait_for(lambda: "r1" in server.runs)
        server.fault = "broken"
        measure(range(3, 6))
    server.fault = ""
    monkeypatch.setattr(tracking, "PATIENCE_S", LIMIT_S)
    with training(folder):
        measure(range(6, 7))
    assert steps_at(server) == list(range(1, 7))


def test_without_a_key_or_a_server_that_takes_connections_it_is_offline(
    folder: RunFolder, measure: Measure, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    with training(folder):
        measure(range(1, 4))
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    with training(folder):
        measure(range(4, 6))
    assert server.requests == 0
    assert len(list(folder.wandb.glob("offline-run-*/run-r1.wandb"))) == 2
    assert json.loads((folder.wandb / "offline.json").read_text()) == {"next": 5}


def test_w_and_b_that_is_off_starts_nothing(
    folder: RunFolder, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with training(folder):
        wait_for(lambda: processes_of(folder) == [])
    assert not folder.wandb.exists()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes_of(folder: RunFolder) -> list[str]:
    """What still runs for a run's W&B, its client's own service included: it works in the folder, or was started for it."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (place / "cmdline").read_bytes()
            files = [str(link.readlink()) for link in (place / "fd").iterdir()]
            if str(folder.path).encode() in command or any(file.startswith(str(folder.wandb)) for file in files):
                found.append(command.decode())
    return [command for command in found if "pytest" not in command]
