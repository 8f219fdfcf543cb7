"""Each engine of a server must get on with its own work; one that has none must answer."""

from __future__ import annotations

from crrl.serve.client import Engine
from crrl.serve.pulse import Pulse


def feel(looks: list[tuple[bool, dict[str, Engine]]]) -> tuple[str, float]:
    """The longest silence after looks of a second each."""
    pulse = Pulse(0.0)
    for now, (gives, engines) in enumerate(looks, 1):
        pulse.feel(now, gives, engines)
    return pulse.longest_silence(len(looks))


def test_an_engine_with_work_that_makes_nothing_is_named_though_others_answer() -> None:
    looks = [(True, {"0": Engine(step, 2), "1": Engine(7, 1), "2": Engine(0, 0)}) for step in range(5)]
    assert feel(looks) == ("1", 5.0)


def test_an_engine_that_waits_for_work_is_well_as_long_as_the_server_answers() -> None:
    assert feel([(True, {"0": Engine(step, 2), "1": Engine(7, 0)}) for step in range(5)])[1] <= 1.0
    assert feel([(False, {"0": Engine(step, 2), "1": Engine(7, 0)}) for step in range(5)]) == ("1", 5.0)


def test_engines_full_of_others_work_are_well_though_the_completion_waits() -> None:
    _, silence = feel([(False, {"0": Engine(step, 256), "1": Engine(2 * step, 256)}) for step in range(5)])
    assert silence == 0.0


def test_a_server_that_tells_nothing_of_its_engines_is_known_by_its_completions() -> None:
    assert feel([(True, {})] * 5) == ("", 0.0)
    assert feel([(False, {})] * 5) == ("", 5.0)
    assert feel([(True, {})] * 3 + [(False, {})] * 2) == ("", 2.0)


def test_what_is_not_told_for_a_while_is_no_silence_of_an_engine_that_worked() -> None:
    told = [(True, {"0": Engine(step, 1), "1": Engine(step, 1)}) for step in range(3)]
    assert feel([*told, (True, {}), (True, {})])[1] == 0.0
    assert feel([*told, (False, {}), (False, {})])[1] == 2.0
    assert feel([(True, {})] * 3 + [(True, {"0": Engine(5, 1)})]) == ("0", 1.0)


def test_a_rest_begins_the_count_anew() -> None:
    pulse = Pulse(0.0)
    assert not pulse.feel(1.0, False, {"0": Engine(1, 1), "1": Engine(1, 1)})
    pulse.rest(5.0)
    assert pulse.longest_silence(6.0)[1] == 1.0
    assert pulse.feel(6.0, False, {"0": Engine(2, 1), "1": Engine(2, 1)})
