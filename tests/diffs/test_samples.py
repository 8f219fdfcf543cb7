"""Completions such as models write, each with what the parser makes of it: `NAME.txt` and `NAME.json` in tests/samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crrl.diffs import parse_patch
from crrl.errors import PatchParseError

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.txt"))


def test_there_are_samples_and_each_has_its_expectation() -> None:
    assert len(NAMES) >= 15
    assert sorted(path.stem for path in SAMPLES.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_read_as_expected(name: str) -> None:
    text = (SAMPLES / f"{name}.txt").read_bytes().decode()
    expected: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    if error := expected.get("error"):
        with pytest.raises(PatchParseError) as caught:
            parse_patch(text, default_path=expected["default_path"])
        assert caught.value.line == error["line"]
        assert error["says"] in str(caught.value)
    else:
        patch = parse_patch(text, default_path=expected["default_path"])
        assert [[edit.path, edit.search, edit.replace] for edit in patch.edits] == expected["edits"]
        assert list(patch.deviations) == expected["deviations"]
