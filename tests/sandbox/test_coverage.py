"""What is said about the levels is what the code knows, and is said in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.errors import SandboxError
from crrl.sandbox import bubblewrap, levels, require
from crrl.sandbox.coverage import describe, render_table

ROOT = Path(__file__).resolve().parents[2]


def test_the_document_has_the_table() -> None:
    assert "\n".join(render_table()) in (ROOT / "docs" / "sandbox.md").read_text()


def test_namespaces_are_in_force_where_the_tests_run() -> None:
    """Not skipped: a machine without them must not pass."""
    best, lines = describe()
    assert best == "namespaces", lines
    assert lines[0] == "sandbox level in force: namespaces"


def test_a_machine_without_bubblewrap_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "find", lambda: None)
    levels._missing.cache_clear()
    try:
        with pytest.raises(SandboxError, match=r"bubblewrap is not installed; apt-get install bubblewrap$"):
            require("namespaces")
    finally:
        levels._missing.cache_clear()


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SandboxError, match="namespaces, landlock, limits"):
        require("jail")  # type: ignore[arg-type]
