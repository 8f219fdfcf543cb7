"""What is to be built: a source, which of its tasks, and every option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crrl.data.options import BuildOptions
from crrl.data.sources import Source
from crrl.schema import Kind


@dataclass(frozen=True)
class Plan:
    """One build, completely."""

    source: Source
    source_options: Any
    kind: Kind
    split: str
    options: BuildOptions


def parts_of(plan: Plan) -> tuple[Plan, ...]:
    """The plans of a mixture's parts; of any other plan, itself."""
    parts: tuple[Plan, ...] = getattr(plan.source_options, "parts", (plan,))
    return parts
