"""Results of tests are remembered on disk, those of this test run only there; what takes longest runs first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crrl.rewards import judging
from crrl.rewards.kept_results import KeptResults

_LONGEST = ("test_resume.py", "test_attacks.py", "test_launch.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that no worker waits for the other one at the end."""
    items.sort(key=lambda item: _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _results_of_this_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("results")
    judging.install(judging.Judge(judging.Settings(), results=KeptResults(place)))
    yield place
