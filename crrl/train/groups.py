"""What the groups of a step look like, reward by reward: how many of them teach nothing, and how much was not judged."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def group_metrics(scores: torch.Tensor, names: Sequence[str], size: int) -> dict[str, float]:
    """Shares of a step's groups and completions, for each reward.

    Args:
        scores: [completions, rewards] in [0, 1]; NaN where a reward could not judge. Groups stand in a row.
        names: of the rewards.
        size: completions of a group.

    Returns:
        `rewards/<name>/zero_std_share`: groups, of those with a judged completion, in which all judged ones score the same;
        0 if there is none. `rewards/<name>/unjudged_share`: completions. Both in [0, 1].
    """
    metrics: dict[str, float] = {}
    for name, column in zip(names, scores.detach().float().cpu().T, strict=True):
        groups = column.reshape(-1, size)
        is_judged = ~groups.isnan()
        highest = groups.masked_fill(~is_judged, -torch.inf).amax(dim=1)
        lowest = groups.masked_fill(~is_judged, torch.inf).amin(dim=1)
        has_any = is_judged.any(dim=1)
        alike = (highest == lowest)[has_any]
        metrics[f"rewards/{name}/zero_std_share"] = float(alike.float().mean()) if len(alike) else 0.0
        metrics[f"rewards/{name}/unjudged_share"] = float((~is_judged).float().mean())
    return metrics


def without_half_judged(scores: torch.Tensor, size: int) -> torch.Tensor:
    """The scores, with all of a completion's left out where a reward judged others of its group and not this one.

    The other rewards alone would be compared with sums of all: what we could not judge would be learned as a failure.
    A reward that judged nobody of a group is missing for all of them alike.

    Args:
        scores: [completions, rewards]; NaN where a reward could not judge. Groups stand in a row.
        size: completions of a group.
    """
    missing = scores.isnan().reshape(-1, size, scores.shape[1])
    is_half = (missing & ~missing.all(dim=1, keepdim=True)).any(dim=2).reshape(-1, 1)
    return scores.masked_fill(is_half, torch.nan)
