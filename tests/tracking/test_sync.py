"""`crrl sync`: everything, once, however often; and one line where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crrl import cli
from crrl.report.run_folder import RunFolder
from crrl.tracking import feed
from crrl.tracking.feed import only_one
from tests.tracking.wandb_server import WandbServer

Measure = Callable[..., None]


@pytest.fixture
def sync(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command and returns its exit code and its one line."""

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(["sync", str(folder.path), *words])
        printed = capsys.readouterr()
        (line,) = (printed.out + printed.err).splitlines()
        return code, line

    return run


Sync = Callable[..., tuple[int, str]]


def steps_at(server: WandbServer) -> list[int]:
    return [line["step"] for line in server.runs["r1"].lines()]


def test_what_is_new_is_sent_and_nothing_twice(
    folder: RunFolder, measure: Measure, server: WandbServer, sync: Sync
) -> None:
    measure(range(1, 4))
    code, said = sync()
    assert (code, said.partition(": ")[0]) == (0, "sent 3 of 3 entries of r1 to W&B")
    code, said = sync()
    assert (code, said.partition(": ")[2].partition(": ")[0]) == (0, "W&B has all 3 entries of r1")
    measure(range(4, 6))
    code, said = sync()
    assert (code, said.partition(": ")[0]) == (0, "sent 2 of 5 entries of r1 to W&B")
    assert steps_at(server) == [1, 2, 3, 4, 5]
    assert list(server.runs) == ["r1"]


def test_a_run_that_has_measured_nothing_has_nothing_to_send(server: WandbServer, sync: Sync) -> None:
    assert sync() == (0, "nothing to send: r1 has measured nothing yet")
    assert server.requests == 0


def test_without_a_key_the_line_says_how_to_get_one(
    measure: Measure, server: WandbServer, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(range(1, 2))
    monkeypatch.delenv("WANDB_API_KEY")
    code, said = sync()
    assert (code, said) == (2, "error: there is no W&B key on this machine; run `wandb login`, or set WANDB_API_KEY")


def test_without_a_network_the_line_says_where_to_go(
    measure: Measure, server: WandbServer, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(range(1, 2))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    code, said = sync()
    assert code == 2
    assert said == (
        "error: W&B at http://127.0.0.1:1 cannot be reached from here; use a machine with a network, as a login node"
    )


def test_a_run_that_is_being_sent_is_left_alone(
    folder: RunFolder, measure: Measure, server: WandbServer, sync: Sync
) -> None:
    measure(range(1, 2))
    with only_one(folder):
        code, said = sync()
    assert code == 2
    assert "is being sent to W&B by another process" in said


def test_a_server_that_is_broken_is_one_line_and_the_next_time_sends_everything(
    measure: Measure, server: WandbServer, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(range(1, 4))
    monkeypatch.setattr(feed, "INIT_TIMEOUT_S", 1.0)
    server.fault = "broken"
    code, said = sync()
    assert code == 2
    assert said.startswith(f"error: W&B at {server.url} did not take everything (")
    assert said.endswith("nothing is lost: run it again")
    server.fault = ""
    code, said = sync()
    assert code == 0, said
    assert steps_at(server) == [1, 2, 3]


def test_kept_completions_go_along_as_a_table(
    folder: RunFolder, measure: Measure, server: WandbServer, sync: Sync
) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    folder.completions.mkdir()
    row = {
        "prompt": [{"role": "user", "content": "repair it"}],
        "completion": [{"role": "assistant", "content": "x" * 20_000}],
        "task_id": "t1",
        "thought": "",
        "patch": "+1",
        "tests": 0.5,
        "advantage": 1.0,
    }
    pq.write_table(pa.Table.from_pylist([row] * 40), folder.completions / "step-000002.parquet")
    measure(range(1, 4))
    code, said = sync()
    assert code == 0, said
    lines = server.runs["r1"].lines()
    assert "completions" not in lines[0]
    table = lines[1]["completions"]
    assert (table["_type"], table["nrows"], table["ncols"]) == ("table-file", 16, 7)
    kept = server.runs["r1"].files[table["path"]]
    assert b"12000 characters" in kept
    assert b"repair it" in kept


def test_an_unknown_run_is_answered_with_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sync", "none", "--runs", str(tmp_path)]) == 2
    assert "there is no run 'none'" in capsys.readouterr().err


def test_lines_that_are_refused_are_not_said_to_be_sent(measure: Measure, server: WandbServer, sync: Sync) -> None:
    measure(range(1, 4))
    server.fault = "forbidding"
    code, said = sync("--wait", "5")
    assert (code, said.partition(" took ")[2]) == (
        2,
        "0 of 3 entries of r1 and said nothing of the others; nothing is lost: run it again",
    )
