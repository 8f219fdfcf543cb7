"""Data sets by name: found in the cache by revision, and taken only whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub.utils import filter_repo_objects

from crrl.data.hub import dataset_files, is_hub_name
from crrl.data.read_table import PATTERNS
from crrl.errors import DataError
from tests.data.rows import task, write_rows

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def snapshot(cache: Path, *refs: str, names: tuple[str, ...] = ("rows.jsonl",)) -> Path:
    """A data set in the cache as a download leaves it."""
    place = cache / "datasets--acme--rows"
    folder = place / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    for ref in refs:
        (place / "refs").mkdir(exist_ok=True)
        (place / "refs" / ref).write_text(COMMIT)
    for number, name in enumerate(names):
        write_rows(folder / name, [task(number)])
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_the_newest_is_found_by_its_name(cache: Path) -> None:
    folder = snapshot(cache, "main")
    assert dataset_files("acme/rows") == [folder / "rows.jsonl"]


@pytest.mark.parametrize("revision", ["v1.0", COMMIT])
def test_a_revision_is_found_behind_an_at(cache: Path, revision: str) -> None:
    folder = snapshot(cache, "v1.0")
    assert dataset_files(f"acme/rows@{revision}") == [folder / "rows.jsonl"]
    assert is_hub_name(f"acme/rows@{revision}")
    with pytest.raises(DataError, match=r"crrl data download acme/rows \(HF_HOME .* or NAME@REVISION"):
        dataset_files("acme/rows")
    with pytest.raises(DataError, match="crrl data download acme/rows --revision v2"):
        dataset_files("acme/rows@v2")


def test_a_set_that_lacks_some_of_its_numbered_parts_is_refused(cache: Path) -> None:
    names = ("train-00000-of-00003.jsonl", "test-00000-of-00001.jsonl")
    folder = snapshot(cache, "main", names=names)
    with pytest.raises(DataError, match=r"train-00001-of-00003.jsonl is missing .* \(2 missing in all\)"):
        dataset_files("acme/rows")
    assert dataset_files("acme/rows", "test") == [folder / names[1]]
    assert dataset_files(str(folder / names[0])) == [folder / names[0]]
    for number in (1, 2):
        write_rows(folder / f"train-0000{number}-of-00003.jsonl", [task(number)])
    assert len(dataset_files("acme/rows", "train")) == 3


def test_what_is_fetched_is_what_is_read() -> None:
    """The hub matches the whole path of a file with each pattern."""
    rows = ["a.jsonl", "b/c.jsonl.gz", "d.parquet", "data.json", "data/python/data.json"]
    others = ["README.md", "dataset_infos.json", "data/python/more-data.json", "data.jsonx"]
    assert list(filter_repo_objects([*rows, *others], allow_patterns=list(PATTERNS))) == rows
