"""Who may talk to the server: whoever holds the attempt's token, and nobody else, on every endpoint.

vLLM's own `--api-key` guards a few prefixes; its health, metrics, tokenizer and development endpoints answer anybody who
reaches the port, and other users' jobs do. This middleware stands before all of them, for HTTP and for websockets.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

TOKEN_FILE = "CRRL_SERVER_TOKEN_FILE"
"""The environment variable that tells the server where its token lies; the token itself is never in one."""
MAX_BODY_BYTES = 64 << 20
"""Of one request: a thousand prompts of 8,192 token ids take 64 MB as JSON."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def write_token(path: Path) -> None:
    """Put a new random token into a file that only its owner can read, written aside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_urlsafe(32))
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)


class TokenRequired:
    """ASGI middleware: a request without the token is answered 401 before its body is read; one too large, 413."""

    def __init__(self, app: App) -> None:
        # No default: a server that cannot find its token must not start.
        token = Path(os.environ[TOKEN_FILE]).read_text()
        if len(token) < 32:
            raise ValueError(f"{os.environ[TOKEN_FILE]} holds no token")
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not self._is_allowed(scope):
            await _refuse(scope, receive, send, 401, b'{"error": "a token is needed"}')
        elif scope["type"] == "http" and _length(scope) > MAX_BODY_BYTES:
            await _refuse(scope, receive, send, 413, b'{"error": "the body is too large"}')
        else:
            await self._app(scope, _limited(receive), send)

    def _is_allowed(self, scope: Message) -> bool:
        given = [value for name, value in scope.get("headers", ()) if name.lower() == b"authorization"]
        # All of them, and in constant time: neither a second header nor the time of an answer tells anything.
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)


def _length(scope: Message) -> int:
    """The length that a request announces; -1 if it sends its body in chunks."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length":
            return int(value) if value.isdigit() else MAX_BODY_BYTES + 1
    return -1


def _limited(receive: Receive) -> Receive:
    """A body in chunks is cut off where an announced one would have been refused: the client is gone, it says."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= MAX_BODY_BYTES else {"type": "http.disconnect"}

    return receive_some


async def _refuse(scope: Message, receive: Receive, send: Send, status: int, body: bytes) -> None:
    if scope["type"] == "websocket":
        await receive()  # the protocol wants the request to be taken before it is refused
        await send({"type": "websocket.close", "code": 1008, "reason": "a token is needed"})
        return
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
