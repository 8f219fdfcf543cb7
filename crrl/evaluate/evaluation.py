"""An evaluation: n answers to each held-out task, scored by the rewards that fit it.

How answers are generated is the caller's: a function from prompts to texts. So this module needs no model library.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from crrl.errors import ConfigError
from crrl.evaluate.strata import stratum_of
from crrl.rewards import REWARDS
from crrl.schema import FileRow, Prompt, TaskRow, pair_of

Generate = Callable[[Sequence[Prompt]], list[str]]
"""N prompts → N completions. A prompt that comes n times in a row asks for n samples."""
Told = Callable[[int], None]
"""Is told how many answers are done: 0 at the start, then from time to time."""
PASS_REWARDS = ("tests", "label", "similarity")
"""An answer passes if the first of these that judges its task gives 1.0."""
JUDGED_AT_ONCE = 512
"""Answers that go to the rewards together, as in a step of a run: a time limit for a batch must fit its size."""


@dataclass(frozen=True)
class Answered:
    """One answer to one held-out task, and each reward's score (None: could not be judged)."""

    task_id: str
    completion: str
    scores: dict[str, float | None]
    files: list[FileRow]
    reference: list[FileRow]
    sample: int = 0
    """Which of the task's n answers, from 0."""
    stratum: str = ""
    """The kind of task that results are broken down by."""
    label: str = ""
    """Of a classification: the right answer."""
    pair: str = ""
    """Of a classification: what its task shares with the one whose code differs by the repair."""

    @property
    def pass_reward(self) -> str:
        """The reward that decides whether the answer passes; "" if none of those that were asked for can."""
        return next((name for name in PASS_REWARDS if name in self.scores), "")

    @property
    def passed(self) -> bool | None:
        """Whether the answer is right; None: could not be judged, or nothing decides it."""
        score = self.scores.get(self.pass_reward)
        return None if score is None else score == 1.0


@dataclass(frozen=True)
class Evaluation:
    """What a model did on held-out tasks at one step of its run."""

    step: int
    answered: list[Answered]
    """The n answers to a task lie together."""

    def tasks(self) -> list[list[Answered]]:
        """The answers, a list for each task."""
        found: dict[str, list[Answered]] = defaultdict(list)
        for answer in self.answered:
            found[answer.task_id].append(answer)
        return list(found.values())

    def mean(self, reward: str) -> float:
        """The mean over tasks, in [0, 1], of the mean over a task's judged answers; NaN if there are none."""
        scores = [score for task in self.tasks() if (score := mean_score(task, reward)) is not None]
        return sum(scores) / len(scores) if scores else float("nan")

    @property
    def rewards(self) -> list[str]:
        """The names of the rewards, in the order they were asked for."""
        return list(dict.fromkeys(name for answer in self.answered for name in answer.scores))

    def means(self) -> dict[str, float]:
        """Reward → mean score, as metrics name them."""
        return {f"heldout/{name}": self.mean(name) for name in self.rewards}


def mean_score(answers: Sequence[Answered], reward: str) -> float | None:
    """The mean of those answers to one task that the reward could judge; None if there are none."""
    scores = [score for answer in answers if (score := answer.scores.get(reward)) is not None]
    return sum(scores) / len(scores) if scores else None


def evaluate(
    tasks: Sequence[TaskRow],
    generate: Generate,
    rewards: Sequence[str] = (),
    *,
    step: int = 0,
    n: int = 1,
    told: Told = lambda done: None,
) -> Evaluation:
    """Generate n answers a task and score each with every reward that fits its task.

    Args:
        tasks: N task rows that training never saw.
        generate: the model: prompts → completions.
        rewards: names of `crrl.rewards.REWARDS`; empty: all of `rewards_for`. One that does not fit a task leaves it out.
        step: the optimizer step that the model stands at.
        n: answers to each task.
        told: hears how many answers are judged.

    Raises:
        ConfigError: a reward that fits none of the tasks, before anything is generated.

    Cost: generation, and the rewards of N × n answers.
    """
    wanted = [fitting_rewards(task, rewards) for task in tasks]
    _refuse_unfit(rewards, wanted)
    completions = generate([task["prompt"] for task in tasks for _ in range(n)])
    asked = [(task, sample) for task in tasks for sample in range(n)]
    scores = _judge([task for task, _ in asked], completions, [names for names in wanted for _ in range(n)], told)
    return Evaluation(
        step,
        [
            Answered(
                task_id=task["task_id"],
                completion=completion,
                scores=scored,
                files=task["files"],
                reference=task["reference"],
                sample=sample,
                stratum=stratum_of(task["source"]),
                label=task["label"],
                pair=pair_of(task["source"]),
            )
            for (task, sample), completion, scored in zip(asked, completions, scores, strict=True)
        ],
    )


def rewards_for(task: TaskRow) -> list[str]:
    """The rewards that can judge a task: by what its row holds."""
    if task["kind"] == "classify":
        return ["label"]
    tests = ["tests"] if task["tests"]["command"] else []
    reference = ["similarity"] if task["reference"] else []
    return [*tests, "format", *reference, "applies", "syntax"]


def fitting_rewards(task: TaskRow, rewards: Sequence[str]) -> list[str]:
    """Those of the rewards that can judge a task; of none, those of `rewards_for`."""
    known = rewards_for(task)
    if "similarity" in known:
        known.append("swe_rl_similarity")  # for comparison, where it is asked for
    return [name for name in rewards if name in known] if rewards else rewards_for(task)


def _refuse_unfit(rewards: Sequence[str], wanted: Sequence[Sequence[str]]) -> None:
    fitting = {name for names in wanted for name in names}
    for name in rewards:
        if name not in fitting:
            raise ConfigError(
                f"the reward {name} can judge none of the {len(wanted)} tasks: they lack what it needs (docs/rewards.md); "
                "leave --rewards out to get those that fit"
            )


def _judge(
    tasks: Sequence[TaskRow], completions: Sequence[str], wanted: Sequence[Sequence[str]], told: Told
) -> list[dict[str, float | None]]:
    scores: list[dict[str, float | None]] = [dict.fromkeys(names) for names in wanted]
    told(0)
    for start in range(0, len(tasks), JUDGED_AT_ONCE):
        batch = range(start, min(start + JUDGED_AT_ONCE, len(tasks)))
        for name in dict.fromkeys(name for index in batch for name in wanted[index]):
            fitting = [index for index in batch if name in wanted[index]]
            columns: dict[str, list[Any]] = {
                column: [tasks[index][column] for index in fitting]
                for column in ("files", "reference", "tests", "label")
            }
            values = REWARDS[name]([completions[index] for index in fitting], **columns)
            for index, value in zip(fitting, values, strict=True):
                scores[index][name] = value
        told(batch.stop)
    return scores
