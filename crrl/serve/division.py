"""Over how many GPUs vLLM can divide one copy of a model: its attention heads must come out even."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Heads(NamedTuple):
    """The attention heads of a model."""

    own: int
    shared: int
    """Those of keys and values."""

    def can_be_divided(self, parts: int) -> bool:
        """As vLLM does it: where there are fewer heads of keys and values than parts, they are copied, but evenly."""
        return self.own % parts == 0 and (self.shared % parts == 0 or parts % self.shared == 0)

    def most_parts(self, gpus: int) -> int:
        """The most GPUs for one copy, where copies of the same size share all of `gpus`."""
        return max(parts for parts in range(1, gpus + 1) if gpus % parts == 0 and self.can_be_divided(parts))


def heads_of(folder: Path) -> Heads | None:
    """As `heads_in`, of a model's config.json; None if that cannot be read."""
    try:
        return heads_in(json.loads((folder / "config.json").read_text()))
    except (OSError, ValueError, AttributeError):
        return None


def heads_in(settings: Mapping[str, Any]) -> Heads | None:
    """What a model's settings say; None if they say nothing of it."""
    values = settings.get("text_config") or settings
    try:
        own = int(values["num_attention_heads"])
        return Heads(own, int(values.get("num_key_value_heads") or own))
    except (KeyError, AttributeError, TypeError, ValueError):
        return None
