"""W&B never asks and never waits: without a key or a network it is offline."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from crrl.tracking.mode import tracking_mode


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_no_key_means_offline() -> None:
    assert tracking_mode("auto") == "offline"


def test_a_key_without_a_server_that_answers_means_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    assert tracking_mode("auto") == "offline"


def test_a_key_and_a_server_that_answers_mean_online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password " + "k" * 40 + "\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert tracking_mode("auto") == "online"


@pytest.mark.parametrize("mode", ["online", "offline", "off"])
def test_what_is_asked_for_is_taken(mode: str) -> None:
    assert tracking_mode(mode) == mode


def test_the_environment_may_ask_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert tracking_mode("auto") == "off"
