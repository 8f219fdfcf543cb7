"""`crrl export --push`: every file of the exported folder reaches the hub, in a private repository, and nothing else does."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from crrl.train.export import push_model

FILES = {"README.md": b"# Model\n", "config.json": b"{}\n", "model.safetensors": bytes(range(256)) * 20}


class Hub:
    """What the hub's HTTP interface does for an upload without large files: it has no server of its own that could be run."""

    def __init__(self) -> None:
        self.repositories: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.keys: set[str] = set()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if path == "/api/repos/create":
            self.repositories.append(json.loads(body))
            return 200, {"url": f"{self.endpoint}/ada/model"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path.startswith("/api/models/ada/model/preupload/main"):
            named = [file["path"] for file in json.loads(body)["files"]]
            return 200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in named]}
        if path.startswith("/api/models/ada/model/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return 200, {"commitUrl": f"{self.endpoint}/ada/model/commit/abc", "commitOid": "abc"}
        return 404, {"error": f"{path} is unknown here"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hub.keys.add(self.headers.get("Authorization", ""))
                status, said = hub.answer(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                self.respond(status, said)

            def respond(self, status: int, said: dict[str, Any]) -> None:
                text = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                return

        return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    found = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", found.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    yield found
    found.http.shutdown()
    found.http.server_close()


def test_every_file_reaches_a_private_repository(hub: Hub, tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert push_model(tmp_path, "ada/model") == f"{hub.endpoint}/ada/model"
    assert hub.files == FILES
    (made,) = hub.repositories
    assert made["organization"] == "ada" and made["name"] == "model"
    assert made["visibility"] == "private"
    assert hub.keys <= {"Bearer hf_ada", ""}
