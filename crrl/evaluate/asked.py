"""What an evaluation is asked to do, completed with the settings of the model's run and checked before anything loads."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from crrl.config import RunConfig, SandboxConfig
from crrl.data.build import default_kind
from crrl.errors import ConfigError
from crrl.evaluate.model_place import ModelPlace
from crrl.rewards import KINDS_OF, REWARDS
from crrl.rewards.judging import Settings
from crrl.sandbox import Level

Engine = Literal["transformers", "vllm"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
DEFAULT_KS = (1, 2, 4, 8, 16, 32, 64)
MAX_NEW_TOKENS, BATCH_SIZE = 1024, 16
"""Where neither a flag nor a run says otherwise."""


@dataclass(frozen=True)
class Asked:
    """One evaluation, completely."""

    place: ModelPlace
    source: str
    kind: str
    split: str
    options: dict[str, Any]
    """Of the data source and its build."""
    rewards: tuple[str, ...]
    """Empty: those that fit each task."""
    n: int
    ks: tuple[int, ...]
    temperature: float
    seed: int
    """Of the sampling and of the bootstrap."""
    batch_size: int
    """Completions generated at once."""
    max_new_tokens: int
    dtype: str
    """float32, bfloat16; auto: the run's, else bfloat16 on a GPU and float32 on a CPU."""
    engine: Engine
    """What generates: transformers in this process, or a vLLM server that is started for it."""
    judging: Settings
    """Where the reward `tests` runs programs."""
    out: Path


def data_options(config: RunConfig, tokenizer: Any) -> dict[str, Any]:
    """The options that a run's settings give its data, but for how many rows."""
    options: dict[str, Any] = {"seed": config.seed, **config.data.options, "skip_bad": config.data.skip_bad}
    if config.data.max_prompt_tokens:
        options |= {"max_prompt_tokens": config.data.max_prompt_tokens, "tokenizer": tokenizer}
    return options


def complete(
    place: ModelPlace,
    *,
    data: str = "",
    kind: str = "",
    split: str = "heldout",
    rows: int | None = None,
    options: Mapping[str, Any] | None = None,
    rewards: Sequence[str] = (),
    n: int = 1,
    ks: Sequence[int] = (),
    temperature: float | None = None,
    seed: int = 1,
    batch_size: int = 0,
    max_new_tokens: int = 0,
    dtype: str = "auto",
    engine: Engine = "transformers",
    sandbox_level: Level | None = None,
    sandbox_deadline_s: float | None = None,
    out: Path,
) -> Asked:
    """Fill in what was left out: from the model's run, else the defaults.

    Raises ConfigError for what cannot work: unknown rewards, k above n, several greedy answers, no data.
    """
    config = place.config
    if engine == "vllm" and not find_spec("vllm"):
        raise ConfigError(
            "--engine vllm: this Python has no vLLM; run crrl in the image (apptainer exec crrl.sif crrl eval …), install it "
            "(docs/serve.md), or use --engine transformers"
        )
    if not data and config is None:
        raise ConfigError(
            f"--model {place.given} is no run in the folder --runs, and only a run's model has tasks of its own; "
            "name the run, or the tasks with --data (docs/data.md)"
        )
    if "rows" in (options or {}):
        raise ConfigError("--data-options rows: write --rows N, which every source understands")
    own = data_options(config, place.tokenizer_source) if config and not data else {}
    given = {**own, **(options or {})}
    if given.get("max_prompt_tokens"):
        given.setdefault("tokenizer", place.tokenizer_source)
    own_rows = config.eval.tasks if config and not data else 0
    asked = Asked(
        place=place,
        source=data or (config.data.source if config else ""),
        kind=kind or _kind(data, config),
        split=split,
        options={**given, "rows": own_rows if rows is None else rows},
        rewards=tuple(rewards),
        n=n,
        ks=tuple(sorted(set(ks))) or tuple(k for k in DEFAULT_KS if k <= n),
        temperature=(0.0 if n == 1 else 1.0) if temperature is None else temperature,
        seed=seed,
        batch_size=batch_size or (config.eval.batch_size if config else BATCH_SIZE),
        max_new_tokens=max_new_tokens or _longest_answer(place),
        dtype=config.grpo.dtype if config and dtype == "auto" else dtype,
        engine=engine,
        judging=_judging(config.sandbox if config else SandboxConfig(), sandbox_level, sandbox_deadline_s),
        out=out,
    )
    _check(asked)
    return asked


def _kind(data: str, config: RunConfig | None) -> str:
    """Which tasks where nobody says: the run's own; of other data those that it names, else the run's if it has them."""
    own = config.task if config else None
    return default_kind(data, own) if data or own is None else own


def _longest_answer(place: ModelPlace) -> int:
    """Tokens of an answer where nobody says: the run's, else MAX_NEW_TOKENS, but no more than half of a known context."""
    if place.config:
        return place.config.eval.max_new_tokens or place.config.grpo.max_completion_length
    file = Path(place.base) / "config.json"
    try:
        values = json.loads(file.read_text()) if file.is_file() else {}
        context = values.get("text_config", values).get("max_position_embeddings")
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"--model {place.given}: {file} is no model's settings ({error}); copy the model again, or name another one"
        ) from error
    return min(MAX_NEW_TOKENS, context // 2) if isinstance(context, int) and context > 1 else MAX_NEW_TOKENS


def _judging(sandbox: SandboxConfig, level: Level | None, deadline_s: float | None) -> Settings:
    # However many answers cannot be judged, they are counted, and the others' generation is not lost.
    return Settings(
        level=level or sandbox.level,
        deadline_s=sandbox.deadline_s if deadline_s is None else deadline_s,
        workers=sandbox.workers,
        max_unavailable_share=1.0,
    )


def _check(asked: Asked) -> None:
    for name, value, least in (
        ("--n", asked.n, 1),
        ("--batch-size", asked.batch_size, 1),
        ("--max-new-tokens", asked.max_new_tokens, 1),
        ("--rows", asked.options["rows"], 0),
        ("--seed", asked.seed, 0),
    ):
        if value < least:
            raise ConfigError(f"{name} {value}: must be {least} or more")
    if not (math.isfinite(asked.temperature) and asked.temperature >= 0):
        raise ConfigError(f"--temperature {asked.temperature}: must be 0 (greedy) or above")
    if not asked.judging.deadline_s > 0:
        raise ConfigError(f"--sandbox.deadline-s {asked.judging.deadline_s}: must be above 0")
    if asked.n > 1 and not asked.temperature:
        raise ConfigError(
            f"--n {asked.n} --temperature 0: greedy answers are all alike; take --n 1, or a temperature above 0"
        )
    if wrong := [k for k in asked.ks if not 1 <= k <= asked.n]:
        raise ConfigError(f"--k {wrong[0]}: pass@k needs 1 <= k <= n, and --n is {asked.n}")
    for name in asked.rewards:
        _check_reward(name, asked.kind)


def _check_reward(name: str, kind: str) -> None:
    if name not in REWARDS:
        near = difflib.get_close_matches(name, REWARDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(REWARDS)}"
        raise ConfigError(f"--rewards {name}: there is no such reward; {hint}")
    if kind not in KINDS_OF[name]:
        fitting = ", ".join(other for other, kinds in KINDS_OF.items() if kind in kinds)
        raise ConfigError(f"--rewards {name}: cannot judge {kind} tasks; those have {fitting}")
