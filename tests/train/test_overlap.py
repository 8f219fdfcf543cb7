"""Completions that servers draw while the trainer trains: the right prompts, from weights that are one batch older.

The trainer is the real one and talks HTTP; its server answers with the version of the adapter that it holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from crrl.config import read_config
from crrl.data import load_tasks
from crrl.report.heartbeat import Heartbeat
from crrl.report.metrics_log import read_metrics
from crrl.report.run_folder import RunFolder
from crrl.serve.client import ServerError
from crrl.serve.fleet import Fleet
from crrl.train.ahead import Ahead
from crrl.train.grpo import build_trainer, reinforce
from crrl.train.interrupt import StopRequest
from crrl.train.model import load_tokenizer, model_folder
from crrl.train.publishing import AdapterPublisher
from crrl.train.ranks import ALONE
from crrl.train.rollout import Rollouts, attach
from tests.serve.scripted import Scripted

SETTINGS = """
lora: {rank: 4, alpha: 8}
serve: {max_drift: 100.0}
"""


class Batch(NamedTuple):
    """What the trainer was given for one batch."""

    prompts: list[list[int]]
    answers: list[list[int]]
    """Of the server: the prompt's first token, and 1 + the steps after which its weights were."""


class Trained(NamedTuple):
    batches: list[Batch]
    metrics: list[dict[str, Any]]
    begun: list[tuple[str, str]]
    """Task and completion that the rewards were given a head start on."""
    kept: dict[int, list[dict[str, Any]]]
    """The completions that were kept, by step."""
    tasks: list[dict[str, Any]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Scripted]:
    found = Scripted(tmp_path, "n0")
    yield found
    found.die()


Train = Callable[..., Trained]


@pytest.fixture
def train(short_run: Callable[..., RunFolder], server: Scripted, one_thread: None) -> Train:
    def run(overlap: int, **grpo: int) -> Trained:
        folder = short_run(f"overlap{overlap}", SETTINGS)
        config = read_config(folder.config)
        tokenizer = load_tokenizer(start := model_folder("tiny", 1, "repair"))
        tasks = load_tasks("toy", kind="repair", split="train", rows=config.data.rows, seed=1)
        heartbeat = Heartbeat(None, "trainer", "n0")
        config = replace(config, grpo=replace(config.grpo, overlap=overlap, **grpo))
        trainer = build_trainer(config, folder, start, tokenizer, tasks, ALONE, heartbeat)
        fleet = Fleet(lambda: [server.endpoint], completions_at_once=16, request_timeout_s=20, patience_s=20)
        rollouts = Rollouts(
            config,
            trainer,
            fleet,
            AdapterPublisher(trainer, folder.adapters, "float32"),
            lambda: None,
            [5, 6, 7],
            heartbeat,
        )
        attach(trainer, rollouts)
        batches: list[Batch] = []
        generate = rollouts.generate

        def recorded(*args: Any, **kwargs: Any) -> Any:
            answer = generate(*args, **kwargs)
            batches.append(Batch(*answer[:2]))
            return answer

        rollouts.generate = recorded  # type: ignore[method-assign]
        begun: list[tuple[str, str]] = []
        trainer.head_starts = [
            lambda completions, task_id, **_: begun.extend(
                zip(task_id, (one[0]["content"] for one in completions), strict=True)
            )
        ]
        reinforce(config, trainer, folder, StopRequest(), lambda step, may_stop: None)
        kept = {step_of(path): pq.read_table(path).to_pylist() for path in folder.completions.glob("step-*.parquet")}
        return Trained(batches, list(read_metrics(folder.metrics)), begun, kept, list(tasks))

    return run


def step_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def versions(trained: Trained) -> list[set[int]]:
    """Of each batch: the steps after which the weights were that answered."""
    return [{answer[1] - 1 for answer in batch.answers} for batch in trained.batches]


