"""Fixtures that every test of data uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.rows import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "project")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test reads or leaves anything in the user's cache."""
    monkeypatch.setenv("CRRL_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path / "cache"
