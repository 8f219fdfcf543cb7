"""The progress line says where a run stands."""

from __future__ import annotations

import pytest

from crrl.train.progress import Progress, clock


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3723, "1:02:03")])
def test_clock_shows_hours_only_where_there_are_any(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_line_shows_step_reward_pass_rate_and_time_left() -> None:
    progress = Progress("grpo", steps=300, first_step=100, started=0.0)
    line = progress.line(200, {"reward": 0.612, "rewards/tests/mean": 0.58, "loss": 0.1}, now=50.0)
    assert line == "grpo        step 200/300  reward 0.61  pass rate 0.58  time left 0:50"


def test_a_stage_without_rewards_shows_its_loss() -> None:
    line = Progress("sft", 10, 0, 0.0).line(5, {"loss": 0.25}, now=5.0)
    assert line == "sft         step 5/10  loss 0.250  time left 0:05"


def test_the_first_step_promises_nothing_also_after_a_resume() -> None:
    assert Progress("sft", 10, 0, 0.0).line(1, {"loss": 0.25}, now=5.0) == "sft         step 1/10  loss 0.250"
    assert "time left" not in Progress("sft", 10, 4, 0.0).line(5, {"loss": 0.25}, now=5.0)


def test_lines_are_seconds_apart_but_the_last_step_is_always_shown(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("grpo", 3, 0, 0.0)
    for step in (1, 2, 3):
        progress.show(step, {"reward": 0.0})
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == ["1/3", "3/3"]
