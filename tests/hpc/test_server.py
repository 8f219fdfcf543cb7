"""A vLLM server node beside two ZeRO-3 trainer nodes, in the image, under Slurm: started by launch.py, disturbed, trained by."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from crrl.serve.endpoint import Endpoint, read_endpoints
from tests.hpc.image import Image
from tests.hpc.slurm_cluster import SlurmCluster
from tests.hpc.training import Training

Start = Callable[..., Training]
pytestmark = pytest.mark.timeout(900)
SERVED = (
    *(
        "--grpo.use-vllm",
        "True",
        "--nodes.server",
        "1",
        "--nodes.trainer",
        "2",
        "--lora.rank",
        "8",
        "--lora.alpha",
        "16",
    ),
    *("--stage", "grpo", "--grpo.learning-rate", "1e-3", "--grpo.warmup-steps", "0"),
    *("--serve.enforce-eager", "True", "--serve.silent-s", "30"),
)
AGREEMENT = 1e-4
WRONG_REQUESTS = 1000


@pytest.fixture(scope="module")
def start(slurm: SlurmCluster, checkout: Path, image: Image, warm: Path) -> Start:
    """Submits a run of one server and two trainers under a name of its own."""
    model = ("--model", str(warm))
    return lambda name, *words: Training(
        slurm, checkout, image.path, slurm.work / f"runs-{name}", *SERVED, *model, *words
    )


def endpoint(run: Training) -> Endpoint | None:
    """Where the server of a run listens now."""
    return next(iter(read_endpoints(run.folder.attempt(1).servers)), None)


def in_proc(name: str) -> Iterator[tuple[int, bytes]]:
    """Process and contents of this file of it, of all processes of this machine: those in an image have another environment."""
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        with contextlib.suppress(OSError):
            yield int(path.parent.name), path.read_bytes()


def vllm_process(run: Training) -> int:
    """The process that answers HTTP for the server."""
    here = endpoint(run)
    assert here
    port = str(urlsplit(here.url).port).encode()
    (found,) = (
        pid
        for pid, command in in_proc("cmdline")
        if b"vllm.entrypoints.openai.api_server" in command and port in command.split(b"\0")
    )
    return found


def engine_of(server: int) -> int:
    """The process that computes for the one that answers HTTP."""
    below = {pid for pid, stat in in_proc("stat") if int(stat.rpartition(b")")[2].split()[1]) == server}
    (found,) = (pid for pid, command in in_proc("cmdline") if pid in below and b"EngineCore" in command)
    return found


def wait_for_phase(run: Training, phase: str) -> None:
    """Until the first trainer is in a phase."""

    def reached() -> bool:
        beats = list(run.folder.attempt(1).heartbeats.glob("trainer-*-0.json"))
        return bool(beats) and json.loads(beats[0].read_text())["phase"] == phase

    run.slurm.wait_for(reached, f"phase {phase}", timeout_s=120)


def assert_trained_by_the_server(run: Training, steps: int, most_bytes: int = 1_000_000) -> None:
    """Every step once, in order, from weights that server and trainer agree on."""
    entries = [entry for entry in run.metrics() if entry["stage"] == "grpo"]
    assert [entry["step"] for entry in entries] == list(range(1, steps + 1))
    for entry in entries:
        assert entry["sync/drift/max"] < AGREEMENT
        assert entry["sampling/sampling_logp_difference/max"] < AGREEMENT
        assert entry["sync/bytes"] < most_bytes
    assert any(entry["grad_norm"] > 0 for entry in entries)
    (facts,) = run.events("distribution")
    assert (facts["distributed_type"], facts["world_size"], facts["zero_stage"]) == ("DEEPSPEED", 2, 3)


def wrong_requests(endpoint: Endpoint, count: int) -> Iterator[tuple[int, str]]:
    """Send requests that must be refused, to routes of the server's own list and to unknown ones; status and route of each."""
    place = urlsplit(endpoint.url)
    routes = sorted(json.loads(_ask(place, "GET", "/openapi.json", _bearer(endpoint.token))[1])["paths"])
    assert {"/v1/completions", "/collective_rpc", "/health", "/v1/load_lora_adapter", "/metrics"} <= set(routes)
    draw = random.Random(1)
    headers: list[dict[str, str]] = [
        {},
        _bearer("wrong"),
        _bearer(endpoint.token[:-1]),
        {"Authorization": endpoint.token},
    ]
    bodies = [b"", b"{", b'{"model": "base", "prompt": "x"}', b"\xff" * 1000, b"[" * 100_000]
    for number in range(count):
        route = draw.choice([*routes, "/docs", "/nowhere", "//v1/models", "/%2e%2e/health"])
        method = draw.choice(["GET", "POST", "DELETE", "OPTIONS"])
        yield _ask(place, method, route, headers[number % len(headers)], draw.choice(bodies))[0], route


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _ask(place: Any, method: str, route: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    try:
        connection.request(method, route, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (BrokenPipeError, ConnectionResetError):  # refused before the body was read, the connection closed
        return 401, b""
    finally:
        connection.close()


def test_two_zero_3_trainers_learn_from_a_server_node_whatever_others_ask_of_it(start: Start) -> None:
    run = start("served")
    run.wait_for_step(1)
    here = endpoint(run)
    assert here
    refused = [status for status, _ in wrong_requests(here, WRONG_REQUESTS)]
    assert len(refused) == WRONG_REQUESTS
    assert set(refused) == {401}
    status, _ = _ask(
        urlsplit(here.url), "POST", "/v1/completions", {**_bearer(here.token), "Content-Length": str(1 << 40)}
    )
    assert status == 413
    assert Path(here.token_file).stat().st_mode & 0o777 == 0o600
    for name in ("cmdline", "environ"):
        assert not [pid for pid, text in in_proc(name) if here.token.encode() in text]
    assert vllm_process(run)
    run.wait_for_state("done")
    assert not any(here.token in path.read_text(errors="replace") for path in run.folder.logs.glob("*/*.log"))
    assert_trained_by_the_server(run, 8)
    run.assert_nothing_is_left()


def test_all_weights_reach_the_server_as_files(start: Start) -> None:
    """Without LoRA every step changes what no adapter holds; the server is started again with it."""
    run = start("files", "--lora.rank", "0", "--sync", "files", "--grpo.learning-rate", "1e-4", "--grpo.steps", "2")
    run.wait_for_state("done")
    assert run.status["attempt"] == 1
    assert_trained_by_the_server(run, 2, most_bytes=10_000_000)
    assert (run.folder.checkpoints / "final/model.safetensors").is_file()
    run.assert_nothing_is_left()


def kill_while_it_generates(run: Training) -> None:
    wait_for_phase(run, "generate")
    os.kill(vllm_process(run), signal.SIGKILL)


def kill_while_an_adapter_loads(run: Training) -> None:
    """The trainers stand still until the server has answered all; then it does, and dies with the next adapter's request."""
    server = vllm_process(run)
    with run.held():
        time.sleep(5)
        os.kill(server, signal.SIGSTOP)
        known = set(run.folder.adapters.iterdir())
    run.slurm.wait_for(lambda: set(run.folder.adapters.glob("v*")) - known, "the next adapter", timeout_s=25)
    time.sleep(0.5)
    os.kill(server, signal.SIGKILL)


def kill_its_engine_while_it_generates(run: Training) -> None:
    """What answers HTTP lives on for a while: every completion under way, and every one after it, is answered with 500."""
    wait_for_phase(run, "generate")
    os.kill(engine_of(vllm_process(run)), signal.SIGKILL)


def stop_while_it_generates(run: Training) -> None:
    wait_for_phase(run, "generate")
    os.kill(vllm_process(run), signal.SIGSTOP)


@pytest.mark.timeout(1500)
def test_a_server_that_is_killed_or_stopped_comes_back_whatever_it_was_doing(start: Start) -> None:
    run = start("server-killed", "--grpo.steps", "15", "--serve.restarts", "4")
    disturb = (
        kill_while_it_generates,
        kill_while_an_adapter_loads,
        stop_while_it_generates,
        kill_its_engine_while_it_generates,
    )
    for boot, act in enumerate(disturb, start=1):
        run.wait_for_step(3 * boot)
        act(run)
        run.slurm.wait_for(
            lambda boot=boot: (now := endpoint(run)) is not None and now.boot == boot + 1,
            "another start of the server",
            timeout_s=240,
        )
    run.wait_for_state("done")
    assert run.status["attempt"] == 1
    node = run.nodes()[0]
    log = run.folder.log(1, "server", node).read_text()
    said = re.findall(rf"the server on {node} (was killed by SIGKILL|gave no completion for \d+ s|ended with .*)", log)
    assert [words[:10] for words in said] == ["was killed", "was killed", "gave no co", "ended with"], log[-4000:]
    trainer = run.folder.log(1, "trainer", run.nodes()[1]).read_text()
    assert f"server {node} answered /v1/completions with 500" in trainer, trainer[-4000:]
    assert_trained_by_the_server(run, 15)
    run.assert_nothing_is_left()


def test_a_server_that_cannot_start_ends_the_run_and_says_why(start: Start) -> None:
    started = time.monotonic()
    run = start("no-server", "--serve.extra", "no-such-flag")
    run.wait_for_state("failed")
    node = run.nodes()[0]
    verdict = run.status["verdict"]
    assert verdict.startswith(f"the server on {node} did not come up: ended with exit code 2; it said: ")
    assert "no-such-flag" in verdict
    assert run.status["culprit"]["role"] == "server"
    assert time.monotonic() - started < 300
    run.assert_nothing_is_left()
