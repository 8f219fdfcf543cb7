"""Completions from the run's vLLM servers, in the place where TRL keeps its own client of one.

TRL asks for two things between its steps: `sync_weights`, which here publishes them (crrl.train.publishing) and compares the
servers with the trainer, and `generate`. Each group goes to all ranks as soon as it is there, so that rewards which take long
begin while others are still drawn. With grpo.overlap the next batch is drawn while the trainer trains.

Only rank 0 talks to the servers; every rank takes part in gathering the weights and in the broadcasts of what came back, a
failure included, so that no rank waits for ever.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from accelerate.utils import broadcast_object_list, gather_object

from crrl.cluster.plan import roles
from crrl.config import RunConfig
from crrl.errors import RunError
from crrl.report.heartbeat import Heartbeat
from crrl.serve.client import Sample, Sampling
from crrl.serve.fleet import Fleet, Prompt
from crrl.serve.seeds import seed_of_group
from crrl.train.ahead import Ahead
from crrl.train.fingerprint import Drift, drift_between, refuse_drift, trainer_logprobs
from crrl.train.publishing import Publisher

_NONE = Sample([], [])


@dataclass
class Rollouts:
    """Stands where TRL 1.16 has `trainer.vllm_generation`: private names of that version, which is pinned."""

    config: RunConfig
    trainer: Any
    fleet: Fleet | None
    """On rank 0 only."""
    publisher: Publisher
    wait_for_servers: Callable[[], None]
    """Returns once all servers are up, with the weights that they were started for; on every rank."""
    probe: Sequence[int]
    """The fixed text that servers and trainer are compared on, as token ids."""
    heartbeat: Heartbeat
    _ahead: Ahead | None = None
    """With grpo.overlap, on rank 0: the next batch."""
    _arriving: Iterator[tuple[int, list[Sample]]] = field(default_factory=lambda: iter(()))
    """On rank 0: the groups of this batch, each with its place, as they come."""

    def sync_weights(self) -> None:
        """Publish the weights as they stand to every server, and make sure that they have them."""
        clock, version = self.trainer.clock, self._step
        if self.config.grpo.overlap:
            with clock.phase("wait"):
                self._on_main(lambda _: self._let_ahead_end())
        if not self.publisher_starts_servers:
            with clock.phase("wait"):
                self.wait_for_servers()
        with clock.phase("sync"):
            size = self._on_main(self.publisher.collect(version))
            if self.publisher_starts_servers:
                self.wait_for_servers()
            if self.fleet is not None:
                clock.count("sync/bytes", size)
            self._compare(version)
        self.trainer._last_loaded_step = version  # TRL publishes before a batch only what is newer

    def greedy_answers(self, prompts: Sequence[list[int]], max_tokens: int) -> list[list[int]]:
        """The likeliest completion of each prompt under the weights as they stand, as token ids; on all ranks."""
        self.sync_weights()
        return list(self._on_main(lambda fleet: self._likeliest(fleet, prompts, max_tokens)))

    def _likeliest(self, fleet: Fleet, prompts: Sequence[list[int]], max_tokens: int) -> list[list[int]]:
        answers: list[list[int]] = [[]] * len(prompts)
        asked = [Prompt(ids) for ids in prompts]
        greedy = Sampling(max_tokens=max_tokens, temperature=0.0, stop_token_ids=self._ends)
        for place, (sample,) in fleet.generate(asked, 1, greedy):
            answers[place] = sample.token_ids
            self.heartbeat.advance()
        return answers

    @property
    def publisher_starts_servers(self) -> bool:
        """Whether servers are started with the weights that are published, rather than given them."""
        return self.config.serve.sync == "files"

    def generate(
        self, prompts: Sequence[list[int]], images: Any, num_generations: int, profiler: Any = None
    ) -> tuple[Any, list[list[int]], list[list[list[float]]], None]:
        """This rank's completions.

        Args:
            prompts: token ids, one list a completion; every prompt stands `num_generations` times in a row over all ranks.
            images: None.
            num_generations: the size of a group.
            profiler: TRL's, measures the time.

        Returns:
            Prompts and completions as token ids, B each; log-probabilities (B × length × 1); None.
        """
        if images is not None and any(image is not None for image in images):
            raise RunError("images are not supported")
        everyone = gather_object(list(prompts))
        groups = everyone[::num_generations]
        mine = slice(self._rank * len(prompts), (self._rank + 1) * len(prompts))
        samples: list[Sample] = [_NONE] * len(everyone)
        with profiler or contextlib.nullcontext():
            self.trainer.clock.policy_version = self._on_main(lambda fleet: self._open(fleet, groups, num_generations))
            for _ in groups:
                place, group = self._on_main(lambda _: next(self._arriving))
                self.heartbeat.advance()
                first = place * num_generations
                samples[first : first + num_generations] = group
                own = range(max(first, mine.start), min(first + num_generations, mine.stop))
                self.trainer.begin_rewards(own.start - mine.start, [samples[index].token_ids for index in own])
        if self.fleet is not None and self.config.grpo.overlap:
            self._begin_ahead(self.fleet, num_generations)
        drawn = samples[mine]
        return everyone[mine], [one.token_ids for one in drawn], [[[p] for p in one.logprobs] for one in drawn], None

    @property
    def _rank(self) -> int:
        rank: int = self.trainer.accelerator.process_index
        return rank

    @property
    def _ends(self) -> tuple[int, ...]:
        """The tokens that end a completion for the trainer: the server's tokenizer may have another one."""
        return tuple(self.trainer.eos_token_ids)

    @property
    def _step(self) -> int:
        return int(self.trainer.state.global_step)

    def _on_main(self, act: Callable[[Fleet], Any]) -> Any:
        """What rank 0 gets from the servers, on every rank; its failure too."""
        told: list[Any] = [None, None]
        if self.fleet is not None:
            try:
                told = [act(self.fleet), None]
            except Exception as error:  # whatever it is, the other ranks wait for word
                told = [None, error]
        with contextlib.nullcontext() if self.fleet is not None else self.heartbeat.during("wait for the first rank"):
            broadcast_object_list(told, from_process=0)
        if told[1] is not None:
            raise told[1]
        return told[0]

    def _open(self, fleet: Fleet, groups: Sequence[list[int]], count: int) -> int:
        """Let this batch's groups arrive, on rank 0; the version of the weights that they come from."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            drawn = ahead.wait(self.heartbeat.advance)
            if ahead.groups == groups:
                self._arriving = iter(drawn)
                return ahead.version
            self.trainer.clock.count("overlap/discarded", len(ahead.groups))
        self._arriving = self._draw(fleet, groups, count, self.trainer.batch)
        return self._step

    def _draw(
        self, fleet: Fleet, groups: Sequence[list[int]], count: int, batch: int
    ) -> Iterator[tuple[int, list[Sample]]]:
        """Each group of a batch with its place, as it comes."""
        prompts = [Prompt(ids, self._seed_of(batch, place)) for place, ids in enumerate(groups)]
        return fleet.generate(prompts, count, sampling_of(self.config, self._ends))

    def _let_ahead_end(self) -> None:
        """What is under way comes from the weights that it began with, so new ones have to wait for it."""
        if self._ahead is not None:
            self._ahead.wait(self.heartbeat.advance)

    def _begin_ahead(self, fleet: Fleet, count: int) -> None:
        """Let the servers draw the next batch, with the weights that they have."""
        prompts, next_batch = self.trainer.prompts_of_next_batch(), self.trainer.batch + 1
        if not prompts:
            return
        tokens, _, _ = self.trainer._tokenize_prompts(prompts)
        groups = [list(ids) for ids in tokens]

        def draw() -> Iterator[tuple[int, list[Sample]]]:
            with self.trainer.clock.phase("generate"):
                yield from self._draw(fleet, groups, count, next_batch)

        self._ahead = Ahead(groups, self._step, draw)

    def _seed_of(self, batch: int, group: int) -> int | None:
        """Of the draws of a group, so another try draws the same; None on the CPU, where vLLM 0.31 dies of it.

        Without it, the engines of a server (serve.data_parallel) would draw alike: each begins with the same seed.
        """
        return seed_of_group(self.config.seed, batch, group) if roles(self.config).server_gpus else None

    def _compare(self, version: int) -> None:
        trained = trainer_logprobs(self.trainer, self.probe)
        drift: Drift = self._on_main(lambda fleet: drift_between(trained, fleet.score(self.probe)))
        self.trainer.clock.note("sync/drift/mean", drift.mean)
        self.trainer.clock.note("sync/drift/max", drift.largest)
        refuse_drift(drift, self.config, version)


def sampling_of(config: RunConfig, ends: tuple[int, ...] = ()) -> Sampling:
    """How completions of a run are drawn, and by which tokens they end."""
    grpo = config.grpo
    return Sampling(
        max_tokens=grpo.max_completion_length,
        temperature=grpo.temperature,
        top_p=grpo.top_p,
        top_k=grpo.top_k,
        min_p=grpo.min_p,
        repetition_penalty=grpo.repetition_penalty,
        stop_token_ids=ends,
    )


def attach(trainer: Any, rollouts: Rollouts) -> None:
    """Have TRL generate by the servers. The trainer must have been built with `use_vllm=False`: it then owns no client."""
    trainer.vllm_generation = trainer.servers = rollouts
    trainer.use_vllm = True
    trainer.vllm_mode = "server"
    trainer._last_loaded_step = -1
