"""Weights & Biases, attached so that it can never stop or question a run."""

from __future__ import annotations

import netrc
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from crrl.config import RunConfig, as_dict
from crrl.report.run_folder import RunFolder

DEFAULT_URL = "https://api.wandb.ai"
CONNECT_TIMEOUT_S = 5.0


def start_tracking(config: RunConfig, folder: RunFolder) -> bool:
    """Open, or open again, the run's W&B run; its id is the run's own, so all attempts are one run.

    Returns whether it is on. `auto` is online with a key and a network, else offline: the files lie in the run's `wandb/`,
    and `wandb sync` sends them later. A W&B that fails is told in one line, and the run goes on without it.
    """
    mode = tracking_mode(config.tracking.wandb)
    if mode == "off":
        os.environ["WANDB_MODE"] = "disabled"
        return False
    # Set before the import: W&B reads them once. Without a network its error reports would only wait.
    os.environ |= {"WANDB_MODE": mode, "WANDB_SILENT": "true", "WANDB_CONSOLE": "off", "WANDB_DIR": str(folder.path)}
    if mode == "offline":
        os.environ["WANDB_ERROR_REPORTING"] = "false"
    folder.wandb.mkdir(parents=True, exist_ok=True)
    try:
        _open_run(config, folder)
    except Exception as error:  # W&B raises whatever its own parts raise; none of it is worth a training run
        print(f"W&B could not be opened ({type(error).__name__}: {error}); the run goes on without it", flush=True)
        os.environ["WANDB_MODE"] = "disabled"
        return False
    print(f"W&B: {mode}, run {folder.run_id}", flush=True)
    return True


def end_tracking(failed: bool = False) -> None:
    """Close the W&B run, if one is open."""
    import wandb

    if wandb.run is not None:
        wandb.finish(exit_code=int(failed))


def tracking_mode(asked: str) -> str:
    """online, offline or off: what `auto` means on this machine, without asking anybody."""
    if asked != "auto":
        return asked
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return "off" if os.environ["WANDB_MODE"] == "disabled" else "offline"
    url = urlparse(os.environ.get("WANDB_BASE_URL", DEFAULT_URL))
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    return "online" if _has_key(host) and _answers(host, port) else "offline"


def _has_key(host: str) -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return path.is_file() and netrc.netrc(str(path)).authenticators(host) is not None
    except (netrc.NetrcParseError, OSError):
        return False


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False


def _open_run(config: RunConfig, folder: RunFolder) -> None:
    import wandb

    resolved: dict[str, Any] = as_dict(config)
    wandb.init(
        project=config.tracking.project,
        entity=config.tracking.entity or None,
        name=config.tracking.name or folder.run_id,
        tags=list(config.tracking.tags),
        id=folder.run_id,
        resume="allow",
        config=resolved,
        dir=str(folder.path),
        settings=wandb.Settings(init_timeout=60, x_disable_stats=True),
    )
