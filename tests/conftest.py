"""Results of tests are remembered on disk; those of this test run only there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crrl.rewards import judging
from crrl.rewards.kept_results import KeptResults


@pytest.fixture(scope="session", autouse=True)
def _results_of_this_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("results")
    judging.install(judging.Judge(judging.Settings(), results=KeptResults(place)))
    yield place
