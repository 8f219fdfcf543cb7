"""Servers that fail: no group is lost, doubled or reordered, and none comes from other weights than the published ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crrl.serve.adapters import KEPT_VERSIONS, write_adapter
from crrl.serve.client import Sample, Sampling, Server, ServerError
from crrl.serve.endpoint import Endpoint, read_endpoint
from crrl.serve.fleet import Adapter, Fleet, Prompt
from tests.serve.scripted import Scripted

SAMPLING = Sampling(max_tokens=2)
PROMPTS = [Prompt([number, 7]) for number in range(20)]


class Servers:
    """The servers that are published now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now: dict[str, Scripted] = {}

    def start(self, name: str, boot: int = 1) -> Scripted:
        self.now[name] = Scripted(self.folder, name, boot)
        return self.now[name]

    def endpoints(self) -> list[Endpoint]:
        return [server.endpoint for server in self.now.values()]

    def adapter(self, version: int) -> Adapter:
        folder, _ = write_adapter(
            self.folder / "adapters", version, lambda aside: (aside / "adapter_config.json").touch()
        )
        return Adapter("policy", str(folder))


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    found = Servers(tmp_path)
    yield found
    for server in found.now.values():
        server.die()


def fleet_of(servers: Servers, *, request_timeout_s: float = 5.0, patience_s: float = 5.0) -> Fleet:
    return Fleet(servers.endpoints, completions_at_once=12, request_timeout_s=request_timeout_s, patience_s=patience_s)


def are_whole(groups: list[list[Sample]], version: int, count: int = 3) -> bool:
    """Every group in its place, whole, from one version."""
    wanted = [[[prompt.token_ids[0], version + 1]] * count for prompt in PROMPTS]
    return [[sample.token_ids for sample in group] for group in groups] == wanted


def draw(fleet: Fleet, prompts: list[Prompt] = PROMPTS) -> list[list[Sample]]:
    """The groups in the order of the prompts; each must have come once."""
    told = list(fleet.generate(prompts, 3, SAMPLING))
    assert sorted(place for place, _ in told) == list(range(len(prompts)))
    return [group for _, group in sorted(told)]


def test_each_group_comes_once_with_its_place(servers: Servers) -> None:
    servers.start("n0")
    servers.start("n1")
    assert are_whole(draw(fleet_of(servers)), -1)


def test_a_group_comes_as_soon_as_it_is_there(servers: Servers) -> None:
    stuck, well = servers.start("n0"), servers.start("n1")
    stuck.is_stuck.set()
    arriving = fleet_of(servers, request_timeout_s=60).generate(PROMPTS, 3, SAMPLING)
    came = [next(arriving)[0] for _ in range(16)]
    assert sorted(came) == sorted(well.served)
    stuck.is_stuck.clear()
    assert sorted(came + [place for place, _ in arriving]) == list(range(20))


def test_servers_share_the_work_and_none_gets_more_than_it_takes(servers: Servers) -> None:
    one, two = servers.start("n0"), servers.start("n1")
    fleet = fleet_of(servers)
    assert [server.endpoint.name for server in fleet.servers()] == ["n0", "n1"]
    draw(fleet)
    assert len(one.served) + len(two.served) == 20 and one.served and two.served
    assert max(one.most_at_once, two.most_at_once) <= 4


def test_a_server_is_given_completions_up_to_its_room_in_groups_of_any_size(servers: Servers) -> None:
    server = servers.start("n0")
    fleet = fleet_of(servers)
    for count, at_once in ((1, 12), (5, 2), (30, 1)):
        server.most_at_once = 0
        server.is_stuck.set()
        drawing = threading.Thread(target=lambda count=count: list(fleet.generate(PROMPTS, count, SAMPLING)))
        drawing.start()
        while server.most_at_once < at_once:
            time.sleep(0.01)
        server.is_stuck.clear()
        drawing.join()
        assert server.most_at_once == at_once
    assert sorted(server.served) == sorted([*range(20)] * 3)


