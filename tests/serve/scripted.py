"""A server that speaks the part of vLLM's protocol that crrl uses, over real HTTP, and fails in the ways that servers do.

The real vLLM is tested where it is installed; here are its faults, which one cannot order from it.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from crrl.serve.access import write_token
from crrl.serve.endpoint import Endpoint


class Scripted:
    """One server of a fleet. Completions of a prompt hold the prompt's first token and the loaded adapter's version."""

    def __init__(self, folder: Path, name: str, boot: int = 1) -> None:
        self.adapters: dict[str, str] = {}
        self.served: list[int] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        """Everything else that was asked of it, in order."""
        self.refused: str = ""
        """A route that it answers with 500."""
        self.failures: list[int] = []
        """Codes that the next completions are answered with; 0: the connection is cut."""
        self.is_stuck = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._is_dead = False
        self._lock = threading.Lock()
        token = folder / f"{name}.token"
        write_token(token)
        self._expected = f"Bearer {token.read_text()}"
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.endpoint = Endpoint(name, f"http://127.0.0.1:{self._http.server_port}", str(token), boot)

    def die(self) -> None:
        """No longer answer, as after kill -9: neither new connections nor those that are open."""
        self._is_dead = True
        self._http.shutdown()
        self._http.server_close()

    def answer(self, route: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and body for one request."""
        if route == "/v1/completions":
            return self._complete(body)
        self.told.append((route, body))
        if route == self.refused:
            return 500, {"error": "ordered"}
        if route == "/v1/load_lora_adapter":
            if body["lora_name"] in self.adapters:
                return 400, {"error": "already loaded"}
            if not (Path(body["lora_path"]) / "adapter_config.json").is_file():
                return 404, {"error": "no adapter"}
            self.adapters[body["lora_name"]] = body["lora_path"]
        elif route == "/v1/unload_lora_adapter":
            return (200, {}) if self.adapters.pop(body["lora_name"], None) else (404, {})
        elif route == "/v1/models":
            return 200, {"data": [{"id": name, "root": path} for name, path in self.adapters.items()]}
        return 200, {}

    def _complete(self, body: dict[str, Any]) -> tuple[int, Any]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            failure = self.failures.pop(0) if self.failures else 200
        try:
            while self.is_stuck.wait(0.0):
                threading.Event().wait(0.02)
            if failure != 200:
                return failure, {"error": "ordered"}
            version = int(Path(self.adapters[body["model"]]).name[1:]) if body["model"] in self.adapters else -1
            if "prompt_logprobs" in body:
                scores: list[Any] = [{str(token): {"logprob": -0.25}} for token in body["prompt"]]
                return 200, {"choices": [{"index": 0, "prompt_logprobs": [None, *scores[1:]]}]}
            self.served.append(body["prompt"][0])
            tokens = [body["prompt"][0], version + 1]
            choice = {"token_ids": tokens, "logprobs": {"token_logprobs": [-0.5, -1.0]}}
            return 200, {"choices": [{"index": index, **choice} for index in reversed(range(body["n"]))]}
        finally:
            with self._lock:
                self._at_once -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))

            def _answer(self, body: dict[str, Any]) -> None:
                if self.headers.get("Authorization") != server._expected:
                    status, answer = 401, {}
                else:
                    status, answer = server.answer(self.path, body)
                if not status or server._is_dead:
                    self.close_connection = True
                    self.connection.close()
                    return
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
