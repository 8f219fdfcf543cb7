"""The `tests` reward under trouble: what is remembered, what is late, what the sandbox cannot run, and how a run ends of it."""

from __future__ import annotations

import concurrent.futures
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crrl.diffs import Edit, Patch, render_patch
from crrl.errors import SandboxError
from crrl.rewards import HEAD_STARTS, REWARDS, judging
from crrl.rewards.judging import Judge, Settings, current_judge
from crrl.rewards.kept_results import ALL_BYTES, FILE_BYTES, KeptResults
from crrl.sandbox import Outcome, Workers
from crrl.schema import TaskRow
from tests.rewards.tasks import columns, task

TASK = task(
    "judged",
    {"f.py": "x = 0\n"},
    {"f.py": "x = 1\n"},
    {
        "files": [{"path": "t.txt", "text": ">>> from f import x\n>>> x\n1\n"}],
        "command": ["python", "-m", "doctest", "t.txt"],
        "timeout_s": 20.0,
    },
)


def answer(text: str) -> str:
    return render_patch(Patch((Edit("f.py", "x = 0\n", text),)))


class Scripted(Workers):
    """Real workers whose outcome is replaced by the next of a script, as long as there is one."""

    def __init__(self, *script: Outcome) -> None:
        super().__init__(2)
        self.script = list(script)
        self.runs = 0

    def run(self, *args: Any, **options: Any) -> Outcome:
        self.runs += 1
        return self.script.pop(0) if self.script else super().run(*args, **options)


class Held(Scripted):
    """Workers that begin nothing before they are let go."""

    def __init__(self, *script: Outcome) -> None:
        super().__init__(*script)
        self.go = threading.Event()

    def run(self, *args: Any, **options: Any) -> Outcome:
        self.go.wait()
        return super().run(*args, **options)


BROKEN = Outcome("unavailable", stderr="the walls fell down")
LATE = Outcome("timeout")
KILLED = Outcome("crashed", exit_code=-9)


@pytest.fixture(autouse=True)
def _the_judge_comes_back() -> Iterator[None]:
    before = judging.current_judge()
    yield
    judging.install(before)


def judge(place: Path, *script: Outcome, **settings: Any) -> Scripted:
    """Install a judge that keeps its results at `place`; its workers."""
    workers = Scripted(*script)
    install(place, workers, **settings)
    return workers


def held(place: Path, *script: Outcome, **settings: Any) -> Held:
    """The same with workers that are held."""
    workers = Held(*script)
    install(place, workers, **settings)
    return workers


def install(place: Path, runner: Workers, **settings: Any) -> None:
    judging.install(Judge(Settings(**settings), results=KeptResults(place), workers=runner))


def score(*texts: str, row: TaskRow = TASK, **more: Any) -> list[float | None]:
    return REWARDS["tests"]([answer(text) for text in texts], **columns(row, len(texts)), **more)


def within(timeout_s: float) -> TaskRow:
    """The task with another time limit."""
    return {**TASK, "tests": {**TASK["tests"], "timeout_s": timeout_s}}


def test_a_result_outlives_the_process_that_found_it(tmp_path: Path) -> None:
    with judge(tmp_path) as first:
        assert score("x = 1\n", "x = 2\n") == [1.0, 0.0]
        assert first.runs == 2
    with judge(tmp_path) as second:
        assert score("x = 1\n", "x = 2\n") == [1.0, 0.0]
        assert second.runs == 0


def test_a_result_is_of_its_tests_and_their_limits(tmp_path: Path) -> None:
    with judge(tmp_path) as workers:
        assert score("x = 1\n") == [1.0]
        for change in (
            {"timeout_s": 21.0},
            {"fail_to_pass": ["t.txt:2"]},
            {"command": [*TASK["tests"]["command"], "-v"]},
        ):
            row: Any = {**TASK, "tests": {**TASK["tests"], **change}}
            assert REWARDS["tests"]([answer("x = 1\n")], **columns(row)) == [1.0]
        assert workers.runs == 4


def test_a_timeout_is_asked_again_and_never_kept(tmp_path: Path) -> None:
    with judge(tmp_path, LATE):
        assert score("x = 1\n") == [0.0]
        assert score("x = 1\n") == [1.0]


def test_what_the_sandbox_cannot_run_is_tried_once_more(tmp_path: Path) -> None:
    with judge(tmp_path, BROKEN) as workers:
        assert score("x = 1\n") == [1.0]
        assert workers.runs == 2
    with judge(tmp_path / "b", BROKEN, BROKEN):
        assert score("x = 1\n") == [None]
        assert score("x = 1\n") == [1.0]  # it was not remembered


def test_a_run_that_was_killed_is_asked_once_more_and_not_kept(tmp_path: Path) -> None:
    with judge(tmp_path, KILLED):
        assert score("x = 1\n") == [1.0]
    with judge(tmp_path / "b", KILLED, KILLED):
        assert score("x = 1\n") == [0.0]
        assert score("x = 1\n") == [1.0]


def test_what_is_not_judged_by_the_deadline_is_none(tmp_path: Path) -> None:
    with held(tmp_path, deadline_s=0.01, workers=2) as workers:
        assert score("x = 1\n", "x = 2\n", row=within(0.01)) == [None, None]
        workers.go.set()


