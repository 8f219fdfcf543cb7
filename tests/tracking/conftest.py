"""Run's folders without training, and a W&B server on loopback for the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crrl.config import load_preset, to_yaml
from crrl.report.run_folder import RunFolder, write_aside
from tests.tracking.wandb_server import WandbServer


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run of the tiny preset that has measured nothing yet; W&B is `auto`."""
    folder = RunFolder(tmp_path / "runs" / "r1")
    write_aside(folder.config, to_yaml(load_preset("tiny")))
    folder.write_status("running", attempt=1)
    return folder


@pytest.fixture
def measure(folder: RunFolder) -> Callable[..., None]:
    """Adds lines to metrics.jsonl: steps of a stage."""

    def add(steps: range, stage: str = "grpo") -> None:
        for step in steps:
            folder.append_metrics(step, {"stage": stage, "reward": step / 10})

    return add


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[WandbServer]:
    """A server that works, with a key for it."""
    with WandbServer().running() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
        monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "0.2")  # W&B's own is 15 s
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        for name in ("WANDB_MODE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield server
