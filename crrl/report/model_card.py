"""The model card of an exported model: what it was trained from, on and by, and what that gave. From the run's folder alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crrl.config import TINY_MODEL, RunConfig, read_config
from crrl.report.metrics_log import HELDOUT, read_metrics
from crrl.report.run_folder import RunFolder
from crrl.tracking.facts import known_facts


def model_card(folder: RunFolder, checkpoint: str) -> str:
    """README.md of the model of a run's checkpoint, in the hub's form. It names no path of this machine."""
    return "\n".join((*_front_matter(read_config(folder.config)), *_body(folder, checkpoint))) + "\n"


def _front_matter(config: RunConfig) -> Iterator[str]:
    yield "---"
    yield "library_name: transformers"
    yield "pipeline_tag: text-generation"
    if config.model != TINY_MODEL and not config.model.startswith("/"):
        yield f"base_model: {config.model}"
    yield f"tags: [crrl, code, {config.task}, {', '.join(config.stage.split(','))}]"
    yield "---"


def _body(folder: RunFolder, checkpoint: str) -> Iterator[str]:
    config, facts = read_config(folder.config), known_facts(folder)
    yield ""
    yield f"# {_name(config.model)}, trained to {config.task}"
    yield ""
    yield (
        f"The model of run `{folder.run_id}` (`{checkpoint}`), by CodeRepairRL. Its weights stand under the licence of "
        f"{_licensed(config.model)}, and under what the training data's licences ask for."
    )
    yield ""
    yield from _table(("", ""), _training(config))
    yield ""
    yield from _held_out(folder)
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


def _training(config: RunConfig) -> dict[str, Any]:
    stages = {
        "imitation": f"{config.sft.steps} steps of {config.sft.batch_size} demonstrations a process" * config.imitates,
        "reinforcement": f"GRPO, {config.grpo.steps} steps, groups of {config.grpo.num_generations}"
        * config.reinforces,
    }
    rewards = ", ".join(f"{name} × {weight:g}" for name, weight in config.rewards.items())
    return {
        "base model": _name(config.model),
        "data": _name(config.data.source),
        "options of the data": ", ".join(f"{name}={_name(value)}" for name, value in config.data.options.items()),
        **stages,
        "rewards": rewards * config.reinforces,
        "trained": f"LoRA of rank {config.lora.rank}, folded in" if config.lora.rank else "all weights",
        "precision": config.grpo.dtype,
        "seed": config.seed,
    }


def _held_out(folder: RunFolder) -> Iterator[str]:
    found = [entry for entry in read_metrics(folder.metrics) if entry["stage"] == HELDOUT]
    if not found:
        return
    first, last = found[0], found[-1]
    tasks = read_config(folder.config).eval.tasks
    yield f"## Up to {tasks} held-out tasks, greedy answers"
    yield ""
    rows = {
        name.removeprefix("heldout/"): (f"{first.get(name, float('nan')):.3f}", f"{last[name]:.3f}")
        for name in last
        if name.startswith("heldout/")
    }
    yield from _table(("mean of", f"step {first['step']}", f"step {last['step']}"), rows)
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
    """A name as it is; of a path only its last part."""
    before, colon, path = given.rpartition(":")
    return f"{before}{colon}{path.rstrip('/').rpartition('/')[2]}" if path.startswith("/") else given
