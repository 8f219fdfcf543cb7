"""Runs programs that a model wrote. What is contained, and what is not: `crrl.sandbox.run`."""

from crrl.sandbox.run import Limits, Outcome, OutcomeKind, run

__all__ = ["Limits", "Outcome", "OutcomeKind", "run"]
