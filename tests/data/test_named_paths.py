"""Paths in a run's data settings mean the same from every folder, in mixtures and options too."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.data.named_paths import absolute_options, absolute_source, local_paths


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_of_sources_are_made_absolute_and_names_of_the_hub_are_not(here: Path) -> None:
    for source, absolute in (
        ("fixes.jsonl", f"{here}/fixes.jsonl"),
        ("commits:../x", f"commits:{here.parent}/x"),
        ("commits:gone", f"commits:{here}/gone"),
        ("stack:code", f"stack:{here}/code"),
        ("stack:./gone", f"stack:{here}/gone"),
        ("stack:bigcode/the-stack-smol", "stack:bigcode/the-stack-smol"),
        ("toy", "toy"),
        (
            "mutations:0.5,commits:x:0.3,primevul-repair:code:0.2",
            f"mutations:0.5,commits:{here}/x:0.3,primevul-repair:{here}/code:0.2",
        ),
    ):
        assert absolute_source(source) == absolute
        assert absolute_source(absolute) == absolute


def test_paths_of_options_are_made_absolute(here: Path) -> None:
    given = {"path": "code", "swe.clones": "./clones", "files": "code", "primevul.path": "ASSERT-KTH/PrimeVul"}
    made = absolute_options(given)
    assert made == {**given, "path": f"{here}/code", "swe.clones": f"{here}/clones"}


def test_every_local_path_is_shown_to_the_image_once(here: Path) -> None:
    assert local_paths("toy", {}) == []
    assert local_paths("/a/b.jsonl", {}) == ["/a/b.jsonl"]
    assert local_paths("swe", {"path": "SWE-Gym/SWE-Gym", "clones": "/c"}) == ["/c"]
    assert local_paths("commits:/a:0.5,mutations:/b:0.3,/c.jsonl:0.2", {"path": "/a"}) == ["/a", "/b", "/c.jsonl"]
