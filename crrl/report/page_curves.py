"""The curves of report.html: which metrics stand together, and in what unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crrl.report.charts import Series, area_chart, line_chart

Entries = Sequence[dict[str, Any]]
_PHASES = ("generate", "reward", "train", "sync", "wait", "evaluate", "checkpoint", "other")


def curves_section(metrics: Entries) -> str:
    """All curves; empty before the first step."""
    heldout = [entry for entry in metrics if entry["stage"] == "heldout"]
    steps = [entry for entry in metrics if entry["stage"] == "grpo"]
    warm = [entry for entry in metrics if entry["stage"] == "sft"]
    share = (0.0, 1.0)
    charts = [
        line_chart("Held out: mean of each reward", _all(heldout, "heldout/"), bounds=share),
        line_chart("Training: mean of each reward", _all(steps, "rewards/", "/mean"), bounds=share),
        line_chart(
            "Groups that teach nothing (all score the same)",
            [*_all(steps, "rewards/", "/zero_std_share"), _one(steps, "frac_reward_zero_std", "weighted sum")],
            bounds=share,
        ),
        line_chart(
            "Completion length, tokens",
            [_one(steps, f"completions/{name}_length", name) for name in ("mean", "min", "max")],
        ),
        line_chart("Completions that were cut off", [_one(steps, "completions/clipped_ratio", "share")], bounds=share),
        area_chart("Time of a step by phase", [_one(steps, f"time/{name}_s", name) for name in _PHASES], " s"),
        line_chart("Tokens a second, by role and phase", _all(steps, "tokens_per_s/")),
        line_chart("Entropy and KL", [_one(steps, "entropy", "entropy"), _one(steps, "kl", "KL")]),
        line_chart("Tokens that were clipped", _all(steps, "clip_ratio/", "_mean")),
        line_chart("Length of the gradient", [_one(steps, "grad_norm", "before clipping")]),
        line_chart("Staleness, policy steps", [_one(steps, "staleness", "mean")]) if _is_stale(steps) else "",
        line_chart("Drift after a publish: server against trainer, nats", _all(steps, "sync/drift/")),
        line_chart("Warm start: loss", [_one(warm, "loss", "loss")]),
    ]
    drawn = "".join(charts)
    return f'<h2>Curves</h2><div class="charts">{drawn}</div>' if drawn else ""


def _one(entries: Entries, metric: str, name: str) -> Series:
    return Series(name, [(entry["step"], entry[metric]) for entry in entries if metric in entry])


def _all(entries: Entries, prefix: str, suffix: str = "") -> list[Series]:
    """A curve for every metric between prefix and suffix, by name."""
    every = dict.fromkeys(name for entry in entries for name in entry)
    names = [name for name in every if name.startswith(prefix) and name.endswith(suffix)]
    return [_one(entries, name, name.removeprefix(prefix).removesuffix(suffix)) for name in names]


def _is_stale(entries: Entries) -> bool:
    return any(entry.get("staleness") for entry in entries)
