"""The model card of an exported model: what it was trained from, on and by, and what that gave. From the run's folder alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crrl.config import TINY_MODEL, RunConfig, read_config
from crrl.evaluate.model_place import SFT, WARM_START
from crrl.report.metrics_log import HELDOUT, read_metrics
from crrl.report.run_folder import RunFolder
from crrl.tracking.facts import known_facts

GRPO = "grpo"
Steps = dict[str, int]
"""Stage → the optimizer steps that it had taken; one that had not begun is absent."""


def model_card(folder: RunFolder, checkpoint: str) -> str:
    """README.md of the model of a run's checkpoint (`final`, `grpo/checkpoint-40`), in the hub's form.

    It names no path of this machine, and nothing that came after the checkpoint.
    """
    config = read_config(folder.config)
    taken = _steps_taken(config, Path(checkpoint))
    return "\n".join((*_front_matter(config, taken), *_body(folder, checkpoint, taken))) + "\n"


def _steps_taken(config: RunConfig, checkpoint: Path) -> Steps:
    whole = {SFT: config.sft.steps} if config.imitates else {}
    if config.reinforces:
        whole[GRPO] = config.grpo.steps
    step = re.fullmatch(r"checkpoint-(\d+)", checkpoint.name)
    if checkpoint.name == WARM_START:
        return {**whole, GRPO: 0}
    if step is None:
        return whole
    return {SFT: int(step[1])} if checkpoint.parent.name == SFT else {**whole, GRPO: int(step[1])}


def _front_matter(config: RunConfig, taken: Steps) -> Iterator[str]:
    yield "---"
    yield "library_name: transformers"
    yield "pipeline_tag: text-generation"
    if config.model != TINY_MODEL and not config.model.startswith("/"):
        yield f"base_model: {config.model}"
    yield f"tags: [crrl, code, {config.task}, {', '.join(stage for stage, steps in taken.items() if steps)}]"
    yield "---"


def _body(folder: RunFolder, checkpoint: str, taken: Steps) -> Iterator[str]:
    config, facts = read_config(folder.config), known_facts(folder)
    yield ""
    yield f"# {_name(config.model)}, trained to {config.task}"
    yield ""
    yield (
        f"The model of run `{folder.run_id}` (`checkpoints/{checkpoint}`), by CodeRepairRL. Its weights stand under the "
        f"licence of {_licensed(config.model)}, and under what the training data's licences ask for."
    )
    yield ""
    yield from _table(("", ""), _training(config, taken))
    yield ""
    yield from _held_out(folder, taken)
    yield "## Made by"
    yield ""
    image = facts.get("image") or {}
    yield from _table(
        ("", ""),
        {
            "commit of CodeRepairRL": facts.get("commit") or "not known",
            "image": f"sha256 {image['sha256']}" if image.get("sha256") else "none, or its digest is not known",
            "Python": facts.get("python", "not known"),
            "attempts": facts.get("attempts", "not known"),
        },
    )


def _training(config: RunConfig, taken: Steps) -> dict[str, Any]:
    stages = {}
    if steps := taken.get(SFT):
        file = f", of {_name(config.sft.demonstrations)}" * bool(config.sft.demonstrations)
        stages["imitation"] = (
            f"{_of(steps, config.sft.steps)} steps of {config.sft.batch_size} demonstrations a process{file}"
        )
    if steps := taken.get(GRPO):
        stages["reinforcement"] = (
            f"GRPO, {_of(steps, config.grpo.steps)} steps, groups of {config.grpo.num_generations}"
        )
    rewards = ", ".join(f"{name} × {weight:g}" for name, weight in config.rewards.items())
    return {
        "base model": _name(config.model),
        "data": _name(config.data.source),
        "options of the data": ", ".join(f"{name}={_name(value)}" for name, value in config.data.options.items()),
        **stages,
        "rewards": rewards * ("reinforcement" in stages),
        "trained": f"LoRA of rank {config.lora.rank}, folded in" if config.lora.rank else "all weights",
        "precision": config.grpo.dtype,
        "seed": config.seed,
    }


def _of(taken: int, planned: int) -> str:
    return str(taken) if taken == planned else f"{taken} of {planned}"


def _held_out(folder: RunFolder, taken: Steps) -> Iterator[str]:
    # Held-out tasks are answered in a run's last stage: a warm start alone has no numbers before the next one begins.
    reached = taken.get(GRPO if read_config(folder.config).reinforces else SFT, -1)
    measured = [entry for entry in read_metrics(folder.metrics) if entry["stage"] == HELDOUT]
    found = [entry for entry in measured if entry["step"] <= reached]
    if not found:
        return
    shown = [found[0], found[-1]] if len(found) > 1 else found
    tasks = read_config(folder.config).eval.tasks
    yield f"## Up to {tasks} held-out tasks, greedy answers"
    yield ""
    rows = {
        name.removeprefix("heldout/"): tuple(f"{entry.get(name, float('nan')):.3f}" for entry in shown)
        for name in found[-1]
        if name.startswith("heldout/")
    }
    yield from _table(("mean of", *(f"step {entry['step']}" for entry in shown)), rows)
    yield ""


def _table(head: tuple[str, ...], rows: dict[str, Any]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for name, value in rows.items():
        cells = value if isinstance(value, tuple) else (str(value),)
        if any(cells):
            yield f"| {' | '.join((name, *cells))} |"


def _licensed(model: str) -> str:
    return "CodeRepairRL (Apache-2.0), which drew them at random" if model == TINY_MODEL else _name(model)


def _name(given: str) -> str:
    """A name as it is; of a path only its last part, also of each part of a mixture."""
    return re.sub(r"(?<![^:,\s])[/~.][^:,]*", lambda path: path[0].rstrip("/").rpartition("/")[2], given)
