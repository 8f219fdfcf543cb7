"""Whether W&B is on, and whether it can be reached: asked of nobody but this machine and its network."""

from __future__ import annotations

import netrc
import os
import socket
import urllib.request
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

Mode = Literal["online", "offline", "off"]

DEFAULT_URL = "https://api.wandb.ai"
CONNECT_TIMEOUT_S = 5.0


def tracking_mode(asked: str) -> Mode:
    """What `tracking.wandb` means here. `auto`: online with a key and a network, else offline. Cost: up to five seconds."""
    said = os.environ.get("WANDB_MODE", "")
    if asked == "off" or (asked == "auto" and said == "disabled"):
        return "off"
    if asked == "offline" or (asked == "auto" and said == "offline"):
        return "offline"
    return "online" if asked == "online" or (has_key() and is_reachable()) else "offline"


def server_url() -> str:
    """The address of W&B, or of the server that is used in its place."""
    return os.environ.get("WANDB_BASE_URL") or DEFAULT_URL


def has_key() -> bool:
    """Whether there is a key: WANDB_API_KEY, or what `wandb login` left in ~/.netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return path.is_file() and netrc.netrc(str(path)).authenticators(_place(server_url())[0]) is not None
    except (netrc.NetrcParseError, OSError):
        return False


def is_reachable() -> bool:
    """Whether the server, or the proxy on the way to it, takes a connection."""
    host, port = _place(server_url())
    proxy = urllib.request.getproxies().get(urlparse(server_url()).scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        host, port = _place(proxy if "://" in proxy else f"http://{proxy}")
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False


def _place(address: str) -> tuple[str, int]:
    url = urlparse(address)
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