def test_each_batch_comes_from_the_weights_of_the_batch_before(train: Train) -> None:
    apart, ahead = train(0), train(1)
    assert versions(apart) == [{step} for step in range(10)]
    assert versions(ahead) == [{0}, *({step} for step in range(9))]
    # The same prompts in the same order, over epochs of three batches each, and none was drawn in vain.
    assert [batch.prompts for batch in ahead.batches] == [batch.prompts for batch in apart.batches]
    assert not any("overlap/discarded" in entry for entry in ahead.metrics)
    assert [entry["staleness"] for entry in apart.metrics] == [0.0] * 10
    assert [entry["staleness"] for entry in ahead.metrics] == [0.0] + [1.0] * 9


def test_nothing_is_drawn_that_nobody_trains_on(train: Train, server: Scripted) -> None:
    train(1)
    assert len(server.served) == 10 * 4


def test_steps_that_share_a_batch_are_trained_on_before_the_next_one_is_published(train: Train) -> None:
    trained = train(1, generation_batch_size=32, num_iterations=2, steps=12, save_steps=4)
    assert versions(trained) == [{0}, {0}, {4}]
    assert [entry["staleness"] for entry in trained.metrics] == [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("passes", "accumulated", "steps"), [(1, 4, 3), (2, 4, 3), (3, 2, 6), (6, 2, 6)], ids=lambda value: str(value)
)
def test_batches_that_begin_or_end_within_a_step_are_foreseen(
    train: Train, passes: int, accumulated: int, steps: int
) -> None:
    sizes = {"per_device_batch_size": 4, "gradient_accumulation": accumulated, "generation_batch_size": 4 * passes}
    trained = train(1, **sizes, steps=steps, save_steps=steps)
    assert len(trained.batches) == steps * accumulated // passes
    assert not any("overlap/discarded" in entry for entry in trained.metrics)
    asked = [tuple(prompt) for batch in trained.batches for prompt in batch.prompts[::4]]
    assert [asked.count(prompt) for prompt in set(asked)] == [len(asked) // 12] * 12, "an epoch has each task once"


@pytest.mark.parametrize(("every", "logged_every"), [(1, 1), (2, 1), (3, 1), (2, 3)])
def test_kept_completions_stand_beside_their_own_tasks(train: Train, every: int, logged_every: int) -> None:
    sizes = {"per_device_batch_size": 4, "gradient_accumulation": 2, "generation_batch_size": 12}
    trained = train(0, **sizes, steps=6, save_steps=3, keep_completions_every=every, logging_steps=logged_every)
    assert sorted(trained.kept) == list(range(every, 7, every))
    prompts = {task["task_id"]: task["prompt"][-1]["content"] for task in trained.tasks}
    for rows in trained.kept.values():
        assert len(rows) == 12
        assert all(row["prompt"][-1]["content"] == prompts[row["task_id"]] for row in rows)


def test_rewards_hear_of_every_completion_once_with_its_own_row(train: Train) -> None:
    trained = train(0, steps=2)
    assert len(trained.begun) == 2 * 16
    tasks = [task for task, _ in trained.begun]
    assert sorted(tasks.count(task) for task in set(tasks)) == [4] * 8


def test_what_fails_while_it_is_drawn_ahead_is_raised_where_it_is_waited_for() -> None:
    def fail() -> Iterator[Any]:
        raise ServerError("server n0 is gone")
        yield

    waited: list[int] = []
    with pytest.raises(ServerError, match="n0 is gone"):
        Ahead([], 3, fail).wait(lambda: waited.append(1))

    held = threading.Event()

    def late() -> Iterator[Any]:
        held.wait()
        yield 0, []

    ahead = Ahead([[1]], 3, late)
    threading.Timer(1.5, held.set).start()
    assert ahead.wait(lambda: waited.append(1)) == [(0, [])]
    assert waited


def test_a_server_that_fails_meanwhile_ends_the_run_with_its_words(train: Train, server: Scripted) -> None:
    def fail_later() -> None:
        while len(server.served) < 12:
            time.sleep(0.01)
        server.failures = [400] * 100

    threading.Thread(target=fail_later, daemon=True).start()
    with pytest.raises(ServerError, match="with 400"):
        train(1)