@pytest.mark.parametrize("failures", [[500] * 3, [0] * 3, [503, 0, 429], [401]])
def test_a_server_that_fails_is_asked_again(
    servers: Servers, failures: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    server = servers.start("n0")
    fleet = fleet_of(servers)
    fleet.publish(servers.adapter(0))
    server.failures = failures
    assert are_whole(draw(fleet), 0)
    assert sorted(server.served) == list(range(20))
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("server n0 ")
    assert first.endswith("; it is left alone for 1 s, or until it is started again")


def test_a_server_that_only_fails_ends_with_its_words(servers: Servers) -> None:
    servers.start("n0").failures = [500] * 1000
    with pytest.raises(ServerError, match="4 tries; last: server n0 answered /v1/completions with 500"):
        draw(fleet_of(servers), PROMPTS[:1])


def test_a_mistake_of_ours_is_not_repeated(servers: Servers) -> None:
    server = servers.start("n0")
    server.failures = [400] * 2
    with pytest.raises(ServerError, match="with 400"):
        draw(fleet_of(servers), PROMPTS[:1])
    assert server.failures == [400]


def test_a_server_started_again_gets_the_adapter_before_its_first_group(servers: Servers) -> None:
    old = servers.start("n0")
    fleet = fleet_of(servers)
    fleet.publish(servers.adapter(5))
    old.die()
    again = servers.start("n0", boot=2)
    assert are_whole(draw(fleet), 5)
    assert sorted(again.served) == list(range(20))


def test_a_server_that_dies_in_the_middle_loses_no_group(servers: Servers) -> None:
    first = servers.start("n0")
    fleet = fleet_of(servers)
    fleet.publish(servers.adapter(2))
    first.is_stuck.set()

    def replace_it() -> None:
        time.sleep(0.2)
        servers.start("n0", boot=2)
        first.die()
        first.is_stuck.clear()

    threading.Thread(target=replace_it).start()
    assert are_whole(draw(fleet), 2)


def test_a_server_that_hangs_is_given_up_after_the_request_s_time(servers: Servers) -> None:
    stuck, well = servers.start("n0"), servers.start("n1")
    stuck.is_stuck.set()
    assert are_whole(draw(fleet_of(servers, request_timeout_s=0.5)), -1)
    assert sorted(well.served) == list(range(20))
    stuck.is_stuck.clear()


def test_nobody_up_ends_after_the_patience(servers: Servers) -> None:
    with pytest.raises(ServerError, match=r"no server was up for 0\.3 s"):
        draw(fleet_of(servers, patience_s=0.3), PROMPTS[:1])
    with pytest.raises(ServerError, match="no server took the adapter"):
        fleet_of(servers, patience_s=0.3).publish(servers.adapter(1))


def test_every_version_is_loaded_everywhere_and_confirmed(servers: Servers) -> None:
    servers.start("n0")
    servers.start("n1")
    fleet = fleet_of(servers)
    for version in range(5):
        assert fleet.publish(servers.adapter(version)) == 2
        assert are_whole(draw(fleet), version)
    kept = sorted(path.name for path in (servers.folder / "adapters").iterdir())
    assert kept == ["v000002", "v000003", "v000004"] and len(kept) == KEPT_VERSIONS


def test_an_adapter_that_the_server_cannot_read_ends_at_once(servers: Servers) -> None:
    servers.start("n0")
    with pytest.raises(ServerError, match="load_lora_adapter with 404"):
        fleet_of(servers).publish(Adapter("policy", "/nowhere"))


def test_the_adapter_in_use_is_not_replaced(servers: Servers) -> None:
    server = servers.start("n0")
    fleet = fleet_of(servers)
    fleet.publish(servers.adapter(0))
    server.is_stuck.set()
    drawing = threading.Thread(target=draw, args=(fleet, PROMPTS[:1]))
    drawing.start()
    while not server.most_at_once:
        time.sleep(0.01)
    with pytest.raises(ServerError, match="while completions come from it"):
        fleet.publish(servers.adapter(1))
    server.is_stuck.clear()
    drawing.join()


@pytest.mark.parametrize(
    "choices",
    [
        [],
        [{"index": 0, "token_ids": [1], "logprobs": {"token_logprobs": [-1.0]}}],
        [{"index": index, "token_ids": [1, 2], "logprobs": {"token_logprobs": [-1.0]}} for index in range(2)],
        [{"index": index, "token_ids": [], "logprobs": {"token_logprobs": []}} for index in range(2)],
        [{"index": index, "token_ids": [1], "logprobs": None} for index in range(2)],
    ],
)
def test_half_an_answer_is_none(servers: Servers, monkeypatch: pytest.MonkeyPatch, choices: list[Any]) -> None:
    server = servers.start("n0")
    monkeypatch.setattr(server, "_complete", lambda body: (200, {"choices": choices}))
    with pytest.raises(ServerError, match="server n0 gave"):
        Server(server.endpoint, 5.0).complete([1], 2, SAMPLING, model="base")


def test_a_fixed_text_is_scored_by_the_servers_that_are_up(servers: Servers) -> None:
    servers.start("n0")
    dead = servers.start("n1")
    fleet = fleet_of(servers)
    fleet.publish(servers.adapter(0))
    assert fleet.score([3, 4, 5]) == {"n0": [-0.25, -0.25], "n1": [-0.25, -0.25]}
    dead.die()
    assert fleet.score([3, 4, 5]) == {"n0": [-0.25, -0.25]}


def test_a_fixed_text_is_scored_once_a_server_is_back(servers: Servers) -> None:
    servers.start("n0").die()
    waited: list[int] = []
    fleet = Fleet(
        servers.endpoints, completions_at_once=12, request_timeout_s=5, patience_s=5, on_wait=lambda: waited.append(1)
    )
    threading.Timer(0.3, lambda: servers.start("n0", boot=2)).start()
    assert fleet.score([3, 4]) == {"n0": [-0.25]}
    assert waited
    with pytest.raises(ServerError, match=r"no server was up for 0\.2 s"):
        fleet_of(Servers(servers.folder), patience_s=0.2).score([3, 4])


def test_an_endpoint_is_read_as_it_was_published(tmp_path: Path) -> None:
    path = tmp_path / "servers" / "n0.json"
    assert read_endpoint(path) is None
    endpoint = Endpoint("n0", "http://127.0.0.1:1", str(tmp_path / "token"), 3)
    endpoint.write(path)
    assert read_endpoint(path) == endpoint
