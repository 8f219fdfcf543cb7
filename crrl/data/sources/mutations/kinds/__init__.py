"""The kinds of bugs that are put into programs: KINDS holds each by name. docs/mutations.md is made from it."""

from crrl.data.sources.mutations.kinds import calls, conditions, constants, flow, numbers, operators, values
from crrl.data.sources.mutations.kinds.registry import KINDS, BugKind

__all__ = ["KINDS", "BugKind", "calls", "conditions", "constants", "flow", "numbers", "operators", "values"]