def test_a_deadline_leaves_time_for_every_program_to_use_all_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def wait(futures: Any, timeout: float) -> Any:
        given.append(timeout)
        workers.go.set()
        return concurrent.futures.wait(futures)

    monkeypatch.setattr(judging, "wait", wait)
    with held(tmp_path, *[LATE] * 5, deadline_s=3.0, workers=2) as workers:
        HEAD_STARTS["tests"]([answer(f"x = {number}\n") for number in (1, 2)], **columns(within(100.0), 2))
        assert score("x = 3\n", "x = 4\n", "x = 5\n", "x = 5\n", row=within(10.0)) == [0.0] * 4
        assert given == [pytest.approx(3 * judging.TRIES * 100.0 * 1.2, abs=60)]  # five programs, two at a time
    with held(tmp_path / "b", deadline_s=600.0, workers=2) as workers:
        assert score("x = 1\n", row=within(10.0)) == [1.0]
        assert given[1:] == [pytest.approx(600.0, abs=60)]


def test_endless_loops_are_judged_and_choose_no_none(tmp_path: Path) -> None:
    with judge(tmp_path, deadline_s=0.1, workers=1, max_unavailable_share=0.0):
        loops = [f"x = 1\nwhile {number}: pass\n" for number in range(1, 5)]
        assert score(*loops, row=within(1.0)) == [0.0] * 4


def test_a_run_ends_in_one_line_when_too_much_cannot_be_judged(tmp_path: Path) -> None:
    with judge(tmp_path, BROKEN, BROKEN, workers=1, max_unavailable_share=0.5):
        assert score("x = 1\n", "x = 2\n") == [None, 0.0]
    with judge(tmp_path / "b", BROKEN, BROKEN, workers=1, max_unavailable_share=0.25):
        with pytest.raises(SandboxError, match=r"1 of 2 answers could not be judged.*the walls fell down") as caught:
            score("x = 1\n", "x = 2\n")
        assert "\n" not in str(caught.value)


def test_what_a_step_took_is_told_to_trl(tmp_path: Path) -> None:
    told: dict[str, float] = {}
    with judge(tmp_path, LATE, workers=1):
        score("x = 1\n", "x = 2\n", "x = 2\n", log_metric=told.__setitem__)
        assert {name: told[name] for name in told if name != "tests/seconds"} == {
            "tests/judged": 2.0,
            "tests/cached": 0.0,
            "tests/timeouts": 1.0,
            "tests/unavailable": 0.0,
            "tests/late": 0.0,
        }
        score("x = 2\n", log_metric=told.__setitem__)
        assert (told["tests/judged"], told["tests/cached"]) == (0.0, 1.0)


def test_programs_that_were_begun_are_run_once_and_counted_when_they_are_asked_for(tmp_path: Path) -> None:
    told: dict[str, float] = {}
    with judge(tmp_path, LATE, workers=1) as workers:
        HEAD_STARTS["tests"]([answer("x = 1\n"), answer("x = 2\n"), "no"], **columns(TASK, 3))
        assert score("x = 1\n", "x = 2\n", "x = 3\n", log_metric=told.__setitem__) == [0.0, 0.0, 0.0]
        assert workers.runs == 3
        assert (told["tests/judged"], told["tests/cached"], told["tests/timeouts"]) == (3.0, 0.0, 1.0)
        HEAD_STARTS["tests"]([answer("x = 2\n")], **columns(TASK))
        assert score("x = 1\n", "x = 2\n") == [1.0, 0.0]  # the one that was late is not remembered
        assert workers.runs == 4


def test_a_head_start_waits_for_nothing(tmp_path: Path) -> None:
    with held(tmp_path, workers=1) as workers:
        HEAD_STARTS["tests"]([answer("x = 1\n")], **columns(TASK))
        assert current_judge()._under_way
        assert not workers.runs
        workers.go.set()
        assert score("x = 2\n") == [0.0]


def test_weaker_walls_than_are_accepted_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "missing", lambda level: "" if level == "limits" else f"no {level}")
    assert judging.best_level("limits") == "limits"
    with pytest.raises(SandboxError, match=r"apt-get install bubblewrap.*--sandbox.level limits"):
        judging.best_level("landlock")
    monkeypatch.setattr(judging, "missing", lambda level: "" if level == "landlock" else f"no {level}")
    assert judging.best_level("limits") == "landlock"
    with pytest.raises(SandboxError, match="namespaces: no namespaces"):
        judging.best_level("namespaces")


KEY = bytes(range(16))


def test_a_damaged_line_is_not_believed_and_the_others_are(tmp_path: Path) -> None:
    kept = KeptResults(tmp_path)
    for number in range(3):
        kept.put(bytes([number]) * 16, number / 4)
    (file,) = tmp_path.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[1].replace(b"0.25", b"1.0") + b"\x00garbage\n" + lines[2][:-5])
    again = KeptResults(tmp_path)
    assert [again.get(bytes([number]) * 16) for number in range(3)] == [0.0, None, None]


def test_the_oldest_results_go_when_all_together_are_too_large(tmp_path: Path) -> None:
    KeptResults(tmp_path).put(KEY, 1.0)
    (newest,) = tmp_path.iterdir()
    for number in range(ALL_BYTES // FILE_BYTES + 3):
        old = tmp_path / f"old-{number:02d}"
        old.write_bytes(b"x" * FILE_BYTES)
        os.utime(old, (number, number))
    KeptResults(tmp_path).put(bytes(16), 1.0)
    names = {path.name for path in tmp_path.iterdir()}
    assert newest.name in names
    assert "old-00" not in names
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= ALL_BYTES
    assert KeptResults(tmp_path).get(KEY) == 1.0


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    kept = KeptResults(place)
    kept.put(KEY, 0.5)
    assert kept.get(KEY) == 0.5
    assert KeptResults(place).get(KEY) is None
