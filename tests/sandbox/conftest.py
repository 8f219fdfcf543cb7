"""The ways to run a program at the level of namespaces: cold, and by a worker that is warm."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from crrl.sandbox import Outcome, Workers, run

Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    with Workers(1, level="namespaces") as made:
        yield made


@pytest.fixture(params=["cold", "warm"])
def runs(request: pytest.FixtureRequest, workers: Workers) -> Run:
    return run if request.param == "cold" else workers.run
