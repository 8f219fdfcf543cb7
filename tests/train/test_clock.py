"""The clock of a step: every second in one phase, whatever is nested, threaded or cut."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crrl.train.clock import PHASES, Measured, StepClock, metrics_of


class Time:
    """A time that passes when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_inner_phase_interrupts_the_outer_one() -> None:
    time = Time()
    clock = StepClock(time)
    with clock.phase("wait"):
        time.now += 1
        with clock.phase("reward"):
            time.now += 10
        time.now += 2
    time.now += 5
    assert clock.take().seconds == {"wait": 3, "reward": 10, "other": 5, "all": 18}


Program = st.recursive(
    st.floats(0, 9), lambda inner: st.tuples(st.sampled_from(PHASES), st.lists(inner, max_size=4)), max_leaves=12
)


@given(program=st.lists(st.one_of(Program, st.just("take")), max_size=8))
def test_the_phases_of_one_thread_and_the_rest_are_all_the_time(program: list[object]) -> None:
    time = Time()
    clock = StepClock(time)
    taken: list[Measured] = []

    def run(part: object) -> None:
        if part == "take":
            taken.append(clock.take())
        elif isinstance(part, tuple):
            with clock.phase(part[0]):
                for inner in part[1]:
                    run(inner)
        else:
            assert isinstance(part, float)
            time.now += part

    for part in program:
        run(part)
    taken.append(clock.take())
    assert sum(one.seconds["all"] for one in taken) == pytest.approx(time.now)
    for one in taken:
        parts = sum(value for name, value in one.seconds.items() if name != "all")
        assert parts == pytest.approx(one.seconds["all"])


def test_a_phase_that_goes_on_is_cut_where_it_is_taken() -> None:
    time = Time()
    clock = StepClock(time)
    with clock.phase("train"):
        time.now += 1
        assert clock.take().seconds == {"train": 1, "other": 0, "all": 1}
        time.now += 2
    assert clock.take().seconds == {"train": 2, "other": 0, "all": 2}


def test_a_phase_of_several_threads_counts_once_and_other_is_the_trainer_s_own() -> None:
    time = Time()
    clock = StepClock(time)
    entered, leave = threading.Barrier(3), threading.Event()

    def generate() -> None:
        with clock.phase("generate"):
            entered.wait()
            leave.wait()

    threads = [threading.Thread(target=generate) for _ in range(2)]
    for thread in threads:
        thread.start()
    entered.wait()
    with clock.phase("train"):
        time.now += 4
    time.now += 1
    leave.set()
    for thread in threads:
        thread.join()
    assert clock.take().seconds == {"generate": 5, "train": 4, "other": 1, "all": 5}


def test_a_phase_ends_with_an_error_too() -> None:
    time = Time()
    clock = StepClock(time)
    with pytest.raises(OSError), clock.phase("sync"):
        time.now += 1
        raise OSError
    time.now += 1
    assert clock.take().seconds == {"sync": 1, "other": 1, "all": 2}


def test_an_unknown_phase_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown phase 'training'; known are generate, reward, train"):
        StepClock().phase("training").__enter__()  # type: ignore[arg-type]


def test_counts_are_summed_seconds_and_notes_averaged_over_ranks_and_tokens_go_by_their_phase() -> None:
    time = Time()
    ranks = []
    for tokens, drift in ((300, [1.0]), (500, [2.0, 6.0])):
        clock = StepClock(time)
        with clock.phase("train"):
            time.now += 4
            clock.count_tokens("trainer", tokens)
        clock.count("sync/bytes", 10)
        for value in drift:
            clock.note("sync/drift", value)
        ranks.append(clock.take())
    metrics = metrics_of(ranks)
    assert metrics["tokens_per_s/trainer_train"] == 200
    assert (metrics["time/train_s"], metrics["time/generate_s"], metrics["time/all_s"]) == (4, 0, 4)
    assert (metrics["sync/bytes"], metrics["sync/drift"]) == (20, 3)


def test_what_was_taken_is_not_taken_again() -> None:
    clock = StepClock(Time())
    clock.count("sync/bytes", 10)
    clock.note("staleness", 1)
    clock.take()
    assert metrics_of([clock.take()]) == {f"time/{name}_s": 0 for name in (*PHASES, "other", "all")}
