"""A W&B server on loopback, as far as the real client needs one to keep a run: its history, summary, config and files.

Lines of history stand where the client says, so what is sent twice or lost is seen. Faults: `silent` takes connections and never
answers, `broken` answers everything with 500, `forbidding` takes the run and refuses its lines with 403.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["", "silent", "broken", "forbidding"]


@dataclass
class KeptRun:
    """What the server has of one run."""

    history: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    exit_codes: list[int] = field(default_factory=list)

    def lines(self) -> list[dict[str, Any]]:
        """The history, in the server's order."""
        return [self.history[place] for place in sorted(self.history)]


class WandbServer:
    """Its runs by id, and the fault that it has now."""

    def __init__(self) -> None:
        self.runs: dict[str, KeptRun] = {}
        self.fault: Fault = ""
        self.requests = 0
        self.asked = threading.Event()
        """Set by every request."""
        self.closing = threading.Event()
        owner = self

        class Handler(_Handler):
            server_state = owner

        self._http = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator[WandbServer]:
        """Answer, until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._http.shutdown()
            self._http.server_close()

    def answer(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of one GraphQL operation. Raises KeyError for one that it does not know: the client must do without."""
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "ServerFeaturesQuery": lambda _: {"serverInfo": {"features": []}},
            "Viewer": lambda _: {"viewer": {"id": "u", "entity": "me", "username": "me", "flags": "{}", "teams": None}},
            "RunResumeStatus": self._resume,
            "UpsertBucket": self._upsert,
            "CreateRunFiles": self._files,
        }
        return known[operation](variables)

    def _resume(self, asked: dict[str, Any]) -> dict[str, Any]:
        model: dict[str, Any] = {"id": "p", "name": asked["project"], "entity": {"id": "e", "name": "me"}}
        run = self.runs.get(asked["name"])
        if run is None:
            return {"model": {**model, "bucket": None}}
        tail = [json.dumps(line) for line in run.lines()[-1:]]
        bucket = {
            "id": asked["name"],
            "name": asked["name"],
            "displayName": asked["name"],
            "config": json.dumps(run.config),
            "summaryMetrics": json.dumps(run.summary),
            "historyLineCount": len(run.history),
            "historyTail": json.dumps(tail),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "eventsTail": "[]",
            "tags": [],
            "wandbConfig": '{"t": 1}',
        }
        return {"model": {**model, "bucket": bucket}}

    def _upsert(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, is_new = asked["name"], asked["name"] not in self.runs
        run = self.runs.setdefault(name, KeptRun())
        run.config = json.loads(asked.get("config") or "{}") or run.config
        project = {"id": "p", "name": asked.get("project"), "entity": {"id": "e", "name": "me"}}
        bucket = {
            "id": name,
            "name": name,
            "displayName": asked.get("displayName") or name,
            "description": "",
            "config": json.dumps(run.config),
            "sweepName": None,
            "project": project,
            "historyLineCount": len(run.history),
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": is_new}}

    def _files(self, asked: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": f"{self.url}/up/{asked['run']}/{name}"} for name in asked["files"]]
        return {"createRunFiles": {"runID": asked["run"], "uploadHeaders": [], "files": files}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: WandbServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle(lambda body: {})

    def do_PUT(self) -> None:
        self._handle(self._put)

    def do_POST(self) -> None:
        self._handle(self._graphql if self.path == "/graphql" else self._stream)

    def _handle(self, act: Any) -> None:
        state = self.server_state
        state.requests += 1
        state.asked.set()
        body = self._body()
        if state.fault == "silent":
            state.closing.wait()
            self.close_connection = True
            return
        if state.fault == "broken":
            self._send({"error": "out of order"}, 500)
            return
        if state.fault == "forbidding" and self.path.endswith("/file_stream"):
            self._send({"error": "not you"}, 403)
            return
        self._send(act(body))

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _send(self, answer: dict[str, Any], code: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _put(self, body: bytes) -> dict[str, Any]:
        _, _, run, name = self.path.split("/", 3)
        self.server_state.runs[run].files[name] = body
        return {}

    def _graphql(self, body: bytes) -> dict[str, Any]:
        asked = json.loads(body)
        found = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
        operation = asked.get("operationName") or (found[1] if found else "")
        try:
            return {"data": self.server_state.answer(operation, asked.get("variables") or {})}
        except KeyError:
            return {"errors": [{"message": f"{operation} is not known here"}]}

    def _stream(self, body: bytes) -> dict[str, Any]:
        if not self.path.endswith("/file_stream"):
            return {}
        run, said = self.server_state.runs[self.path.split("/")[-2]], json.loads(body)
        files = said.get("files") or {}
        for name, part in files.items():
            if name == "wandb-history.jsonl":
                run.history |= {part["offset"] + i: json.loads(line) for i, line in enumerate(part["content"])}
            if name == "wandb-summary.json":
                run.summary = json.loads(part["content"][-1])
        if said.get("complete"):
            run.exit_codes.append(said["exitcode"])
        return {"exitcode": None, "limits": {}}
