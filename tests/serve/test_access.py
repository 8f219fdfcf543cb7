"""The token that stands before every endpoint: what is let through, what is refused, and that nothing is read before."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crrl.serve import access
from crrl.serve.access import MAX_BODY_BYTES, TOKEN_FILE, TokenRequired, write_token

Message = MutableMapping[str, Any]


class Behind:
    """The application behind the middleware: reads the whole body and remembers that it was reached."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.body = 0
        self.was_cut = False

    async def __call__(self, scope: Message, receive: access.Receive, send: access.Send) -> None:
        self.reached.append(scope["type"])
        if scope["type"] == "http":
            more = True
            while more:
                message = await receive()
                self.was_cut = message["type"] == "http.disconnect"
                self.body += len(message.get("body", b""))
                more = message.get("more_body", False) and not self.was_cut
        await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "keys" / "token"
    write_token(path)
    monkeypatch.setenv(TOKEN_FILE, str(path))
    return path.read_text()


def ask(behind: Behind, scope: Message, chunks: tuple[bytes, ...] = (b"",)) -> tuple[list[Message], int]:
    """What is answered, and how many parts of the body were read."""
    sent: list[Message] = []
    parts = [
        {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
        for index, chunk in enumerate(chunks)
    ]
    left = list(parts)

    async def receive() -> Message:
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(TokenRequired(behind)(scope, receive, send))
    return sent, len(parts) - len(left)


def http(*headers: tuple[bytes, bytes], method: str = "POST", path: str = "/v1/completions") -> Message:
    return {"type": "http", "method": method, "path": path, "headers": list(headers)}


def bearer(token: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token}".encode()


def test_a_token_file_is_its_owners_alone_and_new_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_token(path)
    first = path.read_text()
    write_token(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(first) >= 43 and path.read_text() != first
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD", "DELETE"])
@pytest.mark.parametrize("path", ["/health", "/v1/completions", "/collective_rpc", "/", "//v1/models", "/nowhere"])
def test_without_the_token_nothing_is_reached(token: str, method: str, path: str) -> None:
    behind = Behind()
    sent, read = ask(behind, http(method=method, path=path), (b"x" * 1000,))
    assert (sent[0]["status"], behind.reached, read) == (401, [], 0)


def test_with_the_token_everything_is(token: str) -> None:
    behind = Behind()
    sent, _ = ask(behind, http(bearer(token)), (b"abc", b"de"))
    assert (sent[0]["status"], behind.reached, behind.body) == (200, ["http"], 5)


def test_no_other_header_is_the_token(token: str) -> None:
    middleware = TokenRequired(Behind())

    @given(st.binary(max_size=100))
    def is_refused(value: bytes) -> None:
        assert not middleware._is_allowed(http((b"authorization", value)))

    is_refused()


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda t: t + " ", lambda t: t[:-1], lambda t: t + "\0"])
def test_nearly_the_token_is_not_the_token(token: str, change: Any) -> None:
    behind = Behind()
    sent, _ = ask(behind, http(bearer(change(token))))
    assert (sent[0]["status"], behind.reached) == (401, [])


def test_a_second_authorization_is_refused(token: str) -> None:
    behind = Behind()
    sent, _ = ask(behind, http(bearer("wrong"), bearer(token)))
    assert (sent[0]["status"], behind.reached) == (401, [])


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1).encode(), b"-1", b"1e3", b"many"])
def test_a_body_announced_as_too_large_is_not_read(token: str, length: bytes) -> None:
    behind = Behind()
    sent, read = ask(behind, http(bearer(token), (b"content-length", length)), (b"x" * 1000,))
    assert (sent[0]["status"], behind.reached, read) == (413, [], 0)


def test_a_body_in_chunks_is_cut_off(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MAX_BODY_BYTES", 1000)
    behind = Behind()
    ask(behind, http(bearer(token)), (b"x" * 600,) * 5)
    assert behind.was_cut and behind.body == 600


def test_a_websocket_without_the_token_is_closed(token: str) -> None:
    behind = Behind()
    sent, _ = ask(behind, {"type": "websocket", "path": "/v1/realtime", "headers": []})
    assert (sent[0]["type"], sent[0]["code"], behind.reached) == ("websocket.close", 1008, [])


def test_the_servers_own_start_and_end_pass(token: str) -> None:
    behind = Behind()
    ask(behind, {"type": "lifespan"})
    assert behind.reached == ["lifespan"]


def test_a_server_without_a_token_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_FILE, raising=False)
    with pytest.raises(KeyError):
        TokenRequired(Behind())
    (tmp_path / "empty").touch()
    monkeypatch.setenv(TOKEN_FILE, str(tmp_path / "empty"))
    with pytest.raises(ValueError, match="holds no token"):
        TokenRequired(Behind())
