"""Messages between our process and the fork server: a header of JSON, then blobs of announced length.

Both ends know the largest message they take; our process takes nothing longer, whatever the other end says.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

_HEAD = struct.Struct("<II")
MAX_HEADER = 16 << 20
"""Bytes of a header: a command may hold a program."""


class WireError(Exception):
    """The other end is gone, or says what makes no sense."""


def send(channel: socket.socket, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    text = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    channel.sendall(b"".join((_HEAD.pack(len(text), sum(map(len, blobs))), text, *blobs)))


def receive(channel: socket.socket, most_bytes: int) -> tuple[dict[str, Any], list[bytes]]:
    """The next message, of at most `most_bytes` of blobs. Raises WireError, and TimeoutError if the channel has one."""
    size, total = _HEAD.unpack(_exactly(channel, _HEAD.size))
    if size > MAX_HEADER or total > most_bytes:
        raise WireError(f"a message of {size} + {total} bytes, at most {MAX_HEADER} + {most_bytes} are taken")
    try:
        header = json.loads(_exactly(channel, size))
        lengths = [int(length) for length in header.pop("blobs")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"a header that makes no sense: {error}") from error
    if sum(lengths) != total or min(lengths, default=0) < 0:
        raise WireError("blobs whose lengths do not add up")
    body = memoryview(_exactly(channel, total))
    ends = [sum(lengths[: place + 1]) for place in range(len(lengths))]
    return header, [bytes(body[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = channel.recv_into(view)
        if not got:
            raise WireError("the other end is gone")
        view = view[got:]
    return bytes(data)
