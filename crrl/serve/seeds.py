"""What servers draw by, so that nothing is drawn twice: seeds that follow from the run's own."""

from __future__ import annotations

import hashlib


def seed_of_group(seed: int, batch: int, group: int) -> int:
    """Of one group: 63 bits, as vLLM takes them, the last 16 of them 0, as it draws completion number n with the seed plus n."""
    return (_number(f"{seed} {batch} {group}") >> 17) << 16


def seed_of_start(seed: int, attempt: int, boot: int) -> int:
    """Of one start of a server, 31 bits: where groups have no seeds of their own, it must not draw what one before drew."""
    return _number(f"{seed} {attempt} {boot}") >> 33


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
