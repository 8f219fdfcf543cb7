"""A server process in vLLM's place, over real HTTP, that does what the files of a folder say. Its keeper is the real one.

    python -m tests.serve.fake_vllm FOLDER HOST PORT MODEL

`dies`: its words, after which it ends; `fails`: completions are answered with 500; `hangs`: with nothing; `late`: as `fails`,
from the start on; `metrics`: what it says of its engines, where MORE stands for a number that grows with each look.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from crrl.serve.access import TOKEN_FILE

FOLDER = Path(sys.argv[1])
TOKEN = f"Bearer {Path(os.environ[TOKEN_FILE]).read_text()}"
ANSWER = {"choices": [{"index": 0, "token_ids": [5], "logprobs": {"token_logprobs": [-0.5]}}]}


LOOKS = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        metrics = FOLDER / "metrics"
        text = metrics.read_text() if metrics.exists() else "vllm:generation_tokens_total 3.0\n"
        self.answer(200, text.replace("MORE", f"{next(LOOKS):.1f}"))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        while (FOLDER / "hangs").exists():
            time.sleep(0.05)
        fails = (FOLDER / "fails").exists() or (FOLDER / "late").exists()
        self.answer(500 if fails else 200, json.dumps(ANSWER))

    def answer(self, status: int, text: str) -> None:
        status = status if self.headers.get("Authorization") == TOKEN else 401
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    with (FOLDER / "pids").open("a") as stream:
        stream.write(f"{os.getpid()} {sys.argv[4]}\n")
    if (FOLDER / "dies").exists():
        print(
            "(EngineCore pid=7) WARNING 11-29 20:07:31 [utils.py:9] A low limit may cause errors like `OSError: [Errno 24]`."
        )
        print(f"INFO loading\nOSError: {(FOLDER / 'dies').read_text()}\nRuntimeError: see root cause above", flush=True)
        sys.exit(1)
    ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Handler).serve_forever()
