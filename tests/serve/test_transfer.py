"""What each server is asked while all weights go to their GPUs, and that one which fails breaks the round for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crrl.serve.client import Server, ServerError
from crrl.serve.transfer import WeightTransfer
from tests.serve.scripted import Scripted

INFO = {"master_address": "10.0.0.1", "master_port": 20_001, "rank_offset": 1, "world_size": 9, "packed": True}
UPDATE = {"names": ["a"], "dtype_names": ["bfloat16"], "shapes": [[2, 3]]}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Scripted]]:
    servers = [Scripted(tmp_path, name) for name in ("n0", "n1")]
    yield servers
    for server in servers:
        server.die()


def transfer_to(servers: list[Scripted]) -> WeightTransfer:
    return WeightTransfer([Server(server.endpoint, 5.0) for server in servers], gpus=4, timeout_s=5.0)


def test_the_process_group_holds_the_trainer_and_each_gpu_of_each_server_once(two: list[Scripted]) -> None:
    transfer = transfer_to(two)
    assert transfer.world_size == 9
    transfer.init_weight_transfer_engine(INFO)
    asked = [server.told for server in two]
    assert asked == [
        [("/init_weight_transfer_engine", {"init_info": {**INFO, "rank_offset": offset}})] for offset in (1, 5)
    ]


def test_nothing_is_generated_between_the_beginning_and_the_end_of_a_round(two: list[Scripted]) -> None:
    transfer = transfer_to(two)
    transfer.start_weight_update()
    transfer.update_weights(UPDATE)
    transfer.finish_weight_update()
    routes = ["/pause?mode=wait", "/start_weight_update", "/update_weights", "/finish_weight_update"]
    for server in two:
        assert [route for route, _ in server.told] == [*routes, "/reset_prefix_cache", "/resume"]
        assert server.told[2][1] == {"update_info": UPDATE}
    assert not transfer.broken.done()


@pytest.mark.parametrize("route", ["/start_weight_update", "/update_weights", "/finish_weight_update"])
def test_a_server_that_fails_is_named_and_breaks_the_round(two: list[Scripted], route: str) -> None:
    two[1].refused = route
    transfer = transfer_to(two)
    with pytest.raises(ServerError, match=f"server n1 answered {route} with 500") as caught:
        transfer.start_weight_update()
        transfer.update_weights(UPDATE)
        transfer.finish_weight_update()
    assert transfer.broken.exception() is caught.value
    assert caught.value.exit_code == 77
