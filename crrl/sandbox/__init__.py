"""Runs programs that a model wrote, behind walls. What each level contains, and what not: docs/sandbox.md."""

from crrl.sandbox.levels import LEVELS, Level, require
from crrl.sandbox.outcome import Limits, Outcome, OutcomeKind
from crrl.sandbox.run import run
from crrl.sandbox.workers import Workers, shared_workers

__all__ = ["LEVELS", "Level", "Limits", "Outcome", "OutcomeKind", "Workers", "require", "run", "shared_workers"]
